"""`npinfer contour`."""

from __future__ import annotations

from typing import Any

import click

from npinfer.cli.executors import run_settings
from npinfer.cli.options import (
    calibration_option,
    check_output,
    fix_option,
    likelihood_options,
    open_likelihood,
    output_options,
    run_options,
)
from npinfer.cli.output import finish, signed
from npinfer.cli.values import grids
from npinfer.core.result import Contour
from npinfer.core.table import Table
from npinfer.errors import ConfigurationError
from npinfer.inference.contour import contour
from npinfer.inference.executor import Interrupted
from npinfer.inference.fit import full_names
from npinfer.inference.profile import profile


@click.command("contour")
@likelihood_options
@click.argument("grid", nargs=-1, callback=grids, metavar="PARAMETER=LOW:HIGH:POINTS[:log] ...")
@click.option(
    "--cl",
    type=float,
    multiple=True,
    default=(0.68, 0.95),
    show_default=True,
    help="Joint probability; repeat for more.",
)
@calibration_option
@fix_option
@run_options
@output_options
def command(**options: Any) -> None:
    """The joint regions of two parameters of NAME, each with its grid; profiles first."""
    if len(options["grid"]) != 2:
        raise ConfigurationError(
            f"contour takes the grids of two parameters, such as a=0:1:21 b=0:2:21; found {len(options['grid'])}"
        )
    check_output(options)
    likelihood = open_likelihood(options)
    if options["calibration"]:  # before the work of the scan
        names = [likelihood.parameters[n].name for n in options["grid"]]
        fixed = full_names(likelihood, options["fix"])
        options["calibration"].check(names, fixed, likelihood.description.digests)
    with run_settings(options) as run:
        scan = profile(likelihood, options["grid"], fixed=options["fix"], run=run)
    if not scan.complete:
        raise Interrupted(scan.message, {})
    result = contour(scan, cl=tuple(dict.fromkeys(options["cl"])), calibration=options["calibration"])
    if options["out"]:  # beside the profile of one parameter, which `npinfer profile` saves
        signed(scan, options).save(options["out"] / "contour_profile.json")
    finish(result, options, drawings(result), extents(result))


def extents(result: Contour) -> Table:
    """How far every closed path reaches; the saved table has its points."""
    rows = tuple(
        (region.cl, i, *(float(end) for column in path.T for end in (column.min(), column.max())))
        for region in result.regions
        for i, path in enumerate(region.paths, start=1)
    )
    full = result.table()
    short = [name.rpartition(".")[2] for name in result.names]
    return Table(full.title, ("cl", "path", *(f"{n} {end}" for n in short for end in ("from", "to"))), rows, full.notes)


def drawings(result: Contour) -> dict[str, Any]:
    """The regions, in a flavour triangle too where the parameters are flavour fractions."""
    from npinfer.plot import plot_contour, plot_triangle, save_figure

    plots = {"contour": lambda path: save_figure(plot_contour(result)[0], path)}
    if result.names == ("f_e", "f_mu"):
        plots["triangle"] = lambda path: save_figure(plot_triangle(result)[0], path)
    return plots
