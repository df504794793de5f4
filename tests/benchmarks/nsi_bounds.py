"""Bounds on g′ of every U(1)′ model from KamLAND and the Sun, for mediators of 1e-20 eV to 1 GeV: tables and figures.

Run with `python tests/benchmarks/nsi_bounds.py FOLDER [--quick]`. One figure a model, and one with all. 95 %, Wilks'
theorem, local to each mass; a model with a second solution in the other octant of θ12 has two allowed ranges.
"""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import npinfer
from npinfer.physics.matter import GEV_EV, coupling
from npinfer.physics.u1_models import U1Model, u1_models
from npinfer.plot import save_figure
from npinfer.plot.style import COLOURS, dress, new_figure, print_small, publication

CL = 0.95
CONTACT_EV = 1e-8  # from where bounds on ε⁰ are those of 1 GeV
HEAVIEST_EV = 1e9
TOP = {1: 1.0, 2: 40.0}  # of the axes of g′ and of eps0
Ranges = list[tuple[float, float]]  # of eps0
Bounds = dict[float, Ranges]  # by mass [eV]
Panels = tuple[tuple[Axes, int], ...]


def main(arguments: list[str]) -> None:
    folder = next(Path(a) for a in arguments if not a.startswith("--"))
    masses = np.append(np.geomspace(1e-20, CONTACT_EV, 5 if "--quick" in arguments else 25), HEAVIEST_EV)
    found: dict[str, Bounds] = {}
    for name, model in u1_models().items():
        begun = time.perf_counter()
        found[name] = {float(mass): allowed(name, float(mass)) for mass in masses}
        print(f"{name}: {time.perf_counter() - begun:.0f} s; contact: {found[name][HEAVIEST_EV]}", flush=True)
        save_figure(figure_of(model, found[name]), folder / f"{name}.png")
    save_figure(figure_of_all(found), folder / "all.png")
    save(found, folder / "bounds.csv")


def allowed(model: str, mass_ev: float) -> Ranges:
    """The 95 % ranges of eps0."""
    likelihood = npinfer.load("joint/nsi", u1_model=model, m_zprime=mass_ev / GEV_EV)
    return [(s.lower, s.upper) for s in npinfer.interval(likelihood, "eps0", cl=CL).segments]


def curve(bounds: Bounds, part: int, end: int, power: int) -> tuple[np.ndarray, np.ndarray]:
    """Masses [eV] at which there is an allowed range, and g′ (power 1) or eps0 (power 2) at one of its ends."""
    mass = np.array([m for m, r in bounds.items() if len(r) > part])
    strength = np.array([bounds[m][part][end] for m in mass.tolist()])
    if power == 2:
        return mass, strength
    return mass, np.array([float(coupling(e, m)) for e, m in zip(strength, mass.tolist(), strict=True)])


def figure_of(model: U1Model, bounds: Bounds) -> Figure:
    """What is excluded in the planes of mass and coupling, and of mass and strength."""
    with publication():
        figure, panels = two_panels(f"{model.name}: KamLAND and solar neutrinos")
        for axes, power in panels:
            mass, first = curve(bounds, 0, 1, power)
            look = {"color": COLOURS[0], "alpha": 0.35, "linewidth": 0}
            axes.fill_between(mass, first, TOP[power], label="excluded, 95 %", **look)
            axes.plot(mass, first, color=COLOURS[0])
            if any(len(r) > 1 for r in bounds.values()):
                (second, low), (_, high) = (curve(bounds, 1, end, power) for end in (0, 1))
                axes.fill_between(second, low, high, color="white", linewidth=0)
                look = {"color": COLOURS[1], "alpha": 0.5, "linewidth": 0}
                axes.fill_between(second, low, high, label="allowed, other octant", **look)
        finish(figure, panels)
    return figure


def figure_of_all(found: dict[str, Bounds]) -> Figure:
    """The upper end of the range that no coupling lies in, of all models."""
    with publication():
        figure, panels = two_panels("U(1)′ models: KamLAND and solar neutrinos")
        for k, (name, bounds) in enumerate(found.items()):
            style, label = "-" if k < len(COLOURS) else "--", f"${u1_models()[name].latex}$"
            for axes, power in panels:
                axes.plot(*curve(bounds, 0, 1, power), style, color=COLOURS[k % len(COLOURS)], label=label)
        finish(figure, panels)
    return figure


def two_panels(title: str) -> tuple[Figure, Panels]:
    """Panels of g′ and of eps0, with the powers of g′ that they show."""
    figure = new_figure(10.0, 4.6, title)
    left, right = (dress(figure.add_subplot(1, 2, k)) for k in (1, 2))
    left.set(ylabel="$g^\\prime$", ylim=(1e-28, TOP[1]), xlim=(1e-20, HEAVIEST_EV))
    right.set(ylabel="$v^2 g^{\\prime 2}/(M^2 + m_0^2)$, $m_0 = 10^{-15}$ eV")
    right.set(ylim=(0.1, TOP[2]), xlim=(1e-20, CONTACT_EV))
    return figure, ((left, 1), (right, 2))


def finish(figure: Figure, panels: Panels) -> None:
    """Axes, legend and small print."""
    for axes, _ in panels:
        axes.set(xscale="log", yscale="log", xlabel="mass [eV]")
    panels[0][0].legend(loc="upper left")
    notes = ["95 %, profile likelihood, Wilks' theorem, local to each mass; lines: of the range that holds g' = 0"]
    print_small(figure, [*notes, npinfer.load("joint/nsi").description.small_print()])


def save(found: dict[str, Bounds], path: Path) -> None:
    """One row an allowed range."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["model", "mass_ev", "range", "eps0_low", "eps0_high", "g_low", "g_high"])
        for name, bounds in found.items():
            for mass, ranges in bounds.items():
                for k, ends in enumerate(ranges):
                    g = [f"{float(coupling(e, mass)):.4g}" for e in ends]
                    rows.writerow([name, f"{mass:.4g}", k, *(f"{e:.5g}" for e in ends), *g])


if __name__ == "__main__":
    main(sys.argv[1:])
