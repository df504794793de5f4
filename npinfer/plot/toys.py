"""Fitted values of toys."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npinfer.core.result import ToyEnsemble
from npinfer.errors import InferenceError
from npinfer.plot.labels import quantity_label, small_print
from npinfer.plot.style import COLOURS, INK, dress, lighten, new_figure, print_small, publication

COLUMNS = 4


def plot_toys(ensemble: ToyEnsemble) -> tuple[Figure, dict[str, Axes]]:
    """Draw the fitted values of every free parameter as a histogram, with the truth and the mean.

    Returns {parameter: axes}. Raises InferenceError where no parameter was free.
    """
    names = [n for n in ensemble.names if n not in ensemble.fixed]
    if not names:
        raise InferenceError("no fitted value to draw: every parameter was fixed")
    columns = min(COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    bins = int(np.clip(1.5 * math.sqrt(len(ensemble)), 10, 50))
    possible = np.isfinite(ensemble.twice_nll)
    with publication():
        figure = new_figure(2.6 * columns + 0.6, 2.3 * rows + 1.2, ensemble.description.title)
        frames = {}
        for i, name in enumerate(names):
            axes = frames[name] = dress(figure.add_subplot(rows, columns, i + 1))
            values = ensemble.of(name)[possible]
            axes.hist(values, bins, histtype="stepfilled", color=lighten(COLOURS[0], 0.55), edgecolor=COLOURS[0])
            axes.axvline(ensemble.truth[name], color=INK, linewidth=1.3)
            if len(values):
                axes.axvline(float(values.mean()), color=COLOURS[5], linewidth=1.3, linestyle=(0, (4, 2)))
            axes.set_xlabel(quantity_label(ensemble.quantities[name]))
            axes.set_yticks([])
        note = f"line: truth; dashed: mean of the fits; {ensemble.describe()}"
        print_small(figure, [*small_print(ensemble, ensemble.data_kind), note, *ensemble.notes()])
    return figure, frames
