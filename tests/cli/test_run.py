"""Work that is kept: chunks that are found again, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import npinfer
from npinfer.inference.profile import POINTS_PER_CHUNK

SLOW = "profile slow.yaml mu=0:2:700 --plugin massive_physics"
CHUNKS = -(-700 // POINTS_PER_CHUNK)


@pytest.mark.parametrize("seed", ["abc", "-1"])
def test_seed_refused(npi: Callable, seed: str) -> None:
    assert "Invalid value for '--seed'" in npi(f"profile tiny.yaml --seed {seed}").refused()


def test_finished_chunks_are_not_computed_again(npi: Callable, folder: Path) -> None:
    def chunks() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in (folder / "results").rglob("*.npz")}

    line = f"profile tiny.yaml mu=0:2:{3 * POINTS_PER_CHUNK} --out results"
    out = npi(line).done()
    first = chunks()
    assert len(first) == 3
    assert npi(line).done() == out
    assert chunks() == first
    assert npi(f"{line} --fresh").done() == out
    assert chunks().keys() == first.keys()
    assert all(new > first[path] for path, new in chunks().items())
    assert npi(f"{line} --fix level=1").done() != out
    assert len(chunks()) == 6


def interrupt(process: subprocess.Popen[str], when: Callable[[], bool]) -> tuple[int, str, str]:
    """Ctrl-C at a moment; gives exit code, output and errors."""
    end = time.monotonic() + 30
    while not when() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def test_ctrl_c_without_a_folder(folder: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    before = set(folder.iterdir())
    code, out, err = interrupt(start(SLOW), (folder / "working").exists)
    assert (code, out) == (130, "")
    assert err.startswith("npinfer: profile massive.mu interrupted after ") or err == "npinfer: interrupted\n"
    assert err.count("\n") == 1
    assert {p.name for p in set(folder.iterdir()) - before} <= {"working", "__pycache__"}


@pytest.mark.parametrize("executor", ["serial", "processes:2", "dask:local:2"])
def test_ctrl_c_keeps_finished_chunks(
    npi: Callable, folder: Path, start: Callable[..., subprocess.Popen[str]], executor: str
) -> None:
    results = folder / "results"
    line = f"{SLOW} --out results --executor {executor}"
    code, out, err = interrupt(start(line), lambda: any(results.rglob("*.npz")))
    assert (code, out) == (130, "")
    assert err.startswith("npinfer: profile massive.mu interrupted after ")
    assert err.endswith(": the same command continues\n")
    assert err.count("\n") == 1
    kept = {p: p.stat().st_mtime_ns for p in results.rglob("*.npz")}
    assert 0 < len(kept) < CHUNKS
    assert [p.name for p in results.iterdir()] == ["chunks"]
    assert npi(f"{SLOW} --out results --quiet").done() == ""
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    assert npinfer.load_result(results / "profile.json").complete


def test_a_contour_is_interrupted_too(npi: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*given: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("npinfer.cli.contour.profile", stop)
    outcome = npi("contour tiny.yaml mu=0:2:5 level=0.5:1.5:5 --out results")
    assert outcome == (130, "", "npinfer: interrupted\n")
    assert not (folder / "results").exists()
