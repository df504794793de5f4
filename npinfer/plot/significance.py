"""Tests for a signal: the test statistic in toys without one and on the data, and z along a configuration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import ndtr

from npinfer.core.result import Significance
from npinfer.errors import ConfigurationError, InferenceError
from npinfer.plot.labels import configuration_label, plain, small_print, typeset
from npinfer.plot.limit_curve import without_key
from npinfer.plot.style import COLOURS, INK, dress, new_figure, print_small, publication, spans_decades
from npinfer.plot.tail import draw_tail
from npinfer.plot.ticks import log_scale

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
        log_scale(axes.yaxis)
        axes.set_ylim(LOWEST / tail.toys, 4.0)
        axes.set_xlabel(plain(f"q₀ of {result.quantity.name} at {result.null:g}"))
        axes.set_ylabel("fraction of toys in a bin")
        axes.legend(loc="upper right")
        print_small(figure, [*small_print(result, result.data_kind), result.describe(), result.message])
    return figure, axes


def plot_significance_curve(
    key: str, values: np.ndarray, results: Sequence[Significance | None]
) -> tuple[Figure, Axes]:
    """Draw z against the configuration `key`: asymptotic, counted in toys where there are any, and expected.

    values: of the configuration, one a result; results: None where there is no answer, a gap. A z that is infinite is a
    gap too. Raises ConfigurationError.
    """
    x, found = np.asarray(values, dtype=float), [result for result in results if result is not None]
    if len(x) != len(results) or not found:
        raise ConfigurationError(
            f"a curve takes as many results as values of {key}, and one at least; found {len(found)}, {len(x)}"
        )
    read = lambda number: np.array([np.nan if r is None else number(r) for r in results])
    gaps = lambda z: np.where(np.isfinite(z), z, np.nan)
    first = found[0]
    with publication():
        figure = new_figure(5.8, 4.5, first.description.title)
        axes = dress(figure.add_subplot())
        if spans_decades(x):
            log_scale(axes.xaxis)
        expected, observed = (gaps(read(number)) for number in (lambda r: r.expected_z, lambda r: r.z))
        axes.plot(x, expected, linestyle=(0, (5, 2)), color=INK, linewidth=1.1, zorder=3, label="expected, median")
        label = f"{first.data_kind} data, asymptotic"
        axes.plot(x, observed, marker="o", markersize=4, color=COLOURS[0], clip_on=False, label=label)
        _draw_toy_z(axes, x, results)
        axes.set_ylim(0.0, max(1.25 * axes.get_ylim()[1], 1.0))
        axes.set_xlabel(configuration_label(first.description, key))
        axes.set_ylabel(f"z of {typeset(first.quantity.label, first.quantity.name)} above {first.null:g}")
        axes.legend(loc="best")
        print_small(figure, _curve_notes(key, results, first))
    return figure, axes


def _draw_toy_z(axes: Axes, x: np.ndarray, results: Sequence[Significance | None]) -> None:
    """z counted in toys with its 68.27 % interval; an arrow up from its lower end where no toy reached the data."""
    toys = [(at, r.toy_z) for at, r in zip(x, results, strict=True) if r is not None and r.toy_z is not None]
    known = [(at, *z) for at, z in toys if np.isfinite(z).all()]
    above = [(at, z[1]) for at, z in toys if not np.isfinite(z).all() and np.isfinite(z[1])]
    style = {"linestyle": "", "color": COLOURS[5]}
    if known:
        at, z, low, high = np.array(known).T
        axes.errorbar(at, z, yerr=[z - low, high - z], marker="o", markersize=4, label="counted in toys", **style)
    if above:
        axes.plot(*np.array(above).T, marker="^", label="no toy reaches the data: z above", **style)


def _curve_notes(key: str, results: Sequence[Significance | None], first: Significance) -> list[str]:
    """The small print of one result without the configuration that changes, and what the curve cannot show."""
    lost = sum(r is None or not np.isfinite(r.z) for r in results)
    doubtful = sum(r is not None and not r.valid for r in results)
    truth = ", ".join(f"{name} = {value:.4g}" for name, value in first.expected_at.items())
    return [
        *without_key(first, key),
        f"expected: with the truth at {truth or 'the best fit of each value'}",
        "local: nothing corrects for the number of values; asymptotic: half χ²",
        *([f"no z at {lost} of {len(results)} values: gaps"] if lost else []),
        *([f"a fit to the data did not converge at {doubtful} of {len(results)} values"] if doubtful else []),
    ]
