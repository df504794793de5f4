"""Profiles: the curve, its gaps and its thresholds."""

import numpy as np
import pytest
from scipy.stats import chi2

from npinfer.errors import ConfigurationError
from npinfer.plot import plot_profile

X = np.linspace(0.0, 3.0, 13)


def curve(axes):
    (line,) = [line for line in axes.lines if line.get_label() == "profile likelihood"]
    return line


def test_curve_thresholds_and_best_fit(make):
    height = (X - 1.5) ** 2 * 4
    figure, axes = plot_profile(make.scan(X, height), cl=(0.68, 0.9))
    figure.draw_without_rendering()
    np.testing.assert_array_equal(curve(axes).get_xydata(), np.column_stack([X, height]))
    levels = sorted(line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--")
    np.testing.assert_allclose(levels, chi2.ppf([0.68, 0.9], 1))
    assert [t.get_text() for t in axes.texts] == ["68 %", "90 %"]
    (best,) = [line for line in axes.lines if line.get_label().startswith("best fit")]
    np.testing.assert_array_equal(best.get_xydata(), [[1.5, 0.0]])
    assert axes.get_ylim()[1] > levels[-1]


def test_axis_is_named_by_the_quantity(make):
    _, axes = plot_profile(make.scan(X, X))
    assert axes.get_xlabel() == r"$g$ [$\mathrm{GeV}$]"


def test_gaps_are_left_open_and_said(make, printed):
    height = (X - 1.5) ** 2
    height[[2, 3]], height[-1] = np.nan, np.inf
    figure, axes = plot_profile(make.scan(X, height))
    drawn = curve(axes).get_ydata()
    np.testing.assert_array_equal(np.isnan(drawn), ~np.isfinite(height))
    text = printed(figure)
    assert "2 of 13 points not computed" in text
    assert "1 of 13 points not allowed" in text
    assert "Wilks" in text


@pytest.mark.parametrize("height", [np.full(13, np.nan), np.full(13, np.inf), np.zeros(13), 1e6 * X])
def test_odd_heights_are_drawn_without_a_warning(make, height):
    figure, axes = plot_profile(make.scan(X, height))
    figure.draw_without_rendering()
    assert axes.get_ylim()[1] < 15


def test_a_geometric_grid_gets_a_logarithmic_axis(make):
    _, axes = plot_profile(make.scan(np.geomspace(1e-4, 10, 9), np.ones(9)))
    assert axes.get_xscale() == "log"
    _, axes = plot_profile(make.scan(np.linspace(0.1, 10, 9), np.ones(9)))
    assert axes.get_xscale() == "linear"


def test_a_best_fit_outside_the_grid_is_said(make):
    figure, axes = plot_profile(make.scan(X, X, best={"norm": -2.0}))
    figure.draw_without_rendering()
    assert "best fit -2, outside the grid" in [t.get_text() for t in axes.get_legend().get_texts()]
    assert axes.get_xlim() == (0.0, 3.0)


def test_marks_are_lines_and_bands_with_their_values(make):
    marks = {"pp": (0.17, 0.15, 0.2), "none $": 0.0, "far": 9.0}
    figure, axes = plot_profile(make.scan(X, X), marks=marks)
    figure.draw_without_rendering()
    lines = {line.get_label(): line for line in axes.lines}
    assert lines["pp: 0.17"].get_xdata()[0] == 0.17
    assert lines["none \\$: 0"].get_xdata()[0] == 0.0
    assert not lines["none \\$: 0"].get_clip_on()
    assert lines["far: 9, outside the grid"].get_clip_on()
    (band,) = axes.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((0.15, 0.2))
    assert axes.get_xlim() == (0.0, 3.0)


def test_one_point(make):
    figure, _ = plot_profile(make.scan([1.0], [0.3]))
    figure.draw_without_rendering()


def test_two_parameters_are_refused(make):
    grid = {"a": np.arange(2.0), "b": np.arange(2.0)}
    with pytest.raises(ConfigurationError, match="a, b: draw its contour"):
        plot_profile(make.scan([0.0], np.zeros((2, 2)), grid=grid))


def test_a_percentage_is_refused(make):
    with pytest.raises(ConfigurationError, match="found 68"):
        plot_profile(make.scan(X, X), cl=(68,))
