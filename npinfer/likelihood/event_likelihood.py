"""The likelihood of counts whose expectation is a sum over simulated events, with second derivatives in one pass."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.effective import EMPTY, correction_slopes
from npinfer.likelihood.event_coarse import CoarseGroup, summed
from npinfer.likelihood.events import EventGroup
from npinfer.likelihood.packed import Packed

STEP = 1e-5  # relative, of the differences that give the second derivatives in counts and variance


class EventLikelihood(BinnedLikelihood):
    """A binned likelihood of one group of simulated events, each of whose channels is effective."""

    @property
    def group(self) -> EventGroup:
        """All samples."""
        return cast(EventGroup, self.model.groups[0])

    @property
    def curved(self) -> bool:
        """Whether `observed_information` is known in closed form."""
        return self.group.smooth

    @property
    def coarse(self) -> CoarseLikelihood | None:
        """The same with many events summed into one, at the start values; None where spectra are no power laws."""
        if not self.group.smooth:
            return None
        if "coarse" not in self._found:
            group = summed(self.group, self.parameters.init)
            model = replace(self.model, groups=(group,), simulations=(group,))
            self._found["coarse"] = CoarseLikelihood(model, self.asimov(self.parameters.init), self._reload)
        found: CoarseLikelihood = self._found["coarse"]
        return found.with_data(self.data)  # type: ignore[return-value]

    @property
    def knots(self) -> tuple[int, np.ndarray]:
        """The position of the anisotropy, in which exponents are linear between the knots of its splines, and those."""
        return self.group.knots

    def sample_slopes(self, point: np.ndarray) -> dict[str, np.ndarray]:
        """Derivatives of every sample's counts at a point (parameters,), {sample: (parameters, bins)}."""
        slopes = self.group.moments(point[None]).sample_slopes[0]
        return {s.name: slope for s, slope in zip(self.group.samples, slopes, strict=True)}

    def observed_information(self, points: np.ndarray, packed: Packed) -> np.ndarray:
        """Minus the second derivatives of logpdf, (batch, parameters, parameters); one pass over the events a point.

        The last one is kept.
        """
        key = points.tobytes(), packed.counts.tobytes()
        if self._found.get("at") != key:
            moments = self.group.moments(points)
            counts = np.broadcast_to(packed.counts, moments.values[:, 0].shape)
            result = np.zeros((len(points), points.shape[1], points.shape[1]))
            for n in range(len(points)):
                slope, bend = _bin_derivatives(counts[n], *moments.values[n])
                result[n] = -np.einsum("vib,vwb,wjb->ij", moments.slopes[n], bend, moments.slopes[n], optimize=True)
                result[n] -= self.group.curvature(points[n], slope)
            self._found |= {"at": key, "curvature": result}
        found: np.ndarray = self._found["curvature"]
        return found + self.constraints.information(points, packed.auxiliary, observed=True)


class CoarseLikelihood(EventLikelihood):
    """The approximation that `EventLikelihood.coarse` is, with a bound on its error."""

    @property
    def coarse(self) -> None:
        """None: it is coarse itself."""
        return None

    def error_bound(self, points: np.ndarray) -> np.ndarray:
        """What ln of the density is off at most at points (batch, parameters), (batch,).

        From the limits on counts and variances of every bin, and the largest slopes of ln L_eff between them, which are
        at a corner.
        """
        group, found = cast(CoarseGroup, self.group), np.zeros(len(points))
        counts = self._packed.counts[0]
        for n, values in enumerate(points):
            mean, variance = group.moments(values[None]).values[0]
            low, high = group.ranges(values).transpose(1, 0, 2)
            low, high = np.minimum(low, (mean, variance)), np.maximum(high, (mean, variance))
            corners = [_slopes(counts, m, v) for m in (low[0], high[0]) for v in (low[1], high[1])]
            reach = np.maximum(high - (mean, variance), (mean, variance) - low)
            found[n] = (np.abs(corners).max(axis=0) * reach).sum()
        return found


def _slopes(counts: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Derivatives of ln L_eff in the expectation and its variance, (2, bins); 0 where nothing is expected."""
    on = mean > EMPTY
    safe = np.where(on, mean, 1.0)
    in_mean, in_variance = correction_slopes(counts, safe, variance)
    return np.where(on, np.array([counts / safe - 1.0 + in_mean, in_variance]), 0.0)


def _bin_derivatives(counts: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First (2, bins) and second (2, 2, bins) derivatives of ln L_eff in the expectation and its variance."""

    def slopes(shift: tuple[float, float]) -> np.ndarray:
        return _slopes(counts, mean * (1 + shift[0]), variance * (1 + shift[1]))

    safe = np.where(mean > EMPTY, mean, 1.0), np.where(variance > 0, variance, 1.0)
    rows = [(slopes(up) - slopes(down)) / (2 * STEP * unit) for up, down, unit in (
        ((STEP, 0.0), (-STEP, 0.0), safe[0]), ((0.0, STEP), (0.0, -STEP), safe[1]))]  # fmt: skip
    bend = np.stack(rows)
    return slopes((0.0, 0.0)), 0.5 * (bend + bend.transpose(1, 0, 2))
