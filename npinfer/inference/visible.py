"""Where a parameter begins to matter: how far from no signal Asimov data exclude it, the others held.

Counts that rise with the square or the fourth power of a parameter carry no information on it at zero, which would say
at which values to look.
"""

from __future__ import annotations

from typing import Any

import numpy as np

DECADES, STEPS = 18, 10  # below the largest distance that are looked at, and distances in each
FURTHEST = 1e9  # without a bound


def first_visible(likelihood: Any, points: np.ndarray, index: int, most: float, n_sigma: float) -> np.ndarray:
    """The distance of a parameter from where it is in `points` (n, parameters) that is seen with n_sigma, (n,).

    It is that from which the Asimov data of each point exclude the parameter at position `index`: the first such
    decade, and in that the first of its steps; `most`, which is the furthest and has the sign of the way, where none
    is excluded. An infinite one stands for FURTHEST.
    """
    asimov, each = likelihood.pack(likelihood.asimov(points)), np.arange(len(points))
    furthest = np.clip(most, -FURTHEST, FURTHEST) if np.isinf(most) else most

    def first(distances: np.ndarray) -> np.ndarray:
        """The first of increasing distances (n, k) that is seen, or the last, (n,)."""
        rows = np.repeat(each, distances.shape[1])
        away, data = points[rows], asimov.take(rows)
        nll = np.atleast_1d(likelihood.logpdf(away, data))
        away[:, index] += distances.ravel()
        with np.errstate(over="ignore", invalid="ignore"):  # counts beyond all numbers are seen
            q = 2 * (nll - np.atleast_1d(likelihood.logpdf(away, data))).reshape(distances.shape)
        seen = ~(q < n_sigma**2)
        seen[:, -1] = True
        return np.asarray(distances[each, seen.argmax(axis=1)])

    decade = first(np.tile(furthest * 10.0 ** np.arange(-DECADES, 1), (len(points), 1)))
    return first(decade[:, None] * 10.0 ** (np.arange(1 - STEPS, 1) / STEPS))
