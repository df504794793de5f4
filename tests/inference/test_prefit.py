"""prefit: where constraints put the parameters and how well they know them."""

from __future__ import annotations

import numpy as np
import pytest

import npinfer
from npinfer.core.constraint import Correlation
from npinfer.inference.minimise import free_mask
from npinfer.inference.prefit import constraint_widths, measured_values, prefit_covariance, prefit_point
from npinfer.likelihood.binned import BinnedLikelihood

BLOCK = Correlation(("small.lumi", "small.coupling"), (1.02, 1.0), ((4e-4, 3e-4), (3e-4, 2.5e-3)))


def test_every_kind_of_constraint(small: BinnedLikelihood) -> None:
    widths = constraint_widths(small)
    assert widths["small.coupling"] == (0.05, 0.1)
    assert widths["small.level"] == pytest.approx((0.33, 0.33))
    assert widths["small.rate"] == pytest.approx((3 / 8, 3 / 8))
    assert widths["small.efficiency"] == (1.0, 1.0)
    measured = measured_values(small)
    assert measured["small.lumi"] == 1.02
    assert measured["small.level"] == pytest.approx(1.1)
    assert measured["small.rate"] == 9 / 8


def test_where_toys_were_measured(small: BinnedLikelihood) -> None:
    """The auxiliary data of the data set count, and no value leaves its bounds."""
    truth = small.parameters.vector({"lumi": 1.2, "level": 2.0, "rate": 1.5})
    moved = measured_values(small.with_data(small.asimov(truth)))
    assert (moved["small.lumi"], moved["small.level"], moved["small.rate"]) == pytest.approx((1.2, 2.0, 1.5))
    data = small.asimov(truth)
    far = small.with_data(type(data)(data.counts, {**data.auxiliary, "small.lumi": 7.0}))
    assert measured_values(far)["small.lumi"] == 1.5


def test_the_point_and_its_covariance(small: BinnedLikelihood) -> None:
    """Values that are given come first, then measured ones, then start values; what is held has no variance."""
    free = free_mask(small, {"level": 1.4})
    point = dict(zip(small.parameters.names, prefit_point(small, free, {"level": 1.4, "mu": 3.0}), strict=True))
    assert (point["small.level"], point["small.mu"], point["small.lumi"]) == (1.4, 3.0, 1.02)
    covariance, kept = prefit_covariance(small, free)
    names = [small.parameters.names[i] for i in kept]
    assert "small.level" not in names
    assert "small.mu" not in names
    assert covariance[names.index("small.coupling"), names.index("small.coupling")] == pytest.approx(0.075**2)
    np.testing.assert_array_equal(covariance, np.diag(np.diag(covariance)))


def test_correlated_blocks(hese: BinnedLikelihood, small: BinnedLikelihood) -> None:
    both = npinfer.joint(hese, small, correlate=[BLOCK])
    covariance, kept = prefit_covariance(both, free_mask(both, {}))
    names = [both.parameters.names[i] for i in kept]
    at = [names.index(n) for n in BLOCK.names]
    np.testing.assert_allclose(covariance[np.ix_(at, at)], BLOCK.covariance)
    assert constraint_widths(both)["small.coupling"] == pytest.approx((0.05, 0.05))
    assert measured_values(both)["small.lumi"] == 1.02
