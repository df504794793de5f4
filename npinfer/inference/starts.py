"""Where walkers start: over-dispersed about every good minimum, never where the posterior is zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from npinfer.errors import InferenceError
from npinfer.inference.fit import covariance_at
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.minimise import minimise, start_points

DISPERSION = 2.0  # starts are this many times wider than the posterior is near its maximum
DEPTH = 12.5  # minima of −ln density less deep than this serve as starts: five standard deviations
DROP = 2.0  # of ln likelihood over a probed width
HALVINGS = 24
ROUNDS = 60  # of draws; each is narrower than the one before


class LogPosterior:
    """ln of likelihood times prior at values of the free parameters, (batch, free) to (batch,).

    −inf outside bounds and simplexes, and where the likelihood has no value. Priors of parameters that are held do
    not enter: they are no part of the posterior.
    """

    def __init__(self, likelihood: Any, base: np.ndarray, free: np.ndarray) -> None:
        self.likelihood, self.base, self.free = likelihood, base, free
        sampled = [p for p, is_free in zip(likelihood.parameters, free, strict=True) if is_free]
        self._curved = [(column, p) for column, p in enumerate(sampled) if p.prior.power != 1]
        flat = [p.prior.logpdf(np.array([p.init]), p.bounds)[0] for p in sampled if p.prior.power == 1]
        self._flat = float(sum(flat))  # the same everywhere inside the bounds

    def points(self, values: np.ndarray) -> np.ndarray:
        """Points (batch, parameters) with the held parameters filled in."""
        points = np.tile(self.base, (len(values), 1))
        points[:, self.free] = values
        return points

    def logpdf(self, values: np.ndarray) -> np.ndarray:
        """ln of the likelihood alone, −inf outside bounds and simplexes."""
        points = self.points(values)
        inside = np.flatnonzero(self.likelihood.parameters.allowed(points))
        result = np.full(len(points), -np.inf)
        if len(inside):
            density = np.atleast_1d(self.likelihood.logpdf(points[inside]))
            result[inside] = np.where(np.isnan(density), -np.inf, density)
        return result

    def __call__(self, values: np.ndarray) -> np.ndarray:
        density = self.logpdf(values) + self._flat
        for column, p in self._curved:
            density = density + p.prior.logpdf(values[:, column], p.bounds)
        return density


@dataclass(frozen=True)
class Mode:
    """A minimum of −ln density: where it is, (free,), and how wide.

    factor: F with F Fᵀ the covariance of the parameters inside their bounds, (free, free); widths: over which ln
    likelihood drops along each parameter, (free,), for those at a bound and for directions without curvature.
    """

    centre: np.ndarray
    factor: np.ndarray
    widths: np.ndarray


def find_modes(likelihood: Any, fixed: Mapping[str, float], free: np.ndarray) -> list[Mode]:
    """The minima that the parameters' start values lead to, the deepest and those nearly as deep."""
    options = FitOptions()
    starts = start_points(likelihood, likelihood.parameters.vector(fixed), free, options)
    minima = minimise(likelihood, likelihood.pack(None), [starts], free, options)
    deep = np.flatnonzero(minima.nll <= minima.nll.min() + DEPTH)
    return [_mode(likelihood, minima.points[i], free) for i in deep]


def _mode(likelihood: Any, point: np.ndarray, free: np.ndarray) -> Mode:
    covariance, kept = covariance_at(likelihood, point[None], free)
    sizes, axes = np.linalg.eigh(covariance)
    where = np.searchsorted(np.flatnonzero(free), kept)
    factor = np.zeros((int(free.sum()),) * 2)
    factor[np.ix_(where, np.arange(len(kept)))] = axes * np.sqrt(np.maximum(sizes, 0.0))
    room = (likelihood.parameters.upper - likelihood.parameters.lower)[free]
    deviation = np.sqrt((factor**2).sum(axis=1))
    factor *= np.minimum(1.0, room / np.maximum(deviation, 1e-300))[:, None]
    return Mode(point[free], factor, _widths(LogPosterior(likelihood, point, free), point[free]))


def _widths(density: LogPosterior, centre: np.ndarray) -> np.ndarray:
    """How far each parameter alone may go until ln likelihood has dropped by DROP, or its bound is met, (free,)."""
    p = density.likelihood.parameters
    fractions = 0.5 ** np.arange(HALVINGS, -1, -1.0)
    widths = np.zeros(len(centre))
    for bound, sign in ((p.lower, -1.0), (p.upper, 1.0)):
        room = np.minimum(np.abs(bound[density.free] - centre), 1e3 * np.maximum(np.abs(centre), 1.0))
        steps = room[:, None] * fractions  # (free, fractions)
        probes = centre + sign * steps[:, :, None] * np.eye(len(centre))[:, None, :]
        value = np.concatenate([density.logpdf(part) for part in probes])
        near = value.reshape(steps.shape) >= density.logpdf(centre[None])[0] - DROP
        near[:, 0] = True
        reached = np.logical_and.accumulate(near, axis=1)
        widths = np.maximum(widths, np.where(reached, steps, 0.0).max(axis=1))
    return widths


def draw_starts(
    density: LogPosterior, modes: list[Mode], walkers: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Start positions (walkers, free) and ln posterior there, (walkers,); raises InferenceError.

    Every ensemble shares its walkers among several modes in other proportions, so that R-hat notices if walkers do
    not pass between them.
    """
    p, free = density.likelihood.parameters, density.free
    shares = rng.dirichlet(np.ones(len(modes)))
    positions, value = np.zeros((walkers, int(free.sum()))), np.full(walkers, -np.inf)
    dispersion = DISPERSION
    for _ in range(ROUNDS):
        left = np.flatnonzero(np.isinf(value))
        if not len(left):
            return positions, value
        for i in left:
            mode = modes[rng.choice(len(modes), p=shares)]
            shape = mode.factor @ rng.standard_normal(len(mode.centre))
            alone = 0.5 * mode.widths * rng.standard_normal(len(mode.centre))
            positions[i] = _fold(mode.centre + dispersion * (shape + 0.5 * alone), p.lower[free], p.upper[free])
        value[left] = density(positions[left])
        dispersion *= 0.9
    raise InferenceError(
        f"{density.likelihood.name}: no start was found where the posterior is not zero; narrow the bounds"
    )


def _fold(x: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Values reflected at finite bounds until they lie between them."""
    width = np.where(np.isfinite(upper - lower), upper - lower, 1.0)
    offset = np.mod(x - np.where(np.isfinite(lower), lower, 0.0), 2.0 * width)
    folded = lower + np.minimum(offset, 2.0 * width - offset)
    return np.where(np.isfinite(upper - lower), np.clip(folded, lower, upper), x)
