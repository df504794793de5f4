"""Regions of two parameters, those of several likelihoods in one chart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npinfer.core.result import Contour
from npinfer.report.blocks import Chart
from npinfer.report.charts.parts import Trace, axis, colour_of, faint, labels, line, title
from npinfer.report.nature import nature
from npinfer.report.text import listed, percent, spoken


def contour_chart(contours: Sequence[tuple[str, Contour]]) -> Chart:
    """The regions of (file, contour), all of the same two parameters, with the probability that each encloses."""
    first = contours[0][1]
    said = labels(contours)
    traces = [trace for i, (_, contour) in enumerate(contours) for trace in _regions(contour, said[i], i)]
    x_title, y_title = (title(first.quantities[n]) for n in first.names)
    names = listed([spoken(first.quantities[n]) for n in first.names])
    enclosed = [c.enclosed for _, c in contours]
    who = [f"{label}: " if len(contours) > 1 else "" for label in said]
    told = " ".join(f"{a}{b[0].upper()}{b[1:]}." for a, b in zip(who, enclosed, strict=True))
    edges = any(region.touches_edge for _, contour in contours for region in contour.regions)
    best = np.array([[c.best[n] for n in first.names] for _, c in contours])
    points = np.concatenate([best, *(path for _, c in contours for region in c.regions for path in region.paths)])
    positive = (points > 0).all(axis=0)
    return Chart(
        traces=tuple(traces),
        layout={"xaxis": axis(x_title), "yaxis": axis(y_title)},
        alt=f"regions of {names}",
        caption=f"Regions of {names}. {told}"
        + (" A region is cut off at the edge of the grid." if edges else "")
        + f" {' '.join(dict.fromkeys(nature(c, c.data_kind) for _, c in contours))}",
        logarithmic=tuple(which for which, possible in zip("xy", positive, strict=True) if possible),
        files=tuple(f"{file}.csv" for file, _ in contours),
        height=460,
    )


def _regions(contour: Contour, label: str, number: int) -> list[Trace]:
    """A filled boundary a level, the largest below, and the best fit."""
    colour, _ = colour_of(number)
    traces: list[Trace] = []
    ordered = sorted(contour.regions, key=lambda region: -region.cl)
    for region, dash in zip(ordered, ("dash", "solid", "dot", "dashdot", "longdash") * len(ordered), strict=False):
        closed = [np.vstack([path, [[np.nan, np.nan]]]) for path in region.paths]
        points = np.vstack([np.zeros((0, 2)), *closed])
        name = f"{label}, {percent(region.cl)}"
        fill = {"fill": "toself", "fillcolor": faint(colour, 0.14), "hoveron": "points"}
        traces.append(line(name, points[:, 0], points[:, 1], colour, dash=dash, **fill))
        traces[-1]["hovertemplate"] = "%{x:.4~g}, %{y:.4~g}"
    x, y = (contour.best[n] for n in contour.names)
    best = line(f"{label}, best fit", [x], [y], colour, mode="markers", marker={"size": 9, "symbol": "cross"})
    return [*traces, {**best, "hovertemplate": "%{x:.4~g}, %{y:.4~g}"}]
