"""Cross sections by energy from absorption in the Earth, on the real starting events."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import npinfer
from npinfer import RunOptions
from npinfer.core.result import FitResult
from npinfer.errors import ConfigurationError
from npinfer.likelihood.binned import BinnedLikelihood

SCALES = ("xsec_1", "xsec_2", "xsec_3", "xsec_4")


@pytest.fixture(scope="module")
def likelihood() -> BinnedLikelihood:
    return npinfer.load("icecube_xsec")


@pytest.fixture(scope="module")
def best(likelihood: BinnedLikelihood) -> FitResult:
    return npinfer.fit(likelihood)


def test_the_standard_cross_section_is_the_base_likelihood(
    likelihood: BinnedLikelihood, hese: BinnedLikelihood
) -> None:
    """With every scale at 1 the expected counts are those of icecube_hese, at any index and energy scale."""
    for gamma, scale in ((2.3, 0.9), (2.7, 1.0), (3.2, 1.1)):
        shared = {"astro_gamma": gamma, "astro_norm": 5.0}
        one = likelihood.expected(likelihood.parameters.vector({**shared, "icecube_xsec.energy_scale": scale}))
        two = hese.expected(hese.parameters.vector({**shared, "icecube_hese.energy_scale": scale}))
        for name in two:
            assert one[name].sum() == pytest.approx(two[name].sum(), rel=2e-4)


def test_scales_are_consistent_with_one(likelihood: BinnedLikelihood, best: FitResult) -> None:
    """All four at 1 cost less than two standard deviations; each lies within the published errors of it.

    arXiv:2011.03560 has 0.48 +0.49 −0.37, 1.50 +1.03 −0.60, 0.54 +0.60 −0.35 and 2.44 +5.10 −1.47 (recalled).
    """
    standard = npinfer.fit(likelihood, fixed=dict.fromkeys(SCALES, 1.0))
    found = [best.values[f"icecube_xsec.{name}"] for name in SCALES]
    assert best.valid
    assert 0 < standard.twice_nll - best.twice_nll < 9.7  # 4 degrees of freedom, 95 %
    assert np.all(np.array([0.11, 0.90, 0.19, 0.97]) < found)
    assert np.all(found < np.array([0.97, 2.53, 1.14, 7.54]))
    assert found[0] < 1 < found[1]
    assert found[2] < 1 < found[3]


def test_interval(likelihood: BinnedLikelihood, best: FitResult) -> None:
    """At its ends the fit of all else is worse by what Wilks' theorem says; the published value lies inside."""
    found = npinfer.interval(likelihood, "xsec_2")
    for end in (found.lower, found.upper):
        there = npinfer.fit(likelihood, fixed={"xsec_2": end}).twice_nll
        assert there - best.twice_nll == pytest.approx(stats.chi2.ppf(0.68, 1), abs=1e-3)
    assert found.lower < 1.50 < found.upper  # arXiv:2011.03560, recalled


def test_absorption_breaks_the_degeneracy_with_the_flux(likelihood: BinnedLikelihood) -> None:
    """From above, norm/2 and 2σ are the same; from below they are not."""
    vector = likelihood.parameters.vector
    nothing = {"icecube_xsec.conv_norm": 0.0, "icecube_xsec.prompt_norm": 0.0, "icecube_xsec.muon_norm": 0.0}
    doubled = {f"icecube_xsec.{name}": 2.0 for name in SCALES}
    one = likelihood.expected(vector({**nothing, "astro_norm": 8.0}))["track"].reshape(20, 10)
    two = likelihood.expected(vector({**nothing, **doubled, "astro_norm": 4.0}))["track"].reshape(20, 10)
    assert two[:, 6:].sum() == pytest.approx(one[:, 6:].sum(), rel=0.02)
    assert two[:, :3].sum() < 0.7 * one[:, :3].sum()


def test_toys_and_samples(likelihood: BinnedLikelihood) -> None:
    run = RunOptions(quiet=True)
    found = npinfer.toys(likelihood, 2, run=run)
    assert np.isfinite(found.of("xsec_2")).all()
    posterior = npinfer.sample(likelihood, n_walkers=32, n_steps=20, n_replicas=1, run=run)
    assert np.isfinite(posterior.chains).all()


def test_refuses_to_join_the_same_events(likelihood: BinnedLikelihood, hese: BinnedLikelihood) -> None:
    with pytest.raises(ConfigurationError, match="the same data set"):
        npinfer.joint(likelihood, hese)
