"""Parameters: names, points, bounds, simplexes and priors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from npinfer.core.parameter import Parameter, Parameters, Prior
from npinfer.errors import ConfigurationError, NpinferError, ParameterError

ALL = Parameters(
    [
        Parameter("gamma", 2.5, (1.0, 4.0), latex="\\gamma"),
        Parameter("hese.norm", 1.0, (0.0, 3.0), fixed=True),
        Parameter("cascade.norm", 1.0, (0.0, 3.0)),
        Parameter("f_e", 0.3, (0.0, 1.0), simplex="flavour"),
        Parameter("f_mu", 0.3, (0.0, 1.0), simplex="flavour"),
    ]
)


def test_a_parameter_is_found_by_full_or_short_name() -> None:
    long = Parameters([Parameter("hese.scale", 1.0, (0.0, 2.0)), Parameter("scale_other", 1.0, (0.0, 2.0))])
    assert long.index("scale") == long.index("hese.scale") == 0
    assert long["scale"] is long[0]
    assert ALL.names == ("gamma", "hese.norm", "cascade.norm", "f_e", "f_mu")
    assert [p.name for p in ALL] == list(ALL.names)
    assert len(ALL) == 5


def test_an_ambiguous_short_name_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"'norm' could be hese.norm or cascade.norm; give the full name"):
        ALL.index("norm")


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ParameterError, match=r"unknown parameter 'gama': did you mean 'gamma'\?"):
        ALL.vector({"gama": 2.0})


def test_a_name_declared_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="declared twice: a"):
        Parameters([Parameter("a", 0.0, (-1.0, 1.0)), Parameter("a", 0.5, (-1.0, 1.0))])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bounds": (1.0, 1.0)}, "not in increasing order"),
        ({"bounds": (2.0, 1.0)}, "not in increasing order"),
        ({"bounds": (float("nan"), 1.0)}, "not in increasing order"),
        ({"init": 5.0}, r"5 is outside its bounds \[0, 2\]"),
        ({"init": float("nan")}, "not a finite number"),
        ({"starts": (0.5, 3.0)}, "3 is outside"),
        ({"prior": Prior(0.0)}, "flat in ln a is not proper"),
        ({"prior": Prior(-1.0)}, "not proper"),
        ({"prior": Prior(2.0), "bounds": (-1.0, 2.0)}, "not proper"),
        ({"prior": Prior(float("nan"))}, "flat in its power nan is not a number"),
        ({"prior": Prior(1e22)}, r"flat in its power 1e\+22 is not a number"),
        ({"prior": Prior(50.0), "bounds": (0.0, 1e3)}, "flat in its power 50 is not a number"),
        ({"bounds": (0.0, 1e308)}, r"1e\+308 is not between 1e-100 and 1e\+100; use another unit, 0, or .inf"),
        ({"init": 1e-320}, "is not between 1e-100 and"),
        ({"starts": (1e-200,)}, "1e-200 is not between 1e-100 and"),
    ],
)
def test_a_contradictory_parameter_is_refused_by_name(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(NpinferError, match=said) as caught:
        Parameter(**{"name": "a", "init": 1.0, "bounds": (0.0, 2.0), **changes})
    assert "'a'" in str(caught.value)


def test_a_label_is_latex_or_the_name() -> None:
    assert ALL["gamma"].label == "$\\gamma$"
    assert ALL["f_e"].label == "f_e"


def test_a_vector_replaces_some_start_values() -> None:
    assert ALL.vector({"gamma": 3}) == pytest.approx([3.0, 1, 1, 0.3, 0.3])
    assert ALL.vector({"f_e": 0.1}, base=np.array([2.0, 1, 2, 0.9, 0.0])) == pytest.approx([2, 1, 2, 0.1, 0])
    assert ALL.init[0] == 2.5  # not changed by the above


def test_points_take_a_mapping_a_vector_or_a_matrix() -> None:
    assert ALL.points({}).shape == (1, 5)
    assert ALL.points(np.ones(5)).shape == (1, 5)
    assert ALL.points(np.ones((0, 5))).shape == (0, 5)
    assert ALL.points([[1, 2, 3, 4, 5]] * 3).shape == (3, 5)


@pytest.mark.parametrize(
    "values", [np.ones(4), np.ones((2, 4)), np.ones((2, 3, 5)), "abc", None, [[1, 2], [1]], [1j] * 5]
)
def test_badly_shaped_points_are_refused(values: Any) -> None:
    with pytest.raises(ParameterError):
        ALL.points(values)


def test_a_point_that_is_not_finite_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match=r"'cascade.norm': its value is not a finite number"):
        ALL.points(np.array([1, 1, np.inf, 0, 0]))


def test_fractions_add_up_to_at_most_one() -> None:
    assert ALL.vector({"f_e": 0.4, "f_mu": 0.6})[3:] == pytest.approx([0.4, 0.6])
    with pytest.raises(ParameterError, match=r"f_e=0.7 \+ f_mu=0.6 is more than 1"):
        ALL.vector({"f_e": 0.7, "f_mu": 0.6})


@given(st.floats(-1, 5), st.floats(-0.5, 1.5), st.floats(-0.5, 1.5))
def test_allowed_is_bounds_and_simplex(gamma: float, f_e: float, f_mu: float) -> None:
    point = np.array([[gamma, 1.0, 1.0, f_e, f_mu]])
    expected = 1 <= gamma <= 4 and min(f_e, f_mu) >= 0 and f_e + f_mu <= 1 + 1e-9
    assert bool(ALL.allowed(point)[0]) == expected


def test_with_changes_replaces_one() -> None:
    other = ALL.with_changes("gamma", fixed=True, init=2.0)
    assert other["gamma"].fixed
    assert other.init[0] == 2.0
    assert not ALL["gamma"].fixed


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0, 0.5, -1.0, 4.0])
def test_a_prior_integrates_to_one_and_is_flat_in_its_measure(power: float) -> None:
    low, high = 0.2, 3.0

    def density(x: float) -> float:
        return float(np.exp(Prior(power).logpdf(np.array([x]), (low, high)))[0])

    assert quad(density, low, high)[0] == pytest.approx(1.0, rel=1e-9)
    middle = np.sqrt(low * high) if power == 0 else (0.5 * (low**power + high**power)) ** (1 / power)
    assert quad(density, low, middle)[0] == pytest.approx(0.5, rel=1e-9)
    assert density(0.1) == density(3.1) == 0.0


def test_a_flat_prior_takes_negative_values() -> None:
    assert np.exp(Prior().logpdf(np.array([-1.5, 0.0]), (-2.0, 2.0))) == pytest.approx([0.25, 0.25])


@pytest.mark.parametrize(
    ("power", "said"),
    [
        (0, "flat in ln epsilon"),
        (1, "flat in epsilon"),
        (2, "flat in epsilon**2"),
        (0.5, "flat in epsilon**0.5"),
    ],
)
def test_a_prior_names_its_measure(power: float, said: str) -> None:
    assert Prior(power).measure("epsilon") == said
