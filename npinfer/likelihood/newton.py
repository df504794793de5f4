"""The minimum of −ln density of a workspace: damped Newton steps inside bounds, in loops that numba compiles.

Each problem is solved alone, so that results do not depend on those beside it. A problem that ends anywhere but at a
minimum with a positive definite curvature is said not to have converged.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from npinfer.likelihood.kernel import Tables, Work, compiled, curve, expand, workspace

STEPS = 60
LEAST_DAMPING = 1e-3  # Marquardt's, of a step that led up
FINE = 1e-3  # of the tolerance: of a smaller EDM the last step is not taken
SOFTEST = 1e-6  # what is left of a diagonal element when the parameters before are eliminated, of a curvature in use


class Step(NamedTuple):
    """Where a descent is and goes, each (parameters,), but half, (wide, wide), a Cholesky factor."""

    trial: np.ndarray
    gradient: np.ndarray
    held: np.ndarray
    move: np.ndarray
    half: np.ndarray


@compiled
def minimise(
    t: Tables,
    data: tuple[np.ndarray, np.ndarray, np.ndarray],
    points: np.ndarray,
    free: np.ndarray,
    tolerance: float,
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], int]:
    """Minimise −ln density from each of `points` (batch, parameters), which move to the minima.

    data: counts (sets, bins), auxiliary data (sets, auxiliary), the part of ln density that no parameter changes less
    the norm of the normal constraints (sets,), one set or one a point; free: which parameters are, (parameters,) of
    bool. Gives −ln density, EDM and whether that is below `tolerance`, each (batch,), and of how many it is not.
    """
    (counts, auxiliary, constant), failed = data, 0
    n, p = points.shape
    nll, edm, valid = np.full(n, np.inf), np.full(n, np.inf), np.zeros(n, dtype=np.bool_)
    w = workspace(t)
    half = np.zeros((len(t.wide), len(t.wide)))
    step = Step(np.zeros(p), np.zeros(p), np.zeros(p, dtype=np.bool_), np.zeros(p), half)
    for row in range(n):
        i = row if len(counts) > 1 else 0
        value, edm[row], valid[row] = _descend(t, w, step, (counts[i], auxiliary[i], points[row], free), tolerance)
        nll[row] = value - constant[i] - t.norm
        failed += not valid[row]
    return (nll, edm, valid), failed


@compiled
def _descend(
    t: Tables,
    w: Work,
    s: Step,
    problem: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    tolerance: float,
) -> tuple[float, float, bool]:
    """The minimum of one problem: counts, auxiliary data, the point that moves, and which parameters are free."""
    counts, auxiliary, x, free = problem
    s.gradient.fill(0.0)
    _place(t, s, x, free)
    x[:] = s.trial
    value = expand(t, w, counts, auxiliary, x)
    if not math.isfinite(value):
        return np.inf, np.inf, False
    _hold(t, w, s, x, free)
    edm, damping, fresh, expected = np.inf, 0.0, True, True
    for _ in range(STEPS):
        if fresh:
            curve(t, w, (counts, auxiliary), x, expected)
        if not _solve(t, w.curvature, s, damping):  # the expected information is used, and damped if that is singular
            damping = _next(damping, not expected)
            fresh, expected = not expected, True
            continue
        edm = 0.5 * abs(_along(s.move, s.gradient))
        done = edm < tolerance and damping == 0.0 and not expected
        if done and edm < FINE * tolerance:
            return value, edm, _is_bowl(t, w.curvature, s, free)
        for i in range(len(x)):
            s.trial[i] = x[i] + s.move[i]
        _place(t, s, s.trial, free)
        there = expand(t, w, counts, auxiliary, s.trial)
        for i in range(len(x)):
            s.move[i] = s.trial[i] - x[i]
        fresh = there <= value + 1e-4 * min(_along(s.move, s.gradient), 0.0) + 1e-13 * abs(value)
        if fresh:
            x[:] = s.trial
            value, expected = there, False
            _hold(t, w, s, x, free)
        if done:
            return value, edm, _is_bowl(t, w.curvature, s, free)
        damping = _next(damping, fresh)
    return value, edm, False


@compiled
def _is_bowl(t: Tables, m: np.ndarray, s: Step, free: np.ndarray) -> bool:
    """Whether second derivatives are positive definite in all that is free, also in what is held at a bound.

    A minimum on a bound where they are not may have a lower one on the other side of a ridge.
    """
    at_bound = False
    for i in range(len(free)):
        at_bound |= free[i] and s.held[i]
        s.held[i] = not free[i]
    return not at_bound or _solve(t, m, s, 0.0)


@compiled
def _next(damping: float, moved: bool) -> float:
    """The damping after a step that was taken, or led up."""
    if moved:
        return damping / 10.0 if damping >= LEAST_DAMPING else 0.0
    return min(max(10.0 * damping, LEAST_DAMPING), 1e8)


@compiled
def _along(a: np.ndarray, b: np.ndarray) -> float:
    """Σ a b."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@compiled
def _place(t: Tables, s: Step, x: np.ndarray, free: np.ndarray) -> None:
    """x with what is free inside its bounds, and on those it is next to and pushed to, is `s.trial`."""
    for i in range(len(x)):
        s.trial[i] = x[i]
        if free[i]:
            lower, upper, near = t.range[i]
            s.trial[i] = min(max(x[i], lower), upper)
            if s.trial[i] <= lower + near and s.gradient[i] > 0.0:
                s.trial[i] = lower
            elif s.trial[i] >= upper - near and s.gradient[i] < 0.0:
                s.trial[i] = upper


@compiled
def _hold(t: Tables, w: Work, s: Step, x: np.ndarray, free: np.ndarray) -> None:
    """Hold what is not free, or at a bound that the gradient pushes it to."""
    for i in range(len(x)):
        s.gradient[i] = w.gradient[i] if free[i] else 0.0
        below, above = x[i] <= t.range[i, 0], x[i] >= t.range[i, 1]
        s.held[i] = not free[i] or (below and s.gradient[i] > 0.0) or (above and s.gradient[i] < 0.0)


@compiled
def _solve(t: Tables, m: np.ndarray, s: Step, damping: float) -> bool:
    """The damped step −(M + λ diag M)⁻¹ g of what is not held; gives whether M is positive definite and it leads down.

    The local parameters are eliminated first, then the wide ones by Cholesky's method.
    """
    much, last = 1.0 + damping, len(t.wide)
    for i in range(last):
        s.move[t.wide[i]] = -s.gradient[t.wide[i]]
        for j in range(i):
            s.half[i, j] = m[i, j]
        s.half[i, i] = much * m[i, i]
    for k in range(len(t.local)):
        at, own = t.local[k, 1], m[last + t.local[k, 0]]
        if s.held[at]:
            continue
        if not own[last] > 0.0:
            return False
        for i in range(last):
            over = own[i] / (much * own[last])
            if over != 0.0:
                s.move[t.wide[i]] += over * s.gradient[at]
                for j in range(i + 1):
                    s.half[i, j] -= over * own[j]
    if not _solve_wide(t, m, s):
        return False
    for k in range(len(t.local)):
        at, own = t.local[k, 1], m[last + t.local[k, 0]]
        rest = -s.gradient[at]
        for i in range(last):
            rest -= own[i] * s.move[t.wide[i]]
        s.move[at] = 0.0 if s.held[at] else rest / (much * own[last])
    down = _along(s.move, s.gradient)
    return math.isfinite(down) and down <= 0.0


@compiled
def _solve_wide(t: Tables, m: np.ndarray, s: Step) -> bool:
    """Solve half · move = move for what is wide and not held, by Cholesky's method in place; move is 0 where held."""
    active = np.empty(len(t.wide), dtype=np.intp)
    n = 0
    for i in range(len(t.wide)):
        if s.held[t.wide[i]]:
            s.move[t.wide[i]] = 0.0
        else:
            active[n] = i
            n += 1
    for a in range(n):
        i = active[a]
        for b in range(a + 1):
            j = active[b]
            rest = s.half[i, j]
            for c in range(b):
                rest -= s.half[i, active[c]] * s.half[j, active[c]]
            if a > b:
                s.half[i, j] = rest / s.half[j, j]
            elif rest > SOFTEST * m[i, i]:
                s.half[i, i] = math.sqrt(rest)
            else:
                return False
    for a in range(n):
        i = active[a]
        for b in range(a):
            s.move[t.wide[i]] -= s.half[i, active[b]] * s.move[t.wide[active[b]]]
        s.move[t.wide[i]] /= s.half[i, i]
    for a in range(n - 1, -1, -1):
        i = active[a]
        for b in range(a + 1, n):
            s.move[t.wide[i]] -= s.half[active[b], i] * s.move[t.wide[active[b]]]
        s.move[t.wide[i]] /= s.half[i, i]
    return True
