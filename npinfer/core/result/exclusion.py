"""The result of an exclusion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from npinfer.core.result.base import Result
from npinfer.core.result.fit import Quantity
from npinfer.core.result.interval import Segment
from npinfer.core.result.limit import NAMES
from npinfer.core.table import Table


@dataclass(frozen=True, kw_only=True)
class Exclusion(Result):
    """The values of one parameter that are excluded, on a grid.

    segments: excluded on the data, in increasing order, the ends between grid points refined; an end "at bound" is
    the edge of the grid, beyond which nothing was tested. expected: excluded without a signal, for the bands at NAMES,
    () where they were not asked for. grid: (points,), with p: the quantity below 1 − cl where a value is excluded, on
    the data, and p_expected: on Asimov data, (5, points); NaN where it was not computed. background: the value without
    a signal; best: the value at the best fit.
    """

    verb: ClassVar[str] = "exclusion"
    quantity: Quantity
    cl: float
    method: str
    segments: tuple[Segment, ...]
    expected: tuple[tuple[Segment, ...], ...]
    grid: np.ndarray
    p: np.ndarray
    p_expected: np.ndarray
    background: float
    best: float
    calibration: str
    fixed: Mapping[str, float]
    data_kind: str
    message: str = ""

    @property
    def complete(self) -> bool:
        """Whether every grid point was computed."""
        return not bool(np.isnan(self.p).any())

    @property
    def p_name(self) -> str:
        """What `p` is called."""
        return "CLs" if self.method == "cls" else "p"

    def describe(self) -> str:
        """One line: what is excluded, what was expected to be, and how it was calibrated."""
        unit = f" {self.quantity.unit}" if self.quantity.unit else ""
        span = f"{self.grid[0]:.4g} to {self.grid[-1]:.4g}{unit}"
        found = f"{self.quantity.name} in {say(self.segments)}{unit} is excluded"
        if not self.segments:
            found = f"no {self.quantity.name} from {span} is excluded"
        line = f"{found} at {100 * self.cl:g} % CL ({self.calibration}; tested from {span})"
        return line + (f"; expected {say(self.expected[2]) or 'nothing'} from Asimov data" if self.expected else "")

    def table(self) -> Table:
        """One row a segment: of the data first, then of every band."""
        named = [("observed", self.segments), *zip(NAMES, self.expected, strict=False)]
        rows: list[tuple[Any, ...]] = [
            (name, s.lower, s.upper, _end(s.lower_at_bound), _end(s.upper_at_bound))
            for name, segments in named
            for s in segments
        ]
        rows += [(name, "nothing", "", "", "") for name, segments in named if not segments]
        order = {name: i for i, (name, _) in enumerate(named)}
        fixed = ", ".join(f"{k}={v:g}" for k, v in self.fixed.items())
        said = [self.describe(), *([f"fixed: {fixed}"] if fixed else []), self.message]
        return Table(
            f"{100 * self.cl:g} % exclusion of {self.quantity.name} ({self.data_kind} data)",
            ("excluded", "from", "to", "lower end", "upper end"),
            tuple(sorted(rows, key=lambda row: order[row[0]])),
            (*filter(None, said), *self.small_print()),
            labels=self.labels(),
        )

    def curves(self) -> dict[str, Table]:
        """The grid, a row each."""
        names = [name.replace("expected", f"expected {self.p_name}") for name in NAMES[: len(self.p_expected)]]
        rows = tuple(zip(self.grid.tolist(), self.p.tolist(), *self.p_expected.tolist(), strict=True))
        title = f"{self.p_name} of {self.quantity.name} ({self.data_kind} data)"
        return {"grid": Table(title, (self.quantity.name, self.p_name, *names), rows, labels=self.labels())}


def _end(at_edge: bool) -> str:
    return "edge of the grid" if at_edge else ""


def say(segments: tuple[Segment, ...]) -> str:
    """Segments in words, an open end in round brackets."""
    return " and ".join(
        f"{'(' if s.lower_at_bound else '['}{s.lower:.4g}, {s.upper:.4g}{')' if s.upper_at_bound else ']'}"
        for s in segments
    )
