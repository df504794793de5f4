"""Histograms and their modifiers: what a HistFactory model is made of (CERN-OPEN-2012-016; arXiv:2109.04981).

The middle between a workspace file and its evaluation, in positions of parameters instead of names.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

NONE = -1  # the position of no parameter: a bin that a modifier leaves alone


def nothing() -> np.ndarray:
    """The numbers of a modifier that has none, (0,)."""
    return np.zeros(0)


@dataclass(frozen=True)
class Modifier:
    """What varies the counts of one sample in one channel.

    kind: histosys, normsys, normfactor, lumi, shapefactor, shapesys or staterror. name: shared by modifiers that vary
    together. at: positions of its parameters, (1,), or (bins,) for the last three kinds, NONE where a bin has none.
    up, down: counts (bins,) of a histosys, factors (1,) of a normsys, at +1 and −1 of its parameter.
    uncertainty: standard deviation of the counts, (bins,), of a shapesys or staterror.
    """

    kind: str
    name: str
    at: np.ndarray
    up: np.ndarray = field(default_factory=nothing)
    down: np.ndarray = field(default_factory=nothing)
    uncertainty: np.ndarray = field(default_factory=nothing)


@dataclass(frozen=True)
class Histogram:
    """One sample in one channel: counts (bins,), and their modifiers: (counts + Σ histosys) · Π of all others."""

    sample: str
    channel: str
    counts: np.ndarray
    modifiers: tuple[Modifier, ...]
