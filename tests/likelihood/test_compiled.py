"""Minima of the compiled minimiser by what numpy says at them, and against those that numpy finds."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import npinfer
from npinfer import FitOptions, RunOptions
from npinfer.core.constraint import Constraint, Constraints
from npinfer.core.provenance import versions
from npinfer.inference.minimise import free_mask, minimise
from npinfer.inference.processes import Processes
from npinfer.likelihood import compiled, kernel, newton
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.packed import Packed
from tests.generated import generated, opened
from tests.workspaces import ALL

numba = pytest.importorskip("numba", reason="the extra `fast` is not installed")

Opened = Callable[..., BinnedLikelihood]
NAMES = tuple(ALL)
CLOSE = 1e-12  # of the largest number of its kind
PLAIN, EXACT = FitOptions(compiled=False), FitOptions(compiled=False, tolerance=1e-13)


def minimum_is_one(lh: BinnedLikelihood, packed: Packed, start: np.ndarray) -> np.ndarray:
    """Check minima by what numpy says at them, and give which converged."""
    free, p = free_mask(lh, {}), lh.parameters
    points, (nll, edm, valid), failed = compiled.minimise(lh.tables, packed, start, free, 1e-9)
    assert failed == np.count_nonzero(~valid)
    for row in np.flatnonzero(valid):
        one, x = packed.take(np.array([row])), points[row]
        assert nll[row] == pytest.approx(-lh.logpdf(x, one), rel=CLOSE, abs=CLOSE)
        assert edm[row] < 1e-9
        gradient, matrix = -lh.value_grad(x, one)[1][0], lh.observed_information(x[None], one)[0]
        assert ((x >= p.lower) & (x <= p.upper))[free].all()
        held = ((x == p.lower) & (gradient > 0)) | ((x == p.upper) & (gradient < 0))
        at = np.flatnonzero(free & ~held)
        distance = 0.5 * gradient[at] @ np.linalg.solve(matrix[np.ix_(at, at)], gradient[at])
        assert -1e-15 <= distance < 1e-9
        np.testing.assert_array_equal(x[~free], start[row, ~free])
    return valid


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


@given(content=generated())
def test_minima_of_generated_workspaces(tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]) -> None:
    """Where the compiled minimiser says that it is at a minimum, the gradient vanishes or pushes out of bounds."""
    lh = opened(content, tmp_path_factory.getbasetemp())
    minimum_is_one(lh, lh.pack(), lh.parameters.init[None])


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


@pytest.mark.parametrize("width", [1e-3, 1e-5, 1e-7])
def test_backgrounds_known_to_any_width(width: float, open_workspace: Opened) -> None:
    """Their constraints count (1/width)² events; −2 ln density at the minimum is that of a background known exactly."""
    content = counting(61.0)
    content["channels"][0]["samples"][1]["modifiers"].append(
        {"name": "known", "type": "shapesys", "data": [40.0 * width]}
    )
    lh = open_workspace(content)
    packed, start = lh.pack(), lh.parameters.init[None]
    assert minimum_is_one(lh, packed, start).all()
    ((mu, known),) = agree(lh, packed, start, {})
    assert mu == pytest.approx(2.1, rel=1e-7)
    assert known == pytest.approx(1.0, abs=1e-9)
    normalisation = -math.log(math.sqrt(2.0 * math.pi) / width)  # of so many counts, where as many are expected
    seen = 61.0 * math.log(61.0) - 61.0 - math.lgamma(62.0)
    assert lh.logpdf([mu, known]) == pytest.approx(normalisation + seen, abs=width**2 + 1e-8)
