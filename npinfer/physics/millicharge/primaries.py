"""Nucleons that hit the atmosphere, and how often they interact inelastically.

Source: T. K. Gaisser, Astropart. Phys. 35 (2012) 801, arXiv:1111.6675, the spectrum H3a, from `crflux`; tabulated in
data/millicharge. The spectrum holds above 10 GeV a nucleon. Below, the Sun and the Earth's magnetic field act, of which
the latter alone keeps protons below 10 to 12 GeV from the sky above Japan and southern China: nothing below is used.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from npinfer.paths import data_file
from npinfer.physics.constants import M_PROTON_GEV

FOLDER = "millicharge"
MIN_ENERGY_GEV, MAX_ENERGY_GEV = 10.0, 1e8
SIGMA_INELASTIC_MB = 33.0  # proton on proton, where the hard processes here are made (100 GeV to 10 TeV), ±10 %


def nucleon_flux(energy_gev: ArrayLike) -> NDArray[np.float64]:
    """Protons and neutrons, free and bound, that arrive with an energy a nucleon [GeV^-1 cm^-2 s^-1 sr^-1].

    The shape of the energies; zero outside MIN_ENERGY_GEV to MAX_ENERGY_GEV. A cubic spline in logarithms, whose error
    is below 1e-4.

    >>> f"{nucleon_flux(100.0):.4g}"
    '5.352e-06'
    """
    energy = np.asarray(energy_gev, dtype=float)
    inside = (energy >= MIN_ENERGY_GEV) & (energy <= MAX_ENERGY_GEV)
    return np.where(inside, np.exp(_spline()(np.log(np.where(inside, energy, MIN_ENERGY_GEV)))), 0.0)


def squared_energy(energy_gev: ArrayLike) -> NDArray[np.float64]:
    """s [GeV²] of a proton of `energy_gev` on one at rest."""
    return 2 * M_PROTON_GEV * (M_PROTON_GEV + np.asarray(energy_gev, dtype=float))


@cache
def _spline() -> CubicSpline:
    energy, _, nucleons = np.loadtxt(data_file(FOLDER, "nucleons.csv"), delimiter=",", skiprows=1).T
    return CubicSpline(np.log(energy), np.log(nucleons))
