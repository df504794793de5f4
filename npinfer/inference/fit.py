"""fit: the maximum of a likelihood, with errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npinfer.core.dataset import Dataset
from npinfer.core.provenance import Provenance
from npinfer.core.result import FitResult, Quantity, Status
from npinfer.errors import ConfigurationError, ParameterError, refuse_name
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.identify import (
    flat_directions,
    invert,
    moves,
    possible_starts,
    say_flat,
    say_weak,
    weak_directions,
    without_noise,
)
from npinfer.inference.minima import Minima
from npinfer.inference.minimise import free_mask, lowest, minimise, observed_information, start_points
from npinfer.inference.prefit import constraint_widths, prefit_covariance, prefit_point
from npinfer.inference.stages import promising
from npinfer.inference.views import Spot, channel_views, sample_yields, slopes
from npinfer.threads import one_blas_thread

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
    fixed = full_names(likelihood, fixed)
    if data is not None:
        likelihood = likelihood.with_data(data)
    minima, free = best_fit(likelihood, fixed, init, options)
    prior = prefit_point(likelihood, free, {**full_names(likelihood, init), **fixed})
    intervals = {}
    if minos:
        from npinfer.inference.interval import interval

        for name in minos:
            found = interval(likelihood, name, cl=ONE_SIGMA, fixed=fixed, options=options)
            full = likelihood.parameters[name].name
            intervals[full] = (found.lower - found.best, found.upper - found.best)
    before = Spot(prior, *prefit_covariance(likelihood, free))
    with one_blas_thread():
        return _result(likelihood, minima, free, before, intervals)


def full_names(likelihood: Any, values: Mapping[str, float] | None) -> dict[str, float]:
    """The values under full names, each checked; raises ParameterError, and ConfigurationError for a mere name."""
    refuse_name(likelihood)
    found = {}
    for name, value in (values or {}).items():
        parameter = likelihood.parameters[name]
        if parameter.name in found:
            raise ParameterError(f"parameter {parameter.name!r} is given twice, by its short and its full name")
        found[parameter.name] = parameter.check(value)
    return found


def poi_name(likelihood: Any, poi: str | None) -> str:
    """The full name of the parameter of interest: as given, or the likelihood's own; raises ConfigurationError."""
    refuse_name(likelihood)
    if poi is None and likelihood.poi is None:
        known = ", ".join(likelihood.parameters.names)
        raise ConfigurationError(
            f"{likelihood.name}: no parameter of interest in this configuration; name one of {known}"
        )
    name: str = likelihood.parameters[likelihood.poi if poi is None else poi].name
    return name


def best_fit(
    likelihood: Any, fixed: Mapping[str, float], init: Mapping[str, float] | None, options: FitOptions
) -> tuple[Minima, np.ndarray]:
    """The global minimum as a batch of one, and which parameters were free; raises ParameterError, InferenceError."""
    free = free_mask(likelihood, fixed)
    base = likelihood.parameters.vector({**full_names(likelihood, init), **fixed})
    packed = likelihood.pack(None)
    starts = possible_starts(likelihood, packed, start_points(likelihood, base, free, options), free)
    starts = promising(likelihood, packed, starts, free, options)
    return lowest(likelihood, packed, minimise(likelihood, packed, [starts], free, options), free), free


def information_at(likelihood: Any, point: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Observed information of the free parameters that are not at a bound, and their positions; point: (1, all)."""
    p, packed = likelihood.parameters, likelihood.pack(None)
    inside = (point[0] > p.lower + p.near) & (point[0] < p.upper - p.near)
    kept = np.flatnonzero(free & inside)
    observed = observed_information(likelihood, packed, point, free & inside)[0]
    expected = likelihood.expansion(point, packed)[2][0]
    return without_noise(observed[np.ix_(kept, kept)], expected[np.ix_(kept, kept)]), kept


def covariance_at(likelihood: Any, point: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance of the free parameters that are not at a bound, and their positions; from the observed information."""
    information, kept = information_at(likelihood, point, free)
    return invert(information, likelihood.parameters.width[kept]), kept


def _result(
    likelihood: Any,
    minima: Minima,
    free: np.ndarray,
    before: Spot,
    intervals: Mapping[str, tuple[float, float]],
) -> FitResult:
    parameters, point = likelihood.parameters, minima.points[0]
    names = parameters.names
    information, kept = information_at(likelihood, minima.points, free)
    after = Spot(point, invert(information, parameters.width[kept]), kept)
    flat = flat_directions(information, parameters.width[kept])
    lost = moves(flat, after.covariance, np.eye(len(kept)))
    sigma = np.full(len(names), np.nan)
    sigma[kept] = np.where(lost, np.nan, np.sqrt(np.diag(after.covariance)))
    status, message = _identified(likelihood, after, lost, _status(likelihood, minima, free))
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
        covariance=after.covariance,
        derived=derived,
        derived_errors=_derived_errors(likelihood, after, flat, derived),
        pulls=dict(zip(likelihood.constraints.auxiliary_names, pulls.tolist(), strict=True)),
        pull_errors=_pull_errors(likelihood, sigma),
        channels=channel_views(likelihood, after),
        data_kind=likelihood.data.kind,
        twice_nll=float(2 * minima.nll[0]),
        edm=float(minima.edm[0]),
        valid=bool(minima.valid[0]),
        status=status,
        message="; ".join([message, *_approximation(likelihood, minima)]),
        prefit=channel_views(likelihood, before),
        prefit_free=tuple(names[i] for i in before.kept),
        prefit_covariance=before.covariance,
        yields=sample_yields(likelihood, before, after),
    )


def _approximation(likelihood: Any, minima: Minima) -> list[str]:
    """What the coarse approximation, in which a minimum was looked for first, is off at that of the exact density."""
    if likelihood.coarse is None:
        return []
    coarse, at = likelihood.coarse, minima.points
    away, most = abs(float(coarse.logpdf(at)[0] + minima.nll[0])), float(coarse.error_bound(at)[0])
    off = f"{away:.1e} off here ({most:.2g} at most)"
    return [f"looked for with events summed, whose ln density is {off}, then exactly"]


def _status(likelihood: Any, minima: Minima, free: np.ndarray) -> tuple[Status, str]:
    """How it ended, in words."""
    p, point = likelihood.parameters, minima.points[0]
    if not minima.valid[0]:
        return (
            Status.NOT_CONVERGED,
            f"the estimated distance to the minimum is {minima.edm[0]:.1e}; try other start values with init",
        )
    said = []
    for i in np.flatnonzero(free):
        for side, bound in (("lower", p.lower[i]), ("upper", p.upper[i])):
            if abs(point[i] - bound) <= p.near[i]:
                said.append(f"{p.names[i]} stopped at its {side} bound {bound:g}")
    for group in p.simplexes():
        if any(free[i] for i in group) and point[group].sum() >= 1 - 1e-9:
            said.append(f"{' + '.join(p.names[i] for i in group)} stopped at 1")
    if said:
        return Status.AT_BOUND, "; ".join(said)
    return Status.CONVERGED, f"the estimated distance to the minimum is {minima.edm[0]:.1e}"


def _identified(likelihood: Any, spot: Spot, lost: np.ndarray, ending: tuple[Status, str]) -> tuple[Status, str]:
    """How it ended, with what the data leave open; `lost`: which of the parameters kept have no error."""
    status, message = ending
    if status is Status.NOT_CONVERGED:
        return ending
    steps = weak_directions(spot.covariance, likelihood.parameters.width[spot.kept])
    weak = moves(steps, spot.covariance, np.eye(len(lost)))
    said = []
    for chosen, say in ((lost, say_flat), (weak & ~lost, say_weak)):
        if chosen.any():
            names = [likelihood.parameters.names[i] for i in spot.kept[chosen]]
            said.append(say(names, spot.covariance[np.ix_(chosen, chosen)]))
    return Status.NOT_IDENTIFIED if lost.any() else status, "; ".join([*said, message])


def _pull_errors(likelihood: Any, sigma: np.ndarray) -> dict[str, float]:
    """Post-fit errors in units of the constraints' standard deviations (their mean, where they are two-sided)."""
    names, widths = likelihood.parameters.names, constraint_widths(likelihood)
    return {n: float(sigma[names.index(n)] / (0.5 * sum(widths[n]))) for n in likelihood.constraints.auxiliary_names}


def _derived_errors(likelihood: Any, spot: Spot, flat: np.ndarray, derived: Mapping[str, float]) -> dict[str, float]:
    """Linear propagation; NaN for what depends on nothing that is free and inside its bounds, or on what is `flat`."""
    if not len(spot.kept) or not derived:
        return dict.fromkeys(derived, float("nan"))
    found = slopes(likelihood.derived, likelihood.parameters, spot)
    gradients = np.array([found[name] for name in derived])
    variance = ((gradients @ spot.covariance) * gradients).sum(axis=1)
    unknown = (gradients == 0).all(axis=1) | moves(flat, spot.covariance, gradients)
    errors = np.where(unknown, np.nan, np.sqrt(np.maximum(variance, 0.0)))
    return dict(zip(derived, errors.tolist(), strict=True))
