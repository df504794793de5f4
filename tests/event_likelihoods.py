"""Likelihoods of simulated events that are made up, and points to evaluate them at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import npinfer
from npinfer.likelihood.event_likelihood import EventLikelihood
from npinfer.physics.hese_cache import import_release

RANGES = {
    "astro_norm": (1, 10), "astro_gamma": (2, 3.5), "f_nuebar": (0, 1), "conv_norm": (0.3, 2), "prompt_norm": (0, 5),
    "muon_norm": (0, 2), "kpi_ratio": (0.5, 1.5), "cr_delta_gamma": (-0.2, 0.2), "nunubar_ratio": (0.5, 1.5),
    "epsilon_dom": (0.8, 1.25), "epsilon_head_on": (-3.82, 2.18), "anisotropy_scale": (0, 2),
}  # fmt: skip


def loaded(folder: Path, hese_release: Any, events: Any, splines: Any) -> EventLikelihood:
    hese_release.write_events(folder, events)
    hese_release.write_splines(folder / "splines", splines)
    import_release(folder)
    likelihood = npinfer.load("icecube_hese_mc")
    assert isinstance(likelihood, EventLikelihood)
    return likelihood


def short_names(lh: EventLikelihood) -> list[str]:
    return [n.rpartition(".")[2] for n in lh.parameters.names]


def points(lh: EventLikelihood, count: int, seed: int = 0) -> np.ndarray:
    """The start values, the corners of the detector's parameters where splines begin to end, and random ones."""
    rng, names = np.random.default_rng(seed), short_names(lh)
    drawn = [lh.parameters.init] + [[rng.uniform(*RANGES[n]) for n in names] for _ in range(count)]
    found = np.array(drawn)
    for i, (row, column) in enumerate(((0, 0), (1, 1))):
        if count > 2:
            for n in ("epsilon_dom", "epsilon_head_on", "anisotropy_scale"):
                found[1 + i, names.index(n)] = RANGES[n][(row, column)[i]]
    return found
