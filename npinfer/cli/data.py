"""`npinfer data`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from npinfer.cli.download import Wanted, fetch, is_there, list_release, room
from npinfer.cli.options import verbose_option
from npinfer.errors import DataError, unknown
from npinfer.paths import data_file
from npinfer.physics.hese_cache import RELEASE, Imported, cache_folder, import_release, spline_names
from npinfer.physics.hese_release import FILES

RELEASES = (RELEASE,)


@click.group("data")
@verbose_option
def command() -> None:
    """Published data that npinfer does not bring along.

    \b
    npinfer data fetch icecube_hese_mc           get it, a gigabyte, and import it
    npinfer data import icecube_hese_mc FOLDER   it is on this computer already

    icecube_hese_mc is the Monte Carlo of IceCube's HESE 7.5-year release,
    doi:10.21234/4EQJ-BB17. What is imported goes to $NPINFER_CACHE, or else to
    ~/.cache/npinfer.
    """


def _check(context: click.Context, parameter: click.Parameter, name: str) -> str:
    if name not in RELEASES:
        raise DataError(unknown("release", name, RELEASES))
    return name


_name = click.argument("name", callback=_check)


@command.command("import")
@_name
@click.argument("folder", type=click.Path(path_type=Path))
@verbose_option
def import_command(name: str, folder: Path) -> None:
    """Read the release NAME from FOLDER, and keep its events.

    FOLDER is its checkout, or another folder with all its files.
    """
    _say(name, import_release(folder))


@command.command("fetch")
@_name
@click.option("--yes", is_flag=True, help="Do not ask after the size is shown.")
@verbose_option
def fetch_command(name: str, yes: bool) -> None:
    """Get the release NAME from where it is published, and import it.

    The size is shown first. What was cut off is continued; what does not have the digest that is published is
    discarded.
    """
    folder = cache_folder() / name / "release"
    source = json.loads(data_file(name, "release.json").read_text(encoding="utf-8"))
    wanted = list_release(source, [*FILES, *(f"{stem}.fits" for stem in spline_names())])
    missing = [w for w in wanted if not is_there(w, folder)]
    size = sum(w.size for w in missing)
    click.echo(f"{name}: {len(wanted)} files, {_megabytes(sum(w.size for w in wanted))}, from {source['raw']}")
    click.echo(f"to get: {len(missing)} files, {_megabytes(size)}, into {folder}")
    if size > room(folder):
        raise DataError(f"{folder}: {_megabytes(room(folder))} are free; set NPINFER_CACHE to a folder with more")
    if missing and not yes:
        click.confirm("go on?", abort=True)
    _get(missing, folder, size)
    _say(name, import_release(folder))


def _get(missing: list[Wanted], folder: Path, size: int) -> None:
    with click.progressbar(length=size, label="fetching") as bar:
        for wanted in missing:
            fetch(wanted, folder, bar.update)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _say(name: str, done: Imported) -> None:
    how = "was imported before" if done.reused else "imported"
    click.echo(f"{name} {how}: {done.used} of {done.simulated} simulated events lie in the analysis; {done.path}")
