"""compare: closed forms, symmetry, seeds, executors, resuming, faults."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm, poisson

import npinfer
from npinfer.core.dataset import Dataset
from npinfer.core.result import Comparison
from npinfer.errors import ConfigurationError, InferenceError, ParameterError
from npinfer.inference import compare as module
from npinfer.inference.executor import Interrupted, RunOptions
from npinfer.inference.minima import Minima
from npinfer.likelihood.binned import BinnedLikelihood

Make = Callable[[str], BinnedLikelihood]

BIN = """\
schema: npinfer/likelihood/1
name: {name}
kind: real
status: illustrative
configuration: {{year: {{default: first, choices: [first, second]}}}}
channels: {{count: {{axes: {{x: {{linear: [0, 1, {bins}]}}}}, observed: {observed}}}}}
samples: {{signal: {{template: {{count: {template}}}, scale: s}}}}
parameters: {{s: {{init: 1, bounds: [0, 50]}}}}
"""
TWO_BINS = """\
schema: npinfer/likelihood/1
name: two_bins
kind: real
status: illustrative
channels: {count: {axes: {x: {linear: [0, 1, 2]}}, observed: [5, 5]}}
samples: {left: {template: {count: [1, 0]}, scale: l}, right: {template: {count: [0, 1]}, scale: r}}
parameters: {l: {init: 1, bounds: [0, 50]}, r: {init: 1, bounds: [0, 50]}}
"""
PAIR = {"low": {"mu": 0.3}, "high": {"mode": "fancy", "mu": 2.0}}  # the mode changes nothing but the configuration
FIXED = {"low": {"mu": 0.3}, "high": {"mu": 2.0}}


def one_bin(make: Make, observed: int) -> BinnedLikelihood:
    return make(BIN.format(name="one_bin", bins=1, observed=[observed], template=[1]))


@pytest.fixture(scope="module")
def reference(small: BinnedLikelihood) -> Comparison:
    return npinfer.compare(small, PAIR, n_toys=120, run=RunOptions(seed=5))


def test_one_poisson_bin_has_exact_p_values(make: Make) -> None:
    found = npinfer.compare(one_bin(make, 7), {"four": {"s": 4}, "nine": {"s": 9}}, n_toys=3000)
    pair, reverse = found.pair("four", "nine"), found.pair("nine", "four")
    assert pair.t == pytest.approx(-2 * (7 * np.log(4 / 9) + 5))
    assert reverse.t == -pair.t
    for tail, exact in (
        (pair.p, poisson.sf(6, 4)),
        (reverse.p, poisson.cdf(7, 9)),
        (pair.expected.p, poisson.sf(8, 4)),  # the median of nine expected is nine
        (reverse.expected.p, poisson.cdf(4, 9)),
    ):
        assert tail.toys == 3000
        assert tail.value == pytest.approx(exact, abs=3.5 * np.sqrt(exact * (1 - exact) / 3000))
        assert tail.z == pytest.approx(norm.isf(tail.value))
    assert pair.expected.z_lower < norm.isf(poisson.sf(8, 4)) + 0.1
    assert pair.expected.z_lower <= pair.expected.z <= pair.expected.z_upper
    asimov = [2 * (m * np.log(m / o) - m + o) for m, o in ((9, 4), (4, 9))]
    assert [pair.asimov_t, reverse.asimov_t] == pytest.approx(asimov)
    assert pair.asimov_z == pytest.approx(sum(asimov) / 2 / np.sqrt(asimov[1]))


def test_impossible_toys_have_an_infinite_statistic(make: Make) -> None:
    found = npinfer.compare(one_bin(make, 0), {"nothing": {"s": 0}, "one": {"s": 1}}, n_toys=500)
    t = found.statistic("nothing", "one", "one")
    assert np.isinf(t).mean() == pytest.approx(1 - np.exp(-1), abs=0.08)
    assert found.pair("one", "nothing").p.value == pytest.approx(np.exp(-1), abs=0.08)
    assert found.pair("nothing", "one").p.value == 1.0
    expected = found.pair("nothing", "one").expected
    assert (expected.median, expected.p.value, expected.z) == (np.inf, 0.0, np.inf)
    assert np.isfinite(expected.z_lower)
    assert any("have probability zero under nothing" in note for note in found.notes())
    assert "did not converge" not in str(found.table())


def test_a_model_that_the_data_exclude_is_said(make: Make) -> None:
    with pytest.raises(InferenceError, match="model 'nothing': one_bin: the data have probability zero"):
        npinfer.compare(one_bin(make, 1), {"nothing": {"s": 0}, "one": {"s": 1}}, n_toys=2)


def test_mirrored_models_are_treated_alike(make: Make) -> None:
    models = {"left": {"l": 6, "r": 4}, "right": {"l": 4, "r": 6}}
    found = npinfer.compare(make(TWO_BINS), models, n_toys=1000)
    pair, reverse = found.pair("left", "right"), found.pair("right", "left")
    assert pair.t == pytest.approx(0.0, abs=1e-9)
    assert pair.p.value == pytest.approx(reverse.p.value, abs=5 * 0.022)
    assert pair.expected.z == pytest.approx(reverse.expected.z, abs=0.3)
    assert pair.asimov_z == pytest.approx(reverse.asimov_z)
    assert "left and right fit the data equally well" in found.verdict()


def test_identical_models_are_not_told_apart(small: BinnedLikelihood) -> None:
    found = npinfer.compare(small, {"a": {"mu": 1.0}, "b": {"mu": 1.0}}, n_toys=60)
    pair = found.pair("a", "b")
    assert pair.t == 0.0
    assert (found.statistic("a", "b", "a") == 0.0).all()
    assert pair.p.value == 1.0
    assert pair.asimov_t == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(pair.asimov_z)
    assert "not told apart" in found.verdict()


def test_every_toy_is_a_fit(small: BinnedLikelihood, reference: Comparison) -> None:
    assert [m.twice_nll for m in reference.models] == pytest.approx(
        [npinfer.fit(small, fixed=fixed).twice_nll for fixed in FIXED.values()]
    )
    point = np.array(list(reference.models[1].values.values()))
    seed = np.random.SeedSequence(5, spawn_key=(1,)).generate_state(4)  # the second chunk has toys of the second model
    drawn = small.toy(np.tile(point, (100, 1)), np.random.default_rng(seed))
    for row in (0, 19):
        toy = Dataset({n: v[row] for n, v in drawn.counts.items()}, {n: v[row] for n, v in drawn.auxiliary.items()})
        refitted = [npinfer.fit(small, data=toy, fixed=fixed).twice_nll for fixed in FIXED.values()]
        np.testing.assert_allclose(reference.toys["high"][row], refitted, atol=1e-6)


def test_same_seed_same_bits_on_any_executor(small: BinnedLikelihood, reference: Comparison) -> None:
    again = npinfer.compare(small, PAIR, n_toys=120, run=RunOptions(seed=5))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        elsewhere = npinfer.compare(small, PAIR, n_toys=120, run=RunOptions(seed=5, executor=pool))
    for other in (again, elsewhere):
        assert other.to_dict() == reference.to_dict()
    different = npinfer.compare(small, PAIR, n_toys=120, run=RunOptions(seed=6))
    assert not np.array_equal(different.toys["low"], reference.toys["low"])
    assert reference.provenance.seed == 5
    assert [m.settings for m in reference.models] == ["mu = 0.3", "mode = fancy, mu = 2"]


def test_equal_recipes_are_built_once_in_a_worker(small: BinnedLikelihood) -> None:
    first, second = (module.Contest((small, small)).recipe() for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    assert len(first.recipes) == 1
    built = first.build()
    assert built.likelihoods[0] is built.likelihoods[1]


def test_interrupted_work_is_kept_and_resumes(
    small: BinnedLikelihood, reference: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = module.fit_toys, []

    def stop_at_fourth(contest: Any, chunk: Any) -> Any:
        calls.append(int(chunk["toys"]))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(contest, chunk)

    stop_at_fourth.__module__, stop_at_fourth.__qualname__ = original.__module__, original.__qualname__
    monkeypatch.setattr(module, "fit_toys", stop_at_fourth)
    run = RunOptions(seed=5, out=tmp_path)
    part = npinfer.compare(small, PAIR, n_toys=120, run=run)
    assert calls == [100, 100, 20, 20]
    assert not part.complete
    assert "interrupted after 3 of 4 chunks" in part.message
    assert part.message in part.table().notes
    assert {truth: len(t) for truth, t in part.toys.items()} == {"low": 120, "high": 100}
    whole = npinfer.compare(small, PAIR, n_toys=120, run=run)
    assert len(calls) == 5
    assert whole.to_dict() == reference.to_dict()


def test_interrupted_before_every_model_has_toys(small: BinnedLikelihood, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    original = module.fit_toys

    def stop_at_second(contest: Any, chunk: Any) -> Any:
        calls.append(0)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(contest, chunk)

    monkeypatch.setattr(module, "fit_toys", stop_at_second)
    with pytest.raises(Interrupted, match="compare low, high interrupted after 1 of 2 chunks"):
        npinfer.compare(small, PAIR, n_toys=10)


def test_failed_fits_are_counted_and_kept(small: BinnedLikelihood, monkeypatch: pytest.MonkeyPatch) -> None:
    original = module.minimise

    def unsure(likelihood: Any, packed: Any, starts: Any, free: Any, options: Any) -> Minima:
        found = original(likelihood, packed, starts, free, options)
        if len(packed) > 1:
            found.valid[:3], found.edm[:3] = False, 1e-3
        return found

    expected = npinfer.compare(small, PAIR, n_toys=20)
    monkeypatch.setattr(module, "minimise", unsure)
    found = npinfer.compare(small, PAIR, n_toys=20)
    np.testing.assert_array_equal(found.toys["low"], expected.toys["low"])
    assert found.failed == {truth: {"low": 3, "high": 3} for truth in PAIR}
    assert found.pair("low", "high").p.failed == 3
    assert found.largest_edm == 1e-3
    assert any("3 of 20 toys of low did not converge under high and count where" in note for note in found.notes())
    assert not expected.notes()


def test_a_fit_to_the_data_that_failed_is_said(small: BinnedLikelihood, monkeypatch: pytest.MonkeyPatch) -> None:
    original = module.best_fit

    def unsure(*given: Any) -> Any:
        minima, free = original(*given)
        minima.valid[:] = False
        return minima, free

    monkeypatch.setattr(module, "best_fit", unsure)
    found = npinfer.compare(small, PAIR, n_toys=0)
    assert found.notes()[0].startswith("low: its fit to the data did not converge")


def test_without_toys_the_statistic_alone(small: BinnedLikelihood) -> None:
    found = npinfer.compare(small, {**PAIR, "middle": {"mu": 1.0}, "free": {}}, n_toys=0)
    assert len(found.pairs) == 12
    assert all(p.p is None and p.expected is None for p in found.pairs)
    assert found.best.name == "free"
    assert found.statistic("low", "high", "low").size == 0
    assert found.verdict().count("no toys were drawn") == 3


def test_other_data_are_seen_by_every_model(small: BinnedLikelihood) -> None:
    data = small.asimov({"mu": 2.0})
    models = {"true": {"mu": 2.0, "mode": "fancy"}, "false": {"mu": 0.1}}
    found = npinfer.compare(small, models, n_toys=0, data=data)
    assert found.data_kind == "asimov"
    assert found.best.name == "true"
    kept = npinfer.compare(small.with_data(data), models, n_toys=0)
    assert [m.twice_nll for m in kept.models] == [m.twice_nll for m in found.models]


def test_a_joint_likelihood_adds_its_members(make: Make, tmp_path: Path) -> None:
    members = []
    for name, observed in (("first", 3), ("second", 6)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(BIN.format(name=name, bins=1, observed=[observed], template=[1]) + f"dataset: {name}\n")
        members.append(npinfer.load(path))
    both = npinfer.joint(*members, share={"s": ["first.s", "second.s"]})
    models = {"four": {"s": 4}, "six": {"s": 6}}
    found = npinfer.compare(both, models, n_toys=400)
    assert found.pair("four", "six").t == pytest.approx(-2 * (9 * np.log(4 / 6) + 4))
    exact = poisson.sf(8, 8)
    assert found.pair("four", "six").p.value == pytest.approx(exact, abs=3.5 * np.sqrt(exact * (1 - exact) / 400))


def test_other_bins_are_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    likelihood = one_bin(make, 3)
    other = make(BIN.format(name="one_bin", bins=2, observed=[1, 1], template=[1, 1]))
    monkeypatch.setattr(likelihood, "_reload", lambda **configuration: other)
    with pytest.raises(InferenceError, match="model 'b' changes the channels or bins of one_bin"):
        npinfer.compare(likelihood, {"a": {"s": 1}, "b": {"year": "second", "s": 1}})


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        ("", "only one of them has auxiliary data for one_bin.s"),
        ("mean: 2", "auxiliary data were measured differently"),
    ],
)
def test_other_auxiliary_data_are_refused(
    make: Make, monkeypatch: pytest.MonkeyPatch, constraint: str, said: str
) -> None:
    def constrained(mean: str) -> str:
        added = f", constraint: {{normal: {{{mean}, sigma: 1}}}}" if mean else ""
        text = BIN.format(name="one_bin", bins=1, observed=[3], template=[1])
        return text.replace("bounds: [0, 50]", "bounds: [0, 50]" + added)

    likelihood, other = make(constrained("mean: 1")), make(constrained(constraint))
    monkeypatch.setattr(likelihood, "_reload", lambda **configuration: other)
    with pytest.raises(InferenceError, match=f"a and b cannot be compared: .*{said}"):
        npinfer.compare(likelihood, {"a": {"s": 1}, "b": {"year": "second", "s": 1}})


def test_data_that_another_configuration_does_not_know(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    text = BIN.format(name="one_bin", bins=1, observed=[3], template=[1])
    likelihood = make(text.replace("50]", "50], constraint: {normal: {mean: 1, sigma: 1}}"))
    likelihood = likelihood.with_data(likelihood.asimov({"s": 2}))
    other = make(text)
    monkeypatch.setattr(likelihood, "_reload", lambda **configuration: other)
    with pytest.raises(InferenceError, match=r"model 'b': .*'one_bin.s'.*the data were made in another configuration"):
        npinfer.compare(likelihood, {"a": {"s": 1}, "b": {"year": "second", "s": 1}})


@pytest.mark.parametrize(
    ("models", "error", "said"),
    [
        ({}, ConfigurationError, "at least two models; found none"),
        ({"a": {"mu": 1}}, ConfigurationError, "at least two models; found a"),
        ({"a": {"mu": 1}, "b": {"mv": 1}}, ParameterError, r"model 'b': unknown parameter .* did you mean 'mu'"),
        ({"a": {"mu": 1}, "b": {"mod": "x"}}, ParameterError, r"model 'b': unknown .* did you mean 'mode'"),
        ({"a": {"mu": 1}, "b": {"mode": "fance"}}, ConfigurationError, "did you mean 'fancy'"),
        ({"a": {"mu": 1}, "b": {"mu": 11}}, ParameterError, "11 is outside its bounds"),
        ({"a": {"mu": 1}, "b": {"mu": "x"}}, ParameterError, "'x' is not a number"),
    ],
)
def test_bad_models_are_refused(
    small: BinnedLikelihood, models: dict[str, dict[str, Any]], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        npinfer.compare(small, models, n_toys=0)


@pytest.mark.parametrize("n_toys", [-1, 2.5])
def test_bad_numbers_of_toys_are_refused(small: BinnedLikelihood, n_toys: Any) -> None:
    with pytest.raises(ConfigurationError, match="n_toys is a whole number"):
        npinfer.compare(small, PAIR, n_toys=n_toys)


def test_a_negative_seed_is_refused(small: BinnedLikelihood) -> None:
    with pytest.raises(ConfigurationError, match="the seed is a whole number"):
        npinfer.compare(small, PAIR, n_toys=1, run=RunOptions(seed=-1))
