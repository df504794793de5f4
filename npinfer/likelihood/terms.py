"""Samples: where the expected counts of one process come from, and what varies them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from npinfer.errors import ConfigurationError, unknown
from npinfer.likelihood.contract import Contracted, complex_step, floored
from npinfer.likelihood.interpolation import Factors, Shift


class Source(Protocol):
    """Expected counts of a process as a function of the parameters `names`."""

    names: tuple[str, ...]

    def counts(self, values: np.ndarray) -> np.ndarray: ...

    def jacobian(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...

    def uncontracted(self, values: np.ndarray) -> np.ndarray: ...


class Named(Protocol):
    """A sample, as far as its name goes."""

    @property
    def name(self) -> str: ...


class Expectation(Protocol):
    """The expected counts of some samples as a function of all parameters.

    kinks: positions of parameters in which derivatives jump at zero. curved: whether second derivatives are known.
    """

    @property
    def curved(self) -> bool: ...

    @property
    def samples(self) -> Sequence[Named]: ...

    @property
    def kinks(self) -> np.ndarray: ...

    def expected(self, points: np.ndarray, *, contracted: bool) -> dict[str, np.ndarray]: ...

    def add_counts(self, points: np.ndarray, total: np.ndarray) -> None: ...

    def add_jacobian(self, points: np.ndarray, total: np.ndarray, jacobian: np.ndarray) -> None: ...


class Curved(Expectation, Protocol):
    """An expectation whose second derivatives are known: one that is `curved`."""

    def add_curvature(self, points: np.ndarray, weights: np.ndarray, total: np.ndarray) -> None: ...


class FixedTemplate:
    """Counts from a table, (bins,)."""

    names: tuple[str, ...] = ()

    def __init__(self, table: np.ndarray) -> None:
        self.table = table

    def counts(self, values: np.ndarray) -> np.ndarray:
        return self.table[None] if len(values) == 1 else self.table[None].repeat(len(values), axis=0)

    def jacobian(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.counts(values), np.zeros((len(values), 0, len(self.table)))

    uncontracted = counts


class DirectCounts:
    """Counts straight from a generator's function, which must be analytic in its parameters."""

    def __init__(
        self,
        function: Callable[..., Mapping[str, np.ndarray]],
        names: Sequence[str],
        order: Sequence[str],
        bins: Mapping[str, int],
    ) -> None:
        self.names = tuple(names)
        self._function, self._order, self._bins = function, tuple(order), dict(bins)

    def checked(self, values: np.ndarray) -> DirectCounts:
        """Itself, if the function gives counts of these channels at a point (1, k); raises ConfigurationError."""
        found = self._function(**dict(zip(self.names, values.T, strict=True)))
        if not isinstance(found, Mapping):
            raise ConfigurationError(f"a generator's function gives {{channel: counts}}; found {type(found).__name__}")
        for channel, counts in found.items():
            if channel not in self._bins:
                raise ConfigurationError(unknown("channel", str(channel), self._order, "what the generator gives"))
            shape, bins = np.shape(counts), self._bins[channel]
            if shape != (1, bins) and (self.names or shape != (bins,)):  # what reads no parameter may leave rows out
                raise ConfigurationError(
                    f"the generator gives counts of shape {shape} for channel {channel!r} at one point; expected "
                    f"(1, {bins}): a row for each point of the parameters, a column for each bin"
                )
        return self

    def counts(self, values: np.ndarray) -> np.ndarray:
        found = self._function(**dict(zip(self.names, values.T, strict=True)))
        n = len(values)
        parts = [found[k] if k in found else np.zeros((n, self._bins[k])) for k in self._order]
        return np.concatenate([np.broadcast_to(p, (n, p.shape[-1])) for p in parts], axis=-1)

    def jacobian(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        counts = self.counts(values)
        if not self.names:
            return counts, np.zeros((len(values), 0, counts.shape[-1]))
        return counts, complex_step(self.counts, values)

    uncontracted = counts


class SumOfSources:
    """Several sources of one sample, added."""

    def __init__(self, parts: Sequence[Source]) -> None:
        self._parts = tuple(parts)
        self.names = tuple(dict.fromkeys(n for part in parts for n in part.names))
        self._at = [[self.names.index(n) for n in part.names] for part in parts]

    def counts(self, values: np.ndarray) -> np.ndarray:
        return sum(p.counts(values[:, at]) for p, at in zip(self._parts, self._at, strict=True))  # type: ignore[return-value]

    def uncontracted(self, values: np.ndarray) -> np.ndarray:
        return sum(p.uncontracted(values[:, at]) for p, at in zip(self._parts, self._at, strict=True))  # type: ignore[return-value]

    def jacobian(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        total: Any = 0.0
        slopes: Any = None
        for part, at in zip(self._parts, self._at, strict=True):
            counts, jacobian = part.jacobian(values[:, at])
            slopes = np.zeros((len(values), len(self.names), counts.shape[-1])) if slopes is None else slopes
            slopes[:, at] += jacobian
            total = total + counts
        return total, slopes  # type: ignore[return-value]


@dataclass(frozen=True)
class BinFactors:
    """Parameters at the positions `at` that each multiply the counts of one of the `bins`, both (k,)."""

    at: np.ndarray
    bins: np.ndarray


class NormFactors:
    """What multiplies some samples alike: factors on bins.

    A normsys is a factor on the bins where its row of `masks` (k, bins) is 1; `gammas` are parameters of single bins.
    """

    def __init__(
        self,
        at: Sequence[int],
        up: Sequence[float],
        down: Sequence[float],
        masks: np.ndarray,
        gammas: Sequence[BinFactors] = (),
    ) -> None:
        self.at, self.gammas = np.array(at, dtype=int), tuple(gammas)
        self.trivial = not len(self.at) and not gammas
        self.up, self.down, self.masks = tuple(up), tuple(down), masks
        self._factors = Factors(np.array(up), np.array(down))
        self._masks = masks if gammas or not masks.all() else masks[:, :1]  # one column serves all bins

    def __call__(self, points: np.ndarray) -> np.ndarray | float:
        """The product of the factors, (batch, bins) or (batch, 1), or 1 without any."""
        if self.trivial:
            return 1.0
        return self._times(points, self._normsys(points), self.gammas)

    def _normsys(self, points: np.ndarray) -> np.ndarray:
        """The product of the normsys, (batch, bins) or (batch, 1)."""
        return np.exp(self._factors(points.take(self.at, axis=1)) @ self._masks)

    @staticmethod
    def _times(points: np.ndarray, product: np.ndarray, gammas: Sequence[BinFactors]) -> np.ndarray:
        """A product (batch, bins) times some of the gammas, in place."""
        for gamma in gammas:
            product[:, gamma.bins] *= points.take(gamma.at, axis=1)
        return product

    def add_slopes(self, points: np.ndarray, weight: np.ndarray, jacobian: np.ndarray) -> np.ndarray | float:
        """Add weight (batch, bins) times the product's derivatives to `jacobian` (batch, parameters, bins).

        Gives the product, as a call does.
        """
        if self.trivial:
            return 1.0
        logarithms, slopes = self._factors.with_slopes(points.take(self.at, axis=1))
        normsys = np.exp(logarithms @ self._masks)
        for j, gamma in enumerate(self.gammas):
            others = self._times(points, normsys.copy(), self.gammas[:j] + self.gammas[j + 1 :])
            jacobian[:, gamma.at, gamma.bins] += (weight * others)[:, gamma.bins]
        product = self._times(points, normsys, self.gammas)
        weighted = weight * product if len(self.at) else weight
        for j, i in enumerate(self.at.tolist()):  # a parameter may stand here twice
            jacobian[:, i] += weighted * (slopes[:, j, None] * self._masks[j])
        return product


@dataclass(frozen=True)
class HistoSys:
    """Counts added to a sample's template."""

    parameter: int
    shift: Shift


@dataclass(frozen=True)
class Sample:
    """One process before its normsys: (source + Σ histosys) · Π parameter^power.

    at: positions of the source's parameters among all parameters; scale: (position, power) pairs.
    """

    name: str
    source: Source
    at: np.ndarray
    scale: tuple[tuple[int, float], ...] = ()
    shape: tuple[HistoSys, ...] = ()

    def counts(self, points: np.ndarray, *, contracted: bool = True) -> np.ndarray:
        """Counts (batch, bins) at points (batch, all parameters)."""
        values = points.take(self.at, axis=1)
        total = self.source.counts(values) if contracted else self.source.uncontracted(values)
        for term in self.shape:
            total = total + term.shift(points[:, term.parameter])[0]
        return _scaled(total, points, self.scale)

    def jacobian(self, points: np.ndarray) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
        """Counts (batch, bins), and (position, derivative (batch, bins)) of every parameter."""
        return self._chained(points, *self.source.jacobian(points.take(self.at, axis=1)))

    def bare_jacobian(self, points: np.ndarray) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
        """As `jacobian`, of counts without their floor, which contracted sources have."""
        assert isinstance(self.source, Contracted)
        return self._chained(points, *self.source.bare_jacobian(points.take(self.at, axis=1)))

    def _chained(
        self, points: np.ndarray, base: np.ndarray, slopes: np.ndarray
    ) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
        """`jacobian` from counts and slopes of the source."""
        varied = [(int(i), slopes[:, j]) for j, i in enumerate(self.at)]
        for term in self.shape:
            added, slope = term.shift(points[:, term.parameter])
            base = base + added
            varied.append((term.parameter, slope))
        if not self.scale:
            return base, varied
        scale, scale_slopes = power_product(points, self.scale)
        result = [(i, slope * scale) for i, slope in varied]
        return base * scale, result + [(i, base * slope) for i, slope in scale_slopes]


class Group:
    """Samples with the same normsys; those with contracted sources are evaluated together, as one matrix product."""

    kinks, curved = np.zeros(0, dtype=np.intp), False

    def __init__(self, samples: Sequence[Sample], norm: NormFactors) -> None:
        self.samples, self.norm = tuple(samples), norm
        fused = [(s, s.source) for s in samples if isinstance(s.source, Contracted) and not s.shape]
        self._fused = [pair for pair in fused if pair[1].detector_names == fused[0][1].detector_names]
        self._others = [s for s in samples if not any(s is f for f, _ in self._fused)]
        self._matrix = None
        if self._fused:  # in the order of memory that a single row is multiplied fastest with
            self._matrix = np.asfortranarray(np.concatenate([source.matrix for _, source in self._fused]))

    def expected(self, points: np.ndarray, *, contracted: bool) -> dict[str, np.ndarray]:
        """Expected counts {sample: (batch, bins)}."""
        factor = self.norm(points)
        return {s.name: s.counts(points, contracted=contracted) * factor for s in self.samples}

    def add_counts(self, points: np.ndarray, total: np.ndarray) -> None:
        """Add the expected counts to `total` (batch, bins)."""
        part: Any = 0.0
        if self._matrix is not None:
            values = [points.take(s.at, axis=1) for s, _ in self._fused]
            rows = [_scaled(source.row(v), points, s.scale) for (s, source), v in zip(self._fused, values, strict=True)]
            row = rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)
            part = self._fused[0][1].times_detector(row, values[0]) @ self._matrix
            floored(part)
        elif len(self._others) == 1 and self.norm.trivial:
            total += self._others[0].counts(points)
            return
        for sample in self._others:
            part = part + sample.counts(points)
        if not self.norm.trivial:
            part = part * self.norm(points)
        total += part

    def add_jacobian(self, points: np.ndarray, total: np.ndarray, jacobian: np.ndarray) -> None:
        """Add the expected counts to `total` and their derivatives to `jacobian` (batch, parameters, bins)."""
        found = [sample.bare_jacobian(points) for sample, _ in self._fused]
        part: Any = sum(counts for counts, _ in found)
        if found:
            floored(part)  # of all together, as in `add_counts`
        for sample in self._others:
            found.append(sample.jacobian(points))
            part = part + found[-1][0]
        factor = self.norm.add_slopes(points, part, jacobian)
        for _, slopes in found:
            for i, slope in slopes:
                jacobian[:, i] += slope * factor
        total += part * factor


def _scaled(counts: np.ndarray, points: np.ndarray, scale: tuple[tuple[int, float], ...]) -> np.ndarray:
    """Counts (batch, ...) times Π parameter^power."""
    for i, power in scale:
        factor = points[:, i, None]
        counts = counts * (factor if power == 1 else factor**power)
    return counts


Slopes = list[tuple[int, np.ndarray]]


def power_product(points: np.ndarray, scale: tuple[tuple[int, float], ...]) -> tuple[np.ndarray | float, Slopes]:
    """Π parameter^power as a column (batch, 1), and (position, derivative (batch, 1)) of every parameter."""
    factors = [(i, *_power(points[:, i], power)) for i, power in scale]
    slopes = []
    for j, (i, _, slope) in enumerate(factors):
        others = _multiply([f for k, (_, f, _) in enumerate(factors) if k != j])
        slopes.append((i, slope[:, None] * others))
    return _multiply([f for _, f, _ in factors]), slopes


def _power(value: np.ndarray, power: float) -> tuple[np.ndarray, np.ndarray]:
    """value**power and its derivative."""
    if power == 1:
        return value, np.ones_like(value)
    return value**power, power * value ** (power - 1)


def _multiply(factors: list[np.ndarray]) -> np.ndarray | float:
    """The product of factors (batch,), as a column."""
    return math.prod(factors[1:], start=factors[0])[:, None] if factors else 1.0
