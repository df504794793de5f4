"""Tails and quantiles of test statistics, counted in toys."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import betaincinv, ndtri

LEVELS = (0.025, 0.16, 0.5, 0.84, 0.975)
TIE = 1e-6  # test statistics of equal data differ by what minimisations leave of it
ONE_SIGMA = 0.6826894921370859


@dataclass(frozen=True)
class Tail:
    """A p-value counted in toys.

    value: above / toys, of the toys with a test statistic at least as large; lower, upper: its 68.27 % Clopper–Pearson
    interval; failed: toys with a fit that did not converge, which count where it ended and could move the value by
    failed / toys at most.
    """

    value: float
    lower: float
    upper: float
    above: int
    toys: int
    failed: int = 0

    @classmethod
    def count(cls, toys: np.ndarray, threshold: float, failed: int = 0) -> Self:
        """The tail of test statistics (toys,) at and above a threshold."""
        n, k = len(toys), int((toys >= threshold - TIE).sum())
        alpha = 0.5 * (1.0 - ONE_SIGMA)
        lower = float(betaincinv(k, n - k + 1, alpha)) if k else 0.0
        upper = float(betaincinv(k + 1, n - k, 1.0 - alpha)) if k < n else 1.0
        return cls(k / n, lower, upper, k, n, failed)

    @property
    def z(self) -> float:
        """The equivalent number of standard deviations, one-sided; infinite for none or all of the toys."""
        return -float(ndtri(self.value))

    @property
    def z_lower(self) -> float:
        return -float(ndtri(self.upper))

    @property
    def z_upper(self) -> float:
        return -float(ndtri(self.lower))

    def describe(self) -> str:
        """The value with its error."""
        if self.above == 0:
            return f"p < {self.upper:.2g}: none of {self.toys} toys"
        if self.above == self.toys:
            return f"p > {self.lower:.4g}: all of {self.toys} toys"
        error = 0.5 * (self.upper - self.lower)
        digits = max(2, 1 - math.floor(math.log10(error)))
        return f"p = {self.value:.{digits}f} ± {error:.{digits}f}"


def quantiles(values: np.ndarray, levels: tuple[float, ...] = LEVELS) -> tuple[float, ...]:
    """Quantiles of toys, each the value of a toy: some may be infinite."""
    return tuple(np.quantile(values, levels, method="inverted_cdf").tolist())
