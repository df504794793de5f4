"""Sources of counts: a user's generators, sums of them, powers, and what is added and multiplied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer.errors import NpinferError
from npinfer.likelihood.terms import DirectCounts, FixedTemplate, SumOfSources
from npinfer.physics.registry import GENERATORS

NORM = DirectCounts(
    lambda *, a, b: {"y": a[:, None] * np.exp(b)[:, None] * np.array([1.0, 2.0])},
    ("a", "b"),
    ("x", "y"),
    {"x": 1, "y": 2},
)
LINE = DirectCounts(
    lambda *, b: {"x": b[:, None], "y": np.stack([b**2, b**3], axis=-1)}, ("b",), ("y", "x"), {"x": 1, "y": 2}
)


def numerical(counts: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    """Derivatives in each argument, (batch, arguments, bins)."""
    slopes = []
    for step in 1e-4 * np.eye(values.shape[1]):
        f = [counts(values + k * step) for k in (-2, -1, 1, 2)]
        slopes.append((f[0] - 8 * f[1] + 8 * f[2] - f[3]) / 12e-4)
    return np.stack(slopes, axis=1)


def test_channels_that_a_generator_leaves_out_are_empty() -> None:
    assert NORM.counts(np.array([[2.0, 0.0]])) == pytest.approx(np.array([[0.0, 2.0, 4.0]]))


def test_channels_come_in_the_order_asked_for() -> None:
    assert LINE.counts(np.array([[2.0]])) == pytest.approx(np.array([[4.0, 8.0, 2.0]]))


def test_a_sum_shares_the_parameters_of_its_parts() -> None:
    line = DirectCounts(lambda *, b: {"x": b[:, None] ** 2}, ("b",), ("x", "y"), {"x": 1, "y": 2})
    both = SumOfSources([NORM, line, FixedTemplate(np.array([1.0, 0.0, 0.5]))])
    values = np.array([[2.0, 0.3], [0.5, -1.0]])
    assert both.names == ("a", "b")
    expected = NORM.counts(values) + line.counts(values[:, 1:]) + np.array([1.0, 0.0, 0.5])
    assert both.counts(values) == pytest.approx(expected)
    assert both.uncontracted(values) == pytest.approx(expected)
    counts, jacobian = both.jacobian(values)
    assert counts == pytest.approx(expected)
    assert jacobian == pytest.approx(numerical(both.counts, values), rel=1e-9, abs=1e-9)


FILE = """\
schema: npinfer/likelihood/1
name: generated
kind: real
status: illustrative
channels:
  only: {axes: {x: {edges: [0, 1, 2]}}, observed: [3, 1]}
samples:
  signal:
    generator: test.peak
    inputs: {height: 3}
    scale: {epsilon: 2}
    systematics: [{name: efficiency, kind: normsys, up: 1.1}]
  flat: {template: {only: [0.5, 0.5]}}
parameters:
  epsilon: {init: 1, bounds: [0, 3]}
  place: {init: 0.5, bounds: [0, 1]}
derived:
  twice: {generator: test.twice}
"""


@pytest.fixture
def generators(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two generators as a user's module would register them."""

    def peak(inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]) -> Any:
        height = inputs["height"]

        def counts(*, place: np.ndarray) -> Mapping[str, np.ndarray]:
            return {"only": height * np.stack([place, 1 - place], axis=-1)}

        return counts

    monkeypatch.setitem(GENERATORS, "test.peak", peak)
    monkeypatch.setitem(GENERATORS, "test.twice", lambda *_: lambda *, place: 2 * place)


@pytest.mark.usefixtures("generators")
def test_a_generator_of_the_user_becomes_a_sample(write: Callable[..., Path]) -> None:
    lh = npinfer.load(write(FILE))
    point = {"epsilon": 2.0, "place": 0.25, "efficiency": 1.0}
    assert lh.expected(point)["only"] == pytest.approx([0.5 + 1.1 * 4 * 0.75, 0.5 + 1.1 * 4 * 2.25])
    points = np.array([[0.7, 0.3, 0.2], [1.2, 0.6, -1.4], [0.0, 0.5, 0.0]])[:, [1, 0, 2]]
    points = points[:, [lh.parameters.names.index(f"generated.{n}") for n in ("place", "epsilon", "efficiency")]]
    rates, jacobian = lh.rates_jacobian(points)
    assert rates == pytest.approx(lh.rates(points), rel=1e-14)
    assert jacobian == pytest.approx(numerical(lh.rates, points), rel=1e-8, abs=1e-9)
    assert lh.derived(lh.parameters.points(point))["twice"] == pytest.approx([0.5])


@pytest.mark.usefixtures("generators")
@pytest.mark.parametrize(
    ("fragment", "instead", "said"),
    [
        ("  place: {init", "  plaice: {init", "generator 'test.peak' reads a parameter that is not declared"),
        (
            "kind: normsys, up: 1.1",
            "kind: histosys, up: {only: [1, 1]}, mirror: true",
            "a histosys varies a template; this sample",
        ),
        ("generator: test.twice", "generator: test.twise", "unknown generator 'test.twise': did you mean 'test.twice'"),
    ],
)
def test_a_generator_that_does_not_fit_is_refused(
    write: Callable[..., Path], fragment: str, instead: str, said: str
) -> None:
    path = write(FILE.replace(fragment, instead))
    with pytest.raises(NpinferError) as caught:
        npinfer.load(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_one_nuisance_may_act_twice_on_a_sample(write: Callable[..., Path], small_text: str) -> None:
    once = "- {name: efficiency, kind: normsys, up: 1.2, down: 0.9}"
    channels = [
        f"- {{name: efficiency, kind: normsys, up: {up}, channels: [{c}]}}" for up, c in ((1.2, "low"), (1.4, "high"))
    ]
    assert small_text.count(once) == 1
    lh = npinfer.load(write(small_text.replace(once, "\n      ".join([*channels, *channels]))))
    points = np.tile(lh.parameters.vector({"efficiency": 0.5}), (1, 1))
    rates, jacobian = lh.rates_jacobian(points)
    assert rates == pytest.approx(lh.rates(points), rel=1e-14)
    assert jacobian == pytest.approx(numerical(lh.rates, points), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("kept", [(), ("conv_norm",), ("prompt_norm", "muon_norm")])
def test_vanishing_samples_have_one_floor_together(kept: Sequence[str]) -> None:
    """A density with its gradient is that without it where norms are zero, and bins expect the least there is."""
    likelihood = npinfer.load("icecube_hese")
    norms = dict.fromkeys(("astro_norm", "conv_norm", "prompt_norm", "muon_norm"), 0.0)
    point = likelihood.parameters.vector(norms | dict.fromkeys(kept, 1.0))[None]
    assert np.isfinite(likelihood.logpdf(point)).all()
    assert likelihood.value_grad(point)[0] == pytest.approx(likelihood.logpdf(point), rel=1e-13)
    assert likelihood.rates_jacobian(point)[0] == pytest.approx(likelihood.rates(point), rel=1e-9)
