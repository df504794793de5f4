"""Pairs of χ from quarks and antiquarks, q q̄ → γ* → χχ̄, at leading order, for pairs heavier than 2 GeV.

Source: S. D. Drell, T.-M. Yan, Phys. Rev. Lett. 25 (1970) 316; PDG 2022, "Cross-section formulae". Densities:
`parton_density`, at the scale of the pair's mass. Higher orders, which make it 1.3 to 1.5 times larger, are left out;
half and twice the scale change it by -27 and +41 % for χ of 1 GeV. Each nucleon collides once, with a proton.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.core.files import read_arrays
from npinfer.paths import data_file
from npinfer.physics.constants import ALPHA_EM, HBARC2_GEV2_CM2, M_PROTON_GEV
from npinfer.physics.millicharge import primaries
from npinfer.physics.millicharge.kinematics import SPEED_EDGES, SPEEDS, anisotropy, boosted

MIN_PAIR_GEV, MAX_PAIR_GEV = 2.0, 60.0
PAIR_GEV = np.geomspace(MIN_PAIR_GEV, MAX_PAIR_GEV, 49)  # of the table
CHARGES2 = {1: 1 / 9, 2: 4 / 9, 3: 1 / 9, 4: 4 / 9, 5: 1 / 9}  # of d, u, s, c, b
MB_CM2 = 1e-27
_SHARES = np.polynomial.legendre.leggauss(64)
_MASSES = np.polynomial.legendre.leggauss(24)


class Densities(Protocol):
    """x f(x, Q²) of a particle number."""

    def __call__(self, flavour: int, x: ArrayLike, q2_gev2: ArrayLike) -> NDArray[np.float64]: ...


def pair_density(
    pair_gev: float, energy_gev: float, densities: Densities, scale: float = 1.0
) -> tuple[NDArray, NDArray]:
    """dσ/dM [cm² GeV^-1] per ε² of massless χ, in pieces, and βγ of the pair in the laboratory, both (nodes,).

    4πα²/(9 M² s) dM² ∫ dx₁/x₁ Σ e_q² (q q̄ + q̄ q), of a proton of energy_gev on one at rest; the sum of the pieces is
    the integral. scale: factorisation scale over M. Zeros below the threshold.
    """
    s = float(primaries.squared_energy(energy_gev))
    tau = pair_gev**2 / s
    if tau >= 1:
        return np.ones(1), np.zeros(1)
    nodes, weights = _SHARES
    log_x = np.log(tau) * (nodes + 1) / 2
    first = np.exp(log_x)
    second, q2 = tau / first, (scale * pair_gev) ** 2
    found = np.zeros(nodes.size)
    for flavour, charge2 in CHARGES2.items():
        for sign in (1, -1):
            product = densities(sign * flavour, first, q2) * densities(-sign * flavour, second, q2)
            found += charge2 * np.maximum(product, 0.0) / tau
    density = 8 * np.pi * ALPHA_EM**2 / (9 * pair_gev * s) * HBARC2_GEV2_CM2
    gamma = (energy_gev + M_PROTON_GEV) / np.sqrt(s)
    lab = gamma * (first + second) + np.sqrt(gamma**2 - 1) * (first - second)
    speed = np.sqrt(np.maximum((lab * np.sqrt(s) / (2 * pair_gev)) ** 2 - 1, SPEED_EDGES[0] ** 2))
    return speed, density * found * weights * -np.log(tau) / 2


def cross_section(mass_gev: float, energy_gev: float, densities: Densities, scale: float = 1.0) -> float:
    """σ(pp → χχ̄ X) per ε² [cm²] of a proton of energy_gev on one at rest, pairs above 2 m and MIN_PAIR_GEV."""
    pairs, weights = _pair_masses(mass_gev)
    phase = _phase_space(pairs, mass_gev)
    return float(sum(
        w * f * pair_density(float(m), energy_gev, densities, scale)[1].sum()
        for m, w, f in zip(pairs, weights, phase, strict=True)
    ))  # fmt: skip


def _phase_space(pair_gev: NDArray, mass_gev: float) -> NDArray:
    r = (mass_gev / pair_gev) ** 2
    return np.sqrt(np.maximum(1 - 4 * r, 0)) * (1 + 2 * r)


def _pair_masses(mass_gev: float) -> tuple[NDArray, NDArray]:
    """Nodes and weights in M from the threshold on, dense there."""
    low = np.log(max(2 * mass_gev, MIN_PAIR_GEV))
    span = max(np.log(MAX_PAIR_GEV) - low, 0.0)
    nodes, weights = _MASSES
    share = (nodes + 1) / 2
    pairs = np.exp(low + span * share**2)
    return pairs, pairs * span * share * weights


def pair_flux(pair_gev: float, densities: Densities) -> NDArray[np.float64]:
    """Pairs of massless χ per ε², GeV of M and cell of βγ [cm^-2 s^-1 sr^-1 GeV^-1], (cells,), for the table."""
    logs = np.linspace(np.log(primaries.MIN_ENERGY_GEV), np.log(primaries.MAX_ENERGY_GEV), 241)
    energies = np.exp((logs[1:] + logs[:-1]) / 2)
    total = np.zeros(len(SPEEDS))
    for energy, arriving in zip(energies, primaries.nucleon_flux(energies), strict=True):
        speed, sigma = pair_density(pair_gev, float(energy), densities)
        made = sigma / (primaries.SIGMA_INELASTIC_MB * MB_CM2)
        total += np.histogram(speed, SPEED_EDGES, weights=made * arriving * energy * (logs[1] - logs[0]))[0]
    return total


def chi_flux(mass_gev: float) -> NDArray[np.float64]:
    """χ and χ̄ per ε² in each cell of kinetic energy [cm^-2 s^-1 sr^-1], (cells,)."""
    pairs, weights = _pair_masses(mass_gev)
    at = np.log(pairs / MIN_PAIR_GEV) / np.log(PAIR_GEV[1] / MIN_PAIR_GEV)
    below = np.minimum(at.astype(int), len(PAIR_GEV) - 2)
    part = (at - below)[:, None]
    table = _log_table()
    flux = np.exp((1 - part) * table[below] + part * table[below + 1])
    flux *= (weights * _phase_space(pairs, mass_gev))[:, None]
    k = pairs[:, None]
    parts = boosted(SPEEDS, k / 2, mass_gev, anisotropy(k, mass_gev))
    return 2 * np.einsum("ms,msc->c", flux, parts)


@cache
def _log_table() -> NDArray[np.float64]:
    pairs = read_arrays(data_file(primaries.FOLDER, "drell_yan.npz"), "pairs")["pairs"]
    return np.asarray(np.log(np.maximum(pairs.astype(float), 1e-60)))
