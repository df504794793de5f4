"""Where a parameter begins to matter: how far from no signal Asimov data exclude it, the others held.

Counts that rise with the square or the fourth power of a parameter carry no information on it at zero, which would say
at which values to look.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FAINTEST, SCALES = 1e-9, 91  # distances that are looked at, in units of the largest


def first_visible(likelihood: Any, points: np.ndarray, index: int, most: float, n_sigma: float) -> np.ndarray:
    """The distance of a parameter from where it is in `points` (n, parameters) that is seen with n_sigma, (n,).

    It is that from which the Asimov data of each point exclude the parameter at position `index`; `most`, which is the
    furthest and has the sign of the way, where none is excluded.
    """
    distances = most * np.geomspace(FAINTEST, 1.0, SCALES)
    asimov = likelihood.pack(likelihood.asimov(points)).take(np.repeat(np.arange(len(points)), SCALES))
    away = np.repeat(points, SCALES, axis=0)
    here = np.atleast_1d(likelihood.logpdf(away, asimov))
    away[:, index] += np.tile(distances, len(points))
    q = 2 * (here - np.atleast_1d(likelihood.logpdf(away, asimov))).reshape(-1, SCALES)
    seen = ~(q < n_sigma**2)
    seen[:, -1] = True
    return np.asarray(distances[seen.argmax(axis=1)])
