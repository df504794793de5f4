"""coverage: how often intervals contain the truth, in toys of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from npinfer.core import wilks
from npinfer.core.provenance import Provenance
from npinfer.core.result import Coverage, CoverageRow, Quantity, Tail
from npinfer.errors import ParameterError
from npinfer.inference.executor import RunOptions
from npinfer.inference.fit import full_names
from npinfer.inference.interval import IntervalOptions
from npinfer.inference.shifts import FIT, shifted_truths
from npinfer.inference.toys import ToyFits, ToyPlan, check_toys, run_toys, toy_truth


def coverage(
    likelihood: Any,
    interval_options: IntervalOptions,
    *,
    at: Mapping[str, float],
    n_toys: int = 2000,
    run: RunOptions = RunOptions(),
) -> Coverage:
    """How often the intervals that `interval_options` ask for contain the truth `at`.

    at: the truth of the parameter of interest and of any other; the rest have theirs at the conditional fit to the
    data. Every group of parameters is also moved one standard deviation up, and down. The truth is inside an interval
    where its profile likelihood ratio is at or below the critical value there, so no interval has to be found: the
    coverage is that of these critical values. Toys are independent of those of `calibrate`. Raises ParameterError,
    ConfigurationError, InferenceError, Interrupted on Ctrl-C.

    >>> from npinfer import load
    >>> question = IntervalOptions("f_nuebar", cl=(0.9,), fixed={"astro_norm": 4.98, "astro_gamma": 2.53})
    >>> found = coverage(load("icecube_pepe"), question, at={"f_nuebar": 0.2}, n_toys=200)
    >>> found.rows[0].setting, found.rows[0].calibrated is None
    ('fit', True)
    """
    n_toys, asked = check_toys(n_toys, run), interval_options
    fixed, at = full_names(likelihood, asked.fixed), full_names(likelihood, at)
    poi = likelihood.parameters[asked.name].name
    if poi not in at:
        raise ParameterError(f"coverage needs the true value of {poi}: give it with at")
    if poi in fixed:
        raise ParameterError(f"parameter {poi!r} is fixed: its intervals need it free")
    if asked.calibration is not None:
        asked.calibration.check((poi,), fixed, likelihood.description.digests)
    truth = toy_truth(likelihood, at, fixed)
    settings = shifted_truths(likelihood, truth, {**fixed, **at})
    tested = ({**fixed, poi: at[poi]}, fixed)
    plans = [ToyPlan(point, tested, points=False) for point in settings.values()]
    fits, message = run_toys(likelihood, plans, n_toys, run, stream="coverage")
    names = likelihood.parameters.names
    moved = {
        setting: {n: float(d) for n, d in zip(names, point - truth, strict=True) if d}
        for setting, point in settings.items()
        if setting != FIT
    }
    return Coverage(
        description=likelihood.description,
        provenance=Provenance.record(likelihood.description, seed=run.seed),
        quantity=Quantity.of(likelihood.parameters[poi]),
        quantities={p.name: Quantity.of(p) for p in likelihood.parameters},
        rows=tuple(
            _row(setting, f, cl, asked, at[poi]) for setting, f in zip(settings, fits, strict=True) for cl in asked.cl
        ),
        truth=at[poi],
        at=dict(zip(names, truth.tolist(), strict=True)),
        shifts=moved,
        fixed=fixed,
        n_toys=n_toys,
        calibration=asked.calibration.how() if asked.calibration else "Wilks' theorem, not calibrated",
        failed={s: int(f.failed.any(axis=1).sum()) for s, f in zip(settings, fits, strict=True)},
        data_kind=likelihood.data.kind,
        message=message,
    )


def _row(setting: str, fits: ToyFits, cl: float, asked: IntervalOptions, truth: float) -> CoverageRow:
    t, threshold, failed = fits.statistic(), wilks.threshold(cl), int(fits.failed.any(axis=1).sum())
    by_wilks = Tail.count(-t, -threshold, failed)
    if asked.calibration is None:
        return CoverageRow(setting, cl, threshold, 0.0, None, by_wilks)
    critical, toys = float(asked.calibration.at(cl, np.array([[truth]]))[0]), asked.calibration.n_toys
    error = float(np.sqrt(cl * (1 - cl) / toys)) if toys else 0.0
    return CoverageRow(setting, cl, critical, error, Tail.count(-t, -critical, failed), by_wilks)
