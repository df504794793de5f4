"""Data: counts and auxiliary measurements, observed or made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from npinfer.core.limits import LARGEST
from npinfer.errors import DataError


@dataclass(frozen=True)
class Dataset:
    """What a likelihood is evaluated against.

    counts: {channel: (bins,)}, or (sets, bins) for a batch of toys.
    auxiliary: {parameter: measured value}, of shape () or (sets,).
    kind: "observed", "asimov", "toy" or "non-integer", or in words which member has which; seed: of a toy.
    """

    counts: Mapping[str, np.ndarray]
    auxiliary: Mapping[str, np.ndarray] = field(default_factory=dict)
    kind: str = "observed"
    seed: int | None = None

    def total(self) -> np.ndarray:
        """Sum of all counts, shape () or (sets,)."""
        return np.sum([np.sum(c, axis=-1) for c in self.counts.values()], axis=0)


def check_counts(counts: np.ndarray, bins: int, where: str, *, measured: bool = False) -> np.ndarray:
    """Counts as floats of shape (..., bins); raises DataError for NaN, negative, huge or wrongly shaped ones.

    measured: for quantities that are not counted, and may be negative.
    """
    try:
        array = np.asarray(counts, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{where}: counts must be numbers") from None
    if array.ndim == 0 or array.shape[-1] != bins:
        raise DataError(f"{where}: expected {bins} bins, found shape {array.shape}")
    if not np.isfinite(array).all():
        bad = int(np.flatnonzero(~np.isfinite(array.reshape(-1, bins)).all(axis=0))[0])
        raise DataError(f"{where}: bin {bad} is not a finite number; remove the bin or give its count")
    if not measured and (array < 0).any():
        bad = int(np.flatnonzero((array.reshape(-1, bins) < 0).any(axis=0))[0])
        raise DataError(f"{where}: bin {bad} has a negative count; counts are 0 or more")
    if (np.abs(array) > LARGEST).any():
        bad = int(np.flatnonzero((np.abs(array).reshape(-1, bins) > LARGEST).any(axis=0))[0])
        raise DataError(f"{where}: bin {bad} has more than {LARGEST:g}; give it in larger units, or a scale")
    return array
