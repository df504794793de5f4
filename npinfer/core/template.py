"""Templates: expected counts on named channels, split by sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from npinfer.core.axis import Axis
from npinfer.errors import DataError, unknown


@dataclass(frozen=True)
class Channel:
    """A histogram of the data: its name, axes and statistic. Bins are flattened in C order of the axes.

    statistic: "poisson", or "effective" where the finite statistics of the simulation count, or "normal" for quantities
    that were measured and not counted: with sigma_up where the expectation lies above them, else sigma_down, (bins,).
    """

    name: str
    axes: tuple[Axis, ...]
    statistic: str = "poisson"
    sigma_up: tuple[float, ...] = ()
    sigma_down: tuple[float, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(a.bins for a in self.axes)

    @property
    def bins(self) -> int:
        return int(np.prod(self.shape))

    @property
    def measured(self) -> bool:
        """Whether the bins hold measured quantities instead of counts."""
        return self.statistic == "normal"

    @property
    def peak(self) -> float:
        """ln density of measured quantities where just they are expected; 0 for counts."""
        width = np.add(self.sigma_up, self.sigma_down)
        return float(np.sum(np.log(2.0 / width) - 0.5 * np.log(2.0 * np.pi)))


def effective_bins(channels: Sequence[Channel]) -> np.ndarray:
    """Which bins of all channels have the statistic "effective", (bins,) of bool."""
    return np.repeat([c.statistic == "effective" for c in channels], [c.bins for c in channels])


def measured_bins(channels: Sequence[Channel]) -> np.ndarray:
    """Which bins of all channels hold measured quantities instead of counts, (bins,) of bool."""
    return np.repeat([c.measured for c in channels], [c.bins for c in channels])


@dataclass(frozen=True)
class Template(Mapping[str, np.ndarray]):
    """Expected counts by channel, (bins,) or (batch, bins), and by sample.

    `template["cascade"]` is the sum; `template.samples["astro"]["cascade"]` one part of it.
    """

    samples: Mapping[str, Mapping[str, np.ndarray]]
    channels: tuple[str, ...]

    def __getitem__(self, channel: str) -> np.ndarray:
        if channel not in self.channels:
            raise KeyError(channel)
        return np.sum([counts[channel] for counts in self.samples.values()], axis=0)

    def __iter__(self) -> Iterator[str]:
        return iter(self.channels)

    def __len__(self) -> int:
        return len(self.channels)

    def total(self, sample: str | None = None) -> float | np.ndarray:
        """Expected counts summed over all bins, of one sample or of all."""
        if sample is not None and sample not in self.samples:
            raise DataError(unknown("sample", sample, self.samples))
        chosen = self.samples.values() if sample is None else [self.samples[sample]]
        return np.sum([np.sum(counts, axis=-1) for part in chosen for counts in part.values()], axis=0)
