"""The look of every figure: fonts, colours, the small print, what hangs beside axes, and how a figure is saved."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend

from npinfer.core.files import write_file
from npinfer.errors import OutputError
from npinfer.plot.labels import plain

# Okabe and Ito's colours, told apart with any colour vision.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#7F7F7F")
HATCHES = ("", "///", "\\\\\\", "...", "xxx")
INK, GREY = "#111111", "#767676"
SMALL_PRINT = "small print"
FEW_LINES = 4  # of small print, for which a figure has room
LEGEND_GAP = 0.08  # inches around a legend beside the axes
MOST_LINES = (4, 12)  # of a title, and of what was one line of the small print
FORMATS = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}

_RC = {
    "font.family": ["STIXGeneral", "DejaVu Sans"],
    "mathtext.fontset": "stix",
    "text.usetex": False,
    "font.size": 11.0,
    "axes.titlesize": 12.0,
    "axes.labelsize": 12.0,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "legend.fontsize": 9.5,
    "legend.frameon": True,
    "legend.framealpha": 0.9,
    "legend.edgecolor": "none",
    "legend.fancybox": False,
    "lines.linewidth": 1.4,
    "hatch.linewidth": 0.6,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "npinfer",
}


def publication() -> AbstractContextManager[None]:
    """A context in which figures take this look; what was set before comes back at its end."""
    return matplotlib.rc_context(_RC)


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """An empty figure, sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        lines = textwrap.wrap(plain(title), _characters(width, 12.0), max_lines=MOST_LINES[0], placeholder=" …")
        figure.suptitle("\n".join(lines), fontsize=12.0)
    return figure


def dress(axes: Axes) -> Axes:
    """Ticks inside on all four sides."""
    axes.tick_params(which="both", direction="in", top=True, right=True, width=0.8, pad=5.0, labelsize=10.5)
    axes.tick_params(which="major", length=5.0)
    axes.tick_params(which="minor", length=2.5)
    return axes


def print_small(figure: Figure, lines: Iterable[str]) -> None:
    """Write the small print along the bottom of the figure, each distinct line once.

    The figure grows with more than FEW_LINES of it, so that axes keep their size.
    """
    width = _characters(figure.get_figwidth(), 7.0)
    each = [textwrap.wrap(s, width, max_lines=MOST_LINES[1], placeholder=" …") for s in dict.fromkeys(lines)]
    wrapped = [part for parts in each for part in parts]
    text = figure.supxlabel(plain("\n".join(wrapped)), x=0.012, ha="left", fontsize=7.0, color=GREY, linespacing=1.25)
    text.set_gid(SMALL_PRINT)
    more = max(len(wrapped) - FEW_LINES, 0)
    figure.set_figheight(figure.get_figheight() + more * 7.0 * 1.25 / 72)


def hang_legend(figure: Figure, legend: Legend) -> None:
    """Hang a legend of the figure at its right edge, below the title, and leave the axes what is left of the width.

    The figure grows where the legend would reach the small print, which is written before.
    """
    gap = LEGEND_GAP * figure.dpi
    small = [text.get_gid() == SMALL_PRINT for text in figure.texts]
    heights = [text.get_window_extent().height + gap for text in figure.texts]
    above = sum(height for height, below in zip(heights, small, strict=True) if not below)
    box = legend.get_window_extent()
    needed = sum(heights) + box.height + 2 * gap
    figure.set_figheight(max(figure.get_figheight(), needed / figure.dpi))
    top = 1 - above / figure.bbox.height
    legend.set_bbox_to_anchor((0.0, 0.0, 1.0, top), transform=figure.transFigure)
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0.0, 0.0, 1 - (box.width + gap) / figure.bbox.width, 1.0))


def _characters(width: float, size: float) -> int:
    """How many characters of `size` points fit on `width` inches."""
    return max(int(0.97 * width * 72 / (0.47 * size)), 20)


def lighten(colour: str, amount: float) -> tuple[float, float, float]:
    """The colour mixed with white: 0 leaves it, 1 is white."""
    red, green, blue = (1 - amount) * np.asarray(to_rgb(colour)) + amount
    return float(red), float(green), float(blue)


def tints(colour: str, number: int) -> list[tuple[float, float, float]]:
    """`number` tints of a colour, from strong to pale."""
    return [lighten(colour, amount) for amount in (np.linspace(0.35, 0.75, number) if number > 1 else (0.5,))]


def spans_decades(values: Sequence[float] | np.ndarray) -> bool:
    """Whether positive increasing values cover more than a factor of ten."""
    return bool(values[0] > 0 and values[-1] > 10 * values[0])


def geometric(x: np.ndarray) -> bool:
    """Whether the grid is spaced evenly in the logarithm, over more than a decade."""
    if len(x) < 3 or not spans_decades(x):
        return False
    steps = np.diff(np.log(x))
    return bool(np.ptp(steps) < 1e-6 * steps.max())


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure as .png (200 dots an inch), .pdf or .svg in one step; raises OutputError."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise OutputError(f"{path}: a figure is saved as {', '.join(FORMATS)}; found {path.suffix or 'no suffix'!r}")
    stream = io.BytesIO()
    with publication():
        figure.savefig(stream, format=suffix[1:], dpi=200, metadata=FORMATS[suffix])
    return write_file(path, stream.getvalue())
