"""Test statistics, CLs and upper limits against pyhf, on five models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pyhf
import pytest
from scipy.optimize import brentq

from npinfer import upper_limit
from npinfer.inference.crossings import N_SIGMA, Crossings
from npinfer.inference.hypotheses import Hypotheses, Question
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.pyhf_model import pyhf_data

HEAD = """\
schema: npinfer/likelihood/1
name: model
kind: real
status: illustrative
poi: mu
"""
TWO_BINS = "channels: {sr: {axes: {x: {linear: [0, 1, 2]}}, observed: [51, 48]}}\n"
MODELS = {
    "uncorrelated background": TWO_BINS
    + """\
samples:
  signal: {template: {sr: [12, 11]}, scale: mu}
  first: {template: {sr: [50, 0]}, scale: first_norm}
  second: {template: {sr: [0, 52]}, scale: second_norm}
parameters:
  mu: {init: 1, bounds: [0, 10]}
  first_norm: {init: 1, bounds: [1.0e-3, 10], constraint: {poisson: {count: 278.0, rate: 278.0}}}
  second_norm: {init: 1, bounds: [1.0e-3, 10], constraint: {poisson: {count: 55.0, rate: 55.0}}}
""",
    "normsys": TWO_BINS
    + """\
samples:
  signal: {template: {sr: [6, 11]}, scale: mu, systematics: [{name: efficiency, kind: normsys, up: 1.1, down: 0.85}]}
  background: {template: {sr: [50, 45]}, systematics: [{name: level, kind: normsys, up: 1.2, down: 0.9}]}
parameters: {mu: {init: 1, bounds: [0, 10]}}
""",
    "histosys": TWO_BINS
    + """\
samples:
  signal: {template: {sr: [4, 9]}, scale: mu}
  background:
    template: {sr: [48, 44]}
    systematics: [{name: tilt, kind: histosys, up: {sr: [54, 40]}, down: {sr: [44, 47]}}]
parameters: {mu: {init: 1, bounds: [0, 10]}}
""",
    "poisson and normal": """\
channels: {sr: {axes: {x: {linear: [0, 1, 1]}}, observed: [9]}}
samples:
  signal: {template: {sr: [5]}, scale: [mu, lumi]}
  background: {template: {sr: [12]}, scale: level}
parameters:
  mu: {init: 1, bounds: [0, 20]}
  lumi: {init: 1, bounds: [0.5, 1.5], constraint: {normal: {mean: 1.0, sigma: 0.05}}}
  level: {init: 1, bounds: [0.01, 10], constraint: {poisson: {count: 8.0, rate: 7.5}}}
""",
    "two channels": """\
channels:
  control: {axes: {x: {linear: [0, 1, 3]}}, observed: [81, 60, 41]}
  signal: {axes: {x: {linear: [0, 1, 2]}}, observed: [15, 7]}
samples:
  new:
    template: {control: [1, 1, 2], signal: [5, 6]}
    scale: mu
    systematics: [{name: efficiency, kind: normsys, up: 1.15, down: 0.9}]
  old:
    template: {control: [80, 60, 40], signal: [9, 5]}
    scale: norm
    systematics: [{name: shape, kind: histosys, up: {control: [84, 60, 37], signal: [10, 6]}, mirror: true}]
parameters:
  mu: {init: 1, bounds: [0, 10]}
  norm: {init: 1, bounds: [0.1, 5]}
""",
}
TESTED = (0.3, 1.0, 2.5)


@contextmanager
def accurate_pyhf() -> Iterator[None]:
    """pyhf with a minimiser that goes down to the minimum; its back end is global and comes back."""
    backend, optimiser = pyhf.get_backend()
    try:
        pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-6, strategy=2, maxiter=1_000_000))
        yield
    finally:
        pyhf.set_backend(backend, optimiser)


@pytest.fixture(params=MODELS, ids=lambda name: name.replace(" ", "_"))
def likelihood(request: pytest.FixtureRequest, make: Callable[[str], BinnedLikelihood]) -> BinnedLikelihood:
    return make(HEAD + MODELS[request.param])


def test_test_statistic_and_cls_are_those_of_pyhf(likelihood: BinnedLikelihood) -> None:
    model, data = likelihood.pyhf_model(), pyhf_data(likelihood)
    tested = Hypotheses(Question.of(likelihood, None, {}), likelihood.pack(None))
    values, sets = np.array(TESTED), np.zeros(len(TESTED), dtype=int)
    nll = tested(values, sets)
    q, _ = tested.statistics(values, sets, nll)
    p = Crossings(tested, "cls", 0.1, N_SIGMA).p_values(values, sets, nll)
    settings = (model.config.suggested_init(), model.config.suggested_bounds(), model.config.suggested_fixed())
    with accurate_pyhf():
        for i, mu in enumerate(TESTED):
            theirs = float(pyhf.infer.test_statistics.qmu_tilde(mu, data, model, *settings))
            assert q[i] == pytest.approx(theirs, abs=1e-4)
            observed, band = pyhf.infer.hypotest(mu, data, model, test_stat="qtilde", return_expected_set=True)
            assert p[i, 0] == pytest.approx(float(observed), abs=1e-4)
            np.testing.assert_allclose(p[i, 1:], [float(b) for b in band], atol=1e-4)


def test_the_limits_are_where_pyhf_has_cls_equal_to_one_minus_cl(likelihood: BinnedLikelihood) -> None:
    model, data = likelihood.pyhf_model(), pyhf_data(likelihood)
    found = upper_limit(likelihood, cl=0.95)
    with accurate_pyhf():

        def theirs(mu: float, which: int) -> float:
            observed, band = pyhf.infer.hypotest(mu, data, model, test_stat="qtilde", return_expected_set=True)
            return float([observed, *band][which]) - 0.05

        for which, limit in enumerate([found.observed, *found.expected.tolist()]):
            if which in (0, 4):  # observed and +1σ; each takes pyhf many fits
                root = brentq(theirs, 0.97 * limit, 1.03 * limit, args=(which,), xtol=1e-6, rtol=1e-6)
                assert limit == pytest.approx(root, rel=1e-4)
