"""Pairs of χ that protons radiate in the atmosphere: Fermi–Weizsäcker–Williams with the splitting kernel.

Sources: arXiv:2406.01668 (χ from the atmosphere); J. Blümlein, J. Brunner, Phys. Lett. B 731 (2014) 320,
arXiv:1311.3870 (kernel, validity); S. Foroughi-Abari, A. Ritz, arXiv:2108.05900 (validity, virtual protons).

Valid where E_p, E_γ and E_p - E_γ are large: E_γ and E_p - E_γ above 5 m_p and 5 k, p_T below a tenth of both and
below 1 GeV, |q_min| below 0.25 GeV, with k the mass of the pair. Outside of it nothing is counted. The ratio of the
inelastic cross section after and before the emission is taken as 1.

The poles of ρ and ω in the form factor are ρ and ω mesons, which also decay (`mesons`). They are counted once:
either there, and pairs of mass POLES_GEV are left out here, or here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.physics.constants import ALPHA_EM, M_PROTON_GEV
from npinfer.physics.millicharge import primaries
from npinfer.physics.millicharge.kinematics import anisotropy, boosted

# (mass, width, coupling) [GeV] of the ρ and ω families: the timelike form factor F1 of the proton.
VECTORS = (
    (0.770, 0.150, 0.616), (1.25, 0.3, 0.223), (1.45, 0.5, -0.339),
    (0.770, 0.0085, 1.011), (1.25, 0.3, -0.881), (1.45, 0.5, 0.369),
)  # fmt: skip
POLES_GEV = (0.62, 0.92)  # m_ρ ± Γ_ρ
HARD = 5.0  # times m_p and k: least energies of the photon and of the proton behind it
MAX_PT_GEV, MAX_PT_SHARE, MAX_Q_GEV = 1.0, 0.1, 0.25
MAX_PAIR_GEV = 40.0
MAX_PHOTON_GEV = 1e6

_CUTS = (
    0.1, 0.3, 0.5, POLES_GEV[0], 0.72, 0.755, 0.765, 0.77, 0.775, 0.785, 0.82, POLES_GEV[1], 1.15, 1.5, 2.0, 4.0, 10.0,
)  # fmt: skip
_PAIR = np.polynomial.legendre.leggauss(8)
_PHOTON = np.polynomial.legendre.leggauss(48)
_PROTON = np.polynomial.legendre.leggauss(24)


def form_factor(k2_gev2: ArrayLike) -> NDArray[np.complex128]:
    """F1 of the proton at timelike k², Σ f m²/(m² - k² - i m Γ), of its shape; 1 at k² = 0 to 1 %."""
    k2 = np.asarray(k2_gev2, dtype=float)
    return np.sum([f * m**2 / (m**2 - k2 - 1j * m * width) for m, width, f in VECTORS], axis=0)


def kernel(z: ArrayLike, pt2_gev2: ArrayLike, k2_gev2: ArrayLike) -> NDArray[np.float64]:
    """w(z, p_T²) [GeV^-2], photons of mass k per dz dp_T² that carry z of the proton's energy; broadcast."""
    z, k2 = np.asarray(z, dtype=float), np.asarray(k2_gev2, dtype=float)
    h = np.asarray(pt2_gev2, dtype=float) + _least_h(z, k2)
    first, second, third = _terms(z, k2)
    return ALPHA_EM / (2 * np.pi) * (first + (second + third / h) / h) / h


def _least_h(z: NDArray, k2: NDArray) -> NDArray:
    """H = p_T² + (1-z) k² + z² m_p² without p_T²."""
    return (1 - z) * k2 + (z * M_PROTON_GEV) ** 2


def _terms(z: NDArray, k2: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Coefficients of 1/H, 1/H² and 1/H³ in the kernel without α/2π."""
    m2, mixed = M_PROTON_GEV**2, 2 * z * (1 - z)
    first = (1 + (1 - z) ** 2) / z
    second = -mixed * (2 * m2 + k2)
    third = mixed * (2 * z**2 * m2**2 + (z + (1 - z) ** 2) * m2 * k2 + (1 - z) * k2**2)
    return first, second, third


def photons(energy_gev: ArrayLike, proton_gev: ArrayLike, k_gev: ArrayLike) -> NDArray[np.float64]:
    """Photons of mass k per GeV of their energy that a proton radiates where that is valid; broadcast.

    The kernel integrated over p_T² in closed form.
    """
    energy, proton, k = (np.asarray(v, dtype=float) for v in (energy_gev, proton_gev, k_gev))
    z, k2, left = energy / proton, k**2, proton - energy
    hard = HARD * np.maximum(M_PROTON_GEV, k)
    open_ = (energy > hard) & (left > hard)
    z = np.where(open_, z, 0.5)
    most_pt = np.minimum(MAX_PT_SHARE * np.minimum(energy, left), MAX_PT_GEV)
    low = _least_h(z, k2)
    high = np.minimum(low + most_pt**2, 2 * MAX_Q_GEV * proton * z * (1 - z))  # |q_min| = H/(2 E_p z (1-z))
    high = np.maximum(high, low)
    first, second, third = _terms(z, k2)
    inside = first * np.log(high / low) + second * (1 / low - 1 / high) + third / 2 * (1 / low**2 - 1 / high**2)
    return np.where(open_, ALPHA_EM / (2 * np.pi) * inside / proton, 0.0)


def pairs(k_gev: ArrayLike, mass_gev: float) -> NDArray[np.float64]:
    """Pairs of χ per ε², GeV of their mass k, and photon of that mass, of the shape of k."""
    k = np.asarray(k_gev, dtype=float)
    r = mass_gev**2 / k**2
    phase = np.sqrt(np.maximum(1 - 4 * r, 0)) * (1 + 2 * r)
    return np.abs(form_factor(k**2)) ** 2 * 2 * ALPHA_EM / (3 * np.pi * k) * phase


def chi_flux(mass_gev: float, *, poles: bool = False) -> NDArray[np.float64]:
    """χ and χ̄ per ε² in each cell of kinetic energy [cm^-2 s^-1 sr^-1], (cells,).

    poles: whether pairs of mass POLES_GEV are counted here.
    """
    k, weights = _masses(mass_gev, poles)
    k, weights = k[:, None], weights[:, None]
    lowest = HARD * np.maximum(M_PROTON_GEV, k)
    span = np.log(MAX_PHOTON_GEV / lowest)
    energy = lowest * np.exp(span * (_PHOTON[0] + 1) / 2)
    rate = _arriving(energy, k) * energy * span * _PHOTON[1] / 2 * pairs(k, mass_gev) * weights
    speed = np.sqrt((energy / k) ** 2 - 1)
    parts = boosted(speed, k / 2, mass_gev, anisotropy(k, mass_gev))
    return 2 * np.einsum("ke,kec->c", rate, parts)


def _masses(mass_gev: float, poles: bool) -> tuple[NDArray, NDArray]:
    """Nodes and weights in k from 2m on, dense at the poles."""
    inner = [c for c in _CUTS if 2 * mass_gev < c]
    cuts = np.array([2 * mass_gev, *inner, MAX_PAIR_GEV])
    if not inner:
        cuts = np.array([2 * mass_gev, max(MAX_PAIR_GEV, 3 * mass_gev)])
    kept = np.ones(len(cuts) - 1, dtype=bool)
    if not poles:
        kept = (cuts[1:] <= POLES_GEV[0]) | (cuts[:-1] >= POLES_GEV[1])
        start = np.searchsorted(cuts, POLES_GEV[1])
        if POLES_GEV[0] < 2 * mass_gev < POLES_GEV[1]:
            cuts, kept = cuts[start:], np.ones(len(cuts) - 1 - start, dtype=bool)
    low, high = np.log(cuts[:-1][kept])[:, None], np.log(cuts[1:][kept])[:, None]
    angle = np.pi / 4 * (1 + _PAIR[0])  # dense at both ends, where square roots start
    k = np.exp(low + (high - low) * np.sin(angle) ** 2)
    return k.ravel(), (k * (high - low) * _PAIR[1] * np.pi / 4 * np.sin(2 * angle)).ravel()


def _arriving(energy_gev: NDArray, k_gev: NDArray) -> NDArray[np.float64]:
    """Photons per GeV of all primary nucleons [GeV^-1 cm^-2 s^-1 sr^-1]; broadcast, (masses, energies)."""
    first = energy_gev + HARD * np.maximum(M_PROTON_GEV, k_gev)
    span = np.log(primaries.MAX_ENERGY_GEV / first)[..., None]
    proton = first[..., None] * np.exp(span * ((_PROTON[0] + 1) / 2) ** 2)
    steps = span * (_PROTON[0] + 1) / 2 * _PROTON[1] * proton
    made = photons(energy_gev[..., None], proton, np.broadcast_to(k_gev, energy_gev.shape)[..., None])
    return np.sum(made * primaries.nucleon_flux(proton) * steps, axis=-1)
