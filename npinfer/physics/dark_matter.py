"""Neutrinos from decays of heavy dark matter that is asymmetric: antineutrinos, from the Galaxy and from beyond.

X → ν̄ψ and X → ν̄ν̄ make lines at half the mass, X → νν̄ν̄ three neutrinos with dN/dx = 2x, x = 2E/m, each (a constant
matrix element). Flavours are equal at Earth.

Sources: Liu, Song, Vincent, arXiv:2406.14602 (channels, fluxes); Navarro, Frenk, White, Astrophys. J. 490 (1997) 493
(the profile); Planck 2018, arXiv:1807.06209 (cosmology); Ciafaloni et al., arXiv:1009.0224 (electroweak splitting).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ConfigurationError, ParameterError, unknown
from npinfer.physics.constants import G_FERMI, M_W_GEV, M_Z_GEV, SIN2_THETA_W, SPEED_OF_LIGHT_CM_S

KPC_CM = 3.0856775814913673e21
SUN_KPC = 8.127  # from the Galactic centre
HALO_KPC = 200.0  # where the halo ends
GALACTIC_CENTRE_SIN_DECLINATION = float(np.sin(np.radians(-28.936)))
HUBBLE_PER_S = 67.4 / (KPC_CM * 1e-2)  # 67.4 km/s/Mpc: 1 Mpc is 1e-2 km of KPC_CM
OMEGA_MATTER = 0.315
COSMIC_DENSITY_GEV_CM3 = 1.264e-6  # of dark matter
HIGHEST_REDSHIFT = 50.0

# Neutrinos and antineutrinos of a decay, all flavours.
CHANNELS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"nubar_psi": (0, 1), "nubar_nubar": (0, 2), "nu_nubar_nubar": (1, 2)}
)


@dataclass(frozen=True)
class Halo:
    """A halo of Navarro, Frenk and White: scale radius [kpc] and density at the Sun [GeV/cm³]."""

    scale_kpc: float = 20.0
    local_gev_cm3: float = 0.4

    def density(self, radius_kpc: ArrayLike) -> NDArray[np.float64]:
        """Density [GeV/cm³] at a distance from the Galactic centre, none beyond HALO_KPC."""
        r = np.asarray(radius_kpc, dtype=float) / self.scale_kpc
        sun = SUN_KPC / self.scale_kpc
        found = self.local_gev_cm3 * sun * (1 + sun) ** 2 / (r * (1 + r) ** 2)
        return np.where(r * self.scale_kpc <= HALO_KPC, found, 0.0)

    def column(self, angle_rad: ArrayLike) -> NDArray[np.float64]:
        """∫ρ ds along a line of sight [GeV/cm²], at an angle above 0 from the Galactic centre, of its shape.

        >>> f"{Halo().column(np.pi):.3g}"
        '1.04e+22'
        """
        angle = np.asarray(angle_rad, dtype=float)[..., None]
        nodes, weights = (a / 2 for a in np.polynomial.legendre.leggauss(200))
        closest, nearest = SUN_KPC * np.sin(angle), SUN_KPC * np.cos(angle)
        reach = np.sqrt(HALO_KPC**2 - closest**2)
        # Distances from the point of closest approach are b sinh u, in which 1/r is smooth.
        low, high = np.arcsinh(-nearest / closest), np.arcsinh(reach / closest)
        u = low + (high - low) * (0.5 + nodes)
        path = closest * np.cosh(u)
        return np.sum(weights * (high - low) * path * self.density(np.minimum(path, HALO_KPC)), axis=-1) * KPC_CM

    def column_at_pole(self, cos_edges: ArrayLike) -> NDArray[np.float64]:
        """`column` averaged over each cell of cos zenith at the South Pole, (cells,)."""
        edges = np.asarray(cos_edges, dtype=float)
        nodes, weights = (a / 2 for a in np.polynomial.legendre.leggauss(24))
        cosine = edges[:-1, None] + np.diff(edges)[:, None] * (0.5 + nodes)
        azimuth = (np.arange(180) + 0.5) / 180 * np.pi  # from the Galactic centre
        across = np.sqrt((1 - cosine**2) * (1 - GALACTIC_CENTRE_SIN_DECLINATION**2))
        along = -cosine * GALACTIC_CENTRE_SIN_DECLINATION  # sin of a declination is −cos zenith there
        angle = np.arccos(np.clip(along[..., None] + across[..., None] * np.cos(azimuth), -1, 1))
        return np.interp(angle, *self._tabulated()).mean(axis=2) @ weights

    @cache  # noqa: B019  (halos are values, and few)
    def _tabulated(self) -> tuple[NDArray, NDArray]:
        angles = np.geomspace(1e-4, np.pi, 400)
        return angles, self.column(angles)

    def mean_column(self) -> float:
        """`column` averaged over the sky [GeV/cm²].

        >>> f"{Halo().mean_column():.4g}"
        '2.131e+22'
        """
        return float(self.column_at_pole(np.linspace(-1, 1, 41)).mean())


def galactic_intensity(mass_gev: float, lifetime_s: float, column_gev_cm2: ArrayLike) -> NDArray[np.float64]:
    """Neutrinos [cm⁻² s⁻¹ sr⁻¹] of one a decay, of the shape of the column of dark matter."""
    return np.asarray(column_gev_cm2) / (4 * np.pi * mass_gev * lifetime_s)


def extragalactic_intensity(mass_gev: float, lifetime_s: float) -> float:
    """c n/(4π τ H₀) [cm⁻² s⁻¹ sr⁻¹] of one neutrino a decay; times `reach` of a redshift, those from up to there.

    >>> f"{extragalactic_intensity(12.6e6, 1e28):.3e}"
    '1.096e-14'
    """
    number = COSMIC_DENSITY_GEV_CM3 / mass_gev
    return SPEED_OF_LIGHT_CM_S * number / (4 * np.pi * lifetime_s * HUBBLE_PER_S)


def reach(redshift: ArrayLike) -> NDArray[np.float64]:
    """∫ dz / ((1+z) h(z)) from 0, with h = √(Ω_m (1+z)³ + 1 − Ω_m), of the shape of `redshift`.

    Held constant above HIGHEST_REDSHIFT and zero below 0; better than 1e-7.

    >>> round(float(reach(50.0)), 4)
    0.9477
    """
    log_scale, total = _reached()
    return np.interp(np.log1p(np.maximum(redshift, 0.0)), log_scale, total)


@cache
def _reached() -> tuple[NDArray, NDArray]:
    log_scale = np.linspace(0, np.log1p(HIGHEST_REDSHIFT), 20001)
    nodes, weights = (a / 2 for a in np.polynomial.legendre.leggauss(4))
    at = log_scale[:-1, None] + np.diff(log_scale)[:, None] * (0.5 + nodes)
    rate = 1 / np.sqrt(OMEGA_MATTER * np.exp(3 * at) + 1 - OMEGA_MATTER)
    return log_scale, np.concatenate([[0.0], np.cumsum(rate @ weights * np.diff(log_scale))])


def decay_spectrum(channel: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x = 2E/m and the share of a neutrino at each, (points,): one point for a line, else a quadrature of dN/dx = 2x.

    Raises ConfigurationError for an unknown channel.
    """
    if channel not in CHANNELS:
        raise ConfigurationError(unknown("decay channel", channel, CHANNELS))
    if channel != "nu_nubar_nubar":
        return np.ones(1), np.ones(1)
    edges = np.linspace(0, 1, 401)
    return (edges[1:] + edges[:-1]) / 2, np.diff(edges**2)


def radiated(energy_gev: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fractions of its energy that a neutrino keeps, (points,), and their probabilities, after electroweak radiation.

    Leading logarithm, approximate: (α/2π) (1 + (1−z)²)/z ln(z²E²/M²) dz of bosons with part z of the energy. A W makes
    a charged lepton of it, which is lost; a Z leaves 1 − z, one at most. Neutrinos from decays of W and Z are left
    out. The first point is the line that is left. Raises ParameterError for energies below 10 TeV.

    >>> kept, probability = radiated(6.3e6)
    >>> round(float(probability[0]), 2), round(float(probability.sum()), 2)
    (0.37, 0.55)
    """
    if not energy_gev >= 1e4:
        raise ParameterError(f"energy_gev: found {energy_gev:g}, expected at least 1e4, where logarithms are large")
    weak = 8 * M_W_GEV**2 * G_FERMI / np.sqrt(2) / (4 * np.pi)
    z, to_z = _emission(energy_gev, M_Z_GEV, weak / (4 * (1 - SIN2_THETA_W)))
    _, to_w = _emission(energy_gev, M_W_GEV, weak / 2)
    left, some = np.exp(-to_w.sum()), -np.expm1(-to_z.sum())
    return np.append(1.0, 1 - z), left * np.append(1 - some, some * to_z / to_z.sum())


def _emission(energy_gev: float, mass_gev: float, alpha: float) -> tuple[NDArray, NDArray]:
    """Energy fractions z of a boson, (points,), and the mean number of bosons at each."""
    nodes, weights = (a / 2 for a in np.polynomial.legendre.leggauss(48))
    low = np.log(mass_gev / energy_gev)
    log_z = low * (0.5 - nodes)
    z = np.exp(log_z)
    return z, alpha / (2 * np.pi) * (1 + (1 - z) ** 2) * 2 * (log_z - low) * weights * -low


def galactic_shares(energy_gev: NDArray, number: NDArray, edges_gev: NDArray) -> NDArray[np.float64]:
    """Neutrinos of discrete energies in cells, (cells,): each shared between the two cells whose centres are nearest.

    So shared, counts change smoothly with the energy of a line. What lies beyond the cells is lost.
    """
    centres = np.log(edges_gev[:-1] * edges_gev[1:]) / 2
    position = np.interp(np.log(energy_gev), centres, np.arange(centres.size), left=-1, right=-1)
    inside = position >= 0
    low = np.minimum(position[inside].astype(int), centres.size - 2)
    upper = position[inside] - low
    found = np.bincount(low, number[inside] * (1 - upper), centres.size)
    return found + np.bincount(low + 1, number[inside] * upper, centres.size)


def extragalactic_shares(energy_gev: NDArray, number: NDArray, edges_gev: NDArray) -> NDArray[np.float64]:
    """Neutrinos of discrete energies at their source in cells at Earth, (cells,), over `extragalactic_intensity`."""
    below = reach(energy_gev[:, None] / edges_gev - 1)
    return number @ (below[:, :-1] - below[:, 1:])
