"""`npinfer contour`."""

from __future__ import annotations

from typing import Any

import click

from npinfer.cli.options import (
    check_output,
    fix_option,
    grids,
    likelihood_options,
    open_likelihood,
    output_options,
    run_options,
    run_settings,
)
from npinfer.cli.output import finish
from npinfer.errors import ConfigurationError
from npinfer.inference.contour import contour
from npinfer.inference.executor import Interrupted
from npinfer.inference.profile import profile


@click.command("contour")
@likelihood_options
@click.argument("grid", nargs=-1, required=True, callback=grids, metavar="PARAMETER=LOW:HIGH:POINTS[:log] ...")
@click.option("--cl", type=float, multiple=True, default=(0.68, 0.95), show_default=True, help="joint probability")
@fix_option
@run_options
@output_options
def command(**options: Any) -> None:
    """The joint regions of two parameters of NAME, each with its grid; profiles first."""
    if len(options["grid"]) != 2:
        raise ConfigurationError(f"contour takes two grids; found {len(options['grid'])}")
    check_output(options)
    likelihood = open_likelihood(options)
    with run_settings(options) as run:
        scan = profile(likelihood, options["grid"], fixed=options["fix"], run=run)
    if not scan.complete:
        raise Interrupted(scan.message, {})
    result = contour(scan, cl=options["cl"])
    if options["out"]:
        scan.save(options["out"] / "profile.json")
    finish(result, options, drawings(result))


def drawings(result: Any) -> dict[str, Any]:
    """The regions, in a flavour triangle too where the parameters are flavour fractions."""
    from npinfer.plot import plot_contour, plot_triangle, save_figure

    plots = {"contour": lambda path: save_figure(plot_contour(result)[0], path)}
    if result.names == ("f_e", "f_mu"):
        plots["triangle"] = lambda path: save_figure(plot_triangle(result)[0], path)
    return plots
