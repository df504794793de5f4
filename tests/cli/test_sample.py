"""`npinfer sample`: what it prints and saves, refuses and resumes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import npinfer
from npinfer.core.result import Posterior
from npinfer.inference import mcmc

LINE = "sample tiny.yaml --n-walkers 16 --n-steps 60 --n-replicas 2"


def test_files_and_table(npi: Callable, folder: Path) -> None:
    out = npi(f"{LINE} --out results --seed 3 --fix level=1.1").done()
    results = folder / "results"
    saved = {p.name for p in results.iterdir()}
    assert saved == {"chunks", "sample.json", "sample.npz", "sample.csv", "sample_marginals.csv", "sample_corner.png"}
    posterior = npinfer.load_result(results / "sample.json")
    assert isinstance(posterior, Posterior)
    assert posterior.names == ("tiny.mu",)
    assert posterior.fixed == {"tiny.level": 1.1}
    assert posterior.provenance.seed == 3
    assert posterior.provenance.command.startswith("npinfer sample tiny.yaml")
    assert out.splitlines()[0] == "posterior of A tiny likelihood (observed data)"
    assert "fixed: tiny.level=1.1" in out
    assert "not converged: " in out
    header = (results / "sample.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header.startswith("parameter,mean,deviation,median,68 % from,68 % to,R-hat,bulk ESS")


def test_json_alone(npi: Callable, folder: Path) -> None:
    assert npi(f"{LINE} --quiet --json kept/my.json").done() == ""
    assert {p.name for p in (folder / "kept").iterdir()} == {"my.json", "my.npz"}
    assert npinfer.load_result(folder / "kept/my.json")


def test_processes_equal_serial(npi: Callable, folder: Path) -> None:
    assert npi(f"{LINE} --quiet --out serial").code == 0
    assert npi(f"{LINE} --quiet --out processes --executor processes:2").code == 0
    assert (folder / "serial/sample.npz").read_bytes() == (folder / "processes/sample.npz").read_bytes()


def test_refused_in_words(npi: Callable) -> None:
    assert "n_walkers is an even number of at least 8" in npi("sample tiny.yaml --n-walkers 7").refused()
    assert "unknown parameter 'muu'" in npi(f"{LINE} --fix muu=1").refused()
    assert "nothing is left to sample" in npi(f"{LINE} --fix mu=1 --fix level=1").refused()


def test_interrupted(npi: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks: list[int] = []

    def advance(likelihood: object, chunk: dict) -> object:
        chunks.append(len(chunks))
        if len(chunks) == 4:
            raise KeyboardInterrupt
        return original(likelihood, chunk)

    original = mcmc.advance
    monkeypatch.setattr(mcmc, "BLOCK", 20)
    monkeypatch.setattr(mcmc, "advance", advance)
    outcome = npi(f"{LINE} --out results --quiet")
    assert (outcome.code, outcome.out) == (130, "")
    assert "interrupted after 1 of 2 chunks; they are kept in" in outcome.err
    assert [p.name for p in (folder / "results").iterdir()] == ["chunks"]
    assert npi(f"{LINE} --out results --quiet").code == 0
    assert len(chunks) == 7
    npi(f"{LINE} --out whole --quiet").done()
    assert (folder / "results/sample.npz").read_bytes() == (folder / "whole/sample.npz").read_bytes()
