"""Truths with each group of nuisance parameters one standard deviation off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from npinfer.inference.fit import covariance_at
from npinfer.inference.minimise import free_mask

FIT = "fit"
OTHER = "other parameters"


def shifted_truths(likelihood: Any, truth: np.ndarray, held: Mapping[str, float]) -> dict[str, np.ndarray]:
    """The truth itself, then with each group of parameters moved by one standard deviation up, and down.

    truth: (parameters,), the conditional fit with `held`. Deviations are those of this fit, or of the constraint where
    that is narrower; the moved parameters stay inside their bounds. {"fit": point, "GROUP +1σ": point, ...}.
    """
    sigma, free = _deviations(likelihood, truth, held)
    groups: dict[str, list[int]] = {}
    for i in np.flatnonzero(free):
        groups.setdefault(likelihood.parameters[int(i)].group or OTHER, []).append(int(i))
    p, found = likelihood.parameters, {FIT: truth}
    for group, members in groups.items():
        for sign, word in ((1.0, "+1σ"), (-1.0, "−1σ")):
            point = truth.copy()
            point[members] = np.clip(truth + sign * sigma, p.lower, p.upper)[members]
            point = p.shrink(point[None], free)[0]
            if not np.array_equal(point, truth):
                found[f"{group} {word}"] = point
    return found


def _deviations(likelihood: Any, truth: np.ndarray, held: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """One standard deviation of every free parameter, and which are free, (parameters,) each.

    From the expected information where the fit gives none, as at a bound.
    """
    free = free_mask(likelihood, held)
    covariance, kept = covariance_at(likelihood, truth[None], free)
    information = likelihood.fisher(truth)[0]
    sigma = 1.0 / np.sqrt(np.maximum(np.diag(information), 1e-12))
    sigma[kept] = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    sigma = np.minimum(sigma, likelihood.parameters.upper - likelihood.parameters.lower)
    for name, constraint in likelihood.constraints.single.items():
        i = likelihood.parameters.index(name)
        sigma[i] = min(sigma[i], max(constraint.width()))
    return np.where(free, sigma, 0.0), free
