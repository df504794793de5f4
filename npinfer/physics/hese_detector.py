"""What the uncertain detector does to each simulated event of the HESE release, contracted for fast evaluation.

An event's weight is multiplied with 10^(S(x, θ) − S(x, θ₀)) for each of three systematics: efficiency of the optical
modules, refrozen (hole) ice and anisotropy of the ice; arXiv:2011.03545, equations E13 and E14. S is a B-spline in what
was reconstructed (deposited energy and cos zenith, or the length of double cascades) and in the parameter θ. Over the
former it is summed once an event, so that for two of them three coefficients are left, and for the anisotropy, which is
piecewise linear in θ and has one coordinate besides, three entries of a small table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from npinfer.errors import DataError
from npinfer.physics.hese_cache import COMPONENTS, SHAPES, Store
from npinfer.physics.photospline import Spline, full_basis, local_basis

PARAMETERS = ("epsilon_dom", "epsilon_head_on", "anisotropy_scale")
NOMINAL = (0.99, 0.0, 1.0)
FLUXES = ("astro", "conventional", "prompt")  # each with splines of its own
FLAVOURS = 3
LONGEST = 2.3  # log10 length/m up to which the anisotropy of double cascades is corrected


class DetectorPoint(NamedTuple):
    """The splines at values of the parameters.

    first, basis: which three coefficients of the efficiency and the hole ice count, (2,), and their factors and two
    derivatives, (2, 3, 3) by systematic, derivative, coefficient. table: anisotropy, (rows, 6): the exponents of three
    fluxes, and their derivatives.
    """

    first: NDArray[np.intp]
    basis: NDArray[np.float64]
    table: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Detector:
    """The exponents' coefficients of every event.

    coefficients: of efficiency and hole ice, (14, fluxes, events), the first eight of the efficiency; rows, shares:
    where each event stands in the table of anisotropy, (events,) and (3, events); nominal: exponents at the nominal
    values, (fluxes, events).
    """

    coefficients: NDArray[np.float64]
    rows: NDArray[np.int32]
    shares: NDArray[np.float64]
    nominal: NDArray[np.float64]
    knots: tuple[NDArray[np.float64], NDArray[np.float64]]
    tables: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]  # of each shape: knots; (θ, rows, fluxes)

    def at(self, values: NDArray[np.float64]) -> DetectorPoint:
        """The splines at values of `PARAMETERS`, (3,)."""
        first, basis, offset = np.zeros(2, dtype=np.intp), np.zeros((2, 3, 3)), 0
        for i, knots in enumerate(self.knots):
            every = full_basis(knots, 2, float(values[i]))
            count = every.shape[1]
            left = min(max(int(np.searchsorted(knots, values[i], side="right")) - 3, 0), count - 3)
            first[i], basis[i] = offset + left, every[:, left : left + 3]
            offset += count
        parts = []
        for knots, table in self.tables.values():
            every = full_basis(knots, 1, float(values[2]))[:2]
            on = np.flatnonzero(every.any(axis=0))
            both = (every[:, on] @ table[on].reshape(len(on), -1)).reshape(2, -1, len(FLUXES))
            parts.append(both.transpose(1, 0, 2).reshape(-1, 2 * len(FLUXES)))
        return DetectorPoint(first, basis, np.ascontiguousarray(np.concatenate(parts)))


def load_detector(store: Store) -> Detector:
    """Contract the splines of the store over the coordinates of its events; raises DataError."""
    columns, count = store.columns, len(store.columns["bin"])
    knots = [_common_knots(store, name, 2) for name in ("domefficiency", "holeice")]
    sizes = [len(k) - 3 for k in knots]
    coefficients = np.empty((sum(sizes), len(FLUXES), count))
    nominal = np.zeros((len(FLUXES), count))
    flavour = columns["kind"].astype(np.intp) % FLAVOURS
    neutrino = columns["kind"] < 2 * FLAVOURS
    edges = np.searchsorted(columns["morphology"], range(len(SHAPES) + 1))  # bins, and so events, are sorted by it
    for m, shape in enumerate(SHAPES):
        part = slice(int(edges[m]), int(edges[m + 1]))
        mine = {name: values[part] for name, values in columns.items()}
        for s, name in enumerate(("domefficiency", "holeice")):
            along = "log10_length" if name == "holeice" and shape == "doublebang" else "cos_seen"
            reference = full_basis(knots[s], 2, NOMINAL[s])[0]
            places: dict[bytes, tuple[NDArray[np.intp], csr_array]] = {}  # by knots, which splines may share
            for f, flux in enumerate(FLUXES):
                found = np.zeros((part.stop - part.start, sizes[s]))
                for component in range(FLAVOURS) if flux == "astro" else (FLAVOURS + f - 1,):
                    spline = store.splines[f"{name}_{COMPONENTS[component]}_{shape}"]
                    key = spline.knots[0].tobytes() + spline.knots[1].tobytes()
                    if key not in places:
                        places[key] = _places(spline, mine, np.flatnonzero(neutrino[part]), along)
                    at, matrix = places[key]
                    if flux == "astro":
                        chosen = np.flatnonzero(flavour[part][at] == component)
                        at, matrix = at[chosen], matrix[chosen]
                    found[at] = matrix @ spline.coefficients.reshape(-1, sizes[s])
                coefficients[s * sizes[0] : s * sizes[0] + sizes[s], f, part] = found.T
                nominal[f, part] += found @ reference
    rows, shares, tables = _anisotropy(store, flavour, neutrino, nominal)
    return Detector(coefficients, rows, shares, nominal, (knots[0], knots[1]), tables)


def _places(
    spline: Spline, columns: Mapping[str, NDArray], at: NDArray[np.intp], along: str
) -> tuple[NDArray[np.intp], csr_array]:
    """Which of the events `at` lie within a spline's extents, and what sums its coefficients over their coordinates."""
    at = at[_within(columns["log10_deposited"][at], spline, 0) & _within(columns[along][at], spline, 1)]
    height, width = spline.coefficients.shape[:2]
    row, by_energy = local_basis(spline.knots[0], spline.degrees[0], columns["log10_deposited"][at])
    column, by_other = local_basis(spline.knots[1], spline.degrees[1], columns[along][at])
    across = (np.arange(by_energy.shape[1])[:, None] * width + np.arange(by_other.shape[1])).astype(np.int32)
    index = (row * width + column).astype(np.int32)[:, None, None] + across
    shares = by_energy[:, :, None] * by_other[:, None, :]
    starts = np.arange(len(at) + 1, dtype=np.int32) * np.int32(across.size)
    return at, csr_array((shares.ravel(), index.ravel(), starts), shape=(len(at), height * width))


def _within(x: NDArray, spline: Spline, axis: int) -> NDArray[np.bool_]:
    low, high = spline.extents[axis]
    return (x >= low) & (x <= high)


def _anisotropy(
    store: Store, flavour: NDArray, neutrino: NDArray[np.bool_], nominal: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64], dict[str, tuple[NDArray, NDArray]]]:
    """Rows and shares of every event in the tables of anisotropy, and the tables; adds to the nominal exponents."""
    columns, count = store.columns, len(store.columns["bin"])
    rows, shares = np.zeros(count, dtype=np.int32), np.zeros((3, count))
    tables: dict[str, tuple[NDArray, NDArray]] = {}
    offset = 0
    for m, shape in enumerate(SHAPES):
        splines = [store.splines[f"tauanisotropy_{c}_{shape}"] for c in COMPONENTS]
        first = splines[0]
        for name, other in zip(COMPONENTS, splines, strict=True):
            same = all(np.array_equal(a, b) for a, b in zip(first.knots, other.knots, strict=True))
            if not same or first.degrees != (2, 1):
                expected = "expected knots that all components share, of degrees 2 and 1"
                raise DataError(f"tauanisotropy_{name}_{shape}: {expected}")
        along = columns["log10_length" if shape == "doublebang" else "log10_deposited"]
        at = np.flatnonzero(neutrino & (columns["morphology"] == m))
        at = at[_within(along[at], first, 0) & ((shape != "doublebang") | (along[at] <= LONGEST))]
        index, values = local_basis(first.knots[0], 2, along[at])
        shares[:, at] = values.T
        size = first.coefficients.shape[0]
        rows[at] = offset + flavour[at] * size + index
        three = [np.concatenate([s.coefficients for s in splines[:FLAVOURS]])]
        three += [np.tile(s.coefficients, (FLAVOURS, 1)) for s in splines[FLAVOURS:]]
        tables[shape] = first.knots[1], np.ascontiguousarray(np.stack(three, axis=-1).transpose(1, 0, 2))
        reference = np.einsum("j,jrf->rf", full_basis(first.knots[1], 1, NOMINAL[2])[0], tables[shape][1])
        local = rows[at] - offset
        nominal[:, at] += sum(shares[i, at] * reference[local + i].T for i in range(3))
        offset += FLAVOURS * size
    return rows, shares, tables


def _common_knots(store: Store, name: str, axis: int) -> NDArray[np.float64]:
    """The knots of the parameter, which all splines of a systematic share; raises DataError."""
    knots = [s.knots[axis] for key, s in store.splines.items() if key.startswith(f"{name}_")]
    degrees = {s.degrees for key, s in store.splines.items() if key.startswith(f"{name}_")}
    if not all(np.array_equal(knots[0], k) for k in knots) or degrees != {(2, 2, 2)}:
        raise DataError(f"{name}: expected splines of degree 2 that share the knots of the parameter")
    return knots[0]
