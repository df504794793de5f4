"""Limits from asymptotic formulae: on the data, on Asimov data, and on toys where those are too few events."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from scipy.special import ndtr

from npinfer.core.provenance import Provenance
from npinfer.core.result import Limit, Quantity
from npinfer.core.result.tail import quantiles
from npinfer.core.template import measured_bins
from npinfer.errors import InferenceError
from npinfer.inference.crossings import N_SIGMA, Crossings
from npinfer.inference.executor import Arrays, RunOptions, run_chunks
from npinfer.inference.hypotheses import Hypotheses, Question
from npinfer.inference.toys import TOYS_PER_CHUNK, check_toys

FEW = 5.0  # events without a signal, below which toys replace Asimov data
LEAST = 1e-3  # events of a bin, of less the limit depends no more
RATE_POINTS = 101
TIE = 1e-3  # relative, of p-values that are not told apart
SHOWN = 1.5  # times the largest limit: the tested values that are kept
LEVELS = tuple(ndtr(N_SIGMA).tolist())
NAMED = {"cls": "CLs, asymptotic", "profile": "one-sided profile likelihood, asymptotic"}


def asymptotic_limit(question: Question, cl: float, method: str, n_toys: int, run: RunOptions) -> Limit:
    """The limit from asymptotic formulae; n_toys: for the expected limits with few events, 0 for none at all."""
    likelihood = question.likelihood
    tested = Hypotheses(question, likelihood.pack(None))
    check_rising(question, tested.null)
    crossings = Crossings(tested, method, 1.0 - cl, N_SIGMA if n_toys else N_SIGMA[:0])
    limits = crossings.find()[0]
    values, p = crossings.curve()
    check_falling(question, values, p[:, 0], 1.0 - cl)
    bands, source, said = np.append(limits[1:], np.full(5, np.nan))[:5], "Asimov data", [tested.complaint()]
    counted = ~measured_bins(likelihood.channels)
    events = float(likelihood.rates(tested.null)[:, counted].sum()) if counted.any() else np.inf
    if (decisive := decisive_events(question, tested.null, float(limits[0]))) < FEW:
        said.append(f"about {decisive:.2g} events decide the limit: method toys is safer than asymptotic formulae")
    if n_toys and events < FEW:
        found = expected_with_toys(question, tested.null[0], (method, cl), n_toys, run)
        bands, source = np.array(quantiles(found, LEVELS)), f"{n_toys} toys without a signal"
    shown = values <= question.background + SHOWN * np.nanmax([1e-300, *_finite(limits - question.background)])
    return Limit(
        **common(question, tested, run),
        cl=cl,
        method=method,
        observed=float(limits[0]),
        expected=bands,
        calibration=f"{NAMED[method]}; not calibrated with toys",
        expected_from=source if n_toys else "",
        tested=values[shown],
        p=p[shown, 0],
        p_expected=p[shown, 1:].T,
        message="; ".join(filter(None, said)),
    )


def common(question: Question, tested: Hypotheses, run: RunOptions) -> dict[str, Any]:
    """What limits of every method say of their question."""
    likelihood = question.likelihood
    return {
        "description": likelihood.description,
        "provenance": Provenance.record(likelihood.description, seed=run.seed),
        "quantity": Quantity.of(likelihood.parameters[question.name]),
        "background": question.background,
        "best": float(tested.best[0]),
        "fixed": question.fixed,
        "data_kind": likelihood.data.kind,
    }


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]


def decisive_events(question: Question, null: np.ndarray, limit: float) -> float:
    """The events without a signal among which one at the limit is looked for; infinite where measurements tell more.

    (Σ s)² / Σ s²/b over the counted bins: all of them where signal s and background b have the same shape, and those
    of the bins with the most signal over background otherwise. null: the fit without a signal, (1, parameters).
    """
    likelihood = question.likelihood
    value = limit if np.isfinite(limit) else question.upper
    if not np.isfinite(value):
        return np.inf
    background, total = likelihood.rates(np.concatenate([null, question.points(null, value)]))
    signal, measured = total - background, measured_bins(likelihood.channels)
    s, b = signal[~measured], np.maximum(background[~measured], LEAST)
    widths = [np.multiply(c.sigma_up, c.sigma_down) for c in likelihood.channels if c.measured]
    told = np.sum(signal[measured] ** 2 / np.concatenate([*widths, []]))
    if told >= 2 * np.sum(s - b * np.log1p(np.maximum(s / b, -0.5))):
        return np.inf
    return float(min(s.sum() ** 2 / np.sum(s * s / b), background[~measured].sum()))


# ---- what an upper limit takes for granted


def check_rising(question: Question, null: np.ndarray) -> None:
    """Raise InferenceError where the expected events rise and fall; null: the fit without a signal, (1, parameters)."""
    likelihood, start = question.likelihood, question.background
    end = question.upper if np.isfinite(question.upper) else start + 1e3 * max(1.0, abs(start))
    share = np.unique(np.concatenate([np.linspace(0.0, 1.0, RATE_POINTS), np.geomspace(1e-6, 1.0, RATE_POINTS // 2)]))
    values = start + share * (end - start)
    points = np.repeat(null, len(values), axis=0)
    points[:, question.index] = np.minimum(values, end)
    events = likelihood.rates(points[likelihood.parameters.allowed(points)]).sum(axis=1)
    steps = np.diff(events)
    steps[np.abs(steps) < 1e-9 * np.abs(events).max()] = 0.0
    if (steps > 0).any() and (steps < 0).any():
        turn = int(np.flatnonzero(steps * steps[np.flatnonzero(steps)[0]] < 0)[0])
        raise InferenceError(
            f"{likelihood.name}: the expected events turn at {question.name} = {values[turn]:.3g}, so that values "
            f"above a limit need not be excluded; use exclusion on a grid of {question.name}"
        )


def check_falling(question: Question, values: np.ndarray, p: np.ndarray, alpha: float) -> None:
    """Raise InferenceError where p at increasing values falls below alpha and rises above it again."""
    below = np.flatnonzero(p < (1 - TIE) * alpha)
    again = np.flatnonzero(p > (1 + TIE) * alpha)
    if len(below) and len(again) and again[-1] > below[0]:
        raise InferenceError(
            f"{question.likelihood.name}: {question.name} = {values[below[0]]:.3g} is excluded and "
            f"{values[again[-1]]:.3g} above it is not; use exclusion on a grid of {question.name}"
        )


# ---- toys without a signal


def expected_with_toys(
    question: Question, truth: np.ndarray, how: tuple[str, float], n_toys: int, run: RunOptions
) -> np.ndarray:
    """The limits of toys without a signal, (toys,).

    truth: of the toys, (parameters,); how: the method and cl of the limits. Raises Interrupted on Ctrl-C.
    """
    check_toys(n_toys, run)
    label = f"limits of {question.name} without a signal"
    chunks = [
        {
            "truth": truth,
            "toys": np.array(min(TOYS_PER_CHUNK, n_toys - first)),
            "seed": np.random.SeedSequence(run.seed, spawn_key=(zlib.crc32(label.encode()), first)).generate_state(4),
            "names": np.array([question.name, *question.fixed], dtype=str),
            "fixed": np.array(list(question.fixed.values())),
            "method": np.array(how[0]),
            "cl": np.array(how[1]),
        }
        for first in range(0, n_toys, TOYS_PER_CHUNK)
    ]
    parts = run_chunks(toy_limits, question.likelihood, chunks, run, label)
    return np.concatenate([part["limits"] for part in parts])


def toy_limits(likelihood: Any, chunk: Arrays) -> Arrays:
    """Draw the toys of one chunk and find the limit of each."""
    name, *held = (str(n) for n in chunk["names"])
    question = Question(likelihood, name, dict(zip(held, chunk["fixed"].tolist(), strict=True)))
    truth = np.tile(chunk["truth"], (int(chunk["toys"]), 1))
    data = likelihood.toy(truth, np.random.default_rng(chunk["seed"]))
    tested = Hypotheses(question, likelihood.pack(data))
    crossings = Crossings(tested, str(chunk["method"]), 1.0 - float(chunk["cl"]), N_SIGMA[:0])
    return {"limits": crossings.find()[:, 0]}
