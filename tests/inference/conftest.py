"""Likelihoods with known answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.physics.registry import generator

HEAD = """\
schema: npinfer/likelihood/1
name: {name}
kind: real
status: illustrative
"""

COUNTING = (
    HEAD.format(name="counting")
    + """\
poi: s
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [1]}}
samples: {signal: {template: {count: [1]}, scale: s}}
parameters: {s: {init: 0.5, bounds: [0, 20]}}
"""
)

TWO_MINIMA = (
    HEAD.format(name="two_minima")
    + """\
poi: p
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [100]}}
samples:
  constant: {template: {count: [1]}}
  rising: {template: {count: [1]}, scale: {p: 2}}
parameters: {p: {init: 3, bounds: [-30, 30], starts: [-3]}}
"""
)


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], BinnedLikelihood]:
    """A function that loads a likelihood from YAML text."""

    def load(text: str) -> BinnedLikelihood:
        path = tmp_path / "likelihood.yaml"
        path.write_text(text, encoding="utf-8")
        return npinfer.load(path)

    return load


@pytest.fixture
def counting(make: Callable[[str], BinnedLikelihood]) -> BinnedLikelihood:
    """One bin, one event, no background: −2 ln λ = 2(s − 1 − ln s)."""
    return make(COUNTING)


@pytest.fixture
def two_minima(make: Callable[[str], BinnedLikelihood]) -> BinnedLikelihood:
    """100 events where 1 + p² are expected."""
    return make(TWO_MINIMA)


RISING_AND_FALLING = (
    HEAD.format(name="rise")
    + """\
poi: mu
channels: {sr: {axes: {x: {linear: [0, 1, 2]}}, observed: [20, 31]}}
samples:
  signal: {generator: tests.rise}
  background: {template: {sr: [20, 30]}, systematics: [{name: level, kind: normsys, up: 1.1}]}
parameters: {mu: {init: 0.3, bounds: [0, 12]}}
"""
)


@generator("tests.rise")
def rise(inputs: Any, channels: Any, configuration: Any) -> Any:
    """60 μ exp(−μ) events in two bins."""

    def counts(*, mu: np.ndarray) -> dict[str, np.ndarray]:
        return {"sr": 60 * (mu * np.exp(-mu))[:, None] * np.array([0.6, 0.4])}

    return counts


@pytest.fixture
def rising_and_falling(make: Callable[[str], BinnedLikelihood]) -> BinnedLikelihood:
    """A signal of 60 μ exp(−μ) events over a background of 50 ± 5."""
    return make(RISING_AND_FALLING)
