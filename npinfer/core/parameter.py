"""Parameters: what is evaluated, fitted and sampled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from npinfer.core.constraint import Constraint
from npinfer.core.limits import LARGEST
from npinfer.errors import ConfigurationError, ParameterError, unknown

UNBOUNDED = 100.0  # how far a parameter without bounds is taken to reach, in units of 1 + |start value|
MOST_POWER = 100.0
AT_BOUND = 1e-9  # of that reach, or of narrower bounds: a value this near to a bound is on it


def powers_are_numbers(bounds: tuple[float, float], power: float) -> bool:
    """Whether the power of every value within finite bounds is a number of a size to compute with."""
    sizes = [abs(b) for b in bounds if b and np.isfinite(b)]
    return bool(abs(power) <= MOST_POWER and all(abs(power * np.log10(b)) <= np.log10(LARGEST) for b in sizes))


@dataclass(frozen=True)
class Prior:
    """A belief, read by the sampler alone: flat in `parameter**power`, or in its logarithm (power 0).

    >>> Prior(power=2).measure("epsilon")
    'flat in epsilon**2'
    """

    power: float = 1.0

    def measure(self, name: str) -> str:
        """The measure in words."""
        if self.power == 0:
            return f"flat in ln {name}"
        return f"flat in {name}" + (f"**{self.power:g}" if self.power != 1 else "")

    def logpdf(self, value: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
        """ln density within the bounds, −inf outside; shape of `value`. Without finite bounds it is not normalised."""
        low, high = bounds
        inside = (value >= low) & (value <= high)
        if not np.isfinite([low, high]).all():
            return np.where(inside, 0.0, -np.inf)
        safe = np.where(inside & ((value > 0) | (self.power == 1)), value, 1.0)
        if self.power == 0:
            density = -np.log(safe) - np.log(np.log(high / low))
        else:
            density = np.log(abs(self.power)) + (self.power - 1) * np.log(
                np.abs(safe) if self.power != 1 else np.ones_like(safe)
            )
            density = density - np.log(abs(high**self.power - low**self.power))
        return np.where(inside, density, -np.inf)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a likelihood.

    name: full name; a private parameter is called `likelihood.name`.
    init, bounds: start value and allowed range, in `unit`.
    role: "physics" (shared by all likelihoods that use it) or "nuisance" (private unless shared).
    group: for grouped impacts.
    fixed: held at `init` unless freed.
    constraint: an auxiliary measurement; prior: a belief for the sampler. Never the same thing.
    starts: further start values of a parameter whose likelihood has several minima.
    simplex: parameters that name the same simplex are non-negative and add up to at most 1.
    """

    name: str
    init: float
    bounds: tuple[float, float]
    unit: str = ""
    latex: str = ""
    role: str = "nuisance"
    group: str = ""
    fixed: bool = False
    constraint: Constraint | None = None
    prior: Prior = Prior()
    starts: tuple[float, ...] = ()
    simplex: str = ""

    def __post_init__(self) -> None:
        low, high = self.bounds
        if not low < high:
            raise ConfigurationError(
                f"parameter {self.name!r}: the bounds [{low:g}, {high:g}] are not in increasing order"
            )
        for value in (self.init, *self.starts):
            self.check(value)
        for value in (*self.bounds, self.init, *self.starts):
            if value and np.isfinite(value) and not 1 / LARGEST <= abs(value) <= LARGEST:
                raise ConfigurationError(
                    f"parameter {self.name!r}: {value:g} is not between {1 / LARGEST:g} and {LARGEST:g}; use another "
                    "unit, 0, or .inf for no bound"
                )
        power = self.prior.power
        if not powers_are_numbers(self.bounds, power):
            raise ConfigurationError(f"parameter {self.name!r}: a prior flat in its power {power:g} is not a number")
        if (power != 1 and low < 0) or (power <= 0 and low == 0):
            raise ConfigurationError(
                f"parameter {self.name!r}: a prior {self.prior.measure(self.name)} is not proper on "
                f"[{low:g}, {high:g}]; narrow the bounds"
            )

    def check(self, value: float) -> float:
        """`value` as a float if it is finite and within the bounds; raises ParameterError."""
        low, high = self.bounds
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise ParameterError(f"parameter {self.name!r}: {value!r} is not a number") from None
        if not np.isfinite(number):
            raise ParameterError(f"parameter {self.name!r}: {number} is not a finite number")
        if not low <= number <= high:
            raise ParameterError(f"parameter {self.name!r}: {number:g} is outside its bounds [{low:g}, {high:g}]")
        return number

    @property
    def label(self) -> str:
        """How plots name it."""
        return f"${self.latex}$" if self.latex else self.name


class Parameters(Sequence[Parameter]):
    """The ordered parameters of a likelihood, found by full name or by an unambiguous short name."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._all = tuple(parameters)
        self.names = tuple(p.name for p in self._all)
        self._index = {name: i for i, name in enumerate(self.names)}
        if len(self._index) != len(self._all):
            twice = sorted({n for n in self.names if self.names.count(n) > 1})
            raise ConfigurationError(f"parameters declared twice: {', '.join(twice)}")
        self.lower = np.array([p.bounds[0] for p in self._all], dtype=float)
        self.upper = np.array([p.bounds[1] for p in self._all], dtype=float)
        self.init = np.array([p.init for p in self._all], dtype=float)
        finite = np.isfinite(self.upper - self.lower)
        reach = UNBOUNDED * (1.0 + np.abs(self.init))
        self.width = np.where(finite, self.upper - self.lower, reach)
        self.near = AT_BOUND * np.minimum(self.width, reach)
        self.fixed = np.array([p.fixed for p in self._all], dtype=bool)

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, key: int | str) -> Parameter:  # type: ignore[override]
        return self._all[self.index(key) if isinstance(key, str) else key]

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._all)

    def index(self, name: str) -> int:  # type: ignore[override]
        """Position of a parameter; raises ParameterError with the nearest name."""
        if name in self._index:
            return self._index[name]
        short = [i for full, i in self._index.items() if full.endswith(f".{name}")]
        if len(short) == 1:
            return short[0]
        if short:
            raise ParameterError(
                f"parameter {name!r} could be {' or '.join(self.names[i] for i in short)}; give the full name"
            )
        known = self.names if "." in name else [n.rsplit(".", 1)[-1] for n in self.names]
        raise ParameterError(unknown("parameter", name, known))

    def vector(self, values: Mapping[str, float] | None = None, base: np.ndarray | None = None) -> np.ndarray:
        """One point (parameters,): `base` or the start values, with some replaced; raises ParameterError.

        Members of a simplex that are not given make room for those that are.
        """
        point = np.array(self.init if base is None else base, dtype=float)
        given = np.zeros(len(self), dtype=bool)
        for name, value in (values or {}).items():
            i = self.index(name)
            if given[i]:
                raise ParameterError(f"parameter {self.names[i]!r} is given twice, by its short and its full name")
            point[i], given[i] = self._all[i].check(value), True
        point = self.shrink(point[None], ~given)[0]
        self.check_simplexes(point)
        return point

    def points(self, values: Mapping[str, float] | np.ndarray) -> np.ndarray:
        """A batch of points (batch, parameters) from a mapping, a vector or a matrix; raises ParameterError."""
        if isinstance(values, Mapping):
            return self.vector(values)[None, :]
        try:
            points = np.asarray(values, dtype=float)
        except (TypeError, ValueError):
            raise ParameterError("a point is a mapping {name: value}, a vector or a matrix of numbers") from None
        points = points[None] if points.ndim < 2 else points
        if points.shape[-1] != len(self) or points.ndim != 2:
            raise ParameterError(
                f"expected {len(self)} values a point ({', '.join(self.names)}); "
                f"found an array of shape {np.shape(values)}"
            )
        if not np.isfinite(points).all():
            bad = self.names[int(np.flatnonzero(~np.isfinite(points).all(axis=0))[0])]
            raise ParameterError(f"parameter {bad!r}: its value is not a finite number")
        return points

    def simplexes(self) -> list[list[int]]:
        """Groups of positions whose values add up to at most 1."""
        groups: dict[str, list[int]] = {}
        for i, p in enumerate(self._all):
            if p.simplex:
                groups.setdefault(p.simplex, []).append(i)
        return list(groups.values())

    def check_simplexes(self, point: np.ndarray) -> None:
        """Raise ParameterError where fractions add up to more than 1."""
        for group in self.simplexes():
            if point[group].sum() > 1 + 1e-9:
                said = " + ".join(f"{self.names[i]}={point[i]:g}" for i in group)
                raise ParameterError(f"{said} is more than 1: fractions add up to at most 1")

    def shrink(self, points: np.ndarray, free: np.ndarray) -> np.ndarray:
        """Points (batch, parameters) with free members of simplexes scaled down to the room the others leave."""
        points = points.copy()
        for group in self.simplexes():
            held, movable = [i for i in group if not free[i]], [i for i in group if free[i]]
            room = np.maximum(1.0 - points[:, held].sum(axis=1), 0.0)
            total = points[:, movable].sum(axis=1)
            factor = np.where(total > room, room / np.maximum(total, 1e-300), 1.0)
            points[:, movable] *= factor[:, None]
        return points

    def allowed(self, points: np.ndarray) -> np.ndarray:
        """Which points lie within all bounds and simplexes, shape (batch,)."""
        inside = np.asarray(((points >= self.lower) & (points <= self.upper)).all(axis=-1))
        for group in self.simplexes():
            inside &= points[:, group].sum(axis=-1) <= 1 + 1e-9
        return inside

    def with_changes(self, name: str, **changes: object) -> Parameters:
        """The same parameters with one replaced."""
        i = self.index(name)
        return Parameters([replace(p, **changes) if j == i else p for j, p in enumerate(self._all)])  # type: ignore[arg-type]
