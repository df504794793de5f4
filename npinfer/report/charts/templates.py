"""Counts of a channel along its axes, before and after the fit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np

from npinfer.core.result import FitResult
from npinfer.core.table import Table
from npinfer.plot.labels import channel_title
from npinfer.plot.projection import Projection
from npinfer.plot.style import COLOURS, spans_decades
from npinfer.report.blocks import Chart
from npinfer.report.charts.parts import Trace, area, axis, numbers, words
from npinfer.report.nature import nature
from npinfer.report.text import readable

OTHERS = 7  # samples of a chart that have a colour of their own
STAGES = {"postfit": "after the fit", "prefit": "before the fit"}


def template_charts(fit: FitResult, file: str) -> list[Chart]:
    """One chart for each channel and axis; a button each for the templates after and before the fit."""
    stages = ("postfit", "prefit") if fit.prefit else ("postfit",)
    return [
        _chart(fit, file, channel, position, stages)
        for channel, view in fit.channels.items()
        for position in range(len(view.axes))
    ]


def _chart(fit: FitResult, file: str, channel: str, position: int, stages: tuple[str, ...]) -> Chart:
    traces: list[Trace] = []
    of = [(views[channel], covariance) for views, covariance in map(fit.stage, stages)]
    kept = {sample for view, _ in of for sample, counts in view.samples.items() if np.any(counts)}
    projections = [Projection.of(view, position, covariance) for view, covariance in of]
    for number, each in enumerate(projections):
        drawn = _stage(each, kept)
        traces += [{**trace, "visible": number == 0} for trace in drawn]
    flags = [tuple(i * len(drawn) <= j < (i + 1) * len(drawn) for j in range(len(traces))) for i in range(len(of))]
    projected = projections[0]
    counted, name = projected.axis, channel_title(channel, fit.channels)
    points = "standard deviations of what was measured" if projected.measured else "central 68.27 % Poisson intervals"
    observed = _data(projected)
    log = spans_decades(np.asarray(counted.edges))
    return Chart(
        traces=(*traces, observed),
        layout={
            "barmode": "stack",
            "bargap": 0,
            "xaxis": axis(words(counted.label), log=log),
            "yaxis": axis("measured" if projected.measured else "counts", rangemode="tozero"),
            "title": {"text": words(name)},
        },
        alt=f"counts of {name} along {counted.label}",
        caption=(
            f"{name} along {counted.label}. Points: the data with {points}; bars: samples, stacked; shaded: "
            "uncertainty of their sum, one standard deviation, after the fit from its covariance and before it from "
            f"the constraints alone, not calibrated with toys. {nature(fit, fit.data_kind)}"
        ),
        logarithmic=("y",),
        views=tuple((STAGES[s], (*shown, True)) for s, shown in zip(stages, flags, strict=True)) if len(of) > 1 else (),
        tables=((f"{file}_counts_{channel}_{counted.name}.csv", _table(fit, channel, projections)),),
        small=True,
    )


def _stage(projected: Projection, kept: Collection[str]) -> list[Trace]:
    """Stacked bars of the samples that are kept and the uncertainty of the sum of all."""
    edges = np.asarray(projected.axis.edges)
    place = {"x": numbers(0.5 * (edges[1:] + edges[:-1])), "width": numbers(np.diff(edges))}
    traces = []
    for number, (sample, counts) in enumerate(projected.samples.items()):
        if sample not in kept:
            continue
        said = {"name": words(readable(sample)), "text": _between(edges), "textposition": "none"}
        style = {"marker": {"color": COLOURS[number % OTHERS], "line": {"width": 0}, "opacity": 0.85}}
        bars = {"type": "bar", **place, "y": numbers(counts), **said, **style, "legendgroup": f"sample {number}"}
        traces.append({**bars, "hovertemplate": "%{text}: %{y:.4~g}"})
    steps = np.repeat(edges, 2)[1:-1]
    low, high = (np.repeat(projected.total + sign * projected.error, 2) for sign in (-1, 1))
    floor = np.repeat(np.minimum(projected.total, 0.0), 2)  # counts are not negative but where their sum is
    outline = [*steps, *steps[::-1]], [*np.maximum(low, floor), *high[::-1]]
    return [*traces, area("uncertainty", *outline, "rgba(128,128,128,0.45)", legendgroup="uncertainty")]


def _data(projected: Projection) -> Trace:
    """The data as points with their intervals, between the edges of the bins."""
    edges = np.asarray(projected.axis.edges)
    middle = np.sqrt(edges[1:] * edges[:-1]) if spans_decades(edges) else 0.5 * (edges[1:] + edges[:-1])
    low, high = projected.interval
    error = {
        "type": "data",
        "symmetric": False,
        "array": numbers(high - projected.observed),
        "arrayminus": numbers(projected.observed - low),
        "color": "ink",
        "thickness": 1.4,
        "width": 0,
    }
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "data",
        "x": numbers(middle),
        "y": numbers(projected.observed),
        "error_y": error,
        "marker": {"color": "ink", "size": 6},
        "text": _between(edges),
        "hovertemplate": "%{text}: %{y:.4~g}",
    }


def _table(fit: FitResult, channel: str, projections: Sequence[Projection]) -> Table:
    """The data with their intervals, then samples, sum and its error, after and before the fit."""
    first = projections[0]
    columns = {
        f"{first.axis.name} from": first.axis.edges[:-1],
        f"{first.axis.name} to": first.axis.edges[1:],
        **dict(zip(("observed", "lower", "upper"), (first.observed, *first.interval), strict=True)),
    }
    for stage, each in zip(("post-fit", "pre-fit"), projections, strict=False):
        columns |= {f"{stage} {sample}": counts for sample, counts in each.samples.items()}
        columns |= {f"{stage} total": each.total, f"{stage} error": each.error}
    rows = tuple(tuple(map(float, row)) for row in zip(*columns.values(), strict=True))
    return Table(f"{channel} along {first.axis.name} ({fit.data_kind} data)", tuple(columns), rows, labels=fit.labels())


def _between(edges: np.ndarray) -> list[str]:
    return [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
