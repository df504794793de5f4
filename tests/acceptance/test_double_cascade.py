"""Forecast and published limits of double cascades: what they answer, and what they say of themselves."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer import load_result
from npinfer.cli.main import run
from npinfer.errors import ConfigurationError, InferenceError
from npinfer.physics.heavy_scattering import CROSS_SECTIONS


@pytest.mark.parametrize("name", ["deepcore_double_cascade", "icecube_hnl", "utau4_limits"])
def test_declared_numbers(name: str) -> None:
    assert [c.name for c in npinfer.validate(name).checks if not c.passed] == []


def test_what_they_say_of_themselves() -> None:
    forecast, summary = npinfer.load("deepcore_double_cascade"), npinfer.load("icecube_hnl")
    assert (forecast.description.kind, forecast.description.status, forecast.data.kind) == (
        "asimov",
        "illustrative",
        "asimov",
    )
    assert (summary.description.kind, summary.description.status) == ("summary", "approximate")
    limit = npinfer.upper_limit(forecast)
    assert "weaker by two to four orders of magnitude" in " ".join(limit.table().notes)


@pytest.mark.parametrize(("mass", "limit"), [(0.3, 0.19), (0.6, 0.36), (1.0, 0.40)])
def test_published_limits(mass: float, limit: float) -> None:
    """CLs of a normal measurement at zero ends at 1.645 σ, as the interval from zero does."""
    summary = npinfer.load("icecube_hnl", m_sterile=mass)
    assert npinfer.upper_limit(summary, cl=0.90).observed == pytest.approx(limit, abs=0.005)


def test_masses_without_a_published_limit() -> None:
    with pytest.raises(ConfigurationError, match=r"expected one of 0\.3, 0\.6, 1 GeV"):
        npinfer.load("icecube_hnl", m_sterile=0.5)


@pytest.mark.parametrize(
    ("experiment", "mass", "cl", "limit"),
    [("charm", 0.28979591836734704, 0.90, 7.431e-5), ("delphi", 4.05180676498956, 0.95, 2.994e-5)],
)
def test_digitised_limits(experiment: str, mass: float, cl: float, limit: float) -> None:
    summary = npinfer.load("utau4_limits", experiment=experiment, m_sterile=mass)
    assert npinfer.upper_limit(summary, cl=cl, expected=False).observed == pytest.approx(limit, rel=1e-3)


def test_limits_between_masses_and_beyond_them() -> None:
    """Log-log between 0.6 and 0.7 GeV; no mass that the experiment did not look at."""
    at = float(np.sqrt(0.6 * 0.7))
    found = npinfer.upper_limit(npinfer.load("utau4_limits", m_sterile=at), cl=0.95, expected=False)
    assert found.observed == pytest.approx(np.sqrt(6.22e-4 * 4.85e-4), rel=1e-4)
    with pytest.raises(ConfigurationError, match=r"expected 0\.01 to 0\.2898 GeV, as charm has"):
        npinfer.load("utau4_limits", experiment="charm")
    with pytest.raises(ConfigurationError, match="unknown choice"):
        npinfer.load("utau4_limits", experiment="belle")


def test_a_forecast_joined_with_limits_is_a_summary() -> None:
    """|U_τ4|² is shared: the joint limit is that of the stronger one, here BaBar's."""
    members = [npinfer.load(name, m_sterile=0.6) for name in ("deepcore_double_cascade", "utau4_limits")]
    both = npinfer.joint(*members)
    assert both.description.kind == "summary"
    alone, together = (npinfer.upper_limit(lh, "utau4_squared", expected=False).observed for lh in (members[1], both))
    assert 0.5 * alone < together < alone


def test_a_short_lived_lepton_is_not_excluded() -> None:
    """At 1 GeV the rate falls again: limit refuses, and what is excluded ends where decays are too near."""
    forecast = npinfer.load("deepcore_double_cascade", m_sterile=1.0)
    with pytest.raises(InferenceError, match="use exclusion"):
        npinfer.upper_limit(forecast)
    found = npinfer.exclusion(forecast, "utau4_squared", np.geomspace(1e-5, 1, 60))
    (segment,) = found.segments
    counts = [forecast.expected({"utau4_squared": u}).total("signal") for u in (segment.lower, segment.upper)]
    assert 1e-4 < segment.lower < 1e-3 < 1e-2 < segment.upper < 0.1
    assert counts[0] == pytest.approx(counts[1], rel=0.02)


def test_a_nuisance_holds_the_difference_of_cross_sections() -> None:
    """One standard deviation is no less than what rates with the cross sections of IceCube's generator are higher."""
    forecast = npinfer.load("deepcore_double_cascade", m_sterile=1.0)
    found, raised = (
        forecast.expected({"utau4_squared": 1e-4, "deepcore_double_cascade.heavy_cross_section": shift}).total("signal")
        for shift in (0.0, 1.0)
    )
    independent = 2.31 * 0.172  # per km³ yr
    assert found < independent < raised


def test_cross_section_with_the_mass_in_the_kinematics_alone() -> None:
    """More is made of heavy leptons, and the limit is stronger; a dipole portal has none of it."""
    load = lambda **settings: npinfer.load("deepcore_double_cascade", m_sterile=1.0, **settings)
    at = {"utau4_squared": 1e-4}
    counts = [load(**c).expected(at).total("signal") for c in ({}, {"cross_section": "kinematic"})]
    assert counts[1] == pytest.approx(2.31 * 0.172, rel=0.05)
    assert counts[1] == pytest.approx(1.2 * counts[0], rel=0.02)
    dipole = [load(portal="dipole", cross_section=c).expected({"d_tau": 0.1}).total("signal") for c in CROSS_SECTIONS]
    assert dipole[0] == dipole[1] > 0
    with pytest.raises(ConfigurationError, match="configuration 'cross_section': 'massless': did you mean 'massive'"):
        load(cross_section="massless")


def test_five_sigma_by_the_command_of_the_readme(tmp_path: Path) -> None:
    """A background within a factor of two caps z at ln(1 + s/b)/ln 2, which is 5 for |U_τ4|² = 0.0128."""
    readme = Path(__file__).resolve().parents[2] / "likelihoods" / "README.md"
    (command,) = re.findall(
        r"(?m)^npinfer (significance deepcore_double_cascade .*)$", readme.read_text(encoding="utf-8")
    )
    assert run([*shlex.split(command), "--quiet", "--json", str(tmp_path / "z.json")]) == 0
    assert load_result(tmp_path / "z.json").z == pytest.approx(5, abs=0.03)
    long = npinfer.load("deepcore_double_cascade", exposure=100.0)
    truth = {"utau4_squared": 0.0128}
    ratio = long.expected(truth).total("signal") / long.expected(truth).total("background")
    found = npinfer.significance(long.with_data(long.asimov(truth))).z
    assert found == pytest.approx(np.log1p(ratio) / np.log(2), rel=1e-3)
    assert found == pytest.approx(5, abs=0.01)


def test_exposure_makes_more_of_everything() -> None:
    one, ten = (npinfer.load("deepcore_double_cascade", exposure=e) for e in (1.0, 10.0))
    at = {"utau4_squared": 1e-3}
    assert ten.expected(at).total() == pytest.approx(10 * one.expected(at).total(), rel=1e-12)
    assert npinfer.upper_limit(ten, expected=False).observed < npinfer.upper_limit(one, expected=False).observed


def test_dipole_portals_have_parameters_of_their_own() -> None:
    load = lambda flavour: npinfer.load("deepcore_double_cascade", portal="dipole", flavour=flavour, m_sterile=0.1)
    tau, mu = load("tau"), load("mu")
    assert (tau.poi, mu.poi) == ("d_tau", "d_munu")
    at = [lh.expected({lh.poi: 1.0}).total("signal") for lh in (tau, mu)]  # more ν_μ than what oscillates to ν_τ
    assert 0 < at[0] < at[1]
    (segment,) = npinfer.exclusion(mu, "d_munu", np.geomspace(0.05, 100, 40)).segments
    assert 0.1 < segment.lower < 10


def test_toys_and_posterior() -> None:
    forecast = npinfer.load("deepcore_double_cascade")
    drawn = npinfer.toys(forecast, 20, at={"utau4_squared": 5e-3})
    assert drawn.complete
    chains = npinfer.sample(npinfer.load("icecube_hnl"), n_walkers=8, n_steps=200)
    assert chains.chains.shape[-1] == 1
