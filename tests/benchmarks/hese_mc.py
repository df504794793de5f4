"""How fast the likelihood of the HESE simulation is: python tests/benchmarks/hese_mc.py [EVENTS] [FOLDER] [--scan].

EVENTS synthetic ones in the schema of the release (750 000, two thirds of which are binned), with its splines where
FOLDER has them. Times are of the processor, the least of several: other work on the machine counts less. With --scan,
also the profile of 51 × 41 points that the release shows, on two processes.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import hese_release
import numpy as np

import npinfer
from npinfer.inference.processes import Processes
from npinfer.likelihood import event_kernel, event_sums
from npinfer.physics.hese_cache import import_release, spline_names
from npinfer.physics.photospline import read_spline


def least(function: Callable[[], Any], repeats: int = 5) -> float:
    """Milliseconds of the processor."""
    function()
    found = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
    return 1e3 * min(found)


def say(what: str, value: float, unit: str = "ms") -> None:
    print(f"{what:<58}{value:>10.1f} {unit}")


def main(arguments: list[str]) -> None:
    scan, arguments = "--scan" in arguments, [a for a in arguments if a != "--scan"]
    count = int(arguments[0]) if arguments else 750_000
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NPINFER_CACHE"] = f"{folder}/cache"
        release = Path(folder) / "release"
        hese_release.write_events(release, hese_release.make_events(count))
        splines = hese_release.make_splines()
        if len(arguments) > 1:
            tables = {name: read_spline(next(Path(arguments[1]).rglob(f"{name}.fits"))) for name in spline_names()}
            splines = {n: (s.coefficients.astype(np.float32), list(s.knots), s.degrees) for n, s in tables.items()}
        hese_release.write_splines(release / "splines", splines)
        run(release)
        if scan:
            run_scan()


def run(release: Path) -> None:
    start = time.process_time()
    done = import_release(release)
    say(f"import of {done.simulated} events, {done.used} of them binned", time.process_time() - start, "s")
    start = time.process_time()
    lh = npinfer.load("icecube_hese_mc")
    say("load from the cache", time.process_time() - start, "s")
    at, group = lh.parameters.init[None], lh.group

    def value_grad() -> None:
        group._known.clear()
        lh.value_grad(at)

    def curvature() -> None:
        lh._found.pop("at", None)
        lh.observed_information(at, lh.pack(None))

    compiled = group._kernel is event_kernel
    for kernel in (event_kernel, event_sums) if compiled else (event_sums,):
        group._kernel = kernel
        name = "numba" if kernel is event_kernel else "numpy"
        say(f"value and gradient, {name}", least(value_grad))
        say(f"second derivatives, {name}", least(curvature, 2))
    group._kernel = event_kernel if compiled else event_sums
    npinfer.load("icecube_hese_mc").coarse.value_grad(at)  # so that all is compiled
    lh = npinfer.load("icecube_hese_mc")
    start, clock = time.process_time(), time.perf_counter()
    found = npinfer.fit(lh, fixed={"f_nuebar": 1 / 6})
    say(f"fit, both halves of the efficiency, converged: {found.valid}", time.process_time() - start, "s")
    say("  by the clock", time.perf_counter() - clock, "s")
    start, grid = time.process_time(), {"astro_gamma": np.linspace(2.4, 3.2, 4), "astro_norm": np.linspace(2, 10, 4)}
    npinfer.profile(lh, grid, fixed={"f_nuebar": 1 / 6})
    say("profile, a point of a grid of 4 × 4", (time.process_time() - start) / 16, "s")
    say("peak of memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")


def run_scan() -> None:
    lh, start = npinfer.load("icecube_hese_mc"), time.perf_counter()
    grid = {"astro_gamma": np.linspace(2.0, 4.0, 51), "astro_norm": np.linspace(1.0, 14.0, 41)}
    with Processes(2) as executor:
        found = npinfer.profile(lh, grid, fixed={"f_nuebar": 1 / 6}, run=npinfer.RunOptions(executor=executor))
    say("profile of 51 × 41 points on two processes, by the clock", time.perf_counter() - start, "s")
    say("  of them without a minimum", float(np.count_nonzero(~np.isfinite(found.delta_twice_nll))), "")
    say("peak of memory of a process", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, "MB")


if __name__ == "__main__":
    main(sys.argv[1:])
