"""Random command lines: one line on stderr and code 2, or an answer."""

from __future__ import annotations

from random import Random

import pytest

from npinfer.cli.main import COMMANDS

from .commands import check, line, run_case
from .mutate import case_folder, fuzzed


@fuzzed(80)
def test_commands_end_as_promised(seed: int) -> None:
    with case_folder() as folder:
        assert run_case(folder, Random(seed), slow=False)[0] in "012"


def test_every_command_is_tried() -> None:
    tried = {line(Random(i))[0] for i in range(500)}
    assert tried >= set(COMMANDS)


@pytest.mark.parametrize(
    ("code", "out", "err"),
    [
        (2, "", "npinfer: unexpected KeyError in fit.py:1: 'x' (run again with --verbose to see where)\n"),
        (2, "", "Traceback (most recent call last):\n"),
        (2, "", "npinfer: one\nnpinfer: two\n"),
        (2, "half an answer", "npinfer: no\n"),
        (0, "mu  nan", ""),
        (0, "", "a warning\n"),
        (1, "", "npinfer: no\n"),
    ],
)
def test_what_ends_otherwise_is_seen(code: int, out: str, err: str) -> None:
    with pytest.raises(AssertionError):
        check(["fit", "counting.yaml"], code, out, err)
