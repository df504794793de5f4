"""Muon bremsstrahlung of new bosons: traces, direct integrals, independently computed numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import dblquad, quad, solve_ivp

from npinfer.errors import ConfigurationError, ParameterError
from npinfer.physics import muon_bremsstrahlung as mb
from npinfer.physics.constants import ALPHA_EM, HBARC2_GEV2_CM2, M_ELECTRON_GEV, M_MUON_GEV

MUONS = 1.98e10
PURE_LEAD = ((mb.LEAD_PLATES, 22.4),)
close = partial(pytest.approx, rel=1e-12, abs=0)  # cross sections are far below its usual absolute tolerance

# ---- the amplitude against Dirac traces

METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
GAMMA = [np.kron(np.diag([1, -1]), np.eye(2)), *(np.kron(np.array([[0, 1], [-1, 0]]), s) for s in SIGMA)]
GAMMA_5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]
VERTICES = {"vector": GAMMA, "scalar": [np.eye(4)], "pseudoscalar": [1j * GAMMA_5]}


def slash(p: NDArray) -> NDArray:
    return sum(METRIC[i, i] * p[i] * GAMMA[i] for i in range(4))


def trace(boson: str, mass: float, total: float, cosine: float) -> tuple[float, float, float]:
    """(Σ over spins of |M|²/(e²g²), x, u) of μγ → μX at a centre-of-mass energy and angle."""
    photon = (total**2 - M_MUON_GEV**2) / (2 * total)
    energy = (total**2 + mass**2 - M_MUON_GEV**2) / (2 * total)
    size = np.sqrt(energy**2 - mass**2)
    p, q = np.array([total - photon, 0, 0, -photon]), np.array([photon, 0, 0, photon])
    k = np.array([energy, size * np.sqrt(1 - cosine**2), 0, size * cosine])
    s = (p + q) @ METRIC @ (p + q) - M_MUON_GEV**2
    u = (p - k) @ METRIC @ (p - k) - M_MUON_GEV**2
    before, after, own = slash(p), slash(p + q - k), M_MUON_GEV * np.eye(4)
    vertices = VERTICES[boson]
    found = 0.0
    for (i, photon_vertex), (j, vertex) in product(enumerate(GAMMA), enumerate(vertices)):
        one = vertex @ (slash(p + q) + own) @ photon_vertex / s
        other = photon_vertex @ (slash(p - k) + own) @ vertex / u
        conjugate = GAMMA[0] @ (one + other).conj().T @ GAMMA[0]
        sign = -METRIC[i, i] * (-METRIC[j, j] if len(vertices) == 4 else 1)
        found += sign * np.trace((after + own) @ (one + other) @ (before + own) @ conjugate).real
    return found, 1 + u / s, u


@settings(deadline=None)
@given(
    boson=st.sampled_from(mb.BOSONS),
    mass=st.floats(1e-3, 3.0),
    above=st.floats(0.05, 3.0),
    cosine=st.floats(-0.99, 0.99),
)
def test_amplitudes_are_dirac_traces(boson: str, mass: float, above: float, cosine: float) -> None:
    spins, x, u = trace(boson, mass, mass + M_MUON_GEV + above, cosine)
    assert mb.amplitude(x, u, mass, boson) == close(spins / 4, rel=1e-8)


# ---- equivalent photons and cross sections against direct integrals


def form_factor(t: float, nucleus: mb.Nucleus) -> float:
    screened = (111 * nucleus.z ** (-1 / 3) / M_ELECTRON_GEV) ** 2 * t
    return nucleus.z**2 * (screened / (1 + screened)) ** 2 / (1 + t / (0.164 * nucleus.a ** (-2 / 3))) ** 2


@pytest.mark.parametrize("nucleus", [mb.LEAD, mb.Nucleus(6, 12.011), mb.Nucleus(1, 1.008)])
def test_photon_flux_is_the_integral_of_the_form_factor(nucleus: mb.Nucleus) -> None:
    low, high = np.array([1e-12, 1e-9, 1e-6, 1e-3, 0.1, 0.4, 0.5, 2.0, 300.0, 2e4]), 25600.0
    found = mb.photon_flux(low, high, nucleus)
    for start, value in zip(low, found, strict=True):
        inner = lambda v, s=start: (1 - s * np.exp(-v)) * form_factor(np.exp(v), nucleus)
        cuts = pairwise(np.linspace(np.log(start), np.log(high), 13))
        assert value == close(sum(quad(inner, a, b, epsrel=1e-11)[0] for a, b in cuts), rel=1e-8)
    assert mb.photon_flux(2.0, 1.0, nucleus) == 0


@pytest.mark.parametrize(
    ("mass", "boson"),
    [
        (0.01, "vector"), (0.1, "scalar"), (0.3, "pseudoscalar"), (1.0, "vector"), (30.0, "vector"), (100.0, "scalar"),
    ],
)  # fmt: skip
def test_cross_section_is_the_double_integral(mass: float, boson: str) -> None:
    """Over x and θ², as the convention is written; dcosθ = dθ²/2."""
    energy, muon2 = 160.0, M_MUON_GEV**2

    def density(log_angle2: float, x: float) -> float:
        angle2 = np.exp(log_angle2)
        u = -(mass**2 * (1 - x) / x + muon2 * x + x * energy**2 * angle2)
        chi = float(mb.photon_flux((u / (2 * energy * (1 - x))) ** 2, energy**2, mb.LEAD))
        beta = np.sqrt(1 - (mass / (x * energy)) ** 2)
        value = ALPHA_EM**2 / (2 * np.pi) * chi * beta * x * energy**2 * (1 - x)
        return HBARC2_GEV2_CM2 * value * float(mb.amplitude(x, u, mass, boson)) / u**2 * angle2 / 2

    widest = np.log(max(0.01, (3 * mass / energy) ** 2))
    least = max(0.5, mass / energy)
    wanted, _ = dblquad(density, least, 1 - M_MUON_GEV / energy, np.log(1e-13), widest, epsabs=0, epsrel=1e-5)
    assert mb.cross_section(mass, boson=boson) == close(wanted, rel=3e-5)


@pytest.mark.parametrize(
    ("mass", "boson", "x_min", "sigma"),
    [
        (0.01, "vector", 0.5, 1.081e-26), (0.01, "scalar", 0.5, 5.49e-27), (0.01, "pseudoscalar", 0.5, 2.95e-27),
        (0.1, "vector", 0.5, 6.40e-27), (0.1, "scalar", 0.5, 2.50e-27), (0.1, "pseudoscalar", 0.5, 1.74e-27),
        (0.3, "vector", 0.5, 1.65e-27),
        (1.0, "vector", 0.5, 1.10e-28), (1.0, "scalar", 0.5, 4.08e-29), (1.0, "pseudoscalar", 0.5, 4.01e-29),
        (2.0, "vector", 0.5, 9.50e-30),
        (0.01, "vector", 0.05, 5.99e-26), (0.1, "vector", 0.05, 1.03e-26), (1.0, "vector", 0.05, 1.16e-28),
    ],
)  # fmt: skip
def test_cross_sections_on_lead_computed_independently(mass: float, boson: str, x_min: float, sigma: float) -> None:
    assert mb.cross_section(mass, x_min=x_min, boson=boson) == close(sigma, rel=0.012)


def test_a_cut_at_large_x_loses_a_tenth_of_heavy_bosons() -> None:
    lost = mb.cross_section([1.0, 1.5, 2.0], x_min=0.99) / mb.cross_section([1.0, 1.5, 2.0])
    assert np.all(np.diff(lost) > 0)
    assert 0.08 < lost[0] < lost[-1] < 0.22


@given(x=st.floats(0.05, 0.95), mass=st.floats(1e-3, 5.0))
def test_amplitude_over_all_angles_is_the_improved_approximation(x: float, mass: float) -> None:
    """(1-x) ∫ A/u² d(-u) at one photon flux: 2[m_μ²x(x² + 2x - 2) - 2u(3 - 3x + x²)]/(3u²), u taken at θ = 0."""
    muon2 = M_MUON_GEV**2
    u = -(mass**2 * (1 - x) / x + muon2 * x)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    v = (nodes + 1) / 2  # u = u(θ=0)/v
    whole = (1 - x) * np.sum(weights / 2 * mb.amplitude(x, u / v, mass)) / -u
    closed = 2 * (muon2 * x * (x**2 + 2 * x - 2) - 2 * u * (3 - 3 * x + x**2)) / (3 * u**2)
    assert whole == close(closed, rel=1e-10)


@pytest.mark.parametrize(("x", "error"), [(0.3, 0.43), (0.8, -0.09)])
def test_the_form_without_the_mass_of_the_muon_is_wrong(x: float, error: float) -> None:
    nodes, weights = np.polynomial.legendre.leggauss(20)
    u = -(1e-6 * (1 - x) / x + M_MUON_GEV**2 * x)
    whole = (1 - x) * np.sum(weights / 2 * mb.amplitude(x, 2 * u / (nodes + 1), 1e-3)) / -u
    assert 4 * (1 - x + x**2 / 3) / -u / whole == pytest.approx(1 + error, abs=0.005)


def test_cross_sections_add_up_and_broadcast() -> None:
    x = np.linspace(0.2, 0.5, 2001)
    between = mb.cross_section(0.1, x_min=0.2) - mb.cross_section(0.1, x_min=0.5)
    assert np.trapezoid(mb.spectrum(x, 0.1), x) == close(between, rel=1e-6)
    grid = mb.cross_section(np.array([[0.01], [1.0]]), x_min=[0.3, 0.5, 0.7], energy_gev=[160.0, 159.0, 158.0])
    assert grid.shape == (2, 3)
    assert grid[1, 2] == mb.cross_section(1.0, x_min=0.7, energy_gev=158.0)
    assert mb.spectrum([0.001, 0.9999], 1.0).tolist() == [0.0, 0.0]  # below the boson's and above the muon's threshold
    assert mb.cross_section(0.1, x_min=1.0) == 0


@settings(deadline=None)
@given(mass=st.floats(1e-3, 9.0), boson=st.sampled_from(mb.BOSONS))
def test_cross_sections_fall_with_the_cut(mass: float, boson: str) -> None:
    sigma = mb.cross_section(mass, x_min=np.linspace(0.1, 0.99, 12), boson=boson)
    assert np.all(np.diff(sigma) < 0)
    assert sigma[-1] > 0


# ---- energy loss


@pytest.mark.parametrize(
    ("material", "excitation_ev", "c_bar"), [(mb.LEAD_PLATES, 823.0, 6.2018), (mb.POLYSTYRENE, 68.7, 3.2999)]
)
def test_ionisation_is_bethe_with_the_published_density_effect(
    material: mb.Material, excitation_ev: float, c_bar: float
) -> None:
    """Sternheimer, Berger, Seltzer: δ = 2 ln βγ - C̄ at high energies."""
    for energy in (80.0, 160.0):
        gamma = energy / M_MUON_GEV
        beta2 = 1 - gamma**-2
        ratio = M_ELECTRON_GEV / M_MUON_GEV
        most = 2 * M_ELECTRON_GEV * beta2 * gamma**2 / (1 + 2 * gamma * ratio + ratio**2)
        logarithm = np.log(2 * M_ELECTRON_GEV * beta2 * gamma**2 * most / (excitation_ev * 1e-9) ** 2)
        delta = np.log(beta2 * gamma**2) - c_bar
        bracket = logarithm / 2 - beta2 - delta / 2 + (most / energy) ** 2 / 8
        wanted = 0.307075e-3 * material.z_over_a * bracket / beta2
        assert mb.ionisation(energy, material) == close(wanted, rel=1e-3)


def test_energy_along_the_path_solves_its_equation() -> None:
    losses = [
        (m.density_g_cm3 * t, float(mb.ionisation(160.0, m)), float(mb.ionisation(c, m)) / c)
        for m, t in mb.ECAL
        for c in [mb.critical_energy_gev(m)]
    ]
    slope = lambda s, e: [-sum(grams * (a + b * e[0]) for grams, a, b in losses)]
    wanted = solve_ivp(slope, (0, 1), [160.0], rtol=1e-11, atol=1e-9).y[0, -1]
    assert mb.energy_behind(160.0, 1.0) == pytest.approx(wanted, abs=1e-6)
    assert mb.energy_behind(mb.energy_behind(160.0, 0.7), -0.7) == close(160.0, rel=1e-12)
    assert 0.9 < 160.0 - wanted < 1.2  # GeV: ionisation and radiation take about as much in lead at 140 GeV


def test_critical_energy_of_lead() -> None:
    assert mb.critical_energy_gev(mb.LEAD_PLATES) == close(141.0, rel=0.02)  # PDG 2022, a table of its own


# ---- yields


@pytest.mark.parametrize(("mass", "coupling"), [(0.01, 1.21e-4), (0.1, 1.57e-4), (0.5, 5.1e-4), (1.0, 1.20e-3)])
def test_yields_in_lead_and_what_the_calorimeter_changes(mass: float, coupling: float) -> None:
    """g where 2.303 events are expected without an inefficiency; energy loss and scintillator lower it by 1–2 %."""
    g90 = [
        np.sqrt(2.303 / (MUONS * float(mb.signal_yield(mass, target=target, losses=losses))))
        for target, losses in ((PURE_LEAD, False), (PURE_LEAD, True), (mb.ECAL, False), (mb.ECAL, True))
    ]
    lead, with_loss, with_mix, both = np.array(g90) / g90[0]
    assert g90[0] == close(coupling, rel=0.013)
    assert lead == 1
    assert -0.008 < with_loss - 1 < 0.001
    assert -0.009 < with_mix - 1 < -0.004
    assert -0.014 < both - 1 < -0.006


def test_axion_coupling_to_muons() -> None:
    """(∂a) μ̄γγ₅μ of coupling g is a Yukawa coupling of 2 m_μ g."""
    yukawa = np.sqrt(2.303 / (MUONS * mb.signal_yield(0.1, boson="pseudoscalar", target=PURE_LEAD, losses=False)))
    assert yukawa / (2 * M_MUON_GEV) == close(1.42e-3, rel=0.005)


def test_yield_is_proportional_to_the_thickness_and_vectorised() -> None:
    double = ((mb.LEAD_PLATES, 44.8),)
    masses = np.array([0.01, 1.0])
    thin = mb.signal_yield(masses, target=PURE_LEAD, losses=False)
    assert mb.signal_yield(masses, target=double, losses=False) == close(2 * thin, rel=1e-12)
    assert mb.signal_yield(1.0) == close(mb.signal_yield(masses)[1], rel=1e-12)
    for mass in (0.0, -1.0, 100.1, np.nan):
        with pytest.raises(ParameterError, match="expected a mass above 0 and at most 100 GeV"):
            mb.signal_yield([0.1, mass])


# ---- the generator


class Channel:
    name = "box"


def counts(**configuration: object) -> Callable[..., dict[str, NDArray]]:
    return mb.bremsstrahlung_events({}, [Channel()], {"m_zprime": 1.0, "muons_on_target": 10.0, **configuration})


def test_decays_to_muons_are_not_invisible() -> None:
    light, heavy = counts(m_zprime=0.2), counts(m_zprime=3.0)
    g = np.array([1.0, 2.0])
    assert light(g_zprime=g)["box"][:, 0] == close(10 * mb.signal_yield(0.2) * g**2)
    muons = (1 + 2 * (M_MUON_GEV / 3) ** 2) * np.sqrt(1 - 4 * (M_MUON_GEV / 3) ** 2)
    assert heavy(g_zprime=g)["box"][:, 0] == close(10 * mb.signal_yield(3.0) * g**2 / (1 + muons))


def test_a_dark_fermion_takes_the_decays_over() -> None:
    bound = counts(decay="dark_matter", chi_mass_ratio=0.3)
    g = np.full(4, 0.1)
    found = bound(g_zprime=g, g_chi=np.array([0.0, 0.01, 0.1, 100.0]))["box"][:, 0]
    assert np.all(np.diff(found) > 0)
    assert found[0] == close(counts()(g_zprime=g[:1])["box"][0, 0])
    assert found[-1] == close(0.1 * mb.signal_yield(1.0), rel=1e-5)
    assert bound(g_zprime=np.zeros(1), g_chi=np.zeros(1))["box"][0, 0] == 0
    with pytest.raises(TypeError, match="g_chi"):  # below 2 m_μ all decays are invisible: there is nothing to compete
        counts(m_zprime=0.1, decay="dark_matter")(g_zprime=g, g_chi=g)


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ({"m_zprime": 0.0}, "m_zprime: found 0.0, expected a mass in GeV above 0 and at most 100"),
        ({"m_zprime": 200.0}, "m_zprime: found 200.0"),
        ({"m_zprime": "heavy"}, "m_zprime: found 'heavy'"),
        ({"decay": "dark"}, "unknown decay 'dark'"),
        ({"decay": "dark_matter", "chi_mass_ratio": 0.5}, "chi_mass_ratio: found 0.5, expected m_χ/m_Z′ from 0"),
    ],
)
def test_wrong_configurations_are_refused(configuration: dict, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        counts(**configuration)


def test_unknown_bosons_are_refused() -> None:
    with pytest.raises(ParameterError, match="unknown boson 'tensor'"):
        mb.cross_section(0.1, boson="tensor")
