"""Yields and bands: against closed forms, brute-force sums and toys of the parameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import npinfer
from npinfer.core.result import FitResult
from npinfer.errors import DataError, InferenceError
from npinfer.likelihood.binned import BinnedLikelihood

NORMS = """\
schema: npinfer/likelihood/1
name: norms
kind: real
status: illustrative
poi: mu
channels:
  near: {axes: {x: {linear: [0, 2, 2]}}, observed: [130, 70]}
  far: {axes: {x: {linear: [0, 1, 1]}}, observed: [24]}
samples:
  signal: {template: {near: [20, 10], far: [4]}, scale: mu}
  background:
    template: {near: [100, 60], far: [20]}
    scale: [level, lumi]
parameters:
  mu: {init: 1.5, bounds: [0, 10]}
  level: {init: 1.0, bounds: [0.1, 5], constraint: {normal: {mean: 1.1, sigma: 0.2}}}
  lumi: {init: 1.0, bounds: [0.5, 1.5], constraint: {normal: {mean: 1.0, sigma: 0.05}}}
"""


def yields(result: FitResult) -> dict[tuple[str, str], tuple[float, float, float, float]]:
    return {(y.channel, y.sample): (y.prefit, y.prefit_error, y.postfit, y.postfit_error) for y in result.yields}


def test_prefit_yields_in_closed_form(make: Callable[[str], BinnedLikelihood]) -> None:
    """Measured at 1.1 · 1.0 with σ² = (1.0 · 0.2)² + (1.1 · 0.05)²; mu has no constraint."""
    found = yields(npinfer.fit(make(NORMS)))
    relative = np.hypot(0.2, 1.1 * 0.05)
    assert found["near", "background"][:2] == pytest.approx((176.0, 160 * relative), rel=1e-6)
    assert found["near", "signal"][:2] == pytest.approx((45.0, 0.0))
    assert found["far", "background"][:2] == pytest.approx((22.0, 20 * relative), rel=1e-6)


def test_postfit_yields_in_closed_form(make: Callable[[str], BinnedLikelihood]) -> None:
    """Of counts that are a product with mu alone, the error is the template times that of mu."""
    result = npinfer.fit(make(NORMS))
    found, (mu, sigma) = yields(result), (result.values["norms.mu"], result.errors["norms.mu"])
    assert found["near", "signal"][2:] == pytest.approx((30 * mu, 30 * sigma), rel=1e-5)
    assert found["far", "signal"][2:] == pytest.approx((4 * mu, 4 * sigma), rel=1e-5)
    for name, view in result.channels.items():
        whole = sum(found[name, s][2] for s in ("signal", "background"))
        assert view.total.sum() == pytest.approx(whole)


def test_errors_against_toys_of_the_parameters(small: BinnedLikelihood) -> None:
    """Normal parameters a tenth as wide as the fit's give counts a tenth as wide: samples, sums, single bins."""
    result = npinfer.fit(small, fixed={"coupling": 1.0})
    rng, n = np.random.default_rng(8), 20000
    points = np.tile(np.array(list(result.values.values())), (n, 1))
    kept = [small.parameters.index(name) for name in result.free]
    points[:, kept] += 0.1 * rng.multivariate_normal(np.zeros(len(kept)), result.covariance, n)
    drawn = small.expected(points)
    for (channel, sample), (_, _, after, error) in yields(result).items():
        counts = drawn.samples[sample][channel].sum(axis=1)
        assert counts.mean() == pytest.approx(after, abs=0.02 * error + 1e-9)
        assert 10 * counts.std() == pytest.approx(error, rel=0.03, abs=1e-9)
    for channel, view in result.channels.items():
        counts = drawn[channel]
        assert view.sum_error(result.covariance) == pytest.approx(10 * counts.sum(axis=1).std(), rel=0.03)
        for where in (np.array([0]), np.array([0, 2]), slice(1, 3)):
            spread = 10 * counts[:, where].sum(axis=1).std()
            assert view.sum_error(result.covariance, where) == pytest.approx(spread, rel=0.03)


def test_prefit_band_against_toys_of_the_constraints(make: Callable[[str], BinnedLikelihood]) -> None:
    likelihood = make(NORMS)
    result = npinfer.fit(likelihood)
    views, covariance = result.stage("prefit")
    rng, n = np.random.default_rng(9), 20000
    points = np.tile([1.5, 1.1, 1.0], (n, 1))
    points[:, 1:] += 0.1 * rng.standard_normal((n, 2)) * [0.2, 0.05]
    drawn = likelihood.expected(points)
    for channel, view in views.items():
        np.testing.assert_allclose(view.total, likelihood.expected(np.array([1.5, 1.1, 1.0]))[channel])
        spread = 10 * drawn[channel].sum(axis=1).std()
        assert view.sum_error(covariance) == pytest.approx(spread, rel=0.03)
    assert result.prefit_free == ("norms.level", "norms.lumi")


def test_held_and_start_values(make: Callable[[str], BinnedLikelihood]) -> None:
    """Pre-fit counts see what is held and where the fit starts."""
    held = yields(npinfer.fit(make(NORMS), fixed={"level": 2.0}, init={"mu": 3.0}))
    assert held["near", "background"][:2] == pytest.approx((320.0, 320 * 0.05), rel=1e-6)
    assert held["near", "signal"][0] == pytest.approx(90.0)


def test_members_have_only_their_own_samples(hese: BinnedLikelihood) -> None:
    both = npinfer.joint(hese, npinfer.load("icecube_pepe"))
    rows = npinfer.fit(both).yields_table().rows
    assert {r[1] for r in rows if r[0] == "icecube_pepe.shower"} == {"icecube_pepe.astro", "all"}


def test_the_table(make: Callable[[str], BinnedLikelihood]) -> None:
    result = npinfer.fit(make(NORMS))
    table = result.yields_table()
    assert [r[:2] for r in table.rows] == [
        *[("near", s) for s in ("signal", "background", "all")],
        *[("far", s) for s in ("signal", "background", "all")],
    ]
    assert [r[-1] for r in table.rows] == [None, None, 200.0, None, None, 24.0]
    assert "not calibrated with toys" in table.notes[1]
    assert result.curves() == {"yields": table}


def test_a_fit_saved_without_prefit_counts(make: Callable[[str], BinnedLikelihood]) -> None:
    """Older files still load, and say what they lack."""
    content = npinfer.fit(make(NORMS)).to_dict()
    for key in ("prefit", "prefit_free", "prefit_covariance", "yields"):
        del content[key]
    old = FitResult.from_dict(content)
    with pytest.raises(DataError, match="saved without its pre-fit counts; fit again"):
        old.stage("prefit")
    assert [r[:4] for r in old.yields_table().rows] == [("near", "all", None, None), ("far", "all", None, None)]
    with pytest.raises(InferenceError, match="unknown stage 'pre-fit': did you mean 'prefit'"):
        old.stage("pre-fit")
