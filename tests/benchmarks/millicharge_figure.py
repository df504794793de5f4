"""ε excluded against the mass of χ: `python tests/benchmarks/millicharge_figure.py FOLDER [CURVES] [--quick]`.

Two figures in FOLDER. `millicharge.png`: the joint likelihood with its bands, every experiment alone, and curves of
others; `production.png`: Super-Kamiokande with one way to make χ at a time. CURVES is a folder with the digitised
curves that were published with arXiv:2104.13924 (HeavenlyMCP, Data/Constraints; files of ε²), which are not shipped.
90 %, asymptotic, local to each mass.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import npinfer
from npinfer.core.result import Exclusion
from npinfer.physics.millicharge.events import COMPONENTS
from npinfer.plot import Overlay, external_curve, plot_exclusion_map, save_figure

GRID = np.geomspace(1e-4, 1, 81)
SUPERK = "superk_millicharge"
MEMBERS = {
    "Super-K": (SUPERK, {}),
    "JUNO, one recoil": ("juno_millicharge_single", {}),
    "JUNO, several recoils above 0.7 MeV": ("juno_millicharge_multiple", {}),
    "JUNO, several recoils above 0.1 MeV": ("juno_millicharge_multiple", {"threshold_mev": 0.1}),
    "NA64μ, χ of a photon": ("na64mu_millicharge", {"mediator": "photon"}),
}
WAYS = {
    "decays of π⁰, η, η′": ("pi0", "eta", "eta_prime"),
    "decays of ρ, ω, φ": ("rho", "omega", "omega_dalitz", "phi"),
    "decays of J/ψ, Υ": ("jpsi", "upsilon"),
    "bremsstrahlung": ("bremsstrahlung",),
    "Drell–Yan": ("drell_yan",),
}
PUBLISHED = (
    ("mass_coupling_pts_SK_KKFix_OneSided.csv", "Super-K", "arXiv:2104.13924", (1, 2)),
    ("mass_coupling_pts_JUNO_KKFix.csv", "JUNO, expected", "arXiv:2104.13924", (1, 2)),
    ("SLACmQ_mCP.csv", "SLAC mQ", "hep-ex/9804008", (0, 1)),
    ("ArgoNeut_mCP.csv", "ArgoNeuT", "arXiv:1911.07996", (0, 1)),
    ("mQDemonstrator.csv", "milliQan demonstrator", "arXiv:2005.06518", (0, 1)),
    ("MCP_AllCurrent.csv", "all limits of 2021", "arXiv:2104.13924", (0, 1)),
)


def main(arguments: list[str]) -> None:
    folders = [Path(a) for a in arguments if not a.startswith("--")]
    masses = np.geomspace(0.01, 3.0, 8 if "--quick" in arguments else 40)
    joint = [excluded("joint/millicharge", mass, {}, expected=True) for mass in masses]
    members = {title: [excluded(name, m, more) for m in masses] for title, (name, more) in MEMBERS.items()}
    curves = overlays(folders[1]) if len(folders) > 1 else []
    figure, _ = plot_exclusion_map("m_chi", masses, joint, members=members, overlays=curves)
    save_figure(figure, folders[0] / "millicharge.png")
    whole = [excluded(SUPERK, mass, {}, expected=True) for mass in masses]
    parts = {f"{way} alone": [excluded(SUPERK, m, {}, only=names) for m in masses] for way, names in WAYS.items()}
    figure, _ = plot_exclusion_map("m_chi", masses, whole, members=parts)
    save_figure(figure, folders[0] / "production.png")


def excluded(
    name: str, mass: float, more: dict[str, object], *, only: tuple[str, ...] = COMPONENTS, expected: bool = False
) -> Exclusion:
    """What is excluded of ε; only: the ways to make χ that count, of all others a thousandth."""
    likelihood = npinfer.load(name, m_chi=float(mass), **more)
    off = {f"{name}.{component}_norm": 1e-3 for component in COMPONENTS if component not in only}
    return npinfer.exclusion(likelihood, "epsilon", GRID, fixed=off, expected=expected)


def overlays(folder: Path) -> list[Overlay]:
    return [
        external_curve(folder / file, who, where, power=0.5, columns=columns) for file, who, where, columns in PUBLISHED
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
