"""Diagnostics against chains whose convergence is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from npinfer.inference import diagnostics
from npinfer.inference.diagnostics import (
    Diagnostics,
    autocorrelation_time,
    bulk_ess,
    diagnose,
    effective_samples,
    pile_up,
    rank_normal,
    rhat,
    split,
    tail_ess,
    verdict,
)

STEPS = 4000


def normals(replicas: int = 4, steps: int = STEPS, walkers: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((replicas, steps, walkers))


def autoregressive(phi: float, **shape: int) -> np.ndarray:
    """x_t = φ x_{t−1} + noise, started in its stationary distribution."""
    noise = normals(**shape)
    noise[:, 0] /= np.sqrt(1 - phi**2)
    return lfilter([1.0], [1.0, -phi], noise, axis=1)


def test_independent_samples() -> None:
    found = diagnose(normals())
    assert found.rhat == pytest.approx(1.0, abs=2e-3)
    assert found.ess == pytest.approx(4 * STEPS, rel=0.1)
    assert found.ess_tail == pytest.approx(4 * STEPS, rel=0.15)
    assert found.autocorrelation_time == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("phi", [-0.3, 0.5, 0.9])
@pytest.mark.parametrize("walkers", [1, 10])
def test_autoregressive_chains(phi: float, walkers: int) -> None:
    """The integrated autocorrelation time is (1 + φ) / (1 − φ)."""
    x = autoregressive(phi, steps=STEPS, walkers=walkers, seed=3)
    time = (1 + phi) / (1 - phi)
    assert autocorrelation_time(x) == pytest.approx(time, rel=0.15)
    assert effective_samples(x) == pytest.approx(x.size / time, rel=0.15)
    assert bulk_ess(x) == pytest.approx(x.size / time, rel=0.2)
    assert rhat(x) < 1.03


@pytest.mark.parametrize("shift", [0.3, 1.0, 5.0])
def test_a_shifted_replica(shift: float) -> None:
    """Two of four means shifted by δ: the between variance is δ²/3 · 8/7 · 3/4 for eight half chains."""
    x = normals(walkers=5)
    x[:2] += shift
    exact = np.sqrt(1 + shift**2 * 2 / 7)
    if shift <= 1:  # the ranks of a wide shift are no longer those of a normal
        assert rhat(x) == pytest.approx(exact, rel=0.02)
    assert rhat(x) > 1.01
    assert bulk_ess(x) < (0.1 if shift >= 1 else 0.8) * x.size


def test_a_replica_of_another_width_is_seen() -> None:
    """Means agree; only the folded R-hat notices."""
    x = normals(walkers=2)
    x[0] *= 3
    assert rhat(x) > 1.1


def test_a_drift_is_seen() -> None:
    assert rhat(normals() + np.linspace(0, 2, STEPS)[:, None]) > 1.1


def test_infinite_variance_does_no_harm() -> None:
    x = np.random.default_rng(2).standard_cauchy((4, STEPS, 1))
    assert rhat(x) == pytest.approx(1.0, abs=3e-3)
    assert bulk_ess(x) == pytest.approx(x.size, rel=0.1)


def test_a_monotonic_map_changes_nothing_of_the_ranks() -> None:
    x = autoregressive(0.5)
    np.testing.assert_allclose(bulk_ess(np.exp(3 * x)), bulk_ess(x), rtol=1e-12)
    np.testing.assert_allclose(tail_ess(x**3), tail_ess(x), rtol=1e-12)
    np.testing.assert_array_equal(rank_normal(np.array([[[3.0]], [[1.0]], [[2.0]]])).ravel().argsort(), [1, 2, 0])


def test_halves() -> None:
    x = np.arange(14.0).reshape(2, 7, 1)
    assert split(x)[..., 0].tolist() == [[0, 1, 2], [7, 8, 9], [4, 5, 6], [11, 12, 13]]


def test_what_cannot_be_said() -> None:
    assert np.isnan(rhat(normals(replicas=1)))
    stuck = np.ones((2, 50, 3))
    assert np.isnan(rhat(stuck))
    assert np.isnan(autocorrelation_time(stuck))


GOOD = Diagnostics(1.002, 5000.0, 4000.0, 10.0)


def test_verdict() -> None:
    converged, why = verdict({"a": GOOD, "b": Diagnostics(1.001, 9000.0, 3000.0, 20.0)}, 4, 500)
    assert converged
    assert why == (
        "converged: R-hat at most 1.0020, at least 3000 effective samples, 25 autocorrelation times in each replica"
    )


@pytest.mark.parametrize(
    ("other", "replicas", "steps", "words"),
    [
        (Diagnostics(1.05, 5000.0, 4000.0, 10.0), 4, 500, "R-hat of b is 1.050, above 1.01"),
        (Diagnostics(1.0, 5000.0, 90.0, 10.0), 4, 500, "b has 90 effective samples, fewer than 400"),
        (Diagnostics(1.0, 5000.0, 4000.0, 100.0), 4, 500, "the 500 steps kept are 5.0 autocorrelation times of b, 20"),
        (GOOD, 2, 240, "the 240 steps kept are 24.0 autocorrelation times of a, 25 are needed: take about 390 steps"),
        (Diagnostics(np.nan, 5000.0, 4000.0, 10.0), 1, 5000, "R-hat needs at least two replicas"),
        (Diagnostics(np.nan, np.nan, np.nan, np.nan), 4, 500, "b never moved"),
    ],
)
def test_faults_are_said(other: Diagnostics, replicas: int, steps: int, words: str) -> None:
    converged, why = verdict({"a": GOOD, "b": other}, replicas, steps)
    assert not converged
    assert why.startswith("not converged: ")
    assert words in why


def test_an_interruption_is_said() -> None:
    assert verdict({"a": GOOD}, 4, 500, "sampling was stopped")[1] == "not converged: sampling was stopped"


def test_pile_up() -> None:
    rng = np.random.default_rng(1)
    assert pile_up("s", rng.exponential(size=20_000), (0.0, 1e6)).startswith("s piles up at its lower bound 0 (2")
    assert "upper bound 2 " in pile_up("s", 2 - rng.exponential(size=20_000), (-50.0, 2.0))
    assert pile_up("s", rng.gamma(2.0, size=20_000), (0.0, 20.0)) == ""
    assert pile_up("s", rng.uniform(size=20_000), (0.0, 1.0)) == ""
    assert diagnostics.PILE_MASS == 0.1
