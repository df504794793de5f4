"""The result of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from npinfer.core.axis import Axis
from npinfer.core.parameter import Parameter
from npinfer.core.result.base import Result, Status
from npinfer.core.table import Table
from npinfer.errors import DataError, InferenceError, unknown

STAGES = ("prefit", "postfit")


@dataclass(frozen=True)
class Quantity:
    """How a parameter or a derived quantity is named and where it may lie."""

    name: str
    unit: str = ""
    label: str = ""
    lower: float = -np.inf
    upper: float = np.inf
    group: str = ""

    @classmethod
    def of(cls, parameter: Parameter) -> Quantity:
        return cls(parameter.name, parameter.unit, parameter.label, *parameter.bounds, parameter.group)


@dataclass(frozen=True)
class ChannelView:
    """A channel's observed and expected counts, each (bins,) in C order of its axes.

    slopes: derivatives of the expected counts in the parameters of a covariance, (parameters, bins): together they
    give the uncertainty of any sum of bins. sigma: the upper and lower standard deviations of what was measured and
    not counted, (2, bins), or (2, 0) for counts.
    """

    axes: tuple[Axis, ...]
    observed: np.ndarray
    samples: Mapping[str, np.ndarray]
    slopes: np.ndarray
    sigma: np.ndarray = field(default_factory=lambda: np.zeros((2, 0)))

    @property
    def total(self) -> np.ndarray:
        """Expected counts of all samples, (bins,)."""
        return np.sum([*self.samples.values(), np.zeros(len(self.observed))], axis=0)

    def sum_error(self, covariance: np.ndarray, where: np.ndarray | slice = slice(None)) -> float:
        """Standard deviation of the expected counts summed over some bins, linear in the parameters."""
        slope = self.slopes[:, where].sum(axis=1)
        return float(np.sqrt(max(slope @ covariance @ slope, 0.0)))


@dataclass(frozen=True)
class Yield:
    """Expected counts of one sample in one channel, before and after the fit, with their standard deviations."""

    channel: str
    sample: str
    prefit: float
    prefit_error: float
    postfit: float
    postfit_error: float


@dataclass(frozen=True, kw_only=True)
class FitResult(Result):
    """A maximum of the likelihood.

    values: of every parameter, fixed ones included; errors: standard deviations from the inverse of the observed
    information, NaN where a parameter is fixed, at a bound or not identified; minos: (lower, upper) offsets of the
    68.27 % profile interval; covariance: of the parameters `free`; derived: values of derived quantities with
    `derived_errors`; twice_nll: −2 ln of the density, constants included; pulls: of the constrained parameters, in
    units of the constraint's standard deviation, with `pull_errors` after the fit; channels: the counts at the maximum,
    with slopes in the parameters `free`; prefit: the counts before the fit, with slopes in the parameters
    `prefit_free`, those with a constraint, and its `prefit_covariance`: constrained parameters are where they were
    measured, the others at their start values, and these do not widen the uncertainty; yields: by channel and sample.
    """

    verb: ClassVar[str] = "fit"
    quantities: Mapping[str, Quantity]
    values: Mapping[str, float]
    errors: Mapping[str, float]
    minos: Mapping[str, tuple[float, float]]
    fixed: tuple[str, ...]
    free: tuple[str, ...]
    covariance: np.ndarray
    derived: Mapping[str, float]
    derived_errors: Mapping[str, float]
    pulls: Mapping[str, float]
    pull_errors: Mapping[str, float]
    channels: Mapping[str, ChannelView]
    data_kind: str
    twice_nll: float
    edm: float
    valid: bool
    status: Status
    message: str
    prefit: Mapping[str, ChannelView] = field(default_factory=dict)
    prefit_free: tuple[str, ...] = ()
    prefit_covariance: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    yields: tuple[Yield, ...] = ()

    def stage(self, stage: str) -> tuple[Mapping[str, ChannelView], np.ndarray]:
        """The channels "prefit" or "postfit" and the covariance of their slopes; raises InferenceError, DataError."""
        if stage not in STAGES:
            raise InferenceError(unknown("stage", stage, STAGES))
        if stage == "postfit":
            return self.channels, self.covariance
        if not self.prefit:
            raise DataError("this fit was saved without its pre-fit counts; fit again to have them")
        return self.prefit, self.prefit_covariance

    def correlation(self) -> np.ndarray:
        """Correlation matrix of the parameters `free`."""
        sigma = np.sqrt(np.diag(self.covariance))
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.covariance / np.outer(sigma, sigma)

    def describe(self) -> str:
        """One line: what was maximised, what the errors are, and whether to believe it."""
        free = len([n for n in self.values if n not in self.fixed])
        word = "believe it" if self.valid and self.status is not Status.NOT_IDENTIFIED else "do not believe it"
        return (
            f"maximum over {free} free parameters, −2 ln L = {self.twice_nll:.4f}; errors: one standard deviation from "
            f"the curvature, not calibrated; {self.status.value}: {self.message}: {word}"
        )

    def table(self) -> Table:
        """Values with errors, then derived quantities."""
        rows = []
        for name, value in self.values.items():
            low, high = self.minos.get(name, (None, None))
            unit, error = self.quantities[name].unit, self.errors[name]
            state = "fixed" if name in self.fixed else "at bound"
            if name in self.free:
                state = "not identified" if np.isnan(error) else ""
            rows.append((name, value, None if state else error, low, high, self.pulls.get(name), unit, state))
        for name, value in self.derived.items():
            unit, error = self.quantities.get(name, Quantity(name)).unit, self.derived_errors[name]
            rows.append((name, value, error, None, None, None, unit, "derived"))
        counts = {
            name: (view.observed.sum(), sum(s.sum() for s in view.samples.values()))
            for name, view in self.channels.items()
        }
        seen = ", ".join(
            f"{name} {observed:g} seen, {expected:.2f} expected" for name, (observed, expected) in counts.items()
        )
        return Table(
            f"{self.description.title} ({self.data_kind} data)",
            ("parameter", "value", "error", "minos −", "minos +", "pull", "unit", "state"),
            tuple(rows),
            (
                self.describe(),
                seen,
                *self.small_print(),
            ),
            labels=self.labels(),
        )

    def _stuck(self) -> str:
        """What does not widen the post-fit errors."""
        names = [n for n in self.values if n not in (*self.fixed, *self.free)]
        return f"; at a bound, so without an error: {', '.join(names)}" if names else ""

    def curves(self) -> dict[str, Table]:
        return {"yields": self.yields_table()}

    def yields_table(self) -> Table:
        """Expected counts by channel and sample before and after the fit, and observed ones."""
        rows: list[tuple[object, ...]] = []
        for name, view in self.channels.items():
            rows += [
                (name, y.sample, y.prefit, y.prefit_error, y.postfit, y.postfit_error, None)
                for y in self.yields
                if y.channel == name and (y.prefit != 0 or y.postfit != 0)
            ]
            after = (float(view.total.sum()), view.sum_error(self.covariance))
            before: tuple[float | None, ...] = (None, None)
            if self.prefit:
                first = self.prefit[name]
                before = (float(first.total.sum()), first.sum_error(self.prefit_covariance))
            rows.append((name, "all", *before, *after, float(view.observed.sum())))
        return Table(
            f"expected counts of {self.description.title} ({self.data_kind} data)",
            ("channel", "sample", "pre-fit", "pre-fit error", "post-fit", "post-fit error", "observed"),
            tuple(rows),
            (
                "pre-fit: constrained parameters where they were measured, the others at their start values; error: "
                "of the constraints alone",
                "post-fit error: from the covariance of the fit, not calibrated with toys; samples are correlated, so "
                f"errors do not add in quadrature{self._stuck()}",
                *self.small_print(),
            ),
            labels=self.labels(),
        )
