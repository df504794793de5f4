"""Counts that are used, and counts that are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from npinfer.core.dataset import Dataset, check_counts
from npinfer.errors import DataError


def test_the_total_is_over_all_channels() -> None:
    one = Dataset({"a": np.array([1.0, 2.0]), "b": np.array([3.0])})
    many = Dataset({"a": np.ones((4, 2)), "b": np.arange(4.0)[:, None]})
    assert one.total() == 6
    assert many.total() == pytest.approx([2, 3, 4, 5])


def test_good_counts_come_back_as_floats() -> None:
    assert check_counts(np.array([1, 2]), 2, "here").dtype == float
    assert check_counts([[1, 2], [3, 4.5]], 2, "here").shape == (2, 2)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([1, 2, 3], r"expected 2 bins, found shape \(3,\)"),
        (5.0, "expected 2 bins"),
        ([[1], [2]], "expected 2 bins"),
        (["a", "b"], "must be numbers"),
        ([[1, 2], [3]], "must be numbers"),
        (None, "expected 2 bins"),
        ([1, float("nan")], "bin 1 is not a finite number; remove the bin"),
        ([float("inf"), 1], "bin 0 is not a finite number"),
        ([[1, 1], [1, -1]], "bin 1 has a negative count; counts are 0 or more"),
        ([[1, 1], [1e101, 1]], r"bin 0 has more than 1e\+100; give it in larger units"),
    ],
)
def test_bad_counts_are_refused_with_their_place(counts: Any, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        check_counts(counts, 2, "channel 'low'")
    assert str(caught.value).startswith("channel 'low': ")
