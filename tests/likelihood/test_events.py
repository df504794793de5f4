"""The likelihood of simulated events against a plain implementation of the published definition, and against itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer.errors import ConfigurationError, DataError
from npinfer.likelihood import event_sums
from npinfer.likelihood.event_likelihood import EventLikelihood
from npinfer.physics.photospline import read_spline
from tests.event_likelihoods import RANGES, loaded, points, short_names
from tests.source_data import SOURCE_DATA

RELEASE = SOURCE_DATA / "icecube_hese75_release" / "splines"


def seen_by_label(lh: EventLikelihood) -> dict[tuple[int, int, int], float]:
    seen = {}
    for m, name in enumerate(c.name for c in lh.channels):
        counts = lh.data.counts[name].reshape(21, -1)
        for a, b in np.argwhere(counts > 0):
            seen[m, int(a), int(b) if m == 2 else 9 - int(b)] = float(counts[a, b])
    return seen


def assert_agrees(lh: EventLikelihood, reference: Any, at: np.ndarray, tolerance: float = 1e-10) -> None:
    names = short_names(lh)
    for values in at:
        value, gradient = reference.value_grad(dict(zip(names, values.tolist(), strict=True)))
        mine, slope = lh.value_grad(values[None])
        assert mine[0] == pytest.approx(value, rel=tolerance)
        np.testing.assert_allclose(slope[0], [gradient[n] for n in names], rtol=tolerance, atol=tolerance)


@pytest.fixture
def numpy_alone(lh: EventLikelihood, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lh.group, "_kernel", event_sums)
    lh.group._known.clear()


@pytest.fixture(scope="module")
def reference(lh: EventLikelihood, hese_release: Any, hese_reference: Any, splines: Any) -> Any:
    return hese_reference.Reference(hese_release.make_events(10_000), splines, seen_by_label(lh))


def test_value_and_gradient_are_those_of_the_definition(lh: EventLikelihood, reference: Any) -> None:
    assert {m for m, _, _ in reference.labels} == {0, 1, 2}
    assert_agrees(lh, reference, points(lh, 5))


@pytest.mark.usefixtures("numpy_alone")
def test_value_and_gradient_without_numba(lh: EventLikelihood, reference: Any) -> None:
    assert_agrees(lh, reference, points(lh, 3, seed=1))
    lh.group._known.clear()


@pytest.mark.slow
@pytest.mark.parametrize("count", [100_000, 800_000])
def test_value_and_gradient_of_many_events(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hese_release: Any, hese_reference: Any, splines: Any
) -> None:
    monkeypatch.setenv("NPINFER_CACHE", str(tmp_path / "cache"))
    events = hese_release.make_events(count, seed=2)
    lh = loaded(tmp_path, hese_release, events, splines)
    assert_agrees(lh, hese_reference.Reference(events, splines, seen_by_label(lh)), points(lh, 2))


@pytest.mark.skipif(not RELEASE.is_dir(), reason="needs the splines of the release")
def test_value_and_gradient_with_the_splines_of_the_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hese_release: Any, hese_reference: Any
) -> None:
    monkeypatch.setenv("NPINFER_CACHE", str(tmp_path / "cache"))
    tables = {p.stem: read_spline(p) for p in RELEASE.glob("*.fits")}
    splines = {n: (s.coefficients.astype(np.float32), list(s.knots), s.degrees) for n, s in tables.items()}
    events = hese_release.make_events(5000, seed=4)
    lh = loaded(tmp_path, hese_release, events, splines)
    assert_agrees(lh, hese_reference.Reference(events, splines, seen_by_label(lh)), points(lh, 3, seed=5))


@pytest.mark.parametrize("kernel", ["compiled", "numpy"])
def test_second_derivatives_are_those_of_the_gradient(
    kernel: str, lh: EventLikelihood, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kernel == "numpy":
        monkeypatch.setattr(lh.group, "_kernel", event_sums)
    lh.group._known.clear()
    lh._found.pop("at", None)
    at = lh.parameters.init.copy()
    at[short_names(lh).index("anisotropy_scale")] = 1.013  # between knots
    at[short_names(lh).index("epsilon_dom")] = 1.22  # outside of the extents
    found, step = lh.observed_information(at[None], lh.pack(None))[0], 1e-5
    expected = np.empty_like(found)
    for i in range(len(at)):
        shift = step * np.eye(len(at))[i]
        expected[i] = (lh.value_grad(at - shift)[1] - lh.value_grad(at + shift)[1])[0] / (2 * step)
    unit = np.sqrt(np.abs(np.diag(found)))
    np.testing.assert_allclose(found / np.outer(unit, unit), expected / np.outer(unit, unit), atol=1e-7)


def test_samples_add_up_and_their_slopes_do(lh: EventLikelihood) -> None:
    at = points(lh, 1)[1]
    template = lh.expected(at)
    flat = {n: np.concatenate([c[k.name] for k in lh.channels]) for n, c in template.samples.items()}
    np.testing.assert_allclose(sum(flat.values()), lh.rates(at[None])[0], rtol=1e-13)
    np.testing.assert_allclose(sum(lh.sample_slopes(at).values()), lh.rates_jacobian(at[None])[1][0], rtol=1e-10)
    doubled = at.copy()
    doubled[short_names(lh).index("conv_norm")] *= 2
    np.testing.assert_allclose(
        lh.expected(doubled).samples["conventional"]["track"], 2 * template.samples["conventional"]["track"], rtol=1e-13
    )


def test_half_ensembles_merge_into_the_whole(lh: EventLikelihood, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts and variances of two halves of the events add up to those of all."""
    whole, point = lh.group, lh.group.point(lh.parameters.init)
    sums = []
    for part in (0, 1):
        keep = (np.arange(len(whole.events)) % 2 == part)[None]
        table = whole.table._replace(columns=whole.table.columns * keep)
        sums.append(whole._sums(table, point))
    np.testing.assert_allclose(sums[0] + sums[1], whole._sums(whole.table, point), rtol=1e-12, atol=1e-300)


# ---- the approximation, and fits


def test_the_bound_of_the_approximation_holds(lh: EventLikelihood) -> None:
    coarse, rng, names = lh.coarse, np.random.default_rng(1), short_names(lh)
    assert coarse is not None
    assert len(coarse.group.table.energy) < 0.7 * len(lh.group.table.energy)
    narrow = {**RANGES, "epsilon_head_on": (-1.5, 1.5), "anisotropy_scale": (0.4, 1.6), "astro_norm": (3, 9)}
    off = []
    for _ in range(200):
        values = np.array([rng.uniform(*narrow[n]) for n in names])
        exact, bound = lh.logpdf(values), coarse.error_bound(values[None])[0]
        low, high = coarse.group.ranges(values).transpose(1, 0, 2)
        moments = lh.group.moments(values[None]).values[0]
        assert (moments >= low * (1 - 1e-9)).all()
        assert (moments <= high * (1 + 1e-9)).all()
        off.append((abs(coarse.logpdf(values) - exact), bound))
    error, bound = np.transpose(off)
    assert (error <= bound).all()
    assert np.isfinite(bound).all()
    assert np.median(error) > 1e-6


def test_the_approximation_is_exact_at_its_reference(lh: EventLikelihood) -> None:
    assert lh.coarse is not None
    at = lh.parameters.init
    assert lh.coarse.logpdf(at) == pytest.approx(lh.logpdf(at), rel=1e-12)
    assert lh.coarse.error_bound(at[None])[0] < 1e-9


def test_a_fit_finds_the_lowest_of_both_halves_of_the_efficiency(lh: EventLikelihood) -> None:
    found = npinfer.fit(lh, fixed={"f_nuebar": 1 / 6})
    assert found.valid
    from scipy.optimize import minimize

    at, names = lh.parameters.vector({"f_nuebar": 1 / 6}), short_names(lh)
    lowest = []
    for half in ((0.8, 0.99), (0.99, 1.25)):
        bounds = [(v, v) if n == "f_nuebar" else p.bounds for n, v, p in zip(names, at, lh.parameters, strict=True)]
        bounds[names.index("epsilon_dom")] = half
        start = at.copy()
        start[names.index("epsilon_dom")] = np.mean(half)
        other = minimize(
            lambda x: tuple(-part[0] for part in lh.value_grad(x[None])), start, jac=True, method="L-BFGS-B",
            bounds=bounds, options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-7},
        )  # fmt: skip
        lowest.append(other.fun)
    assert 0.5 * found.twice_nll <= min(lowest) + 1e-8


def test_an_asimov_fit_returns_its_truth_but_for_the_variance(
    lh: EventLikelihood, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L_eff of few simulated events is highest elsewhere; without their variance it is that of Poisson."""
    truth = lh.parameters.vector({"astro_gamma": 2.6, "f_nuebar": 1 / 6})
    data, fixed = lh.asimov(truth), {"f_nuebar": 1 / 6, "prompt_norm": 1.0}
    best = npinfer.fit(lh, data=data, fixed=fixed)
    assert best.valid
    assert best.twice_nll < -2 * lh.with_data(data).logpdf(truth)
    exact = lh.with_data(data)
    monkeypatch.setattr(lh.group, "table", lh.group.table._replace(spread=np.zeros(1)))
    monkeypatch.setattr(lh.group, "_known", {})
    found = npinfer.fit(exact, fixed=fixed, init={"astro_gamma": 3.0, "astro_norm": 4.0})
    assert found.valid
    assert list(found.values.values()) == pytest.approx(truth, abs=1e-4)


def test_minima_at_knots_of_the_anisotropy_are_found(lh: EventLikelihood) -> None:
    """Toys whose best anisotropy lies on a knot have slopes of either sign beside it."""
    rng, at_knots = np.random.default_rng(5), 0
    position, knots = lh.knots
    data = lh.toy(np.tile(lh.parameters.init, (12, 1)), rng)
    for i in range(12):
        counts, auxiliary = ({c: v[i] for c, v in of.items()} for of in (data.counts, data.auxiliary))
        toy = dataclasses.replace(data, counts=counts, auxiliary=auxiliary)
        found = npinfer.fit(lh, data=toy, fixed={"f_nuebar": 1 / 6})
        assert found.valid
        at = np.array(list(found.values.values()))
        if at[position] not in knots:
            continue
        at_knots += 1
        mine = lh.with_data(toy)
        right = -mine.value_grad(at[None])[1][0, position]
        at[position] = np.nextafter(at[position], 0)
        left = -mine.value_grad(at[None])[1][0, position]
        assert left <= 0 <= right
    assert at_knots


def test_a_profile_is_a_fit_at_every_point(lh: EventLikelihood) -> None:
    """Its points start between the minima of others, fits on their own.

    The anisotropy is held: in this few events it has many minima, one between each two of its knots.
    """
    grid = {"astro_gamma": np.array([3.4, 2.2, 2.8]), "astro_norm": np.array([8.0, 0.0, 4.0, 12.0, 1.0])}
    held = {"f_nuebar": 1 / 6, "anisotropy_scale": 1.0}
    found = npinfer.profile(lh, grid, fixed=held)
    for (i, gamma), (j, norm) in product(*map(enumerate, grid.values())):
        alone = npinfer.fit(lh, fixed={**held, "astro_gamma": gamma, "astro_norm": norm})
        assert alone.valid
        assert found.twice_nll + found.delta_twice_nll[i, j] == pytest.approx(alone.twice_nll, abs=1e-7)


# ---- what is refused


def test_it_does_not_join_with_the_embedded_model(lh: EventLikelihood) -> None:
    with pytest.raises(ConfigurationError, match="same data"):
        npinfer.joint(lh, npinfer.load("icecube_hese"))


def test_it_joins_with_the_glashow_event(lh: EventLikelihood) -> None:
    event = npinfer.load("icecube_pepe")
    both = npinfer.joint(lh, event)
    at = both.parameters.init
    values = dict(zip(both.parameters.names, at.tolist(), strict=True))
    parts = [m.logpdf({n: values[n] for n in m.parameters.names}) for m in (lh, event)]
    assert both.logpdf(at) == pytest.approx(sum(parts), rel=1e-12)
    assert both.knots is not None
    assert both.parameters.names[both.knots[0]] == "icecube_hese_mc.anisotropy_scale"
    found = npinfer.fit(both)
    assert found.valid
    at = both.parameters.vector(found.values)[None]
    assert both.coarse is not None
    assert lh.coarse is not None
    bound = lh.coarse.error_bound(at[:, [both.parameters.names.index(n) for n in lh.parameters.names]])
    assert both.coarse.error_bound(at) == pytest.approx(bound)
    away = abs(float(both.coarse.logpdf(at)[0] - both.logpdf(at)[0]))
    assert 0 < away <= bound[0]
    assert f"whose ln density is {away:.1e} off here ({bound[0]:.2g} at most), then exactly" in found.message
    assert not event.error_bound(event.parameters.init[None]).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("statistic: effective", "statistic: poisson"), "need the statistic effective"),
        (("linear: [-1, 1, 10]", "linear: [-1, 1, 5]"), "binned as the release does"),
        (("muon: {generator: events.muon, scale: muon_norm}", "muon: {template: {cascade: [0]}}"), "all or none do"),
        (("scale: muon_norm}", "systematics: [{name: x, kind: normsys, up: 1.1}]}"), "take no systematics"),
        (("scale: muon_norm", "scale: mu_norm"), "mu_norm"),
        (("  kpi_ratio:", "  kpi:"), "kpi_ratio"),
    ],
)
def test_documents_that_do_not_fit_are_refused(
    change: tuple[str, str], message: str, lh: EventLikelihood, write: Callable[..., Path]
) -> None:
    text = npinfer.list_likelihoods()["icecube_hese_mc"].read_text(encoding="utf-8")
    assert change[0] in text
    with pytest.raises((ConfigurationError, DataError), match=message):
        npinfer.load(write(text.replace(*change)))
