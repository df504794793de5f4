"""NA64μ: the limit on an invisible Z′ against closed forms of zero events and independently computed couplings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

import npinfer
from npinfer.cli.main import run
from npinfer.core import wilks
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.physics.muon_bremsstrahlung import signal_yield

MUONS = 1.98e10
CERTAIN = {"efficiency": 1.0, "background": 0.07, "muons_on_target": 0.0}  # nothing is left but a Poisson count
NOTE = "the signal efficiency is not public; 0.1 within a factor of two is assumed"


def load(mass: float, **configuration: object) -> BinnedLikelihood:
    return npinfer.load("na64mu_zprime", m_zprime=mass, **configuration)


@pytest.mark.parametrize(("mass", "coupling"), [(0.01, 1.21e-4), (0.1, 1.57e-4)])
def test_limit_from_toys(mass: float, coupling: float) -> None:
    """CLs of zero events is exp(-s), whatever the background: 2.303 events of signal at 90 %."""
    found = npinfer.upper_limit(load(mass), method="toys", fixed=CERTAIN, n_toys=2000, expected=False)
    assert found.observed == pytest.approx(np.sqrt(np.log(10) / (MUONS * signal_yield(mass))), rel=0.03)
    assert found.observed == pytest.approx(coupling, rel=0.05)


@pytest.mark.parametrize(("mass", "coupling"), [(0.01, 1.21e-4), (0.1, 1.57e-4), (0.5, 5.1e-4), (1.0, 1.20e-3)])
def test_every_mass_against_an_independent_computation(mass: float, coupling: float) -> None:
    """Zero events: -2Δ ln L = 2s, so the interval ends at half its threshold; all decays invisible."""
    likelihood = load(mass, decay="dark_matter")
    every = {"g_chi": 3.5} if "g_chi" in likelihood.parameters.names else {}
    found = npinfer.interval(likelihood, "g_zprime", cl=wilks.enclosed(2 * np.log(10)), fixed={**CERTAIN, **every})
    assert found.segments[0].lower_at_bound
    assert found.upper == pytest.approx(np.sqrt(np.log(10) / (MUONS * signal_yield(mass))), rel=1e-4)
    assert found.upper == pytest.approx(coupling, rel=0.03)


def test_the_efficiency_is_profiled() -> None:
    """min over ε of 2 N g² ε + (ln(ε/0.1)/ln 2)² at the threshold, solved here."""
    events = MUONS * float(signal_yield(0.01))

    def height(coupling: float) -> float:
        at = lambda v: 2 * events * coupling**2 * 0.1 * np.exp(v) + (v / np.log(2)) ** 2
        return float(minimize_scalar(at, bounds=(np.log(0.02), 0), method="bounded", options={"xatol": 1e-10}).fun)

    wanted = brentq(lambda g: height(g) - 2.706, 1e-5, 1e-2)
    held = {k: v for k, v in CERTAIN.items() if k != "efficiency"}
    found = npinfer.interval(load(0.01), "g_zprime", cl=wilks.enclosed(2.706), fixed=held)
    assert found.upper == pytest.approx(wanted, rel=1e-4)
    certain = npinfer.interval(load(0.01), "g_zprime", cl=wilks.enclosed(2.706), fixed={**held, "efficiency": 0.1})
    assert certain.upper < found.upper


def test_visible_decays_weaken_the_limit_and_dark_ones_restore_it() -> None:
    bounds = [
        npinfer.interval(likelihood, "g_zprime", cl=0.9, fixed=CERTAIN).upper
        for likelihood in (load(1.0), load(1.0, decay="dark_matter"))
    ]
    assert bounds[0] / bounds[1] == pytest.approx(np.sqrt(2.0), rel=1e-3)
    assert "g_chi" not in load(0.1, decay="dark_matter").parameters.names
    assert load(1.0, decay="dark_matter").parameters["g_chi"].fixed


def test_heavy_bosons_are_hardly_made() -> None:
    """At g = 1: the nucleus' photons end at a momentum of t_min = (m²/2E)², and the beam's energy at its own mass."""
    masses = np.array([5.0, 10.0, 30.0, 100.0])
    events = np.array([load(float(m)).expected({"g_zprime": 1.0, "efficiency": 1.0}).total("signal") for m in masses])
    assert np.all(np.diff(events) < 0)
    assert events[0] > 100
    assert 0 < events[-1] < 1e-9
    with pytest.raises(npinfer.NpinferError, match="at most 100"):
        load(101.0)


def test_what_it_says_of_itself() -> None:
    likelihood = load(0.01)
    d = likelihood.description
    assert (d.kind, d.status, likelihood.data.kind) == ("real", "approximate", "observed")
    assert likelihood.data.counts["signal_box"].tolist() == [0]
    assert likelihood.parameters["g_zprime"].role == "physics"
    limit = npinfer.upper_limit(likelihood, expected=False)
    assert NOTE in " ".join(limit.table().notes)


def test_declared_numbers() -> None:
    validation = npinfer.validate("na64mu_zprime")
    assert [c.name for c in validation.checks if not c.passed] == []
    assert len(validation.checks) == 9


def test_the_curve_over_masses(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    over = ["--over", "m_zprime=0.001:100:6:log", "--no-expected", "--out", str(tmp_path)]
    assert run(["limit", "na64mu_zprime", "--cl", "0.9", *over]) == 0
    printed = capsys.readouterr().out
    assert NOTE in printed
    assert "every row is local to its m_zprime" in printed
    rows = (tmp_path / "limit_over_m_zprime.csv").read_text().splitlines()
    columns = next(line for line in rows if line.startswith("m_zprime")).split(",")
    values = [line.split(",")[columns.index("g_zprime observed")] for line in rows if line[:1].isdigit()]
    assert values[4:] == ["no limit"] * 2  # from 10 GeV on not even g = 1
    limits = np.array(values[:4], dtype=float)
    assert np.all(np.diff(limits) > 0)
    assert limits[0] == pytest.approx(3.4e-4, rel=0.02)
