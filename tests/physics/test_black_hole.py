"""Radii, temperatures and cross sections of black holes against an independent computation, and their scaling."""

from __future__ import annotations

import numpy as np
import pytest

from npinfer.errors import ParameterError
from npinfer.physics import black_hole as bh
from npinfer.physics.black_hole import Gravity
from npinfer.physics.constants import HBARC2_GEV2_CM2, M_NUCLEON_GEV
from npinfer.physics.parton_density import shipped


@pytest.mark.parametrize(
    ("dimensions", "radius", "kelvin", "ratio"),
    [(2, 2.289e-4, 1043, 1.1696), (4, 3.985e-4, 998, 1.2619), (6, 5.393e-4, 1033, 1.3343)],
)
def test_radii_and_temperatures(dimensions: int, radius: float, kelvin: float, ratio: float) -> None:
    assert bh.horizon_radius(1e4, 5e3, dimensions) == pytest.approx(radius, rel=1e-3)
    assert bh.temperature(1e4, 5e3, dimensions) == pytest.approx(kelvin, rel=1e-3)
    assert bh.b_max_over_horizon(dimensions) == pytest.approx(ratio, abs=1e-4)


@pytest.mark.parametrize(
    ("m_d", "model", "sections"),
    [
        (2e3, Gravity(6), (1.17e-31, 5.08e-31)),
        (5e3, Gravity(6), (4.24e-33, 2.70e-32)),
        (5e3, Gravity(6, 3.0), (4.36e-34, 6.42e-33)),
        (3e3, Gravity(4), (1.55e-32, 8.14e-32)),
        (5e3, Gravity(6, radius="b_max"), (7.55e-33, 4.80e-32)),
    ],
)
def test_cross_sections(m_d: float, model: Gravity, sections: tuple[float, float]) -> None:
    assert bh.cross_section([1e9, 1e10], m_d, model) == pytest.approx(sections, rel=0.01)


def test_cross_section_against_a_plain_sum() -> None:
    """Midpoints in u with the densities one by one."""
    energy, m_d, n, x_min = 3e9, 4e3, 3, 2.0
    s = 2 * M_NUCLEON_GEV * energy
    log_least = np.log((x_min * m_d) ** 2 / s)
    u = np.exp(log_least * (np.arange(1500) + 0.5) / 1500)
    radius = bh.horizon_radius(np.sqrt(u * s), m_d, n)
    partons = (21, 1, 2, 3, 4, 5, -1, -2, -3, -4, -5)
    density = sum(shipped()(flavour, u, radius**-2) for flavour in partons)
    wanted = (density * np.pi * radius**2).mean() * -log_least * HBARC2_GEV2_CM2
    assert bh.cross_section(energy, m_d, Gravity(n, x_min)) == pytest.approx(wanted, rel=2e-3)


def test_thresholds() -> None:
    assert Gravity(6).threshold_gev(5e3) == pytest.approx(13.3e6, rel=2e-3)
    assert Gravity(6, 3.0).threshold_gev(5e3) == pytest.approx(9 * 13.3e6, rel=2e-3)
    assert Gravity(6, trapped=0.5).threshold_gev(5e3) == pytest.approx(4 * 13.3e6, rel=2e-3)
    below, above = bh.cross_section(np.array([0.99, 1.2]) * Gravity(4).threshold_gev(3e3), 3e3, Gravity(4))
    assert below == 0 < above
    assert (bh.cross_section(np.geomspace(1.0, 1.01, 20) * Gravity(4).threshold_gev(3e3), 3e3, Gravity(4)) >= 0).all()
    whole, part = (bh.cross_section(1e9, 3e3, Gravity(4, trapped=t)) for t in (1.0, 0.7))
    assert part < whole


@pytest.mark.parametrize("dimensions", bh.DIMENSIONS)
def test_scaling_with_the_planck_scale(dimensions: int) -> None:
    """π r_s² ∝ M_D^(−2(n+2)/(n+1)) at the same mass; M/T_H is twice the number of particles, M/2T_H."""
    radii = bh.horizon_radius(1e4, np.array([3e3, 6e3]), dimensions)
    power = 2 * (dimensions + 2) / (dimensions + 1)
    assert (radii[0] / radii[1]) ** 2 == pytest.approx(2**power, rel=1e-12)
    number = bh.mean_multiplicity(1e4, 5e3, dimensions)
    assert number * 2 * bh.temperature(1e4, 5e3, dimensions) == pytest.approx(1e4, rel=1e-12)


def test_five_dimensions_have_a_closed_form() -> None:
    """n = 1: r_s² = 8GM/3π with G = 1/(4 M_D³)."""
    assert bh.horizon_radius(1e4, 5e3, 1) ** 2 == pytest.approx(2 * 1e4 / (3 * np.pi * 5e3**3), rel=1e-12)


def test_degrees_of_freedom() -> None:
    assert sum(bh.DEGREES_OF_FREEDOM.values()) == 118
    assert pytest.approx(4 / 118) == bh.LEPTON_SHARE
    number = bh.mean_multiplicity(2 * 5e3, 5e3, 6)
    assert number == pytest.approx(5, abs=0.3)
    assert 1 - np.exp(-number * bh.LEPTON_SHARE) == pytest.approx(0.15, abs=0.01)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dimensions": 0}, "dimensions: found 0"),
        ({"dimensions": 7}, "dimensions: found 7"),
        ({"dimensions": 6, "x_min": 0.5}, "x_min"),
        ({"dimensions": 6, "trapped": 0.0}, "trapped"),
        ({"dimensions": 6, "radius": "big"}, "unknown radius"),
    ],
)
def test_models_without_sense(settings: dict, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        Gravity(**settings)
