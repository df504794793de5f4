"""Atmospheric fluxes on the cells: their grid, the self-veto, and the published templates that calibrate it."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from npinfer.errors import ParameterError
from npinfer.paths import data_file, data_folder
from npinfer.physics import atmosphere, telescope
from npinfer.physics.flux import power_law_integrals
from tests.source_data import SOURCE_DATA

LIVETIME_S = 227708167.68
ROOT = Path(__file__).resolve().parents[2]
needs_source = pytest.mark.skipif(
    not ((SOURCE_DATA / "icecube_mese2yr_prd91").is_dir() and (SOURCE_DATA / "atmospheric_flux").is_dir()),
    reason=f"needs the source tables in {SOURCE_DATA}; set NPINFER_SOURCE_DATA to their folder",
)


def load_build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_atmosphere", data_folder("atmosphere") / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def response() -> telescope.Response:
    return telescope.load_response("icecube_hese", livetime_s=LIVETIME_S, channels=telescope.default_channels())


def totals(response: telescope.Response, weights: np.ndarray) -> dict[str, float]:
    return {name: float(c.sum()) for name, c in response.fold(weights[:, :, None]).items()}


def test_shapes_and_species(response: telescope.Response) -> None:
    cells = response.cells
    weights = atmosphere.nominal_weights("conventional", cells)
    assert weights.shape == (6, *cells.shape[2:])
    taus = [cells.species.index(s) for s in ("nutau", "nutaubar")]
    assert (weights[taus] == 0).all()
    assert (np.delete(weights, taus, axis=0) > 0).all()


def test_integrals_against_the_grid(response: telescope.Response) -> None:
    """A fine cell holds flux times width; cells beyond the table continue to fall."""
    cells = response.cells
    with np.load(data_file("atmosphere", "flux.npz"), allow_pickle=False) as table:
        flux, energy, species = table["conventional"], table["energy_gev"], list(table["species"])
    weights = atmosphere.nominal_weights("conventional", cells)[cells.species.index("numu"), :, 0]
    edges = cells.energy_edges_gev
    k = int(np.searchsorted(edges, energy[5])) - 1
    assert weights[k] == pytest.approx(flux[species.index("numu"), 5, 0] * np.diff(edges)[k], rel=0.02)
    assert (np.diff(weights[edges[:-1] > 8e7]) < 0).all()


def test_tilt_is_exact_and_analytic(response: telescope.Response) -> None:
    cells = response.cells
    centres = np.sqrt(cells.energy_edges_gev[1:] * cells.energy_edges_gev[:-1])
    for component, pivot in atmosphere.TILT_PIVOT_GEV.items():
        log_energy = atmosphere.log_tilt_energy(component, cells)
        tilted = atmosphere.tilt(log_energy, np.array([0.05]))[0]
        np.testing.assert_allclose(tilted, (centres / pivot) ** -0.05, rtol=1e-12)
        step = atmosphere.tilt(log_energy, np.array([0.05 + 1e-30j]))[0]
        np.testing.assert_allclose(step.imag / 1e-30, -tilted * np.log(centres / pivot), rtol=1e-12)


def test_passing_fraction_is_one_from_below_and_lower_for_muon_neutrinos() -> None:
    edges = np.linspace(-1, 1, 11)
    for component in ("conventional", "prompt"):
        electron, muon = (atmosphere.passing_fraction(component, s, edges) for s in ("nue", "numu"))
        assert (electron[:6] == 1).all()
        assert (muon[:6] == 1).all()
        assert (muon[6:] < electron[6:]).all()
        assert (electron[6:] < 1).all()
        assert (np.diff(muon[6:]) < 0).all()


def test_errors_name_the_offender(response: telescope.Response) -> None:
    with pytest.raises(ParameterError, match="unknown atmospheric component 'convential'"):
        atmosphere.nominal_weights("convential", response.cells)
    cells = response.cells
    other = telescope.Cells(cells.species, cells.interactions, cells.energy_edges_gev, np.linspace(-1, 1, 6))
    with pytest.raises(ParameterError, match="cos_edges"):
        atmosphere.nominal_weights("conventional", other)


def test_expected_backgrounds_and_morphologies(response: telescope.Response) -> None:
    """At the official HESE point (arXiv:2011.03545), nominal atmosphere; 41/17/2 events were seen."""
    conventional = totals(response, atmosphere.nominal_weights("conventional", response.cells)[None])
    assert 8.0 < sum(conventional.values()) < 10.5
    with data_file("icecube_hese", "muon.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    muons = {name: sum(float(r["counts"]) for r in rows if r["channel"] == name) for name in conventional}
    assert 0.7 < sum(muons.values()) < 1.0
    spectrum = 6.37e-18 / 6 * power_law_integrals([2.87], response.cells.energy_edges_gev)
    astro = {name: float(c.sum()) for name, c in response.fold(spectrum[:, None, None, :, None]).items()}
    for name, seen in (("cascade", 41), ("track", 17), ("double_cascade", 2)):
        expected = astro[name] + conventional[name] + muons[name]
        assert abs(expected - seen) < 2 * np.sqrt(expected)


@needs_source
def test_veto_reproduces_the_published_templates() -> None:
    """MESE atmospheric neutrinos, 12.6-200 TeV: northern unfitted and southern (level fitted) within 6 %."""
    build = load_build()
    level = build.passing_fraction(SOURCE_DATA)["conventional"]["numu"]
    model, published = build.mese_passing(SOURCE_DATA, level), build.published(SOURCE_DATA, 4)
    np.testing.assert_allclose(model["northern"][7:11], published[7:11, 0], rtol=0.06)
    np.testing.assert_allclose(model["southern"][7:11], published[7:11, 1], rtol=0.06)


@needs_source
def test_committed_tables_equal_a_fresh_build(tmp_path: Path) -> None:
    build = load_build()
    build.main([str(SOURCE_DATA), str(tmp_path)])
    name = "passing_fraction.json"
    assert (tmp_path / name).read_text() == data_file("atmosphere", name).read_text()
    with np.load(tmp_path / "flux.npz") as fresh, np.load(data_folder("atmosphere") / "flux.npz") as committed:
        assert fresh.files == committed.files
        for name in fresh.files:
            if fresh[name].dtype.kind == "f":  # the last bit is the C library's
                np.testing.assert_allclose(fresh[name], committed[name], rtol=1e-14)
            else:
                np.testing.assert_array_equal(fresh[name], committed[name])
