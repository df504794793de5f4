"""Posterior densities: one quantity, or every pair of several."""

from __future__ import annotations

from collections.abc import Sequence

import corner
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator

from npinfer.core.result import Posterior, Quantity, Scan
from npinfer.errors import ConfigurationError
from npinfer.plot.labels import percent, quantity_label, small_print
from npinfer.plot.style import (
    COLOURS,
    SMALL_PRINT,
    dress,
    lighten,
    new_figure,
    print_small,
    publication,
    tints,
)

BINS, PAIR_BINS = 40, 50  # with fewer for a pair, its regions would enclose 2 % too much
CELL = {1: 3.6, 2: 2.5, 3: 1.8}  # inches of an axis by number of quantities, the last for more
LEFT, ABOVE, BELOW = 0.95, 0.5, 1.0  # inches around the axes, the small print apart
MOST_DRAWN = 100_000  # samples; more do not change the picture
SHOWN = (0.0015, 0.9985)  # quantiles between which a quantity is drawn
LINES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))


def plot_corner(
    posterior: Posterior, *, names: Sequence[str] | None = None, cl: Sequence[float] = (0.68, 0.95)
) -> tuple[Figure, np.ndarray]:
    """Draw the marginal posterior of several quantities, and of every pair the regions of highest density.

    names: free parameters or derived quantities, by default all free parameters; cl: the joint probability that the
    region of a pair encloses, and the probability of the equal-tailed interval of one quantity, whose smallest is
    shaded. Gives the figure and its axes, (quantities, quantities). Raises ConfigurationError for a cl outside (0, 1).
    """
    full = [posterior.full_name(n) for n in (posterior.names if names is None else names)]
    levels = _levels(cl)
    if len(set(full)) != len(full) or not full:
        raise ConfigurationError(f"a corner plot takes different quantities; found {', '.join(full) or 'none'}")
    draws = posterior.draws(full)
    draws = draws[:: max(1, -(-len(draws) // MOST_DRAWN))]
    spans = [_range(posterior, n, x) for n, x in zip(full, draws.T, strict=True)]
    count = len(full)
    with publication():
        figure, axes = _grid(posterior, count)
        for i, j in np.ndindex(count, count):
            if j > i:
                axes[i, j].remove()
                continue
            if i == j:
                _marginal(axes[i, i], draws[:, i], spans[i], levels[0])
            else:
                _pair(axes[i, j], draws[:, [j, i]], (spans[j], spans[i]), levels)
            _name(axes[i, j], [posterior.quantities[full[k]] for k in (j, i)], i == count - 1, i > j == 0)
        _legend(figure, axes, levels)
    return figure, axes


def plot_posterior(
    posterior: Posterior, name: str, *, cl: float = 0.68, scan: Scan | None = None
) -> tuple[Figure, Axes]:
    """Draw the marginal posterior of one quantity, its maximum at 1, with its median and equal-tailed interval.

    scan: a profile of the same parameter, drawn on top as exp(−delta_twice_nll / 2). Raises ConfigurationError for a
    scan of something else and a cl outside (0, 1).
    """
    full = posterior.full_name(name)
    if scan is not None and scan.names != (full,):
        raise ConfigurationError(f"the profile to compare with is one of {full}; found {', '.join(scan.names)}")
    (level,) = _levels((cl,))
    values = posterior.samples(full)
    low, high = posterior.interval(full, level)
    span = _range(posterior, full, values)
    with publication():
        figure = new_figure(5.6, 4.4, posterior.description.title)
        axes = dress(figure.add_subplot())
        height, edges = np.histogram(values, bins=BINS, range=span)
        height = height / height.max()
        axes.stairs(height, edges, color=COLOURS[0], linewidth=1.4, label="posterior")
        axes.stairs(
            *_part(height, edges, low, high),
            fill=True,
            color=lighten(COLOURS[0], 0.65),
            zorder=0,
            label=f"{percent(level)} equal-tailed: {low:.3g} to {high:.3g}",
        )
        median = float(np.median(values))
        axes.axvline(median, color=COLOURS[0], linewidth=1.0, linestyle=(0, (5, 3)), label=f"median {median:.3g}")
        if scan is not None:
            shown = np.where(np.isnan(scan.delta_twice_nll), np.nan, np.exp(-0.5 * scan.delta_twice_nll))
            axes.plot(scan.grid[full], shown, color=COLOURS[5], label="profile likelihood, exp(−Δ/2)")
        axes.set_xlim(*span)
        axes.set_ylim(0.0, 1.35)
        axes.set_xlabel(quantity_label(posterior.quantities[full]))
        axes.set_ylabel("density over its maximum")
        axes.legend(loc="upper right")
        print_small(figure, _small(posterior, full))
    return figure, axes


def _grid(posterior: Posterior, count: int) -> tuple[Figure, np.ndarray]:
    """Square axes, (count, count), with room below for labels and the small print; sizes in inches."""
    cell = CELL.get(count, CELL[3])
    width = LEFT + count * cell + 0.2
    figure = new_figure(width, width, posterior.description.title)
    figure.set_layout_engine("none")
    print_small(figure, _small(posterior))
    (small,) = [text for text in figure.texts if text.get_gid() == SMALL_PRINT]
    bottom = BELOW + 0.135 * (small.get_text().count("\n") + 1)
    height = bottom + count * cell + ABOVE
    figure.set_size_inches(width, height)
    small.set_y(0.08 / height)
    figure.suptitle(figure.get_suptitle(), fontsize=12.0, y=1 - 0.12 / height)
    spec = figure.add_gridspec(
        *(count, count),
        left=LEFT / width,
        right=1 - 0.2 / width,
        bottom=bottom / height,
        top=1 - ABOVE / height,
        wspace=0.06,
        hspace=0.06,
    )
    return figure, np.array([[figure.add_subplot(spec[i, j]) for j in range(count)] for i in range(count)])


def _levels(cl: Sequence[float]) -> list[float]:
    """The probabilities in increasing order."""
    for level in cl:
        if not 0 < level < 1:
            raise ConfigurationError(f"cl is a fraction between 0 and 1; found {level:g}")
    if not cl:
        raise ConfigurationError("give at least one cl")
    return sorted(dict.fromkeys(cl))


def _range(posterior: Posterior, name: str, values: np.ndarray) -> tuple[float, float]:
    """Where nearly all samples lie, widened a little but not beyond the bounds."""
    low, high = np.quantile(values, SHOWN).tolist()
    margin = 0.05 * (high - low)
    if not margin:
        return low - 1e-3 * max(abs(low), 1.0), high + 1e-3 * max(abs(high), 1.0)
    bounds = posterior.quantities[name].lower, posterior.quantities[name].upper
    least, most = (b if np.isfinite(b) else end for b, end in zip(bounds, (values.min(), values.max()), strict=True))
    return max(low - margin, float(least)), min(high + margin, float(most))


def _part(height: np.ndarray, edges: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """The histogram between two values."""
    cut = np.unique(np.clip(edges, low, high))
    if len(cut) < 2:
        return np.zeros(1), np.array([low, high])
    return height[np.clip(np.searchsorted(edges, cut[:-1], side="right") - 1, 0, len(height) - 1)], cut


def _marginal(axes: Axes, values: np.ndarray, span: tuple[float, float], level: float) -> None:
    height, edges = np.histogram(values, bins=BINS, range=span)
    low, high = np.quantile(values, (0.5 - 0.5 * level, 0.5 + 0.5 * level))
    axes.stairs(height, edges, color=COLOURS[0])
    axes.stairs(*_part(height, edges, low, high), fill=True, color=lighten(COLOURS[0], 0.65), zorder=0)
    axes.axvline(float(np.median(values)), color=COLOURS[0], linewidth=0.9, linestyle=(0, (5, 3)))
    axes.set_xlim(*span)
    axes.set_ylim(0.0, 1.1 * max(height.max(), 1))


def _pair(
    axes: Axes, draws: np.ndarray, spans: tuple[tuple[float, float], tuple[float, float]], levels: list[float]
) -> None:
    """The regions of highest density of a pair; their contours enclose the joint probabilities `levels`."""
    styles = [LINES[i % len(LINES)] for i in range(len(levels))][::-1]
    corner.hist2d(
        draws[:, 0],
        draws[:, 1],
        ax=axes,
        bins=PAIR_BINS,
        range=spans,
        levels=levels,
        smooth=1.0,
        color=COLOURS[0],
        plot_datapoints=False,
        plot_density=False,
        no_fill_contours=True,
        fill_contours=True,
        quiet=True,
        contour_kwargs={"linewidths": 1.0, "linestyles": styles},
        contourf_kwargs={"colors": [(1.0, 1.0, 1.0, 0.0), *tints(COLOURS[0], len(levels))[::-1]]},
    )


def _name(axes: Axes, quantities: Sequence[Quantity], last: bool, first: bool) -> None:
    """Ticks and names of a pair's quantities: below in the last row, at the left in the first column."""
    dress(axes)
    axes.tick_params(labelsize=8.5, labelbottom=last, labelleft=first)
    locate = lambda: MaxNLocator(3, prune="both")
    axes.xaxis.set_major_locator(locate())
    axes.yaxis.set_major_locator(locate() if quantities[0] is not quantities[1] else NullLocator())
    box = axes.get_position()
    width, height = (box.width * axes.figure.get_figwidth(), box.height * axes.figure.get_figheight())
    if last:
        axes.tick_params(axis="x", labelrotation=30)
        axes.set_xlabel(_split(quantity_label(quantities[0])), fontsize=10.5, va="top")
        axes.xaxis.set_label_coords(0.5, -0.45 / height)
    if first:
        axes.set_ylabel(_split(quantity_label(quantities[1])), fontsize=10.5, va="bottom")
        axes.yaxis.set_label_coords(-0.5 / width, 0.5)


def _split(label: str) -> str:
    """A label with its unit on a line of its own."""
    return label.replace(" [", "\n[", 1)


def _legend(figure: Figure, axes: np.ndarray, levels: list[float]) -> None:
    """What is drawn, right of the first row; inside the axes where there is one quantity."""
    shade = lighten(COLOURS[0], 0.65)
    alone = [
        Line2D([], [], color=shade, linewidth=6, label=f"{percent(levels[0])} equal-tailed"),
        Line2D([], [], color=COLOURS[0], linewidth=0.9, linestyle=(0, (5, 3)), label="median"),
    ]
    if len(axes) == 1:
        axes[0, 0].legend(handles=alone, loc="upper right")
        return
    regions = [
        Line2D([], [], color=COLOURS[0], linestyle=LINES[i % len(LINES)], label=f"{percent(level)} joint")
        for i, level in enumerate(levels)
    ]
    corner_of_first = axes[0, 0].get_position()
    place = (corner_of_first.x1 + 0.15 / figure.get_figwidth(), corner_of_first.y1)
    figure.legend(handles=[*regions, *alone], loc="upper left", bbox_to_anchor=place)


def _small(posterior: Posterior, name: str | None = None) -> list[str]:
    """What kind of numbers these are, and what they rest on; with the prior of one parameter, or of all."""
    if name in posterior.priors:
        prior = f"prior: {posterior.priors[str(name)]}"
    else:
        other = [m for n, m in posterior.priors.items() if m != f"flat in {n.rpartition('.')[2]}"]
        alike = "flat in each " + ("parameter" if not other else "other parameter")
        prior = "priors: " + "; ".join([*other, *([alike] if len(other) < len(posterior.priors) else [])])
    held = ", ".join(f"{k}={v:g}" for k, v in posterior.fixed.items())
    fixed = [f"fixed: {held}"] if held else []
    return [*small_print(posterior, posterior.data_kind), prior, posterior.why, posterior.size(), *fixed]
