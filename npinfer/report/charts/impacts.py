"""What nuisance parameters do to the parameter of interest."""

from __future__ import annotations

import math

from npinfer.core.result import Impacts
from npinfer.plot.impacts import DOWN, UP
from npinfer.report.blocks import Chart
from npinfer.report.charts.parts import Trace, axis, numbers, title, words
from npinfer.report.charts.pulls import ROW, named_rows
from npinfer.report.nature import nature
from npinfer.report.text import readable, spoken

LONGEST = 20  # parameters of a chart; the download has them all


def impacts_chart(result: Impacts, file: str) -> Chart:
    """The strongest parameters, the first on top: shifts of the parameter of interest after and before the fit."""
    shown = result.parameters[:LONGEST][::-1]
    about = result.quantities[result.poi]
    bars = [
        _bars("held at −1σ", [p.down for p in shown], DOWN, [p.name for p in shown]),
        _bars("held at +1σ", [p.up for p in shown], UP, [p.name for p in shown]),
        *(
            {**_bars(f"{name}, before the fit", shifts, "rgba(0,0,0,0)", [p.name for p in shown]), **_outline(colour)}
            for name, shifts, colour in (
                ("held at −1σ", [p.prefit_down for p in shown], DOWN),
                ("held at +1σ", [p.prefit_up for p in shown], UP),
            )
            if any(not math.isnan(s) for s in shifts)
        ),
    ]
    left = len(result.parameters) - len(shown)
    more = f" The {left} weakest of {len(result.parameters)} parameters are in the table alone." if left else ""
    return Chart(
        traces=tuple(bars),
        layout={
            "barmode": "overlay",
            "xaxis": axis(f"shift of {title(about)}"),
            "yaxis": named_rows([readable(p.name) for p in shown]),
        },
        alt=f"impacts on {spoken(about)}",
        caption=(
            f"Shift of {spoken(about)} where each parameter is held one standard deviation below or above its best fit "
            f"and all others are fitted again: after the fit, and with the error of its constraint.{more} Not "
            f"calibrated with toys. {nature(result, result.data_kind)}"
        ),
        files=(f"{file}.csv",),
        height=150 + ROW * len(shown),
    )


def _bars(name: str, shifts: list[float], colour: str, names: list[str]) -> Trace:
    rows = list(range(len(shifts)))
    base = {"type": "bar", "orientation": "h", "name": words(name), "x": numbers(shifts), "y": rows, "width": 0.7}
    said = {"text": [words(n) for n in names], "textposition": "none", "hovertemplate": "%{text}: %{x:.3~g}"}
    return {**base, **said, "marker": {"color": colour}}


def _outline(colour: str) -> Trace:
    return {"marker": {"color": "rgba(0,0,0,0)", "line": {"color": colour, "width": 1.3}}, "visible": "legendonly"}
