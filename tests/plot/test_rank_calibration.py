"""Ranks of truths: a panel for each quantity, the band, faults in another colour."""

import numpy as np
import pytest

from npinfer.core.result import Quantity, RankCalibration, Uniformity
from npinfer.plot import plot_rank_calibration


@pytest.fixture
def ranked(make):
    """A function that makes a rank calibration from ranks (draws, quantities) below 20."""

    def build(ranks, **replaced):
        names = (*(f"toy.par_{i}" for i in range(ranks.shape[1] - 1)), "ln likelihood")
        content = {
            "quantities": {names[0]: Quantity(names[0], "GeV", "$g$")},
            "truths": np.zeros((len(ranks), ranks.shape[1] - 1)),
            "tests": {n: Uniformity.of(r, 20) for n, r in zip(names, ranks.T, strict=True)},
            "converged": (True,) * len(ranks),
        }
        common = {**make.common(), "data_kind": "toy", "priors": {}, "fixed": {"tilt": 0.5}, "lost": 0}
        return RankCalibration(**{**common, **content, **replaced}, names=names, n_ranks=20, ranks=ranks.astype(float))

    return build


def test_curves_and_band_are_those_of_the_result(ranked, printed):
    ranks = np.random.default_rng(0).integers(0, 20, (100, 3))
    ranks[:, 1] //= 2
    found = ranked(ranks)
    figure, panels = plot_rank_calibration(found)
    figure.draw_without_rendering()
    assert panels.shape == (3,)
    low, high = found.band()
    for axes, name in zip(panels, found.names, strict=True):
        (curve,) = [line for line in axes.lines if len(line.get_xdata()) == 21]
        np.testing.assert_allclose(curve.get_ydata()[1:-1], found.ecdf_difference(name))
        corners = axes.collections[0].get_paths()[0].vertices
        assert corners[:, 1].min() == pytest.approx(low.min())
        assert corners[:, 1].max() == pytest.approx(high.max())
    colours = [axes.lines[-1].get_color() for axes in panels]
    assert colours[0] == colours[2] != colours[1]
    assert [axes.texts[0].get_text() for axes in panels] == ["$g$", "par 1", "ln likelihood"]
    text = printed(figure)
    assert "toy.par_1: its draws lie too high; do not trust" in text
    assert "fixed: tilt = 0.5" in text
    assert "toy data" in text


@pytest.mark.parametrize(("count", "across"), [(2, 2), (4, 4), (5, 3), (8, 4), (13, 3)])
def test_panels_fill_the_figure(ranked, count, across):
    _, panels = plot_rank_calibration(ranked(np.random.default_rng(1).integers(0, 20, (50, count))))
    assert len(panels) == count
    assert len({round(axes.get_subplotspec().colspan.start) for axes in panels}) == across
    assert [bool(axes.get_xlabel()) for axes in panels] == [i >= count - across for i in range(count)]
