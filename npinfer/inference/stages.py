"""Minimisation in two stages: of a coarse approximation, from every start point, and then of −ln density itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from npinfer.inference.fit_options import FitOptions
from npinfer.inference.from_start import native
from npinfer.inference.minima import Minima
from npinfer.inference.turns import Turn, turns
from npinfer.threads import one_blas_thread

ROUGH = 1e-4  # tolerance of the coarse approximation
PROMISING = 1.0  # of −ln density above the lowest of its minima, which the exact ones may turn round
NEAR = 0.1  # of the width of parameters, between minima that others are looked for between
SAME = 0.05  # of the width of parameters, between points that are one minimum


def in_two_stages(
    likelihood: Any, packed: Any, starts: Sequence[np.ndarray], free: np.ndarray, options: FitOptions
) -> Minima:
    """The minima of a batch of problems from several (batch, parameters) start points."""
    with one_blas_thread():
        rough = _rough(likelihood, packed, starts, free, options)
        return _exact(likelihood, packed, rough, free, options)


def in_turn(
    likelihood: Any, packed: Any, starts: Sequence[np.ndarray], free: np.ndarray, options: FitOptions
) -> Minima:
    """As `in_two_stages`, of problems next to each other on a path, told apart by what is not `free`.

    Some come first, and others start between the minima of these where they are near each other, of each start point:
    fewer steps are left then. Where two start points lead to one minimum on both sides, the later one is tried again.
    """
    first, width = starts[0], likelihood.parameters.width
    rough, found = [Minima.none(*first.shape) for _ in starts], Minima.none(*first.shape)
    off = np.zeros_like(first)  # the exact minimum from the lowest coarse one, where that is little
    with one_blas_thread():
        for turn in turns(np.where(free, 0.0, first / width)):
            rows = turn.rows
            begin = _between(turn, rough, [start[rows] for start in starts], free, width)
            some = _rough(likelihood, packed.take(rows), begin, free, options)
            shift = np.where(turn.inside[:, None], turn.between(off), 0.0)
            exact = _exact(likelihood, packed.take(rows), some, free, options, shift)
            at = np.argmin([minima.nll for minima in some], axis=0)
            away = exact.points - np.array([minima.points for minima in some])[at, np.arange(len(rows))]
            off[rows] = np.where((np.abs(away) < SAME * width).all(axis=1)[:, None], away, 0.0)
            for minima, part in zip([*rough, found], [*some, exact], strict=True):
                minima.put(rows, part)
    return found


def _between(
    turn: Turn, rough: Sequence[Minima], starts: Sequence[np.ndarray], free: np.ndarray, width: np.ndarray
) -> list[np.ndarray]:
    """Where the problems of a turn start, (rows, parameters) for each start point.

    That is between the minima from it for those inside, where these are near each other, and else the start point.
    """
    begin = []
    for minima, start in zip(rough, starts, strict=True):
        apart = np.abs(minima.points[turn.high] - minima.points[turn.low]) * free
        near = (turn.inside & (apart < NEAR * width).all(axis=1))[:, None]
        begin.append(np.where(near & free, turn.between(minima.points), start))
    for k in range(1, len(starts)):
        lost = turn.inside & np.all([_same(rough[k], rough[:k], ends, width) for ends in (turn.low, turn.high)], axis=0)
        again = np.where(starts[k] == starts[0], begin[0], starts[k])
        begin[k] = np.where(lost[:, None], again, begin[k])
    return begin


def _same(minima: Minima, others: Sequence[Minima], rows: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Which of some rows of minima are one of the others', (rows,) of bool."""
    apart = np.array([np.abs(minima.points[rows] - other.points[rows]) > SAME * width for other in others])
    same: np.ndarray = ~apart.any(axis=2).all(axis=0)
    return same


def _exact(
    likelihood: Any,
    packed: Any,
    rough: Sequence[Minima],
    free: np.ndarray,
    options: FitOptions,
    shift: np.ndarray | float = 0.0,
) -> Minima:
    """Minimise from the lowest of the coarse minima, moved by a `shift` (batch, parameters) that it may be off.

    From others too, where they are apart from it and so little above that the exact ones may turn round.
    """
    nll = np.array([minima.nll for minima in rough])
    order, rows = np.argsort(nll, axis=0), np.arange(nll.shape[1])
    points, possible = np.array([minima.points for minima in rough])[order, rows], np.isfinite(nll[order, rows])
    above = np.subtract(nll[order, rows], nll.min(axis=0), out=np.full(nll.shape, np.inf), where=possible)
    found = native(likelihood, packed, likelihood.parameters.shrink(points[0] + shift, free), free, options)
    for k in range(1, len(points)):
        apart = np.abs(points[k] - points[:k]) > SAME * likelihood.parameters.width
        some = np.flatnonzero((above[k] < PROMISING) & apart.any(axis=2).all(axis=0))
        if len(some):
            known = found.take(some)
            other = native(likelihood, packed.take(some), points[k, some], free, options, known)
            found.put(some, known.better(other))
    return found


def _rough(
    likelihood: Any, packed: Any, starts: Sequence[np.ndarray], free: np.ndarray, options: FitOptions
) -> list[Minima]:
    """The minima of the coarse approximation of a likelihood from each start point, or that where it has none."""
    loose, found, lowest = replace(options, tolerance=max(options.tolerance, ROUGH)), [], None
    for start in starts:
        minima = native(likelihood.coarse, packed, start, free, loose, lowest)
        minima.points[:] = np.where(np.isfinite(minima.nll)[:, None], minima.points, start)
        lowest = minima if lowest is None else lowest.better(minima)
        found.append(minima)
    return found


def promising(likelihood: Any, packed: Any, starts: np.ndarray, free: np.ndarray, options: FitOptions) -> np.ndarray:
    """Of the start points of one problem (starts, parameters), those that may lead to its minimum.

    That is all of them, but where there is a coarse approximation: its minima where they differ, unless they lie far
    above the lowest.
    """
    if likelihood.coarse is None or options.minimiser != "native":
        return starts
    with one_blas_thread():
        (rough,) = _rough(likelihood, packed, [starts], free, options)
    kept = np.zeros(0, dtype=np.intp)
    for i in np.argsort(rough.nll):
        apart = np.abs(rough.points[i] - rough.points[kept]) > SAME * likelihood.parameters.width
        if np.isfinite(rough.nll[i]) and apart.any(axis=1).all():
            kept = np.append(kept, i)
    kept = kept[rough.nll[kept] < rough.nll.min() + PROMISING]
    return rough.points[kept] if len(kept) else starts
