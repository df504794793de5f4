"""Build the compact HESE response tables from public sources: python build.py SOURCE_FOLDER [OUTPUT_FOLDER].

SOURCE_FOLDER holds icecube_mese2yr_prd91, hese75_aeff_community, icecube_hese75_release and toise_tables; the
recipe and the sources are in README.md. The output is deterministic.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.optimize import isotonic_regression, least_squares

from npinfer.core.digests import write_digests
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.glashow import BRANCHING_RATIOS, CASCADE_SHARES, cross_section

FOLDER = Path(__file__).resolve().parent
SPECIES = {"nue": "e", "numu": "mu", "nutau": "tau", "nuebar": "e_bar", "numubar": "mu_bar", "nutaubar": "tau_bar"}
ENERGY_EDGES = 10 ** (2 + 0.07 * np.arange(101))  # the MESE table rounds these to four digits
DEPOSITED_EDGES = 10 ** (2 + 0.3 * np.arange(21))
LOG_CENTRES = 2.035 + 0.07 * np.arange(100)  # log10 E_nu/GeV
COS_EDGES = np.round(np.linspace(-1, 1, 11), 10)
KEPT_ENERGY = slice(29, 100)  # 10.7 TeV to 1 EeV
RATIO_NODES = np.round(np.linspace(-2.5, 2.0, 91), 10)  # log10 E_dep/E_nu of the stored shapes
ZENITH_GROUPS = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 2])  # cos bins that share a shape: below, horizon, above
# Of the local regression for the shapes: where its weights reach zero, in log10 E_dep/E_nu and in bins of E_nu.
RATIO_REACH, ENERGY_REACH = 0.06, 9
OUTLIER = 10.0  # largest ratio of one table entry to the sky-averaged area around its energy
B_CASCADE = 0.145  # the fit is flat in it
VISIBLE_W = sum(BRANCHING_RATIOS[mode] * CASCADE_SHARES[mode] for mode in BRANCHING_RATIOS)
Kernels = dict[tuple[str, str, str], tuple[NDArray, NDArray]]  # row → area (E_nu, cos, E_dep), shapes
FILES = ("response.npz", "classifier.json", "events.csv", "muon.csv")


def main(arguments: list[str]) -> None:
    source = Path(arguments[0])
    output = Path(arguments[1]) if len(arguments) > 1 else FOLDER
    areas = mese_areas(source)
    kernels = {row: (area := row_area(areas, *row), shapes(area)) for row in rows()}
    map_fit = fit_map(kernels, resonance_area(areas), hese_curves(source))
    np.savez_compressed(output / "response.npz", **response_tables(kernels, resonance_area(areas), map_fit))  # type: ignore[arg-type]
    (output / "classifier.json").write_text(json.dumps(classifier(source), indent=1) + "\n")
    (output / "events.csv").write_text(events(source))
    (output / "muon.csv").write_text(muon_template())
    print({name: np.round(value, 4) for name, value in map_fit.items()})
    write_digests(output, FILES)


def mese_areas(source: Path) -> dict[str, NDArray[np.float64]]:
    """MESE effective areas [m^2], {"e_bar_cc_track": (E_nu, cos, E_dep, hemisphere), ...}."""
    with np.load(source / "icecube_mese2yr_prd91" / "mese2yr_aeff_per_bin.npz", allow_pickle=False) as tables:
        return {name: tables[name] for name in tables.files if name not in ("e0", "e1", "e2", "e3")}


def hese_curves(source: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Edges [log10 GeV], (42,), and HESE areas A_ν + A_ν̄ averaged over the sky [m^2], (41, flavour)."""
    path = source / "hese75_aeff_community" / "hese75_aeff_by_flavor_x10.csv"
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    upper = np.log10(table[:, 0])
    return np.concatenate([[upper[0] - 0.05], upper]), table[:, 1:] / 10


def selection_class(species: str, interaction: str, label: str) -> str:
    """The class of the MESE → HESE map: only muons and taus of charged currents are selected as tracks are."""
    if interaction == "cc" and label == "track" and species[:4] == "numu":
        return "track"
    if interaction == "cc" and label == "track" and species[:5] == "nutau":
        return "tau_track"
    return "cascade"


def rows() -> list[tuple[str, str, str]]:
    """(species, interaction, class) of the stored tables; a class is kept apart only where the map tells it apart."""
    found = []
    for interaction in ("cc", "nc"):
        for species in SPECIES:
            classes = {selection_class(species, interaction, label): None for label in ("cascade", "track")}
            found += [(species, interaction, name) for name in classes]
    return found


def row_area(areas: dict[str, NDArray], species: str, interaction: str, name: str) -> NDArray:
    """Area of one row [m^2], (E_nu, cos, E_dep), both hemispheres of reconstructed direction summed.

    Single simulated events of extreme weight are cut down to OUTLIER times the area (averaged over the sky, summed over
    E_dep, median of seven energies): twenty entries, of ν_τ above 10 PeV but for four.
    """
    labels = [m for m in ("cascade", "track") if selection_class(species, interaction, m) == name]
    area = sum(areas[f"{SPECIES[species]}_{interaction}_{label}"].sum(3) for label in labels)
    typical = median_filter(area.sum(2).mean(1), size=7, mode="nearest")
    return np.minimum(area, np.where(typical > 0, OUTLIER * typical, np.inf)[:, None, None])


def resonance_area(areas: dict[str, NDArray]) -> NDArray:
    """ν_e charged-current area of any label and deposited energy [m^2], (E_nu, cos)."""
    return (areas["e_cc_cascade"] + areas["e_cc_track"]).sum((2, 3))


def response_tables(kernels: Kernels, resonant: NDArray, map_fit: dict[str, float]) -> dict[str, NDArray]:
    """The arrays of response.npz, as README.md describes them."""
    table = list(kernels)
    return {
        "area_m2": np.array([area.sum(2)[KEPT_ENERGY] for area, _ in kernels.values()], dtype=np.float32),
        "shape": np.array([np.round(shape[:, KEPT_ENERGY], 6) for _, shape in kernels.values()], dtype=np.float32),
        "ratio_nodes": RATIO_NODES,
        "zenith_group": ZENITH_GROUPS,
        "species": np.array([row[0] for row in table]),
        "interaction": np.array([row[1] for row in table]),
        "selection": np.array([row[2] for row in table]),
        "resonance_area_m2": resonant[KEPT_ENERGY].astype(np.float32),
        "energy_edges_gev": ENERGY_EDGES[KEPT_ENERGY.start : KEPT_ENERGY.stop + 1],
        "cos_edges": COS_EDGES,
        "map_selection": np.array(["cascade", "track", "tau_track"]),
        "map_a": np.array([map_fit["a_cascade"], map_fit["a_track"], map_fit["a_track"]]),
        "map_b": np.array([B_CASCADE, map_fit["b_track"], map_fit["b_track"]]),
        "map_n": np.array([map_fit["n_cascade"], map_fit["n_track"], map_fit["n_tau_track"]]),
    }


def shapes(area: NDArray) -> NDArray:
    """P(E_dep/E_nu < 10^node), (zenith group, E_nu, node), of a row's area (E_nu, cos, E_dep).

    The table's bins of E_dep are coarse (0.3 dex) but those of E_nu are fine (0.07 dex), and the ratio of the two is
    distributed nearly alike at neighbouring energies. Their cumulatives, which sample the ratio at shifted points, are
    merged by a local regression that is linear in the ratio and in energy, and made monotone. The result is a positive
    kernel at the fine resolution.
    """
    groups = [np.flatnonzero(g == ZENITH_GROUPS) for g in range(ZENITH_GROUPS.max() + 1)]
    out = np.zeros((len(groups), len(area), RATIO_NODES.size))
    for g, members in enumerate(groups):
        content = area[:, members].sum(1)
        total = content.sum(1)
        cumulative = np.concatenate([np.zeros((len(area), 1)), np.cumsum(content, axis=1)], axis=1)
        cumulative /= np.where(total > 0, total, 1)[:, None]
        for k in range(len(area)):
            near = np.arange(max(0, k - ENERGY_REACH + 1), min(len(area), k + ENERGY_REACH))
            near = near[total[near] > 0]
            out[g, k] = _local_regression(cumulative[near], near, k) if near.size else RATIO_NODES >= 0
    return out


def _local_regression(cumulative: NDArray, near: NDArray, k: int) -> NDArray:
    """Value at energy bin k and each ratio node of samples (near, E_dep edge), made monotone and put into [0, 1]."""
    log_edges = np.log10(DEPOSITED_EDGES)
    ratio = (log_edges - LOG_CENTRES[near, None]).ravel()
    shift = np.repeat((near - k) / ENERGY_REACH, log_edges.size)
    offset = (ratio - RATIO_NODES[:, None]) / RATIO_REACH  # (node, sample)
    weight = np.clip(1 - np.abs(offset), 0, None) * (1 - np.abs(shift))
    design = np.stack([np.ones_like(offset), offset, np.broadcast_to(shift, offset.shape)], axis=2)
    normal = np.einsum("ns,nsi,nsj->nij", weight, design, design) + np.diag([1e-9, 1e-3, 1e-3])
    moment = np.einsum("ns,nsi,s->ni", weight, design, cumulative.ravel())
    fitted = np.linalg.solve(normal, moment[:, :, None])[:, 0, 0]
    known = weight.sum(1) > 0
    fitted = np.interp(RATIO_NODES, RATIO_NODES[known], fitted[known])
    return np.clip(isotonic_regression(fitted).x, 0, 1)


def fit_map(kernels: Kernels, resonant: NDArray, curves: tuple[NDArray, NDArray]) -> dict[str, float]:
    """Fit n/(1 + exp(-(log10 E_dep - a)/b)) per class to the HESE flavour curves, least squares in log area.

    Bins of 5.0-7.9 PeV of ν_e, where the curve's bins cut through the resonance, are left out.
    """
    edges, target = curves
    centres = (edges[:-1] + edges[1:]) / 2
    resonance = _resonance_curve(resonant, edges)
    split = {row: _sky_kernel(area, shape) for row, (area, shape) in kernels.items()}
    used = np.ones(target.shape, dtype=bool)
    used[(centres > 6.65) & (centres < 6.95), 0] = False

    def model(p: NDArray) -> NDArray:
        efficiency = {"cascade": _map(p[1], p[0], B_CASCADE), "track": _map(p[4], p[2], p[3])}
        efficiency["tau_track"] = _map(p[5], p[2], p[3])
        sky = []
        for flavour in ("nue", "numu", "nutau"):
            own = [row for row in split if row[0].removesuffix("bar") == flavour]
            mono = sum((split[row] * efficiency[row[2]]).sum(1) for row in own)
            sky.append(np.exp(np.interp(centres, LOG_CENTRES, np.log(np.maximum(mono, 1e-12)))))
        sky[0] = sky[0] + p[1] * resonance
        return np.array(sky).T

    start = [4.73, 1.0, 4.8, 0.15, 2.5, 1.4]
    fit = least_squares(lambda p: np.log(model(p) / target)[used], start, xtol=1e-12, ftol=1e-12)
    names = ("a_cascade", "n_cascade", "a_track", "b_track", "n_track", "n_tau_track")
    residual = np.log(model(fit.x) / target)
    parts = {f"rms_{f}": residual[used[:, k], k] for k, f in enumerate(("nue", "numu", "nutau"))} | {
        "rms": residual[used]
    }
    rms = {name: float(np.sqrt(np.mean(part**2))) for name, part in parts.items()}
    return dict(zip(names, map(float, fit.x), strict=True)) | rms


def _map(n: float, a: float, b: float) -> NDArray:
    """The map's efficiency at the middle of each step of ratio, (E_nu, steps)."""
    log_deposited = LOG_CENTRES[:, None] + (RATIO_NODES[:-1] + RATIO_NODES[1:]) / 2
    return n / (1 + np.exp(-(log_deposited - a) / b))


def _sky_kernel(area: NDArray, shape: NDArray) -> NDArray:
    """Area averaged over the sky [m^2] per step of log10 E_dep/E_nu, (E_nu, steps)."""
    steps = np.diff(shape, axis=2)[ZENITH_GROUPS]  # (cos, E_nu, steps)
    return np.einsum("ez,zes->es", area.sum(2), steps) / area.shape[1]


def _resonance_curve(area: NDArray, edges: NDArray) -> NDArray:
    """Visible W production on electrons: mean over the sky and over E_nu in bins of log10 E_nu [m^2].

    The area of charged currents times 10/18 σ_GR/σ_CC; its own absorption in the Earth matters only at the peak, which
    the fit leaves out.
    """
    inside = np.linspace(edges[:-1], edges[1:], 41)[1::2]
    energy = 10**inside
    mono = np.exp(np.interp(inside, LOG_CENTRES, np.log(area.mean(1) + 1e-12)))
    mono *= 10 / 18 * VISIBLE_W * cross_section(energy) / csms_total(energy, "cc", antineutrino=False)
    return (mono * energy).sum(0) / energy.sum(0)


def classifier(source: Path) -> dict[str, dict[str, dict[str, object]]]:
    """{flavour: {channel: {"form", "coefficients"}}}, percent against E_dep/TeV."""
    table = json.loads((source / "toise_tables" / "icecube_doublecascade_efficiency.json").read_text())
    channels = {"cascades": "cascade", "starting_tracks": "track", "double_cascades": "double_cascade"}
    return {
        flavour: {channels[c]: {"form": form, "coefficients": p} for c, (form, p) in by_channel.items()}
        for flavour, by_channel in table.items()
    }


def events(source: Path) -> str:
    """The 102 events as CSV, in the order of the release."""
    table = json.loads((source / "icecube_hese75_release" / "HESE_data.json").read_text())
    names = ("cascade", "track", "double_cascade")
    columns = ("recoDepositedEnergy", "recoZenith", "recoMorphology", "recoLength")
    lines = ["energy_gev,cos_zenith,morphology,length_m"]
    for energy, zenith, kind, length in zip(*(table[c] for c in columns), strict=True):
        shown = "" if length is None or not np.isfinite(length) else f"{length:.3f}"
        lines.append(f"{energy:.3f},{np.cos(zenith):.6f},{names[int(kind)]},{shown}")
    return "\n".join(lines) + "\n"


def muon_template(total: float = 0.85, index: float = 3.5, track_share: float = 0.75) -> str:
    """Penetrating atmospheric muons on the default bins (approximate): `total` events, E^-index, ∝ cosθ from above."""
    energies = np.geomspace(6e4, 1e7, 21)
    energy = -np.diff(energies ** (1 - index))
    cosines = np.linspace(-1, 1, 11)
    zenith = np.diff(np.clip(cosines, 0, None) ** 2)
    joint = np.outer(energy / energy.sum(), zenith / zenith.sum())
    lines = ["channel,energy_gev_low,energy_gev_high,cos_zenith_low,cos_zenith_high,counts"]
    for channel, share in (("cascade", 1 - track_share), ("track", track_share)):
        for i, j in np.ndindex(joint.shape):
            edges = f"{energies[i]:.6g},{energies[i + 1]:.6g},{cosines[j]:.1f},{cosines[j + 1]:.1f}"
            lines.append(f"{channel},{edges},{total * share * joint[i, j]:.6e}")
    lines += [f"double_cascade,{energies[i]:.6g},{energies[i + 1]:.6g},,,0" for i in range(energies.size - 1)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
