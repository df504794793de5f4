"""Sums of parton densities against the densities one by one."""

from __future__ import annotations

import numpy as np
import pytest

from npinfer.errors import ParameterError
from npinfer.physics.parton_density import shipped
from npinfer.physics.parton_sum import weighted_sum

WEIGHTS = {1: 5 / 18, -1: 5 / 18, 2: 5 / 18, -2: 5 / 18, 4: 4 / 9, 21: 1.0}


def test_against_every_density() -> None:
    summed = weighted_sum(WEIGHTS, (3.0, 1e8))
    x = np.geomspace(1e-8, 0.6, 30)[:, None]
    q2 = np.array([4.0, 1e2, 1e4, 1e7])
    wanted = sum(w * shipped()(flavour, x, q2) for flavour, w in WEIGHTS.items())
    assert summed(x, q2) == pytest.approx(wanted, rel=2e-3)


def test_ends() -> None:
    summed = weighted_sum({21: 1.0}, (10.0, 1e4))
    assert summed(1.2, 100.0) == 0
    assert summed(0.1, 1.0) == summed(0.1, 10.0)
    assert summed(0.1, 1e9) == summed(0.1, 1e4)
    with pytest.raises(ParameterError, match="rising"):
        weighted_sum({21: 1.0}, (10.0, 10.0))
