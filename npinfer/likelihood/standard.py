"""A likelihood in HistFactory's terms: histograms with standard modifiers, and what cannot be said with them.

What has no standard modifier is held at a point: its effect becomes part of the counts (CERN-OPEN-2012-016).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from npinfer.likelihood.cells import SINGLE, Cells
from npinfer.likelihood.held import CODES, hold, in_pulls, is_linear
from npinfer.likelihood.modifiers import NONE, Histogram, Modifier
from npinfer.likelihood.placed import PlacedGroup
from npinfer.likelihood.roles import Role, Roles
from npinfer.likelihood.terms import Expectation, Group, Sample

if TYPE_CHECKING:
    from npinfer.likelihood.binned import BinnedLikelihood

NUMBER = re.compile(r"(_\d+|\[\d+\])$")  # of its bin, at the end of a parameter's name


@dataclass(frozen=True)
class Standard:
    """Histograms whose modifiers are standard ones, of the parameters that live on.

    roles: what those act as, {position: role}; frozen: why each of the others is held, {position: reason}.
    """

    histograms: tuple[Histogram, ...]
    roles: Mapping[int, Role]
    frozen: Mapping[int, str]


def standard(likelihood: BinnedLikelihood, point: np.ndarray) -> Standard:
    """The likelihood in HistFactory's terms, with all that it cannot say held at `point` (parameters,)."""
    collector = _Collector(likelihood, point)
    found = Roles(likelihood, collector.histograms, collector.frozen)
    held = np.zeros(len(point), dtype=bool)
    held[list(found.frozen)] = True
    pulls = {i: (role.offset, role.scale) for i, role in found.roles.items() if role.translated}
    histograms = (in_pulls(hold(h, held, point), pulls) for h in collector.histograms)
    return Standard(tuple(histograms), found.roles, found.frozen)


@dataclass(frozen=True)
class _Place:
    """Where a group of samples stands: before its names, its parameters' positions, its channels and their bins."""

    prefix: str
    at: np.ndarray
    channels: Sequence[tuple[str, slice]]


class _Collector:
    """Gathers the histograms of all samples, and why some parameters cannot live on: their very samples say so."""

    def __init__(self, likelihood: BinnedLikelihood, point: np.ndarray) -> None:
        self._names, self._point = likelihood.parameters.names, point
        self._single = likelihood.constraints.single
        self.histograms: list[Histogram] = []
        self.frozen: dict[int, str] = {}
        self._bins_of: dict[str, list[int]] = {}  # positions of the parameters of a name
        edges = np.cumsum([0, *(c.bins for c in likelihood.channels)]).tolist()
        channels = [(c.name, slice(*edges[i : i + 2])) for i, c in enumerate(likelihood.channels)]
        for group in likelihood.model.groups:
            self._add(group, _Place("", np.arange(len(point)), channels))

    def _add(self, group: Expectation, place: _Place) -> None:
        if isinstance(group, PlacedGroup):
            inner, name, at, part = group.placing
            channels = [
                (channel, slice(own.start - part.start, own.stop - part.start))
                for channel, own in place.channels
                if part.start <= own.start < part.stop
            ]
            self._add(inner, _Place(f"{place.prefix}{name}.", place.at[at], channels))
        elif isinstance(group, Cells):
            self._add_cells(group, place)
        elif isinstance(group, Group):
            for sample in group.samples:
                self._add_sample(sample, group, place)
        else:
            self._add_whole(group, place)

    def _named(self, m: Modifier) -> Modifier:
        """The modifier under the name of its parameter, or what the names of its bins' parameters begin with."""
        name = self._names[int(m.at[m.at != NONE][0])]
        return replace(m, name=NUMBER.sub("", name) if m.kind in SINGLE else name)

    # ---- workspaces

    def _add_cells(self, cells: Cells, place: _Place) -> None:
        """Histograms of a workspace; what it interpolates by another code than is meant without a word is held."""
        histograms, codes = [], dict(zip(("normsys", "histosys"), cells.codes, strict=True))
        for h in cells.histograms:
            modifiers = (replace(m, at=np.where(m.at == NONE, NONE, place.at[m.at])) for m in h.modifiers)
            own = tuple(map(self._named, modifiers))
            mine = replace(h, sample=place.prefix + h.sample, channel=place.prefix + h.channel, modifiers=own)
            for m in own:
                code = codes.get(m.kind, CODES[0])
                if code not in CODES and not (m.kind == "histosys" and is_linear(mine, m)):
                    self.frozen[int(m.at[0])] = f"it is interpolated by {code}, which a workspace cannot say"
            histograms.append(mine)
        held = np.zeros(len(self._point), dtype=bool)
        held[list(self.frozen)] = True
        self.histograms += [hold(h, held, self._point, cells.codes) for h in histograms]

    def _add_whole(self, group: Expectation, place: _Place) -> None:
        """The counts of a model that does not say what varies them."""
        for i in place.at.tolist():
            self.frozen.setdefault(i, "a wrapped model reads it, and its modifiers are not known")
        for name, (counts,) in group.expected(self._point[None, place.at], contracted=True).items():
            for channel, part in place.channels:
                self.histograms.append(Histogram(place.prefix + name, channel, counts[part], ()))

    # ---- samples

    def _add_sample(self, sample: Sample, group: Group, place: _Place) -> None:
        name, local = place.prefix + sample.name, self._point[place.at]
        for i in place.at[sample.at].tolist():
            self.frozen.setdefault(i, f"the generator of sample {name!r} reads it")
        base, factor, factors = sample.source.counts(local[None, sample.at])[0], 1.0, []
        for i, power in sample.scale:
            at = int(place.at[i])
            if power == 1:
                factors.append(self._named(Modifier("normfactor", "", np.array([at]))))
            else:
                factor *= float(self._point[at] ** power)
                self.frozen.setdefault(at, f"sample {name!r} is scaled by its power {power:g}")
        for channel, part in place.channels:
            shifts = self._shifts(sample, base, factor, place, part)
            modifiers = (*factors, *shifts, *self._norm(group, place, part))
            self.histograms.append(Histogram(name, channel, base[part] * factor, modifiers))

    def _shifts(
        self, sample: Sample, base: np.ndarray, factor: float, place: _Place, part: slice
    ) -> Iterator[Modifier]:
        """The histosys in the bins of one channel; one that moves nothing anywhere stays, for its constraint."""
        for term in sample.shape:
            up, down = (term.shift(np.array([side]))[0][0] for side in (1.0, -1.0))
            if up[part].any() or down[part].any() or not (up.any() or down.any()):
                shapes = ((base[part] + shift[part]) * factor for shift in (up, down))
                yield self._named(Modifier("histosys", "", place.at[[term.parameter]], *shapes))

    def _norm(self, group: Group, place: _Place, part: slice) -> Iterator[Modifier]:
        """The normsys in the bins of one channel, and the factors of single ones."""
        norm = group.norm
        for i, up, down, mask in zip(norm.at, norm.up, norm.down, norm.masks, strict=True):
            if mask[part].any():
                yield self._named(Modifier("normsys", "", place.at[[i]], np.array([up]), np.array([down])))
        for gamma in norm.gammas:
            inside = (gamma.bins >= part.start) & (gamma.bins < part.stop)
            if inside.any():
                at = np.full(part.stop - part.start, NONE)
                at[gamma.bins[inside] - part.start] = place.at[gamma.at[inside]]
                own = [self._single.get(self._names[i]) for i in at[at != NONE].tolist()]
                kind = "shapesys" if any(c is not None and c.kind == "poisson" for c in own) else "staterror"
                yield self._distinct(self._named(Modifier(kind, "", at)))

    def _distinct(self, m: Modifier) -> Modifier:
        """The modifier under a name that no other has for other parameters: those shared by members have odd names."""
        name, own = m.name, m.at.tolist()
        while self._bins_of.setdefault(name, own) != own:
            name += "_"
        return replace(m, name=name)
