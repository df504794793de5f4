"""Events of coherent scattering: independent counts of CsI, an ideal detector in closed form, and new physics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import gamma

import npinfer
from npinfer.errors import ConfigurationError
from npinfer.physics import coherent
from npinfer.physics.coherent import FLAVOURS, NUCLEI
from npinfer.physics.coherent_events import events, steady_state
from npinfer.physics.registry import parameter_names
from npinfer.physics.scintillator import MUON_LIFETIME_US, PION_LIFETIME_US, Scintillator

CSI = {  # arXiv:2110.07730
    "nuclei": {"Cs133": 3.384e25, "I127": 3.384e25},
    "neutrinos_cm2": 5.794e14,
    "quenching": [0.0554628, 4.30681, -111.707, 840.384],
    "light_yield": 13.35,
    "resolution": 9.56,
    "efficiency": [1.32045, 0.285979, 10.8646, -0.333322],
    "pulse": [0.557, 0.175],
    "time_efficiency": [0.52, 0.0494],
}
# every recoil is seen, at any time
IDEAL = {**CSI, "nuclei": {"Ar40": 1e25}, "efficiency": [0.0, 1.0, 0.0, 1.0], "time_efficiency": [100.0, 0.0]}
HEAVY = {"new_physics": "dipole", "m_sterile": 0.04}


def channel(light: Any, time: Any) -> Any:
    axes = (SimpleNamespace(name="photo_electrons", edges=light), SimpleNamespace(name="time_us", edges=time))
    return SimpleNamespace(name="csi", axes=axes)


WINDOW = channel(np.arange(0.0, 61.0), np.linspace(0, 6, 13))
ALL = channel(np.geomspace(1e-6, 3e3, 200), np.linspace(-1, 60, 123))


def counts(
    inputs: dict[str, Any], where: Any = WINDOW, at: dict[str, float] | None = None, **configuration: Any
) -> NDArray[np.float64]:
    function = events(inputs, [where], configuration)
    return function(**{k: np.array([v]) for k, v in (at or {}).items()})["csi"][0]


@pytest.mark.parametrize(("form", "total"), [("helm", 352), ("klein_nystrand", 315)])
def test_caesium_iodide_against_an_independent_computation(form: str, total: float) -> None:
    assert counts(CSI, form_factor=form).sum() == pytest.approx(total, rel=0.005)


# ---- the detector


def test_arrival_times() -> None:
    detector = Scintillator.read(CSI)
    means = {"numu": PION_LIFETIME_US, "nue": PION_LIFETIME_US + MUON_LIFETIME_US}
    for species, mean in means.items():
        density = lambda t, s=species: float(detector.arrival(t, s))
        assert quad(density, -1, 40, limit=200, points=[0.5, 1, 5])[0] == pytest.approx(1, abs=1e-7)
        found = quad(lambda t: t * density(t), -1, 60, limit=200, points=[0.5, 1, 5])[0]
        assert found == pytest.approx(0.557 + mean, abs=1e-6)
    at = np.array([0.3, 0.8, 3.0])
    assert np.array_equal(detector.arrival(at, "nue"), detector.arrival(at, "numubar"))


def test_times_are_seen_with_their_efficiency() -> None:
    detector = Scintillator.read(CSI)
    edges = np.array([0.0, 0.4, 1.0, 6.0])  # the efficiency bends inside a bin
    found = detector.time_shares("nue", edges)
    for low, high, share in zip(edges, edges[1:], found, strict=False):
        seen = lambda t: float(detector.arrival(t, "nue")) * np.exp(-0.0494 * max(t - 0.52, 0))
        expected = quad(seen, low, high, points=[0.52] if low < 0.52 < high else None)[0]
        assert share == pytest.approx(expected, rel=1e-6)


def test_light_is_spread_by_a_gamma_distribution() -> None:
    detector = Scintillator.read({**CSI, "efficiency": [0.0, 1.0, 0.0, 1.0]})
    recoil, edges = np.array([0.008, 0.02]), np.arange(0.0, 61.0)
    light = detector.light_kevee(recoil)
    polynomial = [sum(c * t ** (i + 1) for i, c in enumerate(CSI["quenching"])) for t in recoil]
    assert light == pytest.approx(1e3 * np.array(polynomial), rel=1e-12)
    for one, shares in zip(light, detector.light_shares(recoil, edges), strict=True):
        shape = 1 + 9.56 * one
        expected = np.diff(gamma.cdf(edges, shape, scale=13.35 * one / shape))
        assert shares == pytest.approx(expected, abs=1e-9)


# ---- cross sections through an ideal detector


def direct(square: Callable[[NDArray, str], NDArray]) -> float:
    """Counts of argon for a squared charge, by the average over the beam and a sum over recoils."""
    nucleus, total = NUCLEI["Ar40"], 0.0
    for species in FLAVOURS:
        recoil, weights = coherent.recoil_nodes(species, nucleus.mass_mev)
        section = lambda e, t, f: coherent.elastic(e, t, nucleus, square(t, f))
        total += float(weights @ coherent.averaged(section, recoil, species, nucleus.mass_mev))
    return total * 1e25 * 5.794e14


def test_an_ideal_detector_sees_the_total_cross_section() -> None:
    expected = 3 * coherent.mean_cross_section(NUCLEI["Ar40"]) * 1e25 * 5.794e14
    assert counts(IDEAL, ALL).sum() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("model", coherent.ZPRIME_MODELS)
def test_a_zprime_adds_to_the_amplitude(model: str) -> None:
    nucleus, g = NUCLEI["Ar40"], {"universal": 3e-5, "b_minus_l": 5e-5, "lmu_ltau": 2e-3}[model]

    def square(recoil: NDArray, flavour: str) -> NDArray:
        shape = coherent.nuclear_form_factor(recoil, nucleus)
        added = g**2 * coherent.zprime_charge(recoil, nucleus, flavour, shape, 20.0, model)
        return (coherent.weak_charge(nucleus, flavour, shape) + added) ** 2

    chosen = {"new_physics": "zprime", "zprime_model": model, "m_zprime": 0.02}
    found = counts(IDEAL, ALL, {"g_zprime": g}, **chosen).sum()
    assert found == pytest.approx(direct(square), rel=1e-5)
    assert abs(found / counts(IDEAL, ALL).sum() - 1) > 0.02  # something is tested


def test_moments_by_flavour() -> None:
    """Only ν_e has a moment, then ν_μ and ν̄_μ: two thirds of the beam, of which a part is prompt."""
    none = counts(CSI)
    of = lambda **at: counts(CSI, at={"munu_e": 0.0, "munu_mu": 0.0, **at}, new_physics="magnetic_moment") - none
    first, second, both = of(munu_e=3.0), of(munu_mu=2.0), of(munu_e=3.0, munu_mu=2.0)
    assert both == pytest.approx(first + second, rel=1e-9)
    assert of(munu_e=6.0) == pytest.approx(4 * first, rel=1e-9)
    early = slice(0, 2)
    shares = [x.reshape(60, 12)[:, early].sum() / x.sum() for x in (first, second)]
    assert shares[1] > 1.5 * shares[0]
    assert of(munu_mu=3.0).sum() == pytest.approx(2 * first.sum(), rel=0.15)


def test_a_heavy_neutrino_is_made_by_muons_only_above_threshold() -> None:
    """Of 40 MeV, it is too heavy for prompt ν_μ; of almost no mass, it is a magnetic moment μ = 2d."""
    none = counts(IDEAL, ALL)
    found = (counts(IDEAL, ALL, {"d_munu": 1.0}, **HEAVY) - none).reshape(199, 122)
    assert found.sum() > 0
    time = found.sum(axis=0)
    late = Scintillator.read(IDEAL).time_shares("numubar", ALL.axes[1].edges)
    assert time / time.sum() == pytest.approx(late / late.sum(), abs=1e-9)
    light = counts(CSI, at={"d_munu": 0.2}, new_physics="dipole", m_sterile=1e-6) - counts(CSI)
    moment = 2 * 0.2e-6 / 296.30 / 1e-9  # GeV^-1 in Bohr magnetons
    same = counts(CSI, at={"munu_e": 0.0, "munu_mu": moment}, new_physics="magnetic_moment") - counts(CSI)
    assert light.sum() == pytest.approx(same.sum(), rel=2e-4)


# ---- nuisance parameters and the likelihood around it


def test_variations_are_reached_at_one() -> None:
    up, down = [1.3439, 0.285366, 9.84596, -0.356364], [1.297, 0.286592, 11.8832, -0.31028]
    varied = {
        **CSI,
        "variations": {
            "threshold": {"efficiency": {"up": up, "down": down}},
            "radius": {"radius_scale": {"up": 1.03, "down": 0.97}},
        },
    }
    none = {"threshold": 0.0, "radius": 0.0}
    assert counts(varied, at=none) == pytest.approx(counts(CSI), rel=1e-12)
    for value, efficiency, scale in ((1.0, up, 1.03), (-1.0, down, 0.97)):
        found = counts(varied, at={**none, "threshold": value})
        assert found == pytest.approx(counts({**CSI, "efficiency": efficiency}), rel=1e-9, abs=1e-12)
        found = counts(varied, at={**none, "radius": value})
        assert found == pytest.approx(counts({**CSI, "radius_scale": scale}), rel=1e-9, abs=1e-12)


def test_counts_stay_positive_and_smooth_beyond_one() -> None:
    """A parabola in the logarithm of counts, whose three points are those of the variation."""
    up, down = [1.3439, 0.285366, 9.84596, -0.356364], [1.297, 0.286592, 11.8832, -0.31028]
    varied = {**CSI, "variations": {"threshold": {"efficiency": {"up": up, "down": down}}}}
    where = channel([10.0, 20.0, 60.0], [2.0, 6.0])  # of delayed neutrinos alone
    at = np.array([-3.0, -1.0, 0.0, 1.0, 3.0])
    found = events(varied, [where], {})(threshold=at)["csi"]
    for seen in found.T:
        expected = np.polyval(np.polyfit(at[1:4], np.log(seen[1:4]), 2), at)
        assert np.log(seen) == pytest.approx(expected, abs=1e-9)
    assert (np.diff(found, axis=0) > 0).all()


def test_a_floated_pulse_is_that_of_the_detector() -> None:
    mean, width = np.array([0.557, 0.4, 0.557]), np.array([0.175, 0.25, 0.175])
    found = events(CSI, [WINDOW], {"timing": "floated"})(pulse_mean=mean, pulse_width=width)["csi"]
    for row, pulse in zip(found, np.stack([mean, width], axis=1), strict=True):
        assert row == pytest.approx(counts({**CSI, "pulse": pulse.tolist()}), rel=1e-12)
    step = 1e-20j
    slope = events(CSI, [WINDOW], {"timing": "floated"})(pulse_mean=mean[:1] + step, pulse_width=width[:1])["csi"]
    moved = [counts({**CSI, "pulse": [0.557 + h, 0.175]}) for h in (1e-5, -1e-5)]
    assert slope[0].imag / 1e-20 == pytest.approx((moved[0] - moved[1]) / 2e-5, rel=1e-5, abs=1e-6)


def test_the_norm_is_that_of_the_standard_model_alone() -> None:
    named = {**CSI, "norm": "cevns_norm"}
    assert counts(named, at={"cevns_norm": 1.3}) == pytest.approx(1.3 * counts(CSI), rel=1e-12)
    assert list(parameter_names(events(named, [WINDOW], {"new_physics": "universal_moment"}))) == ["munu"]


def test_a_universal_moment_is_both() -> None:
    both = counts(CSI, at={"munu_e": 2.0, "munu_mu": 2.0}, new_physics="magnetic_moment")
    assert counts(CSI, at={"munu": 2.0}, new_physics="universal_moment") == pytest.approx(both, rel=1e-12)


def test_steady_state() -> None:
    """As many events with the beam as without; their times have the efficiency, whose integral is known."""
    timed = channel([0.0, 10.0, 60.0], [0.0, 0.4, 1.0, 6.0])
    plain = SimpleNamespace(name="anti", axes=timed.axes[:1])
    function = steady_state(CSI, [timed, plain], {})
    assert parameter_names(function) == ("steady_1", "steady_2")
    found = function(steady_1=np.array([3.0, 5.0]), steady_2=np.array([10.0, 0.0]))
    assert np.array_equal(found["anti"], [[3.0, 10.0], [5.0, 0.0]])
    late = lambda t: (1 - np.exp(-0.0494 * (t - 0.52))) / 0.0494
    times = np.array([0.4, 0.12 + late(1.0), late(6.0) - late(1.0)])
    assert found["csi"][0].reshape(2, 3) == pytest.approx(np.outer([3, 10], times / times.sum()), rel=1e-12)


def test_steady_state_in_other_bins_is_refused() -> None:
    plain = SimpleNamespace(name="anti", axes=channel([0.0, 60.0], [0.0, 1.0]).axes[:1])
    with pytest.raises(ConfigurationError, match="channel 'anti': expected the same bins of photo_electrons"):
        steady_state(CSI, [WINDOW, plain], {})
    with pytest.raises(ConfigurationError, match="expected one channel with the axis time_us; found csi, csi"):
        steady_state(CSI, [WINDOW, WINDOW], {})
    with pytest.raises(ConfigurationError, match="expected one channel with the axis time_us; found none"):
        events(CSI, [plain], {})


YAML = """\
schema: npinfer/likelihood/1
name: forecast
kind: asimov
status: illustrative
configuration:
  form_factor: {default: helm, choices: [helm, klein_nystrand]}
  new_physics: {default: none, choices: [none, magnetic_moment, dipole, zprime]}
  zprime_model: {default: lmu_ltau, choices: [universal, b_minus_l, lmu_ltau]}
  m_zprime: {default: 0.01, unit: GeV}
  m_sterile: {default: 0.01, unit: GeV}
channels:
  csi: {axes: {photo_electrons: {linear: [0, 60, 20]}, time_us: {linear: [0, 6, 12]}}}
samples:
  cevns:
    generator: coherent.events
    inputs:
      nuclei: {Cs133: 3.384e+25, I127: 3.384e+25}
      neutrinos_cm2: 5.794e+14
      quenching: [0.0554628, 4.30681, -111.707, 840.384]
      light_yield: 13.35
      resolution: 9.56
      efficiency: [1.32045, 0.285979, 10.8646, -0.333322]
      pulse: [0.557, 0.175]
      time_efficiency: [0.52, 0.0494]
      variations: {radius: {radius_scale: {up: 1.03, down: 0.97}}}
    systematics: [{name: flux, kind: normsys, up: 1.1}]
  background: {template: {csi: [TWOS]}}
parameters:
  munu_e: {init: 1, bounds: [0, 50]}
  munu_mu: {init: 1, bounds: [0, 50]}
  d_munu: {init: 0.5, bounds: [0, 50]}
  g_zprime: {init: 1.0e-3, bounds: [0, 1]}
  radius: {init: 0, bounds: [-3, 3], constraint: {normal: {mean: 0, sigma: 1}}}
""".replace("TWOS", ", ".join(["2"] * 240))

PHYSICS = [("none", []), ("magnetic_moment", ["munu_e", "munu_mu"]), ("dipole", ["d_munu"]), ("zprime", ["g_zprime"])]


@pytest.mark.parametrize(("new_physics", "names"), PHYSICS)
def test_a_likelihood_of_it(write: Callable[..., Path], new_physics: str, names: list[str]) -> None:
    """Which parameters exist depends on the configuration; gradients are those of differences."""
    likelihood = npinfer.load(write(YAML), new_physics=new_physics)
    assert [p.partition(".")[2] for p in likelihood.parameters.names] == [*names, "radius", "flux"]
    p = likelihood.parameters
    data = likelihood.with_data(likelihood.asimov(p.vector({})))
    point = p.vector({"radius": 0.3, "flux": -0.2})
    ((_,), (gradient,)) = data.value_grad(point)
    for i, slope in enumerate(gradient):
        step = np.zeros(len(p))
        step[i] = 1e-5 * max(abs(point[i]), 1e-2)
        difference = (data.logpdf(point + step) - data.logpdf(point - step)) / (2 * step[i])
        assert slope == pytest.approx(difference, rel=1e-4, abs=1e-4)
    result = npinfer.fit(data)
    assert result.valid
    assert max(abs(v) for v in result.pulls.values()) < 1e-4


def test_a_forecast_has_a_multiple_of_the_exposure(write: Callable[..., Path]) -> None:
    text = YAML.replace("configuration:\n", "configuration:\n  exposure: {default: 1.0}\n")
    once, twice = (npinfer.load(write(text), exposure=e) for e in (1.0, 2.0))
    point = once.parameters.vector({})
    assert twice.expected(point).total() == pytest.approx(2 * once.expected(point).total(), rel=1e-12)


def test_parameters_show_in_the_signature() -> None:
    for new_physics, names in PHYSICS:
        chosen = {"new_physics": new_physics, "m_sterile": 0.01, "m_zprime": 0.01}
        assert list(parameter_names(events(CSI, [WINDOW], chosen))) == names


@pytest.mark.parametrize(
    ("changed", "configuration", "said"),
    [
        ({}, {"form_factor": "fermi"}, "unknown form_factor 'fermi'"),
        ({}, {"new_physics": "nsi"}, "unknown new_physics 'nsi'"),
        ({}, {"new_physics": "zprime", "m_zprime": 0.01, "zprime_model": "lmu"}, "unknown zprime_model 'lmu'"),
        ({}, {"new_physics": "zprime"}, "m_zprime: found None, expected a mass in GeV above 0"),
        ({}, {"new_physics": "dipole", "m_sterile": 0.0}, "m_sterile: found 0.0, expected a mass in GeV above 0"),
        ({"nuclei": {"Cs": 1.0}}, {}, "unknown nucleus 'Cs'"),
        ({"pulse": [1, 2, 3]}, {}, r"pulse: found \[1, 2, 3\], expected 2 numbers"),
        ({"light_yield": "x"}, {}, "light_yield: found 'x', expected 1 number"),
        ({"variations": {"a": {"resolution": {"up": 9.0}}}}, {}, "variations: a: found .*, expected {up: ..., d"),
        ({"variations": {"a": {"pulse": {"up": [1, 2]}}}}, {}, "variations: a: pulse is not of the light"),
        ({}, {"timing": "free"}, "unknown timing 'free'"),
    ],
)
def test_wrong_inputs_are_named(changed: dict[str, Any], configuration: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        events({**CSI, **changed}, [WINDOW], configuration)


def test_axes_are_light_and_time() -> None:
    other = channel([0.0, 1.0], [0.0, 1.0])
    other.axes[0].name = "energy"
    with pytest.raises(ConfigurationError, match="found the axes energy, time_us; expected photo_electrons, time_us"):
        events(CSI, [other], {})
