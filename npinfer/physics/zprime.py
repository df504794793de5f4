"""The Z′ of L_μ−L_τ wherever it appears: its mixing with the photon, its decays, what it adds to (g-2)_μ.

Sources: arXiv:2501.06294 (loop mixing, millicharge, decays); Leveille, Nucl. Phys. B 137 (1978) 63 (anomalous moment).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ConfigurationError, ParameterError
from npinfer.physics.constants import ALPHA_EM, M_MUON_GEV, M_TAU_GEV
from npinfer.physics.registry import generator

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_LOGITS = np.linspace(-40, 40, 321)


def loop_mixing(q2_gev2: ArrayLike) -> NDArray[np.float64]:
    """Kinetic mixing ε(q²) with the photon per unit g, from loops of muons and taus, of the shape of q².

    (e/2π²) ∫ dx x(1-x) ln[(m_μ² - x(1-x)q²)/(m_τ² - x(1-x)q²)]; raises ParameterError from the muons' threshold on.

    >>> f"{loop_mixing(0.0):.6f}"
    '-0.014433'
    """
    q2 = np.asarray(q2_gev2, dtype=float)[..., None]
    if not np.all(q2 < 4 * M_MUON_GEV**2):
        raise ParameterError(f"q2_gev2: found {np.max(q2):g}, expected a value below 4 m_μ², where the mixing is real")
    part = (1 - _NODES**2) / 4
    ratio = (M_MUON_GEV**2 - part * q2) / (M_TAU_GEV**2 - part * q2)
    return np.sqrt(4 * np.pi * ALPHA_EM) / (2 * np.pi**2) * np.sum(_WEIGHTS / 2 * part * np.log(ratio), axis=-1)


def millicharge(g_zprime: ArrayLike, g_chi: ArrayLike) -> NDArray[np.float64]:
    """Electric charge, in units of e, that loops give to a particle of charge g_chi under a massless Z′ (at q² = 0).

    g g_χ/(2π²) ∫ dx x(1-x) ln(m_τ²/m_μ²). arXiv:2501.06294 and its talk print the integrand as (1-x) without the x,
    which is three times too large.
    """
    return np.multiply(g_zprime, g_chi) * np.log(M_TAU_GEV / M_MUON_GEV) / (6 * np.pi**2)


def anomalous_moment(g_zprime: ArrayLike, mass_gev: ArrayLike) -> NDArray[Any]:
    """What a Z′ adds to a_μ = (g-2)/2, broadcast: (g²/4π²) ∫ dz m_μ² z(1-z)²/(m_μ²(1-z)² + m² z).

    A sum over log(1/z - 1), in which light and heavy bosons alike are smooth. A complex g is kept.
    """
    ratio2 = (np.asarray(mass_gev, dtype=float)[..., None] / M_MUON_GEV) ** 2
    z, left = 1 / (1 + np.exp(_LOGITS)), 1 / (1 + np.exp(-_LOGITS))  # left = 1 - z
    inner = z * left**2 / (left**2 + ratio2 * z)
    return np.square(g_zprime) / (4 * np.pi**2) * np.sum(inner * z * left, axis=-1) * (_LOGITS[1] - _LOGITS[0])


def coupling_for_moment(moment: ArrayLike, mass_gev: ArrayLike) -> NDArray[np.float64]:
    """The g with which a Z′ adds `moment` to a_μ, broadcast; NaN for a negative one, which it cannot add.

    >>> f"{coupling_for_moment(2.49e-9, 0.01):.3e}"
    '5.012e-04'
    """
    ratio = np.asarray(moment, dtype=float) / anomalous_moment(1.0, mass_gev)
    return np.sqrt(np.where(ratio >= 0, ratio, np.nan))


def width_to_fermions(mass_gev: ArrayLike, fermion_gev: ArrayLike) -> NDArray[np.float64]:
    """Γ(Z′ → f f̄)/m for a Dirac fermion of unit vector coupling, (1/12π)(1 + 2r)√(1 - 4r), r = (m_f/m)²; broadcast.

    A neutrino, of one helicity, has half of it.
    """
    r = (np.asarray(fermion_gev, dtype=float) / np.asarray(mass_gev, dtype=float)) ** 2
    return (1 + 2 * r) * np.sqrt(np.maximum(1 - 4 * r, 0.0)) / (12 * np.pi)


def configured_mass(configuration: Mapping[str, Any], least_gev: float = 0.0, most_gev: float = np.inf) -> float:
    """The configured m_zprime [GeV]; raises ConfigurationError where it is not positive and within the two masses."""
    mass = configuration.get("m_zprime")
    if not isinstance(mass, float) or not (mass > 0 and least_gev <= mass <= most_gev):
        at_least = f"of at least {least_gev:g}" if least_gev > 0 else "above 0"
        at_most = f" and at most {most_gev:g}" if most_gev < np.inf else ""
        raise ConfigurationError(f"m_zprime: found {mass!r}, expected a mass in GeV {at_least}{at_most}")
    return mass


# ---- derived quantities


@generator("zprime.anomalous_moment")
def moment(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., NDArray]:
    """What the Z′ adds to a_μ; configuration m_zprime, parameter g_zprime."""
    unit = float(anomalous_moment(1.0, configured_mass(configuration)))
    return lambda *, g_zprime: unit * np.square(g_zprime)


@generator("zprime.coupling_over_mass")
def coupling_over_mass(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., NDArray]:
    """g_zprime/m_zprime [TeV^-1], which is all that data know of a heavy Z′; configuration m_zprime."""
    per_tev = 1e3 / configured_mass(configuration)
    return lambda *, g_zprime: per_tev * g_zprime
