"""Exclusions of signals that rise and fall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from npinfer import RunOptions, exclusion, upper_limit
from npinfer.errors import ConfigurationError, InferenceError, ParameterError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.physics.registry import generator
from tests.inference.conftest import RISING_AND_FALLING

GRID = np.linspace(0.0, 8.0, 41)


@pytest.fixture
def linear(make: Callable[[str], BinnedLikelihood]) -> BinnedLikelihood:
    """The same signal, linear in its size x = 60 μ exp(−μ)."""
    return make(
        RISING_AND_FALLING.replace("{generator: tests.rise}", "{template: {sr: [0.6, 0.4]}, scale: mu}")
        .replace("bounds: [0, 12]", "bounds: [0, 60]")
        .replace("name: rise", "name: linear")
    )


def sizes(segment_ends: list[float]) -> np.ndarray:
    mu = np.array(segment_ends)
    return 60 * mu * np.exp(-mu)


def test_both_ends_are_where_the_signal_has_the_size_of_the_limit(
    rising_and_falling: BinnedLikelihood, linear: BinnedLikelihood
) -> None:
    found, limit = exclusion(rising_and_falling, "mu", GRID), upper_limit(linear)
    (segment,) = found.segments
    np.testing.assert_allclose(sizes([segment.lower, segment.upper]), limit.observed, rtol=1e-4)
    assert not segment.lower_at_bound
    assert not segment.upper_at_bound
    for band, expected in zip(found.expected, limit.expected, strict=True):
        if expected > 60 / np.e:  # more than the largest signal
            assert band == ()
        else:
            np.testing.assert_allclose(sizes([band[0].lower, band[0].upper]), expected, rtol=1e-4)
    assert found.expected[4] == ()
    assert "is excluded at 90 % CL" in found.describe()


def test_where_the_signal_rises_the_end_is_the_upper_limit(small: BinnedLikelihood) -> None:
    found = exclusion(small, "mu", np.linspace(0, 5, 21), expected=False)
    (segment,) = found.segments
    assert segment.lower == pytest.approx(upper_limit(small, expected=False).observed, rel=1e-4)
    assert (segment.lower_at_bound, segment.upper_at_bound) == (False, True)
    assert segment.upper == 5
    assert "edge of the grid" in str(found.table())
    assert found.expected == ()


def test_more_events_than_the_signal_can_give_exclude_nothing(rising_and_falling: BinnedLikelihood) -> None:
    data = replace(rising_and_falling.data, counts={"sr": np.array([60.0, 60.0])})
    found = exclusion(rising_and_falling.with_data(data), "mu", GRID)
    assert found.segments == ()
    assert "no rise.mu from 0 to 8 is excluded" in found.describe()
    assert found.best == pytest.approx(1.0, abs=1e-3)


def test_the_same_on_every_run(rising_and_falling: BinnedLikelihood) -> None:
    one, two = (exclusion(rising_and_falling, "mu", GRID, run=RunOptions(seed=s)) for s in (0, 1))
    np.testing.assert_array_equal(one.p, two.p)
    assert one.complete


def test_bad_questions_are_refused(rising_and_falling: BinnedLikelihood) -> None:
    for grid in ([1.0], [2.0, 1.0], [[1.0, 2.0]]):
        with pytest.raises(ParameterError, match="at least two increasing values"):
            exclusion(rising_and_falling, "mu", np.array(grid))
    with pytest.raises(ParameterError, match="outside its bounds"):
        exclusion(rising_and_falling, "mu", np.array([-1.0, 2.0]))
    with pytest.raises(ConfigurationError, match="did you mean 'cls'"):
        exclusion(rising_and_falling, "mu", GRID, method="clss")
    with pytest.raises(ConfigurationError, match=r"above 0\.5"):
        exclusion(rising_and_falling, "mu", GRID, cl=0.5)


INTERFERING = """\
schema: npinfer/likelihood/1
name: interfering
kind: real
status: illustrative
poi: mu
channels: {sr: {axes: {x: {edges: [0, 1]}}, observed: [99.7], statistic: normal, sigma: 1.0}}
samples:
  background: {template: {sr: [100]}}
  signal: {generator: tests.interfering}
parameters: {mu: {init: 0.3, bounds: [0, 12]}}
"""


@generator("tests.interfering")
def interfering(inputs: Any, channels: Any, configuration: Any) -> Any:
    """μ² − 3 μ, which takes away before it adds."""
    return lambda *, mu: {"sr": (mu * mu - 3 * mu)[:, None]}


def test_a_signal_that_takes_away_is_tested_to_its_own_side(make: Callable[[str], BinnedLikelihood]) -> None:
    """r = μ² − 3 μ was seen at −0.3 ± 1: excluded one-sided where r < 0 is below −0.3 − 1.645 or r > 0 above 1.345."""
    grid, size = np.linspace(0, 6, 61), 1.6448536269514722
    found = exclusion(make(INTERFERING), "mu", grid, method="profile", cl=0.95)
    ends = [end for segment in found.segments for end in (segment.lower, segment.upper)]
    dip = np.sqrt(2.25 - 0.3 - size)
    np.testing.assert_allclose(ends, [1.5 - dip, 1.5 + dip, 1.5 + np.sqrt(2.25 - 0.3 + size), 6.0], rtol=1e-5)
    assert [s.upper_at_bound for s in found.segments] == [False, True]
    with pytest.raises(InferenceError, match=r"turn at interfering\.mu = 1\.5.*use exclusion"):
        upper_limit(make(INTERFERING))
