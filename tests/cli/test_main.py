"""The command itself: help, versions, wrong words, and faults nobody foresaw."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from npinfer.cli.main import COMMANDS


@pytest.mark.parametrize("line", ["", "--help", "-h"])
def test_help_orients_the_newcomer(npi: Callable, line: str) -> None:
    out = npi(line).done()
    assert "npinfer list" in out
    assert "npinfer fit --help" in out
    assert all(f"  {name} " in out for name in COMMANDS)
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(npi: Callable, name: str) -> None:
    out = npi(f"{name} --help").done()
    assert out.startswith(f"Usage: npinfer {name}")
    assert "--verbose" in out


def test_version(npi: Callable) -> None:
    out = npi("--version").done()
    assert "npinfer" in out
    assert f"python {sys.version_info.major}.{sys.version_info.minor}" in out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "npinfer: unknown command 'nonsense'; known: list, describe, fit"),
        ("ft tiny.yaml", "npinfer: unknown command 'ft': did you mean 'fit'?"),
        ("tiny.yaml fit", "the command comes first: npinfer fit ..."),
        ("--quiet fit tiny.yaml", "No such option '--quiet' (options follow the command; see npinfer --help)"),
        ("fit", "npinfer fit: Missing argument 'NAME' (see npinfer fit --help)"),
        ("fit tiny.yaml extra", "npinfer fit: Got unexpected extra argument (extra)"),
        ("limit tiny.yaml mu", "argument (mu) (a parameter is named by --poi mu; see npinfer limit --help)"),
        ("fit tiny.yaml mu", "npinfer fit: Got unexpected extra argument (mu) (see npinfer fit --help)"),
        ("fit tiny.yaml --fixx mu=1", "npinfer fit: No such option '--fixx'. Did you mean '--fix'? (see npinfer fit"),
        ("fit tiny.yaml --fix", "npinfer fit: Option '--fix' requires an argument"),
        ("fit tiny.yaml --minimiser best", "'best' is not one of 'native', 'migrad'"),
        ("list extra", "npinfer list: Got unexpected extra argument (extra)"),
    ],
)
def test_wrong_words(npi: Callable, line: str, message: str) -> None:
    assert message in npi(line).err
    assert "Traceback" not in npi(line).err
    assert npi(line).code == 2


def test_a_fault_nobody_foresaw_is_one_line(npi: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object, **options: object) -> None:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr("npinfer.cli.fit.fit", fail)
    outcome = npi("fit tiny.yaml")
    assert outcome.code == 2
    assert outcome.err.startswith("npinfer: unexpected RuntimeError in test_main.py:")
    assert outcome.err.endswith(": first second (run again with --verbose to see where)\n")
    assert "Traceback" in npi("fit tiny.yaml --verbose").err


def test_verbose_says_what_is_done(npi: Callable) -> None:
    outcome = npi("fit tiny.yaml --verbose --quiet --json fit.json")
    assert outcome.code == 0
    assert outcome.out == ""
    assert "loaded tiny.yaml with {'mode': 'plain'" in outcome.err
    assert "saved fit.json" in outcome.err
    assert npi("fit tiny.yaml --quiet").err == ""
