"""Uniformity of ranks: whether whole numbers 0 … n_ranks − 1 are equally frequent.

Two tests of the same ranks. The chi-square of a histogram sees broad shapes. The empirical distribution function in a
band that is equally narrow everywhere in probability sees the ends best, where posteriors that are too narrow or too
wide show (Säilynoja, Bürkner and Vehtari 2022, arXiv:2103.10522). The chance to leave the band is computed, not
simulated: cumulative counts of uniform ranks are sums of Poisson counts with a given total.
"""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr, chdtrc, gammaln

FEWEST_EXPECTED = 5.0  # ranks in a bin of the histogram: with fewer the chi-square is not chi-square distributed
MOST_BINS = 20
ROUNDING = 1e-12  # of a probability near 1: a smaller p-value is given as this


def chi_square(ranks: np.ndarray, n_ranks: int) -> tuple[float, int, float]:
    """Chi-square of the histogram of ranks (draws,) in equal bins, how many bins, and its p-value.

    The bins are as many as divide n_ranks and expect five ranks each, at most 20. Less than two leave a p-value of 1.
    """
    most = min(MOST_BINS, int(len(ranks) / FEWEST_EXPECTED))
    bins = max((b for b in range(1, most + 1) if n_ranks % b == 0), default=1)
    found = np.bincount(ranks * bins // n_ranks, minlength=bins)
    expected = len(ranks) / bins
    value = float(((found - expected) ** 2 / expected).sum()) if bins > 1 else 0.0
    return value, bins, float(chdtrc(bins - 1, value)) if bins > 1 else 1.0


def cumulative(ranks: np.ndarray, n_ranks: int) -> np.ndarray:
    """How many ranks lie below 1 … n_ranks − 1, (n_ranks − 1,)."""
    return np.asarray(np.cumsum(np.bincount(ranks, minlength=n_ranks))[:-1])


def ecdf_p(ranks: np.ndarray, n_ranks: int) -> float:
    """The probability that uniform ranks leave the narrowest band that these ranks (draws,) leave too: exact, from
    1e-12 on."""
    tails = _tails(len(ranks), n_ranks)
    smallest = tails[np.arange(n_ranks - 1), cumulative(ranks, n_ranks)].min()
    return max(1.0 - _inside(tails > smallest * (1 + 1e-9), n_ranks), ROUNDING)


def band(draws: int, n_ranks: int, cl: float) -> tuple[np.ndarray, np.ndarray]:
    """The band that holds all cumulative counts of uniform ranks with a probability of at least cl.

    Gives the lowest and highest counts that it holds below ranks 1 … n_ranks − 1, (n_ranks − 1,) each.
    """
    tails = _tails(draws, n_ranks)
    low, high = 0.0, 1.0 - cl  # a pointwise tail that is surely small enough, and one at which one point uses all
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _inside(tails > middle, n_ranks) >= cl else (low, middle)
    held = tails > low
    return held.argmax(axis=1), draws - held[:, ::-1].argmax(axis=1)


def _tails(draws: int, n_ranks: int) -> np.ndarray:
    """Two-sided binomial tail of every cumulative count 0 … draws below every rank, (n_ranks − 1, draws + 1)."""
    share = np.arange(1, n_ranks)[:, None] / n_ranks
    counts = np.arange(draws + 1)
    below = bdtr(counts, draws, share)
    above = bdtr(draws - counts, draws, 1.0 - share)
    return 2.0 * np.minimum(below, above)


def _inside(held: np.ndarray, n_ranks: int) -> float:
    """The probability that the cumulative counts of uniform ranks are held everywhere; held: (n_ranks − 1, draws + 1).

    Walks through the ranks with the joint probability of a count so far and of having stayed inside.
    """
    draws = held.shape[1] - 1
    counts = np.arange(draws + 1)
    mean = draws / n_ranks
    step = np.exp(counts * np.log(mean) - mean - gammaln(counts + 1.0))
    state = np.zeros(draws + 1)
    state[0] = 1.0
    for allowed in held:
        used = np.flatnonzero(state)
        if not len(used):
            return 0.0
        first, last = used[0], used[-1] + 1
        grown = np.convolve(state[first:last], step[: draws + 1 - first])[: draws + 1 - first]
        state = np.where(allowed, np.concatenate([np.zeros(first), grown]), 0.0)
    total = np.exp(draws * np.log(draws) - draws - gammaln(draws + 1.0))
    return float(min(state @ step[::-1] / total, 1.0))
