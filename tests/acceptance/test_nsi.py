"""Interactions from U(1)′ models: oscillation in the Earth, KamLAND, the Sun and published limits, by convention."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer.core import wilks
from npinfer.core.dataset import Dataset
from npinfer.errors import ConfigurationError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.paths import data_file
from npinfer.physics.matter import Medium
from npinfer.physics.oscillation import Mixing, earth_probabilities, layered_earth
from npinfer.physics.u1_models import u1_model, u1_models

# NuFIT 5.2, normal ordering; P_μμ, P_μe, P_ee and P_μμ with ε_ττ − ε_μμ = 0.05, of ν and of ν̄.
EARTH = {
    (5, -1.0): ((0.18558, 0.43820, 0.07388, 0.14036), (0.01040, 0.00303, 0.98485, 0.01048)),
    (10, -0.8): ((0.91720, 0.05514, 0.86687, 0.90787), (0.99288, 0.00708, 0.98041, 0.99263)),
    (25, -1.0): ((0.00979, 0.00089, 0.99726, 0.20414), (0.00946, 0.00184, 0.99486, 0.07740)),
    (3, -0.9): ((0.85950, 0.07916, 0.78106, 0.86296), (0.53522, 0.00486, 0.99155, 0.50561)),
    (50, -1.0): ((0.51497, 0.00016, 0.99966, 0.58456), (0.51179, 0.00103, 0.99721, 0.55460)),
}
BOUNDS = {  # on ε⁰ at 90 and 95 %, and M/g′ [GeV] at 95 %, of an independent computation
    "B-3Le": (0.607, 0.745, 285),
    "B-3Lmu": (1.37, 1.63, 193),
    "B-3Ltau": (1.82, 2.23, 165),
    "B-1.5Lmu-1.5Ltau": (1.58, 1.91, 178),
    "Le-Lmu": (1.98, 2.41, 159),
    "Le-Ltau": (2.20, 2.69, 150),
    "Le-0.5Lmu-0.5Ltau": (2.08, 2.54, 155),
    "By+Lmu+Ltau": (0.214, 0.241, 501),
    "Le+2Lmu+2Ltau": (0.298, 0.337, 424),
}
NAMES = ("kamland", "solar", "atmospheric_nsi", "joint/nsi")


def best(likelihood: BinnedLikelihood, **fixed: float) -> dict[str, float]:
    """Values of a fit by short name."""
    return {name.rpartition(".")[2]: v for name, v in npinfer.fit(likelihood, fixed=fixed).values.items()}


@pytest.mark.parametrize("name", NAMES)
def test_declared_numbers(name: str) -> None:
    validation = npinfer.validate(name)
    assert [c for c in validation.checks if not c.passed] == []
    assert any(c.source not in ("itself", "pyhf") for c in validation.checks)


@pytest.mark.parametrize(("energy", "cosine"), EARTH)
def test_probabilities_through_the_earth(energy: float, cosine: float) -> None:
    s12, s13, s23 = np.sin(np.radians([33.41, 8.58, 42.2])) ** 2
    mixing = Mixing(s12, s13, s23, np.radians(232), 7.41e-5, 2.507e-3)
    through = layered_earth()
    new = replace(through, medium=Medium(through.medium.standard, np.outer(through.medium.standard, [0, 0, 0.05])))
    for anti, expected in enumerate(EARTH[energy, cosine]):
        p = earth_probabilities(energy, cosine, mixing, through, antineutrinos=bool(anti))
        q = earth_probabilities(energy, cosine, mixing, new, eps0=1.0, antineutrinos=bool(anti))
        np.testing.assert_allclose((p[1, 1], p[1, 0], p[0, 0], q[1, 1]), expected, atol=0.6e-5)


def test_kamland_alone() -> None:
    """Published, three flavours: 7.49 ± 0.20 and 0.436; a trial fit has χ² = 92.9 and a pull of −1.3 on the energy."""
    kamland = npinfer.load("kamland")
    result = npinfer.fit(kamland)
    assert result.values["dm2_21"] == pytest.approx(7.43, abs=0.2)
    assert result.values["tan2_theta12"] == pytest.approx(0.452, abs=0.03)
    assert result.values["dm2_21"] == pytest.approx(7.49, abs=0.2)
    assert result.pulls["kamland.energy_scale"] == pytest.approx(-1.3, abs=0.1)
    assert npinfer.goodness_of_fit(kamland).statistic == pytest.approx(92.9, abs=0.6)
    without = npinfer.fit(kamland, fixed={"energy_scale": 1.0})
    assert without.twice_nll - result.twice_nll == pytest.approx(98.8 - 92.9, abs=0.5)
    assert without.values["dm2_21"] == pytest.approx(7.67, abs=0.05)


def test_the_released_best_fit_curve_returns_its_parameters() -> None:
    """As data, with 16 approximate baselines: 7.54e-5 and 0.431 by an independent computation, 7.49 published."""
    kamland = npinfer.load("kamland")
    curve = np.loadtxt(data_file("kamland", "reactor.csv"), delimiter=",", skiprows=1)[:, 2]
    expected = kamland.expected({})
    others = [expected.samples[s]["prompt"] for s in ("geo_nu", "alpha_n", "accidental", "lithium9")]
    data = Dataset({"prompt": curve + np.sum(others, axis=0)}, kamland.data.auxiliary, "asimov")
    found = best(kamland.with_data(data), energy_scale=1.0, reactor_norm=1.0)
    assert found["dm2_21"] == pytest.approx(7.54, abs=0.02)
    assert found["tan2_theta12"] == pytest.approx(0.431, abs=0.01)


def test_kamland_cannot_tell_the_octants() -> None:
    found = npinfer.interval(npinfer.load("kamland"), "tan2_theta12", cl=0.68)
    light, dark = found.segments
    assert light.lower < 0.452 < light.upper < 1 < dark.lower < 1 / 0.44 < dark.upper


def test_the_sun_and_kamland_together() -> None:
    """χ² of 93.98 in an independent computation; the five survivals are predicted to 0.004 of its own."""
    both = npinfer.load("joint/nsi", u1_model="none")
    result = npinfer.fit(both)
    assert result.values["tan2_theta12"] < 1
    assert npinfer.goodness_of_fit(both).statistic == pytest.approx(93.98, abs=0.6)
    survival = both.expected(np.array(list(result.values.values())))["solar.survival"]
    np.testing.assert_allclose(np.ravel(survival), [0.5507, 0.5325, 0.5223, 0.3387, 0.3218], atol=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_of_a_contact_interaction(name: str) -> None:
    """Within 2 %, where conventions alone would excuse a factor of 1.5; and M/g′ = 246.22 GeV/√ε⁰.

    Of models with a second solution these are of the first, above its own minimum.
    """
    likelihood = npinfer.load("joint/nsi", u1_model=name)
    scan = npinfer.profile(likelihood, {"eps0": np.linspace(0, 1.2 * BOUNDS[name][1], 31)})
    assert (scan.values["tan2_theta12"] < 1).all()
    heights = np.sqrt(scan.delta_twice_nll - scan.delta_twice_nll.min())
    after = int(np.argmin(heights))
    wanted = np.sqrt([wilks.threshold(0.90), wilks.threshold(0.95)])
    uppers = np.interp(wanted, heights[after:], scan.grid["eps0"][after:])
    np.testing.assert_allclose(uppers, BOUNDS[name][:2], rtol=0.02)
    point = likelihood.parameters.vector({"eps0": uppers[1]})[None]
    assert likelihood.derived(point)["mass_over_coupling_gev"][0] == pytest.approx(BOUNDS[name][2], rel=0.01)


def test_the_second_octant_is_found() -> None:
    """L_e+2L_μ+2L_τ: ε⁰ → 2 − ε⁰ with the other octant changes nothing, neither in KamLAND nor in the Sun."""
    likelihood = npinfer.load("joint/nsi", u1_model="Le+2Lmu+2Ltau")
    for eps0, tan2 in ((0.0, 0.44), (0.3, 0.41)):
        point = {"eps0": eps0, "tan2_theta12": tan2}
        mirrored = {"eps0": 2 - eps0, "tan2_theta12": 1 / tan2}
        assert likelihood.logpdf(point) == pytest.approx(likelihood.logpdf(mirrored), abs=1e-8)
    near, far = npinfer.interval(likelihood, "eps0", cl=0.90).segments
    assert near.lower_at_bound
    assert far.lower == pytest.approx(2 - near.upper, abs=1e-4)
    assert far.upper > 2


@pytest.mark.slow
def test_bounds_on_the_coupling_do_not_jump() -> None:
    """From 1 GeV to 1e-20 eV: M/g′ of a contact interaction, then ever smaller couplings, at last one that stays."""
    masses = [1.0, 1e-12, 1e-24, 1e-27, 1e-29]
    found = []
    for mass in masses:
        likelihood = npinfer.load("joint/nsi", u1_model="B-3Le", m_zprime=mass)
        upper = npinfer.interval(likelihood, "eps0", cl=0.95).upper
        found.append(likelihood.derived(likelihood.parameters.vector({"eps0": upper})[None])["log10_g"][0])
    log_g, log_m = np.array(found), np.log10(masses)
    assert (np.diff(log_g) < 5e-3).all()  # the Sun's own potential at the Earth comes in last
    assert log_g[1] - log_g[0] == pytest.approx(log_m[1] - log_m[0], abs=1e-6)
    assert log_g[-1] == pytest.approx(log_g[-2], abs=0.02)
    assert log_g[0] == pytest.approx(np.log10(1 / 285), abs=0.01)
    assert -27.5 < log_g[-1] < -26


def test_published_limits_read_as_bounds() -> None:
    """0.042/6.153 of B−3L_μ, M/g′ of L_e−L_μ from ττ−μμ, 0.32/2.847 of B−3L_e from ee−μμ, each by itself."""
    for name, pair, published, mass_over_g in (
        ("B-3Lmu", (2, 1), 0.042, 2980), ("Le-Lmu", (2, 1), 0.042, 1200), ("B-3Le", (0, 1), 0.32, 735)
    ):  # fmt: skip
        coefficients = u1_model(name).coefficients(1.051)
        eps0 = published / (coefficients[pair[0]] - coefficients[pair[1]])
        assert 246.22 / np.sqrt(eps0) == pytest.approx(mass_over_g, rel=3e-3)
    upper = npinfer.interval(npinfer.load("atmospheric_nsi", u1_model="B-3Lmu"), "eps0", cl=0.90).upper
    assert upper == pytest.approx(0.042 / 6.153, rel=0.05)


def test_summaries_are_labelled_and_enter_only_when_asked() -> None:
    summary = npinfer.load("atmospheric_nsi", u1_model="B-3Le")
    assert (summary.description.kind, summary.description.status) == ("summary", "approximate")
    assert any("published 90 % intervals, recalled" in note for note in summary.description.notes)
    real = npinfer.load("joint/nsi", u1_model="B-3Le")
    assert [m.name for m in real.members] == ["kamland", "solar"]
    assert (real.description.kind, real.description.status) == ("real", "approximate")
    both = npinfer.joint(*real.members, summary)
    assert both.description.kind == "summary"
    assert npinfer.interval(both, "eps0", cl=0.90).upper < npinfer.interval(real, "eps0", cl=0.90).upper


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"m_zprime": 1e-22}, r"atmospheric_nsi.yaml:\d+: .*m_zprime: found 1e-22, expected at least 3.1e-21 GeV"),
        ({"u1_model": "none"}, "expected a model"),
        ({"u1_model": "B-3Lx"}, "did you mean"),
    ],
)
def test_refusals(configuration: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        npinfer.load("atmospheric_nsi", **configuration)


def test_every_model_loads_everywhere() -> None:
    for name in u1_models():
        for mass in (1e-29, 1.0):
            likelihood = npinfer.load("joint/nsi", u1_model=name, m_zprime=mass)
            value, gradient = likelihood.value_grad({"eps0": 0.1})
            assert np.isfinite(value)
            assert np.isfinite(gradient).all()
