"""toys: data drawn from a likelihood and fitted again, many at once."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from npinfer.core.provenance import Provenance
from npinfer.core.result import Quantity, ToyEnsemble
from npinfer.errors import ConfigurationError, InferenceError, ParameterError
from npinfer.inference.executor import Arrays, Interrupted, RunOptions, run_chunks
from npinfer.inference.fit import best_fit, full_names
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.minima import Minima
from npinfer.inference.minimise import free_mask, minimise, start_points

TOYS_PER_CHUNK = 200
OPTIONS = FitOptions()


def toys(
    likelihood: Any,
    n: int,
    *,
    at: Mapping[str, float] | None = None,
    fixed: Mapping[str, float] | None = None,
    run: RunOptions = RunOptions(),
) -> ToyEnsemble:
    """Draw n toys and fit each of them.

    at: values of the truth; the other parameters have theirs at the best fit to the data with these held. fixed:
    parameters held in the truth and in the fits. Counts and auxiliary data fluctuate. A toy whose fit fails is kept,
    counted and named. Raises ParameterError, ConfigurationError, InferenceError, Interrupted on Ctrl-C before the
    first toys are done.

    >>> from npinfer import load
    >>> ensemble = toys(load("icecube_pepe"), 50, fixed={"astro_norm": 4.98, "astro_gamma": 2.53})
    >>> len(ensemble), int(ensemble.failed.sum())
    (50, 0)
    """
    n, fixed = check_toys(n, run), full_names(likelihood, fixed)
    truth = toy_truth(likelihood, at, fixed)
    (fits,), message = run_toys(likelihood, [ToyPlan(truth, (fixed,))], n, run, stream="toys")
    names = likelihood.parameters.names
    free = free_mask(likelihood, fixed)
    return ToyEnsemble(
        description=likelihood.description,
        provenance=Provenance.record(likelihood.description, seed=run.seed),
        quantities={p.name: Quantity.of(p) for p in likelihood.parameters},
        names=names,
        truth=dict(zip(names, truth.tolist(), strict=True)),
        fixed=tuple(name for name, is_free in zip(names, free, strict=True) if not is_free),
        values=fits.points[:, 0],
        twice_nll=2 * fits.nll[:, 0],
        saturated=-2 * fits.saturated,
        edm=fits.edm[:, 0],
        failed=fits.failed[:, 0].astype(float),
        seeds=(run.seed,),
        data_kind=f"toys of {likelihood.data.kind}",
        message=message,
    )


def toy_truth(likelihood: Any, at: Mapping[str, float] | None, fixed: Mapping[str, float]) -> np.ndarray:
    """The truth of toys, (parameters,): `at` and `fixed` held, the rest at the best fit to the data with them."""
    at = full_names(likelihood, at)
    if both := sorted(name for name in at if name in fixed and at[name] != fixed[name]):
        raise ParameterError(f"parameter {both[0]!r} is both in at and fixed, with other values; drop one of the two")
    minima, _ = best_fit(likelihood, {**fixed, **at}, None, OPTIONS)
    point: np.ndarray = minima.points[0]
    return point


@dataclass(frozen=True)
class ToyPlan:
    """Toys with one truth, and the hypotheses that each of them is fitted under.

    truth: of every parameter, (parameters,); held: for each hypothesis {full name: value} of the parameters it holds,
    {} for the global fit. A hypothesis that holds less than one before it starts from the other's minimum too: put
    the global fit last. points: whether the minima are kept, which takes the most memory.
    """

    truth: np.ndarray
    held: tuple[Mapping[str, float], ...] = ({},)
    points: bool = True


@dataclass(frozen=True)
class ToyFits:
    """The fits of all toys of one plan.

    nll: −ln density at the minimum, (toys, hypotheses), +inf where a toy has probability zero; points: the minima,
    (toys, hypotheses, parameters), or without parameters where they were not wanted; edm: estimated distances to them
    and failed: whether a fit did not converge, both (toys, hypotheses); saturated: ln density of the saturated model,
    (toys,).
    """

    nll: np.ndarray
    points: np.ndarray
    edm: np.ndarray
    failed: np.ndarray
    saturated: np.ndarray

    def __len__(self) -> int:
        return len(self.nll)

    def statistic(self, tested: int = 0, against: int = -1) -> np.ndarray:
        """2 (nll tested − nll against), not below 0, (toys,): for nested hypotheses, given by their positions.

        Infinite where a toy has probability zero under the tested one alone, 0 where under both.
        """
        high, low = self.nll[:, tested], self.nll[:, against]
        both = np.isinf(high) & np.isinf(low)
        difference = np.subtract(high, low, out=np.zeros_like(high), where=~both)
        return np.maximum(2 * difference, 0.0)


def check_toys(n_toys: Any, run: RunOptions, least: int = 1) -> int:
    """The number of toys if it is a whole number and the seed is; raises ConfigurationError."""
    if not isinstance(n_toys, (int, np.integer)) or n_toys < least:
        raise ConfigurationError(f"n_toys is a whole number, {least} or more; found {n_toys!r}")
    if run.seed < 0:
        raise ConfigurationError(f"the seed is a whole number, 0 or more; found {run.seed!r}")
    return int(n_toys)


def run_toys(
    likelihood: Any, plans: Sequence[ToyPlan], n_toys: int, run: RunOptions, *, stream: str
) -> tuple[list[ToyFits], str]:
    """Draw n_toys of every plan with the auxiliary data fluctuated, and fit them under its hypotheses.

    stream: names the use of the toys; other names have independent random numbers. Gives one ToyFits a plan, and a
    message that says why there are fewer toys than asked for, or "". Raises Interrupted where a plan has no toy.
    """
    tasks = [
        (i, _chunk(plan, min(TOYS_PER_CHUNK, n_toys - first), (zlib.crc32(stream.encode()), i, first), run.seed))
        for i, plan in enumerate(plans)
        for first in range(0, n_toys, TOYS_PER_CHUNK)
    ]
    message = ""
    try:
        parts = dict(enumerate(run_chunks(toy_chunk, likelihood, [c for _, c in tasks], run, stream)))
    except Interrupted as stopped:
        if len({tasks[j][0] for j in stopped.done}) < len(plans):
            raise
        parts, message = dict(stopped.done), str(stopped)
    return [_joined([parts[j] for j in sorted(parts) if tasks[j][0] == i]) for i in range(len(plans))], message


def _chunk(plan: ToyPlan, n: int, key: tuple[int, ...], seed: int) -> dict[str, np.ndarray]:
    """One chunk of work as arrays; names of held parameters travel as text."""
    names = sorted({name for held in plan.held for name in held})
    return {
        "truth": plan.truth,
        "toys": np.array(n),
        "points": np.array(plan.points),
        "seed": np.random.SeedSequence(seed, spawn_key=key).generate_state(4),
        "names": np.array(names, dtype=str),
        "held": np.array([[held.get(n, np.nan) for n in names] for held in plan.held]).reshape(len(plan.held), -1),
    }


def toy_chunk(likelihood: Any, chunk: Arrays) -> Arrays:
    """Draw the toys of one chunk and fit them under its hypotheses: the fields of ToyFits."""
    n, truth = int(chunk["toys"]), chunk["truth"]
    data = likelihood.toy(np.tile(truth, (n, 1)), np.random.default_rng(chunk["seed"]))
    packed = likelihood.pack(data)
    names = [str(name) for name in chunk["names"]]
    held = [{n: float(v) for n, v in zip(names, row, strict=True) if not np.isnan(v)} for row in chunk["held"]]
    found = fit_hypotheses(likelihood, packed, truth, held)
    points = np.stack([m.points for m in found], axis=1)
    return {
        "nll": np.stack([m.nll for m in found], axis=1),
        "points": points if bool(chunk["points"]) else points[:, :, :0],
        "edm": np.stack([m.edm for m in found], axis=1),
        "failed": np.stack([np.isfinite(m.nll) & ~m.valid for m in found], axis=1),
        "saturated": np.atleast_1d(likelihood.saturated(packed)),
    }


def fit_hypotheses(
    likelihood: Any, packed: Any, start: np.ndarray, held: Sequence[Mapping[str, float]]
) -> list[Minima]:
    """The minima of many data sets under several hypotheses, each from `start` and the parameters' further starts."""
    found: list[Minima] = []
    for i, values in enumerate(held):
        nested = [found[j] for j in range(i) if values.items() <= held[j].items()]
        found.append(_fit(likelihood, packed, start, values, nested))
    return found


def _fit(
    likelihood: Any, packed: Any, start: np.ndarray, held: Mapping[str, float], nested: Sequence[Minima]
) -> Minima:
    n, parameters = len(packed), likelihood.parameters
    free = free_mask(likelihood, held)
    base = start.copy()
    base[[parameters.index(name) for name in held]] = list(held.values())
    further = start_points(likelihood, base, free, OPTIONS)
    alone = np.tile(base, (n, 1))
    first = [np.where(np.isfinite(m.nll)[:, None], m.points, alone) for m in nested] or [alone]
    starts = [*first, *(np.tile(point, (n, 1)) for point in further[1:])]
    try:
        return minimise(likelihood, packed, [parameters.shrink(s, free) for s in starts], free, OPTIONS)
    except InferenceError:  # all have probability zero
        return Minima(np.tile(base, (n, 1)), np.full(n, np.inf), np.zeros(n), np.zeros(n, dtype=bool))


def _joined(parts: Sequence[Arrays]) -> ToyFits:
    joined = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return ToyFits(**{**joined, "failed": joined["failed"].astype(bool)})
