"""Regions of two parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from npinfer.core.result import Contour, Region
from npinfer.errors import ConfigurationError
from npinfer.plot.labels import percent, plain, quantity_label, small_print
from npinfer.plot.style import COLOURS, INK, dress, new_figure, print_small, publication, tints

LINES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))


def plot_contour(
    contour: Contour | Sequence[Contour], *, labels: Sequence[str] = (), filled: bool | None = None
) -> tuple[Figure, Axes]:
    """Draw the regions of one contour, or overlay those of several, each with its best fit.

    labels: names of the contours for the legend, by default their likelihoods and kinds of data; filled: whether
    regions are filled, by default when there is one contour. Raises ConfigurationError where the contours are not of
    the same parameters.
    """
    contours = [contour] if isinstance(contour, Contour) else list(contour)
    _check(contours, labels)
    first = contours[0]
    several = len(contours) > 1
    names = list(labels) or ([_name(c) for c in contours] if several else [""])
    with publication():
        figure = new_figure(8.0 if several else 5.6, 5.0, "" if several else first.description.title)
        axes = dress(figure.add_subplot())
        for index, (one, name) in enumerate(zip(contours, names, strict=True)):
            colour = COLOURS[index % len(COLOURS)]
            draw_regions(axes, one, colour, name, not several if filled is None else filled)
            x, y = (one.best[n] for n in one.names)
            label = f"{plain(name)}: best fit" if name else "best fit"
            axes.plot(
                [x],
                [y],
                marker="P",
                linestyle="",
                color=colour if several else INK,
                markersize=8,
                markeredgecolor="white",
                label=label,
                zorder=6,
            )
        axes.set_xlabel(quantity_label(first.quantities[first.names[0]]))
        axes.set_ylabel(quantity_label(first.quantities[first.names[1]]))
        axes.margins(0.06)
        axes.autoscale_view()
        if several:
            figure.legend(loc="outside right upper")
        else:
            axes.legend(loc="best")
        print_small(figure, region_print(contours, names))
    return figure, axes


def _check(contours: Sequence[Contour], labels: Sequence[str]) -> None:
    if not contours:
        raise ConfigurationError("no contour to draw: give at least one")
    if len({c.names for c in contours}) > 1:
        found = "; ".join(" and ".join(c.names) for c in contours)
        raise ConfigurationError(f"contours drawn together must be of the same parameters in one order; found {found}")
    if labels and len(labels) != len(contours):
        raise ConfigurationError(f"give a label for each of the {len(contours)} contours; found {len(labels)}")


def _name(contour: Contour) -> str:
    return f"{contour.description.name}, {contour.data_kind} data"


def draw_regions(axes: Axes, contour: Contour, colour: str, name: str, filled: bool) -> None:
    """Add the regions of a contour to axes of its two parameters, the widest below."""
    regions = sorted(contour.regions, key=lambda region: region.cl)
    for order, (region, tint) in enumerate(zip(regions, tints(colour, len(regions)), strict=True)):
        patch = PathPatch(
            outline(region.paths),
            facecolor=tint if filled else "none",
            edgecolor=colour,
            linewidth=1.3,
            linestyle="-" if filled else LINES[order % len(LINES)],
            label=region_label(region, name),
            zorder=3 - 0.1 * order,
        )
        axes.add_patch(patch)


def outline(paths: Sequence[np.ndarray]) -> Path:
    """The closed paths of a region as one path, so that holes stay open."""
    if not paths:
        return Path(np.empty((0, 2)))
    return Path.make_compound_path(*(Path(p, closed=True) for p in paths))


def region_label(region: Region, name: str = "") -> str:
    """What a region encloses, for the legend."""
    empty = "" if region.paths else " (empty)"
    return (f"{plain(name)}: " if name else "") + f"{percent(region.cl)} joint{empty}"


def region_print(contours: Sequence[Contour], names: Sequence[str] = ("",)) -> list[str]:
    """The small print of contours: what they are, what their regions enclose, and where a region was cut off."""
    lines = []
    for contour, name in zip(contours, names, strict=True):
        lines += small_print(contour, contour.data_kind)
        lines.append(contour.enclosed)
        owner = f"{name}: " if name else ""
        lines += [f"{owner}the {percent(r.cl)} region {_end(contour, r)}" for r in contour.regions if r.touches_edge]
    return lines


def _end(contour: Contour, region: Region) -> str:
    """Where a region that was cut off ends: at the bounds of its parameters, or only where the grid ends."""
    points = np.concatenate(region.paths) if region.paths else np.empty((0, 2))
    at_bound = []
    for column, name in zip(points.T, contour.names, strict=True):
        quantity, near = contour.quantities[name], 1e-6 * np.ptp(column) if column.size else 0.0
        if column.size and (column.min() <= quantity.lower + near or column.max() >= quantity.upper - near):
            at_bound.append(name)
    bounds = f"the bounds of {' and '.join(at_bound)} or " if at_bound else ""
    return f"ends at {bounds}the edge of the grid"
