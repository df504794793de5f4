"""χ of charge ε that scatters off the electrons of a detector, once or several times.

Source: arXiv:2104.13924 (recoils), arXiv:2406.01668 (several recoils). The mean number of recoils on a path L is
L/λ with 1/λ = n_e σ; P₁ = 1 - exp(-L/λ) is one or more, P₂ = 1 - exp(-L/λ)(1 + L/λ) two or more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ConfigurationError, unknown
from npinfer.physics.constants import ALPHA_EM, AVOGADRO, HBARC2_GEV2_CM2, M_ELECTRON_GEV, Z_OVER_A_WATER
from npinfer.physics.millicharge.earth_loss import IONISATION_GEV_CM2

PATHS = 12  # classes of chords


@dataclass(frozen=True)
class Detector:
    """A volume of electrons below ground: a sphere, or a cylinder if it has a height.

    radius_cm, height_cm: of the fiducial volume; density_g_cm3, z_over_a: of what is in it. depth_km, rock_g_cm3:
    overburden. veto_path_cm: in active layers around it; veto_energy_gev: a deposit that is noticed (**assumed**).
    """

    radius_cm: float
    height_cm: float | None
    density_g_cm3: float
    z_over_a: float
    depth_km: float
    rock_g_cm3: float
    veto_path_cm: float
    veto_energy_gev: float

    @property
    def electrons_cm3(self) -> float:
        return AVOGADRO * self.density_g_cm3 * self.z_over_a

    @property
    def volume_cm3(self) -> float:
        if self.height_cm is None:
            return 4 / 3 * np.pi * self.radius_cm**3
        return np.pi * self.radius_cm**2 * self.height_cm

    @property
    def mean_area_cm2(self) -> float:
        """Area seen from a direction, averaged over all of them: a quarter of the surface (Cauchy)."""
        if self.height_cm is None:
            return np.pi * self.radius_cm**2
        return np.pi * self.radius_cm * (self.radius_cm + self.height_cm) / 2

    @cached_property
    def paths(self) -> tuple[NDArray, NDArray]:
        """Chords [cm] of isotropic lines and their probabilities, (classes,); their mean is volume over mean area."""
        radius, height = self.radius_cm, self.height_cm
        length, weight = _sphere(radius) if height is None else _cylinder(radius, height)
        order = np.argsort(length)
        length, weight = length[order], weight[order] / weight.sum()
        share = np.cumsum(weight) - weight / 2
        which = np.minimum((share * PATHS).astype(int), PATHS - 1)
        probability = np.bincount(which, weight, PATHS)
        mean = np.bincount(which, weight * length, PATHS) / probability
        return mean * self.volume_cm3 / self.mean_area_cm2 / (probability @ mean), probability


# Super-K: 22.5 kt of water 2 m inside the walls, 1000 m of rock (2700 m.w.e.). JUNO: 17 kt of scintillator (linear
# alkylbenzene), 700 m of rock. Layers that are crossed twice: 2 m of water inside and 2 m outside the wall of Super-K,
# 0.5 m of scintillator and 2 m of water around JUNO's.
DETECTORS: Mapping[str, Detector] = MappingProxyType(
    {
        "superk": Detector(1490.0, 3226.0, 1.0, Z_OVER_A_WATER, 1.0, 2.7, 800.0, 0.02),
        "juno": Detector(1677.4, None, 0.86, 0.5595, 0.7, 2.6, 500.0, 0.02),
    }
)


def detector(name: str) -> Detector:
    """The detector of this name; raises ConfigurationError."""
    if name not in DETECTORS:
        raise ConfigurationError(unknown("detector", name, DETECTORS))
    return DETECTORS[name]


def _sphere(radius: float) -> tuple[NDArray, NDArray]:
    """Chords of a sphere: their density is L/2R² up to 2R."""
    share = (np.arange(1200) + 0.5) / 1200
    return 2 * radius * np.sqrt(share), np.ones(1200)


def _cylinder(radius: float, height: float) -> tuple[NDArray, NDArray]:
    """Chords of isotropic lines through a cylinder.

    In the plane of the axis and a line at an angle θ to it, the cylinder is a rectangle of width c = 2√(R² - b²):
    chords are ℓ = min(c/sinθ, H/cosθ) on a strip |c cosθ - H sinθ| wide, and evenly spread from 0 to ℓ on the rest.
    """
    nodes, weights = np.polynomial.legendre.leggauss(24)
    half = (nodes + 1) / 2
    angle, impact, ramp = np.meshgrid(np.pi / 2 * half, np.pi / 2 * half, half, indexing="ij")
    w_angle, w_impact, w_ramp = np.meshgrid(weights, weights, weights, indexing="ij")
    width = 2 * radius * np.cos(impact)
    flat, side = width * np.cos(angle), height * np.sin(angle)
    longest = np.minimum(width / np.sin(angle), height / np.cos(angle))
    measure = w_angle * np.sin(angle) * w_impact * np.cos(impact) * w_ramp
    lengths = np.concatenate([longest.ravel(), (longest * ramp).ravel()])
    strips = np.concatenate([(measure * np.abs(flat - side)).ravel(), (measure * 2 * np.minimum(flat, side)).ravel()])
    return lengths, strips


# ---- recoils


def max_recoil(energy_gev: ArrayLike, mass_gev: float) -> NDArray[np.float64]:
    """Largest kinetic energy [GeV] of a recoiling electron, 2 m_e (E² - m²)/(m² + 2 m_e E + m_e²), of its shape."""
    energy = np.asarray(energy_gev, dtype=float)
    below = mass_gev**2 + 2 * M_ELECTRON_GEV * energy + M_ELECTRON_GEV**2
    return 2 * M_ELECTRON_GEV * (energy**2 - mass_gev**2) / below


def cross_section(
    energy_gev: ArrayLike, mass_gev: float, low_gev: ArrayLike, high_gev: ArrayLike = np.inf
) -> NDArray[np.float64]:
    """σ per ε² [cm²] of one electron for recoils from low_gev to high_gev, or to the largest; broadcast.

    The integral in closed form of πα² [(T² + 2E²) m_e - ((2E + m_e) m_e + m²) T]/(T² m_e² (E² - m²)).

    >>> f"{cross_section(1e6, 0.01, 0.016, 0.088):.3e}"
    '1.304e-26'
    """
    energy, low = np.asarray(energy_gev, dtype=float), np.asarray(low_gev, dtype=float)
    most = np.maximum(max_recoil(energy, mass_gev), 0.0)
    high = np.maximum(np.minimum(high_gev, most), low)
    electron = M_ELECTRON_GEV
    middle = (2 * energy + electron) * electron + mass_gev**2
    inside = electron * (high - low) + 2 * energy**2 * electron * (1 / low - 1 / high) - middle * np.log(high / low)
    momentum2 = np.maximum(energy**2 - mass_gev**2, 1e-30)
    return np.pi * ALPHA_EM**2 * HBARC2_GEV2_CM2 * np.where(high > low, inside, 0.0) / (electron**2 * momentum2)


def unnoticed(epsilon2: ArrayLike, path_cm: ArrayLike, found: Detector) -> NDArray[np.float64]:
    """Probability exp(-(ΔE/E)²) that the ionisation ΔE = ε² a ρ L of χ on a path goes unnoticed; broadcast.

    E is the detector's veto_energy_gev. It closes an exclusion at large ε, where χ looks like a muon; ε² below 1e-3
    are not affected by more than 5 %.
    """
    deposit = np.asarray(epsilon2) * IONISATION_GEV_CM2 * found.density_g_cm3 * np.asarray(path_cm)
    return np.exp(-np.square(deposit / found.veto_energy_gev))


def one_or_more(recoils: ArrayLike) -> NDArray[np.float64]:
    """P₁ = 1 - exp(-L/λ) for a mean number L/λ of recoils, of its shape."""
    return -np.expm1(-np.asarray(recoils, dtype=float))


def two_or_more(recoils: ArrayLike) -> NDArray[np.float64]:
    """P₂ = 1 - exp(-L/λ)(1 + L/λ), of its shape; without a loss of digits where it is small.

    >>> f"{two_or_more(1e-6):.6e}"
    '4.999997e-13'
    """
    mean = np.asarray(recoils, dtype=float)
    small = mean**2 * (1 / 2 - mean * (1 / 3 - mean * (1 / 8 - mean * (1 / 30 - mean / 144))))
    return np.where(mean < 0.03, small, -np.expm1(-mean) - mean * np.exp(-mean))
