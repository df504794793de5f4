"""Millicharged particles in a detector: expected events of each way to make them, as a function of ε.

At load the flux of one mass is carried to the detector for many ε (loss of energy from every direction, exact in ε)
and scattered there. Between them ln(events/ε^p) is interpolated by monotone cubics in ln ε, to 1e-3 up to ε = 0.03
and 2 % where events vanish beyond; p = 4 for a single recoil and 6 for several, whose powers hold for small ε.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from npinfer.errors import ConfigurationError, unknown
from npinfer.physics.millicharge import bremsstrahlung, detection, drell_yan, earth_loss, mesons
from npinfer.physics.millicharge.kinematics import KINETIC_EDGES_GEV, KINETIC_GEV
from npinfer.physics.registry import generator

COMPONENTS = (*mesons.MESONS, "bremsstrahlung", "drell_yan")
POLES = ("decays", "bremsstrahlung")
SIGNATURES = {"single": 4, "multiple": 6}  # power of ε where it is small
MASSES_GEV = (1e-3, 10.0)
LOG_EPSILON = np.linspace(np.log(1e-5), 0.0, 116)
NOTHING = 1e-290  # events over ε^p that stand for none
MEV_GEV = 1e-3

_EPSILON2 = np.exp(2 * LOG_EPSILON)
_FIRST, _STEP = float(LOG_EPSILON[0]), float(LOG_EPSILON[1] - LOG_EPSILON[0])
_LEAST = math.exp(_FIRST)


# ---- flux


@lru_cache(maxsize=64)
def chi_flux(component: str, mass_gev: float, poles: str) -> NDArray[np.float64]:
    """χ and χ̄ per ε² in each cell of kinetic energy [cm^-2 s^-1 sr^-1], (cells,); raises ConfigurationError.

    poles: where ρ and ω count: "decays" (of mesons, and bremsstrahlung without pairs of their mass) or "bremsstrahlung"
    (and ρ → χχ̄ and ω → χχ̄ give nothing).
    """
    if component not in COMPONENTS:
        raise ConfigurationError(unknown("component", component, COMPONENTS))
    if poles not in POLES:
        raise ConfigurationError(unknown("poles", poles, POLES))
    if component == "bremsstrahlung":
        return bremsstrahlung.chi_flux(mass_gev, poles=poles == component)
    if component == "drell_yan":
        return drell_yan.chi_flux(mass_gev)
    counted_there = poles == "bremsstrahlung" and component in ("rho", "omega")
    return mesons.chi_flux(component, mass_gev) * (not counted_there)


# ---- Earth and detector


@lru_cache(maxsize=2)
def transport(mass_gev: float, depth_km: float, rock_g_cm3: float) -> NDArray[np.float64]:
    """Solid angle [sr] from which χ of a cell of kinetic energy arrives in a cell, (ε, from, to).

    What arrives is shared by the two nearest cells, linearly in the logarithm of the kinetic energy.
    """
    columns, angles = earth_loss.columns(depth_km, rock_g_cm3)
    n = len(KINETIC_GEV)
    width = np.log(KINETIC_EDGES_GEV[1] / KINETIC_EDGES_GEV[0])
    source = np.broadcast_to(np.arange(n) * n, (len(columns), n))
    result = np.empty((len(_EPSILON2), n, n))
    for i, epsilon2 in enumerate(_EPSILON2):
        left = earth_loss.energy_behind(mass_gev + KINETIC_GEV, columns[:, None], np.sqrt(epsilon2)) - mass_gev
        at = np.log(np.maximum(left, 1e-9) / KINETIC_GEV[0]) / width
        there = at >= 0
        cell = np.minimum(np.where(there, at, 0.0).astype(int), n - 2)
        part = np.where(there, at - cell, 0.0)
        solid = np.where(there, angles[:, None], 0.0)
        total = np.bincount((source + cell).ravel(), ((1 - part) * solid).ravel(), n * n)
        total += np.bincount((source + cell + 1).ravel(), (part * solid).ravel(), n * n)
        result[i] = total.reshape(n, n)
    return result


def seen(
    found: detection.Detector, mass_gev: float, edges_gev: NDArray[np.float64], signature: str
) -> NDArray[np.float64]:
    """Probability that χ of a cell of kinetic energy on a random chord is counted, (ε, cells, bins).

    "single": one or more recoils in the range of the edges, shared among the bins as their cross sections, where the
    ionisation on the chord and in the layers around goes unnoticed. "multiple": two or more recoils above the only
    edge, where the ionisation in the layers around does.
    """
    energy = mass_gev + KINETIC_GEV
    length, probability = found.paths
    per_cm = _EPSILON2[:, None] * found.electrons_cm3  # (ε, 1)
    if signature == "multiple":
        mean = per_cm * detection.cross_section(energy, mass_gev, edges_gev[0])
        quiet = detection.unnoticed(_EPSILON2[:, None], found.veto_path_cm, found)
        return (quiet * (detection.two_or_more(mean[..., None] * length) @ probability))[..., None]
    bins = detection.cross_section(energy[:, None], mass_gev, edges_gev[:-1], edges_gev[1:])  # (cells, bins)
    window = bins.sum(axis=1)
    shares = bins / np.where(window > 0, window, 1.0)[:, None]
    quiet = detection.unnoticed(_EPSILON2[:, None, None], found.veto_path_cm + length, found)
    counted = (detection.one_or_more((per_cm * window)[..., None] * length) * quiet) @ probability
    return counted[..., None] * shares


@lru_cache(maxsize=4)
def response(name: str, mass_gev: float, edges_gev: tuple[float, ...], signature: str) -> NDArray[np.float64]:
    """Area times solid angle [cm² sr] in which χ of a cell at the surface is counted, (ε, bins, cells)."""
    found = detection.detector(name)
    counted = seen(found, mass_gev, np.array(edges_gev), signature)
    carried = transport(mass_gev, found.depth_km, found.rock_g_cm3)
    return np.asarray(np.swapaxes(found.mean_area_cm2 * (carried @ counted), 1, 2))


# ---- generators


@generator("millicharge.events")
def events(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """χ of one component in the only channel, by recoil energy, or with two recoils or more in its only bin.

    inputs: component (COMPONENTS), detector (DETECTORS), signature ("single", whose axis is recoil_mev, or "multiple",
    of one bin), livetime_s. Configuration: m_chi [GeV], poles, threshold_mev of "multiple". Parameter: epsilon, none
    where the component makes no χ of this mass. Raises ConfigurationError.
    """
    signature = str(inputs["signature"])
    if signature not in SIGNATURES:
        raise ConfigurationError(unknown("signature", signature, tuple(SIGNATURES)))
    mass, (channel, edges) = _mass(configuration), _window(channels, configuration, signature)
    flux = chi_flux(str(inputs["component"]), mass, str(configuration.get("poles", POLES[0])))
    power = SIGNATURES[signature]
    area = response(str(inputs["detector"]), mass, edges, signature)
    rate = _EPSILON2[:, None] * (area @ flux) * float(inputs["livetime_s"])
    scaled = rate * np.exp(-power * LOG_EPSILON)[:, None]
    if not scaled.any():
        nothing = np.zeros((1, scaled.shape[1]))
        return lambda: {channel: nothing}
    curves = _Curves(np.log(np.maximum(scaled, NOTHING)))
    return lambda *, epsilon: {channel: (epsilon**power)[:, None] * np.exp(curves(epsilon))}


@generator("millicharge.epsilon_squared")
def epsilon_squared(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., NDArray]:
    """ε², in which limits are published."""
    return lambda *, epsilon: np.square(epsilon)


class _Curves:
    """Monotone cubics in ln ε through values at LOG_EPSILON, (ε, bins); constant below; of complex ε too."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self._pieces = np.ascontiguousarray(np.moveaxis(PchipInterpolator(LOG_EPSILON, values).c, 1, 0))
        self._last = len(self._pieces) - 1  # of the intervals, (intervals, 4, bins)

    def __call__(self, epsilon: NDArray) -> NDArray:
        """(batch, bins)."""
        if len(epsilon) == 1:  # plain numbers are faster than arrays of one
            one: Any = epsilon.item()
            logarithm = cmath.log if isinstance(one, complex) else math.log
            x: Any = logarithm(one) if one.real > _LEAST else _FIRST
            at: Any = min(int((x.real - _FIRST) / _STEP), self._last)
            third, second, first, constant = self._pieces[at]
            t: Any = x - _FIRST - at * _STEP
            return (((third * t + second) * t + first) * t + constant)[None]
        x = np.log(np.where(epsilon.real > _LEAST, epsilon, _LEAST))
        at = np.minimum(((x.real - _FIRST) / _STEP).astype(int), self._last)
        t, piece = (x - _FIRST - at * _STEP)[:, None], self._pieces[at]
        return ((piece[:, 0] * t + piece[:, 1]) * t + piece[:, 2]) * t + piece[:, 3]


def _mass(configuration: Mapping[str, Any]) -> float:
    mass, (low, high) = configuration.get("m_chi"), MASSES_GEV
    if not isinstance(mass, float) or not low <= mass <= high:
        raise ConfigurationError(f"m_chi: found {mass!r}, expected a mass in GeV from {low:g} to {high:g}")
    return mass


def _window(
    channels: Sequence[Any], configuration: Mapping[str, Any], signature: str
) -> tuple[str, tuple[float, ...]]:
    """The channel's name, and edges of recoil energies [GeV], or the threshold alone."""
    (channel,) = channels
    axes = {axis.name: axis.edges for axis in channel.axes}
    if signature == "multiple":
        threshold = configuration.get("threshold_mev")
        if channel.bins != 1 or not isinstance(threshold, float) or not 0 < threshold < np.inf:
            raise ConfigurationError(
                f"channel {channel.name!r}: several recoils are counted in one bin, above a positive threshold_mev; "
                f"found {channel.bins} bins and {threshold!r}"
            )
        return channel.name, (MEV_GEV * threshold,)
    if list(axes) != ["recoil_mev"] or not axes["recoil_mev"][0] > 0:
        raise ConfigurationError(f"channel {channel.name!r}: expected the axis recoil_mev alone, above 0")
    return channel.name, tuple((MEV_GEV * np.asarray(axes["recoil_mev"], dtype=float)).tolist())
