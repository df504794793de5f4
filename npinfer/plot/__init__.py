"""Pictures of results. Every function returns (figure, axes) and leaves matplotlib's global state alone."""

from npinfer.plot.comparison import plot_comparison
from npinfer.plot.contour import plot_contour
from npinfer.plot.posterior import plot_corner, plot_posterior
from npinfer.plot.profile import plot_profile
from npinfer.plot.pulls import plot_correlations, plot_pulls
from npinfer.plot.style import publication, save_figure
from npinfer.plot.templates import plot_templates
from npinfer.plot.triangle import plot_triangle

__all__ = [
    "plot_comparison",
    "plot_contour",
    "plot_corner",
    "plot_correlations",
    "plot_posterior",
    "plot_profile",
    "plot_pulls",
    "plot_templates",
    "plot_triangle",
    "publication",
    "save_figure",
]
