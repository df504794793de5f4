"""`npinfer significance`: what is printed and saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import npinfer


def test_a_sentence_and_a_row(npi: Callable) -> None:
    lines = npi("significance tiny.yaml --n-toys 20 --at mu=2").done().splitlines()
    assert lines[0] == "significance of tiny.mu (observed data)"
    assert lines[1].split()[:5] == ["null", "best", "q0", "p", "z"]
    assert lines[3].startswith("tiny.mu = ")
    assert "one-sided" in lines[3]
    assert "data with their truth at tiny.mu = 2," in lines[4]


def test_saved_with_a_picture(npi: Callable, folder: Path) -> None:
    npi("significance tiny.yaml --fix level=1 --n-toys 20 --seed 3 --out results").done()
    names = {p.name for p in (folder / "results").iterdir()}
    assert names == {"chunks", "significance.json", "significance.csv", "significance.png"}
    found = npinfer.load_result(folder / "results/significance.json")
    run = npinfer.RunOptions(seed=3)
    same = npinfer.significance(npinfer.load("tiny.yaml"), fixed={"level": 1.0}, n_toys=20, run=run)
    assert (found.q0, found.toys.tolist()) == (same.q0, same.toys.tolist())
    assert found.provenance.seed == 3


def test_without_toys_no_picture(npi: Callable, folder: Path) -> None:
    assert "not calibrated with toys" in npi("significance tiny.yaml --out results").done()
    assert {p.name for p in (folder / "results").iterdir()} == {"significance.json", "significance.csv"}


def test_asimov_data_have_the_same_truth(npi: Callable) -> None:
    """z on Asimov data is the z that is expected there."""
    npi("significance tiny.yaml --asimov --at mu=2 --json asimov.json").done()
    found = npinfer.load_result("asimov.json")
    assert found.z == pytest.approx(found.expected_z, abs=1e-5)
    assert found.data_kind == "asimov"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--poi leven", "unknown parameter 'leven': did you mean 'level'"),
        ("--fix mu=1", "parameter 'tiny.mu' is fixed: its significance needs it free"),
        ("--null 20", "parameter 'tiny.mu': 20 is outside its bounds [0, 10]"),
    ],
)
def test_faults_in_one_line(npi: Callable, options: str, said: str) -> None:
    code, out, err = npi(f"significance tiny.yaml {options}")
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


def test_interrupted(npi: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import npinfer.inference.toys as module

    original, calls = module.toy_chunk, []

    def stop_at_second(likelihood: object, chunk: object) -> object:
        calls.append(chunk)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(likelihood, chunk)

    monkeypatch.setattr(module, "toy_chunk", stop_at_second)
    code, out, err = npi("significance tiny.yaml --n-toys 400 --out results")
    assert (code, out) == (130, "")
    assert "interrupted after 1 of 2 chunks; they are kept in " in err
    assert [p.name for p in (folder / "results").iterdir()] == ["chunks"]
