"""Comparisons: distributions, tails, and what cannot be drawn."""

from dataclasses import replace

import numpy as np
import pytest

from npinfer.core.result import ComparedModel, Comparison, Expectation, Pair, Tail
from npinfer.errors import InferenceError
from npinfer.plot import plot_comparison


@pytest.fixture
def compared(make):
    """A function that makes a comparison of models from the t of each pair's toys."""

    def build(toys, observed=(11.0, 10.0, 15.0)):
        names = tuple(toys)
        heights = dict(zip(names, observed, strict=False))
        lowest = min(heights.values())
        pairs = []
        for i, a in enumerate(names):
            for j, b in enumerate(names):
                if i != j:
                    t, tests, others = heights[a] - heights[b], *(toys[n][:, i] - toys[n][:, j] for n in (a, b))
                    tail = Tail.count(tests, t) if len(tests) else None
                    expected = Expectation.of(tests, others) if len(tests) else None
                    pairs.append(Pair(a, b, t, tail, {}, expected, 1.0, 1.0))
        return Comparison(
            **make.common(),
            models=tuple(ComparedModel(n, "", h, h - lowest, {}) for n, h in heights.items()),
            pairs=tuple(pairs),
            toys=toys,
            failed={n: dict.fromkeys(names, 0) for n in names},
            largest_edm=0.0,
        )

    return build


def normal(names=("pp", "p$gamma"), toys=400):
    rng = np.random.default_rng(0)
    return {n: rng.normal(size=(toys, len(names))) + 2.0 * (np.arange(len(names)) != i) for i, n in enumerate(names)}


def legend(axes):
    return [t.get_text() for t in axes.get_legend().get_texts()]


def test_distributions_observed_and_p_values(compared, printed):
    found = compared(normal())
    figure, axes = plot_comparison(found)
    figure.draw_without_rendering()
    said = legend(axes)
    assert said[0] == f"400 toys of pp: {found.pair('pp', 'p$gamma').p.describe()}"
    assert said[1] == rf"400 toys of p\$gamma: {found.pair('p$gamma', 'pp').p.describe()}"
    assert said[2] == "observed data: t = 1"
    (line,) = [line for line in axes.lines if line.get_label().startswith("observed")]
    assert list(line.get_xdata()) == [1.0, 1.0]
    assert axes.get_xlabel() == r"t = −2 ln [L(pp) / L(p\$gamma)]"
    assert [axes.get_title(loc=side) for side in ("left", "right")] == ["← pp fits better", r"p\$gamma fits better →"]
    text = printed(figure)
    assert "filled: toys of pp with t at or above" in text
    assert "infinite" not in text


def test_tails_lie_on_their_side_of_the_data(compared):
    found = compared(normal())
    _, axes = plot_comparison(found)
    tails = [p for p in axes.patches if not (p.get_label() or "").startswith("400")]
    width = np.diff(np.unique(axes.patches[1].get_xy()[:, 0]))[0]
    assert len(tails) == 2
    for patch, side, name, other in zip(tails, (1, -1), found.names, found.names[::-1], strict=True):
        x, y = patch.get_xy().T
        assert (side * (x[y > 0] - 1.0) > -1e-5).all()
        area = 0.5 * abs(x @ np.roll(y, 1) - y @ np.roll(x, 1))
        assert area / width == pytest.approx(found.pair(name, other).p.value, rel=1e-6)


def test_the_two_best_models_or_those_asked_for(compared):
    found = compared(normal(("a", "b", "c")))
    assert plot_comparison(found)[1].get_xlabel() == "t = −2 ln [L(a) / L(b)]"
    assert legend(plot_comparison(found, pair=("b", "a"))[1])[2] == "observed data: t = −1"
    assert plot_comparison(found, pair=("c", "a"))[1].get_xlabel() == "t = −2 ln [L(c) / L(a)]"
    with pytest.raises(InferenceError, match="unknown model 'd'"):
        plot_comparison(found, pair=("a", "d"))


def test_infinite_statistics_are_said_not_drawn(compared, printed):
    toys = normal(("a", "b"))
    toys["a"][:10, 1] = np.inf
    figure, _ = plot_comparison(compared(toys))
    figure.draw_without_rendering()
    assert "10 toys of a have an infinite t and are not drawn" in printed(figure)
    assert "10 of 400 toys of a have probability zero under b" in printed(figure)


@pytest.mark.parametrize("toys", [1, 50])
def test_toys_that_are_all_alike(compared, toys):
    found = compared({"a": np.zeros((toys, 2)), "b": np.zeros((toys, 2))}, (10.0, 10.0))
    figure, axes = plot_comparison(found)
    figure.draw_without_rendering()
    assert f"p > {found.pair('a', 'b').p.lower:.4g}: all of {toys} toys" in legend(axes)[0]


def test_without_toys_there_is_nothing_to_draw(compared):
    with pytest.raises(InferenceError, match="this comparison has no toys"):
        plot_comparison(replace(compared({n: np.zeros((0, 2)) for n in "ab"}), toys={}))
