"""The minima of a batch of problems."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FIELDS = ("points", "nll", "edm", "valid")


@dataclass(frozen=True)
class Minima:
    """The minima of a batch of problems: points (batch, parameters); −ln density, EDM, convergence, each (batch,)."""

    points: np.ndarray
    nll: np.ndarray
    edm: np.ndarray
    valid: np.ndarray

    @classmethod
    def none(cls, count: int, parameters: int) -> Minima:
        """Room for minima that are not known yet."""
        return cls(np.zeros((count, parameters)), np.full(count, np.inf), np.zeros(count), np.zeros(count, dtype=bool))

    def take(self, rows: np.ndarray | slice) -> Minima:
        """Some of the minima."""
        return Minima(*(getattr(self, f)[rows] for f in FIELDS))

    def put(self, rows: np.ndarray, some: Minima) -> None:
        """Put some minima where they belong among all."""
        for f in FIELDS:
            getattr(self, f)[rows] = getattr(some, f)

    def better(self, other: Minima) -> Minima:
        """Row by row the lower of two minima; of equal ones a converged one."""
        wins = (other.nll < self.nll - 1e-12) | ((other.nll < self.nll + 1e-12) & other.valid & ~self.valid)
        pick = lambda a, b: np.where(wins.reshape(-1, *(1,) * (a.ndim - 1)), b, a)
        return Minima(*(pick(getattr(self, f), getattr(other, f)) for f in FIELDS))
