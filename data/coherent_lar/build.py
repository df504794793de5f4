"""Build the tables of CENNS-10 from the release: python build.py SOURCE_FOLDER [OUTPUT_FOLDER]. Deterministic."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from npinfer.core.digests import write_digests

FOLDER = Path(__file__).resolve().parent
CHANNEL = "lar"
AXES = {"energy_kevee": (0.0, 120.0, 12), "f90": (0.5, 0.9, 8), "time_us": (-0.1, 4.9, 10)}  # low, high, bins
NOMINAL = {
    "cevns": "cevnspdf.txt",
    "brn_prompt": "brnpdf.txt",
    "brn_delayed": "delbrnpdf.txt",
    "steady_state": "bkgpdf.txt",
    "observed": "datanobkgsub.txt",
}
VARIED = {  # file of ours: (its nominal, file of the release)
    "cevns_f90_up": ("cevns", "cevnspdf+1sigF90.txt"),
    "cevns_f90_down": ("cevns", "cevnspdf-1sigF90.txt"),
    "cevns_time_up": ("cevns", "cevnspdfCEvNSTimingMeanSyst.txt"),
    "brn_energy_up": ("brn_prompt", "brnpdf+1sigEnergy.txt"),
    "brn_energy_down": ("brn_prompt", "brnpdf-1sigEnergy.txt"),
    "brn_time_up": ("brn_prompt", "brnpdf+1sigBRNTimingMean.txt"),
    "brn_time_down": ("brn_prompt", "brnpdf-1sigBRNTimingMean.txt"),
    "brn_width_up": ("brn_prompt", "brnpdfBRNTimingWidthSyst.txt"),
}


def main(arguments: list[str]) -> None:
    source, output = Path(arguments[0]), Path(arguments[1]) if len(arguments) > 1 else FOLDER
    tables = {name: read(source / file) for name, file in NOMINAL.items()}
    for name, (nominal, file) in VARIED.items():
        table = read(source / "SystErrors" / file)
        tables[name] = table * (tables[nominal].sum() / table.sum())  # a change of shape alone
    for name, table in tables.items():
        write(output / f"{name}.csv", table, empty=name == "observed")
    energy, _, efficiency = np.loadtxt(source / "CENNS10AnlAEfficiency.txt").T
    lines = [f"{e:.4g},{value:.6g}" for e, value in zip(energy, efficiency, strict=True)]
    (output / "efficiency.csv").write_text("\n".join(["energy_kevee,efficiency", *lines]) + "\n")
    write_digests(output, [*(f"{name}.csv" for name in tables), "efficiency.csv"])


def read(path: Path) -> NDArray[np.float64]:
    """Counts (energy, F90, time) of a file with bin centres and counts."""
    columns = np.loadtxt(path).T
    shape = tuple(bins for _, _, bins in AXES.values())
    centres = [low + (high - low) / bins * (np.arange(bins) + 0.5) for low, high, bins in AXES.values()]
    expected = np.stack([axis.ravel() for axis in np.meshgrid(*centres, indexing="ij")])
    if columns.shape != (4, expected.shape[1]) or not np.allclose(columns[:3], expected):
        raise SystemExit(f"{path}: the bins are not those of Analysis A: {shape} in energy, F90 and time")
    return columns[3].reshape(shape)


def write(path: Path, table: NDArray[np.float64], *, empty: bool) -> None:
    """The bins, or those that are not empty, with their edges."""
    edges = [low + (high - low) / bins * np.arange(bins + 1) for low, high, bins in AXES.values()]
    lines = [",".join(["channel", *(f"{axis}_{end}" for axis in AXES for end in ("low", "high")), "counts"])]
    for at in np.argwhere((table > 0) | empty):
        bounds = [f"{row[i + k]:.4g}" for row, i in zip(edges, at, strict=True) for k in (0, 1)]
        lines.append(",".join([CHANNEL, *bounds, f"{table[tuple(at)]:.6g}"]))
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
