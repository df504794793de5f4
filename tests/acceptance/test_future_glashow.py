"""pp or pγ with all future telescopes: the counting limit, and what exposure does to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer import RunOptions
from npinfer.likelihood.binned import BinnedLikelihood

PP, PGAMMA = 0.1674, 0.0753
FLUX = {"astro_norm": 4.98, "astro_gamma": 2.53}

# Resonance events alone, counted in one bin.
COUNTING = """\
extends: future_counting
name: counted
samples:
  astro: {generator: future.resonance}
"""


def rejection(likelihood: BinnedLikelihood, true: float, tested: float, **fixed: float) -> float:
    """−2 Δ ln L of a fraction against the Asimov data of another, the rest free but for `fixed`."""
    truth = likelihood.asimov(likelihood.parameters.vector({**FLUX, "f_nuebar": true}))
    found = npinfer.fit(likelihood, data=truth, fixed={"f_nuebar": tested, **fixed})
    return found.twice_nll + 2 * float(likelihood.saturated(truth))


@pytest.mark.parametrize(("true", "tested", "events"), [(PP, PGAMMA, 8.0), (PGAMMA, PP, 4.7)])
def test_counting_limit(write: Callable[..., Path], true: float, tested: float, events: float) -> None:
    """Events at which one source excludes the other at 2σ: flux and volume known, no background.

    The rejection grows in proportion to the events. The closed form, 2 n (r − 1 − ln r) = 4 with r the ratio of the
    fractions, gives 8.0 and 4.7.
    """
    known, path, found = {**FLUX, "effective_volume": 0.0}, write(COUNTING), []
    for year in (2024.0, 2032.0):
        likelihood = npinfer.load(path, year=year)
        at = likelihood.parameters.vector({**FLUX, "f_nuebar": true})
        number = float(likelihood.expected(at)["shower"].sum())
        found.append(4 * number / rejection(likelihood, true, tested, **known))
    assert found == pytest.approx([events, events], abs=0.05)
    ratio = tested / true
    assert found == pytest.approx([2 / (ratio - 1 - np.log(ratio))] * 2, rel=1e-6)


@pytest.fixture(scope="module")
def future() -> BinnedLikelihood:
    return npinfer.load("joint/future_glashow", year=2036)


def test_a_free_flux_needs_more(future: BinnedLikelihood) -> None:
    """Events of one by one tell more than counts; tracks help; what is known of the flux helps most."""
    counting = npinfer.load("joint/future_glashow_counting", year=2036)
    free, known = rejection(future, PP, PGAMMA), rejection(future, PP, PGAMMA, **FLUX)
    without = rejection(future.without("future_tracks"), PP, PGAMMA)
    assert rejection(counting, PP, PGAMMA) < free < 0.7 * known
    assert 0.7 * free < without < free


def test_exposure_adds_up_over_telescopes() -> None:
    """Expected counts of all telescopes are the sums of those of each, so that one likelihood stands for six."""
    all_of_them = npinfer.load("future_resonance", year=2036)
    each = [
        npinfer.load("future_resonance", year=2036, telescopes=name)
        for name in ("icecube", "km3net", "baikal_gvd", "p_one", "trident", "icecube_gen2")
    ]
    counts = [lh.expected(lh.parameters.init)["shower"] for lh in (all_of_them, *each)]
    assert counts[0] == pytest.approx(sum(counts[1:]), rel=1e-9)


def test_icecube_of_today_is_the_published_sample() -> None:
    """4.6 years of IceCube are those of partially contained showers, for an instrumented km³ of 0.92 km³."""
    future = npinfer.load("future_resonance", year=2015.6, telescopes="icecube")
    pepe = npinfer.load("icecube_pepe")
    one, two = (lh.expected(lh.parameters.vector(FLUX))["shower"] for lh in (future, pepe))
    assert one == pytest.approx(two, rel=1e-6)


def test_toys_tell_the_sources_apart(future: BinnedLikelihood) -> None:
    data = future.asimov(future.parameters.vector({**FLUX, "f_nuebar": PP}))
    models = {"pp": {"f_nuebar": PP}, "pgamma": {"f_nuebar": PGAMMA}, "mixture": {"f_nuebar": (PP + PGAMMA) / 2}}
    found = npinfer.compare(future, models, data=data, n_toys=100, run=RunOptions(seed=3, quiet=True))
    assert found.best.name == "pp"
    assert found.data_kind == "asimov"
    pair = found.pair("pgamma", "pp")
    assert pair.t == pytest.approx(rejection(future, PP, PGAMMA), abs=1e-3)
    assert pair.expected.z == pytest.approx(np.sqrt(pair.t), abs=0.6)
    assert found.pair("mixture", "pp").t < pair.t


def test_every_verb_runs_and_says_what_it_is(future: BinnedLikelihood) -> None:
    run = RunOptions(quiet=True)
    best = npinfer.fit(future)
    assert best.valid
    assert "kind asimov · status illustrative" in str(best.table())
    assert npinfer.upper_limit(future, expected=False).observed > best.values["f_nuebar"]
    assert np.isfinite(npinfer.toys(future, 4, run=run).of("f_nuebar")).all()
    posterior = npinfer.sample(future, n_walkers=16, n_steps=20, n_replicas=1, run=run)
    assert np.isfinite(posterior.chains).all()
