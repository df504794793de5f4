"""Knots: values of a parameter where derivatives jump, such as those of a quantity that is interpolated linearly.

Between knots the density is smooth. A descent comes near its minimum first, whatever knots are on the way. Then the
knots on both sides are its bounds: at rest at one of these, it has found a minimum unless −ln density falls beyond,
where it goes on then. A knot belongs to the interval above it.
"""

from __future__ import annotations

import numpy as np

from npinfer.inference.descent import Descent
from npinfer.inference.kinks import descend

ROUNDS = 30  # of intervals of one problem
STEPS = (6, 8)  # as of `descend`, of each
FREE_STEPS = (4, 0)  # as of `descend`, before there are bounds
NEAR = 1e-3  # of the distance to the minimum (EDM), from where on knots are bounds


def descend_between(state: Descent, position: int, knots: np.ndarray) -> None:
    """Run a batch of descents of a likelihood whose parameter at `position` has knots (k,), increasing.

    Problems that start at a knot have bounds from the beginning.
    """
    if position not in state.moving:
        descend(state, STEPS)
        return
    at = int(np.flatnonzero(state.moving == position)[0])
    bounds, tolerance = (state.lower[:, at].copy(), state.upper[:, at].copy()), state.tolerance
    edges = np.concatenate([[-np.inf], knots, [np.inf]])

    def confine(rows: np.ndarray) -> None:
        interval = np.searchsorted(edges, state.x[rows, position], side="right")
        state.lower[rows, at] = np.maximum(edges[interval - 1], bounds[0][rows])
        state.upper[rows, at] = np.minimum(np.nextafter(edges[interval], -np.inf), bounds[1][rows])

    confine(np.flatnonzero(np.isin(state.x[:, position], knots)))
    state.tolerance = max(tolerance, NEAR)
    descend(state, FREE_STEPS)
    state.tolerance = tolerance
    state.valid &= state.edm < tolerance
    confine(np.flatnonzero(~state.valid))
    for _ in range(ROUNDS):
        descend(state, STEPS)
        crossing = _cross(state, at, knots, bounds)
        if not len(crossing):
            break
        confine(crossing)
    state.lower[:, at], state.upper[:, at] = bounds
    above = np.nextafter(state.x[:, position], np.inf)
    state.x[:, position] = np.where(np.isin(above, knots), above, state.x[:, position])


def _cross(state: Descent, at: int, knots: np.ndarray, bounds: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Put problems at the edge of their interval on the other side where that leads down; gives their rows."""
    x = state.x[:, state.moving[at]]
    down = (x == state.lower[:, at]) & (x > bounds[0])
    up = (x == state.upper[:, at]) & (x < bounds[1])
    rows = np.flatnonzero((down | up) & np.isfinite(state.nll))
    if not len(rows):
        return rows
    part, sign = state.take(rows), np.where(up[rows], 1.0, -1.0)
    part.x[:, state.moving[at]] = np.nextafter(x[rows], sign * np.inf)
    part.x, part.nll, part.gradient, part.information = part.evaluate(part.x)
    slope = part.gradient[:, at] * sign
    gain = slope**2 / np.maximum(2 * part.information[:, at, at], 1e-10)
    leads_down = np.flatnonzero((slope < 0) & (gain > state.tolerance))
    rows, part = rows[leads_down], part.take(leads_down)
    part.correction[:], part.damping[:], part.valid[:] = 0.0, 0.0, False
    state.put(rows, part)
    return rows
