"""The result of drawing toys and fitting them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from npinfer.core.result.archive import ArchivedResult
from npinfer.core.result.fit import Quantity
from npinfer.core.table import Table
from npinfer.errors import DataError

SHOWN = 5  # toys that a note names


@dataclass(frozen=True, kw_only=True)
class ToyEnsemble(ArchivedResult):
    """Fits of toys with one truth.

    truth: of every parameter; names: of the columns of values, (toys, parameters), the best fits; twice_nll: −2 ln of
    the density there, +inf where a toy has probability zero for all that was tried; saturated: the same of the model
    that expects just what was drawn; edm: estimated distances to the minima; failed: 1 where a fit did not converge (it
    is kept where it ended); all (toys,). fixed: parameters that were held in the fits; seeds: of the ensembles merged;
    message: why there are fewer toys than were asked for.
    """

    verb: ClassVar[str] = "toys"
    archived: ClassVar[tuple[str, ...]] = ("values", "twice_nll", "saturated", "edm", "failed")
    quantities: Mapping[str, Quantity]
    names: tuple[str, ...]
    truth: Mapping[str, float]
    fixed: tuple[str, ...]
    values: np.ndarray
    twice_nll: np.ndarray
    saturated: np.ndarray
    edm: np.ndarray
    failed: np.ndarray
    seeds: tuple[int, ...]
    data_kind: str
    message: str = ""

    def __len__(self) -> int:
        return len(self.twice_nll)

    @property
    def complete(self) -> bool:
        """Whether all toys that were asked for are here."""
        return not self.message

    @property
    def goodness(self) -> np.ndarray:
        """Twice the log of the saturated over the fitted density of each toy, (toys,)."""
        return self.twice_nll - self.saturated

    def of(self, name: str) -> np.ndarray:
        """The fitted values of one parameter, by its full or short name, (toys,); raises DataError."""
        full = [n for n in self.names if name in (n, n.rsplit(".", 1)[-1])]
        if len(full) != 1:
            raise DataError(f"{name!r} is not the name of one parameter; known: {', '.join(self.names)}")
        return np.asarray(self.values[:, self.names.index(full[0])])

    def merge(self, *others: Self) -> Self:
        """This ensemble and others with the same truth and other seeds as one; raises DataError."""
        merged = self
        for other in others:
            for what in ("truth", "fixed", "names"):
                if getattr(other, what) != getattr(self, what):
                    raise DataError(f"the ensembles have a different {what}: toys of one truth merge")
            if other.provenance.digests != self.provenance.digests:
                raise DataError("the ensembles come from different likelihoods, configurations or data")
            if both := sorted(set(merged.seeds) & set(other.seeds)):
                raise DataError(f"the seed {both[0]} is in both: the same toys would count twice; use another seed")
            arrays: dict[str, Any] = {n: np.concatenate([getattr(merged, n), getattr(other, n)]) for n in self.archived}
            message = "; ".join(m for m in (merged.message, other.message) if m)
            merged = replace(merged, **arrays, seeds=(*merged.seeds, *other.seeds), message=message)
        return merged

    def notes(self) -> list[str]:
        """What has to be known of the fits."""
        said = []
        failed, impossible = np.flatnonzero(self.failed), np.flatnonzero(np.isinf(self.twice_nll))
        if len(failed):
            worst = float(self.edm[failed].max())
            said.append(
                f"{len(failed)} of {len(self)} toys did not converge and are kept where they ended (largest estimated "
                f"distance to the minimum {worst:.1e}): {_numbers(failed)}"
            )
        if len(impossible):
            said.append(
                f"{len(impossible)} of {len(self)} toys have probability zero at every start point: "
                f"{_numbers(impossible)}"
            )
        return said + ([self.message] if self.message else [])

    def describe(self) -> str:
        """One line: what was computed, how, and whether to believe it."""
        good = int(len(self) - np.count_nonzero(self.failed) - np.isinf(self.twice_nll).sum())
        seeds = ", ".join(map(str, self.seeds))
        return (
            f"{len(self)} toys with counts and auxiliary data fluctuated, seed {seeds}; {good} of {len(self)} fits "
            "converged" + ("" if good == len(self) else ", the others are counted where they ended")
        )

    def table(self) -> Table:
        """One row a parameter: its truth and how its fitted values are distributed."""
        rows = []
        possible = np.isfinite(self.twice_nll)
        for i, name in enumerate(self.names):
            state = "fixed" if name in self.fixed else ""
            fitted = self.values[possible, i]
            numbers: tuple[float | None, ...] = (None,) * 6
            if not state and len(fitted):
                mean, spread = float(fitted.mean()), float(fitted.std())
                low, median, high = np.quantile(fitted, (0.16, 0.5, 0.84)).tolist()
                numbers = (mean, spread / np.sqrt(len(fitted)), spread, low, median, high)
            rows.append((name, self.truth[name], *numbers, self.quantities[name].unit, state))
        columns = ("parameter", "truth", "mean", "± of mean", "deviation", "16 %", "median", "84 %", "unit", "state")
        notes = (self.describe(), *self.notes(), *self.small_print())
        return Table(f"toys of {self.description.title}", columns, tuple(rows), notes, labels=self.labels())

    def curves(self) -> dict[str, Table]:
        """Every toy: its fit and its test of goodness."""
        columns = ("twice_nll", "goodness", "failed", *self.names)
        stacked = np.column_stack([self.twice_nll, self.goodness, self.failed, self.values])
        return {"fits": Table("fits of the toys", columns, tuple(map(tuple, stacked.tolist())), labels=self.labels())}


def _numbers(toys: np.ndarray) -> str:
    listed = ", ".join(map(str, toys[:SHOWN].tolist()))
    return f"number {listed}" + (f" and {len(toys) - SHOWN} more" if len(toys) > SHOWN else "")
