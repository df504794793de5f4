"""Poisson probabilities of counts, against arbitrary precision."""

import mpmath
import numpy as np
import pytest

from npinfer.core import poisson

COUNTS = [0.0, 0.5, 1.0, 7.0, 99.9, 100.0, 1e4, 1e9, 1e15, 1e20]
AWAY = [-1.0, -1.0 + 1e-9, -0.9, -1e-3, -1e-7, 0.0, 1e-9, 0.3, 40.0]


def truth(n: float, rate: float) -> float:
    with mpmath.workdps(60):
        n, rate = mpmath.mpf(n), mpmath.mpf(rate)
        power = n * mpmath.log(rate) if rate > 0 else (mpmath.mpf(0) if n == 0 else -mpmath.inf)
        return float(power - rate - mpmath.loggamma(n + 1))


@pytest.mark.parametrize("n", COUNTS)
def test_probabilities_are_exact_at_any_size(n: float) -> None:
    rates = np.array([max(n, 1.0) * (1.0 + x) for x in AWAY])
    found = poisson.log_probability(np.array([n]), rates)
    true = np.array([truth(n, r) for r in rates])
    possible = true > -np.inf
    error = 1e-13 * (1.0 + np.abs(true)) + 1e-16 * np.abs(rates - n)
    assert np.all(np.abs(found[possible] - true[possible]) <= error[possible])
    assert np.all(found[~possible] == -np.inf)


@pytest.mark.parametrize("n", COUNTS)
def test_the_highest_is_at_the_count(n: float) -> None:
    assert poisson.highest(np.array(n)) == pytest.approx(truth(n, n), rel=1e-13, abs=1e-13)


def test_rates_below_zero_are_impossible() -> None:
    assert list(poisson.log_probability(np.array([0.0, 2.0]), np.array([-1.0, -1.0]))) == [-np.inf, -np.inf]
