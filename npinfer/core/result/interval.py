"""The result of an interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from npinfer.core.result.base import Result
from npinfer.core.result.fit import Quantity
from npinfer.core.table import Table


@dataclass(frozen=True)
class Segment:
    """A piece of an interval; an end at a bound of the parameter was not crossed by the likelihood."""

    lower: float
    upper: float
    lower_at_bound: bool = False
    upper_at_bound: bool = False


@dataclass(frozen=True, kw_only=True)
class Interval(Result):
    """Where delta_twice_nll of the profile stays below its threshold.

    segments: its pieces in increasing order; lower, upper: their hull, NaN without any; best: the value at the maximum;
    threshold: of delta_twice_nll, at the best fit where it depends on the value; toy_errors: what the number of toys of
    the calibration leaves open of lower and upper, one standard deviation; curve: values, delta_twice_nll and its
    thresholds there, (3, points); message: what limits the interval other than the data.
    """

    verb: ClassVar[str] = "interval"
    quantity: Quantity
    cl: float
    threshold: float
    best: float
    segments: tuple[Segment, ...]
    calibration: str
    fixed: Mapping[str, float]
    data_kind: str
    toy_errors: tuple[float, float] = (0.0, 0.0)
    curve: np.ndarray = field(default_factory=lambda: np.zeros((3, 0)))
    message: str = ""

    @property
    def lower(self) -> float:
        return self.segments[0].lower if self.segments else math.nan

    @property
    def upper(self) -> float:
        return self.segments[-1].upper if self.segments else math.nan

    def describe(self) -> str:
        """One sentence."""
        said = " and ".join(_say(s) for s in self.segments) or "is empty"
        unit = f" {self.quantity.unit}" if self.quantity.unit else ""
        sure = "; toys leave open " + " and ".join(f"±{e:.2g}" for e in self.toy_errors) if any(self.toy_errors) else ""
        return (
            f"{self.quantity.name} = {self.best:.4g}{unit}, {100 * self.cl:g} % interval {said} "
            f"({self.calibration}{sure})" + (f"; {self.message}" if self.message else "")
        )

    def table(self) -> Table:
        rows = tuple(
            (s.lower, s.upper, "bound" if s.lower_at_bound else "", "bound" if s.upper_at_bound else "")
            for s in self.segments
        )
        fixed = ", ".join(f"{k}={v:g}" for k, v in self.fixed.items())
        notes = (self.describe(), *([f"fixed: {fixed}"] if fixed else []), *self.small_print())
        return Table(
            f"interval of {self.quantity.name} ({self.data_kind} data)",
            ("lower", "upper", "lower end", "upper end"),
            rows,
            notes,
            labels=self.labels(),
        )

    def curves(self) -> dict[str, Table]:
        """The profile that the interval was read from, with its threshold."""
        columns = (self.quantity.name, "delta_twice_nll", "threshold")
        return {"curve": Table("profile", columns, tuple(map(tuple, self.curve.T.tolist())), labels=self.labels())}


def _say(segment: Segment) -> str:
    low = f"[{segment.lower:.4g}{' (bound)' if segment.lower_at_bound else ''}"
    return f"{low}, {segment.upper:.4g}{' (bound)' if segment.upper_at_bound else ''}]"
