"""Energy that χ of charge ε loses on its way to the detector: -dE/dX = ε²(a + bE), through overburden and Earth.

Source: arXiv:2406.01668; a and b as of muons, PDG 2022, "Passage of particles through matter". From above: rock of the
detector's depth on a sphere; from below: PREM (`earth`). Straggling and deflection are left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.physics.earth import column_depth

IONISATION_GEV_CM2 = 2e-3  # a
RADIATION_CM2 = 4e-6  # b
EARTH_RADIUS_KM = 6371.0
_KM_CM = 1e5

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(14)


def energy_behind(energy_gev: ArrayLike, column_g_cm2: ArrayLike, epsilon: ArrayLike) -> NDArray[np.float64]:
    """Energy [GeV] left behind a column: (E + a/b) exp(-ε² b X) - a/b, broadcast; negative once χ has stopped.

    >>> f"{1 - energy_behind(1.0, 2.7e5, 0.01):.3f}"
    '0.054'
    """
    ratio = IONISATION_GEV_CM2 / RADIATION_CM2
    lost = -np.expm1(-np.square(epsilon) * RADIATION_CM2 * np.asarray(column_g_cm2, dtype=float))
    return np.asarray(energy_gev, dtype=float) * (1 - lost) - ratio * lost


def overburden(cos_zenith: ArrayLike, depth_km: float, density_g_cm3: float) -> NDArray[np.float64]:
    """Column [g/cm²] above a detector at depth_km below rock of one density, along cos_zenith ≥ 0, of its shape."""
    cosine = np.asarray(cos_zenith, dtype=float)
    radius = EARTH_RADIUS_KM - depth_km
    path = np.sqrt(EARTH_RADIUS_KM**2 - radius**2 * (1 - cosine**2)) - radius * cosine
    return density_g_cm3 * path * _KM_CM


def columns(depth_km: float, density_g_cm3: float) -> tuple[NDArray, NDArray]:
    """Columns [g/cm²] of directions that fill the sky, and the solid angle [sr] of each, both (directions,).

    Directions from above, whose solid angles add up to 2π, come first; both halves are dense at the horizon.
    """
    share = (_NODES + 1) / 2
    above = overburden(share**2, depth_km, density_g_cm3)
    below = column_depth(-(share**2), depth_km=depth_km)
    return np.concatenate([above, below]), 2 * np.pi * np.tile(share * _WEIGHTS, 2)
