"""Data folders of a likelihood: files found, their digests checked, templates and counts read."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

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
        self._read: dict[str, list[dict[str, str]]] = {}
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
        """A CSV file with a header, comment lines starting with #; read once."""
        if name not in self._read:
            self._read[name] = self._rows(name)
        return self._read[name]

    def _rows(self, name: str) -> list[dict[str, str]]:
        path = self.file(name)
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                lines = (line for line in stream if not line.startswith("#"))
                reader = csv.DictReader(lines, skipinitialspace=True)
                reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
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
    _check_column(rows, name, where)
    try:
        return np.array([float(row[name]) for row in rows])
    except ValueError:
        bad = next(i for i, row in enumerate(rows) if not _is_number(row[name]))
        raise DataError(f"{where}: row {bad + 1}: {name} is {rows[bad][name]!r}, not a number") from None


def _check_column(rows: Sequence[Mapping[str, str]], name: str, where: str) -> None:
    """Raise DataError if the rows have no column of this name."""
    if rows and name not in rows[0]:
        header = ", ".join(rows[0])
        raise DataError(f"{where}: expected a column {name!r}; found {header}: add it, or mend its name")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_template(
    source: str | Mapping[str, Sequence[float]],
    channels: Sequence[Channel],
    folder: DataFolder,
    quantity: str = "counts",
) -> np.ndarray:
    """A template over all channels, flattened (bins,), from {channel: [counts]} or a CSV file.

    The CSV has the columns channel, <axis>_low and <axis>_high for each axis, and the `quantity`; bins left out are
    empty. Raises DataError.
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
    _check_column(rows, "channel", f"{folder.path}/{source}")
    for row in rows:
        if row.get("channel") not in names:
            raise DataError(unknown("channel", str(row.get("channel")), names, f"{folder.path}/{source}"))
    parts = []
    for channel in channels:
        mine = [row for row in rows if row["channel"] == channel.name]
        parts.append(_fill(mine, channel, f"{folder.path}/{source}", quantity))
    return np.concatenate(parts)


class Events(NamedTuple):
    """Simulated events of one file, one a row: the bin among all channels' bins, and the weight, 0 if not used."""

    file: str
    bins: np.ndarray
    weights: np.ndarray

    def histogram(self, bins: int) -> np.ndarray:
        """Σ weights in each bin, (bins,)."""
        return np.bincount(self.bins, self.weights, bins)


def read_events(source: Mapping[str, Any], channels: Sequence[Channel], folder: DataFolder) -> Events:
    """Weighted events from {events: file, weight: column, where: {column: value}}.

    The CSV has a row for each event: the column channel (not needed where there is but one), the channel's axes, and
    weights. Events outside the axes are left out. Raises DataError.
    """
    name = source["events"]
    place, rows = f"{folder.path}/{name}", folder.rows(name)
    weights = column(rows, source["weight"], place)
    if not np.isfinite(weights).all():
        bad = int(np.flatnonzero(~np.isfinite(weights))[0])
        raise DataError(f"{place}: event {bad + 1}: {source['weight']} is not a finite number")
    chosen = _selected(rows, source.get("where", {}), place)
    if len(channels) > 1:
        _check_column(rows, "channel", place)
    bins, used, start, names = np.zeros(len(rows), dtype=np.intp), np.zeros(len(rows), dtype=bool), 0, set()
    for channel in channels:
        names.add(channel.name)
        mine = chosen & np.array([row.get("channel", channel.name) == channel.name for row in rows], dtype=bool)
        inside, index = _bins_of([rows[i] for i in np.flatnonzero(mine)], channel, place)
        at = np.flatnonzero(mine)[inside]
        bins[at], used[at] = start + index, True
        start += channel.bins
    for i in np.flatnonzero(chosen):
        if rows[i].get("channel", channels[0].name) not in names:
            raise DataError(unknown("channel", rows[i]["channel"], names, place))
    return Events(name, bins, np.where(used, weights, 0.0))


def _selected(rows: Sequence[Mapping[str, str]], where: Mapping[str, Any], place: str) -> np.ndarray:
    """Which rows have the values asked for, (rows,) of bool; raises DataError."""
    for key in where:
        _check_column(rows, key, place)
    return np.array([all(row[key] == str(value) for key, value in where.items()) for row in rows], dtype=bool)


def _bins_of(rows: Sequence[Mapping[str, str]], channel: Channel, place: str) -> tuple[np.ndarray, np.ndarray]:
    """Which events of a channel lie inside its axes, and their bins in C order; raises DataError."""
    inside, index = np.ones(len(rows), dtype=bool), []
    for values, axis in zip(_coordinates(rows, channel, place), channel.axes, strict=True):
        edges = np.asarray(axis.edges)
        inside &= (values >= edges[0]) & (values <= edges[-1])
        index.append(np.clip(np.searchsorted(edges, values, side="right") - 1, 0, axis.bins - 1))
    return inside, np.ravel_multi_index([i[inside] for i in index], channel.shape)


def _coordinates(rows: Sequence[Mapping[str, str]], channel: Channel, place: str) -> list[np.ndarray]:
    """The columns of a channel's axes, each (rows,); raises DataError."""
    columns = [column(rows, axis.name, place) for axis in channel.axes]
    for axis, values in zip(channel.axes, columns, strict=True):
        if not np.isfinite(values).all():
            bad = int(np.flatnonzero(~np.isfinite(values))[0])
            raise DataError(f"{place}: event {bad + 1}: {axis.name} is not a finite number")
    return columns


def _fill(
    rows: Sequence[Mapping[str, str]], channel: Channel, where: str, quantity: str = "counts", *, measured: bool = False
) -> np.ndarray:
    """Counts, or another quantity, of one channel from rows that give the edges of their bin."""
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
    values = check_counts(column(rows, quantity, where), len(rows), where, measured=measured)
    at = np.ravel_multi_index(index, channel.shape)
    first = np.full(channel.bins, len(rows))
    np.minimum.at(first, at, np.arange(len(rows)))
    if (again := np.flatnonzero(first[at] < np.arange(len(rows)))).size:
        bad = int(again[0])
        raise DataError(
            f"{where}: row {bad + 1} of channel {channel.name!r} is the bin of row {first[at[bad]] + 1}; give each once"
        )
    counts[at] = values
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
        counts = _fill(mine, channel, f"{folder.path}/{source}", measured=channel.measured)
        if len(mine) != channel.bins:
            raise DataError(
                f"{folder.path}/{source}: channel {channel.name!r} has {channel.bins} bins; found {len(mine)} "
                "rows: give one for each, also where nothing was seen"
            )
        return counts
    if not isinstance(source, Mapping):
        try:
            counts = np.asarray(source, dtype=float).ravel()
        except (TypeError, ValueError):
            raise DataError(f"{where}: counts must be numbers") from None
        return check_counts(counts, channel.bins, where, measured=channel.measured)
    rows = folder.rows(source["events"])
    chosen = np.flatnonzero(_selected(rows, source.get("where", {}), where))
    columns = _coordinates([rows[i] for i in chosen], channel, f"{folder.path}/{source['events']}")
    return histogram(columns, list(channel.axes))
