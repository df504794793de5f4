"""Problems that lie next to each other, such as the points of a grid: minima of some tell where others start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Turn:
    """Problems `rows` (k,) that lie a `share` (k,) of the way from problems `low` to `high` (k,), known by then.

    inside: which lie between them, (k,) of bool; the others have a share of zero.
    """

    rows: np.ndarray
    low: np.ndarray
    high: np.ndarray
    share: np.ndarray
    inside: np.ndarray

    def between(self, values: np.ndarray) -> np.ndarray:
        """Values of these problems (k, columns), where those of all (problems, columns) change evenly in between."""
        share = self.share[:, None]
        mixed: np.ndarray = (1 - share) * values[self.low] + share * values[self.high]
        return mixed


def turns(at: np.ndarray) -> Iterator[Turn]:
    """The turns of problems at places (n, coordinates): the first and the last one, those halfway, and so on."""
    known = np.unique([0, len(at) - 1])
    yield Turn(known, known, known, np.zeros(len(known)), np.zeros(len(known), dtype=bool))
    while len(known) < len(at):
        low, high = known[:-1], known[1:]
        low, high = low[high - low > 1], high[high - low > 1]
        rows, way = (low + high) // 2, at[high] - at[low]
        square = (way * way).sum(axis=1)
        share = ((at[rows] - at[low]) * way).sum(axis=1) / np.where(square > 0, square, 1.0)
        aside = ((at[rows] - at[low] - share[:, None] * way) ** 2).sum(axis=1)
        inside = (share >= 0) & (share <= 1) & (aside <= square)
        yield Turn(rows, low, high, np.where(inside, share, 0.0), inside)
        known = np.union1d(known, rows)
