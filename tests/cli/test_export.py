"""`npinfer export` as a newcomer meets it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pyhf
import pytest

import npinfer
from npinfer.cli.output import print_table
from tests.exports import FEW


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_workspace_is_written_and_its_parameters_explained(npi: Callable, folder: Path) -> None:
    out = npi("export tiny.yaml --json workspace.json").done()
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}
    assert lines["tiny.mu"] == ["1", "lives", "on", "mu"]
    assert lines["tiny.level"] == ["1", "lives", "on", "1", "+", "0.2", "·", "level"]
    assert "lumi is held at 1 and varies nothing" in out
    assert "parameter of interest: mu" in out
    assert out.endswith("saved workspace.json\n")
    workspace = pyhf.Workspace(json.loads((folder / "workspace.json").read_text()))
    assert workspace.model().config.poi_name == "mu"
    assert workspace.observations == {"low": [12, 3], "high": [4, 0, 2]}
    assert npi("fit workspace.json").code == 0


def test_nothing_is_written_unless_asked(npi: Callable, folder: Path) -> None:
    before = set(folder.iterdir())
    assert npi("export tiny.yaml").done().endswith("nothing is written: --json FILE writes it\n")
    assert npi("export tiny.yaml --quiet").done() == ""
    assert set(folder.iterdir()) == before


def test_a_generator_is_frozen_at_a_point(npi: Callable, folder: Path) -> None:
    line = "export massive.yaml --plugin massive_physics"
    assert npi(line).refused() == (
        "npinfer: massive: parameter 'massive.mu' cannot live in a workspace: the generator of sample 'signal' reads "
        "it; mode 'frozen' holds what cannot, at a point"
    )
    out = npi(f"{line} --mode frozen --at mu=2 --with mass=2 --json frozen.json").done()
    assert "massive.mu     2      frozen" in out
    assert "parameter of interest: none that lives on (poi is empty)" in out
    channels = json.loads((folder / "frozen.json").read_text())["channels"]
    samples = {(c["name"], s["name"]): s["data"] for c in channels for s in c["samples"]}
    assert samples["high", "signal"] == [2.0, 1.0, 0.5]


def test_at_is_the_point_or_the_truth(npi: Callable, folder: Path) -> None:
    assert "--at is the point of --mode frozen, or the truth of --asimov" in npi("export tiny.yaml --at mu=2").refused()
    assert "asimov data" in npi("export tiny.yaml --asimov --at mu=2 --json truth.json").done()
    observations = json.loads((folder / "truth.json").read_text())["observations"]
    assert {o["name"]: o["data"] for o in observations} == {"low": [12, 6], "high": [9, 4.5, 2.25]}


def test_npinfers_own_json(npi: Callable, folder: Path) -> None:
    (folder / "few.yaml").write_text(FEW, encoding="utf-8")
    refusal = npi("export few.yaml --mode frozen").refused()
    assert "has the statistic effective, and a workspace has Poisson counts only; mode 'npinfer' keeps it" in refusal
    out = npi("export few.yaml --mode npinfer --json few.json").done()
    assert "few         few.yaml  observed  7" in out
    saved = json.loads((folder / "few.json").read_text())
    assert (saved["schema"], saved["file"], saved["data"]["kind"]) == ("npinfer/saved/1", "few.yaml", "observed")


@pytest.mark.parametrize("width", [93, 100, 117, 140])
def test_no_word_is_cut_on_a_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Long sentences break in a column beside names that do not."""
    table = npinfer.export(npinfer.load("icecube_hese"), mode="frozen").table()
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(table)
    shown = terminal.getvalue().split()
    for word in ("the", "generator", "of", "sample", "'conventional'", "reads", "it"):
        assert shown.count(word) >= 2
    assert shown.count("sample") >= 6


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("export tiny.yaml --mode froze", "'froze' is not one of 'exact', 'frozen', 'npinfer'"),
        ("export tiny.yaml --mode frozen --at mo=2", "unknown parameter 'mo': did you mean 'mu'?"),
        ("export tiny.yaml --json .", "--json .: is a folder; give a file"),
        ("export tiny.yaml --json counts.csv/x.json", "is not a folder; choose another place"),
        ("export", "Missing argument 'NAME'"),
    ],
)
def test_refused(npi: Callable, line: str, message: str) -> None:
    assert message in npi(line).refused()
