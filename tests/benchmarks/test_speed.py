"""How fast the hot paths are: times, and ratios against pyhf and iminuit measured in the same run.

Run with `make benchmark`. Nothing here gates the test run; each benchmark prints what it found.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.minimise import free_mask, minimise, start_points
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.pyhf_model import pyhf_data

FIXED = {"f_nuebar": 1 / 6}


def median_seconds(function: Callable[[], Any], repeats: int = 5) -> float:
    """Median time of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


@pytest.fixture
def point(hese: BinnedLikelihood) -> np.ndarray:
    return hese.parameters.vector({"astro_norm": 6.37, "astro_gamma": 2.87})


def test_logpdf_alone(benchmark: Any, hese: BinnedLikelihood, point: np.ndarray) -> None:
    benchmark(hese.logpdf, point)
    model, data = hese.pyhf_model(), pyhf_data(hese)
    pairs = [
        (median_seconds(lambda: hese.logpdf(point)), median_seconds(lambda: model.logpdf(point, data)))
        for _ in range(5)
    ]
    ours, theirs = np.median(pairs, axis=0)
    print(f"\nlogpdf alone: {1e6 * ours:.0f} µs; through pyhf's machinery {theirs / ours:.1f} times that")


def test_logpdf_in_a_batch(benchmark: Any, hese: BinnedLikelihood, point: np.ndarray) -> None:
    batch = np.tile(point, (256, 1))
    benchmark(hese.logpdf, batch)
    single, many = median_seconds(lambda: hese.logpdf(point), 50), median_seconds(lambda: hese.logpdf(batch), 20) / 256
    print(f"\nlogpdf in a batch of 256: {1e6 * many:.0f} µs a point, {single / many:.1f} times faster than alone")


def test_fit_with_all_nuisances(benchmark: Any, hese: BinnedLikelihood) -> None:
    benchmark(npinfer.fit, hese, fixed=FIXED)
    migrad = FitOptions(minimiser="migrad")
    ours = median_seconds(lambda: npinfer.fit(hese, fixed=FIXED))
    theirs = median_seconds(lambda: npinfer.fit(hese, fixed=FIXED, options=migrad), 3)
    print(f"\nfit with all nuisances: {1e3 * ours:.0f} ms; with MIGRAD and our gradient {theirs / ours:.1f} times that")


def test_profiled_scan(benchmark: Any, hese: BinnedLikelihood) -> None:
    grid = {"astro_gamma": np.linspace(2.0, 4.0, 51), "astro_norm": np.linspace(1.0, 14.0, 41)}
    scan = benchmark.pedantic(lambda: npinfer.profile(hese, grid, fixed=FIXED), rounds=1)
    assert scan.delta_twice_nll.shape == (51, 41)
    if benchmark.stats:
        print(f"\n51 × 41 profiled scan: {benchmark.stats['mean']:.1f} s")


def test_toys(benchmark: Any, hese: BinnedLikelihood, point: np.ndarray) -> None:
    count = 200
    packed = hese.pack(hese.toy(np.tile(point, (count, 1)), np.random.default_rng(0)))
    free = free_mask(hese, {})
    starts = [np.tile(s, (count, 1)) for s in start_points(hese, point, free, FitOptions(starts=False))]
    benchmark.pedantic(lambda: minimise(hese, packed, starts, free, FitOptions()), rounds=3)
    if benchmark.stats:
        print(f"\ntoy fits: {1e3 * benchmark.stats['median'] / count:.2f} ms each in a batch of {count}")


def test_toys_against_migrad(benchmark: Any, hese: BinnedLikelihood, point: np.ndarray) -> None:
    """300 toys: the lowest of our starts against the lowest of four MIGRAD starts."""
    count = 300
    packed = hese.pack(hese.toy(np.tile(point, (count, 1)), np.random.default_rng(11)))
    free = free_mask(hese, {})
    starts = [np.tile(s, (count, 1)) for s in start_points(hese, hese.parameters.init, free, FitOptions())]
    assert len(starts) == 4
    ours = benchmark.pedantic(lambda: minimise(hese, packed, starts, free, FitOptions()), rounds=1)
    begun = time.perf_counter()
    theirs = minimise(hese, packed, starts, free, FitOptions(minimiser="migrad"))
    above = 2 * (ours.nll - theirs.nll)
    print(
        f"\n300 toys: twice_nll above the best of four MIGRAD starts by at most {above.max():.1e}; "
        f"{ours.valid.sum()} valid"
    )
    if benchmark.stats:
        print(f"MIGRAD takes {(time.perf_counter() - begun) / benchmark.stats['mean']:.1f} times as long")


def test_load(benchmark: Any) -> None:
    benchmark.pedantic(lambda: npinfer.load("icecube_hese"), rounds=3)
