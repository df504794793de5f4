"""`npinfer gof`."""

from __future__ import annotations

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
from npinfer.core.result import GoodnessOfFit
from npinfer.inference.executor import Interrupted
from npinfer.inference.gof import goodness_of_fit


@click.command("gof")
@likelihood_options
@click.option("--n-toys", type=click.IntRange(min=0), default=0, show_default=True, help="Toys of the best fit.")
@fix_option
@run_options
@output_options
def command(**options: Any) -> None:
    """The goodness of fit of NAME: saturated likelihood ratio, its p-value from χ² and from toys."""
    check_output(options)
    likelihood = open_likelihood(options)
    with run_settings(options) as run:
        result = goodness_of_fit(likelihood, fixed=options["fix"], n_toys=options["n_toys"], run=run)
    if not result.complete:
        raise Interrupted(result.message, {})
    finish(result, options, drawings(result))


def drawings(result: GoodnessOfFit) -> dict[str, Any]:
    """The distribution of the test statistic, where there is one."""
    from npinfer.plot import plot_gof, save_figure

    def save(path: Path) -> Path:
        return save_figure(plot_gof(result)[0], path)

    return {"gof": save} if len(result.toys) or result.degrees_of_freedom > 0 else {}
