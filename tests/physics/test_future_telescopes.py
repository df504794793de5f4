"""All future telescopes: volume times time, and the tracks that the resonance leaves without a shower."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad

from npinfer.errors import ConfigurationError, DataError
from npinfer.physics import future_telescopes
from npinfer.physics.constants import YEAR_S
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.flux import power_law_integrals
from npinfer.physics.glashow import BRANCHING_RATIOS
from npinfer.physics.partially_contained import PartiallyContained, load_partially_contained
from npinfer.physics.structure_functions import Scattering

EVERYTHING = np.array([1e2, 1e12])  # one bin of any track
ENERGY = np.linspace(4e6, 8e6, 41)


@pytest.fixture(scope="module")
def showers() -> PartiallyContained:
    return load_partially_contained(
        livetime_s=YEAR_S, channels={"shower": {"energy_gev": ENERGY}}, isr=False, doppler=False
    )


def weights(showers: PartiallyContained, species: str, interaction: str, gamma: float = 2.5) -> NDArray:
    cells = showers.cells
    found = np.zeros((1, *cells.shape))
    flux = 1e-18 * power_law_integrals([gamma], cells.energy_edges_gev)[0]
    found[0, cells.species.index(species), cells.interactions.index(interaction)] = flux[:, None]
    return found


def tracks(showers: PartiallyContained, edges: NDArray = EVERYTHING) -> future_telescopes.LoneTracks:
    return future_telescopes.lone_tracks(showers, edges, YEAR_S, isr=False, doppler=False)


def test_volume_times_time() -> None:
    """1 · 29 + (2.8 + 1.5) · 15 + (3.2 + 7.5) · 10 + 7.9 · 7 in 2040."""
    assert future_telescopes.volume_time_km3_yr(2040.0) == pytest.approx(29 + 4.3 * 15 + 10.7 * 10 + 7.9 * 7)
    each = sum(future_telescopes.volume_time_km3_yr(2040.0, t.name) for t in future_telescopes.telescopes())
    assert each == pytest.approx(future_telescopes.volume_time_km3_yr(2040.0))
    assert future_telescopes.volume_time_km3_yr(2024.0) == pytest.approx(13)  # IceCube alone


@pytest.mark.parametrize(
    ("year", "name", "message"),
    [(2030.0, "km4net", "did you mean 'km3net'"), (2030.0, "trident", "after 2030"), (2000.0, "all", "after 2011")],
)
def test_years_without_data_are_refused(year: float, name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        future_telescopes.volume_time_km3_yr(year, name)


def test_a_table_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data" / "future_telescopes"
    folder.mkdir(parents=True)
    (folder / "telescopes.csv").write_text("name,volume_km3,start_year\nmine,10,2030\n")
    monkeypatch.setenv("NPINFER_PATH", str(tmp_path))
    future_telescopes.telescopes.cache_clear()
    try:
        assert future_telescopes.volume_time_km3_yr(2032.0) == 20
        future_telescopes.telescopes.cache_clear()
        (folder / "telescopes.csv").write_text("name,volume\nmine,10\n")
        with pytest.raises(DataError, match=r"telescopes.csv: expected the columns name, volume_km3 and start_year"):
            future_telescopes.telescopes()
    finally:
        future_telescopes.telescopes.cache_clear()


def test_muons_over_hadrons_is_the_ratio_of_branching_ratios(showers: PartiallyContained) -> None:
    """All tracks of W → μν over all showers of W: B_μ/(B_had + B_e + .83 B_τ) where the window holds everything."""
    wide = load_partially_contained(
        livetime_s=YEAR_S, channels={"shower": {"energy_gev": np.geomspace(3e4, 2e7, 60)}}, isr=False, doppler=False
    )
    one = weights(showers, "nuebar", "gr")
    one[:, :, :, showers.cells.energy_edges_gev[1:] < 5e6] = 0
    one[:, :, :, showers.cells.energy_edges_gev[:-1] > 8e6] = 0
    ratio = tracks(showers).fold(one)["shower"].sum() / wide.fold(one)["shower"].sum()
    b = BRANCHING_RATIOS
    assert ratio == pytest.approx(b["mu"] / (b["hadrons"] + b["e"] + (1 - 0.1739) * b["tau"]), rel=0.01)


@pytest.mark.parametrize("species", ["numu", "numubar"])
def test_charged_currents_that_look_like_it(showers: PartiallyContained, species: str) -> None:
    """Down-going cells at 1 PeV: the volume of showers, the cross section, and the part with y < 0.02."""
    cells = showers.cells
    e = int(np.searchsorted(cells.energy_edges_gev, 1e6)) - 1
    one = np.zeros((1, *cells.shape))
    one[0, cells.species.index(species), 0, e, 9] = 1.0
    found = tracks(showers).fold(one)["shower"].sum()
    energy = np.sqrt(cells.energy_edges_gev[e] * cells.energy_edges_gev[e + 1])
    as_resonance = np.zeros((1, *cells.shape))
    as_resonance[0, cells.species.index("nuebar"), cells.interactions.index("gr"), e, 9] = 1.0
    resonant = tracks(showers).fold(as_resonance)["shower"].sum()
    from npinfer.physics.glashow import cell_average

    sigma = BRANCHING_RATIOS["mu"] * cell_average(cells.energy_edges_gev[e : e + 2])[0] * 10 / 18
    anti = species.endswith("bar")
    elastic = float(Scattering("cc", anti).share_below(energy, 0.02))
    assert found / resonant == pytest.approx(csms_total(energy, "cc", anti) * elastic / sigma, rel=0.02)
    assert 0.02 < elastic < 0.2


def test_energies_of_the_muons(showers: PartiallyContained) -> None:
    """At the resonance: 3 (1 − z)² dz folded with a log-normal, by an integral of its own."""
    cells = showers.cells
    edges = np.geomspace(6e5, 1e7, 7)
    e = int(np.searchsorted(cells.energy_edges_gev, 6.32e6)) - 1
    one = np.zeros((1, *cells.shape))
    one[0, cells.species.index("nuebar"), cells.interactions.index("gr"), e, 8] = 1.0
    found = tracks(showers, edges).fold(one)["shower"][0] / tracks(showers).fold(one)["shower"].sum()
    energy = np.sqrt(cells.energy_edges_gev[e] * cells.energy_edges_gev[e + 1])

    def seen(z: float, k: int) -> float:
        return float(3 * (1 - z) ** 2 * future_telescopes.reconstructed_track(np.array(z * energy), edges)[k])

    direct = [quad(seen, 1e-6, 1, args=(k,), limit=200)[0] for k in range(6)]
    assert found == pytest.approx(direct, rel=2e-3)


def test_tracks_are_linear_and_keep_complex_types(showers: PartiallyContained) -> None:
    operator = tracks(showers, np.geomspace(6e5, 1e7, 7))
    rng = np.random.default_rng(0)
    one, two = (rng.random((1, *showers.cells.shape)) for _ in range(2))
    both = operator.fold(one + 2j * two)["shower"]
    assert both.real == pytest.approx(operator.fold(one)["shower"])
    assert both.imag == pytest.approx(2 * operator.fold(two)["shower"])


def test_reconstructed_tracks_are_probabilities() -> None:
    energy = np.array([[1e5, 1e6], [3e6, 1e7]])
    found = future_telescopes.reconstructed_track(energy, np.geomspace(1e2, 1e10, 30))
    assert found.shape == (2, 2, 29)
    assert found.sum(axis=-1) == pytest.approx(np.ones((2, 2)))
