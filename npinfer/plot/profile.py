"""The profile likelihood of one parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npinfer.core import wilks
from npinfer.core.result import Scan
from npinfer.errors import ConfigurationError
from npinfer.plot.labels import percent, plain, quantity_label, small_print
from npinfer.plot.style import COLOURS, GREY, INK, dress, geometric, new_figure, print_small, publication
from npinfer.plot.ticks import log_scale

MARK_LINES = ((0, (6, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)), (0, (3, 1.5)))
Mark = float | tuple[float, float, float]


def plot_profile(
    scan: Scan, *, cl: Sequence[float] = (0.68, 0.95), marks: Mapping[str, Mark] | None = None
) -> tuple[Figure, Axes]:
    """Draw delta_twice_nll of a scan of one parameter, a dot a grid point, the threshold of each cl and the best fit.

    marks: named values of the parameter, such as those of source models, or (value, lower, upper) with a band.
    The curve has a gap where a point was not computed or is not allowed. Raises ConfigurationError for a scan of more
    than one parameter and for a cl outside (0, 1).
    """
    if len(scan.names) != 1:
        found = ", ".join(scan.names)
        raise ConfigurationError(f"a profile is drawn for one parameter; this scan has {found}: draw its contour")
    (name,) = scan.names
    x, height = scan.grid[name], scan.delta_twice_nll
    shown = np.where(np.isfinite(height), height, np.nan)
    with publication():
        figure = new_figure(5.6, 4.4, scan.description.title)
        axes = dress(figure.add_subplot())
        axes.plot(x, shown, "-", marker=".", markersize=3.5, color=COLOURS[0], label="profile likelihood", zorder=3)
        thresholds = [wilks.threshold(level) for level in cl]
        for level, threshold in zip(cl, thresholds, strict=True):
            _draw_threshold(axes, level, threshold)
        if geometric(x):
            log_scale(axes.xaxis)
        _draw_marks(axes, x, marks or {})
        _mark_best(axes, x, scan.best[name])
        axes.set_xlim(*_limits(x))
        axes.set_ylim(0.0, _ceiling(shown, thresholds))
        axes.set_xlabel(quantity_label(scan.quantities[name]))
        axes.set_ylabel(r"$-2\,\Delta\ln L$ (profile)")
        axes.legend(loc="best")
        print_small(figure, [*small_print(scan, scan.data_kind), *_notes(scan)])
    return figure, axes


def _draw_threshold(axes: Axes, cl: float, threshold: float) -> None:
    axes.axhline(threshold, color=GREY, linewidth=0.9, linestyle=(0, (5, 3)), zorder=1)
    axes.annotate(
        percent(cl),
        (1.0, threshold),
        (-10, 2),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="bottom",
        color=GREY,
        fontsize=9.5,
    )


def _draw_marks(axes: Axes, x: np.ndarray, marks: Mapping[str, Mark]) -> None:
    """A line at each value, whole where it lies on the frame, over a band where the value has one."""
    for index, (name, mark) in enumerate(marks.items()):
        value, *band = mark if isinstance(mark, tuple) else (mark,)
        colour = COLOURS[(index + 1) % len(COLOURS)]
        outside = not x.min() <= value <= x.max()
        if band:
            axes.axvspan(*band, color=colour, alpha=0.2, linewidth=0, zorder=0.5)
        axes.axvline(
            value,
            color=colour,
            linestyle=MARK_LINES[index % len(MARK_LINES)],
            linewidth=1.6,
            clip_on=outside,
            label=f"{plain(name)}: {value:.3g}" + (", outside the grid" if outside else ""),
            zorder=2,
        )


def _mark_best(axes: Axes, x: np.ndarray, best: float) -> None:
    outside = not x.min() <= best <= x.max()  # then clipped; otherwise whole, although it lies on the frame
    label = f"best fit {best:.3g}" + (", outside the grid" if outside else "")
    axes.plot([best], [0.0], marker="o", linestyle="", color=INK, markersize=6, clip_on=outside, zorder=4, label=label)


def _limits(x: np.ndarray) -> tuple[float, float]:
    low, high = float(x.min()), float(x.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _ceiling(shown: np.ndarray, thresholds: Sequence[float]) -> float:
    """Room for the highest threshold; a curve that climbs far above it leaves the picture."""
    finite = shown[np.isfinite(shown)]
    top, curve = max(thresholds, default=1.0), float(finite.max()) if finite.size else 0.0
    return max(1.25 * top, min(1.05 * curve, 2.5 * top))


def _notes(scan: Scan) -> list[str]:
    """What the picture cannot show."""
    height = scan.delta_twice_nll
    missing, forbidden = int(np.isnan(height).sum()), int(np.isinf(height).sum())
    notes = ["dashed: Wilks' theorem, 1 degree of freedom; not calibrated with toys"]
    notes += [f"{missing} of {height.size} points not computed"] if missing else []
    notes += [f"{forbidden} of {height.size} points not allowed"] if forbidden else []
    return notes + ([scan.message] if scan.message else [])
