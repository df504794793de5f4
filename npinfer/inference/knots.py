"""Knots: values of a parameter where derivatives jump, such as those of a quantity that is interpolated linearly.

Between knots the density is smooth. A descent that does not come to rest is held at the nearest knot: it has found a
minimum there if −ln density rises on both sides, and else goes on, on the side that leads down. A knot belongs to the
interval above it.
"""

from __future__ import annotations

import numpy as np

from npinfer.inference.descent import Descent
from npinfer.inference.kinks import descend

ROUNDS = 8  # of holding a problem at a knot and letting it go
STEPS = (6, 8)  # as of `descend`: one that is not at rest after these may be at a knot


def descend_between(state: Descent, position: int, knots: np.ndarray) -> None:
    """Run a batch of descents of a likelihood whose parameter at `position` has knots (k,), increasing.

    Problems that start at a knot are held there first.
    """
    if position not in state.moving:
        descend(state, STEPS)
        return
    at = int(np.flatnonzero(state.moving == position)[0])
    bounds = state.lower[:, at].copy(), state.upper[:, at].copy()
    held = np.isin(state.x[:, position], knots)
    state.lower[held, at] = state.upper[held, at] = state.x[held, position]
    for _ in range(ROUNDS):
        descend(state, STEPS)
        released = _release(state, at, held, bounds)
        held = (held & ~released) | (~state.valid & ~released & np.isfinite(state.nll))
        stray = np.flatnonzero(held & ~state.valid)
        if not len(stray) and not released.any():
            break
        nearest = knots[np.abs(state.x[stray, position, None] - knots).argmin(axis=1)]
        _place(state, stray, at, nearest, (nearest, nearest))
    state.lower[:, at], state.upper[:, at] = bounds


def _release(state: Descent, at: int, held: np.ndarray, bounds: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Let go those held at a knot from where a side leads down, on that side; gives which, (batch,) of bool."""
    rows, released = np.flatnonzero(held & np.isfinite(state.nll)), np.zeros(len(held), dtype=bool)
    if not len(rows):
        return released
    position = state.moving[at]
    knot, part = state.x[rows, position], state.take(rows)
    below = np.nextafter(knot, -np.inf)
    part.x[:, position] = below
    left, right = part.evaluate(part.x)[2][:, at], state.gradient[rows, at]
    down, up = (left > 0) & (left >= -right), (right < 0) & (-right > left)
    down, up = down & (knot > bounds[0][rows]), up & (knot < bounds[1][rows])
    for some, start, low, high in (
        (down, below, bounds[0][rows], below),
        (up, knot, knot, bounds[1][rows]),
    ):
        _place(state, rows[some], at, start[some], (low[some], high[some]))
        released[rows[some]] = True
    return released


def _place(
    state: Descent, rows: np.ndarray, at: int, value: np.ndarray, bounds: tuple[np.ndarray, np.ndarray]
) -> None:
    """Put a coordinate of some descents to a value, and its bounds, and evaluate them there."""
    if not len(rows):
        return
    part = state.take(rows)
    part.lower[:, at], part.upper[:, at] = bounds
    part.x[:, state.moving[at]] = value
    part.x, part.nll, part.gradient, part.information = part.evaluate(part.x)
    part.correction[:] = 0.0
    part.damping[:] = 0.0
    part.valid[:] = False
    state.put(rows, part)
