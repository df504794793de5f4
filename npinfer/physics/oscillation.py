"""Oscillation of three neutrinos through layers of constant density, exact in each; the Earth's layers in particular.

i dν/dx = (U diag(0, Δm²₂₁, Δm²₃₁) U†/2E + V) ν with the mixing matrix in the standard parametrisation (PDG 2022, review
of neutrino masses and mixing) and diagonal potentials V (`npinfer.physics.matter`); for antineutrinos U → U*, V → −V.

In a layer S = exp(−iHL) is the polynomial of H that agrees with the exponential at the three eigenvalues, in
Newton's form: nothing is divided by a small difference, so that degenerate eigenvalues do no harm. Arrays are kept as
(matrix element, ..., batch): one operation of numpy does one step for all neutrinos.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ParameterError
from npinfer.physics.constants import HBARC_GEV_CM
from npinfer.physics.matter import CONTACT_EV, Body, Medium, earth, earth_medium
from npinfer.physics.u1_models import U1Model

PER_EV_KM = 1e-4 / HBARC_GEV_CM  # 1/(eV km)
ATMOSPHERE_KM = 20.0  # height at which atmospheric neutrinos are made
CHUNK = 4096  # neutrinos at a time, whose matrices stay in the cache

_LEVEL = np.sqrt(3.0)


@dataclass(frozen=True)
class Mixing:
    """sin² of the three angles, the CP phase [rad] and the differences of squared masses [eV²]; numbers or arrays."""

    s2_12: Any
    s2_13: Any
    s2_23: Any
    delta_cp: Any
    dm2_21: Any
    dm2_31: Any

    def matrix(self) -> NDArray[np.complex128]:
        """U, of shape (3, 3, ...) for parameters that broadcast to (...)."""
        *squares, delta, _, _ = self._together()
        s12, s13, s23 = (np.sqrt(s) for s in squares)
        c12, c13, c23 = (np.sqrt(1 - s) for s in squares)
        phase = np.exp(1j * delta)
        rows = (
            (c12 * c13, s12 * c13, s13 / phase),
            (-s12 * c23 - c12 * s23 * s13 * phase, c12 * c23 - s12 * s23 * s13 * phase, s23 * c13),
            (s12 * s23 - c12 * c23 * s13 * phase, -c12 * s23 - s12 * c23 * s13 * phase, c23 * c13),
        )
        return np.stack([u.astype(complex) for row in rows for u in row]).reshape(3, 3, *delta.shape)

    def _together(self) -> list[NDArray[np.float64]]:
        values = (getattr(self, field.name) for field in fields(self))
        return [np.asarray(v) for v in np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in values))]

    def vacuum(self, *, antineutrinos: bool = False) -> NDArray[np.complex128]:
        """U diag(0, Δm²₂₁, Δm²₃₁) U† [eV²], (3, 3, ...)."""
        u = self.matrix()
        u = u.conj() if antineutrinos else u
        *_, solar, atmospheric = self._together()
        first, second = (m * u[:, None, k] * u[None, :, k].conj() for k, m in ((1, solar), (2, atmospheric)))
        return first + second


def earth_probabilities(
    energy_gev: ArrayLike,
    cos_zenith: ArrayLike,
    mixing: Mixing,
    through: Earth,
    *,
    eps0: ArrayLike = 0.0,
    antineutrinos: bool = False,
) -> NDArray[np.float64]:
    """P[α, β] of ν_α → ν_β through the atmosphere and the Earth, (3, 3, ...).

    energy_gev, cos_zenith, eps0 and the mixing parameters are broadcast against each other, of shape (...); cos_zenith
    is −1 for neutrinos from below. Raises ParameterError for energies that are not above 0, or a cos_zenith outside
    [-1, 1].
    """
    energy, cosine = np.asarray(energy_gev, dtype=float), np.asarray(cos_zenith, dtype=float)
    if not np.all((energy > 0) & (energy < np.inf)):
        raise ParameterError("energy_gev: expected energies above 0")
    if not np.all(np.abs(cosine) <= 1):
        raise ParameterError(f"cos_zenith: found {np.max(np.abs(cosine)):g} in magnitude, expected values from -1 to 1")
    vacuum = mixing.vacuum(antineutrinos=antineutrinos)
    shape = np.broadcast_shapes(vacuum.shape[2:], energy.shape, cosine.shape, np.shape(eps0))
    flat = lambda values: np.broadcast_to(values, shape).ravel()
    own = vacuum.reshape(3, 3, *(1,) * (len(shape) - vacuum.ndim + 2), *vacuum.shape[2:])
    h = np.broadcast_to(own / (2e9 * energy), (3, 3, *shape)).reshape(3, 3, -1)
    strength, cosine = flat(eps0), flat(cosine)
    result = np.empty((3, 3, cosine.size))
    for start in range(0, cosine.size, CHUNK):
        part = slice(start, start + CHUNK)
        potentials = through.medium.potentials(strength[part], antineutrinos=antineutrinos)
        layers = [
            Layer(np.stack([v[..., k] + 0.0 * strength[part] for v in potentials]), lengths)
            for k, lengths in through.paths(cosine[part])
        ]
        result[:, :, part] = probabilities(h[:, :, part], layers)
    return result.reshape(3, 3, *shape)


@dataclass(frozen=True, eq=False)
class Layer:
    """Diagonal potentials [eV], (3, batch), and lengths [km] inwards and outwards, from the deepest point, (batch,)."""

    potentials: NDArray[np.float64]
    lengths_km: tuple[NDArray[np.float64], NDArray[np.float64]]


def probabilities(vacuum: NDArray, layers: Sequence[Layer]) -> NDArray[np.float64]:
    """P[α, β] of ν_α → ν_β, (3, 3, batch), through the layers inwards and then back out of them in turn.

    vacuum: U M² U†/2E [eV], (3, 3, batch); layers: from the outermost one.
    """
    inwards = outwards = None
    for layer in layers:
        newton = _newton(vacuum, layer.potentials)
        into, out = layer.lengths_km
        step = _evolution(newton, into)
        inwards = step if inwards is None else _product(step, inwards)
        if not out.any():
            continue
        back = step if np.array_equal(into, out) else _evolution(newton, out)
        outwards = back if outwards is None else _product(outwards, back)
    if inwards is None:
        raise ParameterError("layers: expected one at least")
    s = inwards if outwards is None else _product(outwards, inwards)
    return np.swapaxes(s.real**2 + s.imag**2, 0, 1)


Newton = tuple[NDArray, NDArray, tuple[NDArray, NDArray]]


def _newton(vacuum: NDArray, potentials: NDArray) -> Newton:
    """H − a and (H − a)(H − b), and b − a and c − a of the eigenvalues a ≤ b ≤ c of H [eV]."""
    h = vacuum.copy()
    mean = (h[0, 0] + h[1, 1] + h[2, 2]).real / 3 + potentials.mean(axis=0)
    for i in range(3):
        h[i, i] += potentials[i] - mean
    low, middle, high = _eigenvalues(h)
    first, second = h.copy(), h
    for i in range(3):
        first[i, i] -= low
        second[i, i] -= middle
    return first, _product(first, second), (middle - low, high - low)


def _eigenvalues(h: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Eigenvalues of a hermitian matrix without trace, in increasing order: the cosines of Viète's solution."""
    x, y, z = h[0, 0].real, h[1, 1].real, h[2, 2].real
    p, q, r = h[0, 1], h[0, 2], h[1, 2]
    pp, qq, rr = (m.real**2 + m.imag**2 for m in (p, q, r))
    size = np.sqrt((x * x + y * y + z * z) / 6 + (pp + qq + rr) / 3)
    determinant = x * (y * z - rr) - y * qq - z * pp + 2 * (p * r * q.conj()).real
    safe = np.where(size > 0, size, 1.0)
    angle = np.arccos(np.clip(determinant / (2 * safe**3), -1.0, 1.0)) / 3
    cosine, sine = size * np.cos(angle), _LEVEL * size * np.sin(angle)
    return -cosine - sine, -cosine + sine, 2 * cosine


def _evolution(newton: Newton, length_km: NDArray) -> NDArray:
    """exp(−i(H − a)L), (3, 3, batch): 1 + f[a,b] (H − a) + f[a,b,c] (H − a)(H − b), f[…] the divided differences."""
    first, second, (middle, high) = newton
    length = length_km * PER_EV_KM
    near, far = _difference(middle, length), _difference(high - middle, length)
    far = far * _turn(middle * length)
    bend = (far - near) / np.where(high > 0, high, 1.0)
    result = near * first + bend * second
    for i in range(3):
        result[i, i] += 1.0
    return result


def _difference(gap: NDArray, length: NDArray) -> NDArray:
    """(exp(−i gap L) − 1)/gap."""
    half = 0.5 * gap * length
    return -1j * length * np.sinc(half / np.pi) * _turn(half)


def _turn(phase: NDArray) -> NDArray:
    """exp(−i phase)."""
    result = np.empty(phase.shape, dtype=complex)
    result.real, result.imag = np.cos(phase), -np.sin(phase)
    return result


def _product(left: NDArray, right: NDArray) -> NDArray:
    """The matrix product of (3, 3, batch) arrays."""
    result = left[:, 0, None] * right[None, 0]
    for k in (1, 2):
        result += left[:, k, None] * right[None, k]
    return result


@dataclass(frozen=True, eq=False)
class Earth:
    """The Earth's shells with the potentials in them, where the detector is, and where neutrinos are made.

    medium: potentials in the middle of every shell of `body`, then in the atmosphere.
    """

    body: Body
    medium: Medium
    depth_km: float = 0.0
    height_km: float = ATMOSPHERE_KM

    def paths(self, cos_zenith: NDArray) -> list[tuple[int, tuple[NDArray, NDArray]]]:
        """(shell, lengths [km] inwards and outwards, each (batch,)) from the atmosphere to the innermost shell met."""
        surface = self.body.radii_km[-1]
        detector = surface - self.depth_km
        radii = np.append(self.body.radii_km, surface + self.height_km)
        end = -detector * cos_zenith  # distances along the ray count from its deepest point
        impact2 = detector**2 * (1 - cos_zenith**2)
        half = np.sqrt(np.maximum(radii[:, None] ** 2 - impact2, 0.0))
        inner = np.vstack([np.zeros_like(half[:1]), half[:-1]])
        into = np.minimum(-inner, end) - np.minimum(-half, end)
        out = np.clip(end, inner, half) - inner
        return [(k, (into[k], out[k])) for k in range(len(radii) - 1, -1, -1) if into[k].any() or out[k].any()]


def layered_earth(
    depth_km: float = 0.0,
    height_km: float = ATMOSPHERE_KM,
    *,
    model: U1Model | None = None,
    mass_ev: float = CONTACT_EV,
) -> Earth:
    """The Earth in the twelve shells of PREM, with a Z′ of a model and of a mass.

    Potentials are those in the middle of every shell and of the atmosphere.

    >>> p = earth_probabilities(25.0, -1.0, Mixing(0.303, 0.0223, 0.451, 4.05, 7.41e-5, 2.507e-3), layered_earth())
    >>> p.shape, round(p[0, 0], 2)
    ((3, 3), np.float64(1.0))
    """
    body = earth()
    inside = earth_medium(np.append(body.middle_km, body.radii_km[-1] + height_km / 2), model, mass_ev)
    return Earth(body, inside, depth_km, height_km)
