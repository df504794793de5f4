"""interval: where the profile likelihood ratio of one parameter stays below a threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from npinfer.core import wilks
from npinfer.core.provenance import Provenance
from npinfer.core.result import Interval, Quantity, Segment
from npinfer.errors import ConfigurationError, InferenceError, ParameterError, unknown
from npinfer.inference.fit import best_fit, covariance_at, full_names
from npinfer.inference.minimise import FitOptions, Minima, free_mask, minimise, start_points

METHODS = ("profile",)
GRID_POINTS = 33  # of the first look around the best fit; every crossing is then refined
COARSE_POINTS = 25  # of the first look over all the bounds
WIDENINGS = 12


def interval(
    likelihood: Any,
    name: str,
    *,
    cl: float = 0.68,
    method: str = "profile",
    fixed: Mapping[str, float] | None = None,
    options: FitOptions = FitOptions(),
) -> Interval:
    """The values of a parameter with a profile likelihood ratio below the threshold of Wilks' theorem.

    A profile with several minima gives several segments; an end at a bound of the parameter is said to be one.
    Raises ParameterError, InferenceError or ConfigurationError.
    """
    wilks.check_cl(cl)
    if method not in METHODS:
        raise ConfigurationError(unknown("interval method", method, METHODS))
    parameter = likelihood.parameters[name]
    fixed = full_names(likelihood, fixed)
    if parameter.name in fixed:
        raise ParameterError(f"parameter {parameter.name!r} is fixed: an interval needs it free")
    curve = _Curve(likelihood, parameter.name, fixed, options)
    threshold = wilks.threshold(cl)
    segments = curve.segments(threshold)
    return Interval(
        description=likelihood.description,
        provenance=Provenance.record(likelihood.description),
        quantity=Quantity.of(parameter),
        cl=cl,
        threshold=threshold,
        best=curve.best,
        segments=segments,
        calibration="Wilks' theorem, 1 degree of freedom; not calibrated with toys",
        fixed=fixed,
        data_kind=likelihood.data.kind,
    )


class _Curve:
    """The profile of one parameter, evaluated where it is asked for, many points at once."""

    def __init__(self, likelihood: Any, name: str, fixed: Mapping[str, float], options: FitOptions) -> None:
        self.likelihood, self.options = likelihood, options
        self.index = likelihood.parameters.index(name)
        self.low, self.high = likelihood.parameters[name].bounds
        self.starts = likelihood.parameters[name].starts
        minima, all_free = best_fit(likelihood, fixed, None, options)
        self.free = free_mask(likelihood, {**fixed, name: 0.0})
        self._take(minima)
        covariance, kept = covariance_at(likelihood, minima.points, all_free)
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
        """delta_twice_nll at values of the parameter; a lower minimum than the best fit becomes the best fit."""
        starts = start_points(self.likelihood, self.point, self.free, self.options)
        points = []
        for start in starts:
            rows = np.tile(start, (len(values), 1))
            rows[:, self.index] = values
            points.append(self.likelihood.parameters.shrink(rows, self.free))
        minima = minimise(self.likelihood, self.likelihood.pack(None), points, self.free, self.options)
        if minima.nll.min() < self.minimum - 1e-7:
            i = int(np.argmin(minima.nll))
            self._take(
                Minima(minima.points[i : i + 1], minima.nll[i : i + 1], minima.edm[i : i + 1], minima.valid[i : i + 1])
            )
        return np.maximum(2 * (minima.nll - self.minimum), 0.0)

    def segments(self, threshold: float) -> tuple[Segment, ...]:
        """The pieces below the threshold, refined to a millionth of the threshold.

        The first look is fine around the best fit and coarse over the rest of the bounds, where there may be other
        minima; a bound that is infinite is approached until the profile is above the threshold.
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
            return self._pieces(grid, heights, threshold)
        raise InferenceError(
            f"no interval of {self.likelihood.parameters.names[self.index]} found: its profile does not settle; "
            "profile it on a grid"
        )

    def _pieces(self, grid: np.ndarray, heights: np.ndarray, threshold: float) -> tuple[Segment, ...]:
        below = heights < threshold
        starts = np.flatnonzero(below & ~np.r_[False, below[:-1]])
        stops = np.flatnonzero(below & ~np.r_[below[1:], False])
        rising, falling = stops[stops < len(grid) - 1], starts[starts > 0]
        inner, outer = np.r_[falling, rising], np.r_[falling - 1, rising + 1]
        crossings = self._cross(grid[inner], heights[inner], grid[outer], heights[outer], threshold)
        lower, upper = crossings[: len(falling)].tolist(), crossings[len(falling) :].tolist()
        at_low, at_high = bool(below[0]), bool(below[-1])
        lower, upper = ([float(grid[0])] if at_low else []) + lower, upper + ([float(grid[-1])] if at_high else [])
        last = len(lower) - 1
        return tuple(
            Segment(lo, hi, at_low and k == 0, at_high and k == last)
            for k, (lo, hi) in enumerate(zip(lower, upper, strict=True))
        )

    def _cross(
        self, inside: np.ndarray, low: np.ndarray, outside: np.ndarray, high: np.ndarray, threshold: float
    ) -> np.ndarray:
        """Where the profile crosses the threshold between points inside and outside, all crossings at once."""
        a, fa, b, fb = (
            inside.copy(),
            np.sqrt(low) - np.sqrt(threshold),
            outside.copy(),
            np.sqrt(high) - np.sqrt(threshold),
        )
        for step in range(60):
            if not len(a) or (np.abs(b - a) <= 1e-9 * (1e-3 + np.abs(a))).all():
                break
            steep = np.isfinite(fb) & (fb != fa) & (step % 3 != 2)  # every third step halves, as one towards infinity
            secant = b - np.where(steep, fb, 0.0) * (b - a) / np.where(steep, fb - fa, 1.0)
            middle = np.where(steep, secant, 0.5 * (a + b))
            f = np.sqrt(self(middle)) - np.sqrt(threshold)
            if (np.abs(f) < 1e-7).all():
                return middle
            a, fa = np.where(f < 0, middle, a), np.where(f < 0, f, fa)
            b, fb = np.where(f < 0, b, middle), np.where(f < 0, fb, f)
        return 0.5 * (a + b)
