"""Folding for each true zenith: the same counts as the fold of all cells at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from npinfer.core.axis import Axis
from npinfer.core.template import Channel
from npinfer.errors import ConfigurationError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.physics import generators, telescope
from npinfer.physics.zenith_fold import ZenithFold, has_part, own_images

INPUTS = {"response": "icecube_hese", "livetime_s": 227708167.68}
VALUES = {"astro_norm": 6.0, "astro_gamma": 2.9, "f_nuebar": 0.3, "energy_scale": 1.07}


def test_smearing_follows_the_true_zenith() -> None:
    """`fold_at` is `by_true_zenith` and then `smear`; what is summed over zenith is the same before and after."""
    response = telescope.load_response(
        "icecube_hese", livetime_s=INPUTS["livetime_s"], channels=telescope.default_channels()
    )
    weights = np.random.default_rng(1).random((2, *response.cells.shape)) * 1e-16
    scales = np.array([0.9, 1.1])
    for whole, parts in zip(response.fold_at(weights, scales), response.by_true_zenith(weights, scales), strict=True):
        smeared = response.smear(parts)
        for name, counts in whole.items():
            assert parts[name].shape == (2, 10, 20)
            assert smeared[name] == pytest.approx(counts)
            assert parts[name].sum() == pytest.approx(counts.sum(), rel=1e-9)


@pytest.mark.parametrize("of", [generators.astro, generators.conventional, generators.resonance_events])
def test_counts_are_those_of_the_weights(hese: BinnedLikelihood, of: Callable) -> None:
    """With a factor of 1; parts on nucleons and on electrons add up to all."""
    weights = of(INPUTS, hese.channels, {"isr": True, "doppler": True})
    values = {**VALUES, "cr_delta_gamma": 0.05, "nunubar_ratio": 1.1}
    kinds = [r for r in (False, True) if has_part(weights, resonant=r)]
    parts = [ZenithFold(weights, own_images(weights, resonant=r)) for r in kinds]
    given = {n: np.array([values[n]]) for part in parts for n in part.names}
    found = [part.counts(np.ones((1, part.groups.energy_gev.size, 10)), given) for part in parts]
    own = {n: v for n, v in given.items() if n != "energy_scale"}
    exact = weights.response.fold(weights(**own), energy_scale=1.07)
    for name, counts in exact.items():
        assert sum(f[name].sum() for f in found) == pytest.approx(counts.sum(), rel=3e-3, abs=1e-6)


@pytest.mark.parametrize("other", [1.0, 1.2], ids=["one-point", "two-points"])
def test_complex_steps_of_one_point_or_of_several(hese: BinnedLikelihood, other: float) -> None:
    """Rows that share their real part or do not: each the same as alone, and the derivative of real counts."""
    weights = generators.astro(INPUTS, hese.channels, {})
    fold = ZenithFold(weights, own_images(weights, resonant=False))
    step = 1e-30j * np.array([1.0, 0.0])
    rows = {name: VALUES[name] * np.array([1.0, other]) + 0j for name in fold.names}
    rows["astro_gamma"] = rows["astro_gamma"] + step
    rows["energy_scale"] = VALUES["energy_scale"] + step[::-1]
    factor = np.ones((2, fold.groups.energy_gev.size, 10))
    together = fold.counts(factor, rows)["cascade"]
    for i in range(2):
        alone = fold.counts(factor[:1], {name: v[i : i + 1] for name, v in rows.items()})["cascade"]
        assert together[i].real == pytest.approx(alone[0].real, rel=1e-12)
        assert together[i].imag == pytest.approx(alone[0].imag, rel=1e-9, abs=1e-40)
        moved = {name: v[i : i + 1].real + np.sign(v[i : i + 1].imag) * 1e-6 for name, v in rows.items()}
        still = {name: v[i : i + 1].real for name, v in rows.items()}
        slope = (fold.counts(factor[:1], moved)["cascade"] - fold.counts(factor[:1], still)["cascade"]) / 1e-6
        assert together[i].imag / 1e-30 == pytest.approx(slope[0], rel=1e-3, abs=1e-6)


def test_groups_cover_all_energies(hese: BinnedLikelihood) -> None:
    weights = generators.astro(INPUTS, hese.channels, {})
    groups = ZenithFold(weights, own_images(weights, resonant=False)).groups
    edges = weights.response.cells.energy_edges_gev
    assert groups.edges_gev[0, 0] == edges[0]
    assert groups.edges_gev[1, -1] == edges[-1]
    assert groups.edges_gev[0, 1:] == pytest.approx(groups.edges_gev[1, :-1])
    assert groups.impulses.sum(axis=1) == pytest.approx(np.ones(len(groups.starts)))


def test_other_detectors_are_refused() -> None:
    channels = [Channel("shower", (Axis("energy_gev", (4e6, 8e6)),))]
    weights = generators.astro({"detector": "partially_contained", "livetime_s": 1e8}, channels, {})
    with pytest.raises(ConfigurationError, match="for the detector 'starting' alone"):
        ZenithFold(weights, own_images(weights, resonant=False))
