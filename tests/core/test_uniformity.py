"""Tests of uniform ranks: every outcome counted, sizes by simulation, power where posteriors are wrong."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom, chisquare

from npinfer.core.uniformity import ROUNDING, band, chi_square, cumulative, ecdf_p


def smallest_tail(ranks: np.ndarray, n_ranks: int) -> float:
    """The least likely cumulative count, two-sided."""
    tails = []
    for k in range(1, n_ranks):
        count, distribution = int((ranks < k).sum()), binom(len(ranks), k / n_ranks)
        tails.append(2 * min(distribution.cdf(count), distribution.sf(count - 1)))
    return min(tails)


@pytest.mark.parametrize(("draws", "n_ranks"), [(3, 3), (5, 4), (6, 2), (1, 5)])
def test_the_p_value_counts_every_outcome(draws: int, n_ranks: int) -> None:
    outcomes = [np.array(o) for o in product(range(n_ranks), repeat=draws)]
    tails = np.array([smallest_tail(o, n_ranks) for o in outcomes])
    for i in range(0, len(outcomes), max(1, len(outcomes) // 30)):
        exact = (tails <= tails[i] * (1 + 1e-9)).mean()
        assert ecdf_p(outcomes[i], n_ranks) == pytest.approx(exact, abs=1e-10)


@pytest.mark.parametrize(("draws", "n_ranks", "cl"), [(5, 4, 0.9), (6, 3, 0.68), (8, 2, 0.5)])
def test_the_band_is_the_narrowest_that_is_wide_enough(draws: int, n_ranks: int, cl: float) -> None:
    low, high = band(draws, n_ranks, cl)
    outcomes = [np.array(o) for o in product(range(n_ranks), repeat=draws)]
    counts = np.array([cumulative(o, n_ranks) for o in outcomes])
    inside = ((counts >= low) & (counts <= high)).all(axis=1)
    assert inside.mean() >= cl
    tails = np.array([smallest_tail(o, n_ranks) for o in outcomes])
    narrower = tails > tails[inside].min() * (1 + 1e-9)
    assert narrower.mean() < cl
    np.testing.assert_array_equal(inside, tails > tails[~inside].max() * (1 + 1e-9))


def test_sizes_are_what_they_say() -> None:
    rng = np.random.default_rng(4)
    ranks = rng.integers(0, 50, (600, 120))
    low, high = band(120, 50, 0.99)
    counts = np.array([cumulative(r, 50) for r in ranks])
    outside = ((counts < low) | (counts > high)).any(axis=1).sum()
    assert outside <= binom(600, 0.01).ppf(0.999)
    for p in (np.array([chi_square(r, 50)[2] for r in ranks]), np.array([ecdf_p(r, 50) for r in ranks[:200]])):
        for level in (0.05, 0.3):
            lower, upper = binom(len(p), level).ppf([0.001, 0.999])
            assert lower <= (p <= level).sum() <= upper


def test_chi_square_of_a_histogram() -> None:
    ranks = np.repeat(np.arange(100), [3] * 50 + [1] * 50)
    value, bins, p = chi_square(ranks, 100)
    expected = chisquare(np.histogram(ranks, 20, (0, 100))[0])
    assert (value, bins, p) == pytest.approx((expected.statistic, 20, expected.pvalue))


@pytest.mark.parametrize(("draws", "n_ranks", "bins"), [(60, 100, 10), (20, 100, 4), (200, 101, 1), (8, 100, 1)])
def test_bins_divide_the_ranks_and_expect_enough(draws: int, n_ranks: int, bins: int) -> None:
    value, found, p = chi_square(np.zeros(draws, dtype=int), n_ranks)
    assert found == bins
    assert (p == 1.0) == (bins == 1) == (value == 0.0)


def test_ends_are_seen_and_what_rounding_leaves_is_not_passed_on() -> None:
    """One rank in twenty too many at either end: the function's p-value is far below that of a histogram."""
    rng = np.random.default_rng(0)
    ranks = np.concatenate([rng.integers(0, 100, 180), np.repeat([0, 99], 10)])
    assert ecdf_p(ranks, 100) < 1e-3
    assert ecdf_p(np.zeros(200, dtype=int), 100) == ROUNDING
