"""An interval on the profile that it was read from."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npinfer.core.result import Interval
from npinfer.plot.labels import percent, quantity_label, small_print
from npinfer.plot.style import COLOURS, INK, dress, new_figure, print_small, publication

MARGIN = 0.35  # of the interval's width, on either side


def plot_interval(interval: Interval) -> tuple[Figure, Axes]:
    """Draw the profile of one parameter, its threshold, and the pieces below it as a band."""
    x, heights, threshold = interval.curve
    with publication():
        figure = new_figure(5.6, 4.4, interval.description.title)
        axes = dress(figure.add_subplot())
        shown = np.where(np.isfinite(heights), heights, np.nan)
        axes.plot(x, shown, "-", marker=".", markersize=3.5, color=COLOURS[0], label="profile likelihood", zorder=3)
        axes.plot(x, threshold, color=COLOURS[5], linestyle=(0, (5, 3)), label=f"threshold, {percent(interval.cl)}")
        for i, piece in enumerate(interval.segments):
            label = f"{percent(interval.cl)} interval" if i == 0 else None
            axes.axvspan(piece.lower, piece.upper, color=COLOURS[4], alpha=0.3, linewidth=0, label=label, zorder=0)
        best = f"best fit {interval.best:.3g}"
        axes.plot([interval.best], [0.0], "o", color=INK, clip_on=False, zorder=4, label=best)
        if x.size:
            axes.set_xlim(*_window(interval, x))
        highest = float(threshold.max(initial=1.0, where=threshold < 1e6))
        axes.set_ylim(0.0, 2.5 * highest)
        axes.set_xlabel(quantity_label(interval.quantity))
        axes.set_ylabel(r"$-2\,\Delta\ln L$ (profile)")
        axes.legend(loc="best")
        print_small(figure, [*small_print(interval, interval.data_kind), interval.describe()])
    return figure, axes


def _window(interval: Interval, x: np.ndarray) -> tuple[float, float]:
    """The interval with a margin, inside the curve."""
    low, high = float(x.min()), float(x.max())
    if not interval.segments:
        return low, high
    margin = MARGIN * (interval.upper - interval.lower or 1e-3 * (high - low))
    return max(low, interval.lower - margin), min(high, interval.upper + margin)
