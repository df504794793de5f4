"""Counts of dimuons, tracks and showers: what is kept, and the same integrals done plainly."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from npinfer.errors import ConfigurationError
from npinfer.paths import data_file
from npinfer.physics import dimuon_events as de
from npinfer.physics import w_production as wp
from npinfer.physics.constants import AVOGADRO, YEAR_S
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.earth import transmission
from npinfer.physics.flux import bound_power_law

README = Path(__file__).resolve().parents[2] / "likelihoods" / "README.md"
WIDE = {name: np.array([1.0, 1e9]) for name in de.CHANNELS}


def total(process: str, flavour: str, *, channel: str | None = None, least: float = 0.0) -> np.ndarray:
    found = [s for s, where, _ in de.rows(process, flavour, False, least) if channel in (None, where)]
    return np.sum(found, axis=0)


@pytest.mark.parametrize("flavour", ["nue", "numu", "nutau"])
def test_every_trident_ends_in_one_channel(flavour: str) -> None:
    """Without a threshold all of σ is shared among the channels, τ decays or not."""
    names = [n for n in wp.trident_channels() if n.startswith(f"{flavour}_")]
    names += ["numu_to_numu_e-_e+", "nue_to_nue_mu-_mu+"] if flavour == "nutau" else []
    wanted = np.sum([wp.trident_cross_section(de._ENERGY, n) for n in names], axis=0)
    assert total("trident", flavour) == pytest.approx(wanted, rel=1e-12)


def test_dimuons_of_tau_decays() -> None:
    """ν_μ → μ τ ν is a dimuon where the τ decays to a muon, and two τ where both do."""
    at = de._ENERGY
    mixed, pair = (wp.trident_cross_section(at, f"numu_to_{s}") for s in ("mu-_nutau_tau+", "numu_tau-_tau+"))
    direct = wp.trident_cross_section(at, "numu_to_numu_mu-_mu+")
    wanted = direct + 0.1739 * mixed + 0.1739**2 * pair
    assert total("trident", "numu", channel="dimuon") == pytest.approx(wanted, rel=1e-12)


def test_w_production_is_counted_once() -> None:
    """With tridents' leptons, W → hadrons is the whole of W production, but for hydrogen's share of the former."""
    late = de._ENERGY > 1e5
    for flavour in ("nue", "numu"):
        w = wp.w_cross_section(de._ENERGY, flavour)
        assert total("w_boson", flavour) == pytest.approx(0.6741 * w, rel=1e-12)
        both = (total("w_boson", flavour) + total("trident", flavour))[late] / w[late]
        assert ((both > 0.9) & (both < 1.0)).all()


def test_scattering_and_charm_are_all_of_the_interactions() -> None:
    at = de._ENERGY
    for anti in (False, True):
        rows = de.rows("scattering", "numu", anti, 0.0) + de.rows("charm", "numu", anti, 0.0)
        wanted = 18 * (csms_total(at, "cc", anti) + csms_total(at, "nc", anti))
        assert np.sum([s for s, _, _ in rows], axis=0) == pytest.approx(wanted, rel=1e-12)


def test_thresholds_take_dimuons_away() -> None:
    high, low = (total("trident", "numu", channel="dimuon", least=m) for m in (300.0, 100.0))
    assert (high[de._ENERGY < 600] == 0).all()
    assert (high <= low).all()
    assert high[-1] == pytest.approx(low[-1], rel=1e-4)


def test_bins_hold_whole_cells() -> None:
    parts = de._in_bins(0.5, np.geomspace(10.0, 1e9, 12))
    assert parts.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    assert de._in_bins(1.0, np.array([1e3, 1e4])).sum() == pytest.approx(113 / np.log10(9e7 / 200), rel=1e-9)


def test_the_two_tables_of_conventional_neutrinos_meet() -> None:
    """South Pole's up to 10 TeV and the other above, in E³ Φ: no step between neighbouring cells."""
    flux = de._atmospheric("conventional")[1, 0] * de._ENERGY[:, None] ** 3
    near = (de._ENERGY > 5e3) & (de._ENERGY < 3e4)
    slopes = np.diff(np.log(flux[near]), axis=0)
    assert np.abs(np.diff(slopes, axis=0)).max() < 0.06


def test_dimuons_of_tridents_counted_plainly() -> None:
    """1 km³ for ten years: the conventional ν_μ of one direction after another, times σ and (1 − 2m/E)²."""
    with np.load(data_file("honda_south_pole", "flux.npz"), allow_pickle=False) as stored:
        names, energy, edges = stored["species"].tolist(), stored["energy_gev"], stored["cos_edges"]
        flux = stored["flux"].astype(float)
    top = de._EDGES_GEV[de._EDGES_GEV < 8000][-1]
    fine = np.geomspace(de._EDGES_GEV[0], top, 2000)
    wanted = 0.0
    sigma = total("trident", "numu", channel="dimuon", least=100.0)
    sigma = np.exp(np.interp(np.log(fine), np.log(de._ENERGY), np.log(np.maximum(sigma, 1e-60))))
    for name, anti in (("numu", False), ("numubar", True)):
        absorbed = csms_total(fine, "cc", anti) + csms_total(fine, "nc", anti)
        for k in range(10):
            here = np.exp(np.interp(np.log(fine), np.log(energy), np.log(flux[names.index(name), :, k])))
            seen = transmission((edges[k] + edges[k + 1]) / 2, absorbed)
            wanted += np.trapezoid(here * sigma * seen, fine) * 2 * np.pi * (edges[k + 1] - edges[k])
    wanted *= 0.92e15 * AVOGADRO / 18 * 10 * YEAR_S
    found = de.event_rates("trident", "icecube", "conventional", WIDE)["dimuon"][1]
    assert found[de._EDGES_GEV[1:] <= top].sum() * 10 * YEAR_S == pytest.approx(wanted, rel=0.005)


def test_ice_and_thresholds_of_detectors() -> None:
    small, large = (de.event_rates("scattering", d, "conventional", WIDE)["shower"].sum() for d in ("icecube", "gen2"))
    assert large == pytest.approx(8 * small, rel=1e-12)
    with pytest.raises(ConfigurationError, match="unknown detector"):
        de.event_rates("charm", "arca", "prompt", WIDE)
    with pytest.raises(ConfigurationError, match="unknown process"):
        de.event_rates("charms", "icecube", "prompt", WIDE)


@pytest.mark.parametrize(
    ("process", "row"), [("trident", "tridents, with W → leptons"), ("w_boson", "W → hadrons"), ("charm", "charm")]
)
def test_events_that_the_readme_tells(process: str, row: str) -> None:
    """By flavour and final state in ten years of IceCube, above 200 GeV and 4 TeV; "–" where there are none."""
    (cells,) = re.findall(rf"(?m)^\| {row} \|(.*)\|$", README.read_text(encoding="utf-8"))
    integrals = {"astrophysical": 6.0 * bound_power_law(de._EDGES_GEV)(np.array([2.7]))[0]}
    found = {name: np.zeros((3, len(de._ENERGY))) for name in de.CHANNELS}
    for flux in de.FLUXES:
        rates = de.event_rates(process, "icecube", flux, WIDE)
        for name in de.CHANNELS:
            found[name] += 10 * YEAR_S * rates[name].sum(axis=-1) * integrals.get(flux, 1.0)
    for name, cell in zip(de.CHANNELS, cells.replace("the same", "0, 0, 0").split("|"), strict=True):
        told = [float(n) for n in re.findall(r"[\d.]+", cell)]
        every, high = found[name].sum(axis=1), found[name][:, de._ENERGY > 4e3].sum(axis=1)
        if "the same" in cells:  # W production starts there
            assert high == pytest.approx(every, rel=1e-9)
        wanted = told or [0.0] * 6
        assert every == pytest.approx(wanted[:3], rel=5e-3, abs=0.05), name
        if any(wanted[3:]):
            assert high == pytest.approx(wanted[3:], rel=5e-3, abs=0.05), name
