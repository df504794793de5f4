"""What the README and the notebooks show runs as it stands."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("npinfer ")]


def python(code: str, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the README's calibration leaves there."""
    from npinfer.cli.main import run

    folder, (command,) = tmp_path_factory.mktemp("readme"), [c for c in commands() if " calibrate " in c]
    with contextlib.chdir(folder):
        assert run([*shlex.split(command)[1:], "--quiet"]) == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in commands() if " calibrate " not in c])
def test_commands_of_the_readme(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    from npinfer.cli.main import run

    needs = " --calibration " in command  # what the calibration before it left
    monkeypatch.chdir(request.getfixturevalue("calibrated") if needs else tmp_path)
    if command.startswith("npinfer report "):  # of what the commands before it left
        assert run(["fit", "icecube_pepe", "--quiet", "--out", command.split()[2]]) == 0
    assert run(shlex.split(command)[1:]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("code", blocks("python"), ids=range(len(blocks("python"))))
def test_python_of_the_readme(code: str, tmp_path: Path) -> None:
    python(code, tmp_path)


@pytest.mark.parametrize("text", blocks("yaml"), ids=range(len(blocks("yaml"))))
def test_yaml_of_the_readme(text: str, tmp_path: Path) -> None:
    import npinfer

    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    assert npinfer.fit(npinfer.load(tmp_path / "mine.yaml")).valid


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_notebooks(path: Path, tmp_path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    python("\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code"), tmp_path)
    assert all(not c.get("outputs") for c in cells), "notebooks are kept without outputs"
