"""Axions of a beam muon: tree-level amplitudes integrated directly, a published photon spectrum, closed forms."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import dblquad, quad

from npinfer.errors import ConfigurationError
from npinfer.physics import muon_axion as ma
from npinfer.physics import muon_bremsstrahlung as mb
from npinfer.physics.constants import ALPHA_EM, HBARC2_GEV2_CM2, HBARC_GEV_CM, M_ELECTRON_GEV, M_MUON_GEV

MUONS = 1.98e10
close = partial(pytest.approx, rel=1e-12, abs=0)


def form_factor(t: NDArray, nucleus: mb.Nucleus) -> NDArray:
    screened = (111 * nucleus.z ** (-1 / 3) / M_ELECTRON_GEV) ** 2 * t
    return nucleus.z**2 * (screened / (1 + screened)) ** 2 / (1 + t / (0.164 * nucleus.a ** (-2 / 3))) ** 2


# ---- production by photons


@pytest.mark.parametrize(("energy", "mass"), [(100.0, 1e-3), (100.0, 0.1), (80.0, 1.0), (150.0, 3.0)])
def test_primakoff_is_the_integral_over_angles(energy: float, mass: float) -> None:
    """dσ/dΩ = (α g²/8π) β³ E⁴ sin²θ G(t)/t², t = (k - p)²; small angles are good to m²/(2E²)."""
    momentum = np.sqrt(energy**2 - mass**2)
    forward = (mass**2 / (energy + momentum)) ** 2

    def density(log_angle: float) -> float:
        angle = np.exp(log_angle)
        half = np.sin(angle / 2) ** 2
        t = forward + 4 * energy * momentum * half
        per_solid_angle = ALPHA_EM / (8 * np.pi) * momentum**3 * energy * 4 * half * (1 - half) / t**2
        return per_solid_angle * float(form_factor(t, mb.LEAD)) * 2 * np.pi * np.sin(angle) * angle

    edges = np.linspace(np.log(1e-10), np.log(0.3), 12)
    wanted = sum(quad(density, a, b, epsrel=1e-9)[0] for a, b in pairwise(edges))
    assert ma.primakoff_cross_section(energy, mass) == close(HBARC2_GEV2_CM2 * wanted, rel=2e-5 + (mass / energy) ** 2)


def test_primakoff_below_threshold_and_for_virtual_photons() -> None:
    assert ma.primakoff_cross_section([1.0, 2.0], 2.0).tolist() == [0.0, 0.0]
    # q² asks for the momentum that q² + m² would: heavy axions and virtual photons are suppressed alike
    one = ma.primakoff_cross_section(100.0, 1.0, q2_gev2=3.0)
    assert one == close(ma.primakoff_cross_section(100.0, 2.0), rel=1e-3)


def log_nodes(low: float, high: float, pieces: int) -> tuple[NDArray, NDArray]:
    edges = np.linspace(np.log(low), np.log(high), pieces + 1)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = np.diff(edges)[:, None] / 2
    points = np.exp((edges[:-1, None] + half * (nodes + 1)).ravel())
    return points, (half * weights).ravel() * points


def tree_level(x: float, mass: float, energy: float = 160.0) -> float:
    """dσ/dx of μ → μa in the static Coulomb field of lead, per g²: no photon is taken for real.

    M = g e Ze F u̅γu·(q × k)/(q² k²), q the momentum of the muon's photon, k of the field's; integrated over the
    transverse momentum of the scattered muon and that of the field, and the angle between them.
    """
    emitted, left = x * energy, (1 - x) * energy
    before, after, away = (np.sqrt(e**2 - m**2) for e, m in ((energy, M_MUON_GEV), (left, M_MUON_GEV), (emitted, mass)))
    muon, muon_weight = log_nodes(1e-5, 0.5 * after, 8)
    field, field_weight = log_nodes(1e-7, 5.0, 12)
    angle = (np.arange(64) + 0.5) * 2 * np.pi / 64
    a, b, phi = np.meshgrid(muon, field, angle, indexing="ij")
    weight = muon_weight[:, None, None] * field_weight[:, None] * (2 * np.pi / 64) * a * b * 2 * np.pi
    muon_z = np.sqrt(after**2 - a**2)
    q = np.stack([-a, 0 * a, before - muon_z])
    p = np.stack([b * np.cos(phi) - a, b * np.sin(phi), 0 * a])
    p[2] = np.sqrt(np.maximum(away**2 - p[0] ** 2 - p[1] ** 2, 1e-9))
    k = p - q
    normal = np.cross(q, k, axis=0)
    q2, k2 = np.sum(q**2, axis=0) - emitted**2, np.sum(k**2, axis=0)
    spins = 4 * (before * normal[2]) ** 2 + np.sum(normal**2, axis=0) * q2
    squared = (4 * np.pi * ALPHA_EM) ** 2 * form_factor(k2, mb.LEAD) / (q2 * k2) ** 2 * spins
    flux_and_phase_space = 1 / (2 * before) / (4 * (2 * np.pi) ** 5) / (muon_z * p[2])
    return float(energy * HBARC2_GEV2_CM2 * np.sum(weight * squared * flux_and_phase_space))


@pytest.mark.parametrize(("mass", "x"), [(0.01, 0.5), (0.01, 0.9), (0.1, 0.7), (1.0, 0.6), (1.0, 0.9)])
def test_fusion_is_the_tree_level_amplitude(mass: float, x: float) -> None:
    assert ma.fusion_spectrum(x, mass) == close(tree_level(x, mass), rel=2e-4)


def test_fusion_broadcasts_and_ends() -> None:
    grid = ma.fusion_spectrum(np.array([[0.5], [0.8]]), [0.01, 0.1, 1.0])
    assert grid.shape == (2, 3)
    assert grid[1, 2] == ma.fusion_spectrum(0.8, 1.0)
    assert ma.fusion_spectrum([0.005, 0.9999], 1.0).tolist() == [0.0, 0.0]


def test_radiated_photons_are_those_of_petrukhin_and_shestakov() -> None:
    """Groom, Mokhov, Striganov (2001), eq. 15 without the electrons: the muon's bremsstrahlung on a heavy atom."""
    x = np.array([0.1, 0.3, 0.5, 0.7, 0.9, 0.95])
    radius = ALPHA_EM * HBARC_GEV_CM / M_MUON_GEV  # classical, of the muon
    transfer = M_MUON_GEV**2 * x / (2 * 160.0 * (1 - x))
    screened = 1 + 189 * np.sqrt(np.e) / M_ELECTRON_GEV * transfer * 82 ** (-1 / 3)
    phi = np.log(2 / 3 * 189 * M_MUON_GEV / M_ELECTRON_GEV * 82 ** (-2 / 3) / screened)
    wanted = ALPHA_EM * (2 * 82 * radius) ** 2 / x * (4 / 3 - 4 * x / 3 + x**2) * phi
    assert 4 * np.pi * ALPHA_EM * mb.spectrum(x, 0.0) == close(wanted, rel=0.012)


def test_a_photon_converts_in_lead() -> None:
    """Against the pairs it makes, of cross section 7A/(9 N_A X_0); plastic adds pairs, but hardly axions."""
    pairs = 7 * 207.2 / (9 * 6.02214076e23 * 6.37)
    wanted = ma.primakoff_cross_section([80.0, 120.0], 0.01) / pairs
    plastic = (1.06 / 43.79) / (11.35 / 6.37)
    found = ma.conversion_probability([80.0, 120.0], 0.01)
    assert np.all(found > wanted / (1 + plastic))
    assert np.all(found < wanted)


# ---- yields


def test_muons_emit_as_much_as_the_yield_of_a_pseudoscalar() -> None:
    """(∂a) μ̄γγ₅μ of coupling g is a Yukawa coupling of 2 m_μ g; 1.42e-3 was computed independently, for lead alone."""
    for mass in (0.01, 0.1, 1.0):
        emitted = ma.emission_by_muons(mass)
        assert emitted.per_muon.sum() == close((2 * M_MUON_GEV) ** 2 * mb.signal_yield(mass, boson="pseudoscalar"))
        assert np.all((emitted.energy_gev > 78.0) & (emitted.energy_gev < 160.0))
    g90 = np.sqrt(2.303 / (MUONS * ma.emission_by_muons(0.1).per_muon.sum()))
    assert g90 == close(1.42e-3, rel=0.015)


def test_fusion_in_the_calorimeter_is_that_in_its_lead() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(12)
    end = np.log((160.0 - M_MUON_GEV) / M_MUON_GEV)
    x = 1 / (1 + np.exp(-end * (nodes + 1) / 2))
    sigma = np.sum(weights * end / 2 * x * (1 - x) * [tree_level(v, 0.01) for v in x])
    in_lead = sigma * 6.02214076e23 * 11.35 * 22.4 / 207.2
    found = ma.emission_by_fusion(0.01).per_muon.sum()
    assert 1.01 < found / in_lead < 1.04  # carbon, hydrogen and the energy loss: as for a Z′
    assert 0.01 < ma.emission_by_radiation(0.01).per_muon.sum() / found < 0.02


# ---- decays


@given(mass=st.floats(0.22, 50.0))
def test_width_to_muons_is_two_body_phase_space(mass: float) -> None:
    """Σ|M|² = 2 y² m² and Γ = Σ|M|² p/(8π m²); the loop is far below."""
    momentum = np.sqrt(mass**2 / 4 - M_MUON_GEV**2)
    wanted = 2 * (2 * M_MUON_GEV) ** 2 * mass**2 * momentum / (8 * np.pi * mass**2)
    loop = ma.photon_coupling_of_loop(mass) ** 2 * ma.width_to_photons(mass)
    assert ma.width_by_muons(mass) - loop == close(wanted, rel=1e-9)


@pytest.mark.parametrize("mass", [0.02, 0.1, 0.2])
def test_the_loop_is_the_triangle_integral(mass: float) -> None:
    """1 - ∫∫ 2 dx dy/(1 - xy m²/m_μ²) over the triangle x + y < 1, below threshold."""
    inner = lambda y, x: 2 / (1 - x * y * (mass / M_MUON_GEV) ** 2)
    triangle, _ = dblquad(inner, 0, 1, 0, lambda x: 1 - x, epsabs=1e-12)
    assert ma.photon_coupling_of_loop(mass) == close(2 * ALPHA_EM / np.pi * abs(1 - triangle), rel=1e-6)


def test_the_loop_decouples_and_goes_on_above_threshold() -> None:
    light = 1e-3
    assert ma.photon_coupling_of_loop(light) == close(ALPHA_EM / (6 * np.pi) * (light / M_MUON_GEV) ** 2, rel=1e-4)
    speed = np.sqrt(1 - (2 * M_MUON_GEV) ** 2)
    closed = -0.25 * (np.log((1 + speed) / (1 - speed)) - 1j * np.pi) ** 2
    wanted = 2 * ALPHA_EM / np.pi * abs(1 - (2 * M_MUON_GEV) ** 2 * closed)
    assert ma.photon_coupling_of_loop(1.0) == close(wanted, rel=1e-9)


def test_axions_that_escape() -> None:
    """One energy: N g² exp(-g² L m Γ₁/(p ħc)), largest where one in e axions escapes."""
    width = ma.width_to_photons(0.01)
    emitted = ma.Emission(np.array([100.0]), np.array([3.0]))
    lifetime_m = HBARC_GEV_CM / 100 / width  # cτ at unit coupling
    decays = ma.decay_lengths(10.0, emitted.energy_gev, 0.01, width)
    assert decays == close(10.0 / (lifetime_m * np.sqrt(100.0**2 - 0.01**2) / 0.01), rel=1e-9)
    g = np.geomspace(1e-4, 1.0, 400)
    found = emitted.yields(g, decays)
    assert found == close(3 * g**2 * np.exp(-(g**2) * decays), rel=1e-9)
    assert g[found.argmax()] == close(decays[0] ** -0.5, rel=0.02)
    assert emitted.yields(g, 0 * decays) == close(3 * g**2)


# ---- generators


class Channel:
    name = "box"


BINDERS = (ma.events_by_muons, ma.events_by_fusion, ma.events_by_radiation)
NAMES = ("g_amumu", "g_agammagamma", "g_agammagamma")
EMISSIONS = (ma.emission_by_muons, ma.emission_by_fusion, ma.emission_by_radiation)


@pytest.mark.parametrize(("bind", "name", "emission"), list(zip(BINDERS, NAMES, EMISSIONS, strict=True)))
def test_counts(bind: object, name: str, emission: object) -> None:
    configuration = {"m_alp": 0.01, "escape_length": 0.0, "muons_on_target": 20.0}
    counts = bind({}, [Channel()], configuration)
    g = np.array([0.0, 1e-3, 1e-2 + 1e-8j])
    assert counts(**{name: g})["box"][:, 0] == close(20 * emission(0.01).per_muon.sum() * g**2)
    far = bind({}, [Channel()], {**configuration, "m_alp": 0.2, "escape_length": 1e9})
    assert far(**{name: np.array([1.0])})["box"][0, 0] == 0


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ({"m_alp": 0.0}, "m_alp: found 0.0, expected a number of GeV above 0 and at most 100"),
        ({"m_alp": 200.0}, "m_alp: found 200.0"),
        ({"m_alp": "light"}, "m_alp: found 'light'"),
        ({"escape_length": -1.0}, "escape_length: found -1.0, expected a number of m of at least 0"),
        ({"escape_length": np.inf}, "escape_length: found inf"),
    ],
)
def test_wrong_configurations_are_refused(configuration: dict, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        ma.events_by_muons(
            {}, [Channel()], {"m_alp": 0.1, "escape_length": 10.0, "muons_on_target": 1.0, **configuration}
        )
