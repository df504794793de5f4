"""Results: frozen answers that save and load. Every verb returns one."""

from npinfer.core.result.base import Result, Status, load_result
from npinfer.core.result.calibration import Calibration
from npinfer.core.result.comparison import ComparedModel, Comparison, Expectation, Pair
from npinfer.core.result.contour import Contour, Region
from npinfer.core.result.coverage import Coverage, CoverageRow
from npinfer.core.result.exclusion import Exclusion
from npinfer.core.result.fit import ChannelView, FitResult, Quantity, Yield
from npinfer.core.result.gof import Contribution, GoodnessOfFit
from npinfer.core.result.impacts import Impact, Impacts, Part
from npinfer.core.result.interval import Interval, Segment
from npinfer.core.result.limit import Limit
from npinfer.core.result.posterior import Posterior
from npinfer.core.result.rank_calibration import RankCalibration, Uniformity
from npinfer.core.result.repeated import Repeated
from npinfer.core.result.scan import Scan
from npinfer.core.result.significance import Significance
from npinfer.core.result.tail import Tail
from npinfer.core.result.toys import ToyEnsemble
from npinfer.core.result.validation import Check, Validation
from npinfer.core.table import Table

__all__ = [
    "Calibration",
    "ChannelView",
    "Check",
    "ComparedModel",
    "Comparison",
    "Contour",
    "Contribution",
    "Coverage",
    "CoverageRow",
    "Exclusion",
    "Expectation",
    "FitResult",
    "GoodnessOfFit",
    "Impact",
    "Impacts",
    "Interval",
    "Limit",
    "Pair",
    "Part",
    "Posterior",
    "Quantity",
    "RankCalibration",
    "Region",
    "Repeated",
    "Result",
    "Scan",
    "Segment",
    "Significance",
    "Status",
    "Table",
    "Tail",
    "ToyEnsemble",
    "Uniformity",
    "Validation",
    "Yield",
    "load_result",
]
