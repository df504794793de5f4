"""μN → μNX by a beam muon in a calorimeter, with X a vector, scalar or pseudoscalar, and the Z′ of L_μ−L_τ.

Sources: Weizsäcker–Williams with the nucleus' photons, Bjorken, Essig, Schuster, Toro, arXiv:0906.0580, Liu, McKeen,
Miller, arXiv:1609.06781 (the amplitudes at any mass of the boson), Kirpichnikov et al., arXiv:2107.13297 (muons);
muon energy loss, Groom, Mokhov, Striganov, At. Data Nucl. Data Tables 78 (2001) 183, and PDG 2022, "Passage of
particles through matter"; loop mixing and decays of an L_μ−L_τ boson, arXiv:2501.06294 and arXiv:2401.01708.

Cross sections are per unit coupling squared. Only the elastic form factor of the nucleus is included: protons that
break up add events above 1 GeV, where it makes the cross section an underestimate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ConfigurationError, ParameterError, unknown
from npinfer.physics.constants import (
    ALPHA_EM,
    AVOGADRO,
    HBARC2_GEV2_CM2,
    M_ELECTRON_GEV,
    M_MUON_GEV,
    M_TAU_GEV,
)
from npinfer.physics.muon_beam import muons_on_target
from npinfer.physics.registry import generator
from npinfer.physics.zprime import configured_mass, width_to_fermions

BOSONS = ("vector", "scalar", "pseudoscalar")
BEAM_GEV = 160.0
MAX_MOMENTUM_GEV = 80.0  # of the scattered muon, behind the calorimeter
MAX_ANGLE_RAD = 0.1  # of the boson, or 3 m/E where that is more: wider than its emission
MAX_MASS_GEV = 100.0  # which the beam's energy can still make
DECAYS = ("neutrinos", "dark_matter")

BETHE_GEV_CM2 = 0.307075e-3  # K = 4π N_A r_e² m_e c², per mole
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_DEPTHS, _DEPTH_WEIGHTS = np.polynomial.legendre.leggauss(6)


@dataclass(frozen=True)
class Nucleus:
    """A nucleus of charge `z` with its atom of molar mass `a` [g/mol]."""

    z: int
    a: float


@dataclass(frozen=True)
class Material:
    """A material of one formula unit, {nucleus: number}."""

    density_g_cm3: float
    nuclei: tuple[tuple[Nucleus, int], ...]

    @property
    def molar_mass(self) -> float:
        return sum(number * nucleus.a for nucleus, number in self.nuclei)

    @property
    def z_over_a(self) -> float:
        return sum(number * nucleus.z for nucleus, number in self.nuclei) / self.molar_mass

    @property
    def mean_z(self) -> float:
        """Charge of the nuclei, averaged by mass."""
        return sum(number * nucleus.a * nucleus.z for nucleus, number in self.nuclei) / self.molar_mass


LEAD = Nucleus(82, 207.2)
LEAD_PLATES = Material(11.35, ((LEAD, 1),))
POLYSTYRENE = Material(1.06, ((Nucleus(6, 12.011), 1), (Nucleus(1, 1.008), 1)))

# Materials that a muon crosses evenly mixed, and the thickness of each [cm]. NA64's electromagnetic calorimeter: 40
# radiation lengths of lead, in plates as thick as those of scintillator (recalled, approximate).
Target = Sequence[tuple[Material, float]]
ECAL: Target = ((LEAD_PLATES, 22.4), (POLYSTYRENE, 22.4))


# ---- the cross section


def photon_flux(t_min_gev2: ArrayLike, t_max_gev2: ArrayLike, nucleus: Nucleus) -> NDArray[np.float64]:
    """χ = ∫ dt (t - t_min)/t² G(t) from t_min to t_max, broadcast; 0 where t_min is above t_max.

    G = Z² (a²t/(1 + a²t))² (1 + t/d)^-2 is the elastic form factor screened by the atom's electrons, a = 111
    Z^(-1/3)/m_e and d = 0.164 GeV² A^(-2/3). A closed form, and above t_min = 100 d, where that loses its digits, its
    series in d/t: better than 1e-8.

    >>> f"{photon_flux(1e-8, 1.0, LEAD):.0f} {photon_flux(100.0, 1e4, LEAD):.2e}"
    '74084 2.46e-06'
    """
    low, high = np.broadcast_arrays(*(np.asarray(t, dtype=float) for t in (t_min_gev2, t_max_gev2)))
    high = np.maximum(high, low)
    size = 0.164 * nucleus.a ** (-2 / 3)
    far = low > 100 * size
    near = np.where(far, 0.0, low)
    chi = np.where(far, _flux_far(low, high, size), _flux_near(near, np.where(far, 0.0, high), size, nucleus))
    return nucleus.z**2 * size**2 * np.maximum(chi, 0.0)


def _flux_near(low: NDArray, high: NDArray, size: float, nucleus: Nucleus) -> NDArray:
    """χ/(Z d)² in closed form."""
    screening = (M_ELECTRON_GEV * nucleus.z ** (1 / 3) / 111) ** 2
    width = size - screening

    def primitive(t: NDArray) -> NDArray:
        logarithm = (screening + size + 2 * low) / width * np.log1p(-width / (t + size))
        return (logarithm + (screening + low) / (t + screening) + (size + low) / (t + size)) / width**2

    return primitive(high) - primitive(low)


def _flux_far(low: NDArray, high: NDArray, size: float) -> NDArray:
    """χ/(Z d)² where nothing is screened: ∫ dt (t - t_min) t^-4 Σ_k (k + 1) (-d/t)^k."""
    low = np.maximum(low, size)
    ratio = low / np.maximum(high, low)
    total = np.zeros_like(low)
    for k in range(6):
        end = (1 - ratio ** (k + 2)) / (k + 2) - (1 - ratio ** (k + 3)) / (k + 3)
        total = total + (k + 1) * (-size / low) ** k * end
    return total / low**2


def amplitude(x: ArrayLike, u_gev2: ArrayLike, mass_gev: ArrayLike, boson: str = "vector") -> NDArray[np.float64]:
    """Squared amplitude of μγ → μX over e²g² for a real photon, (1/4) Σ over spins for t → 0 at the given x and u.

    x: share of the muon's energy in X; u = (p_μ - p_X)² - m_μ² (negative). Raises ParameterError for another boson.
    """
    if boson not in BOSONS:
        raise ParameterError(unknown("boson", boson, BOSONS))
    x, u, m2 = np.asarray(x, dtype=float), np.asarray(u_gev2, dtype=float), np.asarray(mass_gev, dtype=float) ** 2
    muon2 = M_MUON_GEV**2
    rest = (u * x + m2 * (1 - x) + muon2 * x**2) / u**2
    if boson == "vector":
        return 2 * (2 - 2 * x + x**2) / (1 - x) + 4 * (m2 + 2 * muon2) * rest
    return x**2 / (1 - x) + 2 * (m2 - 4 * muon2 if boson == "scalar" else m2) * rest


def spectrum(
    x: ArrayLike,
    mass_gev: ArrayLike,
    *,
    boson: str = "vector",
    energy_gev: ArrayLike = BEAM_GEV,
    nucleus: Nucleus = LEAD,
) -> NDArray[np.float64]:
    """dσ/dx per unit g² [cm²] of a muon of `energy_gev` on one atom, broadcast over the arguments.

    d²σ/dx dcosθ = (α²/2π) χ β x E² (1-x) A/u², -u = m²(1-x)/x + m_μ² x + x E² θ², integrated over log(-u) to
    θ = 0.1 or 3 m/E; t_min = (u/(2E(1-x)))², t_max = E². Zero outside m < xE < E - m_μ.
    """
    x, mass, energy = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (x, mass_gev, energy_gev)))
    open_ = (x * energy > mass) & (x * energy < energy - M_MUON_GEV)
    x, mass, energy = (np.where(open_, v, safe)[..., None] for v, safe in ((x, 0.5), (mass, 0.0), (energy, BEAM_GEV)))
    least = mass**2 * (1 - x) / x + M_MUON_GEV**2 * x
    span = np.log1p(x * np.maximum(energy * MAX_ANGLE_RAD, 3 * mass) ** 2 / least)
    u = -least * np.exp(span * (_NODES + 1) / 2)
    chi = photon_flux((u / (2 * energy * (1 - x))) ** 2, energy**2, nucleus)
    over_angle = np.sum(_WEIGHTS * span / 2 * chi * amplitude(x, u, mass, boson) / -u, axis=-1)
    x, mass, energy = (v[..., 0] for v in (x, mass, energy))
    beta = np.sqrt(1 - (mass / (x * energy)) ** 2)
    return np.where(open_, HBARC2_GEV2_CM2 * ALPHA_EM**2 / (4 * np.pi) * beta * (1 - x) * over_angle, 0.0)


def cross_section(
    mass_gev: ArrayLike,
    *,
    x_min: ArrayLike = 0.5,
    boson: str = "vector",
    energy_gev: ArrayLike = BEAM_GEV,
    nucleus: Nucleus = LEAD,
) -> NDArray[np.float64]:
    """σ per unit g² [cm²] for a share of energy above `x_min` in the boson, broadcast over the arguments.

    32 nodes in log(x/(1-x)), up to x = 1 - m_μ/E: better than 1e-6 where the threshold m/E is below x_min.

    >>> f"{cross_section(0.1):.2e}"
    '6.43e-27'
    """
    given = (np.asarray(v, dtype=float)[..., None] for v in (mass_gev, x_min, energy_gev))
    mass, low, energy = np.broadcast_arrays(*given)
    end = 1 - M_MUON_GEV / energy
    start = np.clip(np.maximum(low, mass / energy), 1e-9, end)
    first, last = (np.log(x / (1 - x)) for x in (start, end))
    x = 1 / (1 + np.exp(-(first + (last - first) * (_NODES + 1) / 2)))
    density = spectrum(x, mass, boson=boson, energy_gev=energy, nucleus=nucleus)
    return np.sum(_WEIGHTS * (last - first) / 2 * x * (1 - x) * density, axis=-1)


# ---- the muon in the calorimeter


def ionisation(energy_gev: ArrayLike, material: Material) -> NDArray[np.float64]:
    """Mean electronic stopping power of a relativistic muon [GeV cm²/g], in the limit of the full density effect.

    K Z/A [ln(2 m_e T_max/(ħω_p)²)/2 - 1/2 + (T_max/E)²/8], ħω_p = 28.816 eV √(ρ Z/A).
    """
    energy = np.asarray(energy_gev, dtype=float)
    most = energy**2 / (energy + (M_MUON_GEV**2 + M_ELECTRON_GEV**2) / (2 * M_ELECTRON_GEV))
    plasma = 28.816e-9 * np.sqrt(material.density_g_cm3 * material.z_over_a)
    bracket = np.log(2 * M_ELECTRON_GEV * most / plasma**2) / 2 - 0.5 + (most / energy) ** 2 / 8
    return BETHE_GEV_CM2 * material.z_over_a * bracket


def critical_energy_gev(material: Material) -> float:
    """Where radiation takes as much energy from a muon as ionisation: 5700 GeV/(Z + 1.47)^0.838 (PDG, condensed).

    >>> f"{critical_energy_gev(LEAD_PLATES):.0f}"
    '140'
    """
    return float(5700.0 / (material.mean_z + 1.47) ** 0.838)


def energy_behind(energy_gev: ArrayLike, share: ArrayLike, target: Target = ECAL) -> NDArray[np.float64]:
    """Mean energy [GeV] of a muon behind a `share` of the target; a negative share goes back along its path.

    dE/ds = -(a + bE), with a at the beam's energy and b from the critical energy.

    >>> f"{energy_behind(160.0, 1.0):.2f}"
    '158.92'
    """
    a = b = 0.0
    for material, thickness_cm in target:
        grams = material.density_g_cm3 * thickness_cm
        critical = critical_energy_gev(material)
        a += grams * float(ionisation(BEAM_GEV, material))
        b += grams * float(ionisation(critical, material)) / critical
    kept = np.exp(-b * np.asarray(share, dtype=float))
    return np.asarray(energy_gev, dtype=float) * kept - a / b * (1 - kept)


def signal_yield(
    mass_gev: ArrayLike, *, boson: str = "vector", target: Target = ECAL, losses: bool = True
) -> NDArray[np.float64]:
    """Events per beam muon and unit g² whose scattered muon leaves the target below 80 GeV, of the mass's shape.

    losses: the mean energy loss before and after the emission; without, every muon has the beam's energy.
    Raises ParameterError for a mass that is not between 0 and 100 GeV.
    """
    mass = np.asarray(mass_gev, dtype=float)[..., None]
    if not np.all((mass > 0) & (mass <= MAX_MASS_GEV)):
        raise ParameterError(
            f"mass_gev: found {np.min(mass):g} to {np.max(mass):g} GeV, expected a mass above 0 and at most "
            f"{MAX_MASS_GEV:g} GeV, which the beam can make"
        )
    share = (_DEPTHS + 1) / 2 * losses
    energy = energy_behind(BEAM_GEV, share, target)
    x_min = 1 - energy_behind(MAX_MOMENTUM_GEV, (share - 1) * losses, target) / energy
    total = np.zeros(mass.shape[:-1])
    for material, thickness_cm in target:
        units = AVOGADRO * material.density_g_cm3 * thickness_cm / material.molar_mass
        for nucleus, number in material.nuclei:
            sigma = cross_section(mass, x_min=x_min, boson=boson, energy_gev=energy, nucleus=nucleus)
            total = total + units * number * sigma @ (_DEPTH_WEIGHTS / 2)
    return total


# ---- generators


@generator("zprime.muon_bremsstrahlung")
def bremsstrahlung_events(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """Invisible Z′ of NA64μ: g_zprime² × muons × yield × the share of decays to neutrinos and dark fermions.

    Configuration: m_zprime, decay, chi_mass_ratio, muons_on_target. Parameters: g_zprime, and g_chi where a dark
    fermion is chosen and competes with Z′ → μμ: below 2 m_μ every decay is invisible.
    """
    mass = configured_mass(configuration, most_gev=MAX_MASS_GEV)
    events = muons_on_target(configuration) * float(signal_yield(mass))
    neutrinos = float(width_to_fermions(mass, 0.0))  # two flavours, half of a Dirac fermion each
    visible = float(np.sum(width_to_fermions(mass, (M_MUON_GEV, M_TAU_GEV))))
    dark = _dark_width(mass, configuration)
    (name,) = (c.name for c in channels)
    if visible == 0.0 or dark == 0.0:
        seen = events * neutrinos / (neutrinos + visible)
        return lambda *, g_zprime: {name: seen * np.square(g_zprime)[:, None]}

    def counts(*, g_zprime: NDArray, g_chi: NDArray) -> dict[str, NDArray]:
        ours, theirs = np.square(g_zprime), dark * np.square(g_chi)
        total = ours * (neutrinos + visible) + theirs
        share = (ours * neutrinos + theirs) / np.where(total == 0, 1.0, total)
        return {name: (events * ours * share)[:, None]}

    return counts


def _dark_width(mass_gev: float, configuration: Mapping[str, Any]) -> float:
    """Γ(Z′ → χχ̄)/m per g_chi², 0 without a dark fermion."""
    decay, ratio = str(configuration.get("decay", DECAYS[0])), configuration.get("chi_mass_ratio", 1 / 3)
    if decay not in DECAYS:
        raise ConfigurationError(unknown("decay", decay, DECAYS))
    if decay == DECAYS[0]:
        return 0.0
    if not 0 <= ratio < 0.5:
        raise ConfigurationError(f"chi_mass_ratio: found {ratio:g}, expected m_χ/m_Z′ from 0 to below 0.5")
    return float(width_to_fermions(mass_gev, ratio * mass_gev))
