"""Neutrinos with their cross section on nucleons scaled: more interact, and fewer come through the Earth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npinfer.errors import ConfigurationError
from npinfer.physics.absorption import Absorption
from npinfer.physics.registry import Weights, find_generator, generator, parameter_names, with_names
from npinfer.physics.zenith_fold import ZenithFold, added, has_part, own_images


@generator("cross_section.scaled")
def scaled(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """Another generator with the cross section on nucleons scaled in ranges of true energy.

    inputs: `of` (the generator, whose own inputs stand beside) and `scales`, {parameter: [low, high]}: the name of
    σ/σ_CSMS and its energies [GeV]; beyond all ranges it is 1. Charged and neutral currents grow with it and the
    resonance on electrons does not; all are absorbed more. The response holds the absorption of the Standard Model,
    which is divided out. Neutrinos and antineutrinos are absorbed with the mean of their cross sections, which differ
    by less than 8 % from it above 100 TeV. Spectra are single power laws.
    """
    of = find_generator(inputs["of"])(inputs, channels, configuration)
    if not isinstance(of, Weights):
        raise ConfigurationError(f"of: {inputs['of']!r} gives counts; expected a generator of weights on cells")
    ranges = energy_ranges(inputs["scales"])
    parts = [_Part(of, ranges, resonant=r) for r in (False, True) if has_part(of, resonant=r)]

    def counts(**values: NDArray) -> dict[str, NDArray]:
        return added([part(values) for part in parts])

    names = dict.fromkeys(n for part in parts for n in part.fold.names)
    return with_names(counts, tuple({**names, **dict.fromkeys(ranges)}))


@generator("cross_section.scaled_events")
def scaled_events(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., NDArray]:
    """All counts of `cross_section.scaled` together, for a derived quantity."""
    counts = scaled(inputs, channels, configuration)

    def events(**values: NDArray) -> NDArray:
        return np.sum([c.sum(axis=1) for c in counts(**values).values()], axis=0)

    return with_names(events, parameter_names(counts))


class _Part:
    """Interactions with nucleons, which grow with the cross section, or with electrons, which do not."""

    def __init__(self, of: Weights, ranges: Mapping[str, tuple[float, float]], *, resonant: bool) -> None:
        self.fold = ZenithFold(of, own_images(of, resonant=resonant))
        self._resonant, self._names = resonant, tuple(ranges)
        self._absorption = Absorption(self.fold.groups.energy_gev, self.fold.cells.cos_edges)
        self._inside = np.array([share_inside(self.fold.groups.edges_gev, *ends) for ends in ranges.values()])

    def __call__(self, values: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Counts {channel: (batch, bins)}."""
        excess = np.stack([values[n] for n in self._names], axis=1) - 1
        relative = 1 + excess @ self._inside
        ratio = self._absorption.ratio(relative)
        return self.fold.counts(ratio if self._resonant else ratio * relative[:, :, None], values)


def energy_ranges(scales: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, float]]:
    """The input `scales`, {parameter: (low, high)} [GeV], checked; raises ConfigurationError."""
    for name, ends in scales.items():
        if len(ends) != 2 or not 0 < float(ends[0]) < float(ends[1]):
            raise ConfigurationError(f"scales: {name} has {list(ends)} GeV, expected two rising energies")
    return {str(name): (float(low), float(high)) for name, (low, high) in scales.items()}


def share_inside(edges_gev: NDArray, low_gev: float, high_gev: float) -> NDArray[np.float64]:
    """Part of each energy cell inside a range, logarithmically; edges (2, energies) to (energies,).

    >>> share_inside(np.array([[1.0, 10.0], [10.0, 100.0]]), 10.0**0.5, 10.0)
    array([0.5, 0. ])
    """
    clipped = np.log(np.clip(edges_gev, low_gev, high_gev))
    return (clipped[1] - clipped[0]) / np.log(edges_gev[1] / edges_gev[0])
