"""profile: the likelihood maximised over all other parameters, on a grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from npinfer.core.provenance import Provenance
from npinfer.core.result import Quantity, Scan
from npinfer.errors import InferenceError, ParameterError
from npinfer.inference.executor import Arrays, Interrupted, RunOptions, run_chunks
from npinfer.inference.fit import best_fit, full_names
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.minima import Minima
from npinfer.inference.minimise import free_mask, minimise, start_points

POINTS_PER_CHUNK = 32
PAIRS_PER_CHUNK = 256
BATCH = 32  # of points whose densities are compared


def profile(
    likelihood: Any,
    grid: Mapping[str, np.ndarray],
    *,
    fixed: Mapping[str, float] | None = None,
    options: FitOptions = FitOptions(),
    run: RunOptions = RunOptions(),
) -> Scan:
    """−2 ln of the profile likelihood ratio on a grid of one or more parameters.

    grid: {name: (points,)}. Every point starts from the global best fit, then from the minima of its neighbours where
    those are lower. Raises ParameterError for points outside the bounds, Interrupted on Ctrl-C.
    """
    fixed = full_names(likelihood, fixed)
    axes = _checked(likelihood, grid)
    if both := set(axes) & set(fixed):
        raise ParameterError(f"parameter {sorted(both)[0]!r} is both on the grid and fixed; drop one of the two")
    best, _ = best_fit(likelihood, fixed, None, options)
    free = free_mask(likelihood, {**fixed, **dict.fromkeys(axes, 0.0)})
    points = likelihood.parameters.shrink(_grid_points(likelihood, axes, best.points[0]), free)
    allowed = np.flatnonzero(likelihood.parameters.allowed(points))
    cuts = [allowed[i : i + POINTS_PER_CHUNK] for i in range(0, len(allowed), POINTS_PER_CHUNK)]
    further = start_points(likelihood, best.points[0], free, options)[1:]
    how = {"free": free, "tolerance": np.array(options.tolerance)}
    chunks = [{"points": points[rows], "further": further, **how} for rows in cuts]
    message = ""
    try:
        parts = dict(enumerate(run_chunks(profile_points, likelihood, chunks, run, f"profile {', '.join(axes)}")))
    except Interrupted as stopped:
        if not stopped.done:
            raise
        parts, message = dict(stopped.done), str(stopped)
    nll = np.full(len(points), np.inf)
    nll[allowed] = np.nan
    for i, part in parts.items():
        points[cuts[i]], nll[cuts[i]] = part["points"], part["nll"]
    shape = tuple(len(v) for v in axes.values())
    if not message:
        _repair(likelihood, points, nll, shape, how, run)
    return replace(_scan(likelihood, axes, best, points, nll, message), fixed=fixed)


def profile_points(likelihood: Any, chunk: Arrays) -> Arrays:
    """The minima with the grid's parameters held, at the points of one chunk.

    Where the data are impossible at a point, its start values are tried in its place.
    """
    options, packed = FitOptions(tolerance=float(chunk["tolerance"])), likelihood.pack(None)
    points, free = chunk["points"], chunk["free"].astype(bool)
    impossible = np.isinf(_nll(likelihood.coarse or likelihood, points, packed))[:, None]
    starts = [
        likelihood.parameters.shrink(np.where(free, other, points), free)
        for other in (np.where(impossible, likelihood.parameters.init, points), *chunk["further"])
    ]
    minima = minimise(likelihood, packed, starts, free, options, neighbours=True)
    return {"points": minima.points, "nll": minima.nll}


def _checked(likelihood: Any, grid: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The grid under full names, finite and within the bounds."""
    if not grid:
        raise InferenceError("profile needs at least one parameter with its grid")
    axes = {}
    for name, values in grid.items():
        parameter = likelihood.parameters[name]
        if parameter.name in axes:
            raise ParameterError(f"parameter {parameter.name!r} has two grids")
        values = np.atleast_1d(np.asarray(values, dtype=float))
        if values.ndim != 1 or not len(values):
            raise ParameterError(f"the grid of {parameter.name!r} is a list of values; found shape {values.shape}")
        for value in values:
            parameter.check(value)
        axes[parameter.name] = values
    return axes


def _grid_points(likelihood: Any, axes: Mapping[str, np.ndarray], base: np.ndarray) -> np.ndarray:
    """All grid points, (points, parameters), the other parameters as in `base`."""
    mesh = np.stack(np.meshgrid(*axes.values(), indexing="ij"), axis=-1).reshape(-1, len(axes))
    points = np.tile(base, (len(mesh), 1))
    points[:, [likelihood.parameters.index(n) for n in axes]] = mesh
    return points


def _repair(
    likelihood: Any, points: np.ndarray, nll: np.ndarray, shape: tuple[int, ...], how: dict[str, Any], run: RunOptions
) -> None:
    """Start again from a neighbour's minimum wherever that is better, until nothing improves; in place.

    A neighbour whose minimum has not moved since it was last asked is not asked again. how: arrays of every chunk. This
    takes much less time than the minima themselves, and is not kept in the output folder. Raises Interrupted.
    """
    pairs, fresh = _neighbours(shape), np.isfinite(nll)
    for _ in range(3):
        mine, theirs = pairs[:, fresh[pairs[1]] & np.isfinite(nll[pairs[0]])]
        starts = likelihood.parameters.shrink(np.where(how["free"], points[theirs], points[mine]), how["free"])
        cuts = [np.arange(i, min(i + PAIRS_PER_CHUNK, len(mine))) for i in range(0, len(mine), PAIRS_PER_CHUNK)]
        chunks = [{"points": points[mine[c]], "nll": nll[mine[c]], "starts": starts[c], **how} for c in cuts]
        try:
            parts = run_chunks(better_points, likelihood, chunks, replace(run, out=None), "profile, from neighbours")
        except Interrupted:
            kept = "an output folder (--out) would keep the minima" if run.out is None else "the same command continues"
            raise Interrupted(f"profile interrupted while its neighbours were tried; {kept}", {}) from None
        fresh = np.zeros(len(points), dtype=bool)
        for cut, part in zip(cuts, parts, strict=True):
            for row, i in enumerate(mine[cut]):
                if part["nll"][row] < nll[i]:
                    nll[i], points[i], fresh[i] = part["nll"][row], part["points"][row], True
        if not fresh.any():
            return


def better_points(likelihood: Any, chunk: Arrays) -> Arrays:
    """Minima from the starts of one chunk that are below its minima, and not a number where there are none."""
    starts, packed = chunk["starts"], likelihood.pack(None)
    found = {"points": chunk["points"].copy(), "nll": np.full(len(starts), np.nan)}
    rows = np.arange(len(starts))
    if likelihood.coarse is not None:  # what it tells nothing good of is left alone
        own, at = np.unique(chunk["points"], axis=0, return_inverse=True)
        here = _nll(likelihood.coarse, own, packed)[at.ravel()]
        rows = np.flatnonzero(_nll(likelihood.coarse, starts, packed) < here)
    rows = rows[_nll(likelihood, starts[rows], packed) < chunk["nll"][rows] - 1e-7]
    if len(rows):
        options = FitOptions(tolerance=float(chunk["tolerance"]))
        minima = minimise(likelihood, packed, [starts[rows]], chunk["free"].astype(bool), options)
        found["points"][rows], found["nll"][rows] = minima.points, minima.nll
    return found


def _neighbours(shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of grid points, which rise, and of one next to each along any axis, (2, pairs)."""
    index, pairs = np.arange(np.prod(shape)).reshape(shape), []
    for axis in range(len(shape)):
        first, second = (np.take(index, range(i, shape[axis] - 1 + i), axis=axis).ravel() for i in (0, 1))
        pairs += [np.stack([first, second]), np.stack([second, first])]
    whole = np.concatenate(pairs, axis=1)
    return whole[:, np.argsort(whole[0], kind="stable")]


def _nll(likelihood: Any, points: np.ndarray, packed: Any) -> np.ndarray:
    """−ln density at points (n, parameters), (n,); few at a time, for which a megabyte each is little."""
    parts = [-np.atleast_1d(likelihood.logpdf(points[i : i + BATCH], packed)) for i in range(0, len(points), BATCH)]
    return np.concatenate(parts or [np.zeros(0)])


def _scan(
    likelihood: Any, axes: Mapping[str, np.ndarray], best: Minima, points: np.ndarray, nll: np.ndarray, message: str
) -> Scan:
    names = likelihood.parameters.names
    lowest, at = float(best.nll[0]), best.points[0]
    if np.nanmin(nll) < lowest:
        lowest, at = float(np.nanmin(nll)), points[int(np.nanargmin(nll))]
    shape = tuple(len(v) for v in axes.values())
    return Scan(
        description=likelihood.description,
        provenance=Provenance.record(likelihood.description),
        quantities={p.name: Quantity.of(p) for p in likelihood.parameters},
        grid=dict(axes),
        delta_twice_nll=(2 * (nll - lowest)).reshape(shape),
        values={n: points[:, i].reshape(shape) for i, n in enumerate(names) if n not in axes},
        best=dict(zip(names, at.tolist(), strict=True)),
        twice_nll=2 * lowest,
        data_kind=likelihood.data.kind,
        message=message,
    )
