"""fit: the maximum of a likelihood, with errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npinfer.core.dataset import Dataset
from npinfer.core.provenance import Provenance
from npinfer.core.result import ChannelView, FitResult, Quantity, Status
from npinfer.errors import ParameterError
from npinfer.inference.minimise import (
    FitOptions,
    Minima,
    free_mask,
    lowest,
    minimise,
    observed_information,
    start_points,
)

ONE_SIGMA = 0.6826894921370859


def fit(
    likelihood: Any,
    *,
    data: Dataset | None = None,
    fixed: Mapping[str, float] | None = None,
    init: Mapping[str, float] | None = None,
    minos: Sequence[str] = (),
    options: FitOptions = FitOptions(),
) -> FitResult:
    """Maximise the likelihood.

    fixed: values of parameters that are held; init: start values; minos: parameters whose 68.27 % profile interval is
    found too. Raises ParameterError for a value outside its bounds, InferenceError where the data are impossible.

    >>> from npinfer import load
    >>> result = fit(load("icecube_hese"), fixed={"f_nuebar": 1 / 6})
    >>> round(result.values["astro_gamma"], 1), result.valid
    (2.9, True)
    """
    if data is not None:
        likelihood = likelihood.with_data(data)
    fixed = full_names(likelihood, fixed)
    minima, free = best_fit(likelihood, fixed, init, options)
    covariance, kept = covariance_at(likelihood, minima.points, free)
    intervals = {}
    if minos:
        from npinfer.inference.interval import interval

        for name in minos:
            found = interval(likelihood, name, cl=ONE_SIGMA, fixed=fixed, options=options)
            full = likelihood.parameters[name].name
            intervals[full] = (found.lower - found.best, found.upper - found.best)
    return _result(likelihood, minima, free, (covariance, kept), fixed, intervals)


def full_names(likelihood: Any, values: Mapping[str, float] | None) -> dict[str, float]:
    """The values under full names, each checked; raises ParameterError."""
    found = {}
    for name, value in (values or {}).items():
        parameter = likelihood.parameters[name]
        if parameter.name in found:
            raise ParameterError(f"parameter {parameter.name!r} is given twice, by its short and its full name")
        found[parameter.name] = parameter.check(value)
    return found


def best_fit(
    likelihood: Any, fixed: Mapping[str, float], init: Mapping[str, float] | None, options: FitOptions
) -> tuple[Minima, np.ndarray]:
    """The global minimum as a batch of one, and which parameters were free; raises ParameterError, InferenceError."""
    free = free_mask(likelihood, fixed)
    base = likelihood.parameters.vector({**full_names(likelihood, init), **fixed})
    starts = start_points(likelihood, base, free, options)
    packed = likelihood.pack(None)
    return lowest(likelihood, packed, minimise(likelihood, packed, [starts], free, options), free), free


def covariance_at(likelihood: Any, point: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance of the free parameters that are not at a bound, and their positions; from the observed information."""
    p = likelihood.parameters
    width = p.upper - p.lower
    inside = (point[0] > p.lower + 1e-9 * width) & (point[0] < p.upper - 1e-9 * width)
    kept = np.flatnonzero(free & inside)
    information = observed_information(likelihood, likelihood.pack(None), point, free & inside)[0][np.ix_(kept, kept)]
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
    covariance = np.linalg.pinv(information * np.outer(scale, scale), hermitian=True) * np.outer(scale, scale)
    return covariance, kept


def _result(
    likelihood: Any,
    minima: Minima,
    free: np.ndarray,
    uncertainty: tuple[np.ndarray, np.ndarray],
    fixed: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]],
) -> FitResult:
    parameters, (covariance, kept) = likelihood.parameters, uncertainty
    names, point = parameters.names, minima.points[0]
    sigma = np.full(len(names), np.nan)
    sigma[kept] = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    status, message = _status(likelihood, minima, free)
    packed = likelihood.pack(None)
    pulls = likelihood.constraints.pulls(minima.points, packed.auxiliary)[0]
    quantities = {q.name: Quantity.of(q) for q in parameters}
    derived = {n: float(v[0]) for n, v in likelihood.derived(minima.points).items() if n not in names}
    quantities |= {n: Quantity(n, label=likelihood.model.derived[n].label) for n in derived}
    return FitResult(
        description=likelihood.description,
        provenance=Provenance.record(likelihood.description),
        quantities=quantities,
        values=dict(zip(names, point.tolist(), strict=True)),
        errors=dict(zip(names, sigma.tolist(), strict=True)),
        minos=dict(intervals),
        fixed=tuple(n for n, f in zip(names, free, strict=True) if not f),
        free=tuple(names[i] for i in kept),
        covariance=covariance,
        derived=derived,
        derived_errors=_derived_errors(likelihood, point, covariance, kept, derived),
        pulls=dict(zip(likelihood.constraints.auxiliary_names, pulls.tolist(), strict=True)),
        pull_errors=_pull_errors(likelihood, sigma),
        channels=channel_views(likelihood, point, kept),
        data_kind=likelihood.data.kind,
        twice_nll=float(2 * minima.nll[0]),
        edm=float(minima.edm[0]),
        valid=bool(minima.valid[0]),
        status=status,
        message=message,
    )


def _status(likelihood: Any, minima: Minima, free: np.ndarray) -> tuple[Status, str]:
    """How it ended, in words."""
    p, point = likelihood.parameters, minima.points[0]
    if not minima.valid[0]:
        return (
            Status.NOT_CONVERGED,
            f"the estimated distance to the minimum is {minima.edm[0]:.1e}; try other start values with init",
        )
    width = p.upper - p.lower
    said = []
    for i in np.flatnonzero(free):
        for side, bound in (("lower", p.lower[i]), ("upper", p.upper[i])):
            if abs(point[i] - bound) <= 1e-9 * width[i]:
                said.append(f"{p.names[i]} stopped at its {side} bound {bound:g}")
    for group in p.simplexes():
        if any(free[i] for i in group) and point[group].sum() >= 1 - 1e-9:
            said.append(f"{' + '.join(p.names[i] for i in group)} stopped at 1")
    if said:
        return Status.AT_BOUND, "; ".join(said)
    return Status.CONVERGED, f"the estimated distance to the minimum is {minima.edm[0]:.1e}"


def _pull_errors(likelihood: Any, sigma: np.ndarray) -> dict[str, float]:
    """Post-fit errors in units of the constraints' standard deviations (their mean, where they are two-sided)."""
    names, constraints = likelihood.parameters.names, likelihood.constraints
    widths = {n: 0.5 * sum(c.width()) for n, c in constraints.single.items()}
    for block in constraints.correlations:
        widths |= dict(zip(block.names, np.sqrt(np.diag(np.asarray(block.covariance))).tolist(), strict=True))
    return {n: float(sigma[names.index(n)] / widths[n]) for n in constraints.auxiliary_names}


def _derived_errors(
    likelihood: Any, point: np.ndarray, covariance: np.ndarray, kept: np.ndarray, derived: Mapping[str, float]
) -> dict[str, float]:
    """Linear propagation by central differences a hundredth of a standard deviation wide."""
    if not len(kept) or not derived:
        return dict.fromkeys(derived, float("nan"))
    p = likelihood.parameters
    step = 0.01 * np.sqrt(np.maximum(np.diag(covariance), 1e-24))
    up, down = np.tile(point, (len(kept), 1)), np.tile(point, (len(kept), 1))
    rows = np.arange(len(kept))
    up[rows, kept] = np.minimum(point[kept] + step, p.upper[kept])
    down[rows, kept] = np.maximum(point[kept] - step, p.lower[kept])
    high, low = likelihood.derived(up), likelihood.derived(down)
    errors = {}
    for name in derived:
        gradient = (high[name] - low[name]) / (up - down)[rows, kept]
        known = bool(np.any(gradient != 0))  # else all that it depends on is fixed or at a bound
        errors[name] = float(np.sqrt(max(gradient @ covariance @ gradient, 0.0))) if known else float("nan")
    return errors


def channel_views(likelihood: Any, point: np.ndarray, kept: np.ndarray) -> dict[str, ChannelView]:
    """Observed and expected counts of every channel, with the expectation's slopes."""
    template = likelihood.expected(point)
    slopes = likelihood.rates_jacobian(point[None])[1][0][kept]
    views, start = {}, 0
    for channel in likelihood.channels:
        samples = {name: counts[channel.name] for name, counts in template.samples.items()}
        observed = np.asarray(likelihood.data.counts[channel.name])
        views[channel.name] = ChannelView(channel.axes, observed, samples, slopes[:, start : start + channel.bins])
        start += channel.bins
    return views
