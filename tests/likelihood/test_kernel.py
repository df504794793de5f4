"""Derivatives of the compiled kernel against the evaluation by numpy, which is tested against pyhf; its compilation."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npinfer.likelihood import kernel
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.packed import Packed
from tests.generated import generated, opened
from tests.workspaces import ALL

pytest.importorskip("numba", reason="the extra `fast` is not installed")

Opened = Callable[..., BinnedLikelihood]
CLOSE = 1e-12  # of the largest number of its kind


def derivatives(lh: BinnedLikelihood, packed: Packed, x: np.ndarray, expected: bool) -> tuple[float, ...]:
    """−ln density of the first data set less its constants, the gradient and second derivatives, as compiled."""
    tables = lh.tables
    assert tables is not None
    work, data = kernel.workspace(tables), (packed.counts[0], packed.auxiliary[0])
    value = kernel.expand(tables, work, *data, x)
    kernel.curve(tables, work, data, x, expected)
    row, column = (f(*np.meshgrid(tables.place, tables.place)) for f in (np.maximum, np.minimum))
    two_local = (column >= len(tables.wide)) & (row != column)
    lower = work.curvature[row, np.minimum(column, len(tables.wide))]
    return value, work.gradient.copy(), np.where(two_local, 0.0, lower)


def same_derivatives(lh: BinnedLikelihood, packed: Packed, x: np.ndarray) -> None:
    slopes = lh.value_grad(x[None], packed)[1][0]
    observed, information = lh.observed_information(x[None], packed)[0], lh.expansion(x[None], packed)[2][0]
    for expected, matrix in ((False, observed), (True, information)):
        _, gradient, found = derivatives(lh, packed, x, expected)
        np.testing.assert_allclose(gradient, -slopes, rtol=0, atol=CLOSE * max(1.0, np.abs(slopes).max()))
        np.testing.assert_allclose(found, matrix, rtol=0, atol=CLOSE * max(1.0, np.abs(matrix).max()))
    constant = derivatives(lh, packed, lh.parameters.init, False)[0] + lh.logpdf(lh.parameters.init, packed)
    value = derivatives(lh, packed, x, False)[0]
    assert value - constant == pytest.approx(-lh.logpdf(x, packed), rel=CLOSE, abs=CLOSE * abs(constant))


def comparable(lh: BinnedLikelihood, packed: Packed, x: np.ndarray) -> bool:
    """Whether x has a density, and no bin with next to nothing expected, such as a small difference of large counts."""
    return bool(np.isfinite(lh.logpdf(x, packed)) and lh.rates(x[None]).min() > 0.1)


def points_of(lh: BinnedLikelihood, count: int, seed: int) -> np.ndarray:
    """Points within ±1 of the pulls and beyond, some parameters on a bound."""
    p, rng = lh.parameters, np.random.default_rng(seed)
    points = p.init + np.where(p.lower < 0, 1.5, 0.2) * rng.normal(size=(count, len(p)))
    points[-1, rng.choice(len(p), 1 + len(p) // 10)] = -np.inf
    return np.clip(points, p.lower, p.upper)


@pytest.mark.parametrize("name", ALL)
def test_derivatives(name: str, workspaces: Any, open_workspace: Opened) -> None:
    lh = open_workspace(workspaces.ALL[name]())
    some = lh.pack().counts * (np.arange(lh.bins) % 3 > 0)  # a third of the bins without events
    for packed in (lh.pack(), lh.pack(lh.dataset(some, 0.9 * lh.constraints.measured[None], "toy"))):
        for x in points_of(lh, 4, seed=3):
            if comparable(lh, packed, x):
                same_derivatives(lh, packed, x)


def test_a_factor_of_zero(workspaces: Any, open_workspace: Opened) -> None:
    """Derivatives where the signal vanishes, and where several other factors do, two in one cell."""
    lh = open_workspace(workspaces.every_modifier())
    x = lh.parameters.init.copy()
    x[lh.parameters.index("mu")] = 0.0
    same_derivatives(lh, lh.pack(), x)
    zeros = ("mc_signal[1]", "transfer[2]", "closure[2]")
    x[[lh.parameters.index(n) for n in ("mu", *zeros)]] = [0.7, 0.0, 0.0, 0.0]
    packed = lh.pack(lh.dataset(0.0 * lh.pack().counts, 0.0 * lh.pack().auxiliary, "toy"))
    same_derivatives(lh, packed, x)


@given(content=generated(), seed=st.integers(0, 100))
def test_derivatives_of_generated_workspaces(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any], seed: int
) -> None:
    lh = opened(content, tmp_path_factory.getbasetemp())
    for x in points_of(lh, 3, seed):
        if comparable(lh, lh.pack(), x):
            same_derivatives(lh, lh.pack(), x)


# ---- compilation


def test_compiles_where_there_is_no_folder_to_keep_it() -> None:
    names: dict[str, Any] = {}
    exec(compile("def double(x):\n    return 2 * x\n", "<nowhere>", "exec"), names)
    assert kernel.compiled(names["double"])(2.0) == 4.0


def test_what_is_kept_is_forgotten_when_the_kernel_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """numba itself would look at the file of the function alone."""
    (tmp_path / "caller.py").write_text("def twice(x):\n    return 2 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    twice = __import__("caller").twice
    assert kernel.compiled(twice)(1.5) == 3.0
    again = kernel.compiled(twice)
    assert again(1.5) == 3.0
    assert sum(again.stats.cache_hits.values()) == 1
    later = tmp_path / "kernel.py"
    later.touch()
    os.utime(later, (2**31, 2**31))
    monkeypatch.setattr(kernel, "__file__", str(later))
    changed = kernel.compiled(twice)
    assert changed(1.5) == 3.0
    assert sum(changed.stats.cache_hits.values()) == 0
