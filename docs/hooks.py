"""What pages take from elsewhere: sections of likelihoods/README.md, tables of likelihoods, the changelog.

A line `<!-- section: NAME -->` becomes that section, `<!-- likelihoods -->` the table of all likelihoods and
`<!-- likelihoods: NAME NAME -->` that of some, `<!-- changelog -->` the changelog. `<!-- gallery -->` becomes a figure
of every likelihood, made anew, where `extra.gallery` of mkdocs.yml says so.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import npinfer
from npinfer.likelihood.describe import list_table
from npinfer.plot import plot_interval, save_figure

ROOT = Path(__file__).parent.parent
MARK = re.compile(r"^<!-- (section|likelihoods|changelog|gallery)(?:: (.+?))? -->$", re.MULTILINE)
FIGURES = ROOT / "build/gallery"
FETCHED = {"deepcore_3y", "icecube_hese_mc"}  # their events are not shipped


def sections() -> dict[str, str]:
    """{heading: text} of likelihoods/README.md."""
    parts = re.split(r"^## (.+)\n", (ROOT / "likelihoods/README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The figures of the gallery among the files of the site: the 90 % interval of what each likelihood asks for."""
    for name in npinfer.list_likelihoods() if config.extra["gallery"] else ():
        if name in FETCHED:
            continue
        likelihood = npinfer.load(name)
        figure, _ = plot_interval(npinfer.interval(likelihood, likelihood.poi, cl=0.90))
        path = save_figure(figure, FIGURES / _file(name))
        files.append(File.generated(config, f"gallery/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, *, config: MkDocsConfig, **_: Any) -> str:
    """The page with its marks replaced; a name that is not there ends the build."""
    return MARK.sub(lambda mark: _replacement(*mark.groups(), figures=config.extra["gallery"]), markdown)


def _file(name: str) -> str:
    return f"{name.replace('/', '_')}.png"


def _replacement(kind: str, names: str | None, figures: bool) -> str:
    if kind == "gallery":
        return _gallery() if figures else "This site was built without figures: `make docs` makes them."
    if kind == "section":
        return f"## {names}\n{sections()[names]}"
    if kind == "changelog":
        return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return _table(names.split() if names else None)


def _table(names: list[str] | None) -> str:
    """Likelihoods as a Markdown table, in the order of `names`, or all."""
    table = list_table()
    rows = {row[0]: row for row in table.rows}
    head = f"| {' | '.join(table.columns)} |\n|{'---|' * len(table.columns)}\n"
    return head + "".join(f"| {' | '.join(map(str, rows[name]))} |\n" for name in (names or rows))


def _gallery() -> str:
    """Title, kind, status and figure of every likelihood that has one."""
    return "\n".join(
        f"## {name}\n{title}: {kind}, {status}.\n\n![{name}](gallery/{_file(name)})\n"
        for name, kind, status, _, title in list_table().rows
        if name not in FETCHED
    )
