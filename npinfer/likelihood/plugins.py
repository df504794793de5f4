"""Plug-in modules: the code outside this package that the numbers of a likelihood depend on."""

from __future__ import annotations

import ast
import hashlib
import inspect
import secrets
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from npinfer.core.provenance import digest

INSTALLED = ("site-packages", "dist-packages")  # folders in which modules that stand side by side are strangers


def plugin_digest(generators: Iterable[Callable[..., Any]]) -> str:
    """The digest of the source of those generators that are not of this package; "" where all are.

    It is of the generator's module, or of its whole package, and of what they import from the folder beside it.
    """
    found = {g.__module__: _source(g) for g in generators if g.__module__.partition(".")[0] != "npinfer"}
    return digest(found) if found else ""


@cache
def _source(generator: Callable[..., Any]) -> str:
    """sha256 of the source that the generator was imported from: read once, as it may be edited afterwards."""
    file = getattr(sys.modules.get(generator.__module__), "__file__", None)
    if file is None:  # of a notebook or an interactive session; where the source is not known, no two are the same
        try:
            return hashlib.sha256(inspect.getsource(generator).encode()).hexdigest()
        except (OSError, TypeError):
            return secrets.token_hex()
    path = Path(file).resolve()
    names = generator.__module__.split(".")
    own = path.parent if path.stem == "__init__" else path.with_suffix("")
    top = [own, *own.parents][len(names) - 1] if list(own.parts[-len(names) :]) == names else own
    found: dict[Path, bytes] = {}
    _read(top if top.is_dir() else path, found)
    content = sorted((p.relative_to(top.parent).as_posix(), source) for p, source in found.items())
    return hashlib.sha256(repr(content).encode()).hexdigest()


def _read(top: Path, found: dict[Path, bytes]) -> None:
    """Read a module, or all of a package, and what it imports from beside it."""
    new = {p: p.read_bytes() for p in (top.rglob("*.py") if top.is_dir() else [top]) if p not in found}
    found |= new
    if top.parent.name in INSTALLED:
        return
    for name in sorted(set().union(*map(_imported, new.values())) - {"npinfer"}):
        for beside in (top.parent / name, top.parent / f"{name}.py"):
            if beside not in found and beside.exists():
                _read(beside, found)


def _imported(content: bytes) -> set[str]:
    """The first part of the full name of everything that a module imports."""
    try:
        nodes = list(ast.walk(ast.parse(content)))
    except (SyntaxError, ValueError):  # not Python: a compiled module
        return set()
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.partition(".")[0] for name in names}
