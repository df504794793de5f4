"""The likelihood as an iminuit cost function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from iminuit.cost import Cost

if TYPE_CHECKING:
    from npinfer.likelihood.binned import BinnedLikelihood


class LikelihoodCost(Cost):
    """−2 ln of the density, with gradient; adds to other iminuit costs, parameters of the same name being shared.

    iminuit passes bounds on; parameters that the likelihood declares fixed are for the caller to fix.
    """

    __slots__ = ("_likelihood",)

    def __init__(self, likelihood: BinnedLikelihood) -> None:
        self._likelihood = likelihood
        super().__init__({p.name: p.bounds for p in likelihood.parameters}, 0)

    def _ndata(self) -> int:
        return self._likelihood.bins

    def _value(self, args: Sequence[float]) -> float:
        return -2.0 * float(self._likelihood.logpdf(np.asarray(args, dtype=float)))

    def _grad(self, args: Sequence[float]) -> np.ndarray:
        gradient: np.ndarray = -2.0 * self._likelihood.value_grad(np.asarray(args, dtype=float))[1][0]
        return gradient

    @staticmethod
    def _has_grad() -> bool:
        return True
