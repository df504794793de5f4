"""Lifetimes of decaying dark matter from the real starting events and the Glashow event."""

from __future__ import annotations

import numpy as np
import pytest

import npinfer
from npinfer import RunOptions
from npinfer.errors import ConfigurationError

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


def test_the_peak_is_what_a_line_narrower_than_the_resonance_makes() -> None:
    """On the resonance over 10 PeV: 48 in the lifetime by counting a Born line's resonance events alone.

    Of that remain a third: 42 in all showers of partial containment, 33 with radiation and moving electrons, and in the
    lifetime, where deep-inelastic scattering bounds the rest too and the one event lies on the peak, about 14. That
    much a line 5 % of the mass wide or less does make; next to it there is nothing.
    """
    assert 8 < lifetime(PEAK) / lifetime(1e7) < 20

    def events(mass: float, **configuration: object) -> float:
        likelihood = npinfer.load("icecube_adm_pepe", m_dm=mass, **configuration)
        return float(likelihood.expected(likelihood.parameters.init).samples["dark_matter"]["shower"].sum())

    bare = {"isr": False, "doppler": False, "electroweak": False}
    born, full = (events(PEAK, **c) / events(1e7, **c) for c in (bare, {}))
    assert 36 < born < 48
    assert full < 0.85 * born
    assert events(1.05 * PEAK) < 0.5 * events(PEAK)
    assert events(0.95 * PEAK) < 0.5 * events(PEAK)


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
