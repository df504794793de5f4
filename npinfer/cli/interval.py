"""`npinfer interval`."""

from __future__ import annotations

from typing import Any

import click

from npinfer.cli.options import (
    calibration_option,
    check_output,
    fix_option,
    likelihood_options,
    open_likelihood,
    output_options,
)
from npinfer.cli.output import finish
from npinfer.cli.over import interval_row, over_option, repeat
from npinfer.core.result import Interval
from npinfer.inference.fit import poi_name
from npinfer.inference.interval import METHODS, interval
from npinfer.likelihood.binned import BinnedLikelihood


@click.command("interval")
@likelihood_options
@click.option("--poi", metavar="NAME", help="The parameter; that of the likelihood by default.")
@click.option("--cl", type=float, default=0.68, show_default=True, help="Confidence level, a fraction.")
@click.option("--method", type=click.Choice(METHODS), default="profile", show_default=True)
@calibration_option
@fix_option
@over_option
@output_options
def command(**options: Any) -> None:
    """The profile-likelihood interval of a parameter of NAME."""
    check_output(options)

    def ask(likelihood: BinnedLikelihood) -> Interval:
        poi = poi_name(likelihood, options["poi"])
        return interval(
            likelihood,
            poi,
            cl=options["cl"],
            method=options["method"],
            fixed=options["fix"],
            calibration=options["calibration"],
        )

    if options["over"]:
        repeat(options, "interval", ask, interval_row)
        return
    result = ask(open_likelihood(options))
    finish(result, options, drawings(result))


def drawings(result: Interval) -> dict[str, Any]:
    """The profile with its threshold and the interval."""
    from npinfer.plot import plot_interval, save_figure

    return {"interval": lambda path: save_figure(plot_interval(result)[0], path)}
