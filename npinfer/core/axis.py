"""Axes: how a channel is binned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npinfer.errors import ConfigurationError

UNITS = {"gev": "GeV", "mev": "MeV", "kev": "keV", "m": "m", "km": "km", "s": "s", "us": "µs", "rad": "rad", "pe": "PE"}


@dataclass(frozen=True)
class Axis:
    """A binned quantity. The unit is the last word of the name: `energy_gev` is in GeV.

    >>> Axis("energy_gev", (1.0, 10.0, 100.0)).unit
    'GeV'
    """

    name: str
    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        edges = np.asarray(self.edges, dtype=float)
        if len(edges) < 2 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
            raise ConfigurationError(f"axis {self.name!r}: edges must be at least two increasing finite numbers")

    @classmethod
    def from_spec(cls, name: str, spec: dict[str, list[float]]) -> Axis:
        """Read `{edges: [...]}`, `{linear: [low, high, bins]}` or `{log: [low, high, bins]}`; raises ConfigurationError."""
        (kind, numbers), *more = spec.items()
        if more or kind not in ("edges", "linear", "log"):
            raise ConfigurationError(f"axis {name!r}: give one of edges, linear or log; found {', '.join(spec)}")
        if kind == "edges":
            return cls(name, tuple(float(v) for v in numbers))
        if len(numbers) != 3 or int(numbers[2]) != numbers[2] or numbers[2] < 1:
            raise ConfigurationError(f"axis {name!r}: {kind} takes [low, high, number of bins]; found {numbers}")
        if kind == "log" and min(numbers[:2]) <= 0:
            raise ConfigurationError(f"axis {name!r}: a log axis needs positive ends; found {numbers}")
        low, high, bins = float(numbers[0]), float(numbers[1]), int(numbers[2])
        edges = np.geomspace(low, high, bins + 1) if kind == "log" else np.linspace(low, high, bins + 1)
        return cls(name, tuple(edges.tolist()))

    @property
    def unit(self) -> str:
        return UNITS.get(self.name.rsplit("_", 1)[-1], "")

    @property
    def bins(self) -> int:
        return len(self.edges) - 1

    @property
    def label(self) -> str:
        """How plots name it, with its unit."""
        word = self.name.rsplit("_", 1)[0] if self.unit else self.name
        return word.replace("_", " ") + (f" [{self.unit}]" if self.unit else "")


def histogram(columns: list[np.ndarray], axes: list[Axis]) -> np.ndarray:
    """Counts per bin, flattened in C order of the axes; a value on the last edge belongs to the last bin."""
    counts, _ = np.histogramdd(np.column_stack(columns), bins=[np.asarray(a.edges) for a in axes])
    return counts.ravel()
