"""Fits under tested values of one parameter: of data sets, and of the Asimov data without a signal of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from npinfer.errors import InferenceError, ParameterError
from npinfer.inference import teststat
from npinfer.inference.fit import full_names, poi_name
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.minimise import free_mask, minimise, start_points
from npinfer.inference.toys import fit_hypotheses

OPTIONS = FitOptions(tolerance=1e-8)  # q to 2e-8: limits to a few 1e-9
NODES, LARGEST = 4, 3.0  # known fits that start points are interpolated between, and what their weights add up to
BETTER = 1e-7  # in −ln L: what a fit at a tested value may lie below the best fit


@dataclass(frozen=True)
class Question:
    """A parameter whose large values are tested: `name` in full, and the values of the parameters that are held.

    background: its value without a signal: 0, or the bound nearest to it; lower, upper: its bounds, the upper one
    where fractions that are held leave less.
    """

    likelihood: Any
    name: str
    fixed: Mapping[str, float]
    index: int = field(init=False)
    background: float = field(init=False)
    lower: float = field(init=False)
    upper: float = field(init=False)

    def __post_init__(self) -> None:
        parameters = self.likelihood.parameters
        index, (lower, upper) = parameters.index(self.name), parameters[self.name].bounds
        for group in parameters.simplexes():
            if index in group:
                held = [i for i in group if i != index and not free_mask(self.likelihood, self.fixed)[i]]
                upper = min(upper, 1.0 - float(parameters.vector(self.fixed)[held].sum()))
        found = {"index": index, "background": min(max(0.0, lower), upper), "lower": lower, "upper": upper}
        for key, value in found.items():
            object.__setattr__(self, key, value)

    @classmethod
    def of(cls, likelihood: Any, poi: str | None, fixed: Mapping[str, float] | None) -> Question:
        """The question about `poi`, or about the likelihood's own.

        Raises ParameterError, InferenceError, ConfigurationError.
        """
        name, held = poi_name(likelihood, poi), full_names(likelihood, fixed)
        parameter = likelihood.parameters[name]
        if parameter.name in held or parameter.fixed:
            raise ParameterError(f"parameter {parameter.name!r} is fixed: a limit needs it free")
        question = cls(likelihood, parameter.name, held)
        if not question.background < question.upper:
            raise InferenceError(
                f"{parameter.name!r} has no signal at {question.background:g}, which is its largest value: "
                "a limit needs values above; look at its interval"
            )
        return question

    def points(self, points: np.ndarray, values: np.ndarray | float) -> np.ndarray:
        """Points (batch, parameters) with the parameter at the tested values, (batch,), the others inside bounds."""
        limits = self.likelihood.parameters
        points = np.clip(points, limits.lower, limits.upper)
        points[:, self.index] = values
        free = free_mask(self.likelihood, {**self.fixed, self.name: 0.0})
        shrunk: np.ndarray = self.likelihood.parameters.shrink(points, free)
        return shrunk

    def boundary(self, values: np.ndarray) -> np.ndarray:
        """How far below the values the parameter ends, in units of how far below them there is no signal."""
        above = np.maximum(values - self.background, 1e-300)
        return 1.0 + (self.background - self.lower) / above


class Hypotheses:
    """Tested values of a parameter for one or many data sets, each with its own Asimov data.

    The Asimov data of a data set have their truth at its fit without a signal. best: the parameter at the best fits,
    (sets,); null: the fits without a signal, (sets, parameters); sigma: expected there, (sets,), infinite where the
    parameter makes no difference; tangent: how fits change with the parameter there, (sets, parameters); failed: number
    of fits that did not converge, of `fits`. Every fit starts from where fits of the same data set point to.
    """

    def __init__(self, question: Question, packed: Any) -> None:
        likelihood = question.likelihood
        self.question, self.sets = question, len(packed)
        self.free = free_mask(likelihood, {**question.fixed, question.name: 0.0})
        start = likelihood.parameters.vector(question.fixed)
        (best,) = fit_hypotheses(likelihood, packed, start, [question.fixed])
        if np.isinf(best.nll).all():
            raise InferenceError(f"{likelihood.name}: the data have probability zero; free a parameter")
        without = {**question.fixed, question.name: question.background}
        (null,) = fit_hypotheses(likelihood, packed, best.points.mean(axis=0), [without])
        impossible = np.isinf(null.nll)[:, None]
        self.null = np.where(impossible, question.points(best.points, question.background), null.points)
        asimov = likelihood.pack(likelihood.asimov(self.null))
        self.asimov_nll = -np.atleast_1d(likelihood.logpdf(self.null, asimov))
        names = [f.name for f in fields(packed)]
        self.packed = type(packed)(*(np.concatenate([getattr(d, n) for d in (packed, asimov)]) for n in names))
        moved = self.free | (np.arange(len(self.free)) == question.index)
        information = likelihood.expansion(self.null, asimov)[2] * (moved[:, None] & moved)
        self.sigma, self.tangent = _straight(information, question.index)
        self.points, self.nll = best.points, best.nll
        self.failed, self.fits = int((np.isfinite(best.nll) & ~best.valid).sum()), self.sets
        self.known_sets, self.known = np.arange(self.sets), np.full(self.sets, question.background)
        self.known_nll = np.stack([null.nll, self.asimov_nll], axis=1)
        self.known_points = np.stack([self.null, self.null], axis=1)

    @property
    def best(self) -> np.ndarray:
        return self.points[:, self.question.index]

    def __call__(self, values: np.ndarray, sets: np.ndarray) -> np.ndarray:
        """−ln L of the data and of the Asimov data at tested values of the data sets `sets`, (tests, 2)."""
        question, n = self.question, len(values)
        packed = self.packed.take(np.concatenate([sets, self.sets + sets]))
        starts = [self._starts(values, sets, packed)]
        for other in start_points(question.likelihood, starts[0][0], self.free, OPTIONS)[1:]:
            starts.append(question.points(np.tile(other, (2 * n, 1)), np.tile(values, 2)))
        minima = minimise(question.likelihood, packed, starts, self.free, OPTIONS)
        self.failed += int((np.isfinite(minima.nll) & ~minima.valid).sum())
        self.fits += 2 * n
        nll, points = (np.stack([a[:n], a[n:]], axis=1) for a in (minima.nll, minima.points))
        self.known_sets = np.concatenate([self.known_sets, sets])
        self.known = np.concatenate([self.known, values])
        self.known_nll = np.concatenate([self.known_nll, nll])
        self.known_points = np.concatenate([self.known_points, points])
        self._improve(sets, nll[:, 0], points[:, 0])
        np.minimum.at(self.asimov_nll, sets, nll[:, 1])
        return nll

    def statistics(self, values: np.ndarray, sets: np.ndarray, nll: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """q or q̃ of the data, and of the Asimov data, each (tests,), from −ln L (tests, 2) at tested values."""
        q = teststat.q_mu(nll[:, 0], self.nll[sets], self.best[sets], values)
        return q, teststat.t_mu(nll[:, 1], self.asimov_nll[sets])

    def complaint(self) -> str:
        """How many fits did not converge, or "" where all did."""
        return f"{self.failed} of {self.fits} fits did not converge; they count where they ended" if self.failed else ""

    def _starts(self, values: np.ndarray, sets: np.ndarray, packed: Any) -> np.ndarray:
        """Start points at `values` for the data and then the Asimov data in `packed`, (2 tests, parameters).

        They are on a polynomial through the nearest known fits. Beyond all of those they are the last one, or where
        the tangent leads from it if that is likelier.
        """
        weights, order = self._window(values, sets)
        points = np.einsum("nk,nk...->n...", weights, self.known_points[order])
        beyond = values - np.einsum("nk,nk->n", weights, self.known[order])
        both, question = np.tile(values, 2), self.question
        on_curve = question.points(np.concatenate([points[:, 0], points[:, 1]]), both)
        out = np.flatnonzero(np.tile(np.abs(beyond) > 1e-9 * np.abs(values), 2))
        if len(out):
            steps = np.tile(beyond[:, None] * self.tangent[sets], (2, 1))[out]
            ahead = question.points(on_curve[out] + steps, both[out])
            pairs = np.concatenate([on_curve[out], ahead])
            here, there = np.split(question.likelihood.logpdf(pairs, packed.take(np.tile(out, 2))), 2)
            on_curve[out] = np.where((there > here)[:, None], ahead, on_curve[out])
        return on_curve

    def _window(self, values: np.ndarray, sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The weights of known fits near `values`, and which they are, each (tests, NODES)."""
        order = np.lexsort((self.known, self.known_sets))
        again = (np.diff(self.known_sets[order]) == 0) & (np.diff(self.known[order]) == 0)
        order = order[np.append(True, ~again)]
        known, owner = self.known[order], self.known_sets[order]
        first, last = np.searchsorted(owner, sets), np.searchsorted(owner, sets, side="right")
        away = np.max(np.abs(np.concatenate([known, values]) - self.question.background)) + 1e-300
        place = lambda v, s: s + 0.5 + 0.49 * (v - self.question.background) / away  # one unit a data set
        at = np.searchsorted(place(known, owner), place(values, sets))
        start = np.maximum(np.minimum(at - NODES // 2, last - NODES), first)
        near = start[:, None] + np.arange(NODES)
        there = near < last[:, None]
        near = np.minimum(near, len(order) - 1)
        return _weights(values, np.where(there, known[near], np.nan)), order[near]

    def _improve(self, sets: np.ndarray, nll: np.ndarray, points: np.ndarray) -> None:
        """A fit at a tested value below the best fit is where the best fit is searched again."""
        for row in np.flatnonzero(nll < self.nll[sets] - BETTER):
            i = sets[row : row + 1]
            if nll[row] >= self.nll[i[0]]:
                continue
            free = free_mask(self.question.likelihood, self.question.fixed)
            found = minimise(self.question.likelihood, self.packed.take(i), [points[row][None]], free, OPTIONS)
            self.nll[i], self.points[i] = found.nll, found.points


def _weights(x: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Weights of values at increasing nodes (tests, nodes), NaN where there is none, that interpolate at x (tests,).

    Lagrange's inside all nodes, if none is large; else those of the line between two neighbours, or the nearest one's.
    """
    there = ~np.isnan(nodes)
    count = there.sum(axis=1)
    above = np.clip((nodes < x[:, None]).sum(axis=1), 1, np.maximum(count - 1, 1))
    rows, high = np.arange(len(x)), np.minimum(above, count - 1)
    low_node, high_node = nodes[rows, above - 1], nodes[rows, high]
    width = np.where(high_node > low_node, high_node - low_node, 1.0)
    share = np.clip((x - low_node) / width, 0.0, 1.0)
    line = np.zeros(nodes.shape)
    line[rows, high] = share
    line[rows, above - 1] += 1.0 - share
    pairs = there[:, :, None] & there[:, None, :] & ~np.eye(nodes.shape[1], dtype=bool)
    apart = np.where(pairs, nodes[:, :, None] - nodes[:, None, :], 1.0)
    factors = np.where(pairs, x[:, None, None] - nodes[:, None, :], 1.0) / apart
    curve = np.where(there, factors.prod(axis=2), 0.0)
    inside = (x >= nodes[:, 0]) & (x <= nodes[rows, count - 1])
    sound = inside & (np.abs(curve).sum(axis=1) < LARGEST)
    return np.where(sound[:, None], curve, line)


def _straight(information: np.ndarray, at: int) -> tuple[np.ndarray, np.ndarray]:
    """σ of the parameter at position `at`, (sets,), and how the others follow it, (sets, parameters).

    information: expected, (sets, parameters, parameters), zero where a parameter is held.
    """
    diagonal = np.einsum("nii->ni", information)
    scale = np.where(diagonal > 0, 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0)), 0.0)
    inverse = np.linalg.pinv(information * scale[:, :, None] * scale[:, None, :], hermitian=True)
    column = inverse[:, at] * scale * scale[:, at, None]
    variance = column[:, at, None]
    known = variance > 0
    tangent = np.where(known, column / np.where(known, variance, 1.0), 0.0)
    return np.sqrt(np.where(known, variance, np.inf))[:, 0], tangent
