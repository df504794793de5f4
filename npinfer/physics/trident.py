"""Neutrino tridents ν_μ N → ν_μ μ⁺μ⁻ N, in the Standard Model and with a Z′ that couples to muons and their neutrinos.

Source: Altmannshofer, Gori, Pospelov, Yavin, arXiv:1406.2332 (couplings, experiments). The nucleus' equivalent photons,
coherent, with Helm's form factor, times the exact cross section of νγ → νμμ: its leading logarithm is five times too
small at s = 0.3 GeV².

The neutrinos exchange Q² = −t with a muon current of couplings C_V and C_A, and all that a Z′ changes is C_V as a
function of Q². So a cross section is Σ over steps of ln Q² of C_V² vector + C_A² axial: a `Spectrum`, whose vector and
axial parts belong to one beam and target. Neutrinos and antineutrinos have the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from npinfer.errors import ParameterError
from npinfer.physics.constants import (
    ALPHA_EM,
    G_FERMI,
    HBARC2_GEV2_CM2,
    HIGGS_VEV_GEV,
    M_MUON_GEV,
    SIN2_THETA_W,
)
from npinfer.physics.form_factor import form_factor, nuclear_radius
from npinfer.physics.registry import generator
from npinfer.physics.zprime import configured_mass

C_VECTOR = 0.5 + 2 * SIN2_THETA_W  # of ν_μ and muons, charged and neutral currents together
C_AXIAL = 0.5
MIN_MASS_GEV = 1e-4  # of a Z′, whose square lies well above the smallest Q²
MOST_NUCLEONS, MOST_ENERGY_GEV = 300.0, 1e10  # beyond which there are no nuclei and no beams

_Q2_GEV2 = (1e-13, 1e4)
_STEP = 0.25  # of ln Q²: sums over steps are exact to 1e-9 for what is smooth in it
_MAX_Q_GEV = 1.0  # of the photon, where form factors are below 1e-7
_INNER, _INNER_WEIGHTS = np.polynomial.legendre.leggauss(24)
_OUTER, _OUTER_WEIGHTS = np.polynomial.legendre.leggauss(64)

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


# ---- νγ → νμμ


def photon_spectrum(s_gev2: ArrayLike, q2_gev2: ArrayLike) -> Pair:
    """dσ/d ln Q² of νγ → νμμ [GeV^-2] for C_V = 1, C_A = 0 and for C_V = 0, C_A = 1; each broadcast.

    Integrated over the muons: their angles in closed form, their squared mass W² with 24 Gauss-Legendre nodes in the
    rapidity artanh β. Zero below the threshold Q² + 4 m_μ².
    """
    s, q2 = (np.asarray(x, dtype=float)[..., None] for x in (s_gev2, q2_gev2))
    end = np.arccosh(np.maximum(np.sqrt(np.maximum(s - q2, 0.0)) / (2 * M_MUON_GEV), 1.0))
    rapidity = end * (_INNER + 1) / 2
    w2 = (2 * M_MUON_GEV * np.cosh(rapidity)) ** 2
    measure = end * _INNER_WEIGHTS / 2 * 4 * M_MUON_GEV**2 * np.sinh(2 * rapidity) * np.tanh(rapidity)
    d = w2 + q2
    scale = ALPHA_EM * G_FERMI**2 / (4 * np.pi**2) * (q2 / s) ** 2 * measure
    both = [t + 2 * s * (s - d) / d**2 * (t + scalar) for t, scalar in muon_tensor(q2, w2)]
    vector, axial = (np.sum(scale * part, axis=-1) for part in both)
    return vector, axial


def muon_tensor(q2_gev2: ArrayLike, w2_gev2: ArrayLike) -> tuple[Pair, Pair]:
    """(transverse, scalar) parts of the current's |amplitude|² to two muons on a real photon, vector and axial.

    In units of 8 e², averaged over the directions of the muons in their centre of mass and summed over the photon's
    two polarisations; broadcast. With x = 2 p·k₁, y = 2 p·k₂ of the photon and the muons and D = W² + Q² = x + y, the
    averages of 1/(xy) and 1/(xy)² are all that is needed.
    """
    q2, w2 = np.asarray(q2_gev2, dtype=float), np.asarray(w2_gev2, dtype=float)
    m2, d = M_MUON_GEV**2, w2 + q2
    beta = np.sqrt(np.maximum(1 - 4 * m2 / w2, 0.0))
    first = np.where(beta > 1e-6, np.arctanh(beta) / np.where(beta > 1e-6, beta, 1.0), 1.0)
    one = 4 * first / d**2
    two = 8 * (w2 / (4 * m2) + first) / d**4
    total = (d**2 - 2 * q2 * w2 + 4 * m2 * w2) * one - 2 + 2 * m2 * d**2 * (q2 - 2 * m2) * two
    scalar = 4 * q2 / d * (w2 / d - m2 * d * one)
    transverse = (total + scalar) / 2
    bent = 4 * m2 * (m2 * d**2 * two - w2 * one)
    return (transverse, scalar), (transverse + bent, scalar - bent + 2 * m2 * d**2 / q2 * one)


def photon_cross_section(s_gev2: float, c_vector: float = C_VECTOR, c_axial: float = C_AXIAL) -> float:
    """σ(νγ → νμμ) at s [GeV^-2].

    >>> f"{photon_cross_section(1.0):.2e}"
    '2.23e-14'
    """
    top = s_gev2 - 4 * M_MUON_GEV**2
    if top <= 0:
        return 0.0
    low = np.log(_Q2_GEV2[0])
    width = (np.log(top) - low) / 8
    log_q2 = low + width * (np.arange(8)[:, None] + (_OUTER + 1) / 2)
    vector, axial = photon_spectrum(s_gev2, np.exp(log_q2))
    return float(np.sum(width / 2 * _OUTER_WEIGHTS * (c_vector**2 * vector + c_axial**2 * axial)))


# ---- on a nucleus


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Cross section in steps of ln Q² [cm^2], for unit vector and for unit axial coupling; each (steps,)."""

    q2_gev2: NDArray[np.float64]
    vector: NDArray[np.float64]
    axial: NDArray[np.float64]

    def standard_model(self) -> float:
        """The cross section without a Z′ [cm^2]."""
        return float(C_VECTOR**2 * self.vector.sum() + C_AXIAL**2 * self.axial.sum())

    def zprime_terms(self, mass_gev: float) -> tuple[float, float]:
        """a and b of σ/σ_SM = 1 + a g² + b g⁴, for a Z′ with charge g of both muon and neutrino.

        It adds v² g²/(M² + Q²) to C_V.
        """
        added = HIGGS_VEV_GEV**2 / (mass_gev**2 + self.q2_gev2)
        total = self.standard_model()
        return float(2 * C_VECTOR * (added @ self.vector) / total), float(added**2 @ self.vector / total)


@lru_cache(maxsize=32)
def nuclear_spectrum(energy_gev: float, charge: int, mass_number: float) -> Spectrum:
    """The coherent cross section of a neutrino of energy E on a nucleus, by the nucleus' equivalent photons.

    σ = (Z²α/π) ∫ ds/s σ_νγ(s) ∫ dq²/q² F²(q), from q = s/2E. Raises ParameterError below the threshold, and for what is
    no nucleus.
    """
    if not 1 <= charge <= mass_number <= MOST_NUCLEONS:
        raise ParameterError(f"charge and mass_number: found {charge:g} and {mass_number:g}, which is no nucleus")
    if not energy_gev <= MOST_ENERGY_GEV:
        raise ParameterError(f"energy_gev: found {energy_gev:g}, above {MOST_ENERGY_GEV:g}")
    s_top = 2 * energy_gev * _MAX_Q_GEV
    if not s_top > 4 * M_MUON_GEV**2:
        raise ParameterError(f"energy_gev: found {energy_gev:g}, below the threshold of two muons")
    photons = _photons(mass_number, 4 * M_MUON_GEV**2 / (2 * energy_gev))
    first, last = np.log(_Q2_GEV2[0]), np.log(min(s_top - 4 * M_MUON_GEV**2, _Q2_GEV2[1]))
    q2 = np.exp(np.arange(first, last, _STEP))
    low = np.log(q2 + 4 * M_MUON_GEV**2)[:, None]
    half = (np.log(s_top) - low) / 2
    s = np.exp(low + half * (1 + _OUTER))
    weights = charge**2 * ALPHA_EM / np.pi * half * _OUTER_WEIGHTS * photons(s / (2 * energy_gev))
    vector, axial = (
        np.sum(weights * part, axis=1) * _STEP * HBARC2_GEV2_CM2 for part in photon_spectrum(s, q2[:, None])
    )
    return Spectrum(q2, vector, axial)


def _photons(mass_number: float, least_gev: float) -> Callable[[NDArray], NDArray]:
    """∫ dq²/q² F²(q) from a momentum q to where F ends, for momenta from `least_gev`."""
    log_q = np.linspace(np.log(least_gev) - 1e-9, np.log(_MAX_Q_GEV), 2000)
    whole = CubicSpline(log_q, 2 * form_factor(1e3 * np.exp(log_q), nuclear_radius(mass_number)) ** 2).antiderivative()
    return lambda q: whole(log_q[-1]) - whole(np.log(q))


# ---- generators


@generator("trident.ratio")
def ratio(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """σ/σ_SM of ν_μ N → ν_μ μ⁺μ⁻ N as measured with one beam and target, in the only bin of the only channel.

    inputs: energy_gev, charge and mass_number of the nucleus. Configuration: m_zprime [GeV]; muon_charge, the Z′'s
    vector charge of the muon over that of its neutrino, 1 (the default) for L_μ−L_τ: a negative one interferes
    destructively. Parameter: g_zprime.
    """
    mass, charge = configured_mass(configuration, MIN_MASS_GEV), float(configuration.get("muon_charge", 1.0))
    spectrum = nuclear_spectrum(float(inputs["energy_gev"]), int(inputs["charge"]), float(inputs["mass_number"]))
    first, second = spectrum.zprime_terms(mass)
    (name,) = (c.name for c in channels)

    def counts(*, g_zprime: NDArray) -> dict[str, NDArray]:
        squared = charge * g_zprime * g_zprime
        return {name: (1 + squared * (first + second * squared))[:, None]}

    return counts
