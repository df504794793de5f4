"""calibrate, and intervals and contours that use it: Feldman and Cousins' tables, toys against all outcomes, faults."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import poisson

import npinfer
from npinfer import RunOptions
from npinfer.core import wilks
from npinfer.core.dataset import Dataset
from npinfer.core.result import Calibration
from npinfer.errors import ConfigurationError, InferenceError, ParameterError
from npinfer.inference.executor import Interrupted
from npinfer.likelihood.binned import BinnedLikelihood

Make = Callable[[str], BinnedLikelihood]
ONE_BIN = """\
schema: npinfer/likelihood/1
name: one_bin
kind: real
status: illustrative
poi: s
channels: {{count: {{axes: {{x: {{linear: [0, 1, 1]}}}}, observed: [{n}]}}}}
samples:
  signal: {{template: {{count: [1]}}, scale: s}}
  background: {{template: {{count: [{b}]}}{scale}}}
parameters:
  s: {{init: 0.5, bounds: [0, 50]}}
{more}
"""
STEP = 0.005  # of the grid that Feldman and Cousins' tables were made on
LEVELS = (0.6827, 0.90, 0.95)
# Tables II, IV and VI of Phys. Rev. D 57 (1998) 3873: {(cl, b): ((lower, upper) for n = 0, 1, ...)}. Those for b > 0
# are recalled and kept because an independent belt below gives them too.
PRINTED = {
    (0.6827, 0.0): (
        *((0.00, 1.29), (0.37, 2.75), (0.74, 4.25), (1.10, 5.30), (2.34, 6.78), (2.75, 7.81), (3.82, 9.28)),
        *((4.25, 10.30), (5.30, 11.32)),
    ),
    (0.90, 0.0): (
        *((0.00, 2.44), (0.11, 4.36), (0.53, 5.91), (1.10, 7.42), (1.47, 8.60), (1.84, 9.99), (2.21, 11.47)),
        *((3.56, 12.53), (3.96, 13.99), (4.36, 15.30), (5.50, 16.50)),
    ),
    (0.90, 0.5): (
        *((0.00, 1.94), (0.00, 3.86), (0.03, 5.41), (0.60, 6.92), (1.17, 8.10), (1.53, 9.49), (1.90, 10.97)),
        *((3.06, 12.03), (3.46, 13.49), (3.86, 14.80), (5.00, 16.00)),
    ),
    (0.90, 1.0): (
        *((0.00, 1.61), (0.00, 3.36), (0.00, 4.91), (0.10, 6.42), (0.74, 7.60), (1.25, 8.99), (1.61, 10.47)),
        *((2.56, 11.53), (2.96, 12.99), (3.36, 14.30), (4.50, 15.50)),
    ),
    (0.90, 3.0): (
        *((0.00, 1.08), (0.00, 1.88), (0.00, 3.04), (0.00, 4.42), (0.00, 5.60), (0.00, 6.99), (0.15, 8.47)),
        *((0.89, 9.53), (1.51, 10.99), (1.88, 12.30), (2.63, 13.50)),
    ),
    (0.95, 0.0): ((0.00, 3.09),),
}


def one_bin(make: Make, n: float, b: float, *, measured: bool = False) -> BinnedLikelihood:
    scale, more = ("", "")
    if measured:
        scale = ", scale: level"
        more = "  level: {init: 1, bounds: [0.01, 5], constraint: {normal: {mean: 1, sigma: 0.3}}}"
    return make(ONE_BIN.format(n=n, b=b, scale=scale, more=more))


@cache
def belt(b: float, cl: float) -> np.ndarray:
    """The ends for n = 0 … 10, (11, 2), by the construction of the paper written down directly."""
    s, n = np.arange(0, 22, STEP), np.arange(60)
    p = poisson.pmf(n, s[:, None] + b)
    order = np.argsort(-p / poisson.pmf(n, np.maximum(n, b)), axis=1, kind="stable")
    total = np.cumsum(np.take_along_axis(p, order, axis=1), axis=1)
    needed = np.argmax(total >= cl - 1e-12, axis=1)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(len(n))[None].repeat(len(s), axis=0), axis=1)
    accepted = rank <= needed[:, None]
    return np.array([[s[accepted[:, i]].min(), s[accepted[:, i]].max()] for i in range(11)])


def never_growing(b: float, cl: float) -> np.ndarray:
    """Upper ends for n = 0 … 10 with the paper's rule: none is smaller than that for a larger background."""
    larger = np.concatenate([np.arange(b, b + 1.5, 0.02), np.arange(b + 1.5, b + 6, 0.25)])
    return np.max([belt(float(round(x, 4)), cl)[:, 1] for x in larger], axis=0)


@pytest.mark.slow
@pytest.mark.parametrize("b", [0.0, 0.5, 1.0, 3.0])
def test_feldman_and_cousins_tables(make: Make, b: float) -> None:
    likelihood = one_bin(make, 3, b)
    calibration = npinfer.calibrate(likelihood, {"s": np.arange(0, 21, STEP)}, n_toys=0)
    for cl in LEVELS:
        found = []
        for n in range(11):
            data = Dataset({"count": np.array([n])})
            one = npinfer.interval(likelihood.with_data(data), "s", cl=cl, calibration=calibration)
            found.append((one.lower, one.upper))
        np.testing.assert_allclose(found, belt(b, cl), atol=1.01 * STEP)
        for ours, printed in zip(found, PRINTED.get((cl, b), ()), strict=False):
            assert ours[0] == pytest.approx(printed[0], abs=0.005 + STEP)
            if (b, printed) != (3.0, (0.00, 1.08)):  # the rule changes this end, see the next test
                assert ours[1] == pytest.approx(printed[1], abs=0.005 + STEP)


@pytest.mark.slow
def test_upper_ends_that_never_grow_with_the_background() -> None:
    """With the paper's rule, where it changes something: no event at b = 3."""
    raw, ruled = belt(3.0, 0.90)[:, 1], never_growing(3.0, 0.90)
    assert raw[0] == pytest.approx(0.95, abs=STEP)
    printed = [upper for _, upper in PRINTED[0.90, 3.0]]
    np.testing.assert_allclose(ruled, printed, atol=0.005 + STEP)


def test_exact_critical_values_have_the_coverage_they_say(make: Make) -> None:
    found = npinfer.calibrate(one_bin(make, 3, 1.0), {"s": np.linspace(0, 12, 49)}, n_toys=0)
    assert found.exact
    n = np.arange(80)
    for cl in (0.68, 0.9, 0.95):
        for s, critical in zip(found.grid["one_bin.s"], found.critical(cl), strict=True):
            best = np.maximum(n - 1.0, 0.0) + 1.0
            t = 2 * (s + 1 - best - n * np.log((s + 1) / best))
            inside = poisson.pmf(n, s + 1)[t <= critical + 1e-9].sum()
            assert inside >= cl - 1e-9
            assert poisson.pmf(n, s + 1)[t < critical - 1e-9].sum() < cl  # no smaller value would do


def test_toys_agree_with_all_outcomes(make: Make) -> None:
    likelihood, grid = one_bin(make, 3, 1.0), {"s": np.array([0.0, 1.0, 2.5, 6.0])}
    exact = npinfer.calibrate(likelihood, grid, n_toys=0)
    toys = npinfer.calibrate(likelihood, grid, n_toys=4000, run=RunOptions(seed=1))
    for i in range(4):
        for t in np.unique(exact.statistic[i, 0][exact.weights[i, 0] > 0.02]):
            p = exact.weights[i, 0][exact.statistic[i, 0] >= t - 1e-9].sum()
            counted = (toys.statistic[i, 0] >= t - 1e-6).mean()
            assert counted == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 4000) + 1e-9)


def test_nuisances_without_auxiliary_data_are_profiled_exactly(make: Make) -> None:
    """Two bins: one sees the background alone, the on-off problem without a measured background."""
    text = ONE_BIN.format(n=3, b=1, scale=", scale: level", more="  level: {init: 1, bounds: [0.01, 10]}")
    text = text.replace("[0, 1, 1]}}, observed: [3]", "[0, 1, 2]}}, observed: [3, 2]")
    text = text.replace("count: [1]}, scale: s", "count: [1, 0]}, scale: s")
    text = text.replace("count: [1]}, sc", "count: [1, 2]}, sc")
    likelihood, grid = make(text), {"s": np.array([0.5, 4.0])}
    exact = npinfer.calibrate(likelihood, grid, n_toys=0)
    toys = npinfer.calibrate(likelihood, grid, n_toys=3000)
    assert exact.weights.sum(axis=-1) == pytest.approx(np.ones((2, 1)), abs=1e-6)
    for cl in (0.68, 0.9):
        low, high = toys.critical_range(cl)
        assert (exact.critical(cl) >= low - 0.05).all()
        assert (exact.critical(cl) <= high + 0.05).all()


def test_many_events_give_wilks_thresholds(make: Make) -> None:
    text = ONE_BIN.format(n=3100, b=100, scale="", more="").replace("count: [1]", "count: [100]")
    found = npinfer.calibrate(make(text), {"s": np.array([30.0, 40.0])}, n_toys=4000)
    for cl in (0.68, 0.9, 0.95):
        assert found.critical(cl) == pytest.approx(np.full(2, wilks.threshold(cl)), rel=0.12)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> BinnedLikelihood:
    path = tmp_path_factory.mktemp("calibrate") / "one_bin.yaml"
    more = "  level: {init: 1, bounds: [0.01, 5], constraint: {normal: {mean: 1, sigma: 0.3}}, group: level}"
    path.write_text(ONE_BIN.format(n=4, b=2, scale=", scale: level", more=more), encoding="utf-8")
    return npinfer.load(path)


@pytest.fixture(scope="module")
def toys(measured: BinnedLikelihood) -> Calibration:
    return npinfer.calibrate(measured, {"s": np.linspace(0, 14, 15)}, n_toys=300)


def test_truths_are_conditional_fits(measured: BinnedLikelihood, toys: Calibration) -> None:
    for s, level in zip(toys.grid["one_bin.s"], toys.values["one_bin.level"], strict=True):
        fitted = npinfer.fit(measured, fixed={"s": s}).values["one_bin.level"]
        assert level == pytest.approx(fitted, abs=1e-5)


def test_a_calibrated_interval_is_where_t_is_below_the_critical_value(
    measured: BinnedLikelihood, toys: Calibration
) -> None:
    found = npinfer.interval(measured, "s", cl=0.9, calibration=toys)
    for end in (found.lower, found.upper):
        scan = npinfer.profile(measured, {"s": [end]})
        if end not in (0.0, 50.0):
            assert scan.delta_twice_nll[0] == pytest.approx(toys.at(0.9, np.array([[end]]))[0], abs=1e-4)
    assert "Feldman–Cousins with 300 toys a point" in found.describe()
    assert found.toy_errors[1] > 0
    assert "toys leave open" in found.describe()
    assert found.curves()["curve"].columns == ("one_bin.s", "delta_twice_nll", "threshold")
    wider = npinfer.interval(measured, "s", cl=0.95, calibration=toys)
    assert wider.upper > found.upper


def test_an_interval_that_leaves_the_calibration_says_so(measured: BinnedLikelihood) -> None:
    short = npinfer.calibrate(measured, {"s": np.linspace(1, 3, 3)}, n_toys=100)
    found = npinfer.interval(measured, "s", cl=0.9, calibration=short)
    assert (found.lower, found.upper) == (1.0, 3.0)
    assert "reaches the end of the calibration's grid at 1 and 3" in found.describe()
    assert not found.segments[0].lower_at_bound


def test_a_calibration_around_other_data_is_said(measured: BinnedLikelihood, toys: Calibration) -> None:
    asimov = measured.with_data(measured.asimov({"s": 3.0}))
    found = npinfer.interval(asimov, "s", calibration=toys)
    assert "calibrated around the fit to observed data, used on asimov data" in found.describe()


def test_shifts_take_the_largest_critical_value(measured: BinnedLikelihood) -> None:
    grid = {"s": np.array([1.0, 3.0])}
    found = npinfer.calibrate(measured, grid, n_toys=200, shifts=True)
    assert found.settings == ("fit", "level +1σ", "level −1σ")
    parts = [replace(found, statistic=found.statistic[:, i : i + 1]).critical(0.9) for i in range(3)]
    np.testing.assert_array_equal(found.critical(0.9), np.max(parts, axis=0))
    assert "each group ±1σ" in found.describe()


def test_same_seed_same_bits_on_any_executor(measured: BinnedLikelihood, toys: Calibration) -> None:
    grid = {"s": toys.grid["one_bin.s"]}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        elsewhere = npinfer.calibrate(measured, grid, n_toys=300, run=RunOptions(executor=pool))
    assert elsewhere.to_dict() == toys.to_dict()
    other = npinfer.calibrate(measured, grid, n_toys=300, run=RunOptions(seed=1))
    assert not np.array_equal(other.statistic, toys.statistic)


def test_interrupted_work_resumes(
    measured: BinnedLikelihood, toys: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from npinfer.inference import toys as module

    original, calls = module.toy_chunk, []

    def stop_at_fourth(likelihood, chunk):  # type: ignore[no-untyped-def]
        calls.append(0)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(likelihood, chunk)

    stop_at_fourth.__module__, stop_at_fourth.__qualname__ = original.__module__, original.__qualname__
    monkeypatch.setattr(module, "toy_chunk", stop_at_fourth)
    run = RunOptions(out=tmp_path)
    with pytest.raises(Interrupted, match="interrupted after 3 of 30 chunks"):
        npinfer.calibrate(measured, {"s": toys.grid["one_bin.s"]}, n_toys=300, run=run)
    whole = npinfer.calibrate(measured, {"s": toys.grid["one_bin.s"]}, n_toys=300, run=run)
    assert len(calls) == 4 + 27
    assert whole.to_dict() == toys.to_dict()


def test_saved_beside_its_toys(toys: Calibration, tmp_path: Path) -> None:
    toys.save(tmp_path / "calibrate.json")
    again = npinfer.load_result(tmp_path / "calibrate.json")
    assert isinstance(again, Calibration)
    np.testing.assert_array_equal(again.critical(0.9), toys.critical(0.9))
    assert again.table() == toys.table()


def test_a_calibrated_contour_follows_its_critical_values(measured: BinnedLikelihood) -> None:
    grid = {"s": np.linspace(0, 16, 9), "level": np.linspace(0.2, 2.2, 6)}
    calibration = npinfer.calibrate(measured, grid, n_toys=100)
    scan = npinfer.profile(measured, {"s": np.linspace(0, 16, 33), "level": np.linspace(0.2, 2.2, 31)})
    found = npinfer.contour(scan, cl=(0.9,), calibration=calibration)
    assert "Feldman–Cousins with 100 toys a point" in found.enclosed
    plain = npinfer.contour(scan, cl=(0.9,))
    assert "Wilks" in plain.enclosed
    points = np.concatenate(found.regions[0].paths)
    inner = points[(points[:, 0] > 0.01) & (points[:, 1] > 0.21)]
    heights = npinfer.profile(measured, {"s": inner[:4, 0]}).delta_twice_nll  # not above the joint statistic
    assert (heights <= calibration.at(0.9, inner[:4]) + 0.5).all()
    assert not np.allclose(found.regions[0].paths[0][:5], plain.regions[0].paths[0][:5])


def test_flat_critical_values_give_the_plain_contour(measured: BinnedLikelihood) -> None:
    """A calibration that agrees with Wilks' theorem everywhere changes nothing."""
    grid = {"s": np.linspace(0, 16, 9), "level": np.linspace(0.2, 2.2, 6)}
    calibration = npinfer.calibrate(measured, grid, n_toys=10)
    threshold = wilks.threshold(0.9, 2)
    flat = replace(calibration, statistic=np.full_like(calibration.statistic, threshold))
    scan = npinfer.profile(measured, {"s": np.linspace(0, 16, 33), "level": np.linspace(0.2, 2.2, 31)})
    ours, plain = npinfer.contour(scan, cl=(0.9,), calibration=flat), npinfer.contour(scan, cl=(0.9,))
    np.testing.assert_allclose(ours.regions[0].paths[0], plain.regions[0].paths[0], atol=1e-4)


def test_values_that_are_not_allowed_have_no_critical_value() -> None:
    flavour = npinfer.load("icecube_pepe", composition="flavour")
    grid = {"f_e": np.array([0.2, 0.7]), "f_mu": np.array([0.2, 0.7])}
    fixed = {"astro_norm": 4.98, "astro_gamma": 2.53}
    found = npinfer.calibrate(flavour, grid, n_toys=20, fixed=fixed)
    assert np.isnan(found.critical(0.9)[1, 1])
    assert np.isfinite(found.critical(0.9)).sum() == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"s": 2.0}, "is both on the grid and fixed"),
        ({"level": 9.0}, "outside its bounds"),
    ],
)
def test_bad_fixed_values_are_refused(measured: BinnedLikelihood, change: dict[str, float], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        npinfer.calibrate(measured, {"s": [1.0, 2.0]}, n_toys=10, fixed=change)


@pytest.mark.parametrize("n_toys", [-1, 2.5])
def test_bad_numbers_are_refused(measured: BinnedLikelihood, n_toys: float) -> None:
    with pytest.raises(ConfigurationError, match="n_toys is a whole number, 0 or more"):
        npinfer.calibrate(measured, {"s": [1.0, 2.0]}, n_toys=n_toys)  # type: ignore[arg-type]


def test_outcomes_that_cannot_be_enumerated_are_refused(measured: BinnedLikelihood) -> None:
    with pytest.raises(InferenceError, match=r"one_bin\.level has auxiliary data, which are continuous"):
        npinfer.calibrate(measured, {"s": [1.0, 2.0]}, n_toys=0)
    fixed = npinfer.calibrate(measured, {"s": [1.0, 2.0]}, n_toys=0, fixed={"level": 1})
    assert fixed.exact
    held = {n: 1.0 for n in npinfer.load("icecube_pepe").parameters.names if "." not in n}
    with pytest.raises(InferenceError, match="outcomes of 40 bins are too many to enumerate"):
        npinfer.calibrate(
            npinfer.load("icecube_pepe"),
            {"f_nuebar": [0.1, 0.2]},
            n_toys=0,
            fixed={"astro_norm": 40 * held["astro_norm"], "astro_gamma": 2.5, "effective_volume": 0},
        )


def test_a_calibration_of_another_question_is_refused(
    measured: BinnedLikelihood, toys: Calibration, make: Make
) -> None:
    with pytest.raises(ConfigurationError, match=r"the calibration is of one_bin.s, the question of one_bin.level"):
        npinfer.interval(measured, "level", calibration=toys)
    with pytest.raises(ConfigurationError, match=r"has the fixed parameters none; the question one_bin\.level=1"):
        npinfer.interval(measured, "s", fixed={"level": 1}, calibration=toys)
    with pytest.raises(ConfigurationError, match="made with another spec; calibrate again"):
        npinfer.interval(one_bin(make, 4, 3, measured=True), "s", calibration=toys)
    with pytest.raises(ParameterError, match=r"reaches from 0 to 14; -1 to 20 was asked of it"):
        toys.at(0.9, np.array([[-1.0], [20.0]]))


def test_critical_values_between_grid_points_are_linear(toys: Calibration) -> None:
    x = toys.grid["one_bin.s"]
    critical = toys.critical(0.9)
    middle = toys.at(0.9, (0.5 * (x[1:] + x[:-1]))[:, None])
    np.testing.assert_allclose(middle, 0.5 * (critical[1:] + critical[:-1]))
    np.testing.assert_allclose(toys.at(0.9, x[:, None]), critical)


def test_too_few_toys_are_said(measured: BinnedLikelihood) -> None:
    said = {n: npinfer.calibrate(measured, {"s": [1.0, 2.0]}, n_toys=n).describe() for n in (5, 40, 100)}
    assert "too few toys for levels above 0 %" in said[5]
    assert "too few toys for levels above 75 %" in said[40]
    assert "too few" not in said[100]
