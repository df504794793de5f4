"""−ln of the density of a workspace with first and second derivatives, in loops that numba compiles where it is there.

One point at a time. Parameters that act in one bin alone, at most one a bin, are local: among them second derivatives
are diagonal. All others are wide. Derivatives have columns of the w wide parameters, and a last one of the local.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

TINY = 1e-100  # stands for a factor of zero, so that a derivative is the product over the factor
EMPTY = 1e-80  # expected counts below are none
LEAST = 1e-12  # of a parameter with a Poisson constraint, in second derivatives
F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F, **options: Any) -> F:
    """The function as numba compiles it, kept on disk for other processes; itself without numba. options: for numba.

    numba keeps it for as long as the file of the function is the same. What calls functions of this file, from another
    one, is kept for no longer than this file is.
    """
    if find_spec("numba") is None:
        return function
    njit = partial(import_module("numba").njit, nogil=True, error_model="numpy", **options)
    try:
        found: Any = njit(cache=True)(function)
        for kept in Path(found.stats.cache_path).glob(f"*.{function.__qualname__}-*.nbi"):
            if kept.stat().st_mtime < Path(__file__).stat().st_mtime:
                kept.unlink(missing_ok=True)
    except (RuntimeError, OSError):  # there is no folder to keep it in, or to change it in
        found = njit()(function)
    compiled_function: F = found
    return compiled_function


class Tables(NamedTuple):
    """A workspace as arrays. Histograms have cells, one a bin, and factors and shifts, which are of all their cells.

    place: of every parameter, its number among the wide ones, or w + its bin.
    """

    rows: np.ndarray  # (histograms + 1, 4): the first bin, cell, factor and shift of each; those behind the last
    nominal: np.ndarray  # (cells,)
    factor_at: np.ndarray  # (factors,): positions of parameters
    curves: np.ndarray  # (factors, 9): of a normsys, coefficients of rising power inside ±1, ln up, ln down; or zero
    shift_at: np.ndarray  # (shifts,)
    shapes: np.ndarray  # (shifts, 2, bins of the widest histogram): what α and its even part are multiplied with
    gamma_first: np.ndarray  # (cells + 1,): the first factor of each cell alone
    gamma_at: np.ndarray  # (gammas,)
    place: np.ndarray  # (parameters,)
    wide: np.ndarray  # (w,): positions
    local: np.ndarray  # (local, 2): bins and positions
    normal: np.ndarray  # (normal constraints, 2): positions of parameters and of auxiliary data
    weight: np.ndarray  # (normal constraints,): their 1/σ²
    counted: np.ndarray  # (Poisson constraints, 2)
    rate: np.ndarray  # (Poisson constraints,)
    range: np.ndarray  # (parameters, 3): lower and upper bound, and how near to one is on it
    bins: int
    norm: float  # ln of the normalisation of the normal constraints


class Work(NamedTuple):
    """What is computed at one point."""

    rates: np.ndarray  # (bins,)
    slopes: np.ndarray  # (bins, w + 1): derivatives of the rates
    cells: np.ndarray  # (2, cells): counts, and the product of all factors
    factors: np.ndarray  # (factors, 3): each, and its first two derivatives over it
    evens: np.ndarray  # (shifts, 3): the even part of each histosys, and its derivatives
    gradient: np.ndarray  # (parameters,)
    weights: np.ndarray  # (bins,): derivatives of −ln density in the rates
    curvature: np.ndarray  # (w + bins, w + 1): second derivatives, the lower half


@compiled
def workspace(t: Tables) -> Work:
    """Room for what is computed at one point."""
    w = len(t.wide)
    return Work(
        np.zeros(t.bins),
        np.zeros((t.bins, w + 1)),
        np.zeros((2, len(t.nominal))),
        np.zeros((len(t.factor_at), 3)),
        np.zeros((len(t.shift_at), 3)),
        np.zeros(len(t.place)),
        np.zeros(t.bins),
        np.zeros((w + t.bins, w + 1)),
    )


@compiled
def _normsys(curve: np.ndarray, alpha: float) -> tuple[float, float, float]:
    """A factor in code 4, and its first two derivatives."""
    if abs(alpha) >= 1.0:
        side = curve[7] if alpha > 0 else -curve[8]
        value = math.exp(min(side * alpha, 700.0))
        return value, side * value, side * side * value
    value, first, second = curve[6], 0.0, 0.0
    for i in range(5, -1, -1):
        second = second * alpha + 2.0 * first
        first = first * alpha + value
        value = value * alpha + curve[i]
    return value, first, second


@compiled
def _even(alpha: float) -> tuple[float, float, float]:
    """What the bend of a histosys is multiplied with in code 4p, and its first two derivatives."""
    square = alpha * alpha
    if square > 1.0:
        sign = 8.0 if alpha > 0 else -8.0
        return sign * alpha, sign, 0.0
    value = square * (15.0 + square * (-10.0 + 3.0 * square))
    slope = alpha * (30.0 + square * (-40.0 + 18.0 * square))
    return value, slope, 30.0 + square * (-120.0 + 90.0 * square) if square < 1.0 else 0.0


@compiled
def _vary(t: Tables, w: Work, x: np.ndarray) -> None:
    """The factors of all rows and the even parts of all shifts, with derivatives."""
    for f in range(len(t.factor_at)):
        value, first, second = x[t.factor_at[f]], 1.0, 0.0
        if t.curves[f, 0] > 0.0:
            value, first, second = _normsys(t.curves[f], value)
        value = value if value != 0.0 else TINY
        w.factors[f, 0], w.factors[f, 1], w.factors[f, 2] = value, first / value, second / value
    for s in range(len(t.shift_at)):
        w.evens[s, 0], w.evens[s, 1], w.evens[s, 2] = _even(x[t.shift_at[s]])


@compiled
def _add_counts(t: Tables, w: Work, x: np.ndarray) -> None:
    """Add all counts to the rates, and their derivatives."""
    last = len(t.wide)
    for h in range(len(t.rows) - 1):
        (b, begin, factor, shift), (_, end, factors, shifts) = t.rows[h], t.rows[h + 1]
        counts, products, nominal = w.cells[0, begin:end], w.cells[1, begin:end], t.nominal[begin:end]
        rates, slopes = w.rates[b : b + end - begin], w.slopes[b : b + end - begin]
        row = 1.0
        for f in range(factor, factors):
            row *= w.factors[f, 0]
        for i in range(len(counts)):
            counts[i], products[i] = nominal[i], row
        if t.gamma_first[begin] < t.gamma_first[end]:
            for i in range(len(counts)):
                for g in range(t.gamma_first[begin + i], t.gamma_first[begin + i + 1]):
                    products[i] *= x[t.gamma_at[g]] or TINY
        for s in range(shift, shifts):
            mean, bend, at = t.shapes[s, 0], t.shapes[s, 1], t.place[t.shift_at[s]]
            alpha, even, slope = x[t.shift_at[s]], w.evens[s, 0], w.evens[s, 1]
            for i in range(len(counts)):
                counts[i] += alpha * mean[i] + even * bend[i]
            for i in range(len(counts)):
                slopes[i, at] += products[i] * (mean[i] + slope * bend[i])
        for i in range(len(counts)):
            counts[i] *= products[i]
            rates[i] += counts[i]
        for f in range(factor, factors):
            at, slope = t.place[t.factor_at[f]], w.factors[f, 1]
            for i in range(len(counts)):
                slopes[i, at] += slope * counts[i]
        if t.gamma_first[begin] < t.gamma_first[end]:
            for i in range(len(counts)):
                for g in range(t.gamma_first[begin + i], t.gamma_first[begin + i + 1]):
                    slopes[i, min(t.place[t.gamma_at[g]], last)] += counts[i] / (x[t.gamma_at[g]] or TINY)


@compiled
def expand(t: Tables, w: Work, counts: np.ndarray, auxiliary: np.ndarray, x: np.ndarray) -> float:
    """−ln density at x (parameters,) less what no parameter changes; the gradient goes to `w`.

    Infinite, and without a gradient, where the data are impossible.
    """
    w.rates.fill(0.0)
    w.slopes.fill(0.0)
    w.gradient.fill(0.0)
    _vary(t, w, x)
    _add_counts(t, w, x)
    value = 0.0
    for b in range(len(counts)):
        rate, n = w.rates[b], counts[b]
        if rate < 0.0 or (rate < EMPTY and n > 0.0):
            return np.inf
        value += rate
        slope = 1.0
        if n > 0.0:
            value -= n * math.log(rate)
            slope -= n / rate
        w.weights[b] = slope
        for i in range(len(t.wide)):
            w.gradient[t.wide[i]] += slope * w.slopes[b, i]
    for k in range(len(t.local)):
        b, at = t.local[k]
        w.gradient[at] += w.weights[b] * w.slopes[b, len(t.wide)]
    for k in range(len(t.weight)):
        at = t.normal[k, 0]
        away = x[at] - auxiliary[t.normal[k, 1]]
        value += 0.5 * t.weight[k] * away * away
        w.gradient[at] += t.weight[k] * away
    for k in range(len(t.rate)):
        at, seen = t.counted[k, 0], auxiliary[t.counted[k, 1]]
        theta = x[at]
        if theta < 0.0 or seen < 0.0 or (theta == 0.0 and seen > 0.0):
            return np.inf
        w.gradient[at] += t.rate[k]
        if seen > 0.0:
            rate = theta * t.rate[k]
            away = (rate - seen) / seen
            value += seen * (away - (math.log1p(away) if away > -0.5 else math.log(rate / seen)))
            w.gradient[at] -= seen / theta
        else:
            value += theta * t.rate[k]
    return value


@compiled
def curve(t: Tables, w: Work, data: tuple[np.ndarray, np.ndarray], x: np.ndarray, expected: bool) -> None:
    """Second derivatives at x, where `expand` was last, go to `w`: the observed information, or the `expected`.

    data: counts and auxiliary data.
    """
    (counts, auxiliary), last = data, len(t.wide)
    w.curvature.fill(0.0)
    for b in range(len(counts)):
        rate = max(w.rates[b], EMPTY)
        weight = 1.0 / rate if expected else counts[b] / rate / rate
        for i in range(last):
            slope = weight * w.slopes[b, i]
            if slope != 0.0:
                for j in range(i + 1):
                    w.curvature[i, j] += slope * w.slopes[b, j]
        slope = weight * w.slopes[b, last]
        if slope != 0.0:
            for j in range(last + 1):
                w.curvature[last + b, j] += slope * w.slopes[b, j]
    for k in range(len(t.weight)):
        at = t.place[t.normal[k, 0]]
        _add(w.curvature, at, at, t.weight[k])
    for k in range(len(t.rate)):
        at, theta = t.place[t.counted[k, 0]], max(x[t.counted[k, 0]], LEAST)
        _add(w.curvature, at, at, (t.rate[k] if expected else auxiliary[t.counted[k, 1]] / theta) / theta)
    if not expected:
        _add_rows(t, w)
        _add_gammas(t, w, x)


@compiled
def _add(curvature: np.ndarray, i: int, j: int, value: float) -> None:
    """Add a second derivative in the parameters at places i and j."""
    curvature[max(i, j), min(i, j, curvature.shape[1] - 1)] += value


@compiled
def _add_rows(t: Tables, w: Work) -> None:
    """Add the weighted second derivatives of the counts in parameters that act on whole histograms."""
    m = w.curvature
    for h in range(len(t.rows) - 1):
        (b, begin, factor, shift), (_, end, factors, shifts) = t.rows[h], t.rows[h + 1]
        weights, counts = w.weights[b : b + end - begin], 0.0
        for i in range(len(weights)):
            counts += weights[i] * w.cells[0, begin + i]
        for f in range(factor, factors):
            at = t.place[t.factor_at[f]]
            _add(m, at, at, w.factors[f, 2] * counts)
            for k in range(factor, f):
                _add(m, at, t.place[t.factor_at[k]], w.factors[f, 1] * w.factors[k, 1] * counts)
        for s in range(shift, shifts):
            at, mean, bend = t.place[t.shift_at[s]], 0.0, 0.0
            for i in range(len(weights)):
                weight = weights[i] * w.cells[1, begin + i]
                mean += weight * t.shapes[s, 0, i]
                bend += weight * t.shapes[s, 1, i]
            _add(m, at, at, w.evens[s, 2] * bend)
            for f in range(factor, factors):
                other, mixed = t.place[t.factor_at[f]], w.factors[f, 1] * (mean + w.evens[s, 1] * bend)
                _add(m, at, other, 2.0 * mixed if other == at else mixed)


@compiled
def _add_gammas(t: Tables, w: Work, x: np.ndarray) -> None:
    """Add those in a parameter of single bins and any other."""
    m = w.curvature
    for h in range(len(t.rows) - 1):
        (b, begin, factor, shift), (_, end, factors, shifts) = t.rows[h], t.rows[h + 1]
        if t.gamma_first[begin] == t.gamma_first[end]:
            continue
        for i in range(end - begin):
            count, product = w.weights[b + i] * w.cells[0, begin + i], w.weights[b + i] * w.cells[1, begin + i]
            for g in range(t.gamma_first[begin + i], t.gamma_first[begin + i + 1]):
                at, gamma = t.place[t.gamma_at[g]], x[t.gamma_at[g]] or TINY
                for f in range(factor, factors):
                    _add(m, at, t.place[t.factor_at[f]], count * w.factors[f, 1] / gamma)
                for s in range(shift, shifts):
                    tilt = t.shapes[s, 0, i] + w.evens[s, 1] * t.shapes[s, 1, i]
                    _add(m, at, t.place[t.shift_at[s]], product * tilt / gamma)
                for k in range(t.gamma_first[begin + i], g):
                    _add(m, at, t.place[t.gamma_at[k]], count / gamma / (x[t.gamma_at[k]] or TINY))
