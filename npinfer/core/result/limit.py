"""The result of an upper limit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from npinfer.core.result.base import Result
from npinfer.core.result.fit import Quantity
from npinfer.core.table import Table

NAMES = ("expected −2σ", "expected −1σ", "expected median", "expected +1σ", "expected +2σ")
NO_LIMIT = "no limit"


@dataclass(frozen=True, kw_only=True)
class Limit(Result):
    """An upper limit of one parameter.

    observed: the limit, infinite where no value within the bounds is excluded, `background` where all are;
    uncertainty: its standard deviation from the number of toys or samples, NaN where there are none; expected: without
    a signal, (5,) at NAMES, NaN where it was not computed and infinite where there is no limit; background: the value
    without a signal; best: the value at the best fit. calibration: how p-values were found; expected_from: what the
    expected limits rest on. tested: values of the parameter that were tested, (tests,), with p: the quantity that is
    1 − cl at the limit, on the data, and p_expected: on expected data, (5, tests).
    """

    verb: ClassVar[str] = "limit"
    quantity: Quantity
    cl: float
    method: str
    observed: float
    expected: np.ndarray
    background: float
    best: float
    calibration: str
    expected_from: str
    fixed: Mapping[str, float]
    data_kind: str
    tested: np.ndarray
    p: np.ndarray
    p_expected: np.ndarray
    uncertainty: float = math.nan
    message: str = ""

    @property
    def median(self) -> float:
        """The median expected limit, NaN where it was not computed."""
        return float(self.expected[2])

    @property
    def p_name(self) -> str:
        """What `p` is called."""
        return {"profile": "p", "bayes": "1 − posterior probability"}.get(self.method, "CLs")

    def describe(self) -> str:
        """One line: the limit, what was expected, and how it was calibrated."""
        return f"{self._observed()} ({self.calibration}){self._expected()}"

    def _observed(self) -> str:
        q, level = self.quantity, f"at {100 * self.cl:g} % CL"
        if self.method == "bayes":
            level = f"with {100 * self.cl:g} % posterior probability"
        unit = f" {q.unit}" if q.unit else ""
        if math.isinf(self.observed):
            end = f": {q.upper:.4g}, its upper bound, is not excluded" if math.isfinite(q.upper) else ""
            return f"no limit on {q.name} {level}{end}"
        if self.observed == self.background:
            return f"every {q.name} above {self.background:g}{unit} is excluded {level}, even those without an effect"
        error = f" ± {self.uncertainty:.2g}" if self.uncertainty == self.uncertainty else ""
        return f"{q.name} < {self.observed:.4g}{error}{unit} {level}"

    def _expected(self) -> str:
        if not self.expected_from or self.median != self.median:
            return ""
        low, middle, high = (say(v) for v in self.expected[[0, 2, 4]].tolist())
        band = f", 95 % between {low} and {high}," if self.expected[0] == self.expected[0] else ""
        return f"; expected {middle}{band} from {self.expected_from}"

    def table(self) -> Table:
        """The limit and what was expected, a row each."""
        rows = [("observed", say(self.observed, self.observed))]
        rows += [(n, say(v, v)) for n, v in zip(NAMES, self.expected.tolist(), strict=True) if v == v]
        return Table(
            f"{100 * self.cl:g} % upper limit of {self.quantity.name} ({self.data_kind} data)",
            ("limit", self.quantity.name),
            tuple(rows),
            tuple(self.notes()),
            labels=self.labels(),
        )

    def notes(self) -> list[str]:
        """What has to be known of the limit, the small print last."""
        fixed = ", ".join(f"{k}={v:g}" for k, v in self.fixed.items())
        said = [self.describe(), *([f"fixed: {fixed}"] if fixed else []), self.message]
        return [*filter(None, said), *self.small_print()]

    def curves(self) -> dict[str, Table]:
        """The tested values, a row each."""
        names = [name.replace("expected", f"expected {self.p_name}") for name in NAMES[: len(self.p_expected)]]
        rows = tuple(zip(self.tested.tolist(), self.p.tolist(), *self.p_expected.tolist(), strict=True))
        title = f"{self.p_name} of {self.quantity.name} ({self.data_kind} data)"
        table = Table(title, (self.quantity.name, self.p_name, *names), rows, tuple(self.notes()), labels=self.labels())
        return {"scan": table} if len(self.tested) else {}


def say(value: float, number: float | None = None) -> str | float:
    """A limit in words where there is none, else as text, or as the `number` it is."""
    if math.isinf(value):
        return NO_LIMIT
    return f"{value:.4g}" if number is None else number
