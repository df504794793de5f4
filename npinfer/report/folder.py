"""The results of a folder, and what in it could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from npinfer.core.result import Result, load_result
from npinfer.errors import DataError, NpinferError

Kind = TypeVar("Kind", bound=Result)
VERBS = (
    "fit", "profile", "interval", "limit", "exclusion", "compare", "contour", "sample", "significance", "gof",
    "impacts", "validate", "rank_calibration",
)  # fmt: skip


@dataclass(frozen=True)
class Saved:
    """A result and the name of its file."""

    file: str
    result: Result


@dataclass(frozen=True)
class Folder:
    """The results of a folder, those that its commands name by their verb first; faults: what was skipped and why."""

    saved: tuple[Saved, ...]
    faults: tuple[str, ...]

    def all(self, kind: type[Kind]) -> list[Kind]:
        """Every result of a kind."""
        return [s.result for s in self.saved if isinstance(s.result, kind)]

    def first(self, kind: type[Kind]) -> Kind | None:
        """The first result of a kind, or None."""
        return next(iter(self.all(kind)), None)

    def named(self, kind: type[Kind]) -> list[tuple[str, Kind]]:
        """(name of the file without its end, result) of a kind."""
        return [(Path(s.file).stem, s.result) for s in self.saved if isinstance(s.result, kind)]

    def file_of(self, result: Result) -> str:
        """The name of the file that holds a result."""
        return next(s.file for s in self.saved if s.result is result)

    def mixed(self) -> list[str]:
        """What differs between the results: their likelihoods, specifications, data or configurations.

        Members of the first result's joint likelihood belong to it.
        """
        first = self.saved[0]
        one = first.result.description
        members = {key.rpartition(" ")[0] for key in one.reference}
        names = {s.result.description.name for s in self.saved} - members
        if len(names) > 1:
            return [f"The results are of different likelihoods: {', '.join(sorted(names))}."]
        notes = []
        for other in self.saved[1:]:
            if other.result.description.name != one.name:
                continue
            digests = first.result.provenance.digests, other.result.provenance.digests
            differ = [k for k in sorted({*digests[0], *digests[1]}) if _differ(k, *digests)]
            if differ:
                notes.append(f"{other.file} and {first.file} were made with different {' and '.join(differ)}.")
        return notes


def _differ(key: str, one: Mapping[str, str], two: Mapping[str, str]) -> bool:
    """Whether two digests differ; results along a configuration have none of it."""
    return one.get(key) != two.get(key) and not (key == "configuration" and not (key in one and key in two))


def read_folder(folder: str | Path) -> Folder:
    """Read every saved result of a folder; raises NpinferError where there is none."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NpinferError(f"{folder}: not a folder: report takes the folder that --out named")
    order = {f"{verb}.json": i for i, verb in enumerate(VERBS)}
    found, faults = [], []
    twins: dict[bytes, str] = {}
    try:
        paths = sorted(folder.glob("*.json"), key=lambda p: (order.get(p.name, len(order)), p.name))
    except OSError as error:
        raise NpinferError(f"{folder}: cannot be read: {error.strerror}") from None
    for path in paths:
        try:
            result = load_result(path)
        except DataError as error:
            faults.append(f"{path.name}: {str(error).removeprefix(str(path)).lstrip(': ')}")
            continue
        twin = twins.setdefault(path.read_bytes(), path.name)
        if twin == path.name:
            found.append(Saved(path.name, result))
        else:
            faults.append(f"{path.name}: the same result as {twin}")
    for path in sorted(folder.glob("*_over_*.csv")):
        if not path.with_suffix(".json").exists():
            faults.append(f"{path.name}: a table that does not say what it is of; run its command again with --out")
    if not found:
        why = f" ({'; '.join(faults)})" if faults else ""
        inside = sorted({str(path.parent) for path in folder.glob("*/*.json")})
        named = f"name one of its folders, {', '.join(inside)}"
        remedy = named if inside else f"run npinfer fit ... --out {folder} first"
        raise NpinferError(f"{folder}: no saved results here{why}; {remedy}")
    return Folder(tuple(found), tuple(faults))
