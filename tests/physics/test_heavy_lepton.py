"""Widths of heavy neutral leptons against an independent computation, another form of the phase space, and limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from npinfer.errors import ConfigurationError, ParameterError
from npinfer.physics.constants import BOHR_MAGNETON_PER_GEV, SIN2_THETA_W
from npinfer.physics.heavy_lepton import (
    INVISIBLE,
    LEPTONS_GEV,
    branching_ratios,
    decay_length_m,
    dipole_width,
    mixing_width,
    mixing_widths,
)
from npinfer.physics.heavy_lepton_limits import published_limit

MASSES = np.array([0.3, 0.5, 0.6, 1.0, 1.5])


def test_widths_and_decay_lengths_against_an_independent_computation() -> None:
    widths = [4.569e-16, 3.306e-15, 6.643e-15, 6.104e-14, 4.115e-13]
    assert mixing_width(MASSES) == pytest.approx(widths, rel=1e-3)
    lengths = decay_length_m(1e-3 * mixing_width(MASSES))
    assert lengths == pytest.approx([432, 59.7, 29.7, 3.23, 0.480], rel=2e-3)


@pytest.mark.parametrize(
    ("channel", "ratios"),
    [(INVISIBLE, [0.122, 0.216, 0.268, 0.374, 0.422]), ("nu_pi0", [0.862, 0.746, 0.672, 0.362, 0.185])],
)
def test_branching_ratios_against_an_independent_computation(channel: str, ratios: list[float]) -> None:
    found = branching_ratios(MASSES)
    assert found[channel] == pytest.approx(ratios, abs=6e-4)
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-14)


def test_a_majorana_lepton_decays_twice_as_fast() -> None:
    assert mixing_width(0.7, majorana=True) == 2 * mixing_width(0.7)
    assert dipole_width(0.7, majorana=True) == 2 * dipole_width(0.7)


@pytest.mark.parametrize("mass", [0.25, 0.4, 1.2])
@pytest.mark.parametrize("lepton", ["e", "mu"])
def test_lepton_pairs_against_the_spectrum_of_their_mass(mass: float, lepton: str) -> None:
    """∫ ds (1−s)² {(1+2s) [g_V² (1+2r) β + g_A² β³] + 6 r β g_A²}, r = m_ℓ²/s, in units of the three-neutrino width."""
    x2 = (LEPTONS_GEV[lepton] / mass) ** 2
    vector, axial = -0.5 + 2 * SIN2_THETA_W, -0.5

    def density(log_s: float) -> float:
        s = np.exp(log_s)
        r, beta = x2 / s, np.sqrt(max(1 - 4 * x2 / s, 0.0))
        transverse = vector**2 * (1 + 2 * r) * beta + axial**2 * beta**3
        return s * (1 - s) ** 2 * ((1 + 2 * s) * transverse + 6 * r * beta * axial**2)

    wanted = quad(density, np.log(4 * x2), 0.0, epsabs=0, epsrel=1e-10)[0]
    widths = mixing_widths(mass)
    assert widths[f"nu_{lepton}_{lepton}"] / widths[INVISIBLE] == pytest.approx(wanted, rel=1e-8)


def test_lepton_pairs_end_where_they_should() -> None:
    heavy = 2 * LEPTONS_GEV["mu"]
    assert mixing_widths(heavy)["nu_mu_mu"] == 0
    assert mixing_widths(0.99 * heavy)["nu_mu_mu"] == 0
    assert mixing_widths(1.01 * heavy)["nu_mu_mu"] > 0
    massless = (1 - 4 * SIN2_THETA_W + 8 * SIN2_THETA_W**2) / 4
    widths = mixing_widths(1.7)
    assert widths["nu_e_e"] / widths[INVISIBLE] == pytest.approx(massless, rel=1e-5)


@pytest.mark.parametrize(("channel", "meson"), [("nu_pi0", 0.1349768), ("nu_rho0", 0.77526), ("nu_phi", 1.019461)])
def test_mesons_open_at_their_mass(channel: str, meson: float) -> None:
    below, at, above = mixing_widths(np.array([0.99, 1.0, 1.01]) * meson)[channel]
    assert below == at == 0 < above


def test_dipole_against_an_independent_computation() -> None:
    assert pytest.approx(296.30, abs=0.005) == BOHR_MAGNETON_PER_GEV
    masses = np.array([0.1, 0.5])
    for moment, lengths in ((1e-9, [113, 0.904]), (1e-8, [1.13, 9.04e-3])):
        width = dipole_width(masses) * (moment * BOHR_MAGNETON_PER_GEV) ** 2
        assert decay_length_m(width) == pytest.approx(lengths, rel=1e-3)


@pytest.mark.parametrize("mass", [0.0, -1.0, np.nan, 1.78])
def test_masses_that_have_no_width(mass: float) -> None:
    with pytest.raises(ParameterError, match="mass_gev"):
        mixing_width(mass)
    if not mass > 1:
        with pytest.raises(ParameterError, match="mass_gev"):
            dipole_width(mass)


def test_an_experiment_without_limits() -> None:
    with pytest.raises(ConfigurationError, match="unknown experiment 'babbar': did you mean 'babar'"):
        published_limit({"experiment": "babbar", "interpolated": True}, [], {"m_sterile": 0.5})
