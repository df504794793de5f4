"""Excluded regions of a parameter along a configuration, such as a coupling against a mass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.special import ndtri

from npinfer.core.result import Exclusion
from npinfer.errors import ConfigurationError
from npinfer.plot.labels import configuration_label, percent, quantity_label
from npinfer.plot.limit import INNER, OUTER
from npinfer.plot.limit_curve import Overlay, draw_member, draw_overlays, without_key
from npinfer.plot.style import COLOURS, INK, dress, lighten, new_figure, print_small, publication, spans_decades
from npinfer.plot.ticks import log_scale

SHADE = lighten(COLOURS[5], 0.35)
SURE = (1e-12, 1 - 1e-12)  # p-values whose distance from the level is drawn to scale
DASHES = (0, (5, 2))
FINE = 8  # steps between two tested values, in which bands are drawn


def plot_exclusion_map(
    key: str,
    values: np.ndarray,
    exclusions: Sequence[Exclusion | None],
    *,
    members: Mapping[str, Sequence[Exclusion]] | None = None,
    overlays: Sequence[Overlay] = (),
) -> tuple[Figure, Axes]:
    """Draw what is excluded of a parameter against the configuration `key`, with the bands of its expected edges.

    values: of the configuration, (n,), rising; exclusions: one a value on the same grid, None where there is none;
    members: {name: an exclusion a value of it alone}, drawn as lines of their least values; overlays: what others
    found. Raises ConfigurationError.
    """
    known = [i for i, e in enumerate(exclusions) if e is not None]
    found = [e for e in exclusions if e is not None]
    x = np.asarray(values, dtype=float)[known]
    if len(values) != len(exclusions) or len(found) < 2:
        raise ConfigurationError(f"a map takes one exclusion a value of {key}, and two at least; found {len(found)}")
    first = found[0]
    if any(not np.array_equal(e.grid, first.grid) or e.quantity.name != first.quantity.name for e in found):
        raise ConfigurationError(f"a map takes exclusions of one parameter on one grid; found several along {key}")
    with publication():
        figure = new_figure(8.0, 5.0, first.description.title)
        axes = dress(figure.add_subplot())
        if spans_decades(x):
            log_scale(axes.xaxis)
        if spans_decades(first.grid):
            log_scale(axes.yaxis)
        observed = _heights([e.p for e in found], first.cl)
        axes.contourf(x, first.grid, observed, levels=[-np.inf, 0.0], colors=[SHADE], zorder=1)
        handles: list[Artist] = [Patch(facecolor=SHADE, edgecolor=INK, label="excluded")]
        if all(len(e.p_expected) for e in found):
            bands = [_heights([e.p_expected[k] for e in found], first.cl) for k in range(5)]
            handles += _draw_expected(axes, x, first.grid, bands)
        axes.contour(x, first.grid, observed, levels=[0.0], colors=[INK], linewidths=1.4, zorder=5)
        axes.set_xlim(x[0], x[-1])
        axes.set_ylim(first.grid[0], first.grid[-1])
        for number, (name, results) in enumerate((members or {}).items()):
            draw_member(axes, np.asarray(values, dtype=float), name, results, number)
        handles += axes.get_lines()
        handles += draw_overlays(axes, overlays)
        axes.set_xlabel(configuration_label(first.description, key))
        axes.set_ylabel(quantity_label(first.quantity))
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, fontsize=8.5)
        print_small(figure, _said(key, exclusions, first))
    return figure, axes


def _heights(p: Sequence[np.ndarray], cl: float) -> np.ndarray:
    """How far p is above 1 − cl in standard deviations, (grid, values): negative where values are excluded."""
    heights: np.ndarray = ndtri(np.clip(np.stack(p, axis=1), *SURE)) - ndtri(1 - cl)
    return heights


def _refined(values: np.ndarray, axis: int) -> np.ndarray:
    """`values` with FINE - 1 more between neighbours along an axis, on straight lines."""
    n = values.shape[axis]
    at = np.linspace(0, n - 1, FINE * (n - 1) + 1)
    low = np.minimum(at.astype(int), n - 2)
    share = (at - low).reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    refined: np.ndarray = values.take(low, axis) * (1 - share) + values.take(low + 1, axis) * share
    return refined


def _draw_expected(axes: Axes, x: np.ndarray, grid: np.ndarray, bands: Sequence[np.ndarray]) -> list[Artist]:
    """The regions in which edges are expected within ±2σ and ±1σ, and the median edge; heights of −2σ … +2σ."""
    fine_x, fine_grid = (np.exp(_refined(np.log(v), 0)) if spans_decades(v) else _refined(v, 0) for v in (x, grid))
    fine = [_refined(_refined(band, 0), 1) for band in bands]
    for low, high, colour in ((0, 4, OUTER), (1, 3, INNER)):
        between = np.maximum(np.minimum(fine[low], fine[high]), -np.maximum(fine[low], fine[high]))
        axes.contourf(fine_x, fine_grid, between, levels=[-np.inf, 0.0], colors=[colour], zorder=2, alpha=0.9)
    axes.contour(x, grid, bands[2], levels=[0.0], colors=[INK], linewidths=1.0, linestyles=[DASHES], zorder=4)
    return [
        Line2D([], [], color=INK, linewidth=1.0, linestyle=DASHES, label="expected edge, median"),
        Patch(facecolor=INNER, label="expected edge ±1σ"),
        Patch(facecolor=OUTER, label="expected edge ±2σ"),
    ]


def _said(key: str, exclusions: Sequence[Exclusion | None], first: Exclusion) -> list[str]:
    """The small print: of one exclusion without what changes along the map, and of the map."""
    lost = sum(e is None for e in exclusions)
    gaps = [f"no answer at {lost} of {len(exclusions)} values: drawn across"] if lost else []
    messages = dict.fromkeys(e.message for e in exclusions if e is not None and e.message)
    local = f"{percent(first.cl)} CL at each value, local: nothing corrects for their number"
    beyond = "nothing is said of values beyond the axes"
    between = f"edges between the {len(exclusions)} values of {key} are interpolated: steps there may be of the drawing"
    return [*without_key(first, key), local, first.calibration, *gaps, between, beyond, *messages]
