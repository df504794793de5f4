"""Contraction: cell weights folded with a response once, at load, and tabulated in the few shape parameters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.polynomial import chebyshev

from npinfer.errors import ConfigurationError
from npinfer.physics.registry import Weights, parameter_names

TOLERANCE = 1e-8  # of every bin's count, relative, or of EMPTY where the bin holds less
EMPTY = 1e-6  # events
FLOOR = 1e-12  # events: a bin never expects less, where a response's interpolation undershoots zero
DETECTOR_NODES = 5  # the detector response is defined by interpolation of counts between this many folds
START_NODES, MORE_NODES, MAX_NODES = 16, 8, 64


class Contracted:
    """Counts of one `Weights`: Σ_k mix_k(θ) · table_k,bin(shape parameters, detector parameters) · tilt_bin(shape).

    The tilt is the exponential in the shape parameters that takes out most of a bin's dependence: for a spectral
    index, (bin's energy)^-index. The table holds Chebyshev coefficients of what remains. In the shape parameters its
    error against the fold is measured (`error`, below `TOLERANCE`); in the detector parameters the interpolation
    between `DETECTOR_NODES` folds is the definition.
    """

    def __init__(
        self, weights: Weights, bounds: Mapping[str, tuple[float, float]], order: tuple[str, ...], bins: Mapping[str, int]
    ) -> None:
        self.weights = weights
        self.mix_names = parameter_names(weights.mix)
        self.shape_names = parameter_names(weights.shape)
        self.detector_names = tuple(weights.response.parameters)
        self.names = tuple(dict.fromkeys((*self.mix_names, *self.shape_names, *self.detector_names)))
        self._order, self._bins = order, dict(bins)
        axes = (*self.shape_names, *self.detector_names)
        self._low = np.array([bounds[n][0] for n in axes])
        self._high = np.array([bounds[n][1] for n in axes])
        self._mix_at = [self.names.index(n) for n in self.mix_names]
        self._axis_at = [self.names.index(n) for n in axes]
        self._detector_grid = _grid([self._nodes(DETECTOR_NODES, len(self.shape_names) + i) for i in range(len(self.detector_names))])
        self._tabulate()

    # ---- the table

    def _nodes(self, count: int, axis: int) -> np.ndarray:
        """Chebyshev points of the first kind on the range of an axis."""
        low, high = self._low[axis], self._high[axis]
        return 0.5 * (low + high) + 0.5 * (high - low) * np.cos(np.pi * (np.arange(count) + 0.5) / count)

    def _folds(self, shape_values: np.ndarray) -> np.ndarray:
        """Counts with unit mix, (points, detector nodes, components, bins), at values of the shape parameters."""
        cells = self.weights.shape(**{n: shape_values[:, i] for i, n in enumerate(self.shape_names)})
        points, self.components = cells.shape[:2]
        flat = cells.reshape(points * self.components, *cells.shape[2:])
        counts = []
        for node in self._detector_grid:
            folded = self.weights.response.fold(flat, **dict(zip(self.detector_names, node, strict=True)))
            parts = [folded[n] if n in folded else np.zeros((len(flat), self._bins[n])) for n in self._order]
            counts.append(np.concatenate(parts, axis=-1).reshape(points, self.components, -1))
        return np.stack(counts, axis=1)

    def _tabulate(self) -> None:
        """Raise the number of nodes, where the coefficients fall slowest, until the measured error is small enough."""
        shapes = len(self.shape_names)
        detector_sizes = (DETECTOR_NODES,) * len(self.detector_names)
        draws = np.random.default_rng(0).random((8, shapes))
        probe = self._low[:shapes] + (self._high - self._low)[:shapes] * draws
        exact = self._folds(probe)
        self._tilts = self._measured_tilts()
        nodes = [START_NODES] * shapes
        while True:
            grid = _grid([self._nodes(count, i) for i, count in enumerate(nodes)])
            flat = self._folds(grid) / self._tilt(grid)[:, None, None, :]
            table = flat.reshape(*nodes, *detector_sizes, -1)
            for axis, size in enumerate((*nodes, *detector_sizes)):
                table = np.moveaxis(np.tensordot(_to_coefficients(size), table, (1, axis)), 0, axis)
            self._pack(table)
            self.error = self._measure(probe, exact)
            if self.error < TOLERANCE or not shapes:
                return
            tails = [np.abs(np.take(table, range(n - 2, n), axis=i)).max() for i, n in enumerate(nodes)]
            slowest = int(np.argmax(tails))
            nodes[slowest] += MORE_NODES
            if nodes[slowest] > MAX_NODES:
                spans = zip(self.shape_names, self._low, self._high, strict=False)
                where = " × ".join(f"{n} in [{low:g}, {high:g}]" for n, low, high in spans)
                raise ConfigurationError(
                    f"counts tabulated over {where} have an error of {self.error:.1e}; narrow the bounds"
                )

    def _measured_tilts(self) -> np.ndarray:
        """d ln counts / d shape parameter between the ends of its range, (shape parameters, bins)."""
        shapes = len(self.shape_names)
        middle = 0.5 * (self._low + self._high)[:shapes]
        tilts = []
        for i in range(shapes):
            ends = np.tile(middle, (2, 1))
            ends[:, i] = self._low[i], self._high[i]
            counts = self._folds(ends).sum(axis=(1, 2))
            safe = (counts > 0).all(axis=0)
            ratio = np.where(safe, counts[1], 1.0) / np.where(safe, counts[0], 1.0)
            tilts.append(np.log(ratio) / (self._high[i] - self._low[i]))
        return np.array(tilts).reshape(shapes, -1)

    def _tilt(self, axes_values: np.ndarray) -> np.ndarray:
        """exp(Σ tilt · (shape parameter − middle of its range)), (batch, bins or 1)."""
        shapes = len(self.shape_names)
        middle = 0.5 * (self._low + self._high)[:shapes]
        return np.exp((axes_values[:, :shapes] - middle) @ self._tilts) if shapes else np.ones((len(axes_values), 1))

    def _pack(self, table: np.ndarray) -> None:
        """Keep the coefficients that matter as one matrix (terms, components × bins), with their degrees."""
        self._sizes = table.shape[:-1]
        flat = table.reshape(-1, table.shape[-1])
        degrees = np.indices(self._sizes).reshape(len(self._sizes), -1)
        largest = np.abs(flat).max(axis=0)
        keep = (np.abs(flat) > 1e-12 * largest).any(axis=-1)
        keep[0] = True
        self._degrees, self._table = degrees[:, keep], np.ascontiguousarray(flat[keep])

    def _measure(self, probe: np.ndarray, exact: np.ndarray) -> float:
        """Largest error of the table at points off its nodes, relative to the count or to EMPTY."""
        grid = self._detector_grid
        points = np.concatenate([np.repeat(probe, len(grid), axis=0), np.tile(grid, (len(probe), 1))], axis=1)
        got = (self._parts(self._basis(points)) * self._tilt(points)[:, None]).reshape(exact.shape)
        return float((np.abs(got - exact) / (np.abs(exact) + EMPTY)).max())

    # ---- evaluation

    def _factors(self, axes_values: np.ndarray) -> list[np.ndarray]:
        """T_k(x) for all k, (batch, nodes), of each axis."""
        scaled = (2 * axes_values - self._low - self._high) / (self._high - self._low)
        angle = np.arccos(np.clip(scaled, -1.0, 1.0))
        return [np.cos(angle[:, i, None] * np.arange(size)) for i, size in enumerate(self._sizes)]

    def _basis(self, axes_values: np.ndarray) -> np.ndarray:
        """Products of Chebyshev polynomials, (batch, terms)."""
        return self._product(self._factors(axes_values), len(axes_values))

    def _product(self, factors: list[np.ndarray], batch: int) -> np.ndarray:
        result = np.ones((batch, 1))
        for factor, degree in zip(factors, self._degrees, strict=True):
            result = result * factor[:, degree]
        return result

    def _parts(self, basis: np.ndarray) -> np.ndarray:
        return (basis @ self._table).reshape(len(basis), self.components, -1)

    def counts(self, values: np.ndarray) -> np.ndarray:
        """Counts (batch, bins) at values of `names`, (batch, names)."""
        axes_values = values[:, self._axis_at]
        parts = self._parts(self._basis(axes_values))
        total = np.matmul(self._mix(values)[:, None, :], parts)[:, 0]
        total *= self._tilt(axes_values)
        return np.maximum(total, FLOOR, out=total)

    def jacobian(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts (batch, bins) and their derivatives (batch, names, bins)."""
        axes_values = values[:, self._axis_at]
        factors, mix, tilt = self._factors(axes_values), self._mix(values)[:, None, :], self._tilt(axes_values)[:, None, :]
        parts = self._parts(self._product(factors, len(values)))
        parts *= tilt
        total = np.matmul(mix, parts)[:, 0]
        result = np.zeros((len(values), len(self.names), parts.shape[-1]))
        for i, at in enumerate(self._axis_at):
            slope = factors[i] @ _derivative(self._sizes[i]) * (2 / (self._high[i] - self._low[i]))
            basis = self._product([*factors[:i], slope, *factors[i + 1 :]], len(values))
            result[:, at] += np.matmul(mix, self._parts(basis) * tilt)[:, 0]
            if i < len(self.shape_names):
                result[:, at] += total * self._tilts[i]
        result[:, self._mix_at] += np.matmul(self._mix_derivative(values), parts)
        low = total < FLOOR
        if low.any():
            result *= ~low[:, None, :]
            total = np.maximum(total, FLOOR)
        return total, result

    def uncontracted(self, values: np.ndarray) -> np.ndarray:
        """Counts (batch, bins) without the table: every fold done at the very shape parameters."""
        axes_values = values[:, self._axis_at]
        shapes = len(self.shape_names)
        folds = self._folds(axes_values[:, :shapes])
        folds = folds.reshape(len(values), *(DETECTOR_NODES,) * len(self.detector_names), *folds.shape[2:])
        for i in range(shapes, len(self._low)):
            x = (2 * axes_values[:, i] - self._low[i] - self._high[i]) / (self._high[i] - self._low[i])
            lagrange = chebyshev.chebvander(x, DETECTOR_NODES - 1) @ _to_coefficients(DETECTOR_NODES)
            folds = np.einsum("nj,nj...->n...", lagrange, folds)
        return np.maximum(np.einsum("nk,nkb->nb", self._mix(values), folds), FLOOR)

    def _mix(self, values: np.ndarray) -> np.ndarray:
        return self.weights.mix(**{n: values[:, i] for n, i in zip(self.mix_names, self._mix_at, strict=True)})

    def _mix_derivative(self, values: np.ndarray) -> np.ndarray:
        """d mix / d parameters, (batch, mix parameters, components)."""
        return complex_step(lambda v: self.weights.mix(**dict(zip(self.mix_names, v.T, strict=True))), values[:, self._mix_at])


def complex_step(function, values: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Derivative of an analytic function (batch, p) → (batch, ...) in each argument, (batch, p, ...), exact to rounding."""
    n, p = values.shape
    step = 1e-30
    shifted = values[:, None, :] + 1j * step * np.eye(p)
    result = np.asarray(function(shifted.reshape(n * p, p)))
    return result.imag.reshape(n, p, *result.shape[1:]) / step


def _to_coefficients(count: int) -> np.ndarray:
    """Matrix from values on the Chebyshev points to coefficients, (count, count)."""
    j = np.arange(count)
    matrix = 2.0 / count * np.cos(np.pi * np.outer(j, j + 0.5) / count)
    matrix[0] /= 2
    return matrix


@cache
def _derivative(count: int) -> np.ndarray:
    """Matrix with dT_k/dx = Σ_j T_j matrix[j, k], (count, count)."""
    columns = [chebyshev.chebder(np.eye(count)[k]) for k in range(count)]
    return np.array([np.pad(c, (0, count))[:count] for c in columns]).T


def _grid(axes: list[np.ndarray]) -> np.ndarray:
    """All combinations, (points, axes); one empty point without axes."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes)) if axes else np.zeros((1, 0))
