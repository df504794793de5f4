"""How a likelihood travels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import npinfer


def test_a_worker_may_run_in_another_folder(
    small_text: str, write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(small_text)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    likelihood = npinfer.load("small.yaml")
    recipe = likelihood.recipe()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert recipe.build().logpdf({"mu": 2.0}) == likelihood.logpdf({"mu": 2.0})
