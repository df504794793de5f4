"""The same density by pyhf's machinery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.pyhf_model import pyhf_data


def points_of(likelihood: BinnedLikelihood, n: int) -> np.ndarray:
    unit = np.random.default_rng(3).uniform(-0.05, 0.05, (n, len(likelihood.parameters)))
    return likelihood.parameters.init + unit * np.minimum(likelihood.parameters.upper - likelihood.parameters.init, 1)


def agrees(likelihood: BinnedLikelihood) -> None:
    """logpdf and expected data are those of the pyhf model at random points."""
    model, data = likelihood.pyhf_model(), pyhf_data(likelihood)
    assert model.config.par_order == list(likelihood.parameters.names)
    for point in points_of(likelihood, 5):
        ours, theirs = likelihood.logpdf(point), np.asarray(model.logpdf(point, data)).item()
        assert ours == pytest.approx(theirs, rel=1e-9)
        asimov = pyhf_data(likelihood, likelihood.asimov(point))
        assert np.asarray(model.expected_data(point)) == pytest.approx(asimov, rel=1e-9)


def test_every_kind_of_constraint_agrees(small: BinnedLikelihood) -> None:
    agrees(small)
    assert small.pyhf_model().config.poi_name == "small.mu"


def test_constraints_that_pyhf_has_are_its_own(write: Callable[..., Path], small_text: str) -> None:
    text = small_text.replace(
        "two_sided_normal: {mean: 1.0, sigma_up: 0.1, sigma_down: 0.05}", "normal: {mean: 1, sigma: 0.1}"
    )
    lh = npinfer.load(write(text.replace("log_normal:", "normal:")))
    agrees(lh)
    assert {c.kind for c in lh.constraints.single.values()} == {"normal", "poisson"}


def test_a_shipped_likelihood_agrees(hese: BinnedLikelihood) -> None:
    agrees(hese)
