"""The ranking plot: bars are the shifts, points the pulls, strongest on top."""

import numpy as np
import pytest

from npinfer.core.result import Impact, Impacts, Part, Quantity
from npinfer.errors import InferenceError
from npinfer.plot import plot_impacts

NAN = float("nan")
ROWS = (
    Impact("toy.scale", 1.1, 0.2, 0.4, 0.5, -0.3, 0.25, -0.6, 0.5),
    Impact("slope", 2.0, 0.1, NAN, NAN, 0.1, -0.1, NAN, NAN),
    Impact("toy.stuck", 0.0, NAN, NAN, NAN, NAN, 0.05, NAN, NAN, "at its lower bound 0: one-sided"),
    Impact("toy.idle", 1.0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, "not identified by these data"),
)


def result(make, **replaced):
    content = {
        "quantities": {n: Quantity(n) for n in ("mu", "toy.scale", "slope", "toy.stuck", "toy.idle")},
        "poi": "mu",
        "best": 1.0,
        "down": 0.5,
        "up": 0.6,
        "parameters": ROWS,
        "groups": (Part("flux", ("toy.scale",), 0.3, 0.25), Part("other", ("slope",), NAN, 0.1)),
        "statistical": Part("statistical", (), 0.4, 0.5),
        "systematic": Part("nuisance parameters", ("toy.scale", "toy.stuck"), 0.3, 0.33),
        "fixed": {},
        "valid": True,
    }
    return Impacts(**{**make.common(), **content, **replaced})


def widths(container):
    return [patch.get_width() for patch in container]


def test_bars_are_the_shifts(make):
    _, panels = plot_impacts(result(make))
    down, before_down, up, before_up = panels["impacts"].containers
    assert widths(down) == [-0.3, 0.1, 0.0, 0.0]
    assert widths(up) == [0.25, -0.1, 0.05, 0.0]
    assert widths(before_down) == [-0.6, 0.0, 0.0, 0.0]
    assert widths(before_up) == [0.5, 0.0, 0.0, 0.0]
    heights = [patch.get_y() + 0.5 * patch.get_height() for patch in down]
    np.testing.assert_allclose(heights, [0, -1, -2, -3])
    assert [t.get_text().strip() for t in panels["impacts"].texts] == ["no shift"]
    low, high = panels["groups"].containers
    assert widths(low) == [-0.3, 0.0, -0.4, -0.3]
    assert widths(high) == [0.25, 0.1, 0.5, 0.33]


def test_pulls_stand_beside_their_parameters(make):
    _, panels = plot_impacts(result(make))
    (container,) = panels["pulls"].containers
    line, _, (errors,) = container
    np.testing.assert_array_equal(line.get_xdata()[:1], [0.4])
    np.testing.assert_allclose(errors.get_segments()[0][:, 0], [-0.1, 0.9])
    assert [t.get_text() for t in panels["pulls"].texts] == ["no constraint"] * 3
    assert [t.get_text() for t in panels["pulls"].get_yticklabels()] == ["scale", "slope", "stuck", "idle"]


def test_words_go_with_the_picture(make, printed):
    figure, panels = plot_impacts(result(make), longest=3)
    said = printed(figure)
    assert "1 weaker parameters are in the table" in said
    assert "stuck: at its lower bound 0: one-sided" in said
    assert "not calibrated with toys" in said
    assert len(panels["impacts"].containers[0]) == 3


def test_an_axis_as_wide_as_the_shifts(make):
    """A parameter of interest at its bound has shifts to one side only."""
    one_sided = tuple(Impact(p.name, 1, 1, NAN, NAN, 0.0, abs(p.up), NAN, NAN) for p in ROWS[:2])
    part = Part("statistical", (), NAN, 0.5)
    found = result(make, down=NAN, parameters=one_sided, groups=(), statistical=part, systematic=part)
    _, panels = plot_impacts(found)
    low, high = panels["groups"].get_xlim()
    assert -low < 0.15 * high
    assert high > 0.6


def test_nothing_to_rank(make):
    with pytest.raises(InferenceError, match="no parameter but mu is free"):
        plot_impacts(result(make, parameters=()))
