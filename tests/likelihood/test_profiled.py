"""Single-bin parameters in closed form, against a search of each by itself and against what they replace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import xlogy

import npinfer
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.profiled import Profiled, SingleBins

size = st.floats(0.01, 200)


def one(sigma: float = 0.0, rate: float = 0.0) -> SingleBins:
    at = np.zeros(1, dtype=np.intp)
    return SingleBins(at, at, at, np.array([sigma]), np.array([rate]))


def found(bins: SingleBins, *numbers: float) -> float:
    fixed, slope, counts, auxiliary = (np.array([[v]]) for v in numbers)
    return float(bins.best(fixed, slope, counts, auxiliary)[0, 0])


@given(size, size, st.integers(0, 300), st.floats(0.01, 3), st.floats(0.5, 1.5))
def test_with_a_normal_constraint(fixed: float, slope: float, counts: int, sigma: float, measured: float) -> None:
    best = found(one(sigma=sigma), fixed, slope, counts, measured)
    score = (counts / (fixed + best * slope) - 1) * slope if counts else -slope
    assert score - (best - measured) / sigma**2 == pytest.approx(0.0, abs=1e-7 * (slope + counts + 1 / sigma**2)) or (
        counts == 0 and fixed + best * slope == pytest.approx(0.0, abs=1e-9)
    )
    assert fixed + best * slope >= -1e-9


@given(size, size, st.integers(0, 300), st.floats(0.1, 500), st.integers(0, 300))
def test_with_a_poisson_constraint(fixed: float, slope: float, counts: int, rate: float, seen: int) -> None:
    best = found(one(rate=rate), fixed, slope, counts, seen)

    def nll(gamma: float) -> float:
        expected = fixed + gamma * slope
        return float(expected - xlogy(counts, expected) + gamma * rate - xlogy(seen, gamma))

    search = minimize_scalar(nll, bounds=(0.0, 2 * (counts + seen + 1) / (slope + rate) + 1), method="bounded")
    assert nll(max(best, 0.0)) <= search.fun + 1e-9 * abs(search.fun)


@pytest.mark.parametrize("bins", [one(sigma=0.1), one(rate=50.0)])
def test_where_nothing_depends_on_it_it_is_as_measured(bins: SingleBins) -> None:
    measured = 1.1 if bins.rate[0] == 0 else 55.0
    assert found(bins, 0.0, 0.0, 0, measured) == found(bins, 3.0, 0.0, 2, measured) == pytest.approx(1.1)


def test_which_parameters_are_in_closed_form(workspaces: Any, open_workspace: Callable[..., BinnedLikelihood]) -> None:
    lh = open_workspace(workspaces.shared_bins())
    names = [lh.parameters.names[i] for i in lh.single_bins.at]
    assert len(names) == len(set(lh.single_bins.bins.tolist())) == 5  # one for each of the five bins
    assert all("mc[" in n or "shower[" in n for n in names)


def test_pulls_that_vary_one_bin_are_not_affine(open_workspace: Callable[..., BinnedLikelihood]) -> None:
    normsys = {"name": "x", "type": "normsys", "data": {"lo": 0.8, "hi": 1.1}}
    sample = {"name": "s", "data": [50.0], "modifiers": [normsys]}
    content = {
        "channels": [{"name": "c", "samples": [sample]}],
        "observations": [{"name": "c", "data": [55]}],
        "measurements": [{"name": "m", "config": {"poi": "x", "parameters": []}}],
        "version": "1.0.0",
    }
    assert not len(open_workspace(content).single_bins.at)


def test_the_profile_is_the_density_where_they_are_at_their_best(
    workspaces: Any, open_workspace: Callable[..., BinnedLikelihood]
) -> None:
    lh = open_workspace(workspaces.many())
    profiled = Profiled(lh, ~lh.parameters.fixed)
    assert len(profiled.singles.at) == 60
    rng = np.random.default_rng(3)
    points = np.repeat(lh.parameters.init[None], 5, axis=0)
    points[:, profiled.moving] += 0.05 * rng.normal(size=(5, len(profiled.moving)))
    solved, value, gradient, information = profiled.expansion(points, lh.pack())
    whole_value, whole_gradient, whole_information = lh.expansion(solved, lh.pack())
    assert value == pytest.approx(whole_value, rel=1e-13)
    assert gradient == pytest.approx(whole_gradient[:, profiled.moving], rel=1e-10, abs=1e-10)
    assert whole_gradient[:, profiled.singles.at] == pytest.approx(np.zeros((5, 60)), abs=1e-7)
    covariance = np.linalg.inv(whole_information)[:, profiled.moving[:, None], profiled.moving]
    assert information == pytest.approx(np.linalg.inv(covariance), rel=1e-8, abs=1e-8)  # the Schur complement


def test_the_minimum_does_not_depend_on_it(workspaces: Any, open_workspace: Callable[..., BinnedLikelihood]) -> None:
    lh = open_workspace(workspaces.shared_bins())
    ours = npinfer.fit(lh)
    theirs = npinfer.fit(lh, options=npinfer.FitOptions(minimiser="migrad"))
    assert ours.twice_nll == pytest.approx(theirs.twice_nll, abs=1e-6)
    for name in lh.parameters.names:
        assert ours.values[name] == pytest.approx(theirs.values[name], abs=1e-3 * ours.errors[name])
        assert ours.errors[name] == pytest.approx(theirs.errors[name], rel=2e-3)
