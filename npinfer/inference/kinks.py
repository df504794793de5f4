"""Kinks: parameters whose counts bend at zero, where the derivatives from both sides differ.

HistFactory's interpolation codes 0 and 1 have them. Between kinks the density is smooth, so each problem descends on
one side of each kink, as if that were a bound, and crosses where the other side leads further down. The edge of a side
is the smallest step away from zero: derivatives there are those of that side.
"""

from __future__ import annotations

import numpy as np

from npinfer.inference.descent import Descent, exact, observed, rough, secant

EDGE = 1e-300
ROUNDS = 20  # of crossings of one problem
CHEAP = 6  # secant steps, which are the cheaper ones, before those with the exact curvature


def descend(state: Descent, steps: tuple[int, int]) -> None:
    """Run a batch of descents: with secant, then with observed curvature; steps: of each at most."""
    kinked = _kinked(state)
    if not len(kinked):
        _run(state, kinked, steps)
        return
    _place(state, kinked, _downhill(state, kinked))
    _run(state, kinked, steps)
    for _ in range(len(kinked)):
        if not _try_beyond(state, kinked, steps):
            break
    at = state.moving[kinked]
    on_edge = np.abs(state.x[:, at]) <= EDGE
    state.x[:, at] = np.where(on_edge, 0.0, state.x[:, at])
    if on_edge.any():  # where a bin is empty at zero, the data may be impossible there
        state.nll = np.where(on_edge.any(axis=1), state.evaluate(state.x)[1], state.nll)
        state.valid &= np.isfinite(state.nll)
    state.lower[:, kinked], state.upper[:, kinked] = state.coordinates.lower[at], state.coordinates.upper[at]


def place_above(state: Descent) -> None:
    """Put what is at zero in a kink on its upper side, where derivatives are those of that side."""
    kinked = _kinked(state)
    if len(kinked):
        x = state.x[:, state.moving[kinked]]
        _place(state, kinked, np.where(x >= 0, 1.0, -1.0))


def _kinked(state: Descent) -> np.ndarray:
    """Which of the coordinates that move have a kink inside their bounds, as positions among them."""
    kinks: np.ndarray = state.profiled.likelihood.kinks
    if not len(kinks):
        return kinks
    inside = (state.coordinates.lower[kinks] < 0) & (state.coordinates.upper[kinks] > 0)
    return np.flatnonzero(np.isin(state.moving, kinks[inside]))


def _run(state: Descent, kinked: np.ndarray, steps: tuple[int, int]) -> None:
    for _ in range(ROUNDS):
        if state.profiled.curved and state.coordinates.plain:
            coarse = state.profiled.likelihood.coarse
            if coarse is not None and coarse.curved:
                state.run(rough, steps[0])
            state.run(secant, min(steps[0], CHEAP))
            state.run(exact, sum(steps))
        else:
            state.run(secant, steps[0])
            state.run(observed, steps[1])
        if not len(kinked) or not _cross(state, kinked):
            return


def _on_side(state: Descent, kinked: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """x (batch, parameters) with coordinates at zero on the given `sides` (batch, k) of it, +1 or −1."""
    x, at = state.x.copy(), state.moving[kinked]
    x[:, at] = np.where(np.abs(x[:, at]) <= EDGE, sides * EDGE, x[:, at])
    return x


def _downhill(state: Descent, kinked: np.ndarray) -> np.ndarray:
    """The sides of zero that lead down most, of coordinates that start there; of others the one they are on."""
    x, ones = state.x[:, state.moving[kinked]], np.ones((len(state.x), len(kinked)))
    above, below = (state.evaluate(_on_side(state, kinked, side * ones))[2][:, kinked] for side in (1, -1))
    return np.where(np.abs(x) > EDGE, np.sign(x), np.where(-above >= below, 1.0, -1.0))


def _place(state: Descent, kinked: np.ndarray, sides: np.ndarray) -> None:
    """Bound the descents to the given sides, and evaluate them there."""
    at = state.moving[kinked]
    state.lower[:, kinked] = np.where(sides > 0, EDGE, state.coordinates.lower[at])
    state.upper[:, kinked] = np.where(sides > 0, state.coordinates.upper[at], -EDGE)
    state.x, state.nll, state.gradient, state.information = state.evaluate(_on_side(state, kinked, sides))
    state.correction[:] = 0.0
    state.damping[:] = 0.0


def _cross(state: Descent, kinked: np.ndarray) -> bool:
    """Put problems that ended at an edge on the other side where that leads down; gives whether any were."""
    x, sides = state.x[:, state.moving[kinked]], np.where(state.lower[:, kinked] > 0, 1.0, -1.0)
    at_edge = (np.abs(x) <= EDGE) & np.isfinite(state.nll)[:, None]
    if not at_edge.any():
        return False
    _, _, gradient, information = state.evaluate(_on_side(state, kinked, -sides))
    slope = gradient[:, kinked] * -sides  # along the way out on the other side
    gain = slope**2 / np.maximum(2 * np.einsum("nii->ni", information)[:, kinked], 1e-10)
    leads_down = at_edge & (slope < 0) & (gain > state.tolerance)
    rows = np.flatnonzero(leads_down.any(axis=1))
    if not len(rows):
        return False
    part = state.take(rows)
    _place(part, kinked, np.where(leads_down[rows], -sides[rows], sides[rows]))
    part.valid[:] = False
    state.put(rows, part)
    return True


def _try_beyond(state: Descent, kinked: np.ndarray, steps: tuple[int, int]) -> bool:
    """Descend also from the other side of each kink that leads away from it; gives whether any minimum is lower."""
    x, sides = state.x[:, state.moving[kinked]], np.where(state.lower[:, kinked] > 0, 1.0, -1.0)
    rows, which = np.nonzero((np.abs(x) > EDGE) & np.isfinite(state.nll)[:, None])
    if not len(rows):
        return False
    other = state.take(rows)
    each = np.arange(len(rows))
    turned = sides[rows]
    turned[each, which] *= -1
    other.x[each, state.moving[kinked[which]]] = 0.0
    _place(other, kinked, turned)
    away = other.gradient[each, kinked[which]] * turned[each, which] < 0
    if not away.any():
        return False
    rows, other = rows[away], other.take(np.flatnonzero(away))
    other.valid[:] = False
    _run(other, kinked, steps)
    lower = np.flatnonzero(other.nll < state.nll[rows] - state.tolerance)
    for row in np.unique(rows[lower]).tolist():
        mine = lower[rows[lower] == row]
        best = mine[np.argmin(other.nll[mine])]
        state.put(np.array([row]), other.take(np.array([best])))
    return bool(len(lower))
