"""Many roots at once."""

from __future__ import annotations

import numpy as np

from npinfer.inference.roots import find_roots


def test_roots_of_smooth_steep_and_flat_functions() -> None:
    functions = (lambda x: np.exp(x) - 2, lambda x: x**9 - 0.5, lambda x: np.tanh(500 * (x - 0.3)), lambda x: 0.0 * x)
    calls = []

    def function(x: np.ndarray, which: np.ndarray) -> np.ndarray:
        calls.append(len(x))
        return np.array([functions[i](v) for v, i in zip(x, which, strict=True)])

    low, high, which = np.zeros(4), np.array([3.0, 2.0, 1.0, 1.0]), np.arange(4)
    ends = function(low, which), function(high, which)
    found = find_roots(function, (low, high), ends, tolerance=1e-9)
    np.testing.assert_allclose(found[:3], [np.log(2), 0.5 ** (1 / 9), 0.3], atol=1e-8)
    assert 0 <= found[3] <= 1
    assert len(calls) < 25
    assert calls[2] == 3


def test_nothing_to_find() -> None:
    empty = np.zeros(0)
    assert find_roots(lambda x, which: x, (empty, empty), (empty, empty)).shape == (0,)
