"""Data folders of a likelihood: files found, their digests checked, templates and counts read."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npinfer.core.axis import histogram
from npinfer.core.dataset import check_counts
from npinfer.core.template import Channel
from npinfer.errors import DataError, unknown
from npinfer.paths import data_folder, inside


class DataFolder:
    """The files a likelihood may read, each with the digest its YAML declares."""

    def __init__(self, declared: Mapping[str, Any] | None, beside: Path) -> None:
        declared = declared or {}
        name = str(declared.get("folder", ""))
        self.sha256: dict[str, str] = dict(declared.get("sha256", {}))
        self.path: Path | None = None
        if name:
            if "\0" in name:
                raise DataError(f"{beside}: the data folder {name!r} is not a path")
            local = (beside / name).resolve()
            if not local.is_relative_to(beside.resolve()):
                raise DataError(
                    f"{beside}: the data folder {name!r} leaves the folder of the likelihood; give one inside it"
                )
            self.path = local if local.is_dir() else data_folder(name)
        for file in self.sha256:
            self.verify(file)

    def file(self, name: str) -> Path:
        """A file of the folder, never outside it; raises DataError."""
        if self.path is None:
            raise DataError(f"the file {name!r} is named but no data folder is declared: add data: {{folder: ...}}")
        return inside(self.path, name)

    def verify(self, name: str) -> None:
        """Raise DataError if the file is not the one the likelihood was made with."""
        path = self.file(name)
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != self.sha256[name]:
            raise DataError(
                f"{path}: the file was altered: sha256 is {found[:12]}…, the likelihood declares "
                f"{self.sha256[name][:12]}…; restore the file, or declare its new digest"
            )

    def rows(self, name: str) -> list[dict[str, str]]:
        """A CSV file with a header, comment lines starting with #."""
        path = self.file(name)
        try:
            with path.open(encoding="utf-8", newline="") as stream:
                reader = csv.DictReader(line for line in stream if not line.startswith("#"))
                rows = list(reader)
        except (OSError, ValueError, csv.Error) as error:
            raise DataError(f"{path}: not a CSV table in UTF-8: {error}") from None
        header = reader.fieldnames or []
        if not header or len(set(header)) < len(header):
            raise DataError(
                f"{path}: the first line must name the columns, each once; found {', '.join(header) or 'nothing'}"
            )
        if any(None in row or None in row.values() for row in rows):
            bad = next(i for i, row in enumerate(rows) if None in row or None in row.values())
            raise DataError(f"{path}: row {bad + 1} does not have the {len(header)} columns of the header")
        return rows


def column(rows: Sequence[Mapping[str, str]], name: str, where: str) -> np.ndarray:
    """A numeric column; raises DataError."""
    if rows and name not in rows[0]:
        raise DataError(unknown("column", name, rows[0], where))
    try:
        return np.array([float(row[name]) for row in rows])
    except ValueError:
        bad = next(i for i, row in enumerate(rows) if not _is_number(row[name]))
        raise DataError(f"{where}: row {bad + 1}: {name} is {rows[bad][name]!r}, not a number") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_template(
    source: str | Mapping[str, Sequence[float]], channels: Sequence[Channel], folder: DataFolder
) -> np.ndarray:
    """A template over all channels, flattened (bins,), from {channel: [counts]} or a CSV file.

    The CSV has the columns channel, <axis>_low and <axis>_high for each axis, and counts; bins left out are empty.
    Raises DataError.
    """
    names = [c.name for c in channels]
    if not isinstance(source, (str, Mapping)):
        raise DataError(f"a template is a CSV file or {{channel: [counts]}}; found {source!r}")
    if isinstance(source, Mapping):
        for name in source:
            if name not in names:
                raise DataError(unknown("channel", name, names, "template"))
        given = {c: np.asarray(source.get(c.name, [0.0] * c.bins)) for c in channels}
        return np.concatenate([check_counts(g, c.bins, f"template of channel {c.name!r}") for c, g in given.items()])
    rows = folder.rows(source)
    if rows and "channel" not in rows[0]:
        raise DataError(unknown("column", "channel", rows[0], f"{folder.path}/{source}"))
    for row in rows:
        if row.get("channel") not in names:
            raise DataError(unknown("channel", str(row.get("channel")), names, f"{folder.path}/{source}"))
    parts = []
    for channel in channels:
        mine = [row for row in rows if row["channel"] == channel.name]
        parts.append(_fill(mine, channel, f"{folder.path}/{source}"))
    return np.concatenate(parts)


def _fill(rows: Sequence[Mapping[str, str]], channel: Channel, where: str) -> np.ndarray:
    """Counts of one channel from rows that give the edges of their bin."""
    counts = np.zeros(channel.bins)
    if not rows:
        return counts
    index = []
    for axis in channel.axes:
        low, high = (column(rows, f"{axis.name}_{end}", where) for end in ("low", "high"))
        edges = np.asarray(axis.edges)
        bins = np.clip(np.searchsorted(edges, 0.5 * (low + high)) - 1, 0, axis.bins - 1)
        tolerance = 1e-4 * np.diff(edges)[bins]
        wrong = ~(
            (np.abs(edges[bins] - low) <= tolerance) & (np.abs(edges[bins + 1] - high) <= tolerance)
        )  # NaN is wrong too
        if wrong.any():
            bad = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"{where}: row {bad + 1} of channel {channel.name!r}: "
                f"[{low[bad]:g}, {high[bad]:g}] is not a bin of {axis.name}"
            )
        index.append(bins)
    values = check_counts(column(rows, "counts", where), len(rows), where)
    np.add.at(counts, np.ravel_multi_index(index, channel.shape), values)
    return counts


def read_observed(source: Any, channel: Channel, folder: DataFolder) -> np.ndarray:
    """Observed counts of a channel: a list, a CSV template file, or {events: file, where: {column: value}}.

    Raises DataError.
    """
    where = f"observed counts of channel {channel.name!r}"
    if isinstance(source, str):
        rows = folder.rows(source)
        mine = [row for row in rows if row.get("channel") == channel.name]
        if not mine:
            raise DataError(
                unknown(
                    "channel", channel.name, sorted({row.get("channel", "") for row in rows}), f"{folder.path}/{source}"
                )
            )
        return _fill(mine, channel, f"{folder.path}/{source}")
    if not isinstance(source, Mapping):
        try:
            counts = np.asarray(source, dtype=float).ravel()
        except (TypeError, ValueError):
            raise DataError(f"{where}: counts must be numbers") from None
        return check_counts(counts, channel.bins, where)
    rows = folder.rows(source["events"])
    for key, value in source.get("where", {}).items():
        if rows and key not in rows[0]:
            raise DataError(unknown("column", key, rows[0], where))
        rows = [row for row in rows if row[key] == str(value)]
    place = f"{folder.path}/{source['events']}"
    columns = [column(rows, axis.name, place) for axis in channel.axes]
    for axis, values in zip(channel.axes, columns, strict=True):
        if not np.isfinite(values).all():
            raise DataError(
                f"{place}: event {int(np.flatnonzero(~np.isfinite(values))[0]) + 1}: {axis.name} is not a finite number"
            )
    return histogram(columns, list(channel.axes))
