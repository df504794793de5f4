"""Simulated templates: counts with the variance of the simulated events that they were summed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from npinfer.core.dataset import check_counts
from npinfer.core.template import Channel
from npinfer.errors import ConfigurationError
from npinfer.likelihood.tables import DataFolder, Events, read_events, read_template


class Simulated(NamedTuple):
    """A sample whose counts were simulated: its simulation, Σw² (bins,), and the events where they are known."""

    sample: str
    simulation: str
    variance: np.ndarray
    events: Events | None


def read_simulated(
    name: str, entry: Mapping[str, Any], channels: Sequence[Channel], folder: DataFolder, exposure: float
) -> tuple[np.ndarray, Simulated | None]:
    """The counts (bins,) of a sample with a template, and its simulation if its variance is known.

    A template of events knows it, and belongs to the simulation named like its file if none is declared; one of counts
    has it declared, and a simulation of its own. Raises ConfigurationError or DataError.
    """
    template = entry["template"]
    if isinstance(template, Mapping) and isinstance(template.get("events"), str):
        if "variance" in entry:
            raise ConfigurationError("variance is for a template of counts; events have that of their weights")
        read = read_events(template, channels, folder)
        events = read._replace(weights=exposure * read.weights)
        simulation = entry.get("simulation", events.file)
        return _histogram(events, template["weight"], channels), _of_events(name, simulation, events, channels)
    counts = exposure * read_template(template, channels, folder)
    if "variance" in entry:
        variance = exposure**2 * read_template(entry["variance"], channels, folder, "variance")
        return counts, Simulated(name, entry.get("simulation", name), variance, None)
    if "simulation" in entry:
        raise ConfigurationError("a simulation needs its variance, Σ weight² in each bin: add variance")
    return counts, None


def _of_events(name: str, simulation: str, events: Events, channels: Sequence[Channel]) -> Simulated:
    squares = events._replace(weights=events.weights**2)
    return Simulated(name, simulation, squares.histogram(sum(c.bins for c in channels)), events)


def _histogram(events: Events, weight: str, channels: Sequence[Channel]) -> np.ndarray:
    """Summed weights in all bins, (bins,); raises DataError where they are negative."""
    counts, start = events.histogram(sum(c.bins for c in channels)), 0
    for c in channels:
        where = f"channel {c.name!r}: the summed weights {weight} of {events.file}"
        check_counts(counts[start : start + c.bins], c.bins, where)
        start += c.bins
    return counts


def shared_events(members: Sequence[Simulated]) -> tuple[str, ...]:
    """Notes on samples that read the same events but declare separate simulations."""
    notes = []
    for i, a in enumerate(members):
        for b in members[:i]:
            if a.events is None or b.events is None or a.events.file != b.events.file:
                continue
            if a.simulation != b.simulation and np.any(a.events.weights * b.events.weights):
                notes.append(
                    f"samples {b.sample!r} and {a.sample!r} weight the same events of {a.events.file} but declare "
                    "separate simulations: their variances are added as if they were independent"
                )
    return tuple(notes)
