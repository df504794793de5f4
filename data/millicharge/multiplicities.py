"""Mesons of pp collisions in Pythia 8, for `MULTIPLICITIES`: python multiplicities.py [COLLISIONS], with chromo.

Light mesons are counted where they are made, before they decay; K_S, Λ and Σ decay. chromo 0.11.0 needs the data files
of the same Pythia: xmldoc, pdfdata, tunes and setups of pythia8mc 8.317.0 in its folder iamdata/Pythia8, with an empty
file Pythia8_v007 beside them.
"""

from __future__ import annotations

import sys

from chromo.constants import GeV
from chromo.kinematics import FixedTarget
from chromo.models import Pythia8

from npinfer.physics.millicharge.mesons import YIELD_ENERGIES_GEV

MESONS = {"pi0": 111, "eta": 221, "eta_prime": 331, "rho": 113, "omega": 223, "phi": 333}
DECAYING = (310, 3122, 3222, 3212)  # K_S, Λ, Σ⁺, Σ⁰
SEED = 11


class Pythia(Pythia8):
    _ecm_min = 4 * GeV  # below the 10 GeV that chromo asks of all generators


def main(arguments: list[str]) -> None:
    collisions = int(arguments[0]) if arguments else 25_000
    for energy in YIELD_ENERGIES_GEV:
        pythia = Pythia(FixedTarget(energy * GeV, "p", "p"), seed=SEED, banner=False)
        for code in MESONS.values():
            pythia.set_stable(code, True)
        for code in DECAYING:
            pythia.set_stable(code, False)
        made = dict.fromkeys(MESONS, 0)
        for event in pythia(collisions):
            for name, code in MESONS.items():
                made[name] += int((event.pid == code).sum())
        print(f"{energy:g} GeV:", {name: round(count / collisions, 4) for name, count in made.items()}, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
