"""Exported workspaces have the density and the fit of the likelihood, by pyhf, or are refused in words."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

import npinfer
from npinfer import export
from npinfer.errors import ConfigurationError, DataError, InferenceError, OutputError, ParameterError
from npinfer.likelihood import translation
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.export import Export
from npinfer.likelihood.pyhf_likelihood import PyhfLikelihood
from npinfer.likelihood.saved import read_saved
from npinfer.physics.registry import GENERATORS

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


# ---- exact


@pytest.fixture
def rich(write: Write) -> BinnedLikelihood:
    return npinfer.load(write(RICH, "rich.yaml"))


def test_every_standard_modifier_is_exact(rich: BinnedLikelihood) -> None:
    made = export(rich)
    agrees(rich, made)
    same_minimum(rich, made)
    assert made.closure < CLOSE
    assert not made.frozen
    assert set(made.parameters) == set(rich.parameters.names)
    assert modifiers(made, "signal").items() >= {("mu", "normfactor"), ("eff", "normsys"), ("tilt", "histosys")}
    assert modifiers(made, "background").items() >= {("level", "histosys"), ("shape_low", "shapesys")}
    assert made.parameters["rich.level"] == ("level", 1.05, 0.2)
    assert made.parameters["rich.wide"] == ("wide", 0.0, 0.6)
    assert made.parameters["rich.mc_low_1"] == ("mc_low[1]", 0.0, 1.0)
    assert made.workspace["measurements"][0]["config"]["poi"] == "mu"


def test_other_data_go_with_their_auxiliary_data(rich: BinnedLikelihood) -> None:
    truth = {"mu": 2.0, "level": 0.8, "tilt": 0.5, "wide": -0.4, "mc_low_0": 1.1, "shape_low_1": 1.2}
    asimov = rich.with_data(rich.asimov(truth))
    made = export(asimov)
    agrees(asimov, made)
    same_minimum(asimov, made)
    parameters = {p["name"]: p for p in made.workspace["measurements"][0]["config"]["parameters"]}
    assert parameters["level"]["auxdata"] == pytest.approx([(0.8 - 1.05) / 0.2])
    assert parameters["mc_low"]["auxdata"] == [1.1, 1.0, 1.0]
    toys = rich.with_data(rich.toy(np.tile(rich.parameters.init, (3, 1)), np.random.default_rng(1)))
    with pytest.raises(InferenceError, match="its data are 3 sets; export it with one"):
        export(toys)


def test_uncertainties_are_what_pyhf_makes_of_the_counts(rich: BinnedLikelihood) -> None:
    """Without sigmas and factors, which other tools may not read, the widths are the same."""
    workspace = copy.deepcopy(export(rich).workspace)
    parameters = {p["name"]: p for p in workspace["measurements"][0]["config"]["parameters"]}
    for key, name in (("sigmas", "mc_high"), ("sigmas", "mc_low"), ("factors", "shape_low")):
        given = parameters[name].pop(key)
        found = getattr(pyhf.Workspace(workspace).model().config.param_set(name), key)
        where = np.array([s != translation.UNSEEN for s in given])
        assert np.array(found)[where] == pytest.approx(np.array(given)[where], rel=1e-12)


def test_no_two_names_alike(write: Write) -> None:
    """A factor of samples called like the factors of bins, and others like what carries the constant."""
    text = RICH.replace("free", "mc_low").replace("held", "npinfer_constant").replace("level", "lumi")
    lh = npinfer.load(write(text))
    made = export(lh)
    agrees(lh, made)
    assert made.parameters["rich.mc_low"][0] == "mc_low_"
    assert made.parameters["rich.mc_low_0"][0] == "mc_low[0]"
    assert made.parameters["rich.lumi"][0] == "lumi"
    assert made.constant == "npinfer_constant_"


def test_negative_counts_are_not_compared(write: Write) -> None:
    """A histosys that leaves less than nothing half a standard deviation below: impossible data, for both."""
    tilt = "systematics: [{name: tilt, kind: histosys, up: {count: [9, 6]}, mirror: true}]"
    lh = npinfer.load(write(PLAIN.replace("systematics: [{name: size, kind: normsys, up: 1.2}]", tilt)))
    assert lh.logpdf({"mu": 0, "tilt": -0.6}) == -np.inf
    agrees(lh, export(lh))


def test_no_constant_where_none_is_needed(write: Write, rich: BinnedLikelihood) -> None:
    made = export(npinfer.load(write(PLAIN)))
    assert made.constant == ""
    assert modifiers(made, "background") == {"size": "normsys"}
    assert export(rich).constant == "lumi"
    assert "carries a constant" in str(export(rich).table())


def test_many_random_likelihoods_are_exact(write: Write) -> None:
    rng = np.random.default_rng(11)
    for case in range(12):
        lh = npinfer.load(write(random_text(rng), f"random{case}.yaml"))
        agrees(lh, export(lh), n=5)


def random_text(rng: np.random.Generator) -> str:
    """A likelihood of templates with modifiers at random."""
    bins = {"a": int(rng.integers(1, 4)), "b": int(rng.integers(1, 4))}
    counts = lambda low=0.0: {c: rng.uniform(low, 9, n).round(2).tolist() for c, n in bins.items()}
    samples, parameters = {}, {"mu": {"init": 1, "bounds": [0, 5]}}
    for k, name in enumerate(("s", "t", "u")):
        template = counts(1.0)
        systematics: list[dict[str, Any]] = [
            {"name": "eff", "kind": "normsys", "up": float(rng.uniform(1.01, 1.4)), "down": float(rng.uniform(0.7, 1))}
        ]
        if k and rng.random() < 0.5:
            only = {"channels": ["a"]} if rng.random() < 0.5 else {}
            systematics.append({"name": f"shape{k}", "kind": "shapesys", "uncertainty": counts(0.1), **only})
        if rng.random() < 0.5:
            systematics.append({"name": "mc", "kind": "staterror"})
        if k == 0 or rng.random() < 0.3:
            systematics.append({"name": "tilt", "kind": "histosys", "up": counts(0.5), "down": counts(0.5)})
            scale = ["mu"] if k == 0 else []
        else:
            scale = [["mu", f"level{k}"], ["common"]][int(rng.integers(2))]
        for p in scale:
            mean, sigma = float(rng.uniform(0.8, 1.2)), float(rng.uniform(0.05, 0.5))
            constraint = {"constraint": {"normal": {"mean": mean, "sigma": sigma}}}
            parameters.setdefault(p, {"init": 1, "bounds": [0, 4], **constraint})
        variance = {c: (rng.uniform(0, 1, n).round(1)).tolist() for c, n in bins.items()}
        samples[name] = {"template": template, "variance": variance, "scale": scale, "systematics": systematics}
    channels = {
        c: {"axes": {"x": {"linear": [0, 1, n]}}, "observed": rng.poisson(10, n).tolist()} for c, n in bins.items()
    }
    head = {"schema": "npinfer/likelihood/1", "name": "random", "kind": "real", "status": "illustrative", "poi": "mu"}
    return json.dumps({**head, "channels": channels, "samples": samples, "parameters": parameters})


@pytest.mark.parametrize(
    ("change", "parameter", "why"),
    [
        ("log_normal: {mean: 1, sigma: 0.2}", "level", "its constraint is log-normal: a factor of samples has a norm"),
        ("poisson: {count: 9, rate: 8}", "level", "its constraint is poisson"),
        ("two_sided_normal: {mean: 1, sigma_up: 0.1, sigma_down: 0.2}", "level", "its constraint is two-sided-normal"),
    ],
)
def test_a_factor_with_another_constraint(write: Write, change: str, parameter: str, why: str) -> None:
    lh = npinfer.load(write(RICH.replace("normal: {mean: 1.05, sigma: 0.2}", change)))
    with pytest.raises(InferenceError, match=f"parameter 'rich.{parameter}' cannot live in a workspace: {why}"):
        export(lh)
    made = export(lh, mode="frozen", at={"level": 1.2})
    assert why in made.frozen["rich.level"]
    assert made.point["rich.level"] == 1.2
    agrees(lh, made)
    same_minimum(lh, made)


@pytest.mark.parametrize(("old", "new"), [("scale: mu", "scale: [mu, level]"), ("[free, held]", "[free, level]")])
def test_one_constrained_factor_multiplies_a_histosys(write: Write, old: str, new: str) -> None:
    """As a lumi, whose constraint has any width; the constant then has another carrier."""
    lh = npinfer.load(write(RICH.replace(old, new)))
    made = export(lh)
    assert made.parameters["rich.level"] == ("lumi", 0.0, 1.0)
    assert modifiers(made, "background")["lumi"] == "lumi"
    assert made.constant != "lumi"
    agrees(lh, made)
    same_minimum(lh, made)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("scale: mu", "scale: [mu, level, other]", "'signal' has a histosys, 'rich.tilt', that it multiplies"),
        ("scale: mu", "scale: {mu: 2}", "sample 'signal' is scaled by its power 2"),
        ("scale: mu", "scale: [mu, eff]", "it is a normfactor and a normsys: in a workspace it can be one of them"),
        ("{mean: 0.1, sigma: 1}", "{mean: 0.1, sigma: 0.5}", "has the width 0.5: that of a histosys that is not line"),
        (", constraint: {normal: {mean: 0.1, sigma: 1}}", "", "it has no constraint: that of a histosys is normal"),
        ("{name: eff, kind: normsys, up: 1.2, ch", "{name: level, kind: normsys, up: 1.2, ch", "a normfactor and a"),
        ("{name: wide, k", "{name: eff, kind: normsys, up: 1.1}, {name: eff, kind: normsys, up: 1.3}, {name: wide, k",
         "it varies sample 'third' in more than one way"),
        ("{name: wide, k", "{name: nil, kind: normsys, up: 1.1, channels: []}, {name: wide, k", "no sample reads it"),
        ("scale: [free, held]", "scale: [free, level, other]", "'third' has a histosys, 'rich.wide', that it multip"),
        ("scale: level", "scale: [level, other]", "sample 'background' has another factor with a constraint, 'rich.l"),
    ],
)  # fmt: skip
def test_what_a_workspace_cannot_say(write: Write, old: str, new: str, why: str) -> None:
    other = "  other: {init: 1, bounds: [0, 3], constraint: {normal: {mean: 1, sigma: 0.3}}}\n"
    text = RICH + other if "other" in new else RICH
    assert old in text
    lh = npinfer.load(write(text.replace(old, new)))
    with pytest.raises(InferenceError, match=r"cannot live in a workspace: .*; mode 'frozen' holds"):
        export(lh)
    made = export(lh, mode="frozen", at={"mu": 1.3, "tilt": -0.4, "eff": 0.6, "level": 1.2})
    assert any(why in reason for reason in made.frozen.values())
    agrees(lh, made)
    same_minimum(lh, made)


def test_what_conflicts_with_what_is_frozen_lives_on(write: Write) -> None:
    """A histosys that is held no longer forbids a constrained factor beside it."""
    text = RICH.replace("scale: mu", "scale: level").replace("{mean: 0.1, sigma: 1}", "{mean: 0.1, sigma: 0.5}")
    made = export(npinfer.load(write(text.replace("poi: mu", "poi: level"))), mode="frozen")
    assert list(made.frozen) == ["rich.tilt"]
    assert made.parameters["rich.level"] == ("level", 1.05, 0.2)
    assert made.workspace["measurements"][0]["config"]["poi"] == "level"


def test_fractions_and_impossible_data(write: Write) -> None:
    one = "{init: 0.3, bounds: [0, 1], simplex: flavour}"
    text = PLAIN.replace("scale: mu", "scale: a").replace("count: [3, 2]}", "count: [3, 2]}, scale: b")
    lh = npinfer.load(write(text.replace("parameters: {", f"parameters: {{a: {one}, b: {one}, ")))
    made = export(lh, mode="frozen")
    assert "fractions that add up to at most 1" in made.frozen["plain.b"]
    agrees(lh, made, n=3)
    alone = PLAIN.replace("count: [3, 2]", "count: [0, 2]").replace("count: [2, 1]", "count: [0, 1]")
    with pytest.raises(InferenceError, match="its data are impossible where the workspace starts"):
        export(npinfer.load(write(alone)))


# ---- frozen


CONFIGURATIONS = [
    ("icecube_hese", {}, {"astro_gamma": 2.4, "f_nuebar": 0.4, "conv_norm": 1.3, "energy_scale": 0.93}),
    ("icecube_hese", {"composition": "flavour", "spectrum": "cutoff"}, {"f_e": 0.2, "astro_log10_cutoff": 6.5}),
    ("icecube_pepe", {}, {"astro_gamma": 2.4, "effective_volume": 1.1}),
    ("joint/glashow", {}, {"astro_norm": 3.0, "prompt_norm": 4.0}),
    ("joint/glashow", {"composition": "source", "source_model": "mixture"}, {"s2_23": 0.6, "delta_cp": 1.0}),
]


@pytest.mark.parametrize(("name", "configuration", "at"), CONFIGURATIONS)
def test_shipped_likelihoods_frozen(name: str, configuration: dict[str, Any], at: dict[str, float]) -> None:
    lh = npinfer.load(name, **configuration)
    with pytest.raises(InferenceError, match=r"the generator of sample '.*astro' reads it"):
        export(lh)
    for point in ({}, at):
        made = export(lh, mode="frozen", at=point)
        agrees(lh, made, n=5)
        assert made.point == dict(zip(lh.parameters.names, lh.parameters.vector(point), strict=True))
        assert set(made.frozen) | set(made.parameters) == set(lh.parameters.names)
        assert "astro_gamma" in made.frozen


def test_a_frozen_workspace_has_the_fit_of_the_rest(hese: BinnedLikelihood) -> None:
    made = export(hese, mode="frozen", at={"astro_gamma": 2.8})
    same_minimum(hese, made)
    assert made.parameters["icecube_hese.conv_norm"] == ("conv_norm", 1.0, 0.4)
    assert made.workspace["measurements"][0]["config"]["poi"] == ""
    assert "parameter of interest: none that lives on" in str(made.table())
    assert modifiers(made, "prompt").items() >= {("prompt_norm", "normfactor"), ("response_track", "normsys")}


def test_nothing_may_live_on(write: Write) -> None:
    text = PLAIN.replace(", systematics: [{name: size, kind: normsys, up: 1.2}]", "")
    lh = npinfer.load(write(text.replace("scale: mu", "scale: {mu: 2}")))
    made = export(lh, mode="frozen", at={"mu": 1.5})
    assert not made.parameters
    agrees(lh, made, n=1)


def test_a_point_far_from_the_measurements_is_carried_and_constraints_too_narrow_are_refused(write: Write) -> None:
    far = "{init: 1, bounds: [0, 50], constraint: {log_normal: {mean: 1, sigma: 0.01}}}"
    text = PLAIN.replace("scale: mu", "scale: [mu, far]").replace("parameters: {", f"parameters: {{far: {far}, ")
    lh = npinfer.load(write(text))
    for value in (1.3, 1.9, 40.0):
        agrees(lh, export(lh, mode="frozen", at={"far": value}), n=2)
    narrow = npinfer.load(write(text.replace("sigma: 0.01", "sigma: 1.0e-100")))
    with pytest.raises(InferenceError, match=r"more than a workspace can carry; choose a point nearer"):
        export(narrow, mode="frozen", at={"far": 1.0})


# ---- joint likelihoods and workspaces


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


def test_a_loaded_workspace_exports_as_it_is(write: Write) -> None:
    lh = loaded(write, "ws")
    made = export(lh)
    agrees(lh, made)
    assert made.constant == ""
    channels = {c["name"]: c["samples"] for c in made.workspace["channels"]}
    for channel in workspace()["channels"]:
        for before, after in zip(channel["samples"], channels[channel["name"]], strict=True):
            assert after["data"] == before["data"]
            if len(before["data"]) == 3:
                assert after["modifiers"] == before["modifiers"]
    again = npinfer.load(made.save(Path(write("", "x")).with_name("again.json")))
    point = lh.parameters.init
    assert again.parameters.names == tuple(n.replace("ws.", "again.") for n in lh.parameters.names)
    assert again.logpdf(point) == pytest.approx(lh.logpdf(point), rel=1e-13)


def test_a_joint_with_workspaces(write: Write, rich: BinnedLikelihood) -> None:
    """One luminosity is the workspace's own; the other is a constrained factor."""
    one, two = loaded(write, "one"), loaded(write, "two")
    lh = npinfer.joint(rich, one, two, share={"mu": ["rich.mu", "one.mu", "two.mu"]}, poi="mu")
    made = export(lh)
    agrees(lh, made, n=5)
    assert made.parameters["mu"] == ("mu", 0.0, 1.0)
    assert made.parameters["one.lumi"] == ("lumi", 0.0, 1.0)
    assert made.parameters["two.lumi"] == ("two.lumi", 1.1, 0.05)
    assert made.parameters["one.stat[2]"] == ("one.stat[2]", 0.0, 1.0)
    assert made.constant == "npinfer_constant"
    assert {c["name"] for c in made.workspace["channels"]} == {
        "rich.low", "rich.high", "one.sr", "one.cr", "two.sr", "two.cr",
    }  # fmt: skip
    nested = npinfer.joint(npinfer.joint(rich, one, name="inner"), loaded(write, "third", lumi=False))
    agrees(nested, export(nested), n=3)


def test_correlated_and_shared_factors_are_frozen(write: Write, rich: BinnedLikelihood) -> None:
    plain = npinfer.load(write(PLAIN, "plain.yaml"))
    lh = npinfer.joint(rich, plain, correlate=[{"names": ["rich.eff", "plain.size"], "correlation": 0.5}])
    with pytest.raises(InferenceError, match="its constraint is correlated with those of others"):
        export(lh)
    made = export(lh, mode="frozen", at={"plain.size": 0.4, "rich.eff": -0.3})
    assert set(made.frozen) == {"rich.eff", "plain.size"}
    agrees(lh, made, n=5)
    other = npinfer.load(write(RICH.replace("name: rich", "name: other"), "other.yaml"))
    shared = npinfer.joint(rich, other, share={"x_7": ["rich.shape_low_0", "other.shape_low_0"]})
    made = export(shared, mode="frozen", at={"x_7": 1.2})
    assert made.frozen == {"x_7": "it multiplies several bins: a shapesys has a parameter for each"}
    agrees(shared, made, n=5)


@pytest.mark.parametrize("code", [{"normsys": "code1"}, {"histosys": "code0"}])
def test_other_interpolations_are_not_said(write: Write, code: dict[str, str]) -> None:
    lh = loaded(write, "ws").configure(**code)
    with pytest.raises(InferenceError, match=r"it is interpolated by code[01], which a workspace cannot say"):
        export(lh)
    made = export(lh, mode="frozen", at={"eff": 0.4, "tilt": 0.6})
    assert len(made.frozen) == 1
    agrees(lh, made, n=5)


def test_a_wrapped_model_is_frozen_whole(write: Write) -> None:
    model = pyhf.simplemodels.uncorrelated_background([5.0, 2.0], [50.0, 40.0], [7.0, 5.0])
    lh = npinfer.joint(npinfer.load(write(PLAIN, "plain.yaml")), PyhfLikelihood(model, [55.0, 43.0], name="wrapped"))
    with pytest.raises(InferenceError, match="a wrapped model reads it, and its modifiers are not known"):
        export(lh)
    made = export(lh, mode="frozen", at={"wrapped.mu": 1.4, "uncorr_bkguncrt[0]": 1.1})
    assert set(made.parameters) == {"plain.mu", "plain.size"}
    agrees(lh, made, n=5)
    with pytest.raises(InferenceError, match="wrapped: a wrapped model has no likelihood file"):
        export(lh, mode="npinfer")


# ---- the promise


def test_a_workspace_that_differs_is_not_made(rich: BinnedLikelihood, monkeypatch: pytest.MonkeyPatch) -> None:
    make = translation._Translator._channels

    def wrong(self: Any) -> Any:
        channels = make(self)
        channels[0]["samples"][0]["data"][0] += 1e-6
        return channels

    monkeypatch.setattr(translation._Translator, "_channels", wrong)
    with pytest.raises(InferenceError, match="it is not the same, and nothing is written"):
        export(rich)


def test_what_pyhf_would_fix_is_compared(write: Write) -> None:
    """A factor of mean 0 leaves no counts, where pyhf takes the factors of bins to be certain."""
    text = RICH.replace("normal: {mean: 1.05, sigma: 0.2}", "normal: {mean: 0, sigma: 2}")
    with pytest.raises(InferenceError, match=r"'shape_low\[0\]' would be fixed in pyhf, and is not"):
        export(npinfer.load(write(text)))


def test_the_back_end_is_left_as_it_was(rich: BinnedLikelihood) -> None:
    pyhf.set_backend("numpy", precision="32b")
    try:
        made = export(rich)
        assert pyhf.tensorlib.precision == "32b"
    finally:
        pyhf.set_backend("numpy", precision="64b")
    assert made.closure < CLOSE


def test_bad_requests(rich: BinnedLikelihood, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unknown mode 'froze': did you mean 'frozen'"):
        export(rich, mode="froze")
    with pytest.raises(ConfigurationError, match="at is the point of mode 'frozen'"):
        export(rich, at={"mu": 2})
    with pytest.raises(ParameterError, match="unknown parameter 'moo'"):
        export(rich, mode="frozen", at={"moo": 2})
    with pytest.raises(ParameterError, match="outside its bounds"):
        export(rich, mode="frozen", at={"mu": -2})
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        export(rich).save(tmp_path / "file" / "ws.json")


# ---- npinfer's own JSON


def round_trip(lh: BinnedLikelihood, folder: Path) -> BinnedLikelihood:
    back = read_saved(export(lh, mode="npinfer").save(folder / "saved.json"))
    points = lh.parameters.init * np.linspace(0.97, 1.0, 4)[:, None]
    assert back.logpdf(points).tolist() == lh.logpdf(points).tolist()
    assert (back.name, back.data.kind, back.poi) == (lh.name, lh.data.kind, lh.poi)
    assert back.description == lh.description
    return back


def test_an_effective_likelihood_is_refused_and_saved(write: Write, tmp_path: Path) -> None:
    lh = npinfer.load(write(FEW, "few.yaml"))
    for mode in ("exact", "frozen"):
        with pytest.raises(InferenceError, match=r"few: channel 'sr' has the statistic effective.*'npinfer' keeps it"):
            export(lh, mode=mode)
    round_trip(lh, tmp_path)
    round_trip(lh.with_data(lh.asimov({"mu": 1.7})), tmp_path)


def test_shipped_and_joint_likelihoods_are_saved(write: Write, tmp_path: Path, hese: BinnedLikelihood) -> None:
    round_trip(hese.configure(composition="flavour", exposure=2.0), tmp_path)
    content = json.loads((tmp_path / "saved.json").read_text())
    assert content["file"] == "icecube_hese"
    assert content["configuration"]["composition"] == "flavour"
    assert content["spec"]["samples"]["muon"]["scale"] == "muon_norm"
    plain, few = npinfer.load(write(PLAIN, "plain.yaml")), npinfer.load(write(FEW, "few.yaml"))
    joint = npinfer.joint(
        plain, few, loaded(write, "ws"), share={"mu": ["plain.mu", "few.mu"]},
        correlate=[{"names": ["plain.size", "ws.eff"], "correlation": 0.3}], title="All", poi="mu",
    )  # fmt: skip
    round_trip(joint, tmp_path)
    back = round_trip(joint.with_asimov("few", values={"mu": 2.0}), tmp_path)
    assert [m.data.kind for m in back.members] == ["observed", "asimov", "observed"]  # type: ignore[attr-defined]
    table = str(export(joint, mode="npinfer").table())
    assert "ln density agrees exactly" in table
    assert "plain.yaml" in table


def test_a_generator_without_parameters(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is exact; infinite bounds and the date among its inputs, which JSON has no words for, are saved too."""
    monkeypatch.setattr("npinfer.physics.registry.GENERATORS", dict(GENERATORS))

    @npinfer.generator("tests.dated")
    def dated(inputs: Any, channels: Any, configuration: Any) -> Any:
        def counts() -> dict[str, np.ndarray]:
            return {"count": np.array([[inputs["day"].day, 2.0]])}

        return counts

    text = PLAIN.replace("{template: {count: [2, 1]}", "{generator: tests.dated, inputs: {day: 2020-01-05}")
    lh = npinfer.load(write(text.replace("bounds: [0, 10]", "bounds: [0, .inf]")))
    agrees(lh, export(lh))
    round_trip(lh, tmp_path)


def test_a_saved_likelihood_finds_its_file(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lh = npinfer.load(write(FEW, "few.yaml"))
    (tmp_path / "else").mkdir()
    saved = export(lh, mode="npinfer").save(tmp_path / "else" / "saved.json")
    file = tmp_path / "few.yaml"
    beside = file.rename(tmp_path / "else" / "few.yaml")
    assert read_saved(saved).logpdf({"mu": 2}) == lh.logpdf({"mu": 2})
    (tmp_path / "likelihoods").mkdir()
    named = beside.rename(tmp_path / "likelihoods" / "few.yaml")
    monkeypatch.setenv("NPINFER_PATH", str(tmp_path))
    assert read_saved(saved).logpdf({"mu": 2}) == lh.logpdf({"mu": 2})
    named.write_text(FEW.replace("[4, 2]", "[4, 2.5]"))
    with pytest.raises(DataError, match="has another spec than the likelihood that was saved"):
        read_saved(saved)
    named.unlink()
    with pytest.raises(DataError, match=r"few.yaml is not there, and no likelihood is called 'few'"):
        read_saved(saved)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "broken JSON"),
        ("[]", "not a saved likelihood"),
        ('{"schema": "npinfer/result/1"}', "expected schema 'npinfer/saved/1', found 'npinfer/result/1'"),
        ('{"schema": "npinfer/saved/1"}', "a damaged saved likelihood: KeyError"),
        ('{"schema": "npinfer/saved/1", "members": 1}', "a damaged saved likelihood"),
    ],
)
def test_files_that_are_no_saved_likelihood(write: Write, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_saved(write(text, "saved.json"))


def test_words_of_an_export() -> None:
    """Table and description: what a user reads."""
    made = export(npinfer.load("icecube_pepe"), mode="frozen")
    said = "icecube_pepe as a pyhf workspace (frozen, observed data): 1 channel, 1 sample, 40 bins; 1 of 4 parameters"
    assert made.describe().startswith(said)
    rows = {row[0]: row for row in made.table().rows}
    assert rows["astro_norm"][2:] == ("frozen", "", "the generator of sample 'astro' reads it")
    assert rows["icecube_pepe.effective_volume"][2:] == ("lives on", "effective_volume", "")
    assert "kind real" in made.table().notes[-1]
