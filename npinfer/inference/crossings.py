"""Where the p-value of tested values of a parameter falls below a size: for many data sets, observed and expected."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from npinfer.inference import teststat
from npinfer.inference.hypotheses import BETTER, Hypotheses
from npinfer.inference.roots import find_roots
from npinfer.inference.visible import first_visible

N_SIGMA = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
P_VALUES = {
    "cls": (teststat.cls, teststat.expected_cls),
    "profile": (teststat.p_signal, teststat.expected_p_signal),
}
LOOKS, TOY_LOOKS = 8, 5  # tested values in a first look at one data set, and at each of many
MOST_LOOKS = 40
MARGIN = 1.3  # on the distance that a first look reaches, where the parameter were normal
INVISIBLE = 1e-6  # q_asimov of signals that limits are not looked for among
NEAR = 1 / 300  # of the first tested value: a limit below this is none at all
CLOSEST = 1e-6  # of a limit, in units of the distance between looks
FLAT = 0.3  # standard deviations: change of p over a look from which the limit is far
INSIDE = (1e-300, 1 - 1e-15)  # p-values with a finite normal quantile


class Crossings:
    """Searches the limits of every data set: of its data first, then expected at n_sigma.

    method: "cls" or "profile"; alpha: the p-value at a limit; n_sigma: (bands,). A column is the data or a band.
    """

    def __init__(self, tested: Hypotheses, method: str, alpha: float, n_sigma: np.ndarray) -> None:
        self.tested, self.alpha, self.n_sigma = tested, alpha, n_sigma
        self._observed, self._expected = P_VALUES[method]
        self.columns = 1 + len(n_sigma)

    def p_values(self, values: np.ndarray, sets: np.ndarray, nll: np.ndarray) -> np.ndarray:
        """p at tested values from their −ln L (tests, 2), (tests, columns)."""
        q, q_asimov = self.tested.statistics(values, sets, nll)
        p = self._observed(q, q_asimov, self.tested.question.boundary(values))
        return np.concatenate([p[:, None], self._expected(q_asimov[:, None], self.n_sigma)], axis=1)

    def heights(self, values: np.ndarray, sets: np.ndarray) -> np.ndarray:
        """How far p is above alpha, in standard deviations, (tests, columns): nearly linear in the parameter."""
        return self._height(self.p_values(values, sets, self.tested(values, sets)))

    def _height(self, p: np.ndarray) -> np.ndarray:
        return np.asarray(ndtri(np.clip(p, *INSIDE)) - ndtri(self.alpha))

    def find(self) -> np.ndarray:
        """The limits (sets, columns): infinite where nothing up to the upper bound is excluded."""
        while True:
            best = self.tested.nll.copy()
            values, heights, visible = self._look()
            limits = self._cross(values, heights, visible)
            if (self.tested.nll >= best - BETTER).all():
                return limits

    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """All tested values of a single data set in increasing order, (tests,), and p there, (tests, columns)."""
        known, first = np.unique(self.tested.known, return_index=True)
        p = self.p_values(known, np.zeros(len(known), dtype=int), self.tested.known_nll[first])
        return known, p

    def _look(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tested values (sets, looks) that reach beyond the limits or to the bound, and heights (…, columns).

        Also whether the first value still makes a difference to the Asimov data, (sets,).
        """
        tested, question = self.tested, self.tested.question
        most = question.upper - question.background
        share = np.linspace(0.0, 1.0, (LOOKS if tested.sets == 1 else TOY_LOOKS) + 1)[1:]
        reach = self._reach()
        values = question.background + reach[:, None] * share
        heights = np.zeros((*values.shape, self.columns))
        left, visible = np.arange(tested.sets), np.ones(tested.sets, dtype=bool)
        for _ in range(MOST_LOOKS):
            values[left] = np.minimum(question.background + reach[left, None] * share, question.upper)
            found = self.heights(values[left].ravel(), np.repeat(left, len(share)))
            heights[left] = found.reshape(len(left), len(share), self.columns)
            q_asimov = 2 * (tested.known_nll[-len(found) :: len(share), 1] - tested.asimov_nll[left])
            visible[left] = q_asimov > INVISIBLE
            short = (heights[left, -1] > 0).any(axis=1) & (reach[left] < most)
            far = (heights[left, 0] < 0).all(axis=1) & visible[left]
            flat = (heights[left, 0] - heights[left, -1] < FLAT).any(axis=1)
            reach[left] *= np.where(short, np.where(flat, 16.0, 2.0), np.where(far, share[0], 1.0))
            reach = np.minimum(reach, most)
            left = left[short | far]
            if not len(left):
                break
        return values, heights, visible

    def _reach(self) -> np.ndarray:
        """A first guess of the distance from no signal to the largest limit, (sets,).

        By the expected information; where there is none, as where counts rise with the square of the parameter, by the
        Asimov data's density along the parameter alone.
        """
        tested, question = self.tested, self.tested.question
        most = question.upper - question.background
        init = abs(question.likelihood.parameters.init[question.index] - question.background)
        widest = min(most, 1e3 * init) if init > 0 else most
        widths = MARGIN * (self.n_sigma - ndtri(self.alpha * ndtr(self.n_sigma)))
        wanted = max(-MARGIN * ndtri(0.5 * self.alpha), widths.max(initial=0.0))  # standard deviations
        sigma = np.minimum(tested.sigma, widest if np.isfinite(widest) else 1.0)
        blind = np.flatnonzero(sigma < tested.sigma)
        observed = np.maximum(tested.best - question.background, 0.0) - MARGIN * ndtri(0.5 * self.alpha) * sigma
        reach = np.minimum(np.maximum(observed, widths.max(initial=0.0) * sigma), most)
        if len(blind) and np.isfinite(most):
            seen = first_visible(question.likelihood, tested.null[blind], question.index, most, wanted)
            reach[blind] = np.minimum(np.maximum(seen, MARGIN * (tested.best[blind] - question.background)), most)
        return reach

    def _cross(self, values: np.ndarray, heights: np.ndarray, visible: np.ndarray) -> np.ndarray:
        """The first crossings between neighbouring looks, refined, (sets, columns).

        A limit below the first look is where there is no signal, if values NEAR to that are excluded as well.
        """
        question, columns = self.tested.question, self.columns
        below, start = heights < 0, question.background
        sets, column = (i.ravel() for i in np.indices((len(values), columns)))
        crossed = below.any(axis=1)[sets, column]
        sets, column = sets[crossed], column[crossed]
        k = below.argmax(axis=1)[sets, column]
        limits = np.full((len(values), columns), np.inf)
        if not len(sets):
            return limits

        def height(x: np.ndarray, which: np.ndarray) -> np.ndarray:
            found: np.ndarray = self.heights(x, sets[which])[np.arange(len(x)), column[which]]
            return found

        high, f_high = values[sets, k], heights[sets, k, column]
        low, f_low = values[sets, k - 1], heights[sets, k - 1, column]
        first = np.flatnonzero(k == 0)
        if len(first):
            low[first] = start + NEAR * (high[first] - start)
            f_low[first] = np.where(visible[sets[first]], height(low[first], first), -1.0)
        nothing = f_low < 0
        ends = np.where(nothing, start, low), np.where(nothing, start, high)
        aside = k[:, None] + [-2, 1]
        known = (aside >= 0) & (aside < values.shape[1])
        rows, aside = sets[:, None], np.clip(aside, 0, values.shape[1] - 1)
        further = values[rows, aside], np.where(known, heights[rows, aside, column[:, None]], np.nan)
        limits[sets, column] = find_roots(height, ends, (f_low, f_high), further=further, tolerance=CLOSEST)
        return limits
