"""Sums of parton densities that are needed often: one spline in place of one a flavour."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import RectBivariateSpline

from npinfer.errors import ParameterError
from npinfer.physics.parton_density import PartonDensities, shipped

LEAST_X = 1e-9  # of the shipped densities
_X_NODES, _Q2_NODES = 160, 40

Sum = Callable[[ArrayLike, ArrayLike], NDArray[np.float64]]


def weighted_sum(
    weights: Mapping[int, float], q2_range_gev2: tuple[float, float], densities: PartonDensities | None = None
) -> Sum:
    """Σ weight · x f(x, Q²) over particle numbers, as a function of x and Q² [GeV²], broadcast.

    A bicubic spline in log x and log Q² between the ends of `q2_range_gev2`, at which Q² stays; half of the nodes in x
    lie above 0.1. It is zero above x = 1. Raises ParameterError for a range that does not rise.

    >>> gluon = weighted_sum({21: 1.0}, (10.0, 1e4))
    >>> bool(abs(gluon(0.03, 300.0) / shipped()(21, 0.03, 300.0) - 1) < 1e-3)
    True
    """
    low, high = q2_range_gev2
    if not 0 < low < high:
        raise ParameterError(f"q2_range_gev2: found {low:g} to {high:g}, expected positive, rising numbers")
    of = shipped() if densities is None else densities
    half = _X_NODES // 2
    x = np.append(np.geomspace(LEAST_X, 0.1, half, endpoint=False), np.linspace(0.1, 1.0, half))
    q2 = np.geomspace(low, high, _Q2_NODES)
    table = sum(weight * of(flavour, x[:, None], q2) for flavour, weight in weights.items())
    spline = RectBivariateSpline(np.log(x), np.log(q2), table)

    def summed(x: ArrayLike, q2_gev2: ArrayLike) -> NDArray[np.float64]:
        at, scale = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(q2_gev2, dtype=float))
        inside = np.log(np.clip(at, LEAST_X, 1.0)), np.log(np.clip(scale, low, high))
        return np.where(at > 1, 0.0, spline.ev(*inside))

    return summed
