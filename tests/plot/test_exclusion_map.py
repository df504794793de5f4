"""The picture of what is excluded along a configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr

from npinfer.core.result import Exclusion, Segment
from npinfer.errors import ConfigurationError
from npinfer.plot import Overlay, plot_exclusion_map, save_figure
from tests.core.result.test_limit import EXCLUSION
from tests.plot.test_limit_curve import small

MASSES, GRID = np.array([1.0, 3.0, 10.0, 30.0]), np.geomspace(0.1, 100, 31)


def between(low: float, high: float) -> Exclusion:
    """An exclusion at 90 % of values between two, expected the same, ±2σ further out or in by factors of 1.5."""
    heights = lambda factor: 1.2816 - 3 * np.log(GRID / (low / factor)) * np.log(high * factor / GRID)
    p = [1 - ndtr(1.2816 * 2 - heights(f)) for f in (1.0, 1.5, 1.2, 1.0, 0.9, 0.8)]
    return replace(EXCLUSION, cl=0.9, grid=GRID, p=p[0], p_expected=np.stack(p[1:]), message="")


def outline(axes: object) -> np.ndarray:
    """The vertices of the observed edge."""
    (drawn,) = [c for c in axes.collections if getattr(c, "zorder", 0) == 5]  # type: ignore[attr-defined]
    return np.concatenate([path.vertices for path in drawn.get_paths()])


def test_the_edges_are_where_p_crosses(tmp_path: Path) -> None:
    found = [between(low, 20.0) for low in (0.5, 1.0, 2.0, 4.0)]
    figure, axes = plot_exclusion_map("mass", MASSES, found)
    edge = outline(axes)
    for mass, low in zip(MASSES, (0.5, 1.0, 2.0, 4.0), strict=True):
        there = edge[np.isclose(edge[:, 0], mass), 1]
        assert there.min() == pytest.approx(low, rel=0.1)
        assert there.max() == pytest.approx(20.0, rel=0.1)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    labels = [t.get_text() for t in axes.get_legend().get_texts()]
    assert labels == ["excluded", "expected edge, median", "expected edge ±1σ", "expected edge ±2σ"]
    assert "local: nothing corrects for their number" in small(figure)
    assert "between the 4 values of mass are interpolated" in " ".join(small(figure).split())
    assert save_figure(figure, tmp_path / "map.png").exists()


def test_gaps_are_said_and_others_are_drawn() -> None:
    found = [between(0.5, 20.0), None, between(1.0, 20.0), replace(between(2.0, 20.0), message="two fits failed")]
    overlay = Overlay("external: somebody, 1999", MASSES, MASSES)
    figure, axes = plot_exclusion_map("mass", MASSES, found, overlays=[overlay])
    assert "no answer at 1 of 4 values: drawn across" in small(figure)
    assert "two fits failed" in small(figure)
    assert axes.get_legend().get_texts()[-1].get_text() == "external: somebody, 1999"
    alone = plot_exclusion_map("mass", MASSES, [replace(e, p_expected=GRID[None][:0]) for e in found if e] + [None])[1]
    assert [t.get_text() for t in alone.get_legend().get_texts()] == ["excluded"]


def test_what_makes_no_map_is_refused() -> None:
    one = between(0.5, 20.0)
    with pytest.raises(ConfigurationError, match="one exclusion a value of mass, and two at least; found 1"):
        plot_exclusion_map("mass", MASSES[:2], [one, None])
    with pytest.raises(ConfigurationError, match="one exclusion a value of mass"):
        plot_exclusion_map("mass", MASSES, [one, one])
    with pytest.raises(ConfigurationError, match="exclusions of one parameter on one grid"):
        plot_exclusion_map("mass", MASSES[:2], [one, replace(one, grid=2 * GRID)])


def test_members_are_lines_of_their_least_values() -> None:
    found = [between(low, 20.0) for low in (0.5, 1.0, 2.0, 4.0)]
    alone = [replace(one, segments=(Segment(2.0 + i, 9.0),)) for i, one in enumerate(found)]
    never = [replace(one, segments=()) for one in found]
    _, axes = plot_exclusion_map("mass", MASSES, found, members={"alone": alone, "never": never})
    drawn = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
    np.testing.assert_array_equal(drawn["alone, excluded from here"], [2.0, 3.0, 4.0, 5.0])
    assert np.isnan(drawn["never, excluded from here"]).all()
    assert "alone, excluded from here" in [t.get_text() for t in axes.get_legend().get_texts()]
