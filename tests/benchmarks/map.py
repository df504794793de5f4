"""A calibrated map: critical values on 20 × 20 points of (f_nuebar, astro_gamma) with 1000 toys each, on two processes.

Run with `python tests/benchmarks/map.py [FOLDER] [--quick]`; finished chunks are kept in FOLDER, and the regions drawn
there.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import npinfer
from npinfer import RunOptions
from npinfer.plot import plot_calibration, plot_contour, save_figure

GRID = {"f_nuebar": np.linspace(0.0, 0.8, 20), "astro_gamma": np.linspace(2.2, 3.6, 20)}


def main(arguments: list[str]) -> None:
    n_toys = 20 if "--quick" in arguments else 1000
    out = next((Path(a) for a in arguments if not a.startswith("--")), None)
    likelihood = npinfer.load("joint/glashow")
    begun = time.perf_counter()
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        found = npinfer.calibrate(likelihood, GRID, n_toys=n_toys, run=RunOptions(executor=pool, out=out))
    minutes = (time.perf_counter() - begun) / 60
    print(f"{found.statistic.size} toys in {minutes:.1f} minutes; {int(found.failed.sum())} failed")
    print(found.describe())
    fine = {name: np.linspace(v[0], v[-1], 41) for name, v in GRID.items()}
    scan = npinfer.profile(likelihood, fine)
    regions = npinfer.contour(scan, cl=(0.68, 0.90), calibration=found)
    for ours, plain in zip(regions.regions, npinfer.contour(scan, cl=(0.68, 0.90)).regions, strict=True):
        areas = [sum(map(area, region.paths)) for region in (ours, plain)]
        print(f"{100 * ours.cl:g} %: area {areas[0]:.3f}, by Wilks' theorem {areas[1]:.3f}")
    if out is not None:
        found.save(out / "calibrate.json")
        save_figure(plot_calibration(found)[0], out / "calibrate.png")
        save_figure(plot_contour(regions)[0], out / "contour.png")


def area(path: np.ndarray) -> float:
    """The area that a closed path encloses."""
    x, y = path.T
    return 0.5 * abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))))


if __name__ == "__main__":
    main(sys.argv[1:])
