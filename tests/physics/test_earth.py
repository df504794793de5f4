"""Earth absorption: geometry, sky averages and the event rate of the Glashow resonance against independent values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npinfer.errors import ParameterError
from npinfer.paths import data_file
from npinfer.physics.constants import AVOGADRO, YEAR_S, Z_OVER_A_EARTH, Z_OVER_A_WATER
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.earth import column_depth, mean_transmission, transmission
from npinfer.physics.glashow import BRANCHING_RATIOS, cross_section


def deep_inelastic(energy: np.ndarray | float) -> np.ndarray:
    return csms_total(energy, "cc", antineutrino=True) + csms_total(energy, "nc", antineutrino=True)


def sky_average(energy: np.ndarray | float) -> np.ndarray:
    resonance = cross_section(energy)
    return mean_transmission([-1, 1], deep_inelastic(energy), electron_cross_section_cm2=resonance)[..., 0]


def test_attenuation_at_the_resonance() -> None:
    energy = 6.32e6
    length = 1 / (AVOGADRO * (deep_inelastic(energy) + Z_OVER_A_EARTH * cross_section(energy)))
    assert length == pytest.approx(6.77e6, abs=0.5e4)


@pytest.mark.parametrize(("energy", "value"), [(6.32e6, 0.443), (5e6, 0.542)])
def test_sky_averaged_transmission(energy: float, value: float) -> None:
    assert sky_average(energy) == pytest.approx(value, abs=0.5e-3)


@pytest.mark.parametrize(
    ("norm", "gamma", "to_10_pev", "to_8_pev"),
    [
        (4.32e-18, 2.37, 10.16, 10.03),
        (6.7e-18, 2.50, 9.21, 9.09),
        (4.98e-18, 2.53, 6.05, 5.97),
        (6.37e-18, 2.87, 1.90, 1.88),
        (3.03e-18, 2.19, 15.01, 14.80),
    ],
)
def test_hadronic_resonance_events(norm: float, gamma: float, to_10_pev: float, to_8_pev: float) -> None:
    """Events per unit f_nuebar in 1 km³ of ice and 4.6 years, for a six-species flux at 100 TeV."""
    exposure = 4 * np.pi * 4.6 * YEAR_S * 0.917e15 * AVOGADRO * Z_OVER_A_WATER
    for top, value in ((10e6, to_10_pev), (8e6, to_8_pev)):
        energy = np.linspace(4e6, top, 1501)
        rate = norm * (energy / 1e5) ** -gamma * cross_section(energy) * sky_average(energy)
        events = exposure * BRANCHING_RATIOS["hadrons"] * np.trapezoid(rate, energy)
        assert events == pytest.approx(value, rel=1e-3, abs=0.5e-2)


def test_shells_weigh_as_much_as_the_earth() -> None:
    radius, density = np.loadtxt(data_file("prem", "prem_12layer.csv"), delimiter=",", skiprows=1).T
    mass_g = 4 / 3 * np.pi * density @ np.diff(radius**3, prepend=0) * 1e15
    assert mass_g == pytest.approx(5.972e27, rel=5e-3)


def test_vertical_columns() -> None:
    assert column_depth(1.0) == pytest.approx(1.02 * 2e5, rel=1e-9)
    assert column_depth(1.0, depth_km=0.0) == pytest.approx(0.0, abs=1e-3)
    # PREM's own polynomials give 1.0950e10 g/cm² through the centre.
    assert column_depth(-1.0) == pytest.approx(1.0950e10, rel=1e-3)


@pytest.mark.parametrize("cosine", [-1.0, -0.9, -0.84, -0.5, -0.1, -0.01, 0.0, 0.05, 0.6, 1.0])
def test_columns_agree_with_a_walk_along_the_ray(cosine: float) -> None:
    radius, density = np.loadtxt(data_file("prem", "prem_12layer.csv"), delimiter=",", skiprows=1).T
    start, surface = 6369.0, 6371.0
    length = -start * cosine + np.sqrt(surface**2 - start**2 * (1 - cosine**2))
    step = length / 400_000
    walked = (np.arange(400_000) + 0.5) * step
    at = np.sqrt(start**2 + 2 * start * walked * cosine + walked**2)
    shells = density[np.minimum(np.searchsorted(radius, at), radius.size - 1)]
    assert column_depth(cosine) == pytest.approx(shells.sum() * step * 1e5, rel=2e-5)


@settings(deadline=None)
@given(cosine=st.floats(-1, 1), depth=st.floats(0, 3))
def test_columns_grow_with_depth_and_towards_the_nadir(cosine: float, depth: float) -> None:
    here = column_depth(cosine, depth_km=depth)
    assert here >= -1e-3
    if cosine > 0:
        assert column_depth(cosine, depth_km=depth + 0.5) > here
    assert column_depth(-abs(cosine), depth_km=depth) >= column_depth(abs(cosine), depth_km=depth) - 1e-3


def test_transmission_combines_nucleons_and_electrons() -> None:
    cosines, sections = np.array([-1.0, -0.3, 0.5]), np.array([1e-34, 1e-33])
    found = transmission(cosines, sections, electron_cross_section_cm2=2e-33, z_over_a=0.5)
    assert found.shape == (2, 3)
    expected = np.exp(-column_depth(-0.3) * AVOGADRO * (1e-33 + 1e-33))
    assert found[1, 1] == pytest.approx(expected, rel=1e-12)
    assert np.all(transmission(cosines, 0.0) == 1)


@pytest.mark.parametrize("section", [1e-36, 1e-34, 1e-33, 1e-32, 2.5e-31])
def test_means_agree_with_a_fine_sum(section: float) -> None:
    edges = np.array([-1.0, -0.2, 0.0, 0.3, 1.0])
    for low, high, value in zip(edges, edges[1:], mean_transmission(edges, section), strict=False):
        points = low + (np.arange(100_000) + 0.5) * (high - low) / 100_000
        assert value == pytest.approx(transmission(points, section).mean(), rel=1e-5)


@settings(deadline=None)
@given(cut=st.floats(-0.999, 0.999), log_section=st.floats(-36, -31))
def test_inserting_an_edge_keeps_the_mean(cut: float, log_section: float) -> None:
    section = 10**log_section
    parts = mean_transmission([-1, cut, 1], section) @ np.array([cut + 1, 1 - cut]) / 2
    assert parts == pytest.approx(mean_transmission([-1, 1], section)[0], rel=1e-6)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"cos_zenith: found 1\.1"):
        column_depth([0.0, -1.1])
    with pytest.raises(ParameterError, match="depth_km: found -1 km"):
        column_depth(0.0, depth_km=-1.0)
    with pytest.raises(ParameterError, match="depth_km"):
        mean_transmission([-1, 1], 1e-33, depth_km=7000.0)
    with pytest.raises(ParameterError, match="cos_zenith_edges"):
        mean_transmission([0.0, 0.0], 1e-33)
    with pytest.raises(ParameterError, match="cos_zenith"):
        mean_transmission([-1.0, 1.5], 1e-33)
