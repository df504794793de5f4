"""The Glashow resonance ν̄_e e⁻ → W⁻, per electron at rest or bound in ice.

Sources: Glashow, Phys. Rev. 118 (1960) 316; Huang, Liu, arXiv:1912.02976 (the form of the cross section, initial-state
radiation and Doppler broadening); Kuraev, Fadin, Sov. J. Nucl. Phys. 41 (1985) 466 (the structure function).

The cross section holds for ν̄_e alone: other species have none. Multiply by 10/18 for one per nucleon of ice.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.special import ndtr

from npinfer.errors import ParameterError, unknown
from npinfer.physics.constants import ALPHA_EM, GAMMA_W_GEV, HBARC2_GEV2_CM2, M_ELECTRON_GEV, M_W_GEV
from npinfer.physics.flux import checked_edges

RESONANCE_ENERGY_GEV = M_W_GEV**2 / (2 * M_ELECTRON_GEV)

# Measured W branching ratios, PDG 2022; each is measured for itself, so that they add up to 1.0013.
BRANCHING_RATIOS: Mapping[str, float] = MappingProxyType({"hadrons": 0.6741, "e": 0.1071, "mu": 0.1063, "tau": 0.1138})

# Part of each channel that shows a cascade at the vertex: a muon shows a track only, and so does τ → μνν (PDG 2022).
CASCADE_SHARES: Mapping[str, float] = MappingProxyType({"hadrons": 1.0, "e": 1.0, "mu": 0.0, "tau": 1 - 0.1739})

# Approximate detector-independent means: light of a hadronic shower against an electromagnetic one of equal energy,
# its event-to-event spread relative to that mean, and the visible part of a τ that does not decay to a muon.
HADRONIC_VISIBLE_MEAN = 0.925
HADRONIC_VISIBLE_SPREAD = 0.11
TAU_VISIBLE_MEAN = 0.7

# Electrons of a water molecule: (number, effective charge ζ) of H 1s, O 1s and O n=2 (1s-like proxy), Huang-Liu.
WATER_ELECTRONS = ((2, 1.0), (2, 7.66), (6, 2.25))

CORRECTED_RANGE_GEV = (1e2, 1e11)  # where radiation and Doppler broadening are tabulated
_RELATIVE_WIDTH = GAMMA_W_GEV / M_W_GEV


def cross_section(energy_gev: ArrayLike, *, isr: bool = False, doppler: bool = False) -> NDArray[np.float64]:
    """Total ν̄_e e⁻ cross section per electron [cm^2], of the shape of `energy_gev`.

    σ = 24π Γ² Br(e) (s/M²) / ((s - M²)² + M²Γ²), s = 2 m_e E (Huang-Liu).
    isr: the electron radiates before the collision, see `radiator_exponent`.
    doppler: electrons of ice move, with the momentum profiles of `WATER_ELECTRONS`.
    Both change σ by a tabulated factor, interpolated to better than 1e-7 of direct integration; they hold from 100 to
    1e11 GeV and raise ParameterError outside. A negative energy raises it too.

    >>> f"{cross_section(RESONANCE_ENERGY_GEV):.3e}"
    '4.867e-31'
    """
    energy = np.asarray(energy_gev, dtype=float)
    if not np.all(energy >= 0):
        raise ParameterError(f"energy_gev: found {np.min(energy):g} GeV, expected a non-negative energy")
    if not (isr or doppler):
        return _born(energy)
    low, high = CORRECTED_RANGE_GEV
    if not np.all((energy >= low) & (energy <= high)):
        raise ParameterError(
            f"energy_gev: found {np.min(energy):g} to {np.max(energy):g} GeV, but radiation and Doppler broadening are "
            f"tabulated from {low:g} to {high:g} GeV"
        )
    return _corrected(energy, isr, doppler)


def channel_cross_section(
    energy_gev: ArrayLike, channel: str, *, isr: bool = False, doppler: bool = False
) -> NDArray[np.float64]:
    """Cross section of W⁻ → "hadrons", "e", "mu" or "tau" per electron [cm^2]; raises ParameterError."""
    return _branching_ratio(channel) * cross_section(energy_gev, isr=isr, doppler=doppler)


def cell_average(
    edges_gev: ArrayLike, *, index: float = 0.0, isr: bool = False, doppler: bool = False
) -> NDArray[np.float64]:
    """Mean total cross section [cm^2] over each energy cell, weighted with E^-index; (cells + 1,) to (cells,).

    96 Gauss-Legendre nodes in asinh((M/Γ) log(E/E_R)), in which the resonance is smooth: better than 1e-6 for cells
    of any width. Give the index of the spectrum that the mean multiplies where cells are wider than the resonance
    (0.05 in log E). Raises ParameterError as `cross_section` does, or for edges that are not positive and increasing.
    """
    stretched = np.arcsinh(np.log(checked_edges(edges_gev) / RESONANCE_ENERGY_GEV) / _RELATIVE_WIDTH)
    nodes, weights = np.polynomial.legendre.leggauss(96)
    half = np.diff(stretched)[:, None] / 2
    at = stretched[:-1, None] + half * (1 + nodes)
    log_energy = _RELATIVE_WIDTH * np.sinh(at)
    energy = np.clip(RESONANCE_ENERGY_GEV * np.exp(log_energy), *np.asarray(edges_gev, dtype=float)[[0, -1]])
    measure = weights * np.cosh(at) * np.exp((1 - index) * log_energy)
    return np.sum(measure * cross_section(energy, isr=isr, doppler=doppler), axis=-1) / np.sum(measure, axis=-1)


def visible_energy_cdf(fraction: ArrayLike, channel: str) -> NDArray[np.float64]:
    """Probability that the channel's visible energy is below `fraction` of the neutrino's, of the shape of `fraction`.

    hadrons: a Gaussian cascade of mean 0.925 and spread 11 % of that.
    e, mu: the lepton carries z with density 3(1 - z)², because the W has helicity +1 along the beam and sends the
        antineutrino forward. It is the energy of a cascade for e and that of a starting track for mu.
    tau: a cascade of 0.7 z, for the decays that show one; `CASCADE_SHARES` says how many.
    Detector resolution is not included. Raises ParameterError for an unknown channel.

    >>> visible_energy_cdf([0.0, 0.25, 1.0], "e")
    array([0.      , 0.578125, 1.      ])
    """
    _branching_ratio(channel)
    at = np.asarray(fraction, dtype=float)
    if channel == "hadrons":
        return ndtr((at / HADRONIC_VISIBLE_MEAN - 1) / HADRONIC_VISIBLE_SPREAD)
    scale = TAU_VISIBLE_MEAN if channel == "tau" else 1.0
    return 1 - (1 - np.clip(at / scale, 0, 1)) ** 3


def radiator_exponent(energy_gev: ArrayLike) -> NDArray[np.float64]:
    """β = (2α/π)(log(s/m_e²) - 1) of initial-state radiation, at s = 2 m_e E (0.1065 at the resonance)."""
    s = 2 * M_ELECTRON_GEV * np.asarray(energy_gev, dtype=float)
    return 2 * ALPHA_EM / np.pi * (np.log(s / M_ELECTRON_GEV**2) - 1)


def _branching_ratio(channel: str) -> float:
    if channel not in BRANCHING_RATIOS:
        raise ParameterError(unknown("W decay channel", channel, BRANCHING_RATIOS))
    return BRANCHING_RATIOS[channel]


def _born(energy_gev: NDArray[np.float64]) -> NDArray[np.float64]:
    s = 2 * M_ELECTRON_GEV * energy_gev
    scale = 24 * np.pi * GAMMA_W_GEV**2 * BRANCHING_RATIOS["e"] * HBARC2_GEV2_CM2
    return scale * (s / M_W_GEV**2) / ((s - M_W_GEV**2) ** 2 + (M_W_GEV * GAMMA_W_GEV) ** 2)


def _radiated(energy_gev: NDArray[np.float64]) -> NDArray[np.float64]:
    """σ_ISR(s) = ∫ dx D(x) σ(xs), one radiator (the electron); (n,) to (n,).

    D(x) = h (1-x)^(h-1) (1 + 3β/8) - (β/4)(1 + x), h = β/2 (Kuraev-Fadin), β taken at s. Next to the end x = 1 the
    variable (1-x)^h removes its singularity; elsewhere asinh((M/Γ) log(xs/M²)) resolves the resonance.
    """
    beta = radiator_exponent(energy_gev)[:, None]
    h, energy = beta / 2, energy_gev[:, None]
    nodes, weights = np.polynomial.legendre.leggauss(200)
    nodes, weights = (nodes + 1) / 2, weights / 2

    # 1 - x below a fraction of the distance to the pole of the resonance is "next to the end".
    soft_end = 0.3 * np.hypot(_RELATIVE_WIDTH, -np.expm1(-np.abs(np.log(energy / RESONANCE_ENERGY_GEV))))
    edge = soft_end**h
    soft = (nodes * edge) ** (1 / h)
    near = (1 + 3 * beta / 8) * edge * np.sum(weights * _born(energy * (1 - soft)), axis=-1, keepdims=True)
    regular = (2 - soft_end * nodes) * _born(energy * (1 - soft_end * nodes))
    near -= soft_end * beta / 4 * np.sum(weights * regular, axis=-1, keepdims=True)

    low, high = (np.arcsinh(np.log(x * energy / RESONANCE_ENERGY_GEV) / _RELATIVE_WIDTH) for x in (1e-8, 1 - soft_end))
    at = low + (high - low) * nodes
    x = RESONANCE_ENERGY_GEV / energy * np.exp(_RELATIVE_WIDTH * np.sinh(at))
    density = h * (1 - x) ** (h - 1) * (1 + 3 * beta / 8) - beta / 4 * (1 + x)
    far = np.sum(weights * (high - low) * _RELATIVE_WIDTH * np.cosh(at) * x * density * _born(x * energy), axis=-1)
    return near[:, 0] + far


def _doppler_average(energy_gev: NDArray[np.float64], isr: bool) -> NDArray[np.float64]:
    """Mean over the electrons of water of σ(s), s = 2 m_e E (1 - q), q = p_z/m_e; (n,) to (n,).

    The 1s Compton profile of effective charge ζ is J(q) = 8/(3πa) (1 + q²/a²)^-3, a = ζα (Huang-Liu); with
    q = a tan θ it becomes (8/3π) cos⁴θ dθ. The profile is non-relativistic and is cut at |q| = 0.5, which leaves out
    1e-6 of the electrons.
    """
    nodes, weights = np.polynomial.legendre.leggauss(400)
    total = np.zeros_like(energy_gev)
    for number, charge in WATER_ELECTRONS:
        a = charge * ALPHA_EM
        reach = np.arctan(0.5 / a)
        theta = reach * nodes
        profile = reach * weights * 8 / (3 * np.pi) * np.cos(theta) ** 4
        boosted = energy_gev[:, None] * (1 - a * np.tan(theta))
        total += number * (_corrected(boosted, isr, doppler=False) if isr else _born(boosted)) @ profile
    return total / sum(number for number, _ in WATER_ELECTRONS)


def _corrected(energy_gev: NDArray[np.float64], isr: bool, doppler: bool) -> NDArray[np.float64]:
    """Born cross section times its tabulated correction; the correction is frozen beyond the ends of the table."""
    log_energy = np.log(energy_gev / RESONANCE_ENERGY_GEV)
    correction = _correction(isr, doppler)
    stretched = np.clip(np.arcsinh(log_energy / _RELATIVE_WIDTH), correction.x[0], correction.x[-1])
    return _born(energy_gev) * np.exp(correction(stretched))


@cache
def _correction(isr: bool, doppler: bool) -> CubicSpline:
    """log(σ/σ_Born) as a spline in asinh((M/Γ) log(E/E_R)), in which it is smooth."""
    # Twice as far as the range, which covers what moving electrons see of energies at its ends.
    low, high = (
        float(np.arcsinh(np.log(end / RESONANCE_ENERGY_GEV) / _RELATIVE_WIDTH))
        for end in (CORRECTED_RANGE_GEV[0] / 2, CORRECTED_RANGE_GEV[1] * 2)
    )
    stretched = np.linspace(low, high, 1200)
    energy = RESONANCE_ENERGY_GEV * np.exp(_RELATIVE_WIDTH * np.sinh(stretched))
    section = _doppler_average(energy, isr) if doppler else _radiated(energy)
    return CubicSpline(stretched, np.log(section / _born(energy)))
