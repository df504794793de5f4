"""Damaged likelihood files: a typed error that names the file, or right numbers; the checks can fail."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import npinfer

from .mutate import case_folder, fuzzed, watched
from .specs import BASES, NAMES, allowed_points, ask, check_numbers, run_case


@fuzzed(300)
def test_damaged_files_are_refused_by_name_or_answer_right(seed: int) -> None:
    with case_folder() as folder:
        assert run_case(folder, Random(seed)).startswith(("right", "refused"))


@fuzzed(15)
def test_a_damaged_copy_of_a_shipped_file(seed: int) -> None:
    with case_folder() as folder:
        assert run_case(folder, Random(seed), shipped=True).startswith(("right", "refused"))


@pytest.mark.parametrize("name", NAMES)
def test_the_files_that_are_damaged_are_right(name: str, tmp_path: Path) -> None:
    for path in BASES.rglob("*.*"):
        copy = tmp_path / path.relative_to(BASES)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    with watched():
        assert ask(npinfer.load(tmp_path / f"{name}.yaml"), Random(1), tmp_path).startswith("right")


@pytest.mark.parametrize("name", ["counting", "gammas"])
def test_a_density_that_is_wrong_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    likelihood = npinfer.load(BASES / f"{name}.yaml")
    points = allowed_points(likelihood, Random(1))
    assert "plain" in check_numbers(likelihood, points)
    right = likelihood.logpdf

    def wrong(values: Any) -> Any:
        return right(values) + 1e-6

    monkeypatch.setattr(likelihood, "logpdf", wrong)
    with pytest.raises(AssertionError):
        check_numbers(likelihood, points)


def test_what_takes_too_long_and_warnings_are_seen() -> None:
    with pytest.raises(AssertionError, match="no answer after"), watched(0.05):
        sum(1 for _ in iter(int, 1))  # for ever
    with pytest.raises(RuntimeWarning), watched():
        np.float64(1.0) / np.float64(0.0)


def test_random_points_are_allowed() -> None:
    likelihood = npinfer.load(BASES / "shapes.yaml")
    points = allowed_points(likelihood, Random(3), number=50)
    assert likelihood.parameters.allowed(points).all()
    assert np.unique(points, axis=0).shape[0] > 20
