"""The Glashow resonance: peak, wings, integrals, radiation and Doppler broadening against independent values."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from npinfer.errors import ParameterError
from npinfer.physics.constants import (
    ALPHA_EM,
    AVOGADRO,
    G_FERMI,
    GAMMA_W_GEV,
    HBARC2_GEV2_CM2,
    M_ELECTRON_GEV,
    M_W_GEV,
    Z_OVER_A_WATER,
)
from npinfer.physics.glashow import (
    BRANCHING_RATIOS,
    CASCADE_SHARES,
    RESONANCE_ENERGY_GEV,
    WATER_ELECTRONS,
    cell_average,
    channel_cross_section,
    cross_section,
    radiator_exponent,
    visible_energy_cdf,
)

PEV = 1e6
CORRECTIONS = ({"isr": True}, {"doppler": True}, {"isr": True, "doppler": True})


def integral(low_pev: float, high_pev: float, **corrections: bool) -> float:
    """∫ σ dE in cm^2 PeV."""
    return float(cell_average([low_pev * PEV, high_pev * PEV], **corrections)[0]) * (high_pev - low_pev)


def test_position_and_height_of_the_peak() -> None:
    assert RESONANCE_ENERGY_GEV / PEV == pytest.approx(6.3214, abs=0.5e-4)
    assert cross_section(RESONANCE_ENERGY_GEV) == pytest.approx(4.867e-31, abs=0.0005e-31)
    assert cross_section(RESONANCE_ENERGY_GEV) == pytest.approx(
        24 * np.pi * BRANCHING_RATIOS["e"] / M_W_GEV**2 * HBARC2_GEV2_CM2, rel=1e-12
    )


@pytest.mark.parametrize(("mass", "energy_pev"), [(80.385, 6.3227), (80.3692, 6.3202)])
def test_position_of_the_peak_for_other_masses(mass: float, energy_pev: float) -> None:
    assert RESONANCE_ENERGY_GEV * (mass / M_W_GEV) ** 2 / PEV == pytest.approx(energy_pev, abs=0.5e-4)


def test_channels_at_the_peak() -> None:
    expected = {"e": 5.213e-32, "mu": 5.174e-32, "tau": 5.539e-32, "hadrons": 3.281e-31}
    assert expected.keys() == BRANCHING_RATIOS.keys() == CASCADE_SHARES.keys()
    for channel, value in expected.items():
        digit = 10 ** (np.floor(np.log10(value)) - 3)
        assert channel_cross_section(RESONANCE_ENERGY_GEV, channel) == pytest.approx(value, abs=0.51 * digit)


def test_tree_level_muon_channel_differs_by_the_scheme_only() -> None:
    tree = G_FERMI**2 * M_W_GEV**4 / (3 * np.pi * GAMMA_W_GEV**2) * HBARC2_GEV2_CM2
    assert tree == pytest.approx(5.396e-32, abs=0.5e-35)
    assert tree / channel_cross_section(RESONANCE_ENERGY_GEV, "mu") == pytest.approx(1.043, abs=0.5e-3)


@pytest.mark.parametrize(
    ("energy_pev", "value"),
    [(4, 1.529e-33), (5, 5.838e-33), (6, 9.541e-32), (7, 2.973e-32), (8, 5.822e-33), (10, 1.527e-33)],
)
def test_wings(energy_pev: float, value: float) -> None:
    assert cross_section(energy_pev * PEV) == pytest.approx(value, abs=0.51 * 10 ** (np.floor(np.log10(value)) - 3))


def test_width_at_half_maximum() -> None:
    energy = np.linspace(6.0, 6.7, 700_001) * PEV
    above = energy[cross_section(energy) > cross_section(energy).max() / 2]
    assert (above[-1] - above[0]) / PEV == pytest.approx(0.328, abs=0.5e-3)


def test_integrals() -> None:
    assert integral(4, 8) == pytest.approx(2.367e-31, abs=0.5e-34)
    assert integral(0.063, 632) == pytest.approx(2.581e-31, abs=0.5e-34)
    narrow = cross_section(RESONANCE_ENERGY_GEV) * np.pi * M_W_GEV * GAMMA_W_GEV / (2 * M_ELECTRON_GEV) / PEV
    assert narrow == pytest.approx(2.507e-31, abs=0.5e-34)


def test_radiation_and_doppler_broadening() -> None:
    assert radiator_exponent(RESONANCE_ENERGY_GEV) == pytest.approx(0.10653, abs=0.5e-5)
    near_peak, beyond = 6.32 * PEV, 8 * PEV
    ratio = [cross_section(near_peak, **c) / cross_section(RESONANCE_ENERGY_GEV) for c in CORRECTIONS]
    assert ratio == pytest.approx([0.853, 0.868, 0.747], abs=0.5e-3)
    energy = np.linspace(6.3, 6.36, 601) * PEV
    radiated = cross_section(energy, isr=True) / cross_section(RESONANCE_ENERGY_GEV)
    assert radiated.max() == pytest.approx(0.856, abs=0.5e-3)
    assert energy[radiated.argmax()] / PEV == pytest.approx(6.33, abs=0.5e-2)
    assert cross_section(beyond, isr=True) / cross_section(beyond) == pytest.approx(1.97, abs=0.5e-2)
    assert integral(4, 10, isr=True, doppler=True) / integral(4, 10) == pytest.approx(0.986, abs=0.5e-3)


def test_electron_momenta_of_water() -> None:
    second_moment = sum(n * (z * ALPHA_EM) ** 2 / 3 for n, z in WATER_ELECTRONS) / sum(n for n, _ in WATER_ELECTRONS)
    assert np.sqrt(second_moment) == pytest.approx(0.0163, abs=0.5e-4)


def test_electrons_in_a_cubic_kilometre_of_ice() -> None:
    assert 0.917e15 * AVOGADRO * Z_OVER_A_WATER == pytest.approx(3.07e38, abs=0.5e36)


def quad_radiated(energy: float) -> float:
    """σ_ISR by adaptive quadrature in -log(1-x), cut around the resonance."""
    beta = float(radiator_exponent(energy))
    h = beta / 2

    def integrand(t: float) -> float:
        x = -np.expm1(-t)
        singular = h * (1 + 3 * beta / 8) * np.exp(-h * t)
        return (singular - beta / 4 * (1 + x) * np.exp(-t)) * float(cross_section(x * energy))

    at = -np.log(max(1 - RESONANCE_ENERGY_GEV / energy, 1e-3))
    cuts = [0, at / 2, at * 0.95, at, at * 1.05, at * 2, 10, 30, 100, 900]
    return sum(quad(integrand, a, b, epsrel=1e-11, epsabs=0, limit=200)[0] for a, b in pairwise(cuts))


def quad_doppler(energy: float, isr: bool) -> float:
    total = 0.0
    for number, charge in WATER_ELECTRONS:
        a = charge * ALPHA_EM
        q = np.sinh(np.linspace(-np.arcsinh(0.5 / a), np.arcsinh(0.5 / a), 40_001)) * a
        profile = 8 / (3 * np.pi * a) / (1 + (q / a) ** 2) ** 3
        total += number * np.trapezoid(profile * cross_section(energy * (1 - q), isr=isr), q)
    return total / 10


@pytest.mark.parametrize("energy", [3e2, 1e5, 4e6, 6.2e6, 6.3214e6, 6.4e6, 7e6, 1e7, 5e7])
def test_tables_agree_with_direct_integration(energy: float) -> None:
    assert cross_section(energy, isr=True) == pytest.approx(quad_radiated(energy), rel=1e-7)
    for isr in (False, True):
        assert cross_section(energy, isr=isr, doppler=True) == pytest.approx(quad_doppler(energy, isr), rel=1e-7)


@pytest.mark.parametrize("corrections", [{}, *CORRECTIONS])
def test_cell_averages_agree_with_a_fine_sum(corrections: dict) -> None:
    edges = np.array([1e6, 5.5e6, 6.3e6, 6.5e6, 9e6])
    for index in (0.0, 2.5):
        found = cell_average(edges, index=index, **corrections)
        for low, high, value in zip(edges, edges[1:], found, strict=False):
            energy = np.linspace(low, high, 200_001)
            weight = energy**-index
            fine = np.trapezoid(weight * cross_section(energy, **corrections), energy) / np.trapezoid(weight, energy)
            assert value == pytest.approx(fine, rel=1e-6)


@settings(deadline=None)
@given(cut=st.floats(3.0, 8.9))
def test_inserting_an_edge_keeps_the_integral(cut: float) -> None:
    edges = np.unique([10**2.9, 10**cut, 1e9])
    whole = integral(edges[0] / PEV, edges[-1] / PEV, isr=True, doppler=True)
    parts = cell_average(edges, isr=True, doppler=True) @ np.diff(edges) / PEV
    assert parts == pytest.approx(whole, rel=1e-6)


def test_visible_energy_of_leptons_has_mean_one_quarter() -> None:
    z = np.linspace(0, 1, 20_001)
    for channel, mean in (("e", 0.25), ("mu", 0.25), ("tau", 0.175)):
        assert np.trapezoid(1 - visible_energy_cdf(z, channel), z) == pytest.approx(mean, abs=1e-7)
    assert visible_energy_cdf(0.71, "tau") == 1


def test_visible_energy_of_hadrons_is_a_gaussian() -> None:
    low, middle, high = visible_energy_cdf(0.925 * np.array([0.89, 1.0, 1.11]), "hadrons")
    assert (low, middle, high) == pytest.approx((0.158655, 0.5, 0.841345), abs=1e-6)


@given(channel=st.sampled_from(list(BRANCHING_RATIOS)), a=st.floats(-1, 3), b=st.floats(-1, 3))
def test_visible_energy_distributions_are_monotone(channel: str, a: float, b: float) -> None:
    low, high = visible_energy_cdf(np.sort([a, b]), channel)
    assert 0 <= low <= high <= 1


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ParameterError, match="unknown W decay channel 'muon'"):
        channel_cross_section(1e6, "muon")
    with pytest.raises(ParameterError, match="unknown W decay channel"):
        visible_energy_cdf(0.5, "hadron")
    with pytest.raises(ParameterError, match="expected a non-negative energy"):
        cross_section([1e6, -1.0])
    with pytest.raises(ParameterError, match=r"tabulated from 100 to 1e[+]11 GeV"):
        cross_section(50.0, isr=True)
    with pytest.raises(ParameterError, match="edges_gev"):
        cell_average([7e6, 6e6])
