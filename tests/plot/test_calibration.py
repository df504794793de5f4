"""Critical values, coverage, toys and intervals as pictures."""

import numpy as np
import pytest

from npinfer.core import wilks
from npinfer.core.result import Calibration, Coverage, CoverageRow, Interval, Quantity, Segment, Tail, ToyEnsemble
from npinfer.errors import ConfigurationError, InferenceError
from npinfer.plot import plot_calibration, plot_coverage, plot_interval, plot_toys


def calibration(make, *sizes, **replaced):
    names = ("norm", "tilt", "third")[: len(sizes)]
    rng = np.random.default_rng(3)
    content = {
        "quantities": {n: Quantity(n, "GeV", f"${n[0]}$") for n in names},
        "grid": {n: np.linspace(0, 1, size) for n, size in zip(names, sizes, strict=True)},
        "settings": ("fit",),
        "statistic": np.sort(rng.chisquare(len(sizes), (*sizes, 1, 200)), axis=-1),
        "weights": np.zeros(0),
        "values": {},
        "failed": np.zeros(sizes),
        "allowed": np.ones(sizes),
        "n_toys": 200,
        "fixed": {},
    }
    return Calibration(**{**make.common(), **content, **replaced})


def test_critical_values_with_their_bands_and_wilks(make, printed):
    one = calibration(make, 5)
    figure, axes = plot_calibration(one)
    figure.draw_without_rendering()
    curves = {line.get_label(): line for line in axes.lines}
    for label, cl in (("68 %", 0.68), ("90 %", 0.90), ("95 %", 0.95)):
        np.testing.assert_array_equal(curves[label].get_ydata(), one.critical(cl))
    dashed = sorted(line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 2)
    np.testing.assert_allclose(dashed, [wilks.threshold(cl) for cl in (0.68, 0.90, 0.95)])
    assert "200 toys a point" in printed(figure)


def test_a_map_of_two_parameters(make):
    allowed = np.ones((4, 3))
    allowed[3, 2] = 0
    two = calibration(make, 4, 3, allowed=allowed)
    figure, axes = plot_calibration(two, cl=0.68)
    figure.draw_without_rendering()
    (mesh,) = axes.collections
    np.testing.assert_array_equal(np.ma.getmaskarray(mesh.get_array())[2, 3], True)
    assert "68 % joint (Wilks 2.28)" in figure.axes[1].get_ylabel()
    with pytest.raises(ConfigurationError, match="drawn for one or two parameters; this one has norm, tilt, third"):
        plot_calibration(calibration(make, 2, 2, 2))


def test_coverage_beside_its_level(make, printed):
    tail = Tail(0.7, 0.68, 0.72, 70, 100)
    rows = tuple(
        CoverageRow(setting, cl, 1.0, 0.01, tail, tail) for setting in ("fit", "flux +1σ") for cl in (0.68, 0.9)
    )
    content = {
        "quantity": Quantity("norm"),
        "quantities": {},
        "rows": rows,
        "truth": 1.0,
        "at": {"norm": 1.0},
        "shifts": {"flux +1σ": {"scale": 0.3}},
        "fixed": {},
        "n_toys": 100,
        "calibration": "by hand",
        "failed": {"fit": 1, "flux +1σ": 0},
    }
    found = Coverage(**{**make.common(), **content})
    figure, axes = plot_coverage(found)
    figure.draw_without_rendering()
    assert [t.get_text() for t in axes.get_yticklabels()] == ["fit", "flux +1σ"]
    levels = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert levels == [68.0, 90.0]
    assert "100 independent toys of each setting; critical values: by hand" in printed(figure)
    assert "1 of 100 toys of fit did not converge and count where they ended" in found.notes()


def test_toys_with_their_truth(make, printed):
    rng = np.random.default_rng(1)
    content = {
        "quantities": {"norm": Quantity("norm"), "tilt": Quantity("tilt")},
        "names": ("norm", "tilt"),
        "truth": {"norm": 2.0, "tilt": 0.0},
        "fixed": ("tilt",),
        "values": np.column_stack([rng.normal(2, 1, 100), np.zeros(100)]),
        "twice_nll": np.r_[np.zeros(99), np.inf],
        "saturated": np.zeros(100),
        "edm": np.zeros(100),
        "failed": np.zeros(100),
        "seeds": (3,),
    }
    ensemble = ToyEnsemble(**{**make.common(), **content})
    figure, frames = plot_toys(ensemble)
    figure.draw_without_rendering()
    assert list(frames) == ["norm"]
    assert frames["norm"].lines[0].get_xdata()[0] == 2.0
    assert "1 of 100 toys have probability zero at every start point: number 99" in printed(figure)
    with pytest.raises(InferenceError, match="every parameter was fixed"):
        plot_toys(ToyEnsemble(**{**make.common(), **content, "fixed": ("norm", "tilt")}))


@pytest.mark.parametrize("segments", [(Segment(0.5, 2.5),), (Segment(0.0, 0.4, True), Segment(1.0, 2.0)), ()])
def test_an_interval_on_its_profile(make, printed, segments):
    x = np.linspace(0, 4, 21)
    content = {
        "quantity": Quantity("norm", "GeV", "$g$"),
        "cl": 0.9,
        "threshold": 2.7,
        "best": 1.5,
        "segments": segments,
        "calibration": "by hand",
        "fixed": {},
        "curve": np.stack([x, (x - 1.5) ** 2, np.full(21, 2.7)]),
    }
    figure, axes = plot_interval(Interval(**{**make.common(), **content}))
    figure.draw_without_rendering()
    np.testing.assert_allclose(axes.lines[0].get_ydata(), (x - 1.5) ** 2)
    assert len(axes.patches) == len(segments)
    assert "90 % interval" in printed(figure)
    if segments:
        low, high = axes.get_xlim()
        assert low <= segments[0].lower
        assert high >= segments[-1].upper


def test_the_window_follows_the_interval_and_not_the_bounds(make):
    """An interval of a ten-thousandth of what the parameter may be fills most of the figure."""
    x = np.union1d(np.linspace(0, 1, 25), np.linspace(0, 3e-4, 33))
    content = {
        "quantity": Quantity("norm"),
        "cl": 0.9,
        "threshold": 2.7,
        "best": 0.0,
        "segments": (Segment(0.0, 1e-4, True),),
        "calibration": "by hand",
        "fixed": {},
        "curve": np.stack([x, 2.7e8 * x**2, np.full(x.size, 2.7)]),
    }
    _, axes = plot_interval(Interval(**{**make.common(), **content}))
    assert axes.get_xlim() == (0.0, pytest.approx(1.35e-4))
