"""Axion-like particles of a beam muon in a calorimeter: made through muons or through photons, and how far they come.

Sources: arXiv:2501.06294 (both couplings in NA64μ); Primakoff, Phys. Rev. 81 (1951) 899, and Raffelt, Phys. Rev. D 33
(1986) 897 (photon to axion in a Coulomb field); Budnev, Ginzburg, Meledin, Serbo, Phys. Rep. 15 (1975) 181 (photons of
a muon); Bauer, Neubert, Thamm, arXiv:1708.00443 (decays to photons through a loop); PDG 2022 (radiation lengths).

L = g_aμμ (∂_σ a) μ̄γ^σγ₅μ is a Yukawa coupling of y = 2 m_μ g_aμμ, and L = -(1/4) g_aγγ a F F̃. Couplings are in
GeV^-1, and cross sections, yields and widths are per unit coupling squared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.physics.constants import ALPHA_EM, AVOGADRO, HBARC2_GEV2_CM2, HBARC_GEV_CM, M_MUON_GEV
from npinfer.physics.muon_beam import configured, muons_on_target
from npinfer.physics.muon_bremsstrahlung import (
    BEAM_GEV,
    ECAL,
    LEAD,
    LEAD_PLATES,
    MAX_MASS_GEV,
    MAX_MOMENTUM_GEV,
    POLYSTYRENE,
    Nucleus,
    energy_behind,
    photon_flux,
    spectrum,
)
from npinfer.physics.registry import generator

# Mean free path of a hard photon is 9/7 of a radiation length [g/cm²] (PDG 2022).
RADIATION_LENGTH_G_CM2 = {LEAD_PLATES: 6.37, POLYSTYRENE: 43.79}

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_DEPTHS, _DEPTH_WEIGHTS = np.polynomial.legendre.leggauss(6)

Density = Callable[[NDArray, NDArray, Nucleus], NDArray]  # dσ/dx [cm²] at (x, the muon's energy [GeV], nucleus)


# ---- production


def primakoff_cross_section(
    energy_gev: ArrayLike, mass_gev: ArrayLike, nucleus: Nucleus = LEAD, *, q2_gev2: ArrayLike = 0.0
) -> NDArray[np.float64]:
    """σ(γN → aN) per unit g_aγγ² [cm² GeV²] of a transverse photon of virtuality -q² = `q2_gev2`, broadcast.

    (α/8) χ with χ the equivalent photons of the nucleus, from t_min = (k - p)², k² = E² - q² and p² = E² - m²; small
    angles. 0 below threshold.

    >>> f"{primakoff_cross_section(100.0, 0.01):.2e}"
    '3.41e-26'
    """
    energy, mass, q2 = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (energy_gev, mass_gev, q2_gev2)))
    momentum = np.sqrt(np.maximum(energy**2 - mass**2, 0.0))
    t_min = ((mass**2 + q2) / (np.sqrt(energy**2 + q2) + momentum)) ** 2
    chi = photon_flux(t_min, energy**2, nucleus)
    return np.where(energy > mass, HBARC2_GEV2_CM2 * ALPHA_EM / 8 * chi, 0.0)


def fusion_spectrum(
    x: ArrayLike, mass_gev: ArrayLike, *, energy_gev: ArrayLike = BEAM_GEV, nucleus: Nucleus = LEAD
) -> NDArray[np.float64]:
    """dσ/dx of μN → μNa through γγ per unit g_aγγ² [cm² GeV²], broadcast: the muon's photons on the nucleus' field.

    ∫ dq²/q² (α/πx) [1 - x + x²/2 - (1-x) q²_min/q²] σ(γ*N → aN), q²_min = m_μ²x²/(1-x), over log q² up to E². Zero
    outside m < xE < E - m_μ.
    """
    x, mass, energy = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (x, mass_gev, energy_gev)))
    open_ = (x * energy > mass) & (x * energy < energy - M_MUON_GEV)
    x, mass, energy = (np.where(open_, v, safe)[..., None] for v, safe in ((x, 0.5), (mass, 0.0), (energy, BEAM_GEV)))
    least = M_MUON_GEV**2 * x**2 / (1 - x)
    span = np.log(energy**2 / least)
    q2 = least * np.exp(span * (_NODES + 1) / 2)
    photons = ALPHA_EM / (np.pi * x) * (1 - x + x**2 / 2 - (1 - x) * least / q2)
    sigma = primakoff_cross_section(x * energy, mass, nucleus, q2_gev2=q2)
    return np.where(open_, np.sum(_WEIGHTS * span / 2 * photons * sigma, axis=-1), 0.0)


def conversion_probability(energy_gev: ArrayLike, mass_gev: ArrayLike) -> NDArray[np.float64]:
    """Chance per unit g_aγγ² [GeV²] that a photon in the calorimeter becomes an axion before it makes a pair."""
    pairs, axions = 0.0, np.zeros(np.broadcast(energy_gev, mass_gev).shape)
    for material, thickness_cm in ECAL:
        grams = material.density_g_cm3 * thickness_cm
        pairs += 7 / 9 * grams / RADIATION_LENGTH_G_CM2[material]
        for nucleus, number in material.nuclei:
            atoms = number * AVOGADRO * grams / material.molar_mass
            axions = axions + atoms * primakoff_cross_section(energy_gev, mass_gev, nucleus)
    return axions / pairs


@dataclass(frozen=True, eq=False)
class Emission:
    """Axions of a beam muon: `per_muon` events per unit coupling squared at each `energy_gev`."""

    energy_gev: NDArray
    per_muon: NDArray

    def yields(self, coupling: NDArray, decays: NDArray) -> NDArray:
        """Events per muon at each coupling, of which those are lost that decay: `decays` lengths at unit coupling."""
        square = np.square(coupling)
        return square * (np.exp(-square[..., None] * decays) @ self.per_muon)


def emission(density: Density, mass_gev: float) -> Emission:
    """Axions from the calorimeter whose muon leaves it below 80 GeV, with its mean energy loss before and after.

    32 nodes in log(x/(1-x)) at each of six depths.
    """
    share = (_DEPTHS + 1) / 2
    energy = energy_behind(BEAM_GEV, share)[:, None]
    low = 1 - energy_behind(MAX_MOMENTUM_GEV, share - 1)[:, None] / energy
    end = 1 - M_MUON_GEV / energy
    first, last = (np.log(x / (1 - x)) for x in (np.clip(low, mass_gev / energy, end), end))
    x = 1 / (1 + np.exp(-(first + (last - first) * (_NODES + 1) / 2)))
    measure = _DEPTH_WEIGHTS[:, None] / 2 * _WEIGHTS * (last - first) / 2 * x * (1 - x)
    total = np.zeros_like(x)
    for material, thickness_cm in ECAL:
        units = AVOGADRO * material.density_g_cm3 * thickness_cm / material.molar_mass
        for nucleus, number in material.nuclei:
            total += units * number * measure * density(x, energy, nucleus)
    return Emission((x * energy).ravel(), total.ravel())


def emission_by_muons(mass_gev: float) -> Emission:
    """μN → μNa through the muon, per unit g_aμμ² [GeV²]."""

    def density(x: NDArray, energy: NDArray, nucleus: Nucleus) -> NDArray:
        yukawa2 = (2 * M_MUON_GEV) ** 2
        return yukawa2 * spectrum(x, mass_gev, boson="pseudoscalar", energy_gev=energy, nucleus=nucleus)

    return emission(density, mass_gev)


def emission_by_fusion(mass_gev: float) -> Emission:
    """μN → μNa through γγ, per unit g_aγγ² [GeV²]."""
    return emission(lambda x, e, nucleus: fusion_spectrum(x, mass_gev, energy_gev=e, nucleus=nucleus), mass_gev)


def emission_by_radiation(mass_gev: float) -> Emission:
    """Primakoff production by the photons that the muon radiates, per unit g_aγγ² [GeV²].

    A photon that becomes an axion leaves no shower; those radiated in the last radiation length behave as all others.
    """

    def density(x: NDArray, energy: NDArray, nucleus: Nucleus) -> NDArray:
        radiated = 4 * np.pi * ALPHA_EM * spectrum(x, 0.0, energy_gev=energy, nucleus=nucleus)
        return radiated * conversion_probability(x * energy, mass_gev)

    return emission(density, mass_gev)


# ---- decay


def photon_coupling_of_loop(mass_gev: ArrayLike) -> NDArray[np.float64]:
    """|g_aγγ| per g_aμμ that the muons' loop gives: (2α/π) |1 - (arcsin r/r)²|, r = m/(2 m_μ).

    It falls with m²/(12 m_μ²) for light axions: the derivative coupling decouples.
    """
    r = np.asarray(mass_gev, dtype=float) / (2 * M_MUON_GEV)
    return 2 * ALPHA_EM / np.pi * np.abs(1 - (np.arcsin(r + 0j) / r) ** 2)


def width_to_photons(mass_gev: ArrayLike) -> NDArray[np.float64]:
    """Γ(a → γγ) per unit g_aγγ² [GeV³]: m³/(64π)."""
    return np.asarray(mass_gev, dtype=float) ** 3 / (64 * np.pi)


def width_by_muons(mass_gev: ArrayLike) -> NDArray[np.float64]:
    """Γ(a → γγ, μμ) per unit g_aμμ² [GeV³]: through the loop, and m_μ² m √(1 - 4 m_μ²/m²)/(2π)."""
    mass = np.asarray(mass_gev, dtype=float)
    speed = np.sqrt(np.maximum(1 - (2 * M_MUON_GEV / mass) ** 2, 0.0))
    muons = M_MUON_GEV**2 * mass * speed / (2 * np.pi)
    return photon_coupling_of_loop(mass) ** 2 * width_to_photons(mass) + muons


def decay_lengths(length_m: float, energy_gev: ArrayLike, mass_gev: float, width_gev: ArrayLike) -> NDArray[np.float64]:
    """How many mean decay lengths p/(m Γ) the way of `length_m` is, broadcast over energies and widths."""
    momentum = np.sqrt(np.maximum(np.asarray(energy_gev, dtype=float) ** 2 - mass_gev**2, 0.0))
    return 100 * length_m * mass_gev * np.asarray(width_gev, dtype=float) / (momentum * HBARC_GEV_CM)


# ---- generators


@generator("alp.muon_bremsstrahlung")
def events_by_muons(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """Axions of NA64μ that the muon emits and that escape. Parameter: g_amumu.

    Configuration: m_alp, escape_length, muons_on_target.
    """
    yields, muons = _yields(emission_by_muons, width_by_muons, configuration), muons_on_target(configuration)
    (name,) = (c.name for c in channels)
    return lambda *, g_amumu: {name: muons * yields(g_amumu)[:, None]}


def _events_by_photons(
    emission_of: Callable[[float], Emission], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    yields, muons = _yields(emission_of, width_to_photons, configuration), muons_on_target(configuration)
    (name,) = (c.name for c in channels)
    return lambda *, g_agammagamma: {name: muons * yields(g_agammagamma)[:, None]}


@generator("alp.photon_fusion")
def events_by_fusion(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """Axions of NA64μ from γγ that escape. Parameter: g_agammagamma.

    Configuration: m_alp, escape_length, muons_on_target.
    """
    return _events_by_photons(emission_by_fusion, channels, configuration)


@generator("alp.primakoff")
def events_by_radiation(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """Axions of NA64μ that photons radiated by the muon become. Parameter: g_agammagamma.

    Configuration: m_alp, escape_length, muons_on_target.
    """
    return _events_by_photons(emission_by_radiation, channels, configuration)


def _yields(
    emission_of: Callable[[float], Emission],
    width: Callable[[float], NDArray],
    configuration: Mapping[str, Any],
) -> Callable[[NDArray], NDArray]:
    """Escaping axions per muon, as a function of the coupling."""
    mass = configured(configuration, "m_alp", "GeV", most=MAX_MASS_GEV)
    length = configured(configuration, "escape_length", "m", or_zero=True)
    emitted = emission_of(mass)
    decays = decay_lengths(length, emitted.energy_gev, mass, width(mass))
    return lambda coupling: emitted.yields(coupling, decays)
