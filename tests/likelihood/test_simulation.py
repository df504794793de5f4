"""Monte-Carlo variance of samples that share simulated events, against sums over the events, and what follows of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyhf.interpolators import code4
from scipy import stats

import npinfer
from npinfer.core.dataset import Dataset
from npinfer.errors import InferenceError, NpinferError
from npinfer.inference.outcomes import enumerate_outcomes
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.effective import correction

Write = Callable[..., Path]

FILE = """\
schema: npinfer/likelihood/1
name: shower
kind: real
status: illustrative
poi: astro_norm
data: {folder: data}
channels:
  cascade:
    axes: {energy_gev: {edges: [1, 2, 4]}, cos_zenith: {linear: [-1, 1, 2]}}
    observed: [12, 9, 30, 11]
    statistic: effective
  track:
    axes: {energy_gev: {edges: [1, 3, 4]}}
    observed: [41, 20]
    statistic: effective
samples:
  astro:
    template: {events: events.csv, weight: w_astro}
    scale: {astro_norm: 2}
    systematics: [{name: ice, kind: normsys, up: 1.2, down: 0.9, channels: [cascade]}]
  conventional:
    template: {events: events.csv, weight: w_conv, where: {kind: cc}}
    scale: [conv_norm, lumi]
    systematics:
      - {name: ice, kind: normsys, up: 1.1}
      - {name: tilt, kind: normsys, up: 1.3, down: 0.8}
  muon:
    template: {cascade: [1, 0.5, 0, 2], track: [4, 1]}
    variance: {cascade: [0.1, 0.05, 0, 0.3], track: [0.4, 0.2]}
    scale: muon_norm
  flat: {template: {cascade: [0.1, 0.1, 0.1, 0.1], track: [0.1, 0.1]}}
parameters:
  astro_norm: {init: 1, bounds: [0, 5]}
  conv_norm: {init: 1, bounds: [0, 5]}
  lumi: {init: 1, bounds: [0.5, 1.5], constraint: {normal: {mean: 1, sigma: 0.05}}}
  muon_norm: {init: 1, bounds: [0, 3], constraint: {normal: {mean: 1, sigma: 0.3}}}
"""
NAMES = ("astro_norm", "conv_norm", "lumi", "muon_norm", "ice", "tilt")
EDGES = {"cascade": [[1, 2, 4], [-1, 0, 1]], "track": [[1, 3, 4]]}
MUON, MUON_VARIANCE = np.array([1, 0.5, 0, 2, 4, 1]), np.array([0.1, 0.05, 0, 0.3, 0.4, 0.2])
OBSERVED = np.array([12, 9, 30, 11, 41, 20.0])
CASCADE = np.arange(6) < 4


def simulate(n: int = 300, seed: int = 5) -> list[dict[str, object]]:
    """Events inside and outside the axes; a tenth of the conventional weights are negative."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        sign = -1 if rng.random() < 0.1 else 1
        rows.append(
            {
                "channel": "cascade" if rng.random() < 0.5 else "track",
                "energy_gev": rng.uniform(0.8, 4.4),
                "cos_zenith": rng.uniform(-1, 1),
                "kind": "cc" if rng.random() < 0.7 else "nc",
                "w_astro": rng.exponential(0.3),
                "w_conv": sign * rng.exponential(0.25),
            }
        )
    return rows


def as_csv(rows: list[dict[str, object]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


@pytest.fixture(scope="module")
def events() -> list[dict[str, object]]:
    return simulate()


@pytest.fixture
def shower(write: Write, events: list[dict[str, object]]) -> BinnedLikelihood:
    write(as_csv(events), "data/events.csv")
    return npinfer.load(write(FILE))


def bin_of(event: dict[str, object]) -> int | None:
    """The position of an event's bin, or None outside the axes, by looking through the bins."""
    energy, zenith = float(str(event["energy_gev"])), float(str(event["cos_zenith"]))
    position = 0
    for channel, edges in EDGES.items():
        for low, high in zip(edges[0], edges[0][1:], strict=False):
            for left, right in zip(edges[1], edges[1][1:], strict=False) if len(edges) > 1 else [(-9, 9)]:
                if event["channel"] == channel and low <= energy < high and left <= zenith < right:
                    return position
                position += 1
    return None


def factor(down: float, up: float, alpha: float) -> float:
    return float(np.asarray(code4([[[[down], [1.0], [up]]]])(np.array([[alpha]]))).item())


def brute_force(
    events: list[dict[str, object]], p: dict[str, float], *, together: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Expectation and variance, event by event."""
    mean, variance = 0.1 + MUON * p["muon_norm"], MUON_VARIANCE * p["muon_norm"] ** 2
    for event in events:
        b = bin_of(event)
        if b is None:
            continue
        astro = float(str(event["w_astro"])) * p["astro_norm"] ** 2
        astro *= factor(0.9, 1.2, p["ice"]) if event["channel"] == "cascade" else 1.0
        conventional = float(str(event["w_conv"])) * p["conv_norm"] * p["lumi"] * (event["kind"] == "cc")
        conventional *= factor(1 / 1.1, 1.1, p["ice"]) * factor(0.8, 1.3, p["tilt"])
        mean[b] += astro + conventional
        variance[b] += (astro + conventional) ** 2 if together else astro**2 + conventional**2
    return mean, variance


def some_points(lh: BinnedLikelihood, n: int, seed: int = 0) -> tuple[np.ndarray, list[dict[str, float]]]:
    unit = np.random.default_rng(seed).uniform([0.5, 0.5, 0.9, 0.3, -1.5, -1.5], [2, 2, 1.1, 2, 1.5, 1.5], (n, 6))
    named = [dict(zip(NAMES, row.tolist(), strict=True)) for row in unit]
    return np.array([lh.parameters.vector(p) for p in named]), named


def variance_of(lh: BinnedLikelihood, points: np.ndarray) -> np.ndarray:
    return np.asarray(lh.statistic.variance(points))  # type: ignore[attr-defined]


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


def one_bin(write: Write, n: int, statistic: str, observed: float = 100.0, name: str = "counting") -> BinnedLikelihood:
    """One bin that expects `norm` × 100 events from n simulated ones of equal weight."""
    text = f"""\
schema: npinfer/likelihood/1
name: {name}
kind: real
status: illustrative
channels: {{count: {{axes: {{x: {{linear: [0, 1, 1]}}}}, observed: [{observed}], statistic: {statistic}}}}}
samples: {{signal: {{template: {{count: [100]}}, variance: {{count: [{100.0**2 / n}]}}, scale: norm}}}}
parameters: {{norm: {{init: 1, bounds: [0, 20]}}}}
"""
    return npinfer.load(write(text, f"{name}_{n}_{statistic}.yaml"))


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


def test_the_exposure_scales_the_weights(write: Write, events: list[dict[str, object]]) -> None:
    write(as_csv(events), "data/events.csv")
    lh = npinfer.load(write(FILE + "configuration: {exposure: {default: 1.0}}\n"), exposure=3)
    once, thrice = lh.configure(exposure=1.0), lh
    point = lh.parameters.init[None]
    assert thrice.rates(point) == pytest.approx(3 * once.rates(point))
    assert variance_of(thrice, point) == pytest.approx(9 * variance_of(once, point))


def test_a_variance_from_the_table_of_its_template(write: Write) -> None:
    write("channel,x_low,x_high,counts,variance\nonly,0,1,4,0.5\nonly,1,2,2,0.25\n", "data/table.csv")
    text = """\
schema: npinfer/likelihood/1
name: tabled
kind: real
status: illustrative
data: {folder: data}
channels: {only: {axes: {x: {edges: [0, 1, 2]}}, observed: [3, 1], statistic: effective}}
samples: {signal: {template: table.csv, variance: table.csv, simulation: run}}
"""
    lh = npinfer.load(write(text))
    assert variance_of(lh, np.zeros((1, 0)))[0] == pytest.approx([0.5, 0.25])
    assert npinfer.describe(lh)[3].rows[0][:3] == ("signal", "table.csv", "run")


def test_a_template_that_replaces_another_loses_its_variance(write: Write) -> None:
    write(one_text := FILE.replace("data: {folder: data}\n", "").replace("name: shower", "name: base"), "base.yaml")
    assert "w_conv" in one_text
    change = """\
extends: base.yaml
name: changed
channels: {cascade: {statistic: poisson}, track: {statistic: poisson}}
samples:
  astro: {template: {cascade: [1, 1, 1, 1], track: [1, 1]}}
  conventional: {template: {cascade: [1, 1, 1, 1], track: [1, 1]}, variance: {cascade: [1, 1, 1, 1]}}
  muon: {template: {cascade: [2, 2, 2, 2], track: [1, 1]}}
"""
    lh = npinfer.load(write(change, "changed.yaml"))
    samples = npinfer.describe(lh)[3]
    assert [row[2] for row in samples.rows] == ["", "conventional", "", ""]


FAULTS = {
    "no variance": (
        "    statistic: effective\n  track:",
        "    statistic: effective\n"
        "  lonely: {axes: {energy_gev: {edges: [1, 2]}}, observed: [1], statistic: effective}\n"
        "  track:",
        "lonely.statistic: no sample has a variance there",
    ),
    "unknown weight": ("weight: w_astro", "weight: w_astra", "unknown column 'w_astra': did you mean 'w_astro'?"),
    "unknown selection": ("where: {kind: cc}", "where: {kin: cc}", "unknown column 'kin': did you mean 'kind'?"),
    "variance of events": (
        "weight: w_astro}",
        "weight: w_astro}\n    variance: {track: [1, 1]}",
        "variance is for a template of counts; events have that of their weights",
    ),
    "simulation without variance": (
        "    variance: {cascade: [0.1, 0.05, 0, 0.3], track: [0.4, 0.2]}\n",
        "    simulation: corsika\n",
        "a simulation needs its variance, Σ weight² in each bin: add variance",
    ),
    "a shared simulation without events": (
        "    scale: muon_norm",
        "    simulation: events.csv\n    scale: muon_norm",
        "the samples astro and conventional and muon share the simulation 'events.csv'",
    ),
    "negative variance": ("[0.1, 0.05, 0, 0.3]", "[0.1, -0.05, 0, 0.3]", "bin 1 has a negative count"),
    "unknown statistic": ("[41, 20]\n    statistic: effective", "[41, 20]\n    statistic: eff", "'eff' is not one of"),
    "no weight": (
        "{events: events.csv, weight: w_astro}",
        "{events: events.csv}",
        "astro.template: 'weight' is a required property",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_with_its_place(write: Write, events: list[dict[str, object]], fault: str) -> None:
    write(as_csv(events), "data/events.csv")
    fragment, instead, said = FAULTS[fault]
    assert FILE.count(fragment) == 1
    path = write(FILE.replace(fragment, instead))
    with pytest.raises(NpinferError) as caught:
        npinfer.load(path)
    assert str(caught.value).startswith(f"{path}:")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("w_astro", "nan", "event 3: w_astro is not a finite number"),
        ("w_astro", "many", "row 3: w_astro is 'many', not a number"),
        ("w_astro", "-100", "the summed weights w_astro of events.csv: bin"),
        ("energy_gev", "high", "energy_gev is 'high', not a number"),
        ("channel", "shower", "unknown channel 'shower'"),
    ],
)
def test_a_bad_event_is_refused(
    write: Write, events: list[dict[str, object]], column: str, value: str, said: str
) -> None:
    rows = [dict(row) for row in events]
    rows[2] |= {"energy_gev": 1.5, "cos_zenith": 0.5, "channel": "cascade", column: value}
    write(as_csv(rows), "data/events.csv")
    with pytest.raises(NpinferError) as caught:
        npinfer.load(write(FILE))
    assert said in str(caught.value)


def test_events_need_their_channel(write: Write, events: list[dict[str, object]]) -> None:
    write(as_csv([{k: v for k, v in row.items() if k != "channel"} for row in events]), "data/events.csv")
    with pytest.raises(NpinferError, match="unknown column 'channel'"):
        npinfer.load(write(FILE))


def test_one_channel_needs_no_column(write: Write) -> None:
    write("x,w\n0.5,1\n0.25,2\n1.5,3\n2,0.5\n2.1,8\n", "data/events.csv")
    text = """\
schema: npinfer/likelihood/1
name: single
kind: real
status: illustrative
data: {folder: data}
channels: {only: {axes: {x: {edges: [0, 1, 2]}}, observed: [3, 1], statistic: effective}}
samples: {signal: {template: {events: events.csv, weight: w}}}
"""
    lh = npinfer.load(write(text))
    assert lh.expected(lh.parameters.init)["only"] == pytest.approx([3, 3.5])
    assert variance_of(lh, lh.parameters.init[None])[0] == pytest.approx([5, 9.25])
    other = lh.with_data(Dataset({"only": np.array([0.0, 2.0])}))
    assert other.logpdf({}) != lh.logpdf({})
