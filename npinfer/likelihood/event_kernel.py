"""Sums over simulated events, in loops that numba compiles: counts, variances and their slopes, and their curvature.

The weight of an event is w = Σ_t E_t Σ_{c in t} F_c column_c, with E_t = 10^(x_t) e^(−q_t l) of a term t: the exponent
x of the detector and the energy l = ln(E/100 TeV) with its slope −q. F is constant over a section of events.

npinfer.likelihood.event_sums has the same numbers without numba.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from npinfer.likelihood.kernel import F, compiled

LN10 = math.log(10.0)
BLOCK = 256  # events that are summed together
FLUXES = 3  # that the detector has splines for
DETECTOR = 3  # parameters: efficiency, hole ice, anisotropy


class Table(NamedTuple):
    """The events of one likelihood.

    starts: of sections, and the end (sections + 1,); kinds: of each section; energy: l (events,); columns: (c, events),
    the first `counted` of which are summed into the weight, the rest are slopes of those; term: of each column; flux:
    of each term, −1 without detector, which has only muons; coefficients: (14, fluxes, events); rows, shares: in the
    table of anisotropy.
    spread: what w² is multiplied with, of each event or one of all, (1,): 1 where each stands for itself.
    """

    starts: np.ndarray
    kinds: np.ndarray
    energy: np.ndarray
    columns: np.ndarray
    counted: int
    term: np.ndarray
    flux: np.ndarray
    coefficients: np.ndarray
    rows: np.ndarray
    shares: np.ndarray
    spread: np.ndarray


class Point(NamedTuple):
    """The parameters' values: factors (counted columns, kinds); slopes q (terms,); of the detector as DetectorPoint."""

    factors: np.ndarray
    slopes: np.ndarray
    first: np.ndarray
    basis: np.ndarray
    anisotropy: np.ndarray


class Block(NamedTuple):
    """Events of one section: the first one, how many, their kind, and whether the detector's parameters change them."""

    start: int
    size: int
    kind: int
    on: bool


class Arrays(NamedTuple):
    """Of the events of a block: exponents x (fluxes, …) and their derivatives dx (3 fluxes, …); E_t and w_t (terms, …);
    2 w times the spread; ∂w in every coordinate (z, …)."""

    x: np.ndarray
    dx: np.ndarray
    scale: np.ndarray
    each: np.ndarray
    twice: np.ndarray
    first: np.ndarray


SUMMED = {"reassoc", "contract", "nsz", "arcp"}  # sums in any order, which makes loops over events fast


def _compiled(function: F) -> F:
    return compiled(function, fastmath=SUMMED)


@_compiled
def _exponents(t: Table, p: Point, start: int, x: np.ndarray, dx: np.ndarray) -> None:
    """The exponents x (fluxes, block) of events from `start` on, and their derivatives dx (3 fluxes, block)."""
    size, a, b = x.shape[1], p.first[0], p.first[1]
    end = start + size
    v0, v1, v2 = p.basis[0, 0, 0], p.basis[0, 0, 1], p.basis[0, 0, 2]
    u0, u1, u2 = p.basis[1, 0, 0], p.basis[1, 0, 1], p.basis[1, 0, 2]
    dv0, dv1, dv2 = p.basis[0, 1, 0], p.basis[0, 1, 1], p.basis[0, 1, 2]
    du0, du1, du2 = p.basis[1, 1, 0], p.basis[1, 1, 1], p.basis[1, 1, 2]
    for f in range(FLUXES):
        c0, c1, c2 = t.coefficients[a, f], t.coefficients[a + 1, f], t.coefficients[a + 2, f]
        d0, d1, d2 = t.coefficients[b, f], t.coefficients[b + 1, f], t.coefficients[b + 2, f]
        c0, c1, c2 = c0[start:end], c1[start:end], c2[start:end]
        d0, d1, d2 = d0[start:end], d1[start:end], d2[start:end]
        value, by_first, by_second = x[f], dx[f], dx[FLUXES + f]
        for i in range(size):
            value[i] = v0 * c0[i] + v1 * c1[i] + v2 * c2[i] + u0 * d0[i] + u1 * d1[i] + u2 * d2[i]
            by_first[i] = dv0 * c0[i] + dv1 * c1[i] + dv2 * c2[i]
            by_second[i] = du0 * d0[i] + du1 * d1[i] + du2 * d2[i]
    for i in range(size):
        row, s0, s1, s2 = t.rows[start + i], t.shares[0, start + i], t.shares[1, start + i], t.shares[2, start + i]
        for f in range(FLUXES):
            g = FLUXES + f
            x[f, i] += s0 * p.anisotropy[row, f] + s1 * p.anisotropy[row + 1, f] + s2 * p.anisotropy[row + 2, f]
            slope = s0 * p.anisotropy[row, g] + s1 * p.anisotropy[row + 1, g] + s2 * p.anisotropy[row + 2, g]
            dx[2 * FLUXES + f, i] = slope


@_compiled
def _weigh(t: Table, p: Point, block: Block, a: Arrays) -> None:
    """Put E_t, w_t and 2 w of the events of a block, the last times their spread."""
    start, size = block.start, block.size
    l = t.energy[start : start + size]  # noqa: E741
    for k in range(len(t.flux)):
        f, q, scale = t.flux[k], p.slopes[k], a.scale[k]
        a.each[k, :size] = 0.0
        if (f >= 0) != block.on:
            continue
        if f >= 0:
            exponent = a.x[f]
            for i in range(size):
                scale[i] = math.exp(LN10 * exponent[i] - q * l[i])
        else:
            for i in range(size):
                scale[i] = math.exp(-q * l[i])
    for c in range(t.counted):
        factor, column = p.factors[c, block.kind], t.columns[c, start : start + size]
        scale, each = a.scale[t.term[c]], a.each[t.term[c]]
        if factor != 0.0 and (t.flux[t.term[c]] >= 0) == block.on:
            for i in range(size):
                each[i] += factor * column[i] * scale[i]
    a.twice[:size] = 0.0
    for k in range(len(t.flux)):
        each = a.each[k]
        for i in range(size):
            a.twice[i] += each[i]
    own = len(t.spread) > 1
    for i in range(size):
        a.twice[i] *= 2.0 * (t.spread[start + i] if own else t.spread[0])


@_compiled
def _arrays(terms: int, coordinates: int) -> Arrays:
    """Room for one block."""
    x, dx = np.zeros((FLUXES, BLOCK)), np.zeros((DETECTOR * FLUXES, BLOCK))
    scale, each = np.empty((terms, BLOCK)), np.empty((terms, BLOCK))
    return Arrays(x, dx, scale, each, np.empty(BLOCK), np.empty((coordinates, BLOCK)))


@_compiled
def _add(out: np.ndarray, one: int, two: int, left: np.ndarray, right: np.ndarray, twice: np.ndarray) -> None:
    """Add Σ left · right to out[0, one], and that with 2w to out[1, two]."""
    plain, weighted = 0.0, 0.0
    for i in range(len(left)):
        part = left[i] * right[i]
        plain += part
        weighted += twice[i] * part
    out[0, one] += plain
    out[1, two] += weighted


@_compiled
def sums(t: Table, p: Point, plain: int, out: np.ndarray) -> None:
    """Add Σ of each column's E_t column, of each term's l w_t, and of each term's three ∂x w_t: out (sections, 2, k).

    In the second row it is Σ 2w of these, with the sum over terms in place of the first term's ∂x w_t. plain: the kind
    of events, muons, that no detector parameter changes; terms have these alone, or none of them.
    """
    columns, terms = len(t.term), len(t.flux)
    det, a = columns + terms, _arrays(terms, 0)
    for s in range(len(t.kinds)):
        total = out[s]
        for start in range(t.starts[s], t.starts[s + 1], BLOCK):
            block = Block(start, min(BLOCK, t.starts[s + 1] - start), t.kinds[s], t.kinds[s] != plain)
            n, energy = block.size, t.energy[start : start + block.size]
            if block.on:
                _exponents(t, p, start, a.x[:, :n], a.dx[:, :n])
            _weigh(t, p, block, a)
            for c in range(columns):
                if (t.flux[t.term[c]] >= 0) == block.on:
                    _add(total, c, c, a.scale[t.term[c], :n], t.columns[c, start : start + n], a.twice)
            for k in range(terms):
                f = t.flux[k]
                if (f >= 0) != block.on:
                    continue
                _add(total, columns + k, columns + k, a.each[k, :n], energy, a.twice)
                if f >= 0:
                    for d in range(DETECTOR):
                        slope = a.dx[FLUXES * d + f, :n]
                        _add(total, det + DETECTOR * k + d, det + d, a.each[k, :n], slope, a.twice)


@_compiled
def curvature(t: Table, p: Point, plain: int, weights: np.ndarray, out: np.ndarray) -> None:
    """Add Σ (a + 2 v w) ∂²w + 2 v ∂w ∂w over events to out (kinds, z, z), the upper half.

    weights: a and v of each section, (sections, 2). The coordinates are the factors of the counted columns, the slopes
    q of the terms, and the detector's parameters: z of them.
    """
    z, own = t.counted + len(t.flux) + DETECTOR, len(t.spread) > 1
    a, one, two = _arrays(len(t.flux), z), np.empty(BLOCK), np.empty(BLOCK)
    for s in range(len(t.kinds)):
        total = out[t.kinds[s]]
        for start in range(t.starts[s], t.starts[s + 1], BLOCK):
            block = Block(start, min(BLOCK, t.starts[s + 1] - start), t.kinds[s], t.kinds[s] != plain)
            n = block.size
            if block.on:
                _exponents(t, p, start, a.x[:, :n], a.dx[:, :n])
            _weigh(t, p, block, a)
            for i in range(n):
                one[i] = weights[s, 0] + weights[s, 1] * a.twice[i]
                two[i] = 2.0 * weights[s, 1] * (t.spread[start + i] if own else t.spread[0])
            _put_first(t, block, a)
            for i in range(z):
                for j in range(i, z):
                    total[i, j] += _product(two[:n], a.first[i], a.first[j])
            _add_second(t, p, block, a, one[:n], total)


@_compiled
def _product(weight: np.ndarray, left: np.ndarray, right: np.ndarray) -> float:
    """Σ weight · left · right, of as many as there are weights."""
    total = 0.0
    for i in range(len(weight)):
        total += weight[i] * left[i] * right[i]
    return total


@_compiled
def _put_first(t: Table, block: Block, a: Arrays) -> None:
    """Put ∂w in every coordinate."""
    start, n, counted, terms, first = block.start, block.size, t.counted, len(t.flux), a.first
    first[counted + terms :, :n] = 0.0
    for c in range(counted):
        first[c, :n] = 0.0
        if (t.flux[t.term[c]] >= 0) == block.on:
            column, scale = t.columns[c, start : start + n], a.scale[t.term[c]]
            for i in range(n):
                first[c, i] = scale[i] * column[i]
    for k in range(terms):
        f = t.flux[k]
        for i in range(n):
            first[counted + k, i] = -t.energy[start + i] * a.each[k, i]
        if f >= 0 and block.on:
            for d in range(DETECTOR):
                for i in range(n):
                    first[counted + terms + d, i] += LN10 * a.dx[FLUXES * d + f, i] * a.each[k, i]


@_compiled
def _add_second(t: Table, p: Point, block: Block, a: Arrays, one: np.ndarray, total: np.ndarray) -> None:
    """Add Σ one ∂²w to total (z, z)."""
    start, n, counted, terms, first = block.start, block.size, t.counted, len(t.flux), a.first
    det, l, bend = counted + terms, t.energy[start : start + n], np.zeros(n)  # noqa: E741
    for c in range(counted):
        k = t.term[c]
        total[c, counted + k] -= _product(one, first[c], l)
        if t.flux[k] >= 0 and block.on:
            for d in range(DETECTOR):
                total[c, det + d] += LN10 * _product(one, first[c], a.dx[FLUXES * d + t.flux[k]])
    for k in range(terms):
        f, slope = t.flux[k], first[counted + k]  # −l w_t
        total[counted + k, counted + k] -= _product(one, slope, l)
        if f < 0 or not block.on:
            continue
        for d in range(DETECTOR):
            total[counted + k, det + d] += LN10 * _product(one, slope, a.dx[FLUXES * d + f])
            weight = LN10 * LN10 * one * a.dx[FLUXES * d + f, :n]
            for o in range(d, DETECTOR):
                total[det + d, det + o] += _product(weight, a.each[k], a.dx[FLUXES * o + f])
        for d in range(2):
            bend[:] = 0.0
            for j in range(3):
                bend += p.basis[d, 2, j] * t.coefficients[p.first[d] + j, f, start : start + n]
            total[det + d, det + d] += LN10 * _product(one, a.each[k], bend)
