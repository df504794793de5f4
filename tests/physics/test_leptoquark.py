"""The leptoquark R̃2: cross sections and thresholds computed independently, and the events that it would make."""

from __future__ import annotations

import numpy as np
import pytest

from npinfer.errors import ConfigurationError, ParameterError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.physics import leptoquark, telescope
from npinfer.physics.absorption import mean_total
from npinfer.physics.constants import AVOGADRO, HBARC2_GEV2_CM2, M_NUCLEON_GEV
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.earth import mean_transmission
from npinfer.physics.flux import power_law_integrals
from npinfer.physics.partially_contained import ICE_DENSITY_G_CM3
from npinfer.physics.parton_density import PartonDensities
from npinfer.physics.registry import parameter_names

INPUTS = {"response": "icecube_hese", "livetime_s": 227708167.68}
CONFIGURATION = {"isr": True, "doppler": True, "m_leptoquark": 300.0, "quark": "d", "lepton": "e"}

# [cm²] at 2 PeV, x = 1: ν̄ + d and ν + d̄.
AT_2_PEV = {
    300: (4.22e-33, 2.46e-33),
    500: (1.23e-33, 3.9e-34),
    700: (5.1e-34, 8.2e-35),
    1000: (1.34e-34, 6.2e-36),
    1500: (4.1e-36, 5.0e-38),
}
# At 1 PeV: ν̄ + s and ν̄ + b.
AT_1_PEV = {300: (9.7e-34, 4.1e-34), 500: (1.05e-34, 2.8e-35), 1000: (2.1e-36, 9e-39)}


@pytest.mark.parametrize("mass", AT_2_PEV)
def test_cross_sections_on_valence_and_sea(mass: float) -> None:
    found = [leptoquark.cross_section(2e6, mass, antineutrino=a) for a in (True, False)]
    assert found == pytest.approx(AT_2_PEV[mass], rel=0.05)
    assert found[0] > found[1]


@pytest.mark.parametrize("mass", AT_1_PEV)
def test_cross_sections_on_heavier_quarks(mass: float) -> None:
    found = [leptoquark.cross_section(1e6, mass, quark=q) for q in ("s", "b")]
    assert found == pytest.approx(AT_1_PEV[mass], rel=0.05)


@pytest.mark.parametrize(("mass", "threshold"), [(300, 47.9e3), (500, 133e3), (700, 261e3), (1000, 533e3)])
def test_thresholds(mass: float, threshold: float) -> None:
    assert leptoquark.threshold_gev(mass) == pytest.approx(threshold, rel=3e-3)
    below, above = leptoquark.cross_section(leptoquark.threshold_gev(mass) * np.array([0.999, 1.5]), mass)
    assert below == 0
    assert above > 0


def test_widths() -> None:
    assert leptoquark.width_gev(500.0) == pytest.approx(9.95, rel=1e-3)
    assert leptoquark.width_gev(500.0, channels=2) == pytest.approx(19.9, rel=1e-3)
    assert leptoquark.width_gev(500.0, 0.5) == pytest.approx(9.95 / 4, rel=1e-3)


def test_narrow_width_against_the_resonance_itself() -> None:
    """∫dx f(x) 8π Γ² (ŝ/M²)/((ŝ−M²)²+M²Γ²) for a flat x f and a small coupling, whatever the number of channels."""
    flavours, mass, energy, coupling = [-2, -1, 1, 2], 400.0, 1e6, 0.05
    x, q = np.geomspace(1e-6, 1, 5), np.geomspace(1, 1e5, 5)
    flat = PartonDensities(flavours, [(x, q, np.ones((5, 5, 4)))])
    s = 2 * M_NUCLEON_GEV * energy
    for channels in (1, 3):
        total = leptoquark.width_gev(mass, coupling, channels)
        own = total / channels
        deviation = total * np.sinh(np.linspace(-8, 8, 4001))  # of √ŝ from M, on both sides
        at = (mass + deviation[np.abs(deviation) < mass / 2]) ** 2
        peak = 8 * np.pi * own * total * (at / mass**2) / ((at - mass**2) ** 2 + (mass * total) ** 2)
        direct = np.trapezoid(peak / at, at) * HBARC2_GEV2_CM2  # f(x) dx = dŝ/ŝ
        narrow = coupling**2 * leptoquark.cross_section(energy, mass, densities=flat)
        assert leptoquark.threshold_gev(mass) / energy == pytest.approx(mass**2 / s)
        assert direct == pytest.approx(narrow, rel=5e-3)


def test_negative_densities_make_no_events() -> None:
    """The shipped s̄ is negative at high x."""
    energy = np.geomspace(5.4e5, 2e6, 30)
    assert np.all(leptoquark.cross_section(energy, 1000.0, quark="s", antineutrino=False) >= 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((1e6, 300.0, "u"), "unknown quark 'u'"), ((1e6, 0.0, "d"), "positive"), ((-1.0, 300.0, "d"), "positive")],
)
def test_what_is_refused(arguments: tuple, message: str) -> None:
    energy, mass, quark = arguments
    with pytest.raises(ParameterError, match=message):
        leptoquark.cross_section(energy, mass, quark=quark)


# ---- events


def events(hese: BinnedLikelihood, x: float = 0.01, gamma: float = 2.87, **configuration: object) -> dict:
    counts = leptoquark.events(INPUTS, hese.channels, {**CONFIGURATION, **configuration})
    values = {"astro_norm": 6.37, "astro_gamma": gamma, "f_nuebar": 1 / 6, "energy_scale": 1.0, "lq_coupling": x}
    return {k: c[0] for k, c in counts(**{n: np.array([values[n]]) for n in parameter_names(counts)}).items()}


def total(counts: dict) -> float:
    return float(sum(c.sum() for c in counts.values()))


def counted(mass: float, lowest_gev: float = 0.0) -> float:
    """ν̄_e + d by hand: 4π, 7.5 years, 0.4 km³ of ice and 60 % that come through, with half of E above `lowest_gev`."""
    energy = np.geomspace(1e4, 1e9, 4001)
    rate = 6.37e-18 / 6 * (energy / 1e5) ** -2.87 * leptoquark.cross_section(energy, mass) * (energy / 2 > lowest_gev)
    nucleons = 0.4e15 * ICE_DENSITY_G_CM3 * AVOGADRO
    return float(4 * np.pi * INPUTS["livetime_s"] * nucleons * 0.6 * np.trapezoid(rate, energy))


# Independent counts of ν̄_e + d for x = 1 in that volume.
IN_A_VOLUME = {300.0: 36, 500.0: 1.8, 700.0: 0.26, 1000.0: 0.03}


def test_events_in_a_volume() -> None:
    assert [counted(m) for m in IN_A_VOLUME] == pytest.approx(list(IN_A_VOLUME.values()), rel=0.05)
    assert counted(300.0, 6e4) == pytest.approx(28, rel=0.05)


@pytest.mark.xfail(
    strict=True,
    reason="0.4 km³ and 60 % transmission are round numbers, and ν + d̄, a tenth of all, is left out there: "
    "the selection has 10 % fewer events than that at 300 GeV, 19 % more at 1000 GeV",
)
def test_events_of_the_selection_are_those_of_the_volume(hese: BinnedLikelihood) -> None:
    found = [total(events(hese, m_leptoquark=m)) for m in IN_A_VOLUME]
    assert found == pytest.approx([28, *list(IN_A_VOLUME.values())[1:]], rel=0.05)


@pytest.mark.parametrize("mass", [300.0, 500.0, 1000.0])
def test_showers_against_a_direct_sum(hese: BinnedLikelihood, mass: float) -> None:
    """Σ_E flux σ ∫dy (area of a ν_e shower of 0.925 yE)/σ_CC, with an even finer sum over y, from every direction.

    What comes through the Earth at E, and not what does at 0.925 yE, is in each true zenith; never more than all of it.
    """
    response = telescope.load_response(
        "icecube_hese", livetime_s=INPUTS["livetime_s"], channels=telescope.default_channels()
    )
    edges = response.cells.energy_edges_gev
    centres = np.sqrt(edges[:-1] * edges[1:])
    fine = np.geomspace(edges[0], edges[-1], 3001)
    energy = np.sqrt(fine[:-1] * fine[1:])
    flux = 6.37e-18 / 6 * power_law_integrals([2.87], fine)[0]
    made = flux * sum(leptoquark.cross_section(energy, mass, antineutrino=a) for a in (True, False))
    before, after = (mean_transmission(response.cells.cos_edges, mean_total(e)) for e in (energy, centres))
    weights = np.zeros((1, *response.cells.shape))
    for y in (np.arange(200) + 0.5) / 200:
        at = np.searchsorted(edges, 0.925 * y * energy) - 1
        good = at >= 0
        through = np.minimum(before[good] / np.maximum(after[at[good]], 1e-30), 1.0)
        np.add.at(weights[0, 0, 0], at[good], made[good, None] * through / 200)
    weights[0, 0, 0] /= csms_total(centres, "cc", antineutrino=False)[:, None]
    direct = {name: counts.sum() for name, counts in response.fold(weights).items()}
    found = {name: counts.sum() for name, counts in events(hese, m_leptoquark=mass).items()}
    assert found == pytest.approx(direct, rel=0.02)


def test_flavours_and_generations(hese: BinnedLikelihood) -> None:
    """Three equal flavours make three times as many; heavier quarks fewer; nothing but showers is looked like."""
    one, three = total(events(hese)), total(events(hese, lepton="all"))
    assert three == pytest.approx(3 * one, rel=1e-9)
    assert total(events(hese, lepton="mu")) == pytest.approx(one, rel=1e-9)
    assert one > total(events(hese, quark="s")) > total(events(hese, quark="b")) > 0


def test_leptoquarks_hide_behind_the_earth(hese: BinnedLikelihood) -> None:
    """What comes from below falls with the coupling, what comes from above does not."""
    weak, strong = (events(hese, x)["cascade"].reshape(20, 10) for x in (0.01, 2.0))
    assert strong[:, 8:].sum() == pytest.approx(weak[:, 8:].sum(), rel=0.02)
    assert strong[:, :3].sum() < 0.7 * weak[:, :3].sum()


def test_configuration_is_checked(hese: BinnedLikelihood) -> None:
    with pytest.raises(ConfigurationError, match="unknown lepton"):
        events(hese, lepton="electron")
    with pytest.raises(ConfigurationError, match="positive mass"):
        events(hese, m_leptoquark=-1.0)
