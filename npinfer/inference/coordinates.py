"""Coordinates in which every parameter has a box of its own: a simplex is reached through the unit square."""

from __future__ import annotations

from copy import copy

import numpy as np

from npinfer.core.parameter import AT_BOUND, Parameters


class Coordinates:
    """A map between parameters (batch, parameters) and minimiser coordinates of the same shape.

    It is the identity, but for simplexes: of those, the free members become shares in [0, 1] of what the members
    before them, and the fixed ones, leave of 1.
    """

    def __init__(
        self, parameters: Parameters, free: np.ndarray, fixed_at: np.ndarray, *, simplexes: bool = True
    ) -> None:
        """free: (parameters,) of bool; fixed_at: points (batch, parameters) that hold the fixed values.

        simplexes: without, the map is the identity for simplexes too.
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

    @property
    def plain(self) -> bool:
        """Whether the map is the identity."""
        return not self._sticks

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
        return result
