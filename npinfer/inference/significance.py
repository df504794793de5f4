"""significance: how incompatible the data are with no signal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from npinfer.core.provenance import Provenance
from npinfer.core.result import Quantity
from npinfer.core.result.significance import Significance
from npinfer.core.result.tail import Tail
from npinfer.errors import InferenceError, ParameterError
from npinfer.inference.executor import RunOptions
from npinfer.inference.fit import best_fit, full_names, poi_name
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.minima import Minima
from npinfer.inference.minimise import free_mask
from npinfer.inference.teststat import p_q_zero, q_zero
from npinfer.inference.toys import ToyPlan, check_toys, run_toys

OPTIONS = FitOptions()
FRACTIONS = np.logspace(-6, 0, 61)  # of the range above null, where a signal is searched that can be seen
Values = Mapping[str, float]


def significance(
    likelihood: Any,
    poi: str | None = None,
    *,
    null: float | None = None,
    at: Values | None = None,
    fixed: Values | None = None,
    n_toys: int = 0,
    run: RunOptions = RunOptions(),
) -> Significance:
    """The discovery significance of a parameter, one-sided, from q_0 (arXiv:1007.1727, eq. 12).

    poi: the parameter, by default that of the likelihood; null: its value without a signal, by default 0, or its lower
    bound where that is above; at: the truth that expected_z is for, the best fit by default, other parameters at their
    fit to the data; n_toys: toys of null, auxiliary data fluctuated. On Ctrl-C the p-value is that of the toys that are
    done, and the message says so. Raises ParameterError, InferenceError, ConfigurationError, Interrupted.

    >>> from npinfer import load
    >>> found = significance(load("icecube_pepe"), fixed={"astro_norm": 4.98, "astro_gamma": 2.53})
    >>> round(found.z, 2), found.at_bound
    (1.69, True)
    """
    check_toys(n_toys, run, least=0)
    name = poi_name(likelihood, poi)
    parameter = likelihood.parameters[name]
    fixed, at = full_names(likelihood, fixed), full_names(likelihood, at)
    if parameter.name in fixed or parameter.fixed:
        raise ParameterError(f"parameter {parameter.name!r} is fixed: its significance needs it free")
    if both := set(at) & set(fixed):
        raise ParameterError(f"parameter {sorted(both)[0]!r} is both fixed and in at; drop one of the two")
    null = parameter.check(_default_null(parameter.bounds) if null is None else null)
    question = _Question(likelihood, likelihood.parameters.index(parameter.name), null, fixed)
    without, best = question.fits()
    fitted, q0 = question.q0(without, best)
    truth = best_fit(likelihood, {**fixed, **at}, None, OPTIONS)[0].points[0] if at else best.points[0]
    toys, tail, message = np.zeros(0), None, ""
    if n_toys:
        toys, failed, message = question.toys(without.points[0], n_toys, run)
        tail = Tail.count(toys, q0, failed)
    return Significance(
        description=likelihood.description,
        provenance=Provenance.record(likelihood.description, seed=run.seed if n_toys else None),
        quantity=Quantity.of(parameter),
        null=null,
        best=fitted,
        q0=q0,
        p=float(p_q_zero(q0)),
        z=float(np.sqrt(q0)),
        at_bound=null <= parameter.bounds[0],
        expected_z=question.expected_z(truth),
        expected_at=at,
        toys=toys,
        toy_p=tail,
        fixed=fixed,
        valid=bool(best.valid[0] and (without.valid[0] or np.isinf(without.nll[0]))),
        data_kind=likelihood.data.kind,
        message=message,
    )


def _default_null(bounds: tuple[float, float]) -> float:
    """0, or the bound that is nearest to it."""
    return float(np.clip(0.0, *bounds))


@dataclass(frozen=True)
class _Question:
    """A parameter at position `index`, its value without a signal, and the parameters that are held."""

    likelihood: Any
    index: int
    null: float
    fixed: Values

    @property
    def held(self) -> Values:
        """What is held without a signal."""
        return {**self.fixed, self.likelihood.parameters.names[self.index]: self.null}

    def fits(self) -> tuple[Minima, Minima]:
        """The fits without a signal and with the parameter free, each a batch of one.

        −ln density is +inf where the data are impossible without a signal.
        """
        likelihood, names = self.likelihood, self.likelihood.parameters.names
        best = best_fit(likelihood, self.fixed, None, OPTIONS)[0]
        try:
            without = best_fit(likelihood, self.held, None, OPTIONS)[0]
        except InferenceError:
            point = likelihood.parameters.vector(self.held)[None]
            return Minima(point, np.array([np.inf]), np.zeros(1), np.zeros(1, dtype=bool)), best
        start = self.off_null(without.points[0])
        first = {n: v for n, v in zip(names, start.tolist(), strict=True) if n not in self.fixed}
        return without, best.better(best_fit(likelihood, self.fixed, first, OPTIONS)[0])

    def q0(self, without: Minima, best: Minima) -> tuple[float, float]:
        """The fitted value and q_0, which is 0 where that is not above null."""
        fitted = float(best.points[0, self.index])
        return fitted, float(q_zero(without.nll, best.nll, fitted, self.null)[0]) if fitted > self.null else 0.0

    def expected_z(self, truth: np.ndarray) -> float:
        """√q_0 of Asimov data: the median of z where the truth is (arXiv:1007.1727, section 4)."""
        asimov = replace(self, likelihood=self.likelihood.with_data(self.likelihood.asimov(truth)))
        return float(np.sqrt(asimov.q0(*asimov.fits())[1]))

    def off_null(self, point: np.ndarray) -> np.ndarray:
        """The point without a signal; where no expectation has a slope there, moved to where a signal is visible.

        A fit of counts that rise with a higher power of the parameter would never leave the point itself. Visible: one
        standard deviation on the Asimov data of the point.
        """
        likelihood, parameters = self.likelihood, self.likelihood.parameters
        if likelihood.rates_jacobian(point[None])[1][0, self.index].any():
            return point
        room = min(parameters.upper[self.index] - self.null, parameters.width[self.index])
        points = np.tile(point, (len(FRACTIONS), 1))
        points[:, self.index] = self.null + room * FRACTIONS
        points = parameters.shrink(points, free_mask(likelihood, self.held))
        asimov = likelihood.pack(likelihood.asimov(point))
        lost = likelihood.logpdf(point, asimov) - likelihood.logpdf(points, asimov)
        visible: np.ndarray = points[int(np.argmax(lost >= 0.5)) if (lost >= 0.5).any() else -1]
        return visible

    def toys(self, truth: np.ndarray, n_toys: int, run: RunOptions) -> tuple[np.ndarray, int, str]:
        """q_0 of toys with their truth without a signal, how many have a fit that failed, and why some are missing."""
        held = [self.held, self.fixed]
        start = self.off_null(truth)
        if start[self.index] != self.null:  # a fit in between gives the global one a start with a slope
            held.insert(1, {**self.held, self.likelihood.parameters.names[self.index]: float(start[self.index])})
        plan = ToyPlan(truth, held=tuple(held))
        (fits,), message = run_toys(self.likelihood, [plan], n_toys, run, stream="significance")
        q0 = np.where(fits.points[:, -1, self.index] <= self.null, 0.0, fits.statistic())
        return q0, int(fits.failed[:, [0, -1]].any(axis=1).sum()), message
