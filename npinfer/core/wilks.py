"""Wilks' theorem: thresholds of the profile likelihood ratio and what they enclose."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtr, chdtri

from npinfer.errors import ConfigurationError


def threshold(cl: float, dimensions: int = 1) -> float:
    """The delta_twice_nll that encloses the probability `cl` of a chi-square with `dimensions` degrees of freedom.

    >>> round(threshold(0.9), 4), round(threshold(0.68, 2), 4)
    (2.7055, 2.2789)
    """
    check_cl(cl)
    return float(chdtri(dimensions, 1.0 - cl))


def enclosed(delta_twice_nll: float, dimensions: int = 1) -> float:
    """The probability that a chi-square with `dimensions` degrees of freedom stays below.

    >>> round(enclosed(1.0), 4)
    0.6827
    """
    return float(chdtr(dimensions, delta_twice_nll))


def check_cl(cl: float) -> float:
    """`cl` if it is a fraction in (0, 1); raises ConfigurationError."""
    if not (isinstance(cl, (int, float, np.floating)) and 0.0 < cl < 1.0):
        raise ConfigurationError(f"cl is a fraction between 0 and 1, such as 0.9; found {cl!r}")
    return float(cl)
