"""Simulated events summed into few: an approximation that is fast, with limits on what it can be off.

Neighbouring events of a section, close in true energy, become one. At a reference point its columns are their sums, its
energy and exponents their means, weighted as there, and Σ w² of its events is to (Σ w)² what it is. Away from there,
the weight of an event in a term t changes by e^Δ, and that of the sum by e^Δ̄: limits follow from what is known of the
δ = Δ − Δ̄ of its events.
"""

from __future__ import annotations

import numpy as np

from npinfer.likelihood.event_kernel import FLUXES, LN10, Point, Table
from npinfer.likelihood.event_sums import scales
from npinfer.likelihood.events import PLAIN, EventGroup
from npinfer.physics.hese_detector import NOMINAL

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
    found.__dict__.update(group.__dict__)
    found._known, found._latest, found.exact, found.firsts, found.reference = {}, None, t, firsts, point
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
    """What is needed to limit the counts of summed events.

    For each sum, of the energy, of the splines' coefficients over their nominal level, and of the level: the largest
    distance of an event from the sum (half), and of each column the mean and root of the mean square of distances
    (drift, spread). Then Σ m e^δ lies between M (1 + mean δ) and M (1 + mean δ + ½ mean δ² e^|δ|max).
    """

    def __init__(self, group: CoarseGroup) -> None:
        t, firsts, detector = group.exact, group.firsts, group.events.detector
        self._group, self._table = group, group.table
        self._sizes = [len(k) - 3 for k in detector.knots]
        reference = detector.at(np.array(NOMINAL))
        weights, count = _weights(t, group.reference), sum(self._sizes)
        self._half = np.empty((1 + count + 2, FLUXES, len(firsts)))
        self._drift, self._spread = np.zeros((2, len(self._half), len(weights), len(firsts)))
        total = _sum(weights, firsts)
        self._unit = np.where(total > 0, 1.0 / np.where(total > 0, total, 1.0), 0.0)
        energy = (np.broadcast_to(x, (FLUXES, len(x))) for x in (t.energy, self._table.energy))
        self._put(0, weights, *energy)
        for s, start in enumerate((0, self._sizes[0])):
            first, basis = reference.first[s], reference.basis[s, 0]
            level, mean = (np.einsum("j,jfe->fe", basis, c[first : first + 3])
                           for c in (t.coefficients, self._table.coefficients))  # fmt: skip
            self._put(1 + count + s, weights, level, mean)
            for j in range(start, start + self._sizes[s]):
                self._put(1 + j, weights, t.coefficients[j] - level, self._table.coefficients[j] - mean)
        self._spread = np.sqrt(self._spread)
        used = t.shares.any(axis=0)
        last = len(reference.table)
        low = np.minimum.reduceat(np.where(used, t.rows, last), firsts)
        high = np.maximum.reduceat(np.where(used, t.rows, -1), firsts) + 3
        self._none, self._some = np.logical_or.reduceat(~used, firsts), low < last
        self._span = np.stack([np.where(self._some, low, 0), np.where(self._some, high, 1)], axis=1).ravel()
        self._products = np.empty((len(weights), len(weights), len(firsts)))
        for i in range(len(weights)):
            self._products[i, i:] = _sum(weights[i] * weights[i:], firsts)
            self._products[i:, i] = self._products[i, i:]

    def _put(self, at: int, weights: np.ndarray, values: np.ndarray, centre: np.ndarray) -> None:
        """Enter the distances of events from what they are summed to, of a coordinate (fluxes, events)."""
        firsts, sizes = self._group.firsts, _sizes(self._group.firsts, self._group.exact)
        away = values - np.repeat(centre, sizes, axis=1)
        self._half[at] = np.maximum.reduceat(np.abs(away), firsts, axis=1)
        for c, f in enumerate(self._table.flux[self._table.term]):
            if f >= 0:
                moment = weights[c] * away[f]
                self._drift[at, c] = _sum(moment, firsts) * self._unit[c]
                self._spread[at, c] = _sum(moment * away[f], firsts) * self._unit[c]

    def __call__(self, point: Point) -> np.ndarray:
        """Between what counts and variances of every section lie, (2, low and high, sections)."""
        t, reference = self._table, self._group.reference
        change = self._change(point)[:, t.term]  # (coordinates, columns)
        of_flux = np.maximum(t.flux, 0)[t.term]
        away = np.einsum("jc,jce->ce", np.abs(change), self._half[:, of_flux])
        table = self._anisotropy(point)[of_flux] * (t.flux[t.term] >= 0)[:, None]
        mean = 1 + np.einsum("jc,jce->ce", change, self._drift)
        square = np.einsum("jc,jce->ce", np.abs(change), self._spread) ** 2
        low = np.maximum(mean, np.exp(-away)) * np.exp(-table)
        high = np.minimum(mean + 0.5 * square * np.exp(away), np.exp(away)) * np.exp(table)
        factors = np.repeat(point.factors[:, t.kinds], np.diff(t.starts), axis=1)
        parts = factors * _weights(t, point)
        ratio = (_every_scale(t, point) / _every_scale(t, reference))[t.term] * factors
        squares = np.einsum("ie,ije,je->e", ratio, self._products, ratio, optimize=True)
        most = 2 * (away + table).max(axis=0)
        bounds = [(parts * low).sum(axis=0), (parts * high).sum(axis=0)]
        bounds += [squares * np.exp(-most), squares * np.exp(most)]
        return _sum(np.stack(bounds), t.starts[:-1]).reshape(2, 2, -1)

    def _change(self, point: Point) -> np.ndarray:
        """What the coordinates of a term's exponent are multiplied with, more than at the reference, (…, terms)."""
        reference, t = self._group.reference, self._table
        change = np.zeros((len(self._half), len(t.flux)))
        on = t.flux >= 0
        for p, sign in ((point, 1), (reference, -1)):
            change[0] -= sign * p.slopes * on
            for s in range(2):
                change[1 + p.first[s] : 4 + p.first[s], on] += sign * LN10 * p.basis[s, 0][:, None]
        ends = 1 + np.cumsum([0, *self._sizes])
        for s in range(2):  # sums differ from one outside the extents, where the level itself counts
            change[ends[-1] + s] = change[ends[s] : ends[s + 1]].sum(axis=0)
        return change

    def _anisotropy(self, point: Point) -> np.ndarray:
        """The largest |Δ − Δ̄| that the anisotropy makes, of every flux, (fluxes, events)."""
        t = self._table
        table = (point.anisotropy - self._group.reference.anisotropy)[:, :FLUXES]
        padded = np.concatenate([table, table[-1:]])
        high, low = (f.reduceat(padded, self._span, axis=0)[::2].T for f in (np.maximum, np.minimum))
        high, low = (np.where(self._some, v, 0.0) for v in (high, low))
        high, low = np.where(self._none, np.maximum(high, 0), high), np.where(self._none, np.minimum(low, 0), low)
        mine = np.zeros((FLUXES, len(t.rows)))
        for i in range(3):
            mine += t.shares[i] * table[np.minimum(t.rows + i, len(table) - 1)].T
        found: np.ndarray = LN10 * np.maximum(high - mine, mine - low)
        return found
