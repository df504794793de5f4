"""fit: truths returned, errors against iminuit, states in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import iminuit
import numpy as np
import pytest

import npinfer
from npinfer.core.result import FitResult, Status
from npinfer.errors import ConfigurationError, ParameterError
from npinfer.inference.fit_options import FitOptions
from npinfer.likelihood.binned import BinnedLikelihood

LEVEL = """\
schema: npinfer/likelihood/1
name: two
kind: real
status: illustrative
channels: {{only: {{axes: {{x: {{edges: [0, 1]}}}}, observed: [7]}}}}
samples:
  signal: {{template: {{only: [3]}}, scale: mu}}
  background: {{template: {{only: [{rate}]}}, scale: level}}
parameters:
  mu: {{init: 1.0, bounds: [0, 10]}}
  level: {{init: 1.0, bounds: [0.1, {upper}], constraint: {{normal: {{mean: 1.0, sigma: 0.2}}}}}}
"""
CONFIGURATIONS: list[dict[str, Any]] = [
    {},
    {"composition": "flavour"},
    {"composition": "source", "source_model": "pgamma"},
    {"composition": "source", "source_model": "mixture", "oscillation": "nufit-6.0-NO-IC24"},
    {"spectrum": "cutoff"},
    {"spectrum": "broken_power_law"},
]


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=str)
def test_asimov_returns_its_truth(configuration: dict[str, Any]) -> None:
    """Within 1e-6 of each parameter's range, with zero pulls; twice_nll is that of the saturated model."""
    likelihood = npinfer.load("icecube_hese", **configuration)
    p = likelihood.parameters
    shift = np.random.default_rng(5).uniform(-0.03, 0.03, len(p)) * (p.upper - p.lower)
    truth = np.where(p.fixed, p.init, np.clip(p.init + shift, p.lower + 0.01 * (p.upper - p.lower), p.upper))
    data = likelihood.asimov(truth)
    result = npinfer.fit(likelihood, data=data)
    found = np.array([result.values[n] for n in p.names])
    assert np.abs((found - truth) / (p.upper - p.lower)).max() < 1e-6
    assert max(map(abs, result.pulls.values())) < 1e-5
    assert result.twice_nll == pytest.approx(-2 * likelihood.saturated(data), abs=1e-9)
    assert result.status is Status.CONVERGED
    assert result.data_kind == "asimov"


def test_errors_are_those_of_hesse(small: BinnedLikelihood) -> None:
    result = npinfer.fit(small, fixed={"coupling": 1.0})
    minuit = iminuit.Minuit(small.cost(), *small.parameters.init)
    minuit.limits = [p.bounds for p in small.parameters]
    minuit.fixed["small.coupling"] = True
    minuit.strategy, minuit.tol = 2, 1e-5
    minuit.migrad()
    for name in small.parameters.names:
        minuit.limits[name] = None  # with limits, HESSE works in coordinates that bend near a bound
    minuit.hesse()
    assert result.twice_nll == pytest.approx(minuit.fval, abs=1e-7)
    for name in result.free:
        assert result.values[name] == pytest.approx(minuit.values[name], abs=2e-3 * result.errors[name])
        assert result.errors[name] == pytest.approx(minuit.errors[name], rel=5e-3)
    np.testing.assert_allclose(np.diag(result.correlation()), 1.0)


def test_minos_against_iminuit(hese: BinnedLikelihood) -> None:
    fixed = {"f_nuebar": 1 / 6, "prompt_norm": 0.0}
    result = npinfer.fit(hese, fixed=fixed, minos=("astro_gamma", "conv_norm"))
    minuit = iminuit.Minuit(hese.cost(), *hese.parameters.vector(fixed))
    minuit.limits = [p.bounds for p in hese.parameters]
    for name in ("f_nuebar", "icecube_hese.prompt_norm"):
        minuit.fixed[name] = True
    minuit.tol = 1e-4
    minuit.migrad()
    minuit.minos("astro_gamma", "icecube_hese.conv_norm", cl=0.6826894921370859)
    for name in ("astro_gamma", "icecube_hese.conv_norm"):
        low, high = result.minos[name]
        assert low == pytest.approx(minuit.merrors[name].lower, rel=2e-3)
        assert high == pytest.approx(minuit.merrors[name].upper, rel=2e-3)


def test_migrad_is_one_call_away(hese: BinnedLikelihood) -> None:
    ours, theirs = npinfer.fit(hese), npinfer.fit(hese, options=FitOptions(minimiser="migrad"))
    assert ours.twice_nll == pytest.approx(theirs.twice_nll, abs=1e-5)
    assert ours.twice_nll <= theirs.twice_nll + 1e-6


def test_short_names_bounds_and_words(hese: BinnedLikelihood) -> None:
    result = npinfer.fit(hese, fixed={"conv_norm": 1.2, "f_nuebar": 0.3})
    assert result.fixed == ("f_nuebar", "icecube_hese.conv_norm")
    assert result.values["icecube_hese.conv_norm"] == 1.2
    assert np.isnan(result.errors["f_nuebar"])
    assert result.status is Status.AT_BOUND
    assert "icecube_hese.prompt_norm stopped at its lower bound 0" in result.message
    assert "icecube_hese.prompt_norm" not in result.free


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"fixed": {"astro_gama": 2.5}}, "unknown parameter 'astro_gama': did you mean 'astro_gamma'"),
        ({"fixed": {"astro_gamma": 9.0}}, r"parameter 'astro_gamma': 9 is outside its bounds \[1.5, 4\]"),
        ({"init": {"astro_gamma": float("nan")}}, "parameter 'astro_gamma': nan is not a finite number"),
        ({"fixed": {"astro_gamma": "steep"}}, "parameter 'astro_gamma': 'steep' is not a number"),
    ],
)
def test_bad_values_are_refused(hese: BinnedLikelihood, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        npinfer.fit(hese, **arguments)


def test_everything_fixed(small: BinnedLikelihood) -> None:
    values = dict(zip(small.parameters.names, small.parameters.init, strict=True))
    result = npinfer.fit(small, fixed=values)
    assert result.valid
    assert result.free == ()
    assert result.twice_nll == pytest.approx(-2 * small.logpdf(small.parameters.init))


def test_derived_quantities_have_errors() -> None:
    likelihood = npinfer.load("icecube_hese", composition="source", source_model="mixture")
    result = npinfer.fit(likelihood)
    assert 0.07 < result.derived["f_nuebar"] < 0.18
    assert result.derived["f_e"] + result.derived["f_mu"] + result.derived["f_tau"] == pytest.approx(1.0)
    assert result.derived_errors["resonance_events"] > 0


def test_the_post_fit_templates_are_the_expectation(hese: BinnedLikelihood) -> None:
    result = npinfer.fit(hese, fixed={"f_nuebar": 0.2})
    expected = hese.expected(result.values)
    for name, view in result.channels.items():
        np.testing.assert_allclose(sum(view.samples.values()), expected[name])
        assert view.slopes.shape == (len(result.free), expected[name].size)
        assert view.observed.sum() == hese.data.counts[name].sum()


def test_saved_and_loaded(hese: BinnedLikelihood, tmp_path: Path) -> None:
    result = npinfer.fit(hese)
    again = npinfer.load_result(result.save(tmp_path / "fit.json"))
    assert isinstance(again, FitResult)
    assert again.to_dict() == result.to_dict()
    np.testing.assert_array_equal(again.covariance, result.covariance)


def test_provenance_tells_the_inputs_apart(hese: BinnedLikelihood) -> None:
    one = npinfer.fit(hese).provenance
    two = npinfer.fit(hese.configure(spectrum="cutoff"), fixed={"astro_log10_cutoff": 7.0}).provenance
    assert one.digests["spec"] == two.digests["spec"]
    assert one.digests["configuration"] != two.digests["configuration"]
    assert one.versions["numpy"] == np.__version__


def test_a_simplex_makes_room_for_what_is_fixed() -> None:
    likelihood = npinfer.load("icecube_hese", composition="flavour")
    result = npinfer.fit(likelihood, fixed={"f_e": 0.8})
    assert result.values["f_mu"] <= 0.2
    assert result.valid
    scan = npinfer.profile(likelihood, {"f_e": np.array([0.1, 0.8, 1.0])})
    assert np.isfinite(scan.delta_twice_nll).all()
    assert scan.delta_twice_nll[1] + scan.twice_nll == pytest.approx(result.twice_nll, abs=1e-6)
    with pytest.raises(ParameterError, match=r"f_e=0.8 \+ f_mu=0.7 is more than 1"):
        npinfer.fit(likelihood, fixed={"f_e": 0.8, "f_mu": 0.7})


def test_one_parameter_under_two_names_is_refused(hese: BinnedLikelihood) -> None:
    with pytest.raises(ParameterError, match="conv_norm' is given twice"):
        npinfer.fit(hese, fixed={"conv_norm": 1.0, "icecube_hese.conv_norm": 1.1})
    with pytest.raises(ParameterError, match="has two grids"):
        npinfer.profile(hese, {"conv_norm": np.array([1.0]), "icecube_hese.conv_norm": np.array([1.0])})


@pytest.mark.parametrize("upper", ["5", "1.0e+9", "1.0e+60", ".inf"])
def test_bounds_too_wide_to_matter_do_not(make: Callable[[str], BinnedLikelihood], upper: str) -> None:
    """Seven events of 4.5 · level + 3 · mu: level is what its constraint says."""
    result = npinfer.fit(make(LEVEL.format(upper=upper, rate=4.5)))
    assert result.status is Status.CONVERGED
    assert result.values["two.level"] == pytest.approx(1.0, abs=1e-6)
    assert result.values["two.mu"] == pytest.approx((7 - 4.5) / 3, abs=1e-6)
    assert result.errors["two.level"] == pytest.approx(0.2, rel=1e-5)
    assert result.errors["two.mu"] == pytest.approx(np.sqrt(7 + (4.5 * 0.2) ** 2) / 3, rel=1e-5)


@pytest.mark.parametrize("minimiser", ["native", "migrad"])
def test_a_best_value_next_to_its_bound_is_not_put_on_it(
    make: Callable[[str], BinnedLikelihood], minimiser: str
) -> None:
    """Seven events of 1e12 · mu, with nothing else: at the bound the data are impossible."""
    text = LEVEL.format(upper="5", rate=0).replace("{only: [3]}", "{only: [1.0e+12]}")
    likelihood = make(text)
    result = npinfer.fit(likelihood, init={"mu": 1e-11}, options=FitOptions(minimiser=minimiser))
    assert result.values["two.mu"] == pytest.approx(7e-12, rel=2e-4)  # EDM 1e-7, which MIGRAD aims at
    assert result.twice_nll == pytest.approx(-2 * likelihood.logpdf(result.values), abs=1e-9)


@pytest.mark.parametrize(
    "ask",
    [
        npinfer.fit, npinfer.upper_limit, npinfer.significance, npinfer.goodness_of_fit, npinfer.impacts,
        npinfer.sample, npinfer.rank_calibration, npinfer.export, lambda name: npinfer.toys(name, 10),
        lambda name: npinfer.profile(name, {"astro_gamma": np.array([2.5])}),
        lambda name: npinfer.interval(name, "astro_gamma"),
        lambda name: npinfer.calibrate(name, {"astro_gamma": np.array([2.5])}),
        lambda name: npinfer.coverage(name, npinfer.IntervalOptions("f_nuebar"), at={"f_nuebar": 0.2}),
        lambda name: npinfer.exclusion(name, "f_nuebar", np.array([0.1, 0.2])),
        lambda name: npinfer.compare(name, {"a": {}, "b": {}}),
        lambda name: npinfer.joint(name, npinfer.load("icecube_pepe")),
    ],
)  # fmt: skip
def test_a_name_is_no_likelihood(ask: Callable[[str], object]) -> None:
    said = r"expected a likelihood; found the name 'icecube_hese': npinfer.load\('icecube_hese'\) gives it"
    with pytest.raises(ConfigurationError, match=said):
        ask("icecube_hese")
