"""toys: distributions with a closed form, failures that are kept, ensembles that merge."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest, norm

import npinfer
from npinfer import RunOptions
from npinfer.core.result import ToyEnsemble
from npinfer.errors import ConfigurationError, DataError, ParameterError
from npinfer.inference import toys as module
from npinfer.inference.executor import Interrupted
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.minima import Minima
from npinfer.inference.minimise import free_mask, minimise
from npinfer.likelihood.binned import BinnedLikelihood

Make = Callable[[str], BinnedLikelihood]
TWO = """\
schema: npinfer/likelihood/1
name: two
kind: real
status: illustrative
poi: s
channels: {count: {axes: {x: {linear: [0, 1, 2]}}, observed: [900, 420]}}
samples:
  signal: {template: {count: [500, 0]}, scale: s}
  background: {template: {count: [400, 400]}, scale: level}
parameters:
  s: {init: 1, bounds: [0, 20]}
  level: {init: 1, bounds: [0.1, 5], constraint: {normal: {mean: 1.02, sigma: 0.05}}}
"""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> BinnedLikelihood:
    path = tmp_path_factory.mktemp("toys") / "two.yaml"
    path.write_text(TWO, encoding="utf-8")
    return npinfer.load(path)


@pytest.fixture(scope="module")
def ensemble(two: BinnedLikelihood) -> ToyEnsemble:
    return npinfer.toys(two, 1500)


def test_many_events_give_normal_fits(two: BinnedLikelihood, ensemble: ToyEnsemble) -> None:
    fitted = npinfer.fit(two)
    for name in ("s", "level"):
        full = f"two.{name}"
        assert ensemble.truth[full] == pytest.approx(fitted.values[full], abs=1e-7)
        pulls = (ensemble.of(name) - ensemble.truth[full]) / fitted.errors[full]
        assert kstest(pulls, norm.cdf).pvalue > 1e-3
    assert ensemble.goodness.mean() == pytest.approx(1.0, abs=0.15)  # 2 bins + 1 auxiliary datum − 2 parameters
    assert not ensemble.failed.any()
    assert ensemble.complete


def test_auxiliary_data_fluctuate(two: BinnedLikelihood) -> None:
    """A level that its own bin tells nothing of is spread as its constraint says."""
    data = two.asimov({"s": 1.0, "level": 1.0})
    plan = module.ToyPlan(two.parameters.vector({"s": 1.0, "level": 1.0}), ({"two.s": 1.0}, {}))
    (fits,), message = module.run_toys(two.with_data(data), [plan], 400, RunOptions(), stream="test")
    assert message == ""
    spread = fits.points[:, 0, 1].std()
    expected = 1 / np.sqrt(1 / 0.05**2 + 400 + 400**2 / 900)
    assert spread == pytest.approx(expected, rel=0.12)
    assert (fits.statistic() >= 0).all()
    assert (fits.nll[:, 1] <= fits.nll[:, 0] + 1e-9).all()


def test_truth_and_fixed_parameters(two: BinnedLikelihood) -> None:
    held = npinfer.toys(two, 30, at={"s": 3}, fixed={"level": 1.1})
    assert held.truth == {"two.s": 3.0, "two.level": 1.1}
    assert held.fixed == ("two.level",)
    assert (held.of("level") == 1.1).all()
    assert held.of("s").mean() == pytest.approx(3.0, abs=5 * 0.1 / np.sqrt(30))
    free = npinfer.toys(two, 30, at={"s": 3})
    conditional = npinfer.fit(two, fixed={"s": 3}).values["two.level"]
    assert free.truth["two.level"] == pytest.approx(conditional, abs=1e-6)
    with pytest.raises(ParameterError, match=r"'two\.level' is both in at and fixed, with other values"):
        npinfer.toys(two, 3, at={"level": 1.2}, fixed={"level": 1.1})


def test_no_toy_is_above_the_reference_minimum(hese: BinnedLikelihood) -> None:
    """40 toys of the shipped likelihood against MIGRAD from the same start and from the truth."""
    plan = module.ToyPlan(hese.parameters.vector({"astro_norm": 6.37, "astro_gamma": 2.87}))
    (fits,), _ = module.run_toys(hese, [plan], 40, RunOptions(), stream="reference")
    chunk = module._chunk(plan, 40, (module.zlib.crc32(b"reference"), 0, 0), 0)
    data = hese.toy(np.tile(plan.truth, (40, 1)), np.random.default_rng(chunk["seed"]))
    packed, free = hese.pack(data), free_mask(hese, {})
    starts = [np.tile(plan.truth, (40, 1)), fits.points[:, 0]]
    reference = minimise(hese, packed, starts, free, FitOptions(minimiser="migrad"))
    assert (2 * (fits.nll[:, 0] - reference.nll)).max() < 1e-6


def test_same_seed_same_bits_on_any_executor(two: BinnedLikelihood) -> None:
    one, again = (npinfer.toys(two, 250, run=RunOptions(seed=4)) for _ in range(2))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        elsewhere = npinfer.toys(two, 250, run=RunOptions(seed=4, executor=pool))
    assert one.to_dict() == again.to_dict() == elsewhere.to_dict()
    assert not np.array_equal(one.values, npinfer.toys(two, 250, run=RunOptions(seed=5)).values)


def test_ensembles_merge(two: BinnedLikelihood) -> None:
    first, second, third = (npinfer.toys(two, n, run=RunOptions(seed=i)) for i, n in enumerate((30, 20, 10)))
    whole = first.merge(second, third)
    assert len(whole) == 60
    assert whole.seeds == (0, 1, 2)
    np.testing.assert_array_equal(whole.values, np.concatenate([e.values for e in (first, second, third)]))
    assert "seed 0, 1, 2" in whole.describe()
    with pytest.raises(DataError, match="the seed 0 is in both"):
        whole.merge(first)
    with pytest.raises(DataError, match="have a different truth"):
        first.merge(npinfer.toys(two, 5, at={"s": 3}, run=RunOptions(seed=7)))


def test_failed_toys_are_kept_counted_and_named(two: BinnedLikelihood, monkeypatch: pytest.MonkeyPatch) -> None:
    original = module.minimise

    def unsure(likelihood: Any, packed: Any, starts: Any, free: Any, options: Any) -> Minima:
        found = original(likelihood, packed, starts, free, options)
        found.valid[[2, 5]], found.edm[[2, 5]] = False, 1e-3
        return found

    expected = npinfer.toys(two, 20)
    monkeypatch.setattr(module, "minimise", unsure)
    found = npinfer.toys(two, 20)
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.failed.sum() == 2
    (note,) = found.notes()
    assert note.startswith("2 of 20 toys did not converge and are kept where they ended")
    assert note.endswith("1.0e-03): number 2, 5")
    assert "18 of 20 fits converged" in found.describe()
    assert expected.notes() == []


def test_impossible_toys_are_said(make: Make) -> None:
    """A background that cannot be zero in the truth but is held at zero in the fits."""
    likelihood = make(TWO.replace("s: {init: 1, bounds: [0, 20]}", "s: {init: 1, bounds: [0, 20], fixed: true}"))
    plan = module.ToyPlan(likelihood.parameters.vector({"s": 1}), ({"two.s": 0.0, "two.level": 0.1},))
    (fits,), _ = module.run_toys(likelihood, [plan], 5, RunOptions(), stream="test")
    assert np.isfinite(fits.nll).all()
    text = TWO.replace("count: [400, 400]", "count: [400, 0]").replace("observed: [900, 420]", "observed: [900, 0]")
    empty = make(text)
    data = empty.dataset(np.array([[3.0, 1.0], [3.0, 0.0]]), np.ones((2, 1)), "toy")
    (found,) = module.fit_hypotheses(empty, empty.pack(data), empty.parameters.init, [{}])
    assert np.isinf(found.nll[0])
    assert np.isfinite(found.nll[1])


def test_interrupted_toys_are_kept(two: BinnedLikelihood, monkeypatch: pytest.MonkeyPatch) -> None:
    original, calls = module.toy_chunk, []

    def stop_at_second(likelihood: Any, chunk: Any) -> Any:
        calls.append(0)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(likelihood, chunk)

    monkeypatch.setattr(module, "toy_chunk", stop_at_second)
    found = npinfer.toys(two, 500)
    assert len(found) == 200
    assert not found.complete
    assert "interrupted after 1 of 3 chunks" in found.message
    assert found.message in found.table().notes
    calls[:] = [0]
    with pytest.raises(Interrupted):
        npinfer.toys(two, 500)


def test_saved_beside_its_toys(ensemble: ToyEnsemble, tmp_path: Path) -> None:
    ensemble.save(tmp_path / "toys.json")
    again = npinfer.load_result(tmp_path / "toys.json")
    assert isinstance(again, ToyEnsemble)
    np.testing.assert_array_equal(again.values, ensemble.values)
    assert again.table() == ensemble.table()
    fits = ensemble.curves()["fits"]
    assert fits.columns == ("twice_nll", "goodness", "failed", "two.s", "two.level")
    assert len(fits.rows) == 1500
    (tmp_path / "toys.npz").write_bytes(b"no archive")
    with pytest.raises(DataError, match="not those that were saved with it"):
        npinfer.load_result(tmp_path / "toys.json")


@pytest.mark.parametrize("n", [0, -3, 2.5])
def test_bad_numbers_are_refused(two: BinnedLikelihood, n: Any) -> None:
    with pytest.raises(ConfigurationError, match="n_toys is a whole number, 1 or more"):
        npinfer.toys(two, n)
    with pytest.raises(ConfigurationError, match="the seed is a whole number"):
        npinfer.toys(two, 1, run=RunOptions(seed=-1))


def test_unknown_names_are_refused(ensemble: ToyEnsemble) -> None:
    with pytest.raises(DataError, match=r"'mu' is not the name of one parameter; known: two\.s, two\.level"):
        ensemble.of("mu")


def test_whole_constraints_fluctuate(make: Make) -> None:
    likelihood = make(TWO.replace("mean: 1.02, sigma: 0.05", "mean: 1, sigma: 2"))
    data = likelihood.asimov({"level": 1.37})
    assert likelihood.pack(data).auxiliary[0, 0] == 1.37
    toy = likelihood.toy({"level": 1.37}, np.random.default_rng(0))
    assert likelihood.pack(toy).auxiliary[0, 0] == toy.auxiliary["two.level"]


def test_a_global_fit_after_an_impossible_hypothesis(make: Make) -> None:
    """Without background a held signal of zero is impossible; the global fit starts elsewhere."""
    likelihood = make(TWO.replace("count: [400, 400]", "count: [0, 400]"))
    plan = module.ToyPlan(likelihood.parameters.vector({"s": 0.004}), ({"two.s": 0.0}, {}))
    (fits,), _ = module.run_toys(likelihood, [plan], 50, RunOptions(), stream="test")
    seen = np.isinf(fits.nll[:, 0])
    assert 0 < seen.sum() < 50
    assert np.isfinite(fits.nll[:, 1]).all()
    assert np.isinf(fits.statistic()[seen]).all()
