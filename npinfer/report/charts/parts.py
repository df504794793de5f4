"""What charts are made of: escaped labels, numbers, lines, bands and axes, as Plotly takes them.

A colour may be the name of one of the page, "ink", "soft" or "line", which differ in light and dark.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from npinfer.core.result import Quantity, Result
from npinfer.plot.style import COLOURS
from npinfer.report.text import symbol, unit

Trace = dict[str, Any]
BRIGHT = 6  # colours that a thin line shows on white and on black
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
DIGITS = 7
HOVER = "%{x:.4~g}: %{y:.4~g}"


def words(text: str) -> str:
    """A label of which no part is read as markup.

    >>> words("<b>a & b</b>")
    '&lt;b&gt;a &amp; b&lt;/b&gt;'
    """
    return html.escape(" ".join(text.split()), quote=False)


def title(quantity: Quantity) -> str:
    """What an axis says of a quantity: its symbol and its unit in brackets.

    >>> title(Quantity("f_nuebar", "GeV^-1", r"$f_{\\bar\\nu_e}$"))
    'f<sub>ν̄e</sub> [GeV⁻¹]'
    """
    tags = {"text": "{}", "sub": "<sub>{}</sub>", "sup": "<sup>{}</sup>"}
    said = "".join(tags[kind].format(words(part)) for kind, part in symbol(quantity))
    return f"{said} [{words(unit(quantity.unit))}]" if quantity.unit else said


def numbers(values: Iterable[float]) -> list[float | None]:
    """Seven digits of each number; None for a gap, where it is not finite.

    >>> numbers([1 / 3, float("inf")])
    [0.3333333, None]
    """
    return [float(f"{v:.{DIGITS}g}") if np.isfinite(v) else None for v in map(float, values)]


def faint(colour: str, opacity: float) -> str:
    """A colour that shows what lies below it.

    >>> faint("#0072B2", 0.2)
    'rgba(0,114,178,0.2)'
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def line(name: str, x: Iterable[float], y: Iterable[float], colour: str, **more: Any) -> Trace:
    """A line through points, with gaps where a number is not finite."""
    style = {"color": colour, "width": more.pop("width", 2), "dash": more.pop("dash", "solid")}
    base = {"type": "scatter", "mode": "lines", "name": words(name), "x": numbers(x), "y": numbers(y), "line": style}
    return {**base, "hovertemplate": HOVER, **more}


def band(name: str, x: Sequence[float] | np.ndarray, low: np.ndarray, high: np.ndarray, colour: str) -> Trace:
    """The area between two curves, in pieces where one of them has a gap."""
    x, known = np.asarray(x, dtype=float), np.isfinite(low) & np.isfinite(high)
    across: list[float] = []
    along: list[float] = []
    for piece in np.split(np.arange(len(x)), np.flatnonzero(np.diff(known)) + 1):
        if len(piece) and known[piece[0]]:
            across += [*x[piece], *x[piece][::-1], np.nan]
            along += [*low[piece], *high[piece][::-1], np.nan]
    return area(name, across, along, colour)


def area(name: str, x: Iterable[float], y: Iterable[float], colour: str, **more: Any) -> Trace:
    """The inside of closed paths, a gap between two."""
    drawn = line(name, x, y, colour, width=0, fill="toself", fillcolor=colour, hoverinfo="skip")
    return {**drawn, "hovertemplate": None, **more}


def axis(text: str, *, log: bool = False, **more: Any) -> dict[str, Any]:
    """An axis below its title."""
    return {"title": {"text": text}, "type": "log" if log else "linear", "exponentformat": "power", **more}


def labels(results: Sequence[tuple[str, Result]]) -> list[str]:
    """What tells results of one figure apart, from (file, result): the likelihood, with the file where it repeats."""
    names = [result.description.name for _, result in results]
    repeated = Counter(names)
    kinds = [getattr(result, "data_kind", "observed") for _, result in results]
    said = [f"{name}, {file}" if repeated[name] > 1 else name for name, (file, _) in zip(names, results, strict=True)]
    return [text if kind == "observed" else f"{text} ({kind} data)" for text, kind in zip(said, kinds, strict=True)]


def colour_of(number: int) -> tuple[str, str]:
    """Colour and dash of the curve of a number."""
    return COLOURS[number % BRIGHT], DASHES[number % len(DASHES)]
