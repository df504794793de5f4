"""Coordinates in which every parameter has a box of its own: a simplex is reached through the unit square.

Rates, which have no constraint and are not negative, may be stretched: few events at a high energy know the norm of a
power law times a power of that energy, a valley that is curved in norm and index, and straight in the norm's logarithm.
"""

from __future__ import annotations

from copy import copy

import numpy as np

from npinfer.core.limits import LARGEST
from npinfer.core.parameter import AT_BOUND, Parameters

LINEAR = 1e-2  # of the size of a rate: below, stretched coordinates are as good as linear


def rates(parameters: Parameters, free: np.ndarray) -> np.ndarray:
    """Positions of the free parameters that have no constraint and are bounded by zero."""
    found = [p.bounds[0] == 0 and not (p.constraint or p.simplex) for p in parameters]
    return np.flatnonzero(free & np.array(found, dtype=bool))


class Coordinates:
    """A map between parameters (batch, parameters) and minimiser coordinates of the same shape.

    It is the identity, but for simplexes: of those, the free members become shares in [0, 1] of what the members
    before them, and the fixed ones, leave of 1. Rates that are stretched become arsinh(rate / unit).
    """

    def __init__(
        self,
        parameters: Parameters,
        free: np.ndarray,
        fixed_at: np.ndarray,
        *,
        simplexes: bool = True,
        stretched: bool = False,
    ) -> None:
        """free: (parameters,) of bool; fixed_at: points (batch, parameters) that hold the fixed values.

        simplexes: without, the map is the identity for simplexes too; stretched: whether rates are.
        """
        self.free = free
        self.lower, self.upper, self.near = parameters.lower.copy(), parameters.upper.copy(), parameters.near.copy()
        self._sticks: list[tuple[list[int], np.ndarray]] = []
        for group in parameters.simplexes() if simplexes else ():
            members = [i for i in group if free[i]]
            rest = 1.0 - fixed_at[:, [i for i in group if not free[i]]].sum(axis=1)
            if members:
                self._sticks.append((members, np.maximum(rest, 0.0)))
                self.lower[members], self.upper[members], self.near[members] = 0.0, 1.0, AT_BOUND
        self._rates = rates(parameters, free) if stretched else np.zeros(0, dtype=np.intp)
        self._unit = LINEAR * np.where(parameters.init > 0, parameters.init, parameters.width)[self._rates]
        self._most = np.minimum(parameters.upper[self._rates], LARGEST)
        self.upper[self._rates] = np.arcsinh(self._most / self._unit)
        self.near[self._rates] /= self._unit

    @property
    def stretched(self) -> bool:
        """Whether any rate is."""
        return len(self._rates) > 0

    @property
    def plain(self) -> bool:
        """Whether the map is the identity."""
        return not (self._sticks or self.stretched)

    def take(self, rows: np.ndarray) -> Coordinates:
        """The map for some of the points."""
        if self.plain:
            return self
        other = copy(self)
        other._sticks = [(members, rest[rows]) for members, rest in self._sticks]
        return other

    def to_box(self, points: np.ndarray) -> np.ndarray:
        """Minimiser coordinates of parameter points."""
        if self.plain:
            return points
        x = points.copy()
        for members, rest in self._sticks:
            left = rest.copy()
            for i in members:
                x[:, i] = np.clip(points[:, i] / np.where(left > 0, left, 1.0), 0.0, 1.0)
                left = np.maximum(left - points[:, i], 0.0)
        x[:, self._rates] = np.arcsinh(points[:, self._rates] / self._unit)
        return x

    def to_parameters(self, x: np.ndarray) -> np.ndarray:
        """Parameter points of minimiser coordinates."""
        if self.plain:
            return x
        points = x.copy()
        for members, rest in self._sticks:
            left = rest.copy()
            for i in members:
                points[:, i] = x[:, i] * left
                left = left * (1 - x[:, i])
        points[:, self._rates] = np.minimum(self._unit * np.sinh(x[:, self._rates]), self._most)
        return points

    def pull_back(
        self, x: np.ndarray, gradient: np.ndarray, information: np.ndarray, moving: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gradient and information with respect to the coordinates, from those with respect to the parameters.

        Both are those of the parameters at positions `moving`, among which are all free members of simplexes.
        """
        if self.plain:
            return gradient, information
        jacobian = self.jacobian(x)[:, moving[:, None], moving]
        return np.einsum("ni,nij->nj", gradient, jacobian), np.einsum(
            "nki,nkl,nlj->nij", jacobian, information, jacobian
        )

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """d parameter_i / d coordinate_j, (batch, parameters, parameters)."""
        n, p = x.shape
        result = np.tile(np.eye(p), (n, 1, 1))
        for members, rest in self._sticks:
            for a, i in enumerate(members):
                result[:, i, i] = rest * np.prod([1 - x[:, k] for k in members[:a]], axis=0)
                for j in members[:a]:
                    others = np.prod([1 - x[:, k] for k in members[:a] if k != j], axis=0)
                    result[:, i, j] = -x[:, i] * rest * others
        result[:, self._rates, self._rates] = self._unit * np.cosh(x[:, self._rates])
        return result
