"""Distributions of a test statistic: what is drawn are the toys, their tail, and χ² or half of it."""

import numpy as np
import pytest
from matplotlib.patches import Polygon
from scipy.stats import chi2

from npinfer.core.result import Contribution, GoodnessOfFit, Quantity, Significance, Tail
from npinfer.errors import ConfigurationError, InferenceError
from npinfer.plot import plot_gof, plot_significance, plot_significance_curve


def gof(make, toys=(), **replaced):
    toys = np.asarray(toys, dtype=float)
    content = {
        "statistic": 7.5,
        "degrees_of_freedom": 5,
        "fitted": 2,
        "p": float(chi2.sf(7.5, 5)),
        "contributions": (Contribution("a", 7.5, 7, 700.0, 690.0),),
        "toys": toys,
        "toy_p": Tail.count(toys, 7.5) if len(toys) else None,
        "valid": True,
    }
    return GoodnessOfFit(**{**make.common(), **content, **replaced})


def significance(make, toys=(), **replaced):
    toys = np.asarray(toys, dtype=float)
    content = {
        "quantity": Quantity("mu"),
        "null": 0.0,
        "best": 1.2,
        "q0": 4.0,
        "p": 0.02275,
        "z": 2.0,
        "at_bound": True,
        "expected_z": 1.5,
        "expected_at": {},
        "toys": toys,
        "toy_p": Tail.count(toys, 4.0) if len(toys) else None,
        "fixed": {},
        "valid": True,
    }
    return Significance(**{**make.common(), **content, **replaced})


def polygons(axes):
    """The filled tail and the outline of the toys."""
    return [p for p in axes.patches if isinstance(p, Polygon)]


def bin_width(patch):
    return np.diff(np.unique(patch.get_xy()[:, 0]))[0]


def area(patch):
    """Σ of the heights of a histogram's equal bins."""
    x, y = patch.get_xy().T
    return abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2 / bin_width(patch)


def legend(axes):
    return [t.get_text() for t in axes.get_legend().get_texts()]


def test_the_tail_holds_the_share_of_the_p_value(make):
    toys = chi2(5).rvs(400, random_state=3)
    _, axes = plot_gof(gof(make, toys))
    tail, outline = polygons(axes)
    assert area(tail) == pytest.approx(np.mean(toys >= 7.5))
    assert area(outline) == pytest.approx(1.0)
    (curve, line) = axes.lines
    assert line.get_xdata() == [7.5, 7.5]
    x, y = curve.get_data()
    np.testing.assert_allclose(y[5:], chi2.pdf(x[5:], 5) * bin_width(outline), rtol=2e-3)
    assert any("400 toys: p = " in text for text in legend(axes))


def test_chi_square_alone_is_a_density(make):
    _, axes = plot_gof(gof(make))
    assert polygons(axes) == []
    x, y = axes.lines[0].get_data()
    np.testing.assert_allclose(y, chi2.pdf(x, 5), rtol=2e-3, atol=1e-5)
    assert x.max() > chi2.isf(0.002, 5)
    assert axes.get_ylabel() == "density"


def test_chi_square_that_is_not_to_be_trusted_is_not_drawn(make, printed):
    sparse = (Contribution("a", 7.5, 7, 2.0, 3.0, 7, 7),)
    figure, axes = plot_gof(gof(make, [3.0, 5.0, 9.0], contributions=sparse))
    assert len(axes.lines) == 1
    assert "not to be trusted: 7 of 7 bins expect less than 1 event" in printed(figure)


def test_nothing_to_draw(make):
    with pytest.raises(InferenceError, match="no degree of freedom is left and there are no toys"):
        plot_gof(gof(make, degrees_of_freedom=0, p=float("nan")))
    with pytest.raises(InferenceError, match="no toys; ask for n_toys above 0"):
        plot_significance(significance(make))


def test_half_a_chi_square(make, printed):
    """The curve falls as half a χ² with one degree of freedom; toys at 0 fill the first bin."""
    toys = np.r_[np.zeros(60), chi2(1).rvs(60, random_state=1), np.inf]
    figure, axes = plot_significance(significance(make, toys))
    tail, outline = polygons(axes)
    assert area(outline) == pytest.approx(120 / 121)
    assert area(tail) == pytest.approx(np.mean((toys >= 4.0) & np.isfinite(toys)))
    x, y = axes.lines[0].get_data()
    np.testing.assert_allclose(y[50:], 0.5 * chi2.pdf(x[50:], 1) * bin_width(outline), rtol=5e-3)
    assert axes.get_yscale() == "log"
    assert "by toys p = " in printed(figure)


def test_an_infinite_statistic_is_drawn_in_words(make):
    figure, axes = plot_significance(significance(make, [0.0, 1.0, 2.5], q0=float("inf"), p=0.0, z=float("inf")))
    assert "observed data: q₀ = inf" in legend(axes)
    assert np.isfinite(axes.get_xlim()).all()
    figure.draw_without_rendering()


def test_z_along_a_configuration(make, printed):
    """What toys count has its interval where they reach the data and an arrow from its lower end where none does."""
    reached, beyond = chi2(1).rvs(400, random_state=1), np.zeros(50)
    results = [significance(make, reached), None, significance(make, beyond, z=3.0), significance(make, z=float("inf"))]
    figure, axes = plot_significance_curve("mass", np.array([1.0, 10.0, 50.0, 100.0]), results)
    figure.draw_without_rendering()
    assert axes.get_xscale() == "log"
    expected, observed = axes.lines[:2]
    np.testing.assert_array_equal(observed.get_ydata(), [2.0, np.nan, 3.0, np.nan])
    np.testing.assert_array_equal(expected.get_ydata(), [1.5, np.nan, 1.5, 1.5])
    point, _, (bars,) = axes.containers[0].lines
    z, lower, upper = results[0].toy_z
    np.testing.assert_allclose(point.get_xydata(), [[1.0, z]])
    np.testing.assert_allclose(bars.get_segments()[0][:, 1], [lower, upper])
    (arrow,) = [line for line in axes.lines if line.get_marker() == "^"]
    np.testing.assert_allclose(arrow.get_xydata(), [[50.0, results[2].toy_z[1]]])
    assert "no z at 2 of 4 values: gaps" in printed(figure)
    assert "local: nothing corrects for the number of values" in printed(figure)


def test_a_curve_of_z_needs_a_result_a_value(make):
    for results in ([], [significance(make)], [None, None]):
        with pytest.raises(ConfigurationError, match="as many results as values of mass, and one at least"):
            plot_significance_curve("mass", np.array([1.0, 2.0]), results)
