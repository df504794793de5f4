"""The results of a folder, and what in it could not be read."""

from __future__ import annotations

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

    def file_of(self, result: Result) -> str:
        """The name of the file that holds a result."""
        return next(s.file for s in self.saved if s.result is result)

    def mixed(self) -> list[str]:
        """What differs between the results: their likelihoods, specifications, data or configurations."""
        names = {s.result.description.name for s in self.saved}
        if len(names) > 1:
            return [f"The results are of different likelihoods: {', '.join(sorted(names))}."]
        first = self.saved[0]
        notes = []
        for other in self.saved[1:]:
            one, two = first.result.provenance.digests, other.result.provenance.digests
            differ = [k for k in sorted({*one, *two}) if one.get(k) != two.get(k)]
            if differ:
                notes.append(f"{other.file} and {first.file} were made with different {' and '.join(differ)}.")
        return notes


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
    if not found:
        why = f" ({'; '.join(faults)})" if faults else ""
        raise NpinferError(f"{folder}: no saved results here{why}; run npinfer fit ... --out {folder} first")
    return Folder(tuple(found), tuple(faults))
