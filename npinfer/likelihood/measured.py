"""Bins that hold a measured quantity with normal errors, such as a ratio, beside bins of counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npinfer.core.limits import LARGEST
from npinfer.core.template import Channel, measured_bins
from npinfer.errors import ConfigurationError
from npinfer.likelihood.packed import Packed
from npinfer.likelihood.statistic import Expansion, Poisson, information, times


class Measured(Poisson):
    """Quantities measured with normal errors in the bins of some channels; elsewhere the counts of `others`.

    As of a two-sided normal constraint: σ is sigma_up where the expectation lies above what was measured, else
    sigma_down; the expected information is that of 1/(sigma_up sigma_down), the mean of 1/σ² over both sides. Toys
    are drawn from the same density. Expectations may have either sign.
    """

    def __init__(self, others: Poisson, channels: Sequence[Channel]) -> None:
        self._others, self._inside = others, measured_bins(channels)
        self.curved = others.curved
        self._up, self._down = (
            np.concatenate([np.asarray(getattr(c, end) or np.ones(c.bins)) for c in channels])[self._inside]
            for end in ("sigma_up", "sigma_down")
        )
        self._peak = sum(c.peak for c in channels)

    def counted(self, rates: np.ndarray) -> np.ndarray:
        return np.where(self._inside, 0.0, rates)

    def _rest(self, packed: Packed) -> Packed:
        """The data without what was measured: bins with no counts, where nothing is expected, add nothing."""
        return Packed(self.counted(packed.counts), packed.auxiliary, packed.constant)

    def _pull(self, rates: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(expected − measured)/σ and the σ of its side, each (batch, measured bins)."""
        distance = rates[..., self._inside] - counts[..., self._inside]
        sigma = np.where(distance > 0, self._up, self._down)
        return distance / sigma, sigma

    def logpdf(self, points: np.ndarray, rates: np.ndarray, packed: Packed) -> np.ndarray:
        pull, _ = self._pull(rates, packed.counts)
        counted = self._others.logpdf(points, self.counted(rates), self._rest(packed))
        return counted + self._peak - 0.5 * (pull * pull).sum(axis=-1)

    def terms(self, points: np.ndarray, rates: np.ndarray, counts: np.ndarray) -> np.ndarray:
        each = self._others.terms(points, self.counted(rates), self.counted(counts))
        pull, _ = self._pull(rates, counts)
        each[..., self._inside] = np.log(2.0 / (self._up + self._down)) - 0.5 * (np.log(2.0 * np.pi) + pull * pull)
        return each

    def saturated(self, packed: Packed) -> np.ndarray:
        return self._others.saturated(self._rest(packed)) + self._peak

    def sample(self, points: np.ndarray, rates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        drawn = self._others.sample(points, self.counted(rates), rng)
        means = rates[..., self._inside]
        below = rng.random(means.shape) < self._up / (self._up + self._down)  # of its expectation: σ is sigma_up
        step = np.abs(rng.standard_normal(means.shape))
        drawn[..., self._inside] = means + np.where(below, -self._up, self._down) * step
        return drawn

    def expansion(
        self,
        points: np.ndarray,
        rates: np.ndarray,
        jacobian: np.ndarray,
        packed: Packed,
        at: np.ndarray | None = None,
        widening: np.ndarray | float = 0.0,
    ) -> Expansion:
        value, gradient, expected = self._others.expansion(
            points, self.counted(rates), self.counted(jacobian), self._rest(packed), at, widening
        )
        pull, sigma = self._pull(rates, packed.counts)
        wanted = (jacobian if at is None else jacobian[:, at])[..., self._inside]
        variance = np.broadcast_to(widening, rates.shape)[:, self._inside] + self._up * self._down
        return (
            value + self._peak - 0.5 * (pull * pull).sum(axis=-1),
            gradient - times(wanted, pull / sigma),
            expected + information(wanted, variance),
        )

    def slopes(self, rates: np.ndarray, packed: Packed) -> np.ndarray:
        found = self._others.slopes(self.counted(rates), self._rest(packed))
        pull, sigma = self._pull(rates, packed.counts)
        found[..., self._inside] = -pull / sigma
        return found

    def observed(self, rates: np.ndarray, jacobian: np.ndarray, packed: Packed) -> np.ndarray:
        counted = self._others.observed(self.counted(rates), self.counted(jacobian), self._rest(packed))
        _, sigma = self._pull(rates, packed.counts)
        return counted + information(jacobian[..., self._inside], sigma**2)


def read_sigma(entry: Mapping[str, Any], bins: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """sigma_up and sigma_down of a channel's bins, each (bins,), or () for counts; raises ConfigurationError.

    entry: of the channel, whose `sigma` is a number, one a bin, or {up: ..., down: ...} of those.

    >>> read_sigma({"statistic": "normal", "sigma": {"up": 1.73, "down": 0.72}}, 1)
    ((1.73,), (0.72,))
    """
    normal, sigma = entry.get("statistic") == "normal", entry.get("sigma")
    if normal != (sigma is not None):
        found = "is missing" if normal else "is given"
        raise ConfigurationError(f"sigma {found}: it is of the statistic normal, which needs it")
    if sigma is None:
        return (), ()
    up, down = (sigma["up"], sigma["down"]) if isinstance(sigma, Mapping) else (sigma, sigma)
    return _widths(up, bins), _widths(down, bins)


def _widths(given: float | Sequence[float], bins: int) -> tuple[float, ...]:
    widths = np.ravel(np.asarray(given, dtype=float))
    if len(widths) not in (1, bins) or not ((widths >= 1 / LARGEST) & (widths <= LARGEST)).all():
        raise ConfigurationError(f"sigma is a positive number, or one for each of {bins} bins; found {given!r}")
    return tuple(np.broadcast_to(widths, bins).tolist())
