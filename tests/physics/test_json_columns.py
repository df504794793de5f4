"""Columns out of JSON files: read in pieces, every fault with its place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies

from npinfer.errors import DataError
from npinfer.physics import json_columns
from npinfer.physics.json_columns import read_columns

NUMBERS = strategies.lists(
    strategies.one_of(strategies.integers(-(10**9), 10**9), strategies.floats(allow_nan=True, width=64)), max_size=20
)


@given(strategies.dictionaries(strategies.sampled_from("abcdef"), NUMBERS, min_size=1), strategies.integers(1, 60))
def test_what_python_writes_reads_back_in_pieces_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, list[float]], size: int
) -> None:
    path = tmp_path_factory.mktemp("columns") / "x.json"
    path.write_text(json.dumps(content))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_columns, "_CHUNK", size)
        found = read_columns(path, "abc")
    assert set(found) == set(content) & set("abc")
    for name, values in found.items():
        np.testing.assert_array_equal(values, np.array(content[name], dtype=float))


@pytest.mark.parametrize("size", [3, 1 << 20])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": [1, 2', "a: the file ends early, after"),
        ('{"a": [1, 2]', "the file ends early, at byte 12; expected a comma or the end after a"),
        ('{"a": [1, 2], ', 'expected "name": [numbers]'),
        ('{"a": [1, "x", 3]}', "a[1]: found '\"x\"', expected a number"),
        ('{"a": [1, null]}', "a[1]: found 'null', expected a number"),
        ('{"a": [1, true]}', "a[1]: found 'true', expected a number"),
        ('{"a": [1,, 2]}', "a[1]: found '', expected a number"),
        ('{"a": [1, 2,]}', "a[2]: found '', expected a number"),
        ('{"a": [[1], 2]}', "a[0]: found '[1', expected a number"),
        ('{"a": [1], "a": [2]}', "a is given twice"),
        ('{"a": 1}', 'expected "name": [numbers]'),
        ("[1, 2]", "expected a mapping of names to lists"),
        ("", "the file ends early, at byte 0"),
        ('{"a": [1]} {"b": [2]}', "text after the end"),
    ],
)
def test_faults_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str, size: int) -> None:
    monkeypatch.setattr(json_columns, "_CHUNK", size)
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(DataError) as refused:
        read_columns(path, ["a"])
    assert str(refused.value).startswith(str(path))
    assert message in str(refused.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_columns(tmp_path / "none.json", ["a"])
