"""Build the tables of tridents, W production and charm dimuons: python build.py SHARED_DATA_FOLDER [OUTPUT_FOLDER].

SHARED_DATA_FOLDER holds zhou_beacom_trident_wbp/ and ccfr_dimuon/. Deterministic.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from npinfer.core.digests import write_digests

FOLDER = Path(__file__).resolve().parent
TABLES, DIMUONS = "zhou_beacom_trident_wbp", "ccfr_dimuon"
FILES = ("trident_o16.csv", "w_production_h2o.csv", "charm_dimuons.csv")
TRIDENTS = (
    "veO16TOveeEX", "veO16TOvemMX", "veO16TOvelLX", "veO16TOevmMX", "veO16TOevlLX",
    "vmO16TOvmeEX", "vmO16TOvmmMX", "vmO16TOvmlLX", "vmO16TOmveEX", "vmO16TOmvlLX",
    "vlO16TOvllLX", "vlO16TOlveEX", "vlO16TOlvmMX",
)  # fmt: skip
WORDS = {"ve": "nue", "vm": "numu", "vl": "nutau"}
WORDS |= {"e": "e-", "m": "mu-", "l": "tau-", "E": "e+", "M": "mu+", "L": "tau+"}
TRIDENT_NODES_GEV = np.geomspace(10.0, 1e8, 351)
W_EVERY = 2  # of the published nodes


def main(arguments: list[str]) -> None:
    source = Path(arguments[0])
    output = Path(arguments[1]) if len(arguments) > 1 else FOLDER
    digest = hashlib.sha256()
    inside = (p for folder in (TABLES, DIMUONS) for p in (source / folder).iterdir())
    paths = sorted(p for p in inside if p.suffix in (".dat", ".txt"))
    for path in paths:
        digest.update(path.read_bytes())
    write(output / FILES[0], ["energy_gev", *(channel(name) for name in TRIDENTS)], tridents(source / TABLES))
    names = [f"{flavour}_{what}" for flavour in ("nue", "numu", "nutau") for what in ("cm2", "relative_error")]
    write(output / FILES[1], ["energy_gev", *names], w_production(source / TABLES))
    lines = ["experiment,energy_gev,ratio,error"]
    for name in ("CCFR", "CHORUS", "NOMAD"):
        lines += [f"{name},{e:.5g},{r:.5g},{s:.3g}" for e, r, s in dimuons(source / DIMUONS, name)]
    (output / FILES[2]).write_text("\n".join(lines) + "\n")
    write_digests(output, FILES)
    print(f"sha256 of the sources, one after another: {digest.hexdigest()}")


def channel(name: str) -> str:
    """The name of a channel in words, such as nue_to_nue_mu-_mu+, from the published file's."""
    first, _, rest = name.partition("O16TO")
    parts = re.findall(r"v[eml]|[emlEML]", rest)
    return "_".join([WORDS[first], "to", *(WORDS[p] for p in parts)])


def tridents(folder: Path) -> NDArray[np.float64]:
    """σ per oxygen nucleus [cm²], log-log between the published nodes, 0 below the first; (nodes, 1 + channels)."""
    columns = [TRIDENT_NODES_GEV]
    for name in TRIDENTS:
        energy, sigma = np.loadtxt(folder / f"{name}_tot.dat").T
        found = np.exp(np.interp(np.log(TRIDENT_NODES_GEV), np.log(energy), np.log(sigma)))
        columns.append(np.where(TRIDENT_NODES_GEV >= energy[0], found, 0.0))
    return np.stack(columns, axis=1)


def w_production(folder: Path) -> NDArray[np.float64]:
    """σ per water molecule [cm²] and its relative error at every second published node, for ν_e, ν_μ, ν_τ."""
    pairs = (("nue", "e"), ("numu", "mu"), ("nutau", "tau"))
    found = [np.loadtxt(folder / f"{flavour}_H2O_TO_{lepton}_W_X_tot.txt") for flavour, lepton in pairs]
    return np.column_stack([found[0][:, 0], *(t[:, 1:] for t in found)])[::W_EVERY]


def dimuons(folder: Path, name: str) -> NDArray[np.float64]:
    """Energy [GeV], σ(μμ)/σ(CC) and its error of one experiment, (points, 3)."""
    table = np.loadtxt(folder / f"{name}_dimuon_numu.dat")
    if name == "NOMAD":  # in 1e-3, with statistical and systematic errors apart
        return np.column_stack([table[:, 2], 1e-3 * table[:, 3], 1e-3 * np.hypot(table[:, 4], table[:, 5])])
    return np.column_stack([table[:, 0], table[:, 1], table[:, 2] - table[:, 1]])


def write(path: Path, names: list[str], table: NDArray[np.float64]) -> None:
    rows = [",".join([f"{row[0]:.6g}", *(f"{v:.4g}" for v in row[1:])]) for row in table]
    path.write_text("\n".join([",".join(names), *rows]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
