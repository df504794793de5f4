"""The scaled cross section: against a fold with the transmission of every species, and in limits that are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from npinfer.errors import ConfigurationError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.physics import cross_section_scale, generators
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.earth import mean_transmission
from npinfer.physics.flux import power_law_integrals
from npinfer.physics.registry import parameter_names

ALL = {"xsec": [1e4, 1e9]}
INPUTS = {"response": "icecube_hese", "livetime_s": 227708167.68}
CONFIGURATION = {"isr": True, "doppler": True}
Counts = Mapping[str, NDArray]


@pytest.fixture(scope="module")
def bind(hese: BinnedLikelihood) -> Callable[..., Callable[..., Counts]]:
    def bound(of: str = "astro.power_law", scales: Mapping = ALL, **configuration: object) -> Callable[..., Counts]:
        inputs = {**INPUTS, "of": of, "scales": scales}
        return cross_section_scale.scaled(inputs, hese.channels, {**CONFIGURATION, **configuration})

    return bound


@pytest.fixture(scope="module")
def astro(bind: Callable) -> Callable[..., Counts]:
    return bind()


def at(gamma: float = 2.87, scale: complex = 1.0, f_nuebar: float = 1 / 6, **more: float) -> dict[str, NDArray]:
    values = {"astro_norm": 6.37, "astro_gamma": gamma, "f_nuebar": f_nuebar, "energy_scale": 1.0, "xsec": scale}
    return {name: np.array([value]) for name, value in {**values, **more}.items()}


def folded(hese: BinnedLikelihood, scale: float, gamma: float) -> Counts:
    """The response itself, each species with its own transmission and the mean over every cell of zenith."""
    weights = generators.astro(INPUTS, hese.channels, CONFIGURATION)
    cells = weights.response.cells
    energy = np.sqrt(cells.energy_edges_gev[:-1] * cells.energy_edges_gev[1:])
    flux = 6.37e-18 / 6 * power_law_integrals([gamma], cells.energy_edges_gev)[0]
    found = np.zeros((1, *cells.shape))
    for s, species in enumerate(cells.species):
        sigma = sum(csms_total(energy, c, species.endswith("bar")) for c in ("cc", "nc"))
        before, after = (mean_transmission(cells.cos_edges, f * sigma) for f in (1.0, scale))
        ratio = np.where(before > 1e-5, after / np.maximum(before, 1e-5), 1.0)  # tables of simulated events end there
        for i, interaction in enumerate(cells.interactions):
            found[0, s, i] = flux[:, None] * ratio * (1.0 if interaction == "gr" else scale)
    return weights.response.fold(found)


@pytest.mark.parametrize(("scale", "tolerance"), [(1.0, 2e-4), (0.7, 0.01), (1.5, 0.01), (2.5, 0.015)])
@pytest.mark.parametrize("gamma", [2.3, 2.87, 3.3])
def test_against_the_fold_of_each_species(
    hese: BinnedLikelihood, astro: Callable[..., Counts], scale: float, tolerance: float, gamma: float
) -> None:
    """Totals of each channel, and the up-going half of the cascades."""
    found, exact = astro(**at(gamma, scale)), folded(hese, scale, gamma)
    for name, counts in exact.items():
        assert found[name].sum() == pytest.approx(counts.sum(), rel=tolerance)
    upward = [c["cascade"].reshape(20, 10)[:, :5].sum() for c in (found, exact)]
    assert upward[0] == pytest.approx(upward[1], rel=2 * tolerance)


def test_without_earth_counts_grow_with_the_cross_section(astro: Callable[..., Counts]) -> None:
    """From above nothing is absorbed: down-going tracks double, but for the resonance."""
    one, two = (astro(**at(scale=s, f_nuebar=0.0))["track"].reshape(20, 10)[:, 6:] for s in (1.0, 2.0))
    assert two == pytest.approx(2 * one, rel=3e-3)


def test_resonance_is_absorbed_but_does_not_grow(hese: BinnedLikelihood, bind: Callable) -> None:
    resonance = bind(of="glashow.events")
    one, two = (sum(c.sum() for c in resonance(**at(scale=s)).values()) for s in (1.0, 2.0))
    assert 0.7 * one < two < one
    events = cross_section_scale.scaled_events(
        {**INPUTS, "of": "glashow.events", "scales": ALL}, hese.channels, CONFIGURATION
    )
    assert parameter_names(events) == parameter_names(resonance)
    assert events(**at()) == pytest.approx([one])


def test_ranges_add_up(bind: Callable, astro: Callable[..., Counts]) -> None:
    """Ranges that share one value are one range; each alone changes its own part."""
    parts = bind(scales={"low": [1e4, 2.1e5], "high": [2.1e5, 1e9]})
    both = at(low=1.7, high=1.7)
    del both["xsec"]
    whole = astro(**at(scale=1.7))
    for name, counts in parts(**both).items():
        assert counts == pytest.approx(whole[name], rel=1e-9)
    only = {**both, "high": np.array([1.0])}
    changed = parts(**only)["cascade"].reshape(20, 10).sum(1) / astro(**at())["cascade"].reshape(20, 10).sum(1)
    assert changed[-6:] == pytest.approx(np.ones(6), abs=4e-3)  # above 1.3 PeV, but for the tail of the resolution
    assert changed[0] > 1.2


def test_complex_step(astro: Callable[..., Counts]) -> None:
    step = 1e-6
    slope = astro(**at(scale=1.3 + 1e-30j))["cascade"].imag / 1e-30
    ends = [astro(**at(scale=1.3 + s))["cascade"] for s in (step, -step)]
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-6)


def test_what_is_refused(bind: Callable) -> None:
    with pytest.raises(ConfigurationError, match="expected two rising energies"):
        bind(scales={"xsec": [1e5, 1e4]})
    with pytest.raises(ConfigurationError, match="expected a generator of weights"):
        bind(of="flavour.f_nuebar")
    with pytest.raises(ConfigurationError, match="power laws alone; found astro_log10_cutoff"):
        bind(spectrum="cutoff")


def test_share_inside() -> None:
    edges = np.array([[1.0, 10, 100], [10, 100, 1000]])
    assert cross_section_scale.share_inside(edges, 1.0, 1000.0) == pytest.approx([1, 1, 1])
    assert cross_section_scale.share_inside(edges, 100.0, 1e9) == pytest.approx([0, 0, 1])
