"""Decaying dark matter: columns, fluxes and the events of the resonance against independent numbers and integrals."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad

from npinfer.errors import ConfigurationError, ParameterError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.physics import dark_matter as dm
from npinfer.physics import dark_matter_events
from npinfer.physics.constants import YEAR_S
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.earth import mean_transmission
from npinfer.physics.glashow import BRANCHING_RATIOS, cross_section

ELECTRONS = 3.07e38  # in a km³ of ice


def test_halo() -> None:
    halo = dm.Halo()
    assert halo.density(dm.SUN_KPC) == pytest.approx(0.4)
    r_s = halo.density(20.0) * 4  # ρ_s/4 at the scale radius
    assert r_s == pytest.approx(0.3215, rel=1e-3)
    assert halo.density(200.1) == 0


@pytest.mark.parametrize(
    ("halo", "mean"), [(dm.Halo(), 2.131e22), (dm.Halo(24.0), 2.187e22)], ids=["20 kpc", "24 kpc"]
)
def test_mean_columns(halo: dm.Halo, mean: float) -> None:
    assert halo.mean_column() == pytest.approx(mean, rel=1e-3)


def test_columns_of_directions() -> None:
    halo = dm.Halo()
    assert halo.column([np.pi, np.pi / 2]) == pytest.approx([1.044e22, 1.645e22], rel=1e-3)

    def line(distance: float, angle: float) -> float:
        r = np.sqrt(dm.SUN_KPC**2 + distance**2 - 2 * dm.SUN_KPC * distance * np.cos(angle))
        return float(halo.density(r))

    for angle in (0.02, 0.5, 2.0):
        end = dm.SUN_KPC * np.cos(angle) + np.sqrt(200.0**2 - (dm.SUN_KPC * np.sin(angle)) ** 2)
        direct = quad(line, 0, end, args=(angle,), points=[dm.SUN_KPC], limit=400)[0] * dm.KPC_CM
        assert halo.column(angle) == pytest.approx(direct, rel=1e-5)


def test_the_sky_at_the_pole() -> None:
    """Cells of zenith average to the whole sky; the Galactic centre, 29° south, is 29° above the horizon there."""
    edges = np.linspace(-1, 1, 11)
    cells = dm.Halo().column_at_pole(edges)
    assert cells.mean() == pytest.approx(2.131e22, rel=1e-3)
    assert np.argmax(cells) == 7
    assert edges[7] < np.sin(np.radians(28.9)) < edges[8]


def test_intensities() -> None:
    galactic = dm.galactic_intensity(12.6e6, 1e28, dm.Halo().mean_column())
    assert galactic == pytest.approx(1.346e-14, rel=1e-3)
    outside = dm.extragalactic_intensity(12.6e6, 1e28)
    assert outside == pytest.approx(1.095e-14, rel=1e-3)
    assert outside * dm.reach(50.0) / galactic == pytest.approx(0.771, rel=1e-3)


def test_reach_against_quadrature() -> None:
    for redshift in (0.01, 1.0, 50.0):
        direct = quad(lambda z: 1 / ((1 + z) * np.sqrt(0.315 * (1 + z) ** 3 + 0.685)), 0, redshift, epsabs=0)[0]
        assert dm.reach(redshift) == pytest.approx(direct, rel=1e-6)
    assert dm.reach(-1.0) == 0
    assert dm.reach(1e3) == dm.reach(dm.HIGHEST_REDSHIFT)


# Hadronic resonance events in 4.6 yr and 1 km³ for X → ν̄ν̄, τ = 1e28 s, Born cross section; masses in PeV.
EVENTS = {8: 5.7, 10: 15.4, 12.643: 752, 15: 53.5, 20: 24.8, 50: 3.0, 100: 0.555}


def through(energy: NDArray, electron: NDArray) -> NDArray:
    """Mean transmission over the sky with a cross section on electrons."""
    nucleon = sum(csms_total(energy, c, antineutrino=True) for c in ("cc", "nc"))
    return mean_transmission([-1, 1], nucleon, electron_cross_section_cm2=electron)[:, 0]


@pytest.mark.parametrize("mass_pev", EVENTS)
def test_events_of_the_resonance(mass_pev: float) -> None:
    """The Galactic line meets the cross section of its energy, redshifted ones that of each cell."""
    edges, mass = np.geomspace(1e5, 1e8, 1501), mass_pev * 1e6
    centres = np.sqrt(edges[:-1] * edges[1:])
    line, sigma = cross_section([mass / 2]), cross_section(centres)
    rate = dm.galactic_intensity(mass, 1e28, dm.Halo().mean_column()) * line * through(np.array([mass / 2]), line)
    outside = dm.extragalactic_shares(np.array([mass / 2]), np.ones(1), edges)
    rate = rate[0] + dm.extragalactic_intensity(mass, 1e28) * np.sum(outside * sigma * through(centres, sigma))
    found = 2 / 3 * rate * 4 * np.pi * 4.6 * YEAR_S * ELECTRONS * BRANCHING_RATIOS["hadrons"]
    assert found == pytest.approx(EVENTS[mass_pev], rel=0.05)


def test_why_the_sensitivity_on_the_peak_is_a_matter_of_width() -> None:
    """The spike at 12.64 PeV is as wide as the resonance: 5 % of the mass. Radiation and the motion of electrons take a
    quarter of its height and nothing of its area; a mean over ±10 % of mass, or electroweak radiation, halve it again.
    """
    peak = 12.643e6
    masses = peak * np.linspace(0.65, 1.35, 281)  # neutrinos of 4.1 to 8.5 PeV
    born, full = (cross_section(masses / 2, isr=on, doppler=on) for on in (False, True))
    near = np.abs(masses / peak - 1) < 0.1
    wide = masses[born > born.max() / 2]
    assert (wide[-1] - wide[0]) / peak == pytest.approx(0.052, abs=0.004)
    assert full.max() / born.max() == pytest.approx(0.747, abs=0.01)
    assert full.mean() / born.mean() == pytest.approx(0.98, abs=0.02)
    assert full[near].mean() < 0.35 * born.max()
    kept, probability = dm.radiated(peak / 2)
    assert 0.4 < probability[kept > 0.95].sum() < 0.5


def test_electroweak_radiation() -> None:
    """Probabilities below 1, smaller at higher energy, and the double logarithm itself."""
    lines = []
    for energy in (1e5, 1e6, 1e7):
        kept, probability = dm.radiated(energy)
        assert np.all((kept > 0) & (kept <= 1) & (probability > 0))
        assert probability.sum() < 1
        lines.append(probability[0])
    assert lines[0] > lines[1] > lines[2]
    with pytest.raises(ParameterError, match="at least 1e4"):
        dm.radiated(100.0)
    weak, mass = 0.0339, 80.377

    def density(z: float, energy: float) -> float:
        return weak / 2 / (2 * np.pi) * (1 + (1 - z) ** 2) / z * 2 * np.log(z * energy / mass)

    kept, probability = dm.radiated(6.3e6)
    number = quad(density, mass / 6.3e6, 1, args=(6.3e6,), points=[1e-4, 1e-2], limit=300)[0]
    assert probability.sum() == pytest.approx(np.exp(-number), rel=2e-3)  # no W


def test_three_bodies() -> None:
    x, share = dm.decay_spectrum("nu_nubar_nubar")
    assert share.sum() == pytest.approx(1)
    assert (x * share).sum() == pytest.approx(2 / 3, rel=1e-4)
    with pytest.raises(ConfigurationError, match="did you mean 'nubar_psi'"):
        dm.decay_spectrum("nubar_phi")


def test_sharing_keeps_numbers_and_mean_energies() -> None:
    edges = np.geomspace(1e5, 1e7, 41)
    energy = np.array([3.3e5, 2.718e6])
    found = dm.galactic_shares(energy, np.array([1.0, 2.0]), edges)
    centres = np.log(edges[:-1] * edges[1:]) / 2
    assert found.sum() == pytest.approx(3)
    assert found @ centres == pytest.approx(np.log(energy) @ [1, 2])
    assert dm.galactic_shares(np.array([1e9]), np.ones(1), edges).sum() == 0
    redshifted = dm.extragalactic_shares(np.array([1e7]), np.ones(1), edges)
    assert redshifted.sum() == pytest.approx(dm.reach(99.0))


# ---- on the cells of a telescope

CONFIGURATION = {"isr": True, "doppler": True, "m_dm": 2e7, "channel": "nubar_nubar", "symmetric": False}
HALO = {"dm_rate": 1.0, "dm_density": 0.4, "dm_scale": 20.0}


def weights(hese: BinnedLikelihood, electroweak: bool = False, **configuration: object) -> NDArray:
    inputs = {"response": "icecube_hese", "livetime_s": 227708167.68}
    chosen = {**CONFIGURATION, "electroweak": electroweak, **configuration}
    bound = dark_matter_events.decay(inputs, hese.channels, chosen)
    halo = {n: np.array([float(chosen.get(n, v))]) for n, v in HALO.items()}
    return bound(**halo)[0][:, 0]  # (species, energy, zenith)


def test_weights_are_the_fluxes(hese: BinnedLikelihood) -> None:
    found = weights(hese)
    assert found[:3].sum() == 0
    line = dm.galactic_intensity(2e7, 1e29, dm.Halo().mean_column())
    outside = dm.extragalactic_intensity(2e7, 1e29) * dm.reach(1e7 / 1.07e4 - 1)
    per_antineutrino = 2 / 3 * (line + outside)
    assert found[3:].sum(axis=1).mean(axis=1) == pytest.approx(np.full(3, per_antineutrino), rel=0.02)
    double = weights(hese, dm_rate=2.0)
    assert double == pytest.approx(2 * found)


@pytest.mark.parametrize("scale", [11.0, 17.3, 28.0])
def test_columns_between_the_nodes(hese: BinnedLikelihood, scale: float) -> None:
    """The polynomial in the scale radius is the column itself."""
    found = weights(hese, dm_scale=scale, dm_density=0.3)[3]
    halo = weights(hese, dm_scale=20.0, dm_density=1e-9)[3]  # extragalactic alone
    galactic = (found - halo).sum(axis=0)
    expected = 2 / 3 * dm.galactic_intensity(2e7, 1e29, dm.Halo(scale, 0.3).column_at_pole(np.linspace(-1, 1, 11)))
    assert galactic == pytest.approx(expected, rel=1e-3)


def test_symmetric_decays_share_between_particles(hese: BinnedLikelihood) -> None:
    asymmetric, symmetric = (weights(hese, symmetric=s).sum(axis=(1, 2)) for s in (False, True))
    assert symmetric == pytest.approx(np.full(6, asymmetric.sum() / 6))
    three = weights(hese, channel="nu_nubar_nubar").sum(axis=(1, 2))
    assert three[3:] == pytest.approx(2 * three[:3])
    one = weights(hese, channel="nubar_psi")
    assert 2 * one == pytest.approx(weights(hese))


def test_electroweak_radiation_removes_flux(hese: BinnedLikelihood) -> None:
    plain, radiating = (weights(hese, electroweak=e) for e in (False, True))
    assert radiating.sum() == pytest.approx(plain.sum() * dm.radiated(1e7)[1].sum(), rel=0.02)


def test_masses_are_checked(hese: BinnedLikelihood) -> None:
    with pytest.raises(ConfigurationError, match="1e5 to 1e9 GeV; found 10"):
        weights(hese, m_dm=10.0)


def test_lifetime_is_the_inverse_of_the_rate() -> None:
    lifetime = dark_matter_events.lifetime({}, [], {})
    assert lifetime(dm_rate=np.array([0.5, 2.0, 0.0])) == pytest.approx([2.0, 0.5, 1e6])
