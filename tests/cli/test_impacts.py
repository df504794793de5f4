"""`npinfer impacts`: what is printed and saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import npinfer


def test_a_ranking(npi: Callable) -> None:
    lines = npi("impacts tiny.yaml").done().splitlines()
    assert lines[0] == "impacts on tiny.mu (observed data)"
    assert lines[1].split()[:5] == ["parameter", "value", "error", "pull", "pull"]
    assert [line.split()[0] for line in lines[2:7]] == ["level", "other", "statistical", "nuisance", "total"]
    assert "the strongest is tiny.level" in lines[7]


def test_saved_with_a_picture(npi: Callable, folder: Path) -> None:
    npi("impacts tiny.yaml --poi level --out results").done()
    names = {p.name for p in (folder / "results").iterdir()}
    assert names == {"chunks", "impacts.json", "impacts.csv", "impacts.png"}
    found = npinfer.load_result(folder / "results/impacts.json")
    same = npinfer.impacts(npinfer.load("tiny.yaml"), "level")
    assert found.poi == "tiny.level"
    assert [p.up for p in found.parameters] == [p.up for p in same.parameters]


def test_nothing_to_rank_draws_nothing(npi: Callable, folder: Path) -> None:
    npi("impacts tiny.yaml --fix level=1 --out results").done()
    assert not (folder / "results/impacts.png").exists()


def test_faults_in_one_line(npi: Callable) -> None:
    code, out, err = npi("impacts tiny.yaml --fix mu=1")
    assert (code, out) == (2, "")
    assert "parameter 'tiny.mu' is fixed: impacts on it need it free" in err
