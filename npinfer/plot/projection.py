"""A channel's counts on one of its axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from npinfer.core.axis import Axis
from npinfer.core.result import ChannelView

ONE_SIGMA = 0.6826894921370859


@dataclass(frozen=True)
class Projection:
    """A channel on one of its axes: counts summed over the others, and the uncertainty of the sum."""

    axis: Axis
    observed: np.ndarray
    samples: Mapping[str, np.ndarray]
    error: np.ndarray
    sigma: np.ndarray

    @classmethod
    def of(cls, view: ChannelView, position: int, covariance: np.ndarray) -> Projection:
        """The projection on the axis at `position`; covariance: of the parameters that the slopes are in."""
        shape = tuple(a.bins for a in view.axes)
        others = tuple(i for i in range(len(shape)) if i != position)
        collapse = lambda counts: np.asarray(counts, dtype=float).reshape(shape).sum(axis=others)
        samples = {name: collapse(counts) for name, counts in view.samples.items()}
        slopes = np.array([collapse(slope) for slope in view.slopes]).reshape(len(covariance), shape[position])
        error = np.sqrt(np.maximum(np.einsum("ib,ij,jb->b", slopes, covariance, slopes), 0.0))
        measured = [np.sqrt(collapse(np.square(end))) for end in view.sigma] if view.sigma.size else view.sigma
        return cls(view.axes[position], collapse(view.observed), samples, error, np.asarray(measured))

    @property
    def measured(self) -> bool:
        """Whether the data were measured with standard deviations, and not counted."""
        return self.sigma.size > 0

    @property
    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """Central 68.27 % interval of the mean in each bin, (bins,) each."""
        if self.measured:
            return self.observed - self.sigma[1], self.observed + self.sigma[0]
        return garwood(self.observed)

    @property
    def total(self) -> np.ndarray:
        return np.sum([*self.samples.values(), np.zeros(self.axis.bins)], axis=0)

    def share(self, sample: str) -> float:
        """The largest part of a bin that a sample makes."""
        sizes = {name: np.abs(counts) for name, counts in self.samples.items()}
        whole = np.sum(list(sizes.values()), axis=0)
        return float(np.max(sizes[sample] / np.where(whole > 0, whole, 1.0)))


def garwood(counts: np.ndarray, cl: float = ONE_SIGMA) -> tuple[np.ndarray, np.ndarray]:
    """Central Poisson interval of a mean for each count; NaN below zero, where no Poisson count lies.

    >>> low, high = garwood(np.array([0.0, 4.0]))
    >>> print(low.round(3), high.round(3))
    [0.    2.086] [1.841 7.163]
    """
    counts = np.where(np.asarray(counts, dtype=float) < 0, np.nan, counts)
    tail = 0.5 * (1 - cl)
    low = gammaincinv(np.where(counts > 0, counts, 1.0), tail)
    return np.where(np.isnan(counts), np.nan, np.where(counts > 0, low, 0.0)), gammaincinv(counts + 1.0, 1 - tail)
