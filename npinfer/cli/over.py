"""`--over`: a verb repeated for every value of a numeric configuration, one row a value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from npinfer.cli.options import open_likelihood
from npinfer.cli.output import command_line, report
from npinfer.cli.values import named_grid
from npinfer.core.result import Exclusion, FitResult, Interval, Repeated, Result, Significance
from npinfer.core.result.limit import NAMES
from npinfer.errors import ConfigurationError, InferenceError, NpinferError
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

    A value at which the verb has no answer gets a row that says why, and None. What ends the work, a configuration that
    cannot be loaded or Ctrl-C, is raised when the rows before it are saved. Raises ConfigurationError for a key that is
    not numeric, InferenceError where there is no answer at all.
    """
    key, values = options["over"]
    if options["json_file"]:
        raise ConfigurationError("--over makes a table of many results: save it with --out, not --json")
    if key in options["configuration"]:
        raise ConfigurationError(f"--over {key}: is given with --with too; drop one")
    rows: list[Row] = []
    results: list[Any] = []
    unanswered: InferenceError | None = None
    stopped: BaseException | None = None
    for value in values.tolist():
        try:
            likelihood = open_likelihood({**options, "configuration": {**options["configuration"], key: value}})
            if not isinstance(likelihood.configuration[key], float):
                raise ConfigurationError(f"--over {key}: not a numeric configuration of {likelihood.name}; use --with")
            results.append(ask(likelihood))
            rows.append({key: value, **row(results[-1])})
        except InferenceError as error:
            unanswered = unanswered or error
            results.append(None)
            rows.append({key: value, "message": str(error)})
        except (NpinferError, KeyboardInterrupt) as error:  # what was found before is kept
            stopped = error
            break
    if all(result is None for result in results):
        raise stopped or unanswered  # type: ignore[misc]  # a grid has two values or more
    whole = _together(options, verb, likelihood, rows, results)
    name = f"{verb}_over_{key}"
    folder = Path(options["out"]) if options["out"] else None
    saved = [whole.save(folder / f"{name}.json"), whole.table().save(folder / f"{name}.csv")] if folder else []
    report(whole.table(), saved, options["quiet"], likelihood.parameters.names)
    if stopped is not None:
        raise stopped
    return results


def _together(
    options: Mapping[str, Any], verb: str, likelihood: BinnedLikelihood, rows: list[Row], results: list[Any]
) -> Repeated:
    """All rows with what their likelihoods share."""
    key, _ = options["over"]
    known = next(result for result in results if result is not None)
    described, columns = likelihood.description, tuple(dict.fromkeys(name for found in rows for name in found))
    provenance = known.provenance
    digests = {k: v for k, v in provenance.digests.items() if k != "configuration"}
    return Repeated(
        description=replace(described, configuration={k: v for k, v in described.configuration.items() if k != key}),
        provenance=replace(provenance, digests=digests, command=command_line()),
        asked=verb,
        key=key,
        quantity=getattr(known, "quantity", None),
        columns=columns,
        rows=tuple(tuple(_known(found.get(c)) for c in columns) for found in rows),
        data_kind=likelihood.data.kind,
        cl=getattr(known, "cl", math.nan),
        calibration="; ".join(dict.fromkeys(r.calibration for r in results if getattr(r, "calibration", ""))),
    )


def _known(value: Any) -> Any:
    """None in place of NaN."""
    return value if value == value else None


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


def significance_row(result: Significance) -> Row:
    """The best fit, q_0, p and z, those of toys where there are any, and the z that was to be expected."""
    row: Row = {result.quantity.name: result.best, "q0": result.q0, "p": result.p, "z": result.z}
    if result.toy_p is not None and result.toy_z is not None:
        row |= {"toy p": result.toy_p.value, **dict(zip(("toy z", "z lower", "z upper"), result.toy_z, strict=True))}
    return {**row, "expected z": result.expected_z, "message": "" if result.valid else "a fit did not converge"}
