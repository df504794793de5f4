"""Roots of many functions at once, each between two ends of opposite sign."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

MOST_STEPS = 60


def find_roots(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray],
    low: np.ndarray,
    high: np.ndarray,
    f_low: np.ndarray,
    f_high: np.ndarray,
    tolerance: float = 1e-5,
) -> np.ndarray:
    """Chandrupatla's method (Adv. Eng. Softw. 28 (1997) 145) for all roots together, (roots,).

    function: values at points (k,) of the roots `which` (k,); low, high: ends of the brackets with the values there,
    of opposite signs, (roots,); tolerance: of a root, in units of the width of its first bracket.
    """
    a, fa, b, fb = high.astype(float), f_high.astype(float), low.astype(float), f_low.astype(float)
    aim = tolerance * np.abs(high - low)
    share = np.clip(fa / np.where(fa == fb, 1.0, fa - fb), 0.02, 0.98)
    left = np.flatnonzero((fa != 0) & (fb != 0) & (aim > 0))
    for _ in range(MOST_STEPS):
        if not len(left):
            break
        x = a[left] + share[left] * (b[left] - a[left])
        fx = function(x, left)
        same = np.sign(fx) == np.sign(fa[left])
        c, fc = np.where(same, a[left], b[left]), np.where(same, fa[left], fb[left])
        b[left], fb[left] = np.where(same, b[left], a[left]), np.where(same, fb[left], fa[left])
        a[left], fa[left] = x, fx
        share[left], done = _share(a[left], fa[left], b[left], fb[left], (c, fc), aim[left])
        left = left[~done]
    return np.where(np.abs(fa) <= np.abs(fb), a, b)


def _share(
    a: np.ndarray, fa: np.ndarray, b: np.ndarray, fb: np.ndarray, third: tuple[np.ndarray, np.ndarray], aim: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where between a and b to look next, and which roots are found."""
    c, fc = third
    least = aim / np.maximum(np.abs(b - a), 1e-300)
    done = (least > 0.5) | (fa == 0)
    steps = [fb - fa, fb - fc, fc - fa, c - b, b - a]
    safe = ~done & np.logical_and.reduce([s != 0 for s in steps])
    fba, fbc, fca, cb, ba = (np.where(safe, s, 1.0) for s in steps)
    xi, phi = -ba / cb, -fba / -fbc
    inverse = safe & (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
    quadratic = fa / fba * fc / fbc + (c - a) / ba * fa / fca * fb / -fbc
    least = np.minimum(least, 0.5)
    return np.clip(np.where(inverse, quadratic, 0.5), least, 1 - least), done
