"""Fluxes that are given on cells, at the energies and directions of simulated events.

The cells are fine in energy. Between their centres ln of a weight is linear in ln E where the weight is smooth, which
is exact for power laws but for the width of the cells (1e-4); elsewhere, as at a line, events take that of their cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npinfer.errors import ConfigurationError
from npinfer.physics.event_weights import KINDS, EventSet, EventWeights
from npinfer.physics.flavour import SPECIES
from npinfer.physics.flux import PIVOT_ENERGY_GEV
from npinfer.physics.registry import Weights, parameter_names, with_names
from npinfer.physics.telescope import INTERACTIONS, Cells

STEP_DEX = 0.01
REACH_LOG10_GEV = (2.0, 10.0)
STEEPEST = 1.0  # change of ln weight between neighbouring cells, up to which it is smooth


@dataclass(frozen=True)
class EventCells:
    """In place of a telescope's response: cells, without the parameters of a detector."""

    cells: Cells
    parameters: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def event_cells() -> EventCells:
    """The cells on which generators give weights for simulated events: ten of cos zenith, and fine ones of energy."""
    low, high = REACH_LOG10_GEV
    edges = np.logspace(low, high, round((high - low) / STEP_DEX) + 1)
    return EventCells(Cells(SPECIES, INTERACTIONS, edges, np.linspace(-1, 1, 11)))


def on_events(bound: Any, events: EventSet, livetime_s: float, flux: int) -> EventWeights:
    """Weights on the cells of `event_cells` as weights of events; flux: as of `EventWeights`.

    Raises ConfigurationError for anything but one `Weights` on these cells.
    """
    if not isinstance(bound, Weights) or not isinstance(bound.response, EventCells):
        raise ConfigurationError("generator: expected one of weights on a telescope's cells, such as astro.power_law")
    places = EventPlaces(events, bound.response.cells.energy_edges_gev)
    widths = np.diff(bound.response.cells.energy_edges_gev)[:, None]
    columns = livetime_s * events.store.columns["weight"] * places(bound.pattern / widths).real
    names, further = parameter_names(bound.mix), parameter_names(bound.shape)

    def factors(**values: NDArray) -> NDArray:
        mix = bound.mix(**values)
        return np.concatenate([np.repeat(mix[:, :, None], len(SPECIES), axis=2), 0 * mix[:, :, None]], axis=2)

    def shape(**values: NDArray) -> NDArray:
        return places(bound.shape(**values))

    assert KINDS == len(SPECIES) + 1
    if further:
        return EventWeights(events, columns, with_names(factors, names), None, flux, with_names(shape, further))
    constant: Callable[..., NDArray] = bound.shape
    return EventWeights(events, columns * places(constant()).real, with_names(factors, names), None, flux)


class EventPlaces:
    """Where events stand among the cells of `event_cells`, with other edges of energy."""

    def __init__(self, events: EventSet, energy_edges_gev: NDArray[np.float64]) -> None:
        c, centres = events.store.columns, np.log(energy_edges_gev[:-1] * energy_edges_gev[1:]) / 2
        cos_edges = event_cells().cells.cos_edges
        log_energy = events.log_energy + np.log(PIVOT_ENERGY_GEV)
        self._neutrino = c["kind"] < len(SPECIES)
        self._species = np.minimum(c["kind"], len(SPECIES) - 1).astype(np.intp)
        self._interaction = np.maximum(c["interaction"].astype(np.intp) - 1, 0)
        self._cos = np.clip(np.searchsorted(cos_edges, c["cos_zenith"], side="right") - 1, 0, len(cos_edges) - 2)
        self._low = np.clip(np.searchsorted(centres, log_energy) - 1, 0, len(centres) - 2)
        self._share = (log_energy - centres[self._low]) / np.diff(centres)[self._low]

    def __call__(self, weights: NDArray) -> NDArray:
        """Weights on cells (n, species, interaction, energy, cos zenith), or of axes of length 1, at the events."""
        low, high = (self._taken(weights, self._low + i) for i in (0, 1))
        positive = (low.real > 0) & (high.real > 0)
        logs = [np.log(np.where(positive, v, 1.0)) for v in (low, high)]
        smooth = positive & (np.abs((logs[1] - logs[0]).real) < STEEPEST)
        between = np.exp(logs[0] + self._share * (logs[1] - logs[0]))
        found: NDArray = np.where(smooth, between, np.where(self._share < 0.5, low, high))
        return found * self._neutrino

    def _taken(self, weights: NDArray, energy: NDArray[np.intp]) -> NDArray:
        index = (self._species, self._interaction, energy, self._cos)
        return weights[:, *(i if size > 1 else 0 * i for i, size in zip(index, weights.shape[1:], strict=True))]
