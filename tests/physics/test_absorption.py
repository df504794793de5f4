"""Absorption as a parameter: the quadrature in depth against direct integration over directions."""

from __future__ import annotations

import numpy as np
import pytest

from npinfer.physics.absorption import DEEPEST, Absorption, depth_quadrature, mean_total
from npinfer.physics.constants import AVOGADRO
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.earth import column_depth, mean_transmission

EDGES = np.linspace(-1, 1, 11)


def test_moments_of_the_depth_are_exact() -> None:
    """Three nodes reproduce the mean of X^n for n up to 5, and no two nodes those of 4."""
    at = np.linspace(-1, -0.8, 40001)
    depth = column_depth((at[1:] + at[:-1]) / 2)
    scale = depth.mean()
    for nodes in (2, 3):
        depths, weights = depth_quadrature([-1.0, -0.8], nodes)
        assert weights.sum() == pytest.approx(1)
        assert np.all(weights > 0)
        for n in range(1, 2 * nodes):
            assert (weights * (depths / scale) ** n).sum() == pytest.approx(((depth / scale) ** n).mean(), rel=1e-4)


@pytest.mark.parametrize("energy", [6e4, 1e5, 3e5, 1e6])
@pytest.mark.parametrize("relative", [0.3, 1.0, 2.0, 4.0])
def test_ratio_against_integrals_over_directions(energy: float, relative: float) -> None:
    """Better than 1 % of what comes through the standard Earth, and 1 % of itself where that is not tiny."""
    ratio = Absorption([energy], EDGES).ratio(np.array([[relative]]))[0, 0]
    sigma = mean_total([energy])
    standard, scaled = (mean_transmission(EDGES, s * sigma)[0] for s in (1.0, relative))
    through = ratio * standard
    assert through == pytest.approx(scaled, abs=0.01 * standard.max(), rel=0.01)
    shallow = sigma * AVOGADRO * column_depth((EDGES[1:] + EDGES[:-1]) / 2) * max(relative, 1) < 4
    assert through[shallow] == pytest.approx(scaled[shallow], rel=0.015)


def test_ratio_is_one_for_the_standard_model_and_from_above() -> None:
    absorption = Absorption(np.geomspace(1e5, 1e7, 4), EDGES)
    assert absorption.ratio(np.ones((2, 4))) == pytest.approx(np.ones((2, 4, 10)))
    assert absorption.ratio(np.full((1, 1), 3.0))[:, :, 6:] == pytest.approx(np.ones((1, 4, 4)))


def test_slope_is_minus_the_mean_optical_depth() -> None:
    """d ln T/d ln σ = −⟨τ⟩ where absorption is weak, from a complex step."""
    energy = 3e4
    step = np.array([[1 + 1e-30j]])
    slope = Absorption([energy], EDGES).ratio(step).imag[0, 0] / 1e-30
    shallow = mean_transmission(EDGES, 1e-3 * mean_total(energy))
    depth = -np.log(shallow) / 1e-3
    assert slope[4] == pytest.approx(-depth[4], rel=0.02)  # the first cell below the horizon, τ ≈ 0.05


def test_beyond_the_deepest_the_ratio_stays() -> None:
    """e^((1−s) DEEPEST) at most, however dense the Earth."""
    ratio = Absorption([1e9], EDGES).ratio(np.array([[0.5]]))
    assert ratio.max() == pytest.approx(np.exp(0.5 * DEEPEST))


def test_mean_of_neutrinos_and_antineutrinos() -> None:
    each = [csms_total(1e5, c, a) for c in ("cc", "nc") for a in (False, True)]
    assert mean_total(1e5) == pytest.approx(sum(each) / 2)
