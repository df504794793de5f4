"""`npinfer significance`."""

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
from npinfer.cli.over import over_option, repeat, significance_row
from npinfer.core.result import Significance
from npinfer.inference.executor import Interrupted
from npinfer.inference.fit import poi_name
from npinfer.inference.significance import significance
from npinfer.likelihood.binned import BinnedLikelihood


@click.command("significance")
@likelihood_options
@click.option("--poi", metavar="NAME", help="The parameter; that of the likelihood by default.")
@click.option("--null", type=float, metavar="VALUE", help="Its value without a signal; 0 by default.")
@click.option("--n-toys", type=click.IntRange(min=0), default=0, show_default=True, help="Toys without a signal.")
@fix_option
@over_option
@run_options
@output_options
def command(**options: Any) -> None:
    """How significant a signal of NAME is: q_0, z and p, and the z that was to be expected.

    --at is the truth that the expected z is for, by default the best fit.
    """
    check_output(options)
    given = {**options, "at": options["at"] if options["asimov"] else {}}
    with run_settings(options) as run:

        def ask(likelihood: BinnedLikelihood) -> Significance:
            poi = poi_name(likelihood, options["poi"])
            asked = {key: options[key] for key in ("null", "at", "n_toys")}
            result = significance(likelihood, poi, **asked, fixed=options["fix"], run=run)
            if not result.complete:
                raise Interrupted(result.message, {})
            return result

        if not options["over"]:
            result = ask(open_likelihood(given))
            finish(result, options, drawings(result))
            return
        found = repeat(given, "significance", ask, significance_row)
    draw_curve(options, found)


def draw_curve(options: dict[str, Any], found: list[Significance | None]) -> None:
    """Save z against the configuration that was repeated, where there is a folder for it."""
    if not options["out"]:
        return
    from npinfer.plot import plot_significance_curve, save_figure

    key, values = options["over"]
    path = Path(options["out"]) / f"significance_over_{key}.png"
    save_figure(plot_significance_curve(key, values, found)[0], path)
    if not options["quiet"]:
        click.echo(f"saved {path}")


def drawings(result: Significance) -> dict[str, Any]:
    """The distribution of the test statistic, where there are toys."""
    from npinfer.plot import plot_significance, save_figure

    def save(path: Path) -> Path:
        return save_figure(plot_significance(result)[0], path)

    return {"significance": save} if len(result.toys) else {}
