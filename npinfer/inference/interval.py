"""interval: where the profile likelihood ratio of one parameter stays below a threshold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from npinfer.core import wilks
from npinfer.core.provenance import Provenance
from npinfer.core.result import Calibration, Interval, Quantity, Segment
from npinfer.core.result.tail import TIE
from npinfer.errors import ConfigurationError, InferenceError, ParameterError, unknown
from npinfer.inference.fit import best_fit, covariance_at, full_names
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.minima import Minima
from npinfer.inference.minimise import free_mask, minimise, start_points

METHODS = ("profile",)
GRID_POINTS = 33  # of the first look around the best fit; every crossing is then refined
COARSE_POINTS = 25  # of the first look over all the bounds
MARGIN = 0.4  # of the width of a piece, on either side of it, where its profile is evaluated too
WIDENINGS = 12
HIGHEST = 1e12  # critical value that stands for an infinite one
Critical = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class IntervalOptions:
    """A question for intervals of one parameter, as `coverage` asks it.

    name: of the parameter; cl: confidence levels; fixed: parameters that are held; calibration: critical values, or
    None for those of Wilks' theorem.
    """

    name: str
    cl: tuple[float, ...] = (0.68, 0.90)
    fixed: Mapping[str, float] = field(default_factory=dict)
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        for cl in self.cl:
            wilks.check_cl(cl)


def interval(
    likelihood: Any,
    name: str,
    *,
    cl: float = 0.68,
    method: str = "profile",
    fixed: Mapping[str, float] | None = None,
    calibration: Calibration | None = None,
    options: FitOptions = FitOptions(),
) -> Interval:
    """The values of a parameter with a profile likelihood ratio below the threshold of Wilks' theorem.

    calibration: of this parameter (`calibrate`), whose critical values take the place of the threshold. A profile with
    several minima gives several segments; an end at a bound of the parameter is said to be one. Raises ParameterError,
    InferenceError or ConfigurationError.
    """
    wilks.check_cl(cl)
    if method not in METHODS:
        raise ConfigurationError(unknown("interval method", method, METHODS))
    fixed = full_names(likelihood, fixed)
    parameter = likelihood.parameters[name]
    if parameter.name in fixed:
        raise ParameterError(f"parameter {parameter.name!r} is fixed: an interval needs it free")
    curve = _Curve(likelihood, parameter.name, fixed, options)
    if calibration is None:
        found = _by_wilks(curve, wilks.threshold(cl))
    else:
        calibration.check((parameter.name,), fixed, likelihood.description.digests)
        found = _by_calibration(curve, calibration, cl)
    return Interval(
        description=likelihood.description,
        provenance=Provenance.record(likelihood.description, seed=calibration.provenance.seed if calibration else None),
        quantity=Quantity.of(parameter),
        cl=cl,
        best=curve.best,
        fixed=fixed,
        data_kind=likelihood.data.kind,
        **found,
    )


def _by_wilks(curve: _Curve, threshold: float) -> dict[str, Any]:
    """The fields of an interval with one threshold everywhere."""
    grid, heights, segments = curve.segments(threshold)
    return {
        "threshold": threshold,
        "segments": segments,
        "calibration": "Wilks' theorem, 1 degree of freedom; not calibrated with toys",
        "curve": np.stack([grid, heights, np.full(len(grid), threshold)]),
    }


def _by_calibration(curve: _Curve, calibration: Calibration, cl: float) -> dict[str, Any]:
    """The fields of an interval whose threshold depends on the value, with what the number of toys leaves open."""
    (nodes,) = calibration.grid.values()
    grid, heights = curve.on(np.union1d(nodes, np.linspace(nodes[0], nodes[-1], GRID_POINTS)))

    def critical(values: np.ndarray, shift: int = 0) -> np.ndarray:
        found = calibration.at(cl, np.clip(values, nodes[0], nodes[-1])[:, None], shift=shift)
        return np.minimum(found + TIE, HIGHEST)

    pieces = {shift: curve.pieces(grid, heights, partial(critical, shift=shift)) for shift in (0, -1, 1)}
    segments, ends = pieces[0], [(p[0].lower, p[-1].upper) for p in pieces.values() if p]
    spread = [0.5 * float(np.ptp(e)) if len(ends) == 3 else 0.0 for e in zip(*ends, strict=True)] or [0.0, 0.0]
    edges = []
    if segments and segments[0].lower_at_bound and nodes[0] > curve.low:
        segments, edges = (replace(segments[0], lower_at_bound=False), *segments[1:]), [f"{nodes[0]:g}"]
    if segments and segments[-1].upper_at_bound and nodes[-1] < curve.high:
        segments, edges = (*segments[:-1], replace(segments[-1], upper_at_bound=False)), [*edges, f"{nodes[-1]:g}"]
    return {
        "threshold": float(critical(np.array([curve.best]))[0]),
        "segments": segments,
        "calibration": calibration.how(),
        "curve": np.stack([grid, heights, critical(grid)]),
        "toy_errors": (spread[0], spread[1]),
        "message": "; ".join(_caveats(curve, calibration, edges)),
    }


def _caveats(curve: _Curve, calibration: Calibration, edges: list[str]) -> list[str]:
    """What limits a calibrated interval other than the data, in words."""
    said, kind = [], curve.likelihood.data.kind
    if edges:
        said.append(
            f"it reaches the end of the calibration's grid at {' and '.join(edges)}, and may go on beyond: "
            "calibrate on a wider grid"
        )
    if calibration.data_kind != kind:
        said.append(f"calibrated around the fit to {calibration.data_kind} data, used on {kind} data")
    return said


class _Curve:
    """The profile of one parameter, evaluated where it is asked for, many points at once."""

    def __init__(self, likelihood: Any, name: str, fixed: Mapping[str, float], options: FitOptions) -> None:
        self.likelihood, self.options = likelihood, options
        self.index = likelihood.parameters.index(name)
        self.low, self.high = likelihood.parameters[name].bounds
        self.starts = likelihood.parameters[name].starts
        minima, self.all_free = best_fit(likelihood, fixed, None, options)
        self.free = free_mask(likelihood, {**fixed, name: 0.0})
        self._take(minima)
        covariance, kept = covariance_at(likelihood, minima.points, self.all_free)
        at = np.flatnonzero(kept == self.index)
        width = self.high - self.low if np.isfinite([self.low, self.high]).all() else 1.0 + abs(self.best)
        self.sigma = float(np.sqrt(max(covariance[at[0], at[0]], 0.0))) if len(at) else 0.05 * width
        self.sigma = min(max(self.sigma, 1e-6 * width), width)
        for group in likelihood.parameters.simplexes():
            if self.index in group:
                others = [i for i in group if i != self.index and likelihood.parameters.names[i] in fixed]
                self.high = min(self.high, 1.0 - float(minima.points[0][others].sum()))

    def _take(self, minima: Minima) -> None:
        self.minimum, self.point = float(minima.nll[0]), minima.points[0]
        self.best = float(self.point[self.index])

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """delta_twice_nll at values of the parameter; a lower minimum than the best fit leads to a better one."""
        starts = start_points(self.likelihood, self.point, self.free, self.options)
        points = []
        for start in starts:
            rows = np.tile(start, (len(values), 1))
            rows[:, self.index] = values
            points.append(self.likelihood.parameters.shrink(rows, self.free))
        packed = self.likelihood.pack(None)
        minima = minimise(self.likelihood, packed, points, self.free, self.options)
        i = int(np.argmin(minima.nll))
        if minima.nll[i] < self.minimum - 1e-7:
            self._take(minimise(self.likelihood, packed, [minima.points[i : i + 1]], self.all_free, self.options))
        return np.maximum(2 * (minima.nll - self.minimum), 0.0)

    def on(self, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A grid of the nodes and the best fit between them, and the heights there; raises InferenceError."""
        for _ in range(WIDENINGS):
            inside = [self.best] if nodes[0] < self.best < nodes[-1] else []
            grid, before = np.unique(np.r_[nodes, inside]), self.minimum
            heights = self(grid)
            if self.minimum >= before - 1e-7:
                return grid, heights
        raise self._unsettled()

    def segments(self, threshold: float) -> tuple[np.ndarray, np.ndarray, tuple[Segment, ...]]:
        """A grid, the heights there and the pieces below the threshold, refined to a millionth of the threshold.

        The first look is fine around the best fit and coarse over the rest of the bounds, where there may be other
        minima; a bound that is infinite is approached until the profile is above the threshold. The grid is fine
        around each piece too.
        """
        reach = 3.0 * np.sqrt(threshold) * self.sigma
        for _ in range(WIDENINGS):
            low, high = max(self.low, self.best - reach), min(self.high, self.best + reach)
            ends = [self.low if np.isfinite(self.low) else low, self.high if np.isfinite(self.high) else high]
            others = [*np.linspace(*ends, COARSE_POINTS), *self.starts, self.best]
            grid = np.unique(np.clip(np.r_[np.linspace(low, high, GRID_POINTS), others], *ends))
            before = self.minimum
            heights = self(grid)
            if self.minimum < before - 1e-7:  # a better minimum turned up: look again from there
                continue
            if (heights[0] < threshold and grid[0] > self.low) or (heights[-1] < threshold and grid[-1] < self.high):
                reach *= 2.5
                continue
            pieces = self.pieces(grid, heights, lambda values: np.full(len(values), threshold))
            near = self._around(pieces, *ends)
            grid, heights = _merged(grid, heights, near, self(near))
            if self.minimum >= before - 1e-7:
                return grid, heights, pieces
        raise self._unsettled()

    def _around(self, pieces: tuple[Segment, ...], low: float, high: float) -> np.ndarray:
        """Values that show the profile over each piece, at its ends and on a margin, between low and high."""
        ends = np.array([(p.lower, p.upper) for p in pieces])
        margins = MARGIN * np.diff(ends)
        reaches = np.clip(ends + margins * [-1, 1], low, high)
        return np.r_[np.linspace(*reaches.T, GRID_POINTS).ravel(), ends.ravel()]

    def _unsettled(self) -> InferenceError:
        return InferenceError(
            f"no interval of {self.likelihood.parameters.names[self.index]} found: its profile does not settle; "
            "profile it on a grid"
        )

    def pieces(self, grid: np.ndarray, heights: np.ndarray, critical: Critical) -> tuple[Segment, ...]:
        """The pieces of a grid at or below a critical value, their ends refined between its points."""
        below = heights <= critical(grid)
        starts = np.flatnonzero(below & ~np.r_[False, below[:-1]])
        stops = np.flatnonzero(below & ~np.r_[below[1:], False])
        rising, falling = stops[stops < len(grid) - 1], starts[starts > 0]
        inner, outer = np.r_[falling, rising], np.r_[falling - 1, rising + 1]
        crossings = self._cross((grid[inner], heights[inner]), (grid[outer], heights[outer]), critical)
        lower, upper = crossings[: len(falling)].tolist(), crossings[len(falling) :].tolist()
        at_low, at_high = bool(below[0]), bool(below[-1])
        lower, upper = ([float(grid[0])] if at_low else []) + lower, upper + ([float(grid[-1])] if at_high else [])
        last = len(lower) - 1
        return tuple(
            Segment(lo, hi, at_low and k == 0, at_high and k == last)
            for k, (lo, hi) in enumerate(zip(lower, upper, strict=True))
        )

    def _cross(
        self, inside: tuple[np.ndarray, np.ndarray], outside: tuple[np.ndarray, np.ndarray], critical: Critical
    ) -> np.ndarray:
        """Where the profile crosses the critical value between points (values, heights), all crossings at once."""
        excess = lambda x, heights: np.sqrt(np.minimum(heights, HIGHEST)) - np.sqrt(critical(x))
        (a, fa), (b, fb) = ((x.copy(), excess(x, heights)) for x, heights in (inside, outside))
        for step in range(60):
            if not len(a) or (np.abs(b - a) <= 1e-9 * (1e-3 + np.abs(a))).all():
                break
            steep = (fb < np.sqrt(HIGHEST) / 2) & (fb != fa) & (step % 3 != 2)  # else halve, as towards infinity
            secant = b - np.where(steep, fb, 0.0) * (b - a) / np.where(steep, fb - fa, 1.0)
            middle = np.where(steep, secant, 0.5 * (a + b))
            f = excess(middle, self(middle))
            if (np.abs(f) < 1e-7).all():
                return middle
            a, fa = np.where(f < 0, middle, a), np.where(f < 0, f, fa)
            b, fb = np.where(f < 0, b, middle), np.where(f < 0, fb, f)
        return 0.5 * (a + b)


def _merged(x: np.ndarray, y: np.ndarray, more_x: np.ndarray, more_y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of two curves in the order of x, each x once."""
    merged, first = np.unique(np.r_[x, more_x], return_index=True)
    return merged, np.r_[y, more_y][first]
