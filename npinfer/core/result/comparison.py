"""The result of a comparison of models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, Self

import numpy as np

from npinfer.core import wilks
from npinfer.core.result.base import Result
from npinfer.core.result.tail import TIE, Tail, quantiles
from npinfer.core.table import Table
from npinfer.errors import InferenceError, unknown

MEANING = (
    "t = −2 ln(L tested / L against); p: of such a t or a larger one if the tested model is true, with its 68.27 % "
    "Clopper–Pearson interval; expected z: of the tested model in the median toy of the one against it"
)


@dataclass(frozen=True)
class Expectation:
    """How strongly one model is rejected in the median toy of another.

    median: of the test statistic, with its 68.27 % interval from order statistics; p: its tail; z: of that tail, whose
    interval combines in quadrature what the two sets of toys leave open.
    """

    median: float
    median_lower: float
    median_upper: float
    p: Tail
    z: float
    z_lower: float
    z_upper: float

    @classmethod
    def of(cls, tested: np.ndarray, against: np.ndarray, failed: int = 0) -> Self:
        """From the test statistic in toys of the tested model and of the one against it, (toys,) each."""
        ordered, n = np.sort(against), len(against)
        at = 0.5 * (n - 1) + 0.5 * math.sqrt(n) * np.array([-1.0, 1.0])
        below, above = ordered[np.clip(np.rint(at).astype(int), 0, n - 1)].tolist()
        median = float(quantiles(against, (0.5,))[0])
        p = Tail.count(tested, median, failed)
        z_below, z_above = Tail.count(tested, below).z, Tail.count(tested, above).z
        lower, upper = _quadrature(p.z, (p.z_lower, z_below)), _quadrature(p.z, (p.z_upper, z_above))
        return cls(median, below, above, p, p.z, lower, upper)


def _quadrature(z: float, ends: tuple[float, float]) -> float:
    """z moved to its `ends` in quadrature; where a distance is not finite, to the end that is nearest to 0."""
    if not math.isfinite(z):
        return min(ends, key=abs)
    return z + math.copysign(math.hypot(*(end - z for end in ends)), ends[0] - z)


@dataclass(frozen=True)
class ComparedModel:
    """One model at its best fit to the data, its settings held.

    settings: in words; twice_nll: −2 ln of the density there; delta_twice_nll: to the best model; values: of every
    parameter; message: what is wrong with the fit, if anything.
    """

    name: str
    settings: str
    twice_nll: float
    delta_twice_nll: float
    values: Mapping[str, float]
    message: str = ""


@dataclass(frozen=True)
class Pair:
    """The model `tested` against the model `against`.

    t: −2 ln(L_tested / L_against) on the data, large where `tested` fits worse; p: the probability of such a t or a
    larger one if `tested` is true; quantiles: {true model: of t in its toys, at LEVELS}; expected: the rejection of
    `tested` if `against` is true; asimov_t: t on the Asimov data of `against`; asimov_z: the expected rejection if t
    were normal with the means ±asimov_t and variances 4 asimov_t (arXiv:1311.1822), NaN for models that expect the
    same. Toys and Asimov data have their truth at the model's best fit to the data.
    """

    tested: str
    against: str
    t: float
    p: Tail | None
    quantiles: Mapping[str, tuple[float, ...]]
    expected: Expectation | None
    asimov_t: float
    asimov_z: float


@dataclass(frozen=True, kw_only=True)
class Comparison(Result):
    """Discrete models told apart.

    models: in the order they were given; pairs: every ordered pair of them; toys: {true model: −2 ln density of each
    toy under each model, (toys, models)}, +inf where a toy has probability zero; failed: {true model: {fitted model:
    number of toys whose fit did not converge, kept where it ended}}, with largest_edm the largest estimated distance
    to the minimum among them; message: why there are fewer toys than were asked for.
    """

    verb: ClassVar[str] = "compare"
    models: tuple[ComparedModel, ...]
    pairs: tuple[Pair, ...]
    toys: Mapping[str, np.ndarray]
    failed: Mapping[str, Mapping[str, int]]
    largest_edm: float
    data_kind: str
    message: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(m.name for m in self.models)

    @property
    def complete(self) -> bool:
        """Whether all toys that were asked for are here."""
        return not self.message

    @property
    def best(self) -> ComparedModel:
        """The model that fits the data best; the first of equal ones."""
        return min(self.models, key=lambda m: max(m.delta_twice_nll, TIE))

    def index(self, name: str) -> int:
        """Position of a model; raises InferenceError with the nearest name."""
        if name not in self.names:
            raise InferenceError(unknown("model", name, self.names))
        return self.names.index(name)

    def pair(self, tested: str, against: str) -> Pair:
        """The ordered pair of two models; raises InferenceError."""
        if self.index(tested) == self.index(against):
            raise InferenceError(f"a pair is made of two models; found {tested!r} twice")
        return next(p for p in self.pairs if (p.tested, p.against) == (tested, against))

    def statistic(self, tested: str, against: str, truth: str) -> np.ndarray:
        """t of the toys of the model `truth`, (toys,); infinite where a toy has probability zero under one model."""
        self.index(truth)
        toys = self.toys.get(truth, np.zeros((0, len(self.models))))
        return toys[:, self.index(tested)] - toys[:, self.index(against)]

    def verdict(self, cl: float = 0.95) -> str:
        """In words: the best model and every other, told apart where the data have a p-value below 1 − cl."""
        wilks.check_cl(cl)
        best = self.best
        return "; ".join(self._judge(m, best, cl) for m in self.models if m is not best)

    def _judge(self, other: ComparedModel, best: ComparedModel, cl: float) -> str:
        lead = f"{best.name} is preferred over {other.name} by Δ(−2 ln L) = {other.delta_twice_nll:.2g}"
        if other.delta_twice_nll < 0.005:
            lead = f"{best.name} and {other.name} fit the data equally well"
        p, reverse, size = self.pair(other.name, best.name).p, self.pair(best.name, other.name).p, 1.0 - cl
        if p is None or reverse is None:
            return f"{lead}; no toys were drawn to say how often that happens"
        under, own = f"under {other.name} ({p.describe()})", f"under {best.name} ({reverse.describe()})"
        if p.lower < size <= p.upper:
            return f"{lead}; the data are about as unlikely {under} as {100 * cl:g} % asks: more toys would tell"
        if p.value >= size:
            return f"{lead}; the data are not unlikely {under}: not told apart at {100 * cl:g} %"
        if reverse.value < size:
            return f"{lead}; the data are unlikely {under} and {own}: both are disfavoured at {100 * cl:g} %"
        return f"{lead}; the data are unlikely {under}: {other.name} is disfavoured at {100 * cl:g} %"

    def describe(self) -> str:
        """One line: the verdict, and what it rests on."""
        drawn = [len(t) for t in self.toys.values()]
        basis = f"from {min(drawn)} toys of each model with auxiliary data fluctuated" if drawn else "not calibrated"
        failed = sum(n for counts in self.failed.values() for n in counts.values())
        return f"{self.verdict()}; {basis}" + (f", {failed} fits of them did not converge" if failed else "")

    def table(self) -> Table:
        """One row an ordered pair; then the verdict, the models and what has to be known of the toys."""
        rows = []
        for pair in self.pairs:
            p, e = pair.p, pair.expected
            counted = (None,) * 5 if p is None else (p.value, p.lower, p.upper, p.z, p.toys)
            rejection = (None,) * 3 if e is None else (e.z, e.z_lower, e.z_upper)
            rows.append((pair.tested, pair.against, pair.t, *counted, *rejection, pair.asimov_t, pair.asimov_z))
        columns = ("tested", "against", "t", "p", "p lower", "p upper", "z", "toys")
        expected = ("expected z", "z lower", "z upper", "Asimov t", "Asimov z")
        fits = [f"{m.name}: {m.settings}; twice_nll = {m.twice_nll:.4f}" for m in self.models]
        return Table(
            f"comparison of {' and '.join(self.names)} ({self.data_kind} data)",
            (*columns, *expected),
            tuple(rows),
            (self.describe(), *fits, MEANING, *self.notes(), *self.small_print()),
            labels=self.labels(),
        )

    def curves(self) -> dict[str, Table]:
        """toys: the test statistic of every pair of models in each toy, one row a toy."""
        pairs = list(combinations(self.names, 2))
        rows = []
        for truth in self.toys:
            t = np.stack([self.statistic(*pair, truth) for pair in pairs], axis=1)
            rows += [(truth, *row) for row in t.tolist()]
        columns = ("truth", *(f"t {tested} against {against}" for tested, against in pairs))
        title = f"toys of {' and '.join(self.names)}"
        return {"toys": Table(title, columns, tuple(rows), labels=self.labels())} if rows else {}

    def notes(self) -> list[str]:
        """What has to be known of the fits and the toys."""
        said = [f"{m.name}: {m.message}" for m in self.models if m.message]
        for truth, toys in self.toys.items():
            for i, name in enumerate(self.names):
                of, lost, failed = (
                    f"of {len(toys)} toys of {truth}",
                    int(np.isinf(toys[:, i]).sum()),
                    self.failed[truth],
                )
                if lost:
                    said.append(f"{lost} {of} have probability zero under {name}")
                if failed[name]:
                    said.append(
                        f"{failed[name]} {of} did not converge under {name} and count where their fit ended "
                        f"(largest estimated distance to a minimum {self.largest_edm:.1e}): a p-value under {truth} "
                        f"could move by {failed[name] / len(toys):.1g} at most"
                    )
        return said + ([self.message] if self.message else [])
