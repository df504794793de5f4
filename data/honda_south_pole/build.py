"""Build flux.npz from the published table: python build.py FOLDER_WITH_THE_TABLE [OUTPUT_FOLDER]. Deterministic."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent
SOURCE = "honda-2015-spl-solmin-aa.d"
SOURCE_SHA256 = "fb26dccb15317d2ca1d7ba54af1cfa17a188127c8f74f7f7c23c5beb96b3fc83"
SPECIES = ("numu", "numubar", "nue", "nuebar")  # in the order of the columns
LEAST_GEV = 4.99


def main(arguments: list[str]) -> None:
    source = Path(arguments[0]) / SOURCE
    output = Path(arguments[1]) if len(arguments) > 1 else FOLDER
    found = hashlib.sha256(source.read_bytes()).hexdigest()
    if found != SOURCE_SHA256:
        raise SystemExit(f"{source}: sha256 {found}, expected {SOURCE_SHA256}: another version of the table")
    energies, edges, flux = read_table(source.read_text())
    used = energies > LEAST_GEV
    np.savez_compressed(
        output / "flux.npz",
        species=np.array(SPECIES),
        energy_gev=energies[used],
        cos_edges=edges,
        flux=flux[:, used].astype(np.float32),
    )
    write_digest(output, "flux.npz")


def read_table(text: str) -> tuple[NDArray, NDArray, NDArray]:
    """Energies [GeV], edges of cos zenith, and the flux [GeV^-1 cm^-2 s^-1 sr^-1], (species, energy, cos zenith)."""
    edges, blocks = [], []
    for block in text.split("average flux in ")[1:]:
        edges.append([float(x) for x in re.findall(r"-?\d+\.\d+", block.splitlines()[0])])
        blocks.append([[float(x) for x in line.split()] for line in block.splitlines()[2:] if line.strip()])
    low = np.array([e[0] for e in edges])
    order = np.argsort(low)
    table = np.array(blocks)[order]  # (cos zenith, energy, 1 + species)
    return table[0, :, 0], np.append(low[order], 1.0), np.moveaxis(table[..., 1:], 2, 0).swapaxes(1, 2) * 1e-4


def write_digest(folder: Path, name: str) -> None:
    """Put the sha256 of a file into the table of README.md."""
    readme = folder / "README.md"
    if readme.is_file():
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        row = rf"(?m)^\| {re.escape(name)} \|.*$"
        readme.write_text(re.sub(row, f"| {name} | {digest} |", readme.read_text()))


if __name__ == "__main__":
    main(sys.argv[1:])
