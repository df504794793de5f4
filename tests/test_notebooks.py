"""Every notebook runs from its first cell to its last, in an empty folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STRICT = ("-W", "error", "-W", "ignore:jsonschema.RefResolver is deprecated:DeprecationWarning")  # pyhf's


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def test_notebooks_are_numbered_and_kept_without_outputs() -> None:
    assert [int(path.name[:2]) for path in NOTEBOOKS] == list(range(1, 10))
    for path in NOTEBOOKS:
        assert not any(cell.get("outputs") for cell in cells(path)), f"{path.name}: clear the outputs"


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(path: Path, tmp_path: Path) -> None:
    code = "\n".join("".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "code")
    done = subprocess.run([sys.executable, *STRICT, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
