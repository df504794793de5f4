"""calibrate, toys and coverage as commands, and what takes their files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import npinfer


def test_a_calibration_is_kept_and_used(npi: Callable, folder: Path) -> None:
    out = npi("calibrate tiny.yaml mu=0:4:5 --n-toys 60 --out results").done()
    assert "critical values of −2 Δ ln L for tiny.mu on 5 points" in out
    assert {p.name for p in (folder / "results").iterdir()} >= {
        "calibrate.json",
        "calibrate.npz",
        "calibrate.csv",
        "calibrate.png",
        "chunks",
    }
    out = npi("interval tiny.yaml --cl 0.9 --calibration results/calibrate.json --out results").done()
    assert "Feldman–Cousins with 60 toys a point" in out
    curve = (folder / "results/interval_curve.csv").read_text().splitlines()
    assert curve[0] == "tiny.mu,delta_twice_nll,threshold,data_kind,likelihood_kind,likelihood_status"
    assert (folder / "results/interval.png").is_file()
    assert npinfer.load_result(folder / "results/interval.json").provenance.seed == 0
    out = npi(
        "coverage tiny.yaml --at mu=1 --n-toys 40 --cl 0.9 --calibration results/calibrate.json --out results"
    ).done()
    assert "truth tiny.mu = 1: 90 % intervals contain it in" in out
    assert (folder / "results/coverage.png").is_file()
    found = npinfer.load_result(folder / "results/coverage.json")
    assert [row.setting for row in found.rows] == ["fit", "other parameters +1σ", "other parameters −1σ"]


def test_a_calibrated_contour(npi: Callable, folder: Path) -> None:
    npi("calibrate tiny.yaml mu=0:4:4 level=0.5:1.5:3 --n-toys 20 --out results --quiet").done()
    out = npi("contour tiny.yaml mu=0:4:9 level=0.5:1.5:9 --calibration results/calibrate.json").done()
    assert "Feldman–Cousins with 20 toys a point" in out
    assert (folder / "results/calibrate.png").is_file()
    refused = npi("contour tiny.yaml mu=0:4:9 level=0.5:1.5:9 --fix mode=1").refused()
    assert "unknown parameter" in refused
    refused = npi("contour tiny.yaml level=0.5:1.5:9 mu=0:4:9 --calibration results/calibrate.json").refused()
    assert "the calibration is of tiny.mu and tiny.level, the question of tiny.level and tiny.mu" in refused


def test_all_outcomes(npi: Callable) -> None:
    out = npi("calibrate tiny.yaml mu=0:1:2 --n-toys 0 --fix level=1").refused()
    assert "outcomes of 5 bins are too many to enumerate" in out
    out = npi("calibrate tiny.yaml mu=0:1:2 --n-toys 0").refused()
    assert "tiny.level has auxiliary data, which are continuous; give a number of toys, or fix it" in out


def test_toys(npi: Callable, folder: Path) -> None:
    out = npi("toys tiny.yaml --n-toys 50 --at mu=2 --seed 3 --out results").done()
    assert "50 toys with counts and auxiliary data fluctuated, seed 3; 50 of 50 fits converged" in out
    assert len((folder / "results/toys_fits.csv").read_text().splitlines()) == 51
    assert (folder / "results/toys.png").is_file()
    assert npinfer.load_result(folder / "results/toys.json").truth["tiny.mu"] == 2.0
    other = npi("toys tiny.yaml --n-toys 50 --asimov --at mu=2 --seed 3").done()
    assert other.splitlines()[2] != out.splitlines()[2] or "toys of" in other


def test_faults(npi: Callable, folder: Path) -> None:
    assert "coverage needs the true value of tiny.mu: give --at mu=VALUE" in npi("coverage tiny.yaml").refused()
    assert "no such file" in npi("interval tiny.yaml --calibration none.json").refused()
    (folder / "wrong.json").write_text("{}")
    assert "not a result" in npi("interval tiny.yaml --calibration wrong.json").refused()
    npi("interval tiny.yaml --json interval.json --quiet").done()
    assert "expected a Calibration, found a Interval" in npi(
        "interval tiny.yaml --calibration interval.json"
    ).refused()
    npi("calibrate tiny.yaml mu=0:4:3 --n-toys 5 --out results --quiet").done()
    refused = npi("interval massive.yaml --plugin massive_physics --calibration results/calibrate.json").refused()
    assert "the calibration is of tiny.mu, the question of massive.mu" in refused
    assert "--at is for intervals" in npi("coverage tiny.yaml --method bayes --at mu=1").refused()
    assert "Invalid value for '--n-toys'" in npi("toys tiny.yaml --n-toys 0").refused()


@pytest.mark.slow
def test_ranks_of_the_sampler(npi: Callable, folder: Path) -> None:
    out = npi("coverage tiny.yaml --method bayes --fix level=1 --n-toys 20 --seed 2 --out results").done()
    assert "20 data sets with truths from the priors: their ranks of 1 parameter and ln likelihood" in out
    assert (folder / "results/coverage_ranks.png").is_file()
    assert npinfer.load_result(folder / "results/rank_calibration.json").complete
