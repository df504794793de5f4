"""Second derivatives in closed form against differences of the first, which are tested against pyhf's counts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer.core.constraint import Constraint, Constraints
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.packed import Packed
from npinfer.likelihood.profiled import Profiled
from npinfer.likelihood.statistic import Poisson

Opened = Callable[..., BinnedLikelihood]
CODES = list(itertools.product(("code4", "code1"), ("code4p", "code0")))


def away(lh: BinnedLikelihood, count: int) -> np.ndarray:
    """Points beyond and within ±1 of the pulls, off bounds and kinks."""
    p, rng = lh.parameters, np.random.default_rng(7)
    spread = np.where(p.lower < 0, 1.0, 0.2)
    return np.clip(p.init + spread * rng.normal(size=(count, len(p))), p.lower + 1e-2, p.upper - 1e-2)


@pytest.mark.parametrize(("normsys", "histosys"), CODES)
@pytest.mark.parametrize("name", ["every modifier", "shared bins", "4 × 15 bins, 6 samples"])
def test_of_weighted_counts(name: str, normsys: str, histosys: str, workspaces: Any, open_workspace: Opened) -> None:
    lh = open_workspace(workspaces.ALL[name](), normsys=normsys, histosys=histosys)
    points, size, h = away(lh, 3), len(lh.parameters), 1e-5
    points[0, lh.parameters.index("mu")] = 0.0
    weights, total = np.random.default_rng(8).normal(size=(3, lh.bins)), np.zeros((3, size, size))
    lh.model.groups[0].add_curvature(points, weights, total)
    for i, step in enumerate(h * np.eye(size)):
        change = (lh.rates_jacobian(points + step)[1] - lh.rates_jacobian(points - step)[1]) / (2 * h)
        assert total[:, i] == pytest.approx((change * weights[:, None]).sum(axis=2), abs=1e-7 * np.abs(total).max())


def test_of_the_density_and_its_profile(workspaces: Any, open_workspace: Opened) -> None:
    lh = open_workspace(workspaces.many())
    assert lh.curved
    points, packed, h = away(lh, 2), lh.pack(), 1e-5
    whole = lh.observed_information(points, packed)
    for i, step in enumerate(h * np.eye(points.shape[1])):
        slope = (lh.value_grad(points + step)[1] - lh.value_grad(points - step)[1]) / (2 * h)
        assert whole[:, i] == pytest.approx(-slope, rel=1e-5, abs=1e-5 * np.abs(whole).max())
    profiled = Profiled(lh, ~lh.parameters.fixed)
    solved = profiled.expansion(points, packed)[0]
    found = profiled.observed(solved, packed)
    for j, i in enumerate(profiled.moving):
        step = h * np.eye(points.shape[1])[i]
        ahead, behind = (profiled.expansion(solved + sign * step, packed)[2] for sign in (1, -1))
        assert found[:, j] == pytest.approx((behind - ahead) / (2 * h), rel=1e-5, abs=1e-5 * np.abs(found).max())


def test_of_joined_workspaces(workspaces: Any, write: Callable[..., Any], small: BinnedLikelihood) -> None:
    made = {"first.json": workspaces.shared_bins(), "second.json": workspaces.every_modifier()}
    members = [npinfer.load(write(json.dumps(content), name)) for name, content in made.items()]
    both = npinfer.joint(*members)
    assert both.curved
    (whole,) = both.observed_information(both.parameters.init[None], both.pack())
    first, second = (m.observed_information(m.parameters.init[None], m.pack())[0] for m in members)
    assert whole[: len(first), : len(first)] == pytest.approx(first)
    assert whole[len(first) :, len(first) :] == pytest.approx(second)
    assert not whole[: len(first), len(first) :].any()
    assert not npinfer.joint(members[0], small).curved  # a file's own samples have no second derivatives


def test_of_constraints() -> None:
    names = ["normal", "two_sided", "log", "counted"]
    constraints = Constraints(
        names,
        {
            "normal": Constraint("normal", 1.0, 0.3, 0.3),
            "two_sided": Constraint("two_sided_normal", 0.5, 0.2, 0.1),
            "log": Constraint("log_normal", 1.1, 0.4, 0.4),
            "counted": Constraint("poisson", 9.0, rate=8.0),
        },
    )
    points, h = np.array([[1.2, 0.7, 0.9, 1.3], [0.7, 0.3, 1.6, 0.8]]), 1e-6
    found = constraints.information(points, constraints.measured, observed=True)
    for i, step in enumerate(h * np.eye(4)):
        ahead, behind = (constraints.gradient(points + s * step, constraints.measured) for s in (1, -1))
        assert found[:, i] == pytest.approx((behind - ahead) / (2 * h), rel=1e-6, abs=1e-6)


def test_a_bin_with_neither_counts_nor_rate_tells_nothing() -> None:
    rates, jacobian = np.array([[0.0, 0.0, 4.0]]), np.array([[[1.0, 2.0, 3.0]]])
    packed = Packed(np.array([[0.0, 0.0, 8.0]]), np.zeros((1, 0)), np.zeros(1))
    assert Poisson().observed(rates, jacobian, packed) == pytest.approx(8 / 4**2 * 3.0**2)


def test_a_bin_without_counts_tells_nothing_however_many_are_expected() -> None:
    rates, jacobian = np.array([[1e6, 1e6]]), np.array([[[1e5, 2e5]]])
    packed = Packed(np.array([[0.0, 1e6]]), np.zeros((1, 0)), np.zeros(1))
    assert Poisson().observed(rates, jacobian, packed) == pytest.approx(2e5**2 / 1e6)
