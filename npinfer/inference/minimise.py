"""The minimiser: many problems at once, inside bounds.

A workspace takes compiled Newton steps (npinfer.likelihood.newton) where numba is installed. What they leave, and all
else, takes those of npinfer.inference.descent:

Quasi-Newton steps with an active set, then Newton steps with the observed information, then MIGRAD for what is left.
Parameters of single bins whose best value is known in closed form (npinfer.likelihood.profiled) follow the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from npinfer.errors import ConfigurationError, InferenceError, unknown
from npinfer.inference.coordinates import Coordinates
from npinfer.inference.descent import FIELDS, Descent, Minima, differences
from npinfer.inference.identify import say_impossible
from npinfer.inference.kinks import descend, place_above
from npinfer.inference.knots import descend_between
from npinfer.inference.visible import first_visible
from npinfer.likelihood import compiled
from npinfer.likelihood.profiled import Profiled
from npinfer.threads import one_blas_thread

SECANT_STEPS = 30
NEWTON_STEPS = 25
ROUGH = 1e-4  # tolerance of the coarse approximation
PROMISING = 1.0  # of −ln density above the lowest of its minima, which the exact ones may turn round
SAME = 0.05  # of the width of parameters, between points that are one minimum
HOPELESS = 1e4  # of −ln density above the best start, from where the way down is long and ends where others do
MINIMISERS = ("native", "migrad")


@dataclass(frozen=True)
class FitOptions:
    """How to minimise.

    minimiser: "native", or "migrad" for iminuit's; tolerance: on the estimated distance to the minimum (EDM) of
    −ln of the density; starts: whether further start values of the parameters are tried; compiled: whether the native
    one is compiled where it can be: for a workspace, with numba.
    """

    minimiser: str = "native"
    tolerance: float = 1e-9
    starts: bool = True
    compiled: bool = True

    def __post_init__(self) -> None:
        if self.minimiser not in MINIMISERS:
            raise ConfigurationError(unknown("minimiser", self.minimiser, MINIMISERS))
        if not 0 < self.tolerance < 1:
            raise ConfigurationError(f"the minimiser's tolerance is between 0 and 1; found {self.tolerance:g}")


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
    likelihood: Any, packed: Any, starts: Sequence[np.ndarray], free: np.ndarray, options: FitOptions
) -> Minima:
    """Minimise −ln density for a batch of data sets, from each of several (batch, parameters) start points.

    Parameters that are not `free` stay where the start points have them. Raises InferenceError where no start point
    has a finite density.
    """
    found: Minima | None = None
    if likelihood.coarse is not None and options.minimiser == "native":
        found = _in_two_stages(likelihood, packed, starts, free, options)
    for start in starts if found is None else ():
        other = _from_start(likelihood, packed, start, free, options, found)
        found = other if found is None else found.better(other)
    assert found is not None
    if np.isinf(found.nll[0]) and np.isinf(found.nll).all():
        raise InferenceError(
            f"{likelihood.name}: the data have probability zero at every start point: "
            + say_impossible(likelihood, packed, np.array([start[0] for start in starts]), free)
        )
    return found


def _from_start(
    likelihood: Any, packed: Any, start: np.ndarray, free: np.ndarray, options: FitOptions, known: Minima | None
) -> Minima:
    """Minimise from one start point a problem, the way that `options` say."""
    if options.minimiser == "native" and options.compiled and likelihood.tables is not None:
        points, found, failed = compiled.minimise(likelihood.tables, packed, start, free, options.tolerance)
        minima = Minima(points, *found)
        if failed:
            left, slower = np.flatnonzero(~minima.valid), replace(options, compiled=False)
            above = None if known is None else _rows(known, left)
            _put(minima, left, _from_start(likelihood, packed.take(left), start[left], free, slower, above))
        return minima
    with one_blas_thread():
        if options.minimiser == "migrad":
            return _migrad(likelihood, packed, start, free, options)
        return _native(likelihood, packed, start, free, options, known)


def _native(
    likelihood: Any, packed: Any, start: np.ndarray, free: np.ndarray, options: FitOptions, known: Minima | None = None
) -> Minima:
    """Descend from one start point a problem; those that run into the bowl of a `known` minimum end there, above it."""
    coordinates, profiled = Coordinates(likelihood.parameters, free, start), Profiled(likelihood, free)
    state = Descent(profiled, packed, coordinates, coordinates.to_box(start), options.tolerance)
    if known is not None:
        state.known = Minima(coordinates.to_box(known.points), known.nll, known.edm, known.valid)
    if likelihood.knots is None:
        descend(state, (SECANT_STEPS, NEWTON_STEPS))
    else:
        descend_between(state, *likelihood.knots)
    minima = state.minima()
    left = np.flatnonzero(~minima.valid)
    if len(left):
        polished = _migrad(likelihood, packed.take(left), minima.points[left], free, options)
        _put(minima, left, _rows(minima, left).better(polished))
    return minima


def _in_two_stages(
    likelihood: Any, packed: Any, starts: Sequence[np.ndarray], free: np.ndarray, options: FitOptions
) -> Minima:
    """Minimise the coarse approximation from every start point, then −ln density from the lowest of these minima.

    From others too, where they are apart from it and so little above that the exact ones may turn round.
    """
    with one_blas_thread():
        rough = _rough(likelihood, packed, starts, free, options)
        nll = np.array([minima.nll for minima in rough])
        order, rows = np.argsort(nll, axis=0), np.arange(nll.shape[1])
        points, possible = np.array([minima.points for minima in rough])[order, rows], np.isfinite(nll[order, rows])
        above = np.subtract(nll[order, rows], nll.min(axis=0), out=np.full(nll.shape, np.inf), where=possible)
        found = _native(likelihood, packed, points[0], free, options)
        for k in range(1, len(points)):
            apart = np.abs(points[k] - points[:k]) > SAME * likelihood.parameters.width
            some = np.flatnonzero((above[k] < PROMISING) & apart.any(axis=2).all(axis=0))
            if len(some):
                known = _rows(found, some)
                other = _native(likelihood, packed.take(some), points[k, some], free, options, known)
                _put(found, some, known.better(other))
    return found


def _rough(
    likelihood: Any, packed: Any, starts: Sequence[np.ndarray], free: np.ndarray, options: FitOptions
) -> list[Minima]:
    """The minima of the coarse approximation of a likelihood from each start point, or that where it has none."""
    loose, found, lowest = replace(options, tolerance=max(options.tolerance, ROUGH)), [], None
    for start in starts:
        minima = _native(likelihood.coarse, packed, start, free, loose, lowest)
        minima.points[:] = np.where(np.isfinite(minima.nll)[:, None], minima.points, start)
        lowest = minima if lowest is None else lowest.better(minima)
        found.append(minima)
    return found


def promising(likelihood: Any, packed: Any, starts: np.ndarray, free: np.ndarray, options: FitOptions) -> np.ndarray:
    """Of the start points of one problem (starts, parameters), those that may lead to its minimum.

    That is all of them, but where there is a coarse approximation: its minima where they differ, unless they lie far
    above the lowest.
    """
    if likelihood.coarse is None or options.minimiser != "native":
        return starts
    with one_blas_thread():
        (rough,) = _rough(likelihood, packed, [starts], free, options)
    kept = np.zeros(0, dtype=np.intp)
    for i in np.argsort(rough.nll):
        apart = np.abs(rough.points[i] - rough.points[kept]) > SAME * likelihood.parameters.width
        if np.isfinite(rough.nll[i]) and apart.any(axis=1).all():
            kept = np.append(kept, i)
    kept = kept[rough.nll[kept] < rough.nll.min() + PROMISING]
    return rough.points[kept] if len(kept) else starts


def _rows(minima: Minima, rows: np.ndarray | slice) -> Minima:
    """Some of the minima."""
    return Minima(*(getattr(minima, field)[rows] for field in FIELDS))


def _put(minima: Minima, rows: np.ndarray, some: Minima) -> None:
    """Put some minima where they belong among all."""
    for field in FIELDS:
        getattr(minima, field)[rows] = getattr(some, field)


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


def _migrad(likelihood: Any, packed: Any, start: np.ndarray, free: np.ndarray, options: FitOptions) -> Minima:
    """iminuit's MIGRAD with our gradient, one problem after the other, in the minimiser's coordinates."""
    import iminuit

    coordinates, plain = Coordinates(likelihood.parameters, free, start), Profiled(likelihood, free, closed=False)
    state = Descent(plain, packed, coordinates, coordinates.to_box(start), options.tolerance)
    moving = state.moving
    for row in range(len(start)):
        if not np.isfinite(state.nll[row]):
            continue
        value, slope = _functions(state, row)
        minuit = iminuit.Minuit(value, state.x[row, moving], grad=slope)
        minuit.errordef = iminuit.Minuit.LIKELIHOOD
        minuit.limits = list(zip(state.lower[row], state.upper[row], strict=True))
        minuit.strategy, minuit.tol = 1, 1e-4
        sigma = 1.0 / np.sqrt(np.maximum(np.diag(state.information[row]), 1e-8))
        minuit.errors = list(np.minimum(sigma, 0.3 * (state.upper - state.lower)[row]))
        minuit.migrad()
        if minuit.fval <= state.nll[row]:
            state.x[row, moving], state.nll[row] = np.array(minuit.values), minuit.fval
        state.edm[row], state.valid[row] = np.nan_to_num(minuit.fmin.edm, nan=np.inf), minuit.valid
    state.x, state.nll, state.gradient, state.information = state.evaluate(state.x)
    return state.minima()


def _functions(state: Descent, row: int) -> tuple[Callable[[np.ndarray], float], Callable[[np.ndarray], np.ndarray]]:
    """−ln density of one problem and its gradient, as functions of the coordinates that move."""
    one, likelihood = state.take(np.array([row])), state.profiled.likelihood
    base = one.x

    def placed(x: np.ndarray) -> np.ndarray:
        whole = base.copy()
        whole[0, state.moving] = x
        return whole

    def value(x: np.ndarray) -> float:
        if not np.isfinite(x).all():  # MIGRAD tries that where nothing depends on a parameter
            return 1e30
        nll = -float(likelihood.logpdf(one.coordinates.to_parameters(placed(x)), one.packed)[0])
        return nll if np.isfinite(nll) else 1e30

    return value, lambda x: one.evaluate(placed(x))[2][0]


def lowest(likelihood: Any, packed: Any, minima: Minima, free: np.ndarray) -> Minima:
    """The lowest of several minima of one problem, as a batch of one, after two more Newton steps."""
    i = int(np.argmin(minima.nll))
    found = _rows(minima, slice(i, i + 1))
    if not found.valid[0]:
        return found
    coordinates, profiled = Coordinates(likelihood.parameters, free, found.points), Profiled(likelihood, free)
    state = Descent(profiled, packed, coordinates, coordinates.to_box(found.points), 1e-18)
    descend(state, (0, 2))
    better = bool(state.nll[0] <= found.nll[0] + 1e-12)
    return Minima(state.minima().points, state.nll, np.minimum(state.edm, found.edm), found.valid) if better else found
