"""Test statistics from profile likelihood ratios, and what they follow in large samples.

Cowan, Cranmer, Gross and Vitells, Eur. Phys. J. C 71 (2011) 1554, arXiv:1007.1727, whose equations are cited. All
functions take arrays, or numbers, that broadcast: −ln L of the fit with the parameter held at its tested value, −ln L
of the best fit and the parameter's value there. The best fit is searched within the parameter's bounds: a lower bound
that is a physical boundary makes q_μ (eq. 14) the same number as q̃_μ (eq. 16); only their distributions differ.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_ndtr, ndtr

SMALLEST = 1e-12  # root of a test statistic that still counts as different from 0
FARTHEST = 1e6  # standard deviations: data that are impossible with the tested signal are not farther


def t_mu(nll_tested: Any, nll_best: Any) -> np.ndarray:
    """t_μ = 2 (−ln L tested + ln L best), never below 0 (eq. 8)."""
    return np.maximum(2.0 * (np.asarray(nll_tested, dtype=float) - nll_best), 0.0)


def q_mu(nll_tested: Any, nll_best: Any, best: Any, tested: Any) -> np.ndarray:
    """q_μ or q̃_μ for an upper limit: t_μ, but 0 where the best fit lies above the tested value (eqs. 14 and 16)."""
    return np.where(np.asarray(best) > tested, 0.0, t_mu(nll_tested, nll_best))


def q_zero(nll_null: Any, nll_best: Any, best: Any, null: float = 0.0) -> np.ndarray:
    """q_0 for a discovery: t at the value `null` without a signal, but 0 where the best fit lies below it (eq. 12)."""
    return np.where(np.asarray(best) < null, 0.0, t_mu(nll_null, nll_best))


def p_q_zero(q0: Any) -> np.ndarray:
    """Probability of such a q_0 or a larger one without a signal, 1 − Φ(√q_0) (eq. 52); one half where it is 0."""
    return np.asarray(ndtr(-np.sqrt(q0)))


def distance(q: Any, q_asimov: Any, boundary: Any = 1.0) -> np.ndarray:
    """The test statistic as a normal variable of unit width: mean 0 without a signal, −√q_asimov with the tested one.

    q: q_μ or q̃_μ; q_asimov: the same on Asimov data without a signal, (μ/σ)² of the Asimov variance (eq. 32).
    boundary: how far below the tested value the parameter ends, in units of how far below it there is no signal: 1 for
    q̃_μ, whose parameter ends where there is no signal (eqs. 66 and 67), infinite for q_μ (eq. 59); a bound between
    the two follows from eq. 62 in the same way. Large where the data have less signal than is tested.
    """
    root, root_asimov = np.sqrt(q), np.sqrt(q_asimov)
    end = np.maximum(np.where(np.isfinite(boundary), boundary, 1.0) * root_asimov, SMALLEST)
    inside = root - root_asimov
    return np.where(np.isfinite(boundary) & (root > end), 0.5 * (root**2 / end + end) - root_asimov, inside)


def p_signal(q: Any, q_asimov: Any, boundary: Any = 1.0) -> np.ndarray:
    """p_{s+b}: probability of such a test statistic or a larger one with the tested signal; one half where it is 0."""
    return np.asarray(ndtr(-(distance(q, q_asimov, boundary) + np.sqrt(q_asimov))))


def p_background(q: Any, q_asimov: Any, boundary: Any = 1.0) -> np.ndarray:
    """1 − p_b: probability of such a test statistic or a larger one without a signal."""
    return np.asarray(ndtr(-distance(q, q_asimov, boundary)))


def cls(q: Any, q_asimov: Any, boundary: Any = 1.0) -> np.ndarray:
    """CLs = p_{s+b} / (1 − p_b), a ratio of tails that may both be too small for a number of their own."""
    return _ratio(distance(q, q_asimov, boundary), np.sqrt(q_asimov))


def expected_cls(q_asimov: Any, n_sigma: Any) -> np.ndarray:
    """CLs where the best fit fluctuates n_sigma standard deviations up without a signal (eq. 89)."""
    return _ratio(-np.asarray(n_sigma, dtype=float), np.sqrt(q_asimov))


def expected_p_signal(q_asimov: Any, n_sigma: Any) -> np.ndarray:
    """p_{s+b} where the best fit fluctuates n_sigma standard deviations up without a signal."""
    return np.asarray(ndtr(np.asarray(n_sigma, dtype=float) - np.sqrt(q_asimov)))


def _ratio(x: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Φ(−x − shift) / Φ(−x)."""
    x = np.minimum(x, FARTHEST)
    return np.asarray(np.exp(log_ndtr(-(x + shift)) - log_ndtr(-x)))
