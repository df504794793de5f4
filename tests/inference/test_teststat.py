"""Test statistics and their distributions: closed forms, and toys of a normal measurement."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

from npinfer.inference import teststat


def normal_q(fitted: np.ndarray, tested: float, lower: float) -> np.ndarray:
    """q of a parameter measured with unit width, its best fit kept above `lower`: 2 (nll tested − nll best)."""
    best = np.maximum(fitted, lower)
    return teststat.q_mu(0.5 * (fitted - tested) ** 2, 0.5 * (fitted - best) ** 2, best, tested)


def test_statistics_are_one_sided() -> None:
    np.testing.assert_allclose(teststat.t_mu([3.0, 1.0], [1.0, 1.0 + 1e-12]), [4.0, 0.0])
    np.testing.assert_allclose(teststat.q_mu(3.0, 1.0, [0.5, 2.0], 1.0), [4.0, 0.0])
    np.testing.assert_allclose(teststat.q_zero(3.0, 1.0, [0.5, -2.0]), [4.0, 0.0])
    np.testing.assert_allclose(teststat.p_q_zero([0.0, 9.0]), [0.5, norm.sf(3)])


@pytest.mark.parametrize("lower", [-np.inf, -2.0, -0.7, 0.0])
@pytest.mark.parametrize("truth", [0.0, 1.5])
def test_p_values_are_uniform_where_q_is_above_zero(lower: float, truth: float) -> None:
    """Without a signal 1 − p_b, with the tested signal p_{s+b}: the fraction of toys below any size is that size."""
    tested, n = 1.5, 100_000
    fitted = np.random.default_rng(5).normal(truth, 1.0, n)
    q = normal_q(fitted, tested, lower)
    boundary = (tested - lower) / tested
    p = (teststat.p_background if truth == 0 else teststat.p_signal)(q, tested**2, boundary)
    for size in (0.01, 0.05, 0.3):
        assert binom.sf((p <= size).sum() - 1, n, size) > 1e-4
        assert binom.cdf((p <= size).sum(), n, size) > 1e-4


def test_the_distance_is_the_fluctuation_of_the_best_fit() -> None:
    fitted = np.array([-3.0, -1.0, 0.0, 0.4, 1.2])
    for lower in (-np.inf, -2.0, 0.0):
        q = normal_q(fitted, 1.5, lower)
        np.testing.assert_allclose(teststat.distance(q, 1.5**2, (1.5 - lower) / 1.5), -fitted, atol=1e-12)


def test_cls_without_a_boundary_and_far_away() -> None:
    assert teststat.cls(0.0, 0.0, 1.0) == pytest.approx(1.0)
    assert teststat.cls(np.inf, 4.0, 1.0) == 0.0
    far = teststat.cls(50.0**2, 40.0**2, np.inf)
    assert far == pytest.approx(np.exp(norm.logsf(50) - norm.logsf(10)))
    np.testing.assert_allclose(teststat.cls(4.0, 9.0, 1.0), norm.sf(2) / norm.sf(-1))


def test_expected_cls_gives_the_closed_form_of_the_limits() -> None:
    """Eq. 89: σ (Φ⁻¹(1 − α Φ(N)) + N)."""
    for n in (-2.0, -1.0, 0.0, 1.0, 2.0):
        limit = norm.ppf(1 - 0.1 * norm.cdf(n)) + n
        assert teststat.expected_cls(limit**2, n) == pytest.approx(0.1)
        assert teststat.expected_p_signal(limit**2, n) == pytest.approx(0.1 * norm.cdf(n))
