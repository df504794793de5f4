"""significance: closed forms, pyhf, and toys against an exact enumeration."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyhf
import pytest
from scipy.stats import norm, poisson

import npinfer
from npinfer.errors import ConfigurationError, InferenceError, ParameterError
from npinfer.inference.executor import RunOptions
from npinfer.likelihood.binned import BinnedLikelihood

BUMP = """\
schema: npinfer/likelihood/1
name: bump
kind: real
status: illustrative
poi: mu
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [OBSERVED]}}
samples:
  signal: {template: {count: [5]}, scale: mu}
  background: {template: {count: [BACKGROUND]}SCALE}
parameters: {mu: {init: 0.5, bounds: BOUNDS}PARAMETERS}
"""
SHAPE = """\
schema: npinfer/likelihood/1
name: shape
kind: real
status: illustrative
poi: mu
channels: {count: {axes: {x: {linear: [0, 3, 3]}}, observed: [57, 71, 45]}}
samples:
  signal: {template: {count: [2, 12, 3]}, scale: mu}
  background:
    template: {count: [50, 52, 48]}
    scale: level
    systematics: [{name: tilt, kind: normsys, up: 1.1, down: 0.9}]
parameters:
  mu: {init: 1.0, bounds: [0, 10]}
  level: {init: 1.0, bounds: [0.1, 5], constraint: {normal: {mean: 1.0, sigma: 0.1}}}
"""


def bump(observed: float, background: float, bounds: str = "[0, 40]", level: bool = False) -> str:
    """One bin, with a constrained background where `level`."""
    text = BUMP.replace("OBSERVED", str(observed)).replace("BACKGROUND", str(background)).replace("BOUNDS", bounds)
    constraint = ", level: {init: 1.0, bounds: [0.1, 5], constraint: {normal: {mean: 1.0, sigma: 0.1}}}"
    return text.replace("SCALE", ", scale: level" if level else "").replace("PARAMETERS", constraint if level else "")


def test_the_closed_form_of_one_bin(make: Callable[[str], BinnedLikelihood]) -> None:
    """arXiv:1007.1727, eq. 97: z = sqrt(2 ((s + b) ln(1 + s/b) - s)), on data and in the median of a signal."""
    found = npinfer.significance(make(bump(14, 4)), at={"mu": 1.0})
    assert found.z == pytest.approx(np.sqrt(2 * (14 * np.log(14 / 4) - 10)), rel=1e-8)
    assert found.q0 == pytest.approx(found.z**2)
    assert found.p == pytest.approx(norm.sf(found.z), rel=1e-9)
    assert found.expected_z == pytest.approx(np.sqrt(2 * (9 * np.log(9 / 4) - 5)), rel=1e-8)
    assert found.best == pytest.approx(2.0)
    assert found.at_bound
    assert "z = 3.88" in found.describe()
    assert "Wilks at a bound" in found.describe()
    assert "not calibrated with toys" in found.describe()


def test_against_pyhf(make: Callable[[str], BinnedLikelihood]) -> None:
    """p of q_0 on the data, and the expected one of mu = 1 with the other parameters fitted to the data."""
    likelihood = make(SHAPE)
    model = likelihood.pyhf_model()
    data = np.r_[likelihood.data.counts["count"], model.config.auxdata]
    p, expected = pyhf.infer.hypotest(0.0, data, model, test_stat="q0", return_expected=True)
    found = npinfer.significance(likelihood, at={"mu": 1.0})
    assert found.p == pytest.approx(float(p), rel=2e-3)
    assert norm.sf(found.expected_z) == pytest.approx(float(expected), rel=2e-3)


def test_toys_against_an_exact_enumeration(make: Callable[[str], BinnedLikelihood]) -> None:
    """q_0 rises with the count: its p-value is that of a Poisson count at least as large, far from half a χ²."""
    found = npinfer.significance(make(bump(3, 0.7)), n_toys=4000)
    assert found.toy_p is not None
    exact = poisson.sf(2, 0.7)
    assert abs(found.toy_p.value - exact) < 4 * np.sqrt(exact * (1 - exact) / 4000)
    assert abs(found.p - exact) > 0.3 * exact
    counts = np.arange(12)
    q0 = np.where(counts > 0.7, 2 * (counts * np.log(np.maximum(counts, 1) / 0.7) - (counts - 0.7)), 0.0)
    for value in np.unique(q0[counts <= 4]):  # the whole distribution, not its tail alone
        share, truth = np.mean(np.abs(found.toys - value) < 1e-6), poisson.pmf(counts, 0.7)[q0 == value].sum()
        assert abs(share - truth) < 4 * np.sqrt(truth * (1 - truth) / 4000)


def test_toys_with_a_nuisance_follow_half_a_chi_square(make: Callable[[str], BinnedLikelihood]) -> None:
    """With many events; the background is at its fit without a signal and its auxiliary datum fluctuates."""
    text = bump(1030, 1000, "[-200, 200]", level=True)
    found = npinfer.significance(make(text.replace("[5]", "[30]")), null=0.0, n_toys=3000)
    for threshold in (0.5, 1.0, 2.706):
        truth = norm.sf(np.sqrt(threshold))
        assert abs(np.mean(found.toys > threshold) - truth) < 4 * np.sqrt(truth * (1 - truth) / 3000)
    assert found.toy_p is not None
    assert found.toy_p.failed == 0


@pytest.mark.parametrize("start", ["0", "0.5"])
def test_counts_that_rise_with_a_higher_power(make: Callable[[str], BinnedLikelihood], start: str) -> None:
    """At the null of counts ∝ g⁴ no slope points to a signal: fits of data and toys find it all the same."""
    text = bump(9, 4, "[0, 10]").replace("scale: mu", "scale: {mu: 4}").replace("[5]", "[1]")
    found = npinfer.significance(make(text.replace("init: 0.5", f"init: {start}")), at={"mu": 1.5}, n_toys=2000)
    assert found.best == pytest.approx(5**0.25, rel=1e-4)
    assert found.q0 == pytest.approx(2 * (9 * np.log(9 / 4) - 5), rel=1e-7)
    assert found.expected_z == pytest.approx(np.sqrt(2 * (9.0625 * np.log(9.0625 / 4) - 5.0625)), rel=1e-7)
    assert found.toy_p is not None
    for share, exact in ((found.toy_p.value, poisson.sf(8, 4)), (np.mean(found.toys > 1e-6), poisson.sf(4, 4))):
        assert abs(share - exact) < 4 * np.sqrt(exact * (1 - exact) / 2000)


def test_no_excess_is_no_significance(make: Callable[[str], BinnedLikelihood]) -> None:
    at_bound = npinfer.significance(make(bump(2, 4)), n_toys=50)
    assert (at_bound.q0, at_bound.z, at_bound.p) == (0.0, 0.0, 0.5)
    assert at_bound.toy_z == (0.0, 0.0, 0.0)
    assert "no excess over 0, z = 0" in at_bound.describe()
    below = npinfer.significance(make(bump(2, 4, "[-0.5, 9]")))
    assert below.best == pytest.approx(-0.4)
    assert (below.q0, below.null, below.at_bound) == (0.0, 0.0, False)


def test_another_null(make: Callable[[str], BinnedLikelihood]) -> None:
    """A null inside the bounds; where 0 is outside, the bound nearest to it."""
    inside = npinfer.significance(make(bump(14, 4)), null=1.0)
    assert inside.q0 == pytest.approx(2 * (14 * np.log(14 / 9) - 5), rel=1e-8)
    assert "downward fluctuations count as none" in inside.describe()
    assert npinfer.significance(make(bump(14, 4, "[0.2, 9]").replace("0.5", "0.6"))).null == 0.2


def test_events_without_a_background(make: Callable[[str], BinnedLikelihood]) -> None:
    """The data are impossible without a signal: an infinite q_0, in words, and no toy comes near."""
    found = npinfer.significance(make(bump(2, 0)), n_toys=200)
    assert np.isinf(found.q0)
    assert found.p == 0.0
    assert found.toy_p is not None
    assert found.toy_p.above == 0
    assert "the data are impossible at 0" in found.describe()


def test_the_same_on_any_executor_and_saved(make: Callable[[str], BinnedLikelihood], tmp_path: Any) -> None:
    likelihood = make(SHAPE)
    serial = npinfer.significance(likelihood, n_toys=450, run=RunOptions(seed=3))
    with ThreadPoolExecutor(2) as pool:
        threads = npinfer.significance(likelihood, n_toys=450, run=RunOptions(seed=3, executor=pool))
    np.testing.assert_array_equal(serial.toys, threads.toys)
    other = npinfer.significance(likelihood, n_toys=450, run=RunOptions(seed=4))
    assert (serial.toys != other.toys).any()
    again = npinfer.load_result(serial.save(tmp_path / "significance.json"))
    assert again.to_dict() == serial.to_dict()
    assert again.describe() == serial.describe()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"fixed": {"mu": 1.0}}, ParameterError, "'shape.mu' is fixed: its significance needs it free"),
        ({"null": 30.0}, ParameterError, r"'shape.mu': 30 is outside its bounds \[0, 10\]"),
        ({"poi": "nu"}, ParameterError, "unknown parameter 'nu': did you mean 'mu'"),
        ({"at": {"level": 1.0}, "fixed": {"level": 1.0}}, ParameterError, "'shape.level' is both fixed and in at"),
        ({"n_toys": 2.5}, ConfigurationError, "n_toys is a whole number, 0 or more; found 2.5"),
    ],
)
def test_bad_questions(
    make: Callable[[str], BinnedLikelihood], options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        npinfer.significance(make(SHAPE), **options)


def test_no_parameter_of_interest(make: Callable[[str], BinnedLikelihood]) -> None:
    with pytest.raises(ConfigurationError, match="shape: no parameter of interest in this configuration; name one of"):
        npinfer.significance(make(SHAPE.replace("poi: mu\n", "")))
    with pytest.raises(InferenceError, match="probability zero"):
        npinfer.significance(make(bump(2, 0).replace("[5]", "[0]")))
