"""Build KamLAND's tables from its release: python build.py SOURCE_FOLDER [OUTPUT_FOLDER]. Deterministic."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from npinfer.core.digests import write_digests

FOLDER = Path(__file__).resolve().parent
SPECTRUM, REACTORS = "EnergySpectrum_0.1MeVbin_4th_result.dat", "Reactors.csv"
COLUMNS = ("observed", "no_oscillation", "best_fit", "accidental", "alpha_n", "lithium9", "uranium", "thorium")
TEMPLATES = ("observed", "accidental", "alpha_n", "lithium9")  # as they are; geo_nu is uranium and thorium
WIDTH_MEV = 0.1


def main(arguments: list[str]) -> None:
    source, output = Path(arguments[0]), Path(arguments[1]) if len(arguments) > 1 else FOLDER
    table = np.loadtxt(source / SPECTRUM)
    centres, columns = table[:, 0], dict(zip(COLUMNS, table.T[1:], strict=True))
    tables = {name: columns[name] for name in TEMPLATES} | {"geo_nu": columns["uranium"] + columns["thorium"]}
    for name, counts in tables.items():
        write(output / f"{name}.csv", centres, counts)
    rows = zip(centres, columns["no_oscillation"], columns["best_fit"], strict=True)
    lines = ["energy_mev,no_oscillation,best_fit", *(f"{e:.2f},{n:.4f},{b:.4f}" for e, n, b in rows)]
    (output / "reactor.csv").write_text("\n".join(lines) + "\n")
    baselines = np.loadtxt(source / REACTORS, delimiter=",", skiprows=1)
    lines = ["distance_km,reactors", *(f"{length:.2f},{number:.0f}" for length, number in baselines)]
    (output / "baselines.csv").write_text("\n".join(lines) + "\n")
    write_digests(output, [*(f"{name}.csv" for name in tables), "reactor.csv", "baselines.csv"])


def write(path: Path, centres: NDArray[np.float64], counts: NDArray[np.float64]) -> None:
    """One row a bin, with its edges."""
    edges = zip(centres - WIDTH_MEV / 2, centres + WIDTH_MEV / 2, strict=True)
    rows = [f"prompt,{low:.1f},{high:.1f},{n:.6g}" for (low, high), n in zip(edges, counts, strict=True)]
    path.write_text("\n".join(["channel,energy_mev_low,energy_mev_high,counts", *rows]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
