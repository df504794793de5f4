"""Two models told apart: their test statistic in toys of each, and on the data."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npinfer.core.result import Comparison
from npinfer.core.result.tail import TIE
from npinfer.errors import InferenceError
from npinfer.plot.labels import plain, small_print
from npinfer.plot.style import COLOURS, INK, dress, lighten, new_figure, print_small, publication

BINS = (16, 50)  # the fewest and the most, between them 1.5 √toys
HEADROOM = 1.4  # of the tallest bin, for the legend


def plot_comparison(comparison: Comparison, *, pair: tuple[str, str] | None = None) -> tuple[Figure, Axes]:
    """Draw t = −2 ln(L_a / L_b) in toys of two models, its value on the data, and the p-values as filled tails.

    pair: the names (a, b); without, the two models that fit best, in the order they were given. Raises InferenceError
    for an unknown model and where no toys were drawn.
    """
    a, b = pair or _two_best(comparison)
    observed = comparison.pair(a, b).t
    drawn = {truth: comparison.statistic(a, b, truth) for truth in (a, b)}
    if not all(t.size for t in drawn.values()):
        raise InferenceError("no distribution to draw: this comparison has no toys; compare with n_toys above 0")
    tails = {a: drawn[a] >= observed - TIE, b: drawn[b] <= observed + TIE}
    edges = _edges(np.concatenate([*drawn.values(), [observed]]), observed)
    with publication():
        figure = new_figure(5.8, 4.5, comparison.description.title)
        axes = dress(figure.add_subplot())
        for colour, (truth, other) in zip(COLOURS, ((a, b), (b, a)), strict=False):
            _draw_toys(axes, drawn[truth], tails[truth], edges, colour)
            tail = comparison.pair(truth, other).p
            axes.patches[-1].set_label(plain(f"{drawn[truth].size} toys of {truth}: {tail.describe() if tail else ''}"))
        said = f"{comparison.data_kind} data: t = {observed:.3g}".replace("-", "−")
        axes.axvline(observed, color=INK, linewidth=1.4, label=said)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(0.0, HEADROOM * axes.get_ylim()[1])
        axes.set_xlabel(plain(f"t = −2 ln [L({a}) / L({b})]"))
        axes.set_ylabel("fraction of toys in a bin")
        axes.set_title(plain(f"← {a} fits better"), loc="left", fontsize=9.5)
        axes.set_title(plain(f"{b} fits better →"), loc="right", fontsize=9.5)
        axes.legend(loc="upper right")
        print_small(figure, [*small_print(comparison, comparison.data_kind), *_notes(comparison, drawn)])
    return figure, axes


def _two_best(comparison: Comparison) -> tuple[str, str]:
    ranked = sorted(comparison.models, key=lambda m: m.delta_twice_nll)[:2]
    first, second = (m.name for m in comparison.models if m in ranked)
    return first, second


def _edges(values: np.ndarray, observed: float) -> np.ndarray:
    """Bin edges around all finite values, one of them the observed, so that tails begin with a bin."""
    finite = values[np.isfinite(values)]
    low, high = float(finite.min()), float(finite.max())
    bins = int(np.clip(1.5 * np.sqrt(0.5 * values.size), *BINS))
    width = (high - low) / bins if high - low > TIE else 1.0 / bins
    below, above = np.ceil((observed - low) / width), np.ceil((high - observed) / width)
    return observed - TIE + width * np.arange(-below - 1, above + 2)


def _draw_toys(axes: Axes, t: np.ndarray, tail: np.ndarray, edges: np.ndarray, colour: str) -> None:
    """The distribution as a line, its tail filled; toys with an infinite t are in neither."""
    weights = np.full(t.size, 1.0 / t.size)
    inside = np.isfinite(t)
    fill = {"histtype": "stepfilled", "linewidth": 0.0, "alpha": 0.45, "color": lighten(colour, 0.25)}
    axes.hist(t[inside & tail], edges, weights=weights[inside & tail], **fill)
    axes.hist(t[inside], edges, weights=weights[inside], histtype="step", linewidth=1.4, color=colour)


def _notes(comparison: Comparison, drawn: dict[str, np.ndarray]) -> list[str]:
    """What the picture cannot show."""
    a, b = drawn
    said = [f"filled: toys of {a} with t at or above that of the data, toys of {b} with t at or below"]
    for truth, t in drawn.items():
        outside = int((~np.isfinite(t)).sum())
        said += [f"{outside} toys of {truth} have an infinite t and are not drawn"] if outside else []
    return [*said, *comparison.notes()]
