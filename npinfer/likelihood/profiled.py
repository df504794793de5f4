"""Single-bin parameters at their best in closed form, so that a minimiser need not move them.

Where one constrained parameter γ acts in one bin, as λ = A + γ C, ln of the density is concave in γ and its maximum is
the root of a quadratic (R. Barlow and C. Beeston, Comput. Phys. Commun. 77 (1993) 219; J. S. Conway, arXiv:1103.0354).
What is left to minimise is the profile over these parameters. Its expected information is that of counts with variance
λ + C²/d, where d is the information of γ's constraint: the Schur complement of γ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from npinfer.core.template import effective_bins, measured_bins
from npinfer.likelihood.packed import Packed

if TYPE_CHECKING:
    from npinfer.likelihood.binned import BinnedLikelihood

AFFINE = 1e-9  # relative change of a derivative that rounding may cause


@dataclass(frozen=True)
class SingleBins:
    """Parameters at positions `at` that each act in one of `bins`, all (k,), no two in the same.

    slot: of their auxiliary datum; sigma: of a normal constraint, and rate: of a Poisson one, 0 for the others.
    """

    at: np.ndarray
    bins: np.ndarray
    slot: np.ndarray
    sigma: np.ndarray
    rate: np.ndarray

    def among(self, free: np.ndarray) -> SingleBins:
        """Those that are `free`, (parameters,) of bool."""
        kept = free[self.at]
        return SingleBins(self.at[kept], self.bins[kept], self.slot[kept], self.sigma[kept], self.rate[kept])

    def best(self, fixed: np.ndarray, slope: np.ndarray, counts: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        """The values (batch, k) that maximise the density of counts whose expectation is fixed + γ slope.

        All (batch, k). They may lie outside the bounds, or below zero expectation where there are no counts.
        """
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            counted = np.count_nonzero(self.rate)
            best = self._with_poisson(fixed, slope, counts, auxiliary) if counted else auxiliary
            if counted < len(self.rate):
                best = np.where(self.rate > 0, best, self._with_normal(fixed, slope, counts, auxiliary))
            negative = fixed + best * slope < 0
            return np.where(negative, -fixed / slope, best) if negative.any() else best

    def _with_normal(
        self, fixed: np.ndarray, slope: np.ndarray, counts: np.ndarray, measured: np.ndarray
    ) -> np.ndarray:
        """Of γ measured with a standard deviation: λ is the positive root of λ² − middle λ − σ² slope² counts."""
        reach = self.sigma * self.sigma * slope
        middle, square = fixed + (measured - reach) * slope, 2 * reach * slope
        sum_ = np.abs(middle) + np.sqrt(middle * middle + 2 * square * counts)
        ratio = np.where(middle > 0, 2 * counts / sum_, sum_ / square)
        if not (counts.all() and slope.all()):
            ratio = np.where(slope == 0, 1.0, np.where(counts == 0, 0.0, ratio))
        return measured + reach * (ratio - 1.0)

    def _with_poisson(self, fixed: np.ndarray, slope: np.ndarray, counts: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Of γ with `seen` auxiliary events at a rate: the root of (slope + rate) slope γ² − middle γ − seen fixed."""
        both = slope + self.rate
        square, product = both * slope, 2 * seen * fixed
        middle = (counts + seen) * slope - both * fixed
        sum_ = np.abs(middle) + np.sqrt(middle * middle + 2 * square * product)
        best = np.where(middle > 0, 0.5 * sum_ / square, product / sum_)
        if not product.all():
            best = np.where((product == 0) & (middle <= 0), 0.0, best)
        if not slope.all():
            best = np.where(slope == 0, seen / np.where(self.rate > 0, self.rate, 1.0), best)
        return best


_NOWHERE = np.zeros(0, dtype=np.intp)
NONE = SingleBins(_NOWHERE, _NOWHERE, _NOWHERE, np.zeros(0), np.zeros(0))


def single_bins(likelihood: BinnedLikelihood) -> SingleBins:
    """The parameters of a likelihood that have a best value in closed form: one a bin, found by its derivatives.

    They have a normal or Poisson constraint of their own, and the counts of one Poisson bin are affine in them.
    """
    constraints, parameters = likelihood.constraints, likelihood.parameters
    kinds = {n: c for n, c in constraints.single.items() if c.kind in ("normal", "poisson")}
    candidate = np.array([p.name in kinds and not p.simplex for p in parameters])
    poisson = ~(effective_bins(likelihood.channels) | measured_bins(likelihood.channels))
    if not (candidate.any() and poisson.any()):
        return NONE
    rng = np.random.default_rng(0)
    sigma = np.array([0.1 * min(kinds[n].width()) if n in kinds else 0.0 for n in parameters.names])
    probe = np.clip(parameters.init + sigma * rng.uniform(0.5, 1.0, len(sigma)), parameters.lower, parameters.upper)
    (first,) = likelihood.rates_jacobian(probe[None])[1]
    used = first != 0
    candidate &= (used.sum(axis=1) == 1) & poisson[used.argmax(axis=1)]
    at = np.flatnonzero(candidate)
    at = at[np.unique(used[at].argmax(axis=1), return_index=True)[1]]
    bins = used[at].argmax(axis=1)
    moved = probe.copy()
    moved[at] -= sigma[at]
    (second,) = likelihood.rates_jacobian(np.clip(moved, parameters.lower, parameters.upper)[None])[1]
    affine = np.abs(second[at, bins] - first[at, bins]) <= AFFINE * np.abs(first[at, bins])
    affine &= (second[at] != 0).sum(axis=1) == 1
    at, bins = at[affine], bins[affine]
    names = [parameters.names[i] for i in at.tolist()]
    normal = np.array([kinds[n].kind == "normal" for n in names], dtype=bool)
    return SingleBins(
        at,
        bins,
        np.array([constraints.auxiliary_names.index(n) for n in names], dtype=np.intp),
        np.where(normal, [kinds[n].sigma_up for n in names], 0.0),
        np.where(normal, 0.0, [kinds[n].rate for n in names]),
    )


class Profiled:
    """A likelihood as a function of the parameters that a minimiser moves, the single-bin ones at their best.

    moving: their positions, (m,). Without `closed`, every free parameter is moved.
    """

    def __init__(self, likelihood: Any, free: np.ndarray, *, closed: bool = True) -> None:
        self.likelihood = likelihood
        self.singles: SingleBins = likelihood.single_bins.among(free) if closed else NONE
        moving = free.copy()
        moving[self.singles.at] = False
        self.moving = np.flatnonzero(moving)
        self._wanted = None if moving.all() else self.moving
        parameters = likelihood.parameters
        self._lower, self._upper = parameters.lower[self.singles.at], parameters.upper[self.singles.at]
        counted = self.singles.rate > 0  # 1/d is γ/rate of a Poisson constraint, σ² of a normal one
        self._lifetime = np.where(counted, 1.0 / np.where(counted, self.singles.rate, 1.0), 0.0)
        self._variance = self.singles.sigma**2

    def expansion(self, points: np.ndarray, packed: Packed) -> tuple[np.ndarray, ...]:
        """Points (batch, parameters) with the single-bin ones at their best, and there ln of the density (batch,), its
        gradient (batch, m) and the expected information (batch, m, m) of its profile."""
        if not len(self.singles.at):
            return points, *self.likelihood.expansion(points, packed, self._wanted)
        points, widening = self._solved(points, packed)
        return points, *self.likelihood.expansion(points, packed, self._wanted, widening)

    @property
    def curved(self) -> bool:
        """Whether `observed` is known in closed form."""
        curved: bool = self.likelihood.curved
        return curved

    def observed(self, points: np.ndarray, packed: Packed) -> np.ndarray:
        """The observed information (batch, m, m) of the profile, where the single-bin parameters are at their best."""
        whole = self.likelihood.observed_information(points, packed)
        moving, at = self.moving, self.singles.at
        found: np.ndarray = whole[:, moving[:, None], moving]
        if not len(at):
            return found
        mixed, own = whole[:, moving[:, None], at], whole[:, at, at]
        inside = (points[:, at] > self._lower) & (points[:, at] < self._upper) & (own > 0)
        softness = np.where(inside, 1.0 / np.where(inside, own, 1.0), 0.0)
        return found - np.matmul(mixed * softness[:, None], mixed.transpose(0, 2, 1))

    def _solved(self, points: np.ndarray, packed: Packed) -> tuple[np.ndarray, np.ndarray]:
        """The points, and C²/d of all bins, (batch, bins)."""
        singles, n = self.singles, len(points)
        at, bins = singles.at, singles.bins
        ends = np.concatenate([points, points])
        ends[:n, at], ends[n:, at] = 0.0, 1.0
        rates = self.likelihood.rates(ends)
        fixed = rates[:n].take(bins, axis=1)
        slope = rates[n:].take(bins, axis=1) - fixed
        counts, auxiliary = packed.counts.take(bins, axis=1), packed.auxiliary.take(singles.slot, axis=1)
        best = singles.best(fixed, slope, counts, auxiliary)
        clipped = np.minimum(np.maximum(best, self._lower), self._upper)
        if (unknown := np.isnan(best)).any():
            clipped = np.where(unknown, points.take(at, axis=1), clipped)
        points = points.copy()
        points[:, at] = clipped
        widening = np.zeros((n, rates.shape[1]))
        softness = clipped * self._lifetime + self._variance
        widening[:, bins] = slope * slope * softness * (clipped == best)
        return points, widening
