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
    assert sorted(p.name for p in (folder / "results").iterdir()) == [
        "interval_over_mass.csv",
        "interval_over_mass.json",
    ]
    again = npinfer.load_result(folder / "results" / "interval_over_mass.json")
    np.testing.assert_array_equal(again.numbers("upper"), np.array(table["upper"], dtype=float))
    assert again.axis.name == "mass"
    assert "mass" not in again.description.configuration
    assert "--over mass=0.5:2:3:log" in again.provenance.command


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


@pytest.mark.parametrize("command", ["fit", "interval", "significance"])
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


def test_excluded_values_along_a_mass(npi: Callable, folder: Path) -> None:
    """Counts fall with the square of the mass, so that the edge rises with it and leaves the grid."""
    given = "exclusion massive.yaml mu=0.05:10:40:log --plugin massive_physics --fix level=1 --over mass=0.5:8:5:log"
    out = npi(f"{given} --out results").done()
    assert "saved results/exclusion_over_mass.png" in out
    table = saved(folder / "results" / "exclusion_over_mass.csv")
    edges, median = np.array(table["from"][:3], dtype=float), np.array(table["from expected median"][:3], dtype=float)
    np.testing.assert_allclose(edges / edges[0], [1, 4, 16], rtol=1e-3)
    np.testing.assert_allclose(median / median[0], [1, 4, 16], rtol=1e-3)
    assert (table["from"][-1], table["to"][-1], table["segments"][-1]) == ("nothing", "", "0")
    grid = np.geomspace(0.05, 10, 40)
    single = npinfer.exclusion(npinfer.load("massive.yaml", mass=1.0), "mu", grid, fixed={"level": 1})
    assert edges[1] == single.segments[0].lower
    assert float(table["to"][1]) == 10


TURNING = '''\
import numpy as np
from npinfer import generator


@generator("tests.turning")
def turning(inputs, channels, configuration):
    turn = 0.08 if configuration["mass"] > 3 else 0.0

    def counts(*, mu):
        rate = np.asarray(mu)[:, None] * (1 - turn * np.asarray(mu)[:, None])
        return {"low": rate * np.array([2.0, 1.0]), "high": rate * np.array([4.0, 2.0, 1.0])}

    return counts
'''


def test_a_value_without_an_answer_has_a_row_that_says_why(npi: Callable, folder: Path) -> None:
    (folder / "turning_physics.py").write_text(TURNING, encoding="utf-8")
    text = (folder / "massive.yaml").read_text(encoding="utf-8").replace("tests.mass", "tests.turning")
    (folder / "turning.yaml").write_text(text, encoding="utf-8")
    given = "limit turning.yaml --plugin turning_physics --no-expected --out results"
    out = npi(f"{given} --over mass=1:4:4").done()
    table = saved(folder / "results" / "limit_over_mass.csv")
    assert [bool(v) for v in table["massive.mu observed"]] == [True, True, True, False]
    assert "use exclusion on a grid of massive.mu" in table["message"][3]
    assert "saved results/limit_over_mass.png" in out
    assert "use exclusion on a grid of massive.mu" in npi(f"{given} --over mass=4:5:2").refused()


def test_significance_along_a_mass(npi: Callable, folder: Path) -> None:
    """Counts fall with the square of the mass: what fits best rises with it, and its significance stays."""
    given = "significance massive.yaml --plugin massive_physics --fix level=1 --out results"
    out = npi(f"{given} --over mass=0.5:2:3:log").done()
    assert "saved results/significance_over_mass.png" in out
    assert "every row is local to its mass" in out
    table = saved(folder / "results" / "significance_over_mass.csv")
    mass, best = np.array(table["mass"], dtype=float), np.array(table["massive.mu"], dtype=float)
    np.testing.assert_allclose(best / mass**2, best[0] / mass[0] ** 2, rtol=1e-5)
    for column in ("q0", "p", "z", "expected z"):
        np.testing.assert_allclose(np.array(table[column], dtype=float), float(table[column][0]), rtol=1e-5)
    single = npinfer.significance(npinfer.load("massive.yaml", mass=1.0), "mu", fixed={"level": 1})
    assert float(table["z"][1]) == single.z > 1
    assert "toy z" not in table


def test_significance_along_a_mass_by_toys(npi: Callable, folder: Path) -> None:
    given = "significance massive.yaml --plugin massive_physics --fix level=1 --n-toys 40 --seed 3 --out results"
    npi(f"{given} --over mass=1:2:2 --asimov --at mu=0.6 --quiet").done()
    table = saved(folder / "results" / "significance_over_mass.csv")
    lower, upper = (np.array(table[end], dtype=float) for end in ("z lower", "z upper"))
    assert (lower < upper).all()
    np.testing.assert_allclose(np.array(table["massive.mu"], dtype=float), 0.6, rtol=1e-5)  # the truth at each mass
    z = np.array(table["z"], dtype=float)
    np.testing.assert_allclose(np.array(table["expected z"], dtype=float), z, rtol=1e-5)  # and of these Asimov data
    assert z[1] < z[0]


ENDING = TURNING.replace("tests.turning", "tests.ending").replace(
    "    turn =", '    if configuration["mass"] > 3:\n        raise STOP\n    turn ='
)


@pytest.mark.parametrize(
    ("stop", "code", "said"),
    [("ConfigurationError('too heavy')", 2, "too heavy"), ("KeyboardInterrupt", 130, "interrupted")],
)
def test_what_ends_the_work_leaves_the_rows_before_it(
    npi: Callable, folder: Path, stop: str, code: int, said: str
) -> None:
    name = f"ending_{code}"
    physics = "from npinfer.errors import ConfigurationError\n" + ENDING.replace("STOP", stop).replace("ending", name)
    (folder / f"{name}_physics.py").write_text(physics, encoding="utf-8")
    text = (folder / "massive.yaml").read_text(encoding="utf-8").replace("tests.mass", f"tests.{name}")
    (folder / "ending.yaml").write_text(text, encoding="utf-8")
    ended = npi(f"fit ending.yaml --plugin {name}_physics --over mass=1:4:4 --out results")
    assert ended.code == code
    assert said in ended.err.lower()
    assert saved(folder / "results" / "fit_over_mass.csv")["mass"] == ["1.0", "2.0", "3.0"]
    nothing = npi(f"fit ending.yaml --plugin {name}_physics --over mass=4:5:2 --out nothing")
    assert nothing.code == code
    assert not (folder / "nothing" / "fit_over_mass.csv").exists()
