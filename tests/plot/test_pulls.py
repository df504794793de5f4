"""Pulls and correlations."""

import numpy as np
import pytest

from npinfer.core.result import Quantity
from npinfer.errors import InferenceError
from npinfer.plot import plot_correlations, plot_pulls


def test_pulls_are_drawn_by_group(make):
    _, axes = plot_pulls(make.fit())
    points = axes.containers[0].lines[0]
    np.testing.assert_array_equal(points.get_xdata(), [0.4, 0.3, -0.7])
    ticks = dict(zip(axes.get_yticks(), (t.get_text() for t in axes.get_yticklabels()), strict=True))
    assert list(ticks.values()) == ["flux", "scale", "shape up", "other", "tilt"]
    assert [ticks[y] for y in points.get_ydata()] == ["scale", "shape up", "tilt"]


def test_no_group_has_no_heading(make):
    """Where none is declared there is nothing to tell apart."""
    quantities = {name: Quantity(name) for name in make.fit().quantities}
    _, axes = plot_pulls(make.fit(quantities=quantities))
    assert [t.get_text() for t in axes.get_yticklabels()] == ["scale", "shape up", "tilt"]


def test_errors_after_the_fit(make):
    _, axes = plot_pulls(make.fit())
    (bars,) = axes.containers[0].lines[2]
    ends = [s[:, 0] for s in bars.get_segments() if len(s)]
    np.testing.assert_allclose(ends[:2], [[-0.1, 0.9], [-0.6, 1.2]])


def test_a_large_pull_stays_in_the_picture(make):
    figure, axes = plot_pulls(make.fit(pulls={"tilt": -7.5, "toy.scale": np.nan}))
    figure.draw_without_rendering()
    low, high = axes.get_xlim()
    assert low < -7.5
    assert high == -low


def test_bands_of_one_and_two(make):
    _, axes = plot_pulls(make.fit())
    assert [(p.get_x(), p.get_width()) for p in axes.patches] == [(-2, 4), (-1, 2)]


def test_correlations_are_those_of_the_result(make):
    result = make.fit()
    figure, axes = plot_correlations(result)
    figure.draw_without_rendering()
    (image,) = axes.images
    np.testing.assert_allclose(image.get_array(), result.correlation())
    assert image.get_clim() == (-1, 1)
    assert [t.get_text() for t in axes.get_yticklabels()] == [r"$\Phi_0$", "scale", "shape up"]
    assert axes.texts[1].get_text() == "−0.60"


def test_an_undefined_correlation_is_left_blank(make):
    figure, axes = plot_correlations(make.fit(covariance=np.diag([1.0, 0.0, 1.0])))
    figure.draw_without_rendering()
    assert len(axes.texts) == 4


def test_many_parameters_have_no_numbers(make):
    names = tuple(f"toy.p{i}" for i in range(30))
    quantity = make.fit().quantities["tilt"]
    result = make.fit(free=names, covariance=np.eye(30), quantities=dict.fromkeys(names, quantity))
    figure, axes = plot_correlations(result)
    figure.draw_without_rendering()
    assert not axes.texts


def test_nothing_to_draw_is_refused(make):
    with pytest.raises(InferenceError, match="no constrained parameter"):
        plot_pulls(make.fit(pulls={}))
    with pytest.raises(InferenceError, match="no parameter was free"):
        plot_correlations(make.fit(free=(), covariance=np.zeros((0, 0))))
