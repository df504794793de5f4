"""The result of a contour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from npinfer.core.result.base import Result
from npinfer.core.result.fit import Quantity
from npinfer.core.table import Table


@dataclass(frozen=True)
class Region:
    """The boundary of one region: closed paths of (points, 2), and whether the region meets the edge of the grid.

    threshold: of delta_twice_nll, at the best fit where it depends on the values.
    """

    cl: float
    threshold: float
    paths: tuple[np.ndarray, ...]
    touches_edge: bool


@dataclass(frozen=True, kw_only=True)
class Contour(Result):
    """Regions of two parameters that enclose a joint probability.

    regions: one for each cl; names: the parameters of the two columns; enclosed: the joint probability in words;
    calibration: how the thresholds were found.
    """

    verb: ClassVar[str] = "contour"
    names: tuple[str, ...]
    quantities: Mapping[str, Quantity]
    regions: tuple[Region, ...]
    best: Mapping[str, float]
    calibration: str
    data_kind: str

    @property
    def paths(self) -> dict[float, tuple[np.ndarray, ...]]:
        """{cl: closed paths}."""
        return {r.cl: r.paths for r in self.regions}

    @property
    def enclosed(self) -> str:
        said = ", ".join(f"{100 * r.cl:g} %" for r in self.regions)
        return f"joint probability enclosed: {said} ({self.calibration})"

    def describe(self) -> str:
        """One line: the regions, what they enclose, and where they are cut off."""
        where = ", ".join(f"{n} = {v:.4g}" for n, v in self.best.items())
        edge = [f"; the {100 * r.cl:g} % region meets the edge of the grid" for r in self.regions if r.touches_edge]
        return f"regions of {' and '.join(self.names)} around {where}, {self.enclosed}{''.join(edge)}"

    def table(self) -> Table:
        rows = tuple(
            (float(r.cl), i, float(x), float(y))
            for r in self.regions
            for i, path in enumerate(r.paths)
            for x, y in path
        )
        return Table(
            f"contour of {' and '.join(self.names)} ({self.data_kind} data)",
            ("cl", "path", *self.names),
            rows,
            (self.describe(), *self.small_print()),
            labels=self.labels(),
        )
