"""Published upper limits on the mixing of heavy neutral leptons with ν_τ (`data/heavy_lepton/README.md`)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from npinfer.errors import ConfigurationError, unknown
from npinfer.paths import data_file
from npinfer.physics.registry import generator


@generator("heavy_lepton.published_limit")
def published_limit(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """|U_τ4|² in units of the standard deviation that a published upper limit stands for, in the only bin.

    A limit is 1.645 standard deviations at 90 % CL, 1.960 at 95 %. inputs: interpolated, log-log between the masses
    of the table, or only at these; experiment. Configuration: m_sterile [GeV]; experiment, if it is no input.
    Parameter: utau4_squared.
    """
    experiment = str(inputs.get("experiment", configuration.get("experiment")))
    confidence, masses, limits = _published(experiment)
    mass = float(configuration["m_sterile"])
    found = f"m_sterile: found {mass:g}, expected"
    if not inputs["interpolated"] and not np.isclose(masses, mass, rtol=1e-6).any():
        raise ConfigurationError(f"{found} one of {', '.join(f'{m:g}' for m in masses)} GeV")
    if not masses[0] * (1 - 1e-6) <= mass <= masses[-1] * (1 + 1e-6):
        raise ConfigurationError(f"{found} {masses[0]:g} to {masses[-1]:g} GeV, as {experiment} has")
    limit = np.exp(np.interp(np.log(mass), np.log(masses), np.log(limits)))
    scale = float(ndtri((1 + confidence) / 2) / limit)
    (name,) = (c.name for c in channels)
    return lambda *, utau4_squared: {name: scale * utau4_squared[:, None]}


def _published(experiment: str) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Confidence level, masses [GeV] and upper limits on |U_τ4|² of an experiment."""
    with data_file("heavy_lepton", "limits.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    mine = [row for row in rows if row["experiment"] == experiment]
    if not mine:
        raise ConfigurationError(unknown("experiment", experiment, dict.fromkeys(row["experiment"] for row in rows)))
    masses, limits = (np.array([float(row[key]) for row in mine]) for key in ("mass_gev", "utau4_squared"))
    return float(mine[0]["confidence"]), masses, limits
