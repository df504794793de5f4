"""rank_calibration: whether the sampler finds posteriors as they are, in data with known truths.

Simulation-based calibration (Talts et al. 2018, arXiv:1804.06788). A truth drawn from the priors and data drawn from
the likelihood at that truth are one draw of their joint density. So the truth is one more draw of the posterior of
these data, and its rank among others is uniform: for every parameter, and for functions of parameters and data such
as the likelihood, which see faults that no parameter alone shows (Modrák et al. 2023, arXiv:2211.02383).

The sampler is `sample` itself, one data set after another: a faster one for many data sets together would calibrate
other code than the one that is used.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import emcee
import numpy as np

from npinfer.core.dataset import Dataset
from npinfer.core.parameter import Parameter
from npinfer.core.provenance import Provenance
from npinfer.core.result import Posterior, Quantity, RankCalibration, Uniformity
from npinfer.core.result.rank_calibration import LN_LIKELIHOOD
from npinfer.errors import ConfigurationError, InferenceError
from npinfer.inference.executor import Arrays, Interrupted, RunOptions, run_chunks
from npinfer.inference.fit import full_names
from npinfer.inference.mcmc import BLOCK, Problem, measures, sample
from npinfer.inference.minimise import free_mask

DRAWS_PER_CHUNK = 5
FEWEST_DRAWS = 20
N_RANKS = (10, 1000)  # the fewest and the most
REPLICAS = 2
BLOCKS = (1, 2, 4, 6, 8, 12, 16)  # of BLOCK steps: chains that have not converged are made longer
CANDIDATES = 10_000  # draws of the priors, of which the first that lies within all simplexes is the truth


def rank_calibration(
    likelihood: Any,
    *,
    n_draws: int = 200,
    n_ranks: int = 100,
    fixed: Mapping[str, float] | None = None,
    run: RunOptions = RunOptions(),
) -> RankCalibration:
    """Sample the posteriors of simulated data, and rank their truths among the samples.

    n_draws: truths drawn from the declared priors, each with data and auxiliary data of its own; n_ranks: how many
    ranks a truth can have, one more than the nearly independent posterior draws it is compared with; fixed: values of
    parameters that are held, in the truths too. The data of the likelihood do not enter. Raises ConfigurationError
    for numbers that are too small, ParameterError for a value outside its bounds, InferenceError where nothing is
    free or a prior is not proper, Interrupted on Ctrl-C before the first data sets are done.
    """
    fixed = full_names(likelihood, fixed)
    problem = Problem(likelihood, likelihood.parameters.vector(fixed), free_mask(likelihood, fixed), fixed)
    _check(problem, n_draws, n_ranks, run.seed)
    seeds = [_seed(run.seed, i) for i in range(n_draws)]
    same = {"base": problem.base, "free": problem.free, "n_ranks": np.array(n_ranks), "sampler": _sampler()}
    chunks = [{**same, "seeds": np.array(seeds[i : i + DRAWS_PER_CHUNK])} for i in range(0, n_draws, DRAWS_PER_CHUNK)]
    message = ""
    try:
        parts = run_chunks(rank_chunk, likelihood, chunks, run, f"rank calibration of {likelihood.name}")
    except Interrupted as stopped:
        if not stopped.done:
            raise
        parts, message = [stopped.done[i] for i in sorted(stopped.done)], str(stopped)
    return _calibration(problem, parts, n_ranks, run.seed, message)


def _check(problem: Problem, n_draws: int, n_ranks: int, seed: int) -> None:
    for name, value, least in (("n_draws", n_draws, FEWEST_DRAWS), ("n_ranks", n_ranks, N_RANKS[0]), ("seed", seed, 0)):
        if not isinstance(value, (int, np.integer)) or value < least:
            raise ConfigurationError(f"{name} is a whole number, {least} or more; found {value!r}")
    if n_ranks > N_RANKS[1]:
        raise ConfigurationError(f"n_ranks is at most {N_RANKS[1]}; found {n_ranks}")
    likelihood = problem.likelihood
    if not problem.names:
        raise InferenceError(f"{likelihood.name}: every parameter is fixed; nothing is left to sample")
    for name in problem.names:
        low, high = likelihood.parameters[name].bounds
        if not np.isfinite([low, high]).all():
            raise InferenceError(
                f"parameter {name!r}: no truth can be drawn from a prior on [{low:g}, {high:g}]; "
                "give it finite bounds or fix it"
            )


def _seed(seed: int, draw: int) -> np.ndarray:
    """Of one data set and its chains, whichever chunk they are in."""
    return np.random.SeedSequence(seed, spawn_key=(zlib.crc32(b"rank calibration"), draw)).generate_state(4)


def _sampler() -> np.ndarray:
    """What else the chains depend on."""
    return np.array([emcee.__version__, str(REPLICAS), str(BLOCKS)])


def rank_chunk(likelihood: Any, chunk: Arrays) -> Arrays:
    """The truths, ranks and convergence of the data sets of one chunk that could be sampled, and how many could not."""
    free, base = chunk["free"].astype(bool), chunk["base"]
    held = {n: float(v) for n, v, f in zip(likelihood.parameters.names, base, free, strict=True) if not f}
    problem = Problem(likelihood, base, free, held)
    n_ranks, size = int(chunk["n_ranks"]), int(free.sum())
    found = [_draw(problem, n_ranks, np.random.default_rng(seed)) for seed in chunk["seeds"]]
    kept = [one for one in found if one is not None]
    return {
        "truths": np.array([truth[free] for truth, _, _ in kept]).reshape(-1, size),
        "ranks": np.array([ranks for _, ranks, _ in kept]).reshape(-1, size + 1),
        "converged": np.array([converged for _, _, converged in kept], dtype=float),
        "lost": np.array(len(found) - len(kept)),
    }


def _draw(problem: Problem, n_ranks: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, bool] | None:
    """A truth (parameters,), its ranks (free + 1,) in its posterior and whether the chains converged.

    None where the data have probability zero wherever a chain could start.
    """
    truth = draw_truth(problem, rng)
    data = problem.likelihood.toy(truth, rng)
    try:
        posterior = posterior_of(problem, data, int(rng.integers(2**62)))
    except InferenceError:
        return None
    points = np.tile(truth, (n_ranks, 1))  # the truth and n_ranks − 1 draws
    points[1:, problem.free] = thinned(posterior, n_ranks - 1, rng)
    density = problem.likelihood.logpdf(points, data)
    return truth, ranks_of(np.column_stack([points[:, problem.free], density]), rng), posterior.converged


def draw_truth(problem: Problem, rng: np.random.Generator) -> np.ndarray:
    """A draw of the declared priors, (parameters,); raises InferenceError where simplexes leave no room."""
    parameters = problem.likelihood.parameters
    points = np.tile(problem.base, (CANDIDATES, 1))
    for i in np.flatnonzero(problem.free):
        points[:, i] = _prior_draws(parameters[int(i)], rng.random(CANDIDATES))
    allowed = np.flatnonzero(parameters.allowed(points))
    if not len(allowed):
        raise InferenceError(
            f"{problem.likelihood.name}: none of {CANDIDATES} draws of the priors keeps the sums of fractions below 1; "
            "fix other values"
        )
    return np.asarray(points[allowed[0]])


def _prior_draws(parameter: Parameter, share: np.ndarray) -> np.ndarray:
    """Values below which the prior has the probability `share`, of its shape."""
    (low, high), power = parameter.bounds, parameter.prior.power
    if power == 0:
        values = low * (high / low) ** share
    else:
        values = (low**power + share * (high**power - low**power)) ** (1.0 / power)
    return np.clip(values, low, high)


def posterior_of(problem: Problem, data: Dataset, seed: int) -> Posterior:
    """The sampled posterior of one data set, with chains made longer until they converge or are as long as allowed.

    Raises InferenceError where chains have no start, KeyboardInterrupt on Ctrl-C.
    """
    target = problem.likelihood.with_data(data)
    with TemporaryDirectory() as kept:  # longer chains continue shorter ones
        run = RunOptions(seed=seed, out=Path(kept), quiet=True)
        for blocks in BLOCKS:
            try:
                posterior = sample(target, n_steps=blocks * BLOCK, n_replicas=REPLICAS, fixed=problem.fixed, run=run)
            except Interrupted:
                raise KeyboardInterrupt from None
            if not posterior.complete:
                raise KeyboardInterrupt
            if posterior.converged:
                break
    return posterior


def thinned(posterior: Posterior, n: int, rng: np.random.Generator) -> np.ndarray:
    """n nearly independent draws, (n, free): of steps that lie an autocorrelation time apart, at random.

    Where chains are too short for that, steps lie as far apart as leaves n draws.
    """
    chains = posterior.chains
    times = [t for t in posterior.autocorrelation_time.values() if not math.isnan(t)]
    widest = chains[..., 0].size // n
    stride = min(math.ceil(max(times, default=1.0)), widest)
    draws = chains[:, ::stride].reshape(-1, chains.shape[-1])
    return np.asarray(rng.permutation(draws)[:n])


def ranks_of(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The rank of the first row of (1 + draws, quantities) among the others, (quantities,); ties fall at random."""
    truth, draws = values[0], values[1:]
    return (draws < truth).sum(axis=0) + rng.integers(0, (draws == truth).sum(axis=0) + 1)


def _calibration(problem: Problem, parts: Sequence[Arrays], n_ranks: int, seed: int, message: str) -> RankCalibration:
    likelihood, description = problem.likelihood, problem.likelihood.description
    ranks, truths, converged = (np.concatenate([p[key] for p in parts]) for key in ("ranks", "truths", "converged"))
    lost = sum(int(part["lost"]) for part in parts)
    if not len(ranks):
        raise InferenceError(f"{likelihood.name}: none of {lost} simulated data sets could be sampled; narrow bounds")
    names = (*problem.names, LN_LIKELIHOOD)
    provenance = Provenance.record(description, seed=seed)
    return RankCalibration(
        description=description,
        provenance=replace(provenance, versions={**provenance.versions, "emcee": emcee.__version__}),
        names=names,
        quantities={n: Quantity.of(likelihood.parameters[n]) for n in problem.names},
        n_ranks=n_ranks,
        ranks=ranks,
        truths=truths,
        converged=tuple((converged > 0).tolist()),
        tests={n: Uniformity.of(column, n_ranks) for n, column in zip(names, ranks.T, strict=True)},
        priors=measures(problem),
        fixed=dict(problem.fixed),
        lost=lost,
        message=message,
    )
