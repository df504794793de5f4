"""p-values of tested values of one parameter: limits and exclusions."""

from __future__ import annotations

import math

import numpy as np

from npinfer.core.result import Exclusion, Limit
from npinfer.plot.labels import seen
from npinfer.plot.style import COLOURS, geometric
from npinfer.report.blocks import Chart
from npinfer.report.charts.parts import Trace, area, axis, band, line, title
from npinfer.report.nature import nature
from npinfer.report.text import percent, spoken

BANDS = ((0, 4, "expected ±2σ", "rgba(230,159,0,0.22)"), (1, 3, "expected ±1σ", "rgba(0,158,115,0.32)"))


def p_value_chart(result: Limit | Exclusion, file: str) -> Chart:
    """p on the tested values, observed and expected, with the level below which a value is excluded."""
    limit = isinstance(result, Limit)
    x, curve = (result.tested, "scan") if isinstance(result, Limit) else (result.grid, "grid")
    order = np.argsort(x)
    x, p, about = x[order], result.p[order], result.quantity
    traces = expected_bands(x, result.p_expected[:, order]) if len(result.p_expected) == 5 else []
    traces.append(line(seen(result.data_kind), x, p, "ink", mode="lines+markers", marker={"size": 5}))
    level = 1 - result.cl
    traces.append(line(f"excluded below {level:.3g}", [x[0], x[-1]], [level] * 2, COLOURS[5], width=1.3, dash="dash"))
    excluded = [] if isinstance(result, Limit) else result.segments
    traces += [_excluded(s.lower, s.upper, number) for number, s in enumerate(excluded)]
    if isinstance(result, Limit) and math.isfinite(result.observed):
        traces.append(line("limit", [result.observed] * 2, [1e-4, 1.0], COLOURS[0], width=1.3, dash="dot"))
        traces[-1]["hovertemplate"] = "%{x:.4~g}"
    what = f"{percent(result.cl)} {'upper limit' if limit else 'exclusion'} of {spoken(about)}"
    return Chart(
        traces=tuple(traces),
        layout={
            "xaxis": axis(title(about), log=geometric(x)),
            "yaxis": axis(result.p_name, range=[0, 1.02]),
        },
        alt=what,
        caption=f"{what}: {result.describe()}. {nature(result, result.data_kind)}",
        logarithmic=(*(("x",) if x[0] > 0 else ()), "y"),
        files=(f"{file}_{curve}.csv",),
    )


def expected_bands(x: np.ndarray, bands: np.ndarray) -> list[Trace]:
    """Bands of two and one standard deviations and the median, of (5, points); those that are all gaps are left out."""
    traces = [band(name, x, bands[i], bands[j], colour) for i, j, name, colour in BANDS]
    traces.append(line("expected median", x, bands[2], "soft", dash="dash", width=1.6))
    return [trace for trace in traces if any(v is not None for v in trace["y"])]


def _excluded(lower: float, upper: float, number: int) -> Trace:
    """A piece of what is excluded, as a strip over the whole height."""
    corners = [lower, lower, upper, upper], [1e-4, 1.0, 1.0, 1e-4]
    shown = {"showlegend": number == 0, "legendgroup": "excluded"}
    return area("excluded", *corners, "rgba(213,94,0,0.14)", **shown)
