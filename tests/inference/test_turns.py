"""The order in which neighbouring problems are taken, and where they start."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from npinfer.inference.turns import turns


@given(count=st.integers(1, 70))
def test_every_problem_has_one_turn_and_lies_between_known_ones(count: int) -> None:
    seen: list[int] = []
    for turn in turns(np.zeros((count, 1))):
        if seen:
            assert set(turn.low.tolist()) | set(turn.high.tolist()) <= set(seen)
            assert ((turn.low < turn.rows) & (turn.rows < turn.high)).all()
        seen += turn.rows.tolist()
    assert sorted(seen) == list(range(count))


@given(count=st.integers(3, 70), seed=st.integers(0, 2**32 - 1))
def test_what_changes_evenly_along_a_line_is_met(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    along = np.sort(rng.uniform(0, 1, count))[:, None]
    at, values = along * rng.normal(size=3), 2.0 + along * rng.normal(size=4)
    for turn in turns(at):
        if turn.rows[0]:
            assert turn.inside.all()
            np.testing.assert_allclose(turn.between(values), values[turn.rows], atol=1e-9)


def test_what_is_beyond_or_aside_is_not_inside() -> None:
    """Of rows of a grid that follow each other, or a grid that does not rise."""
    beyond = [[0.0, 0.0], [3.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [2.0, 0.0], [1.0, 0.0]], [[8.0], [0.0], [12.0]]
    for places in beyond:
        first, turn = turns(np.array(places))
        assert not first.inside.any()
        assert turn.rows.tolist() == [1]
        assert not turn.inside.any()
        assert turn.share.tolist() == [0.0]
    (_, turn) = turns(np.array([[0.0, 0.0], [1.0, 0.1], [4.0, 0.0]]))
    assert turn.inside.all()
    assert turn.share.tolist() == [0.25]
