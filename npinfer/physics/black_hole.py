"""Microscopic black holes of neutrinos and nucleons in n extra dimensions: cross section and Hawking radiation.

Source: Mack, Song, Vincent, arXiv:1912.06656. Masses M_D are those of the Particle Data Group's convention (not of
Dimopoulos and Landsberg's). A parton and the neutrino make a black hole of mass M = trapped · √ŝ with the geometric
cross section π r², r the horizon's radius or the larger b_max of two particles, if M is at least x_min M_D. All of the
neutrino's energy is then seen, but for what is radiated as neutrinos and gravitons.

Radiation is counted by degrees of freedom alone: ⟨N⟩ = M/2T_H particles, a kind's number a Poisson one in proportion to
its degrees of freedom. Grey-body factors, which favour spins over others, and decays of what is radiated are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gamma

from npinfer.errors import ParameterError, unknown
from npinfer.physics.constants import HBARC2_GEV2_CM2, M_NUCLEON_GEV
from npinfer.physics.parton_density import GLUON, QUARKS
from npinfer.physics.parton_sum import Sum, weighted_sum

DIMENSIONS = (1, 2, 3, 4, 5, 6)
RADII = ("horizon", "b_max")
# Particles and antiparticles, spins and colours.
DEGREES_OF_FREEDOM = {
    "quarks": 72, "charged_leptons": 12, "neutrinos": 6, "gluons": 16, "photon": 2, "w_and_z": 9, "higgs": 1,
}  # fmt: skip
LEPTON_SHARE = DEGREES_OF_FREEDOM["charged_leptons"] / 3 / sum(DEGREES_OF_FREEDOM.values())  # of each flavour

_Q2_GEV2 = (1e3, 1e10)
_NODES, _NODE_WEIGHTS = (a / 2 for a in np.polynomial.legendre.leggauss(48))


@dataclass(frozen=True)
class Gravity:
    """The model: extra dimensions, least mass over M_D, radius of the cross section and M over √ŝ.

    Raises ParameterError for a number of dimensions that is not 1 to 6, an unknown radius, or masses without sense.
    """

    dimensions: int
    x_min: float = 1.0
    radius: str = "horizon"
    trapped: float = 1.0

    def __post_init__(self) -> None:
        if self.dimensions not in DIMENSIONS:
            raise ParameterError(f"dimensions: found {self.dimensions}, expected 1 to 6")
        if self.radius not in RADII:
            raise ParameterError(unknown("radius", self.radius, RADII))
        if not (1 <= self.x_min < np.inf and 0 < self.trapped <= 1):
            raise ParameterError(
                f"x_min and trapped: found {self.x_min:g} and {self.trapped:g}, expected 1 or more and 0 to 1"
            )

    def threshold_gev(self, m_d_gev: ArrayLike) -> NDArray[np.float64]:
        """The neutrino energy from which black holes are made, of the shape of `m_d_gev`.

        >>> f"{Gravity(6).threshold_gev(5e3):.3g}"
        '1.33e+07'
        """
        return (self.x_min * np.asarray(m_d_gev) / self.trapped) ** 2 / (2 * M_NUCLEON_GEV)


def horizon_radius(mass_gev: ArrayLike, m_d_gev: ArrayLike, dimensions: int) -> NDArray[np.float64]:
    """Schwarzschild radius r_s [GeV⁻¹] of a mass M in 4 + n dimensions, broadcast.

    >>> f"{horizon_radius(1e4, 5e3, 6):.3e}"
    '5.393e-04'
    """
    n = dimensions
    number = 2.0**n * np.pi ** ((n - 3) / 2) * gamma((n + 3) / 2) / (n + 2)
    m_d = np.asarray(m_d_gev, dtype=float)
    return (np.asarray(mass_gev) / m_d * number) ** (1 / (n + 1)) / m_d


def b_max_over_horizon(dimensions: int) -> float:
    """The largest impact parameter that is trapped, in horizon radii: 2 [1 + ((n+2)/2)²]^(−1/(n+1)).

    >>> [round(b_max_over_horizon(n), 4) for n in (2, 4, 6)]
    [1.1696, 1.2619, 1.3343]
    """
    return float(2 * (1 + ((dimensions + 2) / 2) ** 2) ** (-1 / (dimensions + 1)))


def temperature(mass_gev: ArrayLike, m_d_gev: ArrayLike, dimensions: int) -> NDArray[np.float64]:
    """Hawking temperature T_H = (n+1)/(4π r_s) [GeV], broadcast.

    >>> f"{temperature(1e4, 5e3, 6):.0f}"
    '1033'
    """
    return (dimensions + 1) / (4 * np.pi * horizon_radius(mass_gev, m_d_gev, dimensions))


def mean_multiplicity(mass_gev: ArrayLike, m_d_gev: ArrayLike, dimensions: int) -> NDArray[np.float64]:
    """Mean number of particles that are radiated, ⟨N⟩ = M/(2 T_H), broadcast."""
    return np.asarray(mass_gev) / (2 * temperature(mass_gev, m_d_gev, dimensions))


def cross_section(energy_gev: ArrayLike, m_d_gev: ArrayLike, model: Gravity) -> NDArray[np.float64]:
    """σ(ν N → black hole) per nucleon [cm²], neutrino energy and M_D broadcast; 0 below the threshold.

    >>> f"{cross_section(1e10, 2e3, Gravity(6)):.2e}"
    '5.08e-31'
    """
    return spectrum(energy_gev, m_d_gev, model)[1].sum(axis=-1)


def spectrum(
    energy_gev: ArrayLike, m_d_gev: ArrayLike, model: Gravity
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Masses M [GeV] of black holes and the cross section [cm²] of each, nodes on the last axis; broadcast.

    Σ_i ∫du f_i(u, Q = 1/r_s) π r²: quarks, antiquarks and gluons of the proton, as 48 nodes in ln u. Their sum counts
    as zero where it is slightly negative, at the end of the densities.
    """
    energy, m_d = np.broadcast_arrays(np.asarray(energy_gev, dtype=float), np.asarray(m_d_gev, dtype=float))
    s = (2 * M_NUCLEON_GEV * energy)[..., None]
    m_d = m_d[..., None]
    least = np.minimum(2 * np.log(model.x_min * m_d / model.trapped) - np.log(s), 0.0)  # of ln u
    log_u = least * (0.5 - _NODES)
    mass = model.trapped * np.exp((log_u + np.log(s)) / 2)
    radius = horizon_radius(mass, m_d, model.dimensions)
    densities = np.maximum(_all_partons()(np.exp(log_u), radius**-2), 0.0)
    area = np.pi * radius**2 * (b_max_over_horizon(model.dimensions) ** 2 if model.radius == "b_max" else 1.0)
    return mass, HBARC2_GEV2_CM2 * densities * area * -least * _NODE_WEIGHTS


@cache
def _all_partons() -> Sum:
    quarks = {sign * number: 1.0 for number in QUARKS.values() for sign in (1, -1)}
    return weighted_sum({GLUON: 1.0, **quarks}, _Q2_GEV2)
