"""The result of a test for a signal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from npinfer.core.result.base import Result
from npinfer.core.result.fit import Quantity
from npinfer.core.result.tail import TIE, Tail
from npinfer.core.table import Table


@dataclass(frozen=True, kw_only=True)
class Significance(Result):
    """How incompatible the data are with a parameter at its value without a signal, `null`, one-sided.

    best: the fitted value; q0: the test statistic (arXiv:1007.1727, eq. 12), 0 where best is at or below null,
    infinite where the data are impossible at null; p, z: asymptotic, 1 − Φ(√q0) and √q0; at_bound: whether null is the
    parameter's lower bound; expected_z: median z on data with their truth at `expected_at` (the best fit where that is
    empty), from its Asimov data; toys: q0 of toys with their truth at the fit with the parameter at null, (toys,);
    toy_p: counted in them; valid: whether the fits to the data converged; message: why there are fewer toys than were
    asked for.
    """

    verb: ClassVar[str] = "significance"
    quantity: Quantity
    null: float
    best: float
    q0: float
    p: float
    z: float
    at_bound: bool
    expected_z: float
    expected_at: Mapping[str, float]
    toys: np.ndarray
    toy_p: Tail | None
    fixed: Mapping[str, float]
    valid: bool
    data_kind: str
    message: str = ""

    @property
    def complete(self) -> bool:
        """Whether all toys that were asked for are here."""
        return not self.message

    @property
    def toy_z(self) -> tuple[float, float, float] | None:
        """z from toys and the ends of its 68.27 % interval; 0 without an excess, None without toys."""
        if self.toy_p is None:
            return None
        return (self.toy_p.z, self.toy_p.z_lower, self.toy_p.z_upper) if self.q0 > TIE else (0.0, 0.0, 0.0)

    def describe(self) -> str:
        """One sentence: the significance, how it was calibrated, and whether to believe it."""
        unit = f" {self.quantity.unit}" if self.quantity.unit else ""
        name, null = self.quantity.name, f"{self.null:.4g}"
        if self.q0 <= 0:
            said = f"{name} = {self.best:.4g}{unit} at the best fit: no excess over {null}, z = 0 (p one half)"
        elif math.isinf(self.q0):
            said = f"{name} = {self.best:.4g}{unit} at the best fit: the data are impossible at {null}"
        else:
            said = f"{name} = {self.best:.4g}{unit} is above {null} with z = {self.z:.2f}, p = {self.p:.2g} one-sided"
            said += f" ({self._calibration()})"
        if self.toy_p is not None and self.q0 > 0:
            z = f", z = {self.toy_p.z:.2f}" if math.isfinite(self.toy_p.z) else f", z > {self.toy_p.z_lower:.2f}"
            said += f"; by toys {self.toy_p.describe()}{z if self.toy_p.above < self.toy_p.toys else ''}"
        return said + ("" if self.valid else "; a fit to the data did not converge: none of this can be trusted")

    def _calibration(self) -> str:
        known = "asymptotic" if self.toy_p is not None else "asymptotic, not calibrated with toys"
        return f"{known}; half χ², {'Wilks at a bound' if self.at_bound else 'downward fluctuations count as none'}"

    def table(self) -> Table:
        """One row: the test, its p-values and what was to be expected."""
        tail, z = self.toy_p, self.toy_z
        counted = (None,) * 7 if tail is None or z is None else (tail.value, tail.lower, tail.upper, *z, tail.toys)
        row = (self.null, self.best, self.q0, self.p, self.z, *counted, self.expected_z)
        where = ", ".join(f"{k} = {v:.4g}" for k, v in self.expected_at.items()) or "the best fit"
        if not self.expected_at and self.best <= self.null:
            where += ", which has no signal (name one with at)"
        fixed = ", ".join(f"{k} = {v:.4g}" for k, v in self.fixed.items())
        failed = f"{tail.failed} of {tail.toys} toys have a fit that did not converge" if tail and tail.failed else ""
        toys = "toys: truth at the fit with the parameter at null, auxiliary data fluctuated; their p with its 68.27 % "
        notes = (
            self.describe(),
            f"expected z: the median of data with their truth at {where}, from its Asimov data",
            f"{toys}Clopper–Pearson interval" if tail else "",
            failed,
            f"fixed: {fixed}" if fixed else "",
            self.message,
            *self.small_print(),
        )
        asymptotic = ("null", "best", "q0", "p", "z")
        return Table(
            f"significance of {self.quantity.name} ({self.data_kind} data)",
            (*asymptotic, "toy p", "p lower", "p upper", "toy z", "z lower", "z upper", "toys", "expected z"),
            (row,),
            tuple(note for note in notes if note),
            labels=self.labels(),
        )
