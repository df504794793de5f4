"""Options that mean the same in every command."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import numpy as np

from npinfer.core.dataset import Dataset
from npinfer.errors import ConfigurationError, DataError, OutputError, unknown
from npinfer.inference.executor import RunOptions
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.catalogue import load

Command = Callable[..., Any]


def pairs(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """`key=value` options as a mapping."""
    found = {}
    for item in given:
        key, equals, value = item.partition("=")
        if not equals or not key or not value:
            raise ConfigurationError(f"{parameter.opts[0]} takes key=value; found {item!r}")
        if key in found:
            raise ConfigurationError(f"{parameter.opts[0]}: {key!r} is given twice")
        found[key] = value
    return found


def numbers(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, float]:
    """`name=number` options as a mapping; a fraction such as 1/6 is a number too."""
    return {k: number(v, f"{parameter.opts[0]} {k}") for k, v in pairs(context, parameter, given).items()}


def number(text: str, where: str) -> float:
    """A number or a fraction of two; raises ConfigurationError."""
    top, slash, bottom = text.partition("/")
    try:
        value = float(top) / float(bottom) if slash else float(top)
    except (ValueError, ZeroDivisionError):
        raise ConfigurationError(f"{where}: {text!r} is not a number") from None
    if not np.isfinite(value):
        raise ConfigurationError(f"{where}: {text!r} is not a finite number")
    return value


def grids(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, np.ndarray]:
    """`name=low:high:points[:log]` arguments as grids."""
    return {name: grid(text, name) for name, text in pairs(context, parameter, given).items()}


def grid(text: str, name: str) -> np.ndarray:
    """The points of `low:high:points[:log]`; raises ConfigurationError."""
    parts = text.split(":")
    wanted = f"grid of {name!r}: expected low:high:points or low:high:points:log; found {text!r}"
    if len(parts) not in (3, 4) or (len(parts) == 4 and parts[3] != "log"):
        raise ConfigurationError(wanted)
    low, high = (number(part, f"grid of {name!r}") for part in parts[:2])
    if not parts[2].isdigit() or int(parts[2]) < 2 or not low < high:
        raise ConfigurationError(f"{wanted}: at least 2 points between increasing ends")
    if len(parts) == 4 and low <= 0:
        raise ConfigurationError(f"{wanted}: a log grid needs positive ends")
    spaced = np.geomspace if len(parts) == 4 else np.linspace
    return spaced(low, high, int(parts[2]))


def likelihood_options(command: Command) -> Command:
    """NAME and what changes a likelihood or its data."""
    for decorate in (
        click.argument("name"),
        click.option("--with", "configuration", multiple=True, callback=pairs, metavar="KEY=VALUE", help="configuration"),
        click.option("--asimov", is_flag=True, help="use Asimov data instead of the observed"),
        click.option("--at", multiple=True, callback=numbers, metavar="NAME=VALUE", help="the truth of Asimov data"),
        click.option("--data", "data_file", type=click.Path(path_type=Path), help="CSV of counts to fit instead"),
        click.option("--plugin", multiple=True, metavar="MODULE", help="import a module that registers generators"),
    ):
        command = decorate(command)
    return command


def point_options(command: Command) -> Command:
    """What is held and where the fit starts."""
    command = click.option("--init", multiple=True, callback=numbers, metavar="NAME=VALUE", help="start value")(command)
    return fix_option(command)


def fix_option(command: Command) -> Command:
    return click.option("--fix", multiple=True, callback=numbers, metavar="NAME=VALUE", help="hold a parameter")(command)


def output_options(command: Command) -> Command:
    """Where results go."""
    for decorate in (
        click.option("--json", "json_file", type=click.Path(path_type=Path), help="save the result as JSON"),
        click.option("--out", type=click.Path(path_type=Path), help="folder for result, table and plots"),
        click.option("--quiet", is_flag=True, help="print nothing but errors"),
    ):
        command = decorate(command)
    return command


def run_options(command: Command) -> Command:
    """Where and how work runs."""
    for decorate in (
        click.option("--executor", default="serial", metavar="serial|processes[:N]", help="where work runs"),
        click.option("--seed", default=0, show_default=True, help="of all random numbers"),
        click.option("--fresh", is_flag=True, help="compute again what an earlier run left in --out"),
    ):
        command = decorate(command)
    return command


def open_likelihood(options: Mapping[str, Any]) -> BinnedLikelihood:
    """The likelihood that the options name, with the data they ask for."""
    for module in options["plugin"]:
        try:
            import_module(module)
        except ImportError as error:
            raise ConfigurationError(f"--plugin {module}: {error}") from None
    likelihood = load(options["name"], **options["configuration"])
    if options["at"] and not options["asimov"]:
        raise ConfigurationError("--at is the truth of Asimov data: give --asimov too")
    if options["asimov"] and options["data_file"]:
        raise ConfigurationError("--asimov and --data exclude each other; drop one")
    if options["asimov"]:
        return likelihood.with_data(likelihood.asimov(likelihood.parameters.vector(options["at"])))
    if options["data_file"]:
        return likelihood.with_data(read_counts(likelihood, options["data_file"]))
    return likelihood


def read_counts(likelihood: BinnedLikelihood, path: Path) -> Dataset:
    """Counts from a CSV with the columns channel and counts, one row a bin in the order of the channel's bins."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(line for line in stream if not line.startswith("#")))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    names = [c.name for c in likelihood.channels]
    counts: dict[str, list[float]] = {name: [] for name in names}
    for i, row in enumerate(rows, start=2):
        if row.get("channel") not in counts or row.get("counts") in (None, ""):
            raise DataError(f"{path}:{i}: expected the columns channel ({', '.join(names)}) and counts; found {dict(row)}")
        counts[str(row["channel"])].append(number(str(row["counts"]), f"{path}:{i}"))
    return Dataset({name: np.array(values) for name, values in counts.items()})


def run_settings(options: Mapping[str, Any]) -> AbstractContextManager[RunOptions]:
    """RunOptions from the command line; the executor is shut down at the end of the context."""
    kind, _, count = str(options["executor"]).partition(":")
    if kind not in ("serial", "processes"):
        raise ConfigurationError(unknown("executor", kind, ("serial", "processes")))
    if count and (kind == "serial" or not count.isdigit() or int(count) < 1):
        raise ConfigurationError(f"--executor takes serial, processes or processes:N; found {options['executor']!r}")
    settings = {"seed": options["seed"], "out": options["out"], "fresh": options["fresh"], "quiet": options["quiet"]}
    if kind == "serial":
        return nullcontext(RunOptions(**settings))
    return _Processes(int(count) if count else None, settings)


class _Processes(AbstractContextManager[RunOptions]):
    """A pool of fresh processes for the time of a command."""

    def __init__(self, count: int | None, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"))

    def __enter__(self) -> RunOptions:
        return RunOptions(executor=self._pool, **self._settings)

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)


def check_output(options: Mapping[str, Any]) -> None:
    """Raise OutputError before any work if the results could not be written."""
    for folder in filter(None, (options["out"], options["json_file"] and options["json_file"].parent)):
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            probe = Path(folder) / ".npinfer-write-test"
            probe.write_text(json.dumps(None))
            probe.unlink()
        except OSError as error:
            raise OutputError(f"{folder}: cannot be written: {error.strerror}; choose another folder with --out") from None


def poi_of(likelihood: BinnedLikelihood, given: str | None) -> str:
    """The parameter of interest: as given, or the likelihood's own; raises ConfigurationError."""
    if given:
        return likelihood.parameters[given].name
    if likelihood.poi is None:
        known = ", ".join(likelihood.parameters.names)
        raise ConfigurationError(f"{likelihood.name}: no parameter of interest in this configuration; give --poi, one of {known}")
    return likelihood.poi


def default_grid(likelihood: BinnedLikelihood, name: str, points: int = 41) -> np.ndarray:
    """Points over the whole range of a parameter."""
    return np.linspace(*likelihood.parameters[name].bounds, points)
