"""Ticks of logarithmic axes, also of those that hold no two powers of ten."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

NARROW = 1.3  # decades, up to which 1, 2 and 5 are labelled, beyond 1 and 3
PLAIN = (1e-3, 1e5)  # between which few ticks are written as plain numbers


def log_scale(axis: Axis) -> None:
    """Make an axis logarithmic: powers of ten are labelled, and numbers between them where fewer than two are seen.

    >>> from matplotlib.figure import Figure
    >>> axes = Figure().add_subplot(xlim=(2.0, 35.0))
    >>> log_scale(axes.xaxis)
    >>> [label.get_text() for label in axes.get_xticklabels() if 2 <= label.get_position()[0] <= 35]
    ['2', '5', '10', '20']
    """
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(_Locator())
    axis.set_major_formatter(_Formatter(minor_thresholds=(np.inf, np.inf)))
    axis.set_minor_formatter(NullFormatter())


def _few(low: float, high: float) -> bool:
    """Whether fewer than two powers of ten lie between positive values."""
    return low > 0 and math.floor(math.log10(high)) - math.ceil(math.log10(low)) < 1


class _Locator(LogLocator):
    def tick_values(self, vmin: float, vmax: float) -> Any:
        low, high = sorted((vmin, vmax))
        between = (1.0, 2.0, 5.0) if high <= 10**NARROW * low else (1.0, 3.0)
        self.set_params(subs=between if _few(low, high) else (1.0,))
        return super().tick_values(vmin, vmax)


class _Formatter(LogFormatterSciNotation):
    def __call__(self, x: float, pos: int | None = None) -> str:
        low, high = sorted(self.axis.get_view_interval())
        plain = _few(low, high) and low >= PLAIN[0] and high <= PLAIN[1]
        return f"{x:g}" if plain else str(super().__call__(x, pos))
