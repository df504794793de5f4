"""`npinfer fit`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from npinfer.cli.options import (
    check_output,
    fix_option,
    init_option,
    likelihood_options,
    open_likelihood,
    output_options,
)
from npinfer.cli.output import finish
from npinfer.cli.over import fit_row, over_option, repeat
from npinfer.core.result import FitResult
from npinfer.inference.fit import fit
from npinfer.inference.fit_options import MINIMISERS, FitOptions
from npinfer.likelihood.binned import BinnedLikelihood


@click.command("fit")
@likelihood_options
@fix_option
@init_option
@click.option("--minos", multiple=True, metavar="NAME", help="Profile errors of a parameter too.")
@click.option("--minimiser", type=click.Choice(MINIMISERS), default="native", show_default=True)
@over_option
@output_options
def command(**options: Any) -> None:
    """Maximise the likelihood NAME (a name from `npinfer list`, or a YAML file)."""
    check_output(options)

    def ask(likelihood: BinnedLikelihood) -> FitResult:
        return fit(
            likelihood,
            fixed=options["fix"],
            init=options["init"],
            minos=options["minos"],
            options=FitOptions(minimiser=options["minimiser"]),
        )

    if options["over"]:
        repeat(options, "fit", ask, fit_row)
        return
    result = ask(open_likelihood(options))
    finish(result, options, drawings(result), beside=(result.yields_table(),))


def drawings(result: FitResult) -> dict[str, Any]:
    """The plots of a fit: templates along each axis after and before it, pulls, and correlations."""
    from npinfer.plot import plot_correlations, plot_pulls, plot_templates, save_figure

    def templates(axis: str, stage: str) -> Any:
        return lambda path: save_figure(plot_templates(result, axis=axis, stage=stage)[0], path)

    def pulls(path: Path) -> Path:
        return save_figure(plot_pulls(result)[0], path)

    def correlations(path: Path) -> Path:
        return save_figure(plot_correlations(result)[0], path)

    plots: dict[str, Any] = {}
    axes = {axis.name: axis for view in result.channels.values() for axis in view.axes}
    words = {name: name.rsplit("_", 1)[0] if axis.unit else name for name, axis in axes.items()}
    taken = Counter(words.values())
    for name, word in words.items():
        file = f"fit_{word if taken[word] == 1 else name}"
        plots |= {file: templates(name, "postfit"), f"{file}_prefit": templates(name, "prefit")}
    plots |= {"fit_pulls": pulls} if result.pulls else {}
    return plots | ({"fit_correlations": correlations} if result.free else {})
