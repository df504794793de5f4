"""How absorption in the Earth changes with the cross section, fast enough to be evaluated in a fit.

The mean over a cell of cos zenith of exp(−X N_A σ) is a Gauss quadrature in the column depth X, with the nodes that
belong to the distribution of depths in that cell: a few exponentials a cell, analytic in σ. Absorption only: neutral
currents remove a neutrino here, and nothing regenerates it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.physics.constants import AVOGADRO
from npinfer.physics.deep_inelastic import CURRENTS, csms_total
from npinfer.physics.earth import column_depth

DEPTH_NODES = 3
# Optical depth beyond which a telescope's tables, made of simulated events, do not know the transmission: the ratio of
# transmissions stays what it is there.
DEEPEST = 8.0
NOTHING = 0.01  # largest optical depth of a cell of zenith whose absorption is left as it is
_PER_CELL = 2000  # directions that stand for a cell


def depth_quadrature(cos_edges: ArrayLike, nodes: int = DEPTH_NODES) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Column depths [g/cm²] and weights, (cells, nodes) each, of each cell of cos zenith; weights sum to 1.

    Polynomials in the depth of degree 2 · nodes − 1 have their exact mean (Golub, Welsch, Math. Comp. 23 (1969) 221).

    >>> depths, weights = depth_quadrature([-1.0, -0.8], nodes=1)
    >>> f"{depths[0, 0]:.2g} {weights[0, 0]:g}"
    '7.8e+09 1'
    """
    edges = np.asarray(cos_edges, dtype=float)
    inside = (np.arange(_PER_CELL) + 0.5) / _PER_CELL
    depth = column_depth(edges[:-1, None] + np.diff(edges)[:, None] * inside)
    return _gauss(depth, nodes)


def _gauss(samples: NDArray[np.float64], nodes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights (rows, nodes) of the Gauss quadratures of equally likely samples (rows, samples).

    The recurrence of the orthogonal polynomials gives a tridiagonal matrix, whose eigenvalues are the nodes.
    """
    centre, size = samples.mean(axis=1), samples.std(axis=1)
    at = (samples - centre[:, None]) / size[:, None]
    before, now = np.zeros_like(at), np.ones_like(at)
    matrix = np.zeros((len(at), nodes, nodes))
    off = np.zeros(len(at))
    for k in range(nodes):
        matrix[:, k, k] = (at * now**2).mean(axis=1)
        following = (at - matrix[:, k, k, None]) * now - off[:, None] * before
        off = np.sqrt((following**2).mean(axis=1))
        before, now = now, following / off[:, None]
        if k + 1 < nodes:
            matrix[:, k, k + 1] = matrix[:, k + 1, k] = off
    found, vectors = np.linalg.eigh(matrix)
    return centre[:, None] + size[:, None] * found, vectors[:, 0] ** 2


class Absorption:
    """Transmission on the energies and zenith cells of a telescope, against that of the Standard Model."""

    def __init__(self, energy_gev: ArrayLike, cos_edges: ArrayLike) -> None:
        """energy_gev: (energies,); cos_edges: (cells + 1,). Raises ParameterError for energies beyond CSMS."""
        depths, weights = depth_quadrature(cos_edges)
        deep = np.max(AVOGADRO * mean_total(energy_gev)) * depths.max(axis=1) > NOTHING
        self._cells, self._deep = len(depths), np.flatnonzero(deep)
        optical = AVOGADRO * mean_total(energy_gev)[:, None, None] * depths[deep]  # (energies, deep cells, nodes)
        transmitted = weights[deep] * np.exp(-optical)
        self._weights = transmitted / transmitted.sum(axis=2, keepdims=True)
        self._optical = np.minimum(optical, DEEPEST)

    def ratio(self, relative: NDArray) -> NDArray:
        """Transmission over that of the Standard Model, (batch, energies, cells).

        relative: cross section over that of the Standard Model, (batch, energies) or (batch, 1); complex types stay.
        """
        through = np.exp((1 - relative)[:, :, None, None] * self._optical)
        found = np.ones((*through.shape[:2], self._cells), dtype=through.dtype)
        found[:, :, self._deep] = np.einsum("bezn,ezn->bez", through, self._weights)
        return found


def mean_total(energy_gev: ArrayLike) -> NDArray[np.float64]:
    """Mean of neutrinos and antineutrinos of charged and neutral currents together, per isoscalar nucleon [cm²]."""
    kinds = [(current, anti) for current in CURRENTS for anti in (False, True)]
    return np.sum([csms_total(energy_gev, *kind) for kind in kinds], axis=0) / 2
