"""Minima at values of a parameter where derivatives jump."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.physics.registry import generator

KNOTS = np.array([-1.0, 0.5, 2.0])


@generator("tests.bent")
def bent(inputs, channels, configuration):  # type: ignore[no-untyped-def]
    """Counts that rise five times as fast above 0.5, and again from 2 on."""

    def counts(*, x, level):  # type: ignore[no-untyped-def]
        slope = np.where(x.real < 0.5, 2.0 * (x - 0.5), np.where(x.real < 2.0, 10.0 * (x - 0.5), 30.0 * x - 45.0))
        return {"c": level[:, None] * np.stack([11.0 + slope, 5.0 + 0.0 * x], axis=1)}

    return counts


def likelihood(write: Callable[..., Path], seen: float, mean: float) -> BinnedLikelihood:
    text = f"""\
schema: npinfer/likelihood/1
name: bent
kind: real
status: illustrative
channels:
  c: {{axes: {{x: {{edges: [0, 1, 2]}}}}, observed: [{seen}, 5]}}
samples:
  s: {{generator: tests.bent}}
parameters:
  x: {{init: 0.5, bounds: [-3, 4], constraint: {{normal: {{mean: {mean}, sigma: 0.5}}}}}}
  level: {{init: 1.0, bounds: [0.5, 2], constraint: {{normal: {{mean: 1.0, sigma: 0.001}}}}}}
"""
    return npinfer.load(write(text))


@pytest.fixture
def knotted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BinnedLikelihood, "knots", property(lambda self: (0, KNOTS)))


@pytest.mark.usefixtures("knotted")
@pytest.mark.parametrize("start", [-2.0, 0.0, 0.5, 1.2, 3.0])
def test_a_minimum_at_a_knot(write: Callable[..., Path], start: float) -> None:
    """8 seen: −ln density has the slope 2 (1 − 8/11) + 4 (0.5 − 0.875) = −0.95 below 0.5, and 1.2 above it."""
    found = npinfer.fit(likelihood(write, 8, 0.875), init={"x": start})
    assert found.valid
    assert found.values["bent.x"] == 0.5


@pytest.mark.usefixtures("knotted")
@pytest.mark.parametrize("start", [-2.0, 0.5, 3.0])
@pytest.mark.parametrize(("seen", "mean"), [(14, 0.6), (9, -0.4), (60, 2.4)])
def test_minima_between_knots_are_those_of_a_grid(
    write: Callable[..., Path], seen: float, mean: float, start: float
) -> None:
    lh = likelihood(write, seen, mean)
    found = npinfer.fit(lh, init={"x": start})
    assert found.valid
    x = np.linspace(-2, 3.5, 55_001)
    level = found.values["bent.level"]
    best = x[np.argmax(lh.logpdf(np.stack([x, np.full_like(x, level)], axis=1)))]
    assert found.values["bent.x"] == pytest.approx(best, abs=2e-4)
    assert best not in KNOTS


@pytest.mark.usefixtures("knotted")
def test_a_held_parameter_has_no_knots(write: Callable[..., Path]) -> None:
    found = npinfer.fit(likelihood(write, 8, 0.875), fixed={"x": 0.5})
    assert found.valid
    assert found.values["bent.x"] == 0.5
