"""Finished chunks of work on disk, under a digest of all that they depend on."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npinfer.core.files import remove_leftovers, write_file
from npinfer.core.provenance import digest, versions
from npinfer.errors import DataError, OutputError
from npinfer.threads import one_blas_thread

Arrays = Mapping[str, np.ndarray]
SEAL = re.compile(
    rb"(?P<head>npinfer chunk (?P<number>[0-9]{8}) of (?P<work>[0-9a-f]{64})) sha256 (?P<sha256>[0-9a-f]{64})"
)
LENGTH = len("npinfer chunk  of  sha256 ") + 8 + 64 + 64
STEP = 0.01  # of the range of a parameter


def identity(task: str, likelihood: Any, chunks: Sequence[Arrays], seed: int) -> str:
    """The digest of a piece of work: what is done, to what, with which data, arguments, seed and versions.

    likelihood: or likelihoods that are worked on together. Beside the digests of its files, its parameters count and
    its expected counts near the start values, whatever they are read from.
    """
    parts = getattr(likelihood, "likelihoods", (likelihood,))
    packed = likelihood.pack(None)
    return digest(
        {
            "task": task,
            "likelihood": dict(likelihood.description.digests),
            "parameters": [[repr(p) for p in part.parameters] for part in parts],
            "expected": [_sha256({"rates": _expected(part)}) for part in parts],
            "data": _sha256({"counts": packed.counts, "auxiliary": packed.auxiliary}),
            "chunks": [_sha256(chunk) for chunk in chunks],
            "seed": seed,
            "versions": versions(),
        }
    )


def _expected(likelihood: Any) -> np.ndarray:
    parameters = likelihood.parameters
    shifts = STEP * np.array([[-1.0], [0.0], [1.0]]) * parameters.width
    points = np.clip(parameters.init + shifts, parameters.lower, parameters.upper)
    with one_blas_thread(), np.errstate(all="ignore"):
        rates: np.ndarray = likelihood.rates(parameters.shrink(points, ~parameters.fixed))
    return rates


def _sha256(arrays: Arrays) -> str:
    found = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        array = np.asarray(array)
        found.update(f"{name} {array.dtype.str} {array.shape};".encode())
        found.update(array.tobytes())
    return found.hexdigest()


class Checkpoints:
    """The finished chunks of one piece of work, one file each.

    A file is an .npz archive with a seal at its end, as the archive's comment: the number of the chunk, the identity of
    the work and the checksum of all that is before it. A file without the right seal is refused, not used.
    """

    def __init__(self, out: Path, work: str, count: int) -> None:
        self.folder = Path(out) / "chunks" / work[:16]
        self._work, self._count = work, count
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self.folder}: cannot be written: {error.strerror}; choose another folder with --out"
            ) from None
        remove_leftovers(self.folder)

    def found(self) -> dict[int, Arrays]:
        """The chunks that are there, by number; raises DataError for a file that cannot be trusted."""
        read = {i: self._read(i) for i in range(self._count)}
        return {i: arrays for i, arrays in read.items() if arrays is not None}

    def keep(self, i: int, arrays: Arrays) -> None:
        """Write a chunk in one step; raises OutputError."""
        stream = io.BytesIO()
        np.savez(stream, **arrays)  # type: ignore[arg-type]
        with zipfile.ZipFile(stream, "a") as archive:
            archive.comment = bytes(LENGTH)
        body, head = stream.getvalue()[:-LENGTH], f"npinfer chunk {i:08d} of {self._work}".encode()
        write_file(self._path(i), body + head + b" sha256 " + _checksum(body, head))

    def _read(self, i: int) -> Arrays | None:
        path = self._path(i)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._refused(path, f"cannot be read: {error.strerror}") from None
        body, seal = content[:-LENGTH], SEAL.fullmatch(content[-LENGTH:])
        if seal is None:
            raise self._refused(path, "is cut short, damaged or no chunk of finished work")
        if _checksum(body, seal["head"]) != seal["sha256"]:
            raise self._refused(path, "is damaged: its content does not have the checksum that was written with it")
        work, number = seal["work"].decode(), int(seal["number"])
        if work != self._work:
            raise self._refused(path, f"is a chunk of other work ({work[:16]})")
        if number != i:
            raise self._refused(path, f"is chunk {number} of this work, not chunk {i}")
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return {k: stored[k] for k in stored.files}

    def _refused(self, path: Path, why: str) -> DataError:
        return DataError(
            f"{path}: {why}; delete it, and the same command computes it again, or compute all again with --fresh "
            "(in Python RunOptions(fresh=True))"
        )

    def _path(self, i: int) -> Path:
        return self.folder / f"{i:05d}.npz"


def _checksum(body: bytes, head: bytes) -> bytes:
    return hashlib.sha256(body + head).hexdigest().encode()
