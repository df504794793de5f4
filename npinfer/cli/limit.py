"""`npinfer limit`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

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
from npinfer.cli.over import Row, over_option, repeat
from npinfer.core.result import Limit
from npinfer.core.result.limit import NAMES, say
from npinfer.inference.fit import poi_name
from npinfer.inference.limits import METHODS, upper_limit
from npinfer.likelihood.binned import BinnedLikelihood


@click.command("limit")
@likelihood_options
@click.option("--poi", metavar="NAME", help="The parameter; that of the likelihood by default.")
@click.option("--cl", type=float, default=0.90, show_default=True, help="Confidence level, a fraction.")
@click.option("--method", type=click.Choice(METHODS, case_sensitive=False), default="cls", show_default=True)
@click.option("--expected/--no-expected", default=True, show_default=True, help="Also what is expected without signal.")
@click.option(
    "--n-toys",
    type=click.IntRange(min=20),
    default=1000,
    show_default=True,
    help="Toys of each hypothesis with --method toys; else of what is expected where few events decide.",
)
@fix_option
@over_option
@run_options
@output_options
def command(**options: Any) -> None:
    """The upper limit of a parameter of NAME, observed and expected without a signal."""
    check_output(options)
    with run_settings(options) as run:

        def ask(likelihood: BinnedLikelihood) -> Limit:
            poi = poi_name(likelihood, options["poi"])
            asked = {key: options[key] for key in ("cl", "method", "expected", "n_toys")}
            return upper_limit(likelihood, poi, **asked, fixed=options["fix"], run=run)

        if not options["over"]:
            result = ask(open_likelihood(options))
            finish(result, options, drawings(result))
            return
        found = repeat(options, "limit", ask, limit_row)
    draw_curve(options, found)


def limit_row(result: Limit) -> Row:
    """The observed limit and the expected ones, in words where there is none."""
    values = {f"{result.quantity.name} observed": result.observed}
    values |= {n: v for n, v in zip(NAMES, result.expected.tolist(), strict=True) if v == v}
    how = {"limit": f"{100 * result.cl:g} % CL, {result.method}", "message": result.message}
    return {**{name: say(v, v) for name, v in values.items()}, **how}


def draw_curve(options: dict[str, Any], limits: list[Limit | None]) -> None:
    """Save the limits against the configuration that was repeated, where there is a folder for it."""
    if not options["out"]:
        return
    from npinfer.plot.limit_curve import plot_limit_curve
    from npinfer.plot.style import save_figure

    key, values = options["over"]
    first = next(limit for limit in limits if limit is not None)
    none = replace(first, observed=np.nan, expected=np.full(len(first.expected), np.nan), message="")
    drawn = [none if limit is None else limit for limit in limits]
    path = save_figure(plot_limit_curve(key, values, drawn)[0], Path(options["out"]) / f"limit_over_{key}.png")
    if not options["quiet"]:
        click.echo(f"saved {path}")


def drawings(result: Limit) -> dict[str, Any]:
    """The tested values with their p, where there are any."""
    from npinfer.plot import plot_limit, save_figure

    return {"limit": lambda path: save_figure(plot_limit(result)[0], path)} if len(result.tested) else {}
