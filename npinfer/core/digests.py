"""Digests of data files, in the table that the README beside them keeps."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path


def write_digests(folder: Path, files: Iterable[str]) -> None:
    """Put the sha256 of each file that is there into its row `| name | sha256 |` of README.md, if there is one."""
    readme = folder / "README.md"
    if not readme.is_file():
        return
    text = readme.read_text(encoding="utf-8")
    for name in files:
        if (folder / name).is_file():
            digest = sha256((folder / name).read_bytes()).hexdigest()
            text = re.sub(rf"(?m)^\| {re.escape(name)} \|.*$", f"| {name} | {digest} |", text)
    readme.write_text(text, encoding="utf-8")
