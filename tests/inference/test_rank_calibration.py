"""rank_calibration: posteriors known in closed form, wrong samplers found, seeds, executors, resuming, faults."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import gamma, kstest, truncnorm

import npinfer
from npinfer import RunOptions, rank_calibration
from npinfer.core.dataset import Dataset
from npinfer.core.result import RankCalibration
from npinfer.errors import ConfigurationError, InferenceError, ParameterError
from npinfer.inference import mcmc
from npinfer.inference import rank_calibration as module
from npinfer.inference.executor import Interrupted
from npinfer.inference.mcmc import Problem
from npinfer.inference.minimise import free_mask
from npinfer.inference.moves import NormalMove
from npinfer.likelihood.binned import BinnedLikelihood

Make = Callable[[str], BinnedLikelihood]
HEAD = "schema: npinfer/likelihood/1\nname: {}\nkind: real\nstatus: illustrative\n"
CONJUGATE = (
    HEAD.format("conjugate")
    + """\
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [3]}}
samples: {signal: {template: {count: [1]}, scale: s}, idle: {template: {count: [0]}, scale: a}}
parameters:
  s: {init: 3, bounds: [0, 20]}
  a: {init: 1, bounds: [-3, 5], constraint: {normal: {mean: 1.5, sigma: 0.8}}}
"""
)
PRIORS = (
    HEAD.format("priors")
    + """\
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [1]}}
samples:
  constant: {template: {count: [1]}}
  idle: {template: {count: [0]}, scale: [e, mu, tau, flat, cubed, logarithm, inverse]}
parameters:
  e: {init: 0.2, bounds: [0, 1], simplex: flavour}
  mu: {init: 0.2, bounds: [0, 1], simplex: flavour}
  tau: {init: 0.4, bounds: [0, 1], simplex: flavour, fixed: true}
  flat: {init: 0, bounds: [-2, 3]}
  cubed: {init: 1, bounds: [0, 2], prior: {flat_in_power: 3}}
  logarithm: {init: 1, bounds: [0.1, 10], prior: {flat_in_power: 0}}
  inverse: {init: 1, bounds: [0.5, 4], prior: {flat_in_power: -1}}
"""
)
QUIET = RunOptions(quiet=True)


def problem(likelihood: BinnedLikelihood, **fixed: float) -> Problem:
    return Problem(likelihood, likelihood.parameters.vector(fixed), free_mask(likelihood, fixed), fixed)


def test_truths_follow_the_priors(make: Make) -> None:
    of = problem(make(PRIORS))
    rng = np.random.default_rng(1)
    draws = np.array([module.draw_truth(of, rng) for _ in range(400)])
    e, mu, tau, flat, cubed, logarithm, inverse = draws.T
    assert (tau == 0.4).all()
    shares = (flat + 2) / 5, (cubed / 2) ** 3, np.log(logarithm / 0.1) / np.log(100), (2 - 1 / inverse) / (2 - 0.25)
    triangle = ((e + mu) / 0.6) ** 2, e / (e + mu)  # uniform where e + mu ≤ 0.6
    for share in (*shares, *triangle):
        assert kstest(share, "uniform").pvalue > 1e-3


def test_a_simplex_without_room(make: Make) -> None:
    of = problem(make(PRIORS.replace("init: 0.4", "init: 1").replace("init: 0.2", "init: 0")))
    with pytest.raises(InferenceError, match="none of 10000 draws of the priors keeps the sums of fractions below 1"):
        module.draw_truth(of, np.random.default_rng(0))


def exact(width: float = 1.0, more: float = 0.0) -> Callable[..., Any]:
    """Independent draws of the posterior of CONJUGATE in place of chains: widened, and with more events than seen."""

    def posterior_of(of: Problem, data: Dataset, seed: int) -> Any:
        uniform = np.random.default_rng(seed).random((2, 2, 20, 32))  # parameter, replica, step, walker
        shape = gamma(float(data.counts["count"][0]) + 1 + more)
        middle, sigma = float(data.auxiliary["conjugate.a"]), 0.8 * width
        normal = truncnorm((-3 - middle) / sigma, (5 - middle) / sigma, middle, sigma)
        chains = np.stack([shape.ppf(uniform[0] * shape.cdf(20)), normal.ppf(uniform[1])], axis=-1)
        return SimpleNamespace(chains=chains, autocorrelation_time={"s": 1.0}, converged=True)

    return posterior_of


def test_exact_posteriors_have_uniform_ranks(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "posterior_of", exact())
    found = rank_calibration(make(CONJUGATE), n_draws=400, run=QUIET)
    assert found.ranks.shape == (400, 3)
    assert found.names == ("conjugate.s", "conjugate.a", "ln likelihood")
    assert found.uniform, found.describe()
    assert found.p > 0.05
    for name in found.names:
        covers = found.coverage(name)[1]
        assert abs(covers.value - 0.68) < 4 * np.sqrt(0.68 * 0.32 / 400)
    low, high = np.array([[0, -3], [20, 5]])
    for truth, lower, upper in zip(found.truths.T, low, high, strict=True):
        assert kstest((truth - lower) / (upper - lower), "uniform").pvalue > 1e-3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (exact(width=0.6), "conjugate.a: its posterior is too narrow"),
        (exact(width=1.8), "conjugate.a: its posterior is too wide"),
        (exact(more=2), "conjugate.s: its draws lie too high"),
    ],
)
def test_wrong_posteriors_are_found(make: Make, monkeypatch: pytest.MonkeyPatch, wrong: Any, said: str) -> None:
    monkeypatch.setattr(module, "posterior_of", wrong)
    found = rank_calibration(make(CONJUGATE), n_draws=200, run=QUIET)
    assert not found.uniform
    assert said in found.describe()


def test_truths_from_another_prior_are_found(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact posteriors of a prior flat in s, truths from one flat in s³."""

    def other(of: Problem, rng: np.random.Generator) -> np.ndarray:
        return np.array([20 * rng.random() ** (1 / 3), rng.uniform(-3, 5)])

    monkeypatch.setattr(module, "posterior_of", exact())
    monkeypatch.setattr(module, "draw_truth", other)
    found = rank_calibration(make(CONJUGATE), n_draws=200, run=QUIET)
    assert not found.uniform
    assert "conjugate.s: its draws lie too low" in found.describe()


def test_the_likelihood_sees_what_no_parameter_shows(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws of the prior in place of the posterior have uniform ranks of all parameters."""

    def prior(of: Problem, data: Dataset, seed: int) -> Any:
        chains = np.random.default_rng(seed).uniform([0, -3], [20, 5], (2, 20, 32, 2))
        return SimpleNamespace(chains=chains, autocorrelation_time={"s": 1.0}, converged=True)

    monkeypatch.setattr(module, "posterior_of", prior)
    found = rank_calibration(make(CONJUGATE), n_draws=100, run=QUIET)
    assert min(found.tests[n].p for n in found.names[:2]) > 1e-3
    assert found.tests["ln likelihood"].p < 1e-9


@pytest.mark.slow
def test_the_sampler_itself_has_uniform_ranks(make: Make) -> None:
    found = rank_calibration(make(CONJUGATE), n_draws=30, run=QUIET)
    assert found.uniform, found.describe()
    assert found.unconverged <= 2
    assert found.lost == 0


@pytest.mark.slow
def test_the_partially_contained_showers_have_uniform_ranks() -> None:
    fixed = {"astro_gamma": 2.5, "f_nuebar": 1 / 6}
    found = rank_calibration(npinfer.load("icecube_pepe"), n_draws=20, fixed=fixed, run=QUIET)
    assert found.uniform, found.describe()
    assert found.lost == 0


class Uncorrected(NormalMove):
    """Normal proposals shaped by the other walkers, accepted as if they were symmetric."""

    def get_proposal(self, *arguments: Any) -> tuple[np.ndarray, np.ndarray]:
        proposed, factors = super().get_proposal(*arguments)
        return proposed, np.zeros_like(factors)


@pytest.mark.slow
def test_a_move_without_detailed_balance_is_found(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcmc, "mixed_moves", lambda: [(Uncorrected(1.0), 1.0)])
    monkeypatch.setattr(module, "BLOCKS", (1,))
    found = rank_calibration(make(CONJUGATE), n_draws=20, run=QUIET)
    assert not found.uniform


def same(a: RankCalibration, b: RankCalibration) -> bool:
    return a.ranks.tobytes() == b.ranks.tobytes() and a.truths.tobytes() == b.truths.tobytes()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two data sets are enough, and two make a chunk."""
    monkeypatch.setattr(module, "FEWEST_DRAWS", 2)
    monkeypatch.setattr(module, "DRAWS_PER_CHUNK", 2)


@pytest.mark.usefixtures("few")
def test_a_seed_gives_the_same_bits_anywhere(make: Make) -> None:
    likelihood = make(CONJUGATE)
    np.random.seed(1)  # noqa: NPY002
    first = rank_calibration(likelihood, n_draws=4, fixed={"a": 1}, run=QUIET)
    assert first.names == ("conjugate.s", "ln likelihood")
    assert first.fixed == {"conjugate.a": 1.0}
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        pooled = rank_calibration(likelihood, n_draws=4, fixed={"a": 1}, run=RunOptions(executor=pool, quiet=True))
    assert same(first, pooled)


@pytest.mark.usefixtures("few")
def test_more_draws_begin_with_the_same(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "posterior_of", exact())
    likelihood = make(CONJUGATE)
    more, fewer = (rank_calibration(likelihood, n_draws=n, run=QUIET) for n in (9, 5))
    np.testing.assert_array_equal(more.ranks[:5], fewer.ranks)
    other = rank_calibration(likelihood, n_draws=5, run=RunOptions(seed=1, quiet=True))
    assert not np.isin(other.truths, more.truths).any()
    assert len(np.unique(more.truths)) == more.truths.size


class Stops:
    """Exact posteriors; Ctrl-C at the n-th."""

    def __init__(self, at: int) -> None:
        self.at, self.calls, self.exact = at, 0, exact()

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        if self.calls == self.at:
            raise KeyboardInterrupt
        return self.exact(*arguments)


@pytest.mark.usefixtures("few")
def test_an_interrupted_run_continues(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    likelihood, run = make(CONJUGATE), RunOptions(out=tmp_path, quiet=True)
    monkeypatch.setattr(module, "posterior_of", Stops(6))
    part = rank_calibration(likelihood, n_draws=8, run=run)
    assert len(part.ranks) == 4
    assert not part.complete
    assert "rank calibration of conjugate interrupted after 2 of 4 chunks" in part.message
    task = Stops(0)
    monkeypatch.setattr(module, "posterior_of", task)
    whole = rank_calibration(likelihood, n_draws=8, run=run)
    assert task.calls == 4  # of eight: four were kept
    assert whole.complete
    assert same(whole, rank_calibration(likelihood, n_draws=8, run=QUIET))
    monkeypatch.setattr(module, "posterior_of", Stops(1))
    with pytest.raises(Interrupted, match="after 0 of 4 chunks"):
        rank_calibration(likelihood, n_draws=8, run=QUIET)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("stopped", [True, False])
def test_chains_that_are_stopped_stop_the_run(make: Make, monkeypatch: pytest.MonkeyPatch, stopped: bool) -> None:
    def sample(*arguments: Any, **options: Any) -> Any:
        if stopped:
            raise Interrupted("in the first block", {})
        return SimpleNamespace(complete=False, converged=True)

    monkeypatch.setattr(module, "sample", sample)
    with pytest.raises(Interrupted, match="rank calibration of conjugate interrupted after 0 of 1 chunks"):
        rank_calibration(make(CONJUGATE), n_draws=2, run=QUIET)


@pytest.mark.usefixtures("few")
def test_chains_are_made_longer_until_they_converge(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []

    def sample(target: Any, *, n_steps: int, **options: Any) -> Any:
        lengths.append(n_steps)
        chains = np.random.default_rng(n_steps).uniform(0, 1, (2, 20, 32, 2))
        converged = n_steps == 1000 and lengths.count(250) == 1  # the first data set alone
        return SimpleNamespace(
            complete=True, converged=converged, chains=chains, autocorrelation_time={"s": 900.0, "a": np.nan}
        )

    monkeypatch.setattr(module, "sample", sample)
    found = rank_calibration(make(CONJUGATE), n_draws=2, run=QUIET)
    assert lengths == [250, 500, 1000, 250, 500, 1000, 1500, 2000, 3000, 4000]
    assert found.converged == (True, False)
    assert "chains of 1 of 2 data sets did not converge; they are kept" in found.describe()
    assert found.ranks.shape == (2, 3)


def test_draws_are_an_autocorrelation_time_apart() -> None:
    steps = np.broadcast_to(np.arange(100.0)[None, :, None, None], (2, 100, 4, 1))
    posterior: Any = SimpleNamespace(chains=steps, autocorrelation_time={"a": 7.3, "b": np.nan})
    drawn = module.thinned(posterior, 90, np.random.default_rng(0))
    assert drawn.shape == (90, 1)
    assert set(drawn[:, 0]) == set(np.arange(0, 100, 8))
    assert len(module.thinned(posterior, 700, np.random.default_rng(0))) == 700  # too many: every step


def test_ties_fall_at_random() -> None:
    rng = np.random.default_rng(0)
    values = np.zeros((10, 2))
    values[1:, 1] = np.arange(9) - 3.5
    ranks = np.array([module.ranks_of(values, rng) for _ in range(2000)])
    assert (ranks[:, 1] == 4).all()
    counts = np.bincount(ranks[:, 0], minlength=10)
    assert (np.abs(counts - 200) < 4 * np.sqrt(200)).all()


@pytest.mark.usefixtures("few")
def test_data_sets_that_cannot_be_sampled_are_counted(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    posterior_of = exact()

    def some(of: Problem, data: Dataset, seed: int) -> Any:
        if data.counts["count"][0] > 10:
            raise InferenceError("the data have probability zero at every start point")
        return posterior_of(of, data, seed)

    monkeypatch.setattr(module, "posterior_of", some)
    found = rank_calibration(make(CONJUGATE), n_draws=20, run=QUIET)
    assert found.lost > 0
    assert found.lost + len(found.ranks) == 20
    assert f"{found.lost} more data sets could not be sampled and are left out" in found.describe()

    def none(*arguments: Any) -> Any:
        raise InferenceError("no")

    monkeypatch.setattr(module, "posterior_of", none)
    with pytest.raises(InferenceError, match="none of 20 simulated data sets could be sampled"):
        rank_calibration(make(CONJUGATE), n_draws=20, run=QUIET)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_draws": 19}, "n_draws is a whole number, 20 or more; found 19"),
        ({"n_draws": 20.5}, "found 20.5"),
        ({"n_ranks": 9}, "n_ranks is a whole number, 10 or more; found 9"),
        ({"n_ranks": 1001}, "n_ranks is at most 1000; found 1001"),
        ({"run": RunOptions(seed=-1)}, "seed is a whole number, 0 or more; found -1"),
    ],
)
def test_numbers_that_are_too_small(small: BinnedLikelihood, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        rank_calibration(small, **options)


def test_questions_that_cannot_be_answered(small: BinnedLikelihood, make: Make) -> None:
    with pytest.raises(InferenceError, match="nothing is left to sample"):
        rank_calibration(small, fixed=dict(zip(small.parameters.names, small.parameters.init, strict=True)))
    with pytest.raises(ParameterError, match="outside its bounds"):
        rank_calibration(small, fixed={"mu": 11})
    with pytest.raises(InferenceError, match=r"'conjugate.s': no truth can be drawn from a prior on \[0, inf\]"):
        rank_calibration(make(CONJUGATE.replace("[0, 20]", "[0, .inf]")))
    assert npinfer.rank_calibration is rank_calibration
