"""The result of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from npinfer.core.axis import Axis
from npinfer.core.parameter import Parameter
from npinfer.core.result.base import Result, Status
from npinfer.core.table import Table


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
    """A channel's observed and fitted counts, each (bins,) in C order of its axes.

    slopes: derivatives of the fitted counts in the parameters `FitResult.free`, (free, bins): with the fit's covariance
    they give the uncertainty of any sum of bins.
    """

    axes: tuple[Axis, ...]
    observed: np.ndarray
    samples: Mapping[str, np.ndarray]
    slopes: np.ndarray


@dataclass(frozen=True, kw_only=True)
class FitResult(Result):
    """A maximum of the likelihood.

    values: of every parameter, fixed ones included; errors: standard deviations from the inverse of the observed
    information, NaN where a parameter is fixed or at a bound; minos: (lower, upper) offsets of the 68.27 % profile
    interval; covariance: of the parameters `free`; derived: values of derived quantities with `derived_errors`;
    twice_nll: −2 ln of the density, constants included; pulls: of the constrained parameters, in units of the
    constraint's standard deviation, with `pull_errors` after the fit.
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

    def correlation(self) -> np.ndarray:
        """Correlation matrix of the parameters `free`."""
        sigma = np.sqrt(np.diag(self.covariance))
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.covariance / np.outer(sigma, sigma)

    def table(self) -> Table:
        """Values with errors, then derived quantities."""
        rows = []
        for name, value in self.values.items():
            low, high = self.minos.get(name, (None, None))
            state = "fixed" if name in self.fixed else "" if name in self.free else "at bound"
            unit, error = self.quantities[name].unit, self.errors[name]
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
                f"twice_nll = {self.twice_nll:.4f}; {self.status.value}: {self.message}",
                seen,
                self.description.small_print(),
            ),
        )
