"""The catalogue of likelihoods: found by name, loaded with a configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from npinfer.core.correlation import read_correlation
from npinfer.errors import ConfigurationError, unknown
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.build import build
from npinfer.likelihood.declare import at
from npinfer.likelihood.event_build import build_events, reads_events
from npinfer.likelihood.histfactory import build_workspace
from npinfer.likelihood.joint import Joining, JointLikelihood, join
from npinfer.likelihood.members import check_data_sets
from npinfer.likelihood.saved import SAVED, from_saved
from npinfer.likelihood.spec import JOINT, SUMMARIES, Document, choose, read_parameters, read_spec
from npinfer.likelihood.workspace import WORKSPACE, read_json, workspace_document
from npinfer.paths import roots
from npinfer.threads import one_blas_thread


def list_likelihoods() -> dict[str, Path]:
    """Every likelihood that can be loaded by name: {name: file}, the nearest file of a name first."""
    found: dict[str, Path] = {}
    for root in roots():
        folder = root / "likelihoods"
        for path in sorted(folder.glob("**/*.yaml")):
            name = path.relative_to(folder).with_suffix("").as_posix()
            if name != "parameters" and name not in found:
                found[name] = path
    return dict(sorted(found.items()))


def find(name_or_path: str | Path, beside: Path = Path()) -> Path:
    """The file of a likelihood given by name or by path, from the folder `beside`; raises ConfigurationError."""
    text = str(name_or_path)
    if text.endswith((".yaml", ".yml", ".json")):
        path = beside / os.path.expanduser(text)
        if not os.path.isfile(path):
            raise ConfigurationError(
                f"{path}: no such likelihood file; give a YAML file that exists, or a name that `npinfer list` shows, "
                "or a pyhf workspace (JSON)"
            )
        return path
    known = list_likelihoods()
    if text not in known:
        raise ConfigurationError(unknown("likelihood", text, known))
    return known[text]


def shared_parameters() -> dict[str, Any]:
    """The physics parameters that likelihoods share by definition."""
    merged: dict[str, Any] = {}
    for root in reversed(roots()):
        path = root / "likelihoods" / "parameters.yaml"
        if path.is_file():
            merged |= read_parameters(path)
    return merged


def read_document(name_or_path: str | Path) -> Document:
    """A likelihood file, a pyhf workspace or a saved likelihood, read and checked; raises ConfigurationError."""
    path = find(name_or_path)
    if path.suffix != ".json":
        return read_spec(path, find)
    content = read_json(path)
    if isinstance(content, dict) and content.get("schema") == SAVED:
        return Document(content, {}, path)
    return workspace_document(content, path)


def load(name_or_path: str | Path, **configuration: Any) -> BinnedLikelihood:
    """Load a likelihood by name (`npinfer list`), from a YAML file, a pyhf workspace (JSON) or what `export` saved.

    configuration: what is changed of it; of a workspace the measurement, and the codes of interpolation. Raises
    ConfigurationError or DataError, naming file, line and key.

    >>> load("icecube_hese").poi
    'f_nuebar'
    """
    likelihood = load_unchecked(name_or_path, configuration)
    if isinstance(likelihood, JointLikelihood):
        at(read_document(name_or_path), ("members",), lambda: check_data_sets(likelihood))
    return likelihood


def load_unchecked(
    name_or_path: str | Path, configuration: Mapping[str, Any], above: tuple[Path, ...] = ()
) -> BinnedLikelihood:
    """As `load`, though members may have the same data set: before one is left out or set to Asimov data.

    above: the joint files that it is a member of.
    """
    document = read_document(name_or_path)
    if document.content["schema"] == JOINT:
        return _load_joint(document, configuration, above)
    if document.content["schema"] == SAVED:
        likelihood = from_saved(document.content, str(document.path), document.path.parent)
        return likelihood.configure(**configuration) if configuration else likelihood
    chosen = choose(document, configuration)

    def reload(**changed: Any) -> BinnedLikelihood:
        return load(name_or_path, **changed)

    if document.content["schema"] == WORKSPACE:
        return build_workspace(document, chosen, reload)
    make = build_events if reads_events(document) else build
    with one_blas_thread():
        return make(document, shared_parameters(), chosen, reload)


def member_files(document: Document, above: tuple[Path, ...] = (), section: str = "members") -> list[Path]:
    """The files of the members, or summaries, of a joint file, by name or from its folder; raises ConfigurationError.

    above: the joint files that this one is a member of, which it cannot have for a member.
    """
    here, found = document.path.resolve(), []
    if here in above:
        chain = " → ".join(p.stem for p in (*above, here))
        raise ConfigurationError(f"{document.where('members')}: the files are members of each other: {chain}")
    for i, name in enumerate(document.content[section]):
        found.append(at(document, (section, i), lambda n=name: find(n, document.path.parent)))  # type: ignore[misc]
    return found


def _load_joint(
    document: Document, configuration: Mapping[str, Any], above: tuple[Path, ...]
) -> BinnedLikelihood:
    """The members of a joint file, each with the configuration that it has; a key they share goes to all of them.

    The configuration `summaries` says whether the members of kind summary, which the file lists apart, join too.
    """
    content = document.content
    declared = {k: entry["default"] for k, entry in content.get("configuration", {}).items()}
    below = (*above, document.path.resolve())
    asked = SUMMARIES in content and _asked(configuration.get(SUMMARIES, False), document)
    sections = ("members", SUMMARIES) if asked else ("members",)
    places = [(s, i, f) for s in sections for i, f in enumerate(member_files(document, above, s))]
    documents = [read_document(f) for _, _, f in places]
    contents, own = [d.content for d in documents], [_configurations(d, below) for d in documents]
    for (section, i, _), member in zip(places, contents, strict=True):
        _check_kind(member, section, document.where(section, i))
    known = sorted(_configurations(document, above))
    for key in (*declared, *configuration):
        if key not in known:
            raise ConfigurationError(unknown("configuration", key, known, str(document.path)))
    given = {**declared, **configuration}
    members = []
    for (section, i, file), entries in zip(places, own, strict=True):
        chosen = {k: v for k, v in given.items() if k in entries}
        load_member = lambda f=file, c=chosen: load_unchecked(f, c, below)
        members.append(at(document, (section, i), load_member))
    likelihood: BinnedLikelihood = at(document, (), lambda: join(members, _joining(content, asked)))
    if likelihood.poi is None and (poi := content.get("poi")) and not any(_declares(c, poi) for c in contents):
        raise ConfigurationError(unknown("parameter", poi, likelihood.parameters.names, document.where("poi")))
    return likelihood


def _check_kind(member: Mapping[str, Any], section: str, where: str) -> None:
    if (member.get("kind") == "summary") is (section == "members"):
        raise ConfigurationError(
            f"{where}: {member['name']} is of kind {member.get('kind', 'joint')}; published limits of kind summary, "
            "and they alone, are listed under summaries, and join with the configuration summaries=true"
        )


def _asked(value: Any, document: Document) -> bool:
    if str(value).lower() not in ("true", "false"):
        where = f"{document.path}: configuration {SUMMARIES!r}"
        raise ConfigurationError(f"{where}: expected true or false; found {value!r}")
    return str(value).lower() == "true"


def _configurations(document: Document, above: tuple[Path, ...]) -> set[str]:
    """The names of all that can be configured; of a joint file, in any of its members."""
    if document.content["schema"] != JOINT:
        return set(document.content.get("configuration", {}))
    files = member_files(document, above)
    if apart := document.content.get(SUMMARIES):
        files += member_files(document, above, SUMMARIES)
    below = (*above, document.path.resolve())
    known = {key for file in files for key in _configurations(read_document(file), below)}
    return known | ({SUMMARIES} if apart else set())


def _declares(content: Mapping[str, Any], name: str) -> bool:
    """Whether a member has a parameter in some configuration; of one that is itself joint, whether it may have."""
    section = content.get("parameters", {})
    return content["schema"] == JOINT or name.rpartition(".")[2] in (*section, *section.get("use", ()))


def _joining(content: Mapping[str, Any], with_summaries: bool) -> Joining:
    """How a joint file joins its members; raises ConfigurationError."""
    apart = ", ".join(Path(name).stem for name in content.get(SUMMARIES, []))
    note = f"with published limits, which are summaries: {apart}" if with_summaries else f"without {apart}: published "
    note += "" if with_summaries else "limits, which join with the configuration summaries=true"
    return Joining(
        share=tuple((new, tuple(olds)) for new, olds in content.get("share", {}).items()),
        correlate=tuple(map(read_correlation, content.get("correlate", []))),
        name=str(content["name"]),
        title=str(content.get("title", "")),
        poi=content.get("poi"),
        notes=(note,) if apart else (),
    )


def describe_spec(name_or_path: str | Path) -> Mapping[str, Any]:
    """The merged and checked content of a likelihood file."""
    return read_document(name_or_path).content
