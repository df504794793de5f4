"""`npinfer interval`."""

from __future__ import annotations

from typing import Any

import click

from npinfer.cli.options import check_output, fix_option, likelihood_options, open_likelihood, output_options, poi_of
from npinfer.cli.output import finish
from npinfer.inference.interval import METHODS, interval


@click.command("interval")
@likelihood_options
@click.option("--poi", metavar="NAME", help="the parameter; the likelihood's parameter of interest by default")
@click.option("--cl", type=float, default=0.68, show_default=True, help="confidence level, a fraction")
@click.option("--method", type=click.Choice(METHODS), default="profile", show_default=True)
@fix_option
@output_options
def command(**options: Any) -> None:
    """The profile-likelihood interval of a parameter of NAME."""
    check_output(options)
    likelihood = open_likelihood(options)
    poi = poi_of(likelihood, options["poi"])
    result = interval(likelihood, poi, cl=options["cl"], method=options["method"], fixed=options["fix"])
    finish(result, options, {})
