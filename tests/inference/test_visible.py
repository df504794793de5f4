"""Where a parameter begins to matter, against the closed form of one bin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from npinfer.inference.visible import STEPS, first_visible
from npinfer.likelihood.binned import BinnedLikelihood
from tests.inference.conftest import HEAD

Make = Callable[[str], BinnedLikelihood]
RISING = (
    HEAD.format(name="rising")
    + """\
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [3]}}
samples:
  background: {template: {count: [1]}, scale: b}
  signal: {template: {count: [1]}, scale: {epsilon: 2}}
parameters: {epsilon: {init: 0, bounds: [-50, 50]}, b: {init: 3, bounds: [1, 9]}}
"""
)


@pytest.mark.parametrize("n_sigma", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("most", [50.0, -50.0])
def test_visible_is_where_the_asimov_density_falls(make: Make, n_sigma: float, most: float) -> None:
    """ε² events over b that do not fluctuate: q = 2 (ε² − b ln(1 + ε²/b)), for each point's own b."""
    likelihood, b = make(RISING), np.array([3.0, 1.5])
    found = first_visible(likelihood, np.stack([np.zeros(2), b], axis=1), 0, most, n_sigma)
    q = lambda distance: 2 * (distance**2 - b * np.log1p(distance**2 / b))
    assert (np.sign(found) == np.sign(most)).all()
    assert (q(found) >= n_sigma**2).all()
    assert (q(found / 10 ** (1 / STEPS)) < n_sigma**2).all()


def test_what_is_never_seen_has_the_furthest_distance(make: Make) -> None:
    assert first_visible(make(RISING), np.array([[0.0, 3.0]]), 0, 0.1, 5.0) == pytest.approx([0.1])
