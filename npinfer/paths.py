"""Where likelihoods and data are found.

Three kinds of place are searched, in this order: the folders of the environment variable `NPINFER_PATH`
(each may hold `likelihoods/` and `data/`), the checkout this package sits in, and the installed wheel
(`npinfer/_share/`).
"""

from __future__ import annotations

import os
from pathlib import Path

from npinfer.errors import DataError, unknown

PACKAGE = Path(__file__).resolve().parent


def roots() -> list[Path]:
    """Folders that may hold `likelihoods/` and `data/`, nearest to the user first."""
    user = [Path(os.path.expanduser(p)) for p in os.environ.get("NPINFER_PATH", "").split(os.pathsep) if p]
    return [*user, *(r for r in (PACKAGE.parent, PACKAGE / "_share") if (r / "likelihoods").is_dir())]


def data_folder(name: str) -> Path:
    """The folder `data/<name>` of the nearest root that has it; raises DataError."""
    plain = bool(name) and not set(name) & set("/\\\0") and name not in (".", "..")
    for root in roots() if plain else ():
        folder = root / "data" / name
        if folder.is_dir():
            return folder
    known = sorted({p.name for r in roots() if (r / "data").is_dir() for p in (r / "data").iterdir() if p.is_dir()})
    raise DataError(unknown("data folder", name, known))


def data_file(folder: str, name: str) -> Path:
    """The file `data/<folder>/<name>`, never outside that folder; raises DataError."""
    return inside(data_folder(folder), name)


def inside(folder: Path, name: str) -> Path:
    """`folder/name` if it exists and does not leave `folder`; raises DataError."""
    try:
        path = (folder / name).resolve()
        path.is_file()
    except (OSError, ValueError):
        raise DataError(f"{folder}: {name!r} is not a file name") from None
    if not path.is_relative_to(folder.resolve()):
        raise DataError(f"{folder}: the path {name!r} leaves the data folder; give a file inside it")
    if not path.is_file():
        raise DataError(f"{folder}: no file {name!r} here; restore it, or name another in the likelihood's YAML")
    return path
