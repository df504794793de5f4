"""What commands print and save."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from npinfer.core.result import Result
from npinfer.core.table import Table

LONGEST = 40  # rows printed; the rest is in the saved table
PIPED_WIDTH = 200
Drawings = Mapping[str, Callable[[Path], Path]]


def print_table(table: Table) -> None:
    """A table on the terminal, or as plain text where the output is not one."""
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=PIPED_WIDTH, no_color=True)
    rich = RichTable(title=escape(table.title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns:
        rich.add_column(escape(column))
    rows = table.cells()
    for row in rows[:LONGEST]:
        rich.add_row(*(escape(cell) for cell in row))
    console.print(rich)
    if len(rows) > LONGEST:
        console.print(f"… {len(rows) - LONGEST} more rows; --out or --json saves them all")
    for note in table.notes:
        console.print(escape(note), style="dim", soft_wrap=True)


def finish(result: Result, options: Mapping[str, Any], drawings: Drawings) -> None:
    """Print the result; save it with its table and plots where the options say."""
    command = "npinfer " + shlex.join(sys.argv[1:])
    result = replace(result, provenance=replace(result.provenance, command=command, seed=options.get("seed")))
    if not options["quiet"]:
        print_table(result.table())
    saved = [result.save(options["json_file"])] if options["json_file"] else []
    if options["out"]:
        folder = Path(options["out"])
        saved += [result.save(folder / f"{result.verb}.json"), result.table().save(folder / f"{result.verb}.csv")]
        saved += [draw(folder / f"{name}.png") for name, draw in drawings.items()]
    if saved and not options["quiet"]:
        click.echo("saved " + " ".join(str(path) for path in saved))
