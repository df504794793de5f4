"""validate finds what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import npinfer
from npinfer.errors import NpinferError

DECLARED = """
validation:
  - {verb: fit, quantity: values.small.lumi, value: 1.02, tolerance: 0.02, source: the constraint}
  - {verb: fit, fixed: {mu: 2}, quantity: values.mu, value: 3, tolerance: 0.5, source: a mistake}
  - {verb: expected, at: {mu: 2}, quantity: samples.signal.high, value: 14, tolerance: 1.0e-9, source: arithmetic}
  - {verb: expected, quantity: samples.all, value: 36.25, tolerance: 1.0e-9, source: arithmetic}
  - {verb: interval, poi: lumi, cl: 0.6827, quantity: upper_error, value: 0.02, tolerance: 0.002, source: a width}
"""


def test_shipped_likelihood_passes() -> None:
    validation = npinfer.validate("icecube_hese")
    failed = [c for c in validation.checks if not c.passed]
    assert failed == []
    assert len(validation.checks) >= 12


def test_every_declared_number_is_compared(write: Callable[..., Path], small_text: str) -> None:
    found = npinfer.validate(write(small_text + DECLARED))
    assert [c.passed for c in found.checks[4:]] == [True, False, True, True, True]
    assert not found.passed
    assert "FAILED" in str(found.table())
    assert found.checks[5].found == 2.0


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{verb: fit, quantity: valus.mu, value: 1, tolerance: 1, source: x}", "unknown quantity 'valus'"),
        ("{verb: fit, quantity: values.mo, value: 1, tolerance: 1, source: x}", "unknown parameter 'mo'"),
        ("{verb: expected, quantity: mu, value: 1, tolerance: 1, source: x}", "unknown quantity 'mu'"),
        ("{verb: interval, poi: mu, quantity: middle, value: 1, tolerance: 1, source: x}", "unknown quantity 'middle'"),
    ],
)
def test_unknown_quantities_are_named(write: Callable[..., Path], small_text: str, entry: str, said: str) -> None:
    with pytest.raises(NpinferError, match=said):
        npinfer.validate(write(small_text + f"validation:\n  - {entry}\n"))
