"""The result of sampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from npinfer.core.result.archive import ArchivedResult
from npinfer.core.result.fit import Quantity
from npinfer.core.table import Table
from npinfer.errors import ConfigurationError, DataError, ParameterError, unknown

KINDS = ("equal_tailed", "highest_density", "upper")
CENTRAL = 0.68  # probability of the interval in the table
MARGINAL_BINS = 100  # of the saved histograms


@dataclass(frozen=True, kw_only=True)
class Posterior(ArchivedResult):
    """Samples of the posterior density.

    names: the free parameters; chains: (replica, step, walker, parameter), the burn_in steps left out;
    log_probability: ln of likelihood times prior there, (replica, step, walker); derived: derived quantities at every
    derived_stride-th step, each (replica, thinned step, walker); fixed: the parameters that were held; priors: their
    measures in words; autocorrelation_time: in steps; ess, ess_tail: effective samples of the bulk and of the tails;
    acceptance: the accepted share of the proposed moves; why: what `converged` rests on, and posteriors that pile up
    at a bound; message: how the work was interrupted, if it was.
    """

    verb: ClassVar[str] = "sample"
    archived: ClassVar[tuple[str, ...]] = ("chains", "log_probability", "derived")
    names: tuple[str, ...]
    quantities: Mapping[str, Quantity]
    chains: np.ndarray
    log_probability: np.ndarray
    derived: Mapping[str, np.ndarray]
    derived_stride: int
    fixed: Mapping[str, float]
    priors: Mapping[str, str]
    rhat: Mapping[str, float]
    ess: Mapping[str, float]
    ess_tail: Mapping[str, float]
    autocorrelation_time: Mapping[str, float]
    acceptance: float
    burn_in: int
    converged: bool
    why: str
    data_kind: str
    message: str = ""

    def __post_init__(self) -> None:
        if self.chains.ndim != 4 or self.chains.shape[3] != len(self.names):
            raise DataError(f"chains of {len(self.names)} parameters cannot have the shape {self.chains.shape}")
        if self.log_probability.shape != self.chains.shape[:3]:
            raise DataError(
                f"log_probability of shape {self.log_probability.shape} is not that of chains {self.chains.shape}"
            )

    @property
    def complete(self) -> bool:
        """Whether every step was taken."""
        return not self.message

    def full_name(self, name: str) -> str:
        """The full name of a free parameter or derived quantity; raises ParameterError."""
        known = (*self.names, *self.derived)
        found = [n for n in known if n == name] or [n for n in known if n.rpartition(".")[2] == name]
        if len(found) != 1:
            raise ParameterError(unknown("sampled quantity", name, known))
        return found[0]

    def draws(self, names: Sequence[str]) -> np.ndarray:
        """All samples of several quantities, (draws, quantities); thinned alike where one of them is derived."""
        full = [self.full_name(n) for n in names]
        stride = self.derived_stride if any(n in self.derived for n in full) else 1
        columns = [
            self.derived[n] if n in self.derived else self.chains[:, ::stride, :, self.names.index(n)] for n in full
        ]
        return np.stack([c.ravel() for c in columns], axis=1)

    def samples(self, name: str) -> np.ndarray:
        """All samples of a parameter or derived quantity, (draws,)."""
        return self.draws([name])[:, 0]

    def quantiles(self, name: str, probabilities: Sequence[float] = (0.16, 0.5, 0.84)) -> np.ndarray:
        """Quantiles of a marginal posterior, of the shape of `probabilities`."""
        return np.quantile(self.samples(name), probabilities)

    def interval(self, name: str, cl: float, kind: str = "equal_tailed") -> tuple[float, float]:
        """The ends of an interval that holds the posterior probability `cl` of one quantity.

        kind: "equal_tailed"; "highest_density" for the shortest; "upper" for one from the quantity's lower bound.
        Raises ConfigurationError for another kind, or a cl outside (0, 1).
        """
        if kind not in KINDS:
            raise ConfigurationError(unknown("kind of interval", kind, KINDS))
        if not 0 < cl < 1:
            raise ConfigurationError(f"cl is a fraction between 0 and 1; found {cl:g}")
        if kind == "upper":
            return self.quantities[self.full_name(name)].lower, float(self.quantiles(name, (cl,))[0])
        if kind == "equal_tailed":
            low, high = self.quantiles(name, (0.5 - 0.5 * cl, 0.5 + 0.5 * cl)).tolist()
            return low, high
        ordered = np.sort(self.samples(name))
        held = min(max(int(np.ceil(cl * len(ordered))), 1), len(ordered) - 1)
        first = int(np.argmin(ordered[held:] - ordered[:-held]))
        return float(ordered[first]), float(ordered[first + held])

    def describe(self) -> str:
        """One line: what was sampled, with which belief, and whether the chains converged."""
        word = "believe it" if self.converged else "do not believe it"
        return (
            f"posterior of {len(self.names)} parameters under the declared priors, which no coverage calibrates: "
            f"{self.why}: {word}"
        )

    def table(self) -> Table:
        """One row a free parameter, then the derived quantities."""
        rows = []
        for name in (*self.names, *self.derived):
            values = self.samples(name)
            median = float(np.median(values))
            diagnostics = (
                (_fourth(self.rhat[name]), *map(_whole, (self.ess[name], self.ess_tail[name])))
                if (name in self.rhat)
                else (None, None, None)
            )
            time = self.autocorrelation_time.get(name)
            kind = "derived" if name in self.derived else self.priors[name]
            numbers = (float(values.mean()), float(values.std()), median, *self.interval(name, CENTRAL))
            rows.append((name, *numbers, *diagnostics, time, self.quantities[name].unit, kind))
        percent = f"{100 * CENTRAL:g} %"
        return Table(
            f"posterior of {self.description.title} ({self.data_kind} data)",
            (
                *("parameter", "mean", "deviation", "median", f"{percent} from", f"{percent} to"),
                *("R-hat", "bulk ESS", "tail ESS", "steps correlated", "unit", "prior"),
            ),
            tuple(rows),
            (self.describe(), self.size(), *self._held(), *self.small_print()),
            labels=self.labels(),
        )

    def curves(self) -> dict[str, Table]:
        """marginals: of every quantity, the density in MARGINAL_BINS bins and the probability up to their ends."""
        rows: list[tuple[object, ...]] = []
        for name in (*self.names, *self.derived):
            values = self.samples(name)
            height, edges = np.histogram(values, bins=MARGINAL_BINS)
            density = height / (len(values) * np.diff(edges))
            ends = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
            below = (np.cumsum(height) / len(values)).tolist()
            rows += [(name, *end, d, p) for end, d, p in zip(ends, density.tolist(), below, strict=True)]
        columns = ("quantity", "from", "to", "density", "probability up to there")
        title = f"marginals of {self.description.title}"
        return {"marginals": Table(title, columns, tuple(rows), labels=self.labels())}

    def size(self) -> str:
        """How many samples there are, in words."""
        replicas, steps, walkers, _ = self.chains.shape
        return (
            f"{replicas} replicas × {steps} steps × {walkers} walkers, after {self.burn_in} steps of burn-in; "
            f"{100 * self.acceptance:.0f} % of the moves accepted"
        )

    def _held(self) -> list[str]:
        return ["fixed: " + ", ".join(f"{k}={v:g}" for k, v in self.fixed.items())] if self.fixed else []


def _fourth(value: float) -> str | None:
    return f"{value:.4f}" if np.isfinite(value) else None


def _whole(value: float) -> int | None:
    return round(value) if np.isfinite(value) else None
