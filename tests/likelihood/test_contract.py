"""Contraction: tabulated counts against the fold itself, on a toy telescope."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npinfer.errors import ConfigurationError
from npinfer.likelihood.contract import Contracted
from npinfer.physics.registry import Weights

ENERGY = np.geomspace(1.0, 100.0, 6)
BINS = {"low": 2, "high": 1}
BOUNDS = {
    "norm": (0.0, 10.0),
    "share": (0.0, 1.0),
    "gamma": (1.0, 4.0),
    "cut": (1.0, 3.0),
    "scale": (0.8, 1.2),
    "gain": (0.9, 1.1),
}


class Response:
    """Cells of six energies seen in three bins; the detector parameters move events between bins."""

    def __init__(self, *parameters: str) -> None:
        self.parameters = parameters

    def fold(self, weights: np.ndarray, scale: float = 1.0, gain: float = 1.0) -> Mapping[str, np.ndarray]:
        edge = 1 / (1 + np.exp(-np.log(ENERGY * scale / 10)))
        matrix = np.stack([1 - edge, 0.5 * edge * gain, 0.5 * edge * scale**2])
        counts = weights @ matrix.T
        return {"low": counts[:, :2], "high": counts[:, 2:]}


def mix(*, norm: np.ndarray, share: np.ndarray) -> np.ndarray:
    return np.stack([norm * share, norm * (1 - share) ** 2], axis=-1)


def index(*, gamma: np.ndarray) -> np.ndarray:
    return ENERGY ** -gamma[:, None]


def index_and_cut(*, gamma: np.ndarray, cut: np.ndarray) -> np.ndarray:
    return ENERGY ** -gamma[:, None] * np.exp(-ENERGY / 10 ** cut[:, None])


def fixed() -> np.ndarray:
    return 1 / ENERGY[None]


PATTERN = np.stack([np.ones(6), 2 * ENERGY**0.3])
CASES: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "index": (index, ()),
    "index, energy scale": (index, ("scale",)),
    "index, two detector parameters": (index, ("scale", "gain")),
    "index and cut-off": (index_and_cut, ()),
    "index and cut-off, energy scale": (index_and_cut, ("scale",)),
    "no shape": (fixed, ("scale",)),
    "neither shape nor detector": (fixed, ()),
}


@pytest.fixture(scope="module", params=list(CASES))
def table(request: pytest.FixtureRequest) -> Contracted:
    shape, detector = CASES[request.param]
    return Contracted(Weights(mix, PATTERN, shape, Response(*detector)), BOUNDS, ("low", "high"), BINS)


def draw(table: Contracted, seed: int, n: int = 5) -> np.ndarray:
    low, high = np.array([BOUNDS[name] for name in table.names]).T
    inside = np.random.default_rng(seed).uniform(0.001, 0.999, (n, len(low)))
    return low + (high - low) * inside


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10)
def test_the_table_is_the_fold_to_its_tolerance(table: Contracted, seed: int) -> None:
    values = draw(table, seed)
    assert table.counts(values) == pytest.approx(table.uncontracted(values), rel=1e-8, abs=1e-13)


def test_without_detector_parameters_the_fold_is_the_plain_product(table: Contracted) -> None:
    values = draw(table, 3)
    named = dict(zip(table.names, values.T, strict=True))
    nodes = {n: named[n] for n in table.detector_names}
    weights = table.weights(**named)
    counts = []
    for i in range(len(values)):
        folded = table.weights.response.fold(weights[i : i + 1], **{n: v[i] for n, v in nodes.items()})
        counts.append(np.concatenate([folded["low"], folded["high"]], axis=-1)[0])
    tolerance = 1e-4 if table.detector_names else 1e-8  # interpolated between five folds
    assert table.counts(values) == pytest.approx(np.array(counts), rel=tolerance)


def test_the_jacobian_is_the_derivative(table: Contracted) -> None:
    values = draw(table, 7)
    counts, jacobian = table.jacobian(values)
    assert counts == pytest.approx(table.counts(values), rel=1e-12)
    assert jacobian.shape == (5, len(table.names), 3)
    low, high = np.array([BOUNDS[name] for name in table.names]).T
    for i, name in enumerate(table.names):
        h = 2e-4 * (high - low)[i] * np.eye(len(low))[i]
        f = [table.counts(values + k * h) for k in (-2, -1, 1, 2)]
        slope = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h[i])
        assert jacobian[:, i] == pytest.approx(slope, rel=1e-6, abs=1e-8), name


def test_counts_are_linear_in_the_mix(table: Contracted) -> None:
    values = draw(table, 11)
    values[:, table.names.index("norm")] = 1.0
    once = table.counts(values)
    values[:, table.names.index("norm")] = 3.5
    assert table.counts(values) == pytest.approx(3.5 * once, rel=1e-13)


def test_a_batch_is_a_loop(table: Contracted) -> None:
    values = draw(table, 13)
    single = np.concatenate([table.counts(v[None]) for v in values])
    assert table.counts(values) == pytest.approx(single, rel=1e-13)


def test_a_channel_without_counts_stays_empty() -> None:
    weights = Weights(mix, PATTERN, index, Response())
    wide = Contracted(weights, BOUNDS, ("high", "veto", "low"), {**BINS, "veto": 2})
    narrow = Contracted(weights, BOUNDS, ("high", "low"), BINS)
    values = draw(wide, 17)
    counts = wide.counts(values)
    assert counts[:, [0, 3, 4]] == pytest.approx(narrow.counts(values), rel=1e-12)
    assert (counts[:, 1:3] <= 1e-12).all()


def test_one_parameter_may_be_mixed_and_shape_at_once() -> None:
    def tilted(*, norm: np.ndarray, gamma: np.ndarray) -> np.ndarray:
        return np.stack([norm * gamma, norm / gamma], axis=-1)

    table = Contracted(Weights(tilted, PATTERN, index, Response()), BOUNDS, ("low", "high"), BINS)
    assert table.names == ("norm", "gamma")
    values = draw(table, 19)
    _, jacobian = table.jacobian(values)
    h = np.array([0.0, 1e-4])
    f = [table.uncontracted(values + k * h) for k in (-2, -1, 1, 2)]
    assert jacobian[:, 1] == pytest.approx((f[0] - 8 * f[1] + 8 * f[2] - f[3]) / 12e-4, rel=1e-6)


class Wide(Response):
    """As many cells as it is given, all seen in one bin."""

    def fold(self, weights: np.ndarray, **_: float) -> Mapping[str, np.ndarray]:
        return {"low": weights @ np.ones((weights.shape[1], 2))}


def test_a_shape_that_no_small_basis_spans_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def wild(*, gamma: np.ndarray) -> np.ndarray:
        """A peak that moves through the cells, one after the other."""
        return 1e-3 + np.exp(-0.5 * ((np.arange(60) - 20 * (gamma[:, None] - 1)) / 0.3) ** 2)

    def one(*, norm: np.ndarray) -> np.ndarray:
        return norm[:, None]

    monkeypatch.setattr("npinfer.likelihood.contract.SAMPLES", 8)
    monkeypatch.setattr("npinfer.likelihood.contract.MAX_SAMPLES", 16)
    with pytest.raises(ConfigurationError, match=r"gamma in \[1, 4\] have an error of .*; narrow the bounds"):
        Contracted(Weights(one, np.ones((1, 60)), wild, Wide()), BOUNDS, ("low",), {"low": 2})
