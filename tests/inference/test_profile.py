"""profile and contour: properties, closed forms, resuming, executors."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer.core import wilks
from npinfer.core.result import Scan
from npinfer.errors import DataError, InferenceError, OutputError, ParameterError
from npinfer.inference import executor as execution
from npinfer.inference import profile as module
from npinfer.inference.executor import Interrupted, RunOptions
from npinfer.likelihood.binned import BinnedLikelihood

GRID = {"astro_gamma": np.linspace(2.2, 3.8, 17), "astro_norm": np.linspace(2.0, 13.0, 12)}


@pytest.fixture(scope="module")
def scan(hese: BinnedLikelihood) -> Scan:
    return npinfer.profile(hese, GRID, fixed={"f_nuebar": 1 / 6})


def test_never_negative_and_zero_at_the_best_fit(hese: BinnedLikelihood, scan: Scan) -> None:
    assert (scan.delta_twice_nll >= 0).all()
    best = {n: np.array([scan.best[n]]) for n in GRID}
    again = npinfer.profile(hese, best, fixed={"f_nuebar": 1 / 6})
    assert again.delta_twice_nll[0, 0] == pytest.approx(0.0, abs=1e-8)


def test_every_point_is_a_fit(hese: BinnedLikelihood, scan: Scan) -> None:
    for i, j in ((0, 0), (5, 3), (16, 11), (8, 0)):
        at = {"astro_gamma": GRID["astro_gamma"][i], "astro_norm": GRID["astro_norm"][j], "f_nuebar": 1 / 6}
        result = npinfer.fit(hese, fixed=at)
        assert scan.delta_twice_nll[i, j] + scan.twice_nll == pytest.approx(result.twice_nll, abs=2e-6)
        assert scan.values["icecube_hese.conv_norm"][i, j] == pytest.approx(
            result.values["icecube_hese.conv_norm"], abs=2e-3
        )


def test_processes_give_the_same_bits(hese: BinnedLikelihood, scan: Scan) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        other = npinfer.profile(hese, GRID, fixed={"f_nuebar": 1 / 6}, run=RunOptions(executor=pool))
    np.testing.assert_array_equal(scan.delta_twice_nll, other.delta_twice_nll)


COUNTING = """\
schema: npinfer/likelihood/1
name: counting
kind: real
status: illustrative
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [1]}}
samples: {signal: {template: {count: [1]}, scale: s}}
parameters: {s: {init: 0.5, bounds: [0, 20]}}
"""


def test_a_worker_refuses_a_file_that_changed(make: Callable[[str], BinnedLikelihood]) -> None:
    likelihood = make(COUNTING)
    recipe = likelihood.recipe()
    assert recipe.build().logpdf({"s": 2.0}) == likelihood.logpdf({"s": 2.0})
    make(COUNTING.replace("observed: [1]", "observed: [2]"))
    with pytest.raises(DataError, match="differs from the file that the work was started with"):
        recipe.build()


def test_interrupted_work_resumes(
    hese: BinnedLikelihood, scan: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunOptions(out=tmp_path)
    calls = []
    original = module.profile_points

    def stop_at_second(likelihood: Any, chunk: Any) -> Any:
        calls.append(len(chunk["points"]))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(likelihood, chunk)

    stop_at_second.__module__, stop_at_second.__qualname__ = original.__module__, original.__qualname__
    monkeypatch.setattr(module, "profile_points", stop_at_second)
    part = npinfer.profile(hese, GRID, fixed={"f_nuebar": 1 / 6}, run=run)
    assert not part.complete
    assert np.isfinite(part.delta_twice_nll).sum() == calls[0]
    assert "the same command continues" in part.message
    with pytest.raises(InferenceError, match="incomplete"):
        npinfer.contour(part)
    rest = npinfer.profile(hese, GRID, fixed={"f_nuebar": 1 / 6}, run=run)
    chunks = -(-scan.delta_twice_nll.size // module.POINTS_PER_CHUNK)
    assert len(calls) == 1 + chunks  # the finished chunk was not computed again
    np.testing.assert_array_equal(rest.delta_twice_nll, scan.delta_twice_nll)


def test_the_look_from_neighbours_is_interrupted_in_words(
    hese: BinnedLikelihood, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(likelihood: Any, chunk: Any) -> Any:
        raise KeyboardInterrupt

    original, grid = module.better_points, {"astro_gamma": np.array([2.5, 3.0])}
    monkeypatch.setattr(module, "better_points", stop)
    kept = RunOptions(out=tmp_path)
    for run, said in ((RunOptions(), "would keep the minima"), (kept, "the same command continues")):
        with pytest.raises(Interrupted, match=f"profile interrupted while its neighbours were tried; .*{said}"):
            npinfer.profile(hese, grid, fixed={"f_nuebar": 1 / 6}, run=run)
    monkeypatch.setattr(module, "better_points", original)
    assert npinfer.profile(hese, grid, fixed={"f_nuebar": 1 / 6}, run=kept).complete


def test_other_data_never_reuse_chunks(hese: BinnedLikelihood, tmp_path: Path) -> None:
    grid = {"astro_gamma": np.array([2.5, 3.0])}
    run = RunOptions(out=tmp_path)
    first = npinfer.profile(hese, grid, run=run)
    other = npinfer.profile(hese.with_data(hese.asimov(hese.parameters.init)), grid, run=run)
    assert not np.allclose(first.delta_twice_nll, other.delta_twice_nll)
    assert len(list((tmp_path / "chunks").iterdir())) == 2


def test_interrupted_before_anything_is_an_error(hese: BinnedLikelihood, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(likelihood: Any, chunk: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "profile_points", stop)
    with pytest.raises(Interrupted, match="after 0 of 1 chunks; an output folder"):
        npinfer.profile(hese, {"astro_gamma": np.array([2.5])})


def test_unwritable_folder(hese: BinnedLikelihood, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        npinfer.profile(hese, {"astro_gamma": np.array([2.5])}, run=RunOptions(out=tmp_path / "file"))


def test_outside_the_simplex_is_infinite() -> None:
    likelihood = npinfer.load("icecube_hese", composition="flavour")
    steps = np.linspace(0, 1, 6)
    found = npinfer.profile(likelihood, {"f_e": steps, "f_mu": steps})
    outside = steps[:, None] + steps[None, :] > 1 + 1e-9
    assert np.isinf(found.delta_twice_nll[outside]).all()
    assert np.isfinite(found.delta_twice_nll[~outside]).all()


def test_the_better_of_two_minima_everywhere(two_minima: BinnedLikelihood) -> None:
    p = np.linspace(-20, 20, 81)
    found = npinfer.profile(two_minima, {"p": p})
    mean = 1 + p**2
    np.testing.assert_allclose(found.delta_twice_nll, 2 * (mean - 100 - 100 * np.log(mean / 100)), atol=1e-9)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"astro_gama": [2.0]}, "did you mean 'astro_gamma'"),
        ({"astro_gamma": [2.0, 5.0]}, "5 is outside its bounds"),
        ({"astro_gamma": [2.0, np.nan]}, "not a finite number"),
        ({"astro_gamma": [[2.0]]}, "is a list of values"),
        ({"astro_gamma": []}, "is a list of values"),
    ],
)
def test_bad_grids_are_refused(hese: BinnedLikelihood, grid: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        npinfer.profile(hese, grid)


def test_a_parameter_is_not_both_fixed_and_scanned(hese: BinnedLikelihood) -> None:
    with pytest.raises(ParameterError, match="both on the grid and fixed"):
        npinfer.profile(hese, {"astro_gamma": np.array([2.0])}, fixed={"astro_gamma": 2.0})
    with pytest.raises(InferenceError, match="at least one parameter"):
        npinfer.profile(hese, {})


def gaussian(heights: np.ndarray, x: np.ndarray, scan: Scan) -> Scan:
    import dataclasses

    return dataclasses.replace(scan, grid=dict(zip(GRID, (x, x), strict=True)), delta_twice_nll=heights)


def test_contours_of_a_gaussian_are_circles(scan: Scan) -> None:
    x = np.linspace(-4, 4, 161)
    round_hill = gaussian(x[:, None] ** 2 + x[None, :] ** 2, x, scan)
    found = npinfer.contour(round_hill, cl=(0.39, 0.95))
    for region in found.regions:
        (path,) = region.paths
        radius = np.hypot(*path.T)
        np.testing.assert_allclose(radius**2, wilks.threshold(region.cl, 2), rtol=2e-3)
        np.testing.assert_array_equal(path[0], path[-1])
        assert not region.touches_edge
    assert found.enclosed.startswith("joint probability enclosed: 39 %, 95 %")


def test_contours_end_at_the_edge_of_the_grid(scan: Scan) -> None:
    x = np.linspace(0, 4, 81)
    (region,) = npinfer.contour(gaussian(x[:, None] ** 2 + x[None, :] ** 2, x, scan), cl=(0.68,)).regions
    assert region.touches_edge
    (path,) = region.paths
    assert path.min() >= 0.0
    np.testing.assert_array_equal(path[0], path[-1])


def test_contour_refuses_other_scans(hese: BinnedLikelihood) -> None:
    line = npinfer.profile(hese, {"astro_gamma": np.array([2.5, 3.0])})
    with pytest.raises(InferenceError, match="a contour needs a scan of two parameters"):
        npinfer.contour(line)


def test_no_progress_bar_is_drawn_where_there_is_no_terminal(
    hese: BinnedLikelihood, capsys: pytest.CaptureFixture[str]
) -> None:
    npinfer.profile(hese, {"astro_gamma": np.array([2.5])})
    assert capsys.readouterr() == ("", "")
    assert execution.RunOptions().quiet is False
