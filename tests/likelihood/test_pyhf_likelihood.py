"""pyhf models with modifiers of their own, as likelihoods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyhf
import pytest

import npinfer
from npinfer.errors import ConfigurationError, DataError, InferenceError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.pyhf_likelihood import PyhfLikelihood
from npinfer.likelihood.pyhf_model import pyhf_data


@pytest.fixture
def wrapped(small: BinnedLikelihood) -> PyhfLikelihood:
    """A model whose one modifier is foreign, and that of a likelihood which is evaluated natively."""
    data = np.concatenate([pyhf_data(small)[:7], small.constraints.measured])
    return PyhfLikelihood(small.pyhf_model(), data, name="wrapped")


def test_the_density_is_the_models(workspaces: Any, open_workspace: Callable[..., BinnedLikelihood]) -> None:
    native = open_workspace(workspaces.every_modifier())
    model = native.pyhf_model()
    lh = PyhfLikelihood(model, pyhf_data(native), name="ws")
    assert lh.parameters.names == native.parameters.names
    assert lh.poi == native.poi
    rng = np.random.default_rng(0)
    points = np.clip(native.parameters.init + 0.2 * rng.normal(size=(5, 16)), lh.parameters.lower, lh.parameters.upper)
    assert lh.logpdf(points) == pytest.approx(native.logpdf(points), rel=1e-12)
    for ours, theirs in zip(lh.value_grad(points), native.value_grad(points), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-8, abs=1e-7)
    assert lh.expected(points).total("rare") == pytest.approx(native.expected(points).total("rare"))


def test_it_answers_verbs(workspaces: Any, open_workspace: Callable[..., BinnedLikelihood]) -> None:
    native = open_workspace(workspaces.shared_bins())
    lh = PyhfLikelihood(native.pyhf_model(), pyhf_data(native), name="ws")
    ours, theirs = npinfer.fit(lh), npinfer.fit(native)
    assert ours.valid
    assert ours.twice_nll == pytest.approx(theirs.twice_nll, abs=1e-8)
    assert list(ours.values.values()) == pytest.approx(list(theirs.values.values()), abs=1e-5)
    assert ours.errors["ws.mu"] == pytest.approx(theirs.errors["ws.mu"], rel=1e-4)
    limits = [npinfer.upper_limit(x, expected=False).observed for x in (lh, native)]
    assert limits[0] == pytest.approx(limits[1], rel=1e-4)


def test_derivatives_at_bounds_stay_inside(wrapped: PyhfLikelihood, small: BinnedLikelihood) -> None:
    inside: list[bool] = []

    class Watched:
        config = wrapped.model.reference().config

        @property
        def main_model(self) -> Any:
            return self

        def expected_data(self, point: np.ndarray) -> np.ndarray:
            inside.append(bool(wrapped.parameters.allowed(point[None])[0]))
            return np.asarray(wrapped.model.reference().main_model.expected_data(point))

    counts = type(wrapped.model.groups[0])(Watched(), np.full(len(wrapped.parameters), 0.1), wrapped.parameters)
    for edge in (wrapped.parameters.lower, wrapped.parameters.upper):
        total, slopes = np.zeros((1, 7)), np.zeros((1, len(edge), 7))
        counts.add_jacobian(edge[None], total, slopes)
        exact = small.rates_jacobian(edge[None])[1][:, :, [4, 5, 6, 0, 1, 2, 3]]  # pyhf's channels are alphabetical
        assert slopes == pytest.approx(exact, rel=1e-6, abs=1e-6)
    assert all(inside)


def test_what_it_cannot(wrapped: PyhfLikelihood) -> None:
    with pytest.raises(InferenceError, match="cannot be built again in another process; run without an executor"):
        wrapped.recipe()
    with pytest.raises(ConfigurationError, match="wrapped: a wrapped pyhf model has no configuration"):
        wrapped.configure(mass=1.0)
    assert wrapped.configure() is wrapped


def test_data_that_do_not_fit_are_refused() -> None:
    model = pyhf.simplemodels.uncorrelated_background([5.0, 5.0], [50.0, 50.0], [7.0, 7.0])
    with pytest.raises(DataError, match="few: expected 2 counts, or with 2 auxiliary data behind them; found shape"):
        PyhfLikelihood(model, [50.0], name="few")
    assert PyhfLikelihood(model, [50.0, 60.0]).constraints.measured == pytest.approx(np.array(model.config.auxdata))
