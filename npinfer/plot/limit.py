"""Limits: p against the parameter with its expected bands, and excluded segments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npinfer.core.result import Exclusion, Limit, Segment
from npinfer.errors import ConfigurationError
from npinfer.plot.labels import percent, quantity_label, seen, small_print
from npinfer.plot.style import (
    COLOURS,
    GREY,
    INK,
    dress,
    geometric,
    lighten,
    new_figure,
    print_small,
    publication,
)
from npinfer.plot.ticks import log_scale

INNER, OUTER = lighten(COLOURS[2], 0.25), lighten(COLOURS[6], 0.25)  # the ±1σ and ±2σ bands: green and yellow


def plot_limit(limit: Limit) -> tuple[Figure, Axes]:
    """Draw p (CLs, or p of signal and background) of a limit against its parameter, with the expected bands.

    The limit is where the curve falls below 1 − cl. Raises ConfigurationError for a limit without tested values.
    """
    if not len(limit.tested):
        raise ConfigurationError("nothing to draw: this limit comes from a posterior density; plot the posterior")
    with publication():
        figure, axes = _frame(limit)
        _draw_p(axes, limit.tested, limit, "." if len(limit.tested) < 100 else "")
        _draw_level(axes, limit.cl)
        if np.isfinite(limit.observed):
            label = f"limit {limit.observed:.3g}"
            axes.plot([limit.observed], [1 - limit.cl], "o", color=COLOURS[5], markersize=6, zorder=5, label=label)
        axes.set_xlim(limit.background, limit.tested[-1])
        axes.set_ylim(0.0, 1.05)
        _finish(figure, axes, limit, ["curve below the dotted line: excluded"])
    return figure, axes


def plot_exclusion(exclusion: Exclusion) -> tuple[Figure, Axes]:
    """Draw p of an exclusion on its grid, the excluded segments and those expected (median) as bars above."""
    with publication():
        figure, axes = _frame(exclusion)
        _draw_p(axes, exclusion.grid, exclusion, "")
        _draw_level(axes, exclusion.cl)
        _draw_segments(axes, exclusion.segments, 1.06, COLOURS[5], "excluded")
        _draw_segments(axes, exclusion.expected[2] if exclusion.expected else (), 1.13, INK, "expected to be excluded")
        if geometric(exclusion.grid):
            log_scale(axes.xaxis)
        axes.set_xlim(exclusion.grid[0], exclusion.grid[-1])
        axes.set_ylim(0.0, 1.2)
        _finish(figure, axes, exclusion, ["nothing is said of values beyond the grid"])
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=3)
    return figure, axes


def _frame(result: Limit | Exclusion) -> tuple[Figure, Axes]:
    figure = new_figure(5.8, 4.5, result.description.title)
    axes = dress(figure.add_subplot())
    axes.set_xlabel(quantity_label(result.quantity))
    axes.set_ylabel({"CLs": r"CL$_\mathrm{s}$"}.get(result.p_name, "p of signal and background"))
    return figure, axes


def _draw_p(axes: Axes, x: np.ndarray, result: Limit | Exclusion, marker: str) -> None:
    draw_bands(axes, x, result.p_expected)
    axes.plot(x, result.p, "-", marker=marker, markersize=4, color=INK, label=seen(result.data_kind), zorder=4)


def draw_bands(axes: Axes, x: np.ndarray, bands: np.ndarray) -> None:
    """±2σ, ±1σ and the median, (5, points), as far as they are known."""
    if len(bands) != 5 or not np.isfinite(bands[2]).any():
        return
    if np.isfinite(bands[0]).any():
        axes.fill_between(x, bands[0], bands[4], color=OUTER, linewidth=0, label="expected ±2σ", zorder=1)
        axes.fill_between(x, bands[1], bands[3], color=INNER, linewidth=0, label="expected ±1σ", zorder=1.2)
    axes.plot(x, bands[2], linestyle=(0, (5, 2)), color=INK, linewidth=1.1, label="expected median", zorder=3)


def _draw_segments(axes: Axes, segments: Sequence[Segment], height: float, colour: str, label: str) -> None:
    for i, s in enumerate(segments):
        name = label if i == 0 else None
        axes.plot([s.lower, s.upper], [height] * 2, color=colour, linewidth=4, solid_capstyle="butt", label=name)


def _draw_level(axes: Axes, cl: float) -> None:
    axes.axhline(1 - cl, color=GREY, linewidth=0.9, linestyle=(0, (1, 1.5)), zorder=3)
    axes.annotate(
        f"{percent(cl)} CL",
        (1.0, 1 - cl),
        (-8, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="bottom",
        color=GREY,
        fontsize=9.5,
    )


def _finish(figure: Figure, axes: Axes, result: Limit | Exclusion, notes: list[str]) -> None:
    axes.legend(loc="upper right")
    said = [result.calibration, *expected_from(result), *notes, *([result.message] if result.message else [])]
    print_small(figure, [*small_print(result, result.data_kind), *said])


def expected_from(result: Limit | Exclusion) -> list[str]:
    """What the expected limits rest on, a line if there are any."""
    source = result.expected_from if isinstance(result, Limit) else "Asimov data" if result.expected else ""
    return [f"expected: from {source}"] if source else []
