"""`npinfer gof`: what is printed and saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import npinfer


def test_a_table_by_channel(npi: Callable) -> None:
    lines = npi("gof tiny.yaml --n-toys 30").done().splitlines()
    assert lines[0] == "goodness of fit of A tiny likelihood (observed data)"
    assert [line.split()[0] for line in lines[2:6]] == ["low", "high", "constraints", "all"]
    assert "; by toys p = " in lines[6]
    assert "5 bins + 1 auxiliary data − 2 fitted parameters" in lines[7]


def test_saved_with_a_picture(npi: Callable, folder: Path) -> None:
    npi("gof tiny.yaml --fix mu=1 --n-toys 20 --seed 5 --out results").done()
    names = {p.name for p in (folder / "results").iterdir()}
    assert names == {"chunks", "gof.json", "gof.csv", "gof.png"}
    found = npinfer.load_result(folder / "results/gof.json")
    run = npinfer.RunOptions(seed=5)
    same = npinfer.goodness_of_fit(npinfer.load("tiny.yaml"), fixed={"mu": 1.0}, n_toys=20, run=run)
    assert (found.statistic, found.toys.tolist()) == (same.statistic, same.toys.tolist())


def test_few_events_are_said_without_toys(npi: Callable, folder: Path) -> None:
    out = npi("gof tiny.yaml --out results").done()
    assert "is not to be trusted: 1 of 5 bins expect less than 1 event; draw toys (n_toys)" in out
    assert (folder / "results/gof.png").exists()


def test_faults_in_one_line(npi: Callable) -> None:
    code, out, err = npi("gof tiny.yaml --fix mu=-1")
    assert (code, out) == (2, "")
    assert "parameter 'tiny.mu': -1 is outside its bounds [0, 10]" in err
