"""`npinfer compare`: models on the command line, what is printed and saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import npinfer

PAIR = "--model low:mu=1/4 --model high:mu=2,mode=fancy"


def test_a_table_and_a_verdict(npi: Callable) -> None:
    lines = npi(f"compare tiny.yaml {PAIR} --n-toys 20").done().splitlines()
    assert lines[0] == "comparison of low and high (observed data)"
    assert lines[1].split()[:4] == ["tested", "against", "t", "p"]
    assert [line.split()[:2] for line in lines[2:4]] == [["low", "high"], ["high", "low"]]
    assert "is preferred over" in lines[4]
    assert lines[5].startswith("low: mu = 0.25; twice_nll = ")
    assert lines[6].startswith("high: mode = fancy, mu = 2; twice_nll = ")


def test_saved_with_a_picture(npi: Callable, folder: Path) -> None:
    npi(f"compare tiny.yaml {PAIR} --n-toys 20 --seed 3 --out results").done()
    names = {p.name for p in (folder / "results").iterdir()}
    assert names == {"chunks", "compare.json", "compare.csv", "compare_toys.csv", "compare.png"}
    found = npinfer.load_result(folder / "results/compare.json")
    assert found.provenance.seed == 3
    assert found.provenance.command.startswith("npinfer compare tiny.yaml --model")
    models = {"low": {"mu": 0.25}, "high": {"mu": 2, "mode": "fancy"}}
    same = npinfer.compare(npinfer.load("tiny.yaml"), models, n_toys=20, run=npinfer.RunOptions(seed=3))
    assert [p.t for p in same.pairs] == [p.t for p in found.pairs]
    assert (same.toys["low"] == found.toys["low"]).all()


def test_three_models_give_three_pictures(npi: Callable, folder: Path) -> None:
    npi(f"compare tiny.yaml {PAIR} --model a/b:mu=1 --n-toys 5 --out results").done()
    names = {p.name for p in (folder / "results").glob("*.png")}
    assert names == {"compare_low_high.png", "compare_low_a_b.png", "compare_high_a_b.png"}


def test_without_toys_no_picture(npi: Callable, folder: Path) -> None:
    out = npi(f"compare tiny.yaml {PAIR} --n-toys 0 --out results").done()
    assert "no toys were drawn" in out
    assert {p.name for p in (folder / "results").iterdir()} == {"compare.json", "compare.csv"}


def test_parameters_held_in_every_model(npi: Callable) -> None:
    out = npi(f"compare tiny.yaml {PAIR} --fix level=1 --n-toys 0").done()
    assert "low: level = 1, mu = 0.25;" in out
    assert "high: mode = fancy, level = 1, mu = 2;" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "compare needs at least two models: give --model NAME:KEY=VALUE[,KEY=VALUE…] for each"),
        ("--model a:mu=1", "compare needs at least two models: give --model NAME:KEY=VALUE[,KEY=VALUE…] for each"),
        ("--model mu=1", "--model takes NAME:KEY=VALUE[,KEY=VALUE…], such as pp:f_nuebar=1/6; found 'mu=1'"),
        ("--model a:mu", "--model takes NAME:KEY=VALUE[,KEY=VALUE…], such as pp:f_nuebar=1/6; found 'a:mu'"),
        ("--model a:mu=1 --model a:mu=2", "--model: 'a' is given twice; keep one"),
        ("--model a:mu=1,mu=2 --model b:mu=2", "--model a: 'mu' is given twice; keep one"),
        ("--model a:mu=x --model b:mu=2", "--model a: mu: 'x' is not a number; write 0.5, 1e-3 or 1/6"),
        ("--model a:nu=1 --model b:mu=2", "model 'a': unknown parameter or configuration 'nu': did you mean 'mu'?"),
        (f"{PAIR} --fix mu=1", "--fix mu: model 'low' sets it too; drop one"),
    ],
)
def test_refused(npi: Callable, options: str, said: str) -> None:
    assert npi(f"compare tiny.yaml {options}").refused() == f"npinfer: {said}"


def test_interrupted(npi: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from npinfer.inference import compare as module

    original, calls = module.fit_toys, []

    def stop_at_third(contest: object, chunk: object) -> object:
        calls.append(chunk)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(contest, chunk)

    monkeypatch.setattr(module, "fit_toys", stop_at_third)
    code, out, err = npi(f"compare tiny.yaml {PAIR} --n-toys 150 --out results")
    assert (code, out) == (130, "")
    assert err.startswith("npinfer: compare low, high interrupted after 2 of 4 chunks; they are kept in ")
    assert [p.name for p in (folder / "results").iterdir()] == ["chunks"]
