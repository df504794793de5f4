"""The effective likelihood against its formula to fifty digits, the negative binomial distribution, and its limits."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy import stats

from npinfer.likelihood.effective import correction, correction_slopes


def exact(k: int, mean: Decimal, variance: Decimal) -> Decimal:
    """ln L_eff − ln Poisson by the formula of arXiv:1901.04645, for a whole k: the gamma functions are products."""
    alpha, beta = mean**2 / variance + 1, mean / variance
    total = alpha * beta.ln() - (k + alpha) * (1 + beta).ln()
    total += sum(((alpha + i).ln() for i in range(k)), Decimal(0))
    return total - (k * mean.ln() - mean)


def cases(n: int, seed: int) -> list[tuple[int, float, float]]:
    """Counts, expectations and variances from nothing to twice the square of the expectation."""
    rng = np.random.default_rng(seed)
    mean = 10 ** rng.uniform(-4, 2.5, n)
    variance = mean**2 * 10 ** rng.uniform(-20, 0.3, n)
    counts = rng.poisson(mean * rng.uniform(0.3, 3.0, n))
    return list(zip(counts.tolist(), mean.tolist(), variance.tolist(), strict=True))


def test_the_formula_to_rounding() -> None:
    with localcontext() as context:
        context.prec = 60
        for k, mean, variance in cases(300, seed=1):
            found = float(correction(np.array(float(k)), np.array(mean), np.array(variance)))
            expected = float(exact(k, Decimal(mean), Decimal(variance)))
            assert found == pytest.approx(expected, rel=1e-11, abs=1e-14 * max(1, k, mean)), (k, mean, variance)


def test_the_slopes_to_rounding() -> None:
    """Against central differences of the formula, a part in 10^20 wide."""
    with localcontext() as context:
        context.prec = 80
        step = Decimal("1e-20")
        for k, mean, variance in cases(200, seed=2):
            m, v = Decimal(mean), Decimal(variance)
            slopes = correction_slopes(np.array(float(k)), np.array(mean), np.array(variance))
            in_mean = (exact(k, m * (1 + step), v) - exact(k, m * (1 - step), v)) / (2 * step)
            in_variance = (exact(k, m, v * (1 + step)) - exact(k, m, v * (1 - step))) / (2 * step)
            size = max(1.0, float(k), mean) * variance / mean**2
            assert mean * slopes[0] == pytest.approx(float(in_mean), rel=1e-9, abs=1e-11 * size), (k, mean, variance)
            assert variance * slopes[1] == pytest.approx(float(in_variance), rel=1e-9, abs=1e-11 * size), (k, mean)


@pytest.mark.parametrize(("mean", "variance"), [(0.3, 0.09), (3.0, 0.5), (25.0, 100.0), (7.0, 60.0), (40.0, 0.1)])
def test_it_is_a_negative_binomial_probability(mean: float, variance: float) -> None:
    k = np.arange(4000.0)
    found = np.exp(stats.poisson.logpmf(k, mean) + correction(k, np.array(mean), np.array(variance)))
    beta = mean / variance
    assert found == pytest.approx(stats.nbinom.pmf(k, mean**2 / variance + 1, beta / (1 + beta)), rel=1e-9, abs=1e-15)
    assert found.sum() == pytest.approx(1.0, abs=1e-10)
    assert (found * k).sum() == pytest.approx(mean + variance / mean, rel=1e-10)


def test_no_event() -> None:
    """L_eff(0) = (β / (1 + β))^α."""
    mean, variance = np.array([0.2, 2.0, 9.0]), np.array([0.04, 1.0, 2.0])
    expected = -(mean**2 / variance + 1) * np.log1p(variance / mean)
    assert correction(np.zeros(3), mean, variance) - mean == pytest.approx(expected, rel=1e-14)


def test_without_variance_it_is_poisson() -> None:
    k, mean = np.array([0.0, 1.0, 7.0, 0.0, 2.5]), np.array([0.5, 1.0, 3.0, 0.0, 2.5])
    assert (correction(k, mean, np.zeros(5)) == 0).all()
    for variance in (1e-12, 1e-40, 1e-300):
        assert correction(k[:3], mean[:3], np.full(3, variance)) == pytest.approx(np.zeros(3), abs=1e-10)
    k, mean = k[:3], mean[:3]  # the first order in the variance, of the formula above
    slope = 0.5 * (k + k**2) / mean**2 - k / mean + 0.5 - 1 / mean
    assert correction_slopes(k, mean, np.zeros(3))[1] == pytest.approx(slope, rel=1e-13, abs=1e-15)
    assert (correction_slopes(k, mean, np.zeros(3))[0] == 0).all()


def test_bins_that_expect_nothing() -> None:
    """Without variance a Poisson bin; with variance, of weights that cancel, no count has a probability."""
    none, some = np.zeros(2), np.full(2, 0.5)
    assert (correction(np.array([0.0, 3.0]), none, none) == 0).all()
    assert (correction(np.array([0.0, 3.0]), none, some) == -np.inf).all()
    for slope in correction_slopes(np.array([0.0, 3.0]), none, some):
        assert (slope == 0).all()
    tiny = np.array([1e-90])  # a norm that vanishes: the density stays finite
    assert np.isfinite(correction(np.ones(1), tiny, 0.1 * tiny**2)).all()


def test_its_intervals_cover_the_truth_and_poisson_ones_do_not() -> None:
    """A norm times a bin of 100 events from 50 simulated ones, both drawn anew: −2 Δ ln L < 1 holds in 68 % or less."""
    toys, simulated, rng = 3000, 50, np.random.default_rng(1)
    drawn, seen = rng.poisson(simulated, toys)[:, None], rng.poisson(100, toys)[:, None].astype(float)
    norm = np.linspace(0.3, 2.5, 441)
    true = int(np.argmin(np.abs(norm - 1)))
    weight = 100 / simulated
    mean, variance = norm * drawn * weight, norm**2 * drawn * weight**2
    poisson = stats.poisson.logpmf(seen, mean)
    effective = poisson + correction(seen, mean, variance)
    covered = [float((2 * (f.max(axis=1) - f[:, true]) < 1).mean()) for f in (poisson, effective)]
    tolerance = 4 * np.sqrt(0.25 / toys)
    assert covered[0] == pytest.approx(stats.chi2.cdf(1 / (1 + 100 / simulated), 1), abs=tolerance)
    assert covered[1] == pytest.approx(stats.chi2.cdf(1, 1), abs=tolerance)
