"""compare: discrete models told apart by toys of each, fitted under all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from npinfer.core.dataset import Dataset
from npinfer.core.provenance import Description, Provenance, digest
from npinfer.core.result.comparison import ComparedModel, Comparison, Expectation, Pair
from npinfer.core.result.tail import TIE, Tail, quantiles
from npinfer.errors import ConfigurationError, DataError, InferenceError, ParameterError, refuse_name, unknown
from npinfer.inference.executor import Arrays, Interrupted, RunOptions, run_chunks
from npinfer.inference.fit import best_fit, full_names
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.minimise import minimise, start_points

TOYS_PER_CHUNK = 100
OPTIONS = FitOptions()


def compare(
    likelihood: Any,
    models: Mapping[str, Mapping[str, Any]],
    *,
    n_toys: int = 1000,
    data: Dataset | None = None,
    run: RunOptions = RunOptions(),
) -> Comparison:
    """Tell discrete models apart that need not be nested.

    models: {name: settings}, where a setting holds a parameter at a value or changes a configuration of the
    likelihood. All see the same data. The test statistic of each pair is −2 ln of the ratio of their maxima; n_toys
    toys of each model, drawn at its best fit to the data with the auxiliary data fluctuated, are fitted under all
    models: n_toys = 0 gives the test statistic alone. On Ctrl-C the comparison is made of the toys that are done, and
    its message says so. Raises ConfigurationError, ParameterError, InferenceError, Interrupted.

    >>> from npinfer import load
    >>> found = compare(load("icecube_hese"), {"pp": {"f_nuebar": 0.1674}, "pgamma": {"f_nuebar": 0.0753}}, n_toys=0)
    >>> found.best.name, round(found.pair("pp", "pgamma").t, 2)
    ('pgamma', 0.44)
    """
    refuse_name(likelihood)
    if len(models) < 2:
        raise ConfigurationError(f"a comparison needs at least two models; found {', '.join(models) or 'none'}")
    if not isinstance(n_toys, (int, np.integer)) or n_toys < 0:
        raise ConfigurationError(f"n_toys is a whole number, 0 or more; found {n_toys!r}")
    if run.seed < 0:
        raise ConfigurationError(f"the seed is a whole number, 0 or more; found {run.seed!r}")
    base = likelihood if data is None else likelihood.with_data(data)
    contestants = [_contestant(base, name, settings) for name, settings in models.items()]
    _check_same_data(contestants)
    contest = Contest(tuple(c.likelihood for c in contestants))
    chunks = _chunks(contestants, int(n_toys), run.seed)
    label, message = f"compare {', '.join(models)}", ""
    try:
        parts = dict(enumerate(run_chunks(fit_toys, contest, chunks, run, label))) if chunks else {}
    except Interrupted as stopped:
        if {i % len(models) for i in stopped.done} != set(range(len(models))):
            raise
        parts, message = dict(stopped.done), str(stopped)
    return _comparison(base, contestants, parts, run.seed, message)


# ---- the models


@dataclass(frozen=True)
class _Contestant:
    """A model: its likelihood, the parameters it holds, and its best fit to the data with `free` parameters."""

    name: str
    settings: str
    likelihood: Any
    point: np.ndarray
    free: np.ndarray
    nll: float
    message: str


def _contestant(base: Any, name: str, settings: Mapping[str, Any]) -> _Contestant:
    """A model bound to the data and fitted to them."""
    changed = {k: v for k, v in settings.items() if k in base.configuration}
    held = {k: v for k, v in settings.items() if k not in changed}
    likelihood = _configured(base, name, changed) if changed else base
    full = likelihood.parameters.names
    short = [n.rsplit(".", 1)[-1] for n in full]
    for key in held:
        if key not in (*full, *short):
            raise ParameterError(
                unknown("parameter or configuration", key, [*short, *base.configuration], f"model {name!r}")
            )
    fixed = full_names(likelihood, held)
    try:
        minima, free = best_fit(likelihood, fixed, None, OPTIONS)
    except InferenceError as error:
        raise InferenceError(f"model {name!r}: {error}") from None
    said = [f"{k} = {likelihood.configuration[k]}" for k in changed]
    said += [f"{k} = {v:.6g}" for k, v in zip(held, fixed.values(), strict=True)]
    message = "" if minima.valid[0] else f"its fit to the data did not converge (EDM {minima.edm[0]:.1e})"
    words = ", ".join(said) or "no parameter held"
    return _Contestant(name, words, likelihood, minima.points[0], free, float(minima.nll[0]), message)


def _configured(base: Any, name: str, changed: Mapping[str, Any]) -> Any:
    """The likelihood in another configuration, against the same data; raises InferenceError where they do not fit."""
    likelihood = base.configure(**changed)
    if [(c.name, c.axes) for c in likelihood.channels] != [(c.name, c.axes) for c in base.channels]:
        raise InferenceError(
            f"model {name!r} changes the channels or bins of {base.name}: a likelihood ratio needs the same data"
        )
    try:
        return likelihood.with_data(base.data)
    except DataError as error:
        raise InferenceError(
            f"model {name!r}: {error}; the data were made in another configuration, load the likelihood in this one"
        ) from None


def _check_same_data(contestants: Sequence[_Contestant]) -> None:
    """Raise InferenceError unless all models give a probability to the same auxiliary data."""
    first = contestants[0]
    for other in contestants[1:]:
        one, two, why = first.likelihood, other.likelihood, ""
        if one.constraints.auxiliary_names != two.constraints.auxiliary_names:
            odd = sorted(set(one.constraints.auxiliary_names) ^ set(two.constraints.auxiliary_names))
            why = f"only one of them has auxiliary data for {', '.join(odd)}"
        elif not np.array_equal(one.pack(None).auxiliary, two.pack(None).auxiliary):
            why = "their auxiliary data were measured differently"
        if why:
            raise InferenceError(
                f"{first.name} and {other.name} cannot be compared: {why}, and a likelihood ratio needs the same data "
                "under both; change settings that keep them"
            )


class Contest:
    """The likelihoods of all models as one thing that travels to a worker; those that are the same travel once."""

    def __init__(self, likelihoods: tuple[Any, ...]) -> None:
        self.likelihoods = likelihoods

    @cached_property
    def description(self) -> Description:
        """That of the first, with the digests of all."""
        digests = [dict(lh.description.digests) for lh in self.likelihoods]
        return replace(self.likelihoods[0].description, digests={"models": digest(digests)})

    def pack(self, data: Dataset | None) -> Any:
        """The data that all share, as matrices."""
        return self.likelihoods[0].pack(data)

    def recipe(self) -> ContestRecipe:
        """How to build the likelihoods in another process."""
        distinct = list({id(lh): lh for lh in self.likelihoods}.values())
        which = tuple(next(i for i, d in enumerate(distinct) if d is lh) for lh in self.likelihoods)
        packed = self.pack(None)
        key = digest([dict(self.description.digests), packed.counts.tolist(), packed.auxiliary.tolist()])
        return ContestRecipe(key, which, tuple(lh.recipe() for lh in distinct))


@dataclass(frozen=True)
class ContestRecipe:
    """Recipes of the distinct likelihoods; equal ones have the same key, so that a worker builds them once."""

    key: str
    which: tuple[int, ...]
    recipes: tuple[Any, ...] = field(compare=False)

    def build(self) -> Contest:
        """The likelihoods, built here; raises DataError if their files have changed."""
        built = [recipe.build() for recipe in self.recipes]
        return Contest(tuple(built[i] for i in self.which))


# ---- toys


def _chunks(contestants: Sequence[_Contestant], n_toys: int, seed: int) -> list[dict[str, np.ndarray]]:
    """Toys of every model in turn, a few at a time, with the start points of their fits under each model."""
    chunks = []
    for first in range(0, n_toys, TOYS_PER_CHUNK):
        for i, truth in enumerate(contestants):
            spawned = np.random.SeedSequence(seed, spawn_key=(len(chunks),)).generate_state(4)
            chunk = {
                "truth": np.array(i),
                "toys": np.array(min(TOYS_PER_CHUNK, n_toys - first)),
                "point": truth.point,
                "seed": spawned,
            }
            for j, fitted in enumerate(contestants):
                chunk |= {f"starts{j}": _starts(truth, fitted), f"free{j}": fitted.free}
            chunks.append(chunk)
    return chunks


def _starts(truth: _Contestant, fitted: _Contestant) -> np.ndarray:
    """The truth of the toys as far as the fitted model can have it, then the usual start points."""
    known = dict(zip(truth.likelihood.parameters.names, truth.point.tolist(), strict=True))
    parameters, base = fitted.likelihood.parameters, fitted.point.copy()
    for i in np.flatnonzero(fitted.free):
        base[i] = known.get(parameters.names[i], base[i])
    base = np.clip(base, parameters.lower, parameters.upper)
    points = start_points(fitted.likelihood, base, fitted.free, OPTIONS)
    return parameters.shrink(points, fitted.free)


def fit_toys(contest: Contest, chunk: Arrays) -> Arrays:
    """Draw the toys of one chunk and fit them under every model: −ln density and EDM, (toys, models) each.

    The density is +inf where a toy has probability zero at every start point; `failed` is where a fit did not converge.
    """
    truth, n = contest.likelihoods[int(chunk["truth"])], int(chunk["toys"])
    rng = np.random.default_rng(chunk["seed"])
    toys = truth.toy(np.tile(chunk["point"], (n, 1)), rng)
    nll, edm, failed = (np.zeros((n, len(contest.likelihoods))) for _ in range(3))
    for j, likelihood in enumerate(contest.likelihoods):
        nll[:, j], edm[:, j], failed[:, j] = _fit_all(
            likelihood, toys, chunk[f"starts{j}"], chunk[f"free{j}"].astype(bool)
        )
    return {"nll": nll, "edm": edm, "failed": failed}


def _fit_all(
    likelihood: Any, data: Dataset, starts: np.ndarray, free: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """−ln density, EDM and whether the fit failed, for many data sets."""
    packed = likelihood.pack(data)
    n = len(packed)
    try:
        minima = minimise(likelihood, packed, [np.tile(s, (n, 1)) for s in starts], free, OPTIONS)
    except InferenceError:  # all have probability zero
        return np.full(n, np.inf), np.zeros(n), np.zeros(n)
    possible = np.isfinite(minima.nll)
    return minima.nll, np.where(possible, minima.edm, 0.0), (possible & ~minima.valid).astype(float)


# ---- the result


def _comparison(
    base: Any, contestants: Sequence[_Contestant], parts: Mapping[int, Arrays], seed: int, message: str
) -> Comparison:
    names, number = [c.name for c in contestants], len(contestants)
    grouped = {name: [parts[i] for i in sorted(parts) if i % number == k] for k, name in enumerate(names)}
    joined = {
        truth: {key: np.concatenate([part[key] for part in found]) for key in ("nll", "edm", "failed")}
        for truth, found in grouped.items()
        if found
    }
    bad = {truth: arrays["failed"] > 0 for truth, arrays in joined.items()}
    edms = [arrays["edm"][bad[truth]].max(initial=0.0) for truth, arrays in joined.items()]
    lowest = min(c.nll for c in contestants)
    toys = {truth: 2 * arrays["nll"] for truth, arrays in joined.items()}
    models = [
        ComparedModel(
            c.name,
            c.settings,
            2 * c.nll,
            2 * (c.nll - lowest),
            dict(zip(c.likelihood.parameters.names, c.point.tolist(), strict=True)),
            c.message,
        )
        for c in contestants
    ]
    return Comparison(
        description=base.description,
        provenance=Provenance.record(base.description, seed=seed),
        models=tuple(models),
        pairs=_pairs(contestants, toys, bad),
        toys=toys,
        failed={truth: dict(zip(names, b.sum(axis=0).tolist(), strict=True)) for truth, b in bad.items()},
        largest_edm=float(max(edms, default=0.0)),
        data_kind=base.data.kind,
        message=message,
    )


def _pairs(
    contestants: Sequence[_Contestant], toys: Mapping[str, np.ndarray], bad: Mapping[str, np.ndarray]
) -> tuple[Pair, ...]:
    """Every ordered pair with its test statistic, and what the toys say of it."""
    asimov = _asimov(contestants)
    pairs = []
    for a, one in enumerate(contestants):
        for b, two in enumerate(contestants):
            if a == b:
                continue
            t, p, expected = 2 * (one.nll - two.nll), None, None
            drawn = {n: toys[n][:, a] - toys[n][:, b] for n in (one.name, two.name) if toys}
            if drawn:
                failed = int(bad[one.name][:, [a, b]].any(axis=1).sum())
                p = Tail.count(drawn[one.name], t, failed)
                expected = Expectation.of(drawn[one.name], drawn[two.name], failed)
            mine, theirs = asimov[b, a] - asimov[b, b], asimov[a, b] - asimov[a, a]  # truths: two, one
            z = float((mine + theirs) / (2 * np.sqrt(theirs))) if TIE < theirs < np.inf else np.nan
            spread = {n: quantiles(v) for n, v in drawn.items()}
            pairs.append(Pair(one.name, two.name, t, p, spread, expected, float(mine), z))
    return tuple(pairs)


def _asimov(contestants: Sequence[_Contestant]) -> np.ndarray:
    """−2 ln density of the Asimov data of each model (row) under each model (column)."""
    result = np.zeros((len(contestants), len(contestants)))
    for i, truth in enumerate(contestants):
        data = truth.likelihood.asimov(truth.point)
        for j, fitted in enumerate(contestants):
            result[i, j] = 2 * _fit_all(fitted.likelihood, data, _starts(truth, fitted), fitted.free)[0][0]
    return result
