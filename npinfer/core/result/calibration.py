"""The result of a calibration: how the test statistic is distributed where each value is the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import ClassVar

import numpy as np

from npinfer.core import wilks
from npinfer.core.result.archive import ArchivedResult
from npinfer.core.result.fit import Quantity
from npinfer.core.table import Table
from npinfer.errors import ConfigurationError, ParameterError

TAIL = 10  # toys above a critical value that it takes to know it
LEVELS = (0.6826894921370859, 0.9, 0.95)  # of the table


@dataclass(frozen=True, kw_only=True)
class Calibration(ArchivedResult):
    """The distribution of t = −2 ln(L(tested) / L(best)) where the tested values are true, on a grid of them.

    grid: {name: (points,)}; settings: of the other parameters, "fit" for their conditional fit to the data at each
    point (profile construction), or with groups of them shifted from there; statistic: t of every data set,
    (*points, settings, sets), in rising order; weights: the probability of each, of the same shape, or (0,) for toys,
    which are equally probable; values: the conditional fit at each point; fixed: parameters held throughout; failed:
    toys of which a fit did not converge, which count where it ended, of the shape of the grid; n_toys: toys of each
    setting at a point, 0 where all outcomes were enumerated; allowed: 1 where the parameters may have the values of
    the grid. The values of a confidence region at cl are those with t on the data at or below `critical(cl)`: the
    unified intervals of Feldman and Cousins (Phys. Rev. D 57 (1998) 3873).
    """

    verb: ClassVar[str] = "calibrate"
    archived: ClassVar[tuple[str, ...]] = ("statistic", "weights", "values", "failed", "allowed")
    quantities: Mapping[str, Quantity]
    grid: Mapping[str, np.ndarray]
    settings: tuple[str, ...]
    statistic: np.ndarray
    weights: np.ndarray
    values: Mapping[str, np.ndarray]
    failed: np.ndarray
    allowed: np.ndarray
    n_toys: int
    fixed: Mapping[str, float]
    data_kind: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.grid)

    @property
    def exact(self) -> bool:
        """Whether all outcomes were enumerated, so that nothing is left to chance."""
        return self.n_toys == 0

    @cached_property
    def _cumulative(self) -> np.ndarray:
        return np.cumsum(self.weights, axis=-1)

    def critical(self, cl: float) -> np.ndarray:
        """The smallest t that at least the share `cl` of all data sets stays at or below, of the grid's shape.

        The largest of those of the settings, so that coverage holds in each. NaN where the values are not allowed.
        Raises ConfigurationError for a cl outside (0, 1).
        """
        return self._quantile(wilks.check_cl(cl))

    def _quantile(self, share: float) -> np.ndarray:
        n = self.statistic.shape[-1]
        if self.exact:
            enough = self._cumulative >= share - 1e-12
            rank = np.where(enough.any(axis=-1), enough.argmax(axis=-1), n - 1)
            found = np.take_along_axis(self.statistic, rank[..., None], axis=-1)[..., 0]
        else:
            found = self.statistic[..., min(max(int(np.ceil(share * n - 1e-9)), 1), n) - 1]
        return np.where(self.allowed > 0, found.max(axis=-1), np.nan)

    def critical_range(self, cl: float) -> tuple[np.ndarray, np.ndarray]:
        """What one binomial standard deviation of the number of toys leaves open of `critical`, lower and upper."""
        wilks.check_cl(cl)
        error = 0.0 if self.exact else float(np.sqrt(cl * (1 - cl) / self.statistic.shape[-1]))
        return self._quantile(max(cl - error, 1e-9)), self._quantile(min(cl + error, 1.0))

    def at(self, cl: float, points: np.ndarray, *, shift: int = 0) -> np.ndarray:
        """Critical values at points (n, parameters), linear between those of the grid.

        shift: −1 or 1 for the lower or upper end of `critical_range`. Raises ParameterError for a point outside the
        grid.
        """
        found = self.critical(cl) if not shift else self.critical_range(cl)[0 if shift < 0 else 1]
        for column, (name, axis) in zip(points.T, self.grid.items(), strict=True):
            self._check_inside(name, axis, column)
        return _interpolate(found, list(self.grid.values()), points)

    @staticmethod
    def _check_inside(name: str, axis: np.ndarray, values: np.ndarray) -> None:
        near = 1e-9 * max(float(np.ptp(axis)), 1e-300)
        if values.min(initial=np.inf) < axis.min() - near or values.max(initial=-np.inf) > axis.max() + near:
            raise ParameterError(
                f"the calibration of {name} reaches from {axis.min():g} to {axis.max():g}; "
                f"{values.min():g} to {values.max():g} was asked of it: calibrate on a wider grid"
            )

    def check(self, names: Sequence[str], fixed: Mapping[str, float], digests: Mapping[str, str]) -> None:
        """Raise ConfigurationError unless this calibrates these parameters of this likelihood."""
        if self.names != tuple(names):
            raise ConfigurationError(
                f"the calibration is of {' and '.join(self.names)}, the question of {' and '.join(names)}"
            )
        if dict(self.provenance.digests) != dict(digests):
            differ = [k for k in digests if self.provenance.digests.get(k) != digests[k]]
            raise ConfigurationError(
                f"the calibration was made with another {' and '.join(differ) or 'likelihood'}; calibrate again"
            )
        if dict(self.fixed) != dict(fixed):
            held = [", ".join(f"{k}={v:g}" for k, v in f.items()) or "none" for f in (self.fixed, fixed)]
            raise ConfigurationError(f"the calibration has the fixed parameters {held[0]}; the question {held[1]}")

    def how(self) -> str:
        """How critical values were found, in words."""
        if self.exact:
            return "Feldman–Cousins, exact: all outcomes enumerated"
        failed = int(self.failed.sum())
        lost = f"; {failed} of {self.statistic.size} toys failed and count where they ended" if failed else ""
        where = "nuisance parameters at their conditional fit"
        if len(self.settings) > 1:
            where = "the largest of those with nuisance parameters at their conditional fit and each group ±1σ from it"
        return f"Feldman–Cousins with {self.n_toys} toys a point, {where}, auxiliary data fluctuated{self._few()}{lost}"

    def _few(self) -> str:
        """Which levels so few toys cannot be trusted for: those that fewer than TAIL of them lie above."""
        highest = 1.0 - TAIL / self.n_toys
        return "" if highest >= 0.9 else f"; too few toys for levels above {100 * max(highest, 0.0):.0f} %"

    def describe(self) -> str:
        """One line: what was computed, how, and how far it is from Wilks' theorem."""
        parts = []
        for cl in LEVELS[:2]:
            c, expected = self.critical(cl), wilks.threshold(cl, len(self.grid))
            parts.append(f"{100 * cl:.4g} %: {np.nanmin(c):.3g} to {np.nanmax(c):.3g} (Wilks {expected:.3g})")
        size = " × ".join(str(len(v)) for v in self.grid.values())
        lead = f"critical values of −2 Δ ln L for {', '.join(self.names)} on {size} points"
        return f"{lead}, {'; '.join(parts)}; {self.how()}"

    def table(self) -> Table:
        """One row a grid point: critical values at three levels with the range that the number of toys leaves open."""
        mesh = np.meshgrid(*self.grid.values(), indexing="ij")
        columns = [m.ravel() for m in mesh]
        heads = list(self.names)
        for cl in LEVELS:
            columns.append(self.critical(cl).ravel())
            heads.append(f"{100 * cl:.4g} %")
            if not self.exact:
                columns += [edge.ravel() for edge in self.critical_range(cl)]
                heads += [f"{100 * cl:.4g} % −1σ", f"{100 * cl:.4g} % +1σ"]
        columns.append(self.failed.ravel())
        rows = tuple(tuple(float(c[i]) for c in columns) for i in range(columns[0].size))
        wilks_said = ", ".join(f"{wilks.threshold(cl, len(self.grid)):.4g} at {100 * cl:.4g} %" for cl in LEVELS)
        held = ", ".join(f"{k}={v:g}" for k, v in self.fixed.items())
        return Table(
            f"calibration of {' and '.join(self.names)} (truths from the fit to {self.data_kind} data)",
            (*heads, "failed toys"),
            rows,
            (
                self.describe(),
                f"Wilks' theorem: {wilks_said}",
                *([] if self.exact else ["−1σ, +1σ: what the number of toys leaves open"]),
                *([f"fixed: {held}"] if held else []),
                *self.small_print(),
            ),
            labels=self.labels(),
        )


def _interpolate(values: np.ndarray, axes: Sequence[np.ndarray], points: np.ndarray) -> np.ndarray:
    """Multilinear interpolation on a grid, (n,)."""
    total = np.zeros(len(points))
    cells, shares = [], []
    for axis, x in zip(axes, points.T, strict=True):
        cell = np.clip(np.searchsorted(axis, x, side="right") - 1, 0, max(len(axis) - 2, 0))
        width = axis[np.minimum(cell + 1, len(axis) - 1)] - axis[cell]
        cells.append(cell)
        shares.append(np.clip((x - axis[cell]) / np.where(width > 0, width, 1.0), 0.0, 1.0))
    for corner in product((0, 1), repeat=len(axes)):
        index = tuple(np.minimum(c + k, len(a) - 1) for c, k, a in zip(cells, corner, axes, strict=True))
        weight = np.prod([s if k else 1 - s for s, k in zip(shares, corner, strict=True)], axis=0)
        total += weight * np.where(weight > 0, values[index], 0.0)
    return total
