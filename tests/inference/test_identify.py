"""What the data leave open is said with the parameters' and bins' names, and the fit goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer.core.result import Status
from npinfer.errors import InferenceError
from npinfer.inference.identify import flat_directions, identified, invert, moves, weak_directions, without_noise
from npinfer.likelihood.binned import BinnedLikelihood

Make = Callable[[str], BinnedLikelihood]
HEAD = "schema: npinfer/likelihood/1\nname: open\nkind: real\nstatus: illustrative\n"
PRODUCT = (
    HEAD
    + """\
channels: {count: {axes: {x: {linear: [0, 1, 2]}}, observed: [6, 4]}}
samples:
  signal: {template: {count: [1, 1]}, scale: [rate, efficiency]}
  background: {template: {count: [2, 1]}, scale: level}
parameters:
  rate: {init: 2, bounds: [0, 1.0e+5]}
  efficiency: {init: 0.5, bounds: [0, 1.0e+5]}
  level: {init: 0.5, bounds: [0, 20]}
"""
)
EMPTY = (
    HEAD
    + """\
poi: s
channels:
  low:
    axes: {energy_gev: {edges: [1, 2, 4]}, cos_zenith: {linear: [-1, 1, 2]}}
    observed: [1, 2, 0, 3]
samples:
  signal: {template: {low: [1, 1, 1, 0]}, scale: s}
  background: {template: {low: [0.1, 0.1, 0, 0]}, scale: b}
parameters: {s: {init: 1, bounds: [0, 20]}, b: {init: 1, bounds: [0.1, 20]}}
"""
)
START = EMPTY.replace("[1, 1, 1, 0]", "[1, 1, 1, 1]").replace("s: {init: 1,", "s: {init: 0,")


def test_a_product_of_two_parameters_is_told(make: Make) -> None:
    """counts = rate · efficiency + level: the errors of the rest are those of a fit with one of the two held."""
    result = npinfer.fit(make(PRODUCT))
    assert result.status is Status.NOT_IDENTIFIED
    assert result.valid
    assert "these data do not tell open.rate and open.efficiency apart: errors are not finite" in result.message
    assert np.isnan([result.errors["open.rate"], result.errors["open.efficiency"]]).all()
    assert result.values["open.rate"] * result.values["open.efficiency"] == pytest.approx(2.0, rel=1e-6)
    held = npinfer.fit(make(PRODUCT), fixed={"efficiency": 0.5})
    assert held.status is Status.CONVERGED
    assert result.errors["open.level"] == pytest.approx(held.errors["open.level"], rel=1e-4)
    assert held.errors["open.level"] == pytest.approx(np.sqrt(6.0 + 4.0), rel=1e-3)  # level = n₁ − n₂
    states = {row[0]: row[-1] for row in result.table().rows}
    assert (states["open.rate"], states["open.level"]) == ("not identified", "")


def test_errors_of_sums_survive_a_flat_direction(make: Make) -> None:
    """The total expectation is as well known as ever: its error is √n."""
    result = npinfer.fit(make(PRODUCT))
    view = result.channels["count"]
    slope = view.slopes.sum(axis=1)
    assert np.sqrt(slope @ result.covariance @ slope) == pytest.approx(np.sqrt(10.0), rel=1e-3)


def test_groups_are_named_apart(make: Make) -> None:
    text = PRODUCT.replace("scale: level", "scale: [level, size]").replace(
        "parameters:\n", "parameters:\n  size: {init: 1, bounds: [0.1, 20]}\n  idle: {init: 1, bounds: [0, 2]}\n"
    )
    text = text.replace("samples:\n", "samples:\n  nothing: {template: {count: [0, 0]}, scale: idle}\n")
    message = npinfer.fit(make(text)).message
    for words in (
        "do not tell open.rate and open.efficiency apart",
        "do not tell open.size and open.level apart",
        "do not depend on open.idle here",
    ):
        assert words in message


def test_one_event_does_not_tell_norm_and_index_apart() -> None:
    """One event: the errors are those of the curvature, and longer than what is allowed; the fit says so."""
    result = npinfer.fit(npinfer.load("icecube_pepe"))
    assert result.status is Status.AT_BOUND
    said = "these data barely tell astro_norm and astro_gamma apart: one standard deviation is longer than"
    assert result.message.startswith(said)
    assert result.message.endswith("f_nuebar stopped at its upper bound 1")
    assert result.errors["astro_gamma"] > 2.5
    assert result.errors["icecube_pepe.effective_volume"] == pytest.approx(1.0, rel=1e-3)
    assert "barely" not in npinfer.fit(npinfer.load("icecube_hese")).message


def test_a_parameter_without_a_finite_bound_is_fitted(make: Make) -> None:
    text = HEAD + (
        "channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [10]}}\n"
        "samples: {signal: {template: {count: [1]}, scale: s}}\nparameters: {s: {init: 0.5, bounds: [0, .inf]}}\n"
    )
    result = npinfer.fit(make(text))
    assert result.status is Status.CONVERGED
    assert result.errors["open.s"] == pytest.approx(np.sqrt(10.0), rel=1e-4)


def test_curvature_without_expected_information_counts(make: Make) -> None:
    """Nothing seen where 1 + p² are expected: −ln L = 1 + p², so that σ = 1/√2 although the counts' slope is zero."""
    text = HEAD + (
        "channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [0]}}\n"
        "samples:\n  constant: {template: {count: [1]}}\n  rising: {template: {count: [1]}, scale: {p: 2}}\n"
        "parameters: {p: {init: 0.5, bounds: [-5, 5]}}\n"
    )
    result = npinfer.fit(make(text))
    assert result.status is Status.CONVERGED
    assert result.values["open.p"] == pytest.approx(0.0, abs=1e-5)
    assert result.errors["open.p"] == pytest.approx(np.sqrt(0.5), rel=1e-6)


def random_information(rng: np.random.Generator, rank: int, n: int) -> np.ndarray:
    factor = rng.normal(size=(rank, n)) * 10.0 ** rng.uniform(-3, 3, n)
    return factor.T @ factor


@pytest.mark.parametrize("seed", range(5))
def test_a_regular_information_is_inverted(seed: int) -> None:
    information = random_information(np.random.default_rng(seed), 8, 4)
    width = np.full(4, 1e6)
    np.testing.assert_allclose(invert(information, width) @ information, np.eye(4), atol=1e-7)
    assert flat_directions(information, width).shape == (0, 4)
    assert identified(information).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_null_direction_is_found_whatever_the_noise(seed: int) -> None:
    """Of five parameters the first two are one: the others keep the errors they have with one of the two held."""
    rng = np.random.default_rng(seed)
    inner = random_information(rng, 8, 4)
    join = np.eye(5)[1:] + np.outer([1, 0, 0, 0], np.eye(5)[0])
    expected = join.T @ inner @ join
    noise = rng.normal(size=(5, 5)) * 1e-7
    scale = np.sqrt(np.diag(expected))
    observed = expected + (noise + noise.T) * np.outer(scale, scale)
    information, width = without_noise(observed, expected), np.full(5, 1e9)
    steps, covariance = flat_directions(information, width), invert(information, width)
    assert steps.shape == (1, 5)
    assert moves(steps, covariance, np.eye(5)).tolist() == [True, True, False, False, False]
    assert identified(information).tolist() == [False, False, True, True, True]
    np.testing.assert_allclose(np.diag(covariance)[2:], np.diag(np.linalg.inv(inner))[1:], rtol=1e-2)


def test_a_weak_direction_is_longer_than_a_range() -> None:
    covariance = np.diag([4.0, 0.01])
    assert weak_directions(covariance, np.array([1.0, 1.0])).shape == (1, 2)
    assert weak_directions(covariance, np.array([3.0, 1.0])).shape == (0, 2)


@pytest.mark.parametrize(
    ("text", "fixed", "said"),
    [
        (EMPTY, {}, "no free parameter changes that: add a background there, free a parameter, or leave the bin out"),
        (START, {"s": 0.0}, "no free parameter changes that"),
    ],
)
def test_an_event_where_nothing_is_expected_names_its_bin(make: Make, text: str, fixed: Any, said: str) -> None:
    with pytest.raises(InferenceError) as caught:
        npinfer.fit(make(text), fixed=fixed)
    place = "3 observed where 0 are expected in bin 3 of channel 'low' (energy [GeV] 2 to 4, cos zenith 0 to 1)"
    assert place in str(caught.value)
    assert said in str(caught.value)


def test_a_start_value_that_makes_the_data_impossible_is_moved(make: Make) -> None:
    likelihood = make(START)
    assert npinfer.fit(likelihood).twice_nll == pytest.approx(npinfer.fit(likelihood, init={"s": 1.0}).twice_nll)
    scan = npinfer.profile(likelihood, {"s": np.array([0.0, 1.0])})
    assert scan.delta_twice_nll[0] == np.inf
    assert scan.delta_twice_nll[1] < 1.0


def test_a_constraint_that_forbids_a_held_value_is_named(make: Make) -> None:
    text = START.replace("bounds: [0.1, 20]", "bounds: [0, 20], constraint: {log_normal: {mean: 1, sigma: 0.2}}")
    with pytest.raises(InferenceError, match=r"a constraint rules the start values out \(that of open.b forbids 0\)"):
        npinfer.fit(make(text), fixed={"s": 1.0, "b": 0.0})
