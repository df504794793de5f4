"""Expected counts at one point, with their slopes and uncertainties."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from npinfer.core.result import ChannelView, Yield

Key = TypeVar("Key", bound=Hashable)
STEP = 0.01  # of a standard deviation: the error of a central difference is then a ten-thousandth


@dataclass(frozen=True)
class Spot:
    """A point (parameters,) and the covariance of the parameters at positions `kept`."""

    point: np.ndarray
    covariance: np.ndarray
    kept: np.ndarray


def slopes(
    function: Callable[[np.ndarray], Mapping[Key, np.ndarray]], parameters: Any, spot: Spot
) -> dict[Key, np.ndarray]:
    """Derivatives of named quantities in the parameters kept, (kept,) each, by central differences inside the bounds.

    function: points (batch, parameters) to {name: (batch,)}.
    """
    point, kept = spot.point, spot.kept
    if not len(kept):
        return {name: np.zeros(0) for name in function(point[None])}
    sigma = np.sqrt(np.maximum(np.diag(spot.covariance), 0.0))
    step = np.maximum(STEP * sigma, 1e-9 * (1.0 + np.abs(point[kept])))
    up, down = np.tile(point, (len(kept), 1)), np.tile(point, (len(kept), 1))
    rows = np.arange(len(kept))
    up[rows, kept] = np.minimum(point[kept] + step, parameters.upper[kept])
    down[rows, kept] = np.maximum(point[kept] - step, parameters.lower[kept])
    found = function(np.concatenate([up, down]))
    width = (up - down)[rows, kept]
    return {name: (values[: len(kept)] - values[len(kept) :]) / width for name, values in found.items()}


def channel_views(likelihood: Any, spot: Spot) -> dict[str, ChannelView]:
    """Observed and expected counts of every channel, with the expectation's slopes in the parameters kept."""
    template = likelihood.expected(spot.point)
    jacobian = likelihood.rates_jacobian(spot.point[None])[1][0][spot.kept]
    views, start = {}, 0
    for channel in likelihood.channels:
        samples = {name: counts[channel.name] for name, counts in template.samples.items()}
        observed = np.asarray(likelihood.data.counts[channel.name])
        slope, sigma = jacobian[:, start : start + channel.bins], np.array([channel.sigma_up, channel.sigma_down])
        views[channel.name] = ChannelView(channel.axes, observed, samples, slope, sigma)
        start += channel.bins
    return views


def sample_yields(likelihood: Any, prefit: Spot, postfit: Spot) -> tuple[Yield, ...]:
    """Expected counts of every channel and sample, summed over bins, with their standard deviations."""
    keys = [(c.name, s) for c in likelihood.channels for s in likelihood.expected(postfit.point).samples]

    def totals(points: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
        samples = likelihood.expected(points).samples
        return {(c, s): samples[s][c].sum(axis=-1) for c, s in keys}

    columns = []
    for spot in (prefit, postfit):
        values, known = totals(spot.point[None]), likelihood.sample_slopes(spot.point)
        if known is None:
            gradients = slopes(totals, likelihood.parameters, spot)
        else:
            parts = likelihood.split(known)
            gradients = {(c, s): parts[s][c][spot.kept].sum(axis=-1) for c, s in keys}
        errors = {k: float(np.sqrt(max(g @ spot.covariance @ g, 0.0))) for k, g in gradients.items()}
        columns.append({k: (float(values[k][0]), errors[k]) for k in values})
    return tuple(Yield(*key, *columns[0][key], *columns[1][key]) for key in keys)
