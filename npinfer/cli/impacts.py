"""`npinfer impacts`."""

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
from npinfer.core.result import Impacts
from npinfer.inference.fit import poi_name
from npinfer.inference.impacts import impacts


@click.command("impacts")
@likelihood_options
@click.option("--poi", metavar="NAME", help="The parameter; that of the likelihood by default.")
@fix_option
@run_options
@output_options
def command(**options: Any) -> None:
    """What each parameter of NAME, and each group, does to the parameter of interest."""
    check_output(options)
    likelihood = open_likelihood(options)
    with run_settings(options) as run:
        result = impacts(likelihood, poi_name(likelihood, options["poi"]), fixed=options["fix"], run=run)
    finish(result, options, drawings(result))


def drawings(result: Impacts) -> dict[str, Any]:
    """The ranking plot, where there is something to rank."""
    from npinfer.plot import plot_impacts, save_figure

    def save(path: Path) -> Path:
        return save_figure(plot_impacts(result)[0], path)

    return {"impacts": save} if result.parameters else {}
