"""Roots of many functions at once, each between two ends of opposite sign."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

MOST_STEPS = 90
ORDER = 5  # points of the inverse interpolation
Known = tuple[np.ndarray, np.ndarray]


def find_roots(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray],
    ends: Known,
    values: Known,
    *,
    further: Known | None = None,
    tolerance: float = 1e-5,
) -> np.ndarray:
    """Inverse interpolation for all roots together, (roots,), kept in brackets that are halved where it fails.

    As G. E. Alefeld, F. A. Potra and Y. Shi, ACM TOMS 21 (1995) 327, with one more point. A root is found as soon as
    interpolations of three orders agree near the last point and values shrink tenfold: functions close to linear need
    one or two steps. Else it is found when its bracket is as narrow as the tolerance. A plateau at a root hides it.
    function: values at points (k,) of the roots `which` (k,); ends: of the brackets, with `values` of opposite signs
    there, each twice (roots,); further: points nearby, and the values there, each (roots, any number), NaN where there
    are none; tolerance: of a root, in units of the width of its first bracket.
    """
    low, high = (np.asarray(end, dtype=float) for end in ends)
    x, f = np.stack([high, low], axis=1), np.stack(values[::-1], axis=1).astype(float)
    if further is not None:
        x, f = np.concatenate([x, further[0]], axis=1), np.concatenate([f, further[1]], axis=1)
    aim, found = tolerance * np.abs(high - low), np.where(np.abs(f[:, 0]) <= np.abs(f[:, 1]), x[:, 0], x[:, 1])
    left = np.flatnonzero((f[:, 0] != 0) & (f[:, 1] != 0) & (aim > 0))
    x, f, widths = x[left], f[left], np.abs(high - low)[left]
    guess = _guess(x, f)[0]
    for step in range(MOST_STEPS):
        if not len(left):
            break
        width = np.abs(x[:, 1] - x[:, 0])
        if step % 3 == 2:  # three steps halve a bracket, or the middle is next
            guess = np.where(width > 0.5 * widths, 0.5 * (x[:, 0] + x[:, 1]), guess)
            widths = width
        inner = np.minimum(aim[left], 0.5 * width)
        low, high = np.minimum(x[:, 0], x[:, 1]) + inner, np.maximum(x[:, 0], x[:, 1]) - inner
        new = np.minimum(np.maximum(guess, low), high)
        least = np.abs(f[:, :2]).min(axis=1)
        x, f = _insert(x, f, new, function(new, left))
        guess, error = _guess(x, f)
        fast = (np.abs(f[:, 0]) < 0.1 * least) & (np.abs(guess - new) < aim[left] / np.sqrt(tolerance))
        done = (fast & (error < aim[left])) | (np.abs(x[:, 1] - x[:, 0]) < 2 * aim[left]) | (f[:, 0] == 0)
        found[left] = guess
        on = ~done
        left, x, f, guess, widths = left[on], x[on], f[on], guess[on], widths[on]
    return found


def _insert(x: np.ndarray, f: np.ndarray, new: np.ndarray, value: np.ndarray) -> Known:
    """Points and values with a new one as the first end of the bracket; the end that it replaces stays nearby."""
    same = np.sign(value) == np.sign(f[:, 0])
    swap = lambda a, first: np.column_stack([first, np.where(same, a[:, 1], a[:, 0]), np.where(same, a[:, 0], a[:, 1])])
    return np.concatenate([swap(x, new), x[:, 2:]], axis=1), np.concatenate([swap(f, value), f[:, 2:]], axis=1)


def _guess(x: np.ndarray, f: np.ndarray) -> Known:
    """Where the roots are, (roots,), and how far the guesses of the three highest orders are apart.

    The ends of the bracket and the points of the smallest values are interpolated, with as many of them as give a root
    inside the bracket; a line through its ends always does. Infinitely far apart where an order gives none.
    """
    nearest = np.argsort(np.abs(f[:, 2:]), axis=1, kind="stable")[:, : ORDER - 2] + 2  # NaN is last
    chosen = np.concatenate([np.tile([0, 1], (len(x), 1)), nearest], axis=1)
    x, f = np.take_along_axis(x, chosen, axis=1), np.take_along_axis(f, chosen, axis=1)
    low, high = x[:, :2].min(axis=1), x[:, :2].max(axis=1)
    best, diagonal, changes = x[:, 0], [x[:, 0]], [np.full(len(x), np.inf)]
    for order in range(1, x.shape[1]):  # Neville's scheme at the value 0
        row = [x[:, order]]
        with np.errstate(divide="ignore", invalid="ignore"):
            for k in range(order):
                first, last = f[:, order - k - 1], f[:, order]
                row.append((last * diagonal[k] - first * row[k]) / (last - first))
        sound = (row[-1] >= low) & (row[-1] <= high)
        changes.append(np.where(sound, np.abs(row[-1] - best), np.inf))
        best, diagonal = np.where(sound, row[-1], best), row
    return best, np.maximum(*changes[-2:]) if x.shape[1] == ORDER else changes[0]
