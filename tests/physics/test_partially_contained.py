"""The partially contained sample: its signal from closed formulas, its background, and the algebra of the fold."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from npinfer.errors import ConfigurationError, DataError, ParameterError
from npinfer.paths import data_file, data_folder
from npinfer.physics import partially_contained as pepe
from npinfer.physics.constants import AVOGADRO, YEAR_S, Z_OVER_A_WATER
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.earth import mean_transmission
from npinfer.physics.flux import power_law_integrals
from npinfer.physics.glashow import BRANCHING_RATIOS, cross_section

LIVETIME_S = 4.6 * YEAR_S
WINDOW = {"shower": {"energy_gev": np.linspace(4e6, 8e6, 41)}}
ELECTRONS_PER_KM3 = 1e15 * pepe.ICE_DENSITY_G_CM3 * AVOGADRO * Z_OVER_A_WATER


def load(**options: object) -> pepe.PartiallyContained:
    return pepe.load_partially_contained(**({"livetime_s": LIVETIME_S, "channels": WINDOW} | options))  # type: ignore[arg-type]


def power_law(response: pepe.PartiallyContained, norm: float, gamma: float) -> NDArray:
    """Weights of equal fluxes of all species, `norm` the sum of the six at 100 TeV, (1, 1, 1, energy, 1)."""
    return norm / 6 * power_law_integrals([gamma], response.cells.energy_edges_gev)[:, None, None, :, None]


def resonance(response: pepe.PartiallyContained) -> NDArray:
    """1 for the resonance, 0 for the rest, (species, interaction, 1, 1)."""
    mask = np.zeros((*response.cells.shape[:2], 1, 1))
    mask[response.cells.species.index("nuebar"), response.cells.interactions.index("gr")] = 1
    return mask


def total(response: pepe.PartiallyContained, weights: NDArray) -> float:
    return float(response.fold(weights)["shower"].sum())


@pytest.fixture(scope="module")
def born() -> pepe.PartiallyContained:
    return load(background="all", isr=False, doppler=False)


def closed_signal(norm: float, gamma: float, high_gev: float) -> float:
    """Hadronic W decays per unit f in 1 km³ of ice and 4.6 yr, true energies above 4 PeV, no resolution."""
    edges = np.geomspace(4e6, high_gev, 2001)
    energy = np.sqrt(edges[:-1] * edges[1:])
    section = cross_section(energy)
    nucleons = csms_total(energy, "cc", antineutrino=True) + csms_total(energy, "nc", antineutrino=True)
    transmitted = mean_transmission([-1, 1], nucleons, electron_cross_section_cm2=section, z_over_a=0.5)[:, 0]
    flux = norm * power_law_integrals([gamma], edges)[0]
    hadrons = BRANCHING_RATIOS["hadrons"]
    return float(4 * np.pi * LIVETIME_S * ELECTRONS_PER_KM3 * hadrons * np.sum(flux * section * transmitted))


@pytest.mark.parametrize(
    ("norm", "gamma", "to_10_pev", "to_8_pev"),
    [
        (4.32e-18, 2.37, 10.16, 10.03),
        (6.7e-18, 2.50, 9.21, 9.09),
        (4.98e-18, 2.53, 6.05, 5.97),
        (6.37e-18, 2.87, 1.90, 1.88),
        (3.03e-18, 2.19, 15.01, 14.80),
    ],
)
def test_the_closed_formula_gives_the_reference_yields(
    norm: float, gamma: float, to_10_pev: float, to_8_pev: float
) -> None:
    assert closed_signal(norm, gamma, 1e7) == pytest.approx(to_10_pev, rel=0.004)
    assert closed_signal(norm, gamma, 8e6) == pytest.approx(to_8_pev, rel=0.004)


@pytest.mark.parametrize(("norm", "gamma"), [(4.32e-18, 2.37), (6.37e-18, 2.87)])
def test_the_response_is_the_closed_formula_in_092_km3(
    born: pepe.PartiallyContained, norm: float, gamma: float
) -> None:
    """All visible W decays of 4 to 10 PeV, in a window so wide that nothing is lost; the shapes differ by 1 %."""
    edges = born.cells.energy_edges_gev
    centres = np.sqrt(edges[:-1] * edges[1:])
    inside = ((centres > 4e6) & (centres < 1e7))[:, None]
    wide = load(background="all", isr=False, doppler=False, channels={"shower": {"energy_gev": np.array([3e4, 2.4e7])}})
    found = total(wide, power_law(wide, norm, gamma) * resonance(wide) * inside)
    modes = [BRANCHING_RATIOS["hadrons"], BRANCHING_RATIOS["e"], BRANCHING_RATIOS["tau"] * (1 - 0.1739)]
    expected = closed_signal(norm, gamma, 1e7) / 6 * 0.9235 * sum(modes) / modes[0]
    assert found == pytest.approx(expected, rel=0.02)


def test_the_published_expectation_for_the_softer_cascade_spectrum(born: pepe.PartiallyContained) -> None:
    """1.55 events for E^-2.49 and equal species; radiation and Doppler broadening take 5 % of them."""
    assert total(born, power_law(born, 7.0e-18, 2.49) * resonance(born)) == pytest.approx(1.55, rel=0.15)
    corrected = load(background="all")
    ratio = total(corrected, power_law(corrected, 7.0e-18, 2.49) * resonance(corrected)) / total(
        born, power_law(born, 7.0e-18, 2.49) * resonance(born)
    )
    assert ratio == pytest.approx(0.953, abs=0.005)


def test_the_exposure_is_the_declared_one_whatever_the_corrections(born: pepe.PartiallyContained) -> None:
    assert load().exposure_ratio == born.exposure_ratio
    edges = born.cells.energy_edges_gev
    # Unit flux, 4π and the livetime divided out: m^2 GeV of all W decays, nearly all between 4 and 10 PeV.
    low, high = np.searchsorted(edges, pepe.EXPOSURE_WINDOW_GEV)
    area = born._resonance_exposure.sum(1) / (4 * np.pi * LIVETIME_S * 1e4)
    assert np.sum((area * np.diff(edges))[low:high]) * BRANCHING_RATIOS["hadrons"] == pytest.approx(
        pepe.EXPOSURE_M2_GEV, rel=0.003
    )


@pytest.mark.parametrize(
    ("norm", "gamma", "expected"),
    [
        (4.32e-18, 2.37, (0.65, 0.29, 0.10)),
        (6.7e-18, 2.50, (0.61, 0.26, 0.08)),
        (6.37e-18, 2.87, (0.15, 0.06, 0.016)),
    ],
)
def test_backgrounds_between_4_and_8_pev(norm: float, gamma: float, expected: tuple[float, ...]) -> None:
    for background, events in zip(("all", "no_nue_cc", "nc"), expected, strict=True):
        response = load(background=background)
        found = total(response, power_law(response, norm, gamma) * (1 - resonance(response)))
        assert found == pytest.approx(events, rel=0.10), background


def test_the_background_holds_what_its_name_says() -> None:
    one = np.ones(1)[:, None, None, None, None]
    for background, expected in pepe.BACKGROUNDS.items():
        response = load(background=background)
        for i, species in enumerate(response.cells.species):
            for j, interaction in enumerate(response.cells.interactions):
                only = np.zeros((*response.cells.shape[:2], 1, 1))
                only[i, j] = 1
                seen = (species, interaction) in (*expected, ("nuebar", "gr"))
                assert (total(response, one * only) > 0) == seen, (background, species, interaction)


def test_the_background_is_smooth_and_falls_with_energy(born: pepe.PartiallyContained) -> None:
    (counts,) = born.fold(power_law(born, 4.98e-18, 2.53) * (1 - resonance(born)))["shower"]
    assert (np.diff(counts) < 0).all()
    assert np.abs(np.diff(np.log(counts), 2)).max() < 0.02


def test_the_signal_peaks_where_hadrons_of_the_resonance_are_seen(born: pepe.PartiallyContained) -> None:
    (counts,) = born.fold(power_law(born, 4.98e-18, 2.53) * resonance(born))["shower"]
    edges = WINDOW["shower"]["energy_gev"]
    assert edges[counts.argmax()] <= 0.925 * 6.32e6 <= edges[counts.argmax() + 1] + 1e5
    centres = (edges[:-1] + edges[1:]) / 2
    mean = np.average(centres, weights=counts)
    # 12 % and 4 % in quadrature of 5.8 PeV, widened by the resonance and by W → eν, cut at 4 and 8 PeV.
    assert np.sqrt(np.average((centres - mean) ** 2, weights=counts)) / mean == pytest.approx(0.13, abs=0.01)


def test_fold_is_linear_and_keeps_complex_types(born: pepe.PartiallyContained) -> None:
    a, b = np.random.default_rng(1).random((2, 1, *born.cells.shape))
    first, second = born.fold(a)["shower"], born.fold(b)["shower"]
    np.testing.assert_allclose(born.fold(2 * a + 3 * b)["shower"], 2 * first + 3 * second, rtol=1e-12)
    np.testing.assert_allclose(born.fold(a + 1e-30j * b)["shower"].imag / 1e-30, second, rtol=1e-12)
    together = born.fold(np.concatenate([a, b]))["shower"]
    np.testing.assert_allclose(together, np.concatenate([first, second]), rtol=1e-12)


def test_broadcasting_equals_full_weights(born: pepe.PartiallyContained) -> None:
    narrow = power_law(born, 1e-18, 2.5)
    full = np.broadcast_to(narrow, (1, *born.cells.shape)).copy()
    np.testing.assert_allclose(born.fold(narrow)["shower"], born.fold(full)["shower"], rtol=1e-14)


def test_counts_grow_with_the_livetime(born: pepe.PartiallyContained) -> None:
    twice = load(background="all", isr=False, doppler=False, livetime_s=2 * LIVETIME_S)
    weights = power_law(born, 1e-18, 2.5)
    np.testing.assert_allclose(twice.fold(weights)["shower"], 2 * born.fold(weights)["shower"], rtol=1e-12)


def test_bins_are_additive(born: pepe.PartiallyContained) -> None:
    weights = power_law(born, 4.98e-18, 2.53)
    channels = {"any": {"energy_gev": np.linspace(4e6, 8e6, 5)}}
    coarse = load(background="all", isr=False, doppler=False, channels=channels)
    fine = born.fold(weights)["shower"].reshape(4, 10).sum(1)
    np.testing.assert_allclose(coarse.fold(weights)["any"][0], fine, rtol=1e-12)


def test_the_resolution_conserves_events_but_for_the_ends() -> None:
    visible = np.array([4e6, 5.8e6, 8e6])
    np.testing.assert_allclose(pepe.reconstructed(visible, np.linspace(0, 3e7, 61)).sum(1), 1, atol=1e-12)
    window = pepe.reconstructed(visible, np.linspace(4e6, 8e6, 41)).sum(1)
    np.testing.assert_allclose(window, [0.5, 0.9942, 0.5], atol=2e-3)


def test_the_event_and_the_effective_volume() -> None:
    header, event = data_file(pepe.FOLDER, "events.csv").read_text().split()
    assert header == "energy_gev,energy_error_gev"
    assert [float(x) for x in event.split(",")] == [6.05e6, 0.72e6]
    table = np.loadtxt(data_file(pepe.FOLDER, "effective_volume.csv"), delimiter=",", skiprows=1)
    down = table[(table[:, 0] > 2e6) & (table[:, 0] < 1.2e7), 7:]
    assert down.mean() == pytest.approx(0.42, rel=0.04)
    assert (np.diff(table[:, 1:5], axis=0) < 0).all()  # absorbed in the Earth


def test_the_table_is_what_its_build_script_writes(tmp_path: Path) -> None:
    build().main([str(tmp_path)])
    written = (tmp_path / "effective_volume.csv").read_text()
    assert written == data_file(pepe.FOLDER, "effective_volume.csv").read_text()


def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_icecube_pepe", data_folder(pepe.FOLDER) / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_faults_are_named(born: pepe.PartiallyContained) -> None:
    energy = WINDOW["shower"]["energy_gev"]
    with pytest.raises(ConfigurationError, match="no_nue_cc"):
        load(background="no_nue")
    with pytest.raises(DataError, match="a, b"):
        load(channels={"a": {"energy_gev": energy}, "b": {"energy_gev": energy}})
    with pytest.raises(DataError, match="cos_zenith"):
        load(channels={"a": {"energy_gev": energy, "cos_zenith": np.linspace(-1, 1, 3)}})
    with pytest.raises(DataError, match="energy_gev"):
        load(channels={"a": {"energy_gev": energy * 10}})
    for wrong in (np.ones(3), np.ones((1, 6, 3, 2, 10))):
        with pytest.raises(ParameterError, match="weights: found shape"):
            born.fold(wrong)
