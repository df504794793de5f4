"""Options that mean the same in every command."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np

from npinfer.cli.counts import read_counts
from npinfer.cli.values import numbers, pairs
from npinfer.core.result import Calibration
from npinfer.errors import ConfigurationError, NpinferError, OutputError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.catalogue import load_unchecked
from npinfer.likelihood.joint import JointLikelihood
from npinfer.likelihood.members import check_data_sets

Command = Callable[..., Any]
LOG = logging.getLogger("npinfer")


def _all(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Decorators in one, shown by --help in the order in which they are written."""

    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def _loud(context: click.Context, parameter: click.Parameter, given: bool) -> None:
    if given:
        LOG.setLevel(logging.DEBUG)


verbose_option = click.option(
    "--verbose",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_loud,
    help="Say what is done, with tracebacks.",
)

file_options = _all(
    click.argument("name"),
    click.option("--with", "configuration", multiple=True, callback=pairs, metavar="KEY=VALUE", help="Configuration."),
    click.option("--plugin", multiple=True, metavar="MODULE", help="Import a module that registers generators."),
)

likelihood_options = _all(
    file_options,
    click.option("--drop", multiple=True, metavar="MEMBER", help="Leave a member of a joint likelihood out; repeat."),
    click.option(
        "--asimov",
        multiple=True,
        metavar="[=MEMBER]",
        help="Use Asimov data instead of the observed, of all or of a member of a joint likelihood; repeat.",
    ),
    click.option("--at", multiple=True, callback=numbers, metavar="NAME=VALUE", help="Truth of Asimov data or toys."),
    click.option(
        "--data",
        "data_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Use counts from a CSV: channel,counts.",
    ),
)

fix_option = click.option("--fix", multiple=True, callback=numbers, metavar="NAME=VALUE", help="Hold a parameter.")


def _calibration(context: click.Context, parameter: click.Parameter, given: Path | None) -> Calibration | None:
    """The calibration that a file holds; raises DataError."""
    return None if given is None else Calibration.load(given)


calibration_option = click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    callback=_calibration,
    metavar="FILE",
    help="Critical values: calibrate.json of `npinfer calibrate`.",
)

init_option = click.option(
    "--init", multiple=True, callback=numbers, metavar="NAME=VALUE", help="Start value of a parameter."
)

output_options = _all(
    click.option(
        "--json", "json_file", type=click.Path(path_type=Path), metavar="FILE", help="Save the result as JSON."
    ),
    click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Save result, table and plots."),
    click.option("--quiet", is_flag=True, help="Print nothing but errors."),
    verbose_option,
)

run_options = _all(
    click.option(
        "--executor",
        default="serial",
        metavar="KIND",
        show_default=True,
        help="serial, processes[:N], dask:local[:N] or dask:tcp://HOST:PORT.",
    ),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all random numbers."),
    click.option("--fresh", is_flag=True, help="Compute again what an earlier run left in --out."),
)


def open_likelihood(options: Mapping[str, Any]) -> BinnedLikelihood:
    """The likelihood that the options name, with the data they ask for."""
    if options["at"] and not options["asimov"]:
        raise ConfigurationError("--at is the truth of Asimov data: give --asimov too")
    if options["asimov"] and options["data_file"]:
        raise ConfigurationError("--asimov and --data exclude each other; drop one")
    import_plugins(options["plugin"])
    likelihood = _without(load_unchecked(options["name"], options["configuration"]), options["drop"])
    if options["asimov"]:
        likelihood = _with_asimov(likelihood, options["asimov"], options["at"])
    check_data_sets(likelihood)
    LOG.debug("loaded %s with %s", likelihood.description.source, dict(likelihood.configuration))
    if options["data_file"]:
        return likelihood.with_data(read_counts(likelihood, options["data_file"]))
    return likelihood


def _without(likelihood: BinnedLikelihood, members: Sequence[str]) -> BinnedLikelihood:
    """The likelihood without some of its members; raises ConfigurationError."""
    if members and not isinstance(likelihood, JointLikelihood):
        raise ConfigurationError(
            f"--drop {members[0]}: {likelihood.name} is not a joint likelihood, it has no members to leave out"
        )
    return likelihood.without(*dict.fromkeys(members)) if isinstance(likelihood, JointLikelihood) else likelihood


def _with_asimov(likelihood: BinnedLikelihood, members: Sequence[str], at: Mapping[str, float]) -> BinnedLikelihood:
    """The likelihood with Asimov data of all ("") or of some members; raises ConfigurationError."""
    point, members = likelihood.parameters.vector(at), tuple(dict.fromkeys(members))
    if members in (("",), (likelihood.name,)):  # by its name: what --drop has left of a joint likelihood
        return likelihood.with_data(likelihood.asimov(point))
    if "" in members:
        named = next(m for m in members if m)
        raise ConfigurationError(f"--asimov alone is for all data; drop it, or --asimov={named}")
    if not isinstance(likelihood, JointLikelihood):
        raise ConfigurationError(
            f"--asimov={members[0]}: {likelihood.name} is not a joint likelihood, it has no members; "
            "--asimov alone is for all data"
        )
    return likelihood.with_asimov(*members, values=point)


def import_plugins(modules: Sequence[str]) -> None:
    """Import modules that register generators, from the working folder too; raises ConfigurationError."""
    if modules and "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    for module in modules:
        if not all(part.isidentifier() for part in module.split(".")) or module.endswith(".py"):
            raise ConfigurationError(
                f"--plugin {module}: give the name of a module, such as my_physics for my_physics.py"
            )
        try:
            import_module(module)
        except NpinferError:
            raise
        except Exception as error:
            reason = (
                str(error) if isinstance(error, ImportError) else f"importing it raised {type(error).__name__}: {error}"
            )
            raise ConfigurationError(f"--plugin {module}: {reason}") from error


def check_output(options: Mapping[str, Any]) -> None:
    """Raise OutputError before any work if the results could not be written."""
    out, file = options["out"], options["json_file"]
    if file and file.is_dir():
        raise OutputError(f"--json {file}: is a folder; give a file")
    for option, path, folder in (("--out", out, out), ("--json", file, file and file.parent)):
        if folder is None:
            continue
        parent = next(p for p in (folder, *folder.absolute().parents) if p.exists())
        if not parent.is_dir():
            raise OutputError(f"{option} {path}: cannot be written: {parent} is not a folder; choose another place")
        if not os.access(parent, os.W_OK):
            raise OutputError(f"{option} {path}: cannot be written: no permission in {parent}; choose another place")


def default_grid(likelihood: BinnedLikelihood, name: str, points: int = 41) -> np.ndarray:
    """Points over the whole range of a parameter; raises ConfigurationError where that has no end."""
    low, high = likelihood.parameters[name].bounds
    if not np.isfinite([low, high]).all():
        raise ConfigurationError(
            f"parameter {name!r} has the bounds {low:g} and {high:g}, over which no grid can be laid; give "
            f"{name.rpartition('.')[2]}=LOW:HIGH:POINTS"
        )
    return np.linspace(low, high, points)
