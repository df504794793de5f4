"""The goodness of fit: its test statistic in toys, on the data, and as χ²."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import chdtr, chdtri

from npinfer.core.result import GoodnessOfFit
from npinfer.errors import InferenceError
from npinfer.plot.labels import small_print
from npinfer.plot.style import new_figure, print_small, publication
from npinfer.plot.tail import draw_tail


def plot_gof(result: GoodnessOfFit) -> tuple[Figure, Axes]:
    """Draw the saturated likelihood ratio in toys with the p-value as a filled tail, its value on the data and χ².

    χ² is drawn where it is to be trusted, and where there are no toys. Raises InferenceError where there is neither.
    """
    freedom, drawn = result.degrees_of_freedom, len(result.toys) > 0
    if not drawn and freedom < 1:
        raise InferenceError("no distribution to draw: no degree of freedom is left and there are no toys")
    large, reach = None, 0.0
    if freedom > 0 and (result.asymptotic or not drawn):
        said = f"χ² with {freedom} degrees of freedom: p = {result.p:.2g}"
        large = (lambda t: np.asarray(chdtr(freedom, t)), said)
        reach = 0.0 if drawn else float(chdtri(freedom, 1e-3))
    with publication():
        figure = new_figure(5.8, 4.5, result.description.title)
        axes = figure.add_subplot()
        tail = f": {result.toy_p.describe()}" if result.toy_p else ""
        observed = (result.statistic, f"{result.data_kind} data: t = {result.statistic:.4g}")
        draw_tail(axes, observed, (result.toys, f"{len(result.toys)} toys{tail}"), large, reach=reach)
        axes.set_ylim(0.0, 1.4 * axes.get_ylim()[1])
        axes.set_xlabel("t = 2 ln (L saturated / L best fit)")
        axes.set_ylabel("fraction of toys in a bin" if drawn else "density")
        axes.legend(loc="upper right")
        print_small(figure, [*small_print(result, result.data_kind), result.describe(), result.message])
    return figure, axes
