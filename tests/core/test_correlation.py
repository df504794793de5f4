"""Correlated constraints: from a number, a matrix or a covariance, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from npinfer.core.constraint import Constraint, Constraints
from npinfer.core.correlation import Correlation, PartialCorrelation, read_correlation
from npinfer.errors import ConfigurationError

NAMES = ("a.x", "b.x", "c.x")
MEASURED = {
    "a.x": Constraint("normal", 1.0, 0.2, 0.2),
    "b.x": Constraint("normal", -0.5, 0.5, 0.5),
    "c.x": Constraint("normal", 3.0, 1.5, 1.5),
    "log": Constraint("log_normal", 1.0, 0.3, 0.3),
    "two": Constraint("two_sided_normal", 1.0, 0.3, 0.2),
    "count": Constraint("poisson", 9.0, rate=3.0),
    "free": None,
}
MATRIX = [[1.0, 0.3, -0.2], [0.3, 1.0, 0.6], [-0.2, 0.6, 1.0]]


def block(**spec: Any) -> Correlation:
    read = read_correlation(spec)
    return read.of(MEASURED) if isinstance(read, PartialCorrelation) else read


def test_means_and_widths_are_those_of_the_constraints() -> None:
    found = block(names=NAMES, correlation=MATRIX)
    assert found.means == (1.0, -0.5, 3.0)
    sigma = np.array([0.2, 0.5, 1.5])
    np.testing.assert_allclose(found.covariance, np.array(MATRIX) * np.outer(sigma, sigma), rtol=1e-15)


def test_a_number_is_the_correlation_of_every_pair() -> None:
    alike = [[1.0, 0.4, 0.4], [0.4, 1.0, 0.4], [0.4, 0.4, 1.0]]
    assert block(names=NAMES, correlation=0.4) == block(names=NAMES, correlation=alike)
    assert block(names=NAMES, correlation=0) == block(names=NAMES, correlation=np.eye(3))


def test_without_correlation_it_is_the_product_of_the_constraints() -> None:
    points = np.random.default_rng(1).normal(size=(20, 3))
    apart = Constraints(NAMES, {n: MEASURED[n] for n in NAMES})
    together = Constraints(NAMES, {}, [block(names=NAMES, correlation=0.0)])
    for method in ("logpdf_terms", "gradient", "information", "pulls"):
        one, two = (getattr(c, method)(points, c.measured) for c in (apart, together))
        np.testing.assert_allclose(one, two, rtol=1e-12, atol=1e-12)


def test_density_is_the_multivariate_normal_of_scipy() -> None:
    from scipy.stats import multivariate_normal

    found = block(names=NAMES, correlation=MATRIX)
    point = np.array([[1.1, 0.2, 2.0]])
    constraints = Constraints(NAMES, {}, [found])
    truth = multivariate_normal.logpdf(found.means, point[0], np.array(found.covariance))
    assert constraints.logpdf_terms(point, constraints.measured)[0] == pytest.approx(truth, rel=1e-13)


def test_some_of_the_parameters_keep_their_part() -> None:
    partial = read_correlation({"names": NAMES, "correlation": MATRIX})
    assert isinstance(partial, PartialCorrelation)
    assert partial.among({"c.x", "a.x"}) == PartialCorrelation(("a.x", "c.x"), ((1.0, -0.2), (-0.2, 1.0)))
    assert partial.among({"c.x"}) is None
    whole = partial.of(MEASURED)
    marginal = whole.among({"a.x", "c.x"})
    assert marginal is not None
    np.testing.assert_allclose(marginal.covariance, np.array(whole.covariance)[np.ix_([0, 2], [0, 2])])
    assert whole.among({"else"}) is None


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"names": ["a.x", "log"], "correlation": 0.1}, "'log' has a log_normal constraint of its own"),
        ({"names": ["a.x", "two"], "correlation": 0.1}, "'two' has a two_sided_normal constraint of its own"),
        ({"names": ["count", "a.x"], "correlation": 0.1}, "'count' has a poisson constraint of its own"),
        ({"names": ["a.x", "free"], "correlation": 0.1}, "'free' has no constraint of its own; only normal"),
        ({"names": ["a.x", "b.x"], "correlation": 1.0}, "between −1 and 1; found 1; .* share them"),
        ({"names": ["a.x", "b.x"], "correlation": -2}, "between −1 and 1; found -2"),
        ({"names": ["a.x", "b.x"], "correlation": float("nan")}, "between −1 and 1"),
        ({"names": NAMES, "correlation": -0.6}, "correlation of a.x, b.x, c.x is not symmetric and positive definite"),
        ({"names": ["a.x", "b.x"], "correlation": [[1, 0.2], [0.3, 1]]}, "not symmetric and positive definite"),
        ({"names": ["a.x", "b.x"], "correlation": [[1, 0.2]]}, "expected a number or a 2×2 matrix with ones"),
        ({"names": ["a.x", "b.x"], "correlation": [[2, 0.2], [0.2, 1]]}, "2×2 matrix with ones on its diagonal"),
        ({"names": ["a.x", "b.x"], "correlation": [[1, 0.2], [0.2]]}, "expected a number or a 2×2 matrix"),
        ({"names": ["a.x", "b.x"], "correlation": "much"}, "expected a number or a 2×2 matrix of numbers"),
        ({"names": ["a.x"], "correlation": 0.2}, "names one parameter"),
        ({"names": ["a.x", "a.x"], "correlation": 0.2}, "names a parameter twice"),
        ({"names": ["a.x", "b.x"]}, "a correlation, or with means and a covariance; found names"),
        ({"names": "a.x", "correlation": 0.2}, "takes a list of names"),
        ({"names": ["a.x", "b.x"], "corelation": 0.2}, "unknown key 'corelation': did you mean 'correlation'"),
        ({"names": ["a.x", "b.x"], "means": [1, 2]}, "found names, means"),
    ],
)
def test_refused(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        block(**spec)


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"correlate takes a list of mappings .* found 0.4"):
        read_correlation(0.4)
