"""Axes: how a channel is binned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npinfer.core.limits import LARGEST
from npinfer.errors import ConfigurationError

MAX_BINS = 100_000
UNITS = {"gev": "GeV", "mev": "MeV", "kev": "keV", "kevee": "keVee", "pe": "PE"}
UNITS |= {"m": "m", "km": "km", "s": "s", "us": "µs", "rad": "rad"}


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
        if len(edges) < 2 or not (np.abs(edges) <= LARGEST).all() or (np.diff(edges) <= 0).any():
            raise ConfigurationError(
                f"axis {self.name!r}: edges must be at least two increasing finite numbers, of at most {LARGEST:g}"
            )

    @classmethod
    def from_spec(cls, name: str, spec: dict[str, list[float]]) -> Axis:
        """Read `{edges: [...]}`, `{linear: [low, high, bins]}` or `{log: ...}`; raises ConfigurationError."""
        if len(spec) != 1 or not set(spec) <= {"edges", "linear", "log"}:
            raise ConfigurationError(
                f"axis {name!r}: give one of edges, linear or log; found {', '.join(spec) or 'nothing'}"
            )
        ((kind, numbers),) = spec.items()
        if kind == "edges":
            return cls(name, tuple(float(v) for v in numbers))
        if (
            len(numbers) != 3
            or not (np.abs(numbers) <= LARGEST).all()
            or not 1 <= numbers[2] <= MAX_BINS
            or int(numbers[2]) != numbers[2]
        ):
            raise ConfigurationError(
                f"axis {name!r}: {kind} takes [low, high, number of bins up to {MAX_BINS}]; found {numbers}"
            )
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
