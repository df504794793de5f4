"""`npinfer sample`."""

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
from npinfer.core.result import Posterior
from npinfer.inference.executor import Interrupted
from npinfer.inference.mcmc import sample


@click.command("sample")
@likelihood_options
@click.option("--n-walkers", type=int, help="Walkers of an ensemble, an even number.  [default: 8 a free parameter]")
@click.option("--n-steps", type=int, default=1300, show_default=True, help="Steps of a walker, burn-in included.")
@click.option("--n-replicas", type=int, default=4, show_default=True, help="Ensembles that start on their own.")
@fix_option
@run_options
@output_options
def command(**options: Any) -> None:
    """Sample the posterior density of NAME: its likelihood times its declared priors."""
    check_output(options)
    likelihood = open_likelihood(options)
    numbers = {key: options[key] for key in ("n_walkers", "n_steps", "n_replicas")}
    with run_settings(options) as run:
        posterior = sample(likelihood, **numbers, fixed=options["fix"], run=run)
    if not posterior.complete:
        raise Interrupted(posterior.message, {})
    finish(posterior, options, drawings(posterior))


def drawings(posterior: Posterior) -> dict[str, Any]:
    """The regions of every pair of free parameters."""
    from npinfer.plot import plot_corner, save_figure

    return {"sample_corner": lambda path: save_figure(plot_corner(posterior)[0], path)}
