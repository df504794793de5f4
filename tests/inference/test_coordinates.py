"""Simplexes through the unit square."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npinfer.core.constraint import Constraint
from npinfer.core.parameter import Parameter, Parameters
from npinfer.inference.coordinates import Coordinates, rates

PARAMETERS = Parameters(
    [Parameter("norm", 1.0, (0.0, 5.0)), *(Parameter(n, 0.2, (0.0, 1.0), simplex="f") for n in ("a", "b", "c"))]
)
FREE = np.array([True, True, True, True])


def coordinates(free: np.ndarray, points: np.ndarray) -> Coordinates:
    return Coordinates(PARAMETERS, free, points)


@given(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3), st.floats(0.0, 5.0))
def test_every_point_of_the_box_is_allowed(shares: list[float], norm: float) -> None:
    x = np.array([[norm, *shares]])
    points = coordinates(FREE, x).to_parameters(x)
    assert PARAMETERS.allowed(points).all()


@given(st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4))
def test_there_and_back(weights: list[float]) -> None:
    fractions = np.array(weights[:3]) / sum(weights)
    points = np.array([[1.5, *fractions]])
    at = coordinates(FREE, points)
    np.testing.assert_allclose(at.to_parameters(at.to_box(points)), points, rtol=1e-12)


def test_fixed_members_take_their_share_first() -> None:
    free = np.array([True, True, False, True])
    points = np.array([[1.0, 0.2, 0.5, 0.1], [1.0, 0.1, 0.9, 0.05]])
    at = coordinates(free, points)
    x = at.to_box(points)
    x[:, [1, 3]] = 1.0
    np.testing.assert_allclose(at.to_parameters(x)[:, 1:].sum(axis=1), 1.0)
    np.testing.assert_array_equal(at.to_parameters(x)[:, 2], points[:, 2])


def test_jacobian_is_the_derivative() -> None:
    x = np.array([[1.0, 0.3, 0.6, 0.2], [2.0, 0.9, 0.1, 0.7]])
    at = coordinates(FREE, x)
    steps = np.array([at.to_parameters(x + 1e-30j * row).imag / 1e-30 for row in np.eye(4)])
    np.testing.assert_allclose(at.jacobian(x), steps.transpose(1, 2, 0), atol=1e-14)


@pytest.mark.parametrize("simplexes", [True, False])
def test_the_identity_without_free_members(simplexes: bool) -> None:
    free = np.array([True, False, False, False]) if simplexes else FREE
    points = np.array([[1.0, 0.2, 0.3, 0.1]])
    at = Coordinates(PARAMETERS, free, points, simplexes=simplexes)
    assert at.plain
    np.testing.assert_array_equal(at.to_box(points), points)


def test_rates_are_stretched_and_come_back() -> None:
    points = np.array([[0.0, 0.2, 0.3, 0.1], [1e-4, 0.2, 0.3, 0.1], [4.9, 0.2, 0.3, 0.1]])
    at = Coordinates(PARAMETERS, FREE, points, stretched=True)
    x = at.to_box(points)
    np.testing.assert_allclose(x[:, 0], np.arcsinh(100 * points[:, 0]), rtol=1e-14)
    np.testing.assert_allclose(at.to_parameters(x), points, rtol=1e-13)
    steps = np.array([at.to_parameters(x + 1e-30j * row).imag / 1e-30 for row in np.eye(4)])
    np.testing.assert_allclose(at.jacobian(x), steps.transpose(1, 2, 0), rtol=1e-13, atol=1e-14)


@given(upper=st.floats(1e-3, 1e6), init=st.floats(1e-3, 0.9))
def test_the_end_of_a_stretched_rate_is_its_bound(upper: float, init: float) -> None:
    parameters, free = Parameters([Parameter("norm", init * upper, (0.0, upper))]), np.array([True])
    at = Coordinates(parameters, free, np.array([[upper]]), stretched=True)
    ends = np.array([at.lower, at.upper])
    np.testing.assert_allclose(at.to_parameters(ends), [[0.0], [upper]], rtol=1e-12)
    assert parameters.allowed(at.to_parameters(ends)).all()


def test_rates_have_no_constraint_and_are_bounded_by_zero() -> None:
    parameters = Parameters(
        [
            Parameter("norm", 1.0, (0.0, 5.0)),
            Parameter("scale", 1.0, (0.0, 5.0), constraint=Constraint("normal", 1.0, 0.2, 0.2)),
            Parameter("index", 2.0, (1.0, 4.0)),
            Parameter("coupling", 0.0, (0.0, np.inf)),
            Parameter("share", 0.2, (0.0, 1.0), simplex="f"),
        ]
    )
    assert rates(parameters, np.ones(5, dtype=bool)).tolist() == [0, 3]
    assert rates(parameters, np.array([False, *[True] * 4])).tolist() == [3]
