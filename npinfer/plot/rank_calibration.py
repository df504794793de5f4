"""Ranks of truths in their posteriors: how far from uniform."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npinfer.core.result import Quantity, RankCalibration
from npinfer.core.result.rank_calibration import LEVEL, TESTS
from npinfer.plot.labels import percent, readable, small_print, typeset
from npinfer.plot.style import COLOURS, GREY, INK, dress, lighten, new_figure, print_small, publication

COLUMNS = (4, 3)  # whichever leaves fewer places empty
CELL = (2.3, 1.9)  # inches of a panel
AROUND = (0.9, 1.6)  # inches around the panels, across and down


def plot_rank_calibration(result: RankCalibration) -> tuple[Figure, np.ndarray]:
    """Draw the distribution function of the ranks less that of uniform ranks, a panel for each quantity.

    Shaded: the band that all of a curve lies in with 99 % probability where ranks are uniform. A curve of a posterior
    that is too narrow rises, then falls below; one that only rises is of draws that lie too high. Gives the figure and
    the panels of the quantities, (quantities,).
    """
    count = len(result.names)
    columns = count if count <= COLUMNS[0] else min(COLUMNS, key=lambda n: -count % n)
    rows = math.ceil(count / columns)
    low, high = result.band()
    curves = [result.ecdf_difference(name) for name in result.names]
    reach = 1.25 * max(np.abs([low, high, *curves]).max(), 1e-3)
    with publication():
        size = (max(AROUND[0] + CELL[0] * columns, 5.8), AROUND[1] + CELL[1] * rows)
        figure = new_figure(*size, f"{result.description.title}: ranks of truths")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes in grid[count:]:
            axes.remove()
        for i, (name, curve) in enumerate(zip(result.names, curves, strict=True)):
            _draw(dress(grid[i]), result, name, (curve, low, high))
            grid[i].tick_params(labelbottom=i + columns >= count)
        grid[0].set(xlim=(0.0, 1.0), ylim=(-reach, reach), xticks=(0.0, 0.5, 1.0))
        grid[0].xaxis.set_major_formatter("{x:g}")
        for axes in grid[0:count:columns]:
            axes.set_ylabel("ECDF − uniform")
        for axes in grid[count - columns : count]:
            axes.set_xlabel("rank / number of ranks")
        print_small(figure, [*small_print(result, result.data_kind), *_notes(result)])
    return figure, grid[:count]


def _draw(axes: Axes, result: RankCalibration, name: str, curves: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """One panel: the band, the curve, its p-values; the curve in another colour where a test finds a fault."""
    curve, low, high = (np.concatenate([[0.0], c, [0.0]]) for c in curves)
    test = result.tests[name]
    at = np.arange(result.n_ranks + 1) / result.n_ranks
    faulty = test.p * TESTS * len(result.tests) < LEVEL
    axes.fill_between(at, low, high, color=lighten(GREY, 0.7), linewidth=0.0)
    axes.axhline(0.0, color=INK, linewidth=0.6)
    axes.plot(at, curve, color=COLOURS[5] if faulty else COLOURS[0])
    quantity = result.quantities.get(name, Quantity(name))
    label = typeset(quantity.label, name) if quantity.label else readable(name)
    axes.text(0.04, 0.95, label, transform=axes.transAxes, ha="left", va="top", fontsize=11.0)
    said = f"p = {test.p_ecdf:.2g} (ECDF), {test.p_chi_square:.2g} (χ²)"
    axes.text(0.04, 0.05, said, transform=axes.transAxes, ha="left", va="bottom", fontsize=8.0)


def _notes(result: RankCalibration) -> list[str]:
    """What the picture cannot show."""
    held = ", ".join(f"{k} = {v:g}" for k, v in result.fixed.items())
    said = [f"shaded: all of a curve lies inside with {percent(1.0 - LEVEL)} probability where ranks are uniform"]
    said += [f"fixed: {held}"] if held else []
    return [*said, result.describe(), *filter(None, [result.message])]
