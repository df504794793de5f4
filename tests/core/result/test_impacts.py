"""Impacts: differences of errors, and words for ends at bounds."""

import dataclasses
import math

import pytest

from npinfer.core.provenance import Description, Provenance
from npinfer.core.result import Impact, Impacts, Part, Quantity
from npinfer.core.result.impacts import remainder

NAN = float("nan")
FOUND = Impacts(
    description=Description("toy"),
    provenance=Provenance({}, {}),
    quantities={"mu": Quantity("mu", "GeV")},
    poi="mu",
    best=1.0,
    down=0.5,
    up=0.6,
    parameters=(Impact("scale", 1.1, 0.2, 0.4, 0.5, -0.3, 0.25, -0.6, 0.5),),
    groups=(Part("flux", ("scale",), 0.3, 0.33),),
    statistical=Part("statistical", (), 0.4, 0.5),
    systematic=Part("nuisance parameters", ("scale",), 0.3, 0.33),
    fixed={},
    valid=True,
    data_kind="observed",
)


def test_remainder():
    assert remainder(5.0, 3.0) == pytest.approx(4.0)
    assert remainder(1.0, 1.0 - 1e-8) == 0.0  # what two profile intervals leave of nothing
    assert remainder(1.0, 1.1) == 0.0
    assert math.isnan(remainder(NAN, 1.0))
    assert math.isnan(remainder(1.0, NAN))


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({}, "mu = 1 −0.5 +0.6 GeV: statistical −0.4 +0.5, nuisance parameters −0.3 +0.33; the strongest is scale"),
        ({}, "(68.27 % profile likelihood, Wilks' theorem, not calibrated with toys)"),
        ({"down": NAN}, "mu = 1 (bound below) +0.6 GeV"),
        ({"up": NAN}, "mu = 1 −0.5 (bound above) GeV"),
        ({"down": NAN, "up": NAN}, "mu = 1 without an error (bounds on both sides)"),
        ({"parameters": (Impact("idle", 1.0, 0.1, NAN, NAN, 0.0, 1e-9, NAN, NAN),)}, "; none moves it"),
        ({"valid": False}, "the fit to the data did not converge"),
    ],
)
def test_one_sentence(replaced, said):
    found = dataclasses.replace(FOUND, **replaced)
    assert said in found.describe()
    assert found.table().notes[0] == found.describe()


def test_the_table():
    table = dataclasses.replace(FOUND, fixed={"level": 2.0}).table()
    assert [r[0] for r in table.rows] == ["scale", "flux", "statistical", "nuisance parameters", "total error"]
    assert table.rows[1][5:7] == (-0.3, 0.33)
    assert table.rows[1][-1] == "group of 1"
    assert table.rows[-1][5:7] == (-0.5, 0.6)
    assert "fixed: level = 2" in table.notes


def test_size_ignores_what_is_missing():
    assert Impact("a", 0, 1, NAN, NAN, NAN, -0.2, NAN, NAN).size == 0.2
    assert Impact("a", 0, 1, NAN, NAN, NAN, NAN, NAN, NAN).size == 0.0
