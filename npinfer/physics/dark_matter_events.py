"""Decays of dark matter on the cells of a telescope at the South Pole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npinfer.errors import ConfigurationError
from npinfer.physics import dark_matter as dm
from npinfer.physics.generators import detector
from npinfer.physics.registry import Weights, generator

RATE_UNIT_PER_S = 1e-29
LONGEST = 1e6  # lifetime that stands for a vanishing rate, in 1e29 s
SCALE_KPC = (10.0, 30.0)  # of the scale radius, where the column is a polynomial of degree COLUMN_NODES - 1
COLUMN_NODES = 6


@generator("dark_matter.decay")
def decay(inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]) -> Weights:
    """Neutrinos of decaying dark matter, Galactic and extragalactic.

    inputs: those of `generators.detector`. Configuration: m_dm [GeV], `channel` (nubar_psi, nubar_nubar,
    nu_nubar_nubar), `symmetric` (as many decays of the antiparticle) and `electroweak` (radiation, see
    `dark_matter.radiated`). Parameters: dm_rate (1e29 s over the lifetime), dm_density (at the Sun, GeV/cm³) and
    dm_scale (radius of the halo, kpc).
    """
    mass = float(configuration["m_dm"])
    if not 1e5 <= mass <= 1e9:
        raise ConfigurationError(f"m_dm is a mass of 1e5 to 1e9 GeV; found {mass:g}")
    at = detector(inputs, channels, configuration)
    energy, number = _spectrum(mass, configuration)
    edges, species = at.cells.energy_edges_gev, at.cells.species
    share = _species(str(configuration["channel"]), bool(configuration["symmetric"]), species)
    galactic = dm.galactic_shares(energy, number, edges)
    outside = dm.extragalactic_shares(energy, number, edges) * dm.extragalactic_intensity(mass, 1 / RATE_UNIT_PER_S)
    columns, powers = _columns(at.cells.cos_edges)
    by_zenith = dm.galactic_intensity(mass, 1 / RATE_UNIT_PER_S, columns)  # (powers, zenith)
    own = share[:, None, None, None]
    pattern = np.concatenate(
        [
            own * galactic[:, None] * by_zenith[:, None, None, None, :],
            (own * outside[:, None] * np.ones(by_zenith.shape[1]))[None],
        ]
    )

    def mix(*, dm_rate: NDArray, dm_density: NDArray, dm_scale: NDArray) -> NDArray:
        position = (dm_scale - np.mean(SCALE_KPC)) / (np.ptp(SCALE_KPC) / 2)
        halo = (dm_rate * dm_density)[:, None] * position[:, None] ** powers
        return np.concatenate([halo, dm_rate[:, None]], axis=1)

    return Weights(mix, pattern, lambda: np.ones((1, 1, 1, 1, 1)), at)


@generator("dark_matter.lifetime")
def lifetime(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., NDArray]:
    """The lifetime in 1e29 s, at most LONGEST."""
    return lambda *, dm_rate: 1 / np.where(np.real(dm_rate) < 1 / LONGEST, 1 / LONGEST, dm_rate)


def _spectrum(mass_gev: float, configuration: Mapping[str, Any]) -> tuple[NDArray, NDArray]:
    """Energies [GeV] and numbers of one neutrino's spectrum, (points,)."""
    x, share = dm.decay_spectrum(str(configuration["channel"]))
    if configuration["electroweak"]:
        kept, probability = dm.radiated(mass_gev / 2)
        x, share = np.multiply.outer(x, kept).ravel(), np.multiply.outer(share, probability).ravel()
    used = x * mass_gev > 1e3  # far below what any telescope here selects
    return x[used] * mass_gev / 2, share[used]


def _species(channel: str, symmetric: bool, species: Sequence[str]) -> NDArray:
    """Neutrinos of each species a decay."""
    own, other = dm.CHANNELS[channel]
    numbers = ((own + other) / 2,) * 2 if symmetric else (own, other)
    return np.array([numbers[name.endswith("bar")] / 3 for name in species])


def _columns(cos_edges: NDArray) -> tuple[NDArray, NDArray]:
    """Columns per local density 1 as coefficients (powers, zenith) of the scaled radius in [−1, 1], and the powers."""
    powers = np.arange(COLUMN_NODES)
    nodes = np.cos(np.pi * (powers + 0.5) / COLUMN_NODES)
    radii = np.mean(SCALE_KPC) + np.ptp(SCALE_KPC) / 2 * nodes
    columns = np.array([dm.Halo(r, 1.0).column_at_pole(cos_edges) for r in radii])
    return np.linalg.solve(nodes[:, None] ** powers, columns), powers
