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


def test_functions_close_to_linear_need_few_steps() -> None:
    """Points beside the bracket count as well."""
    roots, calls = np.linspace(0.05, 0.95, 40), np.zeros(40, dtype=int)
    bend = np.resize([-0.4, 0.1, 0.3], 40)

    def function(x: np.ndarray, which: np.ndarray) -> np.ndarray:
        calls[which] += 1
        return np.sinh(bend[which] * (x - roots[which])) / bend[which] + 0.1 * (x**2 - roots[which] ** 2)

    every = np.arange(40)
    low, high, left, right = (np.full(40, x) for x in (0.0, 1.0, -1.0, 2.0))
    ends = function(low, every), function(high, every)
    beside = np.stack([left, right], axis=1), np.stack([function(left, every), np.full(40, np.nan)], axis=1)
    calls[:] = 0
    found = find_roots(function, (low, high), ends, further=beside, tolerance=1e-7)
    np.testing.assert_allclose(found, roots, atol=1e-7)
    assert calls.max() <= 3


def test_kinks_and_roots_of_high_order_are_found() -> None:
    roots = np.linspace(0.05, 0.95, 40)
    kinked = lambda d: np.where(d < 0, 0.1, 5.0) * d
    for shape in (kinked, np.cbrt, lambda d: d**3, lambda d: np.arctan(200 * d)):
        function = lambda x, which, shape=shape: shape(x - roots[which])
        low, high, every = np.zeros(40), np.ones(40), np.arange(40)
        found = find_roots(function, (low, high), (function(low, every), function(high, every)), tolerance=1e-6)
        np.testing.assert_allclose(found, roots, atol=2e-6)


def test_nothing_to_find() -> None:
    empty = np.zeros(0)
    assert find_roots(lambda x, which: x, (empty, empty), (empty, empty)).shape == (0,)
