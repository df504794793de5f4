"""The figures of a page: drawn from results, embedded as SVG."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from npinfer.core.result import Comparison, Contour, FitResult, Interval, Posterior, Quantity, Result, Scan
from npinfer.plot import (
    plot_comparison,
    plot_contour,
    plot_posterior,
    plot_profile,
    plot_pulls,
    plot_templates,
    plot_triangle,
    save_figure,
)
from npinfer.report.blocks import Picture
from npinfer.report.marks import Marks
from npinfer.report.text import listed, percent, readable, spoken

LEVELS = (0.68, 0.95)


def embed(figure: Figure) -> str:
    """A figure as a data link."""
    with tempfile.TemporaryDirectory() as folder:
        content = save_figure(figure, Path(folder) / "figure.svg").read_bytes()
    return f"data:image/svg+xml;base64,{base64.b64encode(content).decode()}"


def profile_picture(scan: Scan, intervals: list[Interval], marks: Marks) -> Picture:
    """The profile of one parameter, with the levels of its intervals and its marks."""
    (name,) = scan.names
    said = spoken(scan.quantities[name])
    levels = tuple(sorted({*LEVELS, *(i.cl for i in intervals if i.quantity.name == name)}))
    shown = marks.of(name)
    figure, _ = plot_profile(scan, cl=levels, marks=shown)
    marked = f" Lines: {listed(list(shown))}{marks.explained}." if shown else ""
    caption = (
        f"Profile likelihood of {said}. Dashed levels: {listed([percent(cl) for cl in levels])}, "
        f"Wilks' theorem with 1 degree of freedom, not calibrated with toys.{marked} {nature(scan, scan.data_kind)}"
    )
    return Picture(embed(figure), f"profile likelihood of {said}", caption)


def template_pictures(fit: FitResult) -> list[Picture]:
    """Data and fit of every channel, along each axis."""
    axes = {axis.name: axis.label for view in fit.channels.values() for axis in view.axes}
    pictures = []
    for axis, label in axes.items():
        shown = [readable(name) for name, view in fit.channels.items() if axis in [a.name for a in view.axes]]
        figure, _ = plot_templates(fit, axis=axis)
        measured = any(view.sigma.size for view in fit.channels.values() if axis in [a.name for a in view.axes])
        points = "intervals of the counts, standard deviations of what was measured" if measured else "intervals"
        caption = (
            f"Observed and fitted counts of {listed(shown)} along {label}. Points: central 68.27 % Poisson "
            f"{points}; hatched: uncertainty of the fitted sum from the fit's covariance (one standard deviation, "
            f"not calibrated with toys). {nature(fit, fit.data_kind)}"
        )
        pictures.append(Picture(embed(figure), f"counts along {label}", caption, wide=len(shown) > 1))
    return pictures


def pulls_picture(fit: FitResult) -> Picture:
    """The pulls of the constrained parameters."""
    caption = (
        "Pulls of the constrained parameters, in standard deviations of their constraints; bars: errors after the fit "
        f"(one standard deviation, from the covariance). {nature(fit, fit.data_kind)}"
    )
    return Picture(embed(plot_pulls(fit)[0]), "pulls of the constrained parameters", caption)


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
    figure, _ = plot_posterior(posterior, quantity.name, cl=LEVELS[0], scan=scan)
    beside = "; on top, the profile likelihood" if scan else ""
    caption = (
        f"Marginal posterior of {spoken(quantity)}, with its equal-tailed {percent(LEVELS[0])} interval{beside}. "
        f"Prior: {posterior.priors.get(quantity.name, 'derived from the others')}. A credible interval has no coverage "
        f"to calibrate. {nature(posterior, posterior.data_kind)}"
    )
    return Picture(embed(figure), f"marginal posterior of {spoken(quantity)}", caption)


def contour_pictures(contour: Contour) -> list[Picture]:
    """The regions of two parameters, in a flavour triangle too where they are flavour fractions."""
    draw: list[tuple[str, Callable[[Contour], Any]]] = [("regions", plot_contour)]
    if set(contour.names) == {"f_e", "f_mu"}:
        draw.append(("flavour triangle", plot_triangle))
    names = listed([spoken(contour.quantities[n]) for n in contour.names])
    enclosed = contour.enclosed[0].upper() + contour.enclosed[1:]
    caption = f"Regions of {names}. {enclosed}. {nature(contour, contour.data_kind)}"
    return [Picture(embed(plot(contour)[0]), f"{what} of {names}", caption) for what, plot in draw]


def nature(result: Result, data_kind: str) -> str:
    """What kind of numbers these are."""
    description = result.description
    return f"{description.name}: {data_kind} data, kind {description.kind}, status {description.status}."
