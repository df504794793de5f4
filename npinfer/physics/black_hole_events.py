"""Black holes in a volume of ice and under an array of antennas, by the muons or τ that they radiate.

Source: Mack, Song, Vincent, arXiv:1912.06656 (signatures). A neutrino telescope sees a cascade with through-going muons
beside it; an array of antennas sees the τ of neutrinos that skim the Earth decay in the air, two or more together from
one black hole ("N-bang"). What neutrinos do otherwise, charged currents with one muon or τ, may stand beside it.

A flux is a power law in energy up to where it ends. Rates are tabulated over 1/M_D, which is 0 without a signal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.special import pdtr

from npinfer.errors import ConfigurationError, ParameterError, unknown
from npinfer.physics.black_hole import LEPTON_SHARE, Gravity, mean_multiplicity, spectrum
from npinfer.physics.constants import AVOGADRO, ICE_DENSITY_G_CM3, M_TAU_GEV
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.flux import PIVOT_ENERGY_GEV
from npinfer.physics.registry import generator

BACKGROUNDS = ("none", "standard_model")
ROCK_DENSITY_G_CM3 = 2.65
TAU_DECAY_CM = 8.703e-3  # cτ, PDG 2022
TAU_LOSS_CM2_G = 8e-7  # energy loss of τ in rock per energy, at 1e9 GeV, approximate
TAU_OF_SCATTERING = 0.8  # mean share of a charged current's energy
LEAST_SHOWER_GEV = 1e8  # of a τ whose decay antennas see
EARTH_RADIUS_CM = 6.371e8
LARGEST_INVERSE_TEV = 1.0  # of 1/M_D

_INVERSE = np.linspace(0.0, LARGEST_INVERSE_TEV, 129)
_ENERGIES, _ENERGY_WEIGHTS = (a / 2 for a in np.polynomial.legendre.leggauss(64))
_ANGLES, _ANGLE_WEIGHTS = np.polynomial.legendre.leggauss(24)


@dataclass(frozen=True)
class Flux:
    """Sum of all flavours at 100 TeV [GeV⁻¹ cm⁻² s⁻¹ sr⁻¹], index, and the energies looked at [GeV].

    Raises ParameterError for a level that is not above 0, or energies outside the tables of cross sections.
    """

    level: float
    index: float
    least_gev: float
    most_gev: float

    def __post_init__(self) -> None:
        _positive("flux", self.level)
        if not 50 < self.least_gev < self.most_gev <= 5e11:
            found = f"{self.least_gev:g} to {self.most_gev:g}"
            raise ParameterError(f"energies of the flux: found {found} GeV, expected a range within 50 to 5e11 GeV")

    def __call__(self, energy_gev: ArrayLike) -> NDArray[np.float64]:
        return self.level * (np.asarray(energy_gev) / PIVOT_ENERGY_GEV) ** -self.index


def _positive(name: str, value: float) -> None:
    if not 0 < value < np.inf:
        raise ParameterError(f"{name}: found {value:g}, expected a number above 0")


# Nucleons times solid angle [sr] for neutrino energies and those of the lepton that is to be seen, broadcast.
Targets = Callable[[NDArray, NDArray], NDArray]


def ice(volume_km3: float) -> Targets:
    """A volume of ice under half of the sky, without absorption above it; raises ParameterError unless above 0."""
    _positive("volume_km3", volume_km3)
    nucleons = 2 * np.pi * volume_km3 * 1e15 * ICE_DENSITY_G_CM3 * AVOGADRO
    return lambda energy, lepton: nucleons + 0.0 * lepton


def skimmed_rock(area_km2: float, below_horizon_deg: float) -> Targets:
    """Rock from which τ leave upwards through an area, for neutrinos up to an angle below the horizon.

    The depth is the range of τ, limited by decay and loss of energy; neutrinos are absorbed along their chord (charged
    and neutral currents, no regeneration). τ below LEAST_SHOWER_GEV are not seen. ∫2π s ds over s, the sine of the
    angle. Raises ParameterError for an area or angle that is not above 0.
    """
    _positive("area_km2", area_km2)
    _positive("below_horizon_deg", below_horizon_deg)
    sine = np.sin(np.radians(below_horizon_deg)) * (1 + _ANGLES) / 2
    weights = 2 * np.pi * sine * np.sin(np.radians(below_horizon_deg)) * _ANGLE_WEIGHTS / 2

    def targets(energy: NDArray, lepton: NDArray) -> NDArray:
        absorbed = ROCK_DENSITY_G_CM3 * AVOGADRO * (
            csms_total(energy, "cc", antineutrino=False) + csms_total(energy, "nc", antineutrino=False)
        )
        seen = np.exp(-absorbed[..., None] * 2 * EARTH_RADIUS_CM * sine) @ weights
        column = ROCK_DENSITY_G_CM3 * tau_range_cm(lepton) * AVOGADRO
        return np.where(lepton >= LEAST_SHOWER_GEV, area_km2 * 1e10 * seen * column, 0.0)

    return targets


def tau_range_cm(energy_gev: ArrayLike) -> NDArray[np.float64]:
    """Range of τ in rock [cm], of the shape of `energy_gev`: 1/(1/decay length + ρβ), approximate.

    >>> round(float(tau_range_cm(1e9)) / 1e5, 1)
    4.3
    """
    decay = np.asarray(energy_gev, dtype=float) / M_TAU_GEV * TAU_DECAY_CM
    return 1 / (1 / decay + ROCK_DENSITY_G_CM3 * TAU_LOSS_CM2_G)


def multiplicity_shares(mean: ArrayLike, edges: ArrayLike) -> NDArray[np.float64]:
    """Probability of each bin of a Poisson number, the last one open, (..., bins).

    >>> multiplicity_shares(1.0, [0, 1, 2, 9]).round(3)
    array([0.368, 0.368, 0.264])
    """
    below = np.asarray(edges, dtype=float)[:-1] - 1
    under = np.where(below < 0, 0.0, pdtr(np.maximum(below, 0.0), np.asarray(mean, dtype=float)[..., None]))
    return np.diff(np.append(under, np.ones_like(under[..., :1]), axis=-1), axis=-1)


def black_hole_rates(
    m_d_gev: ArrayLike, model: Gravity, flux: Flux, targets: Targets, edges: ArrayLike
) -> NDArray[np.float64]:
    """Events a second by the number of muons (or of τ) radiated, (M_D, bins), for M_D [GeV] of shape (M_D,).

    Their mean is ⟨N⟩ times LEPTON_SHARE; each has the energy E/⟨N⟩. 0 where the threshold lies above the flux's end.
    """
    m_d = np.asarray(m_d_gev, dtype=float)
    low = np.log(np.maximum(model.threshold_gev(m_d), flux.least_gev))[:, None]
    span = np.maximum(np.log(flux.most_gev) - low, 0.0)
    energy = np.exp(np.minimum(low, np.log(flux.most_gev)) + span * (0.5 + _ENERGIES))
    mass, sigma = spectrum(energy, m_d[:, None], model)
    number = mean_multiplicity(mass, m_d[:, None, None], model.dimensions)
    rate = (flux(energy) * energy * span * _ENERGY_WEIGHTS)[..., None] * sigma
    rate = rate * targets(energy[..., None], energy[..., None] / number)
    return np.einsum("meu,meub->mb", rate, multiplicity_shares(LEPTON_SHARE * number, edges))


def scattering_rates(flux: Flux, targets: Targets, edges: ArrayLike, lepton: str) -> NDArray[np.float64]:
    """Events a second of ordinary neutrinos by their number of muons ("mu") or τ ("tau"), (bins,).

    Of muons: a third of charged currents has one, the other interactions none. Of τ: a third of charged currents; none
    without.
    """
    span = np.log(flux.most_gev / flux.least_gev)
    energy = flux.least_gev * np.exp(span * (0.5 + _ENERGIES))
    charged, neutral = (
        sum(csms_total(energy, current, anti) for anti in (False, True)) / 2 for current in ("cc", "nc")
    )
    measure = flux(energy) * energy * span * _ENERGY_WEIGHTS * targets(energy, TAU_OF_SCATTERING * energy)
    one = float(measure @ charged) / 3
    none = float(measure @ (2 / 3 * charged + neutral)) if lepton == "mu" else 0.0
    return none * multiplicity_shares(0.0, edges) + one * multiplicity_of_one(edges)


def multiplicity_of_one(edges: ArrayLike) -> NDArray[np.float64]:
    """1 in the bin that holds the number 1, (bins,)."""
    return np.histogram([1.0], np.asarray(edges, dtype=float))[0].astype(float)


class RateTable:
    """Rates as a function of 1/M_D [TeV⁻¹] from 0 to LARGEST_INVERSE_TEV, analytic between nodes.

    A cubic spline of their fourth roots, which start gently where rates do.
    """

    def __init__(self, rates: Callable[[NDArray], NDArray]) -> None:
        """rates: of M_D [GeV], (M_D,) to (M_D, bins)."""
        found = rates(1e3 / _INVERSE[1:])
        roots = np.concatenate([np.zeros((1, found.shape[1])), found**0.25])
        self._pieces = CubicSpline(_INVERSE, roots).c

    def __call__(self, inverse_tev: NDArray) -> NDArray:
        """(batch,) to (batch, bins), keeping a complex type."""
        place = np.clip(inverse_tev.real / _INVERSE[1], 0, len(_INVERSE) - 2).astype(int)
        beyond = (inverse_tev - _INVERSE[place])[:, None]
        cubic, square, slope, start = self._pieces[:, place]
        root = start + beyond * (slope + beyond * (square + beyond * cubic))
        return (root * root) ** 2


# ---- generators


@dataclass(frozen=True, eq=False)
class _Search:
    """What inputs and configuration say: flux, targets, the lepton and the edges of its number."""

    flux: Flux
    targets: Targets
    lepton: str
    channel: str
    edges: NDArray[np.float64]
    livetime_s: float


def _search(inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]) -> _Search:
    (channel,) = channels
    names = {"muons": "mu", "taus": "tau"}
    if len(channel.axes) != 1 or channel.axes[0].name not in names:
        raise ConfigurationError(f"{channel.name}: expected a single axis, muons or taus")
    flux = Flux(
        float(inputs["flux"]),
        float(configuration["gamma"]),
        float(configuration["least_energy"]),
        float(inputs["most_energy_gev"]),
    )
    if "volume_km3" in inputs:
        targets = ice(float(inputs["volume_km3"]))
    else:
        targets = skimmed_rock(float(inputs["area_km2"]), float(inputs["below_horizon_deg"]))
    edges = np.asarray(channel.axes[0].edges, dtype=float)
    return _Search(flux, targets, names[channel.axes[0].name], channel.name, edges, float(inputs["livetime_s"]))


@generator("black_hole.events")
def events(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """Black holes by the number of muons or τ (axis muons or taus of the only channel).

    inputs: livetime_s; flux (all flavours at 100 TeV), most_energy_gev; volume_km3 of ice, or area_km2 and
    below_horizon_deg of an array. Configuration: extra_dimensions, x_min, radius, trapped (`black_hole.Gravity`), gamma
    and least_energy of the flux. Parameter: inverse_m_d [1/TeV].
    """
    at = _search(inputs, channels, configuration)
    dimensions = float(configuration["extra_dimensions"])
    if dimensions != int(dimensions):
        raise ConfigurationError(f"extra_dimensions: found {dimensions:g}, expected a whole number from 1 to 6")
    model = Gravity(
        int(dimensions), float(configuration["x_min"]), str(configuration["radius"]), float(configuration["trapped"])
    )
    table = RateTable(lambda m_d: at.livetime_s * black_hole_rates(m_d, model, at.flux, at.targets, at.edges))
    return lambda *, inverse_m_d: {at.channel: table(inverse_m_d)}


@generator("black_hole.scattering")
def scattering(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """Ordinary interactions of the same neutrinos, as of `black_hole.events`; none with background=none."""
    at = _search(inputs, channels, configuration)
    kind = str(configuration["background"])
    if kind not in BACKGROUNDS:
        raise ConfigurationError(unknown("background", kind, BACKGROUNDS))
    counts = at.livetime_s * scattering_rates(at.flux, at.targets, at.edges, at.lepton)
    counts = counts if kind == "standard_model" else 0.0 * counts
    return lambda: {at.channel: counts[None]}

