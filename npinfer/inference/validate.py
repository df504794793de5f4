"""validate: the checks every likelihood must pass, and those a likelihood declares of itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from npinfer.core.parameter import Parameters
from npinfer.core.provenance import Provenance
from npinfer.core.result import Check, Validation
from npinfer.core.template import effective_bins
from npinfer.errors import ConfigurationError, unknown
from npinfer.inference.fit import fit, full_names
from npinfer.inference.interval import interval
from npinfer.inference.prefit import constraint_widths
from npinfer.likelihood.catalogue import describe_spec, load
from npinfer.likelihood.pyhf_model import pyhf_data

RELATIVE = 1e-9


def validate(name_or_path: str | Path, **configuration: Any) -> Validation:
    """Check a likelihood: against pyhf, against itself, and against the published numbers it declares.

    Not against pyhf where it has what is measured or simulated, and not with Asimov data where it is simulated: L_eff
    does not return their truth.

    The declared checks run in the configuration they declare, the others in the one given here.
    Raises ConfigurationError or DataError for a likelihood that does not load.

    >>> validate("icecube_hese").passed
    True
    """
    likelihood = load(name_or_path, **configuration)
    effective = bool(effective_bins(likelihood.channels).any())
    same = [] if effective or any(c.measured for c in likelihood.channels) else [_same_as_pyhf(likelihood)]
    checks = [*same, _contraction(likelihood), *([] if effective else _asimov(likelihood))]
    subjects = {tuple(sorted(configuration.items())): likelihood}
    for i, entry in enumerate(describe_spec(name_or_path).get("validation", [])):
        chosen = entry.get("configuration", {})
        key = tuple(sorted(chosen.items()))
        if key not in subjects:
            subjects[key] = load(name_or_path, **chosen)
        checks.append(_declared(subjects[key], entry, f"{likelihood.name}: validation[{i}]"))
    return Validation(
        description=likelihood.description, provenance=Provenance.record(likelihood.description), checks=tuple(checks)
    )


def _bounds(parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds, without one as far from the start value as 1 + its size."""
    reach = 1.0 + np.abs(parameters.init)
    lower = np.where(np.isfinite(parameters.lower), parameters.lower, parameters.init - reach)
    return lower, np.where(np.isfinite(parameters.upper), parameters.upper, parameters.init + reach)


def _random_points(likelihood: Any, count: int) -> np.ndarray:
    """Points spread over the bounds, inside every simplex."""
    p, rng = likelihood.parameters, np.random.default_rng(0)
    lower, upper = _bounds(p)
    points = lower + (upper - lower) * (0.05 + 0.9 * rng.random((count, len(p))))
    for group in p.simplexes():
        points[:, group] = rng.dirichlet(np.ones(len(group) + 1), size=count)[:, :-1]
    return points


def _possible(likelihood: Any, point: np.ndarray) -> np.ndarray:
    """`point`, or one halfway to the start values, and so on, if the data are impossible there."""
    for _ in range(20):
        if np.isfinite(likelihood.logpdf(point)):
            break
        point = 0.5 * (point + likelihood.parameters.init)
    return point


def _same_as_pyhf(likelihood: Any) -> Check:
    model, data = likelihood.pyhf_model(), pyhf_data(likelihood)
    differences = []
    for point in _random_points(likelihood, 3):
        point = _possible(likelihood, point)
        ours, theirs = float(likelihood.logpdf(point)), float(model.logpdf(point, data)[0])
        differences.append(0.0 if ours == theirs else abs(ours - theirs) / max(abs(theirs), 1.0))
    worst = float(np.max(differences))  # not a number if one of them is none
    return Check("logpdf against pyhf, relative", worst, 0.0, RELATIVE, "pyhf")


def _contraction(likelihood: Any) -> Check:
    points = _random_points(likelihood, 3)
    exact, fast = likelihood.expected(points, contracted=False), likelihood.expected(points)
    worst = max(
        float(np.abs(fast[c] / np.maximum(exact[c], 1e-300) - 1)[exact[c] > 1e-6].max(initial=0.0)) for c in exact
    )
    return Check("contracted counts against the uncontracted path, relative", worst, 0.0, 1e-8, "itself")


def _asimov(likelihood: Any) -> list[Check]:
    """An Asimov fit returns its truth, away from the start values by up to 5 % of the bounds and 1σ, with zero pulls.

    Its distance is the root of what −2 ln L differs by, some 1e-4 at most for what converged: in values, it would be
    large where a rate grows with the square of a parameter whose truth is zero.
    """
    p = likelihood.parameters
    reach, widths = 0.05 * np.subtract(*_bounds(p)[::-1]), constraint_widths(likelihood)
    far = np.array([min(r, *widths.get(n, (r,))) for n, r in zip(p.names, reach, strict=True)])
    shift = np.random.default_rng(0).uniform(-1, 1, len(p)) * far
    truth = np.where(p.fixed, p.init, np.clip(p.init + shift, p.lower, p.upper))
    for group in p.simplexes():
        truth[group] /= max(1.0, truth[group].sum())
    asimov = likelihood.with_data(likelihood.asimov(truth))
    result = fit(asimov)
    height = result.twice_nll + 2 * float(asimov.logpdf(truth))
    pulls = max((abs(v) for v in result.pulls.values()), default=0.0)
    return [
        Check(
            "Asimov fit against its truth, in standard deviations", float(np.sqrt(abs(height))), 0.0, 1e-3, "itself"
        ),
        Check("largest pull of the Asimov fit", pulls, 0.0, 1e-4, "itself"),
    ]


def _declared(likelihood: Any, entry: Mapping[str, Any], where: str) -> Check:
    """One entry of a likelihood's `validation` section."""
    found = _quantity(likelihood, entry, where)
    settings = {**entry.get("configuration", {}), **entry.get("fixed", {}), **entry.get("at", {})}
    given = ", ".join(f"{k}={v:.4g}" if isinstance(v, (int, float)) else f"{k}={v}" for k, v in settings.items())
    name = f"{entry['verb']} {entry['quantity']}" + (f" ({given})" if given else "")
    return Check(name, found, float(entry["value"]), float(entry["tolerance"]), str(entry["source"]))


def _quantity(likelihood: Any, entry: Mapping[str, Any], where: str) -> float:
    field, _, rest = str(entry["quantity"]).partition(".")
    if entry["verb"] == "expected":
        point = likelihood.parameters.vector(full_names(likelihood, entry.get("at")))
        if field == "derived":
            return float(likelihood.derived(point[None])[rest][0])
        if field != "samples":
            raise ConfigurationError(unknown("quantity", field, ("samples", "derived"), where))
        sample, _, channel = rest.partition(".")
        template = likelihood.expected(point)
        if sample == "all":
            return float(template[channel].sum()) if channel else float(template.total())
        return float(template.samples[sample][channel].sum()) if channel else float(template.total(sample))
    if entry["verb"] == "interval":
        found = interval(likelihood, entry["poi"], cl=entry.get("cl", 0.68), fixed=entry.get("fixed"))
        known = {
            "lower": found.lower,
            "upper": found.upper,
            "lower_error": found.best - found.lower,
            "upper_error": found.upper - found.best,
        }
        if field not in known:
            raise ConfigurationError(unknown("quantity", field, known, where))
        return known[field]
    result = fit(likelihood, fixed=entry.get("fixed"))
    values = {"values": result.values, "derived": result.derived, "errors": result.errors}
    if field not in values:
        raise ConfigurationError(unknown("quantity", field, values, where))
    if field != "derived":
        rest = likelihood.parameters[rest].name
    if rest not in values[field]:
        raise ConfigurationError(unknown(field, rest, values[field], where))
    return values[field][rest]
