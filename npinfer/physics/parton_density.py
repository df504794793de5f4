"""Parton densities of the proton: x f(x, Q²) from tables in the LHAPDF 6 format, interpolated by cubic splines.

Source of the format: LHAPDF 6, Buckley et al., Eur. Phys. J. C 75 (2015) 132, arXiv:1412.7420. The shipped densities
are NNPDF3.1 NLO with a photon (`data/parton_densities/README.md`); `read_lhagrid` reads any other member file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import RectBivariateSpline

from npinfer.core.files import read_arrays
from npinfer.errors import DataError, ParameterError, unknown
from npinfer.paths import data_file

GLUON, PHOTON = 21, 22
# Particle numbers of the quarks; antiquarks are negative.
QUARKS = {"d": 1, "u": 2, "s": 3, "c": 4, "b": 5}
SHIPPED = ("parton_densities", "nnpdf31_nlo_luxqed.npz")

# Columns of a fixed width may leave no space: "0.1000e+000.2000e+00".
_RUN_TOGETHER = re.compile(r"([eE][-+]\d\d)(?=-?\d\.)")

Block = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]  # x, Q [GeV], x f (x, Q, flavour)


class PartonDensities:
    """x f(x, Q²) of every flavour of a table, whose blocks in Q meet at the thresholds of heavy quarks.

    Bicubic splines in log x and log Q² inside each block. Below the lowest Q and x, and above the highest Q, densities
    stay what they are at the edge; above x = 1 they are zero.
    """

    def __init__(self, flavours: Sequence[int], blocks: Sequence[Block]) -> None:
        """blocks: in rising Q, each (x, Q [GeV], x f of shape (x, Q, flavours)); raises DataError."""
        self.flavours = tuple(int(f) for f in flavours)
        self._upper = np.log(np.array([q[-1] for _, q, _ in blocks])) * 2
        self._ends = [(np.log(x[[0, -1]]), 2 * np.log(q[[0, -1]])) for x, q, _ in blocks]
        self._splines = []
        for x, q, table in blocks:
            if table.shape != (x.size, q.size, len(self.flavours)) or min(x.size, q.size) < 4:
                raise DataError(f"parton densities: found a table {table.shape}, expected (x, Q, flavours), 4 or more")
            at = np.log(x), 2 * np.log(q)
            self._splines.append([RectBivariateSpline(*at, table[..., i]) for i in range(len(self.flavours))])

    def __call__(self, flavour: int, x: ArrayLike, q2_gev2: ArrayLike) -> NDArray[np.float64]:
        """x f(x, Q²) of a particle number, broadcast; raises ParameterError for one that the table does not have.

        >>> float(shipped()(2, 0.1, 1e4).round(2))
        0.59
        """
        if flavour not in self.flavours:
            raise ParameterError(unknown("parton", str(flavour), map(str, self.flavours)))
        at, (x, q2) = self.flavours.index(flavour), np.broadcast_arrays(*map(np.asarray, (x, q2_gev2)))
        if not (np.all(x > 0) and np.all(q2 > 0)):
            raise ParameterError("x and q2_gev2: expected positive numbers")
        log_x, log_q2 = np.log(x), np.log(q2)
        block = np.minimum(np.searchsorted(self._upper, log_q2, side="left"), len(self._upper) - 1)
        found = np.zeros(x.shape)
        for i, (ends_x, ends_q2) in enumerate(self._ends):
            here = block == i
            points = np.clip(log_x[here], *ends_x), np.clip(log_q2[here], *ends_q2)
            found[here] = self._splines[i][at].ev(*points)
        return np.where(x > 1, 0.0, found)

    def isoscalar(self, name: str, x: ArrayLike, q2_gev2: ArrayLike, *, anti: bool = False) -> NDArray[np.float64]:
        """x f of the quark (or antiquark) "d", "u", "s", "c" or "b" per nucleon with as many protons as neutrons.

        d and u are the mean of both. Raises ParameterError for another name.
        """
        if name not in QUARKS:
            raise ParameterError(unknown("quark", name, QUARKS))
        sign = -1 if anti else 1
        if name in ("d", "u"):
            return (self(sign, x, q2_gev2) + self(2 * sign, x, q2_gev2)) / 2
        return self(sign * QUARKS[name], x, q2_gev2)


def read_lhagrid(path: str | Path) -> PartonDensities:
    """The densities in a member file of LHAPDF 6 (`*_0000.dat`); raises DataError with file and line."""
    try:
        lines = Path(path).read_text(encoding="ascii").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    cuts = [i for i, line in enumerate(lines) if line.strip() == "---"]
    if len(cuts) < 2 or not any("lhagrid1" in line for line in lines[: cuts[0]]):
        raise DataError(f"{path}:1: expected a member file of LHAPDF 6, 'Format: lhagrid1' and blocks between '---'")
    read = [_block(path, lines, first + 1, last) for first, last in pairwise(cuts)]
    flavours = read[0][0]
    if any(f != flavours for f, _ in read):
        raise DataError(f"{path}:{cuts[0] + 4}: the blocks list different flavours; expected the same in all")
    return PartonDensities(flavours, [block for _, block in read])


def _block(path: str | Path, lines: Sequence[str], first: int, last: int) -> tuple[list[int], Block]:
    """Flavours and table between two lines; a node that is given twice is read once."""
    if last - first < 4:
        raise DataError(f"{path}:{first + 1}: expected the x, the Q, the flavours and a row for each pair of x and Q")
    try:
        x, q = (np.array(lines[first + i].split(), dtype=float) for i in (0, 1))
        flavours = [int(word) for word in lines[first + 2].split()]
        numbers = np.array(_RUN_TOGETHER.sub(r"\1 ", " ".join(lines[first + 3 : last])).split(), dtype=float)
        table = numbers.reshape(x.size, q.size, len(flavours))
    except ValueError as error:
        raise DataError(f"{path}:{first + 1}: the block that starts here cannot be read: {error}") from None
    (x, at_x), (q, at_q) = (np.unique(nodes, return_index=True) for nodes in (x, q))
    return [GLUON if f == 0 else f for f in flavours], (x, q, table[np.ix_(at_x, at_q)])


@cache
def shipped() -> PartonDensities:
    """The densities that the package ships; raises DataError."""
    stored = read_arrays(data_file(*SHIPPED), "x", "q_gev", "values", "flavours", "block_starts")
    x, q, values = (stored[name].astype(float) for name in ("x", "q_gev", "values"))
    flavours, starts = stored["flavours"].tolist(), stored["block_starts"].tolist()
    edges = [*starts, q.size]
    parts = [slice(low, high) for low, high in pairwise(edges)]
    return PartonDensities(flavours, [(x, q[part], values[:, part]) for part in parts])
