"""The effective likelihood of counts whose expectation was simulated with a finite number of events.

C. A. Argüelles, A. Schneider and T. Yuan, JHEP 06 (2019) 030, arXiv:1901.04645. The expectation of a bin is a sum of
weights, μ = Σw with σ² = Σw². Given the simulation, the true rate follows a gamma distribution with α = μ²/σ² + 1 and
β = μ/σ², and the Poisson probability averaged over it is

    L_eff(k) = β^α Γ(k + α) / (k! (1 + β)^(k + α) Γ(α)),

a negative binomial probability. It is evaluated as the Poisson probability times a correction written in y = σ²/μ,
q = σ²/μ² (the inverse effective number of events) and u = 1/α = q/(1 + q): each term vanishes with σ², so that the
Poisson limit is exact to rounding however small σ² is.

The mean of L_eff is μ + σ²/μ, not μ: the fit of a norm to what one simulation expects, such as Asimov data, comes out
low by about 1/(effective number of events), which is why a small number is reported (see also
github.com/icecube/pisa/issues/719).

Bins with μ = 0: without variance they are Poisson bins that expect nothing; with variance (weights of both signs that
cancel) every count has probability zero, the limit of the formula.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

EMPTY = 1e-100  # a bin that expects no more expects nothing: its inverse square is still a number
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)  # of 1/x, 1/x³, … in ln Γ(x)
LARGE = 10.0  # argument from which on Stirling's series is exact to rounding
SMALL = 0.1  # argument up to which the series of `_bend` is used
TERMS = 1.0 / np.arange(2.0, 18.0) * (-1.0) ** np.arange(16)


def correction(counts: np.ndarray, rates: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """ln L_eff − ln Poisson of counts k with expectation μ and Monte-Carlo variance σ², elementwise; 0 where σ² is 0.

    Where nothing is expected: −inf with a variance, 0 without.
    """
    k, mean, y, q, u = _arguments(counts, rates, variance)
    x = k * u
    poch = -k * x * _bend(x) + (k - 0.5) * np.log1p(x) + _stirling(u / (1.0 + x)) - _stirling(u)
    value = y * mean * _bend(y) - (1.0 + k) * np.log1p(y) + k * np.log1p(q) + poch
    return np.where((rates <= EMPTY) & (variance > EMPTY), -np.inf, value)


def correction_slopes(counts: np.ndarray, rates: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of `correction` in the expectation and in the variance; 0 where nothing is expected."""
    k, mean, y, q, u = _arguments(counts, rates, variance)
    x = k * u
    in_u = k * (k * _bend(x) - 0.5 / (1.0 + x))
    in_u = in_u + _stirling_slope(u / (1.0 + x)) / (1.0 + x) ** 2 - _stirling_slope(u)
    in_q = k / (1.0 + q) + in_u / (1.0 + q) ** 2
    bend, inverse = _bend(y), 1.0 / (1.0 + y)
    in_rate = y * (2.0 * bend - inverse) + ((1.0 + k) * y * inverse - 2.0 * q * in_q) / mean
    in_variance = inverse - bend - (1.0 + k) * inverse / mean + in_q / mean**2
    on = rates > EMPTY
    return np.where(on, in_rate, 0.0), np.where(on, in_variance, 0.0)


def _arguments(
    counts: np.ndarray, rates: np.ndarray, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """k, μ, y, q and u, of one shape; bins that expect nothing as if they expected 1 without variance."""
    counts, rates, variance = np.broadcast_arrays(counts, rates, variance)
    on = rates > EMPTY
    mean = np.where(on, rates, 1.0)
    y = np.where(on, variance, 0.0) / mean
    q = y / mean
    return counts, mean, y, q, q / (1.0 + q)


def _bend(x: np.ndarray) -> np.ndarray:
    """(x − ln(1 + x)) / x², which is 1/2 at 0, elementwise for x ≥ 0."""
    large = np.where(x > SMALL, x, 1.0)
    series = np.polynomial.polynomial.polyval(np.minimum(x, SMALL), TERMS)
    return np.where(x > SMALL, (large - np.log1p(large)) / large / large, series)


def _stirling(u: np.ndarray) -> np.ndarray:
    """ln Γ(x) − (x − 1/2) ln x + x − ln(2π)/2 at x = 1/u ≥ 1, elementwise."""
    small = np.minimum(u, 1.0 / LARGE)
    series = small * np.polynomial.polynomial.polyval(small**2, STIRLING)
    if not (u > 1.0 / LARGE).any():
        return np.asarray(series)
    x = 1.0 / np.maximum(u, 1.0 / LARGE)
    exact = gammaln(x) - (x - 0.5) * np.log(x) + x - 0.5 * np.log(2.0 * np.pi)
    return np.where(u > 1.0 / LARGE, exact, series)


def _stirling_slope(u: np.ndarray) -> np.ndarray:
    """The derivative of `_stirling` in u."""
    small = np.minimum(u, 1.0 / LARGE)
    series = np.polynomial.polynomial.polyval(small**2, np.array(STIRLING) * np.arange(1, 12, 2))
    if not (u > 1.0 / LARGE).any():
        return np.asarray(series)
    x = 1.0 / np.maximum(u, 1.0 / LARGE)
    exact = x**2 * (np.log(x) - 0.5 / x - digamma(x))
    return np.where(u > 1.0 / LARGE, exact, series)
