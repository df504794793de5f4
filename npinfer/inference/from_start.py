"""Minimisation from one start point a problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from npinfer.inference.coordinates import Coordinates, rates
from npinfer.inference.descent import Descent
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.kinks import descend
from npinfer.inference.knots import descend_between
from npinfer.inference.minima import Minima
from npinfer.likelihood import compiled
from npinfer.likelihood.profiled import Profiled
from npinfer.threads import one_blas_thread

STEPS = (30, 25)  # as of `descend`
BEFORE_STRETCHED, STRETCHED = (15, 0), (30, 60)  # the same where rates can be stretched: before that, and then
ABSURD = 1e4  # of −ln density, for each bin
DIGITS = 1e-10  # of −ln density that is absurd, which its EDM is below


def from_start(
    likelihood: Any, packed: Any, start: np.ndarray, free: np.ndarray, options: FitOptions, known: Minima | None
) -> Minima:
    """Minimise from one start point a problem, the way that `options` say."""
    if options.minimiser == "native" and options.compiled and likelihood.tables is not None:
        points, found, failed = compiled.minimise(likelihood.tables, packed, start, free, options.tolerance)
        minima = Minima(points, *found)
        if failed:
            left, slower = np.flatnonzero(~minima.valid), replace(options, compiled=False)
            above = None if known is None else known.take(left)
            minima.put(left, from_start(likelihood, packed.take(left), start[left], free, slower, above))
        return minima
    with one_blas_thread():
        if options.minimiser == "migrad":
            return _migrad(likelihood, packed, start, free, options)
        return native(likelihood, packed, start, free, options, known)


def native(
    likelihood: Any, packed: Any, start: np.ndarray, free: np.ndarray, options: FitOptions, known: Minima | None = None
) -> Minima:
    """Descend from one start point a problem; those that run into the bowl of a `known` minimum end there, above it.

    What does not come to rest goes on in stretched coordinates, and then with MIGRAD; not where the data are absurd:
    rounding may be all that keeps these from it.
    """
    profiled, tolerance = Profiled(likelihood, free), options.tolerance
    plain = Coordinates(likelihood.parameters, free, start)
    again = not likelihood.curved and len(rates(likelihood.parameters, free)) > 0
    state = Descent(profiled, packed, plain, plain.to_box(start), tolerance)
    minima = _settled(state, known, BEFORE_STRETCHED if again else STEPS)
    left = np.flatnonzero(~minima.valid)
    if again and len(left):
        above, at = None if known is None else known.take(left), minima.points[left]
        stretched = Coordinates(likelihood.parameters, free, at, stretched=True)
        state = Descent(profiled, packed.take(left), stretched, stretched.to_box(at), tolerance)
        minima.put(left, minima.take(left).better(_settled(state, above, STRETCHED)))
        left = np.flatnonzero(~minima.valid)
    minima.valid[left] = minima.edm[left] < DIGITS * (minima.nll[left] - ABSURD * max(packed.counts.shape[-1], 1))
    left = np.flatnonzero(~minima.valid)
    if len(left):
        polished = _migrad(likelihood, packed.take(left), minima.points[left], free, options)
        minima.put(left, minima.take(left).better(polished))
    return minima


def _settled(state: Descent, known: Minima | None, steps: tuple[int, int]) -> Minima:
    """Where descents end, some in the bowls of `known` minima; steps: as of `descend`."""
    likelihood = state.profiled.likelihood
    if known is not None:
        state.known = Minima(state.coordinates.to_box(known.points), known.nll, known.edm, known.valid)
    if likelihood.knots is None:
        descend(state, steps)
    else:
        descend_between(state, *likelihood.knots)
    return state.minima()


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
