"""Calibrate the sampler on shipped likelihoods, and print what the ranks of the truths say.

python tests/benchmarks/rank_calibration.py [--n-draws N] [--seed N] [--processes N] [--out FOLDER] [NAME ...]

About three seconds of one core a data set of icecube_pepe (four free parameters), ten of icecube_hese (twelve).
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import npinfer
from npinfer.plot import plot_rank_calibration, save_figure


def main() -> None:
    """Print the table of every likelihood, all parameters free; with --out also save results and figures."""
    parser = argparse.ArgumentParser(description="Calibrate the sampler on shipped likelihoods.")
    parser.add_argument("names", nargs="*", default=["icecube_pepe", "icecube_hese"])
    parser.add_argument("--n-draws", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        for name in options.names:
            begun = time.perf_counter()
            out = options.out and options.out / name
            run = npinfer.RunOptions(seed=options.seed, executor=pool, out=out)
            found = npinfer.rank_calibration(npinfer.load(name), n_draws=options.n_draws, run=run)
            print(found.table())
            print(f"{time.perf_counter() - begun:.0f} s with {options.processes} processes\n", flush=True)
            if out:
                found.save(out / "rank_calibration.json")
                save_figure(plot_rank_calibration(found)[0], out / "rank_calibration.png")


if __name__ == "__main__":
    main()
