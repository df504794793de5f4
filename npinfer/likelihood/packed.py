"""Data sets as matrices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Packed:
    """Data as matrices: counts (sets, bins), auxiliary (sets, auxiliary), −Σ ln n! (sets,)."""

    counts: np.ndarray
    auxiliary: np.ndarray
    constant: np.ndarray

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def seen(self) -> tuple[np.ndarray, np.ndarray]:
        """The bins with events in the first set, and their counts."""
        bins = np.flatnonzero(self.counts[0])
        return bins, self.counts[0, bins]

    def take(self, rows: np.ndarray) -> Packed:
        """Some of the sets; a single set serves every row."""
        return self if len(self) == 1 else Packed(self.counts[rows], self.auxiliary[rows], self.constant[rows])
