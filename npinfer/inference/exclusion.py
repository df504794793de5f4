"""exclusion: which values of a parameter are excluded, where its signal may rise and fall."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import ndtri

from npinfer.core import wilks
from npinfer.core.provenance import Provenance
from npinfer.core.result import Exclusion, Quantity, Segment
from npinfer.errors import ConfigurationError, ParameterError, unknown
from npinfer.inference import teststat
from npinfer.inference.asymptotic import NAMED
from npinfer.inference.crossings import INSIDE, N_SIGMA, P_VALUES
from npinfer.inference.executor import RunOptions
from npinfer.inference.hypotheses import Hypotheses, Question
from npinfer.inference.profile import profile
from npinfer.inference.roots import find_roots

METHODS = ("cls", "profile")


def exclusion(
    likelihood: Any,
    poi: str,
    grid: np.ndarray,
    *,
    cl: float = 0.90,
    method: str = "cls",
    expected: bool = True,
    fixed: Mapping[str, float] | None = None,
    run: RunOptions = RunOptions(),
) -> Exclusion:
    """The values of a parameter that are excluded, observed and expected without a signal.

    grid: increasing values, (points,); method: "cls" or "profile", both with asymptotic formulae (arXiv:1007.1727). A
    value is tested by the events that it adds to those without a signal, or takes away where it interferes: it is not
    excluded where the best fit wants more of that. Segments start and end where p crosses 1 − cl between two grid
    points; one that is narrower than the grid's spacing may be missed. Raises ParameterError, ConfigurationError,
    InferenceError, Interrupted.
    """
    if wilks.check_cl(cl) <= 0.5:
        raise ConfigurationError(f"cl of an exclusion is above 0.5, such as 0.9; found {cl:g}")
    if method not in METHODS:
        raise ConfigurationError(unknown("exclusion method", method, METHODS))
    question = Question.of(likelihood, poi, fixed)
    values = np.atleast_1d(np.asarray(grid, dtype=float))
    if values.ndim != 1 or len(values) < 2 or not (np.diff(values) > 0).all():
        raise ParameterError(f"the grid of {question.name!r} is at least two increasing values; found {grid!r}")
    for value in values[[0, -1]]:
        likelihood.parameters[question.name].check(value)
    test = _Test(question, method, 1.0 - cl)
    p, message = test.scan(values, run)
    segments = test.segments(values, p)
    return Exclusion(
        description=likelihood.description,
        provenance=Provenance.record(likelihood.description),
        quantity=Quantity.of(likelihood.parameters[question.name]),
        cl=cl,
        method=method,
        segments=segments[0],
        expected=tuple(segments[1:]) if expected else (),
        grid=values,
        p=p[:, 0],
        p_expected=p[:, 1:].T if expected else p[:, :0].T,
        background=question.background,
        best=float(test.tested.best[0]),
        calibration=f"{NAMED[method]}; not calibrated with toys",
        fixed=question.fixed,
        data_kind=likelihood.data.kind,
        message="; ".join(filter(None, [test.tested.complaint(), *message])),
    )


class _Test:
    """p of tested values, one-sided in the number of events that the signal adds or takes away."""

    def __init__(self, question: Question, method: str, alpha: float) -> None:
        self.question, self.alpha = question, alpha
        self.tested = Hypotheses(question, question.likelihood.pack(None))
        self._observed, self._expected = P_VALUES[method]
        self._boundary = 1.0

    def events(self, values: np.ndarray) -> np.ndarray:
        """Events that the signal adds at values of the parameter, the others as without a signal, (tests,)."""
        null = self.tested.null[0]
        points = np.tile(null, (len(values) + 1, 1))
        points[:-1, self.question.index] = values
        total = self.question.likelihood.rates(points).sum(axis=1)
        added: np.ndarray = total[:-1] - total[-1]
        return added

    def p_values(self, values: np.ndarray, t: np.ndarray, t_asimov: np.ndarray) -> np.ndarray:
        """p of the data, then expected at N_SIGMA, (tests, 6), from t on the data and on the Asimov data, (tests,)."""
        added, wanted = self.events(values), self.events(self.tested.best)[0]
        beyond = np.where(added < 0, wanted <= added, wanted >= added)
        q = np.where(beyond | (added == 0), 0.0, t)
        p = self._observed(q, t_asimov, self._boundary)
        return np.concatenate([p[:, None], self._expected(t_asimov[:, None], N_SIGMA)], axis=1)

    def scan(self, values: np.ndarray, run: RunOptions) -> tuple[np.ndarray, list[str]]:
        """p on the grid, (points, 6), NaN where it was not computed, and why that is."""
        question, likelihood = self.question, self.question.likelihood
        added = self.events(values)
        if added.min() < 0 < added.max():  # the parameter goes on where there is no signal
            self._boundary = np.inf
        asimov = likelihood.with_data(likelihood.asimov(self.tested.null[0]))
        grid = {question.name: values}
        scans = [profile(lh, grid, fixed=question.fixed, run=run) for lh in (likelihood, asimov)]
        if 0.5 * scans[0].twice_nll < self.tested.nll[0]:  # another minimum, found on the grid
            best = likelihood.parameters.vector(scans[0].best)
            self.tested.nll[0], self.tested.points[0] = 0.5 * scans[0].twice_nll, best
        t, t_asimov = (np.asarray(scan.delta_twice_nll) for scan in scans)
        p = np.full((len(values), 1 + len(N_SIGMA)), np.nan)
        known = np.isfinite(t_asimov) & ~np.isnan(t)  # neither interrupted nor outside a simplex
        p[known] = self.p_values(values[known], t[known], t_asimov[known])
        return p, [scan.message for scan in scans]

    def height(self, p: np.ndarray) -> np.ndarray:
        """How far p is above alpha, in standard deviations."""
        return np.asarray(ndtri(np.clip(p, *INSIDE)) - ndtri(self.alpha))

    def segments(self, values: np.ndarray, p: np.ndarray) -> list[tuple[Segment, ...]]:
        """The excluded pieces of every column of p, (points, columns), all their ends refined together."""
        heights = self.height(p)
        below = heights < 0
        k, column = np.nonzero(below[1:] != below[:-1])
        known = np.isfinite(heights[k, column]) & np.isfinite(heights[k + 1, column])
        k, column = k[known], column[known]

        def height(x: np.ndarray, which: np.ndarray) -> np.ndarray:
            nll = self.tested(x, np.zeros(len(x), dtype=int))
            t = teststat.t_mu(nll[:, 0], self.tested.nll[0]), teststat.t_mu(nll[:, 1], self.tested.asimov_nll[0])
            found: np.ndarray = self.height(self.p_values(x, *t))[np.arange(len(x)), column[which]]
            return found

        ends = find_roots(height, (values[k], values[k + 1]), (heights[k, column], heights[k + 1, column]))
        crossed: list[dict[int, float]] = [{} for _ in range(p.shape[1])]
        for i, c, x in zip(k.tolist(), column.tolist(), ends.tolist(), strict=True):
            crossed[c][i] = x
        return [_pieces(values, below[:, c], crossed[c]) for c in range(p.shape[1])]


def _pieces(values: np.ndarray, below: np.ndarray, ends: Mapping[int, float]) -> tuple[Segment, ...]:
    """Runs of grid points below, each from the crossing before it to the one after it; {interval number: crossing}."""
    first = np.flatnonzero(below & ~np.r_[False, below[:-1]]).tolist()
    last = np.flatnonzero(below & ~np.r_[below[1:], False]).tolist()
    return tuple(
        Segment(ends.get(i - 1, float(values[i])), ends.get(j, float(values[j])), i - 1 not in ends, j not in ends)
        for i, j in zip(first, last, strict=True)
    )
