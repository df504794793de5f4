"""Sums over simulated events with numpy alone: the numbers of npinfer.likelihood.event_kernel, block by block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from npinfer.likelihood.event_kernel import DETECTOR, LN10, Point, Table

BLOCK = 1 << 12  # events that stay in a processor's cache


def sums(t: Table, p: Point, plain: int, out: np.ndarray) -> None:
    """As npinfer.likelihood.event_kernel.sums."""
    columns, terms = len(t.term), len(t.flux)
    for sections, at, starts in _blocks(t):
        kinds, sizes = t.kinds[sections], np.diff(np.append(starts, at.stop - at.start))
        x, dx = _exponents(t, p, at, np.repeat(kinds != plain, sizes))
        scale = _scales(t, p, at, x)
        rows = np.empty((columns + terms + DETECTOR * terms, scale.shape[1]))
        each = np.zeros(scale.shape)
        for c in range(columns):
            np.multiply(t.columns[c, at], scale[t.term[c]], out=rows[c])
            if c < t.counted:
                each[t.term[c]] += np.repeat(p.factors[c, kinds], sizes) * rows[c]
        det = columns + terms
        np.multiply(each, t.energy[at], out=rows[columns:det])
        for k, f in enumerate(t.flux):
            np.multiply(dx[:, f], each[k] if f >= 0 else 0.0, out=rows[det + DETECTOR * k : det + DETECTOR * (k + 1)])
        out[sections, 0] += np.add.reduceat(rows, starts, axis=1).T
        for k in range(1, terms):
            rows[det : det + DETECTOR] += rows[det + DETECTOR * k : det + DETECTOR * (k + 1)]
        both = rows[: det + DETECTOR]
        both *= 2.0 * each.sum(axis=0) * _spread(t, at)
        out[sections, 1, : len(both)] += np.add.reduceat(both, starts, axis=1).T


def curvature(t: Table, p: Point, plain: int, weights: np.ndarray, out: np.ndarray) -> None:
    """As npinfer.likelihood.event_kernel.curvature."""
    n, terms = t.counted, len(t.flux)
    size = n + terms + DETECTOR
    det = n + terms
    for sections, at, starts in _blocks(t):
        kinds, sizes = t.kinds[sections], np.diff(np.append(starts, at.stop - at.start))
        x, dx = _exponents(t, p, at, np.repeat(kinds != plain, sizes))
        bend = _bends(t, p, at, np.repeat(kinds != plain, sizes))
        scale, energy = _scales(t, p, at, x), t.energy[at]
        first, each = np.zeros((size, len(energy))), np.zeros((terms, len(energy)))
        for c in range(n):
            np.multiply(t.columns[c, at], scale[t.term[c]], out=first[c])
            each[t.term[c]] += np.repeat(p.factors[c, kinds], sizes) * first[c]
        first[n:det] = -energy * each
        on = np.flatnonzero(t.flux >= 0)
        slope = LN10 * dx[:, t.flux[on]]
        first[det:] = np.einsum("dke,ke->de", slope, each[on])
        a, v = (np.repeat(weights[sections, i], sizes) for i in (0, 1))
        two = 2.0 * v * _spread(t, at)
        one = a + two * each.sum(axis=0)
        products = np.empty((size, size, len(starts)))
        for i in range(size):
            second = _second(t, i, (first, each, slope, bend, energy, on))
            rows = one * second + two * first[i] * first[i:]
            products[i, i:] = np.add.reduceat(rows, starts, axis=1)
        for i in range(size):
            for kind in np.unique(kinds):
                out[kind, i, i:] += products[i, i:, kinds == kind].sum(axis=0)


def _second(t: Table, i: int, arrays: tuple[np.ndarray, ...]) -> np.ndarray:
    """The second derivatives of the weight in coordinate i and those from i on, (size − i, events)."""
    first, each, slope, bend, energy, on = arrays
    n, terms = t.counted, len(t.flux)
    det = n + terms
    result = np.zeros((det + DETECTOR, first.shape[1]))
    if i < det:
        k = int(t.term[i]) if i < n else i - n
        mine = first[i] if i < n else -energy * each[k]
        result[n + k] = -energy * mine
        found = np.flatnonzero(on == k)
        if len(found):
            result[det:] = slope[:, found[0]] * mine
        return result[i:]
    d = i - det
    for j in range(d, DETECTOR):
        result[det + j] = np.einsum("ke,ke,ke->e", slope[d], slope[j], each[on])
    result[i] += np.einsum("ke,ke->e", LN10 * bend[d, t.flux[on]], each[on])
    return result[i:]


def _blocks(t: Table) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Whole sections together: which, their events, and where each begins among those."""
    first = 0
    while first < len(t.kinds):
        last = int(np.searchsorted(t.starts, t.starts[first] + BLOCK, side="right")) - 1
        last = max(last, first + 1)
        begin, end = int(t.starts[first]), int(t.starts[last])
        yield slice(first, last), slice(begin, end), t.starts[first:last] - begin
        first = last


def _exponents(t: Table, p: Point, at: slice, on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The exponents (fluxes, events) and their derivatives (3, fluxes, events), of events that are `on`, or zero."""
    efficiency, ice = (t.coefficients[i : i + 3, :, at] for i in p.first)
    rows, shares = t.rows[at], t.shares[:, at, None]
    anisotropy = (shares[0] * p.anisotropy[rows] + shares[1] * p.anisotropy[rows + 1]
                  + shares[2] * p.anisotropy[rows + 2]).T  # fmt: skip
    x = _combine(p.basis[0, 0], efficiency)
    x += _combine(p.basis[1, 0], ice)
    x += anisotropy[:3]
    dx = np.stack([_combine(p.basis[0, 1], efficiency), _combine(p.basis[1, 1], ice), anisotropy[3:]])
    if not on.all():
        x *= on
        dx *= on
    return x, dx


def _spread(t: Table, at: slice) -> np.ndarray:
    return t.spread[at] if len(t.spread) > 1 else t.spread


def _combine(factors: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Σ_i factor_i coefficient_i of three."""
    total: np.ndarray = factors[0] * coefficients[0]
    total += factors[1] * coefficients[1]
    total += factors[2] * coefficients[2]
    return total


def _bends(t: Table, p: Point, at: slice, on: np.ndarray) -> np.ndarray:
    """The second derivatives of the exponents, (3, fluxes, events)."""
    two = [_combine(p.basis[i, 2], t.coefficients[p.first[i] : p.first[i] + 3, :, at]) for i in (0, 1)]
    return np.stack([*two, np.zeros_like(two[0])]) * on


def scales(t: Table, p: Point, at: slice, on: np.ndarray) -> np.ndarray:
    """E_t of some events (terms, events); on: whether the detector's parameters change them."""
    return _scales(t, p, at, _exponents(t, p, at, on)[0])


def _scales(t: Table, p: Point, at: slice, x: np.ndarray) -> np.ndarray:
    exponent = -p.slopes[:, None] * t.energy[at]
    for k, f in enumerate(t.flux):
        if f >= 0:
            exponent[k] += LN10 * x[f]
    return np.exp(exponent, out=exponent)
