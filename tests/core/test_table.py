"""Tables as text and as CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npinfer.core.table import Table, show

TABLE = Table("fit", ("name", "value", "ok"), (("gamma", 2.87123456, True), ("n", float("nan"), None)), ("a note",))


def test_text_is_aligned_under_its_columns() -> None:
    assert str(TABLE) == "fit\nname   value  ok\ngamma  2.871  yes\nn      –      –\na note"


def test_labels_are_the_last_columns_of_csv_and_not_of_text() -> None:
    labelled = Table("fit", ("name", "value"), (("gamma", 2.5), ("n", None)), labels={"data_kind": "Asimov"})
    assert labelled.csv() == "name,value,data_kind\ngamma,2.5,Asimov\nn,,Asimov\n"
    assert "Asimov" not in str(labelled)


def test_a_table_without_rows_still_has_its_columns() -> None:
    assert str(Table("empty", ("a", "b"), ())) == "empty\na  b"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (np.float64(1 / 3), "0.3333"),
        (1e-20, "1e-20"),
        (float("inf"), "inf"),
        (False, "no"),
        (3, "3"),
        ("word", "word"),
    ],
)
def test_cells(value: object, said: str) -> None:
    assert show(value) == said


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=5))
def test_csv_keeps_every_digit(numbers: list[float]) -> None:
    table = Table("t", ("x", "y"), tuple((v, np.float64(v)) for v in numbers))
    rows = list(csv.reader(table.csv().splitlines()))
    assert rows[0] == ["x", "y"]
    assert [[float(v) for v in row] for row in rows[1:]] == [[v, v] for v in numbers]


def test_csv_quotes_and_leaves_missing_values_empty() -> None:
    table = Table("t", ("x", "y"), (("a, b", None),))
    assert table.csv() == 'x,y\n"a, b",\n'


def test_saving_makes_the_folder_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = TABLE.save(tmp_path / "new" / "table.csv")
    assert path.read_text(encoding="utf-8") == TABLE.csv()
    assert [p.name for p in path.parent.iterdir()] == ["table.csv"]
