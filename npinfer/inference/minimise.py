"""The minimiser: many problems at once, inside bounds.

Quasi-Newton steps with an active set, then Newton steps with the observed information, then MIGRAD for what is left.
The quasi-Newton curvature is the expected information plus a symmetric rank-one correction (a structured secant
update: Dennis, Gay and Welsch, ACM TOMS 7 (1981) 348) that learns from gradients what observed and expected information
differ by: sparse counts converge in half the evaluations. Each problem has its own damping (Levenberg–Marquardt), so
that one hard problem does not slow the others. Parameters of single bins whose best value is known in closed form
(npinfer.likelihood.profiled) follow the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from npinfer.errors import ConfigurationError, InferenceError, unknown
from npinfer.inference.coordinates import Coordinates
from npinfer.inference.identify import say_impossible
from npinfer.likelihood.profiled import Profiled
from npinfer.threads import one_blas_thread

SECANT_STEPS = 30
NEWTON_STEPS = 25
SOFTEST = 1e-6  # eigenvalue of a corrected curvature, in units of the expected information, that is still used
LEAST_DAMPING = 1.0  # Marquardt's, of a problem whose step led up
WILDEST = 1e100  # change of a gradient that nothing is learnt from
CHUNK = 128  # points evaluated together: larger batches fall out of the cache
INWARD = 0.1  # of its range that a parameter without a slope also starts away from
MINIMISERS = ("native", "migrad")


@dataclass(frozen=True)
class FitOptions:
    """How to minimise.

    minimiser: "native", or "migrad" for iminuit's; tolerance: on the estimated distance to the minimum (EDM) of
    −ln of the density; starts: whether further start values of the parameters are tried.
    """

    minimiser: str = "native"
    tolerance: float = 1e-9
    starts: bool = True

    def __post_init__(self) -> None:
        if self.minimiser not in MINIMISERS:
            raise ConfigurationError(unknown("minimiser", self.minimiser, MINIMISERS))
        if not 0 < self.tolerance < 1:
            raise ConfigurationError(f"the minimiser's tolerance is between 0 and 1; found {self.tolerance:g}")


@dataclass(frozen=True)
class Minima:
    """The minima of a batch of problems: points (batch, parameters); −ln density, EDM, convergence, each (batch,)."""

    points: np.ndarray
    nll: np.ndarray
    edm: np.ndarray
    valid: np.ndarray

    def better(self, other: Minima) -> Minima:
        """Row by row the lower of two minima; of equal ones a converged one."""
        wins = (other.nll < self.nll - 1e-12) | ((other.nll < self.nll + 1e-12) & other.valid & ~self.valid)
        pick = lambda a, b: np.where(wins.reshape(-1, *(1,) * (a.ndim - 1)), b, a)
        return Minima(*(pick(getattr(self, f), getattr(other, f)) for f in ("points", "nll", "edm", "valid")))


def free_mask(likelihood: Any, fixed: Mapping[str, float]) -> np.ndarray:
    """Which parameters are free: neither fixed here nor by declaration, (parameters,)."""
    free = ~likelihood.parameters.fixed
    for name in fixed:
        free[likelihood.parameters.index(name)] = False
    return free


def start_points(likelihood: Any, base: np.ndarray, free: np.ndarray, options: FitOptions) -> np.ndarray:
    """The start points of one problem, (starts, parameters): `base`, then each further start value on its own.

    A free parameter at zero that nothing depends on there, neither counts nor a constraint, has one inside its bounds
    too: a coupling that counts rise with the fourth power of shows no way down at its zero.
    """
    further = {i: p.starts for i, p in enumerate(likelihood.parameters) if free[i] and options.starts}
    at_zero = [i for i in np.flatnonzero(free & (base == 0.0)).tolist() if not likelihood.parameters[i].constraint]
    flat = ~likelihood.rates_jacobian(base[None])[1][0].any(axis=1) if at_zero else np.zeros(len(base), dtype=bool)
    for i in at_zero:
        p = likelihood.parameters[i]
        if flat[i] and not p.starts:
            further[i] = (float(np.clip((1.0 if p.bounds[1] > 0 else -1.0) * INWARD * _range(p), *p.bounds)),)
    points = [base]
    for i, values in further.items():
        points += [np.where(np.arange(len(base)) == i, value, base) for value in values if value != base[i]]
    return np.array(points)


def _range(parameter: Any) -> float:
    """How far a parameter may go, 1 where that is unbounded."""
    low, high = parameter.bounds
    return high - low if np.isfinite([low, high]).all() else 1.0


def minimise(
    likelihood: Any, packed: Any, starts: Sequence[np.ndarray], free: np.ndarray, options: FitOptions
) -> Minima:
    """Minimise −ln density for a batch of data sets, from each of several (batch, parameters) start points.

    Parameters that are not `free` stay where the start points have them. Raises InferenceError where no start point
    has a finite density.
    """
    with one_blas_thread():
        found: Minima | None = None
        for start in starts:
            if options.minimiser == "migrad":
                other = _migrad(likelihood, packed, start, free, options)
            else:
                other = _native(likelihood, packed, start, free, options, found)
            found = other if found is None else found.better(other)
    assert found is not None
    if np.isinf(found.nll).all():
        raise InferenceError(
            f"{likelihood.name}: the data have probability zero at every start point: "
            + say_impossible(likelihood, packed, np.array([start[0] for start in starts]), free)
        )
    return found


def _native(
    likelihood: Any, packed: Any, start: np.ndarray, free: np.ndarray, options: FitOptions, known: Minima | None = None
) -> Minima:
    """Descend from one start point a problem; those that run into the bowl of a `known` minimum end there, above it."""
    coordinates, profiled = Coordinates(likelihood.parameters, free, start), Profiled(likelihood, free)
    state = _Descent(profiled, packed, coordinates, coordinates.to_box(start), options.tolerance)
    if known is not None:
        state.known = Minima(coordinates.to_box(known.points), known.nll, known.edm, known.valid)
    state.run(_secant, SECANT_STEPS)
    state.run(_observed, NEWTON_STEPS)
    minima = state.minima()
    left = np.flatnonzero(~minima.valid)
    if len(left):
        polished = _migrad(likelihood, packed.take(left), minima.points[left], free, options)
        best = Minima(minima.points[left], minima.nll[left], minima.edm[left], minima.valid[left]).better(polished)
        for field in ("points", "nll", "edm", "valid"):
            getattr(minima, field)[left] = getattr(best, field)
    return minima


class _Descent:
    """A batch of descents in minimiser coordinates: x of all parameters, derivatives in the m that move."""

    def __init__(self, profiled: Profiled, packed: Any, coordinates: Coordinates, x: np.ndarray, tolerance: float) -> None:
        self.profiled, self.packed, self.coordinates, self.tolerance = profiled, packed, coordinates, tolerance
        self.moving = profiled.moving
        self.lower, self.upper = coordinates.lower[self.moving], coordinates.upper[self.moving]
        inside = x.copy()
        inside[:, self.moving] = np.clip(x[:, self.moving], self.lower, self.upper)
        self.x, self.nll, self.gradient, self.information = self.evaluate(inside, np.arange(len(x)))
        self.correction = np.zeros_like(self.information)
        self.damping = np.zeros(len(x))
        self.edm = np.full(len(x), np.inf)
        self.valid = np.zeros(len(x), dtype=bool)
        self.known: Minima | None = None

    def evaluate(self, x: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Of the problems `rows`: x with the single-bin parameters at their best, −ln density, gradient, information.

        In chunks. Derivatives are those of the parameters that move.
        """
        m = len(self.moving)
        if not len(x):
            return x, np.zeros(0), np.zeros((0, m)), np.zeros((0, m, m))
        parts = []
        for i in range(0, len(x), CHUNK):
            part, where = x[i : i + CHUNK], rows[i : i + CHUNK]
            at = self.coordinates.take(where)
            points, *found = self.profiled.expansion(at.to_parameters(part), self.packed.take(where))
            parts.append((at.to_box(points), -found[0], *at.pull_back(part, -found[1], found[2], self.moving)))
        x, nll, gradient, information = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        return x, np.where(np.isnan(nll), np.inf, nll), gradient, information

    def run(self, metric: Callable[[_Descent, np.ndarray], np.ndarray], steps: int) -> None:
        """Damped steps of the problems that have not converged, with the curvature that `metric` gives."""
        curvature, fresh = np.empty_like(self.information), np.ones(len(self.x), dtype=bool)
        for _ in range(steps):
            rows = np.flatnonzero(~self.valid & np.isfinite(self.nll))
            if not len(rows):
                return
            new = rows[fresh[rows]]
            curvature[new], fresh[new] = metric(self, new), False
            matrix, held = curvature[rows], self.held(rows)
            move, sound = _solve(matrix, self.gradient[rows], held, np.zeros(len(rows)))
            distance = -0.5 * np.einsum("ni,ni->n", move, self.gradient[rows])
            self.edm[rows] = np.where(sound, distance, np.inf)
            self.valid[rows] = (self.edm[rows] < self.tolerance) | self.merged(rows, matrix)
            on = ~self.valid[rows]
            rows, matrix, held, move, sound = rows[on], matrix[on], held[on], move[on], sound[on]
            if not len(rows):
                return
            if self.damping[rows].any():
                move, sound = _solve(matrix, self.gradient[rows], held, self.damping[rows])
            fresh[self.step(rows, held, move, sound)] = True

    def merged(self, rows: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        """Which of the problems `rows` are in the bowl of their known minimum, less than a standard deviation from it.

        There −ln density lies above it by half the squared distance.
        """
        if self.known is None:
            return np.zeros(len(rows), dtype=bool)
        away = (self.x[rows] - self.known.points[rows])[:, self.moving]
        distance = np.einsum("ni,nij,nj->n", away, curvature, away)
        higher = 2 * (self.nll[rows] - self.known.nll[rows])
        like_a_bowl = np.abs(higher - distance) <= 0.25 * distance + 1e-9
        return np.asarray(self.known.valid[rows] & (distance < 1.0) & (higher >= 0) & like_a_bowl)

    def held(self, rows: np.ndarray) -> np.ndarray:
        """Coordinates at a bound with the gradient pushing out, which do not move, (rows, m)."""
        x, g = self.x[rows][:, self.moving], self.gradient[rows]
        return ((x <= self.lower) & (g > 0)) | ((x >= self.upper) & (g < 0))

    def snap(self, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Moving coordinates within a billionth of a bound that the gradient pushes them to are put on it."""
        near = 1e-9 * np.where(np.isfinite(self.upper - self.lower), self.upper - self.lower, 1.0)
        x = np.where((x <= self.lower + near) & (gradient > 0), self.lower, x)
        return np.where((x >= self.upper - near) & (gradient < 0), self.upper, x)

    def step(self, rows: np.ndarray, held: np.ndarray, move: np.ndarray, sound: np.ndarray) -> np.ndarray:
        """Try one step of each problem, where it is sound; gives the problems that moved."""
        trial, before = self.x[rows], self.x[rows][:, self.moving]
        to = np.where(held, before, np.minimum(np.maximum(before + move, self.lower), self.upper))
        trial[:, self.moving] = to = self.snap(to, self.gradient[rows])
        trial, nll, gradient, information = self.evaluate(trial, rows)
        step = to - before
        descent = np.einsum("ni,ni->n", self.gradient[rows], step)
        good = sound & (nll <= self.nll[rows] + 1e-4 * np.minimum(descent, 0.0) + 1e-13 * np.abs(self.nll[rows]))
        moved = rows[good]
        self.learn(moved, step[good], gradient[good] - self.gradient[moved], information[good])
        self.x[moved], self.nll[moved] = trial[good], nll[good]
        self.gradient[moved], self.information[moved] = gradient[good], information[good]
        self.damping[moved] = np.where(self.damping[moved] < LEAST_DAMPING, 0.0, self.damping[moved] / 10)
        stuck = rows[~good]
        self.damping[stuck] = np.minimum(np.maximum(self.damping[stuck] * 10, LEAST_DAMPING), 1e8)
        return np.asarray(moved)

    def learn(self, rows: np.ndarray, step: np.ndarray, change: np.ndarray, information: np.ndarray) -> None:
        """Correct the curvature by the rank-one matrix that explains how the gradient changed over a step."""
        tame = np.abs(change).max(axis=1, initial=0.0) < WILDEST
        change = np.where(tame[:, None], change, 0.0)
        predicted = np.einsum("nij,nj->ni", np.minimum(information, WILDEST) + self.correction[rows], step)
        residual = np.where(step != 0, change - predicted, 0.0)
        along = np.einsum("ni,ni->n", residual, step)
        size = np.linalg.norm(residual, axis=1) * np.linalg.norm(step, axis=1)
        safe = tame & (np.abs(along) > 1e-6 * size)
        residual = np.where(safe[:, None], residual, 0.0)
        self.correction[rows] += residual[:, :, None] * residual[:, None, :] / np.where(safe, along, 1.0)[:, None, None]

    def minima(self) -> Minima:
        x = self.x.copy()
        x[:, self.moving] = self.snap(x[:, self.moving], self.gradient)
        points = self.coordinates.to_parameters(x)
        return Minima(points, self.nll.copy(), self.edm.copy(), self.valid.copy())


def _secant(state: _Descent, rows: np.ndarray) -> np.ndarray:
    """Expected information, corrected where that leaves it positive definite, (rows, m, m)."""
    plain, correction = state.information[rows], state.correction[rows]
    if not correction.any():
        return plain
    corrected = plain + correction
    scale = 1.0 / np.sqrt(np.maximum(np.einsum("nii->ni", plain), 1e-10))
    scaled = corrected * scale[:, :, None] * scale[:, None, :]
    try:
        np.linalg.cholesky(scaled - SOFTEST * np.eye(len(state.moving)))  # faster than eigenvalues, if all are positive
    except np.linalg.LinAlgError:
        positive = (np.linalg.eigvalsh(scaled) > SOFTEST).all(axis=1)
        return np.where(positive[:, None, None], corrected, plain)
    return corrected


def _observed(state: _Descent, rows: np.ndarray) -> np.ndarray:
    """Observed information by central differences of the gradient, (rows, m, m), in the minimiser's coordinates."""
    return _differences(state, rows, [np.array([j]) for j in range(len(state.moving))])


def _differences(state: _Descent, rows: np.ndarray, groups: Sequence[np.ndarray]) -> np.ndarray:
    """Derivatives of the gradient, (rows, m, m): coordinates of one group have none in each other, and move together."""
    m, p = len(state.moving), state.x.shape[1]
    scale = 1.0 / np.sqrt(np.maximum(np.einsum("nii->ni", state.information[rows]), 1e-12))
    h = np.minimum(1e-3 * scale, 1e-3 * (state.upper - state.lower))
    base = state.x[rows]
    centre = base[:, state.moving]
    high, low = np.minimum(centre + h, state.upper), np.maximum(centre - h, state.lower)
    up, down = (np.repeat(base[:, None, :], len(groups), axis=1) for _ in range(2))
    for j, group in enumerate(groups):
        up[:, j, state.moving[group]], down[:, j, state.moving[group]] = high[:, group], low[:, group]
    where = np.repeat(rows, len(groups))
    gradients = [state.evaluate(x.reshape(-1, p), where)[2].reshape(len(rows), len(groups), m) for x in (up, down)]
    change, result = gradients[0] - gradients[1], np.zeros((len(rows), m, m))
    alone = [(j, int(group[0])) for j, group in enumerate(groups) if len(group) == 1]
    single, column = np.array(alone, dtype=np.intp).reshape(-1, 2).T
    result[:, :, column] = change[:, single].transpose(0, 2, 1) / (high - low)[:, None, column]
    for j, group in enumerate(groups):
        if len(group) > 1:
            result[:, group, group] = change[:, j, group] / (high - low)[:, group]
            result[:, column[:, None], group] = result[:, group[:, None], column].transpose(0, 2, 1)
    return 0.5 * (result + result.transpose(0, 2, 1))


def observed_information(likelihood: Any, packed: Any, points: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Observed information in the parameters themselves, (batch, parameters, parameters), the identity where fixed."""
    plain = Coordinates(likelihood.parameters, free, points, simplexes=False)
    state = _Descent(Profiled(likelihood, free, closed=False), packed, plain, points, FitOptions().tolerance)
    together = np.isin(state.moving, likelihood.single_bins.among(free).at)
    groups = [np.array([j]) for j in np.flatnonzero(~together)]
    groups += [np.flatnonzero(together)] if together.any() else []
    result = np.tile(np.eye(len(free)), (len(points), 1, 1))
    result[:, state.moving[:, None], state.moving] = _differences(state, np.arange(len(points)), groups)
    return result


def _solve(
    matrix: np.ndarray, gradient: np.ndarray, held: np.ndarray, damping: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Damped steps −(M + λ diag M)⁻¹ g with some coordinates held, and whether each is a finite way down."""
    diagonal = np.maximum(np.abs(matrix.diagonal(axis1=1, axis2=2)), 1e-10)
    scale = np.where(held, 0.0, 1.0 / np.sqrt(diagonal))
    scaled = matrix * scale[:, :, None] * scale[:, None, :]
    scaled.reshape(len(scaled), -1)[:, :: scaled.shape[1] + 1] += damping[:, None] + held + 1e-14
    right = -(gradient * scale)
    try:
        move = np.linalg.solve(scaled, right[:, :, None])[:, :, 0] * scale
    except np.linalg.LinAlgError:
        move = np.array([np.linalg.lstsq(m, r, rcond=None)[0] for m, r in zip(scaled, right, strict=True)]) * scale
    sound = np.isfinite(move).all(axis=1) & (np.einsum("ni,ni->n", move, gradient) <= 0)
    return np.where(sound[:, None], move, 0.0), sound


def _migrad(likelihood: Any, packed: Any, start: np.ndarray, free: np.ndarray, options: FitOptions) -> Minima:
    """iminuit's MIGRAD with our gradient, one problem after the other, in the minimiser's coordinates."""
    import iminuit

    coordinates, plain = Coordinates(likelihood.parameters, free, start), Profiled(likelihood, free, closed=False)
    state = _Descent(plain, packed, coordinates, coordinates.to_box(start), options.tolerance)
    moving = state.moving
    for row in range(len(start)):
        if not np.isfinite(state.nll[row]):
            continue
        value, slope = _functions(state, row)
        minuit = iminuit.Minuit(value, state.x[row, moving], grad=slope)
        minuit.errordef = iminuit.Minuit.LIKELIHOOD
        minuit.limits = list(zip(state.lower, state.upper, strict=True))
        minuit.strategy, minuit.tol = 1, 1e-4
        sigma = 1.0 / np.sqrt(np.maximum(np.diag(state.information[row]), 1e-8))
        minuit.errors = list(np.minimum(sigma, 0.3 * (state.upper - state.lower)))
        minuit.migrad()
        if minuit.fval <= state.nll[row]:
            state.x[row, moving], state.nll[row] = np.array(minuit.values), minuit.fval
        state.edm[row], state.valid[row] = minuit.fmin.edm, minuit.valid
    return state.minima()


def _functions(state: _Descent, row: int) -> tuple[Callable[[np.ndarray], float], Callable[[np.ndarray], np.ndarray]]:
    """−ln density of one problem and its gradient, as functions of the coordinates that move."""
    at = np.array([row])
    coordinates, packed, likelihood = state.coordinates.take(at), state.packed.take(at), state.profiled.likelihood
    base = state.x[at]

    def placed(x: np.ndarray) -> np.ndarray:
        whole = base.copy()
        whole[0, state.moving] = x
        return whole

    def value(x: np.ndarray) -> float:
        nll = -float(likelihood.logpdf(coordinates.to_parameters(placed(x)), packed)[0])
        return nll if np.isfinite(nll) else 1e30

    return value, lambda x: state.evaluate(placed(x), at)[2][0]


def lowest(likelihood: Any, packed: Any, minima: Minima, free: np.ndarray) -> Minima:
    """The lowest of several minima of one problem, as a batch of one, after two more Newton steps."""
    i = int(np.argmin(minima.nll))
    found = Minima(*(getattr(minima, f)[i : i + 1] for f in ("points", "nll", "edm", "valid")))
    if not found.valid[0]:
        return found
    coordinates, profiled = Coordinates(likelihood.parameters, free, found.points), Profiled(likelihood, free)
    state = _Descent(profiled, packed, coordinates, coordinates.to_box(found.points), 1e-18)
    state.run(_observed, 2)
    better = bool(state.nll[0] <= found.nll[0] + 1e-12)
    return Minima(state.minima().points, state.nll, np.minimum(state.edm, found.edm), found.valid) if better else found
