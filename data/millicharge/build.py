"""Build the tables of millicharged particles: python build.py SOURCE_FOLDER [OUTPUT_FOLDER], with crflux installed.

SOURCE_FOLDER holds mcp_heavenly, for the backgrounds of JUNO.
README.md tells sources and method. The tables are made one after the other, each from those before.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from npinfer.core.digests import write_digests
from npinfer.physics.millicharge import drell_yan, mesons
from npinfer.physics.parton_density import shipped

FOLDER = Path(__file__).resolve().parent
PROTON = 14  # of crflux, a code of CORSIKA
RECOIL_EDGES_MEV = np.arange(2.0, 36.0)
EXPOSURE_KTON_DAYS = 170 * 365.0
# Published curves by their file; those of decays are events a day, kton and 0.1 MeV, neutral currents already a total.
JUNO = {"boron8": "B8", "beryllium11": "Be11", "carbon10": "C10", "neutral_current": "NC"}
FILES = ("nucleons.csv", "mesons.csv", "drell_yan.npz", *(f"juno_{name}.csv" for name in JUNO))


def main(arguments: list[str]) -> None:
    source, output = Path(arguments[0]), Path(arguments[1]) if len(arguments) > 1 else FOLDER
    write_nucleons(output / "nucleons.csv")
    made = {name: mesons.first_interaction(name) for name, m in mesons.MESONS.items() if not m.made_as}
    write_csv(output / "mesons.csv", made, "%.4e")
    tabulated = [drell_yan.pair_flux(float(m), shipped()) for m in drell_yan.PAIR_GEV]
    np.savez_compressed(output / "drell_yan.npz", pairs=np.array(tabulated, dtype=np.float32))
    for name, file in JUNO.items():
        curve = np.loadtxt(source / "mcp_heavenly" / "Data" / "Experiments" / f"{file}.csv", delimiter=",")
        write_background(output / f"juno_{name}.csv", curve, 1.0 if file == "NC" else 10 * EXPOSURE_KTON_DAYS)
    write_digests(output, FILES)


def write_background(path: Path, curve: NDArray, per_mev: float) -> None:
    """Counts in bins of recoil energy of a curve (energy, rate), linear between its points.

    Neutral currents, whose curve starts at 9.9 MeV, stay what they are there below; decays end with their curves.
    """
    below = curve[0, 1] if per_mev == 1.0 else 0.0
    fine = np.linspace(RECOIL_EDGES_MEV[:-1], RECOIL_EDGES_MEV[1:], 101)
    counts = per_mev * np.interp(fine, *curve.T, left=below, right=0.0).mean(axis=0)
    bins = zip(RECOIL_EDGES_MEV[:-1], RECOIL_EDGES_MEV[1:], counts, strict=True)
    rows = [f"recoil,{low:g},{high:g},{number:.6g}" for low, high, number in bins]
    path.write_text("channel,recoil_mev_low,recoil_mev_high,counts\n" + "\n".join(rows) + "\n")


def write_nucleons(path: Path) -> None:
    """Flux of free protons and of all nucleons [GeV^-1 cm^-2 s^-1 sr^-1] by energy a nucleon."""
    from crflux.models import HillasGaisser2012

    model, energy = HillasGaisser2012("H3a"), np.logspace(1, 8, 141)
    _, protons, neutrons = model.p_and_n_flux(energy)
    columns = {"energy_gev": energy, "free_protons": model.nucleus_flux(PROTON, energy), "nucleons": protons + neutrons}
    write_csv(path, {k: v if k == "energy_gev" else 1e-4 * v for k, v in columns.items()}, "%.6e")


def write_csv(path: Path, columns: dict[str, NDArray], form: str) -> None:
    table = np.stack(list(columns.values()), axis=1)
    np.savetxt(path, table, fmt=form, delimiter=",", header=",".join(columns), comments="")


if __name__ == "__main__":
    main(sys.argv[1:])
