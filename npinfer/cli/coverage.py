"""`npinfer coverage`."""

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
from npinfer.cli.output import finish
from npinfer.core.result import Coverage
from npinfer.errors import ConfigurationError
from npinfer.inference.coverage import coverage
from npinfer.inference.executor import Interrupted
from npinfer.inference.fit import poi_name
from npinfer.inference.interval import IntervalOptions
from npinfer.inference.rank_calibration import rank_calibration

DRAWS, TOYS = 200, 2000


@click.command("coverage")
@likelihood_options
@click.option("--poi", metavar="NAME", help="The parameter; that of the likelihood by default.")
@click.option(
    "--cl", type=float, multiple=True, default=(0.68, 0.9), show_default=True, help="Levels; repeat for more."
)
@click.option(
    "--method",
    type=click.Choice(("profile", "bayes")),
    default="profile",
    show_default=True,
    help="Intervals of the profile, or ranks of the truth in the posterior.",
)
@click.option(
    "--n-toys", type=click.IntRange(min=1), help=f"Toys of each setting.  [default: {TOYS}; {DRAWS} for bayes]"
)
@calibration_option
@fix_option
@run_options
@output_options
def command(**options: Any) -> None:
    """How often intervals of a parameter of NAME contain its true value, which --at NAME=VALUE gives.

    The other parameters are at their conditional fit to the data, and every group of them also one standard deviation
    above and below. With --method bayes, truths are drawn from the priors and ranked in their posteriors.
    """
    check_output(options)
    likelihood = open_likelihood({**options, "at": options["at"] if options["asimov"] else {}})
    if options["method"] == "bayes":
        _ranks(likelihood, options)
        return
    poi = poi_name(likelihood, options["poi"])
    if poi not in (likelihood.parameters[name].name for name in options["at"]):
        raise ConfigurationError(f"coverage needs the true value of {poi}: give --at {poi.rpartition('.')[2]}=VALUE")
    asked = IntervalOptions(poi, tuple(dict.fromkeys(options["cl"])), options["fix"], options["calibration"])
    with run_settings(options) as run:
        result = coverage(likelihood, asked, at=options["at"], n_toys=options["n_toys"] or TOYS, run=run)
    if not result.complete:
        raise Interrupted(result.message, {})
    finish(result, options, drawings(result))


def _ranks(likelihood: Any, options: Any) -> None:
    """Simulation-based calibration of `sample`."""
    from npinfer.plot import plot_rank_calibration, save_figure

    for given in ("at", "calibration"):
        if options[given]:
            raise ConfigurationError(f"--{given} is for intervals; --method bayes draws truths from the priors")
    with run_settings(options) as run:
        result = rank_calibration(likelihood, n_draws=options["n_toys"] or DRAWS, fixed=options["fix"], run=run)
    if not result.complete:
        raise Interrupted(result.message, {})
    finish(result, options, {"coverage_ranks": lambda path: save_figure(plot_rank_calibration(result)[0], path)})


def drawings(result: Coverage) -> dict[str, Any]:
    """Every setting's coverage beside its level."""
    from npinfer.plot import plot_coverage, save_figure

    return {"coverage": lambda path: save_figure(plot_coverage(result)[0], path)}
