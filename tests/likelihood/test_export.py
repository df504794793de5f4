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
from npinfer.errors import ConfigurationError, InferenceError, OutputError, ParameterError
from npinfer.likelihood import translation
from npinfer.likelihood.binned import BinnedLikelihood
from tests.exports import CLOSE, PLAIN, RICH, agrees, modifiers, same_minimum

Write = Callable[..., Path]


# ---- exact


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
