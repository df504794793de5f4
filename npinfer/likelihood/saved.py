"""npinfer's own JSON of a likelihood: its file, configuration and data, to build it again where its files are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from npinfer.core.correlation import read_correlation
from npinfer.core.dataset import Dataset
from npinfer.core.provenance import versions
from npinfer.core.result.base import encode
from npinfer.core.table import Table
from npinfer.errors import ConfigurationError, DataError, InferenceError
from npinfer.likelihood.joint import Joining, JointLikelihood, join
from npinfer.likelihood.members import check_data_sets
from npinfer.likelihood.recipe import content
from npinfer.likelihood.workspace import read_json

if TYPE_CHECKING:
    from npinfer.likelihood.binned import BinnedLikelihood

SAVED = "npinfer/saved/1"


def saved(likelihood: BinnedLikelihood) -> dict[str, Any]:
    """A likelihood as JSON-able content: `from_saved` builds it again. Raises InferenceError where it has no file."""
    return {"schema": SAVED, **_entry(likelihood), "versions": versions()}


def _entry(likelihood: BinnedLikelihood) -> dict[str, Any]:
    """What a likelihood is made of; a joint one of its members."""
    from npinfer.likelihood.catalogue import describe_spec, list_likelihoods

    description = likelihood.description
    entry: dict[str, Any] = {"name": likelihood.name, "title": description.title}
    if isinstance(likelihood, JointLikelihood):
        members = [_entry(m) for m in likelihood.members]
        joining = likelihood.recipe().joining
        entry |= {
            "poi": joining.poi,
            "share": {new: list(olds) for new, olds in joining.share},
            "correlate": [asdict(block) for block in joining.correlate],
            "members": members,
        }
    elif not description.source:
        raise InferenceError(
            f"{likelihood.name}: a wrapped model has no likelihood file to build it from again; save what it was made "
            "of, or export it with mode 'frozen'"
        )
    else:
        known = {str(path): name for name, path in list_likelihoods().items()}
        entry |= {
            "file": known.get(description.source, description.source),
            "configuration": dict(likelihood.configuration),
            "spec": json.loads(json.dumps(encode(describe_spec(description.source)), default=str)),
        }
    counts, auxiliary = content(likelihood.data)
    data = {"kind": likelihood.data.kind, "seed": likelihood.data.seed, "counts": counts, "auxiliary": auxiliary}
    return {**entry, "digests": dict(description.digests), "data": data}


def read_saved(path: str | Path) -> BinnedLikelihood:
    """The likelihood that a JSON file of `export` (mode "npinfer") holds.

    Its likelihood files are found where they were, beside the JSON, or by name. Raises DataError where they or their
    data differ from those it was saved with.
    """
    path = Path(path)
    try:
        found = read_json(path)
    except ConfigurationError as error:
        raise DataError(str(error)) from None
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema != SAVED:
        raise DataError(f"{path}: not a saved likelihood: expected schema {SAVED!r}, found {schema!r}")
    return from_saved(found, str(path), path.parent)


def from_saved(saved: Mapping[str, Any], where: str, folder: Path = Path()) -> BinnedLikelihood:
    """The inverse of `saved`; its files may be in `folder`. Raises DataError; `where` is named in it."""
    try:
        likelihood = _built(saved, where, folder)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{where}: a damaged saved likelihood: {type(error).__name__} {error}") from None
    check_data_sets(likelihood)
    return likelihood


def _built(entry: Mapping[str, Any], where: str, folder: Path) -> BinnedLikelihood:
    likelihood: BinnedLikelihood
    if "members" in entry:
        share = tuple((new, tuple(olds)) for new, olds in entry["share"].items())
        blocks = tuple(map(read_correlation, entry["correlate"]))
        joining = Joining(share, blocks, entry["name"], entry["title"], entry["poi"])
        likelihood = join([_built(m, where, folder) for m in entry["members"]], joining)
    else:
        likelihood = _loaded(entry, where, folder)
    for what, digest in entry["digests"].items():
        if likelihood.description.digests.get(what) != digest:
            raise DataError(
                f"{where}: {likelihood.description.source} has another {what} than the likelihood that was saved; "
                "restore the file, or save the likelihood again"
            )
    given = entry["data"]
    counts, auxiliary = ({k: np.asarray(v) for k, v in given[part].items()} for part in ("counts", "auxiliary"))
    data = Dataset(counts, auxiliary, given["kind"], given["seed"])
    same = (content(data), data.kind) == (content(likelihood.data), likelihood.data.kind)
    return likelihood if same else likelihood.with_data(data)


def _loaded(entry: Mapping[str, Any], where: str, folder: Path) -> BinnedLikelihood:
    """The likelihood of one file: where it was, beside the JSON, or of the same name; raises DataError."""
    from npinfer.likelihood.catalogue import list_likelihoods, load

    file, known = entry["file"], list_likelihoods()
    beside = folder / Path(file).name
    candidates = [file if file in known or Path(file).is_file() else "", str(beside) if beside.is_file() else ""]
    candidates.append(entry["name"] if entry["name"] in known else "")
    place = next((c for c in candidates if c), None)
    if place is None:
        raise DataError(
            f"{where}: the likelihood file {file} is not there, and no likelihood is called {entry['name']!r}; put the "
            f"file beside the JSON, or write the JSON's spec of {entry['name']!r} into it: JSON is YAML"
        )
    return load(place, **entry["configuration"])


def saved_table(saved: Mapping[str, Any], notes: tuple[str, ...]) -> Table:
    """What a saved likelihood holds, a row for each file."""
    rows = []
    entries = [saved]
    for entry in entries:
        entries += entry.get("members", [])
        if "members" not in entry:
            configuration = ", ".join(f"{k}={v}" for k, v in entry["configuration"].items())
            total = float(np.sum([np.sum(v) for v in entry["data"]["counts"].values()]))
            rows.append((entry["name"], entry["file"], configuration, entry["data"]["kind"], total))
    columns = ("likelihood", "file", "configuration", "data", "counts")
    return Table(f"{saved['title']}: npinfer's own JSON", columns, tuple(rows), notes)
