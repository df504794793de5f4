"""Limits, exclusions, intervals and tests along a configuration, those of several likelihoods in one chart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npinfer.core.result import Quantity, Repeated
from npinfer.core.result.limit import NAMES
from npinfer.plot.labels import seen
from npinfer.plot.style import spans_decades
from npinfer.report.blocks import Chart
from npinfer.report.charts.p_values import expected_bands
from npinfer.report.charts.parts import Trace, axis, band, colour_of, faint, labels, line, title
from npinfer.report.nature import nature
from npinfer.report.text import percent, spoken

WORDS = {
    "limit": "{} upper limits of {}",
    "exclusion": "Values of {1} excluded at {0}, from the lowest to the highest",
    "interval": "{} intervals of {}, from the lowest to the highest end",
    "significance": "p-values, one-sided, of a test for {1}",
}


def over_chart(repeated: Sequence[tuple[str, Repeated]]) -> Chart:
    """What each (file, result) of one question says along its configuration; expected bands of the first alone."""
    first = repeated[0][1]
    about, said = first.quantity or Quantity(""), labels(repeated) if len(repeated) > 1 else [""]
    traces = [t for i, (_, one) in enumerate(repeated) for t in DRAWN[first.asked](one, said[i], i)]
    values = [v for trace in traces for v in trace["y"] if v is not None]
    x = np.concatenate([one.numbers(one.key) for _, one in repeated])
    several = _several(repeated)
    missing = sum(int(np.isnan(_main(one)).sum()) for _, one in repeated)
    how = f" ({first.calibration})" if first.calibration else ""
    shown = Quantity("p", label="p") if first.asked == "significance" else about
    gaps = f" No value at {missing} of {len(x)} points: gaps, explained in the table." if missing else ""
    return Chart(
        traces=tuple(traces),
        layout={
            "xaxis": axis(title(first.axis), log=x.min() > 0 and spans_decades(np.sort(x))),
            "yaxis": axis(title(shown), log=bool(values) and spans_decades(np.array([min(values), max(values)]))),
        },
        alt=f"{first.asked} of {spoken(about)} along {spoken(first.axis)}",
        caption=(
            f"{WORDS[first.asked].format(percent(first.cl), spoken(about))} along {spoken(first.axis)}{how}; "
            f"local: nothing corrects for the number of values.{several}{gaps} "
            + " ".join(dict.fromkeys(nature(o, o.data_kind) for _, o in repeated))
        ),
        logarithmic=(
            *(("x",) if x.min() > 0 else ()),
            *(("y",) if values and min(values) > 0 else ()),
        ),
        files=tuple(f"{file}.csv" for file, _ in repeated),
        height=460,
    )


def _main(one: Repeated) -> np.ndarray:
    """The column without which a row says nothing."""
    known = {"limit": f"{_name(one)} observed", "exclusion": "from", "interval": _name(one), "significance": "p"}
    return one.numbers(known[one.asked])


def _several(repeated: Sequence[tuple[str, Repeated]]) -> str:
    pieces = [one.numbers("segments") for _, one in repeated]
    count = sum(int((p > 1).sum()) for p in pieces)
    points = sum(map(len, pieces))
    return f" At {count} of {points} points there are several pieces, with gaps that are not drawn." if count else ""


def _name(one: Repeated) -> str:
    return one.quantity.name if one.quantity else ""


def _limits(one: Repeated, label: str, number: int) -> list[Trace]:
    """The observed limit, over what was expected."""
    x = one.numbers(one.key)
    expected = np.stack([one.numbers(name) for name in NAMES])
    colour, dash = colour_of(number)
    bands = expected_bands(x, expected) if number == 0 else []
    name = f"{label}, observed" if label and one.data_kind == "observed" else label or seen(one.data_kind)
    curve = line(name, x, _main(one), "ink" if not label else colour, dash=dash)
    return [*bands, {**curve, "mode": "lines+markers", "marker": {"size": 5}}]


def _exclusions(one: Repeated, label: str, number: int) -> list[Trace]:
    """The hull of what is excluded, its lower edge as a line, and where that was expected."""
    x, low, high = one.numbers(one.key), one.numbers("from"), one.numbers("to")
    colour, dash = colour_of(number)
    hull = band(f"{label}, excluded".strip(", "), x, low, high, faint(colour, 0.22))
    edge = line(f"{label}, excluded from here".strip(", "), x, low, colour, dash=dash, mode="lines+markers")
    expected = one.numbers("from expected median")
    median = line(f"{label}, expected from here".strip(", "), x, expected, "soft", dash="dash")
    return [hull, {**edge, "marker": {"size": 5}}, *([median] if any(v is not None for v in median["y"]) else [])]


def _intervals(one: Repeated, label: str, number: int) -> list[Trace]:
    """The best fit inside its interval."""
    x, colour = one.numbers(one.key), colour_of(number)[0]
    inside = band(f"{label}, interval".strip(", "), x, one.numbers("lower"), one.numbers("upper"), faint(colour, 0.25))
    best = line(f"{label}, best fit".strip(", "), x, _main(one), colour, mode="lines+markers", marker={"size": 5})
    return [inside, best]


def _tests(one: Repeated, label: str, number: int) -> list[Trace]:
    """The asymptotic p-value, and that of toys where there are any."""
    x, (colour, dash) = one.numbers(one.key), colour_of(number)
    more = {"mode": "lines+markers", "marker": {"size": 5}}
    asymptotic = line(f"{label}, asymptotic".strip(", "), x, _main(one), colour, dash=dash, **more)
    toys = line(f"{label}, toys".strip(", "), x, one.numbers("toy p"), "ink", dash=dash, **more)
    return [trace for trace in (asymptotic, toys) if any(v is not None for v in trace["y"])]


DRAWN = {"limit": _limits, "exclusion": _exclusions, "interval": _intervals, "significance": _tests}
