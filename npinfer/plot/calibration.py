"""Critical values, and how often the intervals that use them contain the truth."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npinfer.core import wilks
from npinfer.core.result import Calibration, Coverage
from npinfer.errors import ConfigurationError
from npinfer.plot.labels import percent, plain, quantity_label, small_print
from npinfer.plot.style import COLOURS, GREY, INK, dress, new_figure, print_small, publication

LEVELS = (0.68, 0.90, 0.95)


def plot_calibration(calibration: Calibration, *, cl: float = 0.90) -> tuple[Figure, Axes]:
    """Draw critical values: at three levels against one parameter, or at `cl` as a map of two.

    Bands are what the number of toys leaves open, dashed lines Wilks' theorem. Raises ConfigurationError for a
    calibration of more than two parameters.
    """
    if len(calibration.names) > 2:
        found = ", ".join(calibration.names)
        raise ConfigurationError(f"a calibration is drawn for one or two parameters; this one has {found}")
    with publication():
        figure = new_figure(5.8, 4.5, calibration.description.title)
        axes = dress(figure.add_subplot())
        if len(calibration.names) == 1:
            _draw_curves(axes, calibration)
        else:
            _draw_map(figure, axes, calibration, cl)
        print_small(figure, [*small_print(calibration, calibration.data_kind), calibration.how()])
    return figure, axes


def _draw_curves(axes: Axes, calibration: Calibration) -> None:
    ((name, x),) = calibration.grid.items()
    for colour, level in zip(COLOURS, LEVELS, strict=False):
        critical, (low, high) = calibration.critical(level), calibration.critical_range(level)
        axes.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
        axes.plot(x, critical, "-", marker="." if len(x) < 100 else "", color=colour, label=percent(level))
        axes.axhline(wilks.threshold(level), color=colour, linewidth=0.9, linestyle=(0, (5, 3)))
    finite = calibration.critical(LEVELS[-1])
    finite = finite[np.isfinite(finite)]
    axes.set_xlim(float(x.min()), float(x.max()))
    axes.set_ylim(0.0, 1.35 * max(float(finite.max(initial=0.0)), wilks.threshold(LEVELS[-1])))
    axes.set_xlabel(quantity_label(calibration.quantities[name]))
    axes.set_ylabel(r"critical value of $-2\,\Delta\ln L$")
    axes.plot([], [], color=GREY, linewidth=0.9, linestyle=(0, (5, 3)), label="Wilks' theorem")
    axes.legend(loc="upper right", ncols=2)


def _draw_map(figure: Figure, axes: Axes, calibration: Calibration, cl: float) -> None:
    (first, x), (second, y) = calibration.grid.items()
    image = axes.pcolormesh(x, y, calibration.critical(cl).T, shading="nearest", cmap="cividis")
    label = f"critical value, {percent(cl)} joint (Wilks {wilks.threshold(cl, 2):.3g})"
    figure.colorbar(image, ax=axes, label=label)
    axes.set_xlabel(quantity_label(calibration.quantities[first]))
    axes.set_ylabel(quantity_label(calibration.quantities[second]))


def plot_coverage(coverage: Coverage) -> tuple[Figure, Axes]:
    """Draw the coverage of every setting, calibrated and by Wilks' theorem, beside the levels it should have."""
    settings = list(dict.fromkeys(row.setting for row in coverage.rows))
    levels = sorted({row.cl for row in coverage.rows})
    with publication():
        figure = new_figure(7.6, 2.4 + 0.34 * len(settings), coverage.description.title)
        axes = dress(figure.add_subplot())
        for colour, level in zip(COLOURS, levels, strict=False):
            axes.axvline(100 * level, color=colour, linewidth=0.9, linestyle=(0, (5, 3)))
            rows = [row for row in coverage.rows if row.cl == level]
            heights = -np.array([settings.index(row.setting) for row in rows], dtype=float)
            if rows[0].calibrated is not None:
                _draw_tails(axes, [r.calibrated for r in rows], heights + 0.12, colour, f"{percent(level)}, calibrated")
            _draw_tails(axes, [r.wilks for r in rows], heights - 0.12, colour, f"{percent(level)}, Wilks", open_=True)
        axes.set_yticks(-np.arange(len(settings), dtype=float), [plain(s) for s in settings])
        axes.tick_params(axis="y", which="both", length=0)
        axes.set_ylim(0.6 - len(settings), 0.6)
        axes.set_xlabel("intervals that contain the truth [%]")
        axes.axhline(-0.5, color=INK, linewidth=0.4)
        figure.legend(loc="outside right upper")
        how = f"truth: {coverage.quantity.name} = {coverage.truth:.4g}; {coverage.how()}; bars: 68.27 % Clopper–Pearson"
        print_small(figure, [*small_print(coverage, coverage.data_kind), how])
    return figure, axes


def _draw_tails(axes: Axes, tails: list, heights: np.ndarray, colour: str, label: str, *, open_: bool = False) -> None:
    value, low, high = (100 * np.array([getattr(t, end) for t in tails]) for end in ("value", "lower", "upper"))
    face = "white" if open_ else colour
    bars = np.array([value - low, high - value])
    axes.errorbar(
        value, heights, xerr=bars, fmt="o", color=colour, markerfacecolor=face, markersize=4.5, capsize=2, label=label
    )
