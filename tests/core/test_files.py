"""Files that are whole or not there."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from npinfer.core.files import read_arrays, remove_leftovers, write_file
from npinfer.errors import DataError, OutputError


def test_an_unwritable_place_is_refused_in_words(tmp_path: Path) -> None:
    file = write_file(tmp_path / "file", "text")
    for path in (file / "below.csv", file / "far" / "below.csv", tmp_path, Path(), Path("/"), tmp_path / "a\0b"):
        with pytest.raises(OutputError, match="cannot be written") as caught:
            write_file(path, "text")
        assert "choose another folder" in str(caught.value)
    assert file.read_text(encoding="utf-8") == "text"


def test_a_failed_write_leaves_no_part_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError):
        write_file(tmp_path / "folder", "text")
    with pytest.raises(OutputError):
        write_file(tmp_path / "file", "\ud800")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


WRITER = """\
import os, sys, time
from pathlib import Path
from npinfer.core import files

files.os.fsync = lambda descriptor: (print("writing", flush=True), time.sleep(60))
files.write_file(Path(sys.argv[1]), "new")
"""


def test_what_a_killed_writer_left_is_removed_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    path = write_file(tmp_path / "result.json", "old")
    (tmp_path / ".mine.part").write_text("a file of the user's")
    elsewhere = tmp_path / f".result.json.{2**22 + 1}@another.machine.0a1b2c3d.part"
    elsewhere.write_text("being written on another machine")
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    kept = {path, elsewhere, tmp_path / ".mine.part"}
    (part,) = set(tmp_path.iterdir()) - kept
    assert f".{writer.pid}@{platform.node()}." in part.name
    remove_leftovers(tmp_path)
    assert part.exists()
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert path.read_text() == "old"
    remove_leftovers(tmp_path)
    assert set(tmp_path.iterdir()) == kept


def test_many_write_one_file_and_it_is_always_whole(tmp_path: Path) -> None:
    path, contents = tmp_path / "a.npz", [bytes([i]) * 300_000 for i in range(4)]
    write_file(path, contents[0])
    stop = threading.Event()

    def write(content: bytes) -> None:
        while not stop.is_set():
            write_file(path, content)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    found = [path.read_bytes() for _ in range(300)]
    stop.set()
    for thread in threads:
        thread.join()
    assert set(found) <= set(contents)
    assert os.listdir(tmp_path) == ["a.npz"]


@pytest.mark.parametrize("kept", [0, 40, 300])
def test_damaged_arrays_are_refused_in_words(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "flux.npz"
    np.savez(path, flux=np.arange(30.0))
    assert read_arrays(path)["flux"].sum() == read_arrays(path, "flux")["flux"].sum() == 435.0
    with pytest.raises(DataError, match=r"flux\.npz: damaged .*; install npinfer again"):
        read_arrays(path, "species")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"flux\.npz: damaged .*; install npinfer again"):
        read_arrays(path)
