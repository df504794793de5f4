"""Forecasts for all neutrino telescopes, running and planned: what IceCube's showers at the resonance become.

Every telescope is taken to see what IceCube's partially contained showers do, in proportion to its volume: the expected
counts of several are those of one with the sum of volume times live time, so that nothing is lost by adding them.
Volumes and years: data/future_telescopes/README.md. Besides showers there is W → μν, a track that starts without one.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from npinfer.errors import ConfigurationError, DataError, unknown
from npinfer.paths import data_file
from npinfer.physics.constants import AVOGADRO, YEAR_S
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.generators import astro, resonance_events
from npinfer.physics.glashow import BRANCHING_RATIOS, cell_average
from npinfer.physics.partially_contained import (
    ICE_DENSITY_G_CM3,
    PartiallyContained,
    effective_volume_km3,
    resonance_area_m2,
)
from npinfer.physics.registry import Weights, generator
from npinfer.physics.structure_functions import Scattering
from npinfer.physics.telescope import Cells

ALL = "all"
# A muon track whose first shower has less than this part of the neutrino's energy seems to start without one, and the
# spread of its reconstructed energy in factors of ten (both approximate).
INVISIBLE_SHOWER = 0.02
TRACK_SPREAD_DEX = 0.22
_PARTS = np.linspace(0, 1, 201)  # of the neutrino's energy, the muon's


@dataclass(frozen=True)
class Telescope:
    """Instrumented volume [km³] and the year from which it takes data."""

    name: str
    volume_km3: float
    start_year: float


@cache
def telescopes() -> tuple[Telescope, ...]:
    """All telescopes of data/future_telescopes, in the order of the table; raises DataError.

    >>> [t.name for t in telescopes()][0]
    'icecube'
    """
    path = data_file("future_telescopes", "telescopes.csv")
    with path.open(newline="", encoding="utf-8") as lines:
        try:
            rows = [(row["name"], float(row["volume_km3"]), float(row["start_year"])) for row in csv.DictReader(lines)]
        except (KeyError, TypeError, ValueError) as error:
            expected = "expected the columns name, volume_km3 and start_year, the last two numbers"
            raise DataError(f"{path}: {expected}; {error!r}") from None
    return tuple(Telescope(*row) for row in rows)


def volume_time_km3_yr(year: float, name: str = ALL) -> float:
    """Volume times live time until the start of a year, of one telescope or of all; raises ConfigurationError.

    >>> volume_time_km3_yr(2026.0, "km3net")
    2.8
    """
    known = {t.name: t for t in telescopes()}
    if name != ALL and name not in known:
        raise ConfigurationError(unknown("telescope", name, (ALL, *known)))
    used = known.values() if name == ALL else [known[name]]
    found = sum(t.volume_km3 * max(year - t.start_year, 0.0) for t in used)
    if not 0 < found < np.inf:
        first = min(t.start_year for t in used)
        raise ConfigurationError(f"year: {name} has taken no data before {year:g}; give a year after {first:g}")
    return found


def _exposed(inputs: Mapping[str, Any], configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a generator, with the sample around the resonance and the live time of 1 km³."""
    volume_time = volume_time_km3_yr(float(configuration["year"]), str(configuration["telescopes"]))
    return {**inputs, "detector": "partially_contained", "livetime_s": volume_time * YEAR_S}


@generator("future.showers")
def showers(inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]) -> Weights:
    """`astro.power_law` in the showers of all telescopes; configuration year, `telescopes` (one name, or all).

    An input `background` stands for the configuration of that name.
    """
    chosen = {**configuration, **{key: inputs[key] for key in ("background",) if key in inputs}}
    return astro(_exposed(inputs, configuration), channels, chosen)


@generator("future.resonance")
def resonance(inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]) -> Weights:
    """`future.showers` of the resonance alone."""
    return resonance_events(_exposed(inputs, configuration), channels, configuration)


@generator("future.tracks")
def tracks(inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]) -> Weights:
    """`astro.power_law` in tracks that start without a shower, one channel of muon energy; configuration as above."""
    exposed = _exposed(inputs, configuration)
    weights = astro(exposed, channels, configuration)
    corrections = {key: bool(configuration[key]) for key in ("isr", "doppler")}
    edges = np.asarray(channels[0].axes[0].edges, dtype=float)
    return replace(weights, response=lone_tracks(weights.response, edges, exposed["livetime_s"], **corrections))


@dataclass(frozen=True, eq=False)
class LoneTracks:
    """A linear operator from weights on `cells` to tracks that start without a shower; made by `lone_tracks`."""

    cells: Cells
    channel: str
    _resonance: NDArray[np.float64]  # (energy, cos, bins): of ν̄_e e → W [cm² s sr]
    _muon: NDArray[np.float64]  # (ν_μ or ν̄_μ, energy, cos, bins): of charged currents
    parameters: tuple[str, ...] = ()

    def fold(self, weights: ArrayLike) -> dict[str, NDArray]:
        """Expected counts {channel: (n, bins)}; weights as those of `PartiallyContained.fold`."""
        full = np.broadcast_to(np.asarray(weights), (len(np.asarray(weights)), *self.cells.shape))
        at = self.cells.species.index, self.cells.interactions.index
        counts = np.einsum("nez,ezb->nb", full[:, at[0]("nuebar"), at[1]("gr")], self._resonance)
        for name, exposure in zip(("numu", "numubar"), self._muon, strict=True):
            counts = counts + np.einsum("nez,ezb->nb", full[:, at[0](name), at[1]("cc")], exposure)
        return {self.channel: counts}


def lone_tracks(
    showers: PartiallyContained, edges_gev: NDArray, livetime_s: float, *, isr: bool = True, doppler: bool = True
) -> LoneTracks:
    """Tracks without a shower where `showers` are seen, in bins of reconstructed muon energy, for a live time [s].

    W → μν leaves a muon with part z of the energy, of density 3 (1 − z)², and nothing else; W → τν → μννν is left out.
    Charged currents of ν_μ look like it if y < INVISIBLE_SHOWER.
    """
    cells, volume = showers.cells, effective_volume_km3(showers.cells)
    energy = np.sqrt(cells.energy_edges_gev[:-1] * cells.energy_edges_gev[1:])
    exposure = showers.exposure_ratio * livetime_s * 2 * np.pi * np.diff(cells.cos_edges) * 1e4  # m² → cm² s sr
    sigma = cell_average(cells.energy_edges_gev, isr=isr, doppler=doppler)
    resonant = BRANCHING_RATIOS["mu"] * resonance_area_m2(cells, volume, sigma) * exposure
    share = np.diff(1 - (1 - _PARTS) ** 3)
    middle = (_PARTS[1:] + _PARTS[:-1]) / 2
    from_w = np.einsum("p,epb->eb", share, reconstructed_track(np.multiply.outer(energy, middle), edges_gev))
    per_km3 = 1e15 * ICE_DENSITY_G_CM3 * AVOGADRO * 1e-4  # nucleons, and cm² → m²
    seen = reconstructed_track(energy, edges_gev)
    target = per_km3 * volume * exposure
    elastic = [csms_total(energy, "cc", anti) * _elastic_share(energy, anti) for anti in (False, True)]
    muon = np.stack([(target * sigma[:, None])[..., None] * seen[:, None] for sigma in elastic])
    return LoneTracks(cells, showers.channel, resonant[..., None] * from_w[:, None], muon)


def reconstructed_track(energy_gev: NDArray, edges_gev: NDArray) -> NDArray[np.float64]:
    """Probability of each bin of reconstructed energy for muons, (..., bins): log-normal, TRACK_SPREAD_DEX wide.

    >>> reconstructed_track(np.array([1e6]), np.array([1.0, 1e6, 1e12]))
    array([[0.5, 0.5]])
    """
    position = (np.log10(edges_gev) - np.log10(energy_gev)[..., None]) / TRACK_SPREAD_DEX
    return np.diff(ndtr(position), axis=-1)


def _elastic_share(energy_gev: NDArray, antineutrino: bool) -> NDArray[np.float64]:
    """Part of the charged currents with an invisible shower, of the shape of `energy_gev`."""
    log_energy, share = _elastic_table(antineutrino)
    return np.interp(np.log(energy_gev), log_energy, share)


@cache
def _elastic_table(antineutrino: bool) -> tuple[NDArray, NDArray]:
    energy = np.geomspace(1e4, 1e9, 11)
    return np.log(energy), Scattering("cc", antineutrino).share_below(energy, INVISIBLE_SHOWER)
