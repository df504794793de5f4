"""Counts from a user's CSV file."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from npinfer.cli.values import number
from npinfer.core.dataset import Dataset
from npinfer.errors import DataError, NpinferError, unknown
from npinfer.likelihood.binned import BinnedLikelihood

COLUMNS = ("channel", "counts")


def read_counts(likelihood: BinnedLikelihood, path: Path) -> Dataset:
    """Counts from a CSV with the columns channel and counts, one row a bin in the order of the channel's bins.

    Channels may come in any order, those of a joint likelihood as `member.channel`; lines that start with # are
    comments. Counts that are not whole numbers make the kind of the data "non-integer": nobody counted them; what is
    measured with the statistic normal may be any number. Raises DataError.
    """
    counts: dict[str, list[float]] = {c.name: [] for c in likelihood.channels}
    measured = {c.name for c in likelihood.channels if c.measured}
    for line, row in _rows(path):
        if row["channel"] not in counts:
            raise DataError(unknown("channel", row["channel"], counts, f"{path}:{line}"))
        value = _count(row["counts"], f"{path}:{line}", negative=row["channel"] in measured)
        counts[row["channel"]].append(value)
    for channel in likelihood.channels:
        if (found := len(counts[channel.name])) != channel.bins:
            raise DataError(
                f"{path}: channel {channel.name!r} has {channel.bins} bins; found {found} rows: give one row a bin"
            )
    whole = all(v.is_integer() for name, values in counts.items() if name not in measured for v in values)
    arrays = {name: np.array(values) for name, values in counts.items()}
    return Dataset(arrays, kind="observed" if whole else "non-integer")


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows as mappings with their line numbers."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; --data takes a CSV file") from None
    except ValueError:
        raise DataError(f"{path}: not a text file in UTF-8; --data takes a CSV file") from None
    lines = [(i, s) for i, s in enumerate(text.splitlines(), start=1) if s.strip() and not s.startswith("#")]
    try:
        cells = [(i, next(csv.reader([s], strict=True))) for i, s in lines]
    except csv.Error as error:
        raise DataError(f"{path}: not a CSV file: {error}") from None
    header = [name.strip() for name in cells[0][1]] if cells else []
    if sorted(header) != sorted(COLUMNS):
        raise DataError(
            f"{path}: expected the columns {' and '.join(COLUMNS)}; found {', '.join(header) or 'none'}: "
            "give these two alone, a row for each bin in the order of the axes"
        )
    for i, row in cells[1:]:
        if len(row) != len(header):
            raise DataError(f"{path}:{i}: expected {len(header)} values, {' and '.join(header)}; found {len(row)}")
    return [(i, dict(zip(header, (cell.strip() for cell in row), strict=True))) for i, row in cells[1:]]


def _count(text: str, where: str, *, negative: bool) -> float:
    try:
        count = number(text, where)
    except NpinferError as error:
        raise DataError(str(error)) from None
    if count < 0 and not negative:
        raise DataError(f"{where}: {text} is negative; counts are 0 or more")
    return count
