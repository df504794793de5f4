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
from npinfer.inference.minimise import FitOptions, Minima, free_mask, minimise, start_points

POINTS_PER_CHUNK = 128
BATCH = 64  # of points whose densities are compared


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
    axes = _checked(likelihood, grid)
    fixed = full_names(likelihood, fixed)
    if both := set(axes) & set(fixed):
        raise ParameterError(f"parameter {sorted(both)[0]!r} is both on the grid and fixed; drop one of the two")
    best, _ = best_fit(likelihood, fixed, None, options)
    free = free_mask(likelihood, {**fixed, **dict.fromkeys(axes, 0.0)})
    points = likelihood.parameters.shrink(_grid_points(likelihood, axes, best.points[0]), free)
    allowed = np.flatnonzero(likelihood.parameters.allowed(points))
    cuts = [allowed[i : i + POINTS_PER_CHUNK] for i in range(0, len(allowed), POINTS_PER_CHUNK)]
    further = start_points(likelihood, best.points[0], free, options)[1:]
    chunks = [
        {"points": points[rows], "free": free, "further": further, "tolerance": np.array(options.tolerance)}
        for rows in cuts
    ]
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
        _repair(likelihood, points, nll, shape, free, options)
    return replace(_scan(likelihood, axes, best, points, nll, message), fixed=fixed)


def profile_points(likelihood: Any, chunk: Arrays) -> Arrays:
    """The minima with the grid's parameters held, at the points of one chunk."""
    options = FitOptions(tolerance=float(chunk["tolerance"]))
    points, free = chunk["points"], chunk["free"].astype(bool)
    starts = [points]
    for other in chunk["further"]:
        starts.append(likelihood.parameters.shrink(np.where(free, other, points), free))
    minima = minimise(likelihood, likelihood.pack(None), starts, free, options)
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
    likelihood: Any, points: np.ndarray, nll: np.ndarray, shape: tuple[int, ...], free: np.ndarray, options: FitOptions
) -> None:
    """Start again from a neighbour's minimum wherever that is better, until nothing improves; in place."""
    index = np.arange(len(points)).reshape(shape)
    packed = likelihood.pack(None)
    for _ in range(3):
        trials = []
        for axis in range(len(shape)):
            for shift in (1, -1):
                mine = np.take(index, range(max(shift, 0), shape[axis] + min(shift, 0)), axis=axis).ravel()
                theirs = np.take(index, range(max(-shift, 0), shape[axis] + min(-shift, 0)), axis=axis).ravel()
                known = np.isfinite(nll[mine]) & np.isfinite(nll[theirs])
                trials.append(np.stack([mine[known], theirs[known]]))
        mine, theirs = np.concatenate(trials, axis=1)
        starts = likelihood.parameters.shrink(np.where(free, points[theirs], points[mine]), free)
        if likelihood.coarse is not None:  # what it tells nothing good of is left alone
            apart = _nll(likelihood.coarse, starts, packed) - _nll(likelihood.coarse, points, packed)[mine]
            mine, theirs, starts = mine[apart < 0], theirs[apart < 0], starts[apart < 0]
        values = _nll(likelihood, starts, packed)
        better = np.flatnonzero(values < nll[mine] - 1e-7)
        if not len(better):
            return
        found = minimise(likelihood, packed, [starts[better]], free, options)
        for row, i in enumerate(mine[better]):
            if found.nll[row] < nll[i]:
                nll[i], points[i] = found.nll[row], found.points[row]


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
