"""What commands print and save."""

from __future__ import annotations

import logging
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table as RichTable

from npinfer.core.files import remove_leftovers
from npinfer.core.result import Result
from npinfer.core.table import Table

LONGEST = 50  # rows shown on a terminal
NAME, WORD = 40, 16  # characters of a name or number, and of another word, that a narrow terminal never breaks
UNBOUNDED = 10_000
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LOG = logging.getLogger("npinfer")
Drawings = Mapping[str, Callable[[Path], Path]]
AnyResult = TypeVar("AnyResult", bound=Result)


def print_table(table: Table, names: Iterable[str] = ()) -> None:
    """A table: drawn to fit a terminal, plain and complete text elsewhere; `names` are shown without their prefix."""
    table = short_names(without_empty_columns(table), names)
    if not sys.stdout.isatty():
        click.echo(f"{table}\n")
        return
    console = Console(highlight=False)
    rich, left_out = _fitting(table, console)
    console.print(escape(table.title), style="bold")
    console.print(rich)
    if len(table.rows) > LONGEST:
        console.print(f"… {len(table.rows) - LONGEST} more rows; a pipe shows them all")
    if left_out:
        console.print(
            f"… {left_out} more column{'s' if left_out > 1 else ''}; a wider terminal or a pipe shows them all"
        )
    for note in table.notes:
        console.print(escape(note), style="dim")
    console.print()


def without_empty_columns(table: Table) -> Table:
    """The table without the columns that say nothing in any row."""
    cells = table.cells()
    kept = [i for i in range(len(table.columns)) if not cells or any(row[i] not in ("", "–") for row in cells)]
    rows = tuple(tuple(row[i] for i in kept) for row in table.rows)
    return replace(table, columns=tuple(table.columns[i] for i in kept), rows=rows)


def short_names(table: Table, names: Iterable[str]) -> Table:
    """The table with the private names of one likelihood as options take them: without their prefix."""
    full = set(names)
    prefixes = {n.rpartition(".")[0] for n in full} - {""}
    if len(prefixes) != 1:
        return table

    def short(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return " ".join(word.rpartition(".")[2] if word in full else word for word in value.split(" "))

    return replace(
        table, columns=tuple(map(short, table.columns)), rows=tuple(tuple(map(short, row)) for row in table.rows)
    )


def _fitting(table: Table, console: Console) -> tuple[RichTable, int]:
    """The table with as many of its columns as fit, and how many were left out."""
    for width in range(len(table.columns), 1, -1):
        rich = _drawn(table, width)
        if Measurement.get(console, console.options.update(max_width=UNBOUNDED), rich).minimum <= console.width:
            break
    return rich, len(table.columns) - width


def _drawn(table: Table, width: int) -> RichTable:
    """The first columns, none narrower than its words; long words of text may break."""
    rich = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    cells = [[_powers(cell) for cell in row[:width]] for row in table.cells()[:LONGEST]]
    for i, column in enumerate(table.columns[:width]):
        texts = [column, *(row[i] for row in cells)]
        is_number = any(isinstance(row[i], float) for row in table.rows)
        least = min(max(map(len, " ".join(texts).split())), NAME if i == 0 or is_number else WORD)
        whole = max(map(len, texts)) <= least  # such a column never gives way to one that can break
        rich.add_column(escape(column), overflow="fold", min_width=least, no_wrap=whole)
    for row in cells:
        rich.add_row(*map(escape, row))
    return rich


def _powers(text: str) -> str:
    """GeV^-1 with a superscript."""
    return re.sub(r"\^(-?\d+)", lambda found: found[1].translate(SUPERSCRIPTS), text)


def finish(
    result: Result,
    options: Mapping[str, Any],
    drawings: Drawings,
    shown: Table | None = None,
    beside: Sequence[Table] = (),
) -> None:
    """Save the result with its table and plots where the options say, then print it, or the table `shown` instead.

    beside: tables to print below it.
    """
    result = signed(result, options)
    saved = [result.save(options["json_file"])] if options["json_file"] else []
    if options["out"]:
        folder = Path(options["out"])
        saved += [result.save(folder / f"{result.verb}.json"), result.table().save(folder / f"{result.verb}.csv")]
        saved += [curve.save(folder / f"{result.verb}_{name}.csv") for name, curve in result.curves().items()]
        saved += [draw(folder / f"{name}.png") for name, draw in drawings.items()]
        remove_leftovers(folder)
    report(shown or result.table(), saved, options["quiet"], getattr(result, "quantities", ()), beside)


def signed(result: AnyResult, options: Mapping[str, Any]) -> AnyResult:
    """The result with the command and the seed that made it."""
    seed = options.get("seed", result.provenance.seed)
    return replace(result, provenance=replace(result.provenance, command=command_line(), seed=seed))


def report(
    table: Table, saved: Iterable[Path], quiet: bool, names: Iterable[str] = (), beside: Sequence[Table] = ()
) -> None:
    """Print a table, those beside it and the files that were saved, unless quiet."""
    files = list(dict.fromkeys(map(str, saved)))
    for file in files:
        LOG.debug("saved %s", file)
    if quiet:
        return
    for each in (table, *beside):
        print_table(each, names)
    if files:
        click.echo("saved " + " ".join(files))


def command_line() -> str:
    """The command as it was given."""
    return "npinfer " + shlex.join(click.get_current_context().find_root().obj)
