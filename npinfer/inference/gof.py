"""goodness_of_fit: how likely such data or less likely ones are at the best fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import chdtrc

from npinfer.core.dataset import Dataset
from npinfer.core.provenance import Provenance
from npinfer.core.result.gof import FEW, FEWER, Contribution, GoodnessOfFit
from npinfer.core.result.tail import Tail
from npinfer.inference.executor import RunOptions
from npinfer.inference.fit import best_fit, full_names, information_at
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.identify import rank
from npinfer.inference.toys import ToyFits, ToyPlan, check_toys, run_toys


def goodness_of_fit(
    likelihood: Any,
    *,
    fixed: Mapping[str, float] | None = None,
    n_toys: int = 0,
    run: RunOptions = RunOptions(),
) -> GoodnessOfFit:
    """Test the best fit against the saturated model, which expects just what was seen.

    fixed: values of parameters that are held; n_toys: toys with their truth at the best fit, auxiliary data fluctuated,
    each fitted again; 0 gives the asymptotic p-value alone. On Ctrl-C the p-value is that of the toys that are done,
    and the message says so. Raises ParameterError, InferenceError, ConfigurationError, Interrupted.

    >>> from npinfer import load
    >>> found = goodness_of_fit(load("icecube_hese"), n_toys=100)
    >>> found.asymptotic, 0.1 < found.toy_p.value < 0.9
    (False, True)
    """
    check_toys(n_toys, run, least=0)
    fixed = full_names(likelihood, fixed)
    minima, free = best_fit(likelihood, fixed, None, FitOptions())
    point = minima.points
    statistic = max(2 * (float(likelihood.saturated()) + float(minima.nll[0])), 0.0)
    fitted = rank(information_at(likelihood, point, free)[0])
    freedom = likelihood.bins + len(likelihood.constraints) - fitted
    toys, tail, message = np.zeros(0), None, ""
    if n_toys:
        plan = ToyPlan(point[0], held=(fixed,))
        (fits,), message = run_toys(likelihood, [plan], n_toys, run, stream="goodness of fit")
        toys = saturated_ratio(fits)
        tail = Tail.count(toys, statistic, int(fits.failed.sum()))
    return GoodnessOfFit(
        description=likelihood.description,
        provenance=Provenance.record(likelihood.description, seed=run.seed if n_toys else None),
        statistic=statistic,
        degrees_of_freedom=freedom,
        fitted=fitted,
        p=float(chdtrc(freedom, statistic)) if freedom > 0 else float("nan"),
        contributions=_contributions(likelihood, point),
        toys=toys,
        toy_p=tail,
        valid=bool(minima.valid[0]),
        data_kind=likelihood.data.kind,
        message=message,
    )


def saturated_ratio(fits: ToyFits) -> np.ndarray:
    """2 (ln L saturated − ln L best fit) of every toy, for its last hypothesis, (toys,)."""
    return np.maximum(2 * (fits.saturated + fits.nll[:, -1]), 0.0)


def _contributions(likelihood: Any, point: np.ndarray) -> tuple[Contribution, ...]:
    """What every channel, then all constraints, add to the test statistic at a point (1, parameters)."""
    terms = likelihood.logpdf_terms(point[0])
    expected = likelihood.expected(point[0])
    found, left = [], float(likelihood.saturated())
    for channel, best in zip(likelihood.channels, _saturated_channels(likelihood), strict=True):
        counts = np.asarray(expected[channel.name])
        found.append(
            Contribution(
                channel.name,
                2 * (best - terms[channel.name]),
                channel.bins,
                float(np.sum(likelihood.data.counts[channel.name])),
                float(counts.sum()),
                int((counts < FEWER).sum()) * (not channel.measured),
                int((counts < FEW).sum()) * (not channel.measured),
                channel.statistic != "effective",
            )
        )
        left -= best
    auxiliary = len(likelihood.constraints)
    constraints = Contribution("constraints", 2 * (left - terms["constraints"]), auxiliary, float("nan"), float("nan"))
    return (*found, constraints) if auxiliary else tuple(found)


def _saturated_channels(likelihood: Any) -> list[float]:
    """ln L of every channel in the saturated model: what the total loses when the channel has no events instead.

    What is measured loses nothing, and has its peak.
    """
    data, whole = likelihood.data, float(likelihood.saturated())
    emptied = [{**data.counts, c.name: np.zeros(c.bins)} for c in likelihood.channels]
    lost = [whole - float(likelihood.saturated(Dataset(counts, data.auxiliary))) for counts in emptied]
    return [loss + c.peak for loss, c in zip(lost, likelihood.channels, strict=True)]
