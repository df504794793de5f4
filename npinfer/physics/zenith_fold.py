"""Counts where absorption in the Earth is itself a parameter.

A basis of shapes in energy and zenith would need a hundred vectors there. Instead the cells are summed over species and
interactions once, and every evaluation folds energies to bins for each true zenith, then smears the zenith.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npinfer.errors import ConfigurationError
from npinfer.physics.generators import StartingEvents
from npinfer.physics.registry import Weights, parameter_names
from npinfer.physics.telescope import Cells, Response

SCALE_NODES = 5  # counts are the polynomial in the energy scale through as many folds
MIDDLE_SCALE, HALF_SCALES = 1.0, 0.25  # energy scales from 0.75 to 1.25
FEWEST = 1e-12  # events in a bin: what absorption leaves none of is not negative by rounding
FINE_BELOW_GEV = 1.2e7  # above, where few events come from, GROUPED parent cells are one
GROUPED = 4
# The spectrum inside one group of cells: astrophysical and atmospheric.
AT = {"astro_gamma": 2.7, "cr_delta_gamma": 0.0}


@dataclass(frozen=True, eq=False)
class Groups:
    """Energy cells that are taken together: first cell of each (groups,), edges (2, groups) and mean energy [GeV].

    impulses: (groups, energy cells), the spectrum of one group each, with a sum of 1.
    """

    starts: NDArray[np.intp]
    edges_gev: NDArray[np.float64]
    impulses: NDArray[np.float64]

    @property
    def energy_gev(self) -> NDArray[np.float64]:
        """Geometric means, (groups,)."""
        return np.sqrt(self.edges_gev.prod(axis=0))


Images = Callable[[Groups], Iterable[NDArray]]


class ZenithFold:
    """Counts of the components of `Weights`, each times any factor of energy and true zenith.

    The shape of the weights depends on the energy alone. Inside a group of energies the factor is constant and the
    spectrum has the form of AT.

    cells: those of the telescope; groups: of energies; components: those of the weights that have any counts.
    """

    def __init__(self, weights: Weights, images: Images) -> None:
        """images: of the groups, for each component of the weights, what they send to the cells, (groups, *cells).

        Raises ConfigurationError for weights on another kind of detector or of another shape.
        """
        if not isinstance(weights.response, StartingEvents):
            raise ConfigurationError("absorption in the Earth is a parameter for the detector 'starting' alone")
        if unfit := [n for n in parameter_names(weights.shape) if n not in AT]:
            raise ConfigurationError(f"absorption in the Earth is a parameter of power laws alone; found {unfit[0]}")
        self._weights, self._response = weights, weights.response.response
        self._mix_names, self._shape_names = parameter_names(weights.mix), parameter_names(weights.shape)
        self.cells: Cells = self._response.cells
        self.groups = self._grouped()
        nodes = np.cos(np.pi * (np.arange(SCALE_NODES) + 0.5) / SCALE_NODES)
        table = self._folded(images(self.groups), MIDDLE_SCALE + HALF_SCALES * nodes)
        (self.components,) = np.nonzero(table.any(axis=(1, 2, 3, 4)))
        powers = np.linalg.inv(nodes[:, None] ** np.arange(SCALE_NODES))
        table = np.tensordot(powers, table[self.components], (1, 1))  # (powers, components, groups, zenith, bins)
        k, e, z, n = table.shape[1:]
        self._table = np.ascontiguousarray(table.transpose(3, 1, 2, 0, 4)).reshape(z, k * e, SCALE_NODES * n)

    def _grouped(self) -> Groups:
        starts = _starts(self._response)
        edges = np.append(starts, self.cells.shape[2])
        owner = np.searchsorted(starts, np.arange(self.cells.shape[2]), side="right") - 1
        inside = self._spectrum({n: np.array([AT[n]]) for n in self._shape_names})[0]
        impulses = (owner == np.arange(starts.size)[:, None]) * (inside / np.bincount(owner, inside)[owner])
        return Groups(starts, self.cells.energy_edges_gev[np.stack([edges[:-1], edges[1:]])], impulses)

    def _folded(self, images: Iterable[NDArray], scales: NDArray) -> NDArray:
        """Counts with unit flux in each group, (components, scales, groups, zenith, energy bins)."""
        found = []
        for image in images:
            folds = self._response.by_true_zenith(image, scales)
            found.append([np.concatenate(list(fold.values()), axis=2) for fold in folds])
        ends = np.cumsum([counts.shape[2] for counts in folds[0].values()])
        self._bins = {name: slice(e - n.shape[2], e) for e, (name, n) in zip(ends, folds[0].items(), strict=True)}
        return np.array(found)

    def _spectrum(self, values: Mapping[str, NDArray]) -> NDArray:
        """The shape of the weights, (batch, energy cells)."""
        found = self._weights.shape(**{n: values[n] for n in self._shape_names})
        return found[:, 0, 0, :, 0]

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that `counts` reads."""
        return tuple(dict.fromkeys((*self._mix_names, *self._shape_names, "energy_scale")))

    def counts(self, factor: NDArray, values: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Counts {channel: (batch, bins)} of the weights times a factor (batch, groups, zenith).

        values: those of `names`, (batch,) each. A complex type of anything is kept.
        """
        mix = self._weights.mix(**{n: values[n] for n in self._mix_names})[:, self.components]
        spectrum = np.add.reduceat(self._spectrum(values), self.groups.starts, axis=1)
        by_cell = (spectrum[:, :, None] * factor).transpose(2, 0, 1)  # (zenith, batch, groups)
        weights = (mix[None, :, :, None] * by_cell[:, :, None, :]).reshape(*by_cell.shape[:2], -1)
        position = (values["energy_scale"] - MIDDLE_SCALE) / HALF_SCALES
        powers = position[:, None] ** np.arange(SCALE_NODES)
        folded = self._fold(weights).reshape(*weights.shape[:2], SCALE_NODES, -1)
        by_zenith = np.einsum("zbpn,bp->bzn", folded, powers)
        counts = self._response.smear({name: by_zenith[:, :, part] for name, part in self._bins.items()})
        return {name: np.where(found.real < FEWEST, FEWEST, found) for name, found in counts.items()}

    def _fold(self, weights: NDArray) -> NDArray:
        """The product of weights (zenith, batch, components · groups) with the table."""
        if not np.iscomplexobj(weights):
            return weights @ self._table
        real, steps = weights.real, weights.imag  # two real products are faster than a complex one
        if np.array_equal(real, np.broadcast_to(real[:, :1], real.shape)):  # complex steps of one point
            real = real[:, :1]
        both = np.concatenate([real, steps], axis=1) @ self._table
        return both[:, : real.shape[1]] + 1j * both[:, real.shape[1] :]


def added(parts: Sequence[Mapping[str, NDArray]]) -> dict[str, NDArray]:
    """The sums of several counts of the same channels."""
    first, *others = parts
    return {name: sum((part[name] for part in others), counts) for name, counts in first.items()}


def own_images(weights: Weights, *, resonant: bool) -> Images:
    """The images of weights on their own cells: of the resonance on electrons alone, or of all but that."""
    patterns = _patterns(weights, resonant)
    return lambda groups: (groups.impulses[:, None, None, :, None] * pattern for pattern in patterns)


def has_part(weights: Weights, *, resonant: bool) -> bool:
    """Whether any of the weights are on the resonance, or on anything else."""
    return bool(_patterns(weights, resonant).any())


def _patterns(weights: Weights, resonant: bool) -> NDArray:
    """The patterns of the weights on the resonance alone, or without it."""
    wanted = [(i == "gr") == resonant for i in weights.response.cells.interactions]
    return weights.pattern * np.array(wanted, dtype=float)[:, None, None]


def _starts(response: Response) -> NDArray[np.intp]:
    """The first energy cell of each group of parent cells."""
    low = response.cells.energy_edges_gev[response.parents]
    above = np.flatnonzero(low >= FINE_BELOW_GEV)
    return response.parents[[*np.flatnonzero(low < FINE_BELOW_GEV), *above[::GROUPED]]]
