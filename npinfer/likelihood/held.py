"""Histograms with some of their parameters held at a point, or measured in unit pulls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from npinfer.likelihood.cells import SINGLE
from npinfer.likelihood.interpolation import FACTOR_CODES, SHIFT_CODES, Multipliers, bends, even_part
from npinfer.likelihood.modifiers import NONE, Histogram, Modifier

CODES = (FACTOR_CODES[0], SHIFT_CODES[0])  # of normsys and histosys: what a workspace means
FACTORS = ("normfactor", "lumi")
STRAIGHT = 1e-14  # of the counts: a histosys bends less by rounding


def is_linear(histogram: Histogram, m: Modifier) -> bool:
    """Whether the two sides of a histosys are one straight line."""
    size = float(np.abs([histogram.counts, m.up, m.down]).max(initial=0.0))
    return bool(np.abs(m.up + m.down - 2 * histogram.counts).max(initial=0.0) <= STRAIGHT * size)


def hold(histogram: Histogram, held: np.ndarray, point: np.ndarray, codes: tuple[str, str] = CODES) -> Histogram:
    """The histogram with the parameters that are `held`, (parameters,) of bool, at `point`: the others vary it."""
    added, factor = np.zeros(len(histogram.counts)), np.ones(len(histogram.counts))
    left, touched = [], False
    for m in histogram.modifiers:
        on = (m.at != NONE) & held[m.at]
        value = np.where(on, point[m.at], 1.0)
        touched = touched or bool(on.any())
        if m.kind in SINGLE:
            factor = factor * value
            left.append(replace(m, at=np.where(on, NONE, m.at)))
        elif not on.any():
            left.append(m)
        elif m.kind == "histosys":
            mean, bend = bends(histogram.counts, m.up, m.down)
            added = added + value * mean + even_part(value, codes[1])[0] * bend
        elif m.kind == "normsys":
            factor = factor * Multipliers(m.up, m.down, codes[0])(value[None])[0][0]
        else:
            factor = factor * value
    if not touched:
        return histogram
    counts = (histogram.counts + added) * factor
    modifiers = (_moved(m, histogram.counts, counts, factor) for m in left if (m.at != NONE).any())
    return replace(histogram, counts=counts, modifiers=tuple(modifiers))


def _moved(m: Modifier, before: np.ndarray, after: np.ndarray, factor: np.ndarray) -> Modifier:
    """A modifier of counts that were shifted and multiplied by `factor` (bins,), from `before` to `after`."""
    if m.kind == "histosys":
        return replace(m, up=after + (m.up - before) * factor, down=after + (m.down - before) * factor)
    return replace(m, uncertainty=m.uncertainty * factor) if len(m.uncertainty) else m


def in_pulls(histogram: Histogram, pulls: Mapping[int, tuple[float, float]]) -> Histogram:
    """The histogram with offset + scale · pull in the place of the parameters {position: (offset, scale)}.

    A factor of counts t becomes a histosys, (offset + scale · pull) t: there is one at most, and no other histosys.
    A linear histosys becomes steeper; its offset is 0.
    """
    before, after, modifiers = histogram.counts, histogram.counts, histogram.modifiers
    for m in modifiers:
        if m.kind in FACTORS and int(m.at[0]) in pulls:
            offset, scale = pulls[int(m.at[0])]
            after = offset * before
            up, down = (offset + scale) * before, (offset - scale) * before
            modifiers = tuple(
                replace(m, kind="histosys", up=up, down=down)
                if other is m
                else _moved(other, before, after, np.full(len(before), offset))
                for other in modifiers
            )
            break
    else:
        modifiers = tuple(_steeper(m, before, pulls) for m in modifiers)
    return replace(histogram, counts=after, modifiers=modifiers)


def _steeper(m: Modifier, counts: np.ndarray, pulls: Mapping[int, tuple[float, float]]) -> Modifier:
    """A linear histosys, if it is of a parameter in `pulls`, per unit of its pull."""
    if m.kind != "histosys" or int(m.at[0]) not in pulls:
        return m
    half = 0.5 * pulls[int(m.at[0])][1] * (m.up - m.down)
    return replace(m, up=counts + half, down=counts - half)
