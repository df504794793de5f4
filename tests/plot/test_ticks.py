"""Ticks of logarithmic axes: enough of them, and none over another."""

import dataclasses

import numpy as np
import pytest
from matplotlib.figure import Figure

from npinfer.core.axis import Axis
from npinfer.plot import plot_templates
from npinfer.plot.ticks import log_scale

ENDS = [(2.0, 35.0), (5.0, 60.0), (1.1, 95.0), (0.02, 0.9), (6e4, 9e5), (1.2e6, 8e7), (3e-8, 4e-7), (1.0, 1e7)]


def labels(axis):
    """{value: box} of the labels that are seen, those of minor ticks too."""
    low, high = axis.get_view_interval()
    ticks = [t for t in (*axis.get_major_ticks(), *axis.get_minor_ticks()) if low <= t.get_loc() <= high]
    return {t.get_loc(): t.label1.get_window_extent() for t in ticks if t.label1.get_text()}


@pytest.mark.parametrize("ends", ENDS)
def test_labels_do_not_overlap_in_a_narrow_panel(make, ends):
    """The ends of recoils, photo-electrons and energies, on figures of one and of three channels."""
    view = make.counts([5, 3, 1], [4.0, 3.0, 2.0], edges=tuple(np.geomspace(*ends, 4).tolist()))
    view = dataclasses.replace(view, axes=(Axis("energy_gev", view.axes[0].edges),))
    for channels in (["a"], ["a", "b", "c"]):
        figure, panels = plot_templates(make.fit(channels=dict.fromkeys(channels, view)))
        figure.draw_without_rendering()
        for panel in panels.values():
            boxes = list(labels(panel.xaxis).values())
            assert len(boxes) >= 2
            assert not any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[:i])


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((2.0, 35.0), ["2", "5", "10", "20"]),
        ((1.1, 95.0), ["3", "10", "30"]),
        ((6e4, 9e5), [r"$\mathdefault{10^{5}}$", r"$\mathdefault{2\times10^{5}}$", r"$\mathdefault{5\times10^{5}}$"]),
        ((1e3, 1e5), [rf"$\mathdefault{{10^{{{n}}}}}$" for n in (3, 4, 5)]),
    ],
)
def test_numbers_between_powers_of_ten_where_there_are_few(ends, expected):
    axes = Figure().add_subplot(xlim=ends)
    log_scale(axes.xaxis)
    low, high = ends
    assert [t.get_text() for t in axes.get_xticklabels() if low <= t.get_position()[0] <= high] == expected
