"""Before the fit: where the constraints put the parameters, and how well they know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def constraint_widths(likelihood: Any) -> dict[str, tuple[float, float]]:
    """Standard deviations of every constrained parameter below and above its measured value."""
    constraints = likelihood.constraints
    widths = {name: constraint.width() for name, constraint in constraints.single.items()}
    for block in constraints.correlations:
        sigma = np.sqrt(np.diag(np.asarray(block.covariance))).tolist()
        widths |= {name: (s, s) for name, s in zip(block.names, sigma, strict=True)}
    return widths


def measured_values(likelihood: Any) -> dict[str, float]:
    """The value of every constrained parameter that its auxiliary datum names, within its bounds."""
    constraints = likelihood.constraints
    auxiliary = likelihood.pack(None).auxiliary[0]
    values = {}
    for name, datum in zip(constraints.auxiliary_names, auxiliary.tolist(), strict=True):
        single = constraints.single.get(name)
        if single is not None and single.kind == "log_normal":
            datum = float(np.exp(datum))
        elif single is not None and single.kind == "poisson":
            datum = datum / single.rate
        values[name] = float(np.clip(datum, *likelihood.parameters[name].bounds))
    return values


def prefit_point(likelihood: Any, free: np.ndarray, values: Mapping[str, float]) -> np.ndarray:
    """One point (parameters,): `values`, then free constrained parameters as measured, then start values."""
    names = likelihood.parameters.names
    measured = {n: v for n, v in measured_values(likelihood).items() if free[names.index(n)]}
    point: np.ndarray = likelihood.parameters.vector({**measured, **values})
    return point


def prefit_covariance(likelihood: Any, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance of the free constrained parameters from their constraints alone, and their positions.

    Two-sided constraints enter with the mean of their standard deviations.
    """
    names = likelihood.parameters.names
    full = np.zeros((len(names), len(names)))
    for name, (below, above) in constraint_widths(likelihood).items():
        full[names.index(name), names.index(name)] = (0.5 * (below + above)) ** 2
    for block in likelihood.constraints.correlations:
        at = [names.index(n) for n in block.names]
        full[np.ix_(at, at)] = np.asarray(block.covariance)
    kept = np.flatnonzero((np.diag(full) > 0) & free)
    return full[np.ix_(kept, kept)], kept
