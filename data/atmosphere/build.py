"""Build the atmospheric flux grid and the passing fractions: python build.py SOURCE_FOLDER [OUTPUT_FOLDER].

SOURCE_FOLDER holds atmospheric_flux and icecube_mese2yr_prd91; README.md tells sources and method.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from npinfer.core.digests import write_digests

FOLDER = Path(__file__).resolve().parent
SPECIES = {"nue": "e", "numu": "mu", "nuebar": "e_bar", "numubar": "mu_bar"}
COMPONENTS = {"conventional": "conv", "prompt": "prom"}
LOG_CENTRES = 2 + 0.07 * (np.arange(29, 85) + 0.5)  # log10 E_nu/GeV of the flux grid
COS_EDGES = np.round(np.linspace(-1, 1, 11), 10)
MESE_LIVETIME_S = 641 * 86400.0
SLOPE, REFERENCE_COS, ELECTRON_TO_MUON = 1.5, 0.6, 3.0  # assumed shape of the passing fraction, see README.md
VETO_FROM_COS = 0.2
FITTED = slice(8, 12)  # E_dep bins of the calibration: 25-400 TeV
FILES = ("flux.npz", "passing_fraction.json")


def main(arguments: list[str]) -> None:
    source = Path(arguments[0])
    output = Path(arguments[1]) if len(arguments) > 1 else FOLDER
    np.savez_compressed(output / "flux.npz", **flux_tables(source))  # type: ignore[arg-type]
    (output / "passing_fraction.json").write_text(json.dumps(passing_fraction(source), indent=1) + "\n")
    write_digests(output, FILES)


def flux_tables(source: Path) -> dict[str, NDArray]:
    """Flux per species at the surface [GeV^-1 cm^-2 s^-1 sr^-1], (species, energy, cos), without self-veto."""
    path = source / "atmospheric_flux" / "atm_flux_hondaH3a_sarcevicH3a_on_mese_grid.npz"
    with np.load(path, allow_pickle=False) as grid:
        own = {name: [grid[f"{key}_{s}"] for s in SPECIES.values()] for name, key in COMPONENTS.items()}
    fluxes = {name: np.array(tables, np.float32) for name, tables in own.items()}
    return {**fluxes, "species": np.array(list(SPECIES)), "energy_gev": 10**LOG_CENTRES, "cos_edges": COS_EDGES}


def mese_conventional(source: Path) -> dict[str, NDArray]:
    """Conventional events of the MESE sample without self-veto, {"e" or "mu": (cos, E_dep, hemisphere)}."""
    fluxes = flux_tables(source)
    table = fluxes["conventional"].astype(float)
    widths = 10**LOG_CENTRES * (10**0.035 - 10**-0.035)
    exposure = MESE_LIVETIME_S * 2 * np.pi * 0.2 * 1e4
    counts: dict[str, NDArray] = {}
    with np.load(source / "icecube_mese2yr_prd91" / "mese2yr_aeff_per_bin.npz", allow_pickle=False) as areas:
        for species, flux in zip(SPECIES.values(), table, strict=True):
            names = [n for n in areas.files if re.fullmatch(rf"{species}_(cc|nc|gr)_(cascade|track)", n)]
            area = sum(areas[n][29:85] for n in names)
            flavour = species.removesuffix("_bar")
            seen = np.einsum("ezbh,ez->zbh", area, flux * widths[:, None]) * exposure
            counts[flavour] = counts.get(flavour, 0) + seen
    return counts


def published(source: Path, column: int) -> NDArray:
    """A column of the published MESE templates, (E_dep, hemisphere): 4 atmospheric, 5 muon, 6 astrophysical."""
    return np.loadtxt(source / "icecube_mese2yr_prd91" / "energy_north_south.txt")[:, column].reshape(2, 20).T


def passing_fraction(source: Path) -> dict[str, object]:
    """Parameters of the passing fraction; its level is fitted to the published southern atmospheric template."""
    shape = mese_passing(source, 1.0)["southern"] - mese_passing(source, 0.0)["southern"]
    target = published(source, 4)[FITTED, 1]
    rest = mese_passing(source, 0.0)["southern"][FITTED]
    # Least squares of model/published - 1; the model is linear in the level.
    slope, offset = shape[FITTED] / target, 1 - rest / target
    muon = round(float(slope @ offset / (slope @ slope)), 4)
    electron = round(muon * ELECTRON_TO_MUON, 4)
    down = {"nue": electron, "numu": muon, "nuebar": electron, "numubar": muon}
    return {
        "slope": SLOPE,
        "reference_cos": REFERENCE_COS,
        "veto_from_cos": VETO_FROM_COS,
        "conventional": down,
        "prompt": down,
    }


def mese_passing(source: Path, level: float) -> dict[str, NDArray]:
    """Conventional events of MESE after a self-veto of the given ν_μ level, {"northern" or "southern": (E_dep,)}."""
    counts = mese_conventional(source)
    centres = (COS_EDGES[:-1] + COS_EDGES[1:]) / 2
    above = level * np.exp(-SLOPE * (centres - REFERENCE_COS))
    passing = {f: np.where(centres > VETO_FROM_COS, k * above, 1.0) for f, k in (("mu", 1.0), ("e", ELECTRON_TO_MUON))}
    total = sum(np.einsum("zbh,z->bh", counts[f], passing[f]) for f in counts)
    return {"northern": total[:, 0], "southern": total[:, 1]}


if __name__ == "__main__":
    main(sys.argv[1:])
