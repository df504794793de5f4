"""Simulations: the Monte-Carlo variance of expected counts.

It belongs to a simulation, not to a sample: samples that weight the same simulated events differently share their
statistical fluctuations. In a bin the variance is Σ_events (Σ_samples f_s w_s)², where w_s is the event's weight for
the sample s and f_s the sample's factor (scale, normsys and bin factors) at the parameter point. It is quadratic in the
factors: contracted at load, Σ_st f_s f_t V_st with V_st = Σ_events w_s w_t. A histosys does not change it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from npinfer.core.template import Channel
from npinfer.errors import ConfigurationError
from npinfer.likelihood.simulated import Simulated
from npinfer.likelihood.terms import Group, NormFactors, power_product

ENOUGH = 10.0  # effective simulated events in a bin
RELEVANT_COUNTS, RELEVANT_SHARE = 0.01, 0.05  # least a simulation expects, alone and of all, in a bin that matters
SHOWN = 8  # bins named in a note


class Covariance(NamedTuple):
    """V_st of the samples of one simulation, (samples, samples, bins)."""

    simulation: str
    samples: tuple[str, ...]
    matrix: np.ndarray

    def variance(self, factors: np.ndarray) -> np.ndarray:
        """Σ_st f_s f_t V_st (bins,) with factors (samples, bins)."""
        total: np.ndarray = np.einsum("sb,stb,tb->b", factors, self.matrix, factors)
        return np.maximum(total, 0.0)


def covariances(members: Sequence[Simulated]) -> tuple[Covariance, ...]:
    """The samples of each simulation together; raises ConfigurationError where their events are not known."""
    together: dict[str, list[Simulated]] = {}
    for member in members:
        together.setdefault(member.simulation, []).append(member)
    return tuple(_covariance(name, group) for name, group in together.items())


def _covariance(name: str, group: Sequence[Simulated]) -> Covariance:
    samples = tuple(m.sample for m in group)
    if len(group) == 1:
        return Covariance(name, samples, group[0].variance[None, None])
    events = [m.events for m in group if m.events is not None]
    if len(events) < len(group) or len({e.file for e in events}) > 1:
        raise ConfigurationError(
            f"the samples {' and '.join(samples)} share the simulation {name!r}, so their counts fluctuate together: "
            "give all of them templates from one table of events, or each a simulation of its own"
        )
    bins = len(group[0].variance)
    matrix = [[np.bincount(a.bins, a.weights * b.weights, bins) for b in events] for a in events]
    return Covariance(name, samples, np.array(matrix))


class Simulation:
    """The Monte-Carlo variance of one simulation as a function of the parameters."""

    def __init__(self, covariance: Covariance, groups: Sequence[Group]) -> None:
        """groups: those that the samples of the simulation belong to, with what multiplies them."""
        self.name, self.samples, self._matrix = covariance
        factors = {s.name: (s.scale, g.norm) for g in groups for s in g.samples}
        self._factors: list[tuple[tuple[tuple[int, float], ...], NormFactors]] = [factors[s] for s in self.samples]

    def _evaluate(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The factors f_s and Σ_t V_st f_t, each (batch, samples, bins)."""
        bins = self._matrix.shape[2]
        factors = [
            np.broadcast_to(power_product(points, scale)[0] * norm(points), (len(points), bins))
            for scale, norm in self._factors
        ]
        stacked = np.stack(factors, axis=1)
        return stacked, np.einsum("stb,ntb->nsb", self._matrix, stacked)

    def add_variance(self, points: np.ndarray, total: np.ndarray) -> None:
        """Add the variance to `total` (batch, bins)."""
        factors, weighted = self._evaluate(points)
        total += np.maximum((factors * weighted).sum(axis=1), 0.0)

    def add_variance_jacobian(self, points: np.ndarray, total: np.ndarray, jacobian: np.ndarray) -> None:
        """Add the variance to `total` and its derivatives to `jacobian` (batch, parameters, bins)."""
        factors, weighted = self._evaluate(points)
        total += np.maximum((factors * weighted).sum(axis=1), 0.0)
        for s, (scale, norm) in enumerate(self._factors):
            product, slopes = power_product(points, scale)
            twice = 2.0 * weighted[:, s]
            factor = norm.add_slopes(points, twice * product, jacobian)
            for i, slope in slopes:
                jacobian[:, i] += twice * factor * slope

    def thin_bins(self, point: np.ndarray, expected: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Bins with fewer than ENOUGH effective events (Σw)²/Σw², and that number, (bins,).

        point: of the parameters, (1, parameters); expected: counts (bins,) there of every sample of the likelihood.
        Bins where the simulation expects next to nothing, alone or next to the rest, are left out.
        """
        variance = np.zeros((1, self._matrix.shape[2]))
        self.add_variance(point, variance)
        counts = np.sum([expected[s] for s in self.samples], axis=0)
        relevant = (counts > RELEVANT_COUNTS) & (counts > RELEVANT_SHARE * np.sum(list(expected.values()), axis=0))
        relevant &= counts**2 < ENOUGH * variance[0]
        effective = np.full(len(counts), np.inf)
        effective[relevant] = counts[relevant] ** 2 / variance[0, relevant]
        return np.flatnonzero(relevant), effective


def thin_notes(
    simulations: Sequence[Simulation],
    channels: Sequence[Channel],
    point: np.ndarray,
    expected: Mapping[str, np.ndarray],
) -> tuple[str, ...]:
    """A note on every channel where a simulation has too few effective events; arguments as of `thin_bins`."""
    notes = []
    for simulation in simulations:
        bins, effective = simulation.thin_bins(point, expected)
        start = 0
        for channel in channels:
            mine = bins[(bins >= start) & (bins < start + channel.bins)]
            if len(mine):
                worst = int(mine[np.argmin(effective[mine])])
                named = ", ".join(str(b - start) for b in mine[:SHOWN]) + (", …" if len(mine) > SHOWN else "")
                notes.append(
                    f"simulation {simulation.name!r}: fewer than {ENOUGH:g} effective events, (Σw)²/Σw², in "
                    f"{len(mine)} of {channel.bins} bins of channel {channel.name!r} ({named}), "
                    f"{effective[worst]:.2g} in bin {worst - start}: {_consequence(channel)}; "
                    "simulate more events or merge bins"
                )
            start += channel.bins
    return tuple(notes)


def _consequence(channel: Channel) -> str:
    if channel.statistic == "effective":
        return "the effective likelihood is biased there, norms low by about one over that number"
    return "its fluctuations count only where a staterror or shapesys says so"
