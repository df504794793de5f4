"""ln of the Poisson probability of counts as a distance from its highest value: large counts do not round it."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, xlogy

_SERIES = 100.0  # counts from which Stirling's series with three terms is exact to a double


def log_probability(counted: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """ln of the probability of `counted` events where `expected` are, elementwise; −inf where `expected` is negative.

    n ln λ − λ − ln n! is the small difference of terms of size n ln n. Here it is −n (x − ln(1 + x)) with x = λ/n − 1
    below its value at λ = n, which rounds by 1e-16 of λ − n.

    >>> print(log_probability(np.array([1e14, 3.0, 0.0]), np.array([1e14 + 1e7, 2.0, 0.5])).round(4))
    [-17.537   -1.7123  -0.5   ]
    """
    counted, expected = np.broadcast_arrays(counted, expected)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x = (expected - counted) / counted
        logarithm = np.where(x < -0.5, np.log(expected / counted), np.log1p(x))
        distance = np.where(counted == 0, expected, counted * (x - logarithm))
    return np.where(expected < 0, -np.inf, highest(counted) - distance)


def highest(counted: np.ndarray) -> np.ndarray:
    """ln of the probability of `counted` events where as many are expected, elementwise."""
    n = np.maximum(counted, _SERIES)
    stirling = -0.5 * np.log(2.0 * np.pi * n) - (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / 1260.0 / n**2) / n**2) / n
    return np.where(counted >= _SERIES, stirling, xlogy(counted, counted) - counted - gammaln(counted + 1.0))
