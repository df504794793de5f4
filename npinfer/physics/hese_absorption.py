"""Simulated events of the HESE release with the cross section on nucleons scaled in ranges of true energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npinfer.errors import ConfigurationError
from npinfer.physics.absorption import Absorption
from npinfer.physics.cross_section_scale import energy_ranges, share_inside
from npinfer.physics.event_weights import EventWeights
from npinfer.physics.flux import PIVOT_ENERGY_GEV
from npinfer.physics.hese_cells import EventPlaces, event_cells
from npinfer.physics.hese_release import RESONANCE
from npinfer.physics.registry import find_generator, generator, parameter_names, with_names

COARSER = 10  # cells of energy taken together, between whose centres the transmission is interpolated


@generator("events.scaled")
def scaled(inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]) -> EventWeights:
    """Another generator of weights on simulated events, with the cross section on nucleons scaled.

    inputs: `of` (the generator, events.astro or another, whose own inputs stand beside) and `scales`, {parameter: [low,
    high]}: the name of σ/σ_CSMS and its energies [GeV], as of `cross_section.scaled`, whose physics this is.
    """
    of = find_generator(str(inputs["of"]))(inputs, channels, configuration)
    if not isinstance(of, EventWeights):
        raise ConfigurationError(f"of: {inputs['of']!r} gives counts; expected a generator of weights on events")
    ranges = energy_ranges(inputs["scales"])
    edges = event_cells().cells.energy_edges_gev[::COARSER]
    absorption = Absorption(np.sqrt(edges[:-1] * edges[1:]), event_cells().cells.cos_edges)
    inside = np.array([share_inside(np.stack([edges[:-1], edges[1:]]), *ends) for ends in ranges.values()])
    energy = PIVOT_ENERGY_GEV * np.exp(of.events.log_energy)
    on = np.array([(energy >= low) & (energy < high) for low, high in ranges.values()], dtype=float)
    on[:, of.events.store.columns["interaction"] == RESONANCE] = 0.0  # on electrons
    places, own = EventPlaces(of.events, edges), () if of.shape is None else parameter_names(of.shape)

    def shape(**values: NDArray) -> NDArray:
        excess = np.stack([values[name] for name in ranges], axis=1) - 1
        through = absorption.ratio(1 + excess @ inside)
        found = (1 + excess @ on) * places(through[:, None, None])
        return found if of.shape is None else found * of.shape(**{n: values[n] for n in own})

    names = tuple(dict.fromkeys((*ranges, *own)))
    return EventWeights(of.events, of.columns, of.factors, of.slope, of.flux, with_names(shape, names))
