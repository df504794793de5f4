"""The result of a validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from npinfer.core.result.base import Result
from npinfer.core.table import Table


@dataclass(frozen=True)
class Check:
    """One check: what was found, what was expected within what, and where that comes from."""

    name: str
    found: float
    expected: float
    tolerance: float
    source: str

    @property
    def passed(self) -> bool:
        return abs(self.found - self.expected) <= self.tolerance


@dataclass(frozen=True, kw_only=True)
class Validation(Result):
    """The checks a likelihood declares of itself, and those every likelihood must pass."""

    verb: ClassVar[str] = "validate"
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(c.passed for c in self.checks)

    def describe(self) -> str:
        """One line: how many checks passed."""
        good = sum(c.passed for c in self.checks)
        word = "believe it" if self.passed else "do not believe it before the others are understood"
        return f"{good} of {len(self.checks)} checks of {self.description.name} passed within their tolerances: {word}"

    def table(self) -> Table:
        rows = tuple(
            (c.name, c.found, c.expected, c.tolerance, "passed" if c.passed else "FAILED", c.source)
            for c in self.checks
        )
        columns = ("check", "found", "expected", "tolerance", "outcome", "source")
        notes = (self.describe(), *self.small_print())
        return Table(f"validation of {self.description.name}", columns, rows, notes, labels=self.labels())
