"""calibrate: critical values of the profile likelihood ratio, by toys or by all outcomes (Feldman and Cousins)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npinfer.core.provenance import Provenance
from npinfer.core.result import Calibration, Quantity, Scan
from npinfer.errors import InferenceError
from npinfer.inference.executor import RunOptions
from npinfer.inference.fit import full_names
from npinfer.inference.minimise import free_mask
from npinfer.inference.outcomes import enumerate_outcomes
from npinfer.inference.profile import profile
from npinfer.inference.shifts import FIT, shifted_truths
from npinfer.inference.toys import ToyPlan, check_toys, fit_hypotheses, run_toys

POINTS = 8192  # evaluated together


def calibrate(
    likelihood: Any,
    grid: Mapping[str, np.ndarray],
    *,
    n_toys: int = 1000,
    shifts: bool = False,
    fixed: Mapping[str, float] | None = None,
    run: RunOptions = RunOptions(),
) -> Calibration:
    """The distribution of t = −2 ln(L(tested)/L(best)) where the tested values are true, at every point of a grid.

    grid: {name: (points,)} of one or more parameters. The truth of the others is their conditional fit to the data
    (profile construction); toys fluctuate the auxiliary data too. n_toys: at every point; 0 enumerates all outcomes
    exactly, for few bins without auxiliary data of free parameters. shifts: draw as many with each group of the others
    one standard deviation up, and down, and take the largest critical value: where events are few, critical values
    that hold at the fit alone may be too low beside it (`coverage` tells). `interval` and `contour` take the result as
    their calibration. Raises ParameterError, ConfigurationError, InferenceError, Interrupted on Ctrl-C.

    >>> from npinfer import load
    >>> held = {"astro_norm": 4.98, "astro_gamma": 2.53}
    >>> found = calibrate(load("icecube_pepe"), {"f_nuebar": [0.05, 0.5]}, n_toys=400, fixed=held)
    >>> found.critical(0.9).shape
    (2,)
    """
    n_toys, fixed = check_toys(n_toys, run, least=0), full_names(likelihood, fixed)
    scan = profile(likelihood, {n: np.sort(np.asarray(v, dtype=float)) for n, v in grid.items()}, fixed=fixed, run=run)
    if not scan.complete:
        raise InferenceError(f"the profile that toys start from is incomplete: {scan.message}")
    shape, allowed = scan.delta_twice_nll.shape, np.flatnonzero(np.isfinite(scan.delta_twice_nll.ravel()))
    fitted = _truths(likelihood, scan)[allowed]
    held = [{**fixed, **_tested(likelihood, scan, truth)} for truth in fitted]
    settings, truths = _settings(likelihood, fitted, held, shifts)
    tested = [h for h in held for _ in settings]
    if n_toys:
        statistic, failed = _by_toys(likelihood, truths, tested, fixed, (n_toys, run))
        weights = np.zeros(0)
    else:
        statistic, weights, failed = _by_outcomes(likelihood, truths, tested, fixed)
    by_setting = lambda values: values.reshape(len(allowed), len(settings), *values.shape[1:])
    return Calibration(
        description=likelihood.description,
        provenance=Provenance.record(likelihood.description, seed=run.seed if n_toys else None),
        quantities={p.name: Quantity.of(p) for p in likelihood.parameters},
        grid=dict(scan.grid),
        settings=settings,
        statistic=_spread(by_setting(statistic), allowed, shape),
        weights=weights if n_toys else _spread(by_setting(weights), allowed, shape),
        values=dict(scan.values),
        failed=_spread(by_setting(failed).sum(axis=1), allowed, shape),
        allowed=np.isfinite(scan.delta_twice_nll).astype(float),
        n_toys=n_toys,
        fixed=fixed,
        data_kind=likelihood.data.kind,
    )


def _truths(likelihood: Any, scan: Scan) -> np.ndarray:
    """The conditional fit at every grid point, (points, parameters)."""
    mesh = dict(zip(scan.grid, np.meshgrid(*scan.grid.values(), indexing="ij"), strict=True))
    return np.stack([{**scan.values, **mesh}[n].ravel() for n in likelihood.parameters.names], axis=1)


def _tested(likelihood: Any, scan: Scan, truth: np.ndarray) -> dict[str, float]:
    return {n: float(truth[likelihood.parameters.index(n)]) for n in scan.grid}


def _settings(
    likelihood: Any, fitted: np.ndarray, held: Sequence[Mapping[str, float]], shifts: bool
) -> tuple[tuple[str, ...], np.ndarray]:
    """The names of the settings, and the truth of each at every point, (points × settings, parameters)."""
    if not shifts:
        return (FIT,), fitted
    found = [shifted_truths(likelihood, truth, tested) for truth, tested in zip(fitted, held, strict=True)]
    names = tuple(dict.fromkeys(name for settings in found for name in settings))
    return names, np.array([settings.get(n, settings[FIT]) for settings in found for n in names])


def _spread(values: np.ndarray, rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Values of the allowed points on the whole grid, 0 elsewhere."""
    whole = np.zeros((int(np.prod(shape)), *values.shape[1:]))
    whole[rows] = values
    return whole.reshape(*shape, *values.shape[1:])


def _by_toys(
    likelihood: Any,
    truths: np.ndarray,
    held: Sequence[Mapping[str, float]],
    fixed: Mapping[str, float],
    how: tuple[int, RunOptions],
) -> tuple[np.ndarray, np.ndarray]:
    """t of toys in rising order, (points, toys), and how many failed at each point, (points,)."""
    n_toys, run = how
    plans = [ToyPlan(truth, (tested, fixed), points=False) for truth, tested in zip(truths, held, strict=True)]
    fits, message = run_toys(likelihood, plans, n_toys, run, stream="calibrate")
    if message:  # some points have fewer toys than others
        raise InferenceError(message)
    return np.sort([f.statistic() for f in fits], axis=1), np.array([f.failed.any(axis=1).sum() for f in fits], float)


def _by_outcomes(
    likelihood: Any, truths: np.ndarray, held: Sequence[Mapping[str, float]], fixed: Mapping[str, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """t of every outcome in rising order and its probability, (points, outcomes), and failed fits, (points,)."""
    free = free_mask(likelihood, fixed)
    packed, probability = enumerate_outcomes(likelihood, truths, free)
    conditional, failed = _conditional(likelihood, packed, truths, held)
    best = fit_hypotheses(likelihood, packed, truths[len(truths) // 2], [fixed])[0]
    lowest = np.minimum(best.nll, conditional.min(axis=0))
    impossible = np.isinf(conditional)
    t = np.maximum(2 * (np.where(impossible, 0.0, conditional) - lowest), 0.0)
    t = np.where(impossible, np.inf, t)
    order = np.argsort(t, axis=1, kind="stable")
    sorted_t, sorted_p = np.take_along_axis(t, order, axis=1), np.take_along_axis(probability, order, axis=1)
    return sorted_t, sorted_p, failed + float((~best.valid & np.isfinite(best.nll)).sum())


def _conditional(
    likelihood: Any, packed: Any, truths: np.ndarray, held: Sequence[Mapping[str, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """−ln density of every outcome under every tested point, (points, outcomes), and failed fits, (points,)."""
    outcomes = len(packed)
    if not free_mask(likelihood, held[0]).any():  # nothing to fit
        rows = np.repeat(np.arange(len(truths)), outcomes)
        sets = np.tile(np.arange(outcomes), len(truths))
        cuts = range(0, len(rows), POINTS)
        parts = [likelihood.logpdf(truths[rows[i : i + POINTS]], packed.take(sets[i : i + POINTS])) for i in cuts]
        return -np.concatenate(parts).reshape(len(truths), outcomes), np.zeros(len(truths))
    found = [
        fit_hypotheses(likelihood, packed, truth, [tested])[0] for truth, tested in zip(truths, held, strict=True)
    ]
    failed = np.array([(~m.valid & np.isfinite(m.nll)).sum() for m in found], dtype=float)
    return np.array([m.nll for m in found]), failed
