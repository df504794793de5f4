"""A test statistic in toys, on the data, and as it is distributed in large samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes

from npinfer.core.result.tail import TIE
from npinfer.plot.labels import plain
from npinfer.plot.style import COLOURS, INK, dress, lighten

BINS = (12, 60)  # the fewest and the most, between them 1.5 √toys
FINE = 400  # pieces of a smooth curve


def draw_tail(
    axes: Axes,
    observed: tuple[float, str],
    toys: tuple[np.ndarray, str],
    large: tuple[Callable[[np.ndarray], np.ndarray], str] | None,
    *,
    reach: float = 0.0,
) -> None:
    """Draw the toys with the tail of the data filled, the value on the data, and a distribution function `large`.

    observed, toys, large: each with its label; a distribution function takes values (n,); reach: a value that the axis
    covers at least. Fractions in a bin are drawn, a density where there are no toys. Infinite toys are not drawn.
    """
    value, label = observed
    found = toys[0][np.isfinite(toys[0])]
    edges = _edges(np.r_[found, value, reach] if reach else np.r_[found, value], value, len(found))
    dress(axes)
    if len(found):
        weights = np.full(len(found), 1.0 / len(toys[0]))
        tail, colour = found >= value - TIE, COLOURS[0]
        fill = {"histtype": "stepfilled", "linewidth": 0.0, "color": lighten(colour, 0.5)}
        axes.hist(found[tail], edges, weights=weights[tail], **fill)
        axes.hist(found, edges, weights=weights, histtype="step", linewidth=1.4, color=colour, label=plain(toys[1]))
    if large is not None:
        fine = np.linspace(max(edges[0], 0.0), edges[-1], FINE + 1)
        height = np.diff(large[0](fine)) / np.diff(fine) * (edges[1] - edges[0] if len(found) else 1.0)
        middle = 0.5 * (fine[1:] + fine[:-1])
        axes.plot(middle, height, color=COLOURS[5], linestyle="--", label=plain(large[1]))
    axes.axvline(value, color=INK, linewidth=1.4, label=plain(label))
    axes.set_xlim(edges[0], edges[-1])


def _edges(values: np.ndarray, observed: float, toys: int) -> np.ndarray:
    """Equal bins around all values, none below 0, one edge at the observed value so that its tail begins a bin."""
    low, high = float(values.min()), float(values.max())
    bins = int(np.clip(1.5 * np.sqrt(max(toys, 1)), *BINS))
    width = (high - low) / bins if high - low > TIE else 1.0 / bins
    below = np.ceil((observed - low) / width)
    first = max(below, 0.0) + (1.0 if observed - (below + 1) * width >= 0 else 0.0)
    return np.asarray(observed - TIE + width * np.arange(-first, np.ceil((high - observed) / width) + 2))
