"""pp or pγ: the published and independently computed numbers of HESE and the Glashow event."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer.core import wilks
from npinfer.core.dataset import Dataset
from npinfer.likelihood.binned import BinnedLikelihood

EVENT_GEV = 6.05e6
FLUX = {"astro_norm": 4.98, "astro_gamma": 2.53, "effective_volume": 0.0}  # of the published interval, as found


def above_zero(likelihood: BinnedLikelihood) -> tuple[float, float]:
    """Best f_nuebar, and √(twice_nll(f = 0) − twice_nll(min)) with everything else profiled."""
    best, zero = npinfer.fit(likelihood), npinfer.fit(likelihood, fixed={"f_nuebar": 0.0})
    return best.values["f_nuebar"], float(np.sqrt(zero.twice_nll - best.twice_nll))


@pytest.mark.parametrize(("background", "significance"), [("all", 1.38), ("no_nue_cc", 1.64), ("nc", 2.36)])
def test_joint_against_an_independent_computation(background: str, significance: float) -> None:
    found, root = above_zero(npinfer.load("joint/glashow", background=background))
    assert root == pytest.approx(significance, abs=0.25)
    assert 0.12 < found < 0.18  # the independent minima are about .12 to .17; ours .154, .167 and .176


@pytest.mark.parametrize(("cl", "limit"), [(0.90, 0.44), (0.95, 0.56)])
def test_hese_alone_bounds_f_from_above(hese: BinnedLikelihood, cl: float, limit: float) -> None:
    found = npinfer.interval(hese, "f_nuebar", cl=cl)
    assert found.segments[0].lower_at_bound
    assert found.upper == pytest.approx(limit, abs=0.05)


def test_published_interval_of_the_event_alone() -> None:
    """2–72 % needs a nearly background-free event: the upper end is reproduced, the lower end with b → 0."""
    likelihood = npinfer.load("icecube_pepe", background="nc")
    found = npinfer.interval(likelihood, "f_nuebar", cl=0.90, fixed=FLUX)
    assert found.upper == pytest.approx(0.72, abs=0.03)
    assert 0.01 < found.lower < 0.02


COUNTING = """\
schema: npinfer/likelihood/1
name: counting
kind: real
status: illustrative
poi: f_nuebar
channels: {{shower: {{axes: {{energy_gev: {{edges: [4.0e6, 8.0e6]}}}}, observed: [1]}}}}
samples:
  resonance: {{template: {{shower: [5.07]}}, scale: f_nuebar}}
  background: {{template: {{shower: [{background}]}}}}
parameters: {{use: [f_nuebar]}}
"""


@pytest.mark.parametrize(
    ("background", "lower"), [(1e-9, 0.021), (0.02, 0.017), (0.05, 0.011), (0.10, 0.0011), (0.106, 0.0), (0.3, 0.0)]
)
def test_lower_end_against_the_background(write: Callable[..., Path], background: float, lower: float) -> None:
    """One event, 5.07 expected at f = 1: the lower end at Δ = 2.706 by background."""
    likelihood = npinfer.load(write(COUNTING.format(background=background)))
    found = npinfer.interval(likelihood, "f_nuebar", cl=wilks.enclosed(2.706))
    assert found.lower == pytest.approx(lower, abs=0.002)


def test_ever_finer_bins_tend_to_the_unbinned_likelihood(write: Callable[..., Path]) -> None:
    """ln L(f) − ln L(0.1) against −Δμ + Δ ln(density at the event), whose error falls with the bin width squared."""
    text = (
        "extends: icecube_pepe\nname: finer\n"
        "channels: {{shower: {{axes: {{energy_gev: {{linear: [4.0e6, 8.0e6, {bins}]}}}}}}}}\nvalidation: []\n"
    )
    fractions = np.array([0.02, 0.1, 0.5])

    def points(likelihood: BinnedLikelihood) -> np.ndarray:
        return np.array([likelihood.parameters.vector({**FLUX, "f_nuebar": f}) for f in fractions])

    fine = npinfer.load(write(text.format(bins=4000), "fine.yaml"))
    expected = fine.expected(points(fine))["shower"]
    width = 4e6 / 4000
    at = (EVENT_GEV - 4e6) / width  # the event sits on an edge: the mean of both sides is the density there
    density = expected[:, round(at) - 1 : round(at) + 1].mean(axis=1) / width
    unbinned = -expected.sum(axis=1) + np.log(density)
    errors = []
    for bins in (17, 51, 153):  # odd numbers of bins that hold the event near a centre
        likelihood = npinfer.load(write(text.format(bins=bins), f"bins{bins}.yaml"))
        edges = np.asarray(likelihood.channels[0].axes[0].edges)
        centre = edges[np.searchsorted(edges, EVENT_GEV) - 1] + 2e6 / bins
        inside = int((centre - 4e6) / width)
        exact = -expected.sum(axis=1) + np.log(expected[:, inside] / width)
        values = likelihood.logpdf(points(likelihood))
        errors.append(np.abs((values - values[1]) - (exact - exact[1])).max())
        last = np.abs((values - values[1]) - (unbinned - unbinned[1])).max()
    assert errors[2] < errors[1] < errors[0]
    assert errors[2] < 1e-3
    assert last < 0.02


def test_the_event_moves_f_as_it_must() -> None:
    """Without the event f falls to its bound; a second one raises it, and the lower end with it."""
    likelihood = npinfer.load("joint/glashow")
    counts = {name: np.array(c) for name, c in likelihood.data.counts.items()}
    shower = counts["icecube_pepe.shower"]
    (at,) = np.flatnonzero(shower)

    def with_events(number: int) -> BinnedLikelihood:
        changed = {**counts, "icecube_pepe.shower": np.where(np.arange(shower.size) == at, number, 0.0)}
        return likelihood.with_data(Dataset(changed))

    found = [npinfer.interval(with_events(n), "f_nuebar", cl=0.68) for n in (0, 1, 2)]
    assert found[0].best == 0.0
    assert found[0].segments[0].lower_at_bound
    assert found[1].best == pytest.approx(0.167, abs=0.01)
    assert found[2].best > 1.3 * found[1].best  # less than twice: HESE holds it down, and the spectrum gives way
    assert found[2].lower > 1.5 * found[1].lower
    assert found[0].upper < found[1].upper < found[2].upper


def test_more_exposure_tells_the_sources_apart() -> None:
    """Asimov data of a pp source: the rejection of pγ grows in proportion to the exposure."""
    rejection = []
    for exposure in (1.0, 10.0):
        likelihood = npinfer.load("joint/glashow", exposure=exposure)
        truth = likelihood.asimov(likelihood.parameters.vector({"f_nuebar": 0.1674}))
        assert truth.kind == "asimov"
        pgamma = npinfer.fit(likelihood, data=truth, fixed={"f_nuebar": 0.0753})
        rejection.append(pgamma.twice_nll + 2 * likelihood.saturated(truth))
    assert rejection[0] == pytest.approx(0.3, abs=0.15)
    assert 7.0 < rejection[1] / rejection[0] < 13.0
    assert npinfer.load("joint/glashow", exposure=10).description.kind == "asimov"
