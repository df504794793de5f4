"""What members of a joint likelihood expect, placed among the bins and parameters of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from npinfer.core.parameter import Parameters
from npinfer.likelihood.binned import BinnedLikelihood, Derived
from npinfer.likelihood.statistic import Variance
from npinfer.likelihood.terms import Curved, Expectation


@dataclass(frozen=True)
class _Named:
    """A sample under the name it has in the joint likelihood."""

    name: str


class PlacedGroup:
    """A member's group of samples, with its bins and parameters placed among those of the joint likelihood."""

    def __init__(self, group: Expectation, prefix: str, at: np.ndarray, part: slice, bins: int) -> None:
        self._group, self._prefix, self._at, self._part, self._bins = group, prefix, at, part, bins
        self.samples: tuple[_Named, ...] = tuple(_Named(f"{prefix}.{s.name}") for s in group.samples)

    @property
    def placing(self) -> tuple[Expectation, str, np.ndarray, slice]:
        """The member's group, its name, and where its parameters and bins stand."""
        return self._group, self._prefix, self._at, self._part

    @property
    def kinks(self) -> np.ndarray:
        """Positions of parameters in which derivatives jump at zero, among the joint's."""
        return self._at[self._group.kinks]

    @property
    def curved(self) -> bool:
        """Whether the member's second derivatives are known."""
        return self._group.curved

    def add_curvature(self, points: np.ndarray, weights: np.ndarray, total: np.ndarray) -> None:
        """Add Σ_bins weight · ∂²counts to `total` (batch, parameters, parameters); weights: (batch, bins)."""
        n, k = len(points), len(self._at)
        own = np.zeros((n, k, k))
        cast(Curved, self._group).add_curvature(points.take(self._at, axis=1), weights[:, self._part], own)
        np.add.at(total, (np.arange(n)[:, None, None], self._at[:, None], self._at), own)

    def expected(self, points: np.ndarray, *, contracted: bool) -> dict[str, np.ndarray]:
        """{sample: (batch, bins)} at points of all the joint's parameters."""
        found = {}
        for name, counts in self._group.expected(points.take(self._at, axis=1), contracted=contracted).items():
            whole = np.zeros((len(points), self._bins))
            whole[:, self._part] = counts
            found[f"{self._prefix}.{name}"] = whole
        return found

    def add_counts(self, points: np.ndarray, total: np.ndarray) -> None:
        """Add the expected counts to `total` (batch, bins)."""
        self._group.add_counts(points.take(self._at, axis=1), total[:, self._part])

    def add_jacobian(self, points: np.ndarray, total: np.ndarray, jacobian: np.ndarray) -> None:
        """Add the expected counts to `total` and their derivatives to `jacobian` (batch, parameters, bins)."""
        _add_placed(self._group.add_jacobian, points, total, jacobian, (self._at, self._part))


class PlacedVariance:
    """A member's Monte-Carlo variance, with its bins and parameters placed among those of the joint likelihood."""

    def __init__(self, variance: Variance, at: np.ndarray, part: slice) -> None:
        self._variance, self._at, self._part = variance, at, part

    def add_variance(self, points: np.ndarray, total: np.ndarray) -> None:
        """Add the variance to `total` (batch, bins)."""
        self._variance.add_variance(points.take(self._at, axis=1), total[:, self._part])

    def add_variance_jacobian(self, points: np.ndarray, total: np.ndarray, jacobian: np.ndarray) -> None:
        """Add the variance to `total` and its derivatives to `jacobian` (batch, parameters, bins)."""
        _add_placed(self._variance.add_variance_jacobian, points, total, jacobian, (self._at, self._part))


def _add_placed(
    add: Callable[[np.ndarray, np.ndarray, np.ndarray], None],
    points: np.ndarray,
    total: np.ndarray,
    jacobian: np.ndarray,
    place: tuple[np.ndarray, slice],
) -> None:
    """Let `add` add values and derivatives where a member's parameters and bins stand in the joint likelihood."""
    at, bins = place
    part = total[:, bins]
    slopes = np.zeros((len(points), len(at), part.shape[1]))
    add(points.take(at, axis=1), part, slopes)
    for j, i in enumerate(at):  # two parameters of a member may have become one
        jacobian[:, i, bins] += slopes[:, j]


def _positions(m: BinnedLikelihood, parameters: Parameters, new_name: Mapping[str, str]) -> np.ndarray:
    """Where a member's parameters stand among the joint's."""
    return np.array([parameters.index(new_name.get(n, n)) for n in m.parameters.names], dtype=np.intp)


def placed_groups(
    members: Sequence[BinnedLikelihood], parameters: Parameters, new_name: Mapping[str, str]
) -> list[PlacedGroup]:
    """The members' groups, in their order."""
    bins, start, placed = sum(m.bins for m in members), 0, []
    for m in members:
        at, part = _positions(m, parameters, new_name), slice(start, start + m.bins)
        placed += [PlacedGroup(group, m.name, at, part, bins) for group in m.model.groups]
        start += m.bins
    return placed


def placed_variances(
    members: Sequence[BinnedLikelihood], parameters: Parameters, new_name: Mapping[str, str]
) -> list[PlacedVariance]:
    """The members' Monte-Carlo variances, in their order."""
    start, placed = 0, []
    for m in members:
        at, part = _positions(m, parameters, new_name), slice(start, start + m.bins)
        placed += [PlacedVariance(variance, at, part) for variance in m.model.simulations]
        start += m.bins
    return placed


def placed_derived(
    members: Sequence[BinnedLikelihood], parameters: Parameters, new_name: Mapping[str, str]
) -> dict[str, Derived]:
    """The members' derived quantities: under their own name where all that have it agree, else as `member.name`."""
    moved: dict[str, list[tuple[str, Derived]]] = {}
    for m in members:
        at = _positions(m, parameters, new_name)
        for name, d in m.model.derived.items():
            moved.setdefault(name, []).append((m.name, replace(d, at=at[d.at])))
    found = {}
    probe = parameters.init[None]
    for name, candidates in moved.items():
        values = [float(d.function(probe[:, d.at])[0]) for _, d in candidates]
        if np.allclose(values, values[0], rtol=1e-12):
            found[name] = candidates[0][1]
        else:
            found |= {f"{owner}.{name}": d for owner, d in candidates}
    return found
