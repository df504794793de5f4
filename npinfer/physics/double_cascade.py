"""Double cascades of heavy neutral leptons from atmospheric neutrinos: how many are made, and how far they come.

Sources: Coloma, Machado, Martinez-Soler, Shoemaker, arXiv:1707.08573 (the signature); data/heavy_lepton/README.md
(cross sections with a mass, of `heavy_scattering`) and data/honda_south_pole/README.md (flux).

A neutrino makes a visible hadronic cascade and a heavy lepton N, which decays visibly at a distance L. Per unit
coupling squared c², the rate of N of momentum p is w(p), their decay length ℓ(p)/c². So the events with L between L₁
and L₂ are c² Σ w [exp(−c² L₁/ℓ) − exp(−c² L₂/ℓ)] over nodes in p: an idealised count, with sharp cuts and no
containment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ConfigurationError, ParameterError, unknown
from npinfer.paths import data_file
from npinfer.physics.atmosphere import flux_table
from npinfer.physics.constants import (
    ALPHA_EM,
    AVOGADRO,
    HBARC2_GEV2_CM2,
    ICE_DENSITY_G_CM3,
    M_NUCLEON_GEV,
    SIN2_THETA_W,
)
from npinfer.physics.flavour import oscillation_fit
from npinfer.physics.heavy_lepton import (
    INVISIBLE,
    branching_ratios,
    decay_length_m,
    dipole_width,
    mixing_width,
)
from npinfer.physics.heavy_scattering import CROSS_SECTIONS
from npinfer.physics.oscillation import Mixing, earth_probabilities, layered_earth
from npinfer.physics.parton_sum import weighted_sum
from npinfer.physics.registry import generator, with_names

LEAST_CASCADE_GEV = 5.0  # of either cascade
VISIBLE_SHARE = 0.6  # of the energy of N that is seen when it decays through mixing, on average
MASSES_GEV = (0.1, 1.5)  # of the tables of cross sections
FLAVOURS = ("mu", "tau")
PORTALS = ("mixing", "dipole")
DIPOLE_UNIT_PER_GEV = 1e-6  # of d_munu and d_tau
LEAST_Q2_GEV2 = 1.0  # of a dipole portal's photon

_FIT = "nufit-5.2-NO-withSK"
_SPLITTINGS_EV2 = (7.41e-5, 2.507e-3)  # of the same fit
_NUCLEONS_PER_KM3 = 1e15 * ICE_DENSITY_G_CM3 * AVOGADRO
_INNER, _INNER_WEIGHTS = np.polynomial.legendre.leggauss(48)
_OUTER, _OUTER_WEIGHTS = np.polynomial.legendre.leggauss(120)
_FLUX_NODES, _FLUX_WEIGHTS = np.polynomial.legendre.leggauss(8)
# (g_L², g_R²) of u and d quarks together.
_LEFT2 = (0.5 - 2 / 3 * SIN2_THETA_W) ** 2 + (0.5 - 1 / 3 * SIN2_THETA_W) ** 2
_RIGHT2 = (2 / 3 * SIN2_THETA_W) ** 2 + (1 / 3 * SIN2_THETA_W) ** 2
# Squared charges of the partons of a nucleon with as many protons as neutrons.
_CHARGES2 = {sign * q: c for q, c in ((1, 5 / 18), (2, 5 / 18), (3, 1 / 9), (4, 4 / 9), (5, 1 / 9)) for sign in (1, -1)}

Density = Callable[[NDArray, NDArray], NDArray]  # dσ/dE_N × flux at (E, E_N)


@dataclass(frozen=True, eq=False)
class Produced:
    """Heavy leptons per unit coupling squared: rate [1/s in 1 km³ of ice] and decay length [m], each (nodes,)."""

    rate: NDArray[np.float64]
    length_m: NDArray[np.float64]

    def events(self, coupling2: NDArray, edges_m: NDArray[np.float64]) -> NDArray:
        """Decays a second in 1 km³ by distance, (batch, bins), for squared couplings (batch,); analytic."""
        survive = np.exp(-coupling2[:, None, None] * (edges_m[:, None] / self.length_m))
        return coupling2[:, None] * ((survive[:, :-1] - survive[:, 1:]) @ self.rate)


@cache
def flux_over_the_sky(flavour: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energies [GeV] and ∫dΩ Φ_μ P(μ → flavour) of atmospheric ν and ν̄ [GeV⁻¹ cm⁻² s⁻¹], (nodes,) and (2, nodes).

    Of muon neutrinos alone, oscillated through the Earth in twelve shells; energies up to 10 TeV. Raises ParameterError
    for an unknown flavour.
    """
    if flavour not in FLAVOURS:
        raise ParameterError(unknown("flavour", flavour, FLAVOURS))
    table = flux_table("honda_south_pole")
    energy, edges = table.energy_gev, table.cos_edges
    half = np.diff(edges)[:, None] / 2
    cosine = edges[:-1, None] + half * (1 + _FLUX_NODES)
    fit = oscillation_fit(_FIT)
    mixing = Mixing(fit.s2_12, fit.s2_13, fit.s2_23, fit.delta_rad, *_SPLITTINGS_EV2)
    found = []
    for flux, anti in zip(table.of("numu", "numubar"), (False, True), strict=True):
        p = earth_probabilities(energy[:, None], cosine.ravel(), mixing, layered_earth(), antineutrinos=anti)[
            1, 1 + FLAVOURS.index(flavour)
        ]
        mean = p.reshape(len(energy), *cosine.shape) @ _FLUX_WEIGHTS / 2
        found.append(2 * np.pi * (flux * mean) @ np.diff(edges))
    return energy, np.array(found)


def nc_cross_section(
    energy_gev: ArrayLike, mass_gev: float, *, antineutrino: bool = False, cross_section: str = CROSS_SECTIONS[0]
) -> NDArray[np.float64]:
    """σ(ν_τ N → N₄ X)/|U_τ4|² per nucleon [cm²], of the shape of `energy_gev`, log-log in E and linear in the mass.

    cross_section: one of `heavy_scattering.CROSS_SECTIONS`. Raises ParameterError for another one, energies outside the
    table, 5 GeV to 10 TeV, and masses outside MASSES_GEV.

    >>> f"{nc_cross_section(100.0, 1.0):.2e}"
    '1.97e-37'
    """
    _checked_mass(mass_gev)
    nodes, masses, tables = _cross_sections(cross_section)
    energy = np.asarray(energy_gev, dtype=float)
    if not np.all((energy >= nodes[0]) & (energy <= nodes[-1] * (1 + 1e-9))):
        raise ParameterError(f"energy_gev: expected energies from {nodes[0]:g} to {nodes[-1]:g} GeV, as the table has")
    k = int(np.clip(np.searchsorted(masses, mass_gev) - 1, 0, len(masses) - 2))
    low, high = (
        np.exp(np.interp(np.log(energy), np.log(nodes), np.log(tables[2 * i + antineutrino]))) for i in (k, k + 1)
    )
    return low + (high - low) * (mass_gev - masses[k]) / (masses[k + 1] - masses[k])


@cache
def _cross_sections(cross_section: str) -> tuple[NDArray, NDArray, NDArray]:
    """Energies [GeV], masses [GeV] and σ [cm²] of ν and ν̄ in turn for each mass."""
    if cross_section not in CROSS_SECTIONS:
        raise ParameterError(unknown("cross section", cross_section, CROSS_SECTIONS))
    path = data_file("heavy_lepton", f"nc_cross_section_{cross_section}.csv")
    with path.open(encoding="utf-8") as stream:
        names = stream.readline().strip().split(",")[1::2]
        energy, *tables = np.loadtxt(stream, delimiter=",").T
    return energy, np.array([float(n.split("_m")[1].removesuffix("_cm2")) for n in names]), np.array(tables)


def _checked_mass(mass_gev: float) -> float:
    low, high = MASSES_GEV
    if not low <= mass_gev <= high:
        raise ParameterError(f"mass_gev: found {mass_gev:g}, expected {low:g} to {high:g} GeV")
    return mass_gev


# ---- what is made


@cache
def mixing_production(mass_gev: float, majorana: bool = False, cross_section: str = CROSS_SECTIONS[0]) -> Produced:
    """N from oscillated ν_τ through mixing, with visible decays, per |U_τ4|².

    The inelasticity follows g_L² + g_R² (1−y)² (antineutrinos: swapped) of massless quarks; VISIBLE_SHARE of the energy
    is seen when N decays to anything but three neutrinos. Raises ParameterError as `nc_cross_section` does.
    """
    visible = 1 - float(branching_ratios(_checked_mass(mass_gev))[INVISIBLE])
    energies, fluxes = flux_over_the_sky("tau")

    def density(energy: NDArray, heavy: NDArray) -> NDArray:
        found: NDArray = np.zeros(energy.shape)
        for flux, anti in zip(fluxes, (False, True), strict=True):
            first, second = (_RIGHT2, _LEFT2) if anti else (_LEFT2, _RIGHT2)
            inelasticity = (first + second * (heavy / energy) ** 2) / (first + second / 3)
            sigma = nc_cross_section(energy, mass_gev, antineutrino=anti, cross_section=cross_section)
            found += _interpolated(energy, energies, flux) * sigma * inelasticity / energy
        return visible * found

    length = decay_length_m(mixing_width(mass_gev, majorana=majorana))
    return _produced(density, mass_gev, float(length), LEAST_CASCADE_GEV / VISIBLE_SHARE)


@cache
def dipole_production(mass_gev: float, flavour: str, majorana: bool = False) -> Produced:
    """N from atmospheric neutrinos through a transition moment μ, per μ² in GeV⁻², with photons of at least 5 GeV.

    Deep-inelastic scattering through a photon, as a coherent one makes no first cascade (`dipole_spectrum`). The photon
    of a Dirac N carries the share z of its energy with density 2(1 − z), as N is made with its spin against its
    momentum; of a Majorana N all z are alike. Raises ParameterError for masses outside MASSES_GEV, or the flavour.
    """
    _checked_mass(mass_gev)
    energies, fluxes = flux_over_the_sky(flavour)
    total = fluxes.sum(axis=0)

    def density(energy: NDArray, heavy: NDArray) -> NDArray:
        seen = np.maximum(1 - LEAST_CASCADE_GEV / heavy, 0.0) ** (1 if majorana else 2)
        made = dipole_spectrum(energy, 1 - heavy / energy, mass_gev) / energy
        return _interpolated(energy, energies, total) * made * seen

    length = decay_length_m(dipole_width(mass_gev, majorana=majorana))
    return _produced(density, mass_gev, float(length), LEAST_CASCADE_GEV)


def dipole_spectrum(energy_gev: ArrayLike, inelasticity: ArrayLike, mass_gev: float) -> NDArray[np.float64]:
    """dσ/dy of ν N → N₄ X through a photon, per nucleon and μ² in GeV⁻² [cm² GeV²], broadcast; ν and ν̄ alike.

    α e_q² [(1−y)/y + r (½ − 1/y) + r²/2y], r = m²/(x S), S = 2 m_N E, of every quark; from L = (μ/2) F ν̄σN. Only
    Q² = x y S from LEAST_Q2_GEV2 on.
    """
    energy, y = np.broadcast_arrays(np.asarray(energy_gev, dtype=float), np.asarray(inelasticity, dtype=float))
    energy, y = energy[..., None], y[..., None]
    s = 2 * M_NUCLEON_GEV * energy
    least = np.minimum(np.maximum(LEAST_Q2_GEV2 / (y * s), mass_gev**2 / ((1 - y) * s)), 1.0)
    x = least ** (0.5 - _INNER / 2)
    r = mass_gev**2 / (x * s)
    quarks = _charged_partons()(x, x * y * s)
    bracket = (1 - y) / y + r * (0.5 - 1 / y) + r**2 / (2 * y)
    found = (quarks * bracket * -np.log(least)) @ (_INNER_WEIGHTS / 2)  # x f d ln x = f dx
    return HBARC2_GEV2_CM2 * ALPHA_EM * found


@cache
def _charged_partons() -> Callable[[ArrayLike, ArrayLike], NDArray[np.float64]]:
    return weighted_sum(_CHARGES2, (LEAST_Q2_GEV2, 1e5))


def _interpolated(energy: NDArray, nodes: NDArray, flux: NDArray) -> NDArray[np.float64]:
    return np.exp(np.interp(np.log(energy), np.log(nodes), np.log(flux)))


def _produced(density: Density, mass_gev: float, length_m: float, least_gev: float) -> Produced:
    """∫ dE over energies that leave a visible first cascade, at nodes in ln E_N from `least_gev` to the highest.

    length_m: cτ for unit coupling.
    """
    most = flux_over_the_sky("tau")[0][-1]
    low, high = np.log(max(least_gev, 1.01 * mass_gev)), np.log(most - LEAST_CASCADE_GEV)
    heavy = np.exp(low + (high - low) * (1 + _OUTER) / 2)
    start = np.log(heavy + LEAST_CASCADE_GEV)[:, None]
    energy = np.exp(start + (np.log(most) - start) * (1 + _INNER) / 2)
    per_energy = density(energy, heavy[:, None]) * energy * (np.log(most) - start) / 2
    rate = _NUCLEONS_PER_KM3 * (per_energy @ _INNER_WEIGHTS) * heavy * (high - low) / 2 * _OUTER_WEIGHTS
    return Produced(rate, length_m * np.sqrt(heavy**2 - mass_gev**2) / mass_gev)


# ---- the generator


@generator("double_cascade.events")
def events(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """Double cascades by the distance of their vertices, on the axis length_m of the only channel.

    inputs: livetime_s, volume_km3 of ice. Configuration: m_sterile [GeV]; portal, mixing (parameter utau4_squared, with
    the cross_section massive or kinematic of `heavy_scattering`) or dipole, of the neutrino `flavour` mu or tau (d_munu
    or d_tau, d = μ/2 in 1e-6 GeV^-1); majorana.
    """
    mass, majorana = float(configuration["m_sterile"]), bool(configuration.get("majorana", False))
    volume = float(inputs["volume_km3"])
    if not 0 < volume < np.inf:
        raise ConfigurationError(f"volume_km3: found {volume:g}, expected a number above 0")
    exposure = float(inputs["livetime_s"]) * volume
    (channel,) = channels
    if [a.name for a in channel.axes] != ["length_m"]:
        raise ConfigurationError(f"{channel.name}: the axis of double cascades is length_m, and no other")
    edges = np.asarray(channel.axes[0].edges, dtype=float)
    portal = str(configuration.get("portal", PORTALS[0]))
    if portal not in PORTALS:
        raise ConfigurationError(unknown("portal", portal, PORTALS))
    if portal == "mixing":
        cross_section = str(configuration.get("cross_section", CROSS_SECTIONS[0]))
        produced, name, size = mixing_production(mass, majorana, cross_section), "utau4_squared", None
    else:
        flavour = str(configuration.get("flavour", "tau"))
        produced = dipole_production(mass, flavour, majorana)
        name, size = {"mu": "d_munu", "tau": "d_tau"}[flavour], 2 * DIPOLE_UNIT_PER_GEV

    def counts(**values: NDArray) -> dict[str, NDArray]:
        squared = values[name] if size is None else (size * values[name]) ** 2
        return {channel.name: exposure * produced.events(squared, edges)}

    return with_names(counts, (name,))
