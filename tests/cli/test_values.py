"""Numbers and grids as options give them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from npinfer.cli.values import grid, number


@pytest.mark.parametrize(("text", "value"), [("2", 2.0), ("-1.5e-3", -1.5e-3), ("1/6", 1 / 6)])
def test_number(text: str, value: float) -> None:
    assert number(text, "here") == value


def test_grid() -> None:
    np.testing.assert_array_equal(grid("0:2:5", "mu"), [0, 0.5, 1, 1.5, 2])
    np.testing.assert_allclose(grid("0.01:1:3:log", "mu"), [0.01, 0.1, 1])
    np.testing.assert_allclose(grid("0:1/2:2", "mu"), [0, 0.5])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--fix mu", "--fix takes name=value; found 'mu'"),
        ("--fix mu=", "--fix takes name=value; found 'mu='"),
        ("--fix =1", "--fix takes name=value; found '=1'"),
        ("--fix mu=abc", "--fix mu: 'abc' is not a number; write 0.5, 1e-3 or 1/6"),
        ("--fix mu=1/0", "--fix mu: '1/0' is not a number"),
        ("--fix mu=nan", "--fix mu: 'nan' is not a finite number"),
        ("--fix mu=1e999", "--fix mu: '1e999' is not a finite number"),
        ("--fix mu=11", "parameter 'tiny.mu': 11 is outside its bounds [0, 10]"),
        ("--fix mu=1 --fix mu=2", "--fix: 'mu' is given twice; keep one"),
        ("--fix muu=1", "unknown parameter 'muu': did you mean 'mu'?"),
        ("--init mu=-1", "parameter 'tiny.mu': -1 is outside its bounds [0, 10]"),
        ("--init nu=1", "unknown parameter 'nu'"),
        ("--minos nothing", "unknown parameter 'nothing'"),
        ("--minos mu --fix mu=1", "parameter 'tiny.mu' is fixed: an interval needs it free"),
    ],
)
def test_values_refused(npi: Callable, options: str, message: str) -> None:
    assert message in npi(f"fit tiny.yaml {options}").refused()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mu", "'mu' is not a grid: write name=low:high:points, such as mu=0:2:21"),
        ("=0:1:5", "'=0:1:5' is not a grid"),
        ("mu=1:2", "grid of 'mu': expected low:high:points or low:high:points:log; found '1:2'"),
        ("mu=1:2:3:lin", "expected low:high:points or low:high:points:log; found '1:2:3:lin'"),
        ("mu=2:1:5", "grid of 'mu': the ends must increase; found 2 to 1"),
        ("mu=1:1:5", "the ends must increase"),
        ("mu=1:2:1", "grid of 'mu': the number of points is a whole number from 2 to 1000000; found '1'"),
        ("mu=1:2:2.5", "the number of points is a whole number"),
        ("mu=1:2:²", "the number of points is a whole number"),
        ("mu=1:2:99999999999", "the number of points is a whole number"),
        ("mu=nan:2:5", "grid of 'mu': 'nan' is not a finite number"),
        ("mu=0:inf:5", "grid of 'mu': 'inf' is not a finite number"),
        ("mu=0:2:5:log", "grid of 'mu': a log grid needs positive ends; found 0"),
        ("mu=0:20:5", "parameter 'tiny.mu': 15 is outside its bounds [0, 10]"),
        ("nothing=0:1:5", "unknown parameter 'nothing'"),
        ("mu=0:1:5 mu=0:2:5", "grid of 'mu': given twice; keep one"),
        ("mu=0:1:5000 level=1:2:5000", "grid of mu, level: more than 1000000 points in all; take fewer"),
        ("mu=0:1:5 --fix mu=1", "parameter 'tiny.mu' is both on the grid and fixed; drop one of the two"),
    ],
)
def test_grids_refused(npi: Callable, text: str, message: str) -> None:
    assert message in npi(f"profile tiny.yaml {text}").refused()


@pytest.mark.parametrize(("grids", "found"), [("", 0), ("mu=0:1:5", 1)])
def test_contour_takes_two_grids(npi: Callable, grids: str, found: int) -> None:
    message = npi(f"contour tiny.yaml {grids}").refused()
    assert message == f"npinfer: contour takes the grids of two parameters, such as a=0:1:21 b=0:2:21; found {found}"


@pytest.mark.parametrize("cl", ["0", "1", "68", "nan"])
def test_cl_is_a_fraction(npi: Callable, cl: str) -> None:
    message = "cl is a fraction between 0 and 1, such as 0.9; found"
    assert message in npi(f"interval tiny.yaml --cl {cl}").refused()
    assert message in npi(f"contour tiny.yaml mu=0:3:5 level=0.5:1.5:5 --cl {cl}").refused()


def test_cl_is_a_number(npi: Callable) -> None:
    assert "Invalid value for '--cl': 'abc' is not a valid float" in npi("interval tiny.yaml --cl abc").refused()


def test_poi(npi: Callable) -> None:
    assert "parameter 'tiny.mu' is fixed" in npi("interval tiny.yaml --fix mu=1").refused()
    assert "interval of tiny.level" in npi("interval tiny.yaml --poi level --cl 0.9").done()


def test_fractions_add_up_to_at_most_1(npi: Callable, folder: Path) -> None:
    path = folder / "tiny.yaml"
    shares = (
        "  mu: {init: 0.3, bounds: [0, 1], simplex: shares}\n  level: {init: 0.3, bounds: [0, 1], simplex: shares}\n"
    )
    path.write_text(path.read_text(encoding="utf-8").partition("  mu: {")[0] + shares, encoding="utf-8")
    message = npi("fit tiny.yaml --fix mu=0.8 --fix level=0.5").refused()
    assert message.endswith("tiny.mu=0.8 + tiny.level=0.5 is more than 1: fractions add up to at most 1")
    assert "tiny.mu=0.8" in npi("fit tiny.yaml --asimov --at mu=0.8 --at level=0.5").refused()
