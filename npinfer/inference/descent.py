"""Descents: many problems minimised at once, inside bounds.

Steps are solved with a curvature and an active set. The curvature is the expected information plus a symmetric rank-one
correction (a structured secant update: Dennis, Gay and Welsch, ACM TOMS 7 (1981) 348) that learns from gradients what
observed and expected information differ by, or the observed information. Each problem has its own damping
(Levenberg–Marquardt), so that one hard problem does not slow the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np

from npinfer.inference.coordinates import Coordinates
from npinfer.inference.minima import Minima
from npinfer.likelihood.profiled import Profiled

SOFTEST = 1e-6  # eigenvalue of a corrected curvature, in units of the expected information, that is still used
FLATTEST = 1e-2  # size of a negative curvature, in the same units, that steps are taken with
# Marquardt's damping of a problem whose step led up
LEAST_DAMPING = {"secant": 1.0, "rough": 1.0, "exact": 1e-3, "observed": 1e-3}
STRETCHED_DAMPING = 1e-2  # the same of secant steps in stretched coordinates, which valleys are straight in
WILDEST = 1e100  # change of a gradient that nothing is learnt from
CHUNK = 128  # points evaluated together: larger batches fall out of the cache
STATE = ("x", "nll", "gradient", "information", "correction", "damping", "edm", "valid", "lower", "upper")


class Descent:
    """A batch of descents in minimiser coordinates: x of all parameters, derivatives in the m that move."""

    def __init__(
        self, profiled: Profiled, packed: Any, coordinates: Coordinates, x: np.ndarray, tolerance: float
    ) -> None:
        self.profiled, self.packed, self.coordinates, self.tolerance = profiled, packed, coordinates, tolerance
        self.moving = profiled.moving
        bounds = coordinates.lower, coordinates.upper
        self.lower, self.upper = (b[self.moving][None].repeat(len(x), axis=0) for b in bounds)
        self.near = coordinates.near[self.moving]
        inside = x.copy()
        inside[:, self.moving] = np.minimum(np.maximum(x[:, self.moving], self.lower), self.upper)
        self.x, self.nll, self.gradient, self.information = self.evaluate(inside)
        self.correction = np.zeros_like(self.information)
        self.damping, self.least = np.zeros(len(x)), 1.0
        self.edm = np.full(len(x), np.inf)
        self.valid = np.zeros(len(x), dtype=bool)
        self.known: Minima | None = None

    def take(self, rows: np.ndarray) -> Descent:
        """Some of the descents."""
        part = copy(self)
        part.packed, part.coordinates = self.packed.take(rows), self.coordinates.take(rows)
        for name in STATE:
            setattr(part, name, getattr(self, name)[rows])
        if self.known is not None:
            part.known = self.known.take(rows)
        return part

    def put(self, rows: np.ndarray, part: Descent) -> None:
        """The state of some of the descents, back where it came from."""
        if part is self:
            return
        for name in STATE:
            getattr(self, name)[rows] = getattr(part, name)

    def evaluate(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """x with the single-bin parameters at their best, −ln density, gradient and expected information there.

        In chunks. Derivatives are those of the parameters that move.
        """
        n, m = len(x), len(self.moving)
        if not n:
            return x, np.zeros(0), np.zeros((0, m)), np.zeros((0, m, m))
        if n <= CHUNK:
            return self._evaluate(x, self.packed, self.coordinates)
        chunks = [np.arange(i, min(i + CHUNK, n)) for i in range(0, n, CHUNK)]
        parts = [self._evaluate(x[rows], self.packed.take(rows), self.coordinates.take(rows)) for rows in chunks]
        x, nll, gradient, information = map(np.concatenate, zip(*parts, strict=True))
        return x, nll, gradient, information

    def _evaluate(
        self, x: np.ndarray, packed: Any, coordinates: Coordinates
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        points, value, slope, information = self.profiled.expansion(coordinates.to_parameters(x), packed)
        gradient, information = coordinates.pull_back(x, -slope, information, self.moving)
        nll = -value
        nll[np.isnan(nll)] = np.inf
        return coordinates.to_box(points), nll, gradient, information

    def run(self, metric: Callable[[Descent], np.ndarray], steps: int) -> None:
        """Damped steps of the problems that have not converged, with the curvature that `metric` gives."""
        stretched = self.coordinates.stretched and metric is secant
        self.least = STRETCHED_DAMPING if stretched else LEAST_DAMPING[metric.__name__]
        rows = np.flatnonzero(~self.valid & np.isfinite(self.nll))
        if not len(rows) or not steps:
            return
        part = self if len(rows) == len(self.x) else self.take(rows)
        curvature = metric(part)
        for _ in range(steps):
            held = part.held()
            move, sound = _solve(curvature, part.gradient, held, None)
            part.edm = np.where(sound, 0.5 * np.abs((move * part.gradient).sum(axis=1)), np.inf)
            part.valid = part.edm < self.tolerance
            if part.known is not None:
                part.valid |= part.merged(part.known, curvature)
            if part.valid.any():
                self.put(rows, part)
                left = np.flatnonzero(~part.valid)
                if not len(left):
                    return
                part, rows, curvature = part.take(left), rows[left], curvature[left]
                held, move, sound = held[left], move[left], sound[left]
            if part.damping.any():
                move, sound = _solve(curvature, part.gradient, held, part.damping)
            moved = part.step(move, sound)
            if moved.all():
                curvature = metric(part)
            elif moved.any():
                curvature[moved] = metric(part.take(np.flatnonzero(moved)))
        self.put(rows, part)

    def merged(self, known: Minima, curvature: np.ndarray) -> np.ndarray:
        """Which problems are in the bowl of their `known` minimum, less than a standard deviation from it.

        There −ln density lies above it by half the squared distance.
        """
        away = (self.x - known.points)[:, self.moving]
        distance = np.einsum("ni,nij,nj->n", away, curvature, away)
        higher = 2 * (self.nll - known.nll)
        like_a_bowl = np.abs(higher - distance) <= 0.25 * distance + 1e-9
        return np.asarray(known.valid & (distance < 1.0) & (higher >= 0) & like_a_bowl)

    def held(self) -> np.ndarray:
        """Coordinates at a bound with the gradient pushing out, which do not move, (batch, m)."""
        x, g = self.x[:, self.moving], self.gradient
        return ((x <= self.lower) & (g > 0)) | ((x >= self.upper) & (g < 0))

    def snap(self, x: np.ndarray) -> np.ndarray:
        """Moving coordinates within a billionth of a bound that the gradient pushes them to are put on it."""
        low, high = x <= self.lower + self.near, x >= self.upper - self.near
        if not (low | high).any():
            return x
        x = np.where(low & (self.gradient > 0), self.lower, x)
        return np.where(high & (self.gradient < 0), self.upper, x)

    def step(self, move: np.ndarray, sound: np.ndarray) -> np.ndarray:
        """Try one step of each problem, where it is sound; gives which problems moved, (batch,) of bool."""
        trial, before = self.x.copy(), self.x[:, self.moving]
        trial[:, self.moving] = to = self.snap(np.minimum(np.maximum(before + move, self.lower), self.upper))
        trial, nll, gradient, information = self.evaluate(trial)
        step = to - before
        descent = (self.gradient * step).sum(axis=1)
        good = sound & (nll <= self.nll + 1e-4 * np.minimum(descent, 0.0) + self.rounding())
        if good.all():
            self.learn(slice(None), step, gradient - self.gradient, information)
            self.x, self.nll, self.gradient, self.information = trial, nll, gradient, information
            if self.damping.any():
                self.damping = np.where(self.damping < self.least, 0.0, self.damping / 10)
            return good
        self.learn(good, step[good], gradient[good] - self.gradient[good], information[good])
        for name, new in (("x", trial), ("nll", nll), ("gradient", gradient), ("information", information)):
            getattr(self, name)[good] = new[good]
        softer = np.where(self.damping < self.least, 0.0, self.damping / 10)
        harder = np.minimum(np.maximum(self.damping * 10, self.least), 1e8)
        self.damping = np.where(good, softer, harder)
        return good

    def rounding(self) -> np.ndarray:
        """What −ln density is known to at best, (batch,): it is a small sum of n ln n and its like."""
        found: np.ndarray = 1e-13 * np.abs(self.nll) + 2 * np.finfo(float).eps * np.abs(self.packed.constant)
        return found

    def learn(self, rows: np.ndarray | slice, step: np.ndarray, change: np.ndarray, information: np.ndarray) -> None:
        """Correct the curvature by the rank-one matrix that explains how the gradient changed over a step."""
        tame = np.abs(change).max(axis=1, initial=0.0) < WILDEST
        if not tame.all():
            change, information = np.where(tame[:, None], change, 0.0), np.minimum(information, WILDEST)
        residual = change - np.matmul(information + self.correction[rows], step[:, :, None])[:, :, 0]
        residual *= step != 0
        along = (residual * step).sum(axis=1)
        safe = tame & (along * along > 1e-12 * (residual * residual).sum(axis=1) * (step * step).sum(axis=1))
        inverse = np.where(safe, 1.0, 0.0) / np.where(safe, along, 1.0)
        self.correction[rows] += residual[:, :, None] * (residual * inverse[:, None])[:, None, :]

    def minima(self) -> Minima:
        """Where the descents have ended, next to a bound on it, unless that is further up."""
        x, nll = self.x.copy(), self.nll.copy()
        x[:, self.moving] = self.snap(x[:, self.moving])
        rows = np.flatnonzero((x != self.x).any(axis=1))
        if len(rows):
            there = self.take(rows).evaluate(x[rows])[1]
            down = there <= nll[rows] + 1e-9 * np.maximum(np.abs(nll[rows]), 1.0)
            nll[rows[down]] = there[down]
            x[rows[~down]] = self.x[rows[~down]]
        points = self.coordinates.to_parameters(x)
        return Minima(points, nll, self.edm.copy(), self.valid.copy())


def secant(state: Descent) -> np.ndarray:
    """Expected information, corrected where that leaves it positive definite, (batch, m, m)."""
    plain, correction = state.information, state.correction
    if not correction.any():
        return plain.copy()
    corrected = plain + correction
    scaled, _ = _scaled(corrected, plain)
    try:
        np.linalg.cholesky(scaled)  # faster than eigenvalues, where all are positive
    except np.linalg.LinAlgError:
        positive = (np.linalg.eigvalsh(scaled) > 0).all(axis=1)
        return np.where(positive[:, None, None], corrected, plain)
    return corrected


def _scaled(wanted: np.ndarray, plain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Curvatures in units of the diagonal of `plain` ones, less the softest that is used, and the units, (batch, m)."""
    unit = np.sqrt(np.clip(plain.diagonal(axis1=1, axis2=2), 1e-10, WILDEST))
    scale = 1.0 / unit
    scaled = wanted * (scale[:, :, None] * scale[:, None, :])
    scaled.reshape(len(scaled), -1)[:, :: scaled.shape[1] + 1] -= SOFTEST
    return scaled, unit


def exact(state: Descent) -> np.ndarray:
    """Observed information in closed form, (batch, m, m); where it is not positive definite, what leads out of there.

    That has the size of each curvature, whatever its sign: along a negative one the step goes down, and not up.
    """
    return _leading_out(state.profiled.observed(state.coordinates.to_parameters(state.x), state.packed), state)


def rough(state: Descent) -> np.ndarray:
    """As `exact`, of the coarse approximation of a likelihood, (batch, m, m)."""
    coarse = Profiled(state.profiled.likelihood.coarse, np.isin(np.arange(state.x.shape[1]), state.moving))
    return _leading_out(coarse.observed(state.coordinates.to_parameters(state.x), state.packed), state)


def _leading_out(wanted: np.ndarray, state: Descent) -> np.ndarray:
    """Curvatures (batch, m, m) that are positive definite, see `exact`."""
    scaled, unit = _scaled(wanted, state.information)
    try:
        np.linalg.cholesky(scaled)
        return wanted
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(scaled)
    bad = values[:, 0] <= 0
    sizes = np.maximum(np.abs(values[bad]), FLATTEST)
    bent = np.matmul(vectors[bad] * sizes[:, None], vectors[bad].transpose(0, 2, 1))
    with np.errstate(over="ignore"):
        scale = unit[bad][:, :, None] * unit[bad][:, None, :]
        wanted[bad] = np.clip(bent * scale, -WILDEST, WILDEST)  # no number beyond: the step is damped instead
    return wanted


def observed(state: Descent) -> np.ndarray:
    """Observed information by central differences of the gradient, (batch, m, m), in the minimiser's coordinates."""
    return differences(state, [np.array([j]) for j in range(len(state.moving))])


def differences(state: Descent, groups: Sequence[np.ndarray]) -> np.ndarray:
    """Derivatives of the gradient, (batch, m, m): coordinates of a group have none in each other, and move together."""
    (n, p), m, k = state.x.shape, len(state.moving), len(groups)
    scale = 1.0 / np.sqrt(np.maximum(np.einsum("nii->ni", state.information), 1e-12))
    centre = state.x[:, state.moving]
    h = np.minimum(1e-3 * scale, 1e-3 * (state.upper - state.lower))
    h = np.maximum(h, np.spacing(np.abs(centre)))
    high, low = np.minimum(centre + h, state.upper), np.maximum(centre - h, state.lower)
    up, down = (np.repeat(state.x[:, None, :], k, axis=1) for _ in range(2))
    for j, group in enumerate(groups):
        up[:, j, state.moving[group]], down[:, j, state.moving[group]] = high[:, group], low[:, group]
    each = state.take(np.repeat(np.arange(n), k))
    gradients = [each.evaluate(x.reshape(-1, p))[2].reshape(n, k, m) for x in (up, down)]
    change, result = gradients[0] - gradients[1], np.zeros((n, m, m))
    alone = [(j, int(group[0])) for j, group in enumerate(groups) if len(group) == 1]
    single, column = np.array(alone, dtype=np.intp).reshape(-1, 2).T
    width = np.where(high > low, high - low, np.inf)  # a coordinate may be held between equal bounds
    result[:, :, column] = change[:, single].transpose(0, 2, 1) / width[:, None, column]
    for j, group in enumerate(groups):
        if len(group) > 1:
            result[:, group, group] = change[:, j, group] / width[:, group]
            result[:, column[:, None], group] = result[:, group[:, None], column].transpose(0, 2, 1)
    return 0.5 * (result + result.transpose(0, 2, 1))


def _solve(
    matrix: np.ndarray, gradient: np.ndarray, held: np.ndarray, damping: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Damped steps −(M + λ diag M)⁻¹ g with some coordinates held, and whether each is a finite way down."""
    diagonal = np.maximum(np.abs(matrix.diagonal(axis1=1, axis2=2)), 1e-10)
    if not (diagonal < WILDEST).all():
        matrix = np.clip(np.nan_to_num(matrix), -WILDEST, WILDEST)
        diagonal = np.maximum(np.abs(matrix.diagonal(axis1=1, axis2=2)), 1e-10)
    scale = np.where(held, 0.0, 1.0 / np.sqrt(diagonal))
    scaled = matrix * scale[:, :, None] * scale[:, None, :]
    ridge = held + 1e-14 if damping is None else damping[:, None] + held + 1e-14
    scaled.reshape(len(scaled), -1)[:, :: scaled.shape[1] + 1] += ridge
    right = -(gradient * scale)
    try:
        move = np.linalg.solve(scaled, right[:, :, None])[:, :, 0] * scale
    except np.linalg.LinAlgError:
        move = np.array([np.linalg.lstsq(m, r, rcond=None)[0] for m, r in zip(scaled, right, strict=True)]) * scale
    with np.errstate(over="ignore", invalid="ignore"):  # of a gradient near the end of numbers: no sound step
        down = (move * gradient).sum(axis=1)
    sound = np.isfinite(down) & (down <= 0)
    return move if sound.all() else np.where(sound[:, None], move, 0.0), sound
