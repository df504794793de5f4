"""Pulls and correlations of fitted parameters."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npinfer.core.result import FitResult
from npinfer.errors import InferenceError
from npinfer.plot.labels import plain, small_print, typeset
from npinfer.plot.style import COLOURS, INK, dress, lighten, new_figure, print_small, publication

OTHER = "other"


def plot_pulls(result: FitResult) -> tuple[Figure, Axes]:
    """Draw the pull of every constrained parameter with its post-fit error, by group, on bands of ±1 and ±2 σ.

    Raises InferenceError where no parameter is constrained.
    """
    if not result.pulls:
        raise InferenceError("no pull to draw: this likelihood has no constrained parameter")
    rows = _rows(result)
    names = [name for _, name in rows if name]
    with publication():
        figure = new_figure(5.6, 1.7 + 0.28 * len(rows), result.description.title)
        axes = dress(figure.add_subplot())
        axes.axvspan(-2, 2, color=lighten(COLOURS[4], 0.8), linewidth=0, zorder=0)
        axes.axvspan(-1, 1, color=lighten(COLOURS[4], 0.5), linewidth=0, zorder=0)
        axes.axvline(0.0, color=INK, linewidth=0.7, linestyle=":")
        heights = np.array([-float(i) for i, (_, name) in enumerate(rows) if name])
        pulls = np.array([result.pulls[n] for n in names])
        errors = np.array([result.pull_errors[n] for n in names])
        axes.errorbar(pulls, heights, xerr=errors, fmt="o", color=INK, markersize=5, capsize=2.5, linewidth=1.2)
        _name_rows(axes, rows, result)
        reach = float(np.nanmax(np.abs(np.r_[pulls, pulls - errors, pulls + errors, 2.0])))
        axes.set_xlim(-1.15 * reach, 1.15 * reach)
        axes.set_ylim(0.6 - len(rows), 0.6)
        axes.set_xlabel("pull: (fitted − measured) / σ of the constraint")
        print_small(figure, small_print(result, result.data_kind))
    return figure, axes


def _rows(result: FitResult) -> list[tuple[str, str]]:
    """(group, name) of every row; a row with an empty name is the heading of its group, where any is declared."""
    groups: dict[str, list[str]] = {}
    for name in result.pulls:
        groups.setdefault(result.quantities[name].group or OTHER, []).append(name)
    heading = [] if list(groups) == [OTHER] else [""]
    return [(owner, name) for owner, names in groups.items() for name in (*heading, *names)]


def _name_rows(axes: Axes, rows: list[tuple[str, str]], result: FitResult) -> None:
    labels = [typeset(result.quantities[name].label, name) if name else plain(owner) for owner, name in rows]
    axes.set_yticks(-np.arange(len(rows), dtype=float), labels)
    axes.tick_params(axis="y", which="both", length=0)
    for text, (_, name) in zip(axes.get_yticklabels(), rows, strict=True):
        if not name:
            text.set_fontweight("bold")


def plot_correlations(result: FitResult) -> tuple[Figure, Axes]:
    """Draw the correlation matrix of the free parameters, with its numbers where there is room.

    Raises InferenceError where the fit has no covariance.
    """
    names = result.free
    if not names:
        raise InferenceError("no correlation to draw: no parameter was free and inside its bounds")
    matrix = np.ma.masked_invalid(result.correlation())
    number = len(names)
    side = min(3.2 + 0.42 * number, 14.0)
    with publication():
        figure = new_figure(side + 0.9, side, result.description.title)
        axes = figure.add_subplot()
        image = axes.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
        axes.set_facecolor("0.85")
        labels = [typeset(result.quantities[name].label, name) for name in names]
        axes.set_xticks(range(number), labels, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(number), labels)
        axes.tick_params(length=0)
        if number <= 16:
            _write_numbers(axes, matrix)
        figure.colorbar(image, ax=axes, label="correlation", fraction=0.046, pad=0.03)
        print_small(figure, small_print(result, result.data_kind))
    return figure, axes


def _write_numbers(axes: Axes, matrix: np.ma.MaskedArray) -> None:
    for (row, column), value in np.ndenumerate(matrix.filled(np.nan)):
        if np.isfinite(value):
            colour = "white" if abs(value) > 0.6 else INK
            number = f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
            axes.text(column, row, number, ha="center", va="center", fontsize=8, color=colour)
