"""The command line as a user meets it: a folder with files, and functions that run a command in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import npinfer
from npinfer.cli.main import run as run_command

TINY = """\
schema: npinfer/likelihood/1
name: tiny
kind: real
status: illustrative
title: A tiny likelihood
poi: mu
configuration:
  mode: {default: plain, choices: [plain, fancy]}
  mass: {default: 1.0, unit: GeV}
  label: {default: anything}
channels:
  low: {axes: {energy_gev: {edges: [1, 2, 4]}}, observed: [12, 3]}
  high: {axes: {energy_gev: {log: [10, 1000, 3]}}, observed: [4, 0, 2]}
samples:
  signal: {template: {low: [2, 1], high: [4, 2, 1]}, scale: mu}
  background: {template: {low: [8, 4], high: [1, 0.5, 0.25]}, scale: level}
parameters:
  mu: {init: 1.0, bounds: [0, 10]}
  level: {init: 1.0, bounds: [0.1, 5], constraint: {normal: {mean: 1.0, sigma: 0.2}}}
"""
MASSIVE = TINY.replace("name: tiny", "name: massive").replace(
    "{template: {low: [2, 1], high: [4, 2, 1]}, scale: mu}", "{generator: tests.mass}"
)
SLOW = MASSIVE.replace("tests.mass", "tests.slow")
PLUGIN = '''\
"""Counts that fall with the square of a configured mass, and the same counts slowly."""

import time
from pathlib import Path

import numpy as np

from npinfer import generator


@generator("tests.mass")
def mass(inputs, channels, configuration):
    scale = configuration["mass"] ** -2

    def counts(*, mu):
        rate = scale * np.asarray(mu)[:, None]
        return {"low": rate * np.array([2.0, 1.0]), "high": rate * np.array([4.0, 2.0, 1.0])}

    return counts


@generator("tests.slow")
def slow(inputs, channels, configuration):
    fast = mass(inputs, channels, configuration)

    def counts(*, mu):
        if len(mu) > 16:  # a chunk of points
            Path("working").touch()
            time.sleep(0.01)
        return fast(mu=mu)

    return counts
'''
COUNTS = "# made up\nchannel,counts\nlow,1\nlow,2\nhigh,3\nhigh,1\nhigh,0\n"


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    def refused(self) -> str:
        """The one line that says why the command was refused."""
        assert self.code == 2
        assert self.out == ""
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1
        assert "npinfer: unexpected" not in self.err
        return self.err.strip()

    def done(self) -> str:
        """What a command printed that ended well."""
        assert (self.code, self.err) == (0, "")
        return self.out


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's working folder."""
    for name, text in {
        "tiny.yaml": TINY,
        "massive.yaml": MASSIVE,
        "slow.yaml": SLOW,
        "massive_physics.py": PLUGIN,
        "counts.csv": COUNTS,
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    return tmp_path


@pytest.fixture
def npi(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command in this process: npi("fit tiny.yaml")."""

    def call(line: str, *more: str) -> Outcome:
        code = run_command([*line.split(), *more])
        return Outcome(code, *capsys.readouterr())

    return call


@pytest.fixture
def start(folder: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start a command in a process of its own."""

    def call(line: str) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": str(Path(npinfer.__file__).parents[1])}
        command = [sys.executable, "-m", "npinfer.cli", *line.split()]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        default = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # whatever the test's own parent ignores
        return subprocess.Popen(
            command, cwd=folder, env=environment, text=True, start_new_session=True, preexec_fn=default, **pipes
        )

    return call
