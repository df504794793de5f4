"""Histograms with their modifiers, evaluated together: every sample of every channel at once, with derivatives.

Counts are cells (slot, bin): the slots of a bin are the samples of its channel. Modifiers of whole histograms
(normfactor, lumi, normsys) act on rows, a slot of a channel; those of single bins (shapefactor, shapesys, staterror) on
cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from npinfer.likelihood.curvature import add_curvature
from npinfer.likelihood.interpolation import FACTOR_CODES, SHIFT_CODES, Multipliers, bends, even_part, even_second
from npinfer.likelihood.modifiers import NONE, Histogram

TINY = 1e-100  # stands for a factor of zero where a derivative is the product of the others
WHOLE = ("normfactor", "lumi", "normsys")
SINGLE = ("shapefactor", "shapesys", "staterror")


@dataclass(frozen=True)
class Named:
    """A sample by its name."""

    name: str


class Cells:
    """The expected counts of histograms, (counts + Σ histosys) · Π of the other modifiers, summed over samples."""

    curved = True

    def __init__(
        self,
        histograms: Sequence[Histogram],
        bins: Mapping[str, int],
        normsys: str = FACTOR_CODES[0],
        histosys: str = SHIFT_CODES[0],
    ) -> None:
        """bins: of every channel, in order; normsys, histosys: their codes of interpolation."""
        self.histograms, self.codes = tuple(histograms), (normsys, histosys)
        self.samples = tuple(Named(n) for n in dict.fromkeys(h.sample for h in histograms))
        edges = np.cumsum([0, *bins.values()])
        self.first = edges[:-1]  # bin of every channel
        self._parts = {name: slice(*edges[i : i + 2]) for i, name in enumerate(bins)}
        self._place: list[tuple[int, int]] = []  # slot and channel of every histogram
        used = dict.fromkeys(bins, 0)
        for h in histograms:
            self._place.append((used[h.channel], list(bins).index(h.channel)))
            used[h.channel] += 1
        self._shape = (max(used.values()), int(edges[-1]))
        self._channel = np.repeat(np.arange(len(bins)), list(bins.values()))
        self._nominal = np.zeros(self._shape)
        for (slot, _), h in zip(self._place, histograms, strict=True):
            self._nominal[slot, self._parts[h.channel]] = h.counts
        self.shifts = _Shifts(self, histosys)
        self.rows = _Rows(self, list(bins.values()), normsys)
        self.gammas = _Gammas(self)
        kinds = ("normfactor", "lumi", *SINGLE)
        at = [i for h in histograms for m in h.modifiers if m.kind in kinds for i in m.at.tolist() if i != NONE]
        self._multiplying = np.unique(np.array(at, dtype=np.intp))  # positions of what is a factor itself

    @property
    def kinks(self) -> np.ndarray:
        """Positions of parameters in which derivatives jump at zero: of lopsided variations in codes 0 and 1."""
        return np.concatenate([self.shifts.kinks, self.rows.kinks])

    def each(self) -> Sequence[tuple[int, int, slice, Histogram]]:
        """Slot, channel, bins and content of every histogram."""
        places = zip(self._place, self.histograms, strict=True)
        return [(slot, channel, self._parts[h.channel], h) for (slot, channel), h in places]

    @property
    def nominal(self) -> np.ndarray:
        """Counts without any modifier, (slots, bins)."""
        return self._nominal

    @property
    def channel(self) -> np.ndarray:
        """The channel of every bin, (bins,)."""
        return self._channel

    def factor(self, points: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The product of all factors, (batch, slots, bins or 1), from those of rows (batch, slots, channels)."""
        factor, single = rows[:, :, self._channel] if rows.shape[2] > 1 else rows, self.gammas.product(points)
        return factor if single is None else factor * single

    def without_zeros(self, points: np.ndarray) -> tuple[np.ndarray, bool]:
        """Points where no factor is zero, and whether none was."""
        if (points.take(self._multiplying, axis=1) != 0).all():
            return points, True
        return np.where(points == 0, TINY, points), False

    def _cells(self, points: np.ndarray) -> np.ndarray:
        """Expected counts, (batch, slots, bins)."""
        return self.shifts.shifted(points) * self.factor(points, self.rows.product(points))

    def expected(self, points: np.ndarray, *, contracted: bool) -> dict[str, np.ndarray]:
        """Expected counts {sample: (batch, bins)}."""
        cells = self._cells(points)
        found = {s.name: np.zeros((len(points), self._shape[1])) for s in self.samples}
        for slot, _, part, h in self.each():
            found[h.sample][:, part] = cells[:, slot, part]
        return found

    def add_counts(self, points: np.ndarray, total: np.ndarray) -> None:
        """Add the expected counts to `total` (batch, bins)."""
        total += self._cells(points).sum(axis=1)

    def add_jacobian(self, points: np.ndarray, total: np.ndarray, jacobian: np.ndarray) -> None:
        """Add the expected counts to `total` and their derivatives to `jacobian` (batch, parameters, bins)."""
        safe, whole = self.without_zeros(points)
        rows, slopes = self.rows.with_slopes(safe)
        factor = self.factor(safe, rows)
        cells = self.shifts.shifted(safe) * factor
        if whole:
            total += cells.sum(axis=1)
        else:
            self.add_counts(points, total)
        self.shifts.add_slopes(safe, factor, jacobian)
        self.rows.add_slopes(slopes, cells, jacobian)
        self.gammas.add_slopes(safe, cells, jacobian)

    def add_curvature(self, points: np.ndarray, weights: np.ndarray, total: np.ndarray) -> None:
        """Add Σ_bins weight · ∂²counts to `total` (batch, parameters, parameters); weights: (batch, bins)."""
        add_curvature(self, points, weights, total)


class _Shifts:
    """The histosys: counts added to cells, α · mean + even(α) · bend, one row of each a parameter."""

    def __init__(self, cells: Cells, code: str) -> None:
        found: dict[int, np.ndarray] = {}
        for slot, _, part, h in cells.each():
            for m in h.modifiers:
                if m.kind == "histosys":
                    own = found.setdefault(int(m.at[0]), np.zeros((2, *cells.nominal.shape)))
                    own[:, slot, part] += bends(h.counts, m.up, m.down)
        self.at, self.code, self._nominal = np.array(list(found), dtype=np.intp), code, cells.nominal
        parts = np.array(list(found.values())).reshape(len(found), 2, *cells.nominal.shape)
        lopsided = parts[:, 1].reshape(len(found), cells.nominal.size).any(axis=1)
        self.kinks = self.at[lopsided & (code == "code0")]
        both = np.concatenate([parts[:, 0], parts[:, 1]])  # means, then bends: (2 k, slots, bins)
        self.both = both
        self._flat = both.reshape(len(both), cells.nominal.size)
        self.by_bin = np.ascontiguousarray(both.transpose(2, 0, 1))  # (bins, 2 k, slots)

    def shifted(self, points: np.ndarray) -> np.ndarray:
        """The nominal counts with all shifts, (batch, slots, bins)."""
        if not len(self.at):
            return self._nominal[None]
        alpha = points.take(self.at, axis=1)
        weights = np.concatenate([alpha, even_part(alpha, self.code)[0]], axis=1)
        return self._nominal + (weights @ self._flat).reshape(len(points), *self._nominal.shape)

    def add_slopes(self, points: np.ndarray, factor: np.ndarray, jacobian: np.ndarray) -> None:
        """Add the derivatives of shifts times `factor` (batch, slots, bins)."""
        k = len(self.at)
        if not k:
            return
        _, slope = even_part(points.take(self.at, axis=1), self.code)
        added = np.matmul(self.by_bin, factor.transpose(2, 1, 0)).transpose(2, 1, 0)  # (batch, 2 k, bins)
        jacobian[:, self.at] += added[:, :k] + slope[:, :, None] * added[:, k:]

    def second(self, alpha: np.ndarray) -> np.ndarray:
        """Second derivatives of the even parts, (batch, k)."""
        return even_second(alpha, self.code)


class _Rows:
    """The factors of whole histograms: their products, (batch, slots, channels)."""

    def __init__(self, cells: Cells, bins: Sequence[int], code: str) -> None:
        slots, channels = cells.nominal.shape[0], len(bins)
        found = [
            (slot * channels + channel, int(m.at[0]), m)
            for slot, channel, _, h in cells.each()
            for m in h.modifiers
            if m.kind in WHOLE
        ]
        plain, varied = ([f for f in found if (f[2].kind == "normsys") is own] for own in (False, True))
        self._plain = np.array([at for _, at, _ in plain], dtype=np.intp)
        self._varied = np.array([at for _, at, _ in varied], dtype=np.intp)
        ends = np.array([[m.up[0], m.down[0]] for _, _, m in varied]).reshape(-1, 2)
        self._multipliers = Multipliers(ends[:, 0], ends[:, 1], code)
        self.kinks = self._varied[(ends[:, 0] * ends[:, 1] != 1) & (code == "code1")]
        self.shape = (slots, channels)
        row = np.array([*range(slots * channels), *(r for r, _, _ in plain + varied)], dtype=np.intp)
        self._order = np.argsort(row, kind="stable")
        self._first = np.searchsorted(row[self._order], np.arange(slots * channels))
        self._ones = slots * channels
        # where the derivative in each parameter, of each row, stands in (channels, parameters, slots)
        self.at = np.unique([at for _, at, _ in found]).astype(np.intp)
        k = np.searchsorted(self.at, [at for _, at, _ in plain + varied])
        slot, channel = np.divmod(row[self._ones :], channels)
        self._where = np.ravel_multi_index((channel, k, slot), (channels, len(self.at), slots)) if len(k) else k
        self._row = row[self._ones :]
        width = max(bins)
        offsets = np.cumsum([0, *bins[:-1]])
        self._equal = min(bins) == width
        self._padded = np.minimum(offsets[:, None] + np.arange(width), sum(bins) - 1)  # (channels, width)
        self._back = np.concatenate([c * width + np.arange(n) for c, n in enumerate(bins)])

    def product(self, points: np.ndarray) -> np.ndarray:
        """The product of the factors, (batch, slots, channels)."""
        plain = points.take(self._plain, axis=1)
        if not len(self._varied):
            return self._products(plain)
        return self._products(plain, self._multipliers(points.take(self._varied, axis=1))[0])

    def _products(self, *factors: np.ndarray) -> np.ndarray:
        n = len(factors[0])
        values = np.concatenate([np.ones((n, self._ones)), *factors], axis=1)
        product = np.multiply.reduceat(values.take(self._order, axis=1), self._first, axis=1)
        return product.reshape(n, *self.shape)

    def with_slopes(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The product, and the derivative of its logarithm in each factor's parameter, (batch, factors)."""
        plain = points.take(self._plain, axis=1)
        if not len(self._varied):
            return self._products(plain), 1.0 / plain
        varied, slope = self._multipliers(points.take(self._varied, axis=1))
        varied = np.where(varied == 0, TINY, varied)
        return self._products(plain, varied), np.concatenate([1.0 / plain, slope / varied], axis=1)

    def second(self, points: np.ndarray) -> np.ndarray:
        """The second derivative of each factor over the factor, (batch, factors)."""
        result = np.zeros((len(points), len(self._plain) + len(self._varied)))
        if len(self._varied):
            alpha = points.take(self._varied, axis=1)
            value = self._multipliers(alpha)[0]
            result[:, len(self._plain) :] = self._multipliers.second(alpha) / np.where(value == 0, TINY, value)
        return result

    def placed(self, factors: np.ndarray) -> np.ndarray:
        """Numbers of each factor (batch, factors) where its parameter and row stand, (batch, channels, k, slots)."""
        (slots, channels), k = self.shape, len(self.at)
        weights = np.zeros((len(factors), channels * k * slots))
        weights[:, self._where] = factors
        return weights.reshape(len(factors), channels, k, slots)

    def add_slopes(self, slopes: np.ndarray, cells: np.ndarray, jacobian: np.ndarray) -> None:
        """Add the derivatives of cells (batch, slots, bins)."""
        if not len(self.at):
            return
        n, (slots, channels), k = len(slopes), self.shape, len(self.at)
        if self._equal:
            counts = cells.reshape(n, slots, channels, -1)
        else:
            counts = cells[:, :, self._padded]
        added = np.matmul(self.placed(slopes), counts.transpose(0, 2, 1, 3))
        added = added.transpose(0, 2, 1, 3).reshape(n, k, -1)
        jacobian[:, self.at] += added if self._equal else added[:, :, self._back]


class _Gammas:
    """The factors of single bins."""

    def __init__(self, cells: Cells) -> None:
        layers: list[np.ndarray] = []
        slots_of: dict[tuple[int, int], set[int]] = {}
        for slot, _, part, h in cells.each():
            for m in h.modifiers:
                if m.kind not in SINGLE:
                    continue
                own = np.full(cells.nominal.shape[1], NONE)
                own[part] = m.at
                layer = next((x for x in layers if ((x[slot] == NONE) | (own == NONE)).all()), None)
                if layer is None:
                    layer = np.full(cells.nominal.shape, NONE)
                    layers.append(layer)
                layer[slot] = np.where(own == NONE, layer[slot], own)
                for b in np.flatnonzero(own != NONE).tolist():
                    slots_of.setdefault((int(own[b]), b), set()).add(slot)
        self._layers = layers
        self.at, self.bins = np.array(list(slots_of), dtype=np.intp).reshape(-1, 2).T
        self.mask = np.zeros((cells.nominal.shape[0], len(slots_of)))
        for e, slots in enumerate(slots_of.values()):
            self.mask[list(slots), e] = 1.0
        of_bin: dict[int, list[int]] = {}
        for e, b in enumerate(self.bins.tolist()):
            of_bin.setdefault(b, []).append(e)
        pairs = [pair for entries in of_bin.values() for pair in permutations(entries, 2)]
        self.pairs = np.array(pairs, dtype=np.intp).reshape(-1, 2).T  # entries that share a bin

    def product(self, points: np.ndarray) -> np.ndarray | None:
        """The product of the factors, (batch, slots, bins), or None without any."""
        if not self._layers:
            return None
        extended = np.concatenate([points, np.ones((len(points), 1))], axis=1)  # NONE, the last, is 1
        product = extended[:, self._layers[0]]
        for layer in self._layers[1:]:
            product = product * extended[:, layer]
        return product

    def add_slopes(self, points: np.ndarray, cells: np.ndarray, jacobian: np.ndarray) -> None:
        """Add the derivatives of cells (batch, slots, bins)."""
        if self._layers:
            counts = (cells[:, :, self.bins] * self.mask).sum(axis=1)
            jacobian[:, self.at, self.bins] += counts / points[:, self.at]
