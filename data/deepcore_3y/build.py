"""Build DeepCore's tables from the release: python build.py SOURCE_FOLDER [OUTPUT_FOLDER]. Deterministic."""

from __future__ import annotations

import bz2
import csv
import sys
from pathlib import Path

from npinfer.core.digests import write_digests

FOLDER = Path(__file__).resolve().parent
EDGES_GEV = (5.623413, 7.498942, 10.0, 13.335215, 17.782795, 23.713737, 31.622776, 42.16965, 56.23413)
CHANNELS = ("cascade", "track")  # pid 0 and 1
GROUPS = ("all_nc", "nue_cc", "numu_cc", "nutau_cc")
SLOPES = ("ice_absorption", "ice_scattering", "opt_eff_overall", "opt_eff_lateral", "opt_eff_headon")
EDGES = ("energy_gev_low", "energy_gev_high", "cos_zenith_low", "cos_zenith_high")


def main(arguments: list[str]) -> None:
    source, output = Path(arguments[0]), Path(arguments[1]) if len(arguments) > 1 else FOLDER
    for name, file in (("data", "observed.csv"), ("muons", "muon.csv")):
        counts = [(*place(row), f"{float(row['count']):.6g}") for row in read(source / f"{name}.csv.bz2")]
        write(output / file, ("channel", *EDGES, "counts"), counts)
    rows = []
    for group in GROUPS:
        for row in read(source / f"hyperplanes_{group}.csv.bz2"):
            rows.append((group, *place(row), *(f"{float(row[c]):.6g}" for c in ("offset", *SLOPES))))
    write(output / "hyperplanes.csv", ("group", "channel", *EDGES, "offset", *SLOPES), rows)
    write_digests(output, ["observed.csv", "muon.csv", "hyperplanes.csv"])


def read(path: Path) -> list[dict[str, str]]:
    with bz2.open(path, "rt", newline="") as stream:
        return list(csv.DictReader(stream))


def place(row: dict[str, str]) -> tuple[str, ...]:
    """The channel of a row and the edges of its bin."""
    energy, cosine = float(row["reco_energy"]), float(row["reco_coszen"])
    k = next(i for i in range(len(EDGES_GEV) - 1) if EDGES_GEV[i] <= energy < EDGES_GEV[i + 1])
    low = -1 + 0.25 * int((cosine + 1) // 0.25)
    edges = (EDGES_GEV[k], EDGES_GEV[k + 1], low, low + 0.25)
    return CHANNELS[int(float(row["pid"]))], *(f"{e:g}" if abs(e) <= 1 else f"{e:.8g}" for e in edges)


def write(path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    path.write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
