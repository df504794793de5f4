"""The results of a verb that was repeated along a configuration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from npinfer.core.result.base import Result
from npinfer.core.result.fit import Quantity
from npinfer.core.table import Table


@dataclass(frozen=True, kw_only=True)
class Repeated(Result):
    """Answers for many values of a numeric configuration, a row each.

    asked: the verb; key: the configuration, the first of the columns; quantity: what was asked for, None for fits;
    rows: as the verb's command saves them, words where there is no number; cl: NaN for fits; calibration: how each was
    calibrated, those that differ once.
    """

    verb: ClassVar[str] = "over"
    asked: str
    key: str
    quantity: Quantity | None
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    data_kind: str
    cl: float = math.nan
    calibration: str = ""

    @property
    def axis(self) -> Quantity:
        """How the configuration is named, and its unit."""
        label, unit = self.description.labels.get(self.key, ("", ""))
        return Quantity(self.key, unit, label)

    def numbers(self, column: str) -> np.ndarray:
        """A column as numbers, (rows,); NaN where it holds words or nothing, or where there is no such column."""
        if column not in self.columns:
            return np.full(len(self.rows), np.nan)
        position = self.columns.index(column)
        return np.array([_number(row[position]) for row in self.rows])

    def describe(self) -> str:
        """One line: what was repeated, and what the rows do not say of each other."""
        level = f"{100 * self.cl:g} % " if math.isfinite(self.cl) else ""
        about = f" of {self.quantity.name}" if self.quantity else ""
        how = f" ({self.calibration})" if self.calibration else ""
        local = f"every row is local to its {self.key}: nothing corrects for their number"
        return f"{level}{self.asked}{about} over {self.key}{how}; {local}"

    def table(self) -> Table:
        """One row a value."""
        title = f"{self.asked} of {self.description.name} over {self.key} ({self.data_kind} data)"
        return Table(title, self.columns, self.rows, (self.describe(), *self.small_print()), labels=self.labels())


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
