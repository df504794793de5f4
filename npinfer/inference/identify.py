"""What the data leave open: directions in which a likelihood is flat or nearly so, and data that no point can give.

A model is identified at a point where its information is not singular (Rothenberg, Econometrica 39 (1971) 577).
Parameters that move along a flat direction have no error. A direction is weak where one standard deviation along it is
longer than the whole allowed range of a parameter: its errors are those of the curvature, and no range of values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npinfer.core.template import measured_bins

EXACT = 1e-11  # eigenvalue of a scaled expected information that rounding leaves of nothing
NOISE = 1e-3  # the most that differences leave of nothing, relative to the information of one parameter alone
FLATTEST = 1e-8  # eigenvalue of a scaled observed information that is as good as none
INWARD = 0.01  # of its range that a parameter is moved off its bound where it makes the data impossible
POSITIVE = ("log_normal", "poisson")  # constraints of parameters that are never negative
CONNECTED = 0.1  # correlation of parameters that are named together


def without_noise(observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Observed information (n, n) where a direction in which nothing is expected to change carries exactly none.

    The expected information is exact; the observed is made of differences, which leave up to NOISE where there is none.
    What is more than that is curvature: counts that rise with the square of a parameter have no other at its zero.
    """
    scale = _unit(np.maximum(np.abs(observed), np.abs(expected)))
    values, vectors = np.linalg.eigh(expected * np.outer(scale, scale))
    scaled = observed * np.outer(scale, scale)
    curvature = np.abs((vectors * (scaled @ vectors)).sum(axis=0))
    flat = vectors[:, (values < EXACT) & (curvature < NOISE)]
    rest = np.eye(len(scale)) - flat @ flat.T
    return np.asarray(rest @ scaled @ rest / np.outer(scale, scale))


def invert(information: np.ndarray, width: np.ndarray) -> np.ndarray:
    """The covariance (n, n) of parameters with allowed ranges of `width` (n,); long, but finite, where it is flat."""
    values, vectors = _directions(information, width)
    return np.asarray((vectors / np.maximum(values, FLATTEST)) @ vectors.T)


def flat_directions(information: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Steps along which the information, scaled to a unit diagonal, is below FLATTEST, (directions, n)."""
    values, vectors = _directions(information, width)
    return np.asarray(vectors[:, values < FLATTEST].T / np.sqrt(FLATTEST))


def weak_directions(covariance: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Steps of one standard deviation that are longer than an allowed range, (directions, n)."""
    values, vectors = np.linalg.eigh(covariance / np.outer(width, width))
    steps = (vectors * np.sqrt(np.maximum(values, 0.0))).T
    return np.asarray(steps[np.abs(steps).max(axis=1, initial=0.0) > 1.0] * width)


def moves(steps: np.ndarray, covariance: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Whether most of the variance of quantities with `gradients` (quantities, n) lies along `steps`, (quantities,)."""
    variance = ((gradients @ covariance) * gradients).sum(axis=1)
    return np.asarray((((gradients @ steps.T) ** 2).sum(axis=1) > 0.5 * variance) & (variance > 0))


def identified(information: np.ndarray) -> np.ndarray:
    """Which parameters an information fixes at all, (n,): those that no flat direction moves."""
    scale = _unit(information)
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    return np.asarray((vectors[:, values < FLATTEST] ** 2).sum(axis=1) < 1e-3)


def rank(information: np.ndarray) -> int:
    """How many combinations of parameters an information fixes."""
    scale = _unit(information)
    return int((np.linalg.eigvalsh(information * np.outer(scale, scale)) >= FLATTEST).sum())


def _directions(information: np.ndarray, width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (n,) of the information scaled to a unit diagonal; its directions, unscaled again, as columns (n, n).

    A parameter that it says nearly nothing about is scaled by its allowed range instead.
    """
    scale = np.minimum(_unit(information), width)
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    return values, vectors * scale[:, None]


def _unit(information: np.ndarray) -> np.ndarray:
    """Factors (n,) that give an information a diagonal of ones, where it is not zero."""
    return np.asarray(1.0 / np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300)))


def say_flat(names: list[str], covariance: np.ndarray) -> str:
    """That the parameters `names`, with their covariance, are not identified, in words."""
    alone, several = "do not depend on {0} here", "do not tell {0} apart"
    return f"these data {_say(names, covariance, alone, several)}: errors are not finite; hold a parameter (fix)"


def say_weak(names: list[str], covariance: np.ndarray) -> str:
    """That the parameters `names`, with their covariance, are barely constrained, in words."""
    alone, several = "barely constrain {0}", "barely tell {0} apart"
    return (
        f"these data {_say(names, covariance, alone, several)}: one standard deviation is longer than an allowed "
        "range; ask for intervals, or hold a parameter (fix)"
    )


def _say(names: list[str], covariance: np.ndarray, alone: str, several: str) -> str:
    """Which of the parameters go together, each group in its words."""
    sigma = np.sqrt(np.diag(covariance))
    together = np.abs(covariance / np.outer(sigma, sigma)) > CONNECTED
    groups: list[set[int]] = []
    for i in range(len(names)):
        touched = [g for g in groups if any(together[i, j] for j in g)]
        groups = [g for g in groups if g not in touched] + [set.union({i}, *touched)]
    said = []
    for group in sorted(groups, key=min):
        members = [names[i] for i in sorted(group)]
        words = " and ".join(filter(None, (", ".join(members[:-1]), members[-1])))
        said.append((alone if len(members) == 1 else several).format(words))
    return ", and ".join(said)


def possible_starts(likelihood: Any, packed: Any, starts: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Start points (starts, parameters); where the data are impossible at all of them, moved off the bounds."""
    if np.isfinite(likelihood.logpdf(starts, packed)).any():
        return starts
    p = likelihood.parameters
    inside = np.clip(starts, p.lower + INWARD * p.width, p.upper - INWARD * p.width)
    moved: np.ndarray = p.shrink(np.where(free, inside, starts), free)
    return moved


def say_impossible(likelihood: Any, packed: Any, starts: np.ndarray, free: np.ndarray) -> str:
    """Why data have probability zero at all of the start points (starts, parameters), and what can be done, in words.

    Names the first bin with counts where nothing, or less, is expected; without one, the constraints are to blame.
    """
    rates, jacobian = likelihood.rates_jacobian(starts)
    counts = packed.counts[:1]
    bad = ((rates < 0) | ((rates == 0) & (counts > 0))) & ~measured_bins(likelihood.channels)
    if not bad.any(axis=1).all():
        point = dict(zip(likelihood.parameters.names, starts[0].tolist(), strict=True))
        single = likelihood.constraints.single.items()
        names = [n for n, c in single if c.kind in POSITIVE and point[n] <= 0]
        words = " and ".join(f"that of {n} forbids {point[n]:g}" for n in names)
        return f"a constraint rules the start values out ({words}); start elsewhere (init) or hold another value (fix)"
    row, at = (int(i[0]) for i in np.nonzero(bad))
    expected = "0 are" if rates[row, at] == 0 else f"{rates[row, at]:.3g} are"
    raising = np.flatnonzero((jacobian[row, :, at] != 0) & free)
    if len(raising):
        words = " or ".join(likelihood.parameters.names[i] for i in raising[:3])
        remedy = f"start {words} elsewhere (init)"
    else:
        remedy = "no free parameter changes that: add a background there, free a parameter, or leave the bin out"
    return f"{counts[0, at]:g} observed where {expected} expected in {name_bin(likelihood, at)}; {remedy}"


def name_bin(likelihood: Any, at: int) -> str:
    """The bin at a position among all bins, by its channel, index and edges."""
    for channel in likelihood.channels:
        if at < channel.bins:
            break
        at -= channel.bins
    where = np.unravel_index(at, channel.shape)
    edges = [f"{a.label} {a.edges[i]:g} to {a.edges[i + 1]:g}" for a, i in zip(channel.axes, where, strict=True)]
    return f"bin {at} of channel {channel.name!r} ({', '.join(edges)})"
