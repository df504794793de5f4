"""Diagnostics of sampling: rank-normalised split R-hat, autocorrelation times, effective samples.

R-hat and the effective samples follow Vehtari et al. (2021), arXiv:1903.08008, with one change. The walkers of an
ensemble propose from each other's positions, so that they are not independent chains. A chain here is a replica: an
ensemble that was started on its own, all its walkers together. R-hat compares replicas, never walkers. Autocorrelation
is that of the ensemble: the lagged covariance averaged over the walkers of a replica (Goodman and Weare 2010,
Foreman-Mackey et al. 2013, arXiv:1202.3665). The effective samples that follow leave out what walkers share: little
with the moves of `npinfer.inference.moves` (the mean's variance is 1.1 times as large, measured on 50 ensembles).

Arrays are (replica, step, walker), of one parameter. A single chain has one walker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.fft import next_fast_len
from scipy.special import ndtri
from scipy.stats import rankdata

WINDOW = 5  # autocorrelation times over which the autocorrelation is summed (Sokal 1996)
MAX_RHAT = 1.01  # Vehtari et al. 2021
MIN_ESS = 400  # the same: fewer leave R-hat itself uncertain
MIN_TIMES = 50  # autocorrelation times that all replicas last together: with fewer the time itself is uncertain
MIN_TIMES_EACH = 20  # and each of them: with fewer its sum is cut short
PILE_WIDTH, PILE_MASS = 0.05, 0.10  # a pile-up: this much of the probability within this part of the spread


@dataclass(frozen=True)
class Diagnostics:
    """Of one parameter: R-hat, effective samples of the bulk and of the tails, autocorrelation time in steps."""

    rhat: float
    ess: float
    ess_tail: float
    autocorrelation_time: float


def diagnose(x: np.ndarray) -> Diagnostics:
    """All diagnostics of the samples of one parameter, (replica, step, walker)."""
    return Diagnostics(rhat(x), bulk_ess(x), tail_ess(x), autocorrelation_time(x))


def rhat(x: np.ndarray) -> float:
    """Rank-normalised split R-hat, the larger of those of location and of scale; NaN for one replica."""
    if len(x) < 2:
        return float("nan")
    halves = split(x)
    return max(_scale_reduction(rank_normal(halves)), _scale_reduction(rank_normal(np.abs(halves - np.median(halves)))))


def bulk_ess(x: np.ndarray) -> float:
    """Effective samples for the centre of a posterior."""
    return effective_samples(rank_normal(split(x)))


def tail_ess(x: np.ndarray) -> float:
    """Effective samples for the 5 % and 95 % quantiles, the smaller of the two."""
    halves = split(x)
    return min(effective_samples((halves <= q).astype(float)) for q in np.quantile(halves, (0.05, 0.95)))


def effective_samples(x: np.ndarray) -> float:
    """How many independent samples would give as precise a mean."""
    return x.size / autocorrelation_time(x)


def autocorrelation_time(x: np.ndarray) -> float:
    """Integrated autocorrelation time in steps, 1 for independent samples; NaN where nothing moves.

    Replicas that disagree keep the autocorrelation from falling to zero, so that the time is long.
    """
    covariance = autocovariance(x).mean(axis=0)
    between = x.mean(axis=(1, 2)).var(ddof=1) if len(x) > 1 else 0.0
    if not covariance[0] > 0:
        return float("nan")
    rho = (covariance + between) / (covariance[0] + between)
    times = 2.0 * np.cumsum(rho) - 1.0
    outside = np.flatnonzero(np.arange(len(times)) >= WINDOW * times)
    return max(float(times[outside[0] if len(outside) else -1]), 1.0 / x.shape[1])


def autocovariance(x: np.ndarray) -> np.ndarray:
    """Lagged covariance about the mean of a replica, averaged over its walkers, (replica, lag)."""
    steps = x.shape[1]
    size = next_fast_len(2 * steps, real=True)
    power = np.abs(np.fft.rfft(x - x.mean(axis=(1, 2), keepdims=True), size, axis=1)) ** 2
    return np.asarray(np.fft.irfft(power.mean(axis=2), size, axis=1)[:, :steps] / steps)


def split(x: np.ndarray) -> np.ndarray:
    """Every replica cut into its first and its second half of steps."""
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], x[:, -half:]])


def rank_normal(x: np.ndarray) -> np.ndarray:
    """Normal scores of the ranks among all values."""
    ranks = rankdata(x, axis=None).reshape(x.shape)
    return np.asarray(ndtri((ranks - 0.375) / (x.size + 0.25)))


def _scale_reduction(x: np.ndarray) -> float:
    """Root of the ratio of the variance of all samples to that within a replica."""
    flat = x.reshape(len(x), -1)
    within, between = flat.var(axis=1, ddof=1).mean(), flat.mean(axis=1).var(ddof=1)
    return float(np.sqrt(1.0 - 1.0 / flat.shape[1] + between / within)) if within > 0 else float("nan")


def verdict(found: Mapping[str, Diagnostics], replicas: int, steps: int, message: str = "") -> tuple[bool, str]:
    """Whether replicas of this many kept steps have converged, and a sentence that says on what that rests."""
    needed = max(MIN_TIMES_EACH, MIN_TIMES / replicas)
    worst = max(found, key=lambda n: _last(found[n].rhat))
    fewest = min(found, key=lambda n: min(found[n].ess, found[n].ess_tail))
    slowest = max(found, key=lambda n: _last(found[n].autocorrelation_time))
    high, longest = found[worst].rhat, found[slowest].autocorrelation_time
    effective = min(found[fewest].ess, found[fewest].ess_tail)
    faults = [message] if message else []
    if np.isnan(longest):
        faults.append(f"{slowest} never moved")
    if np.isnan(high):
        faults.append("R-hat needs at least two replicas that move")
    elif high > MAX_RHAT:
        faults.append(f"R-hat of {worst} is {high:.3f}, above {MAX_RHAT}")
    if not effective >= MIN_ESS:
        faults.append(f"{fewest} has {effective:.0f} effective samples, fewer than {MIN_ESS}")
    if steps < needed * longest:
        faults.append(
            f"the {steps} steps kept are {steps / longest:.1f} autocorrelation times of {slowest}, "
            f"{needed:g} are needed: take about {1.3 * (needed + WINDOW) * longest:.0f} steps"
        )
    if faults:
        return False, "not converged: " + "; ".join(faults)
    return True, (
        f"converged: R-hat at most {high:.4f}, at least {effective:.0f} effective samples, "
        f"{steps / longest:.0f} autocorrelation times in each replica"
    )


def _last(value: float) -> float:
    return float("inf") if np.isnan(value) else value


def pile_up(name: str, samples: np.ndarray, bounds: tuple[float, float]) -> str:
    """Words for a posterior that is high at a bound; empty where it is not."""
    low, high = np.quantile(samples, (0.005, 0.995))
    reach = PILE_WIDTH * (high - low)
    said = []
    for side, bound in zip(("lower", "upper"), bounds, strict=True):
        share = float((np.abs(samples - bound) <= reach).mean())
        if share >= PILE_MASS:
            said.append(
                f"{name} piles up at its {side} bound {bound:g} "
                f"({100 * share:.0f} % of its posterior within {100 * PILE_WIDTH:g} % of its spread)"
            )
    return "; ".join(said)
