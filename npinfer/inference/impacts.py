"""impacts: what each nuisance parameter, and each group of them, does to the parameter of interest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from npinfer.core.provenance import Provenance
from npinfer.core.result import Quantity
from npinfer.core.result.impacts import NOT_IDENTIFIED, Impact, Impacts, Part, remainder
from npinfer.errors import InferenceError, ParameterError
from npinfer.inference.executor import Arrays, RunOptions, run_chunks
from npinfer.inference.fit import ONE_SIGMA, best_fit, full_names, information_at, poi_name
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.identify import identified, invert
from npinfer.inference.interval import interval
from npinfer.inference.minima import Minima
from npinfer.inference.minimise import free_mask, minimise, start_points
from npinfer.inference.prefit import constraint_widths

OPTIONS = FitOptions()
CLOSE = FitOptions(tolerance=1e-12)  # small shifts are differences of two fits, to a millionth of an error each
UNGROUPED = "other"


def impacts(
    likelihood: Any,
    poi: str | None = None,
    *,
    fixed: Mapping[str, float] | None = None,
    run: RunOptions = RunOptions(),
) -> Impacts:
    """Rank the parameters by what they do to one of them.

    Every other free parameter is held a standard deviation below and above its best fit and the rest is fitted again.
    poi: the parameter of interest, by default that of the likelihood; fixed: values of parameters that are held. Raises
    ParameterError, InferenceError, ConfigurationError, Interrupted.

    >>> from npinfer import load
    >>> found = impacts(load("icecube_hese"), "astro_norm", fixed={"f_nuebar": 1 / 6, "prompt_norm": 0.0})
    >>> found.parameters[0].name, [group.name for group in found.groups]
    ('astro_gamma', ['astrophysical flux', 'atmosphere', 'response'])
    """
    name, fixed = poi_name(likelihood, poi), full_names(likelihood, fixed)
    if name in fixed or likelihood.parameters[name].fixed:
        raise ParameterError(f"parameter {name!r} is fixed: impacts on it need it free")
    minima, free = best_fit(likelihood, fixed, None, OPTIONS)
    state = _State.at(likelihood, minima, free)
    index = likelihood.parameters.index(name)
    others = [i for i in np.flatnonzero(free).tolist() if i != index]
    moved = run_chunks(move_parameter, likelihood, [state.chunk(i, index) for i in others], run, f"impacts on {name}")
    parts = _parts(likelihood, others)
    chunks = [state.holding(part.members, index) for part in parts]
    errors = [a["ends"] for a in run_chunks(profile_error, likelihood, chunks, run, f"errors of {name}")]
    groups, statistical, systematic = _split(parts, errors)
    ranked = sorted((_impact(state, i, a) for i, a in zip(others, moved, strict=True)), key=lambda p: -p.size)
    return Impacts(
        description=likelihood.description,
        provenance=Provenance.record(likelihood.description),
        quantities={p.name: Quantity.of(p) for p in likelihood.parameters},
        poi=name,
        best=float(state.point[index]),
        down=float(errors[0][0]),
        up=float(errors[0][1]),
        parameters=tuple(ranked),
        groups=groups,
        statistical=statistical,
        systematic=systematic,
        fixed=fixed,
        valid=bool(minima.valid[0]),
        data_kind=likelihood.data.kind,
        message=_message(likelihood, state, index),
    )


# ---- one parameter after the other


@dataclass(frozen=True)
class _State:
    """The best fit: point and which parameters are free, inside their bounds, identified, each (parameters,).

    covariance: (parameters, parameters), 0 but for those that are inside.
    """

    likelihood: Any
    point: np.ndarray
    free: np.ndarray
    inside: np.ndarray
    known: np.ndarray
    covariance: np.ndarray

    @classmethod
    def at(cls, likelihood: Any, minima: Minima, free: np.ndarray) -> _State:
        information, kept = information_at(likelihood, minima.points, free)
        n = len(free)
        inside, known, covariance = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool), np.zeros((n, n))
        inside[kept], known[kept] = True, identified(information)
        covariance[np.ix_(kept, kept)] = invert(information, likelihood.parameters.width[kept])
        return cls(likelihood, minima.points[0], free, inside, known, covariance)

    def chunk(self, held: int, poi: int) -> dict[str, np.ndarray]:
        """Work for `move_parameter`: hold one parameter, look at another."""
        variance = self.covariance[held, held]
        below, above = constraint_widths(self.likelihood).get(self.likelihood.parameters.names[held], (np.nan, np.nan))
        sigma = np.sqrt(variance) if self.known[held] else np.nan
        return {
            "point": self.point,
            "free": self.free,
            "held": np.array(held),
            "poi": np.array(poi),
            "bound": np.array(not self.inside[held]),
            "steps": np.array([-sigma, sigma, -below, above]),
            "along": self.covariance[held] / variance if variance > 0 else np.zeros(len(self.point)),
        }

    def holding(self, members: tuple[str, ...], poi: int) -> dict[str, np.ndarray]:
        """Work for `profile_error`: hold some parameters at the best fit, look at another."""
        free = self.free & free_mask(self.likelihood, dict.fromkeys(members, 0.0))
        return {"point": self.point, "free": free, "poi": np.array(poi)}


def move_parameter(likelihood: Any, chunk: Arrays) -> Arrays:
    """Refit with one parameter moved by its steps: the shifts of the parameter of interest, NaN where there is no step.

    A parameter at a bound has no standard deviation: its one-sided profile interval takes its place. A step that would
    leave the bounds ends there. Gives shifts and steps taken, (4,) each, and whether each fit converged.
    """
    held, poi, point = int(chunk["held"]), int(chunk["poi"]), chunk["point"]
    steps, free = chunk["steps"].copy(), chunk["free"].astype(bool)
    if bool(chunk["bound"]):
        steps[:2] = _one_sided(likelihood, held, _held_values(likelihood, point, free))
    low, high = _room(likelihood, held, free, point)
    steps = np.clip(point[held] + steps, low, high) - point[held]
    free[held] = False
    rows = np.flatnonzero(~np.isnan(steps) & (steps != 0.0))
    shifts, valid = np.where(np.isnan(steps), np.nan, 0.0), np.ones(4, dtype=bool)
    if len(rows):
        guess = point + steps[rows, None] * chunk["along"]
        guess[:, held] = point[held] + steps[rows]
        found = _refit(likelihood, point, guess, free)
        shifts[rows], valid[rows] = found.points[:, poi] - point[poi], found.valid
    return {"shifts": shifts, "steps": steps, "valid": valid}


def _refit(likelihood: Any, point: np.ndarray, guess: np.ndarray, free: np.ndarray) -> Minima:
    """The minima with the parameters that are not free as in `guess`, (batch, parameters)."""
    parameters = likelihood.parameters
    first = np.where(free, np.clip(guess, parameters.lower, parameters.upper), guess)
    starts = [first] + [np.where(free, s, guess) for s in start_points(likelihood, point, free, OPTIONS)]
    return minimise(likelihood, likelihood.pack(None), [parameters.shrink(s, free) for s in starts], free, CLOSE)


def _room(likelihood: Any, held: int, free: np.ndarray, point: np.ndarray) -> tuple[float, float]:
    """How far a parameter can go: its bounds, the upper one where fractions that are not free leave less."""
    low, high = likelihood.parameters[held].bounds
    for group in likelihood.parameters.simplexes():
        if held in group:
            high = min(high, 1.0 - float(point[[i for i in group if not free[i]]].sum()))
    return low, high


def _held_values(likelihood: Any, point: np.ndarray, free: np.ndarray) -> dict[str, float]:
    return {n: float(v) for n, v, f in zip(likelihood.parameters.names, point, free, strict=True) if not f}


def _one_sided(likelihood: Any, held: int, fixed: Mapping[str, float]) -> np.ndarray:
    """Steps (2,) from a bound to the other end of the 68.27 % profile interval; NaN where there is none."""
    try:
        found = interval(likelihood, likelihood.parameters.names[held], cl=ONE_SIGMA, fixed=fixed)
    except InferenceError:
        return np.array([np.nan, np.nan])
    ends = np.array([found.lower, found.upper]) - found.best
    open_ended = [found.segments[0].lower_at_bound, found.segments[-1].upper_at_bound]
    return np.full(2, np.nan) if all(open_ended) else np.where(open_ended, 0.0, ends)


def _impact(state: _State, held: int, moved: Arrays) -> Impact:
    likelihood = state.likelihood
    parameter, value = likelihood.parameters[held], float(state.point[held])
    low, high = likelihood.parameters.lower[held], likelihood.parameters.upper[held]
    error = float(np.sqrt(state.covariance[held, held])) if state.known[held] else float("nan")
    pull, width = float("nan"), float("nan")
    if parameter.name in likelihood.constraints.auxiliary_names:
        at = likelihood.constraints.auxiliary_names.index(parameter.name)
        pull = float(likelihood.constraints.pulls(state.point[None], likelihood.pack(None).auxiliary)[0, at])
        width = 0.5 * sum(constraint_widths(likelihood)[parameter.name])
    said = []
    shifts, steps = moved["shifts"].copy(), moved["steps"]
    if not state.inside[held]:
        side, bound = ("lower", low) if value - low <= high - value else ("upper", high)
        said.append(f"at its {side} bound {bound:g}: one-sided, to the end of its profile interval")
        shifts = np.where(steps == 0.0, np.nan, shifts)
    if np.isnan(steps[:2]).all():
        said = [NOT_IDENTIFIED]
    elif state.inside[held] and (np.abs(np.abs(steps[:2]) - error) > 1e-9 * error).any():
        said.append("a step ends at its bound")
    if not moved["valid"].astype(bool).all():
        said.append("a refit did not converge")
    return Impact(parameter.name, value, error, pull, error / width, *shifts.tolist(), note="; ".join(said))


# ---- groups


def _parts(likelihood: Any, others: list[int]) -> list[Part]:
    """Nothing held, then every nuisance parameter, then each group; ends are not known yet."""
    nan = float("nan")
    free = [likelihood.parameters[i] for i in others]
    groups: dict[str, list[str]] = {}
    for p in free:
        groups.setdefault(p.group or UNGROUPED, []).append(p.name)
    nuisances = tuple(p.name for p in free if p.role == "nuisance")
    whole = [Part("", (), nan, nan), Part("nuisance parameters", nuisances, nan, nan)]
    return whole + [Part(name, tuple(members), nan, nan) for name, members in groups.items()]


def profile_error(likelihood: Any, chunk: Arrays) -> Arrays:
    """The ends (2,) of the 68.27 % profile interval of a parameter, as errors below and above, NaN at a bound."""
    point, name = chunk["point"], likelihood.parameters.names[int(chunk["poi"])]
    held = _held_values(likelihood, point, chunk["free"].astype(bool))
    found = interval(likelihood, name, cl=ONE_SIGMA, fixed=held)
    inner = next((s for s in found.segments if s.lower <= found.best <= s.upper), None)
    if inner is None:
        return {"ends": np.array([np.nan, np.nan])}
    ends = np.array([found.best - inner.lower, inner.upper - found.best])
    return {"ends": np.where([inner.lower_at_bound, inner.upper_at_bound], np.nan, ends)}


def _split(parts: list[Part], errors: list[np.ndarray]) -> tuple[tuple[Part, ...], Part, Part]:
    """The groups, what is left with all nuisance parameters held, and what they add."""
    whole = errors[0].tolist()
    added = [
        Part(part.name, part.members, *(remainder(w, e) for w, e in zip(whole, ends.tolist(), strict=True)))
        for part, ends in zip(parts, errors, strict=True)
    ]
    return tuple(added[2:]), Part("statistical", (), *errors[1].tolist()), added[1]


def _message(likelihood: Any, state: _State, index: int) -> str:
    """What a parameter of interest at a bound does to its impacts."""
    if state.inside[index]:
        return ""
    name, value = likelihood.parameters.names[index], state.point[index]
    return f"{name} is at its bound {value:g}: shifts beyond it are cut to 0, and errors are one-sided"
