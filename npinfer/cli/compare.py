"""`npinfer compare`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import click

from npinfer.cli.executors import run_settings
from npinfer.cli.options import (
    check_output,
    fix_option,
    likelihood_options,
    open_likelihood,
    output_options,
    run_options,
)
from npinfer.cli.output import finish
from npinfer.cli.values import number
from npinfer.core.result import Comparison
from npinfer.errors import ConfigurationError
from npinfer.inference.compare import compare
from npinfer.inference.executor import Interrupted

SHAPE = "NAME:KEY=VALUE[,KEY=VALUE…]"
Models = dict[str, dict[str, str]]


def _models(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> Models:
    """`name:key=value,key=value` options as {name: settings}; raises ConfigurationError."""
    models: Models = {}
    for item in given:
        name, colon, rest = item.partition(":")
        settings = [part.partition("=") for part in rest.split(",")]
        if not (name and colon and all(key and value for key, _, value in settings)):
            raise ConfigurationError(f"--model takes {SHAPE}, such as pp:f_nuebar=1/6; found {item!r}")
        if name in models:
            raise ConfigurationError(f"--model: {name!r} is given twice; keep one")
        keys = [key for key, _, _ in settings]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise ConfigurationError(f"--model {name}: {twice[0]!r} is given twice; keep one")
        models[name] = {key: value for key, _, value in settings}
    if len(models) < 2:
        raise ConfigurationError(f"compare needs at least two models: give --model {SHAPE} for each")
    return models


@click.command("compare")
@likelihood_options
@click.option(
    "--model", "models", multiple=True, callback=_models, metavar=SHAPE, help="Values held or configuration; repeat."
)
@click.option("--n-toys", type=click.IntRange(min=0), default=1000, show_default=True, help="Toys of each model.")
@fix_option
@run_options
@output_options
def command(**options: Any) -> None:
    """Discrete models of NAME told apart: test statistic, p-values from toys, expected separation."""
    check_output(options)
    likelihood = open_likelihood(options)
    models = {
        name: {**options["fix"], **_settings(name, given, options["fix"], likelihood.configuration)}
        for name, given in options["models"].items()
    }
    with run_settings(options) as run:
        result = compare(likelihood, models, n_toys=options["n_toys"], run=run)
    if not result.complete:
        raise Interrupted(result.message, {})
    finish(result, options, drawings(result))


def _settings(
    name: str, given: Mapping[str, str], fixed: Mapping[str, float], configuration: Mapping[str, Any]
) -> dict[str, Any]:
    """The settings of a model, those of parameters as numbers; raises ConfigurationError."""
    for key in given:
        if key in fixed:
            raise ConfigurationError(f"--fix {key}: model {name!r} sets it too; drop one")
    where = f"--model {name}"
    return {k: v if k in configuration else number(v, f"{where}: {k}") for k, v in given.items()}


def drawings(result: Comparison) -> dict[str, Any]:
    """The distributions of every pair of models, where there are toys."""
    from npinfer.plot import plot_comparison, save_figure

    def draw(pair: tuple[str, str]) -> Any:
        def save(path: Path) -> Path:
            return save_figure(plot_comparison(result, pair=pair)[0], path)

        return save

    pairs = list(combinations(result.names, 2)) if result.toys else []
    if len(pairs) == 1:
        return {"compare": draw(pairs[0])}
    return {"compare_" + "_".join(re.sub(r"\W+", "_", n) for n in pair): draw(pair) for pair in pairs}
