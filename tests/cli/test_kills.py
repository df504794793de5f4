"""A command killed at a random moment: a small part of tests/benchmarks/kill_study.py."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

STUDY = Path(__file__).parents[1] / "benchmarks" / "kill_study.py"


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("kill_study", STUDY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "kill_study", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_a_killed_command_continues_to_the_same_bits(
    kills: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chains: blocks of steps that start where the ones before them ended."""
    monkeypatch.setitem(kills.COMMANDS, "sample", f"sample icecube_pepe {kills.HELD} --n-steps 520")
    (outcome,) = kills.study("sample", "serial", 1, np.random.default_rng(2), tmp_path)
    assert outcome.kept <= outcome.finished <= outcome.chunks == 12
