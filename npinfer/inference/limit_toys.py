"""CLs limits from toys with and without the signal, each fitted like the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npinfer.core.result import Limit
from npinfer.core.result.tail import TIE, quantiles
from npinfer.inference.asymptotic import LEVELS, check_rising, common
from npinfer.inference.crossings import N_SIGMA, Crossings
from npinfer.inference.executor import Interrupted, RunOptions
from npinfer.inference.hypotheses import Hypotheses, Question
from npinfer.inference.toys import ToyFits, ToyPlan, check_toys, run_toys

POINTS, CLOSE_POINTS = 7, 5  # tested values of a look, and of the last one, around the observed limit
CLOSE = (0.85, 1.15)  # of the observed limit
WINDOW = (0.4, 1.8)  # of the first look: of the smallest and the largest asymptotic limit
MOST_LOOKS = 6


@dataclass(frozen=True)
class Counted:
    """CLs at tested values, in increasing order.

    values: (points,); p_signal, p_background: of the data, (points,); toys: CLs of toys without a signal,
    (toys, points).
    """

    values: np.ndarray
    p_signal: np.ndarray
    p_background: np.ndarray
    toys: np.ndarray

    @property
    def cls(self) -> np.ndarray:
        """CLs of the data; not too small where no toy without a signal is as far from the signal as the data."""
        return self.p_signal / np.maximum(self.p_background, 1 / len(self.toys))

    def with_more(self, other: Counted) -> Counted:
        """These values and others, in order."""
        values = np.concatenate([self.values, other.values])
        order = np.argsort(values, kind="stable")
        pairs = ((getattr(self, f), getattr(other, f)) for f in ("p_signal", "p_background", "toys"))
        return Counted(values[order], *(np.concatenate(pair, axis=-1)[..., order] for pair in pairs))


class Counter:
    """Draws the toys of tested values and counts CLs in them; the toys without a signal are the same at every look."""

    def __init__(self, tested: Hypotheses, n_toys: int, run: RunOptions) -> None:
        self.tested, self.n_toys, self.run = tested, n_toys, run
        self.failed, self.fits = 0, 0

    def __call__(self, values: np.ndarray) -> Counted:
        """CLs at values of the parameter, (points,); raises Interrupted on Ctrl-C."""
        tested, question = self.tested, self.tested.question
        sets = np.zeros(len(values), dtype=int)
        q, _ = tested.statistics(values, sets, tested(values, sets))
        truths = tested.known_points[-len(values) :, 0]
        held = [{**question.fixed, question.name: v} for v in values.tolist()]
        plans = [ToyPlan(tested.null[0], (*held, question.fixed))]
        plans += [ToyPlan(truth, (each, question.fixed)) for truth, each in zip(truths, held, strict=True)]
        fits, message = run_toys(
            question.likelihood, plans, self.n_toys, self.run, stream=f"limit of {question.name}"
        )
        if message:  # toys of different looks would not match any more
            raise Interrupted(message, {})
        self.failed += sum(int(f.failed.sum()) for f in fits)
        self.fits += sum(f.failed.size for f in fits)
        signal, background, toys = [], [], []
        for k, value in enumerate(values):
            without, having = (self._q(f, i, value) for f, i in ((fits[0], k), (fits[k + 1], 0)))
            signal.append(_tail(having, q[k : k + 1])[0])
            background.append(_tail(without, q[k : k + 1])[0])
            toys.append(_tail(having, without) / _tail(without, without))
        return Counted(values, np.array(signal), np.array(background), np.stack(toys, axis=1))

    def _q(self, fits: ToyFits, hypothesis: int, value: float) -> np.ndarray:
        above = fits.points[:, -1, self.tested.question.index] > value
        return np.where(above, 0.0, fits.statistic(hypothesis))


def _tail(toys: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The fraction of toys with a test statistic at and above each of `at`."""
    found: np.ndarray = 1.0 - np.searchsorted(np.sort(toys), at - TIE, side="left") / len(toys)
    return found


def limit_with_toys(question: Question, cl: float, expected: bool, n_toys: int, run: RunOptions) -> Limit:
    """The CLs limit counted in toys: n_toys with the signal at every tested value, and n_toys without a signal.

    Toys have their truth at the fit to the data under their hypothesis, with the auxiliary data fluctuated.
    """
    check_toys(n_toys, run, least=20)
    tested = Hypotheses(question, question.likelihood.pack(None))
    check_rising(question, tested.null)
    counter = Counter(tested, n_toys, run)
    counted = _look(counter, 1.0 - cl, expected)
    observed, error = _observed(question, counted, 1.0 - cl)
    bands = np.full(5, np.nan)
    if expected:
        bands = np.array(quantiles(crossing(question, counted.values, counted.toys, 1.0 - cl), LEVELS))
    said = [tested.complaint()]
    if counter.failed:
        said.append(f"{counter.failed} of {counter.fits} fits of toys did not converge; they count where they ended")
    if np.isfinite(observed) and np.isnan(error):
        said.append("too few toys to say how precise the limit is: take more (n_toys)")
    if lonely := int((counted.p_background == 0).sum()):
        said.append(f"at {lonely} tested values no toy without a signal is as far from the signal as the data")
    return Limit(
        **common(question, tested, run),
        cl=cl,
        method="toys",
        observed=observed,
        uncertainty=error,
        expected=bands,
        calibration=f"CLs, {len(counted.toys)} toys of each hypothesis",
        expected_from=f"{len(counted.toys)} toys without a signal" if expected else "",
        tested=counted.values,
        p=counted.cls,
        p_expected=np.stack([np.quantile(counted.toys, level, axis=0) for level in LEVELS]) if expected else bands[:0],
        message="; ".join(filter(None, said)),
    )


def _look(counter: Counter, alpha: float, expected: bool) -> Counted:
    """Looks from where the asymptotic limits are, until all limits lie between tested values or beyond the bound."""
    question = counter.tested.question
    most = question.upper - question.background
    guide = Crossings(counter.tested, "cls", alpha, N_SIGMA if expected else N_SIGMA[:0]).find()[0]
    guide = np.minimum(guide - question.background, most)
    low, high = WINDOW[0] * guide.min(), min(WINDOW[1] * guide.max(), most)
    counted = counter(question.background + np.linspace(low, high, POINTS))
    for _ in range(MOST_LOOKS):
        limits = crossing(question, counted.values, counted.cls[None], alpha)
        if expected:
            toys = crossing(question, counted.values, counted.toys, alpha)
            limits = np.append(limits, quantiles(toys, LEVELS))
        if np.isinf(limits).any() and high < most:
            more = np.linspace(high, min(2.0 * high, most), POINTS)[1:]
        elif (limits < question.background + low).any():
            more = np.linspace(0.0, low, POINTS)[1:-1]
        else:
            break
        low, high = min(low, more[0]), max(high, more[-1])
        counted = counted.with_more(counter(question.background + more))
    if np.isfinite(limits[0]):
        around = (limits[0] - question.background) * np.linspace(*CLOSE, CLOSE_POINTS)
        counted = counted.with_more(counter(question.background + np.minimum(around, most)))
    return counted


def crossing(question: Question, values: np.ndarray, cls: np.ndarray, alpha: float) -> np.ndarray:
    """Where CLs (rows, points) falls below alpha, linear in its logarithm between points; infinite without.

    Counted CLs go up and down: what is used falls, halfway between the lowest so far and the highest still to come.
    """
    start = np.zeros((len(cls), 1))
    counted = np.concatenate([start, np.log(np.maximum(cls, 1e-9))], axis=1) - np.log(alpha)
    lowest = np.minimum.accumulate(counted, axis=1)
    height = 0.5 * (lowest + np.maximum.accumulate(counted[:, ::-1], axis=1)[:, ::-1])
    values = np.concatenate([[question.background], values])
    below = height < 0
    k, rows = np.maximum(below.argmax(axis=1), 1), np.arange(len(cls))
    upper, lower = height[rows, k], height[rows, k - 1]
    share = lower / np.where(lower > upper, lower - upper, 1.0)
    return np.where(below.any(axis=1), values[k - 1] + share * (values[k] - values[k - 1]), np.inf)


def _observed(question: Question, counted: Counted, alpha: float) -> tuple[float, float]:
    """The observed limit and its standard deviation: a line through ln CLs of the values around it.

    The toys without a signal are the same at all values, so that their part of the error does not average out.
    """
    rough = float(crossing(question, counted.values, counted.cls[None], alpha)[0]) - question.background
    away = (counted.values - question.background) / (rough if np.isfinite(rough) else 1e-300)
    near = (away >= CLOSE[0] - 0.05) & (away <= CLOSE[1] + 0.05) & (counted.p_signal > 0)
    if near.sum() < 3:
        return rough + question.background, np.nan
    x, n = counted.values[near], len(counted.toys)
    signal, background = counted.p_signal[near], np.maximum(counted.p_background[near], 1 / n)
    own, shared = (1 - signal) / (n * signal), float(np.mean((1 - background) / (n * background)))
    (slope, height), covariance = np.polyfit(
        x - x.mean(), np.log(counted.cls[near] / alpha), 1, w=1 / np.sqrt(own + 1 / n**2), cov="unscaled"
    )
    if slope >= 0:
        return rough + question.background, np.nan
    shift = -height / slope
    variance = covariance[1, 1] + 2 * shift * covariance[0, 1] + shift**2 * covariance[0, 0] + shared
    return float(x.mean() + shift), float(np.sqrt(variance) / -slope)
