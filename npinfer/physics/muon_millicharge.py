"""μN → μNχχ̄ by a beam muon in a calorimeter: millicharged particles, muophilic or not, in a missing-energy search.

Sources: arXiv:2501.06294 (a dark fermion under a massless Z′ of L_μ−L_τ, in NA64μ); its production is bremsstrahlung of
a virtual boson, arXiv:1609.06781, that makes the pair.

ε is the charge of χ in units of e. χ is as invisible as the search assumes while it loses less in the calorimeters than
their thresholds: ε² of what a muon loses, some 10 GeV, so for ε below about 0.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ConfigurationError, ParameterError, unknown
from npinfer.physics.constants import ALPHA_EM
from npinfer.physics.muon_beam import configured, muons_on_target
from npinfer.physics.muon_bremsstrahlung import MAX_MASS_GEV, signal_yield
from npinfer.physics.registry import generator
from npinfer.physics.zprime import loop_mixing

MEDIATORS = ("lmu_ltau", "photon")
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)


def pair_yield(chi_mass_gev: ArrayLike) -> NDArray[np.float64]:
    """Pairs χχ̄ per beam muon and unit (g g_χ)² through a massless vector, with the muon below 80 GeV behind.

    ∫ ds/(12π² s) (1 + 2r) √(1 - 4r) of the yield of a boson of mass √s per g², r = m_χ²/s, in η with √s = 2 m_χ cosh η,
    up to √s = 100 GeV; of the shape of the masses. 20 nodes: better than 1e-4 from 10 keV on. Raises ParameterError for
    a mass that is not between 0 and 50 GeV.
    """
    mass = np.asarray(chi_mass_gev, dtype=float)[..., None]
    if not np.all((mass > 0) & (2 * mass < MAX_MASS_GEV)):
        raise ParameterError(
            f"chi_mass_gev: found {np.min(mass):g} to {np.max(mass):g} GeV, expected a mass above 0 and below "
            f"{MAX_MASS_GEV / 2:g} GeV"
        )
    end = np.arccosh(MAX_MASS_GEV / (2 * mass))
    eta = end * (_NODES + 1) / 2
    made = np.tanh(eta) ** 2 * (1 + 0.5 / np.cosh(eta) ** 2) / (6 * np.pi**2)
    bosons = signal_yield(2 * mass * np.cosh(eta))
    return np.sum(_WEIGHTS * end / 2 * made * bosons, axis=-1)


def effective_charge(q2_gev2: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Charge of χ in units of e per unit g g_χ, at a momentum transfer q², of the shape of q².

    (1/2π²) ∫ dx x(1-x) ln[(m_τ² - x(1-x)q²)/(m_μ² - x(1-x)q²)]: the loops of muons and taus that mix the Z′ with the
    photon. Raises ParameterError from the muons' threshold on, q² = 4 m_μ².

    >>> f"{effective_charge():.5f} {effective_charge(-1.0):.5f}"
    '0.04766 0.02376'
    """
    return np.asarray(-loop_mixing(q2_gev2) / np.sqrt(4 * np.pi * ALPHA_EM))


# ---- generators


@generator("millicharge.muon_pairs")
def pair_events(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """Pairs χχ̄ in NA64μ: epsilon² × muons × yield. Parameter: epsilon.

    Configuration: m_chi, muons_on_target, mediator: `lmu_ltau`, a massless Z′ through whose loops χ has the charge
    epsilon at the momentum transfer `q2`; `photon`, a χ of that charge, which the muon makes by its own.
    """
    mass = configured(configuration, "m_chi", "GeV", most=0.499 * MAX_MASS_GEV)
    unit = muons_on_target(configuration) * float(pair_yield(mass)) * _couplings(configuration) ** 2
    (name,) = (c.name for c in channels)
    return lambda *, epsilon: {name: unit * np.square(epsilon)[:, None]}


@generator("millicharge.couplings")
def couplings(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., NDArray]:
    """Product of the mediator's couplings to the muon and to χ, which is what the search measures."""
    unit = _couplings(configuration)
    return lambda *, epsilon: unit * epsilon


def _couplings(configuration: Mapping[str, Any]) -> float:
    """g g_χ per unit epsilon."""
    mediator = str(configuration.get("mediator", MEDIATORS[0]))
    if mediator not in MEDIATORS:
        raise ConfigurationError(unknown("mediator", mediator, MEDIATORS))
    if mediator == "photon":
        return 4 * np.pi * ALPHA_EM
    q2 = configuration.get("q2", 0.0)
    if not isinstance(q2, float):
        raise ConfigurationError(f"q2: found {q2!r}, expected a momentum transfer in GeV² below 4 m_μ²")
    return 1 / float(effective_charge(q2))
