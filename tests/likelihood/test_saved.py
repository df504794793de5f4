"""Likelihoods saved as npinfer's own JSON, and what is refused as such."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer import export
from npinfer.errors import DataError, InferenceError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.saved import read_saved
from npinfer.physics.registry import GENERATORS
from tests.exports import FEW, PLAIN, agrees, loaded

Write = Callable[..., Path]


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
