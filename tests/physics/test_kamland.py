"""KamLAND's reactor antineutrinos: the released spectrum, averages over bins and baselines, and the energy scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.stats import norm

from npinfer.core.axis import Axis
from npinfer.core.template import Channel
from npinfer.errors import ConfigurationError
from npinfer.paths import data_file
from npinfer.physics.kamland import baselines, reactor_spectrum, reactors

EDGES = np.linspace(0.9, 8.5, 77)
INPUTS = {"tables": "kamland", "crust_g_cm3": 2.7, "depth_km": 0.5}
CHANNEL = Channel("prompt", (Axis("energy_mev", tuple(EDGES)),))
BEST = {"dm2_21": 7.43, "tan2_theta12": 0.452, "s2_13": 0.0223, "energy_scale": 1.0}
NEW = {"s2_23": 0.45, "delta_cp": 4.05, "eps0": 0.5}


def bound(**configuration: Any) -> Callable[..., np.ndarray]:
    """Counts (bins,) at a point."""
    function = reactors(INPUTS, [CHANNEL], {"m_zprime": 0.01, **configuration})
    return lambda **values: function(**{k: np.array([v]) for k, v in values.items()})["prompt"][0]


def released(column: int) -> np.ndarray:
    return np.loadtxt(data_file("kamland", "reactor.csv"), delimiter=",", skiprows=1)[:, column]


def test_without_oscillation_the_release_is_returned() -> None:
    """tan²θ12 → 0 and sin²θ13 = 0: all antineutrinos survive."""
    counts = bound()(**{**BEST, "tan2_theta12": 1e-12, "s2_13": 0.0})
    np.testing.assert_allclose(counts, released(1), rtol=1e-9)
    assert counts.sum() == pytest.approx(2878.9, abs=0.1)


def test_the_published_best_fit_curve_is_near() -> None:
    """At the published Δm²₂₁ = 7.49e-5 eV², tan²θ12 = 0.436: 16 approximate baselines give it to 6 % rms a bin."""
    counts, published = bound()(**{**BEST, "dm2_21": 7.49, "tan2_theta12": 0.436}), released(2)
    assert counts.sum() == pytest.approx(published.sum(), rel=0.02)
    high = published > 5
    assert np.std(counts[high] / published[high]) < 0.065


def test_counts_against_a_plain_average() -> None:
    """Sums over sites, and an integral in 2 keV steps over the resolution, in a few bins, in constant matter."""
    energy, spectrum, (length, number) = released(0), released(1), np.loadtxt(
        data_file("kamland", "baselines.csv"), delimiter=",", skiprows=1
    ).T
    weights = number / length**2 / np.sum(number / length**2)
    counts = bound()(**BEST)
    prompt = np.arange(0.901, 8.5, 0.002)
    neutrino_ev = 1e6 * (prompt + 0.782)
    potential = -7.6325e-14 * 2.7 * 0.4957 * (1 - BEST["s2_13"])
    half = 7.43e-5 / (4 * neutrino_ev)
    cosine, sine = (1 - 0.452) / 1.452, 2 * np.sqrt(0.452) / 1.452
    h = np.hypot(half * cosine - potential / 2, half * sine)
    survival = 1 - (half * sine / h) ** 2 * (np.sin(np.outer(h, length * 1e3 / 1.973269804e-7)) ** 2 @ weights)
    survival = (1 - 0.0223) ** 2 * survival + 0.0223**2
    for i in (0, 5, 20, 40, 60, 75):
        scatter = norm.cdf(EDGES[i + 1], prompt, 0.065 * np.sqrt(prompt)) - norm.cdf(
            EDGES[i], prompt, 0.065 * np.sqrt(prompt)
        )
        weight = np.interp(prompt, energy, spectrum) * scatter
        assert counts[i] == pytest.approx(spectrum[i] * (survival @ weight) / weight.sum(), rel=2e-3)


def test_the_energy_scale_conserves_events() -> None:
    """R(E) becomes e R(e E): the counts between two edges are those between e times them."""
    total = CubicSpline(EDGES, np.append(0.0, np.cumsum(bound()(**BEST))), bc_type="clamped")
    for scale in (0.95, 0.981, 1.019, 1.05):
        counts = bound()(**{**BEST, "energy_scale": scale})
        expected = np.diff(total(np.clip(scale * EDGES, EDGES[0], EDGES[-1])))
        np.testing.assert_allclose(counts, expected, atol=1e-9)
        assert counts.sum() == pytest.approx(float(total(EDGES[-1])), rel=1e-3)
        density = total(EDGES * scale, 1) * scale  # slope of the sum, far from the ends, in the middle of two bins
        np.testing.assert_allclose(counts[10:60], 0.05 * (density[10:60] + density[11:61]), rtol=0.02)


@pytest.mark.parametrize("model", ["none", "B-3Lmu"])
def test_derivatives_by_complex_steps(model: str) -> None:
    counts, point = bound(u1_model=model), BEST | (NEW if model != "none" else {})
    point["energy_scale"] = 0.973
    for name, value in point.items():
        step = 1e-5 * value
        upper, lower = (counts(**{**point, name: value + s}) for s in (step, -step))
        slope = counts(**{**point, name: value + 1e-30j}).imag / 1e-30
        np.testing.assert_allclose(slope, (upper - lower) / (2 * step), rtol=2e-5, atol=2e-5 * np.abs(slope).max())


def test_matter_tells_the_octants_apart() -> None:
    """Without potentials tan²θ and 1/tan²θ are the same; the crust makes a difference, ε⁰ a larger one."""
    light, dark = ({**BEST, "tan2_theta12": t} for t in (0.45, 1 / 0.45))
    standard = np.abs(bound()(**light) / bound()(**dark) - 1).max()
    assert standard > 1e-3
    strong = bound(u1_model="Le-Lmu")
    assert np.abs(strong(**light, **NEW | {"eps0": 3.0}) / strong(**dark, **NEW | {"eps0": 3.0}) - 1).max() > standard


def test_le_2lmu_2ltau_undoes_matter() -> None:
    """With ε⁰ = 1 there is no potential left, with ε⁰ = 2 it has the other sign, which is the other octant."""
    counts = bound(u1_model="Le+2Lmu+2Ltau")
    light, dark = ({**BEST, "tan2_theta12": t} for t in (0.45, 1 / 0.45))
    np.testing.assert_allclose(
        counts(**light, **NEW | {"eps0": 1.0}), counts(**dark, **NEW | {"eps0": 1.0}), rtol=1e-9
    )
    np.testing.assert_allclose(counts(**dark, **NEW | {"eps0": 2.0}), bound()(**light), rtol=1e-9)


def test_light_mediators_average_the_earth_and_see_the_sun() -> None:
    """From a contact interaction to half of it (a half space), and to the Sun's, which do not vary any more."""
    point = {**BEST, **NEW, "eps0": 2.0}
    heavy, half, light, lighter = (
        bound(u1_model="B-3Le", m_zprime=mass) for mass in (1.0, 1e-20, 1e-28, 1e-29)
    )
    contact = bound(u1_model="B-3Le", m_zprime=1e-12)
    np.testing.assert_allclose(heavy(**point), contact(**point), rtol=1e-9)
    effect = heavy(**point) - bound()(**BEST)
    assert (half(**point) - bound()(**BEST)) @ effect / (effect @ effect) == pytest.approx(0.55, abs=0.1)
    np.testing.assert_allclose(light(**point), lighter(**point), rtol=1e-3)


def test_resolution_and_shares() -> None:
    energy, spectrum = reactor_spectrum("kamland", EDGES)
    np.testing.assert_allclose(spectrum.sum(axis=0), released(1))
    middle = (EDGES[1:] + EDGES[:-1]) / 2
    mean = energy @ spectrum / spectrum.sum(axis=0) - 0.782
    np.testing.assert_allclose(mean[5:45], middle[5:45], atol=0.02)
    assert baselines("kamland").length_km.shape == (16,)


@pytest.mark.parametrize(
    "channels",
    [
        [Channel("prompt", (Axis("energy_mev", (0.9, 4.0, 8.5)),))],
        [Channel("prompt", (Axis("energy_gev", tuple(EDGES)),))],
        [CHANNEL, CHANNEL],
    ],
)
def test_other_bins_are_refused(channels: list[Channel]) -> None:
    with pytest.raises(ConfigurationError, match=r"expected (one, with the axis energy_mev|the 76 bins)"):
        reactors(INPUTS, channels, {})
