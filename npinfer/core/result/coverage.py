"""The result of a coverage study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from npinfer.core.result.base import Result
from npinfer.core.result.fit import Quantity
from npinfer.core.result.tail import Tail
from npinfer.core.table import Table

FIT = "fit"
SIGNIFICANT = 3.5  # combined standard deviations below the level


@dataclass(frozen=True)
class CoverageRow:
    """How often intervals at one level contain one truth.

    setting: "fit", or the group of parameters that is shifted and by how much; critical: the threshold of
    delta_twice_nll at the truth; critical_error: the coverage that one standard deviation of the calibration's toys
    stands for; calibrated, wilks: the share of toys whose interval contains the truth, None without a calibration.
    """

    setting: str
    cl: float
    critical: float
    critical_error: float
    calibrated: Tail | None
    wilks: Tail

    @property
    def deviation(self) -> float:
        """(calibrated coverage − cl) in combined standard deviations of both sets of toys; 0 without a calibration."""
        if self.calibrated is None:
            return 0.0
        n = self.calibrated.toys
        sigma = float((self.cl * (1 - self.cl) / n + self.critical_error**2) ** 0.5)
        return (self.calibrated.value - self.cl) / sigma


@dataclass(frozen=True, kw_only=True)
class Coverage(Result):
    """Whether intervals contain the truth as often as they say.

    rows: one a setting and level; quantity: the parameter of interest, with its truth; at: the truth of all parameters
    at the conditional fit; shifts: {setting: how far its parameters are moved}; n_toys: of every setting; calibration:
    how critical values were found; failed: {setting: toys of which a fit did not converge, which count where it ended};
    message: why there are fewer toys than were asked for.
    """

    verb: ClassVar[str] = "coverage"
    quantity: Quantity
    quantities: Mapping[str, Quantity]
    rows: tuple[CoverageRow, ...]
    truth: float
    at: Mapping[str, float]
    shifts: Mapping[str, Mapping[str, float]]
    fixed: Mapping[str, float]
    n_toys: int
    calibration: str
    failed: Mapping[str, int]
    data_kind: str
    message: str = ""

    @property
    def complete(self) -> bool:
        """Whether all toys that were asked for are here."""
        return not self.message

    @property
    def worst(self) -> CoverageRow:
        """The row that is furthest below its level."""
        if self.rows[0].calibrated is None:
            return min(self.rows, key=lambda r: r.wilks.value - r.cl)
        return min(self.rows, key=lambda r: r.deviation)

    def describe(self) -> str:
        """One line: what was computed, how it was calibrated, and whether to believe it."""
        truth = f"{self.quantity.name} = {self.truth:g}"
        fitted = [r for r in self.rows if r.setting == FIT]
        said = "; ".join(
            f"{100 * r.cl:g} % intervals contain it in "
            + (f"{_share(r.calibrated)} of {r.calibrated.toys} toys, Wilks' in " if r.calibrated else "")
            + f"{_share(r.wilks)}"
            + ("" if r.calibrated else f" of {r.wilks.toys} toys (Wilks)")
            for r in fitted
        )
        return f"truth {truth}: {said}; {self._verdict()}"

    def _verdict(self) -> str:
        worst = self.worst
        if worst.calibrated is None:
            return "not calibrated"
        place = "" if worst.setting == FIT else f" with {worst.setting}"
        if worst.deviation < -SIGNIFICANT:
            remedy = "; calibrate with shifts" if place else ""
            return f"too low by {-worst.deviation:.1f} standard deviations{place}: do not believe the level{remedy}"
        return f"lowest{place}, {worst.deviation:+.1f} standard deviations from its level: believe it"

    def how(self) -> str:
        """Where coverage and critical values come from."""
        return f"{self.n_toys} independent toys of each setting; critical values: {self.calibration}"

    def notes(self) -> list[str]:
        """What has to be known of the toys."""
        said = [
            f"{name}: {', '.join(f'{k} {v:+.3g}' for k, v in moved.items())}" for name, moved in self.shifts.items()
        ]
        lost = {k: v for k, v in self.failed.items() if v}
        ending = "did not converge and count where they ended"
        said += [f"{v} of {self.n_toys} toys of {k} {ending}" for k, v in lost.items()]
        return said + ([self.message] if self.message else [])

    def table(self) -> Table:
        """One row a setting and level."""
        rows = []
        for r in self.rows:
            numbers = (r.calibrated.value, r.calibrated.lower, r.calibrated.upper) if r.calibrated else (None,) * 3
            deviation = r.deviation if r.calibrated else None
            rows.append(
                (r.setting, r.cl, r.critical, *numbers, deviation, r.wilks.value, r.wilks.lower, r.wilks.upper)
            )
        shares = ("coverage", "from", "to", "σ from cl", "Wilks", "Wilks from", "Wilks to")
        held = ", ".join(f"{k}={v:g}" for k, v in self.fixed.items())
        notes = (
            self.describe(),
            self.how(),
            *([f"fixed: {held}"] if held else []),
            *self.notes(),
            *self.small_print(),
        )
        title = f"coverage of intervals of {self.quantity.name} (toys around the fit to {self.data_kind} data)"
        return Table(title, ("setting", "cl", "critical", *shares), tuple(rows), notes, labels=self.labels())


def _share(tail: Tail) -> str:
    return f"{100 * tail.value:.1f} ± {50 * (tail.upper - tail.lower):.1f} %"
