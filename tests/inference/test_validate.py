"""validate finds what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer.errors import NpinferError
from npinfer.likelihood.pyhf_model import pyhf_data

validate_module = import_module("npinfer.inference.validate")

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


def test_a_density_that_is_not_a_number_is_not_the_same(
    write: Callable[..., Path], small_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(small_text)
    assert npinfer.validate(path).checks[0].passed
    monkeypatch.setattr(validate_module, "pyhf_data", lambda likelihood: np.nan * pyhf_data(likelihood))
    assert not npinfer.validate(path).checks[0].passed


FAR = """\
schema: npinfer/likelihood/1
name: far
kind: real
status: illustrative
channels: {count: {axes: {x: {edges: [0, 1, 2]}}, observed: [5, 2]}}
samples:
  all: {template: {count: [5, 3]}, systematics: [{name: tilt, kind: histosys, up: {count: [9, 0]}, mirror: true}]}
"""


def test_points_where_the_data_are_impossible_are_not_compared(write: Callable[..., Path]) -> None:
    """Beyond 1.25 standard deviations either way nothing is expected where something is seen."""
    path = write(FAR)
    far = npinfer.load(path)
    points = validate_module._random_points(far, 3)
    assert not np.isfinite(far.logpdf(points)).all()
    assert all(np.isfinite(far.logpdf(validate_module._possible(far, point))) for point in points)
    assert npinfer.validate(path).checks[0].passed


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


SQUARE = """\
schema: npinfer/likelihood/1
name: square
kind: real
status: illustrative
channels: {count: {axes: {x: {edges: [0, 1, 2]}}, observed: [900, 800]}}
samples:
  background: {template: {count: [900, 800]}, scale: level}
  signal: {template: {count: [9, 10]}, scale: {power: 2}}
parameters:
  level: {init: 1.0, bounds: [0.5, 1.5]}
  power: {init: 1.0, bounds: [0, 100]}
"""


def test_a_truth_without_information_is_returned_too(write: Callable[..., Path]) -> None:
    """Counts do not change at first order where the parameter is 0: its value is known only to the fourth root."""
    found = npinfer.validate(write(SQUARE))
    assert [c.name for c in found.checks if not c.passed] == []


def test_an_asimov_fit_that_misses_its_truth_fails(
    write: Callable[..., Path], small_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fit = write(small_text), validate_module.fit
    (check,) = [c for c in npinfer.validate(path).checks if c.name.startswith("Asimov fit")]
    assert check.passed
    away = npinfer.load(path).parameters["mu"].bounds[1]
    monkeypatch.setattr(validate_module, "fit", lambda likelihood: fit(likelihood, fixed={"mu": away}))
    (check,) = [c for c in npinfer.validate(path).checks if c.name.startswith("Asimov fit")]
    assert not check.passed
    assert check.found > 0.01


def test_parameters_without_bounds(write: Callable[..., Path], small_text: str) -> None:
    """They are tried around their start values."""
    text = re.sub(r"(mu: \{init: [^,]*, bounds: \[[^,]*,)[^\]]*\]", r"\1 .inf]", small_text)
    assert ".inf]" in text
    assert npinfer.validate(str(write(text, "endless.yaml"))).passed
