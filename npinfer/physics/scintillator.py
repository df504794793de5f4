"""A scintillator at a pulsed beam: the light and the arrival times of nuclear recoils.

Source: COHERENT Collaboration, arXiv:2110.07730 and its ancillary files (quenching, resolution, efficiencies).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, gammaln, log_ndtr

from npinfer.errors import ConfigurationError

PION_LIFETIME_US = 0.026033  # PDG 2022
MUON_LIFETIME_US = 2.1969811

_SIZES = {"light_yield": 1, "resolution": 1, "efficiency": 4, "pulse": 2, "time_efficiency": 2}
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


@dataclass(frozen=True)
class Scintillator:
    """What a recoil T looks like.

    quenching: light E_ee [MeV] as a polynomial in T [MeV], coefficients of T, T², ...; light_yield: photo-electrons per
    keV of it; resolution: its number of photo-electrons has a gamma distribution of shape 1 + resolution · E_ee [keV].
    efficiency: a, b, c, d of a/(1 + exp(-b(x - c))) + d at x photo-electrons, 0 where that is negative.
    pulse: mean and width [µs] of the protons' arrival, numbers or arrays that broadcast with times; time_efficiency: 1
    up to a time [µs], then falling at a rate.
    """

    quenching: tuple[float, ...]
    light_yield: float
    resolution: float
    efficiency: tuple[float, float, float, float]
    pulse: tuple[Any, Any]
    time_efficiency: tuple[float, float]

    @classmethod
    def read(cls, inputs: Mapping[str, Any]) -> Scintillator:
        """The detector that the inputs of a generator describe; raises ConfigurationError."""
        found: dict[str, Any] = {}
        for field in fields(cls):
            value, size = inputs[field.name], _SIZES.get(field.name)
            numbers = value if isinstance(value, (list, tuple)) else [value]
            if size not in (None, len(numbers)) or not all(isinstance(v, (int, float)) for v in numbers):
                expected = f"{size} numbers" if size else "numbers"
                raise ConfigurationError(f"{field.name}: found {value!r}, expected {expected}")
            found[field.name] = numbers[0] if size == 1 else tuple(numbers)
        return cls(**found)

    def light_kevee(self, recoil_mev: ArrayLike) -> NDArray[np.float64]:
        """Light of a recoil [keV of electrons], never below 0."""
        t = np.asarray(recoil_mev, dtype=float)
        light = sum(c * t ** (i + 1) for i, c in enumerate(self.quenching))
        return np.maximum(1e3 * np.asarray(light), 0.0)

    def light_shares(self, recoil_mev: NDArray, edges: ArrayLike) -> NDArray[np.float64]:
        """Shares of recoils (n,) that are seen in bins of photo-electrons, (n, bins)."""
        x, weights = _in_bins(np.asarray(edges, dtype=float))
        a, b, c, d = self.efficiency
        seen = np.maximum(a * expit(b * (x - c)) + d, 0.0) * weights
        light = np.maximum(self.light_kevee(recoil_mev), 1e-12)[:, None, None]
        shape = 1 + self.resolution * light
        rate = shape / (self.light_yield * light)
        density = np.exp(shape * np.log(rate) + (shape - 1) * np.log(x) - rate * x - gammaln(shape))
        return np.sum(density * seen, axis=-1)

    def time_shares(self, species: str, edges: ArrayLike) -> NDArray[np.float64]:
        """Shares of a species' neutrinos that are seen in bins of time [µs], (bins,).

        With mean and width of the pulse of shape (batch, 1, 1), (batch, bins).
        """
        return self._seen_in_time(lambda t: self.arrival(t, species), edges)

    def steady_shares(self, edges: ArrayLike) -> NDArray[np.float64]:
        """How what comes at any time is seen to be spread over bins of time [µs], (bins,), of sum 1."""
        seen = self._seen_in_time(np.ones_like, edges)
        return seen / seen.sum()

    def _seen_in_time(self, density: Callable[[NDArray], NDArray], edges: ArrayLike) -> NDArray[Any]:
        """Integrals of a density of times [µs^-1] and its efficiency in bins."""
        edges = np.asarray(edges, dtype=float)
        start, rate = self.time_efficiency
        cuts = np.unique([*edges, *np.clip([start], edges[0], edges[-1])])  # the efficiency bends there
        t, weights = _in_bins(cuts)
        efficiency = np.exp(-rate * np.maximum(t - start, 0.0))
        parts = np.sum(weights * efficiency * density(t), axis=-1)
        return np.add.reduceat(parts, np.searchsorted(cuts, edges[:-1]), axis=-1)

    def arrival(self, time_us: ArrayLike, species: str) -> NDArray[np.float64]:
        """Density of arrival times [µs^-1]: of ν_μ as pions decay, of ν_e and ν̄_μ as their muons do."""
        t = np.asarray(time_us, dtype=float)
        prompt = self._decay(t, PION_LIFETIME_US)
        if species == "numu":
            return prompt
        delayed = self._decay(t, MUON_LIFETIME_US)
        return (MUON_LIFETIME_US * delayed - PION_LIFETIME_US * prompt) / (MUON_LIFETIME_US - PION_LIFETIME_US)

    def _decay(self, time_us: NDArray, lifetime_us: float) -> NDArray[np.float64]:
        """An exponential decay after the Gaussian pulse."""
        mean, width = self.pulse
        ratio, late = width / lifetime_us, (time_us - mean) / width
        return np.exp(ratio**2 / 2 - ratio * late + log_ndtr(late - ratio)) / lifetime_us


def _in_bins(edges: NDArray) -> tuple[NDArray, NDArray]:
    """Gauss-Legendre nodes and weights in each bin, (bins, nodes)."""
    half = np.diff(edges)[:, None] / 2
    return edges[:-1, None] + half * (1 + _NODES), half * _WEIGHTS


def light_and_time(channel: Any) -> tuple[Sequence[float], Sequence[float]]:
    """The edges of a channel's axes, which are photo_electrons and time_us in this order; raises ConfigurationError."""
    names = [axis.name for axis in channel.axes]
    if names != ["photo_electrons", "time_us"]:
        found = ", ".join(names)
        raise ConfigurationError(f"channel {channel.name!r}: found the axes {found}; expected photo_electrons, time_us")
    light, time = (axis.edges for axis in channel.axes)
    return light, time


def timed(channels: Sequence[Any]) -> Any:
    """The only channel with the axis time_us; raises ConfigurationError."""
    found = [channel for channel in channels if any(axis.name == "time_us" for axis in channel.axes)]
    if len(found) != 1:
        names = ", ".join(channel.name for channel in found) or "none"
        raise ConfigurationError(f"expected one channel with the axis time_us; found {names}")
    return found[0]
