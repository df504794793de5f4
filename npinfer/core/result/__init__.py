"""Results: frozen answers that save and load. Every verb returns one."""

from npinfer.core.result.base import Result, Status, load_result
from npinfer.core.result.comparison import ComparedModel, Comparison, Expectation, Pair
from npinfer.core.result.contour import Contour, Region
from npinfer.core.result.fit import ChannelView, FitResult, Quantity
from npinfer.core.result.interval import Interval, Segment
from npinfer.core.result.posterior import Posterior
from npinfer.core.result.scan import Scan
from npinfer.core.result.tail import Tail
from npinfer.core.result.validation import Check, Validation
from npinfer.core.table import Table

__all__ = [
    "ChannelView",
    "Check",
    "ComparedModel",
    "Comparison",
    "Contour",
    "Expectation",
    "FitResult",
    "Interval",
    "Pair",
    "Posterior",
    "Quantity",
    "Region",
    "Result",
    "Scan",
    "Segment",
    "Status",
    "Table",
    "Tail",
    "Validation",
    "load_result",
]
