"""Rates of double cascades against independent computations, other integrations and the limits of short and long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from npinfer.errors import ParameterError
from npinfer.paths import data_file
from npinfer.physics import double_cascade as dc
from npinfer.physics import heavy_scattering as heavy
from npinfer.physics.constants import ALPHA_EM, AVOGADRO, HBARC2_GEV2_CM2, M_NUCLEON_GEV, YEAR_S
from npinfer.physics.heavy_lepton import branching_ratios, decay_length_m, dipole_width, mixing_width
from npinfer.physics.parton_density import shipped
from tests.source_data import SOURCE_DATA

WINDOW_M = np.array([20.0, 300.0])
COMPANION = SOURCE_DATA / "icecube_hnl_xsec" / "hnl_nc_sigma.csv"
LIKELIHOODS = Path(__file__).resolve().parents[2] / "likelihoods" / "README.md"


def per_year(produced: dc.Produced, coupling2: float) -> float:
    return float(produced.events(np.array([coupling2]), WINDOW_M)[0, 0] * YEAR_S)


# Per km³ and year, of an independent computation with the cross sections of IceCube's generator, and what is asked for.
RATES = [
    (0.3, 1e-3, 1.25, 0.05),
    (0.3, 0.1, 5770, 0.05),
    (0.6, 1e-3, 22.4, 0.05),
    (0.6, 1e-2, 500, 0.05),
    (1.0, 1e-4, 2.31, 0.05),
    (1.0, 1e-3, 34.5, 0.05),
    (1.0, 1e-2, 24.8, 0.12),
]
MASSES = np.array([0.1, 0.3, 0.6, 1.0])


@pytest.fixture
def companion(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The cross sections of IceCube's generator in place of ours."""
    if not COMPANION.is_file():
        pytest.skip(f"needs {COMPANION}; set NPINFER_SOURCE_DATA to the folder of the source tables")
    table = np.loadtxt(COMPANION, delimiter=",").T
    table = table[:, table[0] >= 5]
    monkeypatch.setattr(dc, "_cross_sections", lambda _: (table[0], MASSES, table[1:] * 1e4))
    dc.mixing_production.cache_clear()
    yield
    dc.mixing_production.cache_clear()


@pytest.mark.usefixtures("companion")
@pytest.mark.parametrize(("mass", "mixing", "events", "tolerance"), RATES)
def test_rates_against_an_independent_computation(mass: float, mixing: float, events: float, tolerance: float) -> None:
    """With its cross sections, so that all else is tried."""
    assert per_year(dc.mixing_production(mass), mixing) == pytest.approx(events, rel=tolerance)


@pytest.mark.parametrize(("mass", "mixing", "events", "tolerance"), RATES)
def test_rates_with_the_mass_in_the_kinematics_alone(
    mass: float, mixing: float, events: float, tolerance: float
) -> None:
    """The convention of the independent computation, from our own structure functions."""
    produced = dc.mixing_production(mass, cross_section="kinematic")
    assert per_year(produced, mixing) == pytest.approx(events, rel=tolerance)


def test_rates_that_the_readme_tells() -> None:
    """Both cross sections, and what they are over the independent computation."""
    lines = LIKELIHOODS.read_text(encoding="utf-8").splitlines()
    cells = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in lines if line.startswith("| ")}
    for kind in heavy.CROSS_SECTIONS:
        told, ratios = ([float(c) for c in cells[name]] for name in (kind, f"{kind} / independent"))
        found = [per_year(dc.mixing_production(m, cross_section=kind), u) for m, u, *_ in RATES]
        assert found == pytest.approx(told, rel=1e-3)
        assert [f / events for f, (_, _, events, _) in zip(found, RATES, strict=True)] == pytest.approx(
            ratios, abs=1e-3
        )


@pytest.mark.parametrize(("mass", "mixing", "events", "_"), RATES)
def test_the_nuisance_covers_the_difference(mass: float, mixing: float, events: float, _: float) -> None:
    """The likelihood's 21 % of `heavy_cross_section`, at all masses and mixings."""
    assert events / per_year(dc.mixing_production(mass), mixing) < 1.21


def interactions(cross_section: str = "massive") -> float:
    """Neutral currents of ν_τ above 5 GeV for the lightest mass, a year in a megaton."""
    nodes, fluxes = dc.flux_over_the_sky("tau")
    energy = np.geomspace(5.06, 1e4, 3000)
    rate = 0.0
    for flux, anti in zip(fluxes, (False, True), strict=True):
        at = np.exp(np.interp(np.log(energy), np.log(nodes), np.log(flux)))
        sigma = dc.nc_cross_section(energy, 0.1, antineutrino=anti, cross_section=cross_section)
        rate += np.trapezoid(at * sigma, energy)
    return rate * AVOGADRO * 1e12 * YEAR_S


@pytest.mark.parametrize("cross_section", heavy.CROSS_SECTIONS)
def test_interactions_of_tau_neutrinos(cross_section: str) -> None:
    assert interactions(cross_section) == pytest.approx(1082, rel=0.05)


@pytest.mark.usefixtures("companion")
def test_interactions_with_the_cross_section_of_the_independent_computation() -> None:
    assert interactions() == pytest.approx(1082, rel=0.01)


def curve(masses: list[float]) -> np.ndarray:
    """|U_τ4|² of the published curve."""
    mass, mixing = np.loadtxt(data_file("heavy_lepton", "rate_contour.csv"), delimiter=",", skiprows=1).T
    return np.exp(np.interp(np.log(masses), np.log(mass), np.log(mixing)))


@pytest.mark.parametrize("cross_section", heavy.CROSS_SECTIONS)
def test_the_published_curve_is_a_contour_of_constant_rate(cross_section: str) -> None:
    """2 a year and km³ for Dirac leptons, within a half; none for those that are their own antiparticles."""
    at = [0.3, 0.5, 0.7, 1.0, 1.5]
    rates = lambda majorana: [
        per_year(dc.mixing_production(m, majorana, cross_section), u) for m, u in zip(at, curve(at), strict=True)
    ]
    assert rates(False) == pytest.approx([2.0] * 5, rel=0.5)
    assert rates(True)[0] > 3 * rates(True)[-1]
    if cross_section == "kinematic":
        assert rates(False)[:4] == pytest.approx([2.2, 2.1, 2.1, 2.2], rel=0.05)


@pytest.mark.usefixtures("companion")
def test_the_published_curve_with_the_cross_section_of_the_independent_computation() -> None:
    at = [0.3, 0.5, 0.7, 1.0]
    found = [per_year(dc.mixing_production(m), u) for m, u in zip(at, curve(at), strict=True)]
    assert found == pytest.approx([2.2, 2.1, 2.1, 2.2], rel=0.05)
    assert per_year(dc.mixing_production(0.3, True), curve([0.3])[0]) == pytest.approx(4.3, rel=0.05)


def test_cross_sections_are_linear_between_masses() -> None:
    found = [dc.nc_cross_section(20.0, m) for m in (0.6, 0.7, 0.8)]
    assert found[1] == pytest.approx((found[0] + found[2]) / 2, rel=1e-12)


def test_mixing_against_a_sum_over_energies_and_inelasticities() -> None:
    """The same integral on a plain grid in (E, y), without a spectrum of momenta in between."""
    mass, mixing = 0.6, 3e-3
    nodes, fluxes = dc.flux_over_the_sky("tau")
    energy = np.geomspace(5 + 5 / 0.6, 1e4, 1500)[:, None]
    share = (np.arange(400) + 0.5) / 400
    low, high = 5 / energy, 1 - 5 / 0.6 / energy
    y = low + (high - low) * share
    heavy = (1 - y) * energy
    length = np.sqrt(heavy**2 - mass**2) / mass * decay_length_m(mixing * mixing_width(mass))
    seen = np.exp(-20 / length) - np.exp(-300 / length)
    total = 0.0
    for flux, anti, (first, second) in zip(
        fluxes, (False, True), ((dc._LEFT2, dc._RIGHT2), (dc._RIGHT2, dc._LEFT2)), strict=True
    ):
        made = np.exp(np.interp(np.log(energy), np.log(nodes), np.log(flux)))
        made = made * dc.nc_cross_section(energy, mass, antineutrino=anti)
        inside = ((first + second * (1 - y) ** 2) / (first + second / 3) * seen).mean(axis=1) * (high - low)[:, 0]
        total += np.trapezoid(made[:, 0] * inside, energy[:, 0])
    visible = 1 - branching_ratios(mass)["three_neutrinos"]
    wanted = mixing * visible * total * 0.92e15 * AVOGADRO * YEAR_S
    assert per_year(dc.mixing_production(mass), mixing) == pytest.approx(wanted, rel=2e-3)


def test_few_decays_of_long_lived_leptons() -> None:
    """c⁴ (L₂ − L₁) Σ w/ℓ when ℓ is long; bins add up; all that is made decays between nowhere and infinity."""
    produced = dc.mixing_production(0.3)
    tiny = np.array([1e-9])
    slope = float((produced.rate / produced.length_m).sum())
    assert produced.events(tiny, WINDOW_M)[0, 0] == pytest.approx(1e-18 * 280 * slope, rel=1e-5)
    many, few = (produced.events(np.array([0.01]), np.array(e)) for e in ([20, 50, 100, 300], [20, 300]))
    assert many.sum() == pytest.approx(few.sum(), rel=1e-12)
    every = produced.events(np.array([0.5]), np.array([0.0, 1e9]))
    assert every[0, 0] == pytest.approx(0.5 * produced.rate.sum(), rel=1e-9)


def test_derivative_by_a_complex_step() -> None:
    produced = dc.mixing_production(0.6)
    at, step = 2e-3, 1e-7
    ends = [produced.events(np.array([at + s]), WINDOW_M)[0, 0] for s in (-step, step)]
    slope = produced.events(np.array([at + 1e-30j]), WINDOW_M)[0, 0].imag / 1e-30
    assert slope == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-6)


def test_dipole_spectrum_of_massless_quarks() -> None:
    """α (1−y)/y Σ e_q² ∫ f dx without a mass, the densities integrated one by one."""
    energy, y = 50.0, 0.3
    x = np.geomspace(1 / (y * 2 * M_NUCLEON_GEV * energy), 1.0, 4001)
    q2 = x * y * 2 * M_NUCLEON_GEV * energy
    charges = {1: 1 / 9, 2: 4 / 9, 3: 1 / 9, 4: 4 / 9, 5: 1 / 9}
    names = {1: "d", 2: "u", 3: "s", 4: "c", 5: "b"}
    density = sum(
        e2 * shipped().isoscalar(names[q], x, q2, anti=anti) for q, e2 in charges.items() for anti in (False, True)
    )
    wanted = ALPHA_EM * (1 - y) / y * np.trapezoid(density, np.log(x)) * HBARC2_GEV2_CM2
    assert dc.dipole_spectrum(energy, y, 1e-6) == pytest.approx(wanted, rel=2e-3)


def test_a_mass_takes_phase_space() -> None:
    light, middle, heavy = (dc.dipole_spectrum(20.0, 0.4, m) for m in (1e-6, 0.5, 1.5))
    assert light > middle > heavy > 0
    assert dc.dipole_spectrum(20.0, 0.99, 1.5) < 1e-3 * heavy


def test_dipole_rates() -> None:
    """On a plain grid in (E, E_N); ν_μ are more than what oscillates to ν_τ; Majorana photons are harder."""
    mass, moment = 0.3, 6e-7
    nodes, fluxes = dc.flux_over_the_sky("mu")
    energy = np.geomspace(10.001, 1e4, 200)[:, None]
    low, high = 5 / energy, 1 - 5 / energy
    y = low + (high - low) * (np.arange(100) + 0.5) / 100
    heavy = (1 - y) * energy
    made = np.exp(np.interp(np.log(energy), np.log(nodes), np.log(fluxes.sum(axis=0))))
    length = np.sqrt(heavy**2 - mass**2) / mass * decay_length_m(moment**2 * dipole_width(mass))
    seen = (1 - 5 / heavy) ** 2 * (np.exp(-20 / length) - np.exp(-300 / length))
    inside = (dc.dipole_spectrum(energy, y, mass) * seen).mean(axis=1) * (high - low)[:, 0]
    rate = np.trapezoid(made[:, 0] * inside * energy[:, 0], np.log(energy[:, 0]))
    wanted = moment**2 * rate * 0.92e15 * AVOGADRO * YEAR_S
    found = dc.dipole_production(mass, "mu")
    assert per_year(found, moment**2) == pytest.approx(wanted, rel=0.02)
    assert per_year(found, moment**2) > per_year(dc.dipole_production(mass, "tau"), moment**2)
    assert dc.dipole_production(mass, "mu", True).rate.sum() > found.rate.sum()


@pytest.mark.parametrize("mass", [0.05, 1.6])
def test_masses_without_a_cross_section(mass: float) -> None:
    for make in (dc.mixing_production, lambda m: dc.dipole_production(m, "tau")):
        with pytest.raises(ParameterError, match=r"expected 0.1 to 1.5 GeV"):
            make(mass)


def test_energies_and_flavours_that_are_not_tabulated() -> None:
    with pytest.raises(ParameterError, match="energies from 5"):
        dc.nc_cross_section([20.0, 2e4], 0.3)
    with pytest.raises(ParameterError, match="unknown cross section 'massless'"):
        dc.nc_cross_section(20.0, 0.3, cross_section="massless")
    with pytest.raises(ParameterError, match="unknown flavour 'e'"):
        dc.flux_over_the_sky("e")
