"""What a number was made of."""

from __future__ import annotations

import platform

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npinfer.core.provenance import Description, Provenance, digest, versions

content = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), content, max_size=5))
def test_a_digest_does_not_depend_on_the_order_of_keys(mapping: dict) -> None:
    assert digest(mapping) == digest(dict(reversed(mapping.items())))
    assert len(digest(mapping)) == 64


def test_a_digest_tells_contents_apart() -> None:
    different = [{}, [], {"a": 1}, {"a": 1.5}, {"a": "1"}, {"b": 1}, [1, 2], [2, 1], None]
    assert len({digest(d) for d in different}) == len(different)


def test_versions_are_those_in_use() -> None:
    found = versions()
    assert found["numpy"] == np.__version__
    assert found["python"] == platform.python_version()
    assert set(found) >= {"npinfer", "scipy", "iminuit"}


def test_a_record_copies_the_digests_of_its_likelihood() -> None:
    description = Description("toy", digests={"spec": "abc"})
    record = Provenance.record(description, seed=3, command="npinfer fit toy")
    assert (record.digests, record.seed, record.command) == ({"spec": "abc"}, 3, "npinfer fit toy")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ({}, "toy · kind real · status illustrative"),
        ({"arxiv": "2011.03545", "doi": "10.1"}, "toy · kind real · status illustrative · arxiv:2011.03545, doi:10.1"),
    ],
)
def test_the_small_print_says_what_kind_of_numbers_these_are(reference: dict[str, str], said: str) -> None:
    assert Description("toy", reference=reference).small_print() == said
