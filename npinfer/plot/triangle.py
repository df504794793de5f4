"""The flavour triangle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from mpltern.ternary import TernaryAxes

from npinfer.core.result import Contour
from npinfer.errors import ConfigurationError
from npinfer.plot.contour import outline, region_label, region_print
from npinfer.plot.labels import plain
from npinfer.plot.style import COLOURS, GREY, INK, new_figure, print_small, publication, tints

MARKERS = ("o", "s", "^", "D", "v", "p", "h", "<", ">")
AXES = ("f_e", "f_mu")


def plot_triangle(
    contour: Contour, *, points: Mapping[str, tuple[float, float, float]] | None = None
) -> tuple[Figure, Axes]:
    """Draw regions in the flavour fractions at Earth on a triangle: f_tau upwards, f_mu to the left, f_e to the right.

    contour: of f_e and f_mu; points: named compositions (f_e, f_mu, f_tau), such as source models after oscillation.
    Raises ConfigurationError where the contour is of other parameters or a composition is not a point of the triangle.
    """
    if set(contour.names) != set(AXES):
        raise ConfigurationError(f"a flavour triangle is drawn for f_e and f_mu; found {' and '.join(contour.names)}")
    compositions = {name: _composition(name, fractions) for name, fractions in (points or {}).items()}
    with publication():
        figure = new_figure(6.2, 5.9, contour.description.title)
        axes = figure.add_subplot(axes_class=TernaryAxes)
        _dress(axes)
        _draw_regions(axes, contour)
        f_e, f_mu = (contour.best[n] for n in AXES)
        axes.plot(
            [1 - f_e - f_mu],
            [f_mu],
            [f_e],
            marker="P",
            linestyle="",
            color=INK,
            markersize=9,
            markeredgecolor="white",
            label="best fit",
            zorder=6,
            clip_on=False,
        )
        for index, (name, (e, mu, tau)) in enumerate(compositions.items()):
            axes.plot(
                [tau],
                [mu],
                [e],
                marker=MARKERS[index % len(MARKERS)],
                linestyle="",
                markersize=6.5,
                markeredgecolor="white",
                color=COLOURS[(index + 1) % len(COLOURS)],
                label=plain(name),
                zorder=5,
                clip_on=False,
            )
        axes.legend(loc="upper left", bbox_to_anchor=(-0.16, 1.02))
        print_small(figure, region_print([contour]))
    return figure, axes


def _composition(name: str, fractions: tuple[float, float, float]) -> tuple[float, float, float]:
    e, mu, tau = fractions
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-3:
        raise ConfigurationError(f"{name!r}: f_e, f_mu and f_tau are at least 0 and sum to 1; found {tuple(fractions)}")
    return e, mu, tau


def _dress(axes: TernaryAxes) -> None:
    """Name each side, with ticks and labels along the lines on which its fraction is constant."""
    axes.set_tlabel(r"$f_{\tau}$", fontsize=14)
    axes.set_llabel(r"$f_{\mu}$", fontsize=14)
    axes.set_rlabel(r"$f_{e}$", fontsize=14)
    for axis in (axes.taxis, axes.laxis, axes.raxis):
        axis.set_label_position("tick1")
        axis.set_label_rotation_mode("horizontal")
    axes.set_axisbelow(False)
    axes.grid(color=GREY, linewidth=0.4, alpha=0.5)


def to_triangle(axes: TernaryAxes, contour: Contour, points: np.ndarray) -> np.ndarray:
    """Points (n, 2) in the contour's columns as positions in the plane of the triangle."""
    f_e, f_mu = (points[:, contour.names.index(n)] for n in AXES)
    return axes.transProjection.transform(np.column_stack([1 - f_e - f_mu, f_mu, f_e]))


def _draw_regions(axes: TernaryAxes, contour: Contour) -> None:
    regions = sorted(contour.regions, key=lambda region: region.cl)
    for order, (region, tint) in enumerate(zip(regions, tints(COLOURS[0], len(regions)), strict=True)):
        flat = outline(region.paths)
        path = Path(to_triangle(axes, contour, flat.vertices), flat.codes)
        patch = PathPatch(
            path,
            facecolor=tint,
            edgecolor=COLOURS[0],
            linewidth=1.3,
            label=region_label(region),
            zorder=2 - 0.1 * order,
        )
        axes.add_patch(patch)
        patch.set_clip_path(axes.patch)
