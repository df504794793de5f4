"""The result of simulation-based calibration of the sampler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from npinfer.core.result.base import Result
from npinfer.core.result.fit import Quantity
from npinfer.core.result.tail import Tail
from npinfer.core.table import Table
from npinfer.core.uniformity import band, chi_square, cumulative, ecdf_p
from npinfer.errors import InferenceError, unknown

LN_LIKELIHOOD = "ln likelihood"
LEVEL = 0.01  # of the verdict: p-values below it, all tests counted, are a fault
TESTS = 2  # of every quantity
CL = 0.68
MEANING = (
    "rank: of the truth among draws of its posterior, uniform for a right sampler; p χ²: of a histogram of the ranks; "
    "p ECDF: of their distribution function, exact; location, spread: of the ranks, in standard deviations from "
    "uniform; covers: how often the central credible interval holds the truth, with a 68.27 % Clopper–Pearson interval"
)


@dataclass(frozen=True)
class Uniformity:
    """Whether the ranks of one quantity are uniform.

    chi_square, bins, p_chi_square: of the histogram of the ranks; difference: the largest of their distribution
    function from that of uniform ranks, with its sign; p_ecdf: the exact p-value of that function; location, spread:
    of the mean rank and of the mean squared distance from the middle, in standard deviations from uniform.
    """

    chi_square: float
    bins: int
    p_chi_square: float
    difference: float
    p_ecdf: float
    location: float
    spread: float

    @classmethod
    def of(cls, ranks: np.ndarray, n_ranks: int) -> Self:
        """Of ranks 0 … n_ranks − 1, (draws,)."""
        ranks = np.asarray(ranks).astype(int)
        draws = len(ranks)
        apart = cumulative(ranks, n_ranks) / draws - np.arange(1, n_ranks) / n_ranks
        even = (np.arange(n_ranks) + 0.5) / n_ranks - 0.5
        centred = even[ranks]
        location = float(centred.mean() * np.sqrt(draws / np.mean(even**2)))
        spread = float((np.mean(centred**2) - np.mean(even**2)) * np.sqrt(draws / np.var(even**2)))
        difference = float(apart[np.argmax(np.abs(apart))])
        return cls(*chi_square(ranks, n_ranks), difference, ecdf_p(ranks, n_ranks), location, spread)

    @property
    def p(self) -> float:
        """The smaller of the two p-values."""
        return min(self.p_chi_square, self.p_ecdf)

    def shape(self) -> str:
        """What a posterior with such ranks is, in words."""
        if abs(self.location) >= abs(self.spread):
            return "its draws lie too low" if self.location > 0 else "its draws lie too high"
        return "its posterior is too narrow" if self.spread > 0 else "its posterior is too wide"


@dataclass(frozen=True, kw_only=True)
class RankCalibration(Result):
    """Ranks of true parameters among draws of their posteriors, in data simulated with truths from the priors.

    names: the free parameters, then "ln likelihood"; ranks: 0 … n_ranks − 1, (draws, names); truths: of the free
    parameters, (draws, names − 1); converged: of the chains of each draw, all of which are kept; tests: by name;
    priors: in words, by parameter; lost: data sets that could not be sampled, which are left out; message: why there
    are fewer draws than were asked for.
    """

    verb: ClassVar[str] = "rank_calibration"
    names: tuple[str, ...]
    quantities: Mapping[str, Quantity]
    n_ranks: int
    ranks: np.ndarray
    truths: np.ndarray
    converged: tuple[bool, ...]
    tests: Mapping[str, Uniformity]
    priors: Mapping[str, str]
    fixed: Mapping[str, float]
    lost: int
    data_kind: str = "toy"
    message: str = ""

    @property
    def complete(self) -> bool:
        """Whether all draws that were asked for are here."""
        return not self.message

    @property
    def p(self) -> float:
        """The smallest p-value of all tests, times their number (Bonferroni), at most 1."""
        return min(1.0, TESTS * len(self.tests) * min(t.p for t in self.tests.values()))

    @property
    def uniform(self) -> bool:
        """Whether no test finds a fault: p is at least LEVEL."""
        return self.p >= LEVEL

    @property
    def unconverged(self) -> int:
        """How many draws have chains that did not converge."""
        return len(self.converged) - sum(self.converged)

    def ranks_of(self, name: str) -> np.ndarray:
        """The ranks of one quantity, (draws,); raises InferenceError."""
        found = [i for i, n in enumerate(self.names) if name in (n, n.rpartition(".")[2])]
        if len(found) != 1:
            raise InferenceError(unknown("quantity with ranks", name, self.names))
        return np.asarray(self.ranks[:, found[0]]).astype(int)

    def coverage(self, name: str, cl: float = CL) -> tuple[float, Tail]:
        """The probability of the central credible interval nearest to cl, and how often it holds the truth."""
        ranks, each = self.ranks_of(name), round(0.5 * (1.0 - cl) * self.n_ranks)
        held = (ranks >= each) & (ranks < self.n_ranks - each)
        return 1.0 - 2.0 * each / self.n_ranks, Tail.count(held.astype(float), 0.5)

    def describe(self) -> str:
        """The verdict in one line."""
        draws, count = len(self.ranks), TESTS * len(self.tests)
        parameters = f"{len(self.names) - 1} parameter{'s' if len(self.names) > 2 else ''}"
        said = f"{draws} data sets with truths from the priors: their ranks of {parameters} and ln likelihood"
        worst = min(self.tests, key=lambda n: self.tests[n].p)
        p = f"smallest of {count} p-values {self.tests[worst].p:.2g}, of {worst}; {self.p:.2g} for all together"
        covers = self.coverage(worst)[1]
        resolved = f"a coverage of {CL:g} is measured to ±{0.5 * (covers.upper - covers.lower):.2g}"
        if self.uniform:
            verdict = f"agree with uniform ones ({p}): no fault of the sampler is seen, where {resolved}"
        else:
            verdict = f"are not uniform ({p}): {self._faulty()}; do not trust posteriors of this likelihood"
        return "; ".join([f"{said} {verdict}", *self._counted()])

    def _faulty(self) -> str:
        count = TESTS * len(self.tests)
        found = [f"{n}: {t.shape()}" for n, t in self.tests.items() if t.p * count < LEVEL]
        return ", ".join(found)

    def _counted(self) -> list[str]:
        """Chains and data sets that have to be known of."""
        said = []
        if self.unconverged:
            said.append(f"chains of {self.unconverged} of {len(self.ranks)} data sets did not converge; they are kept")
        if self.lost:
            said.append(
                f"{self.lost} more data sets could not be sampled and are left out, so that ranks need not be uniform"
            )
        return said

    def ecdf_difference(self, name: str) -> np.ndarray:
        """The share of ranks below 1 … n_ranks − 1, less that of uniform ranks, (n_ranks − 1,)."""
        ranks = self.ranks_of(name)
        return cumulative(ranks, self.n_ranks) / len(ranks) - np.arange(1, self.n_ranks) / self.n_ranks

    def band(self) -> tuple[np.ndarray, np.ndarray]:
        """Between what all differences of one quantity lie with a probability of 1 − LEVEL, (n_ranks − 1,) each."""
        draws, even = len(self.ranks), np.arange(1, self.n_ranks) / self.n_ranks
        low, high = band(draws, self.n_ranks, 1.0 - LEVEL)
        return low / draws - even, high / draws - even

    def curves(self) -> dict[str, Table]:
        """The differences of the distribution functions, with their band."""
        low, high = self.band()
        columns = [np.arange(1, self.n_ranks) / self.n_ranks, low, high, *map(self.ecdf_difference, self.names)]
        names = ("rank below", f"{100 * (1 - LEVEL):g} % from", "to", *self.names)
        rows = tuple(tuple(row) for row in np.column_stack(columns).tolist())
        title = f"ECDF of ranks less that of uniform ones, {self.description.title}"
        return {"ecdf": Table(title, names, rows, labels=self.labels())}

    def table(self) -> Table:
        """One row a quantity."""
        rows = []
        for name, test in self.tests.items():
            cl, covers = self.coverage(name)
            numbers = (test.chi_square, test.bins, test.p_chi_square, test.difference, test.p_ecdf)
            coverage = (covers.value, covers.lower, covers.upper)
            rows.append((name, *numbers, test.location, test.spread, *coverage, self.priors.get(name)))
        columns = ("quantity", "χ²", "bins", "p χ²", "ECDF difference", "p ECDF", "location", "spread")
        held = [f"fixed: {', '.join(f'{k}={v:g}' for k, v in self.fixed.items())}"] if self.fixed else []
        return Table(
            f"rank calibration of {self.description.title} ({self.data_kind} data)",
            (*columns, f"{100 * cl:g} % covers", "from", "to", "prior"),
            tuple(rows),
            (self.describe(), MEANING, *held, *filter(None, [self.message]), *self.small_print()),
            labels=self.labels(),
        )
