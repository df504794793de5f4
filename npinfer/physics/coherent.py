"""Coherent elastic scattering of neutrinos on nuclei, and what new physics adds to it, with pions that decay at rest.

Sources: Freedman, Phys. Rev. D 9 (1974) 1389 (the process); Atzori Corona et al., arXiv:2303.09360 (couplings with
radiative corrections); Vogel, Engel, Phys. Rev. D 39 (1989) 3378 (magnetic moments); Brdar, Greljo, Kopp, Opferkuch,
arXiv:2007.15563 (the dipole portal); Cadeddu et al., arXiv:2008.05022 (light mediators).

Energies E of neutrinos, recoils T (kinetic) and masses are in MeV, cross sections dσ/dT in cm²/MeV; arrays broadcast.
Neutrinos and antineutrinos scatter alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ParameterError, unknown
from npinfer.physics.constants import (
    ALPHA_EM,
    ATOMIC_MASS_UNIT_GEV,
    BOHR_MAGNETON_PER_GEV,
    G_FERMI,
    HBARC2_GEV2_CM2,
    M_ELECTRON_GEV,
    M_MUON_GEV,
)
from npinfer.physics.form_factor import form_factor, nuclear_radius
from npinfer.physics.zprime import loop_mixing

ZPRIME_MODELS = ("universal", "b_minus_l", "lmu_ltau")
PROTON_COUPLING = MappingProxyType({"e": 0.0382, "mu": 0.0300})  # g_p by flavour; 1/2 - 2 sin²θ_W at tree level
NEUTRON_COUPLING = -0.5117  # g_n; -1/2 at tree level
BOHR_MAGNETON_PER_MEV = 1e-3 * BOHR_MAGNETON_PER_GEV

M_PION_MEV = 139.57039  # PDG 2022, charged
M_MUON_MEV = 1e3 * M_MUON_GEV
PROMPT_ENERGY_MEV = (M_PION_MEV**2 - M_MUON_MEV**2) / (2 * M_PION_MEV)  # 29.79, of ν_μ from π⁺ → μ⁺ ν_μ
MICHEL_END_MEV = M_MUON_MEV / 2  # of ν_e and ν̄_μ from μ⁺ → e⁺ ν_e ν̄_μ
FLAVOURS = MappingProxyType({"numu": "mu", "nue": "e", "numubar": "mu"})  # of the species of the beam

_HBARC2_MEV2_CM2 = 1e6 * HBARC2_GEV2_CM2
_G_FERMI_PER_MEV2 = 1e-6 * G_FERMI
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)

Section = Callable[[NDArray, NDArray, str], NDArray]


@dataclass(frozen=True)
class Nucleus:
    """A nucleus; `anomalous_moment` is κ, its magnetic moment in units of e/2M beyond that of a Dirac charge."""

    protons: int
    neutrons: int
    mass_mev: float
    anomalous_moment: float = 0.0

    @property
    def mass_number(self) -> int:
        return self.protons + self.neutrons


def nucleus_of_atom(protons: int, mass_number: int, atomic_mass_u: float) -> Nucleus:
    """The nucleus of an atom: its mass without the electrons', whose binding is neglected."""
    mass_gev = atomic_mass_u * ATOMIC_MASS_UNIT_GEV - protons * M_ELECTRON_GEV
    return Nucleus(protons, mass_number - protons, 1e3 * mass_gev)


NUCLEI = MappingProxyType(  # masses of atoms, AME2020
    {
        "Ar40": nucleus_of_atom(18, 40, 39.96238312),
        "I127": nucleus_of_atom(53, 127, 126.90447190),
        "Cs133": nucleus_of_atom(55, 133, 132.90545196),
    }
)


# ---- form factors and kinematics


def nuclear_form_factor(
    recoil_mev: ArrayLike, nucleus: Nucleus, form: str = "helm", radius_fm: ArrayLike | None = None
) -> NDArray[np.float64]:
    """F of a nucleus that recoils with T, q² = 2MT; the radius is that of `nuclear_radius` unless it is given."""
    radius = nuclear_radius(nucleus.mass_number, form) if radius_fm is None else radius_fm
    return form_factor(np.sqrt(2 * nucleus.mass_mev * np.asarray(recoil_mev, dtype=float)), radius, form)


def recoil_range(energy_mev: ArrayLike, mass_mev: float, heavy_mev: float = 0.0) -> tuple[NDArray, NDArray]:
    """Least and greatest recoil of ν N → N₄ N for a heavy neutrino N₄, exact; NaN below the threshold.

    The roots of (m₄² + 2T(E + M))² = 4E²(T² + 2MT), where the nucleus goes straight ahead.

    >>> low, high = recoil_range(30.0, 500.0, 5.0)
    >>> f"{low:.3e} {high:.4f}"
    '1.762e-04 3.1668'
    """
    e, m2 = np.asarray(energy_mev, dtype=float), heavy_mev**2
    open_ = e >= heavy_mev + m2 / (2 * mass_mev)
    root = np.sqrt(np.where(open_, (2 * e * mass_mev - m2) ** 2 - 4 * mass_mev**2 * m2, np.nan))
    scale = 2 * mass_mev * (mass_mev + 2 * e)
    high = (2 * e**2 * mass_mev - m2 * (e + mass_mev) + e * root) / scale
    return m2**2 / (2 * scale * high), high


def least_energy(recoil_mev: ArrayLike, mass_mev: float, heavy_mev: float = 0.0) -> NDArray[np.float64]:
    """The least energy of a neutrino that makes a nucleus recoil with T > 0, and turns into mass m₄: exact."""
    t = np.asarray(recoil_mev, dtype=float)
    momentum = np.sqrt(t**2 + 2 * mass_mev * t)
    return (heavy_mev**2 + 2 * mass_mev * t) * (momentum + t) / (4 * mass_mev * t)


def _inside(energy: NDArray, recoil: NDArray, mass_mev: float, heavy_mev: float, value: NDArray) -> NDArray:
    """`value` where T is possible, 0 elsewhere: there the formulas go negative."""
    return np.where(energy >= least_energy(recoil, mass_mev, heavy_mev), value, 0.0)


# ---- cross sections


def weak_charge(
    nucleus: Nucleus, flavour: str, proton_form: ArrayLike = 1.0, neutron_form: ArrayLike | None = None
) -> NDArray[np.float64]:
    """g_p Z F_p + g_n N F_n of the flavour "e" or "mu"; the neutrons' form factor is the protons' unless given.

    >>> round(float(weak_charge(NUCLEI["Ar40"], "mu")), 4)
    -10.7174
    """
    if flavour not in PROTON_COUPLING:
        raise ParameterError(unknown("flavour", flavour, PROTON_COUPLING))
    protons = np.asarray(proton_form, dtype=float)
    neutrons = protons if neutron_form is None else np.asarray(neutron_form, dtype=float)
    return PROTON_COUPLING[flavour] * nucleus.protons * protons + NEUTRON_COUPLING * nucleus.neutrons * neutrons


def elastic(
    energy_mev: ArrayLike, recoil_mev: ArrayLike, nucleus: Nucleus, charge_squared: ArrayLike
) -> NDArray[np.float64]:
    """dσ/dT = (G_F² M/π) charge² (1 - T/E - MT/2E²), for the charge of `weak_charge` and what a Z′ adds to it."""
    e, t = np.asarray(energy_mev, dtype=float), np.asarray(recoil_mev, dtype=float)
    scale = _G_FERMI_PER_MEV2**2 * nucleus.mass_mev / np.pi * _HBARC2_MEV2_CM2
    value = scale * np.asarray(charge_squared) * (1 - t / e - nucleus.mass_mev * t / (2 * e**2))
    return _inside(e, t, nucleus.mass_mev, 0.0, value)


def magnetic(
    energy_mev: ArrayLike, recoil_mev: ArrayLike, nucleus: Nucleus, form: ArrayLike, moment_bohr: ArrayLike
) -> NDArray[np.float64]:
    """dσ/dT = (πα²/m_e²) μ² Z² F² (1/T - 1/E) of a magnetic moment μ in Bohr magnetons; adds without interference.

    With a nucleus that has an anomalous moment it is `upscattering` to a massless neutrino.
    """
    return upscattering(energy_mev, recoil_mev, nucleus, form, moment_bohr)


def upscattering(
    energy_mev: ArrayLike,
    recoil_mev: ArrayLike,
    nucleus: Nucleus,
    form: ArrayLike,
    moment_bohr: ArrayLike,
    heavy_mev: float = 0.0,
) -> NDArray[np.float64]:
    """dσ/dT of ν N → N₄ N by one photon, L = (μ/2) ν̄ σF N₄ with μ = 2d in Bohr magnetons, for mass m₄.

    α μ² Z² F² [1/T - 1/E + m₄²(T - 2E - M)/(4E²TM) + m₄⁴(T - M)/(8E²T²M²)] for the nucleus' charge, and for its
    anomalous moment κ, α μ² (κ/4M)² F² [2M((2E - T)² - 2TM)/E² + m₄²(T - 4E)/E² + m₄⁴/(E²T)]: exact for spin ½, where
    both have the same form factor and their interference is left out. Zero outside the exact range of recoils.
    """
    e, t = np.asarray(energy_mev, dtype=float), np.asarray(recoil_mev, dtype=float)
    mass, m2 = nucleus.mass_mev, heavy_mev**2
    charge = 1 / t - 1 / e + m2 * (t - 2 * e - mass) / (4 * e**2 * t * mass)
    charge = charge + m2**2 * (t - mass) / (8 * e**2 * t**2 * mass**2)
    spin = 2 * mass * ((2 * e - t) ** 2 - 2 * t * mass) / e**2 + m2 * (t - 4 * e) / e**2 + m2**2 / (e**2 * t)
    bracket = nucleus.protons**2 * charge + (nucleus.anomalous_moment / (4 * mass)) ** 2 * spin
    scale = ALPHA_EM * (BOHR_MAGNETON_PER_MEV * np.asarray(moment_bohr, dtype=float)) ** 2 * _HBARC2_MEV2_CM2
    return _inside(e, t, mass, heavy_mev, scale * np.square(form) * bracket)


def zprime_charge(
    recoil_mev: ArrayLike, nucleus: Nucleus, flavour: str, form: ArrayLike, mass_mev: float, model: str
) -> NDArray[np.float64]:
    """What a Z′ adds to the weak charge for g = 1; times g². (Q_ν Q_N F)/(√2 G_F (2MT + M_Z′²)), of the shape of T.

    universal: charge 1 of all quarks and neutrinos, Q_N = 3A. b_minus_l: Q_ν = -1, Q_N = A. lmu_ltau: Q_ν = 1 for ν_μ
    and 0 for ν_e; the nucleus has no charge but that which loops of muons and taus give to electric ones,
    Q_N = -e ε(q²) Z with the `loop_mixing` ε < 0. A proton attracts the muons of the vacuum and so has the sign of
    ν_μ's charge: the interference with the neutrons' weak charge is destructive. (The overall sign of the mixing
    differs in the literature.) Raises ParameterError.
    """
    t = np.asarray(recoil_mev, dtype=float)
    if not mass_mev > 0:
        raise ParameterError(f"mass_mev: found {mass_mev:g}, expected the mass of a Z′ in MeV, above 0")
    if flavour not in PROTON_COUPLING:
        raise ParameterError(unknown("flavour", flavour, PROTON_COUPLING))
    q2 = 2 * nucleus.mass_mev * t
    charges: Any
    if model == "universal":
        charges = 3.0 * nucleus.mass_number
    elif model == "b_minus_l":
        charges = -1.0 * nucleus.mass_number
    elif model == "lmu_ltau":
        mixed = -np.sqrt(4 * np.pi * ALPHA_EM) * loop_mixing(-1e-6 * q2)
        charges = mixed * nucleus.protons if flavour == "mu" else 0.0
    else:
        raise ParameterError(unknown("zprime_model", model, ZPRIME_MODELS))
    return charges * np.asarray(form, dtype=float) / (np.sqrt(2) * _G_FERMI_PER_MEV2 * (q2 + mass_mev**2))


# ---- neutrinos of pions and muons that decay at rest


def decay_spectrum(energy_mev: ArrayLike, species: str) -> NDArray[np.float64]:
    """Energies of "nue" or "numubar" from muons at rest [MeV^-1], of integral 1; raises ParameterError.

    192 x²(½ - x)/m_μ and 64 x²(¾ - x)/m_μ with x = E/m_μ below ½. ("numu" has the one energy PROMPT_ENERGY_MEV.)
    """
    shapes = {"nue": (192.0, 0.5), "numubar": (64.0, 0.75)}
    if species not in shapes:
        raise ParameterError(unknown("species of a muon's decay", species, shapes))
    x = np.asarray(energy_mev, dtype=float) / M_MUON_MEV
    scale, end = shapes[species]
    return np.where((x >= 0) & (x <= 0.5), scale * x**2 * (end - x) / M_MUON_MEV, 0.0)


def averaged(
    section: Section, recoil_mev: ArrayLike, species: str, mass_mev: float, heavy_mev: float = 0.0
) -> NDArray[np.float64]:
    """dσ/dT averaged over the energies of one species of the beam, (n,) recoils to (n,).

    section: function of energies, recoils (broadcast) and the flavour "e" or "mu". 96 Gauss-Legendre nodes from the
    least energy on. Raises ParameterError for an unknown species.
    """
    if species not in FLAVOURS:
        raise ParameterError(unknown("species", species, FLAVOURS))
    t, flavour = np.atleast_1d(np.asarray(recoil_mev, dtype=float)), FLAVOURS[species]
    if species == "numu":
        return section(np.full_like(t, PROMPT_ENERGY_MEV), t, flavour)
    low = np.minimum(least_energy(t, mass_mev, heavy_mev), MICHEL_END_MEV)
    half = (MICHEL_END_MEV - low)[:, None] / 2
    energy = low[:, None] + half * (1 + _NODES)
    return np.sum(_WEIGHTS * half * decay_spectrum(energy, species) * section(energy, t[:, None], flavour), axis=-1)


def recoil_nodes(
    species: str, mass_mev: float, heavy_mev: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recoils and weights for integrals over all recoils that a species makes: Gauss-Legendre, none below threshold."""
    energy = PROMPT_ENERGY_MEV if species == "numu" else MICHEL_END_MEV
    low, high = (float(x) for x in recoil_range(energy, mass_mev, heavy_mev))
    if not high > 0:
        return np.zeros(0), np.zeros(0)
    half = (high - low) / 2
    return low + half * (1 + _NODES), half * _WEIGHTS


def mean_cross_section(nucleus: Nucleus, form: str = "helm", radius_fm: float | None = None) -> float:
    """The Standard Model's cross section [cm²], averaged over the energies and the three species of the beam.

    >>> f"{mean_cross_section(NUCLEI['Ar40']):.3e}"
    '1.853e-39'
    """
    total = 0.0
    for species in FLAVOURS:

        def section(energy: NDArray, recoil: NDArray, flavour: str) -> NDArray:
            shape = nuclear_form_factor(recoil, nucleus, form, radius_fm)
            return elastic(energy, recoil, nucleus, weak_charge(nucleus, flavour, shape) ** 2)

        recoil, weight = recoil_nodes(species, nucleus.mass_mev)
        total += float(weight @ averaged(section, recoil, species, nucleus.mass_mev)) / len(FLAVOURS)
    return total
