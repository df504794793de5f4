"""`--over`: one row a value of a numeric configuration."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import npinfer


def saved(path: Path) -> dict[str, list[str]]:
    """The columns of a CSV."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_interval_over_a_mass(npi: Callable, folder: Path) -> None:
    out = npi(
        "interval massive.yaml --plugin massive_physics --fix level=1 --over mass=0.5:2:3:log --out results"
    ).done()
    assert out.startswith("interval of massive over mass (observed data)\nmass  mu")
    assert "every row is local to its mass" in out
    table = saved(folder / "results" / "interval_over_mass.csv")
    mass = np.array(table["mass"], dtype=float)
    np.testing.assert_allclose(mass, [0.5, 1, 2])
    for column in ("massive.mu", "upper"):
        scaled = np.array(table[column], dtype=float) / mass**2
        np.testing.assert_allclose(scaled, scaled[0], rtol=1e-5)
    assert [p.name for p in (folder / "results").iterdir()] == ["interval_over_mass.csv"]


def test_a_row_is_the_verb_itself(npi: Callable, folder: Path) -> None:
    assert (
        npi("fit massive.yaml --plugin massive_physics --over mass=1:2:3 --minos mu --out results --quiet").done() == ""
    )
    table = saved(folder / "results" / "fit_over_mass.csv")
    single = npinfer.fit(npinfer.load("massive.yaml", mass=1.5), minos=["mu"])
    assert float(table["mass"][1]) == 1.5
    assert float(table["twice_nll"][1]) == single.twice_nll
    assert float(table["massive.mu"][1]) == single.values["massive.mu"]
    assert float(table["massive.level error"][1]) == single.errors["massive.level"]
    assert float(table["massive.mu minos +"][1]) == single.minos["massive.mu"][1]
    assert table["status"] == ["converged"] * 3


def test_asimov_data_follow_the_configuration(npi: Callable, folder: Path) -> None:
    npi("fit massive.yaml --plugin massive_physics --over mass=1:2:3 --asimov --at mu=2 --out results").done()
    table = saved(folder / "results" / "fit_over_mass.csv")
    np.testing.assert_allclose(np.array(table["massive.mu"], dtype=float), 2)


@pytest.mark.parametrize("command", ["fit", "interval"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--over mass", "'mass' is not a grid: write name=low:high:points"),
        ("--over mass=1:2", "grid of 'mass': expected low:high:points"),
        ("--over mas=1:2:3", "unknown configuration 'mas': did you mean 'mass'?"),
        ("--over mode=1:2:3", "unknown choice for configuration 'mode': '1.0'"),
        ("--over label=1:2:3", "--over label: not a numeric configuration of tiny; use --with"),
        ("--over mass=1:2:3 --with mass=1", "--over mass: is given with --with too; drop one"),
        ("--over mass=1:2:3 --json x.json", "save it with --out, not --json"),
    ],
)
def test_refused(npi: Callable, command: str, options: str, message: str) -> None:
    assert message in npi(f"{command} tiny.yaml {options}").refused()
