"""Finished work on disk: found again, never mistaken for other work, never trusted when damaged."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer import RunOptions
from npinfer.errors import DataError, OutputError
from npinfer.inference import checkpoint
from npinfer.inference.checkpoint import Checkpoints, identity
from npinfer.inference.profile import POINTS_PER_CHUNK
from npinfer.likelihood.binned import BinnedLikelihood

WORK, OTHER = "0123456789abcdef" * 4, "fedcba9876543210" * 4
ARRAYS = {"values": np.linspace(0, 1, 5), "names": np.array(["a", "bc"])}
MANY = {**ARRAYS, "none": np.zeros((0, 3)), "one": np.array(7), "true": np.array([True, False])}
WAY_OUT = (
    "; delete it, and the same command computes it again, or compute all again with --fresh "
    "(in Python RunOptions(fresh=True))"
)


@pytest.fixture
def store(tmp_path: Path) -> Checkpoints:
    found = Checkpoints(tmp_path, WORK, 3)
    found.keep(1, ARRAYS)
    return found


@pytest.fixture
def file(store: Checkpoints) -> Path:
    return store.folder / "00001.npz"


def refusal(store: Checkpoints) -> str:
    with pytest.raises(DataError) as caught:
        store.found()
    return str(caught.value)


def test_what_was_kept_is_found(store: Checkpoints, file: Path, tmp_path: Path) -> None:
    store.keep(1, MANY)
    (number, found), *more = Checkpoints(tmp_path, WORK, 3).found().items()
    assert (number, more) == (1, [])
    assert found.keys() == MANY.keys()
    for name, array in MANY.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    with np.load(file) as plain:  # an archive like any other
        np.testing.assert_array_equal(plain["values"], ARRAYS["values"])
    assert [p.name for p in store.folder.iterdir()] == ["00001.npz"]


def test_a_flipped_bit_anywhere_is_refused(store: Checkpoints, file: Path) -> None:
    content = file.read_bytes()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        file.write_bytes(damaged)
        said = refusal(store)
        assert said.startswith(f"{file}: is ")
        assert said.endswith(WAY_OUT)


def test_a_file_cut_short_anywhere_is_refused(store: Checkpoints, file: Path) -> None:
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        assert refusal(store) == f"{file}: is cut short, damaged or no chunk of finished work{WAY_OUT}"


@pytest.mark.parametrize("content", [b"", b"text\n", b"PK\x03\x04" + bytes(400)])
def test_what_is_no_chunk_is_refused(store: Checkpoints, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert refusal(store) == f"{file}: is cut short, damaged or no chunk of finished work{WAY_OUT}"


def test_plain_archives_are_refused(store: Checkpoints, file: Path) -> None:
    np.savez(file, **ARRAYS)  # type: ignore[arg-type]
    assert "no chunk of finished work" in refusal(store)
    file.unlink()
    file.mkdir()
    assert refusal(store) == f"{file}: cannot be read: Is a directory{WAY_OUT}"


def test_chunks_copied_by_hand_are_refused(store: Checkpoints, file: Path, tmp_path: Path) -> None:
    shutil.copy(file, file.with_name("00002.npz"))
    assert refusal(store) == f"{file.with_name('00002.npz')}: is chunk 1 of this work, not chunk 2{WAY_OUT}"
    other = Checkpoints(tmp_path, OTHER, 3)
    shutil.copy(file, other.folder / "00001.npz")
    assert refusal(other) == f"{other.folder / '00001.npz'}: is a chunk of other work ({WORK[:16]}){WAY_OUT}"


def test_a_damaged_chunk_is_never_used_and_the_ways_out_work(small: BinnedLikelihood, tmp_path: Path) -> None:
    grid = {"mu": np.linspace(0, 5, 3 * POINTS_PER_CHUNK)}
    run = RunOptions(out=tmp_path)
    first = npinfer.profile(small, grid, run=run)
    chunks = sorted(tmp_path.rglob("*.npz"))
    assert len(chunks) == 3
    afresh = RunOptions(out=tmp_path, fresh=True)
    for way_out in (lambda: chunks[1].unlink(), lambda: npinfer.profile(small, grid, run=afresh)):
        chunks[1].write_bytes(chunks[2].read_bytes())
        before = {path: path.stat().st_mtime_ns for path in chunks}
        with pytest.raises(DataError, match=f"{re.escape(str(chunks[1]))}: is chunk 2 of this work, not chunk 1"):
            npinfer.profile(small, grid, run=run)
        assert {path: path.stat().st_mtime_ns for path in chunks} == before
        way_out()
        np.testing.assert_array_equal(npinfer.profile(small, grid, run=run).delta_twice_nll, first.delta_twice_nll)


def test_what_a_kill_left_is_cleaned(store: Checkpoints, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 2**22 + 1)  # more than there can be
        patch.setattr(Path, "replace", lambda *_: sys.exit())
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(SystemExit):
            store.keep(2, ARRAYS)
    assert len(list(store.folder.glob("*.part"))) == 1
    Checkpoints(tmp_path, OTHER, 3)  # other work leaves it alone
    assert len(list(store.folder.glob("*.part"))) == 1
    assert list(Checkpoints(tmp_path, WORK, 3).found()) == [1]
    assert [p.name for p in store.folder.iterdir()] == ["00001.npz"]


def test_a_full_disk_is_said_and_leaves_nothing(store: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"00002.npz: cannot be written: No space left on device; choose another"):
        store.keep(2, ARRAYS)
    assert [p.name for p in store.folder.iterdir()] == ["00001.npz"]


# ---- what work is the same


TABLE = """\
schema: npinfer/likelihood/1
name: table
kind: real
status: illustrative
data: {folder: numbers}
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [4]}}
samples: {signal: {template: signal.csv, scale: astro_norm}}
parameters: {use: [astro_norm]}
"""
SHARED = "astro_norm: {init: 1, bounds: [0, UPPER]}\n"
CHUNKS = [{"seed": np.arange(4), "points": np.eye(3)}, {"seed": np.arange(4) + 1, "points": np.eye(3)}]


def test_the_identity_of_work(small: BinnedLikelihood) -> None:
    first = identity("task", small, CHUNKS, 0)
    assert re.fullmatch("[0-9a-f]{64}", first)
    again, reordered = npinfer.load(small.description.source), [dict(reversed(c.items())) for c in CHUNKS]
    assert identity("task", again, reordered, 0) == first
    other = small.with_data(small.asimov({"mu": 2.0}))
    changed = [
        identity("tusk", small, CHUNKS, 0),
        identity("task", small.configure(mode="fancy"), CHUNKS, 0),
        identity("task", other, CHUNKS, 0),
        identity("task", small, CHUNKS[::-1], 0),
        identity("task", small, CHUNKS[:1], 0),
        identity("task", small, [{**c, "points": c["points"] + 1e-16} for c in CHUNKS], 0),
        identity("task", small, [{**c, "points": c["points"].ravel()} for c in CHUNKS], 0),
        identity("task", small, [{**c, "seed": c["seed"].astype(float)} for c in CHUNKS], 0),
        identity("task", small, CHUNKS, 1),
    ]
    assert len({first, *changed}) == 1 + len(changed)


def test_other_versions_are_other_work(small: BinnedLikelihood, monkeypatch: pytest.MonkeyPatch) -> None:
    first = identity("task", small, CHUNKS, 0)
    monkeypatch.setattr(checkpoint, "versions", lambda: {"npinfer": "0.0"})
    assert identity("task", small, CHUNKS, 0) != first


def test_edited_files_are_other_work(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables without a declared digest and shared parameters count too: whatever the numbers are read from."""
    path = write(TABLE, "likelihoods/table.yaml")
    monkeypatch.setenv("NPINFER_PATH", str(path.parents[1]))
    found = []
    for upper, counts in ((5, 3), (5, 3), (6, 3), (5, 3.001)):
        write(SHARED.replace("UPPER", str(upper)), "likelihoods/parameters.yaml")
        write(f"channel,x_low,x_high,counts\ncount,0,1,{counts}\n", "likelihoods/numbers/signal.csv")
        found.append(identity("task", npinfer.load(path), CHUNKS, 0))
    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_large_work_has_its_identity_soon(small: BinnedLikelihood) -> None:
    rng = np.random.default_rng(0)
    chunks: list[dict[str, Any]] = [{"points": rng.random((200, 50))} for _ in range(500)]
    begun = time.perf_counter()
    identity("task", small, chunks, 0)
    assert time.perf_counter() - begun < 2  # as text, these five million numbers take ten
