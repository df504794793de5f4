"""The response of a neutrino telescope: from flux integrals on cells to expected counts in bins of what is seen.

A cell is (species, interaction, true energy, true cos zenith). `Response.fold` takes weights on the cells through four
small linear steps, none of which is a dense matrix of cells by bins, and none of which has a negative entry:

1. effective areas, and the distribution of deposited over true energy: cells to steps of 0.02 dex of deposited energy;
2. the selection's efficiency and the shares of the morphologies in each step;
3. the sum over the wanted bins of energy, whose edges the energy scale moves;
4. the smearing of the zenith.

The resonance ν̄_e e → W is analytic: its area follows from that of charged currents, its deposited energy from W decays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.special import i0e

from npinfer.core.files import read_arrays
from npinfer.errors import DataError, ParameterError, unknown
from npinfer.paths import data_file
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.earth import mean_transmission
from npinfer.physics.flavour import SPECIES
from npinfer.physics.glashow import BRANCHING_RATIOS, CASCADE_SHARES, cell_average, visible_energy_cdf
from npinfer.physics.morphology import MORPHOLOGIES, charged_current_morphology, classified

Tables = Mapping[str, NDArray]  # the arrays of response.npz

INTERACTIONS = ("cc", "nc", "gr")
# Median angular errors; cascades ~8 degrees, tracks below 1 degree.
MEDIAN_ANGLE_DEG: Mapping[str, float] = {"cascade": 8.0, "track": 1.0}
FINE_CELLS_GEV = (1.8e6, 2.1e7)  # parent cells between are cut into FINE_PER_CELL, to resolve the resonance
FINE_PER_CELL = 10
ELECTRONS_PER_NUCLEON = 10 / 18  # water
REFERENCE_GAMMA = 2.87  # of the spectrum the published classifier describes, arXiv:2011.03545
# Steps of log10 E_dep/GeV between which everything is summed; bins must lie inside for every energy scale.
DEPOSITED_NODES = np.round(np.arange(4.4, 7.401, 0.02), 10)


@dataclass(frozen=True, eq=False)
class Cells:
    """The grid on which generators give weights; energies in GeV, cos zenith > 0 is down-going."""

    species: tuple[str, ...]
    interactions: tuple[str, ...]
    energy_edges_gev: NDArray[np.float64]
    cos_edges: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(species, interaction, energy, cos zenith)."""
        return len(self.species), len(self.interactions), self.energy_edges_gev.size - 1, self.cos_edges.size - 1


@dataclass(frozen=True, eq=False)
class _Kernel:
    """Weights on the energies of one species and interaction to the steps of deposited energy, per zenith group."""

    species: int
    interaction: int
    selection: int  # index of (selection class, classifier flavour)
    exposure: NDArray[np.float64]  # (energy parent, cos) [cm^2 s sr]
    steps: NDArray[np.float64]  # (zenith group, energy parent, steps)


@dataclass(frozen=True, eq=False)
class _Channel:
    """One morphology: what part of each step is selected into it, its bins, and the smearing of the zenith."""

    selected: NDArray[np.float64]  # (selection, steps)
    log_edges: NDArray[np.float64]
    zenith: NDArray[np.float64] | None  # (true, reconstructed); None if the channel has no zenith axis


@dataclass(frozen=True, eq=False)
class Response:
    """A linear operator from weights on `cells` to expected counts; made by `load_response`."""

    cells: Cells
    channels: Mapping[str, Mapping[str, NDArray[np.float64]]]
    _parents: NDArray[np.intp]  # first cell of each parent cell
    _zenith_group: NDArray[np.intp]
    _kernels: tuple[_Kernel, ...]
    # Of the resonance: selection, exposure (energy, cos) and share of the decays (energy, steps).
    _resonance: tuple[int, NDArray[np.float64], NDArray[np.float64]]
    _channels: Mapping[str, _Channel]

    def fold(self, weights: ArrayLike, *, energy_scale: ArrayLike = 1.0) -> dict[str, NDArray]:
        """Expected counts {channel: (n, bins)}, the bins in C order of the channel's axes.

        weights: (n, *cells.shape) or what broadcasts to it: the flux integrated over each cell's energies and averaged
            over its cos zenith [cm^-2 s^-1 sr^-1], times any ratio of cross sections or transmissions.
        energy_scale: factor on the deposited energy, a number or (n,); in [0.7, 1.3] for bins of 60 TeV to 10 PeV.
        A complex type of either is kept. Raises ParameterError for wrong shapes, or a scale that asks for deposited
        energies outside DEPOSITED_NODES.
        """
        w = self._broadcast(np.asarray(weights))
        scale = np.atleast_1d(np.asarray(energy_scale))
        if scale.ndim != 1 or scale.size not in (1, len(w)):
            raise ParameterError(f"energy_scale: found shape {scale.shape}, expected a number or ({len(w)},)")
        return self._binned(self._seen(w), scale)

    def fold_at(self, weights: ArrayLike, energy_scales: ArrayLike) -> list[dict[str, NDArray]]:
        """`fold` at each of several energy scales, the weights being folded once."""
        seen = self._seen(self._broadcast(np.asarray(weights)))
        return [self._binned(seen, np.atleast_1d(scale)) for scale in np.asarray(energy_scales)]

    def _seen(self, weights: NDArray) -> dict[str, NDArray]:
        """Selected events per step of deposited energy, {channel: (n, cos, steps)}."""
        steps = self._deposited(weights)
        return {name: np.einsum("gnzs,gs->nzs", steps, c.selected) for name, c in self._channels.items()}

    @property
    def parents(self) -> NDArray[np.intp]:
        """The first energy cell of each parent cell: outside the resonance the tables resolve no finer ones."""
        return self._parents

    def by_true_zenith(self, weights: ArrayLike, energy_scales: ArrayLike) -> list[dict[str, NDArray]]:
        """As `fold_at`, before the smearing of the zenith: {channel: (n, cos zenith of the cells, energy bins)}."""
        seen = self._seen(self._broadcast(np.asarray(weights)))
        return [self._by_energy(seen, np.atleast_1d(scale)) for scale in np.asarray(energy_scales)]

    def smear(self, by_zenith: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """The zenith smeared: counts of `by_true_zenith` to those of `fold`, {channel: (n, bins)}."""
        counts = {}
        for name, channel in self._channels.items():
            by_energy = np.swapaxes(by_zenith[name], 1, 2)
            binned = by_energy.sum(2) if channel.zenith is None else by_energy @ channel.zenith
            counts[name] = binned.reshape(len(binned), -1)
        return counts

    def _binned(self, seen: Mapping[str, NDArray], scale: NDArray) -> dict[str, NDArray]:
        """Reconstructed events per bin, {channel: (n, bins)}."""
        return self.smear(self._by_energy(seen, scale))

    def _by_energy(self, seen: Mapping[str, NDArray], scale: NDArray) -> dict[str, NDArray]:
        return {
            name: seen[name] @ _step_to_bin(channel.log_edges - np.log10(scale)[:, None])
            for name, channel in self._channels.items()
        }

    def _broadcast(self, weights: NDArray) -> NDArray:
        shape = self.cells.shape
        fits = weights.ndim == 5 and all(n in (1, full) for n, full in zip(weights.shape[1:], shape, strict=True))
        if not fits:
            raise ParameterError(f"weights: found shape {weights.shape}, expected (n, {', '.join(map(str, shape))})")
        return np.broadcast_to(weights, (len(weights), *shape))

    def _deposited(self, weights: NDArray) -> NDArray:
        """Events per step of deposited energy before the selection, (selection, n, cos, steps)."""
        selections = 1 + max(kernel.selection for kernel in self._kernels)
        shape = (selections, len(weights), self._zenith_group.size, DEPOSITED_NODES.size - 1)
        out = np.zeros(shape, dtype=np.result_type(weights, float))
        for kernel in self._kernels:
            parent = np.add.reduceat(weights[:, kernel.species, kernel.interaction], self._parents, axis=1)
            events = np.swapaxes(parent * kernel.exposure, 1, 2)  # (n, cos, parent)
            for group, steps in enumerate(kernel.steps):
                at = self._zenith_group == group
                out[kernel.selection, :, at] += np.swapaxes(events[:, at] @ steps, 0, 1)
        selection, exposure, decays = self._resonance
        resonant = weights[:, SPECIES.index("nuebar"), INTERACTIONS.index("gr")] * exposure
        out[selection] += np.swapaxes(resonant, 1, 2) @ decays
        return out


def default_channels() -> dict[str, dict[str, NDArray[np.float64]]]:
    """60 TeV to 10 PeV in 20 logarithmic bins; cascades and tracks also in 10 bins of cos zenith."""
    energy, cos = np.geomspace(6e4, 1e7, 21), np.linspace(-1, 1, 11)
    both = {"energy_gev": energy, "cos_zenith": cos}
    return {"cascade": both, "track": both, "double_cascade": {"energy_gev": energy}}


def load_response(
    folder: str,
    *,
    livetime_s: float,
    channels: Mapping[str, Mapping[str, NDArray[np.float64]]],
    resonance_cross_section_cm2: ArrayLike | None = None,
) -> Response:
    """The response in data/<folder> (response.npz, classifier.json), for a livetime [s] and binning.

    channels: {"cascade": {"energy_gev": edges, "cos_zenith": edges}, "double_cascade": {"energy_gev": edges}, ...};
        without "cos_zenith" the channel is summed over zenith.
    resonance_cross_section_cm2: total cross section of ν̄_e e → W averaged over each energy cell, (energy,); the Born
        cross section if None.
    Raises DataError for a missing file or for bins beyond the tables.
    """
    tables = _read_tables(data_file(folder, "response.npz"))
    forms = json.loads(data_file(folder, "classifier.json").read_text())
    cells, parents = _cells(tables)
    if resonance_cross_section_cm2 is None:
        resonance_cross_section_cm2 = cell_average(cells.energy_edges_gev)
    exposure = livetime_s * 2 * np.pi * np.diff(cells.cos_edges) * 1e4  # m^2 → cm^2 s sr
    selections = sorted(set(_selections(tables)))
    kernels = _kernels(tables, selections, exposure)
    resonance = _resonance_area(tables, cells, np.asarray(resonance_cross_section_cm2)) * exposure
    selected = _selected(tables, forms, selections, kernels)
    built = {}
    for name, axes in channels.items():
        if name not in MORPHOLOGIES:
            raise DataError(unknown("channel", name, MORPHOLOGIES, where=folder))
        built[name] = _channel(name, axes, selected[name], cells.cos_edges)
    return Response(
        cells=cells,
        channels=channels,
        _parents=parents,
        _zenith_group=tables["zenith_group"],
        _kernels=kernels,
        _resonance=(selections.index(("cascade", "nue")), resonance, _decays(cells)),
        _channels=built,
    )


def _channel(name: str, axes: Mapping[str, NDArray], selected: NDArray, cos_edges: NDArray) -> _Channel:
    log_edges = _log_edges(axes["energy_gev"], name)
    if "cos_zenith" not in axes:
        return _Channel(selected, log_edges, None)
    if name not in MEDIAN_ANGLE_DEG:
        raise DataError(f"{name}: no angular resolution is known for it; leave cos_zenith out")
    return _Channel(selected, log_edges, _zenith_matrix(cos_edges, axes["cos_zenith"], MEDIAN_ANGLE_DEG[name]))


def _read_tables(path: Path) -> dict[str, NDArray]:
    return {name: a.astype(float) if a.dtype.kind == "f" else a for name, a in read_arrays(path).items()}


def _cells(tables: Tables) -> tuple[Cells, NDArray[np.intp]]:
    """The cells, and the index of the first cell of each parent cell."""
    parent = tables["energy_edges_gev"]
    fine = (parent[:-1] > FINE_CELLS_GEV[0]) & (parent[1:] < FINE_CELLS_GEV[1])
    pieces = np.where(fine, FINE_PER_CELL, 1)
    edges = [np.geomspace(low, high, n + 1)[:-1] for low, high, n in zip(parent[:-1], parent[1:], pieces, strict=True)]
    energy_edges = np.concatenate([*edges, parent[-1:]])
    starts = np.concatenate([[0], np.cumsum(pieces)[:-1]])
    return Cells(SPECIES, INTERACTIONS, energy_edges, tables["cos_edges"]), starts


def _selections(tables: Tables) -> list[tuple[str, str]]:
    """(selection class, classifier flavour) of each table row: neutral currents look like ν_e."""
    rows = zip(tables["species"], tables["interaction"], tables["selection"], strict=True)
    return [(str(m), "nue" if i == "nc" else str(s).removesuffix("bar")) for s, i, m in rows]


def _kernels(tables: Tables, selections: list[tuple[str, str]], exposure: NDArray) -> tuple[_Kernel, ...]:
    """One kernel a row: its ratio distribution moved to each true energy, and averaged over the parent cell.

    The average takes E^-2.5 inside the 0.07 dex of a cell; one index more or less moves energies by 0.2 %.
    """
    edges = np.log10(tables["energy_edges_gev"])
    nodes, weights = np.polynomial.legendre.leggauss(3)
    offsets = np.diff(edges)[0] / 2 * nodes
    weights = weights * 10 ** (-1.5 * offsets)
    centres = (edges[:-1] + edges[1:]) / 2
    low, high = tables["ratio_nodes"][[0, -1]]
    rows = zip(tables["species"], tables["interaction"], _selections(tables), tables["area_m2"], strict=True)
    below = np.empty((len(tables["shape"]), tables["shape"].shape[1], centres.size, DEPOSITED_NODES.size))
    for k, centre in enumerate(centres):
        ratio = np.clip(DEPOSITED_NODES - centre - offsets[:, None], low, high)
        own = PchipInterpolator(tables["ratio_nodes"], tables["shape"][:, :, k], axis=2)(ratio)
        below[:, :, k] = np.einsum("rgon,o->rgn", own, weights / weights.sum())
    steps = np.diff(below, axis=3)
    return tuple(
        _Kernel(SPECIES.index(s), INTERACTIONS.index(i), selections.index(selection), area * exposure, step)
        for (s, i, selection, area), step in zip(rows, steps, strict=True)
    )


def _selected(
    tables: Tables, forms: Mapping[str, Mapping], selections: list[tuple[str, str]], kernels: tuple[_Kernel, ...]
) -> dict[str, NDArray]:
    """Efficiency times share of the morphology in each step, {morphology: (selection, steps)}."""
    middles = (DEPOSITED_NODES[:-1] + DEPOSITED_NODES[1:]) / 2
    efficiency = np.array([_efficiency(tables, selection, middles) for selection, _ in selections])
    inclusive = {flavour: classified(forms, flavour, middles) for flavour in forms}
    shares = charged_current_morphology(inclusive, _reference_spectra(tables, kernels, efficiency))
    by_selection = np.array([shares[flavour] for _, flavour in selections])  # (selection, morphology, steps)
    return {name: efficiency * by_selection[:, j] for j, name in enumerate(MORPHOLOGIES)}


def _efficiency(tables: Tables, selection: str, log_deposited: NDArray) -> NDArray:
    """n / (1 + exp(-(log10 E_dep - a) / b)): the map from the tables' selection to this one."""
    k = list(tables["map_selection"]).index(selection)
    return tables["map_n"][k] / (1 + np.exp(-(log_deposited - tables["map_a"][k]) / tables["map_b"][k]))


def _reference_spectra(tables: Tables, kernels: tuple[_Kernel, ...], efficiency: NDArray) -> dict[str, NDArray]:
    """Events of charged and neutral currents, {flavour: (2, steps)}, for E^-REFERENCE_GAMMA from every direction."""
    edges = tables["energy_edges_gev"] / 1e5
    weights = -np.diff(edges ** (1 - REFERENCE_GAMMA))
    spectra = {flavour: np.zeros((2, DEPOSITED_NODES.size - 1)) for flavour in SPECIES[:3]}
    for kernel in kernels:
        events = np.einsum("e,ez,zes->s", weights, kernel.exposure, kernel.steps[tables["zenith_group"]])
        flavour = SPECIES[kernel.species].removesuffix("bar")
        spectra[flavour][kernel.interaction] += events * efficiency[kernel.selection]
    return spectra


def _step_to_bin(log_edges: NDArray) -> NDArray:
    """Part of each step in each bin, (m, steps, bins), for edges (m, bins + 1), which may be complex.

    A cubic spline through the cumulative at the nodes, so that counts are smooth in the energy scale.
    """
    nodes, cumulative = DEPOSITED_NODES, _cumulative_spline()
    found = log_edges.real.min(), log_edges.real.max()
    if found[0] < nodes[0] or found[1] > nodes[-1]:
        reach = f"{10 ** found[0]:.4g} to {10 ** found[1]:.4g} GeV"
        tables = f"{10 ** nodes[0]:.4g} to {10 ** nodes[-1]:.4g} GeV"
        raise ParameterError(f"energy_scale: it asks for deposited energies of {reach}; the tables hold {tables}")
    segment = np.clip(np.searchsorted(nodes, log_edges.real, side="right") - 1, 0, nodes.size - 2)
    step = (log_edges - nodes[segment])[..., None]
    c = cumulative.c
    values = c[3, segment] + step * (c[2, segment] + step * (c[1, segment] + step * c[0, segment]))
    return np.swapaxes(np.diff(values, axis=1), 1, 2)


@cache
def _cumulative_spline() -> CubicSpline:
    """Contents below log10 E_dep for one event in each step, (steps,)."""
    steps = DEPOSITED_NODES.size - 1
    below = np.concatenate([np.zeros((1, steps)), np.tril(np.ones((steps, steps)))])
    return CubicSpline(DEPOSITED_NODES, below, axis=0)


def _log_edges(edges_gev: NDArray, where: str) -> NDArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        log_edges = np.log10(np.asarray(edges_gev, dtype=float))
    low, high = DEPOSITED_NODES[[0, -1]]
    increasing = log_edges.ndim == 1 and log_edges.size > 1 and np.all(np.diff(log_edges) > 0)
    if not (increasing and low <= log_edges[0] and log_edges[-1] <= high):
        within = f"increasing edges that must lie within {10**low:.4g} and {10**high:.4g} GeV"
        raise DataError(f"{where}: energy_gev is {edges_gev}, expected two or more {within}")
    return log_edges


def _zenith_matrix(true_edges: NDArray, seen_edges: NDArray, median_deg: float) -> NDArray:
    """P(reconstructed bin | true bin), (true, seen): a von Mises-Fisher error on the sphere, integrated over azimuth.

    Directions are uniform inside a true bin. Rows sum to 1 if the seen bins cover the sphere.
    """
    kappa = np.log(2) / (1 - np.cos(np.radians(median_deg)))
    fine = np.cos(np.linspace(np.pi, 0, 2 + 8 * int(180 / median_deg) + 200))
    centres, widths = (fine[:-1] + fine[1:]) / 2, np.diff(fine)
    per_bin = 40
    true = true_edges[:-1, None] + np.diff(true_edges)[:, None] * (np.arange(per_bin) + 0.5) / per_bin
    z, s = true[..., None], np.sqrt(1 - true**2)[..., None]
    transverse = s * np.sqrt(1 - centres**2)
    density = np.exp(kappa * (z * centres + transverse - 1)) * i0e(kappa * transverse) * widths
    cumulative = np.cumsum(density, axis=-1) / density.sum(-1, keepdims=True)
    cumulative = np.concatenate([np.zeros((*true.shape, 1)), cumulative], axis=-1).mean(1)
    at_edges = np.array([np.interp(seen_edges, fine, row) for row in cumulative])
    return np.diff(at_edges, axis=1)


def _resonance_area(tables: Tables, cells: Cells, sigma_cm2: NDArray) -> NDArray:
    """Effective area of ν̄_e e → W [m^2], (energy, cos), for every decay together and before the efficiency.

    The ν_e charged-current area times electrons per nucleon and σ_GR/σ_CC, and the absorption by the resonance itself
    in the Earth (that by nucleons is in the charged-current area).
    """
    edges = cells.energy_edges_gev
    if sigma_cm2.shape != (edges.size - 1,):
        found = f"found shape {sigma_cm2.shape}, expected ({edges.size - 1},)"
        raise ParameterError(f"resonance_cross_section_cm2: {found}")
    centres = np.sqrt(edges[:-1] * edges[1:])
    parent_edges = tables["energy_edges_gev"]
    parents = np.log(parent_edges[:-1] * parent_edges[1:]) / 2
    logs = np.log(np.maximum(tables["resonance_area_m2"], 1e-12))
    area = np.exp([np.interp(np.log(centres), parents, column) for column in logs.T]).T
    transmission = mean_transmission(cells.cos_edges, 0.0 * sigma_cm2, electron_cross_section_cm2=sigma_cm2)
    ratio = ELECTRONS_PER_NUCLEON * sigma_cm2 / csms_total(centres, "cc", antineutrino=False)
    return area * transmission * ratio[:, None]


def _decays(cells: Cells) -> NDArray:
    """Share of the W decays that leave a cascade in each step of deposited energy, (energy cell, steps).

    A decay to a muon leaves no cascade at the vertex and is not selected. The spread of the hadronic energy contains
    the detector's resolution; that of the leptonic decays is wide enough without.
    """
    centres = np.sqrt(cells.energy_edges_gev[:-1] * cells.energy_edges_gev[1:])
    seen = 10**DEPOSITED_NODES / centres[:, None]  # E_dep / E_ν
    modes = {mode: BRANCHING_RATIOS[mode] * share for mode, share in CASCADE_SHARES.items() if share > 0}
    return np.sum([ratio * np.diff(visible_energy_cdf(seen, mode), axis=1) for mode, ratio in modes.items()], axis=0)
