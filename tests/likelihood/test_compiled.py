"""Compiled minimiser: its derivatives against the evaluation by numpy, which is tested against pyhf; its minima."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import npinfer
from npinfer import FitOptions, RunOptions
from npinfer.core.constraint import Constraint, Constraints
from npinfer.core.provenance import versions
from npinfer.inference.minimise import free_mask, minimise
from npinfer.inference.processes import Processes
from npinfer.likelihood import compiled, kernel, newton
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.packed import Packed

numba = pytest.importorskip("numba", reason="the extra `fast` is not installed")

Opened = Callable[..., BinnedLikelihood]
NAMES = (
    "uncorrelated, 50 bins",
    "uncorrelated, 200 bins",
    "correlated, 50 bins",
    "every modifier",
    "shared bins",
    "4 × 15 bins, 6 samples",
)
CLOSE = 1e-12  # of the largest number of its kind
PLAIN, EXACT = FitOptions(compiled=False), FitOptions(compiled=False, tolerance=1e-13)


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


@pytest.mark.parametrize("name", NAMES)
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


# ---- generated workspaces


@st.composite
def generated(draw: st.DrawFn) -> dict[str, Any]:
    """Workspaces of one or two channels with up to three samples, and any modifiers."""
    number = lambda low, high: draw(st.floats(low, high, allow_subnormal=False))
    numbers = lambda n, low, high: [number(low, high) for _ in range(n)]
    channels = []
    for c in range(draw(st.integers(1, 2))):
        bins, samples = draw(st.integers(1, 3)), []
        for s in range(draw(st.integers(1, 3))):
            counts = numbers(bins, 5.0, 50.0)
            own = [{"name": "mu", "type": "normfactor", "data": None}] if s == 0 else []
            for kind in draw(st.lists(st.sampled_from(KINDS), unique=True)):
                own.append({"name": f"{kind} {c}", "type": kind, "data": numbers(bins, 0.5, 3.0)})
                if kind == "shapefactor":
                    own[-1]["data"] = None
                elif kind == "shapesys":
                    own[-1]["name"] += f" {s}"
                elif kind in ("normsys", "histosys"):
                    own[-1]["name"] = draw(st.sampled_from("abc"))
                    own[-1]["data"] = {"hi": number(0.7, 1.4), "lo": number(0.7, 1.4)}
                if kind == "histosys":
                    own[-1]["data"] = {f"{e}_data": [n * number(0.8, 1.2) for n in counts] for e in ("hi", "lo")}
            samples.append({"name": f"s{s}", "data": counts, "modifiers": own})
        channels.append({"name": f"c{c}", "samples": samples})
    observed = [
        {"name": c["name"], "data": [float(draw(st.integers(0, 150))) for _ in c["samples"][0]["data"]]}
        for c in channels
    ]
    measurement = {"name": "fit", "config": {"poi": "mu", "parameters": []}}
    return {"channels": channels, "observations": observed, "measurements": [measurement], "version": "1.0.0"}


KINDS = ("normsys", "histosys", "shapefactor", "shapesys", "staterror")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generated")


@given(content=generated(), seed=st.integers(0, 100))
def test_generated_workspaces(folder: Path, content: dict[str, Any], seed: int) -> None:
    """Derivatives are numpy's; where the compiled minimiser says so, the gradient vanishes or pushes out of bounds."""
    path = folder / "ws.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    lh = npinfer.load(path)
    for x in points_of(lh, 3, seed):
        if comparable(lh, lh.pack(), x):
            same_derivatives(lh, lh.pack(), x)
    minimum_is_one(lh, lh.pack(), lh.parameters.init[None])


def minimum_is_one(lh: BinnedLikelihood, packed: Packed, start: np.ndarray) -> np.ndarray:
    """Check minima by what numpy says at them, and give which converged."""
    free, p = free_mask(lh, {}), lh.parameters
    points, (nll, edm, valid), failed = compiled.minimise(lh.tables, packed, start, free, 1e-9)
    assert failed == np.count_nonzero(~valid)
    for row in np.flatnonzero(valid):
        one, x = packed.take(np.array([row])), points[row]
        largest = 10.0 * np.abs(one.auxiliary).sum()  # n ln n of auxiliary counts n, which ln n! takes away again
        assert nll[row] == pytest.approx(-lh.logpdf(x, one), rel=CLOSE, abs=CLOSE * largest)
        assert edm[row] < 1e-9
        gradient, matrix = -lh.value_grad(x, one)[1][0], lh.observed_information(x[None], one)[0]
        assert ((x >= p.lower) & (x <= p.upper))[free].all()
        held = ((x == p.lower) & (gradient > 0)) | ((x == p.upper) & (gradient < 0))
        at = np.flatnonzero(free & ~held)
        distance = 0.5 * gradient[at] @ np.linalg.solve(matrix[np.ix_(at, at)], gradient[at])
        assert -1e-15 <= distance < 1e-9
        np.testing.assert_array_equal(x[~free], start[row, ~free])
    return valid


# ---- minima


def toys_of(lh: BinnedLikelihood, count: int, mu: float = 1.0) -> tuple[Packed, np.ndarray]:
    """Toys, and the start points of their fits."""
    truth = np.tile(lh.parameters.vector({"mu": mu}), (count, 1))
    return lh.pack(lh.toy(truth, np.random.default_rng(5))), np.tile(lh.parameters.init, (count, 1))


def agree(lh: BinnedLikelihood, packed: Packed, start: np.ndarray, fixed: dict[str, float]) -> np.ndarray:
    """Minimise both ways, compare, and give the points."""
    free = free_mask(lh, fixed)
    ours = minimise(lh, packed, [start], free, FitOptions())
    theirs = minimise(lh, packed, [start], free, EXACT)
    assert ours.valid.all()
    assert (ours.nll <= theirs.nll + 1e-9).all()
    inside = free & (ours.points > lh.parameters.lower) & (ours.points < lh.parameters.upper)
    sigma = 1.0 / np.sqrt(np.einsum("nii->ni", lh.observed_information(theirs.points, packed)))
    assert (np.abs(ours.points - theirs.points) / sigma)[inside].max() < 1e-4
    same_bound = (ours.points == theirs.points) | inside
    assert same_bound[:, free].all()
    np.testing.assert_array_equal(ours.points[:, ~free], start[:, ~free])
    return ours.points


@pytest.mark.parametrize("name", NAMES)
def test_minima_of_the_data(name: str, workspaces: Any, open_workspace: Opened) -> None:
    lh = open_workspace(workspaces.ALL[name]())
    agree(lh, lh.pack(), lh.parameters.init[None], {})
    assert minimum_is_one(lh, lh.pack(), lh.parameters.init[None]).all()


@pytest.mark.parametrize("name", NAMES[:-1])
def test_minima_of_toys(name: str, workspaces: Any, open_workspace: Opened) -> None:
    lh = open_workspace(workspaces.ALL[name]())
    packed, start = toys_of(lh, 200, mu=0.0)
    points = agree(lh, packed, start, {})
    assert (points[:, lh.parameters.index("mu")] == 0.0).mean() > 0.3  # active bounds are in it
    assert minimum_is_one(lh, packed, start).mean() > 0.95


def test_minima_of_toys_of_many_parameters(workspaces: Any, open_workspace: Opened) -> None:
    """Two norms of it are nearly the same: of 4500 toys 7 end in a higher minimum than numpy's, and 6 in a lower."""
    lh = open_workspace(workspaces.many())
    packed, start = toys_of(lh, 200)
    assert minimum_is_one(lh, packed, start).mean() > 0.95
    some = packed.take(np.arange(20))
    agree(lh, some, start[:20], {})


def test_fixed_parameters(workspaces: Any, open_workspace: Opened) -> None:
    lh = open_workspace(workspaces.every_modifier())
    packed, start = toys_of(lh, 20)
    fixed = {"mu": 2.0, "xsec": 0.5, "transfer[1]": 0.8, "mc_side[0]": 1.01}
    for name, value in fixed.items():
        start[:, lh.parameters.index(name)] = value
    agree(lh, packed, start, fixed)


def counting(seen: float, *modifiers: dict[str, Any], **bounds: list[list[float]]) -> dict[str, Any]:
    """One bin with 10 μ events of signal over 40, and `seen` ones."""
    signal = [{"name": "mu", "type": "normfactor", "data": None}, *modifiers]
    given = [{"name": name, "bounds": b} for name, b in bounds.items()]
    return {
        "channels": [
            {
                "name": "c",
                "samples": [
                    {"name": "signal", "data": [10.0], "modifiers": signal},
                    {"name": "background", "data": [40.0], "modifiers": []},
                ],
            }
        ],
        "observations": [{"name": "c", "data": [seen]}],
        "measurements": [{"name": "fit", "config": {"poi": "mu", "parameters": given}}],
        "version": "1.0.0",
    }


@pytest.mark.parametrize(("seen", "best"), [(55.0, 1.5), (30.0, 0.0), (90.0, 3.0)])
def test_one_bin_has_a_known_minimum(seen: float, best: float, open_workspace: Opened) -> None:
    lh = open_workspace(counting(seen, mu=[[0.0, 3.0]]))
    points, (nll, _, valid), _ = compiled.minimise(lh.tables, lh.pack(), np.ones((1, 1)), np.ones(1, dtype=bool), 1e-9)
    assert valid.all()
    assert points[0, 0] == pytest.approx(best, abs=1e-9)
    assert points[0, 0] == best or 0 < best < 3
    expected, factorial = 40 + 10 * best, np.sum(np.log(np.arange(1, seen + 1)))
    assert nll[0] == pytest.approx(expected - seen * np.log(expected) + factorial, rel=1e-13)


# ---- where it does not apply


OTHER = {"name": "other", "type": "normfactor", "data": None}
EFFICIENCY = {"name": "efficiency", "type": "normsys", "data": {"hi": 1.2, "lo": 0.8}}


def fails(lh: BinnedLikelihood, start: np.ndarray) -> None:
    """The compiled minimiser gives up, and numpy's result takes its place."""
    free = free_mask(lh, {})
    assert compiled.minimise(lh.tables, lh.pack(), start, free, 1e-9)[2] == 1
    ours, theirs = (minimise(lh, lh.pack(), [start], free, options) for options in (FitOptions(), PLAIN))
    assert ours.valid.all()
    for field in ("points", "nll", "edm"):
        np.testing.assert_array_equal(getattr(ours, field), getattr(theirs, field))


def test_two_factors_that_only_their_product_is_known_of(open_workspace: Opened) -> None:
    lh = open_workspace(counting(55.0, OTHER))
    fails(lh, np.array([[1.0, 1.2]]))


def test_a_bound_next_to_a_ridge(open_workspace: Opened) -> None:
    """Without events there is no curvature in μ at its bound, and the efficiency of the signal has one with μ."""
    lh = open_workspace(counting(0.0, EFFICIENCY))
    fails(lh, lh.parameters.init[None])


def test_a_start_where_the_data_are_impossible(open_workspace: Opened) -> None:
    content = counting(55.0)
    del content["channels"][0]["samples"][1]
    lh = open_workspace(content)
    (_, (nll, _, valid), failed) = compiled.minimise(
        lh.tables, lh.pack(), np.zeros((1, 1)), np.ones(1, dtype=bool), 1e-9
    )
    assert np.isinf(nll).all()
    assert failed == 1
    assert not valid.any()
    both = minimise(lh, lh.pack(), [np.zeros((1, 1)), np.ones((1, 1))], np.ones(1, dtype=bool), FitOptions())
    assert both.points[0, 0] == pytest.approx(5.5, abs=1e-9)
    with pytest.raises(npinfer.NpinferError, match="probability zero at every start point"):
        minimise(lh, lh.pack(), [np.zeros((1, 1))], np.ones(1, dtype=bool), FitOptions())


def test_some_rows_fail_and_others_do_not(open_workspace: Opened) -> None:
    content = counting(55.0)
    del content["channels"][0]["samples"][1]
    lh, free = open_workspace(content), np.ones(1, dtype=bool)
    packed = lh.pack(lh.dataset(np.array([[55.0], [0.0], [20.0]]), np.zeros((3, 0)), "toy"))
    start = np.array([[1.0], [0.0], [0.0]])
    minima = minimise(lh, packed, [start], free, FitOptions())
    assert minima.points[:2, 0] == pytest.approx([5.5, 0.0], abs=1e-9)
    assert np.isinf(minima.nll[2])


def test_what_has_no_tables(
    workspaces: Any, open_workspace: Opened, small: BinnedLikelihood, hese: BinnedLikelihood, tmp_path: Path
) -> None:
    for codes in ({"normsys": "code1"}, {"histosys": "code0"}):
        assert open_workspace(workspaces.shared_bins(), **codes).tables is None
    assert small.tables is None
    assert hese.tables is None
    for name in ("first.json", "second.json"):
        (tmp_path / name).write_text(json.dumps(workspaces.shared_bins()), encoding="utf-8")
    joint = npinfer.joint(npinfer.load(tmp_path / "first.json"), npinfer.load(tmp_path / "second.json"))
    assert joint.tables is None
    lh, other = open_workspace(counting(55.0, EFFICIENCY)), Constraint("log_normal", 1.0, 0.1, 0.1)
    assert lh.tables is not None
    lh.constraints = Constraints(lh.parameters.names, {lh.parameters.names[1]: other})
    assert compiled.make_tables(lh) is None


def test_without_numba(workspaces: Any, open_workspace: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "find_spec", lambda name: None)
    lh = open_workspace(workspaces.shared_bins())
    assert lh.tables is None
    assert npinfer.fit(lh).valid
    monkeypatch.setattr(kernel, "find_spec", lambda name: None)
    assert kernel.compiled(agree) is agree


def test_numba_is_imported_when_it_is_needed() -> None:
    code = "import sys, npinfer, npinfer.inference.minimise, npinfer.likelihood.binned; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


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


# ---- the same bits


def test_rows_do_not_know_of_each_other(workspaces: Any, open_workspace: Opened) -> None:
    lh = open_workspace(workspaces.shared_bins())
    packed, start = toys_of(lh, 20)
    free = free_mask(lh, {})
    together = minimise(lh, packed, [start], free, FitOptions())
    for row in range(20):
        alone = minimise(lh, packed.take(np.array([row])), [start[:1]], free, FitOptions())
        np.testing.assert_array_equal(alone.points[0], together.points[row])
        assert alone.nll[0] == together.nll[row]


def test_toys_on_two_processes(workspaces: Any, open_workspace: Opened) -> None:
    lh = open_workspace(workspaces.many())
    here = npinfer.toys(lh, 300)
    with Processes(2) as pool:
        there = npinfer.toys(lh, 300, run=RunOptions(executor=pool))
    assert here.to_dict() == {**there.to_dict(), "provenance": here.to_dict()["provenance"]}


def test_versions_name_numba() -> None:
    """Workers with another one are refused: their numbers may differ in the last bit."""
    assert versions()["numba"] == numba.__version__


def test_the_same_without_compilation(
    workspaces: Any, open_workspace: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The functions as Python runs them, as coverage sees no others: minima, and every way to find none."""
    lh = open_workspace(workspaces.every_modifier())
    packed, start = toys_of(lh, 4, mu=0.0)
    start[0, lh.parameters.index("xsec")] = 4.5  # far, so that steps are damped
    cases = [(lh, packed, start)]
    without = counting(55.0)
    del without["channels"][0]["samples"][1]
    for content, at in ((without, [0.0]), (counting(55.0, OTHER), [1.0, 1.2]), (counting(0.0, EFFICIENCY), [0.0, 1.0])):
        one = open_workspace(content)
        cases.append((one, one.pack(), np.array([at])))
    run = lambda lh, packed, start: compiled.minimise(lh.tables, packed, start, free_mask(lh, {}), 1e-9)
    before = [run(*case) for case in cases]
    for module in (kernel, newton):
        for name, function in vars(module).items():
            if hasattr(function, "py_func"):
                monkeypatch.setattr(module, name, function.py_func)
    monkeypatch.setattr(compiled, "_newton", lambda: newton.minimise)
    for case, (points, found, failed) in zip(cases, before, strict=True):
        again = run(*case)
        assert again[2] == failed
        assert again[0] == pytest.approx(points, rel=1e-9, abs=1e-9)
        assert again[1][0] == pytest.approx(found[0], rel=CLOSE)
    assert [failed for _, _, failed in before] == [0, 1, 1, 1]
