"""Shared by all tests: a small likelihood written as a user would, and the shipped ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import npinfer
from npinfer.likelihood.binned import BinnedLikelihood

settings.register_profile("npinfer", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("npinfer")

SMALL = """\
schema: npinfer/likelihood/1
name: small
kind: real
status: illustrative
title: A small likelihood
poi: mu
configuration:
  mode: {default: plain, choices: [plain, fancy]}
  mass: {default: 1.0e-2, unit: GeV}
  tilted: {default: true}
channels:
  low:
    axes: {energy_gev: {edges: [1, 2, 4]}, cos_zenith: {linear: [-1, 1, 2]}}
    observed: [12, 3, 7, 5]
  high:
    axes: {energy_gev: {log: [10, 1000, 3]}}
    observed: [4, 0, 2]
samples:
  signal:
    template: {low: [2, 1, 3, 2], high: [4, 2, 1]}
    scale: {mu: 1, coupling: 4}
    systematics:
      - {name: efficiency, kind: normsys, up: 1.2, down: 0.9}
      - {name: tilt, kind: histosys, up: {low: [2.5, 1.25, 2.5, 1.5], high: [4.5, 2, 0.75]}, mirror: true}
  background:
    template: {low: [8, 4, 3, 2.5], high: [1, 0.5, 0.25]}
    scale: [lumi, level]
    systematics:
      - {name: efficiency, kind: normsys, up: 1.1, channels: [low]}
      - name: tilt
        kind: histosys
        up: {low: [9, 4, 3, 2], high: [1.5, 0.5, 0.25]}
        down: {low: [7.5, 4.5, 3, 3], high: [0.75, 0.75, 0.25]}
        channels: [low]
  cosmic:
    template: {low: [0.5, 0.5, 0.5, 0.5]}
    scale: rate
parameters:
  mu: {init: 1.0, bounds: [0, 10]}
  coupling: {init: 1.0, bounds: [0.1, 2], constraint: {two_sided_normal: {mean: 1.0, sigma_up: 0.1, sigma_down: 0.05}}}
  lumi: {init: 1.0, bounds: [0.5, 1.5], constraint: {normal: {mean: 1.02, sigma: 2.0e-2}}}
  level: {init: 1.0, bounds: [0.1, 5], constraint: {log_normal: {mean: 1.1, sigma: 0.3}}}
  rate: {init: 1.0, bounds: [0, 5], constraint: {poisson: {count: 9, rate: 8}}}
"""


@pytest.fixture(scope="session")
def small_text() -> str:
    """The YAML of a small likelihood with two channels and every kind of term."""
    return SMALL


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes text into a file of the test's own folder."""

    def into(text: str, name: str = "small.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return into


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> BinnedLikelihood:
    """The small likelihood, loaded from a user's file."""
    path = tmp_path_factory.mktemp("small") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return npinfer.load(path)


@pytest.fixture(scope="session")
def hese() -> BinnedLikelihood:
    """The shipped likelihood of IceCube's high-energy starting events."""
    return npinfer.load("icecube_hese")


@pytest.fixture(scope="session")
def workspaces() -> Any:
    """The module tests/workspaces.py."""
    return _module("workspaces")


@pytest.fixture(scope="session")
def hese_release() -> Any:
    """The module tests/hese_release.py."""
    return _module("hese_release")


@pytest.fixture(scope="session")
def hese_reference() -> Any:
    """The module tests/hese_reference.py."""
    return _module("hese_reference")


def _module(name: str) -> Any:
    """A module beside this file."""
    spec = spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def open_workspace(tmp_path: Path) -> Callable[..., BinnedLikelihood]:
    """Writes a workspace to a file and loads that."""

    def opened(content: Any, **configuration: Any) -> BinnedLikelihood:
        path = tmp_path / "ws.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return npinfer.load(path, **configuration)

    return opened
