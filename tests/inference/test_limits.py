"""Upper limits against closed forms, enumeration and bounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import chi2, norm, poisson

from npinfer import FitOptions, RunOptions, upper_limit
from npinfer.errors import ConfigurationError, InferenceError, ParameterError
from npinfer.inference.asymptotic import check_falling, decisive_events
from npinfer.inference.fit import fit
from npinfer.inference.hypotheses import Hypotheses, Question
from npinfer.likelihood.binned import BinnedLikelihood
from tests.inference.conftest import HEAD

Make = Callable[[str], BinnedLikelihood]
MEASURED = (
    HEAD.format(name="measured")
    + """\
poi: s
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [1000000]}}
samples:
  signal: {template: {count: [1000]}, scale: s}
  background: {template: {count: [1000000]}}
parameters: {s: {init: 0.5, bounds: [LOW, 50]}}
"""
)
POWER = (
    HEAD.format(name="power")
    + """\
poi: epsilon
channels: {count: {axes: {x: {linear: [0, 1, 2]}}, observed: [OBSERVED]}}
samples:
  signal: {template: {count: [1.0e+4, 2.0e+4]}, scale: SCALE}
  background: {template: {count: [10, 12]}, systematics: [{name: level, kind: normsys, up: 1.2}]}
parameters: {epsilon: {init: INIT, bounds: [0, 1]}}
"""
)


def one_bin(make: Make, n: int, b: float, upper: float = 50.0) -> BinnedLikelihood:
    background = f"  background: {{template: {{count: [{b}]}}}}\n" if b else ""
    return make(
        HEAD.format(name="one")
        + f"""\
poi: s
channels: {{count: {{axes: {{x: {{linear: [0, 1, 1]}}}}, observed: [{n}]}}}}
samples:
  signal: {{template: {{count: [1]}}, scale: s}}
{background}parameters: {{s: {{init: 0.5, bounds: [0, {upper}]}}}}
"""
    )


def power(make: Make, observed: str, scale: str, init: float = 0.1) -> BinnedLikelihood:
    return make(POWER.replace("OBSERVED", observed).replace("SCALE", scale).replace("INIT", str(init)))


# ---- closed forms


def test_one_bin_without_background_and_events(make: Make) -> None:
    """q̃ = q̃_A = 2 s: CLs = 2 Φ(−√2s), p = Φ(−√2s)."""
    lh = one_bin(make, 0, 0)
    found = upper_limit(lh, cl=0.9, n_toys=50)
    assert found.observed == pytest.approx(0.5 * norm.isf(0.05) ** 2, rel=1e-5)
    np.testing.assert_allclose(found.expected, found.observed, rtol=1e-5)
    assert "50 toys without a signal" in found.describe()
    assert "about 0 events decide the limit" in found.message
    plain = upper_limit(lh, cl=0.9, method="profile", expected=False)
    assert plain.observed == pytest.approx(0.5 * norm.isf(0.1) ** 2, rel=1e-5)


@pytest.mark.parametrize("low", [-50.0, 0.0])
def test_many_events_follow_the_normal_closed_form(make: Make, low: float) -> None:
    """s is measured to be 0 ± 1: limits are those of eq. 89, with p alone Φ⁻¹(1 − α) + N."""
    lh, n = make(MEASURED.replace("LOW", str(low))), np.arange(-2.0, 3.0)
    found = upper_limit(lh, cl=0.95)
    np.testing.assert_allclose(found.expected, norm.ppf(1 - 0.05 * norm.cdf(n)) + n, rtol=3e-3)
    assert found.observed == pytest.approx(norm.ppf(0.975), rel=3e-3)
    alone = upper_limit(lh, cl=0.95, method="profile")
    np.testing.assert_allclose(alone.expected[1:], norm.ppf(0.95) + n[1:], rtol=3e-3)
    assert alone.expected[0] == 0
    assert alone.observed == pytest.approx(norm.ppf(0.95), rel=3e-3)


def test_fewer_events_than_background_exclude_everything_with_p_alone(make: Make) -> None:
    """Three standard deviations below the background: p excludes even no signal, CLs does not."""
    lh = make(MEASURED.replace("LOW", "0").replace("observed: [1000000]", "observed: [997000]"))
    alone = upper_limit(lh, method="profile", expected=False)
    assert alone.observed == 0
    assert "every measured.s above 0 is excluded" in alone.describe()
    x = upper_limit(lh, expected=False).observed
    assert norm.sf(x + 3) / norm.sf(3) == pytest.approx(0.1, rel=5e-3)


def test_the_limit_is_where_its_own_test_has_p_equal_to_one_minus_cl(small: BinnedLikelihood) -> None:
    """With fits of the reference minimiser, on the data and on the Asimov data."""
    found = upper_limit(small, cl=0.9)
    options = FitOptions(minimiser="migrad")
    null = fit(small, fixed={"mu": 0.0}, options=options)
    asimov = small.with_data(small.asimov(small.parameters.vector(null.values)))
    best, at = fit(small, options=options), fit(small, fixed={"mu": found.observed}, options=options)
    q = at.twice_nll - best.twice_nll
    at_asimov = fit(asimov, fixed={"mu": found.observed}, options=options)
    root = np.sqrt(at_asimov.twice_nll - fit(asimov, options=options).twice_nll)
    assert q < root**2
    assert norm.sf(np.sqrt(q)) / norm.sf(np.sqrt(q) - root) == pytest.approx(0.1, rel=1e-4)
    assert found.best == pytest.approx(best.values["small.mu"], abs=1e-4)
    assert np.all(np.diff(found.p_expected, axis=0) >= 0)
    assert np.all(np.diff(found.tested) > 0)


# ---- toys and posterior


@pytest.mark.parametrize(("n", "b"), [(0, 0.0), (3, 2.0)])
def test_toys_agree_with_enumeration(make: Make, n: int, b: float) -> None:
    """One bin orders outcomes by their counts: CLs = P(≤ n | s + b) / P(≤ n | b)."""
    exact = [brentq(lambda s, k=k: poisson.cdf(k, s + b) / poisson.cdf(k, b) - 0.1, 1e-3, 40) for k in range(12)]
    found = upper_limit(one_bin(make, n, b), method="toys", n_toys=1000)
    assert found.uncertainty < 0.05 * exact[n]
    assert abs(found.observed - exact[n]) < 4 * found.uncertainty
    expected = [exact[int(poisson.ppf(level, b))] if b else exact[0] for level in norm.cdf(np.arange(-2, 3))]
    np.testing.assert_allclose(found.expected, expected, rtol=0.12)
    assert "1000 toys of each hypothesis" in found.describe()


def test_expected_limits_of_few_events_are_those_of_their_counts(make: Make) -> None:
    """Toys of one bin are counts: quantiles of the limits are limits of the quantiles of the counts."""
    lh = one_bin(make, 1, 1.5)
    found = upper_limit(lh, n_toys=400)
    counts = [upper_limit(one_bin(make, k, 1.5), expected=False).observed for k in (0, 1, 2)]
    assert found.expected[1] == pytest.approx(counts[0], rel=1e-4)  # P(0) = 0.22
    assert found.expected[2] == pytest.approx(counts[1], rel=1e-4)  # P(≤ 1) = 0.56
    assert found.observed == pytest.approx(counts[1], rel=1e-6)
    again = upper_limit(lh, n_toys=400)
    np.testing.assert_array_equal(found.expected, again.expected)
    other = upper_limit(lh, n_toys=400, run=RunOptions(seed=1))
    assert other.provenance.seed == 1


@pytest.mark.slow
def test_the_posterior_quantile_of_a_flat_prior(make: Make) -> None:
    """Without events −ln(1 − cl); with n of them a quantile of a χ² of 2n + 2 degrees of freedom."""
    for n in (0, 2):
        found = upper_limit(one_bin(make, n, 0), method="bayes", expected=False)
        exact = 0.5 * chi2.ppf(0.9, 2 * n + 2)
        assert abs(found.observed - exact) < 4 * found.uncertainty < 0.1 * exact
        assert "prior flat in s" in found.describe()
        assert "posterior probability" in found.describe()


# ---- bounds


def test_a_limit_beyond_the_bounds_is_none(make: Make) -> None:
    found = upper_limit(one_bin(make, 20, 10.0, upper=8.0))
    assert found.observed == np.inf
    assert "no limit on one.s at 90 % CL: 8, its upper bound, is not excluded" in found.describe()
    assert np.isfinite(found.expected[:3]).all()
    assert found.expected[4] == np.inf
    assert "no limit" in str(found.table())
    wide = upper_limit(one_bin(make, 20, 10.0, upper=1e6))
    np.testing.assert_allclose(found.expected[:3], wide.expected[:3], rtol=1e-5)
    assert np.isfinite(wide.observed)
    toys = upper_limit(one_bin(make, 20, 10.0, upper=4.0), method="toys", n_toys=60, expected=False)
    assert toys.observed == np.inf


def test_bounds_far_too_wide_or_infinite_change_nothing(make: Make) -> None:
    limits = [upper_limit(one_bin(make, 12, 10.0, upper=u), expected=False).observed for u in (30.0, 1e9)]
    assert limits[0] == pytest.approx(limits[1], rel=1e-5)


# ---- a power of the parameter


@pytest.mark.parametrize("observed", ["9, 12", "20, 25", "3, 6"])
def test_a_fourth_power_has_the_fourth_root_of_the_limit(make: Make, observed: str) -> None:
    linear = upper_limit(power(make, observed, "{epsilon: 1}"))
    quartic = upper_limit(power(make, observed, "{epsilon: 4}"))
    assert quartic.observed**4 == pytest.approx(linear.observed, rel=1e-4)
    np.testing.assert_allclose(quartic.expected**4, linear.expected, rtol=1e-4)


def test_a_fourth_power_that_starts_where_its_information_vanishes(make: Make) -> None:
    linear = upper_limit(power(make, "20, 25", "{epsilon: 1}"))
    stuck = upper_limit(power(make, "20, 25", "{epsilon: 4}", init=0.0))
    assert stuck.observed**4 == pytest.approx(linear.observed, rel=1e-4)


@pytest.mark.parametrize("exponent", [4, 8, 16])
def test_a_parameter_without_slope_is_looked_for_where_its_limit_is(make: Make, exponent: int) -> None:
    """However far its bound is: no tested value has a signal that is out of proportion to the limit's."""
    text = POWER.replace("OBSERVED", "9, 12").replace("SCALE", "{epsilon: 4}").replace("INIT", "0")
    limit = upper_limit(make(text.replace("1.0e+4, 2.0e+4", f"1.0e+{exponent}, 2.0e+{exponent}")))
    likelihood = power(make, "9, 12", "{epsilon: 4}", init=0.0)
    assert limit.observed * 10.0 ** ((exponent - 4) / 4) == pytest.approx(upper_limit(likelihood).observed, rel=1e-5)
    assert limit.tested.max() < 4 * limit.expected[-1]


# ---- few events


def decisive(likelihood: BinnedLikelihood, limit: float) -> float:
    return decisive_events(Question.of(likelihood, "s", {}), np.zeros((1, 1)), limit)


BESIDE = """\
poi: s
channels:
  count: {axes: {x: {linear: [0, 1, 2]}}, observed: [3, 300]}
  ratio: {axes: {x: {linear: [0, 1, 1]}}, observed: [1], statistic: normal, sigma: WIDTH}
samples:
  signal: {template: {count: SIGNAL, ratio: [1]}, scale: s}
  background: {template: {count: [3, 300]}}
parameters: {s: {init: 0.5, bounds: [0, 50]}}
"""


def test_few_events_that_decide_a_limit_are_counted(make: Make) -> None:
    """b in one bin, all of them where shapes are the same, those of the clean bin where the signal is there alone."""
    beside = lambda signal, width: make(
        HEAD.format(name="beside") + BESIDE.replace("SIGNAL", signal).replace("WIDTH", str(width))
    )
    assert decisive(one_bin(make, 2, 0.7), 4.0) == pytest.approx(0.7)
    assert decisive(beside("[1, 100]", 1e9), 2.0) == pytest.approx(303.0)
    assert decisive(beside("[1, 0]", 1e9), 2.0) == pytest.approx(3.0)
    assert decisive(beside("[1, 1]", 1e9), 2.0) == pytest.approx(4 / (1 / 3 + 1 / 300))
    assert decisive(beside("[1, 0]", 0.1), 2.0) == np.inf


def test_few_decisive_events_are_said(make: Make) -> None:
    few = upper_limit(one_bin(make, 0, 0.07), expected=False)
    assert few.message == "about 0.07 events decide the limit: method toys is safer than asymptotic formulae"
    assert not upper_limit(one_bin(make, 20, 20.0), expected=False).message


# ---- what is refused


def test_signals_that_fall_again_are_refused(rising_and_falling: BinnedLikelihood) -> None:
    with pytest.raises(InferenceError, match=r"turn at rise\.mu = (0\.9|1)\d*.*use exclusion on a grid of rise\.mu"):
        upper_limit(rising_and_falling)


def test_p_that_rises_again_is_refused(small: BinnedLikelihood) -> None:
    question = Question.of(small, None, None)
    values = np.linspace(0, 4, 5)
    check_falling(question, values, np.array([1.0, 0.5, 0.09, 0.05, 0.01]), 0.1)
    with pytest.raises(InferenceError, match=r"small\.mu = 2 is excluded and 4 above it is not; use exclusion"):
        check_falling(question, values, np.array([1.0, 0.5, 0.09, 0.05, 0.2]), 0.1)


def test_bad_questions_are_refused(small: BinnedLikelihood) -> None:
    with pytest.raises(ConfigurationError, match="above 0\\.5"):
        upper_limit(small, cl=0.3)
    with pytest.raises(ConfigurationError, match="did you mean 'bayes'"):
        upper_limit(small, method="bayess")
    with pytest.raises(ParameterError, match="is fixed: a limit needs it free"):
        upper_limit(small, fixed={"mu": 1.0})
    with pytest.raises(ConfigurationError, match="20 or more; found 3"):
        upper_limit(small, method="toys", n_toys=3)
    with pytest.raises(ParameterError, match="unknown parameter"):
        upper_limit(small, "nope")


def test_held_parameters_stay_held(small: BinnedLikelihood) -> None:
    free, held = upper_limit(small, expected=False), upper_limit(small, expected=False, fixed={"level": 0.5})
    assert held.observed > free.observed
    assert held.fixed == {"small.level": 0.5}
    tested = Hypotheses(Question.of(small, None, {"level": 0.5}), small.pack(None))
    tested(np.array([0.5, 1.0]), np.zeros(2, dtype=int))
    assert (tested.known_points[..., small.parameters.index("level")] == 0.5).all()
