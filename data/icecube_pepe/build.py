"""Build effective_volume.csv from data/icecube_hese/response.npz: python build.py [OUTPUT_FOLDER]. Deterministic."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from npinfer.core.digests import write_digests
from npinfer.core.files import read_arrays
from npinfer.paths import data_file
from npinfer.physics.constants import AVOGADRO
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.glashow import HADRONIC_VISIBLE_MEAN
from npinfer.physics.partially_contained import ICE_DENSITY_G_CM3

FOLDER = Path(__file__).resolve().parent
FITTED_GEV = (1e6, 3e7)
NODES_GEV = np.geomspace(*FITTED_GEV, 16)
DEGREE = 2  # of log volume in log energy
FILES = ("effective_volume.csv", "events.csv")


def main(arguments: list[str]) -> None:
    output = Path(arguments[0]) if arguments else FOLDER
    tables = read_arrays(data_file("icecube_hese", "response.npz"))
    names = [f"volume_km3_cos_{low:.1f}_{high:.1f}" for low, high in zip(*_pairs(tables["cos_edges"]), strict=True)]
    lines = [",".join(["energy_gev", *names])]
    for energy, row in zip(NODES_GEV, smooth_volume(tables), strict=True):
        lines.append(",".join([f"{energy:.6e}", *(f"{v:.4e}" for v in row)]))
    (output / "effective_volume.csv").write_text("\n".join(lines) + "\n")
    write_digests(output, FILES)


def smooth_volume(tables: dict[str, NDArray]) -> NDArray[np.float64]:
    """Effective volume of contained showers at NODES_GEV [km^3], (nodes, cos): a parabola in log-log per direction."""
    edges = tables["energy_edges_gev"]
    centres = np.sqrt(edges[:-1] * edges[1:])
    used = (centres > FITTED_GEV[0]) & (centres < FITTED_GEV[1])
    at = centres[used]
    k = list(tables["map_selection"]).index("cascade")
    deposited = np.log10(HADRONIC_VISIBLE_MEAN * at)
    efficiency = tables["map_n"][k] / (1 + np.exp(-(deposited - tables["map_a"][k]) / tables["map_b"][k]))
    nucleons = 1e15 * ICE_DENSITY_G_CM3 * AVOGADRO  # per km^3
    per_nucleon = csms_total(at, "cc", antineutrino=False) * 1e-4
    volume = tables["resonance_area_m2"][used] * efficiency[:, None] / (nucleons * per_nucleon[:, None])
    scaled, nodes = np.log(at / FITTED_GEV[0]), np.log(NODES_GEV / FITTED_GEV[0])
    # The statistical error of a volume grows like its root where the Earth absorbs: weights of log V by V.
    fits = [np.polyfit(scaled, np.log(v), DEGREE, w=np.sqrt(v)) for v in np.maximum(volume, 1e-7).T]
    return np.exp([np.polyval(p, nodes) for p in fits]).T


def _pairs(edges: NDArray) -> tuple[NDArray, NDArray]:
    return edges[:-1], edges[1:]


if __name__ == "__main__":
    main(sys.argv[1:])
