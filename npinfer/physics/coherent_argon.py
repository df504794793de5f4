"""What new physics adds to coherent scattering on argon, through the released efficiency and pulse shapes of CENNS-10.

Source: COHERENT Collaboration, arXiv:2006.12659 (quenching, efficiency, resolution, pulse, template of the signal).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from npinfer.errors import ConfigurationError
from npinfer.paths import data_file
from npinfer.physics.coherent_events import ARRIVALS, cross_sections, spectra
from npinfer.physics.registry import generator, with_names
from npinfer.physics.scintillator import Scintillator

FOLDER = "coherent_lar"
AXES = ("energy_kevee", "f90", "time_us")
_EVERYTHING = {  # of a Scintillator, which sees all; only its light and times are asked for
    "light_yield": 1.0,
    "resolution": 1.0,
    "efficiency": (0.0, 1.0, 0.0, 1.0),
    "time_efficiency": (np.inf, 0.0),
}


@generator("coherent.argon")
def argon(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """New physics, or the Standard Model itself for new_physics none, in the channel of CENNS-10.

    Energies come from the cross section, quenching (of T, T², ... in MeV), released efficiency and resolution (σ/√E, in
    keVee^½); at each energy, F90 is as in the released template; times are those of the pulse and the decays.
    inputs: nuclei, neutrinos_cm2 as of coherent.events; quenching, resolution, pulse. Configuration: as of
    coherent.events, without timing. Raises ConfigurationError.
    """
    (channel,) = channels
    if (names := tuple(axis.name for axis in channel.axes)) != AXES:
        raise ConfigurationError(f"channel {channel.name!r}: found the axes {names}; expected {AXES}")
    energy, f90, time = (np.asarray(axis.edges, dtype=float) for axis in channel.axes)
    detector = Scintillator.read({**inputs, **_EVERYTHING})
    curve = np.loadtxt(data_file(FOLDER, "efficiency.csv"), delimiter=",", skiprows=1).T

    def shares(recoil: NDArray) -> NDArray:
        light = np.maximum(detector.light_kevee(recoil), 1e-12)
        cumulative = ndtr((energy - light[:, None]) / (float(inputs["resolution"]) * np.sqrt(light[:, None])))
        return np.diff(cumulative, axis=1) * np.interp(light, *curve)[:, None]

    sections = cross_sections(configuration, None)
    terms = sections if len(sections) == 1 else sections[1:]
    arrivals = np.stack([detector.time_shares(species, time) for species in ARRIVALS])
    seen = [np.einsum("se,st->et", spectra(term, inputs, shares, len(energy) - 1), arrivals) for term in terms]
    shape = pulse_shapes(energy, f90)
    exposure = float(configuration.get("exposure", 1.0))
    tables = [exposure * (shape[:, :, None] * table[:, None, :]).ravel() for table in seen]

    def counts(**values: NDArray) -> dict[str, NDArray]:
        total: Any = 0.0
        for (monomial, _, _), table in zip(terms, tables, strict=True):
            factor: Any = np.ones(len(next(iter(values.values()), [0.0])))
            for name, power in monomial:
                factor = factor * values[name] ** power
            total = total + factor[:, None] * table
        return {channel.name: total}

    return with_names(counts, tuple(dict.fromkeys(name for monomial, _, _ in terms for name, _ in monomial)))


def pulse_shapes(energy: NDArray, f90: NDArray) -> NDArray[np.float64]:
    """Shares of F90 in bins of energy of the released signal, (energies, F90); where it has none, those below."""
    shape = np.zeros((len(energy) - 1, len(f90) - 1))
    with data_file(FOLDER, "cevns.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            at = [np.argmin(np.abs(e - float(row[f"{n}_low"]))) for e, n in ((energy, "energy_kevee"), (f90, "f90"))]
            shape[at[0], at[1]] += float(row["counts"])
    for i in range(1, len(shape)):
        if not shape[i].any():
            shape[i] = shape[i - 1]
    return shape / shape.sum(axis=1, keepdims=True)
