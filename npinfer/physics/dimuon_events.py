"""Dimuons, single muons and showers of tridents, W production and ordinary scattering in a volume of ice.

Sources: Zhou, Beacom, arXiv:1910.10720 and 2110.02974 (the signal in telescopes). Neutrinos from below the horizon
only, where no muons of showers come from; contained interactions, every one recognised: an idealised count. Visible
energy is a fixed share of the neutrino's. Fluxes: `data/honda_south_pole` up to 10 TeV and `data/atmosphere` above.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

from npinfer.errors import ConfigurationError, unknown
from npinfer.physics.atmosphere import flux_table
from npinfer.physics.constants import AVOGADRO, ICE_DENSITY_G_CM3
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.earth import mean_transmission
from npinfer.physics.flux import PIVOT_ENERGY_GEV, bound_power_law
from npinfer.physics.generators import NORM_UNIT
from npinfer.physics.registry import Weights, generator
from npinfer.physics.w_production import (
    FLAVOURS,
    HADRONS,
    TAU_TO_MUON,
    charm_dimuon_cross_section,
    trident_channels,
    trident_cross_section,
    w_cross_section,
)

CHANNELS = ("dimuon", "track", "shower")
PROCESSES = ("trident", "w_boson", "charm", "scattering")
FLUXES = ("conventional", "prompt", "astrophysical")

_EDGES_GEV = np.geomspace(200.0, 9e7, 114)
_ENERGY = np.sqrt(_EDGES_GEV[:-1] * _EDGES_GEV[1:])
_SKY = np.linspace(-1.0, 0.0, 6)  # cells of cos zenith, those of the atmospheric fluxes
_MOLECULES_PER_KM3 = 1e15 * ICE_DENSITY_G_CM3 * AVOGADRO / 18
_NUCLEONS = 18
_PIVOT_INDEX = 2.75
_CHARM_GEV = np.geomspace(_EDGES_GEV[0], _EDGES_GEV[-1], 60)  # between which charm is interpolated


@dataclass(frozen=True)
class Detector:
    """Volume of ice [km³], and the energy from which muons are seen as such [GeV]."""

    volume_km3: float
    least_muon_gev: float


DETECTORS = {"icecube": Detector(1.0, 100.0), "gen2": Detector(8.0, 300.0)}  # thresholds are assumed

# A final state: its cross section, the channel that it is seen in, and the share of the energy that is seen.
Row = tuple[NDArray[np.float64], str, float]


def rows(process: str, flavour: str, anti: bool, least_muon_gev: float) -> list[Row]:
    """The final states of a process for one species, σ per water molecule [cm²] at the cells' energies.

    W production adds hadronic decays to tridents, which have the others. Raises ConfigurationError for an unknown
    process.
    """
    if process == "trident":
        return [row for state in _tridents(flavour) for row in _trident(*state, least_muon_gev)]
    if process == "w_boson":
        hadronic = HADRONS * w_cross_section(_ENERGY, flavour)
        muon = {"nue": 0.0, "numu": 1.0, "nutau": TAU_TO_MUON}[flavour]
        return [(muon * hadronic, "track", 1.0), ((1 - muon) * hadronic, "shower", 1.0)]
    if process == "charm":
        return [(_charm(anti, least_muon_gev), "dimuon", 0.9)] if flavour == "numu" else []
    if process != "scattering":
        raise ConfigurationError(unknown("process", process, PROCESSES))
    charged, neutral = (_NUCLEONS * csms_total(_ENERGY, current, anti) for current in ("cc", "nc"))
    if flavour == "numu":  # charm dimuons are a sample of their own
        return [(charged - _charm(anti, least_muon_gev), "track", 1.0), (neutral, "shower", 0.4)]
    return [(charged, "shower", 1.0 if flavour == "nue" else 0.75), (neutral, "shower", 0.4)]


@cache
def _charm(anti: bool, least_muon_gev: float) -> NDArray[np.float64]:
    """Charm dimuons per water molecule [cm²] at the cells' energies."""
    found = charm_dimuon_cross_section(_CHARM_GEV, antineutrino=anti, least_muon_gev=least_muon_gev)
    open_ = found > 0
    smooth = np.exp(np.interp(np.log(_ENERGY), np.log(_CHARM_GEV[open_]), np.log(found[open_])))
    return _NUCLEONS * np.where(_ENERGY < _CHARM_GEV[open_][0], 0.0, smooth)


def _tridents(flavour: str) -> list[tuple[str, str]]:
    """(tabulated channel, charged leptons) of every final state of a flavour.

    ν_τ's neutral currents to pairs of e and μ are those of ν_μ and ν_e.
    """
    names = [name for name in trident_channels() if name.startswith(f"{flavour}_")]
    if flavour == "nutau":
        names += ["numu_to_numu_e-_e+", "nue_to_nue_mu-_mu+"]
    return [(name, name.partition("_to_")[2]) for name in names]


def _trident(channel: str, leptons: str, least_muon_gev: float) -> list[Row]:
    """A trident by its number of muons, those of τ decays included.

    The three leptons share the energy evenly on average, with all divisions alike: both muons of two lie above a
    threshold m with (1 − 2m/E)².
    """
    sigma = trident_cross_section(_ENERGY, channel)
    made = leptons.split("_")
    direct, taus = (sum(name in (f"{lepton}-", f"{lepton}+") for name in made) for lepton in ("mu", "tau"))
    found: list[Row] = []
    for more in range(taus + 1):
        chance = comb(taus, more) * TAU_TO_MUON**more * (1 - TAU_TO_MUON) ** (taus - more)
        part, muons = chance * sigma, direct + more
        if muons == 2:
            part = part * np.maximum(1 - 2 * least_muon_gev / _ENERGY, 0.0) ** 2
        found.append((part, CHANNELS[2 - muons], 2 / 3))
    return found


# ---- fluxes from below the horizon


@cache
def fluxes() -> dict[str, NDArray[np.float64]]:
    """Neutrinos that reach the detector in each cell of energy, {flux: (3 flavours, ν and ν̄, cells)}.

    conventional, prompt: ∫dE∫dΩ Φ T [cm⁻² s⁻¹]; astrophysical: ∫dΩ T/6 [sr] times NORM_UNIT, still to be multiplied by
    the integrals of a spectrum. T is the transmission of the Earth; without regeneration.
    """
    found = {name: np.zeros((len(FLAVOURS), 2, len(_ENERGY))) for name in FLUXES}
    solid = 2 * np.pi * np.diff(_SKY)
    atmospheric = {name: _atmospheric(name) for name in FLUXES[:2]}
    for anti in (0, 1):
        sigma = csms_total(_ENERGY, "cc", bool(anti)) + csms_total(_ENERGY, "nc", bool(anti))
        seen = mean_transmission(_SKY, sigma) * solid
        for name, flux in atmospheric.items():
            found[name][:2, anti] = (flux[:, anti] * seen).sum(axis=-1) * np.diff(_EDGES_GEV)
        found["astrophysical"][:, anti] = NORM_UNIT / 6 * seen.sum(axis=-1)
    return found


def _atmospheric(component: str) -> NDArray[np.float64]:
    """Flux at the cells' energies [GeV⁻¹ cm⁻² s⁻¹ sr⁻¹], (ν_e and ν_μ, ν and ν̄, energies, cells of the sky).

    Log-log between the nodes of both tables, conventional below 10 TeV from the South Pole's; a power law beyond.
    """
    species = [f"{flavour}{end}" for flavour in FLAVOURS[:2] for end in ("", "bar")]
    table = flux_table("atmosphere", component)
    energy, flux = table.energy_gev, table.of(*species)
    if component == "conventional":
        below = flux_table("honda_south_pole")
        halves = below.of(*species)
        low = halves.reshape(*halves.shape[:2], -1, 2).mean(axis=-1)  # two of its cells are one of the other's
        energy, flux = np.append(below.energy_gev, energy), np.concatenate([low, flux], axis=1)
    upwards = np.log(flux[..., : len(_SKY) - 1])
    spline = make_interp_spline(np.log(energy), upwards, k=1, axis=1)
    return np.exp(spline(np.log(_ENERGY))).reshape(2, 2, len(_ENERGY), -1)


# ---- counts


def _in_bins(share: float, edges_gev: NDArray) -> NDArray[np.float64]:
    """Part of each cell, in log energy, whose visible energy lies in each bin, (cells, bins)."""
    low, high = np.log(share * _EDGES_GEV[:-1, None]), np.log(share * _EDGES_GEV[1:, None])
    cuts = np.log(edges_gev)
    return np.diff(np.clip(cuts, low, high), axis=1) / (high - low)


def event_rates(
    process: str, detector: str, flux: str, channels: Mapping[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Events a second by cell of energy and bin of visible energy, {channel: (3 flavours, cells, bins)}.

    channels: edges of visible energy [GeV]. For the flux "astrophysical" per GeV of the integrals of a spectrum, with
    astro_norm = 1. Raises ConfigurationError for an unknown process or detector.
    """
    if detector not in DETECTORS:
        raise ConfigurationError(unknown("detector", detector, DETECTORS))
    at = DETECTORS[detector]
    targets = at.volume_km3 * _MOLECULES_PER_KM3
    found = {n: np.zeros((len(FLAVOURS), len(_ENERGY), len(edges) - 1)) for n, edges in channels.items()}
    for i, flavour in enumerate(FLAVOURS):
        for anti in (False, True):
            arriving = fluxes()[flux][i, int(anti)] * targets
            for sigma, channel, share in rows(process, flavour, anti, at.least_muon_gev):
                if channel in found:
                    found[channel][i] += (arriving * sigma)[:, None] * _in_bins(share, channels[channel])
    return found


@dataclass(frozen=True, eq=False)
class _Response:
    """Events by flux and cell of energy, {channel: (fluxes × cells, bins)}."""

    matrices: Mapping[str, NDArray[np.float64]]
    parameters: tuple[str, ...] = ()

    def fold(self, weights: NDArray) -> dict[str, NDArray]:
        flat = weights.reshape(len(weights), -1)
        return {name: flat @ matrix for name, matrix in self.matrices.items()}


@generator("dimuon.events")
def events(inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]) -> Weights:
    """Events of one process in the channels dimuon, track and shower, in visible energy (axis energy_gev).

    inputs: livetime_s, process (one of PROCESSES), channel if only one is wanted. Configuration: detector (one of
    DETECTORS). Parameters: conv_norm and prompt_norm of the atmospheric fluxes, astro_norm, astro_gamma. Cells: flux
    and energy.
    """
    binning = {}
    for c in channels:
        if c.name not in CHANNELS or [a.name for a in c.axes] != ["energy_gev"]:
            raise ConfigurationError(f"{c.name}: expected channels {', '.join(CHANNELS)} with the axis energy_gev")
        binning[c.name] = np.asarray(c.axes[0].edges, dtype=float)
    only = inputs.get("channel")
    if only is not None and only not in binning:
        raise ConfigurationError(unknown("channel", str(only), binning))
    binning = binning if only is None else {only: binning[only]}
    livetime, detector, process = float(inputs["livetime_s"]), str(configuration["detector"]), str(inputs["process"])
    rates = [event_rates(process, detector, flux, binning) for flux in FLUXES]
    steep = _ENERGY * (_ENERGY / PIVOT_ENERGY_GEV) ** -_PIVOT_INDEX  # that the shape is of the same size everywhere
    scales = [np.ones_like(steep), np.ones_like(steep), steep]
    matrices = {
        n: livetime * np.concatenate([k[:, None] * r[n].sum(axis=0) for k, r in zip(scales, rates, strict=True)])
        for n in binning
    }
    integrals = bound_power_law(_EDGES_GEV)

    def mix(*, conv_norm: NDArray, prompt_norm: NDArray, astro_norm: NDArray) -> NDArray:
        return np.stack([conv_norm, prompt_norm, astro_norm], axis=1)

    def shape(*, astro_gamma: NDArray) -> NDArray:
        astrophysical = integrals(astro_gamma) / steep
        fixed = np.ones_like(astrophysical)
        return np.stack([fixed, fixed, astrophysical], axis=1)

    return Weights(mix, np.eye(len(FLUXES))[:, :, None], shape, _Response(matrices))
