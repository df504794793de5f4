"""Atmospheric neutrinos on the cells of a telescope: conventional (π, K) and prompt (charm) fluxes after the self-veto.

The fluxes are tabulated in data/atmosphere; its README names the models. A neutrino from above comes with muons of
its own air shower, which can veto it: the passing fraction is parametrised there, and is approximate. Functions are
analytic in their parameters and keep a complex type, so that a complex step gives their derivative.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from npinfer.core.files import read_arrays
from npinfer.errors import ParameterError, unknown
from npinfer.paths import data_file
from npinfer.physics.telescope import Cells

# Energies [GeV] at which a change of the cosmic-ray index leaves the flux as it is: those of the official HESE fit,
# doi:10.21234/4EQJ-BB17 (weighter.py).
TILT_PIVOT_GEV = {"conventional": 2020.0, "prompt": 7887.0}
_FOLDER = "atmosphere"
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(4)


@dataclass(frozen=True, eq=False)
class FluxTable:
    """Atmospheric neutrinos before oscillation [GeV⁻¹ cm⁻² s⁻¹ sr⁻¹], (species, energies, cells of cos zenith).

    At energies [GeV] and averaged over the cells between `cos_edges`; 1 is down-going.
    """

    species: tuple[str, ...]
    energy_gev: NDArray[np.float64]
    cos_edges: NDArray[np.float64]
    flux: NDArray[np.float64]

    def of(self, *species: str) -> NDArray[np.float64]:
        """The flux of these species, in this order, such as "numu" or "nuebar"."""
        return self.flux[[self.species.index(name) for name in species]]


@cache
def flux_table(folder: str, component: str = "flux") -> FluxTable:
    """The array `component` of flux.npz in a data folder: atmosphere (conventional, prompt) or honda_south_pole."""
    stored = read_arrays(data_file(folder, "flux.npz"), "species", "energy_gev", "cos_edges", component)
    species, flux = tuple(stored["species"].tolist()), stored[component].astype(float)
    return FluxTable(species, stored["energy_gev"], stored["cos_edges"], flux)


def nominal_weights(component: str, cells: Cells) -> NDArray[np.float64]:
    """Flux integrals times passing fraction of "conventional" or "prompt", (species, energy, cos); ν_τ has none.

    The flux is interpolated by a cubic spline in log-log, continued as a power law beyond the table (11.6 TeV to
    82 PeV), and integrated with four Gauss-Legendre nodes a cell. Raises ParameterError for an unknown component or
    cells that do not share the table's zenith grid.
    """
    table = flux_table(_FOLDER, _known(component))
    if not np.array_equal(cells.cos_edges, table.cos_edges):
        raise ParameterError(f"cells: cos_edges are {cells.cos_edges}, the flux table has {table.cos_edges}")
    log_edges = np.log(cells.energy_edges_gev)
    half = np.diff(log_edges)[:, None] / 2
    log_energy = log_edges[:-1, None] + half * (1 + _NODES)
    log_table = np.log(table.energy_gev)
    spline = CubicSpline(log_table, np.log(table.flux), axis=1)
    inside = np.clip(log_energy, log_table[0], log_table[-1])
    log_flux = spline(inside) + spline(inside, 1) * (log_energy - inside)[..., None]  # (species, cell, node, cos)
    energy_flux = np.exp(log_flux + log_energy[..., None])
    integrals = np.einsum("sanz,an->saz", energy_flux, half * _NODE_WEIGHTS)
    weights = np.zeros((len(cells.species), *integrals.shape[1:]))
    for species, integral in zip(table.species, integrals, strict=True):
        weights[cells.species.index(species)] = integral * passing_fraction(component, species, cells.cos_edges)
    return weights


def passing_fraction(component: str, species: str, cos_edges: ArrayLike) -> NDArray[np.float64]:
    """Part of the flux that its own muons do not veto, (cells,): A exp(-k (cosθ - c)) at the centre of the cell.

    It is 1 below cosθ = 0.2, where too much matter is in the way of the muons. The level A is calibrated to a published
    template; its split between flavours, its slope k and the lack of an energy dependence are assumptions.

    >>> passing_fraction("conventional", "numu", [-0.2, 0.0])
    array([1.])
    """
    parameters = _passing_parameters()
    edges = np.asarray(cos_edges, dtype=float)
    centres = (edges[:-1] + edges[1:]) / 2
    level = parameters[_known(component)][species]
    above = np.minimum(1, level * np.exp(-parameters["slope"] * (centres - parameters["reference_cos"])))
    return np.where(centres > parameters["veto_from_cos"], above, 1.0)


def log_tilt_energy(component: str, cells: Cells) -> NDArray[np.float64]:
    """ln(E/pivot) at the geometric centre of each energy cell, (energy,); raises ParameterError."""
    edges = cells.energy_edges_gev
    return np.log(edges[:-1] * edges[1:]) / 2 - np.log(TILT_PIVOT_GEV[_known(component)])


def tilt(log_energy: NDArray, cr_delta_gamma: NDArray) -> NDArray:
    """(E/pivot)^-Δγ, a change of the cosmic-ray index; (energy,) and (batch,) to (batch, energy).

    >>> tilt(np.log([1.0, 10.0]), np.array([0.0, 1.0]))
    array([[1. , 1. ],
           [1. , 0.1]])
    """
    return np.exp(-cr_delta_gamma[:, None] * log_energy)


def nunubar_balance(nunubar_ratio: NDArray) -> NDArray:
    """Factors r of neutrinos and 2 - r of antineutrinos, as in the official HESE fit; (batch,) to (batch, 2).

    >>> nunubar_balance(np.array([1.25]))
    array([[1.25, 0.75]])
    """
    ratio = nunubar_ratio[:, None]
    return np.concatenate([ratio, 2 - ratio], axis=1)


def _known(component: str) -> str:
    if component not in TILT_PIVOT_GEV:
        raise ParameterError(unknown("atmospheric component", component, TILT_PIVOT_GEV))
    return component


@cache
def _passing_parameters() -> dict:
    return json.loads(data_file(_FOLDER, "passing_fraction.json").read_text())
