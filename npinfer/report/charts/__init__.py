"""The interactive figures of a page: what they draw, as plain data. One kind a file."""

from npinfer.report.charts.chains import chains_chart
from npinfer.report.charts.contour import contour_chart
from npinfer.report.charts.impacts import impacts_chart
from npinfer.report.charts.over import DRAWN, over_chart
from npinfer.report.charts.p_values import p_value_chart
from npinfer.report.charts.profile import profile_chart
from npinfer.report.charts.pulls import pulls_chart
from npinfer.report.charts.templates import template_charts

__all__ = [
    "DRAWN",
    "chains_chart",
    "contour_chart",
    "impacts_chart",
    "over_chart",
    "p_value_chart",
    "profile_chart",
    "pulls_chart",
    "template_charts",
]
