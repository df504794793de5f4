"""goodness_of_fit: closed forms, an exact enumeration, χ² where it holds, and words where it does not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2, kstest, poisson

import npinfer
from npinfer.errors import ConfigurationError
from npinfer.inference.executor import RunOptions
from npinfer.likelihood.binned import BinnedLikelihood

HEAD = "schema: npinfer/likelihood/1\nname: bins\nkind: real\nstatus: illustrative\npoi: mu\n"
TWO = (
    HEAD
    + """\
channels:
  left: {axes: {x: {linear: [0, 2, 2]}}, observed: [4, 1]}
  right: {axes: {x: {linear: [0, 1, 1]}}, observed: [3]}
samples: {all: {template: {left: [2, 1.5], right: [1]}, scale: mu}}
parameters: {mu: {init: 1.0, bounds: [0, 20]}}
"""
)
MANY = (
    HEAD
    + """\
channels: {count: {axes: {x: {linear: [0, 6, 6]}}, observed: [412, 371, 455, 402, 390, 380]}}
samples:
  signal: {template: {count: [80, 60, 90, 70, 50, 40]}, scale: mu}
  background: {template: {count: [320, 330, 340, 330, 340, 330]}, scale: level}
parameters:
  mu: {init: 1.0, bounds: [-5, 20]}
  level: {init: 1.0, bounds: [0.1, 5], constraint: {normal: {mean: 1.0, sigma: 0.1}}}
"""
)


def deviance(seen: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """2 (μ − n + n ln(n/μ)), Baker and Cousins."""
    return 2 * (expected - seen + seen * np.log(np.maximum(seen, 1e-300) / expected))


def test_the_closed_form_and_its_parts(make: Callable[[str], BinnedLikelihood]) -> None:
    found = npinfer.goodness_of_fit(make(TWO))
    parts = deviance(np.array([4.0, 1.0, 3.0]), 8 / 4.5 * np.array([2.0, 1.5, 1.0]))
    assert found.statistic == pytest.approx(parts.sum(), abs=1e-8)
    assert [c.name for c in found.contributions] == ["left", "right"]
    assert [c.statistic for c in found.contributions] == pytest.approx([parts[:2].sum(), parts[2]], abs=1e-6)
    assert (found.degrees_of_freedom, found.fitted, found.bins) == (2, 1, 3)
    assert found.p == pytest.approx(chi2.sf(parts.sum(), 2), rel=1e-7)
    held = npinfer.goodness_of_fit(make(TWO), fixed={"mu": 1.0})
    assert held.statistic == pytest.approx(deviance(np.array([4.0, 1, 3]), np.array([2.0, 1.5, 1.0])).sum(), abs=1e-8)
    assert (held.degrees_of_freedom, held.fitted) == (3, 0)


def test_constraints_contribute(small: BinnedLikelihood) -> None:
    """The parts add up, and that of the normal constraints is the sum of their squared pulls."""
    found = npinfer.goodness_of_fit(small, fixed={"rate": 9 / 8, "coupling": 1.0})
    assert sum(c.statistic for c in found.contributions) == pytest.approx(found.statistic, abs=1e-7)
    fit = npinfer.fit(small, fixed={"rate": 9 / 8, "coupling": 1.0})
    assert found.contributions[-1].name == "constraints"
    assert found.contributions[-1].statistic == pytest.approx(sum(p**2 for p in fit.pulls.values()), abs=1e-7)
    assert found.degrees_of_freedom == small.bins + len(small.constraints) - found.fitted
    assert found.fitted == len(fit.free)


def test_a_parameter_at_its_bound_or_without_effect_does_not_count(make: Callable[[str], BinnedLikelihood]) -> None:
    text = TWO.replace("parameters: {", "parameters: {idle: {init: 1.0, bounds: [0, 2]}, ").replace(
        "samples: {", "samples: {none: {template: {left: [0, 0], right: [0]}, scale: idle}, "
    )
    assert npinfer.goodness_of_fit(make(text)).fitted == 1
    at_bound = npinfer.goodness_of_fit(make(TWO.replace("bounds: [0, 20]", "bounds: [0, 1.2]")))
    assert (at_bound.fitted, at_bound.degrees_of_freedom) == (0, 3)


def test_asimov_data_fit(make: Callable[[str], BinnedLikelihood]) -> None:
    likelihood = make(MANY)
    found = npinfer.goodness_of_fit(likelihood.with_data(likelihood.asimov({"mu": 2.0})))
    assert found.statistic < 1e-8
    assert found.p == pytest.approx(1.0)


def test_toys_against_an_exact_enumeration(make: Callable[[str], BinnedLikelihood]) -> None:
    """Nothing free: every p-value is a sum of Poisson probabilities over all counts."""
    found = npinfer.goodness_of_fit(make(TWO), fixed={"mu": 1.0}, n_toys=5000)
    expected = np.array([2.0, 1.5, 1.0])
    counts = np.array(list(product(range(16), repeat=3)), dtype=float)
    t, weight = deviance(counts, expected).sum(axis=1), poisson.pmf(counts, expected).prod(axis=1)
    for threshold in (1.0, found.statistic, 8.0):
        exact = weight[t >= threshold - 1e-9].sum()
        assert abs(np.mean(found.toys >= threshold - 1e-6) - exact) < 4 * np.sqrt(exact * (1 - exact) / 5000)
    assert found.toy_p is not None
    assert found.toy_p.value == np.mean(found.toys >= found.statistic - 1e-6)


def test_large_counts_follow_chi_square(make: Callable[[str], BinnedLikelihood]) -> None:
    """Six bins, one auxiliary datum, two parameters fitted to each toy: χ² with five degrees of freedom."""
    found = npinfer.goodness_of_fit(make(MANY), n_toys=2000)
    assert found.degrees_of_freedom == 5
    assert kstest(found.toys, chi2(5).cdf).pvalue > 1e-4
    assert kstest(found.toys, chi2(7).cdf).pvalue < 1e-6
    assert found.toy_p is not None
    assert abs(found.toy_p.value - found.p) < 4 * np.sqrt(found.p * (1 - found.p) / 2000)
    assert found.asymptotic
    assert "not to be trusted" not in found.describe()


def test_few_events_are_said(make: Callable[[str], BinnedLikelihood]) -> None:
    assert "asymptotic χ², not calibrated with toys" in npinfer.goodness_of_fit(make(MANY)).describe()
    sparse = npinfer.goodness_of_fit(make(TWO), fixed={"mu": 0.5})
    assert "not to be trusted: 2 of 3 bins expect less than 1 event; draw toys (n_toys)" in sparse.describe()
    few = npinfer.goodness_of_fit(make(TWO), fixed={"mu": 1.0})
    assert "not to be trusted: 3 of 3 bins expect less than 5 events" in few.describe()


def test_counts_of_a_finite_simulation(make: Callable[[str], BinnedLikelihood]) -> None:
    """Their likelihood is below the Poisson one even where it fits: χ² fails and says so, toys do not."""
    text = MANY.replace("observed:", "statistic: effective, observed:").replace(
        "template: {count: [320, 330, 340, 330, 340, 330]}",
        "template: {count: [320, 330, 340, 330, 340, 330]}, "
        "variance: {count: [3200, 3300, 3400, 3300, 3400, 3300]}, simulation: one",
    )
    found = npinfer.goodness_of_fit(make(text), n_toys=200)
    assert not found.asymptotic
    assert "not to be trusted: the saturated model is Poisson, the counts of count are not" in found.describe()
    assert found.statistic > 6 * np.log(1 + 3300 / 400) * 0.9
    assert found.p < 0.05 < found.toy_p.value  # type: ignore[union-attr]


def test_nothing_left_to_test(counting: BinnedLikelihood) -> None:
    found = npinfer.goodness_of_fit(counting)
    assert found.degrees_of_freedom == 0
    assert np.isnan(found.p)
    assert "as many parameters as data, nothing is left to test" in found.describe()


def test_the_same_on_any_executor_and_saved(make: Callable[[str], BinnedLikelihood], tmp_path: Any) -> None:
    likelihood = make(MANY)
    serial = npinfer.goodness_of_fit(likelihood, n_toys=300, run=RunOptions(seed=2))
    with ThreadPoolExecutor(2) as pool:
        threads = npinfer.goodness_of_fit(likelihood, n_toys=300, run=RunOptions(seed=2, executor=pool))
    np.testing.assert_array_equal(serial.toys, threads.toys)
    again = npinfer.load_result(serial.save(tmp_path / "gof.json"))
    assert again.to_dict() == serial.to_dict()
    assert again.describe() == serial.describe()  # type: ignore[attr-defined]


def test_bad_numbers_of_toys(counting: BinnedLikelihood) -> None:
    with pytest.raises(ConfigurationError, match="n_toys is a whole number, 0 or more; found -1"):
        npinfer.goodness_of_fit(counting, n_toys=-1)
