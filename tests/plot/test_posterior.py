"""Posteriors drawn: regions that enclose what they say, intervals, the profile on top."""

import matplotlib
import numpy as np
import pytest
from matplotlib.path import Path

from npinfer.core.result import Posterior, Quantity
from npinfer.errors import ConfigurationError, ParameterError
from npinfer.plot import plot_corner, plot_posterior, save_figure


@pytest.fixture
def posterior(make):
    """Two correlated normals and one exponential at its bound; f = norm²."""

    def build(replicas=2, steps=2000, **replaced):
        rng = np.random.default_rng(0)
        normal = rng.multivariate_normal([5.0, 1.0], [[1.0, 0.3], [0.3, 0.25]], (replicas, steps, 10))
        chains = np.concatenate([normal, rng.exponential(size=(replicas, steps, 10, 1))], axis=-1)
        names = ("norm", "toy.tilt", "edge")
        content = {
            "names": names,
            "quantities": {
                "norm": Quantity("norm", "1e-18 GeV^-1", r"$\Phi$", 0.0, 20.0),
                "toy.tilt": Quantity("toy.tilt", lower=-5.0, upper=5.0),
                "edge": Quantity("edge", lower=0.0, upper=30.0),
                "square": Quantity("square"),
            },
            "chains": chains,
            "log_probability": np.zeros(chains.shape[:3]),
            "derived": {"square": chains[:, ::4, :, 0] ** 2},
            "derived_stride": 4,
            "fixed": {"held": 1.5},
            "priors": {"norm": "flat in norm", "toy.tilt": "flat in tilt", "edge": "flat in edge**2"},
            "rhat": dict.fromkeys(names, 1.001),
            "ess": dict.fromkeys(names, 4000.0),
            "ess_tail": dict.fromkeys(names, 3000.0),
            "autocorrelation_time": dict.fromkeys(names, 10.0),
            "acceptance": 0.3,
            "burn_in": 50,
            "converged": True,
            "why": "converged: R-hat at most 1.0010; edge piles up at its lower bound 0",
        }
        return Posterior(**{**make.common(), **content, **replaced})

    return build


def enclosed(axes, draws):
    """The share of draws inside each contour, the widest first."""
    lines = [c for c in axes.collections if not c.get_fill()] or [axes.collections[-1]]
    return [
        np.any([Path(loop).contains_points(draws) for loop in path.to_polygons(closed_only=False)], axis=0).mean()
        for path in lines[-1].get_paths()
    ]


def test_regions_enclose_their_joint_probability(posterior):
    result = posterior(steps=8000)
    figure, axes = plot_corner(result, names=["norm", "tilt"], cl=(0.5, 0.9))
    assert axes.shape == (2, 2)
    np.testing.assert_allclose(enclosed(axes[1, 0], result.draws(["norm", "tilt"])), [0.9, 0.5], atol=0.015)
    words = [t.get_text() for t in figure.legends[0].get_texts()]
    assert words == ["50 % joint", "90 % joint", "50 % equal-tailed", "median"]


def test_corner_names_units_and_small_print(posterior, printed, tmp_path):
    figure, axes = plot_corner(posterior())
    figure.draw_without_rendering()
    assert axes[2, 0].get_xlabel() == "$\\Phi$\n[$10^{-18}\\,\\mathrm{GeV}^{-1}$]"
    assert axes[1, 0].get_ylabel() == "tilt"
    assert axes[2, 2].get_xlim()[0] == 0.0
    text = printed(figure)
    for words in (
        "kind real · status approximate",
        "priors: flat in edge**2; flat in each other parameter",
        "converged: R-hat at most 1.0010; edge piles up",
        "2 replicas × 2000 steps × 10 walkers, after 50 steps of burn-in",
        "fixed: held=1.5",
    ):
        assert words in text
    assert save_figure(figure, tmp_path / "corner.png").stat().st_size > 5000


def test_nothing_overlaps_the_small_print(posterior):
    for names in (["norm"], ["norm", "edge"], None):
        figure, axes = plot_corner(posterior(), names=names)
        figure.draw_without_rendering()
        (small,) = [t for t in figure.texts if t.get_gid() == "small print"]
        top = small.get_window_extent().y1
        assert all(a.xaxis.label.get_window_extent().y0 > top for a in axes[-1] if a.get_xlabel())


def test_derived_quantities_may_be_drawn(posterior):
    figure, axes = plot_corner(posterior(), names=["norm", "square"])
    figure.draw_without_rendering()
    assert axes[1, 1].get_xlabel() == "square"


def test_a_single_quantity_and_one_that_never_moved(posterior):
    figure, axes = plot_corner(posterior(), names=["edge"])
    figure.draw_without_rendering()
    assert axes.shape == (1, 1)
    assert [t.get_text() for t in axes[0, 0].get_legend().get_texts()] == ["68 % equal-tailed", "median"]
    stuck = posterior().chains.copy()
    stuck[..., 1] = 2.0
    figure, _ = plot_corner(posterior(chains=stuck))
    figure.draw_without_rendering()
    figure, _ = plot_posterior(posterior(chains=stuck), "tilt")
    figure.draw_without_rendering()


def test_marginal_with_its_interval(posterior, printed):
    result = posterior()
    figure, axes = plot_posterior(result, "edge", cl=0.9)
    figure.draw_without_rendering()
    low, high = result.interval("edge", 0.9)
    words = [t.get_text() for t in axes.get_legend().get_texts()]
    assert words[0] == "posterior"
    assert f"90 % equal-tailed: {low:.3g} to {high:.3g}" in words
    assert f"median {np.median(result.samples('edge')):.3g}" in words
    assert "prior: flat in edge**2" in printed(figure)
    outline, shade = axes.patches
    assert outline.get_data().values.max() == 1.0
    assert (shade.get_data().edges[0], shade.get_data().edges[-1]) == (low, high)


def test_the_profile_is_drawn_on_top(posterior, make):
    x = np.linspace(2.0, 8.0, 13)
    height = (x - 5.0) ** 2
    height[0] = np.nan
    _, axes = plot_posterior(posterior(), "norm", scan=make.scan(x, height))
    (line,) = [line for line in axes.lines if line.get_label().startswith("profile")]
    np.testing.assert_array_equal(line.get_ydata(), np.exp(-0.5 * height))
    with pytest.raises(ConfigurationError, match="is one of edge; found norm"):
        plot_posterior(posterior(), "edge", scan=make.scan(x, height))


@pytest.mark.parametrize("cl", [(68,), (0.0,), ()])
def test_levels_that_are_no_probability(posterior, cl):
    with pytest.raises(ConfigurationError, match="cl"):
        plot_corner(posterior(), cl=cl)


def test_names_that_cannot_be_drawn(posterior):
    with pytest.raises(ParameterError, match="unknown sampled quantity 'nor'"):
        plot_corner(posterior(), names=["nor"])
    with pytest.raises(ConfigurationError, match="different quantities; found norm, norm"):
        plot_corner(posterior(), names=["norm", "norm"])


def test_matplotlib_is_left_as_it_was(posterior):
    before = dict(matplotlib.rcParams)
    plot_corner(posterior(), names=["norm", "edge"])
    plot_posterior(posterior(), "norm")
    assert dict(matplotlib.rcParams) == before
