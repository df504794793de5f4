"""Constraints: auxiliary measurements of parameters, which enter the likelihood and fluctuate in toys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from npinfer.core import poisson
from npinfer.core.correlation import Correlation
from npinfer.core.limits import LARGEST
from npinfer.errors import ConfigurationError, unknown

KINDS = {
    "normal": ("mean", "sigma"),
    "two_sided_normal": ("mean", "sigma_up", "sigma_down"),
    "log_normal": ("mean", "sigma"),
    "poisson": ("count", "rate"),
}


@dataclass(frozen=True)
class Constraint:
    """One auxiliary measurement of one parameter.

    kind "normal": `mean` was measured with standard deviation `sigma_up` = `sigma_down`.
    kind "two_sided_normal": the parameter lies above the measured `mean` with `sigma_up`, below with `sigma_down`.
    kind "log_normal": ln(mean) was measured with standard deviation sigma; the auxiliary datum is ln(mean).
    kind "poisson": `mean` events were counted where `rate` times the parameter was expected.
    """

    kind: str
    mean: float
    sigma_up: float = 1.0
    sigma_down: float = 1.0
    rate: float = 1.0

    @classmethod
    def from_spec(cls, spec: Mapping[str, Mapping[str, float]]) -> Constraint:
        """Read `{kind: {mean: ..., sigma: ...}}`; raises ConfigurationError.

        >>> Constraint.from_spec({"normal": {"mean": 1.0, "sigma": 0.4}}).sigma_up
        0.4
        """
        if len(spec) != 1:
            raise ConfigurationError(
                f"a constraint has one kind of {', '.join(KINDS)}; found {', '.join(spec) or 'none'}"
            )
        ((kind, numbers),) = spec.items()
        if kind not in KINDS:
            raise ConfigurationError(unknown("constraint kind", kind, KINDS))
        if set(numbers) != set(KINDS[kind]):
            raise ConfigurationError(f"a {kind} constraint takes {', '.join(KINDS[kind])}; found {', '.join(numbers)}")
        if not all(abs(v) <= LARGEST for v in numbers.values()):
            raise ConfigurationError(
                f"a {kind} constraint takes finite numbers of at most {LARGEST:g}; found {dict(numbers)}"
            )
        if kind == "poisson":
            built = cls(kind, numbers["count"], rate=numbers["rate"])
        else:
            up, down = (numbers.get(k, numbers.get("sigma", 0.0)) for k in ("sigma_up", "sigma_down"))
            built = cls(kind, numbers["mean"], up, down)
        if min(built.sigma_up, built.sigma_down, built.rate) < 1.0 / LARGEST:
            raise ConfigurationError(
                f"a {kind} constraint takes positive widths and rates of at least {1 / LARGEST:g}; "
                f"found {dict(numbers)}"
            )
        if (kind == "log_normal" and built.mean <= 0) or (kind == "poisson" and built.mean < 0):
            raise ConfigurationError(f"a {kind} constraint takes a positive {KINDS[kind][0]}; found {dict(numbers)}")
        return built

    def to_spec(self) -> dict[str, Any]:
        """The inverse of `from_spec`."""
        if self.kind == "poisson":
            return {"poisson": {"count": self.mean, "rate": self.rate}}
        if self.kind == "two_sided_normal":
            return {self.kind: {"mean": self.mean, "sigma_up": self.sigma_up, "sigma_down": self.sigma_down}}
        return {self.kind: {"mean": self.mean, "sigma": self.sigma_up}}

    @property
    def auxiliary(self) -> float:
        """The measured auxiliary datum."""
        return float(np.log(self.mean)) if self.kind == "log_normal" else self.mean

    def width(self) -> tuple[float, float]:
        """Standard deviation of the parameter below and above its measured value."""
        if self.kind == "poisson":
            sigma = float(np.sqrt(max(self.mean, 1.0)) / self.rate)
            return sigma, sigma
        scale = self.mean if self.kind == "log_normal" else 1.0
        return self.sigma_down * scale, self.sigma_up * scale


class Constraints:
    """All constraints of a likelihood, evaluated at once on a batch of parameter points.

    The auxiliary data are one vector: first the single constraints in parameter order, then the correlated blocks.
    Points have shape (batch, parameters), auxiliary data (auxiliary,) or (batch, auxiliary).
    """

    def __init__(
        self, names: Sequence[str], single: Mapping[str, Constraint], correlations: Sequence[Correlation] = ()
    ) -> None:
        names = list(names)
        chosen = [(i, single[n]) for i, n in enumerate(names) if n in single]
        self.auxiliary_names = tuple(names[i] for i, _ in chosen) + tuple(n for c in correlations for n in c.names)
        self.single = {names[i]: c for i, c in chosen}
        self.correlations = tuple(correlations)
        measured = [c.auxiliary for _, c in chosen] + [m for c in correlations for m in c.means]
        self.measured = np.array(measured, dtype=float)
        is_normal = np.array([c.kind != "poisson" for _, c in chosen], dtype=bool)
        self._slot = np.flatnonzero(is_normal)
        self._poisson_slot = np.flatnonzero(~is_normal)
        where = np.array([i for i, _ in chosen], dtype=int)
        self._index, self._poisson_index = where[self._slot], where[self._poisson_slot]
        gaussian = [c for _, c in chosen if c.kind != "poisson"]
        self._up = np.array([c.sigma_up for c in gaussian])
        self._down = np.array([c.sigma_down for c in gaussian])
        self._log = np.array([c.kind == "log_normal" for c in gaussian], dtype=bool)
        self._weight = 1.0 / (self._up * self._down)  # the mean of 1/σ² over both sides
        self._symmetric = bool(np.array_equal(self._up, self._down))
        self._any_log = bool(self._log.any())
        self._norm = float(np.sum(np.log(2.0 / (self._up + self._down))) - 0.5 * len(gaussian) * np.log(2 * np.pi))
        self._rate = np.array([c.rate for _, c in chosen if c.kind == "poisson"])
        self._constrained = np.isin(names, self.auxiliary_names)
        start = len(chosen)
        self._blocks = []
        for block in correlations:
            stop = start + len(block.names)
            matrix = np.asarray(block.covariance)
            norm = -0.5 * (np.linalg.slogdet(matrix)[1] + len(block.names) * np.log(2 * np.pi))
            for name in block.names:
                if name not in names:
                    raise ConfigurationError(unknown("parameter", name, names, "correlation"))
            index = np.array([names.index(n) for n in block.names])
            self._blocks.append((index, slice(start, stop), np.linalg.inv(matrix), np.linalg.cholesky(matrix), norm))
            start = stop

    def __len__(self) -> int:
        return len(self.measured)

    def among(self, at: np.ndarray) -> bool:
        """Whether any of the parameters at positions `at` is constrained."""
        return bool(self._constrained.take(at).any())

    def _residual(self, points: np.ndarray, auxiliary: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | float]:
        """(z, σ on the side the parameter lies, d ln or d identity) of the normal constraints."""
        theta = points.take(self._index, axis=1)
        slope: np.ndarray | float = 1.0
        if self._any_log:
            positive = np.where(self._log, np.maximum(theta, 0.0), 1.0)
            with np.errstate(divide="ignore"):
                theta = np.where(self._log, np.log(positive), theta)
                slope = 1.0 / positive
        distance = theta - auxiliary.take(self._slot, axis=-1)
        sigma = self._up if self._symmetric else np.where(distance > 0, self._up, self._down)
        return distance / sigma, sigma, slope

    def logpdf_terms(self, points: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        """ln density of the auxiliary data, normalisation included, shape (batch,)."""
        total = np.full(len(points), self._norm)
        if len(self._index):
            z, _, _ = self._residual(points, auxiliary)
            total = total - 0.5 * (z * z).sum(axis=1)
        if len(self._rate):
            expected = points[:, self._poisson_index] * self._rate
            counted = auxiliary[..., self._poisson_slot]
            total = total + poisson.log_probability(counted, expected).sum(axis=-1)
        for index, part, inverse, _, norm in self._blocks:
            d = points[:, index] - auxiliary[..., part]
            total = total + norm - 0.5 * np.einsum("bi,ij,bj->b", d, inverse, d)
        return total

    def saturated(self, auxiliary: np.ndarray) -> np.ndarray:
        """ln density at parameters that match every auxiliary datum, shape (batch,)."""
        counted = poisson.highest(auxiliary[..., self._poisson_slot]).sum(axis=-1)
        return counted + self._norm + sum(block[-1] for block in self._blocks)

    def gradient(self, points: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        """d logpdf / d parameters, shape (batch, parameters)."""
        result = np.zeros(points.shape)
        if len(self._index):
            z, sigma, slope = self._residual(points, auxiliary)
            result[:, self._index] = -z / sigma * slope
        if len(self._rate):
            counted, theta = np.broadcast_arrays(auxiliary[..., self._poisson_slot], points[:, self._poisson_index])
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                ratio = np.where(counted == 0, 0.0, counted / theta)
            result[:, self._poisson_index] += ratio - self._rate
        for index, part, inverse, _, _ in self._blocks:
            result[:, index] -= (points[:, index] - auxiliary[..., part]) @ inverse
        return result

    def information(
        self, points: np.ndarray, auxiliary: np.ndarray, at: np.ndarray | None = None, *, observed: bool = False
    ) -> np.ndarray:
        """Expected or observed information, shape (batch, parameters, parameters).

        at: positions of the only parameters that are wanted.
        """
        n, p = points.shape
        diagonal = np.zeros((n, p))
        if observed:
            z, sigma, slope = self._residual(points, auxiliary)
            diagonal[:, self._index] = slope**2 / sigma * (1.0 / sigma - np.where(self._log, z, 0.0))
        else:
            slope = self._residual(points, auxiliary)[2] if self._any_log else 1.0
            diagonal[:, self._index] = slope**2 * self._weight
        if len(self._rate):
            i = self._poisson_index
            theta = np.maximum(points[:, i], 1e-12)
            seen = auxiliary[..., self._poisson_slot] / theta if observed else self._rate
            diagonal[:, i] += seen / theta
        diagonal = diagonal if at is None else diagonal[:, at]
        m = diagonal.shape[1]
        result = np.zeros((n, m, m))
        result.reshape(n, -1)[:, :: m + 1] = diagonal
        place = np.arange(p)
        if at is not None and self._blocks:
            place = np.full(p, -1)
            place[at] = np.arange(m)
        for index, _, inverse, _, _ in self._blocks:
            own = place[index]
            kept = own >= 0
            result[:, own[kept][:, None], own[kept]] += inverse[np.ix_(kept, kept)]
        return result

    def pulls(self, points: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        """(parameter − measured)/σ for every auxiliary datum, shape (batch, auxiliary)."""
        result = np.zeros((len(points), len(self)))
        result[:, self._slot] = self._residual(points, auxiliary)[0]
        if len(self._rate):
            counted = auxiliary[..., self._poisson_slot]
            difference = points[:, self._poisson_index] * self._rate - counted
            result[:, self._poisson_slot] = difference / np.sqrt(np.maximum(counted, 1.0))
        for index, part, _, lower, _ in self._blocks:
            sigma = np.sqrt(np.diag(lower @ lower.T))
            result[:, part] = (points[:, index] - auxiliary[..., part]) / sigma
        return result

    def expected(self, points: np.ndarray) -> np.ndarray:
        """The auxiliary data of an Asimov set with its truth at `points`, shape (batch, auxiliary)."""
        result = np.zeros((len(points), len(self)))
        theta = points.take(self._index, axis=1)
        with np.errstate(divide="ignore"):
            result[:, self._slot] = np.where(self._log, np.log(np.where(self._log, np.maximum(theta, 0.0), 1.0)), theta)
        result[:, self._poisson_slot] = points[:, self._poisson_index] * self._rate
        for index, part, _, _, _ in self._blocks:
            result[:, part] = points[:, index]
        return result

    def sample(self, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Fluctuated auxiliary data with the truth at `points`, shape (batch, auxiliary)."""
        result = self.expected(points)
        shape = (len(points), len(self._slot))
        step = np.abs(rng.standard_normal(shape))
        below = rng.random(shape) < self._up / (self._up + self._down)  # a measurement below its truth has sigma_up
        result[:, self._slot] += np.where(below, -self._up, self._down) * step
        result[:, self._poisson_slot] = rng.poisson(result[:, self._poisson_slot])
        for _, part, _, lower, _ in self._blocks:
            result[:, part] += rng.standard_normal((len(points), len(lower))) @ lower.T
        return result
