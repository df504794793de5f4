"""Columns of numbers out of large JSON files, {"name": [1.0, 2.0, …], …}, a few megabytes at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from npinfer.errors import DataError

_CHUNK = 1 << 22  # bytes
_KEY = re.compile(rb'\s*"((?:[^"\\]|\\.)*)"\s*:\s*\[')
_LONGEST_KEY = 1000  # bytes between two columns


def read_columns(path: Path, wanted: Collection[str]) -> dict[str, NDArray[np.float64]]:
    """The columns of a file that are wanted, as far as it has them, each (rows,); all others are passed over.

    NaN is a number here, as Python writes it. Raises DataError with the file, the name of the column and the row where
    something else stands than a number, a name comes twice, or the file ends early.
    """
    try:
        with path.open("rb") as stream:
            return _Reader(stream, path).columns(wanted)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


class _Reader:
    """A place in a file: what was read and not used yet."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self._stream, self._path, self._rest, self._done = stream, path, b"", 0

    def columns(self, wanted: Collection[str]) -> dict[str, NDArray[np.float64]]:
        found: dict[str, NDArray[np.float64]] = {}
        names: set[str] = set()
        self._expect(b"{", "a mapping of names to lists")
        while True:
            name = self._name()
            if name in names:
                raise DataError(f"{self._path}: {name} is given twice")
            names.add(name)
            values = self._numbers(name, keep=name in wanted)
            if name in wanted:
                found[name] = values
            if self._expect(b",}", f"a comma or the end after {name}") == b"}":
                if (self._rest + self._stream.read(_LONGEST_KEY)).strip():
                    raise DataError(f"{self._path}: text after the end of the mapping")
                return found

    def _more(self) -> bool:
        """Read on; whether there was anything."""
        read = self._stream.read(_CHUNK)
        self._rest += read
        return bool(read)

    def _expect(self, characters: bytes, what: str) -> bytes:
        """The next character that is no space, which is one of `characters`."""
        while not self._rest.lstrip():
            if not self._more():
                raise DataError(f"{self._path}: the file ends early, at byte {self._done}; expected {what}")
        rest = self._rest.lstrip()
        found = rest[:1]
        if found not in characters:
            where = self._done + len(self._rest) - len(rest)
            raise DataError(f"{self._path}: found {rest[:20]!r} at byte {where}, expected {what}")
        self._use(len(self._rest) - len(rest) + 1)
        return found

    def _use(self, count: int) -> None:
        self._rest, self._done = self._rest[count:], self._done + count

    def _name(self) -> str:
        match = _KEY.match(self._rest)
        while match is None:
            if len(self._rest) > _LONGEST_KEY or not self._more():
                found = f"found {self._rest[:20]!r} at byte {self._done}"
                raise DataError(f'{self._path}: {found}, expected "name": [numbers]')
            match = _KEY.match(self._rest)
        self._use(match.end())
        return match.group(1).decode("utf-8", errors="replace")

    def _numbers(self, name: str, keep: bool) -> NDArray[np.float64]:
        """The numbers up to the closing bracket."""
        parts, rows = [np.zeros(0)], 0
        while True:
            end = self._rest.find(b"]")
            cut = end if end >= 0 else self._rest.rfind(b",")
            text = self._rest[: max(cut, 0)]
            if keep and cut >= 0 and (end < 0 or rows or text.strip()):
                parts.append(self._parse(text, name, rows))
                rows += len(parts[-1])
            if end >= 0:
                self._use(end + 1)
                return np.concatenate(parts)
            self._use(max(cut + 1, 0))
            if not self._more():
                raise DataError(f"{self._path}: {name}: the file ends early, after {rows} values")

    def _parse(self, text: bytes, name: str, rows: int) -> NDArray[np.float64]:
        try:
            values = json.loads(b"[" + text + b"]")
            if values and set(map(type, values)) <= {float, int}:
                return np.array(values, dtype=float)
        except (ValueError, OverflowError, RecursionError):
            pass
        for i, word in enumerate(text.split(b",")):
            try:
                good = type(json.loads(word)) in (float, int) and np.isscalar(float(word))
            except (ValueError, OverflowError, RecursionError):
                good = False
            if not good:
                found = word.strip()[:40].decode("utf-8", errors="replace")
                raise DataError(f"{self._path}: {name}[{rows + i}]: found {found!r}, expected a number")
        raise DataError(f"{self._path}: {name}[{rows}]: expected numbers")
