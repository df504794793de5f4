"""Oscillation of ν_e where the atmospheric mass difference is large: two neutrinos and the angle θ13.

Source: Gonzalez-Garcia, Maltoni, arXiv:1307.3092. P_ee = cos⁴θ13 P + sin⁴θ13 with P of the Hamiltonian
((−a, b), (b*, a)); a and |b|² are linear and quadratic in the potentials of `npinfer.physics.matter`. Functions are
analytic in parameters and potentials and keep a complex type, so that a complex step gives their derivatives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.physics.oscillation import PER_EV_KM

STEP_PER_KM, NODES = 4e-5, 10_001  # of the table of baselines, up to 0.4/km: 2.7e-4 eV² at 1.7 MeV

Pair = tuple[NDArray, NDArray]


def hamiltonian(values: Mapping[str, Any], energy_mev: ArrayLike, potentials: tuple[Any, Any, Any]) -> Pair:
    """a and |b|² [eV, eV²], of the shape (batch, points) that energies [MeV] and potentials [eV] broadcast to.

    values: dm2_21 [1e-5 eV²], tan2_theta12 and s2_13, and s2_23 and delta_cp where potentials of ν_μ and ν_τ differ,
    each (batch,).
    """
    tan2, s13 = (np.asarray(values[name])[:, None] for name in ("tan2_theta12", "s2_13"))
    e, mu, tau = potentials
    half = 1e-5 * np.asarray(values["dm2_21"])[:, None] / (4e6 * np.asarray(energy_mev))
    cosine, sine = (1 - tan2) / (1 + tan2), 2 * np.sqrt(tan2) / (1 + tan2)
    a, b = half * cosine - (1 - s13) / 2 * (e - mu), half * sine
    if "s2_23" not in values:
        return a, b * b
    s23, delta = (np.asarray(values[name])[:, None] for name in ("s2_23", "delta_cp"))
    apart = tau - mu
    mixed = np.sqrt(s13 * s23 * (1 - s23)) * apart
    a = a + (s23 - s13 * (1 - s23)) / 2 * apart
    return a, b * b + mixed * (2 * b * np.cos(delta) + mixed)


def three_flavours(survival: NDArray, s2_13: NDArray) -> NDArray:
    """cos⁴θ13 P + sin⁴θ13 of the two-flavour P (batch, points), for s2_13 (batch,)."""
    s13 = s2_13[:, None]
    return (1 - s13) ** 2 * survival + s13 * s13


def cosine_in_matter(a: NDArray, b2: NDArray) -> NDArray:
    """cos 2θ of the eigenstates."""
    return a / np.sqrt(a * a + b2)


@dataclass(frozen=True, eq=False)
class Baselines:
    """Distances [km] with weights that add up to 1, each (sites,), and Σ_j w_j cos(k L_j) as a table of cubics in k.

    The table is good to 1e-10; a k beyond it is summed over the sites.
    """

    length_km: NDArray[np.float64]
    weights: NDArray[np.float64]

    @cached_property
    def _table(self) -> NDArray[np.float64]:
        """Coefficients of powers of (k − k_i)/step, (4, intervals), from the sum and its slope at both ends."""
        angle = np.multiply.outer(np.arange(NODES) * STEP_PER_KM, self.length_km)
        value = np.cos(angle) @ self.weights
        slope = -STEP_PER_KM * (np.sin(angle) @ (self.weights * self.length_km))
        rise, left, right = np.diff(value), slope[:-1], slope[1:]
        return np.stack([value[:-1], left, 3 * rise - 2 * left - right, left + right - 2 * rise])

    def survival(self, a: NDArray, b2: NDArray) -> NDArray:
        """P = 1 − |b|²/h² Σ_j w_j sin²(h L_j) with h² = a² + |b|², of the shape of a."""
        h2 = a * a + b2
        return 1 - b2 / h2 * 0.5 * (1 - self.mean_cosine(2 * PER_EV_KM * np.sqrt(h2)))

    def mean_cosine(self, wave_number: NDArray) -> NDArray:
        """Σ_j w_j cos(k L_j) for k [1/km] of any shape; of a complex one to first order in its imaginary part."""
        k = wave_number.real
        if k.max(initial=0.0) >= (NODES - 1) * STEP_PER_KM:
            value, slope = self.summed(k)
        else:
            x = k / STEP_PER_KM
            at = x.astype(np.intp)
            x = x - at
            constant, line, square, cubic = self._table.take(at, axis=1)
            value = ((cubic * x + square) * x + line) * x + constant
            slope = ((3 * cubic * x + 2 * square) * x + line) / STEP_PER_KM
        return value + 1j * slope * wave_number.imag if np.iscomplexobj(wave_number) else value

    def summed(self, wave_number: NDArray) -> tuple[NDArray, NDArray]:
        """The sum itself and its derivative in k."""
        angle = np.multiply.outer(wave_number, self.length_km)
        return np.cos(angle) @ self.weights, -np.sin(angle) @ (self.weights * self.length_km)
