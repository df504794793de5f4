"""Fits of workspaces against pyhf: the same density, a minimum that is never higher, and how many times faster.

python tests/benchmarks/compare_pyhf.py [--backend numpy jax] [--pairs N] [--plain] [MODEL ...]

Each ratio is the median of interleaved pairs (ours, theirs, ours, theirs, …) of CPU time on one thread, of the maximum
of the likelihood alone: `minimise` here and `pyhf.infer.mle.fit` there, with pyhf's default optimizer, after one fit
each that is not timed (numba and jax compile in it). Fits are repeated until AT_LEAST has passed, on both sides, as
timeit does; a single fit in cold caches is timed beside. Ours is compiled where numba is installed, but for --plain:
each line says so. Answers that differ by more than is stated end the run with an error. With --reference, minima and
parameters are compared with pyhf's minuit instead, at tolerance 1e-4 and strategy 2.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np  # noqa: E402
import pyhf  # noqa: E402
from workspaces import ALL  # noqa: E402

import npinfer  # noqa: E402
from npinfer.inference.fit_options import FitOptions  # noqa: E402
from npinfer.inference.minimise import free_mask, minimise  # noqa: E402
from npinfer.likelihood import compiled  # noqa: E402
from npinfer.likelihood.binned import BinnedLikelihood  # noqa: E402
from npinfer.likelihood.pyhf_model import pyhf_data  # noqa: E402

SAME_POINT, HIGHEST_EXCESS, FURTHEST = 1e-9, 1e-6, 1e-3  # relative; of twice_nll; in standard deviations
AT_LEAST = 0.01  # seconds that one timing takes
TARGETS = {"numpy": 100.0, "jax": 12.0}
CODES = [("code4", "code4p"), ("code4", "code0"), ("code1", "code4p"), ("code1", "code0")]


def opened(name: str, folder: Path, **configuration: Any) -> BinnedLikelihood:
    path = folder / "workspace.json"
    path.write_text(json.dumps(ALL[name]()), encoding="utf-8")
    return npinfer.load(path, **configuration)


def speed(name: str, backend: str, given: argparse.Namespace, folder: Path) -> bool:
    """Print the ratio of one model; gives whether the target is met."""
    lh, options = opened(name, folder), FitOptions(compiled=not given.plain)
    model, data = lh.pyhf_model(), pyhf_data(lh)
    init = lh.parameters.init
    same_point(lh, float(model.logpdf(init, data)[0]), init)
    packed, free = lh.pack(), free_mask(lh, {})
    ours = lambda: minimise(lh, packed, [init[None]], free, options)
    theirs = lambda: pyhf.infer.mle.fit(data, model, return_fitted_val=True)
    minima, (_, value) = ours(), theirs()
    if not minima.valid[0] or 2 * minima.nll[0] > float(value) + HIGHEST_EXCESS:
        sys.exit(f"{name}: our minimum {2 * minima.nll[0]:.9g} is above pyhf's {float(value):.9g}")
    times = np.array([[timed(ours), timed(theirs), timed(ours, 0.0)] for _ in range(given.pairs)])
    ratios = np.sort(times[:, 1] / times[:, 0])
    ratio = float(np.median(ratios))
    met = "met" if ratio >= TARGETS[backend] else "MISSED"
    mine, pyhf_takes, cold = 1e3 * np.median(times, axis=0)
    took = "compiled" if options.compiled and is_compiled(lh) else "not compiled"
    print(
        f"{name}, {backend}: {ratio:.0f} times faster (target {TARGETS[backend]:g}: {met}); pairs {ratios[0]:.0f} to "
        f"{ratios[-1]:.0f}; ours, {took}, {mine:.3g} ms ({cold:.3g} ms in cold caches), theirs {pyhf_takes:.3g} ms",
        flush=True,
    )
    return met == "met"


def is_compiled(lh: BinnedLikelihood) -> bool:
    """Whether the compiled minimiser finds the minimum, with nothing left to the other one."""
    start, free, tolerance = lh.parameters.init[None], free_mask(lh, {}), FitOptions().tolerance
    return lh.tables is not None and compiled.minimise(lh.tables, lh.pack(), start, free, tolerance)[2] == 0


def timed(work: Any, at_least: float = AT_LEAST) -> float:
    """Seconds of CPU time that `work` takes, the mean of as many times as take `at_least` seconds."""
    begun, passed, times = time.process_time(), 0.0, 0
    while times == 0 or passed < at_least:
        work()
        passed, times = time.process_time() - begun, times + 1
    return passed / times


def same_point(lh: BinnedLikelihood, theirs: float, point: np.ndarray) -> None:
    ours = lh.logpdf(point)
    if abs(ours / theirs - 1) > SAME_POINT:
        sys.exit(f"{lh.name}: ln density {ours:.12g} here, {theirs:.12g} by pyhf")


def reference(name: str, folder: Path) -> None:
    """Compare the minima of one model in all codes and measurements with those of minuit in pyhf."""
    for normsys, histosys in CODES:
        for measurement in ALL[name]()["measurements"]:
            lh = opened(name, folder, normsys=normsys, histosys=histosys, measurement=measurement["name"])
            model, data, result = lh.pyhf_model(), pyhf_data(lh), npinfer.fit(lh)
            ours = np.array([result.values[n] for n in lh.parameters.names])
            sigma = np.array([result.errors.get(n, np.nan) for n in lh.parameters.names])
            sigma = np.where(sigma > 0, sigma, 1.0)
            said, init = "", None
            for _ in range(2):
                best, value = minuit(data, model, init)
                if result.twice_nll <= float(value) - HIGHEST_EXCESS:  # theirs stopped early: once more, from ours
                    said, init = f", after one {float(value) - result.twice_nll:.1e} higher", ours.tolist()
            same_point(lh, float(model.logpdf(np.asarray(best), data)[0]), np.asarray(best))
            excess, distance = result.twice_nll - float(value), float(np.max(np.abs(ours - best) / sigma))
            print(f"{name} {measurement['name']} {normsys} {histosys}: twice_nll {excess:+.1e}, {distance:.1e} σ{said}")
            if excess > HIGHEST_EXCESS or distance > FURTHEST or not result.valid:
                sys.exit("differs from pyhf by more than it may")


def minuit(data: Any, model: pyhf.Model, init: list[float] | None) -> tuple[np.ndarray, float]:
    """pyhf's best point, which may be one where it gave up: then it lies higher than ours, or it does not."""
    try:
        best, value = pyhf.infer.mle.fit(data, model, init, return_fitted_val=True)
    except pyhf.exceptions.FailedMinimization as failed:
        best, value = np.array(failed.result.x), failed.result.fun
    return np.asarray(best), float(value)


def main() -> None:
    logging.getLogger("pyhf").setLevel(logging.CRITICAL)  # minuit that gives up is said below
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", choices=[*ALL, []], metavar="MODEL", default=[])
    parser.add_argument("--backend", nargs="+", choices=list(TARGETS), default=["numpy"])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--plain", action="store_true", help="without numba")
    parser.add_argument("--reference", action="store_true")
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        for model in given.models or ALL:
            if given.reference:
                pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-4, strategy=2, maxiter=10**6))
                reference(model, Path(name))
                continue
            for backend in given.backend:
                pyhf.set_backend(backend, pyhf.optimize.scipy_optimizer())
                speed(model, backend, given, Path(name))


if __name__ == "__main__":
    main()
