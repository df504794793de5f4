"""The ranking of parameters: pulls beside impacts, then groups."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npinfer.core.result import Impact, Impacts, Part
from npinfer.errors import InferenceError
from npinfer.plot.labels import plain, quantity_label, small_print, typeset
from npinfer.plot.style import COLOURS, INK, dress, lighten, new_figure, print_small, publication

LONGEST = 25  # parameters drawn
DOWN, UP = COLOURS[1], COLOURS[0]
HALF = 0.36  # of a bar's height


def plot_impacts(result: Impacts, *, longest: int = LONGEST) -> tuple[Figure, dict[str, Axes]]:
    """Draw the strongest parameters from the top: their pulls on the left, on the right how the fit moves with them.

    Filled bars: the parameter at ±1 post-fit σ; outlines: at ±1 σ of its constraint. Below: the groups and the split of
    the total error. longest: how many parameters. Returns {"pulls", "impacts", "groups": axes}. Raises InferenceError
    where no parameter but the one of interest is free.
    """
    shown = result.parameters[:longest]
    if not shown:
        raise InferenceError(f"no impact to draw: no parameter but {result.poi} is free")
    parts = (*result.groups, result.statistical, result.systematic)
    with publication():
        figure = new_figure(8.6, 2.4 + 0.27 * (len(shown) + len(parts)), result.description.title)
        grid = figure.add_gridspec(2, 2, width_ratios=(1, 1.6), height_ratios=(len(shown), len(parts)))
        right = figure.add_subplot(grid[0, 1])
        panels = {"pulls": figure.add_subplot(grid[0, 0]), "impacts": right}
        panels["groups"] = figure.add_subplot(grid[1, 1], sharex=right)
        for axes in panels.values():
            dress(axes).tick_params(axis="y", which="both", length=0)
        _draw_pulls(panels["pulls"], shown, [typeset(result.quantities[p.name].label, p.name) for p in shown])
        _draw_shifts(right, shown)
        _draw_parts(panels["groups"], parts)
        _scale(panels, result)
        corner = figure.add_subplot(grid[1, 0])
        corner.set_axis_off()
        corner.legend(*right.get_legend_handles_labels(), loc="center", borderpad=0.0)
        left_out = len(result.parameters) - len(shown)
        notes = [f"{left_out} weaker parameters are in the table"] if left_out else []
        notes += [f"{typeset('', p.name)}: {p.note}" for p in shown if p.note]
        notes += [f"{parts[-2].name}: all nuisance parameters held; groups: √(σ² − σ² with the group held)"]
        print_small(figure, [*small_print(result, result.data_kind), result.describe(), *notes, result.message])
    return figure, panels


def _heights(rows: Sequence[object]) -> np.ndarray:
    return -np.arange(len(rows), dtype=float)


def _draw_pulls(axes: Axes, shown: Sequence[Impact], labels: list[str]) -> None:
    """Pulls with their errors on bands of ±1 and ±2; parameters without a constraint have none."""
    axes.axvspan(-2, 2, color=lighten(COLOURS[4], 0.8), linewidth=0, zorder=0)
    axes.axvspan(-1, 1, color=lighten(COLOURS[4], 0.5), linewidth=0, zorder=0)
    axes.axvline(0.0, color=INK, linewidth=0.7, linestyle=":")
    y, pulls = _heights(shown), np.array([p.pull for p in shown])
    errors = np.array([p.pull_error for p in shown])
    axes.errorbar(pulls, y, xerr=errors, fmt="o", color=INK, markersize=4.5, capsize=2.5, linewidth=1.2)
    for height, p in zip(y, shown, strict=True):
        if math.isnan(p.pull):
            axes.text(0.0, height, "no constraint", ha="center", va="center", fontsize=8, color="0.35")
    reach = float(np.nanmax(np.abs(np.r_[pulls - errors, pulls + errors, pulls, 2.0])))
    axes.set_xlim(-1.15 * reach, 1.15 * reach)
    axes.set_ylim(0.6 - len(shown), 0.6)
    axes.set_yticks(y, labels)
    axes.set_xlabel("pull: (fitted − measured) / σ")


def _draw_shifts(axes: Axes, shown: Sequence[Impact]) -> None:
    """A filled bar for each post-fit shift, an outline for each pre-fit one."""
    y = _heights(shown)
    for colour, sign, field in ((DOWN, "−", "down"), (UP, "+", "up")):
        after, before = (np.nan_to_num([getattr(p, f) for p in shown]) for f in (field, f"prefit_{field}"))
        axes.barh(y, after, 2 * HALF, color=lighten(colour, 0.3), label=f"held at {sign}1σ after the fit")
        axes.barh(y, before, 2 * HALF, facecolor="none", edgecolor=colour, label=f"held at {sign}1σ of its constraint")
    for height, p in zip(y, shown, strict=True):
        if p.size == 0:
            axes.text(0.0, height, " no shift", va="center", fontsize=8, color="0.35")
    axes.axvline(0.0, color=INK, linewidth=0.7)
    axes.set_ylim(0.6 - len(shown), 0.6)
    axes.set_yticks([])
    axes.tick_params(labelbottom=False)


def _draw_parts(axes: Axes, parts: Sequence[Part]) -> None:
    """Errors as bars to both sides; an end at a bound is not drawn."""
    y = _heights(parts)
    axes.barh(y, -np.nan_to_num([p.down for p in parts]), 2 * HALF, color=lighten(COLOURS[2], 0.35))
    axes.barh(y, np.nan_to_num([p.up for p in parts]), 2 * HALF, color=lighten(COLOURS[2], 0.35))
    axes.axvline(0.0, color=INK, linewidth=0.7)
    axes.set_ylim(0.6 - len(parts), 0.6)
    axes.set_yticks(y, [plain(p.name) for p in parts])
    axes.yaxis.tick_right()


def _scale(panels: dict[str, Axes], result: Impacts) -> None:
    """The common axis of all shifts, as wide as they are and no wider, and the band of the total error."""
    parts = (*result.groups, result.statistical, result.systematic)
    ends = np.array([s for p in result.parameters for s in (p.down, p.up, p.prefit_down, p.prefit_up)])
    ends = np.nan_to_num(np.r_[ends, [-p.down for p in parts], [p.up for p in parts], -result.down, result.up])
    reach = float(np.abs(ends).max()) or 1.0
    low, high = (max(float(e), 0.1 * reach) for e in (-ends.min(), ends.max()))
    down, up = np.nan_to_num([result.down, result.up])
    for name in ("impacts", "groups"):
        panels[name].axvspan(-down, up, color="0.93", linewidth=0, zorder=0, label="total error")
    panels["groups"].set_xlim(-1.1 * low, 1.1 * high)
    panels["groups"].set_xlabel(f"shift of {quantity_label(result.quantities[result.poi])}")
