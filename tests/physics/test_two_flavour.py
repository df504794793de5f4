"""The reduction to two neutrinos: against three, and its table of baselines against the sum."""

from __future__ import annotations

import numpy as np
import pytest

from npinfer.physics import two_flavour
from npinfer.physics.kamland import baselines
from npinfer.physics.matter import Medium
from npinfer.physics.oscillation import Layer, Mixing, probabilities

VALUES = {"dm2_21": 7.5, "tan2_theta12": 0.44, "s2_13": 0.0223, "s2_23": 0.55, "delta_cp": 1.1}
ARRAYS = {name: np.array([value]) for name, value in VALUES.items()}
STANDARD_EV, ADDED_EV = 1e-13, np.array([0.3e-13, -2.1e-12, 1.7e-12])


@pytest.mark.parametrize("anti", [False, True])
def test_three_neutrinos_averaged_over_the_fast_oscillation(anti: bool) -> None:
    """180 km in strong matter; the mean over a large Δm²₃₁, 0.02 to 0.03 eV², leaves the slow one."""
    energy, number = np.array([2.5, 4.0, 6.0]), 4001
    share = np.linspace(0, 1, number)
    weight = np.sin(np.pi * share) ** 4
    medium = Medium(np.array([STANDARD_EV]), ADDED_EV[None])
    potentials = medium.potentials(1.0, antineutrinos=anti)
    tan2 = VALUES["tan2_theta12"]
    mixing = Mixing(tan2 / (1 + tan2), 0.0223, 0.55, 1.1, 7.5e-5, 2e-2 + 1e-2 * share)
    exact = []
    for mev in energy:
        layer = Layer(np.stack([np.full(number, v[0]) for v in potentials]), (np.full(number, 180.0), np.zeros(number)))
        survival = probabilities(mixing.vacuum(antineutrinos=anti) / (2e6 * mev), [layer])[0, 0]
        exact.append(survival @ weight / weight.sum())
    a, b2 = two_flavour.hamiltonian(ARRAYS, energy, potentials)
    site = two_flavour.Baselines(np.array([180.0]), np.ones(1))
    found = two_flavour.three_flavours(site.survival(a, b2), ARRAYS["s2_13"])[0]
    np.testing.assert_allclose(found, exact, atol=4e-4)  # of the order of V E/Δm²₃₁
    plain = two_flavour.hamiltonian(ARRAYS, energy, medium.potentials(0.0, antineutrinos=anti))
    without = two_flavour.three_flavours(site.survival(*plain), ARRAYS["s2_13"])[0]
    assert np.abs(without - exact).max() > 0.05


def test_no_matter_is_the_vacuum_formula() -> None:
    zero = np.zeros((1, 1))
    a, b2 = two_flavour.hamiltonian(ARRAYS, np.array([4.0]), (zero, zero, zero))
    tan2 = VALUES["tan2_theta12"]
    assert two_flavour.cosine_in_matter(a, b2)[0, 0] == pytest.approx((1 - tan2) / (1 + tan2))
    survival = two_flavour.Baselines(np.array([180.0]), np.ones(1)).survival(a, b2)[0, 0]
    phase = 7.5e-5 * 180e3 / (4 * 4e6 * 1.973269804e-7)
    assert survival == pytest.approx(1 - 4 * tan2 / (1 + tan2) ** 2 * np.sin(phase) ** 2, abs=1e-9)


def test_a_common_potential_changes_nothing() -> None:
    energy, shift = np.array([1.0, 8.0]), 3e-12
    potentials = tuple(np.full((1, 2), v) for v in ADDED_EV)
    shifted = tuple(v + shift for v in potentials)
    for plain, moved in zip(*(two_flavour.hamiltonian(ARRAYS, energy, p) for p in (potentials, shifted)), strict=True):
        np.testing.assert_allclose(plain, moved, rtol=1e-12)


def test_the_table_of_baselines_is_the_sum() -> None:
    sites = baselines("kamland")
    k = np.random.default_rng(0).uniform(0, 0.39, 5000)
    value, slope = sites.summed(k)
    np.testing.assert_allclose(sites.mean_cosine(k), value, atol=1e-10)
    step = sites.mean_cosine(k + 1e-30j)
    np.testing.assert_allclose(step.imag / 1e-30, slope, atol=1e-5)
    beyond = np.array([0.1, 0.7])
    np.testing.assert_allclose(sites.mean_cosine(beyond), sites.summed(beyond)[0], atol=1e-14)
    assert sites.weights.sum() == pytest.approx(1.0)
