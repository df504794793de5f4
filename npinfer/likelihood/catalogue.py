"""The catalogue of likelihoods: found by name, loaded with a configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import npinfer.physics.generators  # noqa: F401  (registers the generators of the package)
from npinfer.core.correlation import read_correlation
from npinfer.errors import ConfigurationError, unknown
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.build import build
from npinfer.likelihood.declare import at
from npinfer.likelihood.joint import Joining, JointLikelihood, join
from npinfer.likelihood.members import check_data_sets
from npinfer.likelihood.spec import JOINT, Document, choose, read_parameters, read_spec
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


def find(name_or_path: str | Path) -> Path:
    """The file of a likelihood given by name or by path; raises ConfigurationError."""
    text = str(name_or_path)
    if text.endswith((".yaml", ".yml")):
        path = Path(os.path.expanduser(text))
        if not os.path.isfile(path):
            raise ConfigurationError(
                f"{path}: no such likelihood file; give a YAML file that exists, or a name that `npinfer list` shows"
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


def load(name_or_path: str | Path, **configuration: Any) -> BinnedLikelihood:
    """Load a likelihood by name (`npinfer list`) or from a YAML file, with some of its configuration changed.

    Raises ConfigurationError or DataError, naming file, line and key.

    >>> load("icecube_hese").poi
    'f_nuebar'
    """
    likelihood = load_unchecked(name_or_path, configuration)
    if isinstance(likelihood, JointLikelihood):
        at(read_spec(find(name_or_path), find), ("members",), lambda: check_data_sets(likelihood))
    return likelihood


def load_unchecked(name_or_path: str | Path, configuration: Mapping[str, Any]) -> BinnedLikelihood:
    """As `load`, though members may have the same data set: before one is left out or set to Asimov data."""
    document = read_spec(find(name_or_path), find)
    if document.content["schema"] == JOINT:
        return _load_joint(document, configuration)
    chosen = choose(document, configuration)

    def reload(**changed: Any) -> BinnedLikelihood:
        return load(name_or_path, **changed)

    with one_blas_thread():
        return build(document, shared_parameters(), chosen, reload)


def _load_joint(document: Document, configuration: Mapping[str, Any]) -> BinnedLikelihood:
    """The members of a joint file, each with the configuration that it has; a key they share goes to all of them."""
    content = document.content
    declared = {k: entry["default"] for k, entry in content.get("configuration", {}).items()}
    names = content["members"]
    own = [read_spec(find(n), find).content.get("configuration", {}) for n in names]
    known = list(dict.fromkeys(key for entries in own for key in entries))
    for key in (*declared, *configuration):
        if key not in known:
            raise ConfigurationError(unknown("configuration", key, known, str(document.path)))
    given = {**declared, **configuration}
    members = [
        load_unchecked(n, {k: v for k, v in given.items() if k in entries})
        for n, entries in zip(names, own, strict=True)
    ]
    likelihood: BinnedLikelihood = at(document, (), lambda: join(members, _joining(content)))
    return likelihood


def _joining(content: Mapping[str, Any]) -> Joining:
    """How a joint file joins its members; raises ConfigurationError."""
    return Joining(
        share=tuple((new, tuple(olds)) for new, olds in content.get("share", {}).items()),
        correlate=tuple(map(read_correlation, content.get("correlate", []))),
        name=str(content["name"]),
        title=str(content.get("title", "")),
        poi=content.get("poi"),
    )


def describe_spec(name_or_path: str | Path) -> Mapping[str, Any]:
    """The merged and checked content of a likelihood file."""
    return read_spec(find(name_or_path), find).content
