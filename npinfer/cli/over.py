"""`--over`: a verb repeated for every value of a numeric configuration, one row a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from npinfer.cli.options import open_likelihood
from npinfer.cli.output import report
from npinfer.cli.values import named_grid
from npinfer.core.result import Exclusion, FitResult, Interval, Result
from npinfer.core.result.limit import NAMES
from npinfer.core.table import Table
from npinfer.errors import ConfigurationError, InferenceError
from npinfer.likelihood.binned import BinnedLikelihood

Row = dict[str, Any]


def _one_grid(context: click.Context, parameter: click.Parameter, given: str | None) -> tuple[str, np.ndarray] | None:
    return None if given is None else named_grid(given)


over_option = click.option(
    "--over",
    callback=_one_grid,
    metavar="KEY=LOW:HIGH:POINTS[:log]",
    help="Repeat for values of a numeric configuration.",
)


def repeat(
    options: Mapping[str, Any], verb: str, ask: Callable[[BinnedLikelihood], Result], row: Callable[[Any], Row]
) -> list[Any]:
    """Ask every configuration, print and save one row each, and give the results.

    A value at which the verb has no answer gets a row that says why, and None. Raises ConfigurationError for a key that
    is not numeric, InferenceError where there is no answer at all.
    """
    key, values = options["over"]
    if options["json_file"]:
        raise ConfigurationError("--over makes a table of many results: save it with --out, not --json")
    if key in options["configuration"]:
        raise ConfigurationError(f"--over {key}: is given with --with too; drop one")
    rows: list[Row] = []
    results: list[Any] = []
    for value in values.tolist():
        likelihood = open_likelihood({**options, "configuration": {**options["configuration"], key: value}})
        if not isinstance(likelihood.configuration[key], float):
            raise ConfigurationError(f"--over {key}: not a numeric configuration of {likelihood.name}; use --with")
        try:
            results.append(ask(likelihood))
            rows.append({key: value, **row(results[-1])})
        except InferenceError as error:
            if value == values[-1] and not any(results):
                raise
            results.append(None)
            rows.append({key: value, "message": str(error)})
    columns = tuple(dict.fromkeys(name for found in rows for name in found))
    notes = (
        f"every row is local to its {key}: nothing corrects for their number",
        *likelihood.description.notes,
        likelihood.description.small_print(),
    )
    title = f"{verb} of {likelihood.name} over {key} ({likelihood.data.kind} data)"
    table = Table(title, columns, tuple(tuple(found.get(c) for c in columns) for found in rows), notes)
    saved = [table.save(Path(options["out"]) / f"{verb}_over_{key}.csv")] if options["out"] else []
    report(table, saved, options["quiet"], likelihood.parameters.names)
    return results


def fit_row(result: FitResult) -> Row:
    """Value and error of every parameter that was free, after the height of the maximum."""
    row: Row = {"twice_nll": result.twice_nll, "status": result.status.value}
    for name, value in result.values.items():
        if name not in result.fixed:
            row |= {name: value, f"{name} error": result.errors[name]}
            if name in result.minos:
                row |= {f"{name} minos −": result.minos[name][0], f"{name} minos +": result.minos[name][1]}
    return row


def exclusion_row(result: Exclusion) -> Row:
    """The hull of what is excluded and the number of segments, on the data and expected; no ends where nothing is."""
    named = [("", result.segments), *zip((f" {name}" for name in NAMES), result.expected, strict=False)]
    row: Row = {}
    for name, segments in named:
        row |= {f"from{name}": segments[0].lower if segments else "nothing"}
        if name in ("", " expected median"):
            row |= {f"to{name}": segments[-1].upper if segments else "", f"segments{name}": len(segments)}
    return {**row, "message": result.message}


def interval_row(result: Interval) -> Row:
    """The hull of the segments, which ends are bounds, and the number of segments."""
    first, last = result.segments[:1], result.segments[-1:]
    return {
        result.quantity.name: result.best,
        "lower": result.lower,
        "upper": result.upper,
        "lower end": "bound" if any(s.lower_at_bound for s in first) else "",
        "upper end": "bound" if any(s.upper_at_bound for s in last) else "",
        "segments": len(result.segments),
    }
