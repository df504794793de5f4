"""`npinfer exclusion`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

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
from npinfer.cli.over import exclusion_row, over_option, repeat
from npinfer.cli.values import named_grid
from npinfer.core.result import Exclusion
from npinfer.inference.exclusion import METHODS, exclusion
from npinfer.inference.executor import Interrupted
from npinfer.likelihood.binned import BinnedLikelihood


def _grid(context: click.Context, parameter: click.Parameter, given: str) -> tuple[str, np.ndarray]:
    return named_grid(given)


@click.command("exclusion")
@likelihood_options
@click.argument("grid", callback=_grid, metavar="PARAMETER=LOW:HIGH:POINTS[:log]")
@click.option("--cl", type=float, default=0.90, show_default=True, help="Confidence level, a fraction.")
@click.option("--method", type=click.Choice(METHODS, case_sensitive=False), default="cls", show_default=True)
@click.option("--expected/--no-expected", default=True, show_default=True, help="Also what is expected without signal.")
@fix_option
@over_option
@run_options
@output_options
def command(**options: Any) -> None:
    """Excluded values of a parameter of NAME on a grid, for signals that rise and fall."""
    check_output(options)
    (name, grid), asked = options["grid"], {key: options[key] for key in ("cl", "method", "expected")}
    with run_settings(options) as run:

        def ask(likelihood: BinnedLikelihood) -> Exclusion:
            result = exclusion(likelihood, name, grid, **asked, fixed=options["fix"], run=run)
            if not result.complete and result.message:
                raise Interrupted(result.message, {})
            return result

        if not options["over"]:
            result = ask(open_likelihood(options))
            finish(result, options, drawings(result))
            return
        found = repeat(options, "exclusion", ask, exclusion_row)
    draw_map(options, found)


def draw_map(options: dict[str, Any], found: list[Exclusion | None]) -> None:
    """Save the excluded region against the configuration that was repeated, where there is a folder for it."""
    if not options["out"] or sum(e is not None for e in found) < 2:
        return
    from npinfer.plot import plot_exclusion_map, save_figure

    key, values = options["over"]
    path = save_figure(plot_exclusion_map(key, values, found)[0], Path(options["out"]) / f"exclusion_over_{key}.png")
    if not options["quiet"]:
        click.echo(f"saved {path}")


def drawings(result: Exclusion) -> dict[str, Any]:
    """p on the grid with the excluded segments."""
    from npinfer.plot import plot_exclusion, save_figure

    return {"exclusion": lambda path: save_figure(plot_exclusion(result)[0], path)}
