"""Build the tables of heavy neutral leptons: python build.py SHARED_DATA_FOLDER [OUTPUT_FOLDER]. Deterministic.

SHARED_DATA_FOLDER holds heavy_neutrino_limits/. The cross sections are computed (npinfer.physics.heavy_scattering).
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np

from npinfer.core.digests import write_digests
from npinfer.physics.heavy_scattering import CROSS_SECTIONS, total
from npinfer.physics.structure_functions import Scattering

FOLDER = Path(__file__).resolve().parent
FOLDER_OF_LIMITS = "heavy_neutrino_limits"
CONTOUR = (
    "IceCube_2017/IceCube_sensitivity_lower.dat",
    "507fa32557fa212e726ea474f175211c6684ffa7261eb42253d5cc237a1594c2",
)
# Of an experiment: its file, confidence level and GeV in its unit of mass.
CURVES = {
    "babar": (
        "BaBar_tau_2022/with_sys.dat",
        "f93322ea5978146f6eb2798227d974f56213e1bc56acd5ee906b7460ed0f96e6",
        0.95,
        1e-3,
    ),
    "charm": (
        "utau4/CHARM_UL_90CL_2002.dat",
        "666bf4579a1fbbd59a37149e1784fb7cf8dc1476a1163b679186fd6fc7b74b51",
        0.90,
        1e-3,
    ),
    "delphi": (
        "utau4/DELPHI_long_95CL.dat",
        "b0a32bcfa9d54e36f76dd8b8c1fc1a4635288e67f05421773bdbfa7a42bbe60a",
        0.95,
        1.0,
    ),
}
ICECUBE = ((0.3, 0.19), (0.6, 0.36), (1.0, 0.40))  # 90 %, quoted
MASSES_GEV = (0.1, 0.3, 0.45, 0.6, 0.8, 1.0, 1.25, 1.5)
ENERGIES_GEV = np.geomspace(5.0, 1e4, 100)
TABLES = {kind: f"nc_cross_section_{kind}.csv" for kind in CROSS_SECTIONS}
FILES = (*TABLES.values(), "rate_contour.csv", "limits.csv")


def main(arguments: list[str]) -> None:
    source = Path(arguments[0])
    contour = read(source / FOLDER_OF_LIMITS / CONTOUR[0], CONTOUR[1])
    output = Path(arguments[1]) if len(arguments) > 1 else FOLDER
    names = [f"{kind}_m{mass:g}_cm2" for mass in MASSES_GEV for kind in ("nutau", "nutaubar")]
    currents = [Scattering("nc", antineutrino=anti) for anti in (False, True)]
    for kind, file in TABLES.items():
        sigma = np.array([total(current, ENERGIES_GEV, mass, kind) for mass in MASSES_GEV for current in currents])
        lines = [",".join(["energy_gev", *names])]
        lines += [",".join(f"{v:.5g}" for v in row) for row in np.column_stack([ENERGIES_GEV, sigma.T])]
        (output / file).write_text("\n".join(lines) + "\n")
    lines = ["mass_gev,utau4_squared", *(f"{m:.4g},{u:.4g}" for m, u in contour)]
    (output / "rate_contour.csv").write_text("\n".join(lines) + "\n")
    lines = ["experiment,confidence,mass_gev,utau4_squared", *(f"icecube,0.9,{m:g},{u:g}" for m, u in ICECUBE)]
    for name, (file, digest, confidence, unit) in CURVES.items():
        curve = read(source / FOLDER_OF_LIMITS / file, digest)
        lines += [f"{name},{confidence:g},{m * unit:.5g},{u:.4g}" for m, u in curve]
    (output / "limits.csv").write_text("\n".join(lines) + "\n")
    write_digests(output, FILES)


def read(path: Path, digest: str) -> np.ndarray:
    """The numbers in a table of columns, of the version that is known."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != digest:
        raise SystemExit(f"{path}: sha256 {found}, expected {digest}: another version of the table")
    return np.loadtxt(path)


if __name__ == "__main__":
    main(sys.argv[1:])
