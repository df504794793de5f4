"""`npinfer export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from npinfer.cli.options import check_output, likelihood_options, open_likelihood, verbose_option
from npinfer.cli.output import report
from npinfer.errors import ConfigurationError
from npinfer.likelihood.export import MODES, export


@click.command("export")
@likelihood_options
@click.option("--mode", type=click.Choice(MODES), default="exact", show_default=True, help="See above.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE", help="Write it to this file.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@verbose_option
def command(**options: Any) -> None:
    """The likelihood NAME as a pyhf workspace, which other tools read.

    \b
    exact    all of it in HistFactory's own modifiers, or a word on what cannot be
    frozen   what cannot be, such as a generator's physics, held at a point:
             the start values, or those of --at
    npinfer  npinfer's own JSON: file, configuration and data of any likelihood

    Its density is compared with the likelihood's: nothing is written that differs.
    """
    check_output({**options, "out": None})
    frozen = options["mode"] == "frozen"
    if options["at"] and not frozen and not options["asimov"]:
        raise ConfigurationError(
            f"--at is the point of --mode frozen, or the truth of --asimov data; mode {options['mode']} has no point"
        )
    likelihood = open_likelihood({**options, "at": options["at"] if options["asimov"] else {}})
    made = export(likelihood, mode=options["mode"], at=options["at"] if frozen else None)
    saved = [made.save(options["json_file"])] if options["json_file"] else []
    report(made.table(), saved, options["quiet"])
    if not saved and not options["quiet"]:
        click.echo("nothing is written: --json FILE writes it")
