"""Other fluxes than those of the release on the same simulated events: spectra, cells, decays, cross sections."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer.errors import ConfigurationError
from npinfer.likelihood.event_likelihood import EventLikelihood
from npinfer.physics.absorption import mean_total
from npinfer.physics.earth import mean_transmission
from tests.event_likelihoods import points


@pytest.mark.parametrize("spectrum", ["cutoff", "broken_power_law"])
def test_other_spectra_weight_the_same_events(spectrum: str, lh: EventLikelihood) -> None:
    other = npinfer.load("icecube_hese_mc", spectrum=spectrum)
    plain = points(lh, 1)[1]
    values = dict(zip(lh.parameters.names, plain.tolist(), strict=True))
    if spectrum == "cutoff":
        values["astro_log10_cutoff"] = 6.3
        shape = np.exp(-1e5 * np.exp(lh.group.events.log_energy) / 10**6.3)
    else:
        values |= {"astro_gamma_high": 3.1, "astro_log10_break": 5.4}
        gamma, energy = values["astro_gamma"], np.exp(lh.group.events.log_energy)
        at = 10**0.4
        shape = np.where(energy < at, 1.0, (energy / at) ** (gamma - 3.1))
    table = lh.group.table
    columns = table.columns.copy()
    columns[0] *= shape
    sums = lh.group._sums(table._replace(columns=columns), lh.group.point(plain))
    factors = lh.group.factors(plain[None])[0]
    counts = (sums[:, 0, : table.counted] * factors.T[table.kinds]).sum(axis=1)
    at_other = other.parameters.vector(values)
    np.testing.assert_allclose(other.rates(at_other[None])[0], lh.group._binned(counts), rtol=1e-11)
    _, slope = other.value_grad(at_other)
    for i in range(len(at_other)):
        step = 1e-6 * max(1.0, abs(at_other[i])) * np.eye(len(at_other))[i]
        difference = (other.logpdf(at_other + step) - other.logpdf(at_other - step)) / (2 * step[i])
        assert slope[0, i] == pytest.approx(difference, rel=1e-4, abs=2e-5)


def flux_of(write: Callable[..., Path], old: str, new: str, further: str = "") -> EventLikelihood:
    """The shipped document with a sample changed, and further configuration."""
    text = npinfer.list_likelihoods()["icecube_hese_mc"].read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new).replace("configuration:\n", f"configuration:\n{further}")
    text = text.replace("  kpi_ratio:", "  xsec_1: {init: 1.0, bounds: [0.1, 5]}\n  kpi_ratio:")
    return npinfer.load(write(text.replace("use: [", "use: [dm_rate, dm_density, dm_scale, ")))


def test_weights_on_cells_weight_the_events(lh: EventLikelihood, write: Callable[..., Path]) -> None:
    """A power law given on cells is that at the events, but for the width of the cells."""
    sample = "{generator: events.flux, inputs: {generator: astro.power_law}}"
    other = flux_of(write, "astro: {generator: events.astro}", f"astro: {sample}")
    for gamma in (2.2, 2.9, 3.4):
        at = lh.parameters.vector({"astro_gamma": gamma, "f_nuebar": 0.4})
        values = dict(zip(lh.parameters.names, at.tolist(), strict=True))
        filled = lh.rates(at[None])[0] > 0
        found, expected = other.rates(other.parameters.vector(values)[None])[0], lh.rates(at[None])[0]
        np.testing.assert_allclose(found[filled], expected[filled], rtol=2e-4)
        assert other.logpdf(values) == pytest.approx(lh.logpdf(values), abs=2e-3)


def test_decays_of_dark_matter_weight_the_events(lh: EventLikelihood, write: Callable[..., Path]) -> None:
    """Their counts grow with the rate, and a line reaches no event above its energy."""
    further = (
        "  m_dm: {default: 4.0e6}\n  channel: {default: nu_nubar_nubar}\n"
        "  symmetric: {default: false}\n  electroweak: {default: false}\n"
    )
    new = "dark: {generator: events.flux, inputs: {generator: dark_matter.decay}}\n  astro: {generator: events.astro}"
    other = flux_of(write, "astro: {generator: events.astro}", new, further)
    once, twice = (other.expected({"dm_rate": rate}).samples["dark"]["cascade"] for rate in (1.0, 2.0))
    assert once.sum() > 0
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-12)
    columns = other.group.samples[0].weights.columns
    assert not columns[:, np.exp(other.group.events.log_energy) * 1e5 > 2.1e6].any()


def test_a_scaled_cross_section_weights_the_events(lh: EventLikelihood, write: Callable[..., Path]) -> None:
    """Each event grows with the cross section, and is absorbed more: exp(−X N_A σ), averaged over a cell of zenith."""
    inputs = "{of: events.astro, scales: {xsec_1: [1.0e+4, 1.0e+9]}}"
    other = flux_of(write, "astro: {generator: events.astro}", f"astro: {{generator: events.scaled, inputs: {inputs}}}")
    assert other.logpdf({"xsec_1": 1.0}) == pytest.approx(lh.logpdf({}), rel=1e-12)
    weights, store = other.group.samples[0].weights, lh.group.events.store.columns
    assert weights.shape is not None
    twice = weights.shape(xsec_1=np.array([2.0]))[0]
    resonant, energy = store["interaction"] == 3, 1e5 * np.exp(lh.group.events.log_energy)
    for cell in (0, 3, 6, 9):
        edges = np.linspace(-1, 1, 11)[cell : cell + 2]
        here = (store["cos_zenith"] > edges[0]) & (store["cos_zenith"] < edges[1]) & (store["kind"] < 6)
        at = np.flatnonzero(here & (energy < 3e5))[::50]
        sigma = mean_total(energy[at])
        ratio = mean_transmission(edges, 2 * sigma)[:, 0] / mean_transmission(edges, sigma)[:, 0]
        np.testing.assert_allclose(twice[at], ratio * np.where(resonant[at], 1.0, 2.0), rtol=5e-3)
    assert (twice[resonant] <= 1).all()
    _, slope = other.value_grad(other.parameters.vector({"xsec_1": 1.3}))
    step = 1e-5
    around = [other.logpdf({"xsec_1": 1.3 + s}) for s in (step, -step)]
    expected = (around[0] - around[1]) / (2 * step)
    assert slope[0, other.parameters.index("xsec_1")] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("{generator: flavour.f_e}", "expected one of weights on a telescope's cells"),
        ("{generator: astro.power_laws}", "did you mean 'astro.power_law'"),
        ("{generator: astro.power_law, as: galactic}", "unknown flux 'galactic'"),
        ("{}", "generator"),
    ],
)
def test_fluxes_that_are_none_are_refused(
    inputs: str, message: str, lh: EventLikelihood, write: Callable[..., Path]
) -> None:
    new = f"astro: {{generator: events.flux, inputs: {inputs}}}"
    with pytest.raises(ConfigurationError, match=message):
        flux_of(write, "astro: {generator: events.astro}", new)


def test_compositions_agree_where_they_are_the_same(lh: EventLikelihood) -> None:
    flavour = npinfer.load("icecube_hese_mc", composition="flavour")
    source = npinfer.load("icecube_hese_mc", composition="source")
    assert lh.logpdf({"f_nuebar": 1 / 6}) == pytest.approx(
        flavour.logpdf({"f_e": 1 / 3, "f_mu": 1 / 3, "nubar_share": 0.5}), rel=1e-13
    )
    assert source.derived(source.parameters.init[None])["f_nuebar"][0] == pytest.approx(1 / 6, abs=0.01)


def test_resonance_events_are_the_weights_of_those_events(lh: EventLikelihood) -> None:
    at = lh.parameters.init
    store, energy = lh.group.events.store.columns, 1e5 * np.exp(lh.group.events.log_energy)
    mine = (store["interaction"] == 3) & (energy > 4e6) & (energy < 1e7)
    expected = 227708167.68 * 6.0 * 1e-18 / 6 * (store["weight"] * (energy / 1e5) ** -2.7)[mine].sum()
    assert lh.derived(at[None])["resonance_events"][0] == pytest.approx(expected, rel=1e-12)


def test_twice_the_exposure_expects_twice_the_counts(lh: EventLikelihood) -> None:
    twice = npinfer.load("icecube_hese_mc", exposure=2)
    assert twice.description.kind == "asimov"
    at = lh.parameters.init[None]
    np.testing.assert_allclose(twice.rates(at), 2 * lh.rates(at), rtol=1e-13)
