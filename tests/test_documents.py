"""What the README and the pages of the site show runs as it stands."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs").rglob("*.md"))
BLOCK = re.compile(r"^ *```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
MARK = re.compile(r"^<!-- (section|likelihoods): (.+) -->$", re.MULTILINE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands_in(shell: list[str]) -> list[str]:
    lines = [line.split("#")[0].strip() for block in shell for line in block.splitlines()]
    return [line for line in lines if line.startswith("npinfer ")]


def commands() -> list[str]:
    return commands_in(blocks("sh"))


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
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_from_top_to_bottom(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one folder: blocks with a title are files, the others are commands and Python. Files come first."""
    from npinfer.cli.main import run

    monkeypatch.chdir(tmp_path)
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    for _, title, text in found:
        if title:
            Path(title).write_text(text, encoding="utf-8")
    for language, title, text in found:
        assert language in ("sh", "python", "console", "text") or title, f"{language}: neither run nor a file"
        if language == "python" and not title:
            python(text, tmp_path)
        for command in commands_in([text]) if language == "sh" else ():
            assert run(shlex.split(command)[1:]) == 0, command


@pytest.mark.skipif(not PAGES, reason="the pages are in a checkout only")
def test_every_likelihood_has_its_page() -> None:
    """With its section of likelihoods/README.md, once."""
    import npinfer

    marks = [mark for page in PAGES for mark in MARK.findall(page.read_text(encoding="utf-8"))]
    headings = re.findall(r"^## (.+)$", (ROOT / "likelihoods/README.md").read_text(encoding="utf-8"), re.MULTILINE)
    shown = {name for kind, names in marks if kind == "likelihoods" for name in names.split()}
    shipped = {name for name, path in npinfer.list_likelihoods().items() if path.is_relative_to(ROOT)}
    assert shown == shipped, "name each likelihood in the mark of its page in docs/physics"
    sections = {names for kind, names in marks if kind == "section"}
    assert sections == set(headings), "each section of likelihoods/README.md belongs to a page"


@pytest.mark.slow
@pytest.mark.skipif(not PAGES, reason="the pages are in a checkout only")
def test_the_site_builds_strictly(tmp_path: Path) -> None:
    pytest.importorskip("mkdocstrings", reason="needs the extra `docs`")
    pytest.importorskip("material", reason="needs the extra `docs`")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    verbs = (tmp_path / "site/verbs/index.html").read_text(encoding="utf-8")
    assert "Maximise the likelihood." in verbs, "docstrings are on the page of verbs"
    assert "<!-- section" not in (tmp_path / "site/physics/glashow/index.html").read_text(encoding="utf-8")
