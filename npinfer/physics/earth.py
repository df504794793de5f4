"""Absorption of neutrinos in the Earth: column depth and transmission.

Shells of constant density after PREM (Dziewonski, Anderson, Phys. Earth Planet. Inter. 25 (1981) 297); chords through
them are exact. Absorption only: no regeneration by neutral currents or τ decay.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ParameterError
from npinfer.paths import data_file
from npinfer.physics.constants import AVOGADRO, Z_OVER_A_EARTH

DETECTOR_DEPTH_KM = 2.0
_KM_CM = 1e5


def column_depth(cos_zenith: ArrayLike, *, depth_km: float = DETECTOR_DEPTH_KM) -> NDArray[np.float64]:
    """Mass per area between the surface and a detector at depth_km, along cos_zenith [g/cm^2], of its shape.

    cos_zenith is -1 for neutrinos from below. Raises ParameterError outside [-1, 1], or for a depth that is not
    inside the Earth.

    >>> f"{column_depth(-1.0):.3g}"
    '1.1e+10'
    """
    radii, densities = _shells()
    detector = _detector_radius(depth_km)
    cosine = np.asarray(cos_zenith, dtype=float)
    if not np.all(np.abs(cosine) <= 1):
        raise ParameterError(f"cos_zenith: found {np.max(np.abs(cosine)):g} in magnitude, expected values from -1 to 1")
    # Along the ray, distances count from its point of closest approach to the centre; the detector sits at `start`.
    start = detector * cosine[..., None]
    impact2 = detector**2 * (1 - cosine**2)[..., None]
    half_chord = np.sqrt(np.maximum(radii**2 - impact2, 0))
    inside = half_chord - np.clip(start, -half_chord, half_chord)
    return np.diff(inside, axis=-1, prepend=0.0) @ densities * _KM_CM


def transmission(
    cos_zenith: ArrayLike,
    cross_section_cm2: ArrayLike,
    *,
    electron_cross_section_cm2: ArrayLike = 0.0,
    z_over_a: float = Z_OVER_A_EARTH,
    depth_km: float = DETECTOR_DEPTH_KM,
) -> NDArray[np.float64]:
    """Probability to reach the detector, exp(-X N_A (σ + (Z/A) σ_e)).

    cross_section_cm2: per nucleon; electron_cross_section_cm2: per electron; broadcast against each other. The result
    has the shape of the cross sections followed by that of cos_zenith. Raises ParameterError as `column_depth` does.
    """
    attenuation = AVOGADRO * (np.asarray(cross_section_cm2) + z_over_a * np.asarray(electron_cross_section_cm2))
    return np.exp(-np.multiply.outer(attenuation, column_depth(cos_zenith, depth_km=depth_km)))


def mean_transmission(
    cos_zenith_edges: ArrayLike,
    cross_section_cm2: ArrayLike,
    *,
    electron_cross_section_cm2: ArrayLike = 0.0,
    z_over_a: float = Z_OVER_A_EARTH,
    depth_km: float = DETECTOR_DEPTH_KM,
) -> NDArray[np.float64]:
    """`transmission` averaged uniformly in cos_zenith over each cell; edges (-1, 1) give the mean over the sky.

    The result has the shape of the cross sections followed by (cells,). Relative accuracy 1e-5: cells are divided
    where the line of sight starts to touch another shell. Raises ParameterError for edges that do not increase, and
    as `transmission` does.
    """
    edges = np.asarray(cos_zenith_edges, dtype=float)
    if edges.ndim != 1 or edges.size < 2 or not np.all(np.diff(edges) > 0):
        raise ParameterError(f"cos_zenith_edges: found {edges}, expected two or more increasing values from -1 to 1")
    points, weights, cells = _cosine_nodes(edges, depth_km)
    values = transmission(
        points,
        cross_section_cm2,
        electron_cross_section_cm2=electron_cross_section_cm2,
        z_over_a=z_over_a,
        depth_km=depth_km,
    )
    averager = np.where(cells[:, None] == np.arange(edges.size - 1), weights[:, None], 0.0) / np.diff(edges)
    return values @ averager


def _cosine_nodes(edges: NDArray[np.float64], depth_km: float) -> tuple[NDArray, NDArray, NDArray]:
    """Quadrature points in cos_zenith, their weights and the index of the cell that each lies in."""
    detector = _detector_radius(depth_km)
    radii = _shells()[0]
    tangents = -np.sqrt(1 - (radii[radii < detector] / detector) ** 2)
    cuts = np.concatenate([tangents, [0.0]])
    breaks = np.unique(np.concatenate([edges, cuts[(cuts > edges[0]) & (cuts < edges[-1])]]))
    nodes, weights = np.polynomial.legendre.leggauss(32)
    # x = sin²(πv/2) removes the square roots of the chords at both ends of a panel.
    angle = np.pi / 4 * (1 + nodes)
    points = breaks[:-1, None] + np.diff(breaks)[:, None] * np.sin(angle) ** 2
    point_weights = np.diff(breaks)[:, None] * (weights * np.pi / 4 * np.sin(2 * angle))
    cells = np.repeat(np.searchsorted(edges, breaks[:-1], side="right") - 1, nodes.size)
    return points.ravel(), point_weights.ravel(), cells


def _detector_radius(depth_km: float) -> float:
    surface = _shells()[0][-1]
    if not 0 <= depth_km < surface:
        raise ParameterError(f"depth_km: found {depth_km:g} km, expected 0 to {surface:g} km")
    return float(surface - depth_km)


@cache
def _shells() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Outer radii [km], increasing, and densities [g/cm^3] of the shells."""
    radii, densities = np.loadtxt(data_file("prem", "prem_12layer.csv"), delimiter=",", skiprows=1).T
    return radii, densities
