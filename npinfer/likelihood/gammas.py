"""Bin factors γ: one nuisance parameter a bin for a template's own uncertainty (staterror and shapesys of HistFactory).

CERN-OPEN-2012-016; pyhf's conventions. A staterror is shared by the samples that carry it in a channel: the normal
constraint of γ has the relative uncertainty of their sum, √(Σ variance) / Σ counts, of the templates as they are
declared, where samples of one simulation add event by event. (Barlow–Beeston "lite": J. S. Conway, arXiv:1103.0354.)
A shapesys is of one sample: γ has the Poisson constraint of (counts / uncertainty)² auxiliary events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from npinfer.core.constraint import Constraint
from npinfer.core.parameter import Parameter
from npinfer.core.template import Channel
from npinfer.errors import ConfigurationError
from npinfer.likelihood.simulation import Covariance

KINDS = ("staterror", "shapesys")
BOUNDS = (1e-10, 10.0)
FINEST = 1e-7  # relative uncertainty: with less, the auxiliary counts of toys cannot be drawn exactly
COARSEST = 1e10  # with more, next to nothing is expected of a bin that is said to be uncertain


class Carrier(NamedTuple):
    """A staterror or shapesys on one sample.

    key: its place in the file; where: the bins it may vary, (bins,) of bool; counts: the sample's template, (bins,);
    uncertainty: its absolute standard deviation, (bins,), for a shapesys.
    """

    sample: str
    kind: str
    name: str
    group: str
    key: tuple[str | int, ...]
    where: np.ndarray
    counts: np.ndarray
    uncertainty: np.ndarray


class Gammas(NamedTuple):
    """Short names of parameters, and the bin that each multiplies."""

    names: tuple[str, ...]
    bins: tuple[int, ...]


def widths(carriers: Sequence[Carrier], simulated: Sequence[Covariance]) -> np.ndarray:
    """Relative uncertainty (bins,) of the summed templates of samples with one staterror; 0 where they are empty."""
    counts = np.sum([c.counts * c.where for c in carriers], axis=0)
    where = {c.sample: c.where.astype(float) for c in carriers}
    empty = np.zeros(len(counts))
    variance = np.sum(
        [v.variance(np.array([where.get(s, empty) for s in v.samples])) for v in simulated], axis=0, initial=0.0
    )
    return _ratio(np.sqrt(variance), counts)


def _ratio(sigma: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Relative uncertainty; 0 where there are no counts."""
    with np.errstate(over="ignore"):
        return np.asarray(sigma / np.where(counts > 0, counts, np.inf))


def bin_parameters(
    carriers: Sequence[Carrier], simulated: Sequence[Covariance], channels: Sequence[Channel], owner: str
) -> tuple[dict[str, Parameter], dict[str, tuple[Gammas, ...]]]:
    """The parameters γ {short name: Parameter} of likelihood `owner`, and what multiplies each sample.

    Bins without uncertainty, or where the template is empty, have none. Raises ConfigurationError.
    """
    bins = [(c.name, i) for c in channels for i in range(c.bins)]
    parameters: dict[str, Parameter] = {}
    factors: dict[str, tuple[Gammas, ...]] = {}
    for name in dict.fromkeys(c.name for c in carriers):
        mine = [c for c in carriers if c.name == name]
        sigma = _relative(mine, simulated)
        short = {int(b): f"{name}_{bins[b][0]}_{bins[b][1]}" for b in np.flatnonzero(sigma > 0)}
        for b, parameter in short.items():
            said = _constraint(mine[0].kind, float(sigma[b]), f"bin {bins[b][1]} of channel {bins[b][0]!r}")
            group = next((c.group for c in mine if c.group), name)
            parameters[parameter] = Parameter(f"{owner}.{parameter}", 1.0, BOUNDS, group=group, constraint=said)
        for carrier in mine:
            own = [b for b in short if carrier.where[b]]
            if own:
                gammas = Gammas(tuple(short[b] for b in own), tuple(own))
                factors[carrier.sample] = (*factors.get(carrier.sample, ()), gammas)
    return parameters, factors


def _relative(carriers: Sequence[Carrier], simulated: Sequence[Covariance]) -> np.ndarray:
    """Relative uncertainty (bins,) of the γ of one name."""
    if carriers[0].kind == "staterror":
        return widths(carriers, simulated)
    counts, sigma = carriers[0].counts, carriers[0].uncertainty * carriers[0].where
    return _ratio(sigma, counts)


def _constraint(kind: str, sigma: float, where: str) -> Constraint:
    if sigma < FINEST:
        raise ConfigurationError(
            f"the relative uncertainty {sigma:.1e} of {where} is too small for a {kind}; give 0 to have none"
        )
    if sigma > COARSEST:
        raise ConfigurationError(f"the relative uncertainty {sigma:.1e} of {where} is too large for a {kind}")
    if kind == "staterror":
        return Constraint("normal", 1.0, sigma, sigma)
    return Constraint("poisson", sigma**-2, rate=sigma**-2)


def check_names(carriers: Sequence[Carrier], taken: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for the last carrier if its name or its bins are used already.

    taken: parameters that are declared.
    """
    new, others = carriers[-1], carriers[:-1]
    if new.name in taken:
        raise ConfigurationError(
            f"{new.name!r} is the name of a parameter already; a {new.kind} has parameters of its own, one a bin: "
            "choose another name"
        )
    for other in others:
        if other.name == new.name and (other.kind, new.kind) != ("staterror", "staterror"):
            raise ConfigurationError(
                f"{new.name!r} is the name of a {other.kind} of {other.sample!r} already; choose another name"
            )
        same = other.sample == new.sample and other.kind == new.kind == "staterror"
        if same and (other.name == new.name or (other.where & new.where).any()):
            raise ConfigurationError(f"{new.sample!r} has a staterror already: its variance would count twice")
