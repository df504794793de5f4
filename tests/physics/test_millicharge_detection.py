"""Millicharged particles in the Earth and in a detector, against closed forms, quadrature and simulation."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.stats import poisson

from npinfer.core.axis import Axis
from npinfer.core.template import Channel
from npinfer.errors import ConfigurationError
from npinfer.physics.constants import ALPHA_EM, HBARC2_GEV2_CM2, M_ELECTRON_GEV
from npinfer.physics.earth import column_depth
from npinfer.physics.millicharge import detection, earth_loss, events
from npinfer.physics.millicharge.kinematics import KINETIC_EDGES_GEV, KINETIC_GEV

LIVETIME_S = 2853 * 86400.0


def channel(axis: str, *edges: float) -> Channel:
    return Channel("recoil", (Axis.from_spec(axis, {"edges": list(edges)}),))


RECOIL = channel("recoil_mev", 16, 88)


def bind(component: str, mass: float = 0.1, channel: Channel = RECOIL, **inputs: object) -> Callable[..., dict]:
    given = {"component": component, "detector": "superk", "signature": "single", "livetime_s": LIVETIME_S, **inputs}
    return events.events(given, [channel], {"m_chi": mass, "threshold_mev": 0.7})


# ---- Earth


def test_loss_against_its_differential_equation() -> None:
    epsilon, column = 0.3, 3e6
    loss = lambda x, e: -(epsilon**2) * (earth_loss.IONISATION_GEV_CM2 + earth_loss.RADIATION_CM2 * e)
    solved = solve_ivp(loss, (0, column), [1e4], rtol=1e-11, atol=1e-9).y[0, -1]
    assert earth_loss.energy_behind(1e4, column, epsilon) == pytest.approx(solved, rel=1e-9)


def test_losses_of_the_reference() -> None:
    """53 MeV in a vertical km of rock at ε² = 1e-4; 2.2 GeV along a diameter of the Earth at 1e-7."""
    assert 10 - earth_loss.energy_behind(10.0, 2.65e5, 1e-2) == pytest.approx(0.053, rel=0.02)
    diameter = float(column_depth(-1.0, depth_km=0.0))
    assert diameter == pytest.approx(1.095e10, rel=2e-3)
    assert 10 - earth_loss.energy_behind(10.0, diameter, np.sqrt(1e-7)) == pytest.approx(2.2, rel=0.02)


def test_steps_add_up() -> None:
    once = earth_loss.energy_behind(50.0, 7e5, 0.2)
    twice = earth_loss.energy_behind(earth_loss.energy_behind(50.0, 3e5, 0.2), 4e5, 0.2)
    assert once == pytest.approx(twice, rel=1e-12)


def test_columns_over_the_sky() -> None:
    column, angle = earth_loss.columns(1.0, 2.7)
    assert angle[:14].sum() == pytest.approx(2 * np.pi, rel=1e-12)
    assert angle.sum() == pytest.approx(4 * np.pi, rel=1e-12)
    assert earth_loss.overburden(1.0, 1.0, 2.7) == pytest.approx(2.7e5, rel=1e-12)
    assert earth_loss.overburden(0.5, 1.0, 2.7) == pytest.approx(5.4e5, rel=1e-3)  # flat but for the sphere
    assert earth_loss.overburden(0.0, 1.0, 2.7) == pytest.approx(2.7e5 * np.sqrt(2 * 6371.0), rel=1e-3)
    assert column[:14].max() < column[14:].max() < 1.1e10


def test_transport_without_loss_is_the_whole_sky() -> None:
    carried = events.transport(0.1, 1.0, 2.7)
    from_above = KINETIC_GEV > 10
    assert carried[0].sum(axis=1)[from_above] == pytest.approx(4 * np.pi, rel=1e-6)
    assert carried[0][from_above] @ KINETIC_GEV == pytest.approx(4 * np.pi * KINETIC_GEV[from_above], rel=1e-3)
    lost = carried.sum(axis=2)  # (ε, cells)
    assert np.all(np.diff(lost, axis=0) < 1e-9)


def test_transport_keeps_energy_as_the_closed_form() -> None:
    """Σ of energies that arrive, straight from the formula in every direction."""
    carried = events.transport(0.1, 1.0, 2.7)
    i = int(np.argmin(np.abs(events.LOG_EPSILON - np.log(0.1))))
    epsilon, start = np.exp(events.LOG_EPSILON[i]), 140
    cosine = (np.arange(4000) + 0.5) / 4000
    columns = np.stack([earth_loss.overburden(cosine, 1.0, 2.7), column_depth(-cosine, depth_km=1.0)])
    left = np.maximum(earth_loss.energy_behind(0.1 + KINETIC_GEV[start], columns, epsilon) - 0.1, 0)
    assert carried[i, start] @ KINETIC_GEV == pytest.approx(2 * np.pi * left.mean(axis=1).sum(), rel=5e-3)


# ---- detector


def test_exposure_of_superk() -> None:
    detector = detection.detector("superk")
    assert detector.volume_cm3 * detector.electrons_cm3 * LIVETIME_S == pytest.approx(1.854e42, rel=2e-3)
    assert detection.detector("juno").volume_cm3 * 0.86e-9 == pytest.approx(17.0, rel=2e-3)
    with pytest.raises(ConfigurationError, match="unknown detector 'sno'"):
        detection.detector("sno")


@pytest.mark.parametrize(("radius", "height"), [(1490.0, 3226.0), (1.0, 0.2), (1.0, 20.0)])
def test_chords_of_a_cylinder_obey_cauchy(radius: float, height: float) -> None:
    """The mean chord is 4V/S = 2RH/(R + H)."""
    length, weight = detection._cylinder(radius, height)
    assert length @ weight / weight.sum() == pytest.approx(2 * radius * height / (radius + height), rel=2e-3)


def test_chords_of_a_cylinder_against_random_lines() -> None:
    """Isotropic lines through random points of a disc around the cylinder."""
    rng, radius, height, n = np.random.default_rng(2), 1.0, 2.0, 400_000
    cosine = rng.uniform(0, 1, n)
    sine = np.sqrt(1 - cosine**2)
    u, v = rng.uniform(-1.5, 1.5, (2, n))  # coordinates across the line, which runs in the plane x, z
    point = np.stack([u * cosine, v, -u * sine])
    a, b = sine**2, point[0] * sine
    inside = b**2 - a * (point[0] ** 2 + v**2 - radius**2)
    root = np.sqrt(np.maximum(inside, 0))
    walls = np.stack([(-b - root) / a, (-b + root) / a])
    lids = np.sort(np.stack([(-height / 2 - point[2]) / cosine, (height / 2 - point[2]) / cosine]), axis=0)
    chord = np.where(inside > 0, np.minimum(walls[1], lids[1]) - np.maximum(walls[0], lids[0]), 0.0)
    chord = chord[chord > 0]
    length, weight = detection._cylinder(radius, height)
    for power in (1, 2, 3):
        assert (length**power) @ weight / weight.sum() == pytest.approx(np.mean(chord**power), rel=0.01)


def test_paths_of_both_detectors() -> None:
    for detector in detection.DETECTORS.values():
        length, probability = detector.paths
        assert probability.sum() == pytest.approx(1.0, rel=1e-12)
        assert length @ probability == pytest.approx(detector.volume_cm3 / detector.mean_area_cm2, rel=1e-12)
    length, probability = detection.detector("juno").paths
    assert length**2 @ probability == pytest.approx(2 * 1677.4**2, rel=0.01)  # of a sphere: ⟨L²⟩ = 2R²


# ---- recoils


@pytest.mark.parametrize(
    ("energy", "mass", "low", "high"), [(5.0, 0.1, 0.016, 0.088), (1.2, 0.3, 1e-3, 0.05), (30.0, 2.0, 7e-4, 1.0)]
)
def test_cross_section_against_quadrature(energy: float, mass: float, low: float, high: float) -> None:
    electron = M_ELECTRON_GEV
    most = 2 * electron * (energy**2 - mass**2) / (mass**2 + 2 * electron * energy + electron**2)

    def density(t: float) -> float:
        above = (t**2 + 2 * energy**2) * electron - ((2 * energy + electron) * electron + mass**2) * t
        return np.pi * ALPHA_EM**2 * above / (t**2 * electron**2 * (energy**2 - mass**2))

    wanted = HBARC2_GEV2_CM2 * quad(density, low, min(high, most), epsrel=1e-11)[0]
    assert detection.cross_section(energy, mass, low, high) == pytest.approx(wanted, rel=1e-9)
    assert detection.max_recoil(energy, mass) == pytest.approx(most, rel=1e-12)


def test_ultra_relativistic_cross_section() -> None:
    assert detection.cross_section(1e6, 0.01, 0.016, 0.088) == pytest.approx(1.304e-26, rel=1e-3)
    assert detection.cross_section([0.5, 0.46], 0.45, 0.016).tolist() == [0.0, 0.0]  # recoils are too soft


def test_probabilities() -> None:
    mean = np.geomspace(1e-9, 30, 200)
    assert detection.one_or_more(mean) == pytest.approx(poisson.sf(0, mean), rel=1e-12)
    assert detection.two_or_more(mean) == pytest.approx(poisson.sf(1, mean), rel=1e-9)


def test_two_recoils_follow_from_one() -> None:
    """N_multi = N_single P₂(T_multi)/P₁(T_single) in every cell and for every ε, on one path and without a veto."""
    path = 2236.5
    detector = SimpleNamespace(
        paths=(np.array([path]), np.array([1.0])), electrons_cm3=2.9e23, density_g_cm3=0.86,
        veto_path_cm=0.0, veto_energy_gev=1e12,
    )
    low_single, low_multi, mass = 2e-3, 7e-4, 0.5
    single = events.seen(detector, mass, np.array([low_single, np.inf]), "single")[..., 0]
    multi = events.seen(detector, mass, np.array([low_multi]), "multiple")[..., 0]
    per_cm = 2.9e23 * np.exp(2 * events.LOG_EPSILON)[:, None]
    means = [per_cm * path * detection.cross_section(mass + KINETIC_GEV, mass, low) for low in (low_multi, low_single)]
    open_ = means[1] > 0
    ratio = poisson.sf(1, means[0][open_]) / poisson.sf(0, means[1][open_])
    assert multi[open_] == pytest.approx(single[open_] * ratio, rel=1e-6)


def test_counted_against_simulated_recoils() -> None:
    """Poisson numbers of recoils, and an ionisation that is noticed at random."""
    detector, mass, epsilon, cell = detection.detector("superk"), 0.1, 0.07, 130
    i = int(np.argmin(np.abs(events.LOG_EPSILON - np.log(epsilon))))
    energy, epsilon = mass + KINETIC_GEV[cell], np.exp(events.LOG_EPSILON[i])
    per_cm = epsilon**2 * detector.electrons_cm3
    window, soft = (per_cm * detection.cross_section(energy, mass, *e) for e in ((0.016, 0.088), (4e-3,)))
    rng, n = np.random.default_rng(3), 400_000
    path = rng.choice(detector.paths[0], n, p=detector.paths[1])
    lost = epsilon**2 * 2e-3 * np.stack([path + detector.veto_path_cm, np.full(n, detector.veto_path_cm)])
    whole, around = rng.random((2, n)) < np.exp(-((lost / 0.02) ** 2))
    for edges, signature, good in (
        ([0.016, 0.088], "single", (rng.poisson(window * path) > 0) & whole),
        ([4e-3], "multiple", (rng.poisson(soft * path) > 1) & around),
    ):
        found = events.seen(detector, mass, np.array(edges), signature)[i, cell, 0]
        assert found == pytest.approx(good.mean(), abs=5 * np.sqrt(good.mean() / n))


def test_small_charges_are_not_noticed() -> None:
    for detector in detection.DETECTORS.values():
        path = detector.veto_path_cm + detector.volume_cm3 / detector.mean_area_cm2
        assert detection.unnoticed(7e-4, path, detector) > 0.95
        assert detection.unnoticed(0.1, detector.veto_path_cm, detector) < 1e-6


# ---- events


def test_small_charges_see_the_thin_target() -> None:
    """N = ε⁴ Σ flux · N_e t σ from the whole sky, nothing lost."""
    counts = bind("eta")
    flux = events.chi_flux("eta", 0.1, "decays")
    thin = 1.8555e42 * detection.cross_section(0.1 + KINETIC_GEV, 0.1, 0.016, 0.088)
    assert counts(epsilon=np.array([1e-5]))["recoil"][0, 0] == pytest.approx(4e-20 * np.pi * flux @ thin, rel=0.01)
    powers = counts(epsilon=np.array([1e-7, 1e-6]))["recoil"][:, 0]
    assert powers[1] / powers[0] == pytest.approx(1e4, rel=1e-9)
    assert counts(epsilon=np.zeros(1))["recoil"].tolist() == [[0.0]]


def test_large_charges_against_direct_integration() -> None:
    """Fine steps of zenith and energy, straight from the formulae, between the ε of the table."""
    mass, epsilon, detector = 1.0, 0.0537, detection.detector("superk")
    flux = events.chi_flux("drell_yan", mass, "decays")
    cosine = (np.arange(400) + 0.5) / 400
    columns = np.concatenate([earth_loss.overburden(cosine, 1.0, 2.7), column_depth(-cosine, depth_km=1.0)])
    steps = np.log(KINETIC_EDGES_GEV[1] / KINETIC_EDGES_GEV[0]) * (np.arange(8) + 0.5) / 8
    energy = mass + (KINETIC_EDGES_GEV[:-1, None] * np.exp(steps)).ravel()
    left = np.maximum(earth_loss.energy_behind(energy, columns[:, None], epsilon), mass)
    per_cm = epsilon**2 * detector.electrons_cm3
    window = per_cm * detection.cross_section(left, mass, 0.016, 0.088)
    seen = sum(
        p * -np.expm1(-window * path) * np.exp(-((epsilon**2 * 0.1 * (path + 800.0)) ** 2))  # 2 MeV/cm over 20 MeV
        for path, p in zip(*detector.paths, strict=True)
    )
    rate = 2 * np.pi / 400 * np.sum(seen @ np.repeat(flux / 8, 8))
    wanted = LIVETIME_S * epsilon**2 * detector.mean_area_cm2 * rate
    assert bind("drell_yan", mass)(epsilon=np.array([epsilon]))["recoil"][0, 0] == pytest.approx(wanted, rel=0.03)


def test_derivatives_and_batches() -> None:
    counts = bind("phi")
    epsilon = np.array([1e-4, 3e-3, 0.07, 0.6])
    together = counts(epsilon=epsilon)["recoil"][:, 0]
    assert [float(counts(epsilon=epsilon[i : i + 1])["recoil"][0, 0]) for i in range(4)] == pytest.approx(
        together.tolist(), rel=1e-12
    )
    slope = counts(epsilon=epsilon + 1e-30j)["recoil"][:, 0].imag / 1e-30
    step = 1e-6 * epsilon
    numeric = (counts(epsilon=epsilon + step)["recoil"] - counts(epsilon=epsilon - step)["recoil"])[:, 0] / (2 * step)
    assert slope == pytest.approx(numeric, rel=1e-5)
    alone = counts(epsilon=np.array([0.07 + 1e-30j]))["recoil"][0, 0].imag / 1e-30
    assert alone == pytest.approx(slope[2], rel=1e-12)


def test_bins_share_the_window() -> None:
    both = RECOIL, channel("recoil_mev", 16, 20, 30, 88)
    one, three = (bind("rho", channel=c)(epsilon=np.array([2e-3]))["recoil"].sum() for c in both)
    assert three == pytest.approx(one, rel=1e-5)  # interpolated in ε each for itself


def test_closed_decays_have_no_parameter() -> None:
    assert bind("pi0", 0.1)()["recoil"].tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"component": "kaon"}, "unknown component 'kaon'"),
        ({"signature": "triple"}, "unknown signature 'triple'"),
        ({"mass": 1e-4}, "m_chi: found 0.0001, expected a mass in GeV from 0.001 to 10"),
        ({"signature": "multiple", "channel": channel("recoils", 2, 3, 4)}, "several recoils are counted in one bin"),
        ({"channel": channel("energy_gev", 2, 3)}, "expected the axis recoil_mev alone, above 0"),
        ({"channel": channel("recoil_mev", 0, 3)}, "expected the axis recoil_mev alone, above 0"),
    ],
)
def test_errors(inputs: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        bind(**{"component": "eta", **inputs})
