"""Pictures of limits along a mass: alone, with members, and with the curves of others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from npinfer.core.provenance import Description
from npinfer.core.result import Limit, Segment
from npinfer.errors import ConfigurationError, DataError
from npinfer.plot import Overlay, external_curve, plot_limit_curve, save_figure
from npinfer.plot.style import SMALL_PRINT
from tests.core.result.test_limit import EXCLUSION, LIMIT

MASSES = np.array([1.0, 5.0, 20.0])
BANDS = np.array([0.5, 0.7, 1.0, 1.5, 2.0])


def labels(axes: object) -> list[str]:
    return axes.get_legend_handles_labels()[1]  # type: ignore[attr-defined]


def line(axes: object, label: str) -> np.ndarray:
    return next(found for found in axes.lines if found.get_label() == label).get_xydata()  # type: ignore[attr-defined]


def small(figure: object) -> str:
    return " ".join(t.get_text() for t in figure.findobj() if t.get_gid() == SMALL_PRINT)  # type: ignore[attr-defined]


def limits(scale: float = 1.0) -> list:
    return [replace(LIMIT, observed=scale * m, expected=scale * m * BANDS) for m in MASSES]


def test_a_curve_has_gaps_where_there_is_no_limit() -> None:
    some = [LIMIT, replace(LIMIT, observed=np.inf, expected=np.full(5, np.inf)), replace(LIMIT, observed=30.0)]
    figure, axes = plot_limit_curve("mass", MASSES, some)
    np.testing.assert_array_equal(line(axes, "observed")[:, 1], [1.25, np.nan, 30.0])
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert "no limit at 1 of 3 values: gaps" in small(figure)
    assert "local" in small(figure)
    for values, few in ((MASSES[:1], some), (MASSES[:0], [])):
        with pytest.raises(ConfigurationError, match="as many limits as values of mass"):
            plot_limit_curve("mass", values, few)


def test_a_band_without_an_upper_edge_reaches_the_top() -> None:
    """Below the top, axes are where they are without it; a band without a lower edge has a gap."""
    edges = [BANDS, BANDS, [0.5, np.inf, np.inf, np.inf, np.inf]]
    some = [replace(v, expected=v.observed * np.array(e)) for v, e in zip(limits(), edges, strict=True)]
    figure, axes = plot_limit_curve("mass", MASSES, some)
    finite = [v.observed for v in some] + [e for v in some for e in v.expected if np.isfinite(e)]
    low, high = axes.get_ylim()
    assert 0.7 * min(finite) < low < min(finite) < max(finite) < high < 1.4 * max(finite)
    outer, inner = (found.get_paths()[0] for found in axes.collections)
    seen = outer.transformed(axes.transData)
    at_the_top = [bool(seen.contains_point(axes.transData.transform((x, 0.99 * high)))) for x in (1.1, 4.9, 19.0)]
    assert at_the_top == [False, False, True]
    assert inner.vertices[:, 0].max() == 5.0
    lone = [replace(v, observed=np.inf, expected=np.array([0.5, *[np.inf] * 4])) for v in some]
    assert plot_limit_curve("mass", MASSES, lone)[1].get_ylim()[1] < 1.0
    assert "a band reaches the top where its upper edge has no limit" in small(figure)
    assert "reaches the top" not in small(plot_limit_curve("mass", MASSES, limits())[0])


def test_a_curve_without_any_limit_is_still_drawn() -> None:
    none = replace(LIMIT, observed=np.inf, expected=np.full(5, np.nan))
    figure, _ = plot_limit_curve("mass", np.array([1.0, 2.0]), [none, none])
    assert "no limit at 2 of 2 values" in small(figure)


def test_a_single_value_is_a_point() -> None:
    _, axes = plot_limit_curve("mass", MASSES[1:2], [LIMIT])
    np.testing.assert_array_equal(line(axes, "observed"), [[5.0, 1.25]])
    assert axes.get_xlim()[0] < 5.0 < axes.get_xlim()[1]


def test_messages_that_differ_in_numbers_are_printed_once() -> None:
    said = ("about 2 events decide", "about 1.9e-3 events decide", "something else")
    figure, _ = plot_limit_curve("mass", MASSES, [replace(v, message=m) for v, m in zip(limits(), said, strict=True)])
    assert "about 2 events decide (alike at 2 of 3 values)" in small(figure)
    assert "1.9e-3" not in small(figure)
    assert "something else" in small(figure)


def test_axes_are_named_as_the_likelihood_declares_them() -> None:
    assert plot_limit_curve("m_zprime", MASSES, limits())[1].get_xlabel() == "m zprime"
    told = Description("thing", labels={"m_zprime": (r"$m_{Z^\prime}$", "GeV")}, notes=("the efficiency is assumed",))
    some = [Limit.from_dict(replace(v, description=told).to_dict()) for v in limits()]
    figure, axes = plot_limit_curve("m_zprime", MASSES, some)
    assert axes.get_xlabel() == r"$m_{Z^\prime}$ [$\mathrm{GeV}$]"
    assert "the efficiency is assumed" in small(figure)


def test_members_are_drawn_beside_the_joint_limit(tmp_path: Path) -> None:
    """Limits as they are; of exclusions the least value, and the ends of what is allowed above it."""
    pieces = (Segment(2.0, 3.0), Segment(4.0, 5.0, False, True))
    whole = replace(EXCLUSION, segments=(Segment(1.0, 9.0),))
    exclusions = [replace(EXCLUSION, segments=pieces), whole, replace(EXCLUSION, segments=())]
    figure, axes = plot_limit_curve("mass", MASSES, limits(), members={"a": limits(3.0), "b": exclusions})
    assert labels(axes)[-3:] == ["joint, observed", "a, observed", "b, excluded from here"]
    np.testing.assert_array_equal(line(axes, "a, observed")[:, 1], 3 * MASSES)
    np.testing.assert_array_equal(line(axes, "b, excluded from here")[:, 1], [2.0, 1.0, np.nan])
    thin = [found.get_ydata() for found in axes.lines if found.get_linewidth() == 0.6]
    np.testing.assert_array_equal(thin, [[3.0, np.nan, np.nan], [4.0, np.nan, np.nan]])
    assert "between two thin lines" in small(figure)
    assert "thin lines" not in small(plot_limit_curve("mass", MASSES, limits(), members={"b": [whole] * 3})[0])
    assert save_figure(figure, tmp_path / "curve.png").stat().st_size > 10_000
    with pytest.raises(ConfigurationError, match="member 'a': expected as many results as values, 3; found 2"):
        plot_limit_curve("mass", MASSES, limits(), members={"a": limits()[:2]})


def test_what_is_external_does_not_move_the_axes() -> None:
    """A line has gaps beyond the axes; a band is drawn where it is."""
    far = Overlay("external: far, nowhere", np.array([1.0, 2.0, 20.0]), np.array([1e9, 2.0, 1e-9]))
    band = Overlay("Δa_μ, ±2σ", MASSES, MASSES, 2 * MASSES)
    bare = plot_limit_curve("mass", MASSES, limits(), members={"a": limits()})[1]
    _, axes = plot_limit_curve("mass", MASSES, limits(), members={"a": limits()}, overlays=[far, band])
    assert axes.get_ylim() == bare.get_ylim()
    np.testing.assert_array_equal(line(axes, far.label)[:, 1], [np.nan, 2.0, np.nan])
    assert labels(axes)[-2:] == ["external: far, nowhere", "Δ$a_μ$, ±2σ"]
    (drawn,) = [found for found in axes.collections if found.get_label() == "Δ$a_μ$, ±2σ"]
    assert drawn.get_datalim(axes.transData).extents == pytest.approx([1, 1, 20, 40])


@pytest.mark.parametrize(
    "text", ["# mass lower\n 3e-1 2.0\n\n 0.0 1.0\n 1e-1 1.0 # near\n", "mass,coupling\n0.3,2\n0,1\n0.1,1\n"]
)
def test_external_curves_are_read_from_files(tmp_path: Path, text: str) -> None:
    file = tmp_path / "curve.lmt"
    file.write_text(text, encoding="utf-8")
    found = external_curve(file, "BaBar 4μ", "arXiv:1606.03501", scale=0.302822)
    assert found.label == "external: BaBar 4μ, arXiv:1606.03501"
    np.testing.assert_array_equal(found.x, [0.1, 0.3])
    np.testing.assert_allclose(found.lower, [0.302822, 0.605644])
    assert found.upper is None


def test_columns_and_powers_of_external_curves(tmp_path: Path) -> None:
    file = tmp_path / "squares.csv"
    file.write_text(",mass,coupling\n0,0.01,4e-6\n1,0.1,9e-6\n", encoding="utf-8")
    found = external_curve(file, "a", "b", power=0.5, columns=(1, 2), scale=2.0)
    np.testing.assert_allclose(found.x, [0.01, 0.1])
    np.testing.assert_allclose(found.lower, [4e-3, 6e-3])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 2 3\n2 3 4\n", r"curve\.csv:1: expected two numbers, .* found '1 2 3'; give columns=\(…, …\)"),
        ("1 2\n2 -3\n", r"curve\.csv:2: expected a coupling of zero or more; found '2 -3'"),
        ("1 2\n1 two\n", r"curve\.csv:2: expected two numbers, x and coupling; found '1 two'"),
        ("1 2\n1\n", r"curve\.csv:2: expected two numbers"),
        ("1 2\n", "expected at least two points with x above 0; found 1"),
        ("1 2\n2 nan\n", r"curve\.csv:2: expected two numbers"),
        (None, "cannot be read: No such file"),
    ],
)
def test_damaged_external_curves_are_refused(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "curve.csv"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        external_curve(file, "a", "b")
