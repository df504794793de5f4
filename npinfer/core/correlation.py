"""Correlations: normal auxiliary measurements of several parameters that are not independent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from npinfer.core.limits import LARGEST
from npinfer.errors import ConfigurationError, unknown

if TYPE_CHECKING:
    from npinfer.core.constraint import Constraint

Matrix = tuple[tuple[float, ...], ...]
FORMS = ({"names", "correlation"}, {"names", "means", "covariance"})


@dataclass(frozen=True)
class Correlation:
    """A correlated normal block: `means` of the parameters `names` measured with `covariance`."""

    names: tuple[str, ...]
    means: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        n = len(self.names)
        if len(set(self.names)) != n:
            raise ConfigurationError(f"the correlation of {', '.join(self.names)} names a parameter twice")
        try:
            matrix = np.asarray(self.covariance, dtype=float)
        except (TypeError, ValueError):
            raise ConfigurationError(
                f"the covariance of {', '.join(self.names)} is not a {n}×{n} matrix of numbers"
            ) from None
        if matrix.shape != (n, n) or len(self.means) != n:
            raise ConfigurationError(
                f"the correlation of {', '.join(self.names)} needs {n} means and a {n}×{n} covariance"
            )
        if not all((np.abs(numbers) <= LARGEST).all() for numbers in (np.array(self.means), matrix)):
            raise ConfigurationError(
                f"the means and the covariance of {', '.join(self.names)} are not finite numbers of at most {LARGEST:g}"
            )
        if not np.allclose(matrix, matrix.T, rtol=1e-8, atol=0.0) or np.linalg.eigvalsh(matrix).min() <= 0:
            raise ConfigurationError(
                f"the covariance of {', '.join(self.names)} is not symmetric and positive definite"
            )

    def renamed(self, new_name: Mapping[str, str]) -> Correlation:
        """The same block, of parameters that have become others."""
        return replace(self, names=tuple(new_name.get(n, n) for n in self.names))

    def among(self, known: Collection[str]) -> Correlation | None:
        """What the block says of the parameters that are `known`; None where it is of none."""
        at = [i for i, name in enumerate(self.names) if name in known]
        means, names = tuple(self.means[i] for i in at), tuple(self.names[i] for i in at)
        return Correlation(names, means, _submatrix(self.covariance, at)) if at else None


@dataclass(frozen=True)
class PartialCorrelation:
    """Parameters whose own normal constraints are correlated: means and widths are those of the constraints.

    correlation: of every pair, one number, or a matrix with ones on its diagonal.
    """

    names: tuple[str, ...]
    correlation: float | Matrix

    def among(self, known: Collection[str]) -> PartialCorrelation | None:
        """What is correlated among the parameters that are `known`; None where fewer than two are."""
        at = [i for i, name in enumerate(self.names) if name in known]
        if len(at) < 2:
            return None
        inner = self.correlation if isinstance(self.correlation, float) else _submatrix(self.correlation, at)
        return PartialCorrelation(tuple(self.names[i] for i in at), inner)

    def of(self, constraints: Mapping[str, Constraint | None]) -> Correlation:
        """The block that replaces the constraints of its parameters; raises ConfigurationError."""
        where = f"the correlation of {', '.join(self.names)}"
        measured = []
        for name in self.names:
            constraint = constraints[name]
            if constraint is None or constraint.kind != "normal":
                found = "no constraint" if constraint is None else f"a {constraint.kind} constraint"
                raise ConfigurationError(
                    f"{where}: {name!r} has {found} of its own; only normal constraints are correlated by a number: "
                    "give one to it, or give means and covariance of all"
                )
            measured.append(constraint)
        sigma = np.array([c.sigma_up for c in measured])
        covariance = self._matrix(where) * np.outer(sigma, sigma)
        return Correlation(self.names, tuple(c.mean for c in measured), _tuples(covariance.tolist()))

    def _matrix(self, where: str) -> np.ndarray:
        """The correlations as a matrix, checked; raises ConfigurationError."""
        n = len(self.names)
        if n < 2:
            raise ConfigurationError(f"{where}: names one parameter; a correlation is between two or more")
        try:
            matrix = np.asarray(self.correlation, dtype=float)
        except (TypeError, ValueError):
            raise ConfigurationError(f"{where}: expected a number or a {n}×{n} matrix of numbers") from None
        if matrix.ndim == 0:
            matrix = np.where(np.eye(n) > 0, 1.0, matrix)
        if matrix.shape != (n, n) or not np.allclose(np.diag(matrix), 1.0, rtol=0.0, atol=1e-12):
            raise ConfigurationError(f"{where}: expected a number or a {n}×{n} matrix with ones on its diagonal")
        off = matrix[~np.eye(n, dtype=bool)]
        if not np.isfinite(off).all() or np.abs(off).max() >= 1.0:
            raise ConfigurationError(
                f"{where}: a correlation lies between −1 and 1; found {off[np.argmax(np.abs(off))]:g}; parameters "
                "that are fully correlated are one: share them"
            )
        if not np.array_equal(matrix, matrix.T) or np.linalg.eigvalsh(matrix).min() <= 0:
            raise ConfigurationError(
                f"{where} is not symmetric and positive definite: no measurements are correlated like that"
            )
        return matrix


def read_correlation(spec: Any) -> Correlation | PartialCorrelation:
    """A block as it is, or from `{names, correlation}` or `{names, means, covariance}`; raises ConfigurationError.

    >>> read_correlation({"names": ["a.x", "b.x"], "correlation": 0.4}).correlation
    0.4
    """
    if isinstance(spec, Correlation | PartialCorrelation):
        return spec
    if not isinstance(spec, Mapping):
        raise ConfigurationError(f"correlate takes a list of mappings with names and correlation; found {spec!r}")
    for key in spec:
        if key not in FORMS[0] | FORMS[1]:
            raise ConfigurationError(unknown("key", str(key), sorted(FORMS[0] | FORMS[1]), "correlate"))
    if set(spec) not in FORMS or isinstance(spec["names"], str):
        raise ConfigurationError(
            "correlate takes a list of names with a correlation, or with means and a covariance; "
            f"found {', '.join(map(str, spec)) or 'nothing'}"
        )
    names = tuple(str(n) for n in spec["names"])
    if "correlation" in spec:
        value = spec["correlation"]
        return PartialCorrelation(names, float(value) if isinstance(value, int | float) else _tuples(value))
    return Correlation(names, _tuples(spec["means"]), _tuples(spec["covariance"]))


def _tuples(value: Any) -> Any:
    """Nested lists or arrays as tuples, so that what holds them can be compared."""
    value = value.tolist() if isinstance(value, np.ndarray) else value
    return tuple(_tuples(v) for v in value) if isinstance(value, list | tuple) else value


def _submatrix(matrix: Matrix, at: list[int]) -> Matrix:
    return tuple(tuple(matrix[i][j] for j in at) for i in at)
