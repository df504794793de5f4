"""interval against closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

import npinfer
from npinfer.core import wilks
from npinfer.errors import ConfigurationError, ParameterError
from npinfer.likelihood.binned import BinnedLikelihood
from tests.inference.conftest import TWO_MINIMA


@pytest.mark.parametrize(
    ("threshold", "lower", "upper"),
    [(1.0, "0.302", "2.358"), (2.706, "0.1057", "3.647"), (3.84, "0.0571", "4.402")],
)
def test_one_event_without_background(counting: BinnedLikelihood, threshold: float, lower: str, upper: str) -> None:
    """Poisson likelihood-ratio intervals for n = 1, to the digits printed by Liu, Song, Vincent's inputs."""
    found = npinfer.interval(counting, "s", cl=wilks.enclosed(threshold))
    for edge, printed in ((found.lower, lower), (found.upper, upper)):
        assert f"{edge:.{len(printed) - 2}f}" == printed
        assert 2 * (edge - 1 - np.log(edge)) == pytest.approx(threshold, abs=1e-6)


def test_no_event_gives_a_bound_below(counting: BinnedLikelihood) -> None:
    empty = counting.with_data(counting.dataset(np.zeros(1), np.zeros(0), "observed"))
    found = npinfer.interval(empty, "s", cl=0.9)
    assert found.segments[0].lower_at_bound
    assert found.lower == 0.0
    assert found.upper == pytest.approx(wilks.threshold(0.9) / 2, abs=1e-6)
    assert "0 (bound)" in found.describe()


def test_two_minima_give_two_segments(two_minima: BinnedLikelihood) -> None:
    found = npinfer.interval(two_minima, "p", cl=0.68)
    assert len(found.segments) == 2

    def excess(p: float) -> float:
        mean = 1 + p * p
        return 2 * (mean - 100 - 100 * np.log(mean / 100)) - wilks.threshold(0.68)

    inner, outer = brentq(excess, 5, np.sqrt(99)), brentq(excess, np.sqrt(99), 20)
    edges = [(s.lower, s.upper) for s in found.segments]
    assert edges == [pytest.approx((-outer, -inner), abs=1e-5), pytest.approx((inner, outer), abs=1e-5)]
    assert (found.lower, found.upper) == pytest.approx((-outer, outer), abs=1e-5)


def test_gaussian_nuisance_is_profiled(small: BinnedLikelihood) -> None:
    """A parameter seen only by its constraint has the constraint's interval."""
    data = small.asimov(small.parameters.vector({"mu": 0.0}))
    found = npinfer.interval(small.with_data(data), "coupling", cl=wilks.enclosed(1.0), fixed={"mu": 0.0})
    assert found.lower == pytest.approx(1.0 - 0.05, abs=1e-6)
    assert found.upper == pytest.approx(1.0 + 0.1, abs=1e-6)


def test_edges_lie_on_the_profile(hese: BinnedLikelihood) -> None:
    found = npinfer.interval(hese, "astro_gamma", cl=0.9)
    scan = npinfer.profile(hese, {"astro_gamma": np.array([found.lower, found.best, found.upper])})
    np.testing.assert_allclose(scan.delta_twice_nll, [found.threshold, 0.0, found.threshold], atol=1e-4)


@pytest.mark.parametrize("threshold", [0.01, 1.0])
def test_the_curve_is_the_profile_over_the_whole_interval(counting: BinnedLikelihood, threshold: float) -> None:
    """Straight lines between its points are within 2 % of the threshold, and reach it at the ends."""
    found = npinfer.interval(counting, "s", cl=wilks.enclosed(threshold))
    values, heights, _ = found.curve
    assert (np.diff(values) > 0).all()
    s = np.linspace(found.lower, found.upper, 500)
    truth = 2 * (s - 1 - np.log(s))
    np.testing.assert_allclose(np.interp(s, values, heights), truth, rtol=0, atol=0.02 * threshold)
    ends = np.interp([found.lower, found.upper], values, heights)
    np.testing.assert_allclose(ends, threshold, rtol=1e-5)


def test_a_better_minimum_on_the_way_is_taken(make: Callable[[str], BinnedLikelihood]) -> None:
    """100 events where 1 + p² are expected, p = −1 ± 5: the fit ends at the minimum above zero, the higher one."""
    lopsided = make(TWO_MINIMA.replace(", starts: [-3]", ", constraint: {normal: {mean: -1, sigma: 5}}"))
    assert npinfer.fit(lopsided).values["two_minima.p"] > 9

    def twice_nll(p: float) -> float:
        return 2 * (p * p - 100 * np.log(1 + p * p)) + ((p + 1) / 5) ** 2

    best = minimize_scalar(twice_nll, bounds=(-12, -8), method="bounded", options={"xatol": 1e-10}).x
    found = npinfer.interval(lopsided, "p", cl=0.68)
    assert found.best == pytest.approx(best, abs=1e-5)
    excess = lambda p: twice_nll(p) - twice_nll(best) - found.threshold
    assert [(s.lower, s.upper) for s in found.segments] == [
        pytest.approx((brentq(excess, -12, best), brentq(excess, best, -8)), abs=1e-6)
    ]


def test_wider_at_higher_cl(hese: BinnedLikelihood) -> None:
    inner, outer = (npinfer.interval(hese, "f_nuebar", cl=cl) for cl in (0.68, 0.95))
    assert outer.upper > inner.upper
    assert inner.segments[0].lower_at_bound


def test_refusals(hese: BinnedLikelihood) -> None:
    with pytest.raises(ParameterError, match="parameter 'astro_gamma' is fixed: an interval needs it free"):
        npinfer.interval(hese, "astro_gamma", fixed={"astro_gamma": 2.5})
    with pytest.raises(ConfigurationError, match="cl is a fraction between 0 and 1"):
        npinfer.interval(hese, "astro_gamma", cl=90)
    with pytest.raises(ConfigurationError, match="unknown interval method 'profil': did you mean 'profile'"):
        npinfer.interval(hese, "astro_gamma", method="profil")
