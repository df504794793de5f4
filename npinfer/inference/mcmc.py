"""sample: the posterior density by ensembles of walkers.

Replicas are ensembles that start on their own. Their steps are taken in blocks of BLOCK: a block of all replicas is one
round of chunks, and starts where the block before it ended. So replicas run side by side on any executor, finished
blocks are kept on disk, and a longer run of the same seed continues from those of a shorter one. The random numbers of
a block are seeded by its replica and its number; numpy's global generator is left alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import emcee
import numpy as np

from npinfer.core.provenance import Provenance
from npinfer.core.result import Posterior, Quantity
from npinfer.errors import ConfigurationError, InferenceError
from npinfer.inference.diagnostics import WINDOW, autocorrelation_time, diagnose, pile_up, verdict
from npinfer.inference.executor import Arrays, Interrupted, RunOptions, run_chunks
from npinfer.inference.fit import full_names
from npinfer.inference.minimise import free_mask
from npinfer.inference.moves import mixed_moves
from npinfer.inference.starts import LogPosterior, draw_starts, find_modes
from npinfer.threads import one_blas_thread

BLOCK = 250  # steps between two checkpoints
WALKERS_A_PARAMETER, FEWEST_WALKERS = 8, 32
MOST_DERIVED = 40_000  # samples of derived quantities that are kept
POINTS = 2048  # evaluated together


@dataclass(frozen=True)
class Problem:
    """A density with the parameters that are free, (parameters,), and the values of the others in `base`."""

    likelihood: Any
    base: np.ndarray
    free: np.ndarray
    fixed: Mapping[str, float]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(n for n, f in zip(self.likelihood.parameters.names, self.free, strict=True) if f)


@dataclass(frozen=True)
class Chains:
    """What walkers did: positions (replica, step, walker, free), ln posterior (replica, step, walker), accepted share.

    message: how the work was interrupted, if it was.
    """

    positions: np.ndarray
    log_probability: np.ndarray
    acceptance: float
    message: str


def sample(
    likelihood: Any,
    *,
    n_walkers: int | None = None,
    n_steps: int = 1300,
    n_replicas: int = 4,
    fixed: Mapping[str, float] | None = None,
    run: RunOptions = RunOptions(),
) -> Posterior:
    """Sample likelihood times prior over the free parameters.

    n_walkers: of each ensemble, an even number of at least twice the free parameters, by default eight times
    as many; n_steps: of each walker, burn-in included; n_replicas: ensembles that start on their own; fixed: values of
    parameters that are held. The burn-in that is left out is five autocorrelation times. Raises ParameterError for a
    value outside its bounds, ConfigurationError for numbers that are too small, InferenceError where nothing is free
    or the data are impossible, Interrupted on Ctrl-C before the first block of steps is done.
    """
    fixed = full_names(likelihood, fixed)
    free = free_mask(likelihood, fixed)
    if not free.any():
        raise InferenceError(f"{likelihood.name}: every parameter is fixed; nothing is left to sample")
    if n_walkers is None:
        n_walkers = max(WALKERS_A_PARAMETER * int(free.sum()), FEWEST_WALKERS)
    _check(n_walkers, n_steps, n_replicas, int(free.sum()))
    problem = Problem(likelihood, likelihood.parameters.vector(fixed), free, fixed)
    chains = _walk(problem, _starts(problem, n_walkers, n_replicas, run.seed), n_steps, run)
    return _posterior(problem, chains, run.seed)


def _check(n_walkers: int, n_steps: int, n_replicas: int, free: int) -> None:
    if n_walkers < 2 * free or n_walkers < 8 or n_walkers % 2:
        least = max(2 * free, 8)
        raise ConfigurationError(f"n_walkers is an even number of at least {least} here; found {n_walkers}")
    if n_steps < 20:
        raise ConfigurationError(f"n_steps is at least 20; found {n_steps}")
    if n_replicas < 1:
        raise ConfigurationError(f"n_replicas is at least 1, and 2 for R-hat; found {n_replicas}")


def _starts(problem: Problem, walkers: int, replicas: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Positions and ln posterior of every replica's walkers before the first step."""
    with one_blas_thread():
        modes = find_modes(problem.likelihood, problem.fixed, problem.free)
        density = LogPosterior(problem.likelihood, problem.base, problem.free)
        seeds = np.random.SeedSequence(seed).spawn(replicas)
        return [draw_starts(density, modes, walkers, np.random.default_rng(s)) for s in seeds]


def _walk(problem: Problem, states: list[tuple[np.ndarray, np.ndarray]], n_steps: int, run: RunOptions) -> Chains:
    """Block after block, until all steps are taken or the user stops the work; raises Interrupted in the first."""
    blocks: list[list[Arrays]] = []
    message = ""
    for first in range(0, n_steps, BLOCK):
        steps = min(BLOCK, n_steps - first)
        chunks = [_chunk(problem, state, steps, (run.seed, r, len(blocks))) for r, state in enumerate(states)]
        label = f"sample {problem.likelihood.name}, steps {first + 1} to {first + steps} of {n_steps},"
        try:
            blocks.append(run_chunks(advance, problem.likelihood, chunks, run, label))
        except Interrupted as stopped:
            if not blocks:
                raise
            message = str(stopped)
            break
        states = [(done["positions"][-1], done["log_probability"][-1]) for done in blocks[-1]]
    joined = {
        key: np.stack([np.concatenate([block[r][key] for block in blocks]) for r in range(len(states))])
        for key in ("positions", "log_probability")
    }
    accepted = sum(float(done["accepted"]) for block in blocks for done in block)
    return Chains(**joined, acceptance=accepted / joined["log_probability"].size, message=message)


def _chunk(problem: Problem, state: tuple[np.ndarray, np.ndarray], steps: int, at: tuple[int, int, int]) -> Arrays:
    seed, replica, block = at
    return {
        "positions": state[0],
        "log_probability": state[1],
        "base": problem.base,
        "free": problem.free,
        "steps": np.array(steps),
        "seed": np.random.SeedSequence(seed, spawn_key=(replica, block)).generate_state(8),
        "sampler": np.array(emcee.__version__),
    }


def advance(likelihood: Any, chunk: Arrays) -> Arrays:
    """The steps of one replica in one block, from where its walkers are."""
    density = LogPosterior(likelihood, chunk["base"], chunk["free"].astype(bool))
    walkers, dimensions = chunk["positions"].shape
    sampler = emcee.EnsembleSampler(walkers, dimensions, density, moves=mixed_moves(), vectorize=True)
    numbers = np.random.MT19937(chunk["seed"].tolist()).state
    state = emcee.State(chunk["positions"], log_prob=chunk["log_probability"], random_state=numbers)
    sampler.run_mcmc(state, int(chunk["steps"]), skip_initial_state_check=True)
    return {
        "positions": sampler.get_chain(),
        "log_probability": sampler.get_log_prob(),
        "accepted": np.array(sampler.backend.accepted.sum()),
    }


def _burn_in(positions: np.ndarray) -> int:
    """Five autocorrelation times of the slowest parameter, measured on the second half; at most that half."""
    half = positions.shape[1] // 2
    times = [autocorrelation_time(positions[:, half:, :, i]) for i in range(positions.shape[3])]
    longest = max((t for t in times if not math.isnan(t)), default=0.0)
    return min(math.ceil(WINDOW * longest), half)


def _posterior(problem: Problem, chains: Chains, seed: int) -> Posterior:
    likelihood, names = problem.likelihood, problem.names
    burn_in = _burn_in(chains.positions)
    kept = chains.positions[:, burn_in:]
    found = {n: diagnose(kept[..., i]) for i, n in enumerate(names)}
    converged, why = verdict(found, *kept.shape[:2], chains.message)
    piles = [pile_up(n, kept[..., i], likelihood.parameters[n].bounds) for i, n in enumerate(names)]
    derived, stride = _derived(problem, kept)
    quantities = {n: Quantity.of(likelihood.parameters[n]) for n in likelihood.parameters.names}
    provenance = Provenance.record(likelihood.description, seed=seed)
    held = zip(likelihood.parameters.names, problem.base.tolist(), problem.free, strict=True)
    return Posterior(
        description=likelihood.description,
        provenance=replace(provenance, versions={**provenance.versions, "emcee": emcee.__version__}),
        names=names,
        quantities=quantities | {n: Quantity(n, label=likelihood.model.derived[n].label) for n in derived},
        chains=kept,
        log_probability=chains.log_probability[:, burn_in:],
        derived=derived,
        derived_stride=stride,
        fixed={n: v for n, v, is_free in held if not is_free},
        priors=measures(problem),
        rhat={n: d.rhat for n, d in found.items()},
        ess={n: d.ess for n, d in found.items()},
        ess_tail={n: d.ess_tail for n, d in found.items()},
        autocorrelation_time={n: d.autocorrelation_time for n, d in found.items()},
        acceptance=chains.acceptance,
        burn_in=burn_in,
        converged=converged,
        why="; ".join([why, *filter(None, piles)]),
        data_kind=likelihood.data.kind,
        message=chains.message,
    )


def _derived(problem: Problem, kept: np.ndarray) -> tuple[dict[str, np.ndarray], int]:
    """Derived quantities at every so many steps, each (replica, thinned step, walker), and how many steps that is."""
    stride = max(1, math.ceil(kept[..., 0].size / MOST_DERIVED))
    thinned = kept[:, ::stride]
    density = LogPosterior(problem.likelihood, problem.base, problem.free)
    points = density.points(thinned.reshape(-1, kept.shape[-1]))
    parts = [problem.likelihood.derived(points[i : i + POINTS]) for i in range(0, len(points), POINTS)]
    names = [n for n in parts[0] if n not in problem.likelihood.parameters.names]
    return {n: np.concatenate([p[n] for p in parts]).reshape(thinned.shape[:3]) for n in names}, stride


def measures(problem: Problem) -> dict[str, str]:
    """The priors in words, by parameter."""
    parameters = problem.likelihood.parameters
    said = {n: parameters[n].prior.measure(n.rpartition(".")[2]) for n in problem.names}
    for group in parameters.simplexes():
        members = [parameters.names[i] for i in group]
        for name in members:
            if name in said:
                said[name] += f" where {' + '.join(members)} ≤ 1"
    return said
