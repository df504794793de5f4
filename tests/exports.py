"""Likelihoods that are exported, and what an exported workspace has to agree with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

import npinfer
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.export import Export

Write = Callable[..., Path]

CLOSE = 1e-9

RICH = """\
schema: npinfer/likelihood/1
name: rich
kind: real
status: illustrative
poi: mu
channels:
  low: {axes: {x: {edges: [0, 1, 2, 3]}}, observed: [13, 9, 4]}
  high: {axes: {x: {edges: [0, 1, 2]}}, observed: [6, 1]}
samples:
  signal:
    template: {high: [2, 1], low: [3, 2, 1]}
    variance: {high: [0.16, 0.09], low: [0.25, 0.04, 0]}
    scale: mu
    systematics:
      - {name: mc, kind: staterror}
      - {name: eff, kind: normsys, up: 1.1, down: 0.9}
      - {name: tilt, kind: histosys, up: {high: [2.5, 1], low: [3, 2, 2]}, down: {high: [1.9, 1.1], low: [3, 1, 1]}}
  background:
    template: {high: [4, 2], low: [8, 6, 2]}
    variance: {high: [0.36, 0.25], low: [0.64, 0.09, 0]}
    scale: level
    systematics:
      - {name: mc, kind: staterror}
      - {name: shape, kind: shapesys, uncertainty: {low: [0.8, 0.5, 0]}}
      - {name: eff, kind: normsys, up: 1.2, channels: [low]}
  third:
    template: {low: [1, 1, 1]}
    scale: [free, held]
    systematics: [{name: wide, kind: histosys, up: {low: [1.1, 1.2, 0.9]}, mirror: true}]
parameters:
  mu: {init: 1, bounds: [0, 10]}
  level: {init: 1.1, bounds: [0, 5], constraint: {normal: {mean: 1.05, sigma: 0.2}}}
  free: {init: 1, bounds: [-2, .inf]}
  held: {init: 1.5, bounds: [0, 3], fixed: true}
  wide: {init: 0.5, bounds: [-3, 3], constraint: {normal: {mean: 0.3, sigma: 0.6}}}
  tilt: {init: 0.2, bounds: [-3, 3], constraint: {normal: {mean: 0.1, sigma: 1}}}
"""
PLAIN = """\
schema: npinfer/likelihood/1
name: plain
kind: real
status: illustrative
poi: mu
channels: {count: {axes: {x: {edges: [0, 1, 2]}}, observed: [5, 2]}}
samples:
  signal: {template: {count: [2, 1]}, scale: mu}
  background: {template: {count: [3, 2]}, systematics: [{name: size, kind: normsys, up: 1.2}]}
parameters: {mu: {init: 1, bounds: [0, 10]}}
"""
FEW = """\
schema: npinfer/likelihood/1
name: few
kind: real
status: illustrative
poi: mu
channels: {sr: {axes: {x: {edges: [0, 1, 2]}}, observed: [5, 2], statistic: effective}}
samples: {all: {template: {sr: [4, 2]}, variance: {sr: [0.4, 0.3]}, scale: mu}}
parameters: {mu: {init: 1, bounds: [0, 10]}}
"""


def model_of(made: Export) -> tuple[pyhf.Model, list[float]]:
    workspace = pyhf.Workspace(json.loads(json.dumps(made.workspace)))
    model = workspace.model()
    return model, workspace.data(model)


def theirs(made: Export, model: pyhf.Model, values: dict[str, float]) -> np.ndarray:
    """A point of ours in the order and units of pyhf."""
    point = np.array(model.config.suggested_init(), dtype=float)
    for name, (other, offset, scale) in made.parameters.items():
        point[model.config.par_names.index(other)] = (values[name] - offset) / scale
    return point


def agrees(lh: BinnedLikelihood, made: Export, n: int = 20) -> None:
    """ln density is pyhf's all over the range of the parameters that live on; what pyhf fixes is what we fix."""
    model, data = model_of(made)
    rng, p = np.random.default_rng(5), lh.parameters
    assert np.allclose(theirs(made, model, dict(made.point)), model.config.suggested_init())
    for _ in range(n):
        values = dict(made.point)
        for name in made.parameters:
            low, high = np.maximum(p[name].bounds[0], -1.5), np.minimum(p[name].bounds[1], 2.5)
            values[name] = float(rng.uniform(low, high))
        ours = lh.logpdf(values)
        there = np.asarray(model.logpdf(theirs(made, model, values), data)).item()
        if np.isfinite(ours):
            assert there == pytest.approx(ours, rel=CLOSE, abs=CLOSE)
    free = {n for n, fixed in zip(model.config.par_names, model.config.suggested_fixed(), strict=True) if not fixed}
    assert free == {other for name, (other, _, _) in made.parameters.items() if not p[name].fixed}


def same_minimum(lh: BinnedLikelihood, made: Export) -> None:
    model, data = model_of(made)
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-6))
    try:
        _, value = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
    finally:
        pyhf.set_backend("numpy")
    frozen = {n: v for n, v in made.point.items() if n in made.frozen}
    assert npinfer.fit(lh, fixed=frozen).twice_nll == pytest.approx(float(value), abs=1e-6)


def modifiers(made: Export, sample: str) -> dict[str, str]:
    found = (m for c in made.workspace["channels"] for s in c["samples"] if s["name"] == sample for m in s["modifiers"])
    return {m["name"]: m["type"] for m in found}


def workspace(lumi: bool = True) -> dict[str, Any]:
    """A workspace with every modifier, staterror and shapefactor over two channels."""
    rng = np.random.default_rng(2)
    sample = lambda n, data, *mods: {"name": n, "data": data, "modifiers": [dict(m) for m in mods]}
    modifier = lambda n, kind, data=None: {"name": n, "type": kind, "data": data}
    norm = modifier("eff", "normsys", {"hi": 1.1, "lo": 0.85})
    mu, luminosity = modifier("mu", "normfactor"), modifier("lumi", "lumi")
    free, factor = modifier("free", "shapefactor"), modifier("scale", "normfactor")
    both = (mu, luminosity) if lumi else (mu,)
    stat = lambda *u: modifier("stat", "staterror", list(u))
    up, down = {"hi_data": [9, 6, 5], "lo_data": [7, 5, 3.5]}, {"hi_data": [3, 2], "lo_data": [1, 2]}
    new = {"hi_data": [1.5, 0.4, 2], "lo_data": [0.6, 0, 1.9]}  # counts in a bin that has none
    return {
        "channels": [
            {"name": "sr", "samples": [
                sample("signal", [3, 2, 1], *both, stat(0.3, 0.2, 0.1)),
                sample("bkg", [8, 5, 4], norm, stat(0.5, 0.4, 0.0), modifier("tilt", "histosys", up)),
                sample("fakes", [1, 0, 2], modifier("own", "shapesys", [0.4, 0.3, 0.0]), free,
                       modifier("tilt", "histosys", new)),
            ]},
            {"name": "cr", "samples": [
                sample("signal", [0.5, 0], luminosity if lumi else norm, stat(0.1, 0)),
                sample("bkg", [2, 2], stat(0.4, 0), modifier("tilt", "histosys", down), factor),
                sample("fakes", [5, 6], free),
            ]},
        ],
        "observations": [{"name": "sr", "data": rng.poisson([12, 8, 6]).tolist()}, {"name": "cr", "data": [7, 9]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [
            {"name": "lumi", "auxdata": [1.1], "sigmas": [0.05], "inits": [1.1], "bounds": [[0.5, 1.5]]},
            {"name": "scale", "inits": [1.2], "bounds": [[0, 4]], "fixed": True},
            {"name": "own", "auxdata": [5.0, 1.0, 1.0]},
        ]}}],
        "version": "1.0.0",
    }  # fmt: skip


def loaded(write: Write, name: str, lumi: bool = True) -> BinnedLikelihood:
    content = workspace(lumi)
    for sample in (s for c in content["channels"] for s in c["samples"]):
        if len(sample["data"]) == 2 and sample["name"] == "fakes":  # pyhf counts a shapefactor's bins in the first
            sample["modifiers"] = []
    return npinfer.load(write(json.dumps(content), f"{name}.json"))
