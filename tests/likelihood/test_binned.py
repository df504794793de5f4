"""The binned likelihood against a plain computation, and the properties every likelihood has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyhf.interpolators import code4, code4p
from scipy import stats

import npinfer
from npinfer.core.dataset import Dataset
from npinfer.errors import DataError, ParameterError
from npinfer.likelihood.binned import BinnedLikelihood

SIGNAL = np.array([2, 1, 3, 2, 4, 2, 1.0])
SIGNAL_UP = np.array([2.5, 1.25, 2.5, 1.5, 4.5, 2, 0.75])
BACKGROUND = np.array([8, 4, 3, 2.5, 1, 0.5, 0.25])
BACKGROUND_UP = np.array([9, 4, 3, 2, 1, 0.5, 0.25])  # only the channel low
BACKGROUND_DOWN = np.array([7.5, 4.5, 3, 3, 1, 0.5, 0.25])
COSMIC = np.array([0.5, 0.5, 0.5, 0.5, 0, 0, 0])
LOW = np.arange(7) < 4
OBSERVED = np.array([12, 3, 7, 5, 4, 0, 2.0])
NAMES = ("mu", "coupling", "lumi", "level", "rate", "efficiency", "tilt")


def factor(down: float, up: float, alpha: float) -> float:
    return float(np.asarray(code4([[[[down], [1.0], [up]]]])(np.array([[alpha]]))).item())


def shift(down: np.ndarray, nominal: np.ndarray, up: np.ndarray, alpha: float) -> np.ndarray:
    return np.asarray(code4p([[[down.tolist(), nominal.tolist(), up.tolist()]]])(np.array([[alpha]]))).ravel()


def rates(p: dict[str, float]) -> np.ndarray:
    signal = SIGNAL + shift(2 * SIGNAL - SIGNAL_UP, SIGNAL, SIGNAL_UP, p["tilt"])
    background = BACKGROUND + shift(BACKGROUND_DOWN, BACKGROUND, BACKGROUND_UP, p["tilt"])
    signal = signal * p["mu"] * p["coupling"] ** 4 * factor(0.9, 1.2, p["efficiency"])
    background = background * p["lumi"] * p["level"] * np.where(LOW, factor(1 / 1.1, 1.1, p["efficiency"]), 1.0)
    return signal + background + COSMIC * p["rate"]


def two_sided(x: float, mean: float, up: float, down: float) -> float:
    width = up if x > mean else down
    return float(np.log(2 / (up + down)) - 0.5 * np.log(2 * np.pi) - 0.5 * ((x - mean) / width) ** 2)


def plain_logpdf(p: dict[str, float], counts: np.ndarray = OBSERVED) -> float:
    total = stats.poisson.logpmf(counts, rates(p)).sum()
    total += stats.norm.logpdf(1.02, p["lumi"], 0.02) + two_sided(p["coupling"], 1.0, 0.1, 0.05)
    total += stats.norm.logpdf(np.log(1.1), np.log(p["level"]), 0.3) + stats.poisson.logpmf(9, 8 * p["rate"])
    return float(total + stats.norm.logpdf(0, p["efficiency"], 1) + stats.norm.logpdf(0, p["tilt"], 1))


POINTS = st.fixed_dictionaries(
    {
        "mu": st.floats(0, 10),
        "coupling": st.floats(0.1, 2),
        "lumi": st.floats(0.5, 1.5),
        "level": st.floats(0.1, 5),
        "rate": st.floats(0.01, 5),
        "efficiency": st.floats(-3, 3),
        "tilt": st.floats(-3, 3),
    }
)


def random_points(n: int, seed: int = 1) -> np.ndarray:
    low, high = [0.2, 0.8, 0.95, 0.5, 0.2, -1.5, -1.5], [3, 1.3, 1.05, 2, 2, 1.5, 1.5]
    return np.random.default_rng(seed).uniform(low, high, (n, 7))


def test_parameters_are_private_and_in_the_order_of_the_file(small: BinnedLikelihood) -> None:
    assert small.parameters.names == tuple(f"small.{n}" for n in NAMES)
    assert small.poi == "small.mu"


@given(POINTS)
def test_logpdf_is_the_product_of_the_densities(small: BinnedLikelihood, p: dict[str, float]) -> None:
    assert small.logpdf(p) == pytest.approx(plain_logpdf(p), rel=1e-12, abs=1e-12)


@given(POINTS)
def test_expected_counts_split_by_sample_and_channel(small: BinnedLikelihood, p: dict[str, float]) -> None:
    template = small.expected(p)
    assert np.concatenate([template["low"], template["high"]]) == pytest.approx(rates(p), rel=1e-12, abs=1e-13)
    assert template.samples["cosmic"]["low"] == pytest.approx(0.5 * p["rate"] * np.ones(4), rel=1e-13)
    assert template.total() == pytest.approx(rates(p).sum(), rel=1e-12)


@given(POINTS)
def test_the_terms_add_up(small: BinnedLikelihood, p: dict[str, float]) -> None:
    terms = small.logpdf_terms(p)
    assert set(terms) == {"low", "high", "constraints"}
    assert sum(terms.values()) == pytest.approx(small.logpdf(p), rel=1e-13)


def test_a_batch_is_a_loop_of_single_points(small: BinnedLikelihood) -> None:
    points = random_points(20)
    values, gradients = small.value_grad(points)
    assert small.logpdf(points) == pytest.approx([small.logpdf(x) for x in points], rel=1e-14)
    assert values == pytest.approx(small.logpdf(points), rel=1e-14)
    assert gradients == pytest.approx(np.array([small.value_grad(x)[1][0] for x in points]), rel=1e-12, abs=1e-12)
    for name, term in small.logpdf_terms(points).items():
        assert term == pytest.approx([small.logpdf_terms(x)[name] for x in points], rel=1e-13), name


def test_a_batch_of_points_meets_a_batch_of_data_row_by_row(small: BinnedLikelihood) -> None:
    points = random_points(6)
    toys = small.toy(points, np.random.default_rng(3))
    together = small.logpdf(points, toys)
    for i, point in enumerate(points):
        one = Dataset({c: v[i] for c, v in toys.counts.items()}, {c: v[i] for c, v in toys.auxiliary.items()}, "toy")
        assert small.logpdf(point, one) == pytest.approx(together[i], rel=1e-13)


def test_value_grad_is_the_numerical_derivative(small: BinnedLikelihood) -> None:
    points = random_points(20)
    _, gradient = small.value_grad(points)
    for i in range(7):
        h = 1e-4 * np.eye(7)[i]
        f = [small.logpdf(points + k * h) for k in (-2, -1, 1, 2)]
        slope = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / 12e-4
        assert gradient[:, i] == pytest.approx(slope, rel=1e-6, abs=1e-6), NAMES[i]


@given(POINTS, st.floats(0.1, 5))
def test_counts_are_linear_in_a_norm(small: BinnedLikelihood, p: dict[str, float], k: float) -> None:
    once, scaled = small.expected({**p, "level": 1.0}), small.expected({**p, "level": k})
    for channel in ("low", "high"):
        expected = once[channel] + (k - 1) * once.samples["background"][channel]
        assert scaled[channel] == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_the_order_of_the_bins_does_not_matter(small: BinnedLikelihood, small_text: str, write) -> None:
    swapped = small_text
    for four in ("12, 3, 7, 5", "2, 1, 3, 2", "2.5, 1.25, 2.5, 1.5", "8, 4, 3, 2.5", "9, 4, 3, 2", "7.5, 4.5, 3, 3"):
        assert f"[{four}]" in swapped
        swapped = swapped.replace(f"[{four}]", f"[{', '.join(four.split(', ')[::-1])}]")
    other = npinfer.load(write(swapped))
    points = random_points(10)
    assert other.logpdf(points) == pytest.approx(small.logpdf(points), rel=1e-13)


def test_the_same_seed_gives_the_same_toy(small: BinnedLikelihood) -> None:
    first, second, third = (small.toy({}, np.random.default_rng(s)) for s in (5, 5, 6))
    for name in first.counts:
        assert (first.counts[name] == second.counts[name]).all()
    assert first.auxiliary == second.auxiliary
    assert first.kind == "toy"
    assert any((first.counts[n] != third.counts[n]).any() for n in first.counts)


def test_toys_have_poisson_means_and_variances(small: BinnedLikelihood) -> None:
    n = 20_000
    truth = dict(zip(NAMES, random_points(1)[0], strict=True))
    point = small.parameters.vector(truth)
    toys = small.toy(np.tile(point, (n, 1)), np.random.default_rng(2))
    counts = np.concatenate([toys.counts["low"], toys.counts["high"]], axis=-1)
    mean = rates(truth)
    assert (np.abs(counts.mean(axis=0) - mean) < 4 * np.sqrt(mean / n)).all()
    spread = np.sqrt((mean + 2 * mean**2) / n)  # of a Poisson variance estimate
    assert (np.abs(counts.var(axis=0) - mean) < 4 * spread).all()
    assert abs(np.corrcoef(counts[:, 0], counts[:, 4])[0, 1]) < 4 / np.sqrt(n)
    assert abs(np.mean(toys.auxiliary["small.rate"]) - 8 * truth["rate"]) < 4 * np.sqrt(8 * truth["rate"] / n)


@given(POINTS)
def test_asimov_moves_the_auxiliary_data_to_the_truth(small: BinnedLikelihood, p: dict[str, float]) -> None:
    truth = {**p, "tilt": 0.5 * p["tilt"] / 3}
    data = small.asimov(truth)
    assert data.kind == "asimov"
    assert np.concatenate(list(data.counts.values())) == pytest.approx(rates(truth), rel=1e-12, abs=1e-13)
    assert data.auxiliary["small.lumi"] == truth["lumi"]
    assert data.auxiliary["small.level"] == pytest.approx(np.log(truth["level"]))
    assert data.auxiliary["small.rate"] == pytest.approx(8 * truth["rate"])
    at_truth = small.with_data(data)
    assert at_truth.value_grad(truth)[1] == pytest.approx(np.zeros((1, 7)), abs=1e-9)
    assert at_truth.logpdf(truth) == pytest.approx(at_truth.saturated(), rel=1e-12)


@given(POINTS)
def test_nothing_exceeds_the_saturated_model(small: BinnedLikelihood, p: dict[str, float]) -> None:
    assert small.logpdf(p) <= small.saturated() + 1e-12


def test_the_saturated_model_expects_what_was_seen(small: BinnedLikelihood) -> None:
    normals = two_sided(1.0, 1.0, 0.1, 0.05) + stats.norm.logpdf(0, 0, [0.02, 0.3, 1, 1]).sum()
    constraints = normals + stats.poisson.logpmf(9, 9)
    assert small.saturated() == pytest.approx(stats.poisson.logpmf(OBSERVED, OBSERVED).sum() + constraints, rel=1e-12)


def test_fisher_is_the_covariance_of_the_score(small: BinnedLikelihood) -> None:
    n = 40_000
    point = random_points(1, seed=8)[0]
    points = np.tile(point, (n, 1))
    _, scores = small.value_grad(points, small.toy(points, np.random.default_rng(4)))
    fisher = small.fisher(point)[0]
    assert fisher == pytest.approx(fisher.T)
    sigma = np.sqrt(np.diag(fisher))
    assert (np.abs(scores.mean(axis=0)) < 4 * sigma / np.sqrt(n)).all()
    products = scores[:, :, None] * scores[:, None, :]
    error = products.std(axis=0) / np.sqrt(n)
    assert (np.abs(products.mean(axis=0) - fisher) < 4.5 * error + 1e-12).all()


EMPTY = """\
schema: npinfer/likelihood/1
name: empty
kind: real
status: illustrative
channels:
  only: {{axes: {{x: {{edges: [0, 1, 2]}}}}, observed: [{seen}, 2]}}
samples:
  s: {{template: {{only: [0, 3]}}, scale: mu}}
parameters:
  mu: {{init: 1, bounds: [0, 5]}}
"""


def test_nothing_expected_and_nothing_seen_is_finite(write) -> None:
    lh = npinfer.load(write(EMPTY.format(seen=0)))
    assert lh.logpdf({}) == pytest.approx(stats.poisson.logpmf(2, 3))
    value, gradient = lh.value_grad({})
    assert gradient[0, 0] == pytest.approx(2 - 3)
    assert np.isfinite(value).all()
    assert np.isfinite(lh.fisher({})).all()
    assert lh.logpdf({"mu": 0.0}) == -np.inf  # two events where none can be


def test_an_event_where_nothing_is_expected_has_probability_zero(write) -> None:
    lh = npinfer.load(write(EMPTY.format(seen=1)))
    points = np.array([[0.0], [1.0], [5.0]])
    assert (lh.logpdf(points) == -np.inf).all()
    value, gradient = lh.value_grad(points)
    assert (value == -np.inf).all()
    assert not np.isnan(gradient).any()
    assert lh.logpdf_terms({})["only"] == -np.inf


def test_an_event_where_nothing_is_expected_never_overflows(write) -> None:
    """Counts over no expectation are a slope without end, times a template that is large elsewhere."""
    lh = npinfer.load(write(EMPTY.format(seen=1).replace("[0, 3]", "[1, 1.0e+14]")))
    value, gradient = lh.value_grad({"mu": 0.0})  # a warning is an error
    assert value == -np.inf
    assert gradient > 0


def test_toys_of_more_counts_than_can_be_drawn_are_refused(write) -> None:
    text = EMPTY.format(seen=0)
    many = text.replace("bounds: [0, 5]", "bounds: [0, .inf]")
    with pytest.raises(ParameterError, match=r"more than 1e\+15 counts are expected: no toy can be drawn"):
        npinfer.load(write(many)).toy({"mu": 1e18}, np.random.default_rng(1))
    measured = text.replace("bounds: [0, 5]", "bounds: [0, 5], constraint: {poisson: {count: 9, rate: 1.0e+20}}")
    with pytest.raises(ParameterError, match=r"more than 1e\+15 counts are expected"):
        npinfer.load(write(measured)).toy({}, np.random.default_rng(1))


def test_negative_rates_have_probability_zero(small: BinnedLikelihood) -> None:
    point = {"tilt": 4.9, "mu": 10, "level": 0.1, "rate": 0.0, "lumi": 0.5}
    assert rates({**dict.fromkeys(NAMES, 1.0), **point, "efficiency": 0.0}).min() < 0
    assert small.logpdf(point) == -np.inf


def test_with_data_leaves_the_original_alone(small: BinnedLikelihood) -> None:
    before = small.logpdf({})
    other = small.with_data(small.asimov({"mu": 3.0}))
    assert other.logpdf({}) != before
    assert small.logpdf({}) == before
    assert small.data.kind == "observed"
    assert other.data.kind == "asimov"


def test_configure_loads_again_with_one_choice_changed(small: BinnedLikelihood) -> None:
    fancy = small.configure(mode="fancy", mass="0.5").configure(tilted="false")
    assert fancy.configuration == {"mode": "fancy", "mass": 0.5, "tilted": False}
    assert small.configuration == {"mode": "plain", "mass": 0.01, "tilted": True}
    assert fancy.logpdf({}) == small.logpdf({})


def test_logprior_is_minus_infinity_outside_the_bounds(small: BinnedLikelihood) -> None:
    point = small.parameters.init
    volume = np.prod(small.parameters.upper - small.parameters.lower)
    assert small.logprior(point) == pytest.approx([-np.log(volume)])
    assert small.logprior(np.where(np.arange(7) == 0, -0.1, point)) == [-np.inf]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (Dataset({"low": [1, 2, 3, 4]}), "no counts for channel 'high'"),
        (Dataset({"low": [1, 2, 3, 4], "hihg": [1, 2, 3]}), "did you mean 'high'"),
        (Dataset({"low": [1, 2, 3, 4], "high": [1, 2]}), "expected 3 bins"),
        (Dataset({"low": [1, 2, 3, -4], "high": [1, 2, 3]}), "bin 3 has a negative count"),
        (Dataset({"low": [1, np.nan, 3, 4], "high": [1, 2, 3]}), "bin 1 is not a finite number"),
        (Dataset({"low": [1, 2, 3, 4], "high": [1, 2, 3]}, {"small.mu": 1.0, "small.lumi": np.nan}), "auxiliary datum"),
    ],
)
def test_bad_data_are_refused_in_words(small: BinnedLikelihood, data: Dataset, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        small.with_data(data)
    assert "small" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"muu": 1.0}, "did you mean 'mu'"),
        ({"mu": 11.0}, r"11 is outside its bounds \[0, 10\]"),
        ({"mu": np.nan}, "not a finite number"),
        ({"mu": "many"}, "not a number"),
        (np.ones(3), "expected 7 values a point"),
        (np.ones((2, 2, 7)), "expected 7 values a point"),
        (np.where(np.arange(7) == 2, np.nan, 1.0), "'small.lumi'"),
    ],
)
def test_bad_points_are_refused_in_words(small: BinnedLikelihood, values, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        small.logpdf(values)


def test_hese_gradient_and_contraction(hese: BinnedLikelihood) -> None:
    points = hese.parameters.init + 0.02 * np.random.default_rng(0).uniform(0, 1, (3, len(hese.parameters)))
    _, gradient = hese.value_grad(points)
    for i in range(len(hese.parameters)):
        h = 1e-4 * np.eye(len(hese.parameters))[i]
        slope = (hese.logpdf(points + h) - hese.logpdf(points - h)) / 2e-4
        assert gradient[:, i] == pytest.approx(slope, rel=1e-5, abs=1e-5), hese.parameters.names[i]
    fast, exact = hese.expected(points), hese.expected(points, contracted=False)
    for channel in hese.channels:
        assert fast[channel.name] == pytest.approx(exact[channel.name], rel=1e-8, abs=1e-14)
