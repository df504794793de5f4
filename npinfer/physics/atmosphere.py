"""Atmospheric neutrinos on the cells of a telescope: conventional (π, K) and prompt (charm) fluxes after the self-veto.

The fluxes are tabulated in data/atmosphere; its README names the models. A neutrino from above comes with muons of
its own air shower, which can veto it: the passing fraction is parametrised there, and is approximate. Functions are
analytic in their parameters and keep a complex type, so that a complex step gives their derivative.
"""

from __future__ import annotations

import json
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from npinfer.errors import ParameterError, unknown
from npinfer.paths import data_file
from npinfer.physics.telescope import Cells

# Energies [GeV] at which a change of the cosmic-ray index leaves the flux as it is: those of the official HESE fit,
# doi:10.21234/4EQJ-BB17 (weighter.py).
TILT_PIVOT_GEV = {"conventional": 2020.0, "prompt": 7887.0}
_FOLDER = "atmosphere"
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(4)


def conventional_weights(cells: Cells, *, cr_delta_gamma: ArrayLike = 0.0, nunubar_ratio: ArrayLike = 1.0) -> NDArray:
    """Conventional flux integrated over each energy cell, times the passing fraction [cm^-2 s^-1 sr^-1].

    Parameters are numbers or (batch,), see `tilt` and `nunubar_factors`; the result is (batch, species, energy, cos).
    It is the same for every interaction: insert an axis to fold it.
    """
    return _weights("conventional", cells, cr_delta_gamma, nunubar_ratio)


def prompt_weights(cells: Cells, *, cr_delta_gamma: ArrayLike = 0.0, nunubar_ratio: ArrayLike = 1.0) -> NDArray:
    """Prompt flux, as `conventional_weights`."""
    return _weights("prompt", cells, cr_delta_gamma, nunubar_ratio)


def nominal_weights(component: str, cells: Cells) -> NDArray[np.float64]:
    """Flux integrals times passing fraction of "conventional" or "prompt", (species, energy, cos); ν_τ has none.

    The flux is interpolated by a cubic spline in log-log, continued as a power law beyond the table (11.6 TeV to
    82 PeV), and integrated with four Gauss-Legendre nodes a cell. Raises ParameterError for an unknown component or
    cells that do not share the table's zenith grid.
    """
    table = _table(component)
    if not np.array_equal(cells.cos_edges, table["cos_edges"]):
        raise ParameterError(f"cells: cos_edges are {cells.cos_edges}, the flux table has {table['cos_edges']}")
    log_edges = np.log(cells.energy_edges_gev)
    half = np.diff(log_edges)[:, None] / 2
    log_energy = log_edges[:-1, None] + half * (1 + _NODES)
    log_table = np.log(table["energy_gev"])
    spline = CubicSpline(log_table, np.log(table[component]), axis=1)
    inside = np.clip(log_energy, log_table[0], log_table[-1])
    log_flux = spline(inside) + spline(inside, 1) * (log_energy - inside)[..., None]  # (species, cell, node, cos)
    energy_flux = np.exp(log_flux + log_energy[..., None])
    integrals = np.einsum("sanz,an->saz", energy_flux, half * _NODE_WEIGHTS)
    weights = np.zeros((len(cells.species), *integrals.shape[1:]))
    for species, integral in zip(table["species"], integrals, strict=True):
        passing = passing_fraction(component, str(species), cells.cos_edges)
        weights[cells.species.index(str(species))] = integral * passing
    return weights


def passing_fraction(component: str, species: str, cos_edges: ArrayLike) -> NDArray[np.float64]:
    """Part of the flux that its own muons do not veto, (cells,): A exp(-k (cosθ - c)) at the centre of the cell.

    It is 1 below cosθ = 0.2, where too much matter is in the way of the muons. The level A is calibrated to a published
    template; its split between flavours, its slope k and the lack of an energy dependence are assumptions.

    >>> passing_fraction("conventional", "numu", [-0.2, 0.0])
    array([1.])
    """
    parameters = _passing_parameters()
    if component not in TILT_PIVOT_GEV:
        raise ParameterError(unknown("atmospheric component", component, TILT_PIVOT_GEV))
    edges = np.asarray(cos_edges, dtype=float)
    centres = (edges[:-1] + edges[1:]) / 2
    level = parameters[component][species]
    above = np.minimum(1, level * np.exp(-parameters["slope"] * (centres - parameters["reference_cos"])))
    return np.where(centres > parameters["veto_from_cos"], above, 1.0)


def tilt(energy_edges_gev: ArrayLike, cr_delta_gamma: ArrayLike, pivot_gev: float) -> NDArray:
    """(E/pivot)^-Δγ at the geometric centre of each cell: a change of the cosmic-ray index; (batch,) to (batch, cells).

    >>> tilt([1e5, 1e5], [0.0, 1.0], 1e4)
    array([[1. ],
           [0.1]])
    """
    edges = np.asarray(energy_edges_gev, dtype=float)
    log_energy = np.log(edges[:-1] * edges[1:]) / 2 - np.log(pivot_gev)
    return np.exp(-np.atleast_1d(np.asarray(cr_delta_gamma))[:, None] * log_energy)


def nunubar_factors(species: tuple[str, ...], nunubar_ratio: ArrayLike) -> NDArray:
    """r for neutrinos and 2 - r for antineutrinos, as in the official HESE fit; (batch,) to (batch, species).

    >>> nunubar_factors(("nue", "nuebar"), [1.1])
    array([[1.1, 0.9]])
    """
    r = np.atleast_1d(np.asarray(nunubar_ratio))
    return np.stack([2 - r if name.endswith("bar") else r for name in species], axis=-1)


def _weights(component: str, cells: Cells, cr_delta_gamma: ArrayLike, nunubar_ratio: ArrayLike) -> NDArray:
    spectrum = tilt(cells.energy_edges_gev, cr_delta_gamma, TILT_PIVOT_GEV[component])
    balance = nunubar_factors(cells.species, nunubar_ratio)
    return nominal_weights(component, cells) * balance[:, :, None, None] * spectrum[:, None, :, None]


@cache
def _table(component: str) -> dict[str, NDArray]:
    if component not in TILT_PIVOT_GEV:
        raise ParameterError(unknown("atmospheric component", component, TILT_PIVOT_GEV))
    with np.load(data_file(_FOLDER, "flux.npz"), allow_pickle=False) as stored:
        table = {name: stored[name] for name in (component, "species", "energy_gev", "cos_edges")}
    return {**table, component: table[component].astype(float)}


@cache
def _passing_parameters() -> dict:
    return json.loads(data_file(_FOLDER, "passing_fraction.json").read_text())
