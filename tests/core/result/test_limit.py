"""Limits and exclusions say what they are, and survive a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from npinfer.core.provenance import Description, Provenance
from npinfer.core.result import Exclusion, Limit, Quantity, Segment, load_result

LIMIT = Limit(
    description=Description("thing"),
    provenance=Provenance({}, {}),
    quantity=Quantity("thing.mu", "GeV", "mu", 0.0, 10.0),
    cl=0.9,
    method="cls",
    observed=1.25,
    expected=np.array([0.5, 0.7, 1.0, 1.5, np.inf]),
    background=0.0,
    best=0.1,
    calibration="CLs, asymptotic; not calibrated with toys",
    expected_from="Asimov data",
    fixed={"thing.level": 1.0},
    data_kind="observed",
    tested=np.array([0.0, 1.0, 2.0]),
    p=np.array([1.0, 0.2, 0.01]),
    p_expected=np.linspace(0, 1, 15).reshape(5, 3),
)
EXCLUSION = Exclusion(
    description=Description("thing"),
    provenance=Provenance({}, {}),
    quantity=Quantity("thing.mu", "", "mu", 0.0, 10.0),
    cl=0.95,
    method="profile",
    segments=(Segment(0.5, 1.5), Segment(3.0, 4.0, False, True)),
    expected=((Segment(0.4, 2.0),), (Segment(0.5, 1.8),), (Segment(0.6, 1.6),), (), ()),
    grid=np.array([0.0, 2.0, 4.0]),
    p=np.array([1.0, 0.2, np.nan]),
    p_expected=np.zeros((5, 3)),
    background=0.0,
    best=0.1,
    calibration="asymptotic",
    fixed={},
    data_kind="asimov",
)


def test_a_limit_in_one_line() -> None:
    assert LIMIT.describe() == (
        "thing.mu < 1.25 GeV at 90 % CL (CLs, asymptotic; not calibrated with toys); "
        "expected 1, 95 % between 0.5 and no limit, from Asimov data"
    )
    none = replace(LIMIT, observed=np.inf, expected=np.full(5, np.nan), expected_from="")
    assert none.describe().startswith("no limit on thing.mu at 90 % CL: 10, its upper bound, is not excluded (CLs")
    assert "expected" not in none.describe()
    assert replace(none, quantity=Quantity("x")).describe().startswith("no limit on x at 90 % CL (CLs")
    bayes = replace(LIMIT, method="bayes", uncertainty=0.01, expected=np.array([np.nan] * 2 + [1.0] + [np.nan] * 2))
    assert bayes.describe().startswith("thing.mu < 1.25 ± 0.01 GeV with 90 % posterior probability (")
    assert bayes.describe().endswith("; expected 1 from Asimov data")
    assert replace(LIMIT, observed=0.0).describe().startswith("every thing.mu above 0 GeV is excluded at 90 % CL, even")


def test_the_table_of_a_limit_says_where_there_is_none() -> None:
    text = str(LIMIT.table())
    assert text.splitlines()[0] == "90 % upper limit of thing.mu (observed data)"
    assert "expected +2σ     no limit" in text
    assert "fixed: thing.level=1" in text
    assert LIMIT.table().notes[-1] == LIMIT.description.small_print()
    assert LIMIT.describe() in LIMIT.table().notes
    assert LIMIT.curves()["scan"].columns[:3] == ("thing.mu", "CLs", "expected CLs −2σ")
    assert len(LIMIT.curves()["scan"].rows) == 3
    bare = replace(LIMIT, tested=np.zeros(0), p=np.zeros(0), p_expected=np.zeros((0, 0)))
    assert bare.curves() == {}


@pytest.mark.parametrize("result", [LIMIT, EXCLUSION], ids=["limit", "exclusion"])
def test_what_is_saved_is_what_is_read(result: Limit | Exclusion, tmp_path: Path) -> None:
    read = load_result(result.save(tmp_path / "result.json"))
    assert type(read) is type(result)
    assert read.to_dict() == result.to_dict()
    assert str(read.table()) == str(result.table())
    np.testing.assert_array_equal(read.p_expected, result.p_expected)


def test_an_exclusion_says_its_open_ends_and_what_was_not_computed() -> None:
    assert "thing.mu in [0.5, 1.5] and [3, 4) is excluded at 95 % CL (asymptotic; tested from 0 to 4)" in (
        EXCLUSION.describe()
    )
    assert EXCLUSION.describe().endswith("expected [0.6, 1.6] from Asimov data")
    rows = EXCLUSION.table().rows
    assert rows[1] == ("observed", 3.0, 4.0, "", "edge of the grid")
    assert [row[0] for row in rows] == [
        "observed", "observed", "expected −2σ", "expected −1σ", "expected median", "expected +1σ", "expected +2σ"
    ]  # fmt: skip
    assert rows[-1][1] == "nothing"
    assert not EXCLUSION.complete
    assert EXCLUSION.p_name == "p"
    nothing = replace(EXCLUSION, segments=(), expected=())
    assert "no thing.mu from 0 to 4 is excluded" in nothing.describe()
    assert len(nothing.table().rows) == 1
