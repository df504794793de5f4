"""Results save, load and show themselves; damaged files are refused."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npinfer.core.axis import Axis
from npinfer.core.parameter import Parameter
from npinfer.core.provenance import Description, Provenance
from npinfer.core.result import (
    ChannelView,
    Check,
    Contour,
    FitResult,
    Interval,
    Quantity,
    Region,
    Repeated,
    Result,
    Scan,
    Segment,
    Status,
    Validation,
    base,
    load_result,
)
from npinfer.errors import DataError, OutputError

BASE: dict[str, Any] = {
    "description": Description("toy", "A toy", configuration={"mode": "plain", "mass": 0.1, "on": True}),
    "provenance": Provenance({"numpy": "2"}, {"spec": "abc"}, seed=None, command="npinfer fit"),
}
AWKWARD = np.array([0.1, 1 / 3, 5e-324, -0.0, 1e308, np.inf, -np.inf, np.nan])
QUANTITIES = {"a": Quantity.of(Parameter("a", 1.0, (0.0, 2.0), unit="GeV")), "b": Quantity("b")}

ERROR = np.ones((1, 2))
FIT = FitResult(
    **BASE,
    quantities=QUANTITIES,
    values={"a": 1 / 3, "b": 1.0},
    errors={"a": 0.1, "b": math.nan},
    minos={"a": (-0.1, math.inf)},
    fixed=("b",),
    free=("a",),
    covariance=np.array([[0.01]]),
    derived={"c": 2.0},
    derived_errors={"c": 0.2},
    pulls={"a": -0.5},
    pull_errors={"a": 0.7},
    channels={
        "low": ChannelView((Axis("x", (0.0, 1.0, 2.0)),), np.array([3.0, 4]), {"s": np.array([2.5, 4.5])}, ERROR)
    },
    data_kind="observed",
    twice_nll=12.345,
    edm=1e-12,
    valid=True,
    status=Status.AT_BOUND,
    message="a stopped at its upper bound 2",
)
SCAN = Scan(
    **BASE,
    quantities=QUANTITIES,
    grid={"a": np.array([0.0, 1.0]), "b": np.array([0.0, 1.0, 2.0])},
    delta_twice_nll=np.array([[0.0, 1.0, np.inf], [2.0, np.nan, 4.0]]),
    values={"c": np.arange(6.0).reshape(2, 3)},
    best={"a": 0.0, "b": 0.0},
    twice_nll=3.0,
    data_kind="asimov",
    message="one point was not computed",
)
INTERVAL = Interval(
    **BASE,
    quantity=QUANTITIES["a"],
    cl=0.9,
    threshold=2.7,
    best=0.5,
    segments=(Segment(0.0, 0.25, lower_at_bound=True), Segment(0.5, 2.0, upper_at_bound=True)),
    calibration="Wilks, 1 degree of freedom",
    fixed={"b": 1.0},
    data_kind="observed",
)
CONTOUR = Contour(
    **BASE,
    names=("a", "b"),
    quantities=QUANTITIES,
    regions=(
        Region(0.68, 2.28, (np.array([[0.0, 0.0], [1.0, 0.1], [0.0, 0.0]]),), touches_edge=False),
        Region(0.95, 5.99, (np.zeros((1, 2)), np.ones((2, 2))), touches_edge=True),
    ),
    best={"a": 0.5},
    calibration="Wilks, 2 degrees of freedom",
    data_kind="observed",
)
CHECKS = (Check("gamma", 2.87, 2.9, 0.05, "arXiv:2011.03545"), Check("n", math.nan, 1.0, 1.0, "-"))
VALIDATION = Validation(**BASE, checks=CHECKS)
REPEATED = Repeated(
    **BASE,
    asked="limit",
    key="mass",
    quantity=QUANTITIES["a"],
    columns=("mass", "a observed", "message"),
    rows=((0.5, 1 / 3, ""), (1.0, "no limit", None)),
    data_kind="observed",
    cl=0.9,
    calibration="asymptotic",
)
ALL = {type(r).__name__: r for r in (FIT, SCAN, INTERVAL, CONTOUR, VALIDATION, REPEATED)}


def same(a: Any, b: Any) -> bool:
    """Equal to the last bit, NaN equal to NaN."""
    if dataclasses.is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.shape == b.shape and a.astype(float).tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or (a != a and b != b))


@pytest.mark.parametrize("name", list(ALL))
def test_a_result_loads_as_it_was_saved(name: str, tmp_path: Path) -> None:
    path = ALL[name].save(tmp_path / "folder" / "result.json")
    assert same(load_result(path), ALL[name])
    assert same(type(ALL[name]).load(str(path)), ALL[name])
    assert json.loads(path.read_text(encoding="utf-8"))["type"] == name


@given(st.lists(st.floats(), min_size=1, max_size=6), st.floats())
def test_floats_survive_to_the_last_bit(numbers: list[float], value: float) -> None:
    array = np.append(numbers, AWKWARD)
    scan = dataclasses.replace(SCAN, delta_twice_nll=array, twice_nll=value)
    again = Scan.from_dict(json.loads(json.dumps(scan.to_dict(), allow_nan=False)))
    assert np.array_equal(again.delta_twice_nll, array, equal_nan=True)
    assert (np.signbit(again.delta_twice_nll) == np.signbit(array))[~np.isnan(array)].all()
    assert again.twice_nll == value or (math.isnan(value) and math.isnan(again.twice_nll))


@pytest.mark.parametrize("shape", [(0,), (0, 0), (0, 2), (2, 0)])
def test_empty_arrays_keep_their_shape(shape: tuple[int, ...]) -> None:
    fit = dataclasses.replace(FIT, covariance=np.zeros(shape))
    assert FitResult.from_dict(json.loads(json.dumps(fit.to_dict()))).covariance.shape == shape


def test_numpy_numbers_are_saved_as_plain_ones() -> None:
    fit = dataclasses.replace(FIT, values={"a": np.float64(0.25), "b": np.float32(0.5)}, valid=np.bool_(False))
    again = FitResult.from_dict(json.loads(json.dumps(fit.to_dict())))
    assert again.values == {"a": 0.25, "b": 0.5}
    assert again.valid is False


def test_results_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        FIT.valid = False  # type: ignore[misc]


def test_a_result_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = FIT.save(tmp_path / "fit.json")
    with pytest.raises(DataError, match="expected a Scan, found a FitResult") as caught:
        Scan.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", ["Teapot", None, [], {}, 3, "Result"])
def test_an_unknown_type_is_refused(kind: Any) -> None:
    with pytest.raises(DataError, match="not a result: expected schema 'npinfer/result/1' and a known type"):
        Result.from_dict({**FIT.to_dict(), "type": kind})


DAMAGE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "missing field": lambda d: d.pop("values"),
    "word for a number": lambda d: d.update(twice_nll="many"),
    "nothing for a number": lambda d: d.update(edm=None),
    "number for a mapping": lambda d: d.update(values=3),
    "list for a mapping": lambda d: d.update(values=[1, 2]),
    "number for a tuple": lambda d: d.update(free=3),
    "ragged matrix": lambda d: d.update(covariance=[[1], [1, 2]]),
    "unknown status": lambda d: d.update(status="tired"),
    "number for a word": lambda d: d.update(message=3),
    "word for a truth value": lambda d: d.update(valid="yes"),
    "too many ends": lambda d: d.update(minos={"a": [1, 2, 3]}),
    "description lost": lambda d: d.update(description=None),
    "description cut": lambda d: d.update(description={"title": "x"}),
    "edges of an axis": lambda d: d["channels"]["low"]["axes"][0].update(edges=[1, 1]),
    "no shape": lambda d: d.update(covariance={"full": [1]}),
}


@pytest.mark.parametrize("damage", list(DAMAGE))
def test_damage_is_refused(damage: str, tmp_path: Path) -> None:
    content = FIT.to_dict()
    DAMAGE[damage](content)
    path = tmp_path / "fit.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match="a damaged FitResult") as caught:
        load_result(path)
    assert str(path) in str(caught.value)


@given(st.data())
def test_a_file_changed_anywhere_loads_or_is_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(list(ALL)))
    content: Any = ALL[name].to_dict()
    at: Any = content
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(at[key], (dict, list)) or not at[key] or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = data.draw(st.sampled_from([None, 1, -1.5, "word", [], {}, [1], {"a": 1}, [[1], [2]], True, "nan"]))
    with contextlib.suppress(DataError):
        assert isinstance(Result.from_dict(content), ALL[name].__class__)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"\xff\xfe", b"null", b"[" * 100_000])
def test_a_file_that_is_no_result_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="not a") as caught:
        load_result(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        load_result(tmp_path / "none.json")
    with pytest.raises(DataError, match="not a saved result"):
        load_result(tmp_path)


def test_an_unwritable_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    with pytest.raises(OutputError, match=r"cannot be written: .*; choose another folder"):
        FIT.save(file / "fit.json")


def test_the_table_of_a_fit() -> None:
    text = str(FIT.table())
    shown = (
        "A toy (observed data)",
        "0.3333",
        "fixed",
        "derived",
        "GeV",
        "at bound: a stopped at",
        "7 seen, 7.00 expected",
    )
    for said in shown:
        assert said in text
    assert text.splitlines()[-1] == BASE["description"].small_print()
    assert FIT.correlation() == pytest.approx(np.array([[1.0]]))


def test_the_table_of_a_scan_has_a_row_a_point() -> None:
    table = SCAN.table()
    assert table.columns == ("a", "b", "delta_twice_nll", "c")
    assert table.rows[:3] == ((0.0, 0.0, 0.0, 0.0), (0.0, 1.0, 1.0, 1.0), (0.0, 2.0, np.inf, 2.0))
    assert SCAN.names == ("a", "b")
    assert not SCAN.complete
    assert dataclasses.replace(SCAN, delta_twice_nll=np.ones((2, 3))).complete
    assert SCAN.message in str(table)


def test_an_interval_says_its_pieces_and_its_bounds() -> None:
    said = "a = 0.5 GeV, 90 % interval [0 (bound), 0.25] and [0.5, 2 (bound)] (Wilks, 1 degree of freedom)"
    assert INTERVAL.describe() == said
    assert (INTERVAL.lower, INTERVAL.upper) == (0.0, 2.0)
    assert said in str(INTERVAL.table())
    assert "fixed: b=1" in str(INTERVAL.table())


def test_an_empty_interval_is_said_to_be_empty() -> None:
    empty = dataclasses.replace(INTERVAL, segments=())
    assert math.isnan(empty.lower)
    assert math.isnan(empty.upper)
    assert "interval is empty" in empty.describe()


def test_a_contour_says_what_it_encloses() -> None:
    assert CONTOUR.enclosed == "joint probability enclosed: 68 %, 95 % (Wilks, 2 degrees of freedom)"
    assert list(CONTOUR.paths) == [0.68, 0.95]
    table = CONTOUR.table()
    assert len(table.rows) == 6
    assert table.rows[1] == (0.68, 0, 1.0, 0.1)
    assert "the 95 % region meets the edge of the grid" in str(table)


def test_repeated_answers_are_columns_of_numbers_with_gaps() -> None:
    np.testing.assert_array_equal(REPEATED.numbers("a observed"), [1 / 3, np.nan])
    np.testing.assert_array_equal(REPEATED.numbers("absent"), [np.nan, np.nan])
    labelled = dataclasses.replace(REPEATED.description, labels={"mass": (r"$m_\chi$", "GeV")})
    assert dataclasses.replace(REPEATED, description=labelled).axis == Quantity("mass", "GeV", r"$m_\chi$")
    assert "90 % limit of a over mass (asymptotic)" in REPEATED.describe()


def test_a_check_passes_within_its_tolerance_and_nan_never() -> None:
    assert [c.passed for c in VALIDATION.checks] == [True, False]
    assert not VALIDATION.passed
    assert dataclasses.replace(VALIDATION, checks=VALIDATION.checks[:1]).passed
    assert "FAILED" in str(VALIDATION.table())


def test_a_result_without_a_table_says_so() -> None:
    with pytest.raises(TypeError, match="Result has no table"):
        Result(**BASE).table()


def test_every_result_describes_itself() -> None:
    """Each kind says in one line what was computed, and its table repeats the line."""
    kinds = [kind for kind in base._KNOWN.values() if kind.verb]
    assert len(kinds) >= 16
    for kind in kinds:
        assert kind.describe is not base.Result.describe, kind
    for result in ALL.values():
        line = result.describe()
        assert "\n" not in line
        assert line in result.table().notes
