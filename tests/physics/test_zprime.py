"""The Z′ of L_μ−L_τ: loops and widths against direct integrals and closed forms."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from npinfer.errors import ConfigurationError, ParameterError
from npinfer.physics import zprime
from npinfer.physics.constants import ALPHA_EM, M_MUON_GEV, M_TAU_GEV
from npinfer.physics.registry import find_generator

close = partial(pytest.approx, rel=1e-12, abs=0)


@pytest.mark.parametrize(("q2", "mixing"), [(0.0, -0.014433), (-0.01, -0.01402), (-1.0, -0.00720)])
def test_loop_mixing(q2: float, mixing: float) -> None:
    assert zprime.loop_mixing(q2) == close(mixing, rel=1e-3)
    charge = np.sqrt(4 * np.pi * ALPHA_EM)
    log_ratio = lambda x: np.log((M_MUON_GEV**2 - x * (1 - x) * q2) / (M_TAU_GEV**2 - x * (1 - x) * q2))
    exact = quad(lambda x: charge / (2 * np.pi**2) * x * (1 - x) * log_ratio(x), 0, 1, epsrel=1e-12)[0]
    assert zprime.loop_mixing(q2) == close(exact, rel=1e-8)
    assert 1 / zprime.loop_mixing(0.0) == close(-69.29, rel=1e-3)


def test_mixing_has_an_imaginary_part_above_threshold() -> None:
    assert zprime.loop_mixing(0.99 * 4 * M_MUON_GEV**2) < zprime.loop_mixing(0.0)
    with pytest.raises(ParameterError, match="below 4 m_μ²"):
        zprime.loop_mixing([0.0, 0.05])


def test_millicharge_is_the_mixing_over_e() -> None:
    assert zprime.millicharge(1.0, 1.0) == close(0.04766, rel=1e-3)
    charge = np.sqrt(4 * np.pi * ALPHA_EM)
    assert zprime.millicharge(0.3, 0.2) == close(-0.06 * zprime.loop_mixing(0.0) / charge, rel=1e-10)


@pytest.mark.parametrize(("mass", "coupling"), [(1e-3, 4.498e-4), (1e-2, 5.012e-4), (0.1, 9.424e-4)])
def test_anomalous_moment(mass: float, coupling: float) -> None:
    assert np.sqrt(2.49e-9 / zprime.anomalous_moment(1.0, mass)) == close(coupling, rel=1e-3)


@pytest.mark.parametrize("mass", [1e-4, 1e-2, 0.3, 10.0, 200.0])
def test_anomalous_moment_is_its_integral(mass: float) -> None:
    """In log z up to 1/2 and log(1-z) from there, cut where the integrand turns."""

    def inner(z: float, left: float) -> float:
        return M_MUON_GEV**2 * z * left**2 / (M_MUON_GEV**2 * left**2 + mass**2 * z)

    cuts = np.linspace(-30, np.log(0.5), 9)
    exact = 0.0
    for a, b in pairwise(cuts):
        exact += quad(lambda v: inner(np.exp(v), 1 - np.exp(v)) * np.exp(v), a, b, epsabs=0, epsrel=1e-10)[0]
        exact += quad(lambda v: inner(1 - np.exp(v), np.exp(v)) * np.exp(v), a, b, epsabs=0, epsrel=1e-10)[0]
    assert zprime.anomalous_moment(1.0, mass) == close(exact / (4 * np.pi**2), rel=1e-8)


def test_a_light_boson_gives_schwingers_moment() -> None:
    assert zprime.anomalous_moment(np.sqrt(4 * np.pi * ALPHA_EM), 1e-9) == close(ALPHA_EM / (2 * np.pi), rel=1e-6)


def test_widths() -> None:
    """Γ(Z′ → μμ)/Γ(Z′ → νν̄ of one flavour) tends to 2, opens at 2 m_μ, and is known at one point in closed form."""
    assert zprime.width_to_fermions(100.0, M_MUON_GEV) == close(1 / (12 * np.pi), rel=1e-4)
    assert zprime.width_to_fermions(2 * M_MUON_GEV, M_MUON_GEV) == 0
    assert zprime.width_to_fermions(0.1, M_MUON_GEV) == 0
    assert zprime.width_to_fermions(4.0, 1.0) == close(9 / 8 * np.sqrt(3 / 4) / (12 * np.pi), rel=1e-12)


# ---- derived quantities


def test_derived_quantities() -> None:
    moment = find_generator("zprime.anomalous_moment")({}, [], {"m_zprime": 0.01})
    assert moment(g_zprime=np.array([5.012e-4, 1.0])) == close(np.array([2.49e-9, 2.49e-9 / 5.012e-4**2]), rel=2e-3)
    over_mass = find_generator("zprime.coupling_over_mass")({}, [], {"m_zprime": 100.0})
    assert over_mass(g_zprime=np.array([0.2])) == close([2.0])


@pytest.mark.parametrize(
    ("mass", "bounds", "said"),
    [
        (0.0, (), "found 0.0, expected a mass in GeV above 0$"),
        ("heavy", (), "found 'heavy'"),
        (1e-5, (1e-4,), "of at least 0.0001$"),
        (200.0, (0.0, 100.0), "above 0 and at most 100$"),
    ],
)
def test_masses_out_of_bounds_are_refused(mass: object, bounds: tuple[float, ...], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        zprime.configured_mass({"m_zprime": mass}, *bounds)
