"""Contours and triangles: the paths drawn are those of the result."""

import dataclasses

import numpy as np
import pytest
from matplotlib.patches import PathPatch

from npinfer.core.result import Region
from npinfer.errors import ConfigurationError
from npinfer.plot import plot_contour, plot_triangle
from npinfer.plot.triangle import to_triangle


def patches(axes):
    return {p.get_label(): p for p in axes.patches if isinstance(p, PathPatch) and " joint" in p.get_label()}


def legend(axes):
    return [t.get_text() for t in axes.get_legend().get_texts()]


def test_regions_are_drawn_as_they_are(make, square, printed):
    figure, axes = plot_contour(make.contour())
    drawn = patches(axes)
    np.testing.assert_array_equal(drawn["68 % joint"].get_path().vertices, square(0.3, 0.4))
    np.testing.assert_array_equal(drawn["95 % joint"].get_path().vertices, square(0.2, 0.5))
    assert drawn["68 % joint"].get_zorder() > drawn["95 % joint"].get_zorder()
    assert legend(axes) == ["68 % joint", "95 % joint", "best fit"]
    assert "joint probability enclosed: 68 %, 95 % (by hand)" in printed(figure)
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[0.35, 0.36]])


def test_a_hole_stays_open(make, square):
    region = Region(0.9, 4.6, (square(0.1, 0.9), square(0.4, 0.6, backwards=True)), False)
    figure, axes = plot_contour(make.contour(region))
    figure.set_dpi(50)
    image = pixels(figure)
    inside, hole = (tuple(image[at(figure, axes, p)]) for p in ((0.2, 0.5), (0.55, 0.5)))
    assert hole == (255, 255, 255)
    assert inside != hole


def pixels(figure):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def at(figure, axes, point):
    x, y = axes.transData.transform(point)
    return int(figure.bbox.height - y), int(x)


def test_several_are_overlaid_as_lines(make, printed):
    one = make.contour()
    two = make.contour(best={"f_e": 0.1, "f_mu": 0.2}, calibration="with toys")
    figure, axes = plot_contour([one, two], labels=("now", "later for $9"))
    assert list(patches(axes)) == [
        "now: 68 % joint",
        "now: 95 % joint",
        r"later for \$9: 68 % joint",
        r"later for \$9: 95 % joint",
    ]
    assert not any(p.get_facecolor()[3] for p in patches(axes).values())
    text = printed(figure)
    assert "(by hand)" in text
    assert "(with toys)" in text


def test_several_are_named_by_likelihood_and_data(make):
    figure, axes = plot_contour([make.contour(), make.contour(data_kind="asimov")])
    figure.draw_without_rendering()
    (box,) = figure.legends
    assert [t.get_text() for t in box.get_texts()][-1] == "toy_detector, asimov data: best fit"
    assert box.get_window_extent().x0 >= axes.get_window_extent().x1


def test_filled_can_be_chosen(make):
    _, axes = plot_contour(make.contour(), filled=False)
    assert not any(p.get_facecolor()[3] for p in patches(axes).values())
    _, axes = plot_contour([make.contour(), make.contour()], filled=True)
    assert all(p.get_facecolor()[3] for p in patches(axes).values())


def test_the_edge_of_the_grid_is_said(make, square, printed):
    cut = make.contour(Region(0.95, 5.99, (square(0.2, 0.5),), True))
    assert "the 95 % region ends at the edge of the grid" in printed(plot_contour(cut)[0])
    bound = make.contour(Region(0.95, 5.99, (square(0.0, 0.5),), True))
    assert "the 95 % region ends at the bounds of f_e and f_mu or the edge of the grid" in printed(
        plot_contour(bound)[0]
    )
    assert "region ends" not in printed(plot_contour(make.contour())[0])


def test_an_empty_region_is_said(make):
    for plot in (plot_contour, plot_triangle):
        figure, axes = plot(make.contour(Region(0.68, 2.28, (), False)))
        figure.draw_without_rendering()
        assert "68 % joint (empty)" in legend(axes)


def test_contours_of_other_parameters_are_refused(make):
    with pytest.raises(ConfigurationError, match="found f_e and f_mu; a and b"):
        plot_contour([make.contour(), make.contour(names=("a", "b"))])
    with pytest.raises(ConfigurationError, match="2 contours; found 1"):
        plot_contour([make.contour(), make.contour()], labels=["one"])
    with pytest.raises(ConfigurationError, match="at least one"):
        plot_contour([])


def test_triangle_puts_each_flavour_at_its_corner(make):
    _, axes = plot_triangle(make.contour())
    tau, mu, e = to_triangle(axes, make.contour(), np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
    assert tau[1] > max(mu[1], e[1])
    assert mu[0] < tau[0] < e[0]
    assert mu[1] == pytest.approx(e[1])


@pytest.mark.parametrize("names", [("f_e", "f_mu"), ("f_mu", "f_e")])
def test_triangle_draws_the_paths(make, names):
    contour = make.contour(names=names)
    _, axes = plot_triangle(contour)
    vertices = patches(axes)["68 % joint"].get_path().vertices
    back = axes.transProjection.inverted().transform(vertices)
    e, mu = (contour.regions[0].paths[0][:, names.index(n)] for n in ("f_e", "f_mu"))
    np.testing.assert_allclose(back, np.column_stack([1 - e - mu, mu, e]), atol=1e-12)


def test_triangle_draws_named_points(make, printed):
    points = {"pp at $1": (1 / 3, 1 / 3, 1 / 3), "neutron decay": (0.55, 0.18, 0.27)}
    figure, axes = plot_triangle(make.contour(), points=points)
    assert legend(axes) == ["68 % joint", "95 % joint", "best fit", r"pp at \$1", "neutron decay"]
    where = {line.get_label(): line.get_xydata()[0] for line in axes.lines}
    expected = axes.transProjection.transform([[0.27, 0.18, 0.55]])[0]
    np.testing.assert_allclose(where["neutron decay"], expected)
    assert "kind real" in printed(figure)


def test_triangle_refuses_what_is_not_a_composition(make):
    with pytest.raises(ConfigurationError, match="sum to 1"):
        plot_triangle(make.contour(), points={"half": (0.5, 0.5, 0.5)})
    with pytest.raises(ConfigurationError, match="found a and b"):
        plot_triangle(make.contour(names=("a", "b")))


def test_title_without_mathematics(make):
    contour = make.contour(description=dataclasses.replace(make.description, title=r"a $ b_{ \frac{ $"))
    figure, _ = plot_contour(contour)
    figure.draw_without_rendering()
    assert figure.get_suptitle() == r"a \$ b_{ \frac{ \$"
