"""Limits along a configuration, such as a mass: with bands, and the curves of members and of others beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npinfer.core.result import Exclusion, Limit, Significance
from npinfer.errors import ConfigurationError, DataError
from npinfer.plot.labels import configuration_label, percent, plain, quantity_label, seen, small_print
from npinfer.plot.limit import draw_bands, expected_from
from npinfer.plot.style import (
    COLOURS,
    GREY,
    INK,
    dress,
    lighten,
    new_figure,
    print_small,
    publication,
    spans_decades,
)
from npinfer.plot.ticks import log_scale

MEMBER_COLOURS = tuple(COLOURS[i] for i in (0, 5, 3, 4, 1))  # not those of the bands
MEMBER_DASHES = ("-", (0, (6, 2)), (0, (4, 1.5, 1, 1.5)), (0, (2, 1.2)), (0, (8, 2, 1, 2)))
EXTERNAL_DASHES = ((0, (1, 1)), (0, (5, 1.5)), (0, (3, 1, 1, 1)), "-")
MARGIN = 0.05  # of the axis that results span, on both sides
FAR = 1e6  # times the highest value: an upper edge of a band without a limit
_NUMBER = re.compile(r"\d+(\.\d+)?(e[+-]?\d+)?")
Members = Mapping[str, Sequence[Limit] | Sequence[Exclusion]]


@dataclass(frozen=True)
class Overlay:
    """What is drawn beside limits and is not of their likelihoods: a line, or a band up to `upper`.

    x: values of the configuration, (points,), rising; lower, upper: of the parameter, NaN for gaps.
    """

    label: str
    x: np.ndarray
    lower: np.ndarray
    upper: np.ndarray | None = None


def external_curve(
    path: str | Path,
    label: str,
    reference: str,
    *,
    scale: float = 1.0,
    power: float = 1.0,
    columns: tuple[int, int] | None = None,
) -> Overlay:
    """A curve of somebody else from a file with columns x and coupling, between commas or blanks.

    Lines that start with # are comments, a first line of words is skipped. label, reference: who and where, printed as
    "external: label, reference"; power, scale: the coupling drawn is scale times that of the file to this power, such
    as 0.302822 where it is in units of e, power 0.5 where it is a square; columns: which of more than two, from 0.
    Points with x of zero or below are left out. Raises DataError, naming the line.
    """
    path, at = Path(path), columns or (0, 1)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    points = []
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].replace(",", " ").split()
        if words and (number > 1 or any(_number(word) is not None for word in words)):
            points.append(_point(f"{path}:{number}", line, words, at, columns is None))
    points = [(x, scale * coupling**power) for x, coupling in points if x > 0]
    if len(points) < 2:
        raise DataError(f"{path}: expected at least two points with x above 0; found {len(points)}")
    x, coupling = np.array(points).T
    order = np.argsort(x, kind="stable")
    return Overlay(f"external: {label}, {reference}", x[order], coupling[order])


def _point(where: str, line: str, words: list[str], at: tuple[int, int], only: bool) -> tuple[float, float]:
    """x and coupling of one line; only: there must be no other words. Raises DataError."""
    wanted = [_number(words[i]) if i < len(words) else None for i in at]
    if only and len(words) > 2 and None not in wanted:
        raise DataError(f"{where}: expected two numbers, x and coupling; found {line.strip()!r}; give columns=(…, …)")
    if wanted[0] is None or wanted[1] is None:
        raise DataError(f"{where}: expected two numbers, x and coupling; found {line.strip()!r}")
    if wanted[1] < 0:
        raise DataError(f"{where}: expected a coupling of zero or more; found {line.strip()!r}")
    return wanted[0], wanted[1]


def _number(word: str) -> float | None:
    try:
        return value if np.isfinite(value := float(word)) else None
    except ValueError:
        return None


def plot_limit_curve(
    key: str,
    values: np.ndarray,
    limits: Sequence[Limit],
    *,
    members: Members | None = None,
    overlays: Sequence[Overlay] = (),
) -> tuple[Figure, Axes]:
    """Draw limits against the configuration `key`, with the expected bands; gaps where there is no limit.

    A band whose upper edge has none reaches the top of the axes.

    values: of the configuration, one a limit; members: {name: as many results of it alone}, drawn as a line: observed
    limits, or the least value of exclusions, with thin lines around what is allowed above; overlays: what others found,
    inside the axes that the results take. Raises ConfigurationError.
    """
    first, x = (limits or [None])[0], np.asarray(values, dtype=float)
    if first is None or len(x) != len(limits):
        raise ConfigurationError(f"a curve takes as many limits as values of {key}; found {len(limits)}, {len(x)}")
    observed = _gaps(np.array([limit.observed for limit in limits]))
    expected = np.stack([limit.expected for limit in limits])
    beside = bool(members or overlays)
    with publication():
        figure = new_figure(*((8.0, 5.4) if beside else (5.8, 4.5)), first.description.title)
        axes = dress(figure.add_subplot())
        draw_bands(axes, x, _open_above(expected).T)
        label = f"joint, {seen(first.data_kind)}" if members else seen(first.data_kind)
        axes.plot(x, observed, "-", marker=".", markersize=4, color=INK, label=label, zorder=4)
        drawn = [observed, expected.ravel()]
        for number, (name, results) in enumerate((members or {}).items()):
            drawn.append(draw_member(axes, x, name, results, number))
        _scale(axes, x, np.concatenate(drawn), beside)
        draw_overlays(axes, overlays)
        axes.set_xlabel(configuration_label(first.description, key))
        axes.set_ylabel(f"{percent(first.cl)} upper limit of {quantity_label(first.quantity)}")
        _draw_legend(axes, beside)
        thin = ["between two thin lines, values are allowed again"] if _pieces(members or {}) else []
        print_small(figure, [*without_key(first, key), *_notes(limits, observed), *thin, *_distinct(limits)])
    return figure, axes


def draw_overlays(axes: Axes, overlays: Sequence[Overlay]) -> list[Artist]:
    """Grey lines with gaps where they leave the axes, thin ones first, and hatched bands; gives what a legend shows."""
    drawn: list[Artist] = []
    low, high = axes.get_ylim()
    for number, overlay in enumerate(overlays):
        label = plain(overlay.label)
        if overlay.upper is not None:
            style = {"facecolor": "none", "edgecolor": lighten(COLOURS[3], 0.2), "hatch": "////", "linewidth": 0.6}
            drawn.append(axes.fill_between(overlay.x, overlay.lower, overlay.upper, label=label, zorder=2.5, **style))
            continue
        inside = np.where((overlay.lower >= low) & (overlay.lower <= high), overlay.lower, np.nan)
        turn, dashes = divmod(number, len(EXTERNAL_DASHES))
        style = {"color": GREY, "linewidth": 0.6 + 0.8 * turn, "linestyle": EXTERNAL_DASHES[dashes]}
        drawn += axes.plot(overlay.x, inside, label=label, zorder=2.6, **style)
    return drawn


def draw_member(
    axes: Axes, x: np.ndarray, name: str, results: Sequence[Limit] | Sequence[Exclusion], number: int
) -> np.ndarray:
    """The curve of one member; returns the values that it reaches."""
    if len(results) != len(x):
        raise ConfigurationError(f"member {name!r}: expected as many results as values, {len(x)}; found {len(results)}")
    style = {"color": MEMBER_COLOURS[number % 5], "linestyle": MEMBER_DASHES[number % 5], "zorder": 3.5}
    if isinstance(results[0], Limit):
        curve = _gaps(np.array([result.observed for result in results]))  # type: ignore[union-attr]
        axes.plot(x, curve, label=plain(f"{name}, {seen(results[0].data_kind)}"), linewidth=1.3, **style)
        return curve
    pieces = [result.segments for result in results]  # type: ignore[union-attr]
    curve = np.array([found[0].lower if found else np.nan for found in pieces])
    gaps = max(map(len, pieces)) - 1
    axes.plot(x, curve, label=plain(f"{name}, excluded from here"), linewidth=1.3, **style)
    for i in range(gaps):
        ends = [(s[i].upper, s[i + 1].lower) if len(s) > i + 1 else (np.nan, np.nan) for s in pieces]
        axes.plot(x, np.array(ends), linewidth=0.6, **style)
    return curve


def _pieces(members: Members) -> bool:
    """Whether a member excludes more than one piece of values."""
    return any(isinstance(r, Exclusion) and len(r.segments) > 1 for results in members.values() for r in results)


def _scale(axes: Axes, x: np.ndarray, drawn: np.ndarray, beside: bool) -> None:
    """Logarithmic axes where they span decades; what is external does not decide how far they reach."""
    if spans_decades(x):
        log_scale(axes.xaxis)
    finite = drawn[np.isfinite(drawn)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (1.0, 1.0)
    if spans_decades(np.array([low, high])):
        log_scale(axes.yaxis)
        margin = 2.0 if beside else (high / low) ** MARGIN
        axes.set_ylim(low / margin, high * margin)
    else:
        margin = MARGIN * ((high - low) or high or 1.0)
        axes.set_ylim(low - margin, high + margin)
    if x[-1] > x[0]:
        axes.set_xlim(x[0], x[-1])


def _draw_legend(axes: Axes, beside: bool) -> None:
    if beside:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, fontsize=8.5)
    else:
        axes.legend(loc="best")


def _notes(limits: Sequence[Limit], observed: np.ndarray) -> list[str]:
    lost = int(np.isnan(observed).sum())
    notes = [f"no limit at {lost} of {len(limits)} values: gaps"] if lost else []
    open_band = np.isinf([limit.expected for limit in limits]).any()
    notes += ["a band reaches the top where its upper edge has no limit"] if open_band else []
    said = dict.fromkeys([limit.calibration for limit in limits] + [s for v in limits for s in expected_from(v)])
    return [*notes, "local: nothing corrects for the number of values", *said]


def _open_above(expected: np.ndarray) -> np.ndarray:
    """Quantiles (points, 5) with gaps where there is no limit, but upper edges of bands far above all others there."""
    edges = _gaps(expected)
    highest = np.max(edges, initial=1.0, where=np.isfinite(edges))
    for lower, upper in ((0, 4), (1, 3)):
        edges[np.isinf(expected[:, upper]) & np.isfinite(expected[:, lower]), upper] = FAR * highest
    return edges


def _gaps(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)


def without_key(result: Limit | Exclusion | Significance, key: str) -> list[str]:
    """The small print of one result with its notes, without the configuration that changes along the curve."""
    kept = {k: v for k, v in result.description.configuration.items() if k != key}
    lines = [line for line in small_print(result, result.data_kind) if not line.startswith("configuration: ")]
    chosen = [f"configuration: {', '.join(f'{k} {v}' for k, v in kept.items())}"] if kept else []
    return [*lines, *chosen, *result.description.notes]


def _distinct(limits: Sequence[Limit]) -> list[str]:
    """Messages of the limits; of those that differ in numbers alone the first."""
    alike: dict[str, list[str]] = {}
    for limit in limits:
        if limit.message:
            alike.setdefault(_NUMBER.sub("", limit.message), []).append(limit.message)
    return [f"{m[0]} (alike at {len(m)} of {len(limits)} values)" if len(m) > 1 else m[0] for m in alike.values()]
