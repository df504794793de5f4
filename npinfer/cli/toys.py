"""`npinfer toys`."""

from __future__ import annotations

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
from npinfer.core.result import ToyEnsemble
from npinfer.inference.executor import Interrupted
from npinfer.inference.toys import toys


@click.command("toys")
@likelihood_options
@click.option("--n-toys", type=click.IntRange(min=1), default=1000, show_default=True, help="How many.")
@fix_option
@run_options
@output_options
def command(**options: Any) -> None:
    """Draw toys of NAME, counts and auxiliary data, and fit each of them.

    Their truth is the best fit to the data, with the values of --at held.
    """
    check_output(options)
    likelihood = open_likelihood({**options, "at": options["at"] if options["asimov"] else {}})
    with run_settings(options) as run:
        result = toys(likelihood, options["n_toys"], at=options["at"], fixed=options["fix"], run=run)
    if not result.complete:
        raise Interrupted(result.message, {})
    finish(result, options, drawings(result))


def drawings(result: ToyEnsemble) -> dict[str, Any]:
    """The fitted values of every free parameter, with the truth."""
    from npinfer.plot import plot_toys, save_figure

    if len(result.fixed) == len(result.names):
        return {}
    return {"toys": lambda path: save_figure(plot_toys(result)[0], path)}
