"""Limits on a Z′ of L_μ−L_τ from neutrino tridents: published and independently computed numbers, by convention."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

import npinfer
from npinfer.cli.main import run
from npinfer.core import wilks
from npinfer.likelihood.binned import BinnedLikelihood

HEAVY_GEV = 300.0  # v² g²/(M² + Q²) is v² g²/M² to 1e-3
NAMES = ("trident_ccfr", "trident_charm_ii", "trident_nutev", "tridents")
MEASURED = {  # σ/σ_SM and its upper and lower error
    "trident_charm_ii": (1.58, 0.57, 0.57),
    "trident_ccfr": (0.82, 0.28, 0.28),
    "trident_nutev": (0.72, 1.73, 0.72),
}


def at_ratio(likelihood: BinnedLikelihood, ratio: float) -> float:
    """The coupling at which the ratio of a single experiment is `ratio`."""
    return float(brentq(lambda g: likelihood.expected({"g_zprime": g}).total() - ratio, 0.0, 1.0, xtol=1e-12))


def mass_over_coupling(name: str, delta: float) -> float:
    """M/g [GeV] where −2 ln L is `delta` above its minimum over g² ≥ 0."""
    upper = npinfer.interval(npinfer.load(name, m_zprime=HEAVY_GEV), "g_zprime", cl=float(wilks.enclosed(delta))).upper
    return HEAVY_GEV / float(upper)


@pytest.mark.parametrize("name", NAMES)
def test_declared_numbers(name: str) -> None:
    validation = npinfer.validate(name)
    assert [c for c in validation.checks if not c.passed] == []
    assert any(c.source not in ("itself", "pyhf") for c in validation.checks)


def test_density_of_the_three_ratios() -> None:
    likelihood = npinfer.load("tridents", m_zprime=0.1)
    for g in (0.0, 5e-4, 1.2e-3):
        expected = likelihood.expected({"g_zprime": g})
        total = 0.0
        for name, (seen, up, down) in MEASURED.items():
            ratio = float(expected[f"{name}.ratio"][0])
            sigma = up if ratio > seen else down
            total += norm.logpdf(seen, ratio, sigma) + np.log(2 * sigma / (up + down))
        assert likelihood.logpdf({"g_zprime": g}) == pytest.approx(total, rel=1e-12)


def test_published_heavy_limit_is_ccfr_alone_at_mean_plus_196_sigma() -> None:
    """545 and 619 GeV where vector and axial currents weigh alike; the muon's mass takes up to 2 %. Published: 550."""
    ccfr = npinfer.load("trident_ccfr", m_zprime=HEAVY_GEV)
    found = HEAVY_GEV / at_ratio(ccfr, 0.82 + 1.96 * 0.28)
    assert found == pytest.approx(545.0, rel=0.02)
    assert found == pytest.approx(550.0, rel=0.03)
    one_sided = HEAVY_GEV / at_ratio(ccfr, 0.82 + 1.645 * 0.28)
    assert one_sided == pytest.approx(619.0, rel=0.02)


@pytest.mark.parametrize(
    ("name", "delta", "value"), [("trident_ccfr", 3.84, 527.0), ("tridents", 2.71, 542.0), ("tridents", 3.84, 498.0)]
)
def test_heavy_limits_with_a_physical_boundary(name: str, delta: float, value: float) -> None:
    assert mass_over_coupling(name, delta) == pytest.approx(value, rel=0.01)


@pytest.mark.parametrize(("mass", "coupling"), [(0.01, 9.4e-4), (0.1, 1.23e-3), (1.0, 2.86e-3), (10.0, 1.88e-2)])
def test_light_limits_of_ccfr(mass: float, coupling: float) -> None:
    """At 10 MeV, where a leading logarithm would give 3.5e-4; the published one is about 1e-3."""
    assert at_ratio(npinfer.load("trident_ccfr", m_zprime=mass), 1.369) == pytest.approx(coupling, rel=0.01)


def test_the_upper_limit_is_that_of_a_normal_measurement() -> None:
    """One-sided, with R ≥ 1: the profile method of a single experiment excludes R above 0.82 + 1.645 σ."""
    ccfr = npinfer.load("trident_ccfr", m_zprime=0.01)
    boundary = 1.0  # of R, from which the test statistic is measured when less was seen
    found = npinfer.upper_limit(ccfr, cl=0.95)
    ratio = ccfr.expected({"g_zprime": found.observed}).total()
    size = (ratio - boundary) / 0.28
    pull = (ratio - 0.82) / 0.28
    assert norm.sf(pull) / norm.sf(pull - size) == pytest.approx(0.05, rel=1e-4)
    expected = (ccfr.expected({"g_zprime": found.expected[2]}).total() - boundary) / 0.28
    assert norm.sf(expected) / 0.5 == pytest.approx(0.05, rel=1e-3)
    assert found.expected_from == "Asimov data"


def test_experiments_can_be_left_out() -> None:
    likelihood = npinfer.load("tridents", m_zprime=1.0)
    left = likelihood.without("trident_charm_ii", "trident_nutev")
    alone = npinfer.load("trident_ccfr", m_zprime=1.0)
    point = {"g_zprime": 2e-3}
    assert left.logpdf(point) == alone.logpdf(point)
    assert (likelihood.description.kind, likelihood.description.status) == ("real", "approximate")


def test_limits_over_masses_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    asked = ["limit", "tridents", "--over", "m_zprime=0.001:100:6:log", "--no-expected", "--out", str(out)]
    assert run(asked) == 0
    assert "every row is local to its m_zprime" in capsys.readouterr().out
    lines = (out / "limit_over_m_zprime.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    masses, limits = (np.array([float(row[key]) for row in rows]) for key in ("m_zprime", "g_zprime observed"))
    np.testing.assert_allclose(masses, np.geomspace(1e-3, 100, 6))
    for mass, limit in zip(masses, limits, strict=True):
        likelihood = npinfer.load("tridents", m_zprime=float(mass))
        assert limit == pytest.approx(npinfer.upper_limit(likelihood, expected=False).observed, rel=1e-3)
    assert (np.diff(limits) > 0).all()


def test_a_heavier_zprime_than_the_coupling_reaches_has_no_limit() -> None:
    assert npinfer.upper_limit(npinfer.load("tridents", m_zprime=2000.0), expected=False).observed == np.inf


def test_destructive_interference_is_a_case_for_exclusion() -> None:
    """A muon of the opposite charge: R falls to a minimum of 0.23 before it rises, and comes back to 1."""
    heavy = npinfer.load("trident_ccfr", m_zprime=100.0, muon_charge=-1.0)
    with pytest.raises(npinfer.NpinferError, match=r"turn at g_zprime = .*use exclusion"):
        npinfer.upper_limit(heavy)
    found = npinfer.exclusion(heavy, "g_zprime", np.linspace(0, 0.8, 81), method="profile", cl=0.95)
    dip, above = found.segments
    size = 1.6448536 * 0.28
    for end, ratio in ((dip.lower, 0.82 - size), (dip.upper, 0.82 - size), (above.lower, 0.82 + size)):
        assert heavy.expected({"g_zprime": end}).total() == pytest.approx(ratio, abs=1e-4)
    assert above.upper_at_bound
    first, second = npinfer.interval(heavy, "g_zprime", cl=0.95).segments
    assert first.lower_at_bound
    assert heavy.expected({"g_zprime": first.upper}).total() == pytest.approx(0.82 - 1.96 * 0.28, abs=1e-3)
    assert heavy.expected({"g_zprime": second.upper}).total() == pytest.approx(0.82 + 1.96 * 0.28, abs=1e-3)
