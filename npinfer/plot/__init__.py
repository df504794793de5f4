"""Pictures of results. Every function returns (figure, axes) and leaves matplotlib's global state alone."""

from npinfer.plot.calibration import plot_calibration, plot_coverage
from npinfer.plot.comparison import plot_comparison
from npinfer.plot.contour import plot_contour
from npinfer.plot.exclusion_map import plot_exclusion_map
from npinfer.plot.gof import plot_gof
from npinfer.plot.impacts import plot_impacts
from npinfer.plot.interval import plot_interval
from npinfer.plot.limit import plot_exclusion, plot_limit
from npinfer.plot.limit_curve import Overlay, external_curve, plot_limit_curve
from npinfer.plot.posterior import plot_corner, plot_posterior
from npinfer.plot.profile import plot_profile
from npinfer.plot.pulls import plot_correlations, plot_pulls
from npinfer.plot.rank_calibration import plot_rank_calibration
from npinfer.plot.significance import plot_significance, plot_significance_curve
from npinfer.plot.style import publication, save_figure
from npinfer.plot.templates import plot_templates
from npinfer.plot.toys import plot_toys
from npinfer.plot.triangle import plot_triangle

__all__ = [
    "Overlay",
    "external_curve",
    "plot_calibration",
    "plot_comparison",
    "plot_contour",
    "plot_corner",
    "plot_correlations",
    "plot_coverage",
    "plot_exclusion",
    "plot_exclusion_map",
    "plot_gof",
    "plot_impacts",
    "plot_interval",
    "plot_limit",
    "plot_limit_curve",
    "plot_posterior",
    "plot_profile",
    "plot_pulls",
    "plot_rank_calibration",
    "plot_significance",
    "plot_significance_curve",
    "plot_templates",
    "plot_toys",
    "plot_triangle",
    "publication",
    "save_figure",
]
