"""Workspaces as arrays for the compiled minimiser (npinfer.likelihood.newton), made once a likelihood.

That is for likelihoods of one workspace, in the interpolation codes 4 and 4p, and needs numba, which the extra `fast`
installs. Of everything else there are no tables, and npinfer.inference.descent minimises.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from npinfer.core import poisson
from npinfer.core.constraint import Constraints
from npinfer.likelihood.cells import SINGLE, WHOLE, Cells
from npinfer.likelihood.interpolation import FACTOR_CODES, SHIFT_CODES, bends, polynomials
from npinfer.likelihood.modifiers import NONE, Modifier
from npinfer.likelihood.packed import Packed
from npinfer.likelihood.statistic import Poisson

if TYPE_CHECKING:
    from npinfer.likelihood.binned import BinnedLikelihood
    from npinfer.likelihood.kernel import Tables


@cache
def _newton() -> Any:
    """The compiled minimiser, which is imported when it is first needed: numba takes its time."""
    from npinfer.likelihood import newton

    return newton.minimise


def minimise(
    tables: Tables, packed: Packed, start: np.ndarray, free: np.ndarray, tolerance: float
) -> tuple[np.ndarray, tuple[np.ndarray, ...], int]:
    """Minima of −ln density from start points (batch, parameters), as npinfer.likelihood.newton gives them.

    That is the points (batch, parameters); −ln density, EDM and convergence, (batch,) each; how many did not converge.
    """
    points = _plain(start)  # moves to the minimum
    constant = packed.constant
    if len(tables.counted):
        constant = constant + poisson.highest(packed.auxiliary.take(tables.counted[:, 1], axis=1)).sum(axis=1)
    data = _plain(packed.counts), _plain(packed.auxiliary), _plain(constant)
    found, failed = _newton()(tables, data, points, np.array(free), tolerance)
    return points, found, failed


def _plain(numbers: np.ndarray) -> np.ndarray:
    """A copy in the one layout of memory that is compiled for."""
    return np.array(numbers, dtype=float, order="C")


def make_tables(likelihood: BinnedLikelihood) -> Tables | None:
    """The likelihood as arrays; None where it is not one workspace in codes without kinks, or numba is not there."""
    groups, constraints = likelihood.model.groups, likelihood.constraints
    if find_spec("numba") is None or type(likelihood.statistic) is not Poisson or len(groups) != 1:
        return None
    cells = groups[0]
    if not isinstance(cells, Cells) or cells.codes != (FACTOR_CODES[0], SHIFT_CODES[0]):
        return None
    kinds = {c.kind for c in constraints.single.values()}
    if constraints.correlations or not kinds <= {"normal", "poisson"} or likelihood.parameters.simplexes():
        return None
    from npinfer.likelihood.kernel import Tables

    parameters = likelihood.parameters
    arrays = _Histograms(cells).arrays(len(parameters)) | _constraints(constraints, parameters.names)
    limits = np.stack([parameters.lower, parameters.upper, parameters.near], axis=1)
    return Tables(range=limits, bins=likelihood.bins, **arrays)


class _Histograms:
    """Histograms and their modifiers as lists."""

    def __init__(self, cells: Cells) -> None:
        each = cells.each()
        self.bin_first = [part.start for _, _, part, _ in each]
        self.counts = [h.counts for _, _, _, h in each]
        self.factors, self.shifts, self.gammas = (
            [[m for m in h.modifiers if m.kind in kinds] for _, _, _, h in each]
            for kinds in (WHOLE, ("histosys",), SINGLE)
        )

    def arrays(self, parameters: int) -> dict[str, Any]:
        """The fields of Tables that hold histograms."""
        factors, shifts = ([m for own in lists for m in own] for lists in (self.factors, self.shifts))
        of_cells = [
            [int(m.at[i]) for m in own if m.at[i] != NONE]
            for own, counts in zip(self.gammas, self.counts, strict=True)
            for i in range(len(counts))
        ]
        edges = _edges(self.counts), _edges(self.factors), _edges(self.shifts)
        local = self._local(of_cells, {int(m.at[0]) for m in factors + shifts})
        place = np.zeros(parameters, dtype=np.intp)
        wide = np.setdiff1d(np.arange(parameters), local[:, 1])
        place[wide] = np.arange(len(wide))
        place[local[:, 1]] = len(wide) + local[:, 0]
        return {
            "rows": np.stack([[*self.bin_first, 0], *edges], axis=1).astype(np.intp),
            "nominal": np.concatenate(self.counts),
            "factor_at": np.array([m.at[0] for m in factors], dtype=np.intp),
            "curves": _curves(factors),
            "shift_at": np.array([m.at[0] for m in shifts], dtype=np.intp),
            "shapes": self._shapes(),
            "gamma_first": _edges(of_cells),
            "gamma_at": np.array([at for own in of_cells for at in own], dtype=np.intp),
            "place": place,
            "wide": wide,
            "local": local,
        }

    def _shapes(self) -> np.ndarray:
        """What α and its even part are multiplied with in each histosys, (shifts, 2, bins of the widest)."""
        pairs = [(c, m) for c, own in zip(self.counts, self.shifts, strict=True) for m in own]
        shapes = np.zeros((len(pairs), 2, max(map(len, self.counts))))
        for s, (counts, m) in enumerate(pairs):
            shapes[s, :, : len(counts)] = bends(counts, m.up, m.down)
        return shapes

    def _local(self, of_cells: Sequence[Sequence[int]], elsewhere: set[int]) -> np.ndarray:
        """The first parameter of each bin that acts in no other and on no whole histogram, (k, 2): bins, positions."""
        cells = zip(self.bin_first, self.counts, strict=True)
        bin_of = [first + i for first, counts in cells for i in range(len(counts))]
        used: dict[int, set[int]] = {}
        for b, own in zip(bin_of, of_cells, strict=True):
            for at in own:
                used.setdefault(at, set()).add(b)
        local: dict[int, int] = {}
        for at, bins in used.items():
            if len(bins) == 1 and at not in elsewhere:
                local.setdefault(min(bins), at)
        return np.array(list(local.items()), dtype=np.intp).reshape(-1, 2)


def _edges(lists: Sequence[Any]) -> np.ndarray:
    """Where each of some lists begins among all, and the last one ends, (lists + 1,)."""
    return np.cumsum([0, *map(len, lists)]).astype(np.intp)


def _curves(factors: Sequence[Modifier]) -> np.ndarray:
    """Of every normsys, seven coefficients and the logarithms of its factors at ±1, (factors, 9); zero of others."""
    curves = np.zeros((len(factors), 9))
    for f, m in enumerate(factors):
        if m.kind == "normsys":
            curves[f, :7] = polynomials(m.up, m.down)[0, :, 0]
            curves[f, 7:] = np.log([m.up[0], m.down[0]])
    return curves


def _constraints(constraints: Constraints, names: Sequence[str]) -> dict[str, Any]:
    """The fields of Tables that hold constraints."""
    slots = {name: slot for slot, name in enumerate(constraints.auxiliary_names)}
    places = {
        kind: np.array([(names.index(n), slots[n]) for n, c in constraints.single.items() if c.kind == kind], np.intp)
        for kind in ("normal", "poisson")
    }
    sigma = np.array([c.sigma_up for c in constraints.single.values() if c.kind == "normal"])
    return {
        "normal": places["normal"].reshape(-1, 2),
        "weight": 1.0 / sigma**2,
        "counted": places["poisson"].reshape(-1, 2),
        "rate": np.array([c.rate for c in constraints.single.values() if c.kind == "poisson"]),
        "norm": float(-np.log(sigma).sum() - 0.5 * len(sigma) * np.log(2 * np.pi)),
    }
