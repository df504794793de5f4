"""What is printed and saved: tables that fit, files that open, nothing half-written."""

from __future__ import annotations

import csv
import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import npinfer
from npinfer.cli.output import print_table
from npinfer.core.table import Table

FILES = {
    "fit tiny.yaml": {
        "fit.json",
        "fit.csv",
        "fit_yields.csv",
        "fit_energy.png",
        "fit_energy_prefit.png",
        "fit_pulls.png",
        "fit_correlations.png",
    },
    "interval tiny.yaml": {"interval.json", "interval.csv", "interval_curve.csv", "interval.png"},
    "profile tiny.yaml mu=0:2:5": {"profile.json", "profile.csv", "profile.png"},
    "contour tiny.yaml mu=0:3:8 level=0.4:2:8": {"contour_profile.json", "contour.json", "contour.csv", "contour.png"},
    "validate tiny.yaml": {"validate.json", "validate.csv"},
}
PNG = b"\x89PNG\r\n\x1a\n"


def seen(folder: Path) -> set[str]:
    """The files in a folder, those of finished chunks apart."""
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and "chunks" not in p.parts}


@pytest.mark.parametrize("line", FILES)
def test_saved_files_open(npi: Callable, folder: Path, line: str) -> None:
    out = npi(f"{line} --out results --json results/again.json").done()
    results = folder / "results"
    assert seen(results) == FILES[line] | {"again.json"}
    for path in results.glob("*.json"):
        result = npinfer.load_result(path)
        assert result.description.name == "tiny"
        assert result.provenance.command.startswith(f"npinfer {line} --out results")
    assert npinfer.load_result(results / "again.json").provenance.command == (
        f"npinfer {line} --out results --json results/again.json"
    )
    for path in results.glob("*.csv"):
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
        assert len(rows) > 1
        assert len({len(row) for row in rows}) == 1
    assert all(p.read_bytes().startswith(PNG) and p.stat().st_size > 5000 for p in results.glob("*.png"))
    assert "saved results/again.json results/" in out


def test_every_axis_has_its_figure(npi: Callable, folder: Path) -> None:
    """Without its unit in the name of the file, but where two differ in that alone."""
    text = (folder / "tiny.yaml").read_text(encoding="utf-8")
    text = text.replace("energy_gev: {log", "energy_kevee: {log")
    (folder / "two.yaml").write_text(text, encoding="utf-8")
    npi("fit two.yaml --out results").done()
    (folder / "words.yaml").write_text(text.replace("energy_kevee", "photo_electrons"), encoding="utf-8")
    npi("fit words.yaml --out words").done()
    for place, names in (("results", ("energy_gev", "energy_kevee")), ("words", ("energy", "photo_electrons"))):
        wanted = {f"fit_{name}{stage}.png" for name in names for stage in ("", "_prefit")}
        assert wanted | {"fit_pulls.png", "fit_correlations.png"} == {p.name for p in (folder / place).glob("*.png")}


def test_saved_once(npi: Callable) -> None:
    out = npi("fit tiny.yaml --out results --json results/fit.json").done()
    assert out.count("results/fit.json") == 1


@pytest.mark.parametrize("line", FILES)
def test_quiet_prints_nothing(npi: Callable, folder: Path, line: str) -> None:
    assert npi(f"{line} --quiet --json result.json").done() == ""
    assert npinfer.load_result(folder / "result.json")
    assert npi(f"{line} --quiet --with mode=odd").refused()


@pytest.mark.parametrize("line", FILES)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--out counts.csv", "--out counts.csv: cannot be written: counts.csv is not a folder; choose another place"),
        ("--out counts.csv/below", "--out counts.csv/below: cannot be written:"),
        ("--json counts.csv/fit.json", "--json counts.csv/fit.json: cannot be written: counts.csv is not a folder"),
        ("--json .", "--json .: is a folder; give a file"),
    ],
)
def test_unwritable_places_are_refused_before_work(
    npi: Callable, folder: Path, line: str, options: str, message: str
) -> None:
    before = seen(folder)
    assert message in npi(f"{line} {options}").refused()
    assert seen(folder) == before


def test_a_refused_command_leaves_no_folder(npi: Callable, folder: Path) -> None:
    assert npi("fit tiny.yaml --fix mu=11 --out results --json elsewhere/fit.json").refused()
    assert not (folder / "results").exists()
    assert not (folder / "elsewhere").exists()


def test_a_failed_check_is_exit_code_1(npi: Callable, folder: Path) -> None:
    wrong = "validation:\n  - {verb: fit, quantity: values.tiny.mu, value: 9, tolerance: 0.1, source: nowhere}\n"
    path = folder / "tiny.yaml"
    path.write_text(path.read_text(encoding="utf-8") + wrong, encoding="utf-8")
    outcome = npi("validate tiny.yaml")
    assert outcome.code == 1
    assert "FAILED" in outcome.out
    assert outcome.err == ""


def test_piped_tables_are_plain_and_complete(npi: Callable) -> None:
    lines = npi("profile tiny.yaml mu=0:2:101").done().splitlines()
    assert lines[0] == "profile of tiny.mu (observed data)"
    assert lines[1].split() == ["mu", "delta_twice_nll", "level"]
    assert len([line for line in lines if line[:1].isdigit()]) == 101
    assert all(line == line.rstrip() and "\x1b" not in line for line in lines)


def test_empty_columns_are_left_out(npi: Callable) -> None:
    assert "minos" not in npi("fit tiny.yaml").done()
    out = npi("fit tiny.yaml --minos mu").done()
    assert "minos −  minos +" in out
    assert "unit" not in out


def test_contour_prints_extents(npi: Callable) -> None:
    out = npi("contour tiny.yaml mu=0:3:8 level=0.4:2:8 --cl 0.9 --cl 0.5 --cl 0.9").done()
    assert out.splitlines()[1].split() == ["cl", "path", "mu", "from", "mu", "to", "level", "from", "level", "to"]
    assert "joint probability enclosed: 50 %, 90 % (Wilks' theorem, 2 degrees of freedom" in out


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [200, 80, 60, 40, 20])
def test_tables_fit_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    names = tuple(f"experiment.parameter_{i}" for i in range(8))
    rows = tuple((*(float(i * j) for j in range(8)), "1e-18 GeV^-1 cm^-2 s^-1 sr^-1") for i in range(60))
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    print_table(Table("A title", (*names, "unit"), rows, ("A note [with brackets].",)), names)
    shown = click.unstyle(terminal.getvalue())
    lines, words = shown.splitlines(), " ".join(shown.split())
    assert max(map(len, lines)) <= width
    assert lines[0] == "A title"
    assert "experiment" not in shown
    assert "… 10 more rows" in words
    assert ("more column" in words) == (width < 200)
    assert ("GeV⁻¹" in words) == (width == 200)
    assert words.endswith("A note [with brackets].")


def test_the_reader_of_a_pipe_may_leave(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start("profile tiny.yaml mu=0:2:5000 --json scan.json")
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline() == "profile of tiny.mu (observed data)\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(30) == 0
    assert npinfer.load_result("scan.json")
