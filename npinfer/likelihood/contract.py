"""Contraction: cell weights folded with a response once, at load, on a reduced basis of their shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.polynomial import chebyshev

from npinfer.errors import ConfigurationError
from npinfer.physics.registry import Weights, parameter_names

TOLERANCE = 1e-8  # of every bin's count, relative, or of EMPTY where the bin holds less
EMPTY = 1e-6  # events
FLOOR = 1e-12  # events: a bin never expects less, so that a vanishing norm keeps a finite density and slope
DETECTOR_NODES = 5  # the detector response is defined by interpolation of counts between this many folds
SAMPLES = 128  # of the shape parameters, at first; doubled until the error is small enough
MAX_SAMPLES = 4096
CURVE_NODES = 64  # of the curve that the basis coordinates follow in a single shape parameter
SMALLEST = 1e-15  # singular value, relative to the largest, that is kept

# The root of x^(d+1) = x + 1, the golden ratio for one dimension, generalised: M. Roberts, 2018.
_GOLDEN = {d: float(np.real(np.roots([1.0, *[0.0] * (d - 1), -1.0, -1.0])).max()) for d in range(1, 9)}
_DEGREES = np.arange(DETECTOR_NODES)
_NODES = np.cos(np.pi * (_DEGREES + 0.5) / DETECTOR_NODES)  # Chebyshev points of the first kind
_TO_COEFFICIENTS = np.linalg.inv(_NODES[:, None] ** _DEGREES)  # from values there to coefficients of powers


class Contracted:
    """Counts of one `Weights`: Σ_k,r mix_k · (shape's component r) · (fold of pattern_k × basis_r)_bin.

    The basis spans all the shapes that the shape parameters reach inside their bounds: the singular vectors of many
    sampled shapes. Its error against the fold is measured at load (`error`, below `TOLERANCE`). The dependence on
    detector parameters is defined as the polynomial through `DETECTOR_NODES` folds.
    """

    def __init__(
        self,
        weights: Weights,
        bounds: Mapping[str, tuple[float, float]],
        order: tuple[str, ...],
        bins: Mapping[str, int],
    ) -> None:
        self.weights = weights
        self.mix_names = parameter_names(weights.mix)
        self.shape_names = parameter_names(weights.shape)
        self.detector_names = tuple(weights.response.parameters)
        self.names = tuple(dict.fromkeys((*self.mix_names, *self.shape_names, *self.detector_names)))
        self._order, self._bins = order, dict(bins)
        self._mix_at, self._shape_at, self._detector_at = (
            np.array([self.names.index(n) for n in names], dtype=np.intp)
            for names in (self.mix_names, self.shape_names, self.detector_names)
        )
        for name in (*self.shape_names, *self.detector_names):
            if not np.isfinite(bounds[name]).all():
                raise ConfigurationError(f"parameter {name!r} shapes a template: it needs finite bounds")
        self._mix_columns = list(zip(self.mix_names, self._mix_at.tolist(), strict=True))
        self._shape_low, self._shape_high = (np.array([bounds[n][i] for n in self.shape_names]) for i in (0, 1))
        low, high = (np.array([bounds[n][i] for n in self.detector_names]) for i in (0, 1))
        self._centre, self._half = (low + high) / 2, (high - low) / 2
        self._nodes = _grid([c + h * _NODES for c, h in zip(self._centre, self._half, strict=True)])
        self._reduce()

    # ---- the table

    def _shapes(self, values: np.ndarray) -> np.ndarray:
        """The shapes at values of the shape parameters (points, parameters), flattened, (points, cells)."""
        found = self.weights.shape(**dict(zip(self.shape_names, values.T, strict=True)))
        self._cells = found.shape[1:]
        flat = found.reshape(len(found), -1)
        return np.broadcast_to(flat, (len(values), flat.shape[1]))

    def _folds(self, shapes: np.ndarray) -> np.ndarray:
        """Counts with unit mix of flattened shapes (points, cells): (points, detector nodes, components, bins)."""
        pattern = self.weights.pattern
        cells = pattern[None] * shapes.reshape(len(shapes), 1, *self._cells)
        flat = cells.reshape(len(shapes) * len(pattern), *cells.shape[2:])
        counts = []
        points = [dict(zip(self.detector_names, node.tolist(), strict=True)) for node in self._nodes]
        response = self.weights.response
        if hasattr(response, "fold_at"):
            folds = response.fold_at(flat, points)
        else:
            folds = [response.fold(flat, **point) for point in points]
        for folded in folds:
            parts = [folded[n] if n in folded else np.zeros((len(flat), self._bins[n])) for n in self._order]
            counts.append(np.concatenate(parts, axis=-1).reshape(len(shapes), len(pattern), -1))
        return np.stack(counts, axis=1)

    def _reduce(self) -> None:
        """Sample shapes, keep their singular vectors, fold those; more samples until the error is small enough."""
        samples = SAMPLES if self.shape_names else 1
        probe = self._sampled(8, seed=1)
        exact = self._folds(self._shapes(probe))
        while True:
            self._curve = None
            self._fold_basis(self._shapes(self._sampled(samples, seed=0)))
            self._cut(probe, exact)
            if len(self.shape_names) == 1:
                self._curve = _Curve(self._coordinates, float(self._shape_low[0]), float(self._shape_high[0]))
                self.error = self._measure(probe, exact)
            if self.error < TOLERANCE:
                return
            samples *= 2
            if samples > MAX_SAMPLES:
                spans = zip(self.shape_names, self._shape_low, self._shape_high, strict=True)
                where = " × ".join(f"{n} in [{low:g}, {high:g}]" for n, low, high in spans)
                raise ConfigurationError(
                    f"counts contracted over {where} have an error of {self.error:.1e}; narrow the bounds"
                )

    def _fold_basis(self, shapes: np.ndarray) -> None:
        """The singular vectors of sampled shapes (samples, cells), and their folds as polynomials of the detector's."""
        scale = np.maximum(np.abs(shapes).max(axis=0), 1e-200)
        _, sizes, vectors = np.linalg.svd(shapes / scale, full_matrices=False)
        basis = vectors[sizes > SMALLEST * sizes[0]]
        self._basis = np.ascontiguousarray((basis / scale).T)
        folded = self._folds(basis * scale)  # (basis, detector nodes, components, bins)
        self.components = folded.shape[2]
        table = folded.reshape(len(folded), *(DETECTOR_NODES,) * len(self.detector_names), -1)
        for axis in range(len(self.detector_names)):
            table = np.moveaxis(np.tensordot(_TO_COEFFICIENTS, table, (1, axis + 1)), 0, axis + 1)
        self._table = np.ascontiguousarray(table.reshape(-1, table.shape[-1]))

    def _cut(self, probe: np.ndarray, exact: np.ndarray) -> None:
        """Keep as few basis vectors as meet the tolerance with a margin of ten, or all of them."""
        basis, table = self._basis, self._table
        rows = len(table) // basis.shape[1]
        for size in range(1, basis.shape[1] + 1):
            self._basis, self._table = basis[:, :size].copy(), table[: size * rows].copy()
            self.error = self._measure(probe, exact)
            if self.error < 0.1 * TOLERANCE:
                return

    def _sampled(self, count: int, seed: int) -> np.ndarray:
        """Points that fill the box of the shape parameters and reach its corners, (points, shape parameters)."""
        dimensions = len(self.shape_names)
        if not dimensions:
            return np.zeros((1, 0))
        steps = _GOLDEN[dimensions] ** -np.arange(1.0, dimensions + 1.0)  # an additive recurrence fills the box evenly
        inner = np.modf(0.5 + seed / 3 + np.arange(1, count + 1)[:, None] * steps)[0]
        stretched = 0.5 - 0.5 * np.cos(np.pi * inner)  # denser towards the ends, where polynomials need it
        corners = _grid([np.array([0.0, 1.0])] * dimensions)
        unit = np.concatenate([corners, stretched])
        return self._shape_low + (self._shape_high - self._shape_low) * unit

    def _measure(self, probe: np.ndarray, exact: np.ndarray) -> float:
        """Largest error of the table, relative to the count or to EMPTY, where `_folds(_shapes(probe))` is exact."""
        points = np.concatenate(
            [np.repeat(probe, len(self._nodes), axis=0), np.tile(self._nodes, (len(probe), 1))], axis=1
        )
        shape_values, detector_values = points[:, : len(self.shape_names)], points[:, len(self.shape_names) :]
        parts = self._parts(self._coordinates(shape_values), self._polynomials(detector_values))
        return float((np.abs(parts.reshape(exact.shape) - exact) / (np.abs(exact) + EMPTY)).max())

    # ---- evaluation

    def _coordinates(self, shape_values: np.ndarray) -> np.ndarray:
        """The shape on the basis, (batch, basis)."""
        if self._curve is not None:
            return self._curve(shape_values[:, 0])
        return np.asarray(self._shapes(shape_values) @ self._basis)

    def _coordinate_slopes(self, shape_values: np.ndarray) -> np.ndarray:
        """Derivatives of the coordinates, (batch, shape parameters, basis)."""
        if self._curve is not None:
            return self._curve.slope(shape_values[:, 0])[:, None, :]
        if not self.shape_names:
            return np.zeros((len(shape_values), 0, self._basis.shape[1]))
        return complex_step(self._coordinates, shape_values)

    def _polynomials(self, detector_values: np.ndarray) -> list[np.ndarray]:
        """Powers x^0 … of each detector parameter, scaled to [-1, 1], (batch, nodes)."""
        if len(detector_values) == 1:  # plain floats are faster than arrays of one
            ends = zip(detector_values[0].tolist(), self._centre.tolist(), self._half.tolist(), strict=True)
            return [np.array([[((v - c) / h) ** k for k in range(DETECTOR_NODES)]]) for v, c, h in ends]
        x = (detector_values - self._centre) / self._half
        return [x[:, i, None] ** _DEGREES for i in range(len(self.detector_names))]

    def _parts(self, coordinates: np.ndarray, polynomials: list[np.ndarray]) -> np.ndarray:
        """Counts of each component with unit mix, (batch, components, bins)."""
        product = coordinates
        for factor in polynomials:
            product = (product[:, :, None] * factor[:, None, :]).reshape(len(product), -1)
        return (product @ self._table).reshape(len(product), self.components, -1)

    def row(self, values: np.ndarray) -> np.ndarray:
        """mix ⊗ shape's components, (batch, terms)."""
        mix, coordinates = self._mix(values), self._coordinates(values.take(self._shape_at, axis=1))
        return _kron(mix, coordinates)

    def times_detector(self, row: np.ndarray, values: np.ndarray) -> np.ndarray:
        """A row, or the rows of several sources with the same detector, ⊗ the polynomials of the detector parameters.

        Counts are this, (batch, terms), times `matrix`.
        """
        for factor in self._polynomials(values.take(self._detector_at, axis=1)):
            row = _kron(row, factor)
        return row

    @property
    def matrix(self) -> np.ndarray:
        """The table as a matrix (terms, bins) for what `times_detector` gives."""
        table = self._table.reshape(len(self._table), self.components, -1)
        return np.ascontiguousarray(np.moveaxis(table, 1, 0).reshape(-1, table.shape[-1]))

    def counts(self, values: np.ndarray) -> np.ndarray:
        """Counts (batch, bins) at values of `names`, (batch, names)."""
        polynomials = self._polynomials(values.take(self._detector_at, axis=1))
        parts = self._parts(self._coordinates(values.take(self._shape_at, axis=1)), polynomials)
        return floored(np.matmul(self._mix(values)[:, None, :], parts)[:, 0])

    def jacobian(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts (batch, bins) and their derivatives (batch, names, bins)."""
        counts, slopes = self.bare_jacobian(values)
        return floored(counts), slopes

    def bare_jacobian(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `jacobian`, of counts without their floor."""
        mix = self._mix(values)[:, None, :]
        shape_values, detector_values = values.take(self._shape_at, axis=1), values.take(self._detector_at, axis=1)
        coordinates, polynomials = self._coordinates(shape_values), self._polynomials(detector_values)
        parts = self._parts(coordinates, polynomials)
        total = np.matmul(mix, parts)[:, 0]
        result = np.zeros((len(values), len(self.names), parts.shape[-1]))
        slopes = self._coordinate_slopes(shape_values)
        for i, at in enumerate(self._shape_at):
            result[:, at] += np.matmul(mix, self._parts(slopes[:, i], polynomials))[:, 0]
        for i, at in enumerate(self._detector_at):
            slope = np.zeros_like(polynomials[i])
            slope[:, 1:] = polynomials[i][:, :-1] * _DEGREES[1:] / self._half[i]
            changed = [*polynomials[:i], slope, *polynomials[i + 1 :]]
            result[:, at] += np.matmul(mix, self._parts(coordinates, changed))[:, 0]
        result[:, self._mix_at] += np.matmul(self._mix_slopes(values), parts)
        return total, result

    def uncontracted(self, values: np.ndarray) -> np.ndarray:
        """Counts (batch, bins) without the basis: the very shapes are folded."""
        folds = self._folds(self._shapes(values.take(self._shape_at, axis=1)))
        folds = folds.reshape(len(values), *(DETECTOR_NODES,) * len(self.detector_names), *folds.shape[2:])
        for factor in self._polynomials(values.take(self._detector_at, axis=1)):
            folds = np.einsum("nj,nj...->n...", factor @ _TO_COEFFICIENTS, folds)
        return floored(np.einsum("nk,nkb->nb", self._mix(values), folds))

    def _mix(self, values: np.ndarray) -> np.ndarray:
        mix = self.weights.mix(**{name: values[:, i] for name, i in self._mix_columns})
        return mix if self.mix_names else np.broadcast_to(mix, (len(values), mix.shape[-1]))

    def _mix_slopes(self, values: np.ndarray) -> np.ndarray:
        """d mix / d parameters, (batch, mix parameters, components)."""
        if not self.mix_names:
            return np.zeros((len(values), 0, self.components))
        return complex_step(
            lambda v: self.weights.mix(**dict(zip(self.mix_names, v.T, strict=True))), values.take(self._mix_at, axis=1)
        )


class _Curve:
    """A smooth curve x → (coordinates,) on an interval, as Chebyshev polynomials of the degree that it needs."""

    def __init__(self, curve: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> None:
        self._centre, self._half = (low + high) / 2, (high - low) / 2
        nodes = np.cos(np.pi * (np.arange(CURVE_NODES) + 0.5) / CURVE_NODES)
        values = curve((self._centre + self._half * nodes)[:, None])
        coefficients = chebyshev.chebfit(nodes, values, CURVE_NODES - 1)
        matters = np.abs(coefficients).max(axis=1) > 1e-14 * np.abs(coefficients).max()
        degree = max(int(np.flatnonzero(matters)[-1]), 1)
        self._coefficients = coefficients[: degree + 1]
        self._slopes = chebyshev.chebder(self._coefficients) / self._half
        self._degrees = np.arange(degree + 1.0)

    def _polynomials(self, x: np.ndarray, count: int) -> np.ndarray:
        if len(x) == 1:  # plain floats are faster than arrays of one
            scaled = min(max((float(x[0]) - self._centre) / self._half, -1.0), 1.0)
            return np.cos(math.acos(scaled) * self._degrees[:count])[None]
        inside = np.minimum(np.maximum((x - self._centre) / self._half, -1.0), 1.0)
        return np.cos(np.arccos(inside)[:, None] * self._degrees[:count])

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(batch,) → (batch, coordinates)."""
        return np.asarray(self._polynomials(x, len(self._coefficients)) @ self._coefficients)

    def slope(self, x: np.ndarray) -> np.ndarray:
        """d coordinates / dx, (batch, coordinates)."""
        return np.asarray(self._polynomials(x, len(self._slopes)) @ self._slopes)


def floored(counts: np.ndarray) -> np.ndarray:
    """Counts (batch, bins) with FLOOR for what is zero but for rounding, in place; what is negative stays so."""
    np.copyto(counts, FLOOR, where=np.abs(counts) < FLOOR)
    return counts


def _kron(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The products of all pairs of columns, (batch, l) and (batch, r) to (batch, l · r)."""
    if len(left) == 1:
        return (left.T * right).reshape(1, -1)
    return (left[:, :, None] * right[:, None, :]).reshape(len(left), -1)


def complex_step(function, values: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Derivative of an analytic (batch, p) → (batch, ...) in each argument, (batch, p, ...), exact to rounding."""
    n, p = values.shape
    step = 1e-30
    shifted = values[:, None, :] + 1j * step * np.eye(p)
    result = np.asarray(function(shifted.reshape(n * p, p)))
    return result.imag.reshape(n, p, *result.shape[1:]) / step


def _grid(axes: list[np.ndarray]) -> np.ndarray:
    """All combinations, (points, axes); one empty point without axes."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes)) if axes else np.zeros((1, 0))
