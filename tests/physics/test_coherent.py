"""Coherent scattering: closed forms, Dirac traces, kinematics of four-vectors, and independently computed averages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad

from npinfer.errors import ParameterError
from npinfer.physics import coherent
from npinfer.physics.coherent import FLAVOURS, NUCLEI, Nucleus
from npinfer.physics.constants import ALPHA_EM, AVOGADRO, G_FERMI, HBARC2_GEV2_CM2, M_ELECTRON_GEV, SIN2_THETA_W
from npinfer.physics.form_factor import FORMS, nuclear_radius
from npinfer.physics.zprime import loop_mixing

ARGON, CAESIUM, IODINE = (NUCLEI[n] for n in ("Ar40", "Cs133", "I127"))
HBARC2_MEV2_CM2 = 1e6 * HBARC2_GEV2_CM2
UPSCATTERING = [  # E, T, M, m4 in MeV, and T times the bracket of the charge
    (30.0, 0.005, 500.0, 5.0, 0.9573),
    (30.0, 0.002, 500.0, 5.0, 0.9054),
    (40.0, 2.0, 100.0, 15.0, 0.8680),
]
POINTS = [*(p[:4] for p in UPSCATTERING), (50.0, 5.0, 300.0, 0.0)]

# ---- four-vectors and traces


I2, O2 = np.eye(2), np.zeros((2, 2))
PAULI = [np.array(m, dtype=complex) for m in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]])]
GAMMA = [np.block([[I2, O2], [O2, -I2]]).astype(complex), *(np.block([[O2, s], [-s, O2]]) for s in PAULI)]
LEFT = (np.eye(4) - 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]) / 2
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
SIGMA = [[0.5j * (a @ b - b @ a) for b in GAMMA] for a in GAMMA]


def slash(p: NDArray) -> NDArray:
    return sum(METRIC[m, m] * p[m] * GAMMA[m] for m in range(4))


def contracted(q: NDArray) -> list[NDArray]:
    """σ^μν q_ν."""
    lower = METRIC @ q
    return [sum(SIGMA[m][n] * lower[n] for n in range(4)) for m in range(4)]


def bar(vertex: NDArray) -> NDArray:
    return GAMMA[0] @ vertex.conj().T @ GAMMA[0]


def by_trace(energy: float, recoil: float, mass: float, heavy: float, vertex: str) -> float:
    """dσ/dT [MeV^-3] for μ = 1 MeV^-1 and a spin-½ nucleus of charge 1, or of no charge and κ = 1."""
    momentum = np.sqrt(recoil**2 + 2 * mass * recoil)
    cos = (heavy**2 + 2 * recoil * (energy + mass)) / (2 * energy * momentum)
    k, p = np.array([energy, 0, 0, energy]), np.array([mass, 0, 0, 0])
    p2 = np.array([mass + recoil, momentum * np.sqrt(1 - cos**2), 0, momentum * cos])
    k2, spin = k + p - p2, contracted(p2 - p)
    assert k2 @ METRIC @ k2 == pytest.approx(heavy**2, abs=1e-6)
    neutrino = [s @ LEFT for s in spin]
    nucleus = GAMMA if vertex == "charge" else [1j / (2 * mass) * s for s in spin]
    total = 0.0
    for m in range(4):
        for n in range(4):
            lepton = np.trace((slash(k2) + heavy * np.eye(4)) @ neutrino[m] @ slash(k) @ bar(neutrino[n]))
            other = (slash(p2) + mass * np.eye(4)) @ nucleus[m] @ (slash(p) + mass * np.eye(4)) @ bar(nucleus[n])
            total += METRIC[m, m] * METRIC[n, n] * (lepton * np.trace(other) / 2).real
    squared = 4 * np.pi * ALPHA_EM * total / (2 * mass * recoil) ** 2
    return squared / (32 * np.pi * mass * energy**2)


# ---- the Standard Model


def test_argon_at_one_point() -> None:
    """The formula with tree-level couplings and no form factor, in numbers of its own."""
    charge = (0.5 - 2 * SIN2_THETA_W) * 18 - 0.5 * 22
    mass, energy, recoil = ARGON.mass_mev / 1e3, 0.030, 2e-5
    kinematic = 1 - recoil / energy - mass * recoil / (2 * energy**2)
    expected = G_FERMI**2 * mass / np.pi * charge**2 * kinematic * HBARC2_GEV2_CM2 / 1e3
    assert coherent.elastic(30.0, 0.02, ARGON, charge**2) == pytest.approx(expected, rel=1e-12)
    assert coherent.weak_charge(ARGON, "e", 0.5, 0.25) == pytest.approx(0.0382 * 9 - 0.5117 * 5.5, rel=1e-12)


def test_total_cross_section_without_form_factor() -> None:
    """∫ dT of the bracket in closed form."""
    high = float(coherent.recoil_range(30.0, ARGON.mass_mev)[1])
    found, _ = quad(lambda t: float(coherent.elastic(30.0, t, ARGON, 1.0)), 1e-9, high)
    area = high - high**2 / 60 - ARGON.mass_mev * high**2 / (4 * 30.0**2)
    scale = (G_FERMI * 1e-6) ** 2 * ARGON.mass_mev / np.pi * HBARC2_MEV2_CM2
    assert found == pytest.approx(scale * area, rel=1e-6)
    assert coherent.elastic(30.0, 1.001 * high, ARGON, 1.0) == 0


def test_masses_of_nuclei() -> None:
    """Atoms of 132.905, 126.904 and 39.962 u without 55, 53 and 18 electrons."""
    found = [nucleus.mass_mev for nucleus in (CAESIUM, IODINE, ARGON)]
    assert found == pytest.approx([123800.6 - 28.1, 118210.8 - 27.1, 37224.7 - 9.2], abs=0.2)


@pytest.mark.parametrize(("form", "value"), [("helm", 191.3e-40), ("klein_nystrand", 182.8e-40)])
def test_cross_section_of_caesium_iodide_averaged_over_the_flux(form: str, value: float) -> None:
    found = [coherent.mean_cross_section(nucleus, form) for nucleus in (CAESIUM, IODINE)]
    assert np.mean(found) == pytest.approx(value, rel=0.002)


def test_the_form_factor_moves_the_average_by_five_percent() -> None:
    helm, other = ([coherent.mean_cross_section(n, form) for n in (CAESIUM, IODINE)] for form in FORMS)
    assert np.mean(helm) / np.mean(other) - 1 == pytest.approx(0.046, abs=0.002)


def test_average_by_another_integration() -> None:
    """First over recoils, then over energies, with adaptive quadrature."""

    def total(energy: float, flavour: str) -> float:
        def section(recoil: float) -> float:
            shape = coherent.nuclear_form_factor(recoil, ARGON)
            return float(coherent.elastic(energy, recoil, ARGON, coherent.weak_charge(ARGON, flavour, shape) ** 2))

        high = float(coherent.recoil_range(energy, ARGON.mass_mev)[1])
        return quad(section, 1e-12, high, epsabs=0, epsrel=1e-8)[0] * 1e38

    found = total(coherent.PROMPT_ENERGY_MEV, "mu")
    for species in ("nue", "numubar"):
        density = lambda e, s=species: float(coherent.decay_spectrum(e, s)) * total(e, FLAVOURS[s])
        found += quad(density, 1e-3, coherent.MICHEL_END_MEV, epsabs=0, epsrel=1e-8)[0]
    assert coherent.mean_cross_section(ARGON) * 1e38 == pytest.approx(found / 3, rel=1e-6)


def test_larger_nuclei_scatter_less_at_large_recoil() -> None:
    radii = nuclear_radius(133) * np.array([0.97, 1.0, 1.03])
    found = coherent.nuclear_form_factor(0.02, CAESIUM, radius_fm=radii)
    assert found[0] > found[1] > found[2]
    assert found[1] == coherent.nuclear_form_factor(0.02, CAESIUM)


# ---- the source


def test_spectra_of_decays_at_rest() -> None:
    assert coherent.PROMPT_ENERGY_MEV == pytest.approx(29.79, abs=0.005)
    assert coherent.MICHEL_END_MEV == pytest.approx(52.83, abs=0.005)
    for species, mean in (("nue", 0.3), ("numubar", 0.35)):  # in units of m_μ, in closed form
        density = lambda e, s=species: float(coherent.decay_spectrum(e, s))
        assert quad(density, 0, coherent.MICHEL_END_MEV)[0] == pytest.approx(1, rel=1e-9)
        average = quad(lambda e: e * density(e), 0, coherent.MICHEL_END_MEV)[0]
        assert average / (2 * coherent.MICHEL_END_MEV) == pytest.approx(mean, rel=1e-9)
        assert coherent.decay_spectrum([-1.0, 52.9], species) == pytest.approx([0, 0])


def test_exposure_of_caesium_iodide() -> None:
    """14.6 kg at 19.3 m, 3.198e23 protons with 0.0848 neutrinos of each species."""
    assert 14.6e3 / (132.90545 + 126.90447) * AVOGADRO == pytest.approx(3.384e25, rel=2e-4)
    assert 3.198e23 * 0.0848 / (4 * np.pi * 1930.0**2) == pytest.approx(5.794e14, rel=2e-4)


# ---- magnetic moments and the dipole portal


def test_magnetic_moment() -> None:
    prefactor = np.pi * ALPHA_EM**2 / M_ELECTRON_GEV**2 * HBARC2_GEV2_CM2
    assert prefactor == pytest.approx(2.4947e-25, rel=2e-5)
    found = coherent.magnetic(30.0, [0.005, 0.01], ARGON, [1.0, 0.5], 1e-9)
    expected = prefactor * 1e-18 * 18**2 * np.array([1, 0.25]) * (1 / np.array([0.005, 0.01]) - 1 / 30)
    assert found == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("energy", "recoil", "mass", "heavy", "value"), UPSCATTERING)
def test_upscattering_truth(energy: float, recoil: float, mass: float, heavy: float, value: float) -> None:
    one = Nucleus(1, 0, mass)
    scale = ALPHA_EM * coherent.BOHR_MAGNETON_PER_MEV**2 * HBARC2_MEV2_CM2
    found = recoil * coherent.upscattering(energy, recoil, one, 1.0, 1.0, heavy) / scale
    assert found == pytest.approx(value, abs=0.5001e-4)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("vertex", ["charge", "spin"])
def test_upscattering_against_the_trace(point: tuple[float, float, float, float], vertex: str) -> None:
    energy, recoil, mass, heavy = point
    nucleus = Nucleus(1, 0, mass) if vertex == "charge" else Nucleus(0, 1, mass, anomalous_moment=1.0)
    found = coherent.upscattering(energy, recoil, nucleus, 1.0, 1.0, heavy)
    unit = coherent.BOHR_MAGNETON_PER_MEV**2 * HBARC2_MEV2_CM2
    assert found / unit == pytest.approx(by_trace(energy, recoil, mass, heavy, vertex), rel=1e-9)


def test_charge_and_spin_add() -> None:
    both, charge, spin = (Nucleus(z, 40 - z, 37215.0, k) for z, k in ((18, 3.0), (18, 0.0), (0, 3.0)))
    at = (40.0, 0.02, 0.8, 1e-9, 10.0)
    found = [coherent.upscattering(at[0], at[1], n, *at[2:]) for n in (both, charge, spin)]
    assert found[0] == pytest.approx(found[1] + found[2], rel=1e-12)
    assert found[2] > 0


@given(
    energy=st.floats(1, 60), mass=st.floats(100, 1.3e5), share=st.floats(0, 0.9999), cos=st.floats(-0.99, 0.99)
)
def test_recoils_of_four_vectors(energy: float, mass: float, share: float, cos: float) -> None:
    """A scattering at any angle in the centre of mass has a recoil within the range; straight ones are its ends."""
    heavy = share * (np.sqrt(mass**2 + 2 * mass * energy) - mass)
    s = mass**2 + 2 * mass * energy
    k, e4 = mass * energy / np.sqrt(s), (s + heavy**2 - mass**2) / (2 * np.sqrt(s))
    k4 = np.sqrt(max(e4**2 - heavy**2, 0.0))
    # the nucleus, with −k before and −k4 after, seen from where it was at rest
    gamma, speed = (energy + mass) / np.sqrt(s), energy / (energy + mass)
    after = np.sqrt(k4**2 + mass**2)
    angles = np.array([-1.0, cos, 1.0])
    recoil = gamma * (after - speed * k4 * angles) - mass
    low, high = (float(x) for x in coherent.recoil_range(energy, mass, heavy))
    rounding = 1e-9 * mass
    assert recoil[0] == pytest.approx(high, rel=1e-6, abs=rounding)
    assert recoil[2] == pytest.approx(low, rel=1e-6, abs=rounding)
    assert low - rounding <= recoil[1] <= high + rounding
    assert k == pytest.approx(gamma * speed * mass, rel=1e-9)


@given(energy=st.floats(5, 60), mass=st.floats(100, 1.3e5), share=st.floats(1e-3, 0.99), at=st.floats(0.001, 0.999))
def test_upscattering_is_positive_where_it_can_happen(energy: float, mass: float, share: float, at: float) -> None:
    heavy = share * (np.sqrt(mass**2 + 2 * mass * energy) - mass)
    low, high = (float(x) for x in coherent.recoil_range(energy, mass, heavy))
    nucleus = Nucleus(18, 22, mass, 2.0)
    inside, outside = low * (high / low) ** at, np.array([low * 0.999, high * 1.001])
    assert coherent.upscattering(energy, inside, nucleus, 1.0, 1e-9, heavy) > 0
    assert np.all(coherent.upscattering(energy, outside, nucleus, 1.0, 1e-9, heavy) == 0)
    assert coherent.least_energy(np.array([low, high]), mass, heavy) == pytest.approx([energy] * 2, rel=1e-6)


def test_nothing_is_made_below_threshold() -> None:
    low, high = coherent.recoil_range(10.0, 500.0, 11.0)
    assert np.isnan(low)
    assert np.isnan(high)
    assert coherent.recoil_nodes("nue", 500.0, 60.0)[0].size == 0
    assert np.all(coherent.upscattering(10.0, np.geomspace(1e-6, 10, 50), Nucleus(18, 22, 500.0), 1.0, 1.0, 11.0) == 0)


def test_a_light_heavy_neutrino_is_a_magnetic_moment() -> None:
    found = coherent.upscattering(30.0, 0.01, ARGON, 0.9, 1e-9, 1e-3)
    assert found == pytest.approx(coherent.magnetic(30.0, 0.01, ARGON, 0.9, 1e-9), rel=1e-6)


# ---- a light Z′


@pytest.mark.parametrize(("model", "quarks", "neutrino"), [("universal", 1, 1), ("b_minus_l", 1 / 3, -1)])
def test_a_heavy_zprime_is_a_shift_of_the_quark_couplings(model: str, quarks: float, neutrino: float) -> None:
    """g²Q_νQ_q/M² against √2 G_F for each of three quarks in a nucleon; ν_e and ν_μ alike."""
    mass, g = 1e5, 1e-2
    shift = 3 * quarks * neutrino * g**2 / (np.sqrt(2) * G_FERMI * 1e-6 * mass**2)
    for flavour in ("e", "mu"):
        found = g**2 * coherent.zprime_charge(0.01, ARGON, flavour, 1.0, mass, model)
        assert found == pytest.approx(40 * shift, rel=1e-6)


def test_loops_give_protons_a_charge() -> None:
    found = coherent.zprime_charge([0.01, 0.02], ARGON, "mu", 1.0, 10.0, "lmu_ltau")
    q2 = 2 * ARGON.mass_mev * np.array([0.01, 0.02])
    e = np.sqrt(4 * np.pi * ALPHA_EM)
    assert found == pytest.approx(-18 * e * loop_mixing(-1e-6 * q2) / (np.sqrt(2) * G_FERMI * 1e-6 * (q2 + 100)))
    assert np.all(found > 0)
    assert np.all(coherent.zprime_charge([0.01], ARGON, "e", 1.0, 10.0, "lmu_ltau") == 0)
    at_rest = 18 * e * 0.014433 / (np.sqrt(2) * G_FERMI * 1e-6 * 1e10)  # a heavy one, at q² = 0
    assert coherent.zprime_charge(1e-6, ARGON, "mu", 1.0, 1e5, "lmu_ltau") == pytest.approx(at_rest, rel=1e-4)


def test_interference() -> None:
    """A universal charge and that of L_μ−L_τ oppose the neutrons' weak charge; B−L has its sign."""
    weak = coherent.weak_charge(ARGON, "mu")
    assert weak < 0
    signs = [float(coherent.zprime_charge(0.01, ARGON, "mu", 1.0, 10.0, m)) * weak for m in coherent.ZPRIME_MODELS]
    assert [np.sign(s) for s in signs] == [-1, 1, -1]


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ParameterError, match="unknown flavour 'tau'"):
        coherent.weak_charge(ARGON, "tau")
    with pytest.raises(ParameterError, match="unknown flavour 'tau'"):
        coherent.zprime_charge(0.01, ARGON, "tau", 1.0, 10.0, "universal")
    with pytest.raises(ParameterError, match="unknown zprime_model 'lmu'"):
        coherent.zprime_charge(0.01, ARGON, "mu", 1.0, 10.0, "lmu")
    with pytest.raises(ParameterError, match="mass_mev: found 0, expected the mass"):
        coherent.zprime_charge(0.01, ARGON, "mu", 1.0, 0.0, "universal")
    with pytest.raises(ParameterError, match="unknown species of a muon's decay 'numu'"):
        coherent.decay_spectrum(10.0, "numu")
    with pytest.raises(ParameterError, match="unknown species 'nutau'"):
        coherent.averaged(lambda e, t, f: e, 0.01, "nutau", 500.0)
