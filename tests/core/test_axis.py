"""Axes and histograms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npinfer.core.axis import Axis, histogram
from npinfer.errors import ConfigurationError


def test_the_three_ways_to_give_edges() -> None:
    assert Axis.from_spec("x", {"edges": [0, 1, 5]}).edges == (0.0, 1.0, 5.0)
    assert Axis.from_spec("x", {"linear": [-1, 1, 4]}).edges == pytest.approx((-1, -0.5, 0, 0.5, 1))
    log = Axis.from_spec("x", {"log": [1, 1000, 3]})
    assert log.edges == pytest.approx((1, 10, 100, 1000), rel=1e-14)
    assert log.bins == 3


@pytest.mark.parametrize(
    ("name", "unit", "label"),
    [
        ("energy_gev", "GeV", "energy [GeV]"),
        ("decay_time_us", "µs", "decay time [µs]"),
        ("cos_zenith", "", "cos zenith"),
        ("m", "m", "m [m]"),
    ],
)
def test_the_unit_is_the_last_word(name: str, unit: str, label: str) -> None:
    axis = Axis(name, (0.0, 1.0))
    assert axis.unit == unit
    assert axis.label == label


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "give one of edges, linear or log; found nothing"),
        ({"edgse": [0, 1]}, "found edgse"),
        ({"edges": [0, 1], "log": [1, 2, 3]}, "found edges, log"),
        ({"edges": [1]}, "at least two increasing"),
        ({"edges": [0, 1, 1]}, "increasing"),
        ({"edges": [0, float("inf")]}, "finite"),
        ({"edges": [0, float("nan"), 2]}, "finite"),
        ({"edges": [-1e308, 1e308]}, r"at most 1e\+100"),
        ({"linear": [-1e308, 1e308, 3]}, r"takes \[low, high, number of bins"),
        ({"linear": [0, 1]}, r"takes \[low, high, number of bins"),
        ({"linear": [0, 1, 2.5]}, "number of bins"),
        ({"linear": [0, 1, 0]}, "number of bins"),
        ({"linear": [0, 1, float("inf")]}, "number of bins"),
        ({"linear": [0, 1, float("nan")]}, "number of bins"),
        ({"linear": [0, 1, 1e15]}, "number of bins"),
        ({"linear": [1, 0, 3]}, "increasing"),
        ({"log": [0, 1, 3]}, "positive ends"),
        ({"log": [1, float("inf"), 3]}, "number of bins"),
    ],
)
def test_a_bad_axis_is_refused_by_name(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        Axis.from_spec("energy_gev", spec)
    assert "'energy_gev'" in str(caught.value)


@given(st.lists(st.tuples(st.floats(-1, 4), st.floats(-1, 3)), max_size=30))
def test_a_histogram_counts_in_c_order(pairs: list[tuple[float, float]]) -> None:
    axes = [Axis("x", (0.0, 1.0, 3.0)), Axis("y", (0.0, 0.5, 1.0, 2.0))]
    values = np.array(pairs).reshape(-1, 2)
    counts = histogram([values[:, 0], values[:, 1]], axes)

    def bin_of(value: float, axis: Axis) -> int:
        if value == axis.edges[-1]:
            return axis.bins - 1
        return int(np.searchsorted(axis.edges, value, side="right")) - 1

    expected = np.zeros(6)
    for x, y in pairs:
        if 0 <= x <= 3 and 0 <= y <= 2:
            expected[3 * bin_of(x, axes[0]) + bin_of(y, axes[1])] += 1
    assert (counts == expected).all()
