"""How walkers move: differential evolution, stretches, and normal proposals shaped by the other walkers."""

from __future__ import annotations

import numpy as np
from emcee.moves import DEMove, RedBlueMove, StretchMove


class NormalMove(RedBlueMove):
    """A proposal from the normal distribution with the mean m and covariance C of the walkers that stand still.

    A walker x goes to m + sqrt(1 − β²)(x − m) + β ξ with ξ from N(0, C). This leaves N(m, C) as it is, so that only
    the ratio of the posterior to that normal decides on acceptance (Neal 1999; Cotter et al. 2013, arXiv:1202.0709).
    β = 1 proposes independently of x. It helps most where a posterior is close to normal in many dimensions.
    """

    def __init__(self, beta: float) -> None:
        super().__init__()
        self.beta = beta

    def get_proposal(
        self, s: np.ndarray, c: list[np.ndarray], random: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray]:
        """Proposed positions (walkers, parameters) and the log of the proposal's ratio (walkers,)."""
        still = np.concatenate(c, axis=0)
        mean = still.mean(axis=0)
        spread = np.linalg.cholesky(_regular(np.atleast_2d(np.cov(still, rowvar=False))))
        noise = random.randn(*s.shape) @ spread.T
        proposed = mean + np.sqrt(1.0 - self.beta**2) * (s - mean) + self.beta * noise
        before, after = (np.linalg.solve(spread, (x - mean).T) for x in (s, proposed))
        return proposed, 0.5 * ((after**2).sum(axis=0) - (before**2).sum(axis=0))


def _regular(covariance: np.ndarray) -> np.ndarray:
    """The covariance with its diagonal raised by rounding's share, so that it has a Cholesky factor."""
    diagonal = np.maximum(np.diag(covariance), np.finfo(float).tiny)
    return covariance + np.diag(1e-9 * diagonal)


def mixed_moves() -> list[tuple[RedBlueMove, float]]:
    """The moves and how often each is made.

    Normal proposals carry walkers far where the posterior is close to normal, differential evolution where it is
    curved, with unit length from mode to mode, and stretches reach any distance. The snooker move of emcee 3.1 is left
    out: its acceptance lacks detailed balance (the variance of a normal in 8 dimensions comes out as 0.63, not 1).
    """
    return [
        (NormalMove(1.0), 0.35),
        (NormalMove(0.5), 0.20),
        (DEMove(sigma=0.1), 0.30),
        (DEMove(gamma0=1.0), 0.10),
        (StretchMove(), 0.05),
    ]
