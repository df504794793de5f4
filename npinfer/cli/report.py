"""`npinfer report`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from npinfer.cli.options import verbose_option
from npinfer.physics.flavour import (
    OscillationFit,
    nuebar_fraction,
    oscillation_fit,
    oscillation_fits,
    source_composition,
)
from npinfer.report import Marks, read_folder, write_report

OSCILLATION = "nufit-5.2-NO-withSK"
MODELS = {
    "pp": "pp",
    "pp_mudamped": "pp μ-damped",
    "pgamma": "pγ",
    "pgamma_mudamped": "pγ μ-damped",
}
ANGLES = ("s2_12", "s2_13", "s2_23", "delta_rad")


@click.command("report")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="The page; FOLDER/report.html by default.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@verbose_option
def command(folder: Path, out: Path | None, quiet: bool) -> None:
    """A self-contained HTML page about the results in FOLDER, which other commands saved there with --out."""
    configured = [s.result.description.configuration.get("oscillation") for s in read_folder(folder).saved]
    name = next((c for c in configured if c in oscillation_fits()), OSCILLATION)
    path = write_report(folder, out=out, marks=source_marks(name))
    if not quiet:
        click.echo(f"saved {path}")


def source_marks(oscillation: str) -> Marks:
    """f_nuebar at Earth of the source models, with what the 1σ ranges of the mixing angles and δ leave open."""
    fit = oscillation_fit(oscillation)
    values = {label: _range(model, fit) for model, label in MODELS.items()}
    origin = f"averaged oscillation with {oscillation}, bands from the 1σ ranges of its angles and phase in quadrature"
    return Marks({"f_nuebar": values}, origin)


def _range(model: str, fit: OscillationFit) -> tuple[float, float, float]:
    """Best, lowest and highest f_nuebar; every angle moves alone, and the moves add in quadrature."""
    best = {angle: getattr(fit, angle) for angle in ANGLES}
    value, up, down = _fraction(model, best), 0.0, 0.0
    for angle in ANGLES:
        ends = (best[angle] + getattr(fit, f"{angle}_up"), best[angle] - getattr(fit, f"{angle}_down"))
        moves = [_fraction(model, {**best, angle: end}) - value for end in ends]
        up, down = math.hypot(up, max(*moves, 0.0)), math.hypot(down, min(*moves, 0.0))
    return value, value - down, value + up


def _fraction(model: str, angles: dict[str, Any]) -> float:
    s2_12, s2_13, s2_23, delta = (angles[angle] for angle in ANGLES)
    composition = source_composition(model, s2_12=s2_12, s2_13=s2_13, s2_23=s2_23, delta_cp=delta)
    return float(nuebar_fraction(composition).item())
