"""Monte-Carlo variance of samples that share simulated events, against sums over the events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import npinfer
from npinfer.errors import InferenceError
from npinfer.inference.outcomes import enumerate_outcomes
from npinfer.likelihood.binned import BinnedLikelihood
from tests.simulations import (
    FILE,
    MUON,
    MUON_VARIANCE,
    NAMES,
    OBSERVED,
    as_csv,
    brute_force,
    one_bin,
    simulate,
    some_points,
    variance_of,
)

Write = Callable[..., Path]


def test_the_variance_is_the_sum_over_events(shower: BinnedLikelihood, events: list[dict[str, object]]) -> None:
    points, named = some_points(shower, 6)
    found = variance_of(shower, points)
    for row, p, rates in zip(found, named, shower.rates(points), strict=True):
        mean, variance = brute_force(events, p)
        assert rates == pytest.approx(mean, rel=1e-11)
        assert row == pytest.approx(variance, rel=1e-11)
        assert (np.abs(variance / brute_force(events, p, together=False)[1] - 1) > 1e-3).all()


def test_separate_simulations_have_no_cross_terms(
    shower: BinnedLikelihood, events: list[dict[str, object]], write: Write
) -> None:
    text = FILE.replace("    scale: {astro_norm: 2}\n", "    scale: {astro_norm: 2}\n    simulation: signal\n")
    lh = npinfer.load(write(text))
    points, named = some_points(lh, 3)
    for row, p in zip(variance_of(lh, points), named, strict=True):
        assert row == pytest.approx(brute_force(events, p, together=False)[1], rel=1e-11)
    assert any("'astro' and 'conventional' weight the same events" in note for note in lh.notes)
    assert not any("weight the same events" in note for note in shower.notes)


def test_logpdf_is_negative_binomial(shower: BinnedLikelihood, events: list[dict[str, object]]) -> None:
    points, named = some_points(shower, 5)
    for value, point, p in zip(shower.logpdf(points), points, named, strict=True):
        mean, variance = brute_force(events, p)
        beta = mean / variance
        terms = stats.nbinom.logpmf(OBSERVED, mean**2 / variance + 1, beta / (1 + beta))
        expected = terms.sum() + stats.norm.logpdf(1, p["lumi"], 0.05) + stats.norm.logpdf(1, p["muon_norm"], 0.3)
        expected += stats.norm.logpdf([p["ice"], p["tilt"]]).sum()
        assert value == pytest.approx(expected, rel=1e-10)
        assert shower.logpdf(point) == pytest.approx(value, rel=1e-13)
        said = shower.logpdf_terms(point)
        assert said["track"] == pytest.approx(terms[4:].sum(), rel=1e-9)
        assert sum(said.values()) == pytest.approx(value, rel=1e-13)


def test_the_gradient_is_the_numerical_derivative(shower: BinnedLikelihood) -> None:
    points, _ = some_points(shower, 5)
    _, gradient, information = shower.expansion(points, shower.pack(None))
    for i in range(6):
        h = 1e-3 * np.eye(6)[i]
        f = [shower.logpdf(points + k * h) for k in (-2, -1, 1, 2)]
        assert gradient[:, i] == pytest.approx((f[0] - 8 * f[1] + 8 * f[2] - f[3]) / 12e-3, rel=1e-6, abs=1e-7)
    jacobian = shower.rates_jacobian(points)[1]
    spread = shower.rates(points) + variance_of(shower, points)
    expected = np.einsum("nib,njb->nij", jacobian / spread[:, None], jacobian)
    expected += shower.constraints.information(points, shower.constraints.measured)
    assert information == pytest.approx(expected, rel=1e-10)
    assert (np.linalg.eigvalsh(information) > 0).all()


def test_a_poisson_channel_beside_it_stays_poisson(shower: BinnedLikelihood, write: Write) -> None:
    lh = npinfer.load(write(FILE.replace("observed: [41, 20]\n    statistic: effective", "observed: [41, 20]")))
    points, _ = some_points(lh, 4)
    mixed, effective = lh.logpdf_terms(points), shower.logpdf_terms(points)
    assert mixed["cascade"] == pytest.approx(effective["cascade"], rel=1e-13)
    assert mixed["track"] == pytest.approx(stats.poisson.logpmf([41, 20], lh.rates(points)[:, 4:]).sum(axis=1))
    assert (variance_of(lh, points)[:, 4:] == 0).all()
    _, gradient, _ = lh.expansion(points, lh.pack(None))
    slope = (lh.logpdf(points + 1e-5 * np.eye(6)[0]) - lh.logpdf(points - 1e-5 * np.eye(6)[0])) / 2e-5
    assert gradient[:, 0] == pytest.approx(slope, rel=1e-6)


def test_a_joint_of_members_with_different_statistics(shower: BinnedLikelihood, small: BinnedLikelihood) -> None:
    both = npinfer.joint(small, shower)
    for a, b in zip(some_points(shower, 3)[0], np.linspace(0.8, 1.2, 3), strict=True):
        point = {**dict(zip(shower.parameters.names, a.tolist(), strict=True)), "small.mu": float(b)}
        parts = small.logpdf({"mu": float(b)}) + shower.logpdf(a)
        assert both.logpdf(point) == pytest.approx(parts, rel=1e-12)
        vector = both.parameters.vector(point)[None]
        gradient = both.value_grad(vector)[1][0]
        own = shower.value_grad(a)[1][0]
        at = [both.parameters.index(n) for n in shower.parameters.names]
        assert gradient[at] == pytest.approx(own, rel=1e-10, abs=1e-10)
    assert npinfer.fit(both).valid
    assert both.recipe().build().logpdf(vector) == both.logpdf(vector)


def test_members_may_share_the_parameters_of_their_variance(write: Write) -> None:
    one, two = one_bin(write, 20, "effective"), one_bin(write, 50, "effective", observed=130, name="other")
    both = npinfer.joint(one, two, share={"norm": ["counting.norm", "other.norm"]})
    points = np.array([[0.8], [1.1], [1.6]])
    assert both.logpdf(points) == pytest.approx(one.logpdf(points) + two.logpdf(points), rel=1e-13)
    slope = one.value_grad(points)[1] + two.value_grad(points)[1]
    assert both.value_grad(points)[1] == pytest.approx(slope, rel=1e-12)


def test_asimov_saturated_and_toys(shower: BinnedLikelihood) -> None:
    truth = shower.parameters.init
    asimov = shower.pack(shower.asimov(truth))
    assert asimov.counts[0] == pytest.approx(shower.rates(truth[None])[0])
    assert shower.saturated() == pytest.approx(
        stats.poisson.logpmf(OBSERVED, OBSERVED).sum() + shower.constraints.saturated(shower.constraints.measured)
    )
    toys = shower.pack(shower.toy(np.tile(truth, (4000, 1)), np.random.default_rng(1)))
    rates, spread = asimov.counts[0], asimov.counts[0] + variance_of(shower, truth[None])[0]
    assert np.abs(toys.counts.mean(axis=0) - rates) == pytest.approx(0, abs=5 * np.sqrt(spread.max() / 4000))
    assert toys.counts.var(axis=0) == pytest.approx(spread, rel=5 * np.sqrt(4 / 4000))
    assert (toys.counts == np.round(toys.counts)).all()
    points = np.random.default_rng(2).uniform(0.8, 1.2, (4000, 6)) * truth
    assert (shower.saturated(toys) >= shower.logpdf(points, toys)).all()


def test_too_few_simulated_events_are_noted(shower: BinnedLikelihood, write: Write) -> None:
    assert one_bin(write, 10, "effective").notes == ()
    lh = one_bin(write, 9, "effective")
    (note,) = lh.notes
    assert "simulation 'signal': fewer than 10 effective events, (Σw)²/Σw², in 1 of 1 bins of channel 'count'" in note
    assert "(0), 9 in bin 0: the effective likelihood is biased there" in note
    assert note in npinfer.fit(lh).table().notes
    assert note in npinfer.describe(lh)[3].notes
    assert npinfer.joint(lh, shower).notes[0] == f"counting: {note}"
    (plain,) = one_bin(write, 9, "poisson").notes
    assert "its fluctuations count only where a staterror or shapesys says so" in plain
    saved = npinfer.fit(lh).to_dict()
    assert note in npinfer.fit(lh).from_dict(saved).description.notes


def test_only_bins_that_matter_are_noted(write: Write, events: list[dict[str, object]]) -> None:
    few = [{**event, "w_conv": abs(float(str(event["w_conv"])))} for event in simulate(24, seed=2)]
    write(as_csv(few), "data/events.csv")
    text = FILE.replace("cascade: [0.1, 0.1, 0.1, 0.1]", "cascade: [0.1, 1000, 0.1, 0.1]")
    lh = npinfer.load(write(text))
    named = dict.fromkeys(NAMES[:4], 1.0) | {"ice": 0.0, "tilt": 0.0}
    mean, variance = brute_force(few, named)
    without = mean - 0.1 - MUON
    n_eff = without**2 / np.maximum(variance - MUON_VARIANCE, 1e-9)
    thin = [b for b in range(4) if b != 1 and without[b] > 0.01 and n_eff[b] < 10]
    (note,) = [n for n in lh.notes if "'cascade'" in n and "'events.csv'" in n]
    assert f"in {len(thin)} of 4 bins of channel 'cascade' ({', '.join(map(str, thin))})," in note


def test_describe_shows_statistic_and_simulation(shower: BinnedLikelihood) -> None:
    channels, samples = npinfer.describe(shower)[2:4]
    assert [row[channels.columns.index("statistic")] for row in channels.rows] == ["effective", "effective"]
    assert [row[samples.columns.index("simulation")] for row in samples.rows] == ["events.csv"] * 2 + ["muon", ""]
    assert samples.rows[0][1] == "w_astro of events.csv"
    assert "arXiv:1901.04645" in channels.notes[0]


def test_pyhf_has_no_such_statistic(shower: BinnedLikelihood) -> None:
    with pytest.raises(
        InferenceError, match="channel 'cascade' has the statistic effective; use the statistic poisson"
    ):
        shower.pyhf_model()


def test_its_outcomes_are_not_enumerated(write: Write) -> None:
    lh = one_bin(write, 20, "effective")
    with pytest.raises(InferenceError, match="statistic effective are not enumerated"):
        enumerate_outcomes(lh, np.ones((1, 1)), np.array([True]))
