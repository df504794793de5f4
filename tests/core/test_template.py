"""Templates add up."""

from __future__ import annotations

import numpy as np
import pytest

from npinfer.core.axis import Axis
from npinfer.core.template import Channel, Template
from npinfer.errors import DataError

TEMPLATE = Template(
    {
        "astro": {"cascade": np.array([1.0, 2.0]), "track": np.array([3.0])},
        "muon": {"cascade": np.array([0.5, 0.25]), "track": np.array([0.0])},
    },
    ("cascade", "track"),
)


def test_a_channel_is_the_sum_of_its_samples() -> None:
    assert TEMPLATE["cascade"] == pytest.approx([1.5, 2.25])
    assert dict(TEMPLATE).keys() == {"cascade", "track"}
    assert len(TEMPLATE) == 2


def test_totals() -> None:
    assert TEMPLATE.total() == 6.75
    assert TEMPLATE.total("muon") == 0.75


def test_totals_of_a_batch() -> None:
    batch = Template({"s": {"a": np.ones((5, 2)), "b": np.arange(5.0)[:, None]}}, ("a", "b"))
    assert batch.total() == pytest.approx([2, 3, 4, 5, 6])
    assert batch.total("s") == pytest.approx(batch.total())


def test_unknown_names_are_refused() -> None:
    with pytest.raises(KeyError, match="tracks"):
        TEMPLATE["tracks"]
    with pytest.raises(DataError, match=r"unknown sample 'muons': did you mean 'muon'"):
        TEMPLATE.total("muons")


def test_a_channel_has_as_many_bins_as_its_axes_span() -> None:
    channel = Channel("cascade", (Axis("x", (0.0, 1.0, 2.0)), Axis("y", (0.0, 1.0, 2.0, 3.0))))
    assert channel.shape == (2, 3)
    assert channel.bins == 6
