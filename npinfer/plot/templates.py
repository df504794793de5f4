"""Observed and fitted counts of every channel."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from npinfer.core.result import FitResult
from npinfer.errors import ConfigurationError, unknown
from npinfer.plot.labels import channel_title, percent, plain, readable, small_print
from npinfer.plot.projection import Projection
from npinfer.plot.style import (
    COLOURS,
    HATCHES,
    INK,
    dress,
    hang_legend,
    lighten,
    new_figure,
    print_small,
    publication,
    spans_decades,
)
from npinfer.plot.ticks import log_scale

BANDS = {"prefit": "pre-fit uncertainty", "postfit": "post-fit uncertainty"}
PREFIT_NOTE = (
    "pre-fit: constrained parameters where they were measured, the others at their start values; "
    "uncertainty: of the constraints alone"
)
DATA_NOTE = "data: central 68.27 % Poisson intervals; empty bins: a triangle at the upper end"
NEGLIGIBLE = 1e-4  # of every bin: a sample with less is not in the legend
FAINT = 0.05  # of the height of the data: a lower expectation is seen on a logarithmic scale only
MEASURED_NOTE = "data: what was measured and its standard deviations"


def plot_templates(
    result: FitResult, *, axis: str | None = None, ratio: bool = False, stage: str = "postfit"
) -> tuple[Figure, dict[str, Axes]]:
    """Draw each channel on one axis, summed over its others: stacked samples, data and the uncertainty of the sum.

    Counts carry central 68.27 % Poisson intervals, an empty bin a triangle at the upper end of its; what was measured
    carries its standard deviations.
    axis: by name, for the channels that have it; by default the first of each. ratio: add data over expectation below.
    stage: "postfit" or "prefit". Returns {channel: axes}. Raises ConfigurationError where no channel has the axis,
    DataError where the fit was saved without its pre-fit counts.
    """
    projections = _project(result, axis, stage)
    names = list(dict.fromkeys(readable(s) for p in projections.values() for s in p.samples))
    columns = min(len(projections), 3)
    rows = math.ceil(len(projections) / columns)
    with publication():
        figure = new_figure(3.6 * columns + 2.0, (4.6 if ratio else 3.5) * rows + 0.7, result.description.title)
        frames = figure.add_gridspec(rows, columns)
        panels = {}
        for index, (channel, projection) in enumerate(projections.items()):
            frame = frames[index // columns, index % columns]
            split = frame.subgridspec(2, 1, height_ratios=(3, 1), hspace=0.0) if ratio else frame.subgridspec(1, 1)
            panels[channel] = axes = dress(figure.add_subplot(split[0]))
            _draw_channel(axes, projection, names, (BANDS[stage], f"{result.data_kind} data"))
            axes.set_title(channel_title(channel, projections))
            lowest = axes
            if ratio:
                lowest = dress(figure.add_subplot(split[1], sharex=axes))
                axes.tick_params(labelbottom=False)
                _draw_ratio(lowest, projection)
                lowest.set_ylabel("" if index % columns else "data / fit" if stage == "postfit" else "data / pre-fit")
            lowest.set_xlabel(plain(projection.axis.label))
            axes.set_ylabel("" if index % columns else "measured" if projection.measured else "events per bin")
        further = [PREFIT_NOTE] if stage == "prefit" else []
        shown = {readable(s) for p in projections.values() for s in p.samples if p.share(s) >= NEGLIGIBLE}
        absent = [name for name in names if name not in shown]
        further += [f"below {percent(NEGLIGIBLE)} of every bin: {', '.join(absent)}"] if absent else []
        kinds = {p.measured for p in projections.values()}
        notes = [note for measured, note in ((False, DATA_NOTE), (True, MEASURED_NOTE)) if measured in kinds]
        print_small(figure, [*small_print(result, result.data_kind), *further, *notes])
        _legend(figure, panels, names)
    return figure, panels


def _project(result: FitResult, axis: str | None, stage: str) -> dict[str, Projection]:
    found = {}
    views, covariance = result.stage(stage)
    for channel, view in views.items():
        names = [a.name for a in view.axes]
        if axis is None or axis in names:
            position = 0 if axis is None else names.index(axis)
            found[channel] = Projection.of(view, position, covariance)
    if not found:
        known = dict.fromkeys(a.name for view in result.channels.values() for a in view.axes)
        raise ConfigurationError(unknown("axis", axis or "", known))
    return found


def _draw_channel(axes: Axes, projection: Projection, names: list[str], labels: tuple[str, str]) -> None:
    """names: of all samples in words, each with its colour; labels: of the uncertainty and of the data."""
    edges, total = np.asarray(projection.axis.edges), projection.total
    logarithmic = spans_decades(edges)
    if logarithmic:
        log_scale(axes.xaxis)
    elif projection.measured and np.array_equal(edges, np.arange(len(edges))):  # one number after the other
        axes.set_xticks(edges[1:] - 0.5, [f"{number:.0f}" for number in edges[1:]])
        axes.tick_params(axis="x", length=0)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.ticklabel_format(axis="x", useMathText=True)
    floor = np.zeros_like(total)
    for name in sorted(projection.samples, key=lambda s: projection.samples[s].sum()):
        top = floor + projection.samples[name]
        index = names.index(readable(name))
        axes.stairs(
            top,
            edges,
            baseline=floor,
            fill=True,
            facecolor=lighten(COLOURS[index % len(COLOURS)], 0.25),
            edgecolor="white",
            hatch=HATCHES[index // len(COLOURS) % len(HATCHES)],
            linewidth=0.3,
            label=readable(name) if projection.share(name) >= NEGLIGIBLE else None,
            zorder=1,
        )
        floor = top
    axes.stairs(total, edges, color=INK, linewidth=1.0, zorder=2)
    low = np.maximum(total - projection.error, np.where(total >= 0, 0.0, -np.inf))
    axes.stairs(
        total + projection.error,
        edges,
        baseline=low,
        fill=True,
        facecolor="none",
        edgecolor="0.25",
        hatch="//////",
        linewidth=0.0,
        label=labels[0],
        zorder=2.5,
    )
    _draw_data(axes, projection, np.ones_like(total), labels[1])
    axes.set_xlim(edges[0], edges[-1])
    _scale_counts(axes, projection, logarithmic)


def _draw_data(axes: Axes, projection: Projection, scale: np.ndarray, label: str) -> None:
    """Counts with their intervals over `scale`; a triangle at the upper end in an empty bin."""
    edges, counts = np.asarray(projection.axis.edges), projection.observed
    middle = np.sqrt(edges[1:] * edges[:-1]) if spans_decades(edges) else 0.5 * (edges[1:] + edges[:-1])
    low, high = projection.interval
    none = (counts == 0) & (not projection.measured)
    seen = ~none
    lengths = np.array([counts - low, high - counts])[:, seen] / scale[seen]
    axes.errorbar(
        middle[seen],
        (counts / scale)[seen],
        yerr=lengths,
        fmt="o",
        color=INK,
        markersize=4,
        linewidth=1.1,
        label=label if seen.any() else "",
        zorder=4,
    )
    if not none.any():
        return
    axes.plot(
        middle[none],
        (high / scale)[none],
        linestyle="",
        marker="v",
        markersize=3.5,
        markerfacecolor="white",
        markeredgecolor="0.45",
        markeredgewidth=0.7,
        label="empty bin (upper end)",
        zorder=3,
    )


def _scale_counts(axes: Axes, projection: Projection, logarithmic: bool) -> None:
    """Room for data and expectation; a logarithmic scale where the axis has one, or where the expectation would
    vanish below the data, and nothing is below zero."""
    total, seen = projection.total, projection.observed
    high = projection.interval[1]
    ceiling = float(np.nanmax(np.r_[total + projection.error, np.where(np.isnan(high), seen, high), 1e-12]))
    drawn = np.r_[total, seen]
    logarithmic |= not projection.measured and bool(0 < total.max() < FAINT * ceiling)
    if logarithmic and drawn.min() >= 0 and drawn.any():
        log_scale(axes.yaxis)
        axes.set_ylim(np.clip(0.5 * drawn[drawn > 0].min(), 1e-4 * ceiling, 0.02 * ceiling), 3.0 * ceiling)
    else:
        axes.set_ylim(float(drawn.min()) - 0.15 * ceiling if drawn.min() < 0 else 0.0, 1.15 * ceiling)


def _draw_ratio(axes: Axes, projection: Projection) -> None:
    """Data over expectation, where something is expected."""
    total = np.where(projection.total > 0, projection.total, np.nan)
    relative = projection.error / total
    edges = np.asarray(projection.axis.edges)
    axes.stairs(
        1 + relative,
        edges,
        baseline=np.maximum(1 - relative, 0.0),
        fill=True,
        facecolor="0.85",
        edgecolor="none",
        zorder=1,
    )
    axes.axhline(1.0, color=INK, linewidth=0.8, zorder=2)
    _draw_data(axes, projection, total, "")
    axes.set_ylim(0.0, 3.0)


def _legend(figure: Figure, panels: Mapping[str, Axes], names: list[str]) -> None:
    """One legend for all panels, beside them: data and uncertainties, then the samples from the top of the stack."""
    entries: dict[str, Artist] = {}
    for axes in panels.values():
        for handle, label in reversed(list(zip(*axes.get_legend_handles_labels(), strict=True))):
            entries.setdefault(label, handle)
    order = sorted(entries, key=lambda label: label in names)
    hang_legend(figure, figure.legend([entries[label] for label in order], order, loc="upper right"))
