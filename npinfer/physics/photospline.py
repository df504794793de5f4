"""Tensor-product B-splines as photospline stores them in FITS files: read with numpy alone.

A file holds the coefficients, an image of one axis a dimension, with the degrees as ORDER0, ORDER1 …, and the knots of
each dimension as the images KNOTS0, KNOTS1 … (N. Whitehorn, J. van Santen, S. Lafebre, Comput. Phys. Commun. 184, 2214
(2013)). The functions are sums of all B-splines: they are fully supported within the `extents`, and fall to zero
outside of them, up to the last knot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import DataError

_BLOCK, _CARD = 2880, 80
_TYPES = {"-32": ">f4", "-64": ">f8"}
_MOST_VALUES = 100_000_000


@dataclass(frozen=True, eq=False)
class Spline:
    """Coefficients (one axis a dimension), the knots and the degree of each dimension."""

    coefficients: NDArray[np.float64]
    knots: tuple[NDArray[np.float64], ...]
    degrees: tuple[int, ...]

    @property
    def extents(self) -> tuple[tuple[float, float], ...]:
        """Where all B-splines of a dimension are there: its first and last coordinate."""
        return tuple((float(k[d]), float(k[-d - 1])) for k, d in zip(self.knots, self.degrees, strict=True))


def read_spline(path: Path) -> Spline:
    """Read a photospline FITS file; raises DataError with the file and what was found there."""
    try:
        images = _images(path.read_bytes(), path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    header, coefficients = images[0]
    named = {h.get("EXTNAME", "").strip("' "): values for h, values in images[1:]}
    knots, degrees = [], []
    for i in range(coefficients.ndim):
        name, order = f"KNOTS{i}", header.get(f"ORDER{i}", "")
        if name not in named or not order.isdigit():
            raise DataError(f"{path}: no {name} or ORDER{i}; expected a spline table of photospline")
        degree = int(order)
        if named[name].shape != (coefficients.shape[i] + degree + 1,) or not (np.diff(named[name]) > 0).all():
            expected = f"{coefficients.shape[i] + degree + 1} increasing numbers"
            raise DataError(f"{path}: {name} has the shape {named[name].shape}, expected {expected}")
        knots.append(named[name])
        degrees.append(degree)
    if not np.isfinite(coefficients).all():
        bad = np.unravel_index(int(np.argmin(np.isfinite(coefficients))), coefficients.shape)
        raise DataError(f"{path}: coefficient {tuple(map(int, bad))} is not a finite number")
    return Spline(coefficients, tuple(knots), tuple(degrees))


def _images(content: bytes, path: Path) -> list[tuple[dict[str, str], NDArray[np.float64]]]:
    """The headers and arrays of all images of a FITS file."""
    images, at = [], 0
    while at < len(content):
        header, at = _header(content, at, path)
        kind = _TYPES.get(header.get("BITPIX", ""))
        axes = header.get("NAXIS", "")
        sizes = [header.get(f"NAXIS{i + 1}", "") for i in range(int(axes) if axes.isdigit() else 0)]
        if kind is None or not sizes or not all(s.isdigit() and int(s) for s in sizes):
            found = f"BITPIX {header.get('BITPIX')}, axes {sizes}"
            raise DataError(f"{path}: image {len(images)}: found {found}, expected floating-point numbers")
        shape = tuple(int(s) for s in reversed(sizes))
        size = math.prod(shape)
        if size > _MOST_VALUES or at + size * np.dtype(kind).itemsize > len(content):
            raise DataError(f"{path}: image {len(images)}: cut short; expected {size} numbers")
        images.append((header, np.frombuffer(content, kind, size, at).reshape(shape).astype(float)))
        at += -(-size * np.dtype(kind).itemsize // _BLOCK) * _BLOCK
    if not images:
        raise DataError(f"{path}: empty; expected a spline table of photospline")
    return images


def _header(content: bytes, at: int, path: Path) -> tuple[dict[str, str], int]:
    """The keywords of a header that begins at byte `at`, and where its data begin."""
    found: dict[str, str] = {}
    for start in range(at, len(content) - _CARD + 1, _CARD):
        card = content[start : start + _CARD].decode("ascii", errors="replace")
        if card.rstrip() == "END":
            return found, at + -(-(start + _CARD - at) // _BLOCK) * _BLOCK
        if card[8:10] == "= ":
            found[card[:8].strip()] = card[10:].split("/")[0].strip()
    raise DataError(f"{path}: a header without END at byte {at}; expected a FITS file")


def local_basis(knots: NDArray[np.float64], degree: int, x: ArrayLike) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The B-splines that are not zero at coordinates x (n,) within the extents: the first's index, and all values.

    The values have the shape (n, degree + 1) and sum to one (de Boor's recursion). Intervals are half-open, but for the
    last one.

    >>> first, values = local_basis(np.arange(6.0), 1, [1.25])
    >>> first.tolist(), values.tolist()
    ([0], [[0.75, 0.25]])
    """
    x = np.asarray(x, dtype=float)
    left = np.clip(np.searchsorted(knots, x, side="right") - 1, degree, len(knots) - degree - 2)
    values = np.zeros((len(x), degree + 1))
    values[:, 0] = 1.0
    for d in range(1, degree + 1):
        carried = np.zeros(len(x))
        for r in range(d):
            high, low = knots[left + r + 1], knots[left + r + 1 - d]
            term = values[:, r] / (high - low)
            values[:, r] = carried + (high - x) * term
            carried = (x - low) * term
        values[:, d] = carried
    return left - degree, values


def full_basis(knots: NDArray[np.float64], degree: int, x: float) -> NDArray[np.float64]:
    """All B-splines, their first and their second derivatives at a coordinate: (3, splines).

    They are their own functions outside the extents too, where they do not sum to one.

    >>> full_basis(np.arange(5.0), 1, 0.5)[0].tolist()
    [0.5, 0.0, 0.0]
    """
    inside = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    table = [np.zeros(len(knots) - 1)]
    table[0][inside] = 1.0
    for d in range(1, degree + 1):
        below, n = table[-1], len(knots) - 1 - d
        rising = (x - knots[:n]) / (knots[d : d + n] - knots[:n])
        falling = (knots[d + 1 : d + 1 + n] - x) / (knots[d + 1 : d + 1 + n] - knots[1 : 1 + n])
        table.append(rising * below[:n] + falling * below[1 : 1 + n])
    first = _slope(table[degree - 1], knots, degree) if degree else np.zeros_like(table[0])
    second = _slope(_slope(table[degree - 2], knots, degree - 1), knots, degree) if degree > 1 else np.zeros_like(first)
    return np.stack([table[degree], first, second])


def _slope(below: NDArray[np.float64], knots: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """Derivatives of combinations of B-splines whose lower ones, of degree − 1, have the values `below`."""
    n = len(below) - 1
    scaled = degree * below / (knots[degree : degree + n + 1] - knots[: n + 1])
    return scaled[:-1] - scaled[1:]
