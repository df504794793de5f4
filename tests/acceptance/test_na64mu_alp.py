"""NA64μ: axions and millicharged particles against closed forms of zero events and what is published of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer.cli.main import run
from npinfer.core import wilks
from npinfer.physics.muon_axion import emission_by_fusion, emission_by_muons, emission_by_radiation
from npinfer.physics.muon_millicharge import effective_charge, pair_yield

MUONS = 1.98e10
CERTAIN = {"efficiency": 1.0, "background": 0.07, "muons_on_target": 0.0}  # nothing is left but a Poisson count
ALL = {"escape_length": 0.0}
NAMES = ("na64mu_alp_muon", "na64mu_alp_photon", "na64mu_millicharge")
NOTE = "the signal efficiency is not public; 0.1 within a factor of two is assumed"


def by_photons(mass: float) -> float:
    return float(emission_by_fusion(mass).per_muon.sum() + emission_by_radiation(mass).per_muon.sum())


def g90(per_muon: float) -> float:
    """Where 2.303 events are expected with a full efficiency."""
    return float(np.sqrt(np.log(10) / (MUONS * per_muon)))


def test_limits_from_toys() -> None:
    """CLs of zero events is exp(-s), whatever the background: 2.303 events of signal at 90 %."""
    epsilon = g90(pair_yield(0.01)) * effective_charge()
    wanted = (g90(emission_by_muons(0.1).per_muon.sum()), g90(by_photons(0.01)), epsilon)
    for name, limit in zip(NAMES, wanted, strict=True):
        likelihood = npinfer.load(name, **(ALL if "alp" in name else {}))
        found = npinfer.upper_limit(likelihood, method="toys", fixed=CERTAIN, n_toys=2000, expected=False)
        assert found.observed == pytest.approx(limit, rel=0.03), name


@pytest.mark.parametrize("mass", [0.01, 0.2, 1.0])
def test_axions_of_muons_at_every_mass(mass: float) -> None:
    """Zero events: -2Δ ln L = 2s, so the interval ends at half its threshold."""
    likelihood = npinfer.load("na64mu_alp_muon", m_alp=mass, **ALL)
    found = npinfer.interval(likelihood, "g_amumu", cl=wilks.enclosed(2 * np.log(10)), fixed=CERTAIN)
    assert found.segments[0].lower_at_bound
    assert found.upper == pytest.approx(g90(emission_by_muons(mass).per_muon.sum()), rel=1e-4)


def test_the_published_bound_on_axions_of_muons() -> None:
    """g ≳ 4e-3 GeV⁻¹ below 0.2 GeV (arXiv:2501.06294) is ours for efficiencies of 0.07 to 0.25, 0.12 at 0.1 GeV."""
    needed = [(g90(emission_by_muons(m).per_muon.sum()) / 4e-3) ** 2 for m in (0.001, 0.1, 0.2)]
    assert needed == pytest.approx([0.072, 0.124, 0.244], rel=0.01)
    half = 4 * needed[1]  # if the Yukawa coupling were m_μ g
    assert half == pytest.approx(0.495, rel=0.01)


def test_axions_of_muons_decay_before_they_escape_above_the_published_masses() -> None:
    """The excluded couplings have an upper edge, come closer to it and end between 0.15 and 0.2 GeV."""
    grid = np.geomspace(1e-3, 1, 41)
    edges = {
        m: npinfer.exclusion(npinfer.load("na64mu_alp_muon", m_alp=m), "g_amumu", grid, expected=False).segments
        for m in (0.1, 0.15, 0.2, 0.25)
    }
    assert [len(segments) for segments in edges.values()] == [1, 1, 0, 0]
    (light,), (heavy,) = edges[0.1], edges[0.15]
    assert light.upper_at_bound is False
    assert light.lower < heavy.lower < 0.006 < heavy.upper < light.upper
    likelihood = npinfer.load("na64mu_alp_muon", m_alp=0.15, **ALL)
    assert heavy.lower == pytest.approx(npinfer.upper_limit(likelihood, expected=False).observed, rel=0.02)


def test_axions_of_photons_reach_nothing_new() -> None:
    """Only couplings above 4e-3 GeV⁻¹, and none from 0.01 GeV on, where NA64's electrons reach 0.055 GeV."""
    grid = np.geomspace(1e-4, 1, 61)
    light, heavy = (
        npinfer.exclusion(npinfer.load("na64mu_alp_photon", m_alp=m), "g_agammagamma", grid, expected=False)
        for m in (0.003, 0.012)
    )
    assert light.segments[0].lower > 4e-3
    assert light.segments[0].upper < 0.3
    assert heavy.segments == ()


def test_pairs_through_the_photon_are_hard_to_see() -> None:
    """The same couplings g g_χ; a charge of ε e is e²/0.04766 times weaker in them than one of the loops."""
    limits = {
        chosen: npinfer.interval(npinfer.load("na64mu_millicharge", mediator=chosen), "epsilon", fixed=CERTAIN).upper
        for chosen in ("lmu_ltau", "photon")
    }
    assert limits["photon"] / limits["lmu_ltau"] == pytest.approx(1 / (0.04766 * 4 * np.pi / 137.036), rel=1e-4)
    likelihood = npinfer.load("na64mu_millicharge")
    point = likelihood.parameters.vector({"epsilon": limits["lmu_ltau"]})
    couplings = likelihood.derived(point[None])["couplings"][0]
    assert couplings == pytest.approx(limits["lmu_ltau"] / 0.04766, rel=1e-4)


def test_a_forecast_is_of_more_muons_and_their_background() -> None:
    """1e13 muons, no background: the limit falls with their root; Asimov data without a signal."""
    free = {**CERTAIN, "background": 0.0}
    today, later = (npinfer.load("na64mu_millicharge", muons_on_target=n) for n in (MUONS, 1e13))
    empty = later.parameters.vector({"epsilon": 0.0, "na64mu_millicharge.background": 0.0})
    nothing = later.with_data(later.asimov(empty))
    ends = [npinfer.interval(lh, "epsilon", cl=0.9, fixed=free).upper for lh in (today, nothing)]
    assert ends[0] / ends[1] == pytest.approx(np.sqrt(1e13 / MUONS), rel=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_what_they_say_of_themselves(name: str) -> None:
    likelihood, forecast = npinfer.load(name), npinfer.load(name, muons_on_target=500 * MUONS)
    d = likelihood.description
    assert (d.kind, d.status, d.dataset, likelihood.data.kind) == ("real", "approximate", "na64mu-2022", "observed")
    assert likelihood.data.counts["signal_box"].tolist() == [0]
    assert NOTE in d.notes[0]
    assert (forecast.description.kind, forecast.data.kind) == ("asimov", "asimov")
    expected = [lh.expected(lh.parameters.init).total() for lh in (likelihood, forecast)]
    assert expected[1] == pytest.approx(500 * expected[0], rel=1e-9)
    assert forecast.expected(forecast.parameters.init).total("signal") == 0.0  # as the data of a forecast


@pytest.mark.parametrize(("name", "checks"), [(NAMES[0], 6), (NAMES[1], 6), (NAMES[2], 6)])
def test_declared_numbers(name: str, checks: int) -> None:
    validation = npinfer.validate(name)
    assert [c.name for c in validation.checks if not c.passed] == []
    assert len(validation.checks) == checks


def test_curves_over_masses(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    over = ["--over", "m_chi=0.001:1:4:log", "--no-expected", "--out", str(tmp_path)]
    assert run(["limit", "na64mu_millicharge", "--cl", "0.9", *over]) == 0
    printed = capsys.readouterr().out
    assert NOTE in printed
    rows = (tmp_path / "limit_over_m_chi.csv").read_text().splitlines()
    columns = next(line for line in rows if line.startswith("m_chi")).split(",")
    values = [line.split(",")[columns.index("epsilon observed")] for line in rows if line[:1].isdigit()]
    limits = np.array(values, dtype=float)
    assert len(limits) == 4
    assert np.all(np.diff(limits) > 0)
