"""Sampling against posteriors known in closed form."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emcee import EnsembleSampler
from scipy.stats import expon, gamma, norm, uniform

import npinfer
from npinfer import RunOptions, sample
from npinfer.core.result import Posterior
from npinfer.errors import ConfigurationError, InferenceError, ParameterError
from npinfer.inference import mcmc
from npinfer.inference.executor import Interrupted
from npinfer.inference.moves import NormalMove, mixed_moves
from npinfer.likelihood.binned import BinnedLikelihood

HEAD = "schema: npinfer/likelihood/1\nname: {}\nkind: real\nstatus: illustrative\n"
CONSTANT = """\
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [1]}}
samples: {constant: {template: {count: [1]}}, idle: {template: {count: [0]}, scale: [NAMES]}}
"""
NORMAL = (
    HEAD.format("normal")
    + CONSTANT.replace("NAMES", "a")
    + "parameters: {a: {init: 0.3, bounds: [-20, 20], constraint: {normal: {mean: 1.5, sigma: 0.5}}}}\n"
)
SIMPLEX = (
    HEAD.format("simplex")
    + CONSTANT.replace("NAMES", "e, mu")
    + """\
parameters:
  e: {init: 0.2, bounds: [0, 1], simplex: flavour}
  mu: {init: 0.2, bounds: [0, 1], simplex: flavour}
"""
)
POWER = """\
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [COUNT]}}
samples: {signal: {template: {count: [1]}, scale: {g: 2}}}
parameters: {g: {init: 0.7, bounds: [0, 6], prior: {flat_in_power: 2}}}
"""
EMPTY = HEAD.format("empty") + POWER.replace("COUNT", "0")
ONE = HEAD.format("one") + POWER.replace("COUNT", "1")
QUIET = RunOptions(quiet=True)
SHORT: dict[str, Any] = {"n_steps": 500, "n_replicas": 2, "run": QUIET}


def quantiles_agree(posterior: Posterior, name: str, distribution: Any, tolerance: float = 0.03) -> None:
    """The distribution function at the sampled quantiles is their probability."""
    probabilities = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    found = distribution.cdf(posterior.quantiles(name, probabilities))
    np.testing.assert_allclose(found, probabilities, atol=tolerance)


def test_a_normal_constraint_alone(make: Callable[[str], BinnedLikelihood]) -> None:
    posterior = sample(make(NORMAL), **SHORT)
    assert posterior.converged, posterior.why
    assert posterior.samples("a").mean() == pytest.approx(1.5, abs=0.03)
    assert posterior.samples("a").std() == pytest.approx(0.5, rel=0.05)
    quantiles_agree(posterior, "a", norm(1.5, 0.5))
    assert posterior.rhat["normal.a"] < 1.01
    assert posterior.burn_in > 0
    assert posterior.chains.shape == (2, 500 - posterior.burn_in, 32, 1)
    a = posterior.chains[..., 0]
    exact = norm(1.5, 0.5).logpdf(a) - 1 - np.log(40)  # one event where one is expected; flat on 40
    np.testing.assert_allclose(posterior.log_probability, exact, rtol=1e-12)


def test_one_event_is_a_gamma_distribution(counting: BinnedLikelihood) -> None:
    posterior = sample(counting, **SHORT)
    quantiles_agree(posterior, "s", gamma(2.0))
    assert "piles up" not in posterior.why


@pytest.mark.parametrize(("text", "shape"), [(EMPTY, 1.0), (ONE, 2.0)])
def test_a_prior_flat_in_a_power(make: Callable[[str], BinnedLikelihood], text: str, shape: float) -> None:
    """Counts are g², the prior is flat in g²: g² follows the gamma distribution of a flat prior."""
    posterior = sample(make(text), **SHORT)
    assert list(posterior.priors.values()) == ["flat in g**2"]
    probabilities = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    found = gamma(shape).cdf(posterior.quantiles("g", probabilities) ** 2)
    np.testing.assert_allclose(found, probabilities, atol=0.03)


def test_no_event_piles_up_at_the_bound(make: Callable[[str], BinnedLikelihood]) -> None:
    text = EMPTY.replace("{g: 2}", "g").replace("bounds: [0, 6], prior: {flat_in_power: 2}", "bounds: [0, 40]")
    posterior = sample(make(text), **SHORT)
    quantiles_agree(posterior, "g", expon())
    assert posterior.converged
    assert "empty.g piles up at its lower bound 0 (2" in posterior.why
    assert (posterior.chains >= 0).all()


def test_a_simplex_is_filled_uniformly(make: Callable[[str], BinnedLikelihood]) -> None:
    posterior = sample(make(SIMPLEX), **SHORT)
    draws = posterior.draws(["e", "mu"])
    assert draws.sum(axis=1).max() <= 1
    for flat in (1 - (1 - draws[:, 0]) ** 2, draws.sum(axis=1) ** 2, draws[:, 0] / draws.sum(axis=1)):
        np.testing.assert_allclose(np.quantile(flat, [0.1, 0.5, 0.9]), uniform().ppf([0.1, 0.5, 0.9]), atol=0.03)
    assert posterior.priors["simplex.e"] == "flat in e where simplex.e + simplex.mu ≤ 1"


def test_both_minima_are_found(two_minima: BinnedLikelihood) -> None:
    """Replicas that start with other shares of walkers in p < 0 and p > 0 agree in the end: half each."""
    posterior = sample(two_minima, n_steps=500, run=QUIET)
    assert posterior.rhat["two_minima.p"] < 1.02
    assert (posterior.chains > 0).mean() == pytest.approx(0.5, abs=0.06)
    assert np.median(np.abs(posterior.chains)) == pytest.approx(10, abs=0.1)


def test_a_held_parameter(small: BinnedLikelihood) -> None:
    posterior = sample(small, n_steps=60, n_replicas=2, fixed={"coupling": 1.0}, run=QUIET)
    assert "small.coupling" not in posterior.names
    assert posterior.fixed == {"small.coupling": 1.0}
    assert posterior.names == tuple(n for n in small.parameters.names if n != "small.coupling")
    assert not posterior.converged
    assert posterior.description.name == "small"
    assert posterior.provenance.seed == 0
    assert "emcee" in posterior.provenance.versions


def test_derived_quantities_are_those_of_their_samples(hese: BinnedLikelihood, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcmc, "MOST_DERIVED", 300)
    posterior = sample(hese, n_steps=20, n_replicas=2, fixed={"astro_norm": 6.0}, run=QUIET)
    assert posterior.derived_stride > 1
    draws = posterior.draws([*posterior.names, "resonance_events"])
    point = {**dict(zip(posterior.names, draws[7], strict=False)), "astro_norm": 6.0}
    exact = hese.derived(hese.parameters.points(point))["resonance_events"][0]
    assert draws[7, -1] == pytest.approx(exact, rel=1e-12)


def same(a: Posterior, b: Posterior) -> bool:
    return a.chains.tobytes() == b.chains.tobytes() and a.log_probability.tobytes() == b.log_probability.tobytes()


def test_a_seed_gives_the_same_bits_anywhere(small: BinnedLikelihood, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcmc, "BLOCK", 15)
    options = {"n_steps": 40, "n_replicas": 3}
    np.random.seed(1)  # noqa: NPY002
    first = sample(small, **options, run=QUIET)
    np.random.seed(2)  # noqa: NPY002
    assert same(first, sample(small, **options, run=QUIET))
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        assert same(first, sample(small, **options, run=RunOptions(executor=pool, quiet=True)))
    other = sample(small, **options, run=RunOptions(seed=1, quiet=True))
    assert not np.isin(first.chains[..., 0], other.chains[..., 0]).any()
    assert not np.isin(first.chains[0, ..., 0], first.chains[1:, ..., 0]).any()


def test_numpys_global_generator_is_left_alone(small: BinnedLikelihood) -> None:
    before = np.random.get_state()  # noqa: NPY002
    sample(small, n_steps=20, n_replicas=2, run=QUIET)
    after = np.random.get_state()  # noqa: NPY002
    assert before[0] == after[0]
    assert before[2:] == after[2:]
    np.testing.assert_array_equal(before[1], after[1])


class Stops:
    """A task that is interrupted at its n-th call."""

    def __init__(self, at: int) -> None:
        self.__module__, self.__qualname__ = mcmc.advance.__module__, mcmc.advance.__qualname__
        self.at, self.calls = at, 0
        self.advance = mcmc.advance

    def __call__(self, likelihood: Any, chunk: Any) -> Any:
        self.calls += 1
        if self.calls == self.at:
            raise KeyboardInterrupt
        return self.advance(likelihood, chunk)


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Stops]:
    def arrange(at: int) -> Stops:
        task = Stops(at)
        monkeypatch.setattr(mcmc, "advance", task)
        return task

    monkeypatch.setattr(mcmc, "BLOCK", 20)
    return arrange


def test_an_interrupted_run_continues_to_the_same_chains(
    small: BinnedLikelihood, tmp_path: Path, stop_at: Callable[[int], Stops]
) -> None:
    options: dict[str, Any] = {"n_steps": 60, "n_replicas": 2}
    whole = sample(small, **options, run=QUIET)
    run = RunOptions(out=tmp_path, quiet=True)
    stop_at(4)
    part = sample(small, **options, run=run)
    assert not part.complete
    assert not part.converged
    assert part.why.startswith("not converged: sample small, steps 21 to 40 of 60, interrupted after 1 of 2 chunks")
    assert part.burn_in + part.chains.shape[1] == 20
    task = stop_at(0)
    assert same(sample(small, **options, run=run), whole)
    assert task.calls == 3  # of six chunks: three were kept


def test_a_longer_run_continues_a_shorter_one(
    small: BinnedLikelihood, tmp_path: Path, stop_at: Callable[[int], Stops]
) -> None:
    run = RunOptions(out=tmp_path, quiet=True)
    task = stop_at(0)
    sample(small, n_steps=40, n_replicas=2, run=run)
    sample(small, n_steps=60, n_replicas=2, run=run)
    assert task.calls == 6


def test_stopped_before_the_first_block(small: BinnedLikelihood, stop_at: Callable[[int], Stops]) -> None:
    stop_at(2)
    with pytest.raises(Interrupted, match="steps 1 to 20 of 60, interrupted after 1 of 2 chunks"):
        sample(small, n_steps=60, n_replicas=2, run=QUIET)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_walkers": 33}, "n_walkers is an even number of at least 14 here; found 33"),
        ({"n_walkers": 12}, "found 12"),
        ({"n_steps": 19}, "n_steps is at least 20; found 19"),
        ({"n_replicas": 0}, "n_replicas is at least 1"),
    ],
)
def test_numbers_that_are_too_small(small: BinnedLikelihood, options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        sample(small, **options)


def test_questions_that_cannot_be_answered(small: BinnedLikelihood) -> None:
    with pytest.raises(InferenceError, match="nothing is left to sample"):
        sample(small, fixed=dict(zip(small.parameters.names, small.parameters.init, strict=True)))
    with pytest.raises(ParameterError, match="outside its bounds"):
        sample(small, fixed={"mu": 11})


def test_one_replica_does_not_converge(counting: BinnedLikelihood) -> None:
    posterior = sample(counting, n_steps=400, n_replicas=1, run=QUIET)
    assert np.isnan(posterior.rhat["counting.s"])
    assert "R-hat needs at least two replicas" in posterior.why


@pytest.mark.parametrize("moves", [[(m, 1.0)] for m, _ in mixed_moves()] + [mixed_moves(), [(NormalMove(0.8), 1.0)]])
def test_every_move_leaves_a_truncated_normal_as_it_is(moves: list) -> None:
    """Two correlated dimensions, one cut at zero: known mean and variance, whatever the move."""
    rng = np.random.default_rng(3)
    precision = np.linalg.inv([[1.0, 0.6], [0.6, 1.0]])

    def log_density(x: np.ndarray) -> np.ndarray:
        return np.where(x[:, 0] < 0, -np.inf, -0.5 * np.einsum("ni,ij,nj->n", x, precision, x))

    exact = rng.multivariate_normal([0, 0], np.linalg.inv(precision), 200)
    start = np.where(exact[:, :1] < 0, -exact, exact)[:100]  # exact draws: by symmetry
    sampler = EnsembleSampler(100, 2, log_density, moves=moves, vectorize=True)
    sampler.random_state = np.random.MT19937(5).state
    sampler.run_mcmc(start, 800)
    found = sampler.get_chain(flat=True)
    half_mean = np.sqrt(2 / np.pi)
    np.testing.assert_allclose(found.mean(axis=0), [half_mean, 0.6 * half_mean], atol=0.03)
    np.testing.assert_allclose(found.var(axis=0), 1 - np.array([1.0, 0.36]) * 2 / np.pi, rtol=0.06)


@pytest.mark.slow
def test_the_high_energy_starting_events_converge(hese: BinnedLikelihood) -> None:
    posterior = sample(hese, run=QUIET)
    assert posterior.converged, posterior.why
    assert max(posterior.rhat.values()) < 1.01
    assert min(posterior.ess.values()) > 1000
    assert "f_nuebar piles up at its lower bound 0" in posterior.why
    assert npinfer.sample is sample
