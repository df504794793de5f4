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


def test_only_what_was_observed_is_called_so() -> None:
    forecast = replace(LIMIT, data_kind="asimov")
    assert labels(plot_limit(forecast)[1])[3] == "asimov data"
    _, axes = plot_limit_curve("m_zprime", np.array([1.0, 2.0]), [forecast] * 2, members={"a": [forecast] * 2})
    assert labels(axes)[-2:] == ["joint, asimov data", "a, asimov data"]
