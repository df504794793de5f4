"""Reactor antineutrinos in KamLAND: the survival of ν̄_e over many baselines, in bins of prompt energy.

Source: KamLAND Collaboration, arXiv:1009.4771, whose spectrum without oscillation is released with the detector's
resolution in it. A bin's survival is P at E_ν = E_prompt + 0.782 MeV averaged with that spectrum times the resolution,
so that nothing is smeared twice. Reactors of the release weigh number/distance²; matter is the Earth's crust.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import ndtr

from npinfer.errors import ConfigurationError
from npinfer.paths import data_file
from npinfer.physics import matter, two_flavour
from npinfer.physics.registry import generator, with_names

PROMPT_TO_NEUTRINO_MEV = 0.782
RESOLUTION = 0.065  # of √(E/MeV)
STEP_MEV = 0.025  # between energies at which P is averaged: 0.4 of the smallest resolution
MIXING, FLAVOUR = ("dm2_21", "tan2_theta12", "s2_13"), ("s2_23", "delta_cp", "eps0")


def parameters(model: Any) -> tuple[str, ...]:
    """The oscillation parameters that survival depends on: with a model of new interactions, FLAVOUR too."""
    return MIXING if model is None else (*MIXING, *FLAVOUR)


@generator("kamland.reactors")
def reactors(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """Events of reactor antineutrinos in bins of energy_mev, the prompt energy, of the only channel.

    inputs: tables (data folder with reactor.csv and baselines.csv), crust_g_cm3, depth_km (mean, of the way through
    it). Configuration: u1_model and m_zprime. Parameters: dm2_21 [1e-5 eV²], tan2_theta12, s2_13, with a model s2_23,
    delta_cp and eps0; energy_scale, which turns the spectrum R into e R(e E), so that events are conserved.
    """
    channel, edges = _only_axis(channels)
    energy, spectrum = reactor_spectrum(str(inputs["tables"]), edges)
    sites = baselines(str(inputs["tables"]))
    model, mass_ev = matter.configured(configuration)
    radius = matter.earth().radii_km[-1] - float(inputs["depth_km"])
    crust = matter.earth_medium(radius, model, mass_ev, float(inputs["crust_g_cm3"]))
    names = parameters(model)
    scaled = _scaling(edges)

    def counts(*, energy_scale: NDArray, **values: NDArray) -> dict[str, NDArray]:
        potentials = crust.potentials(values.get("eps0", np.zeros(1)), antineutrinos=True)
        a, b2 = two_flavour.hamiltonian(values, energy, potentials)
        survival = sites.survival(a, b2)
        survival = two_flavour.three_flavours(survival, values["s2_13"])
        return {channel: scaled(_times(survival, spectrum), energy_scale)}

    return with_names(counts, (*names, "energy_scale"))


def _only_axis(channels: Sequence[Any]) -> tuple[str, NDArray[np.float64]]:
    """The name and the edges of the only channel, of energy_mev; raises ConfigurationError."""
    axes = [axis for channel in channels for axis in channel.axes]
    if len(channels) != 1 or [axis.name for axis in axes] != ["energy_mev"]:
        raise ConfigurationError("channels: expected one, with the axis energy_mev alone")
    return channels[0].name, np.asarray(axes[0].edges, dtype=float)


def reactor_spectrum(folder: str, edges_mev: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energies of neutrinos [MeV], (energies,), and counts of a bin for P = 1 at each of them alone, (energies, bins).

    Raises ConfigurationError unless the edges are those of the table.
    """
    centre, events = np.loadtxt(data_file(folder, "reactor.csv"), delimiter=",", skiprows=1, usecols=(0, 1)).T
    middle = (edges_mev[1:] + edges_mev[:-1]) / 2
    if len(middle) != len(centre) or np.abs(middle - centre).max() > 1e-6:
        raise ConfigurationError(f"energy_mev: expected the {len(centre)} bins of data/{folder}/reactor.csv")
    number = round((edges_mev[-1] - edges_mev[0]) / STEP_MEV)
    prompt = edges_mev[0] + STEP_MEV * (np.arange(number) + 0.5)
    reach = (edges_mev - prompt[:, None]) / (RESOLUTION * np.sqrt(prompt))[:, None]
    weight = np.interp(prompt, centre, events)[:, None] * np.diff(ndtr(reach), axis=1)
    return prompt + PROMPT_TO_NEUTRINO_MEV, weight * (events / weight.sum(axis=0))


def baselines(folder: str) -> two_flavour.Baselines:
    """Distances of reactors, with the shares of events from them."""
    length, number = np.loadtxt(data_file(folder, "baselines.csv"), delimiter=",", skiprows=1).T
    flux = number / length**2
    return two_flavour.Baselines(length, flux / flux.sum())


def _scaling(edges: NDArray[np.float64]) -> Callable[[NDArray, NDArray], NDArray]:
    """Counts (batch, bins) at scales (batch,): differences of their sum up to e E, a cubic spline, flat outside."""
    basis = CubicSpline(edges, np.eye(len(edges)), bc_type="clamped").c.reshape(-1, len(edges))
    slopes = np.ascontiguousarray(basis.T[1:])  # from the sums up to every edge but the first, where they are 0

    def scaled(counts: NDArray, scale: NDArray) -> NDArray:
        n, bins = counts.shape
        powers = _times(np.cumsum(counts, axis=1), slopes).reshape(n, 4, bins)
        at = scale[:, None] * edges
        at = np.where(at.real < edges[0], edges[0], np.where(at.real > edges[-1], edges[-1], at))
        piece = np.clip(np.searchsorted(edges, at.real, side="right") - 1, 0, bins - 1)
        x = at - edges[piece]
        cubic, square, line, constant = np.take_along_axis(powers, piece[:, None], axis=2).transpose(1, 0, 2)
        return np.diff(((cubic * x + square) * x + line) * x + constant, axis=1)

    return scaled


def _times(values: NDArray, matrix: NDArray[np.float64]) -> NDArray:
    """The product with a real matrix, of complex values part by part."""
    if np.iscomplexobj(values):
        return values.real @ matrix + 1j * (values.imag @ matrix)
    return values @ matrix
