"""Interpolation between variations against pyhf's, and its slopes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyhf.interpolators import code4, code4p

from npinfer.errors import ConfigurationError
from npinfer.likelihood.interpolation import Factors, Shift

GRID = np.concatenate([np.linspace(-5, 5, 81), [-1.0, 0.0, 1.0, 1 - 1e-9, -1 - 1e-9]])
factor = st.floats(0.4, 2.5)
bins = st.lists(st.tuples(*[st.floats(0, 50)] * 3), min_size=1, max_size=5).map(np.array)


@given(st.lists(st.tuples(factor, factor), min_size=1, max_size=4))
def test_factors_are_those_of_code_4(pairs: list[tuple[float, float]]) -> None:
    up, down = np.array(pairs).T
    ours = np.exp(Factors(up, down)(np.tile(GRID[:, None], (1, len(pairs)))))
    for i, (high, low) in enumerate(pairs):
        theirs = np.asarray(code4([[[[low], [1.0], [high]]]])(GRID[None, :])).ravel()
        assert ours[:, i] == pytest.approx(theirs, rel=1e-12)


@given(bins)
def test_shifts_are_those_of_code_4p(rows: np.ndarray) -> None:
    nominal, up, down = rows.T
    ours, _ = Shift(nominal, up, down)(GRID)
    theirs = np.asarray(code4p([[[down.tolist(), nominal.tolist(), up.tolist()]]])(GRID[None, :]))
    assert ours == pytest.approx(theirs.reshape(len(GRID), -1), rel=1e-12, abs=1e-12)


@given(bins)
def test_a_shift_meets_its_ends(rows: np.ndarray) -> None:
    nominal, up, down = rows.T
    added, _ = Shift(nominal, up, down)(np.array([-1.0, 0.0, 1.0]))
    assert nominal + added == pytest.approx(np.stack([down, nominal, up]), rel=1e-12, abs=1e-12)


@given(factor, factor, st.floats(-4, 4))
def test_the_slope_of_a_factor_is_its_derivative(up: float, down: float, alpha: float) -> None:
    factors = Factors(np.array([up]), np.array([down]))
    h = 1e-4
    f = factors(alpha + h * np.array([[-2.0], [-1.0], [1.0], [2.0]]))[:, 0]
    slope = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h)
    value, found = factors.with_slopes(np.array([[alpha]]))
    assert found[0, 0] == pytest.approx(slope, rel=1e-6, abs=1e-6)
    assert value == pytest.approx(factors(np.array([[alpha]])), rel=1e-13, abs=1e-15)


@given(bins, st.floats(-4, 4))
def test_the_slope_of_a_shift_is_its_derivative(rows: np.ndarray, alpha: float) -> None:
    shift = Shift(*rows.T)
    h = 1e-4
    f = shift(alpha + h * np.array([-2.0, -1.0, 1.0, 2.0]))[0]
    slope = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h)
    assert shift(np.array([alpha]))[1][0] == pytest.approx(slope, rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("at", [-1.0, 0.0, 1.0])
def test_value_and_slope_are_continuous(at: float) -> None:
    sides = np.array([at - 1e-10, at + 1e-10])
    factors = Factors(np.array([1.7]), np.array([0.8]))
    shift = Shift(np.array([5.0]), np.array([9.0]), np.array([4.5]))
    for values in (*factors.with_slopes(sides[:, None]), *shift(sides)):
        assert values[0] == pytest.approx(values[1], abs=1e-8)


@given(factor)
def test_a_symmetric_factor_is_a_power(up: float) -> None:
    alpha = np.array([[-3.0], [-1.0], [0.0], [1.0], [2.5]])
    found = Factors(np.array([up]), np.array([1 / up]))(alpha)
    assert found == pytest.approx(alpha * np.log(up), abs=1e-13)


@pytest.mark.parametrize(
    ("up", "down"), [(0.01, 100.0), (1e-3, 1e3), (np.nan, 1.0), (np.inf, 0.9), (1.1, 0.0), (-1.0, 1.0)]
)
def test_factors_that_do_not_stay_positive_are_refused(up: float, down: float) -> None:
    with pytest.raises(ConfigurationError, match=r"a normsys with up .* cannot be interpolated: .*; use factors"):
        Factors(np.array([1.1, up]), np.array([0.9, down]))


def test_no_factors_at_all() -> None:
    none = Factors(np.array([]), np.array([]))
    assert none(np.zeros((3, 0))).shape == (3, 0)
