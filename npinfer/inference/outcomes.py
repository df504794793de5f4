"""All outcomes that a likelihood of few expected events can have, each with its probability."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln
from scipy.stats import poisson

from npinfer.core.template import effective_bins, measured_bins
from npinfer.errors import InferenceError

REST = 1e-10  # probability of a bin's counts that may be left out, on either side
MOST = 20_000  # outcomes


def enumerate_outcomes(likelihood: Any, truths: np.ndarray, free: np.ndarray) -> tuple[Any, np.ndarray]:
    """Every count that the bins can have for some truth, packed, and its probability, (truths, outcomes).

    truths: (truths, parameters); free: (parameters,), which parameters are fitted. Raises InferenceError where
    auxiliary data of free parameters make the outcomes continuous, or where there are too many.
    """
    if measured_bins(likelihood.channels).any():
        raise InferenceError(
            f"{likelihood.name}: what is measured with the statistic normal is continuous and cannot be enumerated; "
            "give a number of toys"
        )
    if effective_bins(likelihood.channels).any():
        raise InferenceError(
            f"{likelihood.name}: the outcomes of channels with the statistic effective are not enumerated, as their "
            "true rates are not known; give a number of toys"
        )
    measured = [n for n in likelihood.constraints.auxiliary_names if free[likelihood.parameters.index(n)]]
    if measured:
        raise InferenceError(
            f"{likelihood.name}: the outcomes cannot be enumerated: {measured[0]} has auxiliary data, which are "
            "continuous; give a number of toys, or fix it"
        )
    rates = likelihood.rates(truths)
    low, high = poisson.ppf(REST, rates.min(axis=0)), poisson.isf(REST, rates.max(axis=0)) + 1
    low = np.maximum(low - 1, 0)
    sizes = (high - low + 1).astype(int)
    number = float(np.prod(sizes.astype(float)))
    if number > MOST:
        raise InferenceError(
            f"{likelihood.name}: {number:.3g} outcomes of {likelihood.bins} bins are too many to enumerate (at most "
            f"{MOST}); give a number of toys"
        )
    axes = [np.arange(a, b + 1) for a, b in zip(low, high, strict=True)]
    counts = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, likelihood.bins)
    auxiliary = np.tile(likelihood.pack(None).auxiliary, (len(counts), 1))
    packed = likelihood.pack(likelihood.dataset(counts, auxiliary, "toy"))
    log_rates = np.log(np.maximum(rates, 1e-300))
    impossible = ((rates == 0).astype(float) @ (counts > 0).T) > 0
    logp = log_rates @ counts.T - rates.sum(axis=1)[:, None] - gammaln(counts + 1.0).sum(axis=-1)
    return packed, np.where(impossible, 0.0, np.exp(logp))
