"""Digests in the README beside data files."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from npinfer.core.digests import write_digests


def test_rows_of_files_that_are_there_are_renewed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1,2\n")
    (tmp_path / "README.md").write_text("| a.csv | old |\n| aXcsv | old |\n| gone.csv | old |\nπ\n", encoding="utf-8")
    write_digests(tmp_path, ["a.csv", "gone.csv", "new.csv"])
    digest = sha256(b"1,2\n").hexdigest()
    told = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert told == f"| a.csv | {digest} |\n| aXcsv | old |\n| gone.csv | old |\nπ\n"


def test_without_a_readme_nothing_is_written(tmp_path: Path) -> None:
    write_digests(tmp_path, ["a.csv"])
    assert list(tmp_path.iterdir()) == []
