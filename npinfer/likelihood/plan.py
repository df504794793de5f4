"""Plans: samples as their file declares them, before the positions of the parameters are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from npinfer.core.limits import MOST_COUNTS
from npinfer.errors import ConfigurationError
from npinfer.likelihood.gammas import Carrier, Gammas
from npinfer.likelihood.interpolation import Shift
from npinfer.likelihood.simulated import Simulated
from npinfer.likelihood.terms import BinFactors, Group, HistoSys, NormFactors, Sample, Source


class NormSys(NamedTuple):
    """A normsys of a sample: the factors at ±1σ and the bins that it varies."""

    name: str
    up: float
    down: float
    mask: bytes  # of float64, one a bin: hashable, so that samples with the same normsys are found


class Plan(NamedTuple):
    """A sample: its source and what varies it, by short names of parameters."""

    name: str
    source: Source
    scale: Mapping[str, float]
    norm: tuple[NormSys, ...]
    shape: tuple[tuple[str, Shift], ...]
    carriers: tuple[Carrier, ...]
    simulated: Simulated | None

    def reads(self) -> set[str]:
        """Short names of the parameters it depends on, but for the factors of its bins."""
        return {*self.source.names, *self.scale, *(n.name for n in self.norm), *(name for name, _ in self.shape)}


def place(
    plans: Sequence[Plan], gammas: Mapping[str, tuple[Gammas, ...]], positions: Mapping[str, int], bins: int
) -> tuple[Group, ...]:
    """The samples with their parameters found, those that the same factors multiply together."""
    together: dict[tuple[tuple[NormSys, ...], tuple[Gammas, ...]], list[Sample]] = {}
    for plan in plans:
        sample = Sample(
            plan.name,
            plan.source,
            np.array([positions[n] for n in plan.source.names], dtype=np.intp),
            tuple((positions[n], power) for n, power in plan.scale.items()),
            tuple(HistoSys(positions[n], shift) for n, shift in plan.shape),
        )
        together.setdefault((plan.norm, gammas.get(plan.name, ())), []).append(sample)
    groups = []
    for (norm, own), samples in together.items():
        masks = np.array([np.frombuffer(n.mask) for n in norm]).reshape(len(norm), bins)
        at = [positions[n.name] for n in norm]
        factors = [
            BinFactors(np.array([positions[n] for n in g.names], dtype=np.intp), np.array(g.bins, dtype=np.intp))
            for g in own
        ]
        norms = NormFactors(at, [n.up for n in norm], [n.down for n in norm], masks, factors)
        groups.append(Group(tuple(samples), norms))
    return tuple(groups)


def check_expected(groups: Sequence[Group], point: np.ndarray, bins: Mapping[str, int]) -> None:
    """Raise ConfigurationError where the expected counts at a point (1, parameters) are not counts."""
    expected = np.zeros((1, sum(bins.values())))
    for group in groups:
        group.add_counts(point, expected)
    good = expected[0] <= MOST_COUNTS
    if not good.all():
        bad = int(np.argmin(good))
        channel = [name for name, number in bins.items() for _ in range(number)][bad]
        raise ConfigurationError(
            f"{expected[0, bad]:g} counts are expected in a bin of channel {channel!r} at the start values; give at "
            f"most {MOST_COUNTS:g}: change a template, a scale or a start value"
        )
