"""Values of a parameter that models predict, and where the data put them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import Akima1DInterpolator

from npinfer.core.result import Interval, Scan

Mark = float | tuple[float, float, float]


@dataclass(frozen=True)
class Marks:
    """{parameter: {model: value or (value, lower, upper)}}, and in words where the values come from."""

    values: Mapping[str, Mapping[str, Mark]] = field(default_factory=dict)
    origin: str = ""

    def of(self, parameter: str) -> Mapping[str, Mark]:
        return self.values.get(parameter, {})

    @property
    def explained(self) -> str:
        return f" ({self.origin})" if self.origin else ""


def ends(mark: Mark) -> tuple[float, float, float]:
    """Value, lower and upper end of a mark."""
    return mark if isinstance(mark, tuple) else (mark, mark, mark)


def place(mark: Mark, interval: Interval) -> str:
    """Where a mark lies: "inside" a segment, "outside" all, or "edge" where only a part of its band is inside."""
    _, low, high = ends(mark)
    touched = False
    for segment in interval.segments:
        start = -np.inf if segment.lower_at_bound else segment.lower
        stop = np.inf if segment.upper_at_bound else segment.upper
        if start <= low and high <= stop:
            return "inside"
        touched = touched or (high >= start and low <= stop)
    return "edge" if touched else "outside"


def height(mark: Mark, scan: Scan) -> float:
    """delta_twice_nll at a mark, between the points of a scan of one parameter; NaN outside them and in its gaps."""
    (grid,) = scan.grid.values()
    order, value = np.argsort(grid), ends(mark)[0]
    x, y = grid[order], scan.delta_twice_nll[order]
    known = np.isfinite(y)
    linear = float(np.interp(value, x, np.where(known, y, np.nan), left=np.nan, right=np.nan))
    if np.isnan(linear) or known.sum() < 3:
        return linear
    return float(Akima1DInterpolator(x[known], y[known])(value))
