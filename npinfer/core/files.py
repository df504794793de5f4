"""Files written in one step, never seen half-written however the process that writes them ends; arrays read."""

from __future__ import annotations

import os
import platform
import re
import secrets
import zlib
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from npinfer.errors import DataError, OutputError

PART = re.compile(r"\..*\.(?P<process>\d+)@(?P<host>.*)\.[0-9a-f]{8}\.part", re.DOTALL)


def write_file(path: Path, content: str | bytes) -> Path:
    """Write a file in one step, text in UTF-8; raises OutputError.

    It is written beside `path` first, under a name of its own: others may write the same file at the same time.
    """
    try:
        part = path.with_name(f".{path.name}.{os.getpid()}@{platform.node()}.{secrets.token_hex(4)}.part")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as stream:
                stream.write(content.encode() if isinstance(content, str) else content)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise OutputError(f"{path}: cannot be written: {why}; choose another folder with --out") from None
    return path


def read_arrays(path: Path, *names: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz file that the package ships, or those of these names; raises DataError if it is damaged."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return {name: stored[name] for name in names or stored.files}
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: damaged ({error}); install npinfer again, or run build.py beside it") from None


def remove_leftovers(folder: Path) -> None:
    """Delete what processes of this machine that were killed have left of files they were writing."""
    for part in folder.glob(".*.part"):
        found = PART.fullmatch(part.name)
        if found and found["host"] == platform.node() and not _runs(int(found["process"])):
            with suppress(OSError):
                part.unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True
