"""Pulls of the constrained parameters."""

from __future__ import annotations

from npinfer.core.result import FitResult
from npinfer.core.table import Table
from npinfer.plot.style import COLOURS
from npinfer.report.blocks import Chart
from npinfer.report.charts.parts import axis, numbers, words
from npinfer.report.nature import nature
from npinfer.report.text import readable

ROW = 24  # pixels


def pulls_chart(fit: FitResult, file: str) -> Chart:
    """A point a parameter, the first on top, over the bands of one and two standard deviations."""
    names = list(fit.pulls)[::-1]
    rows = list(range(len(names)))
    pulls = [fit.pulls[n] for n in names]
    errors = [fit.pull_errors[n] for n in names]
    points = {
        "type": "scatter",
        "mode": "markers",
        "name": "pull",
        "x": numbers(pulls),
        "y": rows,
        "text": [words(n) for n in names],
        "marker": {"color": COLOURS[0], "size": 7},
        "error_x": {"type": "data", "array": numbers(errors), "color": COLOURS[0], "thickness": 1.6, "width": 0},
        "hovertemplate": "%{text}<br>%{x:.3~g} ± %{error_x.array:.3~g}<extra></extra>",
        "showlegend": False,
    }
    reach = max(2.5, *(abs(p) + (e if e == e else 0.0) for p, e in zip(pulls, errors, strict=True)))
    bands = [
        {"type": "rect", "xref": "x", "yref": "paper", "x0": -n, "x1": n, "y0": 0, "y1": 1, "layer": "below"}
        | {"line": {"width": 0}, "fillcolor": "rgba(128,128,128,0.14)"}
        for n in (1, 2)
    ]
    return Chart(
        traces=(points,),
        layout={
            "shapes": bands,
            "xaxis": axis("pull [σ of the constraint]", range=[-1.08 * reach, 1.08 * reach]),
            "yaxis": named_rows([readable(n) for n in names]),
        },
        alt="pulls of the constrained parameters",
        caption=(
            "Pulls of the constrained parameters, in standard deviations of their constraints; bars: errors after the "
            f"fit (one standard deviation, from the covariance). {nature(fit, fit.data_kind)}"
        ),
        tables=((f"{file}_pulls.csv", _table(fit)),),
        height=110 + ROW * len(names),
    )


def _table(fit: FitResult) -> Table:
    rows = tuple((name, pull, fit.pull_errors[name]) for name, pull in fit.pulls.items())
    title = f"pulls of {fit.description.title} ({fit.data_kind} data)"
    return Table(title, ("parameter", "pull", "error"), rows, labels=fit.labels())


def named_rows(names: list[str]) -> dict[str, object]:
    """An axis of whole numbers that shows names, the first at 0; long ones are cut."""
    cut = [name if len(name) <= 24 else f"{name[:23]}…" for name in names]
    ticks = {"tickvals": list(range(len(names))), "ticktext": [words(name) for name in cut]}
    return {**axis(""), **ticks, "range": [-0.7, len(names) - 0.3], "zeroline": False, "automargin": True}
