"""What the interactive figures draw: the numbers of the results, gaps where there are none, labels as text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from npinfer.core.provenance import Description, Provenance
from npinfer.core.result import (
    Contour,
    Exclusion,
    Impacts,
    Interval,
    Limit,
    Posterior,
    Quantity,
    Region,
    Repeated,
    Scan,
    Segment,
)
from npinfer.core.result.impacts import Impact, Part
from npinfer.core.result.limit import NAMES
from npinfer.plot.impacts import DOWN, UP
from npinfer.report import Marks
from npinfer.report.blocks import Chart
from npinfer.report.charts import chains_chart, contour_chart, impacts_chart, over_chart, p_value_chart, profile_chart
from npinfer.report.charts.parts import band, labels

SEEN: dict[str, Any] = {
    "description": Description("toy", "A toy", "real", "approximate", labels={"mass": (r"$m_\chi$", "GeV")}),
    "provenance": Provenance({}, {}),
    "data_kind": "observed",
}
G = Quantity("toy.g", "GeV^-1", "$g$", 0.0, 1.0)
OTHER = replace(SEEN["description"], name="other")
MASS = (0.1, 1.0, 10.0, 100.0)


def named(chart: Chart, name: str) -> dict[str, Any]:
    """The one trace of a name that the legend shows."""
    (found,) = [trace for trace in chart.traces if trace["name"] == name and trace.get("showlegend", True)]
    return found


def limits(**replaced: Any) -> Repeated:
    observed = (0.01, 0.02, "no limit", 0.2)
    expected = np.array([[f * v for f in (0.5, 0.7, 1.0, 1.5, 2.0)] for v in (0.01, 0.02, 0.05, 0.2)])
    rows = tuple((m, o, *map(float, e)) for m, o, e in zip(MASS, observed, expected, strict=True))
    content = {"asked": "limit", "key": "mass", "quantity": G, "cl": 0.9, "calibration": "CLs, asymptotic"}
    columns = ("mass", "toy.g observed", *NAMES)
    return Repeated(**{**SEEN, **content, "columns": columns, "rows": rows, **replaced})


def test_limits_along_a_mass() -> None:
    chart = over_chart([("one", limits()), ("two", limits(description=OTHER))])
    curve = named(chart, "toy, observed")
    assert curve["x"] == list(MASS)
    assert curve["y"] == [0.01, 0.02, None, 0.2]
    assert named(chart, "expected median")["y"] == [0.01, 0.02, 0.05, 0.2]
    outline = named(chart, "expected ±2σ")
    assert outline["y"][:8] == [0.005, 0.01, 0.025, 0.1, 0.4, 0.1, 0.04, 0.02]
    assert outline["x"][:8] == [*MASS, *MASS[::-1]]
    assert len([t for t in chart.traces if "expected" in t["name"]]) == 3  # of the first alone
    assert named(chart, "other, observed")["line"] != curve["line"]
    assert chart.layout["xaxis"]["type"] == chart.layout["yaxis"]["type"] == "log"
    assert chart.layout["xaxis"]["title"]["text"] == "m<sub>χ</sub> [GeV]"
    assert chart.caption.startswith("90 % upper limits of g along m_χ (CLs, asymptotic); local")
    assert "No value at 2 of 8 points" in chart.caption
    assert chart.files == ("one.csv", "two.csv")
    forecast = over_chart([("one", limits(data_kind="asimov"))])
    assert named(forecast, "asimov data")["y"] == curve["y"]


def test_exclusions_along_a_mass_say_where_the_hull_hides_a_gap() -> None:
    columns = ("mass", "from", "to", "segments", "from expected median")
    rows = ((0.1, 0.01, 0.5, 1, 0.02), (1.0, 0.02, 0.4, 2, 0.03), (10.0, "nothing", "", 0, "nothing"))
    chart = over_chart([("one", limits(asked="exclusion", columns=columns, rows=rows, calibration="asymptotic"))])
    assert named(chart, "excluded")["y"] == [0.01, 0.02, 0.4, 0.5, None]
    assert named(chart, "excluded from here")["y"] == [0.01, 0.02, None]
    assert named(chart, "expected from here")["y"] == [0.02, 0.03, None]
    assert "At 1 of 3 points there are several pieces, with gaps that are not drawn." in chart.caption
    assert "excluded at 90 %" in chart.caption


def test_intervals_along_a_mass() -> None:
    columns = ("mass", "toy.g", "lower", "upper")
    rows = ((0.1, 0.3, 0.0, 0.5), (1.0, 0.4, 0.1, 0.6))
    chart = over_chart([("one", limits(asked="interval", columns=columns, rows=rows))])
    assert named(chart, "interval")["y"] == [0.0, 0.1, 0.6, 0.5, None]
    assert named(chart, "best fit")["y"] == [0.3, 0.4]
    assert chart.logarithmic == ("x",)  # an interval that ends at 0


def test_p_values_along_a_mass() -> None:
    rows = ((0.1, 0.4, 0.5), (1.0, 0.001, None))
    chart = over_chart([("one", limits(asked="significance", columns=("mass", "p", "toy p"), rows=rows, cl=np.nan))])
    assert named(chart, "asymptotic")["y"] == [0.4, 0.001]
    assert named(chart, "toys")["y"] == [0.5, None]
    assert chart.layout["yaxis"]["title"]["text"] == "p"
    assert chart.layout["yaxis"]["type"] == "log"
    assert "nan" not in chart.caption


def test_a_band_breaks_at_a_gap() -> None:
    low, high = np.array([1.0, np.nan, 3.0, 4.0]), np.array([2.0, 2.0, 5.0, np.inf])
    assert band("b", [0.0, 1.0, 2.0, 3.0], low, high, "ink")["y"] == [1.0, 2.0, None, 3.0, 5.0, None]


def scan(**replaced: Any) -> Scan:
    x = np.linspace(0.0, 1.0, 11)
    content = {"quantities": {"toy.g": G}, "grid": {"toy.g": x}, "values": {}, "twice_nll": 0.0}
    height = ((x - 0.3) / 0.2) ** 2
    return Scan(**{**SEEN, **content, "best": {"toy.g": 0.3}, "delta_twice_nll": height, **replaced})


def test_profiles_share_a_chart_with_their_thresholds_and_marks() -> None:
    x = np.linspace(0.0, 1.0, 11)
    curve = np.array([x, 0 * x, 2.0 + x])
    found = Interval(
        **SEEN, quantity=G, cl=0.9, threshold=2.3, best=0.3, segments=(Segment(0.0, 0.6),), calibration="by toys",
        fixed={}, curve=curve,
    )  # fmt: skip
    held = scan(description=OTHER, fixed={"norm": 2.0})
    chart = profile_chart([("a", scan()), ("b", held)], [("i", found)], Marks({"toy.g": {"<b>": (0.5, 0.4, 0.7)}}))
    assert named(chart, "toy")["legendgroup"] != named(chart, "other")["legendgroup"]
    assert named(chart, "90 % interval, threshold")["y"] == pytest.approx(2.0 + x)
    assert named(chart, "68 %, Wilks")["y"] == pytest.approx([0.988946] * 2)  # χ² of one degree of freedom
    line, outline = (trace for trace in chart.traces if trace["name"] == "&lt;b&gt;")
    assert line["x"] == [0.5, 0.5]
    assert outline["x"] == [0.4, 0.4, 0.7, 0.7]
    assert "90 %: by toys" in chart.caption
    assert "other: norm = 2 held" in chart.caption
    assert chart.files == ("a.csv", "b.csv", "i_curve.csv")


def test_a_scan_of_a_logarithmic_grid_starts_logarithmic() -> None:
    x = np.geomspace(1e-3, 1.0, 11)
    chart = profile_chart([("a", scan(grid={"toy.g": x}))], [], Marks())
    assert chart.layout["xaxis"]["type"] == "log"
    assert chart.logarithmic == ("x", "y")


def test_labels_tell_results_apart() -> None:
    assert labels([("a", scan()), ("b", scan(data_kind="asimov")), ("c", scan(description=OTHER))]) == [
        "toy, a",
        "toy, b (asimov data)",
        "other",
    ]


def test_regions_say_what_they_enclose() -> None:
    square = np.array([[0.2, 0.2], [0.4, 0.2], [0.4, 0.4], [0.2, 0.2]])
    content = {"names": ("x", "y"), "quantities": {n: Quantity(n) for n in "xy"}, "calibration": "by toys"}
    regions = (Region(0.68, 2.3, (square, square + 1), False), Region(0.95, 6.0, (square,), True))
    one = Contour(**SEEN, **content, regions=regions, best={"x": 0.3, "y": 0.3})
    chart = contour_chart([("a", one)])
    assert [t["name"] for t in chart.traces] == ["toy, 95 %", "toy, 68 %", "toy, best fit"]
    assert named(chart, "toy, 68 %")["x"] == [0.2, 0.4, 0.4, 0.2, None, 1.2, 1.4, 1.4, 1.2, None]
    assert "Joint probability enclosed: 68 %, 95 % (by toys)." in chart.caption
    assert "cut off at the edge" in chart.caption
    assert chart.logarithmic == ("x", "y")
    empty = replace(one, regions=(Region(0.68, 2.3, (), False),))
    assert named(contour_chart([("a", empty)]), "toy, 68 %")["x"] == []


def test_a_logarithmic_axis_is_offered_where_all_that_is_drawn_is_positive() -> None:
    square = np.array([[0.2, 0.2], [0.4, 0.2], [0.4, 0.4], [0.2, 0.2]])
    content = {"names": ("x", "y"), "quantities": {n: Quantity(n) for n in "xy"}, "calibration": "by toys"}
    far = (square, square - [1.0, 0.0])  # the second piece lies left of 0
    one = Contour(**SEEN, **content, regions=(Region(0.68, 2.3, far, False),), best={"x": 0.3, "y": 0.3})
    assert contour_chart([("a", one)]).logarithmic == ("y",)
    none = replace(one, regions=(Region(0.68, 2.3, (), False),), best={"x": 0.3, "y": 0.0})
    assert contour_chart([("a", none)]).logarithmic == ("x",)


def test_what_is_excluded_is_marked_under_its_curve() -> None:
    x = np.linspace(0.0, 1.0, 5)
    content = {"quantity": G, "cl": 0.9, "method": "cls", "background": 0.0, "best": 0.1, "calibration": "asymptotic"}
    p = np.array([1.0, 0.05, 0.5, 0.05, 0.01])
    pieces = (Segment(0.2, 0.3), Segment(0.7, 1.0, upper_at_bound=True))
    found = Exclusion(
        **SEEN, **content, segments=pieces, expected=(), grid=x, p=p, p_expected=np.zeros((0, 5)), fixed={}
    )
    chart = p_value_chart(found, "e")
    strips = [t for t in chart.traces if t["name"] == "excluded"]
    assert [t["x"] for t in strips] == [[0.2, 0.2, 0.3, 0.3], [0.7, 0.7, 1.0, 1.0]]
    assert named(chart, "observed")["y"] == list(p)
    assert named(chart, "excluded below 0.1")["y"] == [0.1, 0.1]
    assert chart.files == ("e_grid.csv",)
    limit = Limit(
        **SEEN, **content, observed=0.6, expected=np.full(5, np.nan), expected_from="", fixed={}, tested=x[::-1],
        p=p[::-1], p_expected=np.tile(p[::-1], (5, 1)),
    )  # fmt: skip
    chart = p_value_chart(limit, "l")
    assert named(chart, "observed")["x"] == list(x)
    assert named(chart, "limit")["x"] == [0.6, 0.6]
    assert named(chart, "expected median")["y"] == list(p)


def test_impacts_put_the_strongest_on_top() -> None:
    ranked = [Impact(f"p{i}", 0, 1, 0, 1, -1.0 / (i + 1), 1.0 / (i + 1), np.nan, np.nan) for i in range(22)]
    part = Part("all", (), 1.0, 1.0)
    found = Impacts(
        **SEEN, quantities={"toy.g": G}, poi="toy.g", best=0.1, down=1.0, up=1.0, parameters=tuple(ranked), groups=(),
        statistical=part, systematic=part, fixed={}, valid=True,
    )  # fmt: skip
    chart = impacts_chart(found, "impacts")
    assert [t["name"] for t in chart.traces] == ["held at −1σ", "held at +1σ"]  # none has a constraint
    assert [t["marker"]["color"] for t in chart.traces] == [DOWN, UP]  # as in the figure
    assert chart.traces[0]["text"][-1] == "p0"
    assert chart.traces[0]["x"][-1] == -1.0
    assert len(chart.traces[0]["x"]) == 20
    assert "The 2 weakest of 22 parameters" in chart.caption


def test_numbers_that_json_does_not_have_are_refused_early() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Chart(({"x": [float("nan")]},), {}, "", "")
    assert "</script>" not in Chart((), {"title": "</script>"}, "", "").json


def test_chains_are_the_walkers_of_each_replica() -> None:
    chains = np.random.default_rng(3).normal(size=(2, 900, 50, 1)) + np.array([0.0, 4.0]).reshape(2, 1, 1, 1)
    names = {name: {"toy.g": 2.0} for name in ("rhat", "ess", "ess_tail", "autocorrelation_time")}
    found = Posterior(
        **SEEN, **names, names=("toy.g",), quantities={"toy.g": G}, chains=chains,
        log_probability=np.zeros((2, 900, 50)), derived={}, derived_stride=1, fixed={}, priors={},
        acceptance=0.5, burn_in=30, converged=False, why="no",
    )  # fmt: skip
    chart = chains_chart(found, G, "sample")
    steps = np.array(named(chart, "replica 1")["x"], dtype=int)
    assert len(steps) <= 400
    for i, name in enumerate(("replica 1", "replica 2")):
        np.testing.assert_allclose(named(chart, name)["y"], np.median(chains[i, steps, :, 0], axis=1), rtol=1e-6)
    assert "every 3 steps" in chart.caption
    assert "30 steps of burn-in" in chart.caption
