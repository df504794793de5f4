"""The result of a goodness-of-fit test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from npinfer.core.result.base import Result
from npinfer.core.result.tail import Tail
from npinfer.core.table import Table

FEW, FEWER = 5.0, 1.0  # events: W. G. Cochran, Biometrics 10 (1954) 417, asks for none below 1 and at most a
FEW_SHARE = 0.2  # fifth below 5
MEANING = "t = 2 (ln L saturated − ln L best fit), the constraints included; p: of such a t or a larger one"


@dataclass(frozen=True)
class Contribution:
    """What one channel, or the constraints, add to the test statistic.

    bins: of the channel, or the number of auxiliary data; observed, expected: counts, NaN for the constraints;
    below_one, below_five: bins in which fewer events are expected at the best fit; poisson: whether the counts are, or
    the bins were measured with normal errors, so that the saturated model is the same likelihood with as many
    parameters as bins.
    """

    name: str
    statistic: float
    bins: int
    observed: float
    expected: float
    below_one: int = 0
    below_five: int = 0
    poisson: bool = True


@dataclass(frozen=True, kw_only=True)
class GoodnessOfFit(Result):
    """The saturated likelihood ratio (Baker and Cousins, Nucl. Instrum. Meth. 221 (1984) 437) and its p-values.

    statistic: 2 (ln L saturated − ln L best fit); degrees_of_freedom: bins + auxiliary data − `fitted` parameters,
    combinations of those free and inside their bounds that the data identify; p: asymptotic, from χ², NaN without a
    degree of freedom; contributions: by channel, the constraints last; toys: the test statistic of toys with their
    truth at the best fit, auxiliary data fluctuated, each fitted again, (toys,); toy_p: counted in them; valid: whether
    the fit to the data converged; message: why there are fewer toys than were asked for.
    """

    verb: ClassVar[str] = "gof"
    statistic: float
    degrees_of_freedom: int
    fitted: int
    p: float
    contributions: tuple[Contribution, ...]
    toys: np.ndarray
    toy_p: Tail | None
    valid: bool
    data_kind: str
    message: str = ""

    @property
    def complete(self) -> bool:
        """Whether all toys that were asked for are here."""
        return not self.message

    @property
    def bins(self) -> int:
        return sum(c.bins for c in self.contributions if not np.isnan(c.expected))

    @property
    def asymptotic(self) -> bool:
        """Whether χ² may be trusted: Poisson counts, and Cochran's rule for the events expected in the bins."""
        return not self._doubt()

    def describe(self) -> str:
        """One sentence: the test, its p-value, and whether to believe it."""
        said = f"saturated likelihood ratio t = {self.statistic:.4g} for {self.degrees_of_freedom} degrees of freedom"
        if self.degrees_of_freedom < 1:
            return f"{said}: as many parameters as data, nothing is left to test"
        if not self.valid:
            said += "; the fit to the data did not converge: no p-value can be trusted"
        if self.toy_p is not None:
            trust = "" if self.asymptotic else f", not to be trusted: {self._doubt()}"
            return f"{said}; by toys {self.toy_p.describe()} (asymptotic {self.p:.2g}{trust})"
        if self.asymptotic:
            return f"{said}; p = {self.p:.2g} (asymptotic χ², not calibrated with toys)"
        return f"{said}; asymptotic p = {self.p:.2g} is not to be trusted: {self._doubt()}; draw toys (n_toys)"

    def _doubt(self) -> str:
        """Why χ² is not to be trusted, or ""."""
        simulated = [c.name for c in self.contributions if not c.poisson]
        if simulated:
            return f"the saturated model is Poisson, the counts of {', '.join(simulated)} are not"
        one, five = (sum(getattr(c, f) for c in self.contributions) for f in ("below_one", "below_five"))
        if one:
            return f"{one} of {self.bins} bins expect less than 1 event"
        return f"{five} of {self.bins} bins expect less than 5 events" if five > FEW_SHARE * self.bins else ""

    def table(self) -> Table:
        """What every channel and the constraints contribute, then their sum with its p-values."""
        rows: list[tuple[object, ...]] = [
            (c.name, c.statistic, c.bins, c.observed, c.expected, c.below_one or None, None, None, None)
            for c in self.contributions
        ]
        tail = self.toy_p
        counted = (None, None) if tail is None else (tail.value, tail.toys)
        of = self.contributions
        data = sum(c.bins for c in of)
        total = [float(np.nansum([getattr(c, f) for c in of])) for f in ("observed", "expected")]
        rows.append(("all", self.statistic, data, *total, sum(c.below_one for c in of) or None, self.p, *counted))
        auxiliary = data - self.bins
        freedom = (
            f"{self.degrees_of_freedom} degrees of freedom: {self.bins} bins + {auxiliary} auxiliary data − "
            f"{self.fitted} fitted parameters (free, inside their bounds; combinations that the data identify)"
        )
        failed = f"{tail.failed} of {tail.toys} fits of toys did not converge" if tail and tail.failed else ""
        notes = (self.describe(), freedom, MEANING, failed, self.message, *self.small_print())
        return Table(
            f"goodness of fit of {self.description.title} ({self.data_kind} data)",
            ("channel", "t", "data", "observed", "expected", "bins below 1", "asymptotic p", "toy p", "toys"),
            tuple(rows),
            tuple(note for note in notes if note),
            labels=self.labels(),
        )
