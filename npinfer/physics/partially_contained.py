"""IceCube's partially contained showers (PEPE) around the Glashow resonance, in reconstructed visible energy.

Signal: W decays to hadrons, electrons and taus, in an effective volume that has the shape in energy and zenith of the
high-energy starting events and is scaled to one exposure. Background: showers of deep-inelastic scattering, the same
multiple of those among the starting events. Sources and approximations: data/icecube_pepe/README.md.

Visible energies of W decays are folded with the resolution here. Those of the background come from tables of
reconstructed energy, which contain the resolution already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from npinfer.errors import ConfigurationError, DataError, ParameterError, unknown
from npinfer.paths import data_file
from npinfer.physics.constants import AVOGADRO, Z_OVER_A_WATER
from npinfer.physics.earth import mean_transmission
from npinfer.physics.flavour import SPECIES
from npinfer.physics.glashow import (
    BRANCHING_RATIOS,
    CASCADE_SHARES,
    HADRONIC_VISIBLE_MEAN,
    cell_average,
    visible_energy_cdf,
)
from npinfer.physics.telescope import MORPHOLOGIES, Cells, Response, load_response

FOLDER = "icecube_pepe"
CONTAINED = "icecube_hese"  # the sample whose response gives all shapes
# ∫ A dE of W → hadrons over EXPOSURE_WINDOW_GEV, A averaged over the sky, with the Born cross section; ±10 %.
EXPOSURE_M2_GEV = 2.2e9
EXPOSURE_WINDOW_GEV = (4e6, 1e7)  # true energy
RESOLUTION = 0.12  # of the reconstructed visible energy, relative: 0.72 of 6.05 PeV
# Fluctuation of a hadronic shower's light alone, relative to its mean (approximate). The resolution is added to it.
HADRONIC_FLUCTUATION = 0.04
ICE_DENSITY_G_CM3 = 0.917

# What of deep-inelastic scattering looks like the signal: (species, interaction). Muons of ν_μ are tracks.
_NEUTRAL = tuple((species, "nc") for species in SPECIES)
_TAU = (("nutau", "cc"), ("nutaubar", "cc"))
BACKGROUNDS: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "all": (("nue", "cc"), ("nuebar", "cc"), *_TAU, *_NEUTRAL),
        "no_nue_cc": (*_TAU, *_NEUTRAL),
        "nc": _NEUTRAL,
    }
)


@dataclass(frozen=True, eq=False)
class PartiallyContained:
    """A linear operator from weights on `cells` to expected counts; made by `load_partially_contained`.

    exposure_ratio: this sample over the starting events, for the same livetime and interactions.
    """

    cells: Cells
    channel: str
    exposure_ratio: float
    _resonance_exposure: NDArray[np.float64]  # (energy, cos) of ν̄_e e → W, any decay [cm^2 s sr]
    _resonance_bins: NDArray[np.float64]  # (energy, bins): part of the W decays that is seen in each bin
    _showers: NDArray[np.float64]  # (species, interaction, 1, 1), exposure_ratio or 0
    _contained: Response
    parameters: tuple[str, ...] = ()

    def fold(self, weights: ArrayLike) -> dict[str, NDArray]:
        """Expected counts {channel: (n, bins)}.

        weights: (n, *cells.shape) or what broadcasts to it: the flux integrated over each cell's energies and averaged
            over its cos zenith [cm^-2 s^-1 sr^-1], times any ratio of cross sections or transmissions.
        A complex type is kept. Raises ParameterError for wrong shapes.
        """
        w = np.asarray(weights)
        shape = self.cells.shape
        if w.ndim != 5 or any(n not in (1, full) for n, full in zip(w.shape[1:], shape, strict=True)):
            raise ParameterError(f"weights: found shape {w.shape}, expected (n, {', '.join(map(str, shape))})")
        full = np.broadcast_to(w, (len(w), *shape))
        resonant = full[:, self.cells.species.index("nuebar"), self.cells.interactions.index("gr")]
        signal = np.einsum("nez,ez->ne", resonant, self._resonance_exposure) @ self._resonance_bins
        showers = self._contained.fold(w * self._showers)
        return {self.channel: signal + sum(showers.values())}


def load_partially_contained(
    *,
    livetime_s: float,
    channels: Mapping[str, Mapping[str, NDArray[np.float64]]],
    background: str = "no_nue_cc",
    isr: bool = True,
    doppler: bool = True,
) -> PartiallyContained:
    """The response of the partially contained sample, for a livetime [s] and one channel of visible energy.

    channels: {"any name": {"energy_gev": edges}}; the published search looked at 4 to 8 PeV.
    background: deep-inelastic showers that pass: "all" (ν_e and ν_τ charged currents, all neutral currents),
        "no_nue_cc" (a hadronic shower is required) or "nc".
    isr, doppler: corrections of the resonant cross section. The scale EXPOSURE_M2_GEV belongs to the Born cross section
        and is set with it, so that they change the counts as they change the cross section.
    Raises ConfigurationError for an unknown background, DataError for other axes or bins beyond the tables.
    """
    if background not in BACKGROUNDS:
        raise ConfigurationError(unknown("background", background, BACKGROUNDS))
    channel, edges = _visible_axis(channels)
    contained = load_response(
        CONTAINED, livetime_s=livetime_s, channels={name: {"energy_gev": edges} for name in MORPHOLOGIES}
    )
    cells = contained.cells
    volume = effective_volume_km3(cells)
    born = resonance_area_m2(cells, volume, cell_average(cells.energy_edges_gev))
    ratio = EXPOSURE_M2_GEV / (BRANCHING_RATIOS["hadrons"] * _integral(cells, born))
    corrected = cell_average(cells.energy_edges_gev, isr=isr, doppler=doppler)
    per_area = livetime_s * 2 * np.pi * np.diff(cells.cos_edges) * 1e4  # m^2 → cm^2 s sr
    showers = np.zeros((*cells.shape[:2], 1, 1))
    for species, interaction in BACKGROUNDS[background]:
        showers[cells.species.index(species), cells.interactions.index(interaction)] = ratio
    return PartiallyContained(
        cells=cells,
        channel=channel,
        exposure_ratio=ratio,
        _resonance_exposure=ratio * per_area * resonance_area_m2(cells, volume, corrected),
        _resonance_bins=_resonance_bins(cells, edges),
        _showers=showers,
        _contained=contained,
    )


def reconstructed(visible_gev: ArrayLike, edges_gev: ArrayLike) -> NDArray[np.float64]:
    """Probability of each bin of reconstructed energy, (m, bins), for showers of visible energy (m,).

    A Gaussian error of RESOLUTION. Rows sum to 1 but for what falls beyond the first and last edge.

    >>> reconstructed([6e6], [0, 6e6, 2e7])
    array([[0.5, 0.5]])
    """
    edges = np.asarray(edges_gev, dtype=float)
    return np.diff(ndtr((edges / np.asarray(visible_gev, dtype=float)[:, None] - 1) / RESOLUTION), axis=1)


def _visible_axis(channels: Mapping[str, Mapping[str, NDArray]]) -> tuple[str, NDArray[np.float64]]:
    if len(channels) != 1:
        raise DataError(f"{FOLDER}: found the channels {', '.join(channels) or 'none'}, expected a single one")
    (name, axes), *_ = channels.items()
    if set(axes) != {"energy_gev"}:
        raise DataError(f"{name}: found the axes {', '.join(axes) or 'none'}, expected energy_gev alone")
    return name, np.asarray(axes["energy_gev"], dtype=float)


def effective_volume_km3(cells: Cells) -> NDArray[np.float64]:
    """Volume of ice in which starting showers are selected, times absorption by nucleons of the Earth, (energy, cos).

    It is held constant beyond the ends of the table, 1 and 30 PeV.
    """
    table = np.loadtxt(data_file(FOLDER, "effective_volume.csv"), delimiter=",", skiprows=1)
    if table.shape[1] != cells.shape[3] + 1:
        found = f"{table.shape[1] - 1} directions, the response of {CONTAINED} has {cells.shape[3]}"
        raise DataError(f"{FOLDER}: effective_volume.csv has {found}; run build.py")
    at = np.log(_centres(cells))
    nodes = np.log(table[:, 0])
    return np.exp([np.interp(at, nodes, np.log(column)) for column in table[:, 1:].T]).T


def resonance_area_m2(cells: Cells, volume_km3: NDArray, sigma_cm2: NDArray) -> NDArray[np.float64]:
    """Effective area of ν̄_e e → W for all decays, (energy, cos), with the resonance's own absorption in the Earth."""
    electrons = 1e15 * ICE_DENSITY_G_CM3 * AVOGADRO * Z_OVER_A_WATER * volume_km3
    transmitted = mean_transmission(cells.cos_edges, 0.0 * sigma_cm2, electron_cross_section_cm2=sigma_cm2)
    return electrons * transmitted * sigma_cm2[:, None] * 1e-4


def _integral(cells: Cells, area: NDArray) -> float:
    """∫ A dE over EXPOSURE_WINDOW_GEV, of the mean over the sky of A (energy, cos)."""
    edges = cells.energy_edges_gev
    sky = area @ np.diff(cells.cos_edges) / 2
    below = np.concatenate([[0.0], np.cumsum(sky * np.diff(edges))])
    low, high = np.interp(EXPOSURE_WINDOW_GEV, edges, below)
    return float(high - low)


def _resonance_bins(cells: Cells, edges_gev: NDArray) -> NDArray[np.float64]:
    """Part of all W decays that is reconstructed in each bin, (energy, bins).

    Steps of 0.005 dex of visible energy, much finer than the resolution.
    """
    low, high = np.log10(edges_gev[0] / 3), np.log10(edges_gev[-1] * 3)
    nodes = 10 ** np.linspace(low, high, 2 + int((high - low) / 0.005))
    fraction = nodes / _centres(cells)[:, None]
    modes = {mode: BRANCHING_RATIOS[mode] * share for mode, share in CASCADE_SHARES.items() if share > 0}
    steps = sum(share * np.diff(_visible_cdf(fraction, mode), axis=1) for mode, share in modes.items())
    return np.asarray(steps @ reconstructed(np.sqrt(nodes[:-1] * nodes[1:]), edges_gev))


def _visible_cdf(fraction: NDArray, mode: str) -> NDArray[np.float64]:
    """As `visible_energy_cdf`, whose hadronic spread contains a detector's resolution; here it must not."""
    if mode == "hadrons":
        return ndtr((fraction / HADRONIC_VISIBLE_MEAN - 1) / HADRONIC_FLUCTUATION)
    return visible_energy_cdf(fraction, mode)


def _centres(cells: Cells) -> NDArray[np.float64]:
    return np.sqrt(cells.energy_edges_gev[:-1] * cells.energy_edges_gev[1:])
