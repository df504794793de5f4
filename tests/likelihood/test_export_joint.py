"""Joint likelihoods and loaded workspaces as workspaces again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyhf
import pytest

import npinfer
from npinfer import export
from npinfer.errors import InferenceError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.pyhf_likelihood import PyhfLikelihood
from tests.exports import PLAIN, RICH, agrees, loaded, workspace

Write = Callable[..., Path]


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
