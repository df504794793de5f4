"""Coverage of calibrated and of Wilks' intervals of f_nuebar, in the Glashow event alone and joined with HESE.

Critical values from 10 000 toys of every setting at each truth, coverage from 2000 independent ones: the other
parameters at their conditional fit, and every group of them one standard deviation up, and down. Run with
`python tests/benchmarks/coverage_study.py [--quick] [NAME ...]`.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

import npinfer
from npinfer import IntervalOptions, RunOptions

TRUTHS = (0.0753, 0.1674, 0.4)  # pγ, pp, and far above
FIXED = {"icecube_pepe": {"astro_norm": 4.98, "astro_gamma": 2.53}, "joint/glashow": {}}
LEVELS = (0.68, 0.90)


def study(name: str, run: RunOptions, calibrating: int, covering: int) -> float:
    """Print the coverage of one likelihood at every truth; gives the lowest deviation from a level."""
    likelihood, fixed, worst, begun = npinfer.load(name), FIXED[name], 0.0, time.perf_counter()
    settings = {"n_toys": calibrating, "fixed": fixed, "run": run, "shifts": True}
    calibration = npinfer.calibrate(likelihood, {"f_nuebar": np.array(TRUTHS)}, **settings)
    print(calibration.table(), f"\n{time.perf_counter() - begun:.0f} s\n", flush=True)
    question = IntervalOptions("f_nuebar", LEVELS, fixed, calibration)
    for truth in TRUTHS:
        begun = time.perf_counter()
        found = npinfer.coverage(likelihood, question, at={"f_nuebar": truth}, n_toys=covering, run=run)
        print(found.table(), f"\n{time.perf_counter() - begun:.0f} s\n", flush=True)
        worst = min(worst, found.worst.deviation)
    return worst


def main(arguments: list[str]) -> None:
    quick = "--quick" in arguments
    names = [a for a in arguments if not a.startswith("--")] or list(FIXED)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        run = RunOptions(executor=pool, quiet=True)
        worst = {n: study(n, run, *((500, 200) if quick else (10_000, 2000))) for n in names}
    print("lowest deviation from a level, in combined standard deviations:", worst)


if __name__ == "__main__":
    main(sys.argv[1:])
