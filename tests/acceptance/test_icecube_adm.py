"""Lifetimes of decaying dark matter from the real starting events and the Glashow event."""

from __future__ import annotations

import numpy as np
import pytest

import npinfer
from npinfer import RunOptions
from npinfer.errors import ConfigurationError
from npinfer.physics import dark_matter_events
from npinfer.physics.constants import YEAR_S

PEAK = 12.643e6


def lifetime(mass: float, **configuration: object) -> float:
    """The observed 90 % limit [s]."""
    likelihood = npinfer.load("icecube_adm", m_dm=mass, **configuration)
    return 1e29 / npinfer.upper_limit(likelihood, expected=False).observed


@pytest.mark.parametrize("mass", [1.0e7, 1.5e7, 2.0e7, 3.0e7])
def test_lifetimes_of_heavy_dark_matter(mass: float) -> None:
    """About 1e29 s from 10 to 30 PeV (arXiv:2406.14602), within a factor 3."""
    assert 1e29 / 3 < lifetime(mass) < 3e29


def test_three_bodies_and_one() -> None:
    """One antineutrino instead of two: half; three bodies, whose spectrum reaches the resonance from any mass."""
    assert lifetime(2e7, channel="nubar_psi") == pytest.approx(0.5 * lifetime(2e7), rel=0.02)
    assert 1e29 / 3 < lifetime(3e7, channel="nu_nubar_nubar") < 3e29


BARE = {"isr": False, "doppler": False, "electroweak": False}


def events(mass: float, *, resonance: bool = False, **configuration: object) -> float:
    """Expected in partial containment for τ = 1e29 s: all, or those of the resonance alone."""
    likelihood = npinfer.load("icecube_adm_pepe", m_dm=mass, **configuration)
    if not resonance:
        return float(likelihood.expected(likelihood.parameters.init).samples["dark_matter"]["shower"].sum())
    inputs = {"detector": "partially_contained", "livetime_s": YEAR_S * 4.6}
    every = dark_matter_events.decay(inputs, likelihood.channels, likelihood.configuration)
    on = np.array([name == "gr" for name in every.response.cells.interactions])
    halo = {"dm_rate": np.ones(1), "dm_density": np.array([0.4]), "dm_scale": np.array([20.0])}
    return float(every.response.fold(every(**halo) * on[:, None, None])["shower"].sum())


def test_what_the_peak_is_made_of() -> None:
    """The lifetime on the resonance over that at 10 PeV, while one thing after the other is added.

    Events of the resonance alone, from the Born cross section of a line: 57 (48 in a km³ that sees every energy). With
    radiation 54, with moving electrons 49, with electroweak radiation 46; in all showers 33. That is the ratio of the
    limits from one event without a background. If the astrophysical flux may have made the event, 21; if flux and halo
    are free, 16; and with the starting events 14.
    """
    added = [BARE, {"doppler": False, "electroweak": False}, {"electroweak": False}, {}]
    resonant = [events(PEAK, resonance=True, **c) / events(1e7, resonance=True, **c) for c in added]
    assert resonant == pytest.approx([56.7, 54.3, 48.7, 46.1], abs=0.5)
    showers = events(PEAK) / events(1e7)
    assert showers == pytest.approx(33.5, abs=0.5)

    def limits(name: str, **fixed: float) -> float:
        likelihoods = [npinfer.load(name, m_dm=mass) for mass in (1e7, PEAK)]
        rates = [npinfer.upper_limit(lh, expected=False, fixed=fixed).observed for lh in likelihoods]
        return rates[0] / rates[1]

    flux = {"astro_gamma": 2.53, "f_nuebar": 1 / 6}
    known = {"dm_density": 0.4, "dm_scale": 20.0, "effective_volume": 0.0}
    assert limits("icecube_adm_pepe", astro_norm=0.0, **flux, **known) == pytest.approx(showers, rel=1e-3)
    assert limits("icecube_adm_pepe", astro_norm=4.98, **flux) == pytest.approx(21.5, abs=0.5)
    assert limits("icecube_adm_pepe") == pytest.approx(16.3, abs=0.5)
    assert limits("icecube_adm") == pytest.approx(14.0, abs=0.5)


def test_the_peak_is_as_wide_as_the_resonance() -> None:
    """5 % of the mass next to it more than half is gone; three bodies, a continuum, have no peak."""
    assert events(1.05 * PEAK) < 0.5 * events(PEAK)
    assert events(0.95 * PEAK) < 0.5 * events(PEAK)
    assert events(PEAK, channel="nu_nubar_nubar") < events(1.5e7, channel="nu_nubar_nubar")


def test_limits_change_smoothly_with_the_mass() -> None:
    """A line is shared between cells: no steps where its energy crosses an edge."""
    counts = []
    for mass in np.linspace(1.90e7, 1.96e7, 7):
        likelihood = npinfer.load("icecube_adm_pepe", m_dm=mass)
        counts.append(likelihood.expected(likelihood.parameters.init).samples["dark_matter"]["shower"].sum())
    assert np.abs(np.diff(counts, 2)).max() < 0.02 * np.mean(counts)


def test_antineutrinos_are_seen_best() -> None:
    """Of decays to antineutrinos and to neutrinos alike half are lost to the resonance, and bound less there."""
    assert lifetime(1.5e7, symmetric=True) < lifetime(1.5e7) < 3 * lifetime(1.5e7, symmetric=True)


def test_nuisances_of_the_halo_are_shared_and_every_verb_runs() -> None:
    likelihood, run = npinfer.load("icecube_adm"), RunOptions(quiet=True)
    names = likelihood.parameters.names
    assert [names.count(n) for n in ("dm_rate", "dm_density", "dm_scale", "f_nuebar")] == [1, 1, 1, 1]
    best = npinfer.fit(likelihood)
    assert best.valid
    found = npinfer.upper_limit(likelihood)
    assert np.all(np.diff(found.expected) > 0)
    assert found.expected[0] < found.observed < found.expected[4]
    assert np.isfinite(npinfer.toys(likelihood, 4, run=run).of("dm_rate")).all()
    posterior = npinfer.sample(likelihood, n_walkers=40, n_steps=20, n_replicas=1, run=run)
    assert np.isfinite(posterior.chains).all()
    at = likelihood.parameters.vector({"dm_rate": 0.25})
    assert likelihood.derived(at[None])["dm_lifetime"][0] == pytest.approx(4.0)


@pytest.mark.parametrize("sample", ["hese", "pepe"])
def test_members_refuse_the_same_events(sample: str) -> None:
    with pytest.raises(ConfigurationError, match="the same data set"):
        npinfer.joint(npinfer.load(f"icecube_adm_{sample}"), npinfer.load(f"icecube_{sample}"))
