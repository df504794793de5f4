"""Limits on the Planck scale of extra dimensions from forecasts, and what those say of themselves."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

import npinfer
from npinfer.cli.main import run
from npinfer.errors import NpinferError

NAMES = ["gen2_black_hole", "grand_nbang"]
README = Path(__file__).resolve().parents[2] / "likelihoods" / "README.md"


@pytest.mark.parametrize("name", NAMES)
def test_declared_numbers(name: str) -> None:
    assert [c.name for c in npinfer.validate(name).checks if not c.passed] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_they_say_of_themselves(name: str) -> None:
    likelihood = npinfer.load(name)
    d = likelihood.description
    assert (d.kind, d.status, likelihood.data.kind) == ("asimov", "illustrative", "asimov")
    assert "lower limits on M_D" in " ".join(npinfer.fit(likelihood).table().notes)


def test_limit_without_background() -> None:
    """With a known flux CLs of no event is exp(-s): the limit lies where 2.303 are expected."""
    likelihood = npinfer.load("gen2_black_hole", gamma=2.0)
    name = "gen2_black_hole.flux"
    found = npinfer.upper_limit(likelihood, method="toys", fixed={name: 0.0}, n_toys=1000, expected=False)
    events = likelihood.expected({"inverse_m_d": found.observed}).total("black_hole")
    assert events == pytest.approx(np.log(10), rel=0.05)
    power = np.log(7.1 / 3.2) / np.log(6 / 5)  # events for 5 and 6 TeV of an independent table
    assert 1 / found.observed == pytest.approx(6 * (3.2 / np.log(10)) ** (1 / power), rel=0.02)


def where_events_are(number: float, **configuration: float) -> float:
    """M_D [TeV] at which Gen2 expects a number of events."""
    likelihood = npinfer.load("gen2_black_hole", **configuration)
    return 1 / brentq(lambda v: likelihood.expected({"inverse_m_d": v}).total("black_hole") - number, 0.05, 0.99)


@pytest.mark.parametrize(("gamma", "x_min"), [(2.37, 1.0), (2.37, 3.0), (2.0, 1.0), (2.0, 3.0)])
def test_reach_that_the_readme_tells(gamma: float, x_min: float) -> None:
    text = README.read_text(encoding="utf-8")
    (told,) = re.findall(rf"(?m)^\| γ = {gamma:g}, x_min = {x_min:g} \|(.*\(.*)\|$", text)
    cells = np.array([[float(n) for n in re.findall(r"[\d.]+", cell)] for cell in told.split("|")])
    for n, (few, three) in enumerate(cells, start=1):
        found = [where_events_are(e, extra_dimensions=n, gamma=gamma, x_min=x_min) for e in (np.log(10), 3.0)]
        assert found == pytest.approx([few, three], abs=0.0501), n


def test_reach_of_grand_that_the_readme_tells() -> None:
    """At n = 6 for E⁻²."""
    text = README.read_text(encoding="utf-8")
    told = re.findall(r"(?m)^\| γ = 2, x_min = 1 \|(.*)\|$", text)[1].split("|")
    found = npinfer.upper_limit(npinfer.load("grand_nbang", gamma=2.0), method="toys", expected=False)
    assert 1 / found.observed == pytest.approx(float(told[-1]), rel=0.02)


def test_reach_in_m_d_by_the_command_of_the_readme(tmp_path: Path) -> None:
    """One over its limits is where three events are expected; 6 TeV are published, to be met to 15 %."""
    text = README.read_text(encoding="utf-8")
    (command,) = re.findall(r"(?m)^npinfer (limit gen2_black_hole .*)$", text)
    few = command.replace("--n-toys 4000", "--n-toys 1000").replace("1:6:6", "4:6:3")
    assert run([*shlex.split(few), "--quiet", "--out", str(tmp_path)]) == 0
    lines = (tmp_path / "limit_over_extra_dimensions.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    found = np.array([1 / float(row["inverse_m_d observed"]) for row in rows])
    three_events = [where_events_are(3, extra_dimensions=n, gamma=2.0) for n in (4, 5, 6)]
    assert found == pytest.approx(three_events, rel=0.03)
    assert found[-1] == pytest.approx(6.0, rel=0.15)


def test_one_event_with_two_muons_decides() -> None:
    likelihood = npinfer.load("gen2_black_hole", gamma=2.0, background="standard_model")
    truth = likelihood.with_data(likelihood.asimov({"inverse_m_d": 0.2}))
    assert npinfer.significance(truth).z == np.inf


def test_ordinary_interactions_weaken_it() -> None:
    limits = [
        npinfer.upper_limit(npinfer.load("gen2_black_hole", gamma=2.0, **c), expected=False).observed
        for c in ({}, {"background": "standard_model"}, {"background": "standard_model", "least_energy": 3e7})
    ]
    assert limits[0] < limits[2] < limits[1]


def test_larger_thresholds_and_radii() -> None:
    limit = lambda **c: npinfer.upper_limit(npinfer.load("gen2_black_hole", **c), expected=False).observed
    assert limit(radius="b_max") < limit() < limit(x_min=3.0)
    assert limit() < limit(trapped=0.7)


def test_several_taus_have_no_background() -> None:
    likelihood = npinfer.load("grand_nbang")
    counts = likelihood.expected({"inverse_m_d": 0.25}).samples
    assert counts["scattering"]["shower"][1:].tolist() == [0.0, 0.0]
    one, two, three = counts["black_hole"]["shower"]
    assert one > two > three > 0


def test_curve_over_dimensions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    over = ["--over", "extra_dimensions=1:6:6", "--no-expected", "--with", "gamma=2.0", "--out", str(tmp_path)]
    assert run(["limit", "gen2_black_hole", *over]) == 0
    assert "local to its extra_dimensions" in capsys.readouterr().out
    rows = (tmp_path / "limit_over_extra_dimensions.csv").read_text().splitlines()
    columns = next(line for line in rows if line.startswith("extra_dimensions")).split(",")
    at = columns.index("inverse_m_d observed")
    limits = np.array([float(line.split(",")[at]) for line in rows if line[:1].isdigit()])
    assert len(limits) == 6
    assert (np.diff(limits) < 0).all()  # M_D grows with n


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"extra_dimensions": 2.5}, "whole number"), ({"x_min": 0.2}, "x_min"), ({"extra_dimensions": 9}, "1 to 6")],
)
def test_models_without_sense(settings: dict, said: str) -> None:
    with pytest.raises(NpinferError, match=said):
        npinfer.load("gen2_black_hole", **settings)
