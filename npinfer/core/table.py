"""Tables: how a result is shown in text and saved as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from npinfer.core.files import write_file


@dataclass(frozen=True)
class Table:
    """Rows under named columns, a title above and notes below; labels: columns of one value, in CSV alone.

    >>> print(Table("fit", ("name", "value"), (("a", 1.0), ("bb", None))))
    fit
    name  value
    a     1
    bb    –
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def cells(self) -> list[list[str]]:
        """The rows as text."""
        return [[show(v) for v in row] for row in self.rows]

    def __str__(self) -> str:
        lines = [list(self.columns), *self.cells()]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        body = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines]
        return "\n".join([self.title, *body, *self.notes])

    def csv(self) -> str:
        """The table as CSV with full precision; the labels are its last columns."""
        stream, labels = io.StringIO(), self.labels.values()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*self.columns, *self.labels])
        writer.writerows([[*("" if v is None else v for v in row), *labels] for row in self.rows])
        return stream.getvalue()

    def save(self, path: str | Path) -> Path:
        """Write the CSV; raises OutputError."""
        return write_file(Path(path), self.csv())


def show(value: Any) -> str:
    """A number with four significant digits, anything else as it is, a dash for nothing."""
    if value is None or value != value:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
