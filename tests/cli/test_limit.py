"""`npinfer limit` and `npinfer exclusion` as a user meets them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

import npinfer
from npinfer.core.result import Exclusion, Limit
from tests.cli.conftest import Outcome

Npi = Callable[..., Outcome]


def test_a_limit_is_that_of_the_verb_and_is_saved(npi: Npi, folder: Path) -> None:
    text = npi("limit tiny.yaml --cl 0.95 --out results").done()
    found = npinfer.upper_limit(npinfer.load("tiny.yaml"), cl=0.95)
    assert f"tiny.mu < {found.observed:.4g} at 95 % CL (CLs, asymptotic; not calibrated with toys)" in text
    saved = Limit.load(folder / "results" / "limit.json")
    assert saved.observed == found.observed
    assert saved.provenance.command == "npinfer limit tiny.yaml --cl 0.95 --out results"
    assert {p.name for p in (folder / "results").iterdir()} == {
        "limit.json", "limit.csv", "limit_scan.csv", "limit.png"
    }  # fmt: skip


def test_options_reach_the_verb(npi: Npi) -> None:
    text = npi("limit tiny.yaml --poi mu --method profile --no-expected --fix level=1 --asimov --at mu=0").done()
    assert "one-sided profile likelihood" in text
    assert "expected" not in text
    assert "fixed: tiny.level=1" in text
    assert "(asimov data)" in text
    toys = npi("limit tiny.yaml --method Toys --n-toys 40 --no-expected --seed 3").done()
    assert "40 toys of each hypothesis" in toys


def test_a_mass_curve_has_a_row_a_value_and_says_local(npi: Npi, folder: Path) -> None:
    text = npi("limit massive.yaml --plugin massive_physics --over mass=0.5:8:5:log --out curve").done()
    assert "every row is local to its mass" in text
    assert "saved curve/limit_over_mass.png" in text
    with (folder / "curve" / "limit_over_mass.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    limits = [row["massive.mu observed"] for row in rows]
    assert float(limits[1]) / float(limits[0]) == pytest.approx(4, rel=1e-4)
    assert limits[-1] == "no limit"
    assert rows[0]["limit"] == "90 % CL, cls"


def test_an_exclusion_is_saved(npi: Npi, folder: Path) -> None:
    text = npi("exclusion tiny.yaml mu=0:6:13 --no-expected --out results").done()
    found = Exclusion.load(folder / "results" / "exclusion.json")
    limit = npinfer.upper_limit(npinfer.load("tiny.yaml"), expected=False).observed
    assert found.segments[0].lower == pytest.approx(limit, rel=1e-4)
    assert "edge of the grid" in text
    assert (folder / "results" / "exclusion_grid.csv").exists()
    assert (folder / "results" / "exclusion.png").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("limit tiny.yaml --cl 0.4", "cl of an upper limit is above 0.5"),
        ("limit tiny.yaml --fix mu=1", "is fixed: a limit needs it free"),
        ("limit tiny.yaml --poi nu", "did you mean 'mu'"),
        ("limit tiny.yaml --over mass=1:2:2 --json x.json", "save it with --out"),
        ("exclusion tiny.yaml mu=0:6", "expected low:high:points"),
        ("exclusion tiny.yaml mu=0:60:5", "outside its bounds"),
        ("exclusion tiny.yaml mu=0:6:5 --cl 1.5", "cl is a fraction"),
    ],
)
def test_bad_questions_are_one_line(npi: Npi, line: str, said: str) -> None:
    assert said in npi(line).refused()
