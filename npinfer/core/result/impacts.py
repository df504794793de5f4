"""The result of a ranking: what each nuisance parameter does to the parameter of interest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from npinfer.core.result.base import Result
from npinfer.core.result.fit import Quantity
from npinfer.core.table import Table

NEGLIGIBLE = 1e-4  # of the total error: shifts that are not worth a word
RESOLVED = 1e-6  # of σ²: smaller differences of two profile intervals are rounding
NOT_IDENTIFIED = "not identified by these data"


@dataclass(frozen=True)
class Impact:
    """One parameter: its fit, and how the fitted parameter of interest moves with it.

    value, error: at the best fit, the standard deviation NaN where it has none; pull, pull_error: in units of its
    constraint's standard deviation, NaN without one; down, up: shifts of the parameter of interest where this one is
    held a post-fit standard deviation below and above its best fit and all others are fitted again; prefit_down,
    prefit_up: the same with the standard deviations of its constraint, NaN without one; note: what is special about it.
    """

    name: str
    value: float
    error: float
    pull: float
    pull_error: float
    down: float
    up: float
    prefit_down: float
    prefit_up: float
    note: str = ""

    @property
    def size(self) -> float:
        """The larger of the two post-fit shifts, 0 where there is none."""
        return max((abs(s) for s in (self.down, self.up) if not math.isnan(s)), default=0.0)


@dataclass(frozen=True)
class Part:
    """A part of the error of the parameter of interest, below and above; NaN where that end is a bound.

    members: the parameters that make it; without any, what is left when all nuisance parameters are held.
    """

    name: str
    members: tuple[str, ...]
    down: float
    up: float


@dataclass(frozen=True, kw_only=True)
class Impacts(Result):
    """What each parameter, and each group of them, does to the parameter of interest.

    best: its fitted value; down, up: its total error, to the ends of its 68.27 % profile-likelihood interval, NaN at a
    bound; parameters: the strongest first; groups: √(σ² with all free − σ² with the group held at the best fit), from
    profile intervals; statistical: σ with every nuisance parameter held, and systematic: what they add, in quadrature;
    valid: whether the fit to the data converged; message: what limits the answer.
    """

    verb: ClassVar[str] = "impacts"
    quantities: Mapping[str, Quantity]
    poi: str
    best: float
    down: float
    up: float
    parameters: tuple[Impact, ...]
    groups: tuple[Part, ...]
    statistical: Part
    systematic: Part
    fixed: Mapping[str, float]
    valid: bool
    data_kind: str
    message: str = ""

    def describe(self) -> str:
        """One sentence: the error, what makes it, and how it was calibrated."""
        unit = f" {self.quantities[self.poi].unit}" if self.quantities[self.poi].unit else ""
        said = f"{self.poi} = {self.best:.4g} {_ends(self.down, self.up)}{unit}"
        split = f"statistical {_ends(self.statistical.down, self.statistical.up)}, nuisance parameters "
        said += f": {split}{_ends(self.systematic.down, self.systematic.up)}"
        ends = [end for end in (self.down, self.up) if not math.isnan(end)]
        known = [p for p in self.parameters if p.size > NEGLIGIBLE * max(ends, default=0.0)]
        if self.parameters:
            said += f"; the strongest is {known[0].name} with {known[0].size:.2g}" if known else "; none moves it"
        said += " (68.27 % profile likelihood, Wilks' theorem, not calibrated with toys)"
        return said + ("" if self.valid else "; the fit to the data did not converge: none of this can be trusted")

    def table(self) -> Table:
        """Every parameter, the strongest first, then the groups and the split of the error."""
        rows: list[tuple[object, ...]] = [
            (p.name, p.value, p.error, p.pull, p.pull_error, p.down, p.up, p.prefit_down, p.prefit_up, p.note)
            for p in self.parameters
        ]
        total = Part("total error", (), self.down, self.up)
        for part in (*self.groups, self.statistical, self.systematic, total):
            what = f"group of {len(part.members)}" if part in self.groups else ""
            rows.append((part.name, *(None,) * 4, 0.0 - part.down, part.up, None, None, what))
        fixed = ", ".join(f"{k} = {v:.4g}" for k, v in self.fixed.items())
        notes = (
            self.describe(),
            f"−1σ, +1σ: shift of {self.poi} where the parameter is held at its post-fit error below or above its best "
            "fit and all others are fitted again; pre-fit: at the error of its constraint",
            "groups: √(σ² with all free − σ² with the group held at its best fit), from profile-likelihood intervals; "
            "groups that are correlated do not add up in quadrature; statistical: σ with all nuisance parameters held, "
            "other physics parameters free; nuisance parameters: what they add",
            f"fixed: {fixed}" if fixed else "",
            self.message,
            *self.small_print(),
        )
        columns = ("parameter", "value", "error", "pull", "pull error", "−1σ", "+1σ", "pre-fit −1σ", "pre-fit +1σ")
        return Table(
            f"impacts on {self.poi} ({self.data_kind} data)",
            (*columns, "note"),
            tuple(rows),
            tuple(note for note in notes if note),
            labels=self.labels(),
        )


def _ends(down: float, up: float) -> str:
    """An error with its ends; a bound has none."""
    if math.isnan(down) and math.isnan(up):
        return "without an error (bounds on both sides)"
    low = "(bound below)" if math.isnan(down) else f"−{down:.2g}"
    return f"{low} +{up:.2g}" if not math.isnan(up) else f"{low} (bound above)"


def remainder(whole: float, rest: float) -> float:
    """√(whole² − rest²) of two errors, 0 where that is rounding, NaN where one of them is not known."""
    if not math.isfinite(whole + rest):
        return math.nan
    difference = whole**2 - rest**2
    return math.sqrt(difference) if difference > RESOLVED * whole**2 else 0.0
