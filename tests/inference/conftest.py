"""Likelihoods with known answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import npinfer
from npinfer.likelihood.binned import BinnedLikelihood

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
