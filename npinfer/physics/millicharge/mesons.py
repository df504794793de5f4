"""Mesons of the first interaction in the atmosphere, and their decays to pairs of χ of charge ε.

Sources: decays, arXiv:2002.11732 and L. G. Landsberg, Phys. Rept. 128 (1985) 301; branching ratios, PDG 2022.
Yields are **parametrised and approximate**: the multiplicities of Pythia 8.317 in pp collisions, invariant cross
sections ∝ (1 - x_R)^n exp(-b m_T), radial scaling (F. E. Taylor et al., Phys. Rev. D 14 (1976) 1217). Generators and
data differ from them by up to a factor of two, most for η: see data/millicharge/README.md.
Each nucleon interacts once: what its secondaries make is left out, as are the nuclei of the air.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ParameterError, unknown
from npinfer.paths import data_file
from npinfer.physics.constants import ALPHA_EM, M_ELECTRON_GEV, M_PROTON_GEV
from npinfer.physics.millicharge import primaries
from npinfer.physics.millicharge.kinematics import SPEED_EDGES, SPEEDS, anisotropy, boosted

# Mesons of an inelastic pp collision by the energy of the proton on one at rest [GeV], of 25 000 collisions each.
YIELD_ENERGIES_GEV = (10.0, 14.0, 20.0, 30.0, 50.0, 100.0, 200.0, 500.0, 1e3, 1e4, 1e5)
MULTIPLICITIES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "pi0": (1.0355, 1.2026, 1.4209, 1.6630, 1.9734, 2.4798, 2.9969, 3.7894, 4.3830, 6.5704, 9.2786),
        "eta": (0.1166, 0.1466, 0.1805, 0.2227, 0.2817, 0.3556, 0.4364, 0.5641, 0.6521, 0.9846, 1.3736),
        "eta_prime": (0.0068, 0.0114, 0.0147, 0.0208, 0.0263, 0.0373, 0.0473, 0.0650, 0.0735, 0.1232, 0.1766),
        "rho": (0.0967, 0.1402, 0.1813, 0.2355, 0.3042, 0.4053, 0.5042, 0.6714, 0.7883, 1.2068, 1.7442),
        "omega": (0.1074, 0.1513, 0.1998, 0.2466, 0.3158, 0.4204, 0.5244, 0.6904, 0.8056, 1.2352, 1.7753),
        "phi": (0.0004, 0.0008, 0.0024, 0.0034, 0.0069, 0.0116, 0.0180, 0.0238, 0.0299, 0.0560, 0.0818),
    }
)
# Total cross sections of pp [nb] by √s [GeV], recalled from fixed targets, RHIC and the LHC: **approximate**.
QUARKONIA_NB: Mapping[str, tuple[tuple[float, float], ...]] = MappingProxyType(
    {
        "jpsi": (
            (6.8, 1.5), (8.7, 4.7), (12.0, 20.0), (16.8, 80.0), (19.4, 130.0), (27.4, 230.0), (38.8, 450.0),
            (200.0, 3300.0), (7e3, 5.5e4),
        ),
        "upsilon": (
            (14.0, 1e-4), (19.4, 2.1e-3), (27.4, 0.017), (38.8, 0.073), (200.0, 6.8), (1960.0, 90.0), (7e3, 480.0),
        ),
    }
)  # fmt: skip


@dataclass(frozen=True)
class Meson:
    """A meson: its mass [GeV], the decay that becomes one to χ, and how it is made.

    decay: "photons" (M → γγ, so M → γχχ̄), "electrons" (V → e⁺e⁻, so V → χχ̄) or "pion" (ω → π⁰γ, so ω → π⁰χχ̄), with
    its branching ratio. power, slope: n and b [GeV^-1].
    """

    mass_gev: float
    decay: str
    branching: float
    power: float
    slope: float
    made_as: str = ""


MESONS: Mapping[str, Meson] = MappingProxyType(
    {
        "pi0": Meson(0.1349768, "photons", 0.98823, 4.0, 6.0),
        "eta": Meson(0.547862, "photons", 0.3936, 3.0, 5.0),
        "eta_prime": Meson(0.95778, "photons", 0.02307, 3.0, 5.0),
        "rho": Meson(0.77526, "electrons", 4.72e-5, 3.0, 5.0),
        "omega": Meson(0.78266, "electrons", 7.38e-5, 3.0, 5.0),
        "omega_dalitz": Meson(0.78266, "pion", 0.0835, 3.0, 5.0, made_as="omega"),
        "phi": Meson(1.019461, "electrons", 2.979e-4, 4.0, 5.0),
        "jpsi": Meson(3.0969, "electrons", 5.971e-2, 5.0, 4.0),
        "upsilon": Meson(9.4603, "electrons", 2.38e-2, 5.0, 5.0),
    }
)
PION_GEV = MESONS["pi0"].mass_gev
RHO_GEV = MESONS["rho"].mass_gev

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_FINE = np.polynomial.legendre.leggauss(64)
_ANGLES, _ANGLE_WEIGHTS = np.polynomial.legendre.leggauss(3)
_STEPS, _STEP_WEIGHTS = np.polynomial.laguerre.laggauss(12)


def meson(name: str) -> Meson:
    """The meson of this name; raises ParameterError."""
    if name not in MESONS:
        raise ParameterError(unknown("meson", name, MESONS))
    return MESONS[name]


# ---- decays


def dalitz_density(x: float, z: ArrayLike) -> NDArray[np.float64]:
    """dI₃/dz of I₃(x) = (2/3π) ∫ dz √(1-4x/z) (1-z)³ (2x+z)/z² from 4x to 1; of the shape of z = q²/M².

    x = (m/M)². There is no form factor of the meson, which would add 30 % to η at 0.1 GeV and more to η′.
    """
    z = np.asarray(z, dtype=float)
    return 2 / (3 * np.pi) * np.sqrt(np.maximum(1 - 4 * x / z, 0)) * (1 - z) ** 3 * (2 * x + z) / z**2


def pion_density(mass_gev: float, z: ArrayLike) -> NDArray[np.float64]:
    """As `dalitz_density`, of ω → π⁰χχ̄ over ω → π⁰γ and α, with the pole of ρ as form factor."""
    z, vector = np.asarray(z, dtype=float), MESONS["omega_dalitz"].mass_gev
    q2, gap = z * vector**2, vector**2 - PION_GEV**2
    phase = np.maximum((1 + q2 / gap) ** 2 - 4 * vector**2 * q2 / gap**2, 0) ** 1.5
    r = mass_gev**2 / q2
    pair = np.sqrt(np.maximum(1 - 4 * r, 0)) * (1 + 2 * r) / (3 * np.pi * z)
    return pair * phase / (1 - q2 / RHO_GEV**2) ** 2


def branching_ratio(name: str, mass_gev: float) -> float:
    """Branching ratio to a pair χχ̄ of mass_gev over ε², 0 at and above the threshold.

    M → γχχ̄: Br(γγ) α I₃, V → χχ̄: Br(ee) (1+2y)√(1-4y) over the same of electrons, y = (m/M)².

    >>> f"{branching_ratio('pi0', 0.01):.3e}"
    '2.755e-03'
    """
    parent = meson(name)
    if parent.decay == "electrons":
        return parent.branching * _to_fermions(mass_gev / parent.mass_gev) / _to_fermions(
            M_ELECTRON_GEV / parent.mass_gev
        )
    _, weights = _pair_masses(name, mass_gev, *_FINE)
    return float(parent.branching * ALPHA_EM * weights.sum())


def _to_fermions(ratio: float) -> float:
    y = ratio**2
    return float((1 + 2 * y) * np.sqrt(max(1 - 4 * y, 0.0)))


def _pair_masses(name: str, mass_gev: float, nodes: NDArray, weights: NDArray) -> tuple[NDArray, NDArray]:
    """Masses q [GeV] of the pair in a decay of three, and their weights, which add up to the rate over α Br.

    Nodes in θ with z = 4x (z_max/4x)^sin²θ: they are dense where the square root starts and the spectrum ends.
    """
    parent = MESONS[name]
    x = (mass_gev / parent.mass_gev) ** 2
    least, most = 4 * x, (1 - (PION_GEV / parent.mass_gev if parent.decay == "pion" else 0.0)) ** 2
    if least >= most:
        return np.full(1, 2 * mass_gev), np.zeros(1)
    angle = np.pi / 4 * (1 + nodes)
    span = np.log(most / least)
    z = least * np.exp(span * np.sin(angle) ** 2)
    density = pion_density(mass_gev, z) if parent.decay == "pion" else dalitz_density(x, z)
    return parent.mass_gev * np.sqrt(z), weights * np.pi / 4 * span * np.sin(2 * angle) * z * density


def _rest_energies(name: str, mass_gev: float) -> tuple[NDArray, NDArray]:
    """Energies [GeV] of χ in the rest frame of the meson, and how probable they are, (k,)."""
    parent = MESONS[name]
    if parent.decay == "electrons":
        return np.array([parent.mass_gev / 2]), np.ones(1)
    nodes = np.polynomial.legendre.leggauss(10)
    q, weights = (v[:, None] for v in _pair_masses(name, mass_gev, *nodes))
    left = PION_GEV if parent.decay == "pion" else 0.0
    energy = (parent.mass_gev**2 + q**2 - left**2) / (2 * parent.mass_gev)
    beta = np.sqrt(np.maximum(1 - 4 * mass_gev**2 / q**2, 0))
    rest = energy / 2 + np.sqrt(np.maximum(energy**2 - q**2, 0)) / 2 * beta * _ANGLES
    shape = weights * _ANGLE_WEIGHTS * (1 + anisotropy(q, mass_gev) * _ANGLES**2)
    return rest.ravel(), shape.ravel() / shape.sum()


def chi_flux(name: str, mass_gev: float) -> NDArray[np.float64]:
    """χ and χ̄ per ε² in each cell of kinetic energy [cm^-2 s^-1 sr^-1], (cells,); zeros above the threshold."""
    branching = branching_ratio(name, mass_gev)
    if branching == 0.0:
        return np.zeros(len(boosted(1.0, 2 * mass_gev, mass_gev)))
    rest, probability = _rest_energies(name, mass_gev)
    parts = np.einsum("k,nkc->nc", probability, boosted(SPEEDS[:, None], rest, mass_gev))
    return np.asarray(2 * branching * meson_flux(name) @ parts)


# ---- production


def meson_flux(name: str) -> NDArray[np.float64]:
    """Mesons in each cell of βγ [cm^-2 s^-1 sr^-1], (cells,), from data/millicharge; raises ParameterError."""
    return _fluxes()[meson(name).made_as or name]


@cache
def _fluxes() -> dict[str, NDArray]:
    path = data_file(primaries.FOLDER, "mesons.csv")
    names = path.read_text(encoding="utf-8").splitlines()[0].split(",")
    columns = np.loadtxt(path, delimiter=",", skiprows=1).T
    return dict(zip(names, columns, strict=True))


def multiplicity(name: str, energy_gev: float) -> float:
    """Mesons in an inelastic collision of a proton of energy_gev with a proton; 0 below the threshold."""
    return float(inclusive(name, energy_gev)[1].sum())


def inclusive(name: str, energy_gev: float) -> tuple[NDArray, NDArray]:
    """βγ of mesons of one collision in the laboratory, and the number of mesons at each, (nodes,)."""
    speed, shape = _shape(name, energy_gev)
    return speed, shape * _scale(name, energy_gev, shape.sum())


def _scale(name: str, energy_gev: float, shape_sum: float) -> float:
    """Mesons of a collision over the sum of the shape, along straight lines in logarithms."""
    if shape_sum == 0.0:
        return 0.0
    if name not in QUARKONIA_NB:
        numbers = np.log(MULTIPLICITIES[MESONS[name].made_as or name])
        return float(np.exp(_line(np.log(energy_gev), np.log(YIELD_ENERGIES_GEV), numbers))) / shape_sum
    roots, sigma = np.log(QUARKONIA_NB[name]).T
    nanobarn = np.exp(_line(0.5 * np.log(primaries.squared_energy(energy_gev)), roots, sigma))
    return float(nanobarn) * 1e-6 / primaries.SIGMA_INELASTIC_MB / shape_sum


def _line(x: float, nodes: NDArray, values: NDArray) -> float:
    """Straight between nodes, which rise, and on from the first two and the last two."""
    i = int(np.clip(np.searchsorted(nodes, x), 1, len(nodes) - 1))
    return float(values[i - 1] + (values[i] - values[i - 1]) * (x - nodes[i - 1]) / (nodes[i] - nodes[i - 1]))


def _shape(name: str, energy_gev: float) -> tuple[NDArray, NDArray]:
    """βγ in the laboratory and (1 - x_R)^n exp(-b (m_T - M)) dy m_T dm_T of a grid of rapidity and m_T, (nodes,)."""
    parent = MESONS[name]
    s = float(primaries.squared_energy(energy_gev))
    most = (s + parent.mass_gev**2 - 4 * M_PROTON_GEV**2) / (2 * np.sqrt(s))
    if np.sqrt(s) <= parent.mass_gev + 2 * M_PROTON_GEV:
        return np.ones(1), np.zeros(1)
    transverse = parent.mass_gev + _STEPS / parent.slope
    reach = np.arccosh(np.maximum(most / transverse, 1.0))[:, None]
    rapidity = reach * _NODES
    x = transverse[:, None] * np.cosh(rapidity) / most
    weight = (_STEP_WEIGHTS * transverse)[:, None] * reach * _WEIGHTS * np.maximum(1 - x, 0) ** parent.power
    gamma = (energy_gev + M_PROTON_GEV) / np.sqrt(s)
    energy = transverse[:, None] * (gamma * np.cosh(rapidity) + np.sqrt(gamma**2 - 1) * np.sinh(rapidity))
    return np.sqrt((energy / parent.mass_gev).ravel() ** 2 - 1), weight.ravel()


def first_interaction(name: str) -> NDArray[np.float64]:
    """Mesons that all nucleons make in their first interaction, in each cell of βγ [cm^-2 s^-1 sr^-1], (cells,)."""
    ends = np.log([primaries.MIN_ENERGY_GEV, primaries.MAX_ENERGY_GEV])
    logs = np.linspace(ends[0], ends[1], 401)
    energies = np.exp((logs[1:] + logs[:-1]) / 2)
    total = np.zeros(len(SPEEDS))
    for energy, arriving in zip(energies, primaries.nucleon_flux(energies), strict=True):
        speed, number = inclusive(name, float(energy))
        total += np.histogram(speed, SPEED_EDGES, weights=number * arriving * energy * (logs[1] - logs[0]))[0]
    return total
