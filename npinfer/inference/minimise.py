"""The minimiser: many problems at once, inside bounds.

A workspace takes compiled Newton steps (npinfer.likelihood.newton) where numba is installed. What they leave, and all
else, takes those of npinfer.inference.descent:

Quasi-Newton steps with an active set, then Newton steps with the observed information, then MIGRAD for what is left.
Parameters of single bins whose best value is known in closed form (npinfer.likelihood.profiled) follow the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npinfer.errors import InferenceError
from npinfer.inference.coordinates import Coordinates
from npinfer.inference.descent import Descent, differences
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.from_start import from_start
from npinfer.inference.identify import say_impossible
from npinfer.inference.kinks import descend, place_above
from npinfer.inference.minima import Minima
from npinfer.inference.stages import in_turn, in_two_stages
from npinfer.inference.visible import first_visible
from npinfer.likelihood.profiled import Profiled

HOPELESS = 1e4  # of −ln density above the best start, from where the way down is long and ends where others do


def free_mask(likelihood: Any, fixed: Mapping[str, float]) -> np.ndarray:
    """Which parameters are free: neither fixed here nor by declaration, (parameters,)."""
    free = ~likelihood.parameters.fixed
    for name in fixed:
        free[likelihood.parameters.index(name)] = False
    return free


def start_points(likelihood: Any, base: np.ndarray, free: np.ndarray, options: FitOptions) -> np.ndarray:
    """The start points of one problem, (starts, parameters): `base`, then each further start value on its own.

    A free parameter at zero that nothing depends on there, neither counts nor a constraint, has one where it is seen,
    too: a coupling that counts rise with the fourth power of shows no way down at its zero. Further points that are
    hopeless for the data, such as a coupling far too large for a light mediator, are left out.
    """
    further = {i: p.starts for i, p in enumerate(likelihood.parameters) if free[i] and options.starts}
    at_zero = [i for i in np.flatnonzero(free & (base == 0.0)).tolist() if not likelihood.parameters[i].constraint]
    flat = ~likelihood.rates_jacobian(base[None])[1][0].any(axis=1) if at_zero else np.zeros(len(base), dtype=bool)
    for i in at_zero:
        p = likelihood.parameters[i]
        if flat[i] and not p.starts:
            most = p.bounds[1] if p.bounds[1] > 0 else p.bounds[0]
            further[i] = (float(first_visible(likelihood, base[None], i, most, 1.0)[0]),)
    points = [base]
    for i, values in further.items():
        points += [np.where(np.arange(len(base)) == i, value, base) for value in values if value != base[i]]
    if len(points) == 1:
        return np.array(points)
    nll = -(likelihood.coarse or likelihood).logpdf(np.array(points))
    nll = np.where(np.isnan(nll), np.inf, nll)
    return np.array([p for i, p in enumerate(points) if i == 0 or nll[i] <= nll.min() + HOPELESS])


def minimise(
    likelihood: Any,
    packed: Any,
    starts: Sequence[np.ndarray],
    free: np.ndarray,
    options: FitOptions,
    *,
    neighbours: bool = False,
) -> Minima:
    """Minimise −ln density for a batch of data sets, from each of several (batch, parameters) start points.

    Parameters that are not `free` stay where the start points have them. neighbours: whether the problems lie next to
    each other on a path, where minima of some tell where others start: used where evaluations cost the same in turn as
    side by side. Raises InferenceError where no start point has a finite density.
    """
    found: Minima | None = None
    if likelihood.coarse is not None and options.minimiser == "native":
        found = (in_turn if neighbours else in_two_stages)(likelihood, packed, starts, free, options)
    for start in starts if found is None else ():
        other = from_start(likelihood, packed, start, free, options, found)
        found = other if found is None else found.better(other)
    assert found is not None
    if np.isinf(found.nll[0]) and np.isinf(found.nll).all():
        raise InferenceError(
            f"{likelihood.name}: the data have probability zero at every start point: "
            + say_impossible(likelihood, packed, np.array([start[0] for start in starts]), free)
        )
    return found


def observed_information(likelihood: Any, packed: Any, points: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Observed information in the parameters themselves, (batch, parameters, parameters), the identity where fixed.

    In a kink it is that of the upper side.
    """
    plain = Coordinates(likelihood.parameters, free, points, simplexes=False)
    state = Descent(Profiled(likelihood, free, closed=False), packed, plain, points, FitOptions().tolerance)
    place_above(state)
    if likelihood.curved:
        found = state.profiled.observed(state.x, packed)
    else:
        together = np.isin(state.moving, likelihood.single_bins.among(free).at)
        groups = [np.array([j]) for j in np.flatnonzero(~together)]
        groups += [np.flatnonzero(together)] if together.any() else []
        found = differences(state, groups)
    result = np.tile(np.eye(len(free)), (len(points), 1, 1))
    result[:, state.moving[:, None], state.moving] = found
    return result


def lowest(likelihood: Any, packed: Any, minima: Minima, free: np.ndarray) -> Minima:
    """The lowest of several minima of one problem, as a batch of one, after two more Newton steps."""
    i = int(np.argmin(minima.nll))
    found = minima.take(slice(i, i + 1))
    if not found.valid[0]:
        return found
    coordinates, profiled = Coordinates(likelihood.parameters, free, found.points), Profiled(likelihood, free)
    state = Descent(profiled, packed, coordinates, coordinates.to_box(found.points), 1e-18)
    descend(state, (0, 2))
    better = bool(state.nll[0] <= found.nll[0] + 1e-12)
    return Minima(state.minima().points, state.nll, np.minimum(state.edm, found.edm), found.valid) if better else found
