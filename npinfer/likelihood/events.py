"""Samples that weight the same simulated events: their expected counts and the variance of those, with derivatives.

Every evaluation is one pass over the events. The weight of an event is the sum of its weights in all samples, so that
the variance Σ w² of a bin knows that they share their events.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from npinfer.errors import ConfigurationError
from npinfer.likelihood import event_kernel, event_sums
from npinfer.likelihood.contract import complex_step
from npinfer.likelihood.event_kernel import DETECTOR, LN10, Point, Table
from npinfer.physics.event_weights import KINDS, EventWeights
from npinfer.physics.hese_detector import PARAMETERS
from npinfer.physics.registry import parameter_names

KEPT = 6  # evaluations
BEND = 1e-5  # step of the differences that give the second derivatives of factors
PLAIN = KINDS - 1  # muons, which the detector's parameters do not change


class EventSample(NamedTuple):
    """A sample: its weights, and (position, power) of the parameters that scale it."""

    name: str
    weights: EventWeights
    scale: tuple[tuple[int, float], ...]


class Moments(NamedTuple):
    """At points: counts of every sample (batch, samples, bins), with their derivatives (batch, samples, parameters,
    bins); all counts and their variance (batch, 2, bins), with their derivatives (batch, 2, parameters, bins)."""

    samples: np.ndarray
    sample_slopes: np.ndarray
    values: np.ndarray
    slopes: np.ndarray


class EventGroup:
    """The samples of simulated events together: an expectation and its variance (npinfer.likelihood.terms, .statistic).

    kinks: none at zero; those of the anisotropy are `knots`.
    """

    kinks, curved = np.zeros(0, dtype=np.intp), False

    def __init__(self, samples: Sequence[EventSample], positions: Mapping[str, int], bins: int) -> None:
        """positions: of all parameters by their short names."""
        self.samples, self._bins, self._count = tuple(samples), bins, len(positions)
        self.events = samples[0].weights.events
        self._reads = [[(n, positions[n]) for n in parameter_names(s.weights.factors)] for s in samples]
        self._detector_at = np.array([positions[n] for n in PARAMETERS], dtype=np.intp)
        self._slope_at = np.array([positions[s.weights.slope] if s.weights.slope else -1 for s in samples])
        term = [k for k, s in enumerate(samples) for _ in range(len(s.weights.columns))]
        self._owner = np.array(term, dtype=np.intp)
        self._shaped = []  # sample, shape as a function of a matrix, and the positions of its parameters
        for k, s in enumerate(samples):
            if s.weights.shape is not None:
                names = parameter_names(s.weights.shape)
                self._shaped.append((k, _of_columns(s.weights.shape, names), [positions[n] for n in names]))
        self.smooth = not self._shaped
        detector = self.events.detector
        self.table = Table(
            starts=self.events.starts.astype(np.intp),
            kinds=self.events.kinds,
            energy=self.events.log_energy,
            columns=np.concatenate([_nominal(s.weights) for s in samples]),
            counted=len(term),
            term=self._owner,
            flux=np.array([s.weights.flux for s in samples], dtype=np.intp),
            coefficients=detector.coefficients,
            rows=detector.rows,
            shares=detector.shares,
            spread=np.ones(1),
        )
        self._kernel: Any = event_kernel if find_spec("numba") else event_sums
        self._first = np.flatnonzero(np.diff(self.events.bins, prepend=-1))  # section where a bin begins
        self.filled = self.events.bins[self._first]
        self._known: dict[bytes, Moments] = {}
        self._latest: tuple[bytes, np.ndarray] | None = None
        muons = self.events.kinds.repeat(np.diff(self.events.starts)) == PLAIN
        for s in samples:
            if s.weights.columns[:, ~muons if s.weights.flux < 0 else muons].any():
                which = "neutrinos in a sample of muons" if s.weights.flux < 0 else "muons in a sample of neutrinos"
                raise ConfigurationError(f"sample {s.name!r}: found weights of {which}")

    @property
    def knots(self) -> tuple[int, np.ndarray]:
        """The position of the anisotropy and the knots of its splines."""
        every = [knots for knots, _ in self.events.detector.tables.values()]
        return int(self._detector_at[-1]), np.unique(np.concatenate(every))

    # ---- one point

    def factors(self, points: np.ndarray) -> np.ndarray:
        """What multiplies every column, (batch, columns, kinds), of real or complex points (batch, parameters)."""
        parts = []
        for s, reads in zip(self.samples, self._reads, strict=True):
            part = s.weights.factors(**{n: points[:, i] for n, i in reads})
            scale = math.prod((points[:, i] ** power for i, power in s.scale), start=np.ones(len(points)))
            parts.append(np.broadcast_to(part, (len(points), *part.shape[1:])) * scale[:, None, None])
        return np.concatenate(parts, axis=1)

    def _factors_with_slopes(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The factors (columns, kinds) at a point (parameters,), and their derivatives (parameters, columns, kinds)."""
        return self.factors(point[None])[0], complex_step(self.factors, point[None])[0]  # type: ignore[no-untyped-call]

    def point(self, values: np.ndarray) -> Point:
        """What the kernel takes of a point (parameters,)."""
        slopes = np.where(self._slope_at >= 0, values[self._slope_at], 0.0)
        return Point(self.factors(values[None])[0], slopes, *self.events.detector.at(values[self._detector_at]))

    def _shapes(self, values: np.ndarray) -> tuple[Table, list[tuple[int, int]]]:
        """The table with spectra that are no power law, and (position, column) of their slopes, added as columns."""
        if not self._shaped:
            return self.table, []
        columns, probes, owners = self.table.columns.copy(), [], []
        found = []
        for k, shape, at in self._shaped:
            value, slopes = shape(values[None, at])[0], complex_step(shape, values[None, at])[0]  # type: ignore[no-untyped-call]
            for c in np.flatnonzero(self._owner == k):
                base = self.table.columns[c]
                columns[c] = base * value
                for i, slope in zip(at, slopes, strict=True):
                    found.append((i, int(c)))
                    probes.append(base * slope)
                    owners.append(k)
        term = np.concatenate([self._owner, np.array(owners, dtype=np.intp)])
        return self.table._replace(columns=np.concatenate([columns, np.array(probes)]), term=term), found

    def _sums(self, table: Table, point: Point) -> np.ndarray:
        """The kernel's sums, (sections, 2, k)."""
        out = np.zeros((len(table.kinds), 2, len(table.term) + (1 + DETECTOR) * len(table.flux)))
        self._kernel.sums(table, point, PLAIN, out)
        return out

    def _evaluate(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts by sample and total variance (samples + 1, bins), and their slopes (samples + 1, parameters, bins)."""
        table, probes = self._shapes(values)
        out = self._sums(table, self.point(values))
        self._latest = values.tobytes(), out
        factors, slopes = self._factors_with_slopes(values)
        terms, det = len(table.flux), len(table.term) + len(table.flux)
        result = np.zeros((terms + 1, 1 + self._count, len(table.kinds)))
        total, jacobian = result[:, 0], result[:, 1:]
        for c, k in enumerate(self._owner.tolist()):
            for row, part in ((k, out[:, 0, c]), (terms, out[:, 1, c])):
                total[row] += factors[c, table.kinds] * part
                for i in np.flatnonzero(slopes[:, c].any(axis=1)).tolist():
                    jacobian[row, i] += slopes[i, c, table.kinds] * part
        total[terms] *= 0.5  # Σ 2w · w
        for k, i in enumerate(self._slope_at.tolist()):
            if i >= 0:
                jacobian[k, i] -= out[:, 0, len(table.term) + k]
                jacobian[terms, i] -= out[:, 1, len(table.term) + k]
        for d, i in enumerate(self._detector_at.tolist()):
            jacobian[:terms, i] += LN10 * out[:, 0, det + d :: DETECTOR].T
            jacobian[terms, i] += LN10 * out[:, 1, det + d]
        for n, (i, c) in enumerate(probes):
            jacobian[self._owner[c], i] += out[:, 0, table.counted + n] * factors[c, table.kinds]
            jacobian[terms, i] += out[:, 1, table.counted + n] * factors[c, table.kinds]
        binned = self._binned(result)
        return binned[:, 0], binned[:, 1:]

    def _binned(self, sections: np.ndarray) -> np.ndarray:
        """Sums of sections (..., sections) over each bin, (..., bins)."""
        result = np.zeros((*sections.shape[:-1], self._bins))
        result[..., self.filled] = np.add.reduceat(sections, self._first, axis=-1)
        return result

    # ---- batches

    def moments(self, points: np.ndarray) -> Moments:
        """Counts, variances and derivatives at points (batch, parameters); those of the last few points are kept."""
        key = points.tobytes()
        if key not in self._known:
            values, slopes = (np.stack(part) for part in zip(*map(self._evaluate, points), strict=True))
            while len(self._known) >= KEPT:
                del self._known[next(iter(self._known))]
            self._known[key] = Moments(values[:, :-1], slopes[:, :-1], *map(_both, (values, slopes)))
        return self._known[key]

    def expected(self, points: np.ndarray, *, contracted: bool) -> dict[str, np.ndarray]:
        """Expected counts {sample: (batch, bins)}."""
        counts = self.moments(points).samples
        return {s.name: counts[:, k] for k, s in enumerate(self.samples)}

    def add_counts(self, points: np.ndarray, total: np.ndarray) -> None:
        """Add the expected counts to `total` (batch, bins)."""
        total += self.moments(points).values[:, 0]

    def add_jacobian(self, points: np.ndarray, total: np.ndarray, jacobian: np.ndarray) -> None:
        """Add the expected counts to `total` and their derivatives to `jacobian` (batch, parameters, bins)."""
        found = self.moments(points)
        total += found.values[:, 0]
        jacobian += found.slopes[:, 0]

    def add_variance(self, points: np.ndarray, total: np.ndarray) -> None:
        """Add the variance Σ w² to `total` (batch, bins)."""
        total += self.moments(points).values[:, 1]

    def add_variance_jacobian(self, points: np.ndarray, total: np.ndarray, jacobian: np.ndarray) -> None:
        """Add the variance to `total` and its derivatives to `jacobian` (batch, parameters, bins)."""
        found = self.moments(points)
        total += found.values[:, 1]
        jacobian += found.slopes[:, 1]

    def curvature(self, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Σ_bins a ∂²counts + v ∂²variance at a point (parameters,): (parameters, parameters); weights: (2, bins).

        Of samples whose spectra are power laws (`smooth`).
        """
        n, terms = self.table.counted, len(self.table.flux)
        upper = np.zeros((KINDS, n + terms + DETECTOR, n + terms + DETECTOR))
        point = self.point(values)
        self._kernel.curvature(self.table, point, PLAIN, np.ascontiguousarray(weights[:, self.events.bins].T), upper)
        whole = upper + np.triu(upper, 1).transpose(0, 2, 1)
        slopes = self._factors_with_slopes(values)[1]
        inner = np.zeros((KINDS, n + terms + DETECTOR, self._count))
        inner[:, :n] = slopes.transpose(2, 1, 0)
        for k, i in enumerate(self._slope_at):
            if i >= 0:
                inner[:, n + k, i] = 1.0
        for d, i in enumerate(self._detector_at):
            inner[:, n + terms + d, i] = 1.0
        total: np.ndarray = np.einsum("kzi,kzy,kyj->ij", inner, whole, inner)
        return total + self._bent_factors(values, point, weights)

    def _bent_factors(self, values: np.ndarray, point: Point, weights: np.ndarray) -> np.ndarray:
        """What the second derivatives of the factors add to `curvature`."""
        if self._latest is None or self._latest[0] != values.tobytes():
            self._latest = values.tobytes(), self._sums(self.table, point)
        sums = self._latest[1][:, :, : self.table.counted]
        pull = np.zeros((KINDS, self.table.counted))
        np.add.at(pull, self.table.kinds, np.einsum("svc,vs->sc", sums, weights[:, self.events.bins]))
        steps = BEND * np.maximum(1.0, np.abs(values))
        shifted = values + np.concatenate([np.diag(steps), -np.diag(steps)])
        slopes = complex_step(self.factors, shifted)  # type: ignore[no-untyped-call]
        bends = (slopes[: self._count] - slopes[self._count :]) / (2 * steps[:, None, None, None])
        result = np.einsum("ijck,kc->ij", bends, pull)
        return 0.5 * (result + result.T)


def _of_columns(function: Callable[..., Any], names: Sequence[str]) -> Callable[[np.ndarray], np.ndarray]:
    """A function of parameters as one of a matrix (batch, names)."""
    return lambda v: function(**dict(zip(names, v.T, strict=True)))


def _both(parts: np.ndarray) -> np.ndarray:
    """Counts of samples and the variance (batch, samples + 1, …) to all counts and the variance, (batch, 2, …)."""
    return np.stack([parts[:, :-1].sum(axis=1), parts[:, -1]], axis=1)


def _nominal(weights: EventWeights) -> np.ndarray:
    """The columns over the detector's factor at its nominal values."""
    if weights.flux < 0:
        return weights.columns
    found: np.ndarray = weights.columns * np.exp(-LN10 * weights.events.detector.nominal[weights.flux])
    return found
