"""The likelihood as an iminuit cost."""

from __future__ import annotations

import iminuit
import numpy as np
import pytest
from iminuit.cost import NormalConstraint

from npinfer.likelihood.binned import BinnedLikelihood


def test_the_cost_is_minus_twice_the_log_density(small: BinnedLikelihood) -> None:
    cost = small.cost()
    point = small.parameters.vector({"mu": 1.7, "tilt": 0.4})
    assert cost(*point) == pytest.approx(-2 * small.logpdf(point), rel=1e-14)
    assert cost.grad(*point) == pytest.approx(-2 * small.value_grad(point)[1][0], rel=1e-14)
    assert cost.errordef == iminuit.Minuit.LEAST_SQUARES
    assert cost.has_grad
    assert cost.ndata == small.bins


def test_minuit_finds_the_maximum(small: BinnedLikelihood) -> None:
    minuit = iminuit.Minuit(small.cost(), *small.parameters.init)
    assert list(minuit.parameters) == list(small.parameters.names)
    assert [minuit.limits[n] for n in minuit.parameters] == [p.bounds for p in small.parameters]
    minuit.migrad()
    assert minuit.valid
    gradient = small.value_grad(np.array(minuit.values))[1][0]
    step = np.array(minuit.errors)
    assert np.abs(gradient * step).max() < 0.05


def test_costs_add_and_share_their_parameters(small: BinnedLikelihood) -> None:
    extra = NormalConstraint("small.mu", 3.0, 0.01)
    both = small.cost() + extra
    point = small.parameters.vector({"mu": 2.0})
    assert both(*point) == pytest.approx(small.cost()(*point) + extra(2.0), rel=1e-13)
