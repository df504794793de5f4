"""A test for a signal: its test statistic in toys without one, on the data, and in large samples."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import ndtr

from npinfer.core.result import Significance
from npinfer.errors import InferenceError
from npinfer.plot.labels import plain, small_print
from npinfer.plot.style import new_figure, print_small, publication
from npinfer.plot.tail import draw_tail

LOWEST = 0.3  # of the fraction that one toy makes: where the logarithmic axis begins


def plot_significance(result: Significance) -> tuple[Figure, Axes]:
    """Draw q_0 in toys without a signal with the p-value as a filled tail, its value on the data, and half a χ².

    The half of χ² that lies at 0 is part of the first bin of the toys, not of the curve. Raises InferenceError where no
    toys were drawn.
    """
    tail = result.toy_p
    if tail is None:
        raise InferenceError("no distribution to draw: this significance has no toys; ask for n_toys above 0")
    with publication():
        figure = new_figure(5.8, 4.5, result.description.title)
        axes = figure.add_subplot()
        shown = result.q0 if np.isfinite(result.q0) else float(result.toys[np.isfinite(result.toys)].max(initial=1.0))
        observed = (shown, f"{result.data_kind} data: q₀ = {result.q0:.3g}")
        large = (lambda q: np.asarray(ndtr(np.sqrt(q))), f"half χ²: p = {result.p:.2g}, z = {result.z:.2f}")
        draw_tail(axes, observed, (result.toys, f"{tail.toys} toys: {tail.describe()}"), large)
        axes.set_yscale("log")
        axes.set_ylim(LOWEST / tail.toys, 4.0)
        axes.set_xlabel(plain(f"q₀ of {result.quantity.name} at {result.null:g}"))
        axes.set_ylabel("fraction of toys in a bin")
        axes.legend(loc="upper right")
        print_small(figure, [*small_print(result, result.data_kind), result.describe(), result.message])
    return figure, axes
