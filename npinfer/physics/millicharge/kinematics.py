"""Cells of energy of the millicharged particle χ, and how pairs made by moving parents fill them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Edges of cells: kinetic energy of χ [GeV], and βγ of what decays. Slower ones scatter below any threshold here.
KINETIC_EDGES_GEV = np.logspace(-3, 6, 181)
SPEED_EDGES = np.logspace(-1, 7, 161)
KINETIC_GEV = np.sqrt(KINETIC_EDGES_GEV[1:] * KINETIC_EDGES_GEV[:-1])
SPEEDS = np.sqrt(SPEED_EDGES[1:] * SPEED_EDGES[:-1])


def anisotropy(pair_mass_gev: ArrayLike, mass_gev: float) -> NDArray[np.float64]:
    """a of the density 1 + a cos²θ of χ about the direction of the transverse photon that makes it, at rest.

    (1 + cos²θ) + (4m²/q²) sin²θ; of the shape of pair_mass_gev.
    """
    r = 4 * mass_gev**2 / np.asarray(pair_mass_gev, dtype=float) ** 2
    return (1 - r) / (1 + r)


def boosted(
    speed: ArrayLike, rest_energy_gev: ArrayLike, mass_gev: float, bend: ArrayLike = 0.0
) -> NDArray[np.float64]:
    """Part of the χ of parents at βγ = speed that falls in each cell of kinetic energy, (..., cells).

    rest_energy_gev: of χ where its parent is at rest; bend: a of the density 1 + a cos²θ there. All broadcast. The
    part is exact, whatever the width of the cells.
    """
    speed, rest, bend = (np.asarray(v, dtype=float)[..., None] for v in (speed, rest_energy_gev, bend))
    momentum = np.sqrt(np.maximum(rest**2 - mass_gev**2, 1e-24))
    cosine = (mass_gev + KINETIC_EDGES_GEV - np.sqrt(1 + speed**2) * rest) / (speed * momentum)
    cosine = np.minimum(np.maximum(cosine, -1.0), 1.0)
    return np.diff(cosine * (1 + bend / 3 * cosine**2) / (2 * (1 + bend / 3)), axis=-1)
