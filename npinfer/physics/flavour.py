"""Flavour of astrophysical neutrinos: composition at the source, averaged oscillation, composition at Earth.

A composition holds the fractions of six species, in the order of `SPECIES`; neutrinos and antineutrinos are kept
apart and all six sum to 1. Functions are analytic in their arguments and keep a complex type, so that a complex
step gives their derivative.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ConfigurationError, unknown
from npinfer.paths import data_file

SPECIES = ("nue", "numu", "nutau", "nuebar", "numubar", "nutaubar")
FLAVOURS = ("e", "mu", "tau")

# Pion and muon decay, see Liu, Song, Vincent, arXiv:2304.06068; "mudamped": muons lose their energy before they decay.
SOURCES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "pp": (1 / 6, 2 / 6, 0.0, 1 / 6, 2 / 6, 0.0),
        "pp_mudamped": (0.0, 1 / 2, 0.0, 0.0, 1 / 2, 0.0),
        "pgamma": (1 / 3, 1 / 3, 0.0, 0.0, 1 / 3, 0.0),
        "pgamma_mudamped": (0.0, 1.0, 0.0, 0.0, 0.0, 0.0),
        "neutron_decay": (0.0, 0.0, 0.0, 1.0, 0.0, 0.0),
    }
)
MIXTURE = "mixture"  # the source model that mixes pp and pgamma


@dataclass(frozen=True)
class OscillationFit:
    """Best fit and 1σ ranges (`_up`, `_down`: positive widths) of sin²θ12, sin²θ13, sin²θ23 and δ [rad]."""

    name: str
    s2_12: float
    s2_12_up: float
    s2_12_down: float
    s2_13: float
    s2_13_up: float
    s2_13_down: float
    s2_23: float
    s2_23_up: float
    s2_23_down: float
    delta_rad: float
    delta_rad_up: float
    delta_rad_down: float


def oscillation_fits() -> tuple[str, ...]:
    """The names of the oscillation fits in data/nufit/nufit.csv.

    >>> "nufit-5.2-NO-withSK" in oscillation_fits()
    True
    """
    return tuple(_fits())


def oscillation_fit(name: str) -> OscillationFit:
    """The oscillation fit called `name`; raises ConfigurationError if there is none.

    The ranges of the angles become those of their sin²: up is sin²(θ + σ) - sin²θ.

    >>> round(oscillation_fit("nufit-5.2-NO-withSK").s2_23, 3)
    0.451
    """
    try:
        return _fits()[name]
    except KeyError:
        raise ConfigurationError(unknown("oscillation fit", name, _fits())) from None


def averaged_probabilities(s2_12: ArrayLike, s2_13: ArrayLike, s2_23: ArrayLike, delta_rad: ArrayLike) -> NDArray:
    """P[β, α] = Σ_i |U_αi|² |U_βi|² for oscillations averaged over a long baseline; the same for antineutrinos.

    Arguments are sin² of the mixing angles, inside (0, 1), and the CP phase [rad], of shape (batch,); the result has
    shape (batch, 3, 3) and is symmetric. In the standard parametrisation of the mixing matrix (PDG 2022, review
    of neutrino masses and mixing) the phase enters |U|² through cos δ only.

    >>> averaged_probabilities(0.5, 0.5, 0.5, np.pi / 2)[0].round(4)
    array([0.375 , 0.3125, 0.3125])
    """
    s12, s13, s23, delta = np.broadcast_arrays(*(np.asarray(a) for a in (s2_12, s2_13, s2_23, delta_rad)))
    c12, c13, c23 = 1 - s12, 1 - s13, 1 - s23
    interference = 2 * np.sqrt(s12 * c12 * s23 * c23 * s13) * np.cos(delta)
    rows = (
        (c12 * c13, s12 * c13, s13),
        (s12 * c23 + c12 * s23 * s13 + interference, c12 * c23 + s12 * s23 * s13 - interference, s23 * c13),
        (s12 * s23 + c12 * c23 * s13 - interference, c12 * s23 + s12 * c23 * s13 + interference, c23 * c13),
    )
    u2 = np.stack([np.stack(np.broadcast_arrays(*row), axis=-1) for row in rows], axis=-2)
    return u2 @ np.swapaxes(u2, -1, -2)


def propagate(source: ArrayLike, probabilities: ArrayLike) -> NDArray:
    """The composition at Earth of a composition at the source, (..., 6) and (..., 3, 3) to (..., 6)."""
    pairs = np.asarray(source)
    pairs = pairs.reshape(*pairs.shape[:-1], 2, 3)
    at_earth = pairs @ np.swapaxes(np.asarray(probabilities), -1, -2)
    return at_earth.reshape(*at_earth.shape[:-2], 6)


def nuebar_composition(*, f_nuebar: ArrayLike) -> NDArray:
    """ν̄_e has the fraction f_nuebar, the other five species share the rest equally; (batch,) to (batch, 6).

    >>> nuebar_composition(f_nuebar=[0.5])
    array([[0.1, 0.1, 0.1, 0.5, 0.1, 0.1]])
    """
    f = np.asarray(f_nuebar)
    other = (1 - f) / 5
    return np.stack([f if species == "nuebar" else other for species in SPECIES], axis=-1)


def flavour_composition(*, f_e: ArrayLike, f_mu: ArrayLike, nubar_share: ArrayLike) -> NDArray:
    """Flavour fractions f_e, f_mu and 1 - f_e - f_mu of ν + ν̄; of each, nubar_share is ν̄; (batch,) to (batch, 6).

    >>> flavour_composition(f_e=[0.5], f_mu=[0.25], nubar_share=[0.5])
    array([[0.25 , 0.125, 0.125, 0.25 , 0.125, 0.125]])
    """
    e, mu, share = np.broadcast_arrays(*(np.asarray(a) for a in (f_e, f_mu, nubar_share)))
    flavours = np.stack([e, mu, 1 - e - mu], axis=-1)
    share = share[..., None]
    return np.concatenate([flavours * (1 - share), flavours * share], axis=-1)


def source_fractions(source_model: str, pp_fraction: ArrayLike | None = None) -> NDArray:
    """The composition at the source, (6,), or (batch, 6) for "mixture": pp_fraction pp + (1 - pp_fraction) pgamma.

    Raises ConfigurationError for an unknown model, and unless pp_fraction is given for "mixture" and only there.
    """
    if source_model not in (*SOURCES, MIXTURE):
        raise ConfigurationError(unknown("source model", source_model, (*SOURCES, MIXTURE)))
    if (source_model == MIXTURE) != (pp_fraction is not None):
        need = "needs a pp_fraction" if source_model == MIXTURE else f"takes no pp_fraction, only {MIXTURE!r} does"
        raise ConfigurationError(f"source model {source_model!r} {need}")
    if pp_fraction is None:
        return np.asarray(SOURCES[source_model])
    fraction = np.asarray(pp_fraction)[..., None]
    return fraction * np.asarray(SOURCES["pp"]) + (1 - fraction) * np.asarray(SOURCES["pgamma"])


def source_composition(
    source_model: str,
    *,
    s2_12: ArrayLike,
    s2_13: ArrayLike,
    s2_23: ArrayLike,
    delta_cp: ArrayLike,
    pp_fraction: ArrayLike | None = None,
) -> NDArray:
    """The composition at Earth of a source model, (batch, 6), after averaged oscillation (delta_cp in rad).

    Raises ConfigurationError as `source_fractions` does.

    >>> source_composition("pp", s2_12=0.3, s2_13=0.02, s2_23=0.5, delta_cp=np.pi / 2).round(3)
    array([0.167, 0.167, 0.167, 0.167, 0.167, 0.167])
    """
    source = source_fractions(source_model, pp_fraction)
    return propagate(source, averaged_probabilities(s2_12, s2_13, s2_23, delta_cp))


def nuebar_fraction(composition: ArrayLike) -> NDArray:
    """f_ν̄e: the ν̄_e part of all six species, (..., 6) to (...)."""
    return np.asarray(composition)[..., SPECIES.index("nuebar")]


def flavour_fractions(composition: ArrayLike) -> NDArray:
    """(f_e, f_mu, f_tau) of ν + ν̄, (..., 6) to (..., 3)."""
    fractions = np.asarray(composition)
    return fractions[..., :3] + fractions[..., 3:]


@cache
def _fits() -> dict[str, OscillationFit]:
    with data_file("nufit", "nufit.csv").open(newline="") as lines:
        return {row["name"]: _fit(row) for row in csv.DictReader(lines)}


def _fit(row: Mapping[str, str]) -> OscillationFit:
    values: dict[str, float] = {}
    for angle in ("12", "13", "23"):
        best, up, down = (float(row[f"th{angle}_{end}"]) for end in ("deg", "up", "down"))
        s2, high, low = (float(np.sin(np.radians(theta)) ** 2) for theta in (best, best + up, best - down))
        values |= {f"s2_{angle}": s2, f"s2_{angle}_up": high - s2, f"s2_{angle}_down": s2 - low}
    for end, suffix in (("deg", ""), ("up", "_up"), ("down", "_down")):
        values[f"delta_rad{suffix}"] = float(np.radians(float(row[f"delta_{end}"])))
    return OscillationFit(name=row["name"], **values)
