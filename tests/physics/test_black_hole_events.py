"""Rates of black holes and their multiplicities against an independent table, plain sums and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from npinfer.errors import ParameterError
from npinfer.physics import black_hole_events as be
from npinfer.physics.black_hole import LEPTON_SHARE, Gravity, cross_section, mean_multiplicity, spectrum
from npinfer.physics.constants import AVOGADRO, YEAR_S
from npinfer.physics.deep_inelastic import csms_total

MUONS = np.array([0, 1, 2, 10])
MASSES = np.array([2e3, 3e3, 4e3, 5e3, 6e3])


def flux(index: float) -> be.Flux:
    return be.Flux(4.32e-18, index, 1e6, 1e10)


def ten_years(index: float, model: Gravity, m_d: np.ndarray = MASSES) -> np.ndarray:
    return 10 * YEAR_S * be.black_hole_rates(m_d, model, flux(index), be.ice(8.0), MUONS)


@pytest.mark.parametrize(
    ("index", "events"),
    [(2.37, ["25", "3.6", "0.90", "0.30", "0.12"]), (2.0, ["337", "62.5", "18.5", "7.1", "3.2"])],
)
def test_events_against_an_independent_table(index: float, events: list[str]) -> None:
    """To its rounding, and to the 1 % of cross sections."""
    for found, told in zip(ten_years(index, Gravity(6)).sum(axis=1), events, strict=True):
        half = 0.5 * 10.0 ** -len(told.partition(".")[2])
        assert found == pytest.approx(float(told), rel=0.01, abs=half)


@pytest.mark.parametrize(("index", "least", "most"), [(2.0, 8, 12), (2.37, 16, 20)])
def test_heavier_black_holes_are_rarer(index: float, least: float, most: float) -> None:
    """By 8 to 12 (16 to 20) for masses from 3 M_D on, as in the table, to its rounding."""
    ratio = ten_years(index, Gravity(6)).sum(axis=1) / ten_years(index, Gravity(6, 3.0)).sum(axis=1)
    assert ratio[[0, -1]] == pytest.approx([least, most], rel=0.03)
    assert (np.diff(ratio) > 0).all()


def test_reach_of_three_events() -> None:
    """Published: next-generation telescopes probe M_D up to 6 TeV; to this one digit."""
    m_d = np.geomspace(4e3, 9e3, 60)
    events = ten_years(2.0, Gravity(6), m_d).sum(axis=1)
    assert np.interp(-3.0, -events, m_d) == pytest.approx(6e3, abs=500)


def test_multiplicities_of_muons() -> None:
    """The bins are Poisson probabilities averaged over masses and energies, here on a plain grid of energies."""
    m_d, model = 3e3, Gravity(4)
    energy = np.geomspace(model.threshold_gev(m_d), 1e10, 1500)
    mass, sigma = spectrum(energy, m_d, model)
    mean = LEPTON_SHARE * mean_multiplicity(mass, m_d, 4)
    chances = [poisson.pmf(0, mean), poisson.pmf(1, mean), poisson.sf(1, mean)]
    nucleons = 2 * np.pi * 8e15 * 0.92 * AVOGADRO * 10 * YEAR_S
    wanted = [nucleons * np.trapezoid(flux(2.37)(energy) * (sigma * c).sum(axis=1), energy) for c in chances]
    assert ten_years(2.37, model, np.array([m_d]))[0] == pytest.approx(wanted, rel=5e-3)


def test_bins_of_a_number() -> None:
    assert be.multiplicity_shares(0.3, [0, 1, 2, 3]).sum() == pytest.approx(1.0, abs=1e-15)
    wanted = [poisson.pmf(1, 0.7), poisson.pmf(2, 0.7), poisson.sf(2, 0.7)]
    assert be.multiplicity_shares(0.7, [1, 2, 3, 10]) == pytest.approx(wanted, rel=1e-12)
    assert be.multiplicity_of_one([0, 1, 2, 10]).tolist() == [0, 1, 0]
    assert be.multiplicity_of_one([1, 2, 10]).tolist() == [1, 0]


def test_ordinary_interactions() -> None:
    """Of three flavours: a third of charged currents has a muon."""
    found = 10 * YEAR_S * be.scattering_rates(flux(2.37), be.ice(8.0), MUONS, "mu")
    energy = np.geomspace(1e6, 1e10, 3000)
    mean = lambda current: sum(csms_total(energy, current, anti) for anti in (False, True)) / 2
    nucleons = 2 * np.pi * 8e15 * 0.92 * AVOGADRO * 10 * YEAR_S
    charged, neutral = (nucleons * np.trapezoid(flux(2.37)(energy) * mean(c), energy) for c in ("cc", "nc"))
    assert found == pytest.approx([2 / 3 * charged + neutral, charged / 3, 0.0], rel=5e-3)
    tau = 10 * YEAR_S * be.scattering_rates(flux(2.37), be.ice(8.0), np.array([1, 2, 10]), "tau")
    assert tau == pytest.approx([charged / 3, 0.0], rel=5e-3)


def test_range_of_tau() -> None:
    """Decay decides at low energies, and energy loss at high ones."""
    assert be.tau_range_cm(1e5) == pytest.approx(1e5 / 1.77686 * 8.703e-3, rel=2e-3)
    assert be.tau_range_cm(1e13) == pytest.approx(1 / (2.65 * 8e-7), rel=2e-3)


def test_skimming_neutrinos() -> None:
    """Without absorption π sin²θ of solid angle; nothing below the antennas' threshold; absorption takes away."""
    targets = be.skimmed_rock(2e5, 3.0)
    column = 2.65 * AVOGADRO * be.tau_range_cm(2e8) * 2e15
    free = np.pi * np.sin(np.radians(3.0)) ** 2 * column
    faint = targets(np.array([100.0]), np.array([2e8]))  # neutrinos that are hardly absorbed
    assert faint == pytest.approx(free, rel=1e-3)
    assert targets(np.array([1e10]), np.array([2e8])) < 0.6 * free
    assert targets(np.array([1e9]), np.array([9e7])) == 0


@pytest.mark.parametrize("index", [2.0, 2.37])
def test_a_table_over_the_planck_scale(index: float) -> None:
    model = Gravity(6)
    rates = lambda m_d: 10 * YEAR_S * be.black_hole_rates(m_d, model, flux(index), be.ice(8.0), MUONS)
    table = be.RateTable(rates)
    inverse = np.random.default_rng(0).uniform(0.1, 0.95, 40)
    assert table(inverse) == pytest.approx(rates(1e3 / inverse), rel=1e-5)
    assert table(np.zeros(1)).tolist() == [[0.0, 0.0, 0.0]]
    slope = table(np.array([0.2 + 1e-30j])).imag / 1e-30
    assert slope == pytest.approx((table(np.array([0.2 + 1e-6])) - table(np.array([0.2 - 1e-6]))) / 2e-6, rel=1e-5)


def test_no_rate_beyond_the_end_of_the_flux() -> None:
    model = Gravity(2, 5.0)
    m_d = np.array([0.999, 1.001]) * np.sqrt(1e10 * 2 * 0.938918754) / 5
    assert cross_section(1e10, m_d[1], model) == 0
    assert ten_years(2.0, model, m_d)[1].sum() == 0


def test_what_has_no_sense() -> None:
    with pytest.raises(ParameterError, match="expected a range within 50 to 5e11 GeV"):
        be.Flux(1e-18, 2.0, 1e10, 1e6)
    for make in (
        lambda: be.Flux(-1e-18, 2.0, 1e6, 1e10),
        lambda: be.ice(0.0),
        lambda: be.skimmed_rock(-1.0, 3.0),
        lambda: be.skimmed_rock(1.0, 0.0),
    ):
        with pytest.raises(ParameterError, match="expected a number above 0"):
            make()
