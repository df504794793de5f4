"""Measured quantities with normal errors beside counts: densities, derivatives, toys and verbs against closed forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import npinfer
from npinfer.cli.counts import read_counts
from npinfer.core.dataset import Dataset
from npinfer.errors import ConfigurationError, DataError, InferenceError, NpinferError, ParameterError
from npinfer.inference.outcomes import enumerate_outcomes
from npinfer.likelihood.binned import BinnedLikelihood

Write = Callable[..., Path]

FILE = """\
schema: npinfer/likelihood/1
name: mixed
kind: real
status: illustrative
poi: mu
channels:
  counted: {axes: {x: {linear: [0, 2, 2]}}, observed: [7, 4]}
  ratio:
    axes: {y: {linear: [0, 2, 2]}}
    observed: [0.9, -0.4]
    statistic: normal
    sigma: {up: [0.3, 0.5], down: [0.2, 0.4]}
samples:
  signal: {template: {counted: [2, 1], ratio: [0.6, 0.1]}, scale: mu}
  background: {template: {counted: [4, 3.5], ratio: [0.5, 0.2]}, scale: level}
parameters:
  mu: {init: 1.0, bounds: [-5, 5]}
  level: {init: 1.0, bounds: [0.1, 3], constraint: {normal: {mean: 1.0, sigma: 0.1}}}
"""
RATIO = """\
schema: npinfer/likelihood/1
name: ratio
kind: real
status: illustrative
poi: r
channels: {ratio: {axes: {y: {edges: [0, 1]}}, observed: [0.82], statistic: normal, sigma: 0.28}}
samples: {all: {template: {ratio: [1.0]}, scale: r}}
parameters: {r: {init: 1.0, bounds: [-5, 5]}}
"""
UP, DOWN = np.array([0.3, 0.5]), np.array([0.2, 0.4])
POINTS = np.array([[1.0, 1.0], [0.2, 1.3], [3.0, 0.7], [-1.0, 1.1]])


@pytest.fixture
def mixed(write: Write) -> BinnedLikelihood:
    return npinfer.load(write(FILE, "mixed.yaml"))


@pytest.fixture
def ratio(write: Write) -> BinnedLikelihood:
    return npinfer.load(write(RATIO, "ratio.yaml"))


def density(measured: np.ndarray, expected: np.ndarray, up: np.ndarray, down: np.ndarray) -> np.ndarray:
    """ln of the density of two half normals that meet where just the expected is measured."""
    sigma = np.where(expected > measured, up, down)
    return np.log(2 * sigma / (up + down)) + stats.norm.logpdf(measured, expected, sigma)


def test_density_is_that_of_its_parts(mixed: BinnedLikelihood) -> None:
    expected = mixed.expected(POINTS)
    counted = stats.poisson.logpmf([7, 4], expected["counted"]).sum(axis=1)
    measured = density(np.array([0.9, -0.4]), expected["ratio"], UP, DOWN).sum(axis=1)
    constraint = stats.norm.logpdf(POINTS[:, 1], 1.0, 0.1)
    terms = mixed.logpdf_terms(POINTS)
    np.testing.assert_allclose(terms["counted"], counted, rtol=1e-12)
    np.testing.assert_allclose(terms["ratio"], measured, rtol=1e-12)
    np.testing.assert_allclose(mixed.logpdf(POINTS), counted + measured + constraint, rtol=1e-12)
    assert mixed.logpdf(POINTS[0]) == pytest.approx(float(mixed.logpdf(POINTS)[0]), rel=1e-14)


def test_density_integrates_to_one() -> None:
    x = np.linspace(-3, 5, 400_001)
    assert np.trapezoid(np.exp(density(x, np.array(0.9), UP[0], DOWN[0])), x) == pytest.approx(1.0, abs=1e-8)


def test_saturated(mixed: BinnedLikelihood) -> None:
    counted = stats.poisson.logpmf([7, 4], [7, 4]).sum()
    peak = np.log(2 / (UP + DOWN)).sum() - np.log(2 * np.pi)
    assert mixed.saturated() == pytest.approx(counted + peak + stats.norm.logpdf(0, 0, 0.1), rel=1e-12)


def differences(function: Callable[[np.ndarray], np.ndarray], point: np.ndarray, step: float = 1e-6) -> np.ndarray:
    moved = point + step * np.concatenate([np.eye(len(point)), -np.eye(len(point))])
    up, down = np.split(np.asarray(function(moved)), 2)
    return (up - down) / (2 * step)


def test_gradient_and_information(mixed: BinnedLikelihood) -> None:
    packed = mixed.pack(None)
    value, gradient, information = mixed.expansion(POINTS, packed)
    np.testing.assert_allclose(value, mixed.logpdf(POINTS), rtol=1e-13)
    for point, slope in zip(POINTS, gradient, strict=True):
        np.testing.assert_allclose(slope, differences(mixed.logpdf, point), rtol=1e-6, atol=1e-6)
    rates, jacobian = mixed.rates_jacobian(POINTS)
    variance = np.concatenate([rates[:, :2], np.tile(UP * DOWN, (len(POINTS), 1))], axis=1)
    prior = np.diag([0.0, 100.0])
    closed = np.einsum("npb,nb,nqb->npq", jacobian, 1 / variance, jacobian) + prior
    np.testing.assert_allclose(information, closed, rtol=1e-12)


def test_only_some_derivatives_and_a_wider_variance(mixed: BinnedLikelihood) -> None:
    packed, widening = mixed.pack(None), np.array([[0.5, 1.0, 0.02, 0.03]])
    whole = mixed.expansion(POINTS, packed)
    _, slope, curved = mixed.expansion(POINTS, packed, np.array([1]))
    np.testing.assert_allclose(slope, whole[1][:, [1]], rtol=1e-13)
    np.testing.assert_allclose(curved, whole[2][:, 1:, 1:], rtol=1e-13)
    rates, jacobian = mixed.rates_jacobian(POINTS)
    variance = np.concatenate([rates[:, :2], np.tile(UP * DOWN, (len(POINTS), 1))], axis=1) + widening
    closed = np.einsum("nb,nb->n", jacobian[:, 0] ** 2, 1 / variance)
    found = mixed.expansion(POINTS, packed, np.array([0]), widening)[2][:, 0, 0]
    np.testing.assert_allclose(found, closed, rtol=1e-12)


def test_observed_information_of_a_workspace_with_a_measured_channel(
    open_workspace: Callable[..., BinnedLikelihood],
) -> None:
    """Second derivatives are known of workspaces, here with one of two channels measured."""
    channels = [
        {
            "name": name,
            "samples": [
                {
                    "name": "s",
                    "data": [5.0, 8.0],
                    "modifiers": [
                        {"name": "mu", "type": "normfactor", "data": None},
                        {"name": "k", "type": "normsys", "data": {"hi": 1.3, "lo": 0.8}},
                    ],
                }
            ],
        }
        for name in ("counted", "ratio")
    ]
    measurement = {"name": "m", "config": {"poi": "mu", "parameters": []}}
    content: dict[str, Any] = {"version": "1.0.0", "channels": channels, "measurements": [measurement]}
    content["observations"] = [{"name": "counted", "data": [6.0, 7.0]}, {"name": "ratio", "data": [4.0, 9.5]}]
    plain = open_workspace(content)
    measured = replace(plain.channels[1], statistic="normal", sigma_up=(1.5, 2.0), sigma_down=(1.0, 2.5))
    model = replace(plain.model, channels=(plain.channels[0], measured))
    likelihood = BinnedLikelihood(model, plain.data, plain.configure)
    assert likelihood.curved
    packed = likelihood.pack(None)
    for point in np.array([[1.1, 0.4], [0.7, -0.6]]):
        point = likelihood.parameters.vector({"mu": point[0], "k": point[1]})
        slope = lambda x: likelihood.expansion(x, packed)[1]
        found = likelihood.observed_information(point[None], packed)[0]
        np.testing.assert_allclose(found, -differences(slope, point), rtol=1e-6, atol=1e-6)
    fitted = npinfer.fit(likelihood)
    assert fitted.valid


def test_parameters_of_single_measured_bins_are_moved_like_others(write: Write) -> None:
    """Only Poisson bins have a best value in closed form."""
    systematic = "systematics: [{name: mc, kind: staterror}]"
    variance = "variance: {counted: [1, 1], ratio: [0.01, 0.04]}"
    text = FILE.replace("scale: level}", f"scale: level, {variance}, {systematic}}}")
    likelihood = npinfer.load(write(text, "mixed.yaml"))
    assert len(likelihood.parameters) == 6
    names = [likelihood.parameters.names[i] for i in likelihood.single_bins.at]
    assert names == ["mixed.mc_counted_0", "mixed.mc_counted_1"]
    native, other = npinfer.fit(likelihood), npinfer.fit(likelihood, options=npinfer.FitOptions(minimiser="migrad"))
    assert native.valid
    assert native.twice_nll == pytest.approx(other.twice_nll, abs=1e-7)


# ---- data


def test_toys_have_the_density(mixed: BinnedLikelihood) -> None:
    rng = np.random.default_rng(3)
    point = np.array([-1.0, 1.0])
    expected = mixed.expected(point)
    toys = mixed.toy(np.tile(point, (40_000, 1)), rng)
    assert toys.kind == "toy"
    for i in range(2):
        mean, drawn = expected["ratio"][i], toys.counts["ratio"][:, i]
        up, down = UP[i], DOWN[i]

        def cdf(x: np.ndarray, mean: float = mean, up: float = up, down: float = down) -> np.ndarray:
            low, high = 2 * up / (up + down), 2 * down / (up + down)
            below = low * stats.norm.cdf(np.minimum(x, mean), mean, up)
            return below + high * (stats.norm.cdf(np.maximum(x, mean), mean, down) - 0.5)

        assert stats.kstest(drawn, cdf).pvalue > 1e-3
    assert (toys.counts["ratio"] < 0).any()
    counts = toys.counts["counted"]
    assert (counts == np.round(counts)).all()
    np.testing.assert_allclose(counts.mean(axis=0), expected["counted"], rtol=0.02)


def test_asimov_data_return_their_truth(mixed: BinnedLikelihood) -> None:
    truth = np.array([-0.8, 1.15])
    data = mixed.asimov(truth)
    np.testing.assert_allclose(data.counts["ratio"], mixed.expected(truth)["ratio"])
    assert mixed.logpdf(truth, data) == pytest.approx(mixed.saturated(data), rel=1e-12)
    found = npinfer.fit(mixed, data=data)
    assert [found.values["mixed.mu"], found.values["mixed.level"]] == pytest.approx(truth.tolist(), abs=1e-6)


def test_negative_expectations_are_for_what_is_measured(ratio: BinnedLikelihood, mixed: BinnedLikelihood) -> None:
    assert ratio.logpdf({"r": -1.0}) == pytest.approx(stats.norm.logpdf(0.82, -1.0, 0.28), rel=1e-12)
    assert ratio.toy({"r": -1.0}, np.random.default_rng(0)).counts["ratio"] < 0
    assert mixed.logpdf([-4.0, 1.0]) == -np.inf
    with pytest.raises(ParameterError, match="no toy can be drawn"):
        mixed.toy([-4.0, 1.0], np.random.default_rng(0))


def test_data_of_either_sign(mixed: BinnedLikelihood, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("channel,counts\ncounted,3\ncounted,2\nratio,-1.5\nratio,0.25\n")
    data = read_counts(mixed, path)
    assert data.kind == "observed"
    assert mixed.with_data(data).data.counts["ratio"].tolist() == [-1.5, 0.25]
    path.write_text("channel,counts\ncounted,-3\ncounted,2\nratio,-1.5\nratio,0.25\n")
    with pytest.raises(DataError, match="negative; counts are 0 or more"):
        read_counts(mixed, path)
    with pytest.raises(DataError, match="has a negative count"):
        mixed.pack(Dataset({"counted": np.array([-1.0, 2.0]), "ratio": np.zeros(2)}))
    with pytest.raises(DataError, match="bin 1 is not a finite number"):
        mixed.pack(Dataset({"counted": np.zeros(2), "ratio": np.array([0.0, np.nan])}))


def test_observed_from_a_table(write: Write) -> None:
    write("channel,y_low,y_high,counts\nratio,0,1,-0.4\nratio,1,2,0.9\n", "data/seen.csv")
    text = FILE.replace("[0.9, -0.4]", "seen.csv").replace("poi: mu", "poi: mu\ndata: {folder: data}")
    assert npinfer.load(write(text, "mixed.yaml")).data.counts["ratio"].tolist() == [-0.4, 0.9]


# ---- verbs


def test_widths_are_described(write: Write, ratio: BinnedLikelihood, mixed: BinnedLikelihood) -> None:
    two_sided = npinfer.load(write(RATIO.replace("0.28", "{up: 1.73, down: 0.72}"), "ratio.yaml"))
    said = ["normal ± 0.28", "normal +1.73 −0.72", "normal"]
    for likelihood, words in zip((ratio, two_sided, mixed), said, strict=True):
        table = npinfer.describe(likelihood)[2]
        assert table.rows[-1][2] == words


def test_a_ratio_by_every_verb(ratio: BinnedLikelihood) -> None:
    found = npinfer.fit(ratio)
    assert (found.values["ratio.r"], found.errors["ratio.r"]) == pytest.approx((0.82, 0.28), abs=1e-6)
    interval = npinfer.interval(ratio, "r", cl=0.95)
    size = stats.norm.isf(0.025) * 0.28
    assert (interval.lower, interval.upper) == pytest.approx((0.82 - size, 0.82 + size), abs=1e-5)
    limit = npinfer.upper_limit(ratio, method="profile", cl=0.95)
    assert limit.observed == pytest.approx(0.82 + stats.norm.isf(0.05) * 0.28, abs=1e-4)
    assert limit.expected_from == "Asimov data"
    assert limit.expected[2] == pytest.approx(stats.norm.isf(0.05) * 0.28, abs=1e-4)
    assert npinfer.significance(ratio).z == pytest.approx(0.82 / 0.28, abs=1e-6)


def test_goodness_of_fit_is_chi_square(mixed: BinnedLikelihood) -> None:
    found = npinfer.goodness_of_fit(mixed)
    at = npinfer.fit(mixed).values
    expected = mixed.expected(at)
    pull = (expected["ratio"] - np.array([0.9, -0.4])) / np.where(expected["ratio"] > [0.9, -0.4], UP, DOWN)
    by_name = {c.name: c for c in found.contributions}
    assert by_name["ratio"].statistic == pytest.approx(float(pull @ pull), rel=1e-6)
    assert (by_name["ratio"].below_one, by_name["ratio"].below_five) == (0, 0)
    assert sum(c.statistic for c in found.contributions) == pytest.approx(found.statistic, rel=1e-9)
    assert found.degrees_of_freedom == 3


def test_joint_of_counts_and_ratios(mixed: BinnedLikelihood, ratio: BinnedLikelihood) -> None:
    both = npinfer.joint(mixed, ratio)
    point = {"mixed.mu": 0.5, "mixed.level": 1.1, "ratio.r": 0.3}
    parts = mixed.logpdf({"mu": 0.5, "level": 1.1}) + ratio.logpdf({"r": 0.3})
    assert both.logpdf(point) == pytest.approx(parts, rel=1e-12)
    assert both.saturated() == pytest.approx(mixed.saturated() + ratio.saturated(), rel=1e-12)
    assert both.recipe().build().logpdf(point) == pytest.approx(parts, rel=1e-12)


def test_a_fit_keeps_the_widths_for_its_pictures(mixed: BinnedLikelihood, tmp_path: Path) -> None:
    from npinfer.plot.projection import Projection

    found = npinfer.fit(mixed)
    found.save(tmp_path / "fit.json")
    view = npinfer.load_result(tmp_path / "fit.json").channels["ratio"]
    low, high = Projection.of(view, 0, found.covariance).interval
    np.testing.assert_allclose(low, np.array([0.9, -0.4]) - DOWN)
    np.testing.assert_allclose(high, np.array([0.9, -0.4]) + UP)


def test_impossible_counts_are_named_beside_what_was_measured_below_zero(write: Write) -> None:
    """The first bin with something wrong is that of the counts, though the expected ratio is negative."""
    text = FILE.replace("channels:\n  counted: {axes: {x: {linear: [0, 2, 2]}}, observed: [7, 4]}\n", "channels:\n")
    text = text.replace("samples:", "  counted: {axes: {x: {linear: [0, 2, 2]}}, observed: [7, 4]}\nsamples:")
    text = text.replace("[4, 3.5]", "[0, 3.5]").replace("mu: {init: 1.0", "mu: {init: -3.0")
    with pytest.raises(InferenceError, match=r"7 observed where -6 are expected in .*counted"):
        npinfer.fit(npinfer.load(write(text, "mixed.yaml")), fixed={"mu": -3.0})


def test_what_it_cannot_do_is_said(ratio: BinnedLikelihood) -> None:
    with pytest.raises(InferenceError, match=r"pyhf has Poisson counts only.* has the statistic normal$"):
        ratio.pyhf_model()
    for mode in ("exact", "frozen"):
        with pytest.raises(InferenceError, match="a workspace has Poisson counts only; mode 'npinfer' keeps it"):
            npinfer.export(ratio, mode=mode)
    assert npinfer.export(ratio, mode="npinfer").closure == 0.0
    with pytest.raises(InferenceError, match="is continuous and cannot be enumerated; give a number of toys"):
        enumerate_outcomes(ratio, np.array([[1.0]]), np.array([True]))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (("sigma: 0.28", "sigma: -0.28"), ConfigurationError, r"ratio\.yaml:6: channels\.ratio\.sigma: "),
        ((", sigma: 0.28", ""), ConfigurationError, r"ratio\.yaml:6: channels\.ratio: sigma is missing"),
        (("statistic: normal, ", ""), ConfigurationError, r"sigma is given: it is of the statistic normal"),
        (("0.28", "[0.2, 0.3]"), ConfigurationError, r"sigma is a positive number, or one for each of 1 bins"),
        (("0.28", "{up: 0.2}"), ConfigurationError, "sigma"),
        (("normal,", "gauss,"), ConfigurationError, "statistic"),
        (("poi: r", "poi: r\nconfiguration: {exposure: {default: 2.0}}"), ConfigurationError, "does not grow with exp"),
        (("[0.82]", "[.nan]"), DataError, "bin 0 is not a finite number"),
    ],
)
def test_faults_in_words(write: Write, change: tuple[str, str], error: type[NpinferError], words: str) -> None:
    assert change[0] in RATIO
    with pytest.raises(error, match=words):
        npinfer.load(write(RATIO.replace(*change), "ratio.yaml"))
