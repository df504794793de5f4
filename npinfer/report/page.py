"""One self-contained page for the results of a folder."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from functools import partial
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from npinfer.core.files import write_file
from npinfer.core.result import (
    Comparison,
    Contour,
    FitResult,
    Interval,
    Posterior,
    Repeated,
    Result,
    Status,
)
from npinfer.core.table import Table
from npinfer.errors import NpinferError
from npinfer.report import sections
from npinfer.report.answer import NOTHING, answer, interest, interval_of, profile_of
from npinfer.report.assets import assets
from npinfer.report.blocks import Answer, Badge, Download, Page, Section, download
from npinfer.report.folder import Folder, read_folder
from npinfer.report.marks import Marks, ends
from npinfer.report.text import readable

TONES = {"observed": "good", "real": "good", "published": "good", "approximate": "fair"}
CHOOSING = {"--with": 2, "--plugin": 2, "--drop": 2, "--data": 2, "--at": 2, "--asimov": 1}  # options: their words
BROKEN = (NpinferError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def write_report(folder: str | Path, *, out: str | Path | None = None, marks: Marks | None = None) -> Path:
    """Write a page about the results saved in a folder, to `out` or to report.html in the folder.

    marks: what models predict for a parameter, drawn on its profile and held against its interval. The same results
    give the same bytes. Files that cannot be read are named on the page. Raises NpinferError where the folder holds no
    result, OutputError where the page cannot be written.
    """
    page = build(read_folder(folder), marks or Marks())
    return write_file(Path(out) if out else Path(folder) / "report.html", render(page))


def render(page: Page) -> str:
    """The page as HTML, every text escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = resources.files("npinfer.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(page=page, assets=assets(page)) + "\n"


def build(folder: Folder, marks: Marks) -> Page:
    """Everything the page says."""
    faults: list[str] = []
    parts = tuple(_tried(_parts(folder, marks), faults))
    own = (table for part in parts for chart in part.charts for table in chart.tables)
    files = [*chain.from_iterable(_tried(_downloads(folder, marks), faults)), *(_drawn(*one) for one in own)]
    first = folder.saved[0].result.description
    title = first.title or first.name
    said = next(
        _tried(iter([(folder.saved[0].file, lambda: answer(folder, marks))]), faults), Answer(title, (NOTHING,))
    )
    versions = {s.result.provenance.versions.get("npinfer", "") for s in folder.saved} - {"", "not installed"}
    return Page(
        title=title,
        badges=_badges(folder),
        answer=said,
        warnings=(*_warnings(folder), *(f"Skipped: {fault}." for fault in (*folder.faults, *faults))),
        sections=parts,
        downloads=tuple(files),
        made_with=f"npinfer {', '.join(sorted(versions))}".strip(),
        missing=_missing(folder, marks),
    )


def _tried(makers: Iterator[tuple[str, Callable[[], Any]]], faults: list[str]) -> Iterator[Any]:
    """What each maker makes; where the result of a file is damaged inside, that is noted instead."""
    for file, make in makers:
        try:
            yield make()
        except BROKEN as error:
            faults.append(f"{file}: damaged inside: {error or type(error).__name__}")


def _parts(folder: Folder, marks: Marks) -> Iterator[tuple[str, Callable[[], Section]]]:
    """(file, what makes a section of it), in the order of the page."""
    fit, comparison, posterior = folder.first(FitResult), folder.first(Comparison), folder.first(Posterior)
    scans, intervals, contours = sections.profiles(folder), folder.named(Interval), folder.named(Contour)
    repeated = folder.named(Repeated)
    yield "descriptions", lambda: sections.data_section(folder)
    if comparison:
        yield folder.file_of(comparison), lambda: sections.comparison_section(comparison)
    if scans:
        yield f"{scans[0][0]}.json", lambda: sections.profile_section(folder, marks)
    if intervals:
        yield f"{intervals[0][0]}.json", lambda: sections.interval_section([interval for _, interval in intervals])
    if fit:
        file = folder.file_of(fit)
        yield file, lambda: sections.fit_section(fit)
        if fit.pulls:
            yield file, lambda: sections.pulls_section(fit, Path(file).stem)
        if fit.channels:
            yield file, lambda: sections.templates_section(fit, Path(file).stem)
    if contours:
        yield f"{contours[0][0]}.json", lambda: sections.contour_section(contours)
    if repeated:
        yield f"{repeated[0][0]}.json", lambda: sections.over_section(repeated)
    if posterior:
        quantity = interest(folder)
        scan = profile_of(folder, quantity)
        yield folder.file_of(posterior), lambda: sections.posterior_section(folder, quantity, scan)
    for saved in folder.saved:
        if not isinstance(saved.result, sections.PLACED):
            yield saved.file, partial(sections.other_section, saved.result, Path(saved.file).stem)
    yield "provenance", lambda: sections.provenance_section(folder)


def _downloads(folder: Folder, marks: Marks) -> Iterator[tuple[str, Callable[[], list[Download]]]]:
    """(file, what makes the CSVs of it)."""
    for saved in folder.saved:
        stem = Path(saved.file).stem
        yield saved.file, partial(_table_of, saved.result, stem)
        yield saved.file, partial(_curves_of, saved.result, stem)
        if isinstance(saved.result, FitResult):
            for channel in saved.result.channels:
                yield saved.file, partial(_counts_of, saved.result, channel, stem)
    for parameter, shown in marks.values.items():
        table = Table("", ("model", parameter, "lower", "upper"), tuple((n, *ends(m)) for n, m in shown.items()))
        yield "models", partial(_models_of, folder, table, parameter)


def _drawn(file: str, table: Table) -> Download:
    return download(table, file, table.title)


def _table_of(result: Result, stem: str) -> list[Download]:
    table = result.table()
    return [download(table, f"{stem}.csv", table.title)]


def _curves_of(result: Result, stem: str) -> list[Download]:
    return [download(curve, f"{stem}_{name}.csv", curve.title) for name, curve in result.curves().items() if curve.rows]


def _counts_of(fit: FitResult, channel: str, stem: str) -> list[Download]:
    about = f"observed and fitted counts of {readable(channel)}"
    return [download(sections.counts(fit, channel), f"{stem}_counts_{channel}.csv", about)]


def _models_of(folder: Folder, table: Table, parameter: str) -> list[Download]:
    """What models predict, where the page is about it."""
    quantity = interest(folder)
    if not quantity or quantity.name != parameter:
        return []
    return [download(table, "models.csv", f"{readable(parameter)} predicted by models")]


def _badges(folder: Folder) -> tuple[Badge, ...]:
    """The kinds of data, and the kinds and statuses of the likelihoods."""
    words = [("data: ", getattr(s.result, "data_kind", "")) for s in folder.saved]
    words += [("kind: ", s.result.description.kind) for s in folder.saved]
    words += [("status: ", s.result.description.status) for s in folder.saved]
    return tuple(Badge(lead + word, TONES.get(word, "warn")) for lead, word in dict.fromkeys(words) if word)


def _warnings(folder: Folder) -> Iterator[str]:
    """What a reader has to know before the numbers."""
    artificial = sorted({getattr(s.result, "data_kind", "observed") for s in folder.saved} - {"observed"})
    if artificial:
        yield f"Some numbers come from {' and '.join(artificial)} data: they say what to expect, not what was measured."
    if any(s.result.description.status == "illustrative" for s in folder.saved):
        yield "The likelihood is illustrative: its numbers show a method and are no measurement."
    for fit in folder.all(FitResult):
        if fit.status is Status.NOT_CONVERGED or not fit.valid:
            yield f"{folder.file_of(fit)}: the fit did not converge: {fit.message}."
        if fit.status is Status.NOT_IDENTIFIED:
            yield f"{folder.file_of(fit)}: some parameters are not identified: {fit.message}."
    for posterior in folder.all(Posterior):
        if not posterior.converged:
            yield f"{folder.file_of(posterior)}: the chains did not converge: {posterior.why}."
    yield from folder.mixed()


def _missing(folder: Folder, marks: Marks) -> tuple[tuple[str, str], ...]:
    """(what is not here, the command that adds it)."""
    name, quantity = _asked(folder.saved[0].result), interest(folder)
    models = marks.of(quantity.name) if quantity else {}
    wanted: dict[str, tuple[Result | None, str]] = {
        "the best fit": (folder.first(FitResult), f"npinfer fit {name}"),
        "an interval": (interval_of(folder, quantity), f"npinfer interval {name} --cl 0.9"),
        "the profile": (profile_of(folder, quantity), f"npinfer profile {name}"),
    }
    if len(models) > 1 and quantity:
        given = (shlex.quote(f"{m}:{quantity.name}={ends(mark)[0]:.4g}") for m, mark in models.items())
        command = f"npinfer compare {name} " + " ".join(f"--model {one}" for one in given)
        wanted["a comparison of models"] = (folder.first(Comparison), command)
    return tuple((what, f"{command} --out FOLDER") for what, (found, command) in wanted.items() if not found)


def _asked(result: Result) -> str:
    """The likelihood and its options as they stood in the command of a result; its name where it has no command."""
    try:
        words = shlex.split(result.provenance.command)[2:]
    except ValueError:  # not a command
        words = []
    if not words or words[0].startswith("-"):
        return result.description.name
    asked = [words[0]]
    for i, word in enumerate(words):
        if (option := word.partition("=")[0]) in CHOOSING:
            asked += words[i : i + (1 if option != word else CHOOSING[option])]
    return shlex.join(asked)
