"""`npinfer profile`."""

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
from npinfer.core.result import Scan
from npinfer.inference.executor import Interrupted
from npinfer.inference.fit import poi_name
from npinfer.inference.profile import profile


@click.command("profile")
@likelihood_options
@click.argument("grid", nargs=-1, callback=grids, metavar="[PARAMETER=LOW:HIGH:POINTS[:log]]...")
@fix_option
@run_options
@output_options
def command(**options: Any) -> None:
    """The profile likelihood of NAME on a grid; of the parameter of interest where no grid is given."""
    check_output(options)
    likelihood = open_likelihood(options)
    grid = options["grid"]
    if not grid:
        poi = poi_name(likelihood, None)
        grid = {poi: default_grid(likelihood, poi)}
    with run_settings(options) as run:
        scan = profile(likelihood, grid, fixed=options["fix"], run=run)
    if not scan.complete:
        raise Interrupted(scan.message, {})
    finish(scan, options, drawings(scan))


def drawings(scan: Scan) -> dict[str, Any]:
    """A curve for one parameter, regions for two."""
    from npinfer.inference.contour import contour
    from npinfer.plot import plot_contour, plot_profile, save_figure

    if len(scan.names) == 1:
        return {"profile": lambda path: save_figure(plot_profile(scan)[0], path)}
    if len(scan.names) == 2:
        return {"profile": lambda path: save_figure(plot_contour(contour(scan))[0], path)}
    return {}
