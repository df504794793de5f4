"""The minimiser against MIGRAD and against known minima."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer.errors import ConfigurationError, InferenceError
from npinfer.inference import from_start
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.minima import Minima
from npinfer.inference.minimise import free_mask, minimise, start_points
from npinfer.likelihood.binned import BinnedLikelihood

TOYS = 60  # tests/benchmarks has 300


def toys_of(likelihood: BinnedLikelihood, truth: np.ndarray, count: int, seed: int) -> tuple:
    """Toys, the free parameters and the start points of their fits."""
    packed = likelihood.pack(likelihood.toy(np.tile(truth, (count, 1)), np.random.default_rng(seed)))
    free = free_mask(likelihood, {})
    base = start_points(likelihood, likelihood.parameters.init, free, FitOptions())
    return packed, free, [np.tile(start, (count, 1)) for start in base]


@pytest.mark.slow
def test_never_above_the_best_of_four_migrad_starts(hese: BinnedLikelihood) -> None:
    """Toys of the HESE likelihood with every parameter free; f_nuebar and prompt_norm end at bounds often."""
    truth = hese.parameters.vector({"astro_norm": 6.5, "astro_gamma": 2.9, "prompt_norm": 0.3})
    packed, free, starts = toys_of(hese, truth, TOYS, seed=11)
    assert len(starts) == 4
    ours = minimise(hese, packed, starts, free, FitOptions())
    reference = minimise(hese, packed, starts, free, FitOptions(minimiser="migrad"))
    assert ours.valid.all()
    assert (ours.edm < 1e-9).all()
    assert (ours.nll - reference.nll).max() < 1e-6
    at_bound = (ours.points[:, free] <= hese.parameters.lower[free]) | (
        ours.points[:, free] >= hese.parameters.upper[free]
    )
    assert at_bound.any(axis=1).mean() > 0.3  # the test means nothing without active bounds


def test_small_model_with_every_kind_of_term(small: BinnedLikelihood) -> None:
    truth = small.parameters.init
    packed, free, starts = toys_of(small, truth, 50, seed=4)
    ours = minimise(small, packed, starts, free, FitOptions())
    reference = minimise(small, packed, starts, free, FitOptions(minimiser="migrad"))
    assert ours.valid.all()
    assert (ours.nll - reference.nll).max() < 1e-6


def test_valleys_of_norm_and_index_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few showers, all at PeV energies, know the norm times a power of their energy; MIGRAD takes 50 ms for each."""
    likelihood = npinfer.load("icecube_adm_pepe")
    fixed = {"dm_rate": 0.0, "dm_density": 0.4, "dm_scale": 20.0}
    truth = likelihood.parameters.vector({**fixed, "astro_norm": 4.98, "astro_gamma": 2.53})
    free = free_mask(likelihood, fixed)
    packed = likelihood.pack(likelihood.toy(np.tile(truth, (60, 1)), np.random.default_rng(3)))
    starts = [np.tile(s, (60, 1)) for s in start_points(likelihood, truth, free, FitOptions())]
    reference = minimise(likelihood, packed, starts, free, FitOptions(minimiser="migrad"))
    monkeypatch.setattr(from_start, "_migrad", lambda *a: Minima.none(*a[2].shape))
    ours = minimise(likelihood, packed, starts, free, FitOptions(tolerance=1e-8))
    assert (ours.nll - reference.nll).max() < 1e-6
    assert ours.valid.all()


def test_a_coupling_that_is_out_of_the_question_is_soon_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """−ln density of 3e8 to 2e19, whose digits end above the tolerance; MIGRAD takes six seconds for each."""
    likelihood = npinfer.load("joint/lmu_ltau")
    free = free_mask(likelihood, {"g_zprime": 0.0})
    points = np.array([likelihood.parameters.vector({"g_zprime": g}) for g in (0.01, 0.1, 0.2313)])
    monkeypatch.setattr(from_start, "_migrad", lambda *a: pytest.fail("polished with MIGRAD"))
    found = minimise(likelihood, likelihood.pack(None), [points], free, FitOptions())
    assert found.valid.all()
    assert (found.nll > 1e8).all()
    assert (found.edm < 1e-10 * found.nll).all()


def test_absurd_data_are_fitted_as_well_as_others(write: Callable[..., Path]) -> None:
    """10⁹ events and 30 of one rate: −ln density is 1e9 at the minimum, which is where the counts' mean has it."""
    text = """\
schema: npinfer/likelihood/1
name: absurd
kind: real
status: illustrative
channels: {c: {axes: {x: {edges: [0, 1, 2]}}, observed: [1000000000, 30]}}
samples:
  s: {template: {c: [1, 2]}, scale: mu, systematics: [{name: response, kind: normsys, up: 1.2}]}
parameters:
  mu: {init: 1.0, bounds: [0, 1.0e+10]}
"""
    found = npinfer.fit(npinfer.load(write(text)))
    assert found.valid
    assert found.twice_nll > 1e9
    assert found.values["absurd.mu"] == pytest.approx(1_000_000_030 / 3, rel=1e-8)
    assert found.values["absurd.response"] == pytest.approx(0.0, abs=1e-7)


def test_rows_do_not_influence_each_other(hese: BinnedLikelihood) -> None:
    """A toy fitted alone and in a batch of others."""
    packed, free, starts = toys_of(hese, hese.parameters.init, 7, seed=2)
    together = minimise(hese, packed, starts, free, FitOptions())
    alone = minimise(hese, packed.take(np.array([3])), [s[3:4] for s in starts], free, FitOptions())
    assert alone.nll[0] == pytest.approx(together.nll[3], abs=1e-8)


def test_gradient_vanishes_or_pushes_out_of_bounds(hese: BinnedLikelihood) -> None:
    packed, free, starts = toys_of(hese, hese.parameters.init, 40, seed=8)
    minima = minimise(hese, packed, starts, free, FitOptions())
    _, gradient, information = hese.expansion(minima.points, packed)
    sigma = 1 / np.sqrt(np.einsum("nii->ni", information))
    p = hese.parameters
    low, high = minima.points <= p.lower, minima.points >= p.upper
    inside = free & ~low & ~high
    assert np.abs(gradient * sigma)[inside].max() < 1e-3
    assert (gradient[low & free] <= 0).all()
    assert (gradient[high & free] >= 0).all()


def test_simplex_minimum_on_its_edge() -> None:
    likelihood = npinfer.load("icecube_hese", composition="flavour")
    truth = {"f_e": 0.0, "f_mu": 1.0}
    result = npinfer.fit(likelihood.with_data(likelihood.asimov(likelihood.parameters.vector(truth))))
    assert result.values["f_mu"] == pytest.approx(1.0, abs=1e-4)
    assert "f_e + f_mu stopped at 1" in result.message
    assert result.valid


def test_no_events_at_all(hese: BinnedLikelihood) -> None:
    empty = hese.dataset(np.zeros(hese.bins), hese.constraints.measured, "observed")
    result = npinfer.fit(hese, data=empty)
    assert result.valid
    assert result.values["astro_norm"] == 0.0
    assert "astro_norm stopped at its lower bound 0" in result.message


def test_impossible_data_are_said(make: Callable[[str], BinnedLikelihood]) -> None:
    likelihood = make(
        "schema: npinfer/likelihood/1\nname: dead\nkind: real\nstatus: illustrative\n"
        "channels: {c: {axes: {x: {linear: [0, 1, 2]}}, observed: [1, 1]}}\n"
        "samples: {s: {template: {c: [1, 0]}, scale: a}}\nparameters: {a: {init: 1, bounds: [0, 5]}}\n"
    )
    with pytest.raises(InferenceError, match="dead: the data have probability zero at every start point"):
        npinfer.fit(likelihood)


def test_a_start_at_the_end_of_numbers_is_climbed_from(make: Callable[[str], BinnedLikelihood]) -> None:
    """Six events where 1e-300 ε⁴ and as little background are expected: slopes there are near the largest numbers."""
    text = POWER.replace("count: [1]", "count: [1.0e-300]").replace("{init: 0,", "{init: 0.5,")
    likelihood = make(text.replace("scale: {epsilon: 4}", "scale: epsilon"))
    found = npinfer.fit(likelihood, init={"epsilon": 1e-300}).values["power.epsilon"]
    assert found == pytest.approx(6 / 50, rel=1e-5)


def test_a_parameter_that_nothing_depends_on(make: Callable[[str], BinnedLikelihood]) -> None:
    """Every value is best: the native minimiser says so, MIGRAD does not converge; neither fails."""
    likelihood = make(POWER.replace("[50]", "[0]").replace("init: 0,", "init: 0.25,"))
    native, migrad = (npinfer.fit(likelihood, options=FitOptions(minimiser=m)) for m in ("native", "migrad"))
    assert (native.valid, native.edm, native.values["power.epsilon"]) == (True, 0.0, 0.25)
    assert "these data do not depend on power.epsilon here" in native.message
    assert "minimum is 0.0e+00" in native.message
    assert (migrad.valid, migrad.edm) == (False, np.inf)
    assert 0 <= migrad.values["power.epsilon"] <= 1
    assert native.twice_nll == migrad.twice_nll == pytest.approx(-2 * (np.log(1 / 720) - 1), rel=1e-12)


def test_options_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="unknown minimiser 'migrat': did you mean 'migrad'"):
        FitOptions(minimiser="migrat")
    with pytest.raises(ConfigurationError, match="tolerance"):
        FitOptions(tolerance=0.0)


def test_a_fourth_power_starts_at_its_zero_and_finds_its_way(make: Callable[[str], BinnedLikelihood]) -> None:
    """Counts 1 + 50 ε⁴ and 6 seen, from ε = 0, where nothing slopes; toys of a signal are fitted as well."""
    likelihood = make(POWER)
    assert npinfer.fit(likelihood).values["power.epsilon"] == pytest.approx(0.1**0.25, abs=1e-6)
    ensemble = npinfer.toys(likelihood, 200)
    counts = 1 + 50 * ensemble.of("epsilon") ** 4
    assert np.abs(counts - np.round(counts)).max() < 1e-3  # each fit meets its whole number of events
    assert counts.mean() == pytest.approx(6.0, abs=0.6)


@pytest.mark.parametrize("upper", ["1", "1.0e+9", ".inf"])
@pytest.mark.parametrize("scale", [50, 1e6, 1e12])
def test_a_fourth_power_leaves_its_zero_at_any_scale(
    make: Callable[[str], BinnedLikelihood], scale: float, upper: str
) -> None:
    text = POWER.replace("count: [50]", f"count: [{scale}]").replace("bounds: [0, 1]", f"bounds: [0, {upper}]")
    likelihood = make(text)
    assert npinfer.fit(likelihood).values["power.epsilon"] == pytest.approx((5 / scale) ** 0.25, rel=1e-5)


def test_hopeless_starts_are_left_out(make: Callable[[str], BinnedLikelihood]) -> None:
    """1e5 ε⁴ events where 6 are seen: ε = 1 is further from the data than any other minimum may be, ε = 0.3 is not."""
    text = POWER.replace("count: [50]", "count: [1.0e+5]").replace("init: 0,", "init: 0.05, starts: [0.3, 1.0],")
    likelihood = make(text)
    free = free_mask(likelihood, {})
    points = start_points(likelihood, likelihood.parameters.init, free, FitOptions())
    np.testing.assert_array_equal(points, [[0.05], [0.3]])


POWER = """\
schema: npinfer/likelihood/1
name: power
kind: real
status: illustrative
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [6]}}
samples:
  background: {template: {count: [1]}}
  signal: {template: {count: [50]}, scale: {epsilon: 4}}
parameters: {epsilon: {init: 0, bounds: [0, 1]}}
"""
