"""Templates: what is drawn equals the counts of the result."""

import dataclasses

import numpy as np
import pytest
from matplotlib.patches import StepPatch
from scipy.stats import chi2, poisson

from npinfer.errors import ConfigurationError, DataError
from npinfer.plot import plot_templates
from npinfer.plot.projection import ONE_SIGMA, Projection, garwood
from npinfer.plot.templates import BANDS


def steps(axes, label):
    (patch,) = [p for p in axes.patches if isinstance(p, StepPatch) and p.get_label() == label]
    return patch.get_data()


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_garwood_is_the_chi_square_closed_form():
    counts, tail = np.array([1.0, 2.0, 7.0, 130.0]), 0.5 * (1 - ONE_SIGMA)
    low, high = garwood(counts)
    np.testing.assert_allclose(low, 0.5 * chi2.ppf(tail, 2 * counts), rtol=1e-12)
    np.testing.assert_allclose(high, 0.5 * chi2.ppf(1 - tail, 2 * (counts + 1)), rtol=1e-12)
    np.testing.assert_allclose(poisson.sf(counts - 1, low), tail, rtol=1e-9)


def test_garwood_of_nothing_and_of_less():
    low, high = garwood(np.array([0.0, -1.0]), cl=0.9)
    assert low[0] == 0.0
    assert high[0] == pytest.approx(-np.log(0.05))
    assert np.isnan([low[1], high[1]]).all()


@pytest.mark.parametrize(("axis", "other"), [("energy_gev", 1), ("cos_zenith", 0)])
def test_stack_ends_at_the_sum_of_the_samples(make, axis, other):
    result = make.fit()
    view = result.channels["deep_core"]
    figure, panels = plot_templates(result, axis=axis)
    figure.draw_without_rendering()
    muon = view.samples["muon"].reshape(3, 4).sum(axis=other)
    signal = view.samples["signal_one"].reshape(3, 4).sum(axis=other)
    below = steps(panels["deep_core"], "muon")
    above = steps(panels["deep_core"], "signal one")
    np.testing.assert_allclose(below.values, muon)
    np.testing.assert_allclose(below.baseline, 0.0)
    np.testing.assert_allclose(above.baseline, muon)
    np.testing.assert_allclose(above.values, muon + signal)
    np.testing.assert_array_equal(above.edges, view.axes[1 - other].edges)


@pytest.mark.parametrize(("expected", "scale"), [(0.01, "log"), (0.5, "linear")])
def test_an_expectation_far_below_the_data_is_seen(make, expected, scale):
    figure, panels = plot_templates(make.fit(channels={"a": make.counts([0, 1, 0, 0], [expected] * 4)}))
    figure.draw_without_rendering()
    assert panels["a"].get_yscale() == scale
    assert panels["a"].get_ylim()[0] < expected


def test_data_carry_garwood_intervals_and_empty_bins_an_upper_end(make):
    view = make.counts([0, 3, 11], [1.0, 4.0, 9.0])
    _, panels = plot_templates(make.fit(channels={"a": view}))
    (drawn,) = panels["a"].containers
    points, _, (bars,) = drawn.lines
    low, high = garwood(np.array([3.0, 11.0]))
    np.testing.assert_allclose(points.get_ydata(), [3.0, 11.0])
    np.testing.assert_allclose([s[:, 1] for s in bars.get_segments()], np.column_stack([low, high]))
    (empty,) = [line for line in panels["a"].lines if line.get_marker() == "v"]
    np.testing.assert_allclose(empty.get_xydata(), [[0.5, -np.log(0.5 * (1 - ONE_SIGMA))]])


def test_band_is_the_propagated_error(make):
    one = make.counts([1, 2, 0], [1.0, 2.0, -1.0], error=[0.3, 2.5, 0.5])
    _, panels = plot_templates(make.fit(channels={"one": one}))
    band = steps(panels["one"], BANDS["postfit"])
    np.testing.assert_allclose(band.values, [1.3, 4.5, -0.5])
    np.testing.assert_allclose(band.baseline, [0.7, 0.0, -1.5])


def test_error_of_a_sum_knows_the_correlations(make):
    view, result = make.view(3), make.fit()
    bins = view.slopes.T @ result.covariance @ view.slopes
    true = np.sqrt([bins[i : i + 4, i : i + 4].sum() for i in (0, 4, 8)])
    np.testing.assert_allclose(Projection.of(view, 0, result.covariance).error, true)


def test_projection_keeps_every_count(make):
    view = make.view()
    for position in (0, 1):
        projection = Projection.of(view, position, make.fit().covariance)
        assert projection.total.sum() == pytest.approx(sum(s.sum() for s in view.samples.values()))
        assert projection.observed.sum() == view.observed.sum()


def test_scales_follow_the_axis(make):
    _, panels = plot_templates(make.fit())
    assert (panels["deep_core"].get_xscale(), panels["deep_core"].get_yscale()) == ("log", "log")
    _, panels = plot_templates(make.fit(), axis="cos_zenith")
    assert (panels["deep_core"].get_xscale(), panels["deep_core"].get_yscale()) == ("linear", "linear")


def test_channels_without_the_axis_are_left_out(make):
    channels = {"with": make.view(), "without": make.counts([1], [1.0])}
    _, panels = plot_templates(make.fit(channels=channels), axis="cos_zenith")
    assert list(panels) == ["with"]
    with pytest.raises(ConfigurationError, match="did you mean 'cos_zenith'"):
        plot_templates(make.fit(channels=channels), axis="cos_zenit")


def test_ratio_is_data_over_expectation(make):
    view = make.counts([2, 6], [4.0, 3.0], error=[1.0, 0.3])
    figure, panels = plot_templates(make.fit(channels={"a": view}), ratio=True)
    figure.draw_without_rendering()
    (below,) = [a for a in figure.axes if a is not panels["a"]]
    np.testing.assert_allclose(below.containers[0].lines[0].get_ydata(), [0.5, 2.0])
    (band,) = below.patches
    np.testing.assert_allclose(band.get_data().values, [1.25, 1.1])


ODD = {
    "nothing seen": ([0, 0, 0], [0.1, 0.2, 0.3], None),
    "nothing at all": ([0, 0], [0.0, 0.0], None),
    "nothing expected": ([1, 0], [0.0, 0.0], None),
    "one bin": ([7], [5.5], None),
    "below zero": ([-0.2, 1.4], [-0.1, 1.0], [0.1, 0.1]),
    "no error": ([3, 1], [2.0, 1.0], [np.nan, 0.0]),
    "not whole": ([3.3, 0.02], [3.3, 0.02], None),
}


@pytest.mark.parametrize("logarithmic", [False, True])
def test_odd_counts_are_drawn_without_a_warning(make, logarithmic):
    views = {}
    for case, (observed, expected, error) in ODD.items():
        ends = tuple(np.geomspace(1.0, 1e4, len(observed) + 1).tolist()) if logarithmic else None
        views[case.replace(" ", "_")] = make.counts(observed, expected, error, edges=ends)
    figure, panels = plot_templates(make.fit(channels=views), ratio=not logarithmic)
    figure.draw_without_rendering()
    assert [axes.get_title() for axes in panels.values()] == list(ODD)
    assert all(np.isfinite(axes.get_ylim()).all() for axes in panels.values())
    low, high = panels["below_zero"].get_ylim()
    assert low < -0.2 < 1.4 < high


def test_legend_names_each_thing_once(make):
    views = {"a": make.counts([0, 1], [1.0, 2.0]), "b": make.view(), "c": make.view(1)}
    figure, panels = plot_templates(make.fit(channels=views))
    assert list(panels) == list(views)
    (legend,) = figure.legends
    said = [t.get_text() for t in legend.get_texts()]
    assert sorted(said[:3]) == sorted(["observed data", "empty bin (upper end)", BANDS["postfit"]])
    assert sorted(said[3:]) == ["all", "muon", "signal one"]


LONG = "A title that goes on for longer than the axes of a figure with one channel are wide, in a year"


@pytest.mark.parametrize("samples", [2, 24])
@pytest.mark.parametrize("title", ["Short", LONG])
@pytest.mark.parametrize("ratio", [False, True])
def test_no_part_of_a_figure_covers_another(make, samples, title, ratio):
    """The legend hangs beside the axes, below the title and above the small print, however many samples there are."""
    view = make.counts([3, 0], [1.0, 2.0])
    view = dataclasses.replace(view, samples={f"sample_{i}": np.array([1.0, 2.0]) for i in range(samples)})
    description = dataclasses.replace(make.description, title=title)
    figure, _ = plot_templates(make.fit(channels={"a": view}, description=description), ratio=ratio)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    boxes = [legend.get_window_extent(), *(text.get_window_extent() for text in figure.texts)]
    others = [*boxes, *(axes.get_tightbbox() for axes in figure.axes[:1])]
    assert len(others) == 4  # legend, title, small print and axes
    assert not any(box.overlaps(other) for i, box in enumerate(others) for other in others[:i])
    assert all(box.x0 >= 0 and box.y0 >= 0 for box in boxes)
    assert all(box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1 for box in boxes)


def test_legend_names_what_has_counts_and_the_small_print_the_rest(make, printed):
    view = make.counts([3, 4], [1.0, 2.0])
    counts = {"seen": [2.0, 4.0], "nothing": [0.0, 0.0], "next_to_nothing": [1e-5, 1e-5], "in_one_bin": [0.0, 1e-2]}
    view = dataclasses.replace(view, samples={name: np.array(n) for name, n in counts.items()})
    figure, _ = plot_templates(make.fit(channels={"a": view}))
    assert legend_of(figure) == ["observed data", BANDS["postfit"], "seen", "in one bin"]
    assert "below 0.01 % of every bin: nothing, next to nothing" in printed(figure)
    none = make.counts([0, 0], [0.0, 0.0])
    assert legend_of(plot_templates(make.fit(channels={"a": none}))[0]) == ["empty bin (upper end)", BANDS["postfit"]]


def test_samples_of_one_name_have_one_colour(make):
    view = make.counts([1], [1.0])
    one = dataclasses.replace(view, samples={"first.background": np.ones(1), "first.signal": np.ones(1)})
    two = dataclasses.replace(view, samples={"second.signal": np.ones(1)})
    figure, panels = plot_templates(make.fit(channels={"first.a": one, "second.a": two}))
    colours = [p.get_facecolor() for a in panels.values() for p in a.patches if p.get_label() == "signal"]
    assert colours[0] == colours[1]
    assert legend_of(figure).count("signal") == 1


def test_measurements_are_numbered(make):
    """One number after the other, where an axis only counts them."""
    view = dataclasses.replace(make.counts([0.9, 0.2], [1.0, 0.2]), sigma=np.full((2, 2), 0.1))
    _, panels = plot_templates(make.fit(channels={"a": view}))
    ticks = {label.get_text(): label.get_position()[0] for label in panels["a"].get_xticklabels()}
    assert ticks == {"1": 0.5, "2": 1.5}


def test_more_samples_than_colours_are_told_apart(make):
    view = make.counts([3], [1.0])
    view = dataclasses.replace(view, samples={f"s{i}": np.array([1.0 + i]) for i in range(12)})
    _, panels = plot_templates(make.fit(channels={"a": view}))
    stack = [p for p in panels["a"].patches if p.get_label().startswith("s")]
    assert len({(p.get_facecolor(), p.get_hatch()) for p in stack}) == 12


def test_before_the_fit(make, printed):
    """The pre-fit counts, with the band of their own covariance and its name."""
    before = make.counts([3, 5], [2.0, 4.0], error=[1.0, 0.4])
    one_parameter = dataclasses.replace(before, slopes=before.slopes[:1])
    result = make.fit(
        channels={"a": make.counts([3, 5], [3.0, 5.0])},
        prefit={"a": one_parameter},
        prefit_free=("norm",),
        prefit_covariance=np.array([[0.25]]),
    )
    figure, panels = plot_templates(result, stage="prefit")
    top, _, bottom = steps(panels["a"], BANDS["prefit"])
    np.testing.assert_allclose(top, [3.0, 4.4])
    np.testing.assert_allclose(bottom, [1.0, 3.6])
    assert "pre-fit: constrained parameters where they were measured" in printed(figure)
    with pytest.raises(DataError, match="saved without its pre-fit counts"):
        plot_templates(make.fit(), stage="prefit")


def test_what_was_measured_is_drawn_with_its_standard_deviations(make, printed):
    """Also at zero; of channels of the same name the owner is said."""
    sigma = np.array([[0.3, 0.5], [0.2, 0.1]])
    view = dataclasses.replace(make.counts([0.9, 0.0], [1.0, 0.2]), sigma=sigma)
    figure, panels = plot_templates(make.fit(channels={"one.ratio": view, "two.ratio": view, "two.other": view}))
    assert [axes.get_title() for axes in panels.values()] == ["one: ratio", "two: ratio", "other"]
    (drawn,) = panels["one.ratio"].containers
    points, _, (bars,) = drawn.lines
    np.testing.assert_allclose(points.get_ydata(), [0.9, 0.0])
    np.testing.assert_allclose([s[:, 1] for s in bars.get_segments()], [[0.7, 1.2], [-0.1, 0.5]])
    assert "its standard deviations" in printed(figure)
    assert "Poisson" not in printed(figure)
    assert "empty bin (upper end)" not in [t.get_text() for t in figure.legends[0].get_texts()]
