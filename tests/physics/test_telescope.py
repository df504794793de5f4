"""The telescope response: linear algebra of the fold, the published tables behind it, and the official HESE point."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from npinfer.errors import DataError, ParameterError
from npinfer.paths import data_folder
from npinfer.physics import telescope
from npinfer.physics.flux import power_law_integrals
from npinfer.physics.glashow import cell_average
from tests.source_data import SOURCE_DATA

FOLDER = "icecube_hese"
LIVETIME_S = 227708167.68
# Official single-power-law best fit, arXiv:2011.03545: six species together at 100 TeV [GeV^-1 cm^-2 s^-1 sr^-1].
NORM, GAMMA = 6.37e-18, 2.87
ROOT = Path(__file__).resolve().parents[2]
needs_source = pytest.mark.skipif(
    not (SOURCE_DATA / "icecube_mese2yr_prd91").is_dir(),
    reason=f"needs the source tables in {SOURCE_DATA}; set NPINFER_SOURCE_DATA to their folder",
)


def load_build(folder: str) -> ModuleType:
    """The build script of a data folder, as a module."""
    spec = importlib.util.spec_from_file_location(f"build_{folder}", data_folder(folder) / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load(**channels: dict[str, NDArray]) -> telescope.Response:
    return telescope.load_response(FOLDER, livetime_s=LIVETIME_S, channels=channels or telescope.default_channels())


@pytest.fixture(scope="module")
def response() -> telescope.Response:
    return load()


def power_law(response: telescope.Response, gamma: float = GAMMA, norm: float = NORM) -> NDArray:
    """Weights of equal fluxes of all species, (1, 1, 1, energy, 1)."""
    return norm / 6 * power_law_integrals([gamma], response.cells.energy_edges_gev)[:, None, None, :, None]


def only(response: telescope.Response, species: tuple[str, ...], interactions: tuple[str, ...]) -> NDArray:
    mask = np.zeros(response.cells.shape)
    at = [telescope.SPECIES.index(s) for s in species], [telescope.INTERACTIONS.index(i) for i in interactions]
    mask[np.ix_(*at)] = 1
    return mask


def total(counts: dict[str, NDArray]) -> float:
    return float(sum(c.sum() for c in counts.values()))


def test_cells_and_shapes(response: telescope.Response) -> None:
    cells = response.cells
    assert cells.shape == (6, 3, cells.energy_edges_gev.size - 1, 10)
    assert cells.energy_edges_gev[0] < 2e4
    assert cells.energy_edges_gev[-1] >= 1e8
    widths = np.diff(np.log10(cells.energy_edges_gev))
    fine = (cells.energy_edges_gev[1:] > 2e6) & (cells.energy_edges_gev[1:] < 2e7)
    assert widths[fine].max() < 0.0071
    counts = response.fold(np.repeat(power_law(response), 3, axis=0))
    shapes = {name: c.shape for name, c in counts.items()}
    assert shapes == {"cascade": (3, 200), "track": (3, 200), "double_cascade": (3, 20)}


def test_fold_is_linear_and_keeps_complex_types(response: telescope.Response) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.random((2, 1, *response.cells.shape))
    sums = response.fold(2 * a + 3 * b)
    step = response.fold(a + 1e-30j * b)
    for name, counts in sums.items():
        first, second = response.fold(a)[name], response.fold(b)[name]
        np.testing.assert_allclose(counts, 2 * first + 3 * second, rtol=1e-12)
        np.testing.assert_allclose(step[name].imag / 1e-30, second, rtol=1e-12)


def test_broadcasting_equals_full_weights(response: telescope.Response) -> None:
    narrow = power_law(response)
    full = np.broadcast_to(narrow, (1, *response.cells.shape)).copy()
    for name, counts in response.fold(narrow).items():
        np.testing.assert_array_equal(counts, response.fold(full)[name])


@pytest.mark.parametrize("gamma", [1.5, 2.0, 2.5, 3.0, 3.5, 4.0])
@pytest.mark.parametrize("scale", [0.75, 1.0, 1.25])
def test_every_bin_is_positive_for_every_species(response: telescope.Response, gamma: float, scale: float) -> None:
    spectrum = power_law(response, gamma)
    weights = np.concatenate([spectrum * only(response, (s,), ("cc", "nc"))[None] for s in telescope.SPECIES])
    for counts in response.fold(weights, energy_scale=scale).values():
        assert (counts > 0).all()


def test_a_steep_cutoff_never_gives_negative_counts(response: telescope.Response) -> None:
    centres = np.sqrt(response.cells.energy_edges_gev[1:] * response.cells.energy_edges_gev[:-1])
    weights = power_law(response) * np.exp(-centres / 2e5)[:, None]
    for counts in response.fold(weights).values():
        assert counts.min() > -1e-12 * counts.sum()


def test_finer_bins_add_up_to_coarser_ones(response: telescope.Response) -> None:
    edges = np.geomspace(6e4, 1e7, 81)
    finer = {name: {**axes, "energy_gev": edges} for name, axes in telescope.default_channels().items()}
    fine = load(**finer).fold(power_law(response), energy_scale=1.07)
    for name, counts in response.fold(power_law(response), energy_scale=1.07).items():
        np.testing.assert_allclose(fine[name].reshape(20, 4, -1).sum(1).ravel(), counts[0], rtol=1e-10)


def test_spectrum_has_no_saw_teeth(response: telescope.Response) -> None:
    fine = {name: {"energy_gev": np.geomspace(6e4, 1.5e6, 29)} for name in telescope.MORPHOLOGIES}
    for gamma in (2.0, 2.5, 2.87, 3.5):
        for counts in load(**fine).fold(power_law(response, gamma)).values():
            x = np.linspace(-1, 1, counts.size)
            log_counts = np.log(counts[0])
            smooth = np.polynomial.Polynomial.fit(x, log_counts, 5)(x)
            assert np.abs(log_counts - smooth).max() < 0.035


def test_energy_scale_is_smooth(response: telescope.Response) -> None:
    weights = power_law(response)
    reference = response.fold(weights)
    for name, counts in response.fold(weights, energy_scale=1.0).items():
        np.testing.assert_array_equal(counts, reference[name])
    scales = np.linspace(0.7, 1.3, 121)
    batch = response.fold(np.repeat(weights, scales.size, axis=0), energy_scale=scales)
    totals = sum(c.sum(1) for c in batch.values())
    assert (np.diff(totals) > 0).all()
    smooth = np.polynomial.Polynomial.fit(scales, np.log(totals), 8)(scales)
    assert np.abs(np.log(totals) - smooth).max() < 2e-3
    derivative = response.fold(weights, energy_scale=np.array([1.02 + 1e-20j]))
    for name, counts in derivative.items():
        low, high = (response.fold(weights, energy_scale=1.02 + h)[name] for h in (-1e-5, 1e-5))
        np.testing.assert_allclose(counts.imag / 1e-20, (high - low) / 2e-5, rtol=1e-4, atol=1e-6 * high.max())


def test_zenith_smearing_conserves_events(response: telescope.Response) -> None:
    without = {name: {"energy_gev": axes["energy_gev"]} for name, axes in telescope.default_channels().items()}
    expected = load(**without).fold(power_law(response))
    smeared = response.fold(power_law(response))
    for name in ("cascade", "track"):
        np.testing.assert_allclose(smeared[name].reshape(20, 10).sum(1), expected[name][0], rtol=1e-9)


def test_zenith_smearing_is_as_wide_as_stated() -> None:
    edges = np.array([0.499, 0.501])
    seen = np.cos(np.radians(np.arange(90, -1, -1.0)))
    for median in (1.0, 8.0):
        row = telescope._zenith_matrix(edges, seen, median)[0]
        angles = np.radians(np.arange(89.5, 0, -1.0)) - np.arccos(0.5)
        # In one projection the spread of a two-dimensional Gaussian is its median over sqrt(2 ln 2).
        spread = np.degrees(np.sqrt((row * angles**2).sum() / row.sum()))
        assert spread == pytest.approx(median / np.sqrt(2 * np.log(2)), rel=0.07)


def test_morphologies_add_up_to_the_selection() -> None:
    tables = telescope._read_tables(data_folder(FOLDER) / "response.npz")
    assert np.all(np.diff(tables["shape"], axis=3) >= 0)
    one = {name: {"energy_gev": np.array([6e4, 1e7])} for name in telescope.MORPHOLOGIES}
    built = load(**one)
    shares = np.sum([channel.selected for channel in built._channels.values()], axis=0)
    middles = (telescope.DEPOSITED_NODES[:-1] + telescope.DEPOSITED_NODES[1:]) / 2
    for (selection, _), share in zip(sorted(set(telescope._selections(tables))), shares, strict=True):
        np.testing.assert_allclose(share, telescope._efficiency(tables, selection, middles), rtol=1e-12)


def test_resonance_cross_section_is_an_argument(response: telescope.Response) -> None:
    edges = response.cells.energy_edges_gev
    doubled = telescope.load_response(
        FOLDER,
        livetime_s=LIVETIME_S,
        channels=telescope.default_channels(),
        resonance_cross_section_cm2=2 * cell_average(edges),
    )
    weights = power_law(response) * only(response, ("nuebar",), ("gr",))[None]
    # Absorption by the resonance in the Earth keeps the ratio a little below two.
    assert 1.8 < total(doubled.fold(weights)) / total(response.fold(weights)) < 2
    others = power_law(response) * only(response, telescope.SPECIES, ("cc", "nc"))[None]
    assert total(doubled.fold(others)) == total(response.fold(others))


def test_errors_name_the_offender(response: telescope.Response) -> None:
    with pytest.raises(ParameterError, match="weights: found shape"):
        response.fold(np.ones(3))
    with pytest.raises(ParameterError, match="energy_scale: it asks"):
        response.fold(power_law(response), energy_scale=3.0)
    with pytest.raises(ParameterError, match="energy_scale: found shape"):
        response.fold(power_law(response), energy_scale=np.ones(2))
    with pytest.raises(DataError, match="unknown channel 'cascades'"):
        load(cascades={"energy_gev": np.array([6e4, 1e7])})
    with pytest.raises(DataError, match="double_cascade: no angular resolution"):
        load(double_cascade={"energy_gev": np.array([6e4, 1e7]), "cos_zenith": np.array([-1.0, 1.0])})
    with pytest.raises(DataError, match="must lie within"):
        load(cascade={"energy_gev": np.array([1e3, 1e7])})
    for low in (0.0, -1e5):
        with pytest.raises(DataError, match="must lie within"):
            load(cascade={"energy_gev": np.array([low, 1e7])})
    with pytest.raises(ParameterError, match="resonance_cross_section_cm2"):
        telescope.load_response(FOLDER, livetime_s=1.0, channels={}, resonance_cross_section_cm2=[1.0])


def test_astrophysical_events_at_the_official_point(response: telescope.Response) -> None:
    """48-51 events, of 60 seen with 8-10 conventional and about one muon."""
    assert 48 < total(response.fold(power_law(response))) < 51


def test_double_cascades_at_the_official_point(response: telescope.Response) -> None:
    tau = only(response, ("nutau", "nutaubar"), ("cc", "nc"))
    weights = power_law(response)
    from_tau = response.fold(weights * tau[None])["double_cascade"].sum()
    assert 1.3 < from_tau < 1.8
    assert 0.6 < response.fold(weights)["double_cascade"].sum() - from_tau < 1.0


def test_resonance_at_the_official_point(response: telescope.Response) -> None:
    """0.272 events (0.219 hadronic) of true energy around the peak, with W → μν not selected."""
    edges = response.cells.energy_edges_gev
    near = (edges[:-1] >= 4e6) & (edges[1:] <= 1.01e7)
    weights = power_law(response) * only(response, ("nuebar",), ("gr",))[None] * near[:, None]
    assert total(response.fold(weights)) == pytest.approx(0.272, rel=0.1)


def test_all_sky_resonance_area(response: telescope.Response) -> None:
    """∫ A dE over the peak is 1.34e9 m^2 GeV, as in the HESE ν_e curve less its continuum."""
    edges = response.cells.energy_edges_gev
    near = (edges[:-1] >= 4.4e6) & (edges[1:] <= 1.01e7)
    density = near / LIVETIME_S / (4 * np.pi) / 1e4 * np.diff(edges)
    weights = density[:, None] * only(response, ("nuebar",), ("gr",))[None]
    wide = {name: {"energy_gev": np.array([3e4, 2e7])} for name in telescope.MORPHOLOGIES}
    assert total(load(**wide).fold(weights)) == pytest.approx(1.34e9, rel=0.03)


@needs_source
def test_mese_tables_give_the_published_astrophysical_template() -> None:
    """E^-2.47 (README of the release) at 2.06e-18 a flavour: both hemispheres, 12.6 TeV to 6.3 PeV."""
    build = load_build(FOLDER)
    weights = 1.03e-18 * power_law_integrals([2.47], build.ENERGY_EDGES)[0]
    areas = build.mese_areas(SOURCE_DATA)
    resonant = ("e_bar_gr_cascade", "e_bar_gr_track")
    used = [a for name, a in areas.items() if "_gr_" not in name or name in resonant]
    counts = np.einsum("ezbh,e->bh", sum(used), weights) * 641 * 86400 * 2 * np.pi * 0.2 * 1e4
    published = np.loadtxt(SOURCE_DATA / "icecube_mese2yr_prd91" / "energy_north_south.txt")[:, 6].reshape(2, 20).T
    np.testing.assert_allclose(counts[7:16], published[7:16], rtol=0.03)


@needs_source
def test_kernel_keeps_the_contents_of_the_coarse_tables(response: telescope.Response) -> None:
    """Merging the tables at the finer resolution keeps the coarse spectrum, to 1.5 % up to 800 TeV."""
    build = load_build(FOLDER)
    areas = build.mese_areas(SOURCE_DATA)
    weights = power_law_integrals([2.5], build.ENERGY_EDGES)[0]
    raw = sum(np.einsum("ezb,e->b", build.row_area(areas, *row), weights) for row in build.rows())
    kernels = response._kernels
    parent = np.add.reduceat(power_law_integrals([2.5], response.cells.energy_edges_gev)[0], response._parents)
    steps = sum(np.einsum("e,ez,zes->s", parent, k.exposure, k.steps[response._zenith_group]) for k in kernels)
    cumulative = np.concatenate([[0], np.cumsum(steps)])
    below = np.interp(np.log10(build.DEPOSITED_EDGES), telescope.DEPOSITED_NODES, cumulative)
    merged = np.diff(below) / (LIVETIME_S * 2 * np.pi * 0.2 * 1e4)
    np.testing.assert_allclose(merged[8:13], raw[8:13], rtol=0.015)
    np.testing.assert_allclose(merged[13:17], raw[13:17], rtol=0.06)


@needs_source
def test_committed_tables_equal_a_fresh_build(tmp_path: Path) -> None:
    build = load_build(FOLDER)
    build.main([str(SOURCE_DATA), str(tmp_path)])
    for name in build.FILES:
        if name != "response.npz":
            assert (tmp_path / name).read_bytes() == (data_folder(FOLDER) / name).read_bytes()
    with np.load(tmp_path / "response.npz") as fresh, np.load(data_folder(FOLDER) / "response.npz") as committed:
        assert fresh.files == committed.files
        for name in fresh.files:
            if fresh[name].dtype.kind == "f":
                np.testing.assert_allclose(fresh[name], committed[name], rtol=2e-5, atol=2e-6)
            else:
                np.testing.assert_array_equal(fresh[name], committed[name])
