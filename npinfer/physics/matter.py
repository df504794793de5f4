"""Potentials of neutrinos in matter: of the Standard Model, and of a Z′ of any mass, from contact to solar distances.

Source: Coloma, Gonzalez-Garcia, Maltoni, arXiv:2009.14220. A Z′ of mass M sees matter averaged over its range,
N̂(x) = (M²/4π) ∫ d³x′ N(x′) exp(−M|x−x′|)/|x−x′|, here in closed form for shells of constant density; for a range that
is short N̂ = N. Signs, and those of antineutrinos, are set in `potentials` and nowhere else.

Couplings are in terms of eps0 = v² g′²/(M² + m₀²) with m₀ = 1e-15 eV (a range of 0.28 solar radii): for larger masses
it is ε⁰ = v² g′²/M², for smaller ones, of which only g′ is seen, it stays of the size of what it does in the Sun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ConfigurationError, ParameterError
from npinfer.paths import data_file
from npinfer.physics.constants import AVOGADRO, G_FERMI, HBARC_GEV_CM, HIGGS_VEV_GEV
from npinfer.physics.registry import generator
from npinfer.physics.u1_models import U1Model, u1_model

GEV_EV = 1e9
HBARC_EV_KM = HBARC_GEV_CM * GEV_EV * 1e-5
POTENTIAL_EV = np.sqrt(2) * G_FERMI * AVOGADRO * HBARC_GEV_CM**3 * GEV_EV  # √2 G_F of 1 mol/cm³
CORE_RADIUS_KM, CORE_Z_OVER_A, MANTLE_Z_OVER_A = 3480.0, 0.4656, 0.4957  # of the Earth
SOLAR_RADIUS_KM, ASTRONOMICAL_UNIT_KM = 6.957e5, 1.495978707e8
PIVOT_EV = 1e-15
MASSES_GEV = (1e-29, 1.0)
CONTACT_EV = 1e9  # a mass with a range below everything here
NO_MODEL = "none"

_SMALL = 1.0  # of radius times mass, below which series are summed
_TERMS = 22
_FACTORIALS = np.cumprod(np.append(1.0, np.arange(1.0, 2 * _TERMS + 2)))
_N = np.arange(2, _TERMS)
_INSIDE = np.append([0.0, 0.0], (-1.0) ** _N * (_N - 1) / _FACTORIALS[_N])  # 1 − (1 + x) exp(−x), powers of x
_K = np.arange(1, _TERMS // 2)
_SINH = np.append(0.0, 1 / _FACTORIALS[2 * _K + 1])  # sinh(y)/y − 1, powers of y²
_OUTSIDE = np.append(0.0, 2 * _K / _FACTORIALS[2 * _K + 1])  # (x cosh x − sinh x)/x, powers of x²


def yukawa_sphere(radius: ArrayLike, at: ArrayLike) -> NDArray[np.float64]:
    """N̂/N of a uniform sphere at a distance `at` from its centre, both in units of the range 1/M; broadcast.

    Inside 1 − (1 + R) exp(−R) sinh(r)/r, outside (R cosh R − sinh R) exp(−r)/r; to 1e-14 relative for all arguments.

    >>> yukawa_sphere(1.0, [0.0, 1.0]).round(4)
    array([0.2642, 0.1353])
    """
    x, y = np.broadcast_arrays(np.asarray(radius, dtype=float), np.asarray(at, dtype=float))
    inner, outer = np.minimum(x, y), np.maximum(x, y)
    flat = np.where(inner > 0, -np.expm1(-2 * inner) / np.where(inner > 0, 2 * inner, 1.0), 1.0)
    inside = 1.0 - (1 + outer) * np.exp(inner - outer) * flat
    safe = np.where(outer > 0, outer, 1.0)
    outside = 0.5 * ((inner - 1) + (inner + 1) * np.exp(-2 * inner)) * np.exp(inner - outer) / safe
    if (outer if x is outer else x).min(initial=np.inf) < _SMALL:
        power = np.polynomial.polynomial.polyval
        u, v = np.minimum(outer, _SMALL), np.minimum(inner, _SMALL)
        a, b = power(u, _INSIDE), power(v * v, _SINH)
        inside = np.where(outer < _SMALL, a - b + a * b, inside)
        outside = np.where(inner < _SMALL, v * power(v * v, _OUTSIDE) * np.exp(-outer) / safe, outside)
    return np.where(y <= x, inside, outside)


@dataclass(frozen=True, eq=False)
class Body:
    """Spherical shells of neutral matter: outer radii, increasing; electrons and neutrons [mol/cm³]; each (shells,)."""

    radii_km: NDArray[np.float64]
    electrons: NDArray[np.float64]
    neutrons: NDArray[np.float64]

    @property
    def middle_km(self) -> NDArray[np.float64]:
        """The middle of every shell."""
        return (self.radii_km + np.append(0.0, self.radii_km[:-1])) / 2

    def shell_of(self, radius_km: ArrayLike) -> NDArray[np.intp]:
        """The number of the shell that each radius lies in, the number of shells outside."""
        return np.searchsorted(self.radii_km, np.asarray(radius_km))

    def averaged(self, radius_km: ArrayLike, mass_ev: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """N̂ of electrons and of neutrons at some radii, times (M² + m₀²)/M², in mol/cm³, each (radii,)."""
        at = np.atleast_1d(np.asarray(radius_km, dtype=float))[:, None] * (mass_ev / HBARC_EV_KM)
        spheres = yukawa_sphere(self.radii_km * (mass_ev / HBARC_EV_KM), at)
        shells = np.diff(spheres, axis=1, prepend=0.0) * (1 + (PIVOT_EV / mass_ev) ** 2)
        return shells @ self.electrons, shells @ self.neutrons


@cache
def earth(crust_g_cm3: float | None = None) -> Body:
    """The Earth in the twelve shells of PREM, with the electrons of core and mantle by the shells' middles.

    crust_g_cm3: density of the outermost 3 km, which are ocean in PREM, for a place on land.
    """
    radii, densities = np.loadtxt(data_file("prem", "prem_12layer.csv"), delimiter=",", skiprows=1).T
    if crust_g_cm3 is not None:
        densities[-1] = crust_g_cm3
    middle = (radii + np.append(0.0, radii[:-1])) / 2
    fraction = np.where(middle <= CORE_RADIUS_KM, CORE_Z_OVER_A, MANTLE_Z_OVER_A)
    return Body(radii, densities * fraction, densities * (1 - fraction))


@dataclass(frozen=True, eq=False)
class Sun:
    """The Sun's matter, and where neutrinos are made: {source: shares (shells,)} that add up to 1."""

    matter: Body
    production: Mapping[str, NDArray[np.float64]]


@cache
def sun() -> Sun:
    """The standard solar model B16 with the composition AGSS09met, arXiv:1611.09867.

    >>> sorted(sun().production)
    ['b8', 'be7', 'pep', 'pp']
    """
    path = data_file("solar", "sun.csv")
    with path.open(encoding="utf-8") as stream:
        names = stream.readline().strip().split(",")
        radius, electrons, neutrons, *made = np.loadtxt(stream, delimiter=",").T
    shares = {name: values / values.sum() for name, values in zip(names[3:], made, strict=True)}
    return Sun(Body(radius * SOLAR_RADIUS_KM, electrons, neutrons), shares)


# ---- potentials


@dataclass(frozen=True, eq=False)
class Medium:
    """What neutrinos meet at some points: √2 G_F N_e [eV], (points,), and what a Z′ adds [eV per eps0], (points, 3)."""

    standard: NDArray[np.float64]
    added: NDArray[np.float64]

    def potentials(self, eps0: ArrayLike = 0.0, *, antineutrinos: bool = False) -> tuple[Any, Any, Any]:
        """Diagonal potentials of ν_e, ν_μ and ν_τ [eV], each (..., points) for eps0 of shape (...); ν̄ have −V.

        The Z′ repels like charges: electrons raise the energy of ν_e in models with charges of the same sign.
        """
        sign = -1.0 if antineutrinos else 1.0
        strength = sign * np.asarray(eps0)[..., None]
        e, mu, tau = (strength * self.added[:, i] for i in range(3))
        return sign * self.standard + e, mu, tau


def medium(
    electrons: ArrayLike, averaged: tuple[ArrayLike, ArrayLike] = (0.0, 0.0), model: U1Model | None = None
) -> Medium:
    """The potentials of local electrons and, of a model, of `averaged` electrons and neutrons; all in mol/cm³."""
    local = np.atleast_1d(np.asarray(electrons, dtype=float))
    added = np.zeros((len(local), 3))
    if model is not None:
        electron, proton, neutron = map(float, model.of_matter)
        charge = (electron + proton) * np.asarray(averaged[0]) + neutron * np.asarray(averaged[1])
        added = POTENTIAL_EV * np.multiply.outer(charge + 0.0 * local, [float(b) for b in model.of_neutrinos])
    return Medium(POTENTIAL_EV * local, added)


def earth_medium(
    radius_km: ArrayLike, model: U1Model | None = None, mass_ev: float = CONTACT_EV, crust_g_cm3: float | None = None
) -> Medium:
    """The potentials in the Earth, the Sun's long range included; crust_g_cm3: as of `earth`."""
    body = earth(crust_g_cm3)
    local = np.append(body.electrons, 0.0)[body.shell_of(radius_km)]
    if model is None:
        return medium(local)
    pairs = zip(body.averaged(radius_km, mass_ev), sun().matter.averaged(ASTRONOMICAL_UNIT_KM, mass_ev), strict=True)
    electrons, neutrons = (here + far for here, far in pairs)
    return medium(local, (electrons, neutrons), model)


def solar_medium(model: U1Model | None = None, mass_ev: float = CONTACT_EV) -> tuple[Medium, Medium]:
    """The Sun's potentials in the middle of its shells, and at the distance of the Earth, where it has no electrons."""
    body = sun().matter
    inside = body.averaged(body.middle_km, mass_ev) if model else (0.0, 0.0)
    outside = body.averaged(ASTRONOMICAL_UNIT_KM, mass_ev) if model else (0.0, 0.0)
    return medium(body.electrons, inside, model), medium(0.0, outside, model)


# ---- configuration


def configured(configuration: Mapping[str, Any]) -> tuple[U1Model | None, float]:
    """The model and the Z′'s mass [eV] of the configuration u1_model and m_zprime [GeV]; raises ConfigurationError."""
    name, mass = str(configuration.get("u1_model", NO_MODEL)), configuration.get("m_zprime")
    if name == NO_MODEL:
        return None, CONTACT_EV
    if not isinstance(mass, float) or not MASSES_GEV[0] * (1 - 1e-9) <= mass <= MASSES_GEV[1] * (1 + 1e-9):
        low, high = MASSES_GEV
        raise ConfigurationError(f"m_zprime: found {mass!r}, expected a mass from {low:g} (1e-20 eV) to {high:g} GeV")
    return u1_model(name), mass * GEV_EV


def coupling(eps0: ArrayLike, mass_ev: float) -> NDArray:
    """g′ of a strength eps0, of its shape.

    >>> f"{coupling(1.0, 1e9):.4g}"
    '0.004061'
    """
    if not mass_ev > 0:
        raise ParameterError(f"mass_ev: found {mass_ev:g}, expected a mass above 0")
    return np.sqrt(np.asarray(eps0)) * (np.hypot(mass_ev, PIVOT_EV) / GEV_EV / HIGGS_VEV_GEV)


@generator("u1.log10_coupling")
def log10_coupling(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., NDArray]:
    """log10 of g′, −∞ without a coupling; parameter eps0, configuration m_zprime and u1_model."""
    _, mass_ev = configured(configuration)

    def value(*, eps0: NDArray) -> NDArray:
        with np.errstate(divide="ignore"):
            return np.log(coupling(eps0, mass_ev)) / np.log(10.0)

    return value


@generator("u1.mass_over_coupling")
def mass_over_coupling(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., NDArray]:
    """M/g′ [GeV], ∞ without a coupling; parameter eps0, configuration m_zprime and u1_model."""
    _, mass_ev = configured(configuration)

    def value(*, eps0: NDArray) -> NDArray:
        with np.errstate(divide="ignore"):
            return mass_ev / GEV_EV / coupling(eps0, mass_ev)

    return value
