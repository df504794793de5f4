"""The result of a profile scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from npinfer.core.result.base import Result
from npinfer.core.result.fit import Quantity
from npinfer.core.table import Table


@dataclass(frozen=True, kw_only=True)
class Scan(Result):
    """A profile likelihood on a grid.

    grid: {name: (points,)}; delta_twice_nll: −2 ln of the profile likelihood ratio, of the shape of the grid, 0 at the
    best fit, +inf where the parameters are not allowed, NaN where it was not computed; values: every other parameter
    at each grid point; best: the values of all parameters at the global maximum, with twice_nll there; fixed:
    parameters that were held.
    """

    verb: ClassVar[str] = "profile"
    quantities: Mapping[str, Quantity]
    grid: Mapping[str, np.ndarray]
    delta_twice_nll: np.ndarray
    values: Mapping[str, np.ndarray]
    best: Mapping[str, float]
    twice_nll: float
    data_kind: str
    message: str = ""
    fixed: Mapping[str, float] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.grid)

    @property
    def complete(self) -> bool:
        """Whether every point was computed."""
        return not bool(np.isnan(self.delta_twice_nll).any())

    def describe(self) -> str:
        """One line: what was profiled, and where it is lowest."""
        where = ", ".join(f"{n} = {self.best[n]:.4g}" for n in self.names)
        size = " × ".join(str(len(v)) for v in self.grid.values())
        computed = int(np.count_nonzero(~np.isnan(self.delta_twice_nll)))
        state = "all computed" if self.complete else f"{computed} computed: incomplete"
        return (
            f"profile likelihood of {', '.join(self.names)} on {size} points, {state}; lowest at {where}; levels read "
            "from it are not calibrated with toys"
        )

    def table(self) -> Table:
        """One row a grid point: the grid, delta_twice_nll, then every profiled parameter."""
        mesh = np.meshgrid(*self.grid.values(), indexing="ij")
        columns = [m.ravel() for m in mesh] + [self.delta_twice_nll.ravel()] + [v.ravel() for v in self.values.values()]
        rows = tuple(tuple(float(c[i]) for c in columns) for i in range(self.delta_twice_nll.size))
        return Table(
            f"profile of {', '.join(self.names)} ({self.data_kind} data)",
            (*self.names, "delta_twice_nll", *self.values),
            rows,
            (self.describe(), *([self.message] if self.message else []), *self.small_print()),
            labels=self.labels(),
        )
