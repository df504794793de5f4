"""`npinfer calibrate`."""

from __future__ import annotations

from typing import Any

import click

from npinfer.cli.executors import run_settings
from npinfer.cli.options import (
    check_output,
    default_grid,
    fix_option,
    likelihood_options,
    open_likelihood,
    output_options,
    run_options,
)
from npinfer.cli.output import finish
from npinfer.cli.values import grids
from npinfer.core.result import Calibration
from npinfer.inference.calibrate import calibrate
from npinfer.inference.fit import poi_name

POINTS = 21


@click.command("calibrate")
@likelihood_options
@click.argument("grid", nargs=-1, callback=grids, metavar="[PARAMETER=LOW:HIGH:POINTS[:log]]...")
@click.option(
    "--n-toys",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="Toys at each point; 0: all outcomes, exactly (few bins, no auxiliary data).",
)
@click.option("--shifts", is_flag=True, help="Hold with each group of nuisance parameters ±1σ from the fit too.")
@fix_option
@run_options
@output_options
def command(**options: Any) -> None:
    """Critical values for intervals and contours of NAME that contain the truth as often as they say.

    Toys are drawn and fitted at every point of the grid (Feldman–Cousins; the other parameters at their conditional
    fit). Keep the result with --out FOLDER and give FOLDER/calibrate.json to interval, contour or coverage as
    --calibration.
    """
    check_output(options)
    likelihood = open_likelihood(options)
    grid = options["grid"]
    if not grid:
        poi = poi_name(likelihood, None)
        grid = {poi: default_grid(likelihood, poi, POINTS)}
    with run_settings(options) as run:
        result = calibrate(
            likelihood, grid, n_toys=options["n_toys"], shifts=options["shifts"], fixed=options["fix"], run=run
        )
    finish(result, options, drawings(result))


def drawings(result: Calibration) -> dict[str, Any]:
    """Critical values against one parameter, or as a map of two."""
    from npinfer.plot import plot_calibration, save_figure

    if len(result.names) > 2:
        return {}
    return {"calibrate": lambda path: save_figure(plot_calibration(result)[0], path)}
