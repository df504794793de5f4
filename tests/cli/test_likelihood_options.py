"""The likelihood that a command is given, its configuration, data and plug-ins."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from npinfer.physics.registry import GENERATORS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "npinfer: broken.yaml:1: expected a mapping"),
        ("a: [1,\n", "npinfer: broken.yaml:2: broken YAML"),
        (
            "schema: npinfer/likelihood/1\nnme: x\n",
            "npinfer: broken.yaml:2: nme: unknown key 'nme': did you mean 'name'?",
        ),
    ],
)
def test_broken_files(npi: Callable, folder: Path, text: str, message: str) -> None:
    (folder / "broken.yaml").write_text(text, encoding="utf-8")
    assert npi("fit broken.yaml").refused().startswith(message)
    assert npi("describe broken.yaml").refused().startswith(message)


@pytest.mark.parametrize("command", ["describe", "fit", "profile", "interval", "validate"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("icecube_hesee", "unknown likelihood 'icecube_hesee': did you mean 'icecube_hese'?"),
        ("missing.yaml", "missing.yaml: no such likelihood file; give a YAML file that exists, or a name that"),
        ("folder.yaml", "folder.yaml: no such likelihood file"),
        ("counts.csv", "unknown likelihood 'counts.csv'"),
        ("tiny.yaml --with mode=odd", "tiny: unknown choice for configuration 'mode': 'odd'; known: plain, fancy"),
        ("tiny.yaml --with moode=plain", "tiny: unknown configuration 'moode': did you mean 'mode'?"),
        ("tiny.yaml --with mass=abc", "tiny: configuration 'mass' is a number; found 'abc'"),
        ("tiny.yaml --with mass", "--with takes key=value; found 'mass'"),
        ("tiny.yaml --with mass=1 --with mass=2", "--with: 'mass' is given twice; keep one"),
        ("tiny.yaml --plugin missing_physics", "--plugin missing_physics: No module named 'missing_physics'"),
        ("tiny.yaml --plugin massive_physics.py", "--plugin massive_physics.py: give the name of a module"),
        ("massive.yaml", "generator 'tests.mass'"),
    ],
)
def test_refused(
    npi: Callable, folder: Path, command: str, name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(GENERATORS, "tests.mass", raising=False)
    (folder / "folder.yaml").mkdir()
    assert message in npi(f"{command} {name}").refused()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise ValueError('first\\nsecond')", "importing it raised ValueError: first second"),
        ("def broken(", "importing it raised SyntaxError: '(' was never closed"),
        ("import nowhere_to_be_found", "No module named 'nowhere_to_be_found'"),
    ],
)
def test_plugin_that_cannot_be_imported(npi: Callable, folder: Path, text: str, message: str) -> None:
    (folder / "bad_physics.py").write_text(text, encoding="utf-8")
    assert npi("fit tiny.yaml --plugin bad_physics").refused().startswith(f"npinfer: --plugin bad_physics: {message}")


def test_plugin_in_the_working_folder(npi: Callable) -> None:
    assert "mu" in npi("fit massive.yaml --plugin massive_physics").done()
    assert "passed" in npi("validate massive.yaml --plugin massive_physics").done()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--at mu=1", "--at is the truth of Asimov data: give --asimov too"),
        ("--asimov --data counts.csv", "--asimov and --data exclude each other; drop one"),
        ("--asimov --at mu=200", "parameter 'tiny.mu': 200 is outside its bounds [0, 10]"),
        ("--asimov --at muu=2", "unknown parameter 'muu': did you mean 'mu'?"),
    ],
)
def test_asimov_refused(npi: Callable, options: str, message: str) -> None:
    assert message in npi(f"interval tiny.yaml {options}").refused()


def test_asimov_returns_its_truth(npi: Callable) -> None:
    out = npi("fit tiny.yaml --asimov --at mu=2 --at level=1.25").done()
    assert "(asimov data)" in out
    rows = {line.split()[0]: line.split()[1] for line in out.splitlines() if line}
    assert float(rows["mu"]) == pytest.approx(2)
    assert float(rows["level"]) == pytest.approx(1.25)


def test_data_from_a_file(npi: Callable, folder: Path) -> None:
    out = npi("fit tiny.yaml --data counts.csv").done()
    assert "low 3 seen" in out
    assert "high 4 seen" in out
    (folder / "excel.csv").write_bytes(
        "channel,counts\r\nlow,1\r\nlow,2\r\nhigh,3\r\nhigh,1\r\nhigh,0\r\n".encode("utf-8-sig")
    )
    assert npi("fit tiny.yaml --data excel.csv").done() == out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "channel,counts\nlow,1\nlow,2\nhigh,3\n",
            "data.csv: channel 'high' has 3 bins; found 1 rows: give one row a bin",
        ),
        ("channel,counts\n", "data.csv: channel 'low' has 2 bins; found 0 rows"),
        ("", "data.csv: expected the columns channel and counts; found none"),
        ("channel,count\nlow,1\n", "data.csv: expected the columns channel and counts; found channel, count"),
        (
            "channel,counts,more\nlow,1,2\n",
            "data.csv: expected the columns channel and counts; found channel, counts, more: "
            "give these two alone, a row for each bin in the order of the axes",
        ),
        ("channel,counts\nlow,1,7\n", "data.csv:2: expected 2 values, channel and counts; found 3"),
        ("channel,counts\nlow\n", "data.csv:2: expected 2 values, channel and counts; found 1"),
        ("channel,counts\n\n# note\nlow,nan\n", "data.csv:4: 'nan' is not a finite number"),
        ("channel,counts\nlow,many\n", "data.csv:2: 'many' is not a number"),
        ("channel,counts\nlow,\n", "data.csv:2: '' is not a number"),
        ("channel,counts\nlow,-1\n", "data.csv:2: -1 is negative; counts are 0 or more"),
        ("channel,counts\nmid,1\n", "data.csv:2: unknown channel 'mid'; known: low, high"),
        ('channel,counts\n"low,1\n', "data.csv: not a CSV file"),
    ],
)
def test_data_refused(npi: Callable, folder: Path, text: str, message: str) -> None:
    (folder / "data.csv").write_text(text, encoding="utf-8")
    assert message in npi("fit tiny.yaml --data data.csv").refused()


def test_data_that_is_no_text(npi: Callable, folder: Path) -> None:
    (folder / "data.csv").write_bytes(b"\xff\xfe\xb0\x81")
    assert "data.csv: not a text file in UTF-8" in npi("fit tiny.yaml --data data.csv").refused()
    assert "cannot be read: Is a directory; --data takes a CSV file" in npi("fit tiny.yaml --data .").refused()
    assert "missing.csv: cannot be read: No such file" in npi("fit tiny.yaml --data missing.csv").refused()


def test_list_and_describe(npi: Callable) -> None:
    assert "icecube_hese" in npi("list").done()
    out = npi("describe tiny.yaml").done()
    for word in ("A tiny likelihood", "mass", "observed counts", "background", "1 ± 0.2"):
        assert word in out


def test_unknown_parameter_of_a_shipped_likelihood(npi: Callable) -> None:
    assert (
        "unknown parameter 'astro_gama': did you mean 'astro_gamma'?"
        in npi("interval icecube_hese --poi astro_gama").refused()
    )


def test_a_grid_over_bounds_without_an_end_has_to_be_given(npi: Callable, folder: Path) -> None:
    text = (folder / "tiny.yaml").read_text(encoding="utf-8")
    endless = re.sub(r"(mu: \{[^}]*bounds: \[[^,]*,)[^\]]*\]", r"\1 .inf]", text)
    assert ".inf]" in endless
    (folder / "endless.yaml").write_text(endless, encoding="utf-8")
    said = npi("profile endless.yaml").refused()
    assert said.endswith("over which no grid can be laid; give mu=LOW:HIGH:POINTS")
    assert "mu" in npi("profile endless.yaml mu=0:2:3").done()
