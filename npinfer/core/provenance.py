"""Provenance: what a number was made of."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("npinfer", "numpy", "scipy", "iminuit", "numba")


@dataclass(frozen=True)
class Description:
    """What a likelihood is, carried by every result that comes from it.

    kind: "real", "asimov" or "summary"; status: "published", "external", "approximate" or "illustrative".
    digests: of the specification, the data files, the configuration and any plug-in modules; notes: what a reader
    of its numbers should know about the templates; labels: (mathematics, unit) of the configuration that has them.
    """

    name: str
    title: str = ""
    kind: str = "real"
    status: str = "illustrative"
    dataset: str = ""
    reference: Mapping[str, str] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    notes: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def small_print(self) -> str:
        """One line that says what kind of numbers these are, with the references of all members once."""
        reference = ", ".join(dict.fromkeys(f"{k.rpartition(' ')[2]}:{v}" for k, v in self.reference.items()))
        return f"{self.name} · kind {self.kind} · status {self.status}" + (f" · {reference}" if reference else "")


@dataclass(frozen=True)
class Provenance:
    """Versions, digests, seed and command behind a result."""

    versions: Mapping[str, str]
    digests: Mapping[str, str]
    seed: int | None = None
    command: str = ""

    @classmethod
    def record(cls, description: Description, *, seed: int | None = None, command: str = "") -> Provenance:
        """What is known now."""
        return cls(versions(), dict(description.digests), seed, command)


def versions() -> dict[str, str]:
    """Versions of this package, of those its numbers depend on, and of Python."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def digest(content: Any) -> str:
    """sha256 of a JSON-able object, independent of the order of its keys.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
