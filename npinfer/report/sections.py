"""The parts of a page below its first screen."""

from __future__ import annotations

import re
from urllib.parse import quote

import numpy as np

from npinfer.core.result import (
    Comparison,
    Contour,
    Exclusion,
    FitResult,
    Impacts,
    Interval,
    Limit,
    Posterior,
    Quantity,
    Repeated,
    Result,
    Scan,
)
from npinfer.core.table import Table
from npinfer.report import charts
from npinfer.report.blocks import Cell, Chart, Grid, Picture, Section, cell, grid_of
from npinfer.report.figures import comparison_pictures, other_pictures, posterior_picture, triangle_pictures
from npinfer.report.folder import Folder
from npinfer.report.marks import Marks
from npinfer.report.text import THIN, listed, number, readable, symbol, unit, with_error

UNINSTALLED = ("npinfer not installed", "npinfer from a source tree")
HEADINGS = {"validate": "Validation", "gof": "Goodness of fit"}
PLACES = {
    "arxiv": (re.compile(r"([a-z-]+(\.[A-Z]{2})?/\d{7}|\d{4}\.\d{4,5})(v\d+)?"), "https://arxiv.org/abs/"),
    "doi": (re.compile(r"10\.\d{4,9}/\S+"), "https://doi.org/"),
}
PLACED = (FitResult, Scan, Interval, Contour, Comparison, Posterior, Repeated)


def data_section(folder: Folder) -> Section:
    """What the likelihoods are."""
    grids = []
    described = [s.result.description for s in folder.saved]
    for name in dict.fromkeys(one.name for one in described):
        same = [one for one in described if one.name == name]
        description, kinds = same[0], dict.fromkeys(one.kind for one in same)
        configured = ", ".join(f"{k} = {v}" for k, v in description.configuration.items())
        entries = {
            "likelihood": description.name,
            "title": description.title,
            "dataset": description.dataset,
            "kind": listed(list(kinds)),
            "status": description.status,
            "configuration": configured,
        }
        rows = [(cell(key), cell(value)) for key, value in entries.items() if value]
        rows += [(cell(k), cell(v, link=address(k, v))) for k, v in description.reference.items()]
        grids.append(Grid((), (*rows, *((cell("note"), cell(note)) for note in description.notes))))
    kinds = "kind: real data, an Asimov set or a summary of a publication."
    statuses = "status: published (the experiment's own likelihood), approximate (rebuilt from what it released) or "
    explained = Grid((), (), notes=(f"{kinds} {statuses}illustrative.",))
    return Section("data", "Question and data", grids=(*grids, explained))


def address(key: str, value: str) -> str:
    """Where a reference can be read; empty for one that is neither an arXiv number nor a DOI."""
    for name, (pattern, place) in PLACES.items():
        lead, _, rest = value.partition(":")
        number = rest.strip() if lead.lower() == name else value
        named = number != value or name in key.lower().split()  # of a joint likelihood: "member arxiv"
        if named and pattern.fullmatch(number):
            return place + quote(number, safe="/.:()-_;")
    return ""


def fit_section(fit: FitResult) -> Section:
    """Values, errors and pulls."""
    rows = [_fit_row(fit, name) for name in fit.values]
    rows += [_derived_row(fit, name) for name in fit.derived]
    columns = ["parameter", "value", "error", "pull", "unit", "state", "name"]
    if fit.minos:
        columns[3:3] = ["minos −", "minos +"]
    else:
        rows = [(*row[:3], *row[5:]) for row in rows]
    sure = "error: one standard deviation from the covariance, not calibrated with toys; pull ± its error after the fit"
    height = f"−2 ln L at the best fit: {fit.twice_nll:.4f}"
    grid = Grid(tuple(columns), tuple(rows), notes=(sure, height, *fit.table().notes[1:]))
    state = f"{fit.status.value[0].upper()}{fit.status.value[1:]}: {fit.message}."
    return Section("fit", "Fit", (state,), (grid,))


def pulls_section(fit: FitResult, file: str) -> Section:
    """The pulls of the constrained parameters."""
    return Section("pulls", "Pulls", charts=(charts.pulls_chart(fit, file),))


def short(name: str) -> str:
    """A name as options of the command line take it."""
    return name.rpartition(".")[2]


def _fit_row(fit: FitResult, name: str) -> tuple[Cell, ...]:
    quantity, free = fit.quantities[name], name in fit.free
    state = "" if free else "held" if name in fit.fixed else "at\u00a0bound"
    low, high = fit.minos.get(name, (None, None))
    pull = with_error(fit.pulls[name], fit.pull_errors[name]) if name in fit.pulls else None
    error = fit.errors[name] if free else None
    values = (fit.values[name], error, low, high, pull, unit(quantity.unit).replace(" ", THIN), state)
    return (cell(symbol(quantity), name), *map(cell, values), cell(short(name), name))


def _derived_row(fit: FitResult, name: str) -> tuple[Cell, ...]:
    quantity = fit.quantities.get(name, Quantity(name))
    shown = unit(quantity.unit).replace(" ", THIN)
    values = (fit.derived[name], fit.derived_errors[name], None, None, None, shown, "derived")
    return (cell(symbol(quantity), name), *map(cell, values), cell(short(name), name))


def interval_section(intervals: list[Interval]) -> Section:
    """Every interval with its level and calibration."""
    cells = []
    for one in intervals:
        held = ", ".join(f"{k} = {number(v)}" for k, v in one.fixed.items())
        for piece in one.segments:
            ends = [
                f"{number(end)}{' (bound)' if bound else ''}"
                for end, bound in ((piece.lower, piece.lower_at_bound), (piece.upper, piece.upper_at_bound))
            ]
            values = (one.best, one.cl, *ends, unit(one.quantity.unit), held, one.calibration)
            cells.append((cell(symbol(one.quantity), one.quantity.name), *map(cell, values)))
    columns = ("quantity", "best fit", "level", "lower", "upper", "unit", "held", "calibration")
    kept = [i for i in range(len(columns)) if any(row[i].pieces != (("text", ""),) for row in cells)]
    grid = Grid(tuple(columns[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in cells))
    empty = [f"{one.describe()}." for one in intervals if not one.segments]
    return Section("intervals", "Intervals", tuple(empty), (grid,))


def profiles(folder: Folder) -> list[tuple[str, Scan]]:
    """The saved profiles with their files, but those whose regions are drawn."""
    regions = {contour.names for contour in folder.all(Contour)}
    return [(file, scan) for file, scan in folder.named(Scan) if scan.names not in regions]


def profile_section(folder: Folder, marks: Marks) -> Section:
    """The profiles of each single parameter, those of several likelihoods in one chart."""
    scans, intervals = profiles(folder), folder.named(Interval)
    single = {scan.names[0]: None for _, scan in scans if len(scan.names) == 1}
    drawn = []
    for name in single:
        same = [(file, scan) for file, scan in scans if scan.names == (name,)]
        read = [(file, interval) for file, interval in intervals if interval.quantity.name == name]
        drawn.append(charts.profile_chart(same, read, marks))
    lines = tuple(
        f"A profile of {' and '.join(scan.names)} is among the downloads; npinfer contour draws its regions."
        for _, scan in scans
        if len(scan.names) != 1
    )
    return Section("profile", "Profile likelihood", lines, charts=tuple(drawn))


def comparison_section(comparison: Comparison) -> Section:
    """The models, then every ordered pair of them."""
    models = tuple(
        tuple(map(cell, (m.name, m.settings, m.twice_nll, m.delta_twice_nll, m.message or "converged")))
        for m in comparison.models
    )
    pairs = grid_of(comparison.table())
    notes = (
        "t: −2 ln(L tested / L against) on the data. p: probability of such a t or a larger one if the tested model is "
        "true, counted in toys, with its 68.27 % interval; z: the same as standard deviations, one-sided.",
        "expected z: the rejection of the tested model in the median toy of the other; Asimov z: its approximation.",
        *comparison.notes(),
        f"{comparison.data_kind} data; {comparison.description.small_print()}",
    )
    grids = (
        Grid(("model", "settings", "−2 ln L", "Δ(−2 ln L)", "fit"), models, "Models at their best fit"),
        Grid(pairs.columns, pairs.rows, "Every model against every other", notes, pairs.left_out),
    )
    pictures = tuple(comparison_pictures(comparison))
    return Section("comparison", "Comparison of models", (comparison.verdict() + ".",), grids, pictures=pictures)


def templates_section(fit: FitResult, file: str) -> Section:
    """Data and templates of every channel, before and after the fit."""
    grids = (grid_of(fit.yields_table(), folded=True),) if fit.yields else ()
    return Section("templates", "Data and templates", (), grids, tuple(charts.template_charts(fit, file)))


def contour_section(contours: list[tuple[str, Contour]]) -> Section:
    """The regions of two parameters, those of several likelihoods in one chart."""
    pairs = dict.fromkeys(contour.names for _, contour in contours)
    drawn = [charts.contour_chart([(file, c) for file, c in contours if c.names == pair]) for pair in pairs]
    pictures: list[Picture] = [picture for _, contour in contours for picture in triangle_pictures(contour)]
    return Section("regions", "Regions of two parameters", charts=tuple(drawn), pictures=tuple(pictures))


def over_section(repeated: list[tuple[str, Repeated]]) -> Section:
    """What was asked along a configuration: a chart for each question, then the tables."""
    drawn: list[Chart] = []
    asked = [((r.asked, f"{r.cl:g}", r.key, r.quantity), file, r) for file, r in repeated]
    for of in dict.fromkeys(what for what, _, r in asked if r.asked in charts.DRAWN and r.quantity):
        drawn.append(charts.over_chart([(file, r) for what, file, r in asked if what == of]))
    grids = tuple(grid_of(result.table(), folded=True) for _, result in repeated)
    return Section("over", "Along a configuration", (), grids, tuple(drawn))


def posterior_section(folder: Folder, quantity: Quantity | None, scan: Scan | None) -> Section:
    """The posterior in numbers, the marginal of the quantity the page is about, and how its chains moved."""
    file, posterior = folder.named(Posterior)[0]
    state = "The chains have converged." if posterior.converged else f"The chains have not converged: {posterior.why}."
    pictures: tuple[Picture, ...] = ()
    if quantity and quantity.name in (*posterior.names, *posterior.derived):
        pictures = (posterior_picture(posterior, quantity, scan),)
    drawn: tuple[Chart, ...] = ()
    if quantity and quantity.name in posterior.names:
        drawn = (charts.chains_chart(posterior, quantity, file),)
    return Section("posterior", "Posterior", (state,), (grid_of(posterior.table()),), drawn, pictures)


def other_section(result: Result, file: str) -> Section:
    """Any other result, by its table and its figure."""
    heading = HEADINGS.get(result.verb, readable(result.verb).capitalize() or type(result).__name__)
    drawn: tuple[Chart, ...] = ()
    if isinstance(result, Impacts) and result.parameters:
        drawn = (charts.impacts_chart(result, file),)
    if isinstance(result, Exclusion) or (isinstance(result, Limit) and len(result.tested)):
        drawn = (charts.p_value_chart(result, file),)
    pictures = tuple(other_pictures(result))
    return Section(f"file-{file}.json", heading, (), (grid_of(result.table()),), drawn, pictures)


def provenance_section(folder: Folder) -> Section:
    """What every number was made of, to copy."""
    commands = dict.fromkeys(s.result.provenance.command for s in folder.saved if s.result.provenance.command)
    silent = [s.file for s in folder.saved if not s.result.provenance.command]
    blocks = [("Commands", "\n".join(commands))] if commands else []
    made: dict[str, list[str]] = {}
    for saved in folder.saved:
        provenance = saved.result.provenance
        lines = [f"{k} {v}".replace(*UNINSTALLED) for k, v in provenance.versions.items()]
        lines += [f"sha256 of the {k}: {v}" for k, v in provenance.digests.items()]
        lines += [] if provenance.seed is None else [f"seed {provenance.seed}"]
        made.setdefault("\n".join(lines), []).append(saved.file)
    blocks += [(f"Made with: {', '.join(files)}", lines) for lines, files in made.items()]
    note = (f"Made from Python, so without a command: {', '.join(silent)}.",) if silent else ()
    return Section("provenance", "How these numbers were made", note, codes=tuple(blocks))


def counts(fit: FitResult, channel: str) -> Table:
    """The edges of every bin of a channel, its observed and fitted counts."""
    view = fit.channels[channel]
    columns = [f"{axis.name} {end}" for axis in view.axes for end in ("from", "to")]
    samples = [np.asarray(s, dtype=float) for s in view.samples.values()]
    total = np.sum([*samples, np.zeros(len(view.observed))], axis=0)
    rows = []
    for i, cells in enumerate(np.ndindex(tuple(axis.bins for axis in view.axes))):
        edges = [float(axis.edges[j + k]) for axis, j in zip(view.axes, cells, strict=True) for k in (0, 1)]
        rows.append((*edges, float(view.observed[i]), *(float(s[i]) for s in samples), float(total[i])))
    return Table("", (*columns, "observed", *view.samples, "total"), tuple(rows), labels=fit.labels())
