"""impacts: closed forms of a linear model, a loop of fits, and parameters at bounds or without information."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer.core.result import Impact
from npinfer.errors import ParameterError
from npinfer.inference.executor import RunOptions
from npinfer.likelihood.binned import BinnedLikelihood

ONE_SIGMA = 0.6826894921370859
LINEAR = """\
schema: npinfer/likelihood/1
name: linear
kind: real
status: illustrative
poi: mu
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [1.0e+6]}}
samples:
  signal: {template: {count: [2.0e+5]}, scale: mu}
  one: {template: {count: [5.0e+5]}, scale: one}
  two: {template: {count: [2.0e+5]}, scale: two}
  three: {template: {count: [1.0e+5]}, scale: three}
parameters:
  mu: {init: 0.9, bounds: [0, 5]}
  one: {init: 1.0, bounds: [0, 2], constraint: {normal: {mean: 1.0, sigma: 2.0e-3}}, group: theory}
  two: {init: 1.0, bounds: [0, 2], constraint: {normal: {mean: 1.0, sigma: 1.0e-2}}, group: detector}
  three:
    {init: 1.0, bounds: [0, 2], constraint: {two_sided_normal: {mean: 1.0, sigma_up: 0.02, sigma_down: 0.01}},
     group: detector}
"""
SLOPES = {"linear.one": 2.5, "linear.two": 1.0, "linear.three": 0.5}  # of mu: counts of each over those of the signal


def find(result: Any, name: str) -> Impact:
    return next(p for p in result.parameters if p.name.endswith(name))


def test_closed_form_of_a_linear_model(make: Callable[[str], BinnedLikelihood]) -> None:
    """One bin leaves the constraints as they are, and mu moves to keep the sum."""
    found = npinfer.impacts(make(LINEAR))
    assert found.best == pytest.approx(1.0, abs=1e-8)
    assert [p.name for p in found.parameters] == ["linear.two", "linear.three", "linear.one"]
    for p, sigma in zip(found.parameters, (0.01, np.nan, 0.002), strict=True):
        if p.name != "linear.three":  # two standard deviations have no single post-fit one
            assert (p.error, p.pull_error) == pytest.approx((sigma, 1.0), rel=1e-5)
            assert (p.down, p.up) == pytest.approx((SLOPES[p.name] * sigma, -SLOPES[p.name] * sigma), rel=1e-5)
            assert (p.prefit_down, p.prefit_up) == pytest.approx((p.down, p.up), rel=1e-5)
        assert p.pull == pytest.approx(0.0, abs=1e-6)
        assert p.down / p.error == pytest.approx(SLOPES[p.name], rel=1e-6)
    three = find(found, "three")
    assert (three.prefit_down, three.prefit_up) == pytest.approx((0.5 * 0.01, -0.5 * 0.02), rel=1e-6)


def test_groups_add_up_in_quadrature(make: Callable[[str], BinnedLikelihood]) -> None:
    """σ² = (N + Σ (B σ_B)²) / S² of a linear model whose parameters the data do not correlate."""
    two_sided, one_sided = "two_sided_normal: {mean: 1.0, sigma_up: 0.02, sigma_down", "normal: {mean: 1.0, sigma"
    found = npinfer.impacts(make(LINEAR.replace(two_sided, one_sided)))
    parts = {"theory": 2.5 * 0.002, "detector": np.hypot(0.01, 0.5 * 0.01)}
    statistical = 1e3 / 2e5
    assert {g.name for g in found.groups} == set(parts)
    for group in found.groups:
        assert (group.down, group.up) == pytest.approx((parts[group.name],) * 2, rel=3e-3)
    assert (found.statistical.down, found.statistical.up) == pytest.approx((statistical,) * 2, rel=3e-3)
    systematic = np.hypot(*parts.values())
    assert (found.systematic.down, found.systematic.up) == pytest.approx((systematic,) * 2, rel=3e-3)
    assert (found.down, found.up) == pytest.approx((np.hypot(systematic, statistical),) * 2, rel=3e-3)
    assert sum(g.up**2 for g in found.groups) + found.statistical.up**2 == pytest.approx(found.up**2, rel=1e-3)


def test_against_a_loop_of_fits(small: BinnedLikelihood) -> None:
    """Every shift is the difference of two fits, every group that of two intervals."""
    fixed = {"coupling": 1.0}
    found, best = npinfer.impacts(small, fixed=fixed), npinfer.fit(small, fixed=fixed)
    assert {p.name for p in found.parameters} == set(best.free) - {"small.mu"}
    for p in found.parameters:
        assert (p.value, p.error) == pytest.approx((best.values[p.name], best.errors[p.name]), rel=1e-6)
        assert (p.pull, p.pull_error) == pytest.approx((best.pulls[p.name], best.pull_errors[p.name]), rel=1e-5)
        for shift, sign in ((p.down, -1), (p.up, 1)):
            low, high = small.parameters[p.name].bounds
            moved = npinfer.fit(small, fixed={**fixed, p.name: np.clip(p.value + sign * p.error, low, high)})
            assert shift == pytest.approx(moved.values["small.mu"] - best.values["small.mu"], abs=2e-6)
    sizes = [p.size for p in found.parameters]
    assert sizes == sorted(sizes, reverse=True)
    held = {n: best.values[n] for n in best.free if n != "small.mu"}
    rest = npinfer.interval(small, "mu", cl=ONE_SIGMA, fixed={**fixed, **held})
    assert found.statistical.up == pytest.approx(rest.upper - rest.best, rel=1e-5)
    assert found.systematic.up == pytest.approx(np.sqrt(found.up**2 - found.statistical.up**2), rel=1e-6)


def test_prefit_steps_are_those_of_the_constraints(small: BinnedLikelihood) -> None:
    """The log-normal constraint is σ times its mean wide, the Poisson one √count / rate."""
    found, best = npinfer.impacts(small), npinfer.fit(small)
    for name, width in (("small.level", 0.33), ("small.rate", 3 / 8), ("small.lumi", 0.02)):
        p = find(found, name)
        moved = npinfer.fit(small, fixed={name: best.values[name] + width})
        assert p.prefit_up == pytest.approx(moved.values["small.mu"] - best.values["small.mu"], abs=2e-6)


def test_a_poi_at_its_bound(make: Callable[[str], BinnedLikelihood]) -> None:
    """Shifts that would lower it are cut; its error has one end, and that is said."""
    found = npinfer.impacts(make(LINEAR.replace("bounds: [0, 5]", "bounds: [1.0005, 5]").replace("0.9", "1.1")))
    assert found.best == 1.0005
    assert np.isnan(found.down)
    assert found.up > 0
    two = find(found, "two")
    assert two.up == 0.0
    assert two.down > 0
    assert "linear.mu is at its bound 1.0005: shifts beyond it are cut to 0" in found.message
    assert "(bound below) +" in found.describe()


def test_a_nuisance_at_its_bound(make: Callable[[str], BinnedLikelihood]) -> None:
    """Its one-sided step ends where its profile does."""
    text = LINEAR.replace("one: {init: 1.0, bounds: [0, 2]", "one: {init: 1.01, bounds: [1.001, 2]")
    likelihood = make(text)
    one = find(npinfer.impacts(likelihood), "one")
    end = npinfer.interval(likelihood, "one", cl=ONE_SIGMA).upper
    moved, best = (npinfer.fit(likelihood, fixed=f).values["linear.mu"] for f in ({"one": end}, {}))
    assert one.value == 1.001
    assert np.isnan(one.error)
    assert np.isnan(one.down)
    assert one.up == pytest.approx(moved - best, rel=1e-6)
    assert one.note == "at its lower bound 1.001: one-sided, to the end of its profile interval"


def test_a_step_that_would_leave_the_bounds(make: Callable[[str], BinnedLikelihood]) -> None:
    text = LINEAR.replace("one: {init: 1.0, bounds: [0, 2]", "one: {init: 1.0, bounds: [0.999, 2]")
    one = find(npinfer.impacts(make(text)), "one")
    assert (one.down, one.up) == pytest.approx((2.5 * 0.001, -2.5 * 0.002), rel=1e-4)
    assert one.note == "a step ends at its bound"


def test_what_the_data_do_not_know(make: Callable[[str], BinnedLikelihood]) -> None:
    """A parameter without effect has no shift; it does not disturb the others."""
    idle = "  idle: {init: 1.0, bounds: [0, 2]}\n"
    text = LINEAR.replace("samples:\n", "samples:\n  none: {template: {count: [0]}, scale: idle}\n") + idle
    found = npinfer.impacts(make(text))
    p = find(found, "idle")
    assert p.note == "not identified by these data"
    assert np.isnan([p.error, p.down, p.up]).all()
    assert find(found, "two").up == pytest.approx(-0.01, rel=1e-5)
    assert found.parameters[-1] is p


def test_nothing_else_is_free(counting: BinnedLikelihood) -> None:
    found = npinfer.impacts(counting)
    assert found.parameters == found.groups == ()
    assert found.statistical.up == pytest.approx(found.up)
    assert found.systematic.up == 0.0


def test_fractions_stay_a_simplex() -> None:
    """Impacts between flavour fractions: a step of one leaves room for the other."""
    likelihood = npinfer.load("icecube_hese", composition="flavour")
    fixed = {n: v for n, v in npinfer.fit(likelihood).values.items() if n not in ("f_e", "f_mu", "astro_norm")}
    found = npinfer.impacts(likelihood, "f_mu", fixed=fixed)
    p = find(found, "f_e")
    assert np.isfinite([p.down, p.up]).any()
    assert found.best + max(p.down, p.up) <= 1 + 1e-9


def test_the_same_on_any_executor_and_saved(small: BinnedLikelihood, tmp_path: Any) -> None:
    serial = npinfer.impacts(small)
    with ThreadPoolExecutor(2) as pool:
        threads = npinfer.impacts(small, run=RunOptions(executor=pool))
    assert [p.up for p in serial.parameters] == [p.up for p in threads.parameters]
    kept = npinfer.impacts(small, run=RunOptions(out=tmp_path))
    assert [p.up for p in kept.parameters] == [p.up for p in serial.parameters]
    again = npinfer.load_result(serial.save(tmp_path / "impacts.json"))
    assert again.to_dict() == serial.to_dict()
    assert again.describe() == serial.describe()  # type: ignore[attr-defined]


def test_a_fixed_poi_is_refused(small: BinnedLikelihood) -> None:
    with pytest.raises(ParameterError, match=r"'small\.mu' is fixed: impacts on it need it free"):
        npinfer.impacts(small, fixed={"mu": 1.0})
