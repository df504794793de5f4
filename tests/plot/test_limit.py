"""Pictures of limits and exclusions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from npinfer.errors import ConfigurationError
from npinfer.plot import plot_exclusion, plot_limit, plot_limit_curve, save_figure
from npinfer.plot.style import SMALL_PRINT
from tests.core.result.test_limit import EXCLUSION, LIMIT


def labels(axes: object) -> list[str]:
    return axes.get_legend_handles_labels()[1]  # type: ignore[attr-defined]


def small(figure: object) -> str:
    return " ".join(t.get_text() for t in figure.findobj() if t.get_gid() == SMALL_PRINT)  # type: ignore[attr-defined]


def test_a_limit_shows_p_its_bands_and_where_it_crosses(tmp_path: Path) -> None:
    figure, axes = plot_limit(LIMIT)
    assert labels(axes) == ["expected ±2σ", "expected ±1σ", "expected median", "observed", "limit 1.25"]
    observed = next(line for line in axes.lines if line.get_label() == "observed")
    np.testing.assert_array_equal(observed.get_xydata(), np.stack([LIMIT.tested, LIMIT.p], axis=1))
    marked = next(line for line in axes.lines if line.get_label() == "limit 1.25")
    np.testing.assert_allclose(marked.get_xydata(), [[1.25, 0.1]])
    assert "not calibrated with toys" in small(figure)
    assert "expected: from Asimov data" in small(figure)
    assert save_figure(figure, tmp_path / "limit.png").stat().st_size > 10_000


def test_without_limit_or_expectation_nothing_is_marked() -> None:
    bare = replace(LIMIT, observed=np.inf, p_expected=np.zeros((0, 3)), expected_from="")
    assert labels(plot_limit(bare)[1]) == ["observed"]
    with pytest.raises(ConfigurationError, match="nothing to draw"):
        plot_limit(replace(LIMIT, tested=np.zeros(0)))


def test_an_exclusion_shows_its_segments() -> None:
    figure, axes = plot_exclusion(EXCLUSION)
    bars = {line.get_label(): line.get_xdata() for line in axes.lines}
    np.testing.assert_allclose(bars["excluded"], [0.5, 1.5])
    np.testing.assert_allclose(bars["expected to be excluded"], [0.6, 1.6])
    assert axes.get_ylabel() == "p of signal and background"
    assert "beyond the grid" in small(figure)


def test_a_curve_has_gaps_where_there_is_no_limit() -> None:
    limits = [LIMIT, replace(LIMIT, observed=np.inf, expected=np.full(5, np.inf)), replace(LIMIT, observed=30.0)]
    figure, axes = plot_limit_curve("mass", np.array([1.0, 5.0, 20.0]), limits)
    observed = next(line for line in axes.lines if line.get_label() == "observed")
    np.testing.assert_array_equal(observed.get_ydata(), [1.25, np.nan, 30.0])
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert "no limit at 1 of 3 values: gaps" in small(figure)
    assert "local" in small(figure)
    with pytest.raises(ConfigurationError, match="as many limits as values of mass"):
        plot_limit_curve("mass", np.array([1.0]), limits)


def test_a_curve_without_any_limit_is_still_drawn() -> None:
    none = replace(LIMIT, observed=np.inf, expected=np.full(5, np.nan))
    figure, _ = plot_limit_curve("mass", np.array([1.0, 2.0]), [none, none])
    assert "no limit at 2 of 2 values" in small(figure)
