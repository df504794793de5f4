"""Neutral currents that make a heavy neutral lepton N: ν_τ N → N₄ X by deep-inelastic scattering, at leading order.

Source: Kretzer, Reno, Phys. Rev. D 66, 113007 (2002), arXiv:hep-ph/0208187, Eqs. 2 to 8, there of a τ in charged
currents. With m the mass of the lepton that is made, M of the nucleon, r = m²/2MEx, + for ν and − for ν̄,

    d²σ/dx dy = G_F² M E/π · (M_Z²/(Q² + M_Z²))² { [1 − y + y²/2 − r (1 − y/2) − m²/4E² − Mxy/2E] F₂
                                                   ± [1 − y/2 − r/2] y xF₃ }

when F₄ = 0 and 2x F₁ = 2x F₅ = F₂ (Callan, Gross; Albright, Jarlskog). Of a quark, and for E far above M, this is
g_L² (1 − r) + g_R² (1 − y)(1 − y − r): a mass lowers the differential cross section, and narrows its limits besides.

The other choice in CROSS_SECTIONS, "kinematic", has the mass in the limits alone, those of massless quarks in a nucleon
without mass: d²σ/dx dy of m = M = 0 at 0 < y < 1 − r. It lacks the factor 1 − r of left-handed quarks and the nucleon's
recoil; generators that work so (data/heavy_lepton/README.md) can be compared with it.

At 5 to 100 GeV much lies at low Q². Densities stay below the lowest Q² of their table what they are there (1.65² GeV²
of those that are shipped), and neither Q² nor the hadrons' mass W is cut: W ≥ M, with resonances on average.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ParameterError, unknown
from npinfer.physics.constants import G_FERMI, HBARC2_GEV2_CM2, M_NUCLEON_GEV, M_Z_GEV
from npinfer.physics.structure_functions import Scattering

CROSS_SECTIONS = ("massive", "kinematic")

_NODES, _NODE_WEIGHTS = (a / 2 for a in np.polynomial.legendre.leggauss(32))


def inelasticities(energy_gev: ArrayLike, x: ArrayLike, mass_gev: ArrayLike) -> tuple[NDArray, NDArray]:
    """Least and highest y at neutrino energy E [GeV] and x (Eqs. 7, 8), broadcast; the same where there is none.

    >>> low, high = inelasticities(10.0, 0.3, 0.0)
    >>> print(f"{low:.0f} {high:.4f}")  # to 1/(1 + Mx/2E) without a mass
    0 0.9861
    """
    energy, x, mass = (np.asarray(a, dtype=float) for a in (energy_gev, x, mass_gev))
    left = 1 - mass**2 / (2 * M_NUCLEON_GEV * energy * x)
    middle = left - mass**2 / (2 * energy**2)
    root = np.sqrt(np.maximum(left**2 - (mass / energy) ** 2, 0.0)) * (left > 0)
    scale = 2 + M_NUCLEON_GEV * x / energy
    return (middle - root) / scale, (middle + root) / scale


def differential(
    scattering: Scattering, energy_gev: ArrayLike, x: ArrayLike, y: ArrayLike, mass_gev: float
) -> NDArray[np.float64]:
    """d²σ/dx dy per |U_τ4|² and isoscalar nucleon [cm²] inside the limits of `inelasticities`, broadcast.

    scattering: neutral currents of neutrinos or antineutrinos, whose structure functions are taken.
    """
    energy, x, y = np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in (energy_gev, x, y)))
    q2 = 2 * M_NUCLEON_GEV * energy * x * y
    f2, xf3 = scattering.structure(x, q2)
    r = mass_gev**2 / (2 * M_NUCLEON_GEV * energy * x)
    small = mass_gev**2 / (4 * energy**2) + M_NUCLEON_GEV * x * y / (2 * energy)
    even = (1 - y + y**2 / 2 - r * (1 - y / 2) - small) * f2
    odd = (1 - y / 2 - r / 2) * y * xf3
    scale = G_FERMI**2 * M_NUCLEON_GEV * energy / np.pi * (M_Z_GEV**2 / (q2 + M_Z_GEV**2)) ** 2
    return HBARC2_GEV2_CM2 * scale * (even + (-1 if scattering.antineutrino else 1) * odd)


def total(
    scattering: Scattering, energy_gev: ArrayLike, mass_gev: float, cross_section: str = CROSS_SECTIONS[0]
) -> NDArray[np.float64]:
    """σ(ν_τ N → N₄ X)/|U_τ4|² per isoscalar nucleon [cm²], of the shape of `energy_gev`; 0 below the threshold.

    cross_section: one of CROSS_SECTIONS. Raises ParameterError for another one, a current that is not neutral, and
    masses or energies that are not above 0.

    >>> f"{total(Scattering('nc'), 100.0, 1.0):.2e}, {total(Scattering('nc'), 100.0, 1.0, 'kinematic'):.2e}"
    '1.97e-37, 2.09e-37'
    """
    energy = np.asarray(energy_gev, dtype=float)
    if scattering.current != "nc":
        raise ParameterError(f"scattering: found the current {scattering.current!r}, expected 'nc'")
    if cross_section not in CROSS_SECTIONS:
        raise ParameterError(unknown("cross section", cross_section, CROSS_SECTIONS))
    if not (mass_gev > 0 and np.all(energy > 0)):
        raise ParameterError(f"mass_gev and energy_gev: found {mass_gev:g} and {energy}, expected numbers above 0")
    massive = cross_section == "massive"
    found = np.zeros(energy.shape)
    rest = mass_gev if massive else 0.0
    above = energy > rest + mass_gev**2 / (2 * M_NUCLEON_GEV)  # where x reaches 1
    e = energy[above][:, None, None]
    least = np.log(mass_gev**2 / (2 * M_NUCLEON_GEV * (e - rest)))  # log x, Eq. 6
    x = np.exp(least * (0.5 - _NODES[:, None]))
    s = 2 * M_NUCLEON_GEV * e * x
    u = 0.5 + _NODES  # y rises as u³, as densities change with log Q²
    low, high = inelasticities(e, x, mass_gev) if massive else (np.zeros(x.shape), 1 - mass_gev**2 / s)
    y = low + (high - low) * u**3
    weights = -least * x * _NODE_WEIGHTS[:, None] * (high - low) * 3 * u**2 * _NODE_WEIGHTS
    density = differential(scattering, e, x, y, mass_gev) if massive else scattering.differential(e, x, s * y) * s
    found[above] = np.sum(density * weights, axis=(1, 2))
    return found
