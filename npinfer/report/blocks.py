"""What a page is made of: plain content, escaped by the template when it is printed."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jinja2.utils import htmlsafe_json_dumps

from npinfer.core.table import Table
from npinfer.report.text import Piece, number

LONGEST = 40  # rows shown on the page; the download has them all


@dataclass(frozen=True)
class Picture:
    """A figure as a data link; wide: legible on a phone only when it scrolls."""

    source: str
    alt: str
    caption: str
    wide: bool = False


@dataclass(frozen=True)
class Chart:
    """An interactive figure.

    traces, layout: as Plotly takes them; views: (button, which traces it shows); logarithmic: the axes, "x" or "y",
    that may be; files: the downloads of results with its numbers; tables: (file, its own); height: of the figure
    without its legend, in pixels; small: whether two fit side by side.
    """

    traces: tuple[dict[str, Any], ...]
    layout: dict[str, Any]
    alt: str
    caption: str
    logarithmic: tuple[str, ...] = ()
    views: tuple[tuple[str, tuple[bool, ...]], ...] = ()
    files: tuple[str, ...] = ()
    tables: tuple[tuple[str, Table], ...] = ()
    height: int = 400
    small: bool = False

    @property
    def offered(self) -> tuple[str, ...]:
        """The names of all files with its numbers."""
        return (*self.files, *(file for file, _ in self.tables))

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that JSON does not have."""
        _ = self.json

    @cached_property
    def json(self) -> str:
        """What draws it, as JSON that cannot end the element that holds it."""
        drawn = {"traces": self.traces, "layout": self.layout, "height": self.height, "small": self.small}
        return htmlsafe_json_dumps({**drawn, "views": [shown for _, shown in self.views]}, dumps=_dump)


def _dump(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Cell:
    """The pieces of a table's cell; link: the address it leads to."""

    pieces: tuple[Piece, ...]
    numeric: bool = False
    title: str = ""
    link: str = ""


@dataclass(frozen=True)
class Grid:
    """A table; left_out: how many rows only the download has; folded: whether it opens by a click."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    notes: tuple[str, ...] = ()
    left_out: int = 0
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page below a heading; lines: its paragraphs; codes: labelled text to copy."""

    anchor: str
    heading: str
    lines: tuple[str, ...] = ()
    grids: tuple[Grid, ...] = ()
    charts: tuple[Chart, ...] = ()
    pictures: tuple[Picture, ...] = ()
    codes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Tile:
    """A number of the first screen: what it is, its value, and how sure it is."""

    label: tuple[Piece, ...]
    value: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Badge:
    """A word about the results; tone: "good", "fair" or "warn"."""

    text: str
    tone: str


@dataclass(frozen=True)
class Download:
    """A file inside the page."""

    file: str
    about: str
    link: str
    size: str


@dataclass(frozen=True)
class Answer:
    """The first screen; lead: the answer in a sentence, before its reasons."""

    question: str
    verdict: tuple[tuple[Piece, ...], ...]
    tiles: tuple[Tile, ...] = ()
    grid: Grid | None = None
    basis: str = ""
    lead: str = ""


@dataclass(frozen=True)
class Page:
    """Everything the template prints."""

    title: str
    badges: tuple[Badge, ...]
    answer: Answer
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    downloads: tuple[Download, ...]
    made_with: str
    missing: tuple[tuple[str, str], ...] = ()


def cell(value: Any, title: str = "", link: str = "") -> Cell:
    """A value as a cell: a list is pieces already."""
    if isinstance(value, list):
        return Cell(tuple(value), False, title, link)
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Cell((("text", number(value)),), numeric, title, link)


def grid_of(table: Table, *, folded: bool = False) -> Grid:
    """A result's table without the columns that say nothing, its first rows only."""
    kept = [i for i in range(len(table.columns)) if any(number(row[i]) not in ("", "–") for row in table.rows)]
    rows = tuple(tuple(cell(row[i]) for i in kept) for row in table.rows[:LONGEST])
    left_out = max(len(table.rows) - LONGEST, 0)
    return Grid(tuple(table.columns[i] for i in kept), rows, table.title, table.notes, left_out, folded)


def download(table: Table, file: str, about: str) -> Download:
    """A table as a CSV inside the page."""
    content = table.csv().encode()
    size = f"{len(content) / 1000:.3g} kB" if len(content) >= 1000 else f"{len(content)} bytes"
    return Download(file, about, f"data:text/csv;charset=utf-8;base64,{base64.b64encode(content).decode()}", size)
