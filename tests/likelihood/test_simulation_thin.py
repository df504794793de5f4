"""What few simulated events do to intervals, toys and edges."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import npinfer
from npinfer.likelihood.effective import correction
from tests.simulations import one_bin

Write = Callable[..., Path]


def test_thin_simulations_widen_the_interval(write: Write) -> None:
    """Relative variances add: 1/100 of the data and 1/n of the simulation; the Poisson interval has the first alone."""
    width = lambda lh: (found := npinfer.interval(lh, "norm", cl=0.6827)).upper - found.lower
    poisson = width(one_bin(write, 50, "poisson"))
    assert width(one_bin(write, 10**9, "effective")) == pytest.approx(poisson, rel=1e-6)
    for n in (2000, 400, 50):
        wide = width(one_bin(write, n, "effective"))
        assert wide > poisson
        assert wide == pytest.approx(poisson * np.sqrt(1 + 100 / n), rel=2.5 / n)


@pytest.mark.parametrize("cl", [0.68, 0.9])
def test_toys_calibrate_intervals_with_few_simulated_events(write: Write, cl: float) -> None:
    """20 bins of 10 events from 10 simulated ones: the likelihood is biased, Wilks' theorem fails, toys are right.

    The truth: in each pseudo-experiment simulation and data are drawn anew. Toys know one simulation.
    """
    bins, simulated, n, rng = 20, 10, 800, np.random.default_rng(7)
    norm = np.linspace(0.4, 1.8, 71)
    true = int(np.argmin(np.abs(norm - 1)))
    drawn = np.maximum(rng.poisson(simulated, (n, bins)), 1)[:, :, None]
    seen = rng.poisson(10, (n, bins))[:, :, None].astype(float)
    mean, variance = norm * drawn, norm**2 * drawn
    found = (stats.poisson.logpmf(seen, mean) + correction(seen, mean, variance)).sum(axis=1)
    truth = 2 * (found.max(axis=1) - found[:, true])

    text = f"""\
schema: npinfer/likelihood/1
name: binned
kind: real
status: illustrative
channels: {{count: {{axes: {{x: {{linear: [0, 1, {bins}]}}}}, observed: {[10] * bins}, statistic: effective}}}}
samples: {{signal: {{template: {{count: {[10] * bins}}}, variance: {{count: {[10] * bins}}}, scale: norm}}}}
parameters: {{norm: {{init: 1, bounds: [0, 20]}}}}
"""
    lh = npinfer.load(write(text))
    toys = lh.pack(lh.toy(np.ones((2000, 1)), rng))
    scanned = np.array([lh.logpdf(np.full((2000, 1), value), toys) for value in norm])
    critical = np.quantile(2 * (scanned.max(axis=0) - scanned[true]), cl)
    assert np.mean(truth < critical) == pytest.approx(cl, abs=0.06)
    assert np.mean(truth < stats.chi2.ppf(cl, 1)) < cl - 0.08


def test_the_bias_on_asimov_data_is_one_over_the_effective_events(write: Write) -> None:
    for n in (10**6, 10**4, 1000):
        found = npinfer.fit(one_bin(write, n, "effective")).values["counting.norm"]
        assert found - 1 == pytest.approx(-1 / n, rel=0.02)


def test_a_norm_of_zero(write: Write) -> None:
    """Where nothing is expected and nothing seen, the fit ends at its bound; seen events exclude it."""
    lh = one_bin(write, 20, "effective", observed=0)
    assert lh.logpdf({"norm": 0.0}) == 0.0
    result = npinfer.fit(lh)
    assert result.values["counting.norm"] == 0.0
    assert "stopped at its lower bound 0" in result.message
    assert one_bin(write, 20, "effective", observed=3).logpdf({"norm": 0.0}) == -np.inf


def test_weights_that_cancel_draw_no_counts(write: Write) -> None:
    """A bin with a variance that expects nothing."""
    text = """\
schema: npinfer/likelihood/1
name: cancelled
kind: real
status: illustrative
channels: {count: {axes: {x: {linear: [0, 1, 2]}}, observed: [0, 5], statistic: effective}}
samples: {signal: {template: {count: [0, 4]}, variance: {count: [0.5, 0.8]}, scale: norm}}
parameters: {norm: {init: 1, bounds: [0, 20]}}
"""
    toys = npinfer.load(write(text)).toy(np.ones((50, 1)), np.random.default_rng(1))
    assert (toys.counts["count"][:, 0] == 0).all()
    assert toys.counts["count"][:, 1].mean() == pytest.approx(4.0, abs=5 * np.sqrt(4.8 / 50))


def test_a_point_with_negative_counts_leaves_the_others_of_its_batch_alone(write: Write) -> None:
    text = """\
schema: npinfer/likelihood/1
name: tilted
kind: real
status: illustrative
channels: {count: {axes: {x: {linear: [0, 1, 2]}}, observed: [3, 5], statistic: effective}}
samples:
  signal:
    template: {count: [2, 4]}
    variance: {count: [0.5, 0.8]}
    systematics: [{name: tilt, kind: histosys, up: {count: [0.5, 5]}, mirror: true}]
parameters: {}
"""
    lh = npinfer.load(write(text))
    tilts = np.array([[-1.0], [0.0], [0.5], [4.0]])
    alone = [lh.logpdf(tilt) for tilt in tilts]
    assert alone[3] == -np.inf
    assert np.isfinite(alone[:3]).all()
    assert lh.logpdf(tilts) == pytest.approx(alone, rel=1e-13)
    assert lh.value_grad(tilts)[0] == pytest.approx(alone, rel=1e-13)
