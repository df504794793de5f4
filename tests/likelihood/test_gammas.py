"""staterror and shapesys: the density and the fit of pyhf's own modifiers, and simulations that share events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyhf
import pytest

import npinfer
from npinfer.errors import NpinferError
from npinfer.likelihood import statistic
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.pyhf_model import pyhf_data

Write = Callable[..., Path]

FILE = """\
schema: npinfer/likelihood/1
name: bb
kind: real
status: illustrative
poi: mu
channels:
  high: {axes: {x: {edges: [0, 1, 2, 3]}}, observed: [6, 4, 1]}
  low: {axes: {x: {edges: [0, 1, 2]}}, observed: [13, 9]}
samples:
  signal:
    template: {high: [2, 1, 0], low: [3, 2]}
    variance: {high: [0.16, 0.09, 0], low: [0.25, 0.04]}
    scale: mu
    systematics: [{name: mc, kind: staterror}, {name: eff, kind: normsys, up: 1.1, down: 0.9}]
  background:
    template: {high: [4, 2, 1.5], low: [8, 6]}
    variance: {high: [0.36, 0.25, 0], low: [0.64, 0.09]}
    systematics:
      - {name: mc, kind: staterror}
      - {name: shape, kind: shapesys, uncertainty: {high: [0.8, 0.5, 0.5]}}
      - {name: tilt, kind: histosys, up: {high: [5, 2, 1], low: [9, 6]}, down: {high: [3, 2, 2], low: [7, 6]}}
  fakes:
    template: {high: [0.5, 0, 1], low: [1, 2]}
    variance: {high: [0.1, 0, 0.2], low: [0.3, 0.1]}
    systematics: [{name: own, kind: shapesys}, {name: eff, kind: normsys, up: 1.2, down: 0.8, channels: [high]}]
parameters:
  mu: {init: 1, bounds: [0, 10]}
"""
OBSERVED = {"high": [6, 4, 1], "low": [13, 9]}


def roots(*variances: float) -> list[float]:
    return np.sqrt(variances).tolist()


def native() -> pyhf.Workspace:
    """The same model in pyhf's own modifiers."""
    normsys = lambda hi, lo: {"name": "eff", "type": "normsys", "data": {"hi": hi, "lo": lo}}
    mu = {"name": "mu", "type": "normfactor", "data": None}

    def channel(name: str, counts: dict[str, list[float]], modifiers: dict[str, list[dict]]) -> dict:
        samples = [{"name": s, "data": counts[s], "modifiers": modifiers[s]} for s in counts]
        return {"name": name, "samples": samples}

    stat = lambda name, *v: {"name": name, "type": "staterror", "data": roots(*v)}
    tilt = lambda hi, lo: {"name": "tilt", "type": "histosys", "data": {"hi_data": hi, "lo_data": lo}}
    high = channel(
        "high",
        {"signal": [2, 1, 0], "background": [4, 2, 1.5], "fakes": [0.5, 0, 1]},
        {
            "signal": [mu, stat("mc_high", 0.16, 0.09, 0), normsys(1.1, 0.9)],
            "background": [
                stat("mc_high", 0.36, 0.25, 0),
                {"name": "shape", "type": "shapesys", "data": [0.8, 0.5, 0.5]},
                tilt([5, 2, 1], [3, 2, 2]),
            ],
            "fakes": [{"name": "own_high", "type": "shapesys", "data": roots(0.1, 0, 0.2)}, normsys(1.2, 0.8)],
        },
    )
    low = channel(
        "low",
        {"signal": [3, 2], "background": [8, 6], "fakes": [1, 2]},
        {
            "signal": [mu, stat("mc_low", 0.25, 0.04), normsys(1.1, 0.9)],
            "background": [stat("mc_low", 0.64, 0.09), tilt([9, 6], [7, 6])],
            "fakes": [{"name": "own_low", "type": "shapesys", "data": roots(0.3, 0.1)}],
        },
    )
    return pyhf.Workspace(
        {
            "channels": [high, low],
            "observations": [{"name": n, "data": d} for n, d in OBSERVED.items()],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        }
    )


CONSTANT = -0.5 * np.log(2 * np.pi) - 1.0  # of the two fixed factors that pyhf keeps for bins without uncertainty


def to_native(lh: BinnedLikelihood, model: pyhf.Model, point: np.ndarray) -> np.ndarray:
    """A point of ours in pyhf's order; the factors of bins without uncertainty are 1."""
    theirs = np.array(model.config.suggested_init())
    for name, value in zip(lh.parameters.names, point.tolist(), strict=True):
        short = name.removeprefix("bb.")
        if short in model.config.par_map:
            theirs[model.config.par_slice(short)] = value
            continue
        stem, index = short.rsplit("_", 1)  # mc_high_0
        stem = stem if stem in model.config.par_map else stem.rsplit("_", 1)[0]
        theirs[model.config.par_slice(stem).start + int(index)] = value
    return theirs


@pytest.fixture
def bb(write: Write) -> BinnedLikelihood:
    return npinfer.load(write(FILE))


def random_points(lh: BinnedLikelihood, n: int) -> np.ndarray:
    rng, names = np.random.default_rng(4), lh.parameters.names
    points = rng.uniform(0.5, 1.5, (n, len(names)))
    alphas = [names.index("bb.eff"), names.index("bb.tilt")]
    points[:, alphas] = rng.uniform(-1.5, 1.5, (n, 2))
    return points


def test_the_density_is_pyhfs(bb: BinnedLikelihood) -> None:
    model = native().model()
    data = native().data(model)
    for point in random_points(bb, 20):
        theirs = np.asarray(model.logpdf(to_native(bb, model, point), data)).item()
        assert bb.logpdf(point) == pytest.approx(theirs - CONSTANT, rel=1e-9)


def test_our_own_pyhf_model_agrees(bb: BinnedLikelihood) -> None:
    model = bb.pyhf_model()
    for point in random_points(bb, 5):
        assert bb.logpdf(point) == pytest.approx(np.asarray(model.logpdf(point, pyhf_data(bb))).item(), rel=1e-9)


def test_bins_without_uncertainty_have_no_parameter(bb: BinnedLikelihood) -> None:
    names = [n.removeprefix("bb.") for n in bb.parameters.names]
    assert names[:3] == ["mu", "eff", "tilt"]
    assert names[3:] == [
        *(f"mc_{c}_{b}" for c, b in (("high", 0), ("high", 1), ("low", 0), ("low", 1))),
        *(f"shape_high_{b}" for b in range(3)),
        *(f"own_{c}_{b}" for c, b in (("high", 0), ("high", 2), ("low", 0), ("low", 1))),
    ]
    sigma = bb.parameters["mc_high_0"].constraint
    assert sigma is not None
    assert sigma.sigma_up == pytest.approx(np.sqrt(0.16 + 0.36) / 6)
    assert bb.parameters["mc_high_0"].group == "mc"
    count = bb.parameters["own_low_1"].constraint
    assert count is not None
    assert (count.kind, count.mean, count.rate) == ("poisson", pytest.approx(40.0), pytest.approx(40.0))


def test_the_gradient_is_the_numerical_derivative(bb: BinnedLikelihood) -> None:
    points = random_points(bb, 4)
    rates, jacobian = bb.rates_jacobian(points)
    assert rates == pytest.approx(bb.rates(points), rel=1e-14)
    gradient = bb.value_grad(points)[1]
    for i in range(len(bb.parameters)):
        h = 1e-3 * np.eye(len(bb.parameters))[i]
        for found, function in ((jacobian[:, i], bb.rates), (gradient[:, i], bb.logpdf)):
            f = [function(points + k * h) for k in (-2, -1, 1, 2)]
            assert found == pytest.approx((f[0] - 8 * f[1] + 8 * f[2] - f[3]) / 12e-3, rel=1e-6, abs=1e-7)
    at_zero = points * (np.array(bb.parameters.names) != "bb.mc_low_0")
    assert np.isfinite(bb.rates_jacobian(at_zero)[1]).all()


def test_the_information_of_many_bin_factors(bb: BinnedLikelihood, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same whether parameters of single bins are kept out of the matrix products or not."""
    points = random_points(bb, 3)
    dense = bb.expansion(points, bb.pack(None))
    monkeypatch.setattr(statistic, "MANY", 2)
    for found, expected in zip(bb.expansion(points, bb.pack(None)), dense, strict=True):
        assert found == pytest.approx(expected, rel=1e-13, abs=1e-13)


def test_the_fit_is_pyhfs(bb: BinnedLikelihood) -> None:
    """Each other's minimum: ours is not above pyhf's by more than its own tolerance, and the point agrees."""
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-6))
    try:
        model = native().model()
        data = native().data(model)
        theirs, value = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
    finally:
        pyhf.set_backend("numpy")
    result = npinfer.fit(bb)
    assert result.valid
    point = np.array(list(result.values.values()))
    assert result.twice_nll + 2 * -CONSTANT == pytest.approx(float(value), abs=1e-5)
    assert result.twice_nll + 2 * -CONSTANT <= float(value) + 1e-7
    assert to_native(bb, model, point) == pytest.approx(np.asarray(theirs), abs=2e-3)
    migrad = npinfer.fit(bb, options=npinfer.FitOptions(minimiser="migrad"))
    assert result.twice_nll == pytest.approx(migrad.twice_nll, abs=1e-6)


def test_an_asimov_fit_returns_its_truth(bb: BinnedLikelihood) -> None:
    truth = bb.parameters.vector({"mu": 1.3, "mc_low_0": 1.05, "own_low_0": 0.8, "eff": 0.4})
    result = npinfer.fit(bb, data=bb.asimov(truth))
    assert list(result.values.values()) == pytest.approx(truth, abs=1e-6)
    assert max(abs(p) for p in result.pulls.values()) < 1e-5


def test_toys_fluctuate_the_auxiliary_data(bb: BinnedLikelihood) -> None:
    toys = bb.toy(np.tile(bb.parameters.init, (4000, 1)), np.random.default_rng(3))
    width = np.sqrt(0.16 + 0.36) / 6
    assert np.std(toys.auxiliary["bb.mc_high_0"]) == pytest.approx(width, rel=5 / np.sqrt(8000))
    assert np.var(toys.auxiliary["bb.own_low_1"]) == pytest.approx(40, rel=5 * np.sqrt(2.05 / 4000))


EVENTS = """\
x,kind,w_a,w_b
0.5,cc,1.5,-0.4
0.6,cc,1,-0.3
0.7,nc,0.5,2
1.5,cc,1,1
1.2,cc,2,0.5
"""
SHARED = """\
schema: npinfer/likelihood/1
name: shared
kind: real
status: illustrative
data: {folder: data}
channels: {only: {axes: {x: {edges: [0, 1, 2]}}, observed: [3, 4]}}
samples:
  a: {template: {events: events.csv, weight: w_a}, systematics: [{name: mc, kind: staterror}]}
  b: {template: {events: events.csv, weight: w_b}, systematics: [{name: mc, kind: staterror}]}
"""


@pytest.mark.parametrize("separate", [False, True])
def test_samples_of_one_simulation_add_event_by_event(write: Write, separate: bool) -> None:
    write(EVENTS, "data/events.csv")
    b = "b: {template:"
    lh = npinfer.load(write(SHARED.replace(b, "b: {simulation: other, template:") if separate else SHARED))
    sums = [(1.5, -0.4), (1, -0.3), (0.5, 2)], [(1, 1), (2, 0.5)]
    for i, events in enumerate(sums):
        variance = sum(a**2 + b**2 if separate else (a + b) ** 2 for a, b in events)
        said = lh.parameters[f"mc_only_{i}"].constraint
        assert said is not None
        assert said.sigma_up == pytest.approx(np.sqrt(variance) / sum(a + b for a, b in events), rel=1e-12)


def test_only_the_carriers_of_a_staterror_count(write: Write) -> None:
    write(EVENTS, "data/events.csv")
    lh = npinfer.load(write(SHARED.replace("w_b}, systematics: [{name: mc, kind: staterror}]", "w_b}")))
    said = lh.parameters["mc_only_1"].constraint
    assert said is not None
    assert said.sigma_up == pytest.approx(np.sqrt(5) / 3, rel=1e-12)
    rates = [lh.expected({"mc_only_1": g})["only"][1] for g in (1.0, 2.0)]
    assert rates == pytest.approx([4.5, 7.5])


FAULTS = {
    "a key it does not read": (
        "{name: mc, kind: staterror}, {name: eff",
        "{name: mc, kind: staterror, up: 1.1}, {name: eff",
        "systematics.0: a staterror takes no up",
    ),
    "normsys without up": ("up: 1.1, down: 0.9", "down: 0.9", "systematics.1: 'up' is a required property"),
    "uncertainty of a normsys": (
        "up: 1.1, down: 0.9",
        "up: 1.1, uncertainty: {low: [1, 1]}",
        "a normsys takes no uncertainty",
    ),
    "staterror without variance": (
        "    variance: {high: [0.16, 0.09, 0], low: [0.25, 0.04]}\n",
        "",
        "a staterror needs the variance of the template: add variance to the sample",
    ),
    "shapesys without variance": (
        "    variance: {high: [0.1, 0, 0.2], low: [0.3, 0.1]}\n",
        "",
        "a shapesys needs the variance of the template: give its uncertainty, or add variance",
    ),
    "name of a parameter": ("name: own", "name: mu", "'mu' is the name of a parameter already; a shapesys has"),
    "name of a normsys": ("name: own", "name: tilt", "'tilt' is the name of a parameter already"),
    "a shapesys of two samples": ("name: own", "name: shape", "'shape' is the name of a shapesys of 'background'"),
    "shapesys and staterror": ("name: own", "name: mc", "'mc' is the name of a staterror of 'signal' already"),
    "two staterrors": (
        "[{name: mc, kind: staterror}, {name: eff",
        "[{name: mc, kind: staterror}, {name: more, kind: staterror, channels: [low]}, {name: eff",
        "'signal' has a staterror already: its variance would count twice",
    ),
    "unknown channel": (
        "kind: shapesys}",
        "kind: shapesys, channels: [hi]}",
        "unknown channel 'hi': did you mean 'high'",
    ),
    "tiny uncertainty": ("high: [0.8, 0.5, 0.5]", "high: [0.8, 0.5, 1.0e-9]", "bin 2 of channel 'high' is too small"),
    "huge uncertainty": ("high: [0.8, 0.5, 0.5]", "high: [0.8, 0.5, 1.0e+50]", "bin 2 of channel 'high' is too large"),
    "name of a bin's factor": ("  mu: {init", "  own_low_1: {init: 1, bounds: [0, 2]}\n  mu: {init", "factor too"),
    "effective too": (
        "observed: [13, 9]",
        "observed: [13, 9], statistic: effective",
        "a staterror in a channel with the statistic effective would count the variance of the simulation twice",
    ),
    "of a generator": (
        "    template: {high: [0.5, 0, 1], low: [1, 2]}\n    variance: {high: [0.1, 0, 0.2], low: [0.3, 0.1]}\n",
        "    generator: test.flat\n",
        "a shapesys is of a template; this sample comes from a generator",
    ),
    "variance of a generator": (
        "    template: {high: [0.5, 0, 1], low: [1, 2]}\n",
        "    generator: test.flat\n",
        "variance is for a template; this sample comes from a generator",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_with_its_place(write: Write, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    from npinfer.physics.registry import GENERATORS

    flat = lambda *_: lambda *, mu: {"high": mu[:, None] * np.ones(3), "low": mu[:, None] * np.ones(2)}
    monkeypatch.setitem(GENERATORS, "test.flat", flat)
    fragment, instead, said = FAULTS[fault]
    assert FILE.count(fragment) == 1, fragment
    path = write(FILE.replace(fragment, instead))
    with pytest.raises(NpinferError) as caught:
        npinfer.load(path)
    assert str(caught.value).startswith(f"{path}:")
    assert said in str(caught.value)
