"""The figures of a page: drawn from results, embedded as SVG."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from npinfer.core.result import (
    Calibration,
    Comparison,
    Contour,
    Coverage,
    GoodnessOfFit,
    Posterior,
    Quantity,
    RankCalibration,
    Result,
    Scan,
    Significance,
    ToyEnsemble,
)
from npinfer.errors import InferenceError
from npinfer.plot import (
    plot_calibration,
    plot_comparison,
    plot_coverage,
    plot_gof,
    plot_posterior,
    plot_rank_calibration,
    plot_significance,
    plot_toys,
    plot_triangle,
    save_figure,
)
from npinfer.report.blocks import Picture
from npinfer.report.nature import nature
from npinfer.report.text import listed, percent, readable, spoken

LEVEL = 0.68
WIDE = (Coverage, RankCalibration, ToyEnsemble)
DRAWN: dict[type[Result], Callable[[Any], Any]] = {
    Calibration: plot_calibration,
    Coverage: plot_coverage,
    GoodnessOfFit: plot_gof,
    RankCalibration: plot_rank_calibration,
    Significance: plot_significance,
    ToyEnsemble: plot_toys,
}


def embed(figure: Figure) -> str:
    """A figure as a data link."""
    with tempfile.TemporaryDirectory() as folder:
        content = save_figure(figure, Path(folder) / "figure.svg").read_bytes()
    return f"data:image/svg+xml;base64,{base64.b64encode(content).decode()}"


def comparison_pictures(comparison: Comparison) -> list[Picture]:
    """The test statistic of every pair of models in toys of both; nothing without toys."""
    pictures = []
    for a, b in combinations(comparison.names, 2) if comparison.toys else ():
        figure, _ = plot_comparison(comparison, pair=(a, b))
        drawn = " and ".join(f"{len(comparison.toys[name])} of {name}" for name in (a, b))
        caption = (
            f"Test statistic of {a} against {b} in toys ({drawn}) and on the data. The filled tails are the p-values, "
            f"counted in these toys. {nature(comparison, comparison.data_kind)}"
        )
        pictures.append(Picture(embed(figure), f"test statistic of {a} against {b}", caption))
    return pictures


def posterior_picture(posterior: Posterior, quantity: Quantity, scan: Scan | None) -> Picture:
    """The marginal posterior of one quantity, with its profile where there is one."""
    figure, _ = plot_posterior(posterior, quantity.name, cl=LEVEL, scan=scan)
    beside = "; on top, the profile likelihood" if scan else ""
    caption = (
        f"Marginal posterior of {spoken(quantity)}, with its equal-tailed {percent(LEVEL)} interval{beside}. "
        f"Prior: {posterior.priors.get(quantity.name, 'derived from the others')}. A credible interval has no coverage "
        f"to calibrate. {nature(posterior, posterior.data_kind)}"
    )
    return Picture(embed(figure), f"marginal posterior of {spoken(quantity)}", caption)


def triangle_pictures(contour: Contour) -> list[Picture]:
    """The regions in a flavour triangle, where they are of flavour fractions."""
    if set(contour.names) != {"f_e", "f_mu"}:
        return []
    names = listed([spoken(contour.quantities[n]) for n in contour.names])
    enclosed = contour.enclosed[0].upper() + contour.enclosed[1:]
    caption = f"Regions of {names} in the flavour triangle. {enclosed}. {nature(contour, contour.data_kind)}"
    return [Picture(embed(plot_triangle(contour)[0]), f"flavour triangle of {names}", caption)]


def other_pictures(result: Result) -> list[Picture]:
    """The figure of a result that has one of its own; nothing where there is nothing to draw, such as without toys."""
    draw = DRAWN.get(type(result))
    try:
        figure = draw(result)[0] if draw else None
    except InferenceError:
        return []
    if figure is None:
        return []
    said = f"{result.describe()}. {nature(result, getattr(result, 'data_kind', 'no'))}"
    return [Picture(embed(figure), readable(result.verb), said[0].upper() + said[1:], isinstance(result, WIDE))]
