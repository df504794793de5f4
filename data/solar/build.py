"""Build the table of the Sun from a standard solar model: build.py SOURCE_FOLDER [OUTPUT_FOLDER]. Deterministic."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from npinfer.core.digests import write_digests

FOLDER = Path(__file__).resolve().parent
SOURCE = "nudistr_b16_agss09.dat"
COLUMNS = {"pp": 4, "pep": 5, "be7": 7, "b8": 8}  # of the production of neutrinos
ZONES = 10  # of the model in a shell
OUTER_SHELLS = 20
MASS_G, RADIUS_CM = 1.98841e33, 6.957e10
HYDROGEN, HELIUM = 1.00783, 4.00260  # g/mol of atoms
SURFACE_NEUTRONS = 0.149  # per electron: of the outermost zones


def main(arguments: list[str]) -> None:
    source, output = Path(arguments[0]), Path(arguments[1]) if len(arguments) > 1 else FOLDER
    edges, electrons, density, production = inner(np.loadtxt(source / SOURCE))
    outer_edges, outer = envelope(edges, density)
    neutrons = neutrons_of(electrons, density)
    electrons = np.append(electrons, outer / (HYDROGEN + SURFACE_NEUTRONS * (HELIUM / 2 - HYDROGEN)))
    neutrons = np.append(neutrons, SURFACE_NEUTRONS * electrons[len(neutrons) :])
    production = np.vstack([production, np.zeros((len(outer), len(COLUMNS)))])
    edges = np.append(edges, outer_edges[1:])
    lines = [",".join(["outer_radius", "electrons_mol_cm3", "neutrons_mol_cm3", *COLUMNS])]
    for row in zip(edges[1:], electrons, neutrons, *production.T, strict=True):
        lines.append(f"{row[0]:.5g},{row[1]:.5g},{row[2]:.5g}," + ",".join(f"{p:.6g}" for p in row[3:]))
    (output / "sun.csv").write_text("\n".join(lines) + "\n")
    write_digests(output, ["sun.csv"])


def inner(zones: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Edges [solar radii], electrons [mol/cm³], density [g/cm³] and production (shells, sources) of shells of zones."""
    radius = zones[:, 0]
    step = radius[1] - radius[0]
    if not np.allclose(np.diff(radius), step) or len(zones) % ZONES:
        raise SystemExit("the zones are not equidistant, or are no whole number of shells")
    volume = (radius + step) ** 3 - radius**3
    sums = lambda values: values.reshape(-1, ZONES, *values.shape[1:]).sum(axis=1)
    electrons = sums(10 ** zones[:, 2] * volume) / sums(volume)
    density = sums(zones[:, 3]) * MASS_G / (4 * np.pi / 3 * RADIUS_CM**3 * sums(volume))
    made = zones[:, list(COLUMNS.values())]
    edges = np.append(0.0, radius[ZONES - 1 :: ZONES] + step)
    return edges, electrons, density, sums(made / made.sum(axis=0))


def envelope(edges: NDArray[np.float64], density: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Edges and densities of shells outside the model, whose density falls exponentially and adds up to the mass."""
    inside = np.diff(edges**3) @ density
    whole = MASS_G / (4 * np.pi / 3 * RADIUS_CM**3)
    start, step = edges[-1], edges[1] - edges[0]
    outer = np.linspace(start, 1.0, OUTER_SHELLS + 1)
    fine = np.linspace(start, 1.0, 40 * OUTER_SHELLS + 1)
    middle, shares = (fine[1:] + fine[:-1]) / 2, np.diff(fine**3)
    profile = lambda slope: density[-1] * np.exp(-slope * (middle - start + step / 2))
    slope = brentq(lambda s: shares @ profile(s) - (whole - inside), 1.0, 50.0)
    sums = lambda values: values.reshape(OUTER_SHELLS, -1).sum(axis=1)
    print(f"the density outside {start:g} solar radii falls as exp(-{slope:.3f} r)")
    return outer, sums(shares * profile(slope)) / sums(shares)


def neutrons_of(electrons: NDArray[np.float64], density: NDArray[np.float64]) -> NDArray[np.float64]:
    """Neutrons [mol/cm³] of hydrogen and helium with so many electrons and this density."""
    helium = (density - HYDROGEN * electrons) / (HELIUM - 2 * HYDROGEN)
    return 2 * helium


if __name__ == "__main__":
    main(sys.argv[1:])
