"""Bin statistics: the probability of the counts in bins whose expectation is known exactly, or simulated.

A channel's statistic is "poisson", or "effective" where the finite number of simulated events counts, or "normal" for
what was measured and not counted (npinfer.likelihood.measured).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from scipy.special import gammaln, xlogy

from npinfer.likelihood.effective import EMPTY, correction, correction_slopes
from npinfer.likelihood.packed import Packed

STATISTICS = ("poisson", "effective", "normal")
FAINT = 1e-20  # squared relative uncertainty of an expectation that no toy would show
MANY = 32  # parameters, from which on those of single bins are kept out of matrix products
Expansion = tuple[np.ndarray, np.ndarray, np.ndarray]


class Variance(Protocol):
    """A part of the Monte-Carlo variance of the expected counts, as a function of the parameters."""

    def add_variance(self, points: np.ndarray, total: np.ndarray) -> None: ...

    def add_variance_jacobian(self, points: np.ndarray, total: np.ndarray, jacobian: np.ndarray) -> None: ...


class Poisson:
    """Counts that are Poisson around their expectation. curved: whether `observed` is known."""

    curved = True

    def counted(self, rates: np.ndarray) -> np.ndarray:
        """What is expected, or was seen, of counts (..., bins); 0 in bins that hold something else."""
        return rates

    def logpdf(self, points: np.ndarray, rates: np.ndarray, packed: Packed) -> np.ndarray:
        """ln probability of all counts, (batch,); −inf where an expectation is negative."""
        if len(rates) == len(packed) == 1:  # only the bins with events need a logarithm
            mean, (seen, counts) = rates[0], packed.seen
            if np.minimum.reduce(mean) > 0:
                return np.log(mean.take(seen)) @ counts - np.add.reduce(mean) + packed.constant
        if rates.min(initial=0.0) < 0:
            bad = (rates < 0).any(axis=-1)
            return np.where(bad, -np.inf, Poisson.logpdf(self, points, np.maximum(rates, 0.0), packed))
        return xlogy(packed.counts, rates).sum(axis=-1) - rates.sum(axis=-1) + packed.constant

    def terms(self, points: np.ndarray, rates: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """ln probability of the counts of each bin, (batch, bins)."""
        each = xlogy(counts, np.maximum(rates, 0.0)) - rates - gammaln(counts + 1.0)
        return np.where(rates < 0, -np.inf, each)

    def saturated(self, packed: Packed) -> np.ndarray:
        """ln probability of all counts where just they are expected, (sets,).

        It is Poisson for simulated counts too: no average over rates exceeds the probability at the best of them.
        """
        return Poisson.logpdf(self, packed.auxiliary, packed.counts, packed)

    def sample(self, points: np.ndarray, rates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Counts of toys, (batch, bins), one set for each point."""
        return rng.poisson(rates).astype(float)

    def expansion(
        self,
        points: np.ndarray,
        rates: np.ndarray,
        jacobian: np.ndarray,
        packed: Packed,
        at: np.ndarray | None = None,
        widening: np.ndarray | float = 0.0,
    ) -> Expansion:
        """ln probability (batch,), its gradient (batch, parameters), the expected information (batch, p, p).

        at: positions of the only parameters whose derivatives are wanted; widening: added to the variance of counts in
        the information, (batch, bins).
        """
        value = self.logpdf(points, rates, packed)
        wanted = jacobian if at is None else jacobian[:, at]
        return value, times(wanted, self.slopes(rates, packed)), information(wanted, rates + widening)

    def slopes(self, rates: np.ndarray, packed: Packed) -> np.ndarray:
        """Derivatives of ln probability in the rates, (batch, bins)."""
        return packed.counts / np.maximum(rates, EMPTY) - 1.0

    def observed(self, rates: np.ndarray, jacobian: np.ndarray, packed: Packed) -> np.ndarray:
        """Minus the second derivatives of ln probability in the rates, in the parameters, (batch, p, p)."""
        seen = packed.counts >= EMPTY  # without counts there is no information, whatever the rate
        variance = np.maximum(rates, EMPTY) ** 2 / np.where(seen, packed.counts, 1.0)
        return information(jacobian, np.where(seen, variance, np.inf))


class Effective(Poisson):
    """Counts whose expectation is a sum of weights of simulated events, in the bins of some channels.

    There the effective likelihood of arXiv:1901.04645 (npinfer.likelihood.effective) replaces the Poisson probability;
    its σ² is the sum of `variances`, each a function of the parameters. Expected information: that of counts with
    variance μ + σ². Elsewhere, and where σ² is zero, counts are Poisson.

    The true rate of a toy scatters around the simulation's expectation as the simulation around the truth: it is drawn
    from a gamma distribution of mean μ and variance σ², and the counts are Poisson around it. Toys that kept μ itself
    would undo what the likelihood is for; toys of the likelihood's own distribution, of mean μ + σ²/μ, would hide its
    bias. With either, intervals calibrated with toys cover less than they say where simulated events are few.
    """

    curved = False

    def __init__(self, variances: Sequence[Variance], inside: np.ndarray) -> None:
        """inside: which bins belong to the channels with this statistic, (bins,) of bool."""
        self._variances, self._inside = tuple(variances), inside.astype(float)

    def variance(self, points: np.ndarray) -> np.ndarray:
        """Monte-Carlo variance σ² of the expected counts, (batch, bins), zero outside."""
        total = np.zeros((len(points), len(self._inside)))
        for part in self._variances:
            part.add_variance(points, total)
        return total * self._inside

    def logpdf(self, points: np.ndarray, rates: np.ndarray, packed: Packed) -> np.ndarray:
        change = correction(packed.counts, rates, self.variance(points)).sum(axis=-1)
        return super().logpdf(points, rates, packed) + change

    def terms(self, points: np.ndarray, rates: np.ndarray, counts: np.ndarray) -> np.ndarray:
        return super().terms(points, rates, counts) + correction(counts, rates, self.variance(points))

    def sample(self, points: np.ndarray, rates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        variance = self.variance(points)
        on = (variance > FAINT * rates**2) & (rates > EMPTY)
        mean, spread = np.where(on, rates, 1.0), np.where(on, variance, 1.0)
        return super().sample(points, np.where(on, rng.gamma(mean**2 / spread, spread / mean), rates), rng)

    def expansion(
        self,
        points: np.ndarray,
        rates: np.ndarray,
        jacobian: np.ndarray,
        packed: Packed,
        at: np.ndarray | None = None,
        widening: np.ndarray | float = 0.0,
    ) -> Expansion:
        variance, slopes = np.zeros(rates.shape), np.zeros(jacobian.shape)
        for part in self._variances:
            part.add_variance_jacobian(points, variance, slopes)
        variance *= self._inside
        in_rate, in_variance = correction_slopes(packed.counts, rates, variance)
        value = super().logpdf(points, rates, packed) + correction(packed.counts, rates, variance).sum(axis=-1)
        wanted, bent = (jacobian, slopes) if at is None else (jacobian[:, at], slopes[:, at])
        gradient = times(wanted, self.slopes(rates, packed) + in_rate) + times(bent, in_variance * self._inside)
        return value, gradient, information(wanted, rates + variance + widening)


def times(jacobian: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Σ_bins jacobian · slope, (batch, parameters)."""
    product: np.ndarray = np.matmul(jacobian, slope[:, :, None])[:, :, 0]
    return product


def information(jacobian: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Σ_bins of the products of derivatives over the variance of the counts, (batch, parameters, parameters)."""
    weighted = jacobian / np.sqrt(np.maximum(variance, 1e-30))[:, None, :]
    if weighted.shape[1] >= MANY:
        return _sparse_squares(weighted)
    information: np.ndarray = np.matmul(weighted, weighted.transpose(0, 2, 1))
    return information


def _sparse_squares(rows: np.ndarray) -> np.ndarray:
    """Σ_bins of the products of rows (batch, parameters, bins), many of which are parameters of a single bin."""
    used = (rows != 0).any(axis=0)
    local = np.flatnonzero(used.sum(axis=1) <= 1)
    wide = np.flatnonzero(used.sum(axis=1) > 1)
    bins = used[local].argmax(axis=1)
    single, dense = rows[:, local, bins], rows[:, wide]
    result = np.zeros((len(rows), rows.shape[1], rows.shape[1]))
    result[:, wide[:, None], wide] = np.matmul(dense, dense.transpose(0, 2, 1))
    result[:, local[:, None], local] = single[:, :, None] * single[:, None, :] * (bins[:, None] == bins)
    mixed = dense[:, :, bins] * single[:, None, :]
    result[:, wide[:, None], local], result[:, local[:, None], wide] = mixed, mixed.transpose(0, 2, 1)
    return result
