"""Significance: what it says of itself."""

import dataclasses

import numpy as np
import pytest

from npinfer.core.provenance import Description, Provenance
from npinfer.core.result import Quantity, Significance, Tail

FOUND = Significance(
    description=Description("toy"),
    provenance=Provenance({}, {}),
    quantity=Quantity("mu", "GeV"),
    null=0.0,
    best=1.2,
    q0=4.0,
    p=0.02275,
    z=2.0,
    at_bound=True,
    expected_z=1.5,
    expected_at={"mu": 1.0},
    toys=np.zeros(0),
    toy_p=None,
    fixed={"level": 1.0},
    valid=True,
    data_kind="observed",
)


def toys(*values):
    return {"toys": np.array(values, dtype=float), "toy_p": Tail.count(np.array(values, dtype=float), 4.0, 1)}


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({}, "mu = 1.2 GeV is above 0 with z = 2.00, p = 0.023 one-sided (asymptotic, not calibrated"),
        ({"at_bound": False}, "downward fluctuations count as none"),
        ({"q0": 0.0, "best": -0.3}, "mu = -0.3 GeV at the best fit: no excess over 0, z = 0 (p one half)"),
        ({"q0": np.inf}, "the data are impossible at 0"),
        (toys(0, 0, 1, 5), "(asymptotic; half χ², Wilks at a bound); by toys p = 0.25 ± "),
        (toys(0, 0, 1, 5), ", z = 0.67"),
        (toys(0, 0, 1), "by toys p < 0.46: none of 3 toys, z > 0.1"),
        ({"valid": False}, "a fit to the data did not converge: none of this can be trusted"),
    ],
)
def test_one_sentence(replaced, said):
    found = dataclasses.replace(FOUND, **replaced)
    assert said in found.describe()
    assert found.table().notes[0] == found.describe()
    assert "\n" not in found.describe()


def test_the_table():
    table = dataclasses.replace(FOUND, **toys(0, 0, 1, 5), message="interrupted after 4 of 8").table()
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert (row["q0"], row["z"], row["toy p"], row["toys"], row["expected z"]) == (4.0, 2.0, 0.25, 4, 1.5)
    assert row["p lower"] < 0.25 < row["p upper"]
    assert row["z lower"] < row["toy z"] < row["z upper"]
    notes = " ".join(table.notes)
    for said in ("truth at mu = 1,", "1 of 4 toys have a fit that did not converge", "fixed: level = 1", "interrupted"):
        assert said in notes
    assert not dataclasses.replace(FOUND, message="interrupted").complete
    without = dataclasses.replace(FOUND, best=0.0, expected_at={})
    assert "which has no signal (name one with at)" in without.table().notes[1]
