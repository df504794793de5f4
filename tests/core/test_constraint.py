"""Constraints against closed forms: densities, slopes, information, and the distributions they are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from npinfer.core.constraint import Constraint, Constraints, Correlation
from npinfer.errors import ConfigurationError

NAMES = ("a", "b", "c", "d", "e", "f")
SINGLE = {
    "d": Constraint("poisson", 7.0, rate=3.5),
    "a": Constraint("normal", 1.0, 0.2, 0.2),
    "c": Constraint("log_normal", 2.0, 0.4, 0.4),
    "b": Constraint("two_sided_normal", -0.5, 0.3, 0.1),
}
COVARIANCE = ((0.04, 0.03), (0.03, 0.09))
BLOCK = Correlation(("f", "e"), (0.5, -1.0), COVARIANCE)
ALL = Constraints(NAMES, SINGLE, [BLOCK])
POINT = np.array([1.3, -0.7, 1.7, 1.6, -0.8, 0.9])
positive = st.floats(0.05, 20)
POINTS = st.tuples(st.floats(-3, 5), st.floats(-3, 3), positive, positive, st.floats(-3, 3), st.floats(-3, 3)).map(
    np.array
)


def two_sided(x: float, mean: float, up: float, down: float) -> float:
    """ln density of the measurement `mean` of `x`: half normals of equal height that meet at x = mean."""
    width = up if x > mean else down
    return float(stats.norm.logpdf(x, mean, width) + np.log(width) + np.log(2 / (up + down)))


def plain(p: np.ndarray) -> float:
    return float(
        stats.norm.logpdf(1.0, p[0], 0.2)
        + two_sided(p[1], -0.5, 0.3, 0.1)
        + stats.norm.logpdf(np.log(2.0), np.log(p[2]), 0.4)
        + stats.poisson.logpmf(7, 3.5 * p[3])
        + stats.multivariate_normal.logpdf([0.5, -1.0], p[[5, 4]], np.array(COVARIANCE))
    )


@given(POINTS)
def test_density_is_the_product_of_the_closed_forms(p: np.ndarray) -> None:
    assert ALL.logpdf_terms(p[None], ALL.measured) == pytest.approx([plain(p)], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", ["a", "b", "c"])
@pytest.mark.parametrize("truth", [0.4, 1.0, 2.5])
def test_densities_of_the_measurement_integrate_to_one(name: str, truth: float) -> None:
    one = Constraints([name], {name: SINGLE[name]})
    middle = float(one.expected(np.array([[truth]]))[0, 0])

    def density(x: float) -> float:
        return float(np.exp(one.logpdf_terms(np.array([[truth]]), np.array([x])))[0])

    total = quad(density, middle - 6, middle, epsabs=1e-12)[0] + quad(density, middle, middle + 6, epsabs=1e-12)[0]
    assert total == pytest.approx(1.0, abs=1e-9)


def test_auxiliary_data_follow_the_parameters_then_the_blocks() -> None:
    assert ALL.auxiliary_names == ("a", "b", "c", "d", "f", "e")
    assert ALL.measured == pytest.approx([1.0, -0.5, np.log(2.0), 7.0, 0.5, -1.0])
    assert len(ALL) == 6


@given(POINTS)
def test_gradient_is_the_numerical_derivative(p: np.ndarray) -> None:
    p = np.where(np.abs(p + 0.5) < 1e-3, p + 0.01, p)  # the two-sided normal has a kink in its curvature there
    gradient = ALL.gradient(p[None], ALL.measured)[0]
    for i in range(6):
        h = 1e-4 * np.eye(6)[i]
        f = ALL.logpdf_terms(np.array([p - 2 * h, p - h, p + h, p + 2 * h]), ALL.measured)
        slope = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / 12e-4
        assert gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-6), NAMES[i]


def test_information_is_the_mean_of_the_squared_score() -> None:
    n = 400_000
    points = np.tile(POINT, (n, 1))
    auxiliary = ALL.sample(points, np.random.default_rng(11))
    score = ALL.gradient(points, auxiliary)
    assert (np.abs(score.mean(axis=0)) < 4 * score.std(axis=0) / np.sqrt(n)).all()
    products = score[:, :, None] * score[:, None, :]
    expected = ALL.information(POINT[None], ALL.measured)[0]
    assert (np.abs(products.mean(axis=0) - expected) < 4.5 * products.std(axis=0) / np.sqrt(n) + 1e-12).all()


def test_information_in_closed_form() -> None:
    found = ALL.information(POINT[None], ALL.measured)[0]
    diagonal = [1 / 0.2**2, 1 / (0.3 * 0.1), 1 / (0.4 * 1.7) ** 2, 3.5 / 1.6]
    assert np.diag(found)[:4] == pytest.approx(diagonal, rel=1e-13)
    assert found[np.ix_([5, 4], [5, 4])] == pytest.approx(np.linalg.inv(np.array(COVARIANCE)), rel=1e-12)
    assert found[:4, 4:] == pytest.approx(np.zeros((4, 2)))


@pytest.fixture(scope="module")
def draws() -> np.ndarray:
    return ALL.sample(np.tile(POINT, (20_000, 1)), np.random.default_rng(5))


def test_samples_follow_their_distributions(draws: np.ndarray) -> None:
    def two_sided_cdf(x: np.ndarray) -> np.ndarray:
        """The measurement lies below its truth by the width above, 0.3, with probability 3/4."""
        low = 0.75 * 2 * stats.norm.cdf(np.minimum(x + 0.7, 0) / 0.3)
        return low + 0.25 * (2 * stats.norm.cdf(np.maximum(x + 0.7, 0) / 0.1) - 1)

    assert stats.kstest(draws[:, 0], stats.norm(1.3, 0.2).cdf).pvalue > 1e-3
    assert stats.kstest(draws[:, 1], two_sided_cdf).pvalue > 1e-3
    assert stats.kstest(draws[:, 2], stats.norm(np.log(1.7), 0.4).cdf).pvalue > 1e-3
    assert stats.kstest(draws[:, 4], stats.norm(0.9, 0.2).cdf).pvalue > 1e-3
    assert stats.kstest(draws[:, 5], stats.norm(-0.8, 0.3).cdf).pvalue > 1e-3


def test_poisson_samples_have_poisson_frequencies(draws: np.ndarray) -> None:
    counted = np.bincount(draws[:, 3].astype(int), minlength=15)
    seen = np.append(counted[:14], counted[14:].sum())
    expected = len(draws) * np.append(stats.poisson.pmf(np.arange(14), 5.6), stats.poisson.sf(13, 5.6))
    assert stats.chisquare(seen, expected).pvalue > 1e-3


def test_correlated_samples_have_their_covariance(draws: np.ndarray) -> None:
    block = np.cov(draws[:, 4:].T)
    assert block == pytest.approx(np.array(COVARIANCE), abs=4 * 0.09 * np.sqrt(2 / len(draws)))
    rest = np.corrcoef(draws.T)
    np.fill_diagonal(rest, 0)
    rest[4:, 4:] = 0
    assert np.abs(rest).max() < 4.5 / np.sqrt(len(draws))


def test_sampling_repeats_with_its_seed() -> None:
    points = np.tile(POINT, (3, 1))
    first, second = (ALL.sample(points, np.random.default_rng(9)) for _ in range(2))
    assert (first == second).all()


@given(POINTS)
def test_expected_auxiliary_data_give_zero_pulls_and_slopes(p: np.ndarray) -> None:
    auxiliary = ALL.expected(p[None])
    assert ALL.pulls(p[None], auxiliary) == pytest.approx(np.zeros((1, 6)), abs=1e-12)
    assert ALL.gradient(p[None], auxiliary) == pytest.approx(np.zeros((1, 6)), abs=1e-9)
    assert ALL.logpdf_terms(p[None], auxiliary) == pytest.approx(ALL.saturated(auxiliary), rel=1e-12)


@given(POINTS)
def test_nothing_exceeds_the_saturated_density(p: np.ndarray) -> None:
    assert ALL.logpdf_terms(p[None], ALL.measured)[0] <= np.ravel(ALL.saturated(ALL.measured))[0] + 1e-12


def test_pulls_are_in_standard_deviations_of_their_side() -> None:
    low = ALL.pulls(np.array([[0.8, -0.7, 1.0, 0.0, -1.3, 0.7]]), ALL.measured)[0]
    high = ALL.pulls(np.array([[1.2, 0.1, 2 * np.exp(0.4), 4.0, -0.7, 0.3]]), ALL.measured)[0]
    assert low == pytest.approx([-1, -2, -np.log(2) / 0.4, -7 / np.sqrt(7), 1, -1])
    assert high == pytest.approx([1, 2, 1, 7 / np.sqrt(7), -1, 1])


def test_impossible_parameters_have_probability_zero_and_never_nan() -> None:
    points = np.tile(POINT, (3, 1))
    points[0, 2], points[1, 2], points[2, 3] = 0.0, -1.0, -0.1
    assert (ALL.logpdf_terms(points, ALL.measured) == -np.inf).all()
    zero = Constraints(["x"], {"x": Constraint("poisson", 0.0, rate=2.0)})
    at = np.array([[0.0], [1.5]])
    assert zero.logpdf_terms(at, zero.measured) == pytest.approx([0.0, -3.0])
    assert zero.gradient(at, zero.measured) == pytest.approx(np.full((2, 1), -2.0))


def test_without_constraints_everything_is_zero() -> None:
    none = Constraints(["x", "y"], {})
    points = np.ones((4, 2))
    assert len(none) == 0
    assert none.logpdf_terms(points, none.measured) == pytest.approx(np.zeros(4))
    assert none.gradient(points, none.measured) == pytest.approx(np.zeros((4, 2)))
    assert none.sample(points, np.random.default_rng(0)).shape == (4, 0)


@pytest.mark.parametrize("name", list(SINGLE))
def test_a_specification_reads_back(name: str) -> None:
    assert Constraint.from_spec(SINGLE[name].to_spec()) == SINGLE[name]


def test_widths_are_of_the_parameter() -> None:
    assert SINGLE["b"].width() == (0.1, 0.3)
    assert SINGLE["c"].width() == pytest.approx((0.8, 0.8))
    assert SINGLE["d"].width() == pytest.approx((np.sqrt(7) / 3.5,) * 2)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "a constraint has one kind of normal, .* found none"),
        (
            {"normal": {"mean": 0, "sigma": 1}, "poisson": {"count": 1, "rate": 1}},
            "one kind of .* found normal, poisson",
        ),
        ({"normall": {"mean": 0, "sigma": 1}}, "unknown constraint kind 'normall': did you mean 'normal'"),
        ({"normal": {"mean": 0}}, "a normal constraint takes mean, sigma; found mean"),
        ({"two_sided_normal": {"mean": 0, "sigma": 1}}, "takes mean, sigma_up, sigma_down; found mean, sigma"),
        ({"normal": {"mean": 0, "sigma": 0}}, "positive widths"),
        ({"two_sided_normal": {"mean": 0, "sigma_up": 1, "sigma_down": -1}}, "positive widths"),
        ({"poisson": {"count": 3, "rate": 0}}, "positive widths and rates"),
        ({"poisson": {"count": -3, "rate": 1}}, "a positive count"),
        ({"log_normal": {"mean": 0, "sigma": 1}}, "a positive mean"),
        ({"normal": {"mean": float("nan"), "sigma": 1}}, "finite numbers"),
        ({"normal": {"mean": 0, "sigma": float("inf")}}, "finite numbers"),
        ({"normal": {"mean": 1e308, "sigma": 1}}, r"finite numbers of at most 1e\+100"),
        ({"normal": {"mean": 0, "sigma": 1e-155}}, "positive widths and rates of at least 1e-100"),
    ],
)
def test_a_bad_specification_is_refused(spec: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Constraint.from_spec(spec)


@pytest.mark.parametrize(
    ("names", "means", "covariance", "said"),
    [
        (("a", "b"), (0.0,), COVARIANCE, "needs 2 means"),
        (("a", "b"), (0.0, 0.0), ((1.0,),), "2×2 covariance"),
        (("a", "b"), (0.0, 0.0), ((1.0, 0.0), (1.0,)), "not a 2×2 matrix of numbers"),
        (("a", "b"), (0.0, 0.0), ((1.0, 2.0), (2.0, 1.0)), "positive definite"),
        (("a", "b"), (0.0, 0.0), ((1e-9, 5e-10), (0.0, 1e-9)), "not symmetric"),
        (("a", "b"), (0.0, 0.0), ((1.0, float("nan")), (float("nan"), 1.0)), "not finite numbers of at most"),
        (("a", "b"), (0.0, 0.0), ((1.0, 0.0), (0.0, -float("inf"))), "not finite numbers of at most"),
        (("a", "b"), (0.0, float("inf")), COVARIANCE, "finite"),
        (("a", "a"), (0.0, 0.0), COVARIANCE, "twice"),
    ],
)
def test_a_bad_correlation_is_refused(names: Any, means: Any, covariance: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Correlation(names, means, covariance)


def test_a_correlation_of_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="unknown parameter 'ff': did you mean 'f'"):
        Constraints(NAMES, {}, [Correlation(("ff", "e"), (0.0, 0.0), COVARIANCE)])


def test_whole_numbers_are_measurements_like_others() -> None:
    """Auxiliary data of constraints with whole means are not rounded."""
    single = {"a": Constraint("normal", 1, 1, 1), "b": Constraint("poisson", 9, rate=3)}
    constraints = Constraints(["a", "b"], single)
    assert constraints.measured.dtype == float
    np.testing.assert_array_equal(constraints.expected(np.array([[1.37, 2.5]])), [[1.37, 7.5]])
