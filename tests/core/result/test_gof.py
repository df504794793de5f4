"""GoodnessOfFit: Cochran's rule and what is said of it."""

import dataclasses

import numpy as np
import pytest

from npinfer.core.provenance import Description, Provenance
from npinfer.core.result import Contribution, GoodnessOfFit, Tail

NAN = float("nan")
FOUND = GoodnessOfFit(
    description=Description("toy"),
    provenance=Provenance({}, {}),
    statistic=12.0,
    degrees_of_freedom=9,
    fitted=2,
    p=0.213,
    contributions=(
        Contribution("near", 8.0, 6, 60.0, 58.0, 0, 1),
        Contribution("far", 3.0, 4, 40.0, 41.0, 0, 1),
        Contribution("constraints", 1.0, 1, NAN, NAN),
    ),
    toys=np.zeros(0),
    toy_p=None,
    valid=True,
    data_kind="observed",
)


def sparse(one, five):
    return (Contribution("near", 12.0, 10, 60.0, 58.0, one, five),)


@pytest.mark.parametrize(("one", "five", "trusted"), [(0, 0, True), (0, 2, True), (0, 3, False), (1, 1, False)])
def test_cochrans_rule(one, five, trusted):
    found = dataclasses.replace(FOUND, contributions=sparse(one, five))
    assert found.asymptotic is trusted
    assert ("not to be trusted" in found.describe()) is not trusted


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({}, "t = 12 for 9 degrees of freedom; p = 0.21 (asymptotic χ², not calibrated with toys)"),
        ({"contributions": sparse(4, 9)}, "4 of 10 bins expect less than 1 event; draw toys (n_toys)"),
        ({"toy_p": Tail(0.3, 0.2, 0.4, 30, 100)}, "by toys p = 0.30 ± 0.10 (asymptotic 0.21)"),
        (
            {"toy_p": Tail(0.3, 0.2, 0.4, 30, 100), "contributions": sparse(0, 9)},
            "(asymptotic 0.21, not to be trusted: 9 of 10 bins expect less than 5 events)",
        ),
        ({"degrees_of_freedom": 0, "p": NAN}, "as many parameters as data, nothing is left to test"),
        ({"valid": False}, "the fit to the data did not converge: no p-value can be trusted"),
    ],
)
def test_one_sentence(replaced, said):
    found = dataclasses.replace(FOUND, **replaced)
    assert said in found.describe()
    assert found.table().notes[0] == found.describe()


def test_the_table_adds_up():
    table = dataclasses.replace(FOUND, toy_p=Tail(0.3, 0.2, 0.4, 30, 100, 2)).table()
    assert [r[0] for r in table.rows] == ["near", "far", "constraints", "all"]
    assert table.rows[-1] == ("all", 12.0, 11, 100.0, 99.0, None, 0.213, 0.3, 100)
    assert "9 degrees of freedom: 10 bins + 1 auxiliary data − 2 fitted parameters" in table.notes[1]
    assert "2 of 100 fits of toys did not converge" in table.notes
