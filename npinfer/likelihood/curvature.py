"""Second derivatives of the counts of histograms, summed over bins with weights, in closed form.

A count is (counts + Σ shifts) · Π factors: two factors multiply it by the product of their logarithms' derivatives, a
factor and a shift by that of the one times the derivative of the other; two shifts have nothing in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from npinfer.likelihood.interpolation import even_part

if TYPE_CHECKING:
    from npinfer.likelihood.cells import Cells

LARGEST = 2_000_000  # numbers that one array of a batch may have


def add_curvature(cells: Cells, points: np.ndarray, weights: np.ndarray, total: np.ndarray) -> None:
    """Add Σ_bins weight · ∂²counts to `total` (batch, parameters, parameters); weights: (batch, bins)."""
    size = 2 * (len(cells.shifts.at) + 1) * cells.nominal.size
    chunk = max(1, LARGEST // size)
    for i in range(0, len(points), chunk):
        part = slice(i, i + chunk)
        _Curvature(cells, points[part], weights[part], total[part]).add()


class _Curvature:
    """The parts of one batch."""

    def __init__(self, cells: Cells, points: np.ndarray, weights: np.ndarray, total: np.ndarray) -> None:
        self.cells, self.total = cells, total
        safe, _ = cells.without_zeros(points)
        self.rows, self.shifts, self.gammas = cells.rows, cells.shifts, cells.gammas
        product, slopes = self.rows.with_slopes(safe)
        factor = cells.factor(safe, product)
        self.weighted = weights[:, None, :] * factor  # of what a shift adds
        self.counts = self.weighted * cells.shifts.shifted(safe)
        n, (slots, channels), k = len(points), self.rows.shape, len(self.rows.at)
        self.slopes = self.rows.placed(slopes)  # (batch, channels, k, slots)
        self.by_row = self.slopes.transpose(0, 2, 1, 3).reshape(n, k, channels * slots)
        bent = self.rows.placed(self.rows.second(safe))
        self.bent = bent.transpose(0, 2, 1, 3).reshape(n, k, channels * slots)
        alpha = safe.take(self.shifts.at, axis=1)
        self.even, self.even_second = even_part(alpha, self.shifts.code)[1], self.shifts.second(alpha)
        self.gamma = safe[:, self.gammas.at]

    def _sums(self, cells: np.ndarray) -> np.ndarray:
        """Sums over the bins of each row, (..., channels · slots)."""
        sums = np.add.reduceat(cells, self.cells.first, axis=-1)
        return np.swapaxes(sums, -1, -2).reshape(*sums.shape[:-2], -1)

    def add(self) -> None:
        """Add all second derivatives."""
        rows, shifts, total = self.rows.at, self.shifts.at, self.total
        counts = self._sums(self.counts)  # (batch, channels · slots)
        among = np.matmul(self.by_row * counts[:, None], self.by_row.transpose(0, 2, 1))
        diagonal = np.arange(len(rows))
        among[:, diagonal, diagonal] = (self.bent * counts[:, None]).sum(axis=2)
        total[:, rows[:, None], rows] += among
        if len(shifts):
            k = len(shifts)
            both = self._sums(self.shifts.both * self.weighted[:, None])  # (batch, 2 k, channels · slots)
            added = both[:, :k] + self.even[:, :, None] * both[:, k:]
            mixed = np.matmul(self.by_row, added.transpose(0, 2, 1))
            self._symmetric(rows, shifts, mixed)
            total[:, shifts, shifts] += self.even_second * both[:, k:].sum(axis=2)
        if len(self.gammas.at):
            self._add_gammas()

    def _symmetric(self, first: np.ndarray, second: np.ndarray, mixed: np.ndarray) -> None:
        """Add `mixed` (batch, first, second) and its transpose; a position may stand in `second` twice."""
        every = np.arange(len(self.total))[:, None, None]
        np.add.at(self.total, (every, first[:, None], second[None]), mixed)
        np.add.at(self.total, (every, second[:, None], first[None]), mixed.transpose(0, 2, 1))

    def _add_gammas(self) -> None:
        gammas, k = self.gammas, len(self.shifts.at)
        at, bins, mask = gammas.at, gammas.bins, gammas.mask
        own = self.counts[:, :, bins] * mask / self.gamma[:, None]  # (batch, slots, entries)
        slopes = self.slopes[:, self.cells.channel[bins]]  # (batch, entries, k, slots)
        mixed = np.matmul(slopes, own.transpose(0, 2, 1)[..., None])[..., 0]
        self._symmetric(self.rows.at, at, mixed.transpose(0, 2, 1))
        if k:
            weighted = self.weighted[:, :, bins] * mask / self.gamma[:, None]
            both = np.matmul(self.shifts.by_bin[bins], weighted.transpose(2, 1, 0)).transpose(2, 1, 0)
            self._symmetric(self.shifts.at, at, both[:, :k] + self.even[:, :, None] * both[:, k:])
        first, second = gammas.pairs
        if len(first):
            shared = (own[:, :, first] * mask[:, second]).sum(axis=1) / self.gamma[:, second]
            every = np.arange(len(self.total))[:, None]
            np.add.at(self.total, (every, at[first], at[second]), shared)
