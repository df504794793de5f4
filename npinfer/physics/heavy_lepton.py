"""Heavy neutral leptons N: widths, branching ratios and decay lengths, with a mixing or a dipole portal.

Sources: Bondarenko, Boyarsky, Gorbunov, Ruchayskiy, arXiv:1805.08567 (mixing); Magill, Plestid, Pospelov, Tsai,
arXiv:1803.03262, with d = μ/2 (dipole).

Mixing: N mixes with ν_τ alone and is lighter than the τ, so that it decays by neutral currents: to three neutrinos, a
neutrino and a pair of leptons, or a neutrino and a neutral meson. Dipole: L = (μ/2) F ν̄σN, N → νγ. Widths are of a
Dirac particle; one that is its own antiparticle (Majorana) has twice these.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ParameterError
from npinfer.physics.constants import (
    G_FERMI,
    HBARC_GEV_CM,
    M_ELECTRON_GEV,
    M_MUON_GEV,
    M_TAU_GEV,
    SIN2_THETA_W,
)

LEPTONS_GEV = {"e": M_ELECTRON_GEV, "mu": M_MUON_GEV}
# Masses [GeV] (PDG 2022) and decay constants [GeV] of pseudoscalars; κ and g [GeV²] of vectors. κ is the sum of the
# vector couplings of a meson's quarks to the Z, in units in which the ρ has 1 − 2 sin²θ.
PSEUDOSCALARS = {"pi0": (0.1349768, 0.1302), "eta": (0.547862, 0.0816), "eta_prime": (0.95778, -0.0946)}
VECTORS = {
    "rho0": (0.77526, 1 - 2 * SIN2_THETA_W, 0.162),
    "omega": (0.78266, 2 / 3 * SIN2_THETA_W, 0.153),
    "phi": (1.019461, np.sqrt(2) * (2 / 3 * SIN2_THETA_W - 0.5), 0.234),
}
INVISIBLE = "three_neutrinos"


def mixing_widths(mass_gev: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Partial widths per |U_τ4|² [GeV] of a Dirac N, {channel: of the shape of `mass_gev`}; 0 for closed channels.

    Raises ParameterError for a mass that is not above 0, or from that of the τ on.
    """
    mass = np.asarray(mass_gev, dtype=float)
    if not np.all((mass > 0) & (mass < M_TAU_GEV)):
        raise ParameterError(f"mass_gev: found {mass}, expected masses above 0 and below that of the τ, {M_TAU_GEV:g}")
    three = G_FERMI**2 * mass**5 / (192 * np.pi**3)
    widths = {INVISIBLE: three}
    widths |= {f"nu_{name}_{name}": three * _lepton_pair(lepton / mass) for name, lepton in LEPTONS_GEV.items()}
    for name, (meson, constant) in PSEUDOSCALARS.items():
        open_ = np.maximum(1 - (meson / mass) ** 2, 0.0)
        widths[f"nu_{name}"] = G_FERMI**2 * constant**2 * mass**3 / (32 * np.pi) * open_**2
    for name, (meson, kappa, strength) in VECTORS.items():
        x2 = (meson / mass) ** 2
        size = G_FERMI**2 * (kappa * strength) ** 2 * mass**3 / (32 * np.pi * meson**2)
        widths[f"nu_{name}"] = size * (1 + 2 * x2) * np.maximum(1 - x2, 0.0) ** 2
    return widths


def _lepton_pair(x: NDArray) -> NDArray[np.float64]:
    """Γ(νℓℓ)/Γ(3ν) of x = m_ℓ/m_N, by neutral currents; 0 from x = 1/2 on.

    The logarithm is written so that nothing cancels for light leptons.
    """
    first, second = (1 - 4 * SIN2_THETA_W + 8 * SIN2_THETA_W**2) / 4, SIN2_THETA_W * (2 * SIN2_THETA_W - 1) / 2
    inside = np.minimum(x, 0.5)
    x2 = inside**2
    q = np.sqrt(1 - 4 * x2)
    log = np.log(4 * x2**2 / ((1 - 3 * x2 + (1 - x2) * q) * (1 + q)))
    vector = (1 - 14 * x2 - 2 * x2**2 - 12 * x2**3) * q + 12 * x2**2 * (x2**2 - 1) * log
    mixed = x2 * (2 + 10 * x2 - 12 * x2**2) * q + 6 * x2**2 * (1 - 2 * x2 + 2 * x2**2) * log
    return np.where(x < 0.5, first * vector + 4 * second * mixed, 0.0)


def mixing_width(mass_gev: ArrayLike, *, majorana: bool = False) -> NDArray[np.float64]:
    """Total width per |U_τ4|² [GeV], of the shape of `mass_gev`; raises ParameterError as `mixing_widths` does.

    >>> f"{mixing_width(0.3):.3e}"
    '4.569e-16'
    """
    total: NDArray[np.float64] = np.sum(list(mixing_widths(mass_gev).values()), axis=0)
    return total * (2.0 if majorana else 1.0)


def branching_ratios(mass_gev: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Branching ratios of decays through mixing, {channel: of the shape of `mass_gev`}; they add up to 1.

    Raises ParameterError as `mixing_widths` does.

    >>> round(float(branching_ratios(0.3)["nu_pi0"]), 3)
    0.862
    """
    widths, total = mixing_widths(mass_gev), mixing_width(mass_gev)
    return {name: width / total for name, width in widths.items()}


def dipole_width(mass_gev: ArrayLike, *, majorana: bool = False) -> NDArray[np.float64]:
    """Γ(N → νγ)/μ² = m³/16π [GeV³], μ the transition moment in GeV⁻¹, of the shape of `mass_gev`; ParameterError.

    >>> from npinfer.physics.constants import BOHR_MAGNETON_PER_GEV
    >>> f"{decay_length_m(dipole_width(0.1) * (1e-9 * BOHR_MAGNETON_PER_GEV) ** 2):.0f} m"
    '113 m'
    """
    mass = np.asarray(mass_gev, dtype=float)
    if not np.all(mass > 0):
        raise ParameterError(f"mass_gev: found {mass}, expected masses above 0")
    return mass**3 / (16 * np.pi) * (2.0 if majorana else 1.0)


def decay_length_m(width_gev: ArrayLike) -> NDArray[np.float64]:
    """cτ [m] of a width Γ [GeV]."""
    return HBARC_GEV_CM * 1e-2 / np.asarray(width_gev, dtype=float)
