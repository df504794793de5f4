"""Profile likelihoods of one parameter, those of several likelihoods in one chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from npinfer.core import wilks
from npinfer.core.result import Interval, Scan
from npinfer.plot.style import geometric
from npinfer.report.blocks import Chart
from npinfer.report.charts.parts import DASHES, Trace, area, axis, colour_of, faint, labels, line, title
from npinfer.report.marks import Mark, Marks, ends
from npinfer.report.nature import nature
from npinfer.report.text import listed, number, percent, spoken

LEVELS = (0.68, 0.95)
LOWEST = 1e-3  # of delta_twice_nll: where lines end that begin at 0, so that a logarithmic axis has them


def profile_chart(
    scans: Sequence[tuple[str, Scan]], intervals: Sequence[tuple[str, Interval]], marks: Marks
) -> Chart:
    """The profiles of (file, scan) with the thresholds of their intervals and what models predict.

    All scans are of the same single parameter, as the intervals are.
    """
    first = scans[0][1]
    (name,) = first.names
    quantity, shown = first.quantities[name], marks.of(name)
    said = labels(scans) if len(scans) > 1 else ["profile likelihood"]
    traces = [trace for i, (_, scan) in enumerate(scans) for trace in _curve(scan, said[i], i)]
    x = np.concatenate([scan.grid[name] for _, scan in scans])
    levels = _levels(x, [interval for _, interval in intervals])
    ceiling = _ceiling([scan for _, scan in scans], [max(v for v in t["y"] if v is not None) for t in levels])
    traces += [*levels, *_marks(shown, ceiling, len(scans))]
    log = geometric(first.grid[name])
    calibrated = listed(list(dict.fromkeys(f"{percent(i.cl)}: {i.calibration}" for _, i in intervals)))
    return Chart(
        traces=tuple(traces),
        layout={"xaxis": axis(title(quantity), log=log), "yaxis": axis("−2 Δln L (profile)", range=[0, ceiling])},
        alt=f"profile likelihood of {spoken(quantity)}",
        caption=(
            f"Profile likelihood of {spoken(quantity)}. Levels {listed([percent(cl) for cl in LEVELS])}: Wilks' "
            f"theorem with 1 degree of freedom, not calibrated with toys."
            + (f" Thresholds of the intervals, {calibrated}." if calibrated else "")
            + (f" Lines: {listed(list(shown))}{marks.explained}." if shown else "")
            + _held(scans, said)
            + " "
            + " ".join(dict.fromkeys(nature(scan, scan.data_kind) for _, scan in scans))
        ),
        logarithmic=(*(("x",) if x.min() > 0 else ()), "y"),
        files=tuple(f"{file}.csv" for file, _ in scans)
        + tuple(f"{file}_curve.csv" for file, interval in intervals if interval.curve.size),
    )


def _held(scans: Sequence[tuple[str, Scan]], said: Sequence[str]) -> str:
    """Which parameters were held, of each curve."""
    held = [", ".join(f"{k} = {number(v)}" for k, v in scan.fixed.items()) for _, scan in scans]
    told = [f"{label}: {values} held" for label, values in zip(said, held, strict=True) if values]
    return f" {'; '.join(told)}." if told else ""


def _curve(scan: Scan, label: str, index: int) -> list[Trace]:
    """The profile, a dot a grid point, and its best fit."""
    ((name, x),) = scan.grid.items()
    colour, dash = colour_of(index)
    group = {"legendgroup": f"scan {index}"}
    curve = line(label, x, scan.delta_twice_nll, colour, dash=dash, mode="lines+markers", marker={"size": 4}, **group)
    best = line(label, [scan.best[name]], [0.0], colour, mode="markers", **group)
    more = {"marker": {"size": 11, "symbol": "star", "color": colour}, "showlegend": False, "cliponaxis": False}
    return [curve, {**best, **more, "hovertemplate": "best fit %{x:.4~g}"}]


def _levels(x: np.ndarray, intervals: Sequence[Interval]) -> list[Trace]:
    """Wilks' thresholds, and those that the intervals used."""
    traces = []
    for cl, dash in zip(LEVELS, ("dot", "dash"), strict=True):
        height = wilks.threshold(cl)
        traces.append(line(f"{percent(cl)}, Wilks", [x.min(), x.max()], [height] * 2, "soft", width=1, dash=dash))
    for index, one in enumerate(intervals):
        curve = one.curve if one.curve.size else np.array([[x.min(), x.max()], [np.nan] * 2, [one.threshold] * 2])
        inside = (curve[0] >= x.min()) & (curve[0] <= x.max())
        name = f"{percent(one.cl)} interval, threshold"
        dash = DASHES[(index + 3) % len(DASHES)]
        traces.append(line(name, curve[0][inside], curve[2][inside], "ink", width=1.2, dash=dash))
    return [t for t in traces if any(v is not None for v in t["y"])]


def _marks(shown: Mapping[str, Mark], ceiling: float, first: int) -> list[Trace]:
    """A line at each prediction, over its band; first: the number of the first colour that is free."""
    traces = []
    for index, (name, mark) in enumerate(shown.items()):
        value, low, high = ends(mark)
        colour, dash = colour_of(first + index)[0], DASHES[index % len(DASHES)]
        group = {"legendgroup": f"mark {index}"}
        upright = [LOWEST, ceiling]
        traces.append(line(name, [value] * 2, upright, colour, width=1.6, dash=dash, **group))
        traces[-1]["hovertemplate"] = "%{x:.4~g}"
        if high > low:
            corners = [low, low, high, high], [LOWEST, ceiling, ceiling, LOWEST]
            traces.append(area(name, *corners, faint(colour, 0.2), showlegend=False, **group))
    return traces


def _ceiling(scans: Sequence[Scan], levels: Sequence[float]) -> float:
    """Where the chart ends: above the highest level, below the far ends of the curves."""
    finite = np.concatenate([s.delta_twice_nll[np.isfinite(s.delta_twice_nll)] for s in scans])
    highest = float(finite.max()) if len(finite) else 0.0
    return 1.05 * max(min(highest, 2.5 * max(levels)), 1.2 * max(levels))
