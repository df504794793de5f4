"""Build the tables of caesium iodide from the release: python build.py SOURCE_FOLDER [OUTPUT_FOLDER]. Deterministic."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from npinfer.core.digests import write_digests

FOLDER = Path(__file__).resolve().parent
LIGHT = np.array([0, 12, 16, 20, 24, 32, 40, 50, 60], dtype=float)  # photo-electrons
TIME = np.array([0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 2, 4, 6])  # µs
AXES = {"photo_electrons": LIGHT, "time_us": TIME}
DATA = {"coincidence": ("dataBeamOnC.txt", AXES), "anti_coincidence": ("dataBeamOnAC.txt", {"photo_electrons": LIGHT})}
NEUTRONS = {"brn": 18.4, "nin": 5.6}  # events in the window
EFFICIENCY_START_US, EFFICIENCY_RATE = 0.52, 0.0494  # 1 up to then, exp(-rate (t - start)) later


def main(arguments: list[str]) -> None:
    source, output = Path(arguments[0]), Path(arguments[1]) if len(arguments) > 1 else FOLDER
    files = []
    for channel, (file, axes) in DATA.items():
        files.append(f"{channel}.csv")
        write(output / files[-1], channel, axes, events(source / file, list(axes.values())))
    for name, number in NEUTRONS.items():
        files.append(f"{name}.csv")
        light = in_bins(np.loadtxt(source / f"{name}PE.txt"), LIGHT)
        table = np.loadtxt(source / f"{name}Trec.txt")
        table[:, 1] *= np.exp(-EFFICIENCY_RATE * np.maximum(table[:, 0] - EFFICIENCY_START_US, 0.0))
        time = in_bins(table, TIME)
        counts = number * np.outer(light / light.sum(), time / time.sum())
        write(output / files[-1], "coincidence", AXES, counts)
    write_digests(output, files)


def events(path: Path, edges: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Events of a file with columns of light and time, below 60 photo-electrons and 6 µs."""
    found = np.loadtxt(path)
    found = found[(found[:, 0] < LIGHT[-1]) & (found[:, 1] < TIME[-1])]
    counts, _ = np.histogramdd(found[:, : len(edges)], bins=edges)
    return counts


def in_bins(table: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over bins of a table of equidistant centres and contents, which are spread evenly over their widths."""
    centres, content = table.T
    width = centres[1] - centres[0]
    if not np.allclose(np.diff(centres), width):
        raise SystemExit("the centres of a table are not equidistant")
    ends = np.append(centres - width / 2, centres[-1] + width / 2)
    return np.diff(np.interp(edges, ends, np.append(0.0, np.cumsum(content))))


def write(path: Path, channel: str, axes: dict[str, NDArray[np.float64]], table: NDArray[np.float64]) -> None:
    """The bins that are not empty, with their edges."""
    lines = [",".join(["channel", *(f"{axis}_{end}" for axis in axes for end in ("low", "high")), "counts"])]
    for at in np.argwhere(table > 0):
        bounds = [f"{row[i + k]:.4g}" for row, i in zip(axes.values(), at, strict=True) for k in (0, 1)]
        lines.append(",".join([channel, *bounds, f"{table[tuple(at)]:.6g}"]))
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
