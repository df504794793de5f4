"""Simulated events summed into few: an approximation that is fast, with limits on what it can be off.

Neighbouring events of a section, close in true energy, become one. At a reference point its columns are their sums, its
energy and exponents their means, weighted as there, and Σ w² of its events is to (Σ w)² what it is. Away from there,
the weight of an event in a term t changes by e^Δ, and that of the sum by e^Δ̄: limits follow from the largest |Δ − Δ̄|.
"""

from __future__ import annotations

import copy

import numpy as np

from npinfer.likelihood.event_kernel import LN10, Point, Table
from npinfer.likelihood.event_sums import scales
from npinfer.likelihood.events import PLAIN, EventGroup

WIDTH = 1.0  # of ln(true energy), of events that are summed


class CoarseGroup(EventGroup):
    """The samples of simulated events, many events summed into one; made by `summed`."""

    exact: Table
    firsts: np.ndarray  # of the events that are summed, in the exact table
    reference: Point
    _limits: _Limits | None = None

    def ranges(self, values: np.ndarray) -> np.ndarray:
        """Between what the exact counts and variances lie at a point (parameters,): (2, low and high, bins)."""
        if self._limits is None:
            self._limits = _Limits(self)
        return self._binned(self._limits(self.point(values)))


def summed(group: EventGroup, values: np.ndarray) -> CoarseGroup:
    """The group with its events summed, with the reference point `values` (parameters,)."""
    t, point = group.table, group.point(values)
    sections = np.repeat(np.arange(len(t.kinds)), np.diff(t.starts))
    steps = np.floor(t.energy / WIDTH)
    firsts = np.flatnonzero((np.diff(sections, prepend=-1) != 0) | (np.diff(steps, prepend=np.nan) != 0))
    weights = _weights(t, point)
    weight = (np.repeat(point.factors[:, t.kinds], np.diff(t.starts), axis=1) * weights).sum(axis=0)
    weight = np.where(np.repeat(_sum(weight, firsts) > 0, _sizes(firsts, t)), weight, 1.0)
    total = _sum(weight, firsts)
    middle = firsts + _sizes(firsts, t) // 2
    coefficients = np.empty((*t.coefficients.shape[:2], len(firsts)))
    for i, three in enumerate(t.coefficients):
        coefficients[i] = _sum(weight * three, firsts) / total
    table = t._replace(
        starts=np.searchsorted(firsts, t.starts).astype(np.intp),
        energy=_sum(weight * t.energy, firsts) / total,
        columns=_sum(weights, firsts),
        coefficients=coefficients,
        rows=t.rows[middle],
        shares=np.ascontiguousarray(t.shares[:, middle]),
        spread=_sum(weight**2, firsts) / total**2,
    )
    found = CoarseGroup.__new__(CoarseGroup)
    found.__dict__.update(copy.copy(group).__dict__)
    found._known, found.exact, found.firsts, found.reference = {}, t, firsts, point
    found.table = table._replace(columns=table.columns / _every_scale(table, point)[table.term])
    return found


def _sum(values: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    total: np.ndarray = np.add.reduceat(values, firsts, axis=-1)
    return total


def _sizes(firsts: np.ndarray, t: Table) -> np.ndarray:
    return np.diff(np.append(firsts, len(t.energy)))


def _every_scale(t: Table, p: Point) -> np.ndarray:
    """E_t of every event, (terms, events)."""
    return scales(t, p, slice(0, len(t.energy)), np.repeat(t.kinds != PLAIN, np.diff(t.starts)))


def _weights(t: Table, p: Point) -> np.ndarray:
    """What the factors multiply, E_t column, (columns, events)."""
    found: np.ndarray = t.columns * _every_scale(t, p)[t.term]
    return found


class _Limits:
    """What is needed to limit the counts of summed events, per sum: half-widths and products."""

    def __init__(self, group: CoarseGroup) -> None:
        t, firsts = group.exact, group.firsts
        self._group, self._table = group, group.table
        self._energy = self._half(t.energy, self._table.energy)
        detector = group.events.detector
        reference = detector.at(np.array([0.99, 0.0, 1.0]))
        self._halves = np.empty((t.coefficients.shape[0] + 2, *self._table.coefficients.shape[1:]))
        sizes = [len(k) - 3 for k in detector.knots]
        for s, start in enumerate((0, sizes[0])):
            first, basis = reference.first[s], reference.basis[s, 0]
            level, mean = (np.einsum("j,jfe->fe", basis, c[first : first + 3])
                           for c in (t.coefficients, self._table.coefficients))  # fmt: skip
            self._halves[sum(sizes) + s] = self._half(level, mean)
            for j in range(start, start + sizes[s]):
                self._halves[j] = self._half(t.coefficients[j] - level, self._table.coefficients[j] - mean)
        self._sizes = sizes
        used = t.shares.any(axis=0)
        last = len(reference.table)
        low = np.minimum.reduceat(np.where(used, t.rows, last), firsts)
        high = np.maximum.reduceat(np.where(used, t.rows, -1), firsts) + 3
        self._none, self._some = np.logical_or.reduceat(~used, firsts), low < last
        self._span = np.stack([np.where(self._some, low, 0), np.where(self._some, high, 1)], axis=1).ravel()
        weights = _weights(t, group.reference)
        count = len(weights)
        self._products = np.empty((count, count, len(firsts)))
        for i in range(count):
            self._products[i, i:] = _sum(weights[i] * weights[i:], firsts)
            self._products[i:, i] = self._products[i, i:]

    def _half(self, values: np.ndarray, centre: np.ndarray) -> np.ndarray:
        """The largest distance of events from what they are summed to."""
        firsts = self._group.firsts
        high, low = np.maximum.reduceat(values, firsts, axis=-1), np.minimum.reduceat(values, firsts, axis=-1)
        found: np.ndarray = np.maximum(high - centre, centre - low)
        return found

    def __call__(self, point: Point) -> np.ndarray:
        """Between what counts and variances of every section lie, (2, low and high, sections)."""
        t, reference = self._table, self._group.reference
        away = self._away(point)[np.maximum(t.flux, 0)] * (t.flux >= 0)[:, None]
        away += np.abs(point.slopes - reference.slopes)[:, None] * self._energy
        factors = np.repeat(point.factors[:, t.kinds], np.diff(t.starts), axis=1)
        parts = factors * _weights(t, point)
        change = (_every_scale(t, point) / _every_scale(t, reference))[t.term] * factors
        squares = np.einsum("ie,ije,je->e", change, self._products, change, optimize=True)
        most = away.max(axis=0)
        bounds = [(parts * np.exp(sign * away[t.term])).sum(axis=0) for sign in (-1, 1)]
        bounds += [squares * np.exp(2 * sign * most) for sign in (-1, 1)]
        return _sum(np.stack(bounds), t.starts[:-1]).reshape(2, 2, -1)

    def _away(self, point: Point) -> np.ndarray:
        """The largest |Δ − Δ̄| that the detector makes, of every flux, (fluxes, events)."""
        reference, t = self._group.reference, self._table
        change = np.zeros(t.coefficients.shape[0] + 2)
        for p, sign in ((point, 1), (reference, -1)):
            for s in range(2):
                change[p.first[s] : p.first[s] + 3] += sign * p.basis[s, 0]
        ends = np.cumsum([0, *self._sizes])
        for s in range(2):  # sums differ from one outside the extents, where the level itself counts
            change[ends[-1] + s] = change[ends[s] : ends[s + 1]].sum()
        away = np.einsum("j,jfe->fe", np.abs(change), self._halves)
        table = (point.anisotropy - reference.anisotropy)[:, :3]
        padded = np.concatenate([table, table[-1:]])
        high, low = (f.reduceat(padded, self._span, axis=0)[::2].T for f in (np.maximum, np.minimum))
        high, low = (np.where(self._some, v, 0.0) for v in (high, low))
        high, low = np.where(self._none, np.maximum(high, 0), high), np.where(self._none, np.minimum(low, 0), low)
        mine = sum(t.shares[i, :, None] * table[np.minimum(t.rows + i, len(table) - 1)] for i in range(3)).T  # type: ignore[union-attr]
        found: np.ndarray = LN10 * (away + np.maximum(high - mine, mine - low))
        return found
