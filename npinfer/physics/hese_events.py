"""The generators of the official HESE Monte Carlo: fluxes on its simulated events.

The weights are those of the release's own fit (doi:10.21234/4EQJ-BB17; arXiv:2011.03545), with the composition and the
spectrum of the astrophysical flux chosen as everywhere in npinfer. They take the input livetime_s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npinfer.errors import ConfigurationError, unknown
from npinfer.physics import flux
from npinfer.physics.atmosphere import TILT_PIVOT_GEV
from npinfer.physics.event_weights import KINDS, EventSet, EventWeights, load_events
from npinfer.physics.flavour import SPECIES
from npinfer.physics.generators import NORM_UNIT, RESONANCE_WINDOW_GEV, SPECTRA, composition
from npinfer.physics.hese_detector import FLUXES
from npinfer.physics.hese_release import RESONANCE
from npinfer.physics.registry import find_generator, generator, parameter_names, with_names

Inputs = Mapping[str, Any]
_ANTI = np.array([*(species.endswith("bar") for species in SPECIES), False])


def _events(inputs: Inputs, channels: Sequence[Any]) -> tuple[EventSet, float]:
    """The events and the livetime, for channels that are those of the analysis; raises ConfigurationError."""
    livetime_s = float(inputs["livetime_s"])
    if not 0 < livetime_s < np.inf:
        raise ConfigurationError(f"the input livetime_s is a positive number of seconds; found {livetime_s:g}")
    events = load_events()
    given = {c.name: {a.name: np.asarray(a.edges) for a in c.axes} for c in channels}
    for name, axes in events.edges.items():
        found = given.get(name, {})
        same = list(found) == list(axes) and all(
            found[a].shape == edges.shape and np.allclose(found[a], edges, rtol=1e-9, atol=1e-12)
            for a, edges in axes.items()
        )
        if not same or list(given) != list(events.edges):
            wanted = "; ".join(f"{n}: {' × '.join(a)}" for n, a in events.edges.items())
            raise ConfigurationError(f"channel {name!r}: the simulated events are binned as the release does: {wanted}")
    return events, livetime_s


def _by_kind(species: NDArray) -> NDArray:
    """(batch, 6) of species to (batch, 1, KINDS): muons have none."""
    result = np.zeros((len(species), 1, KINDS), dtype=species.dtype)
    result[:, 0, : len(SPECIES)] = species
    return result


# ---- the spectrum at the energies of events


def spectrum_shape(
    configuration: Mapping[str, Any], log_energy: NDArray[np.float64]
) -> tuple[str | None, Callable[..., NDArray] | None]:
    """(slope, shape) of the configured spectrum at ln(E/100 TeV), see `EventWeights`; raises ConfigurationError."""
    form = configuration.get("spectrum", "power_law")
    if form == "power_law":
        return "astro_gamma", None
    if form == "cutoff":
        energy_gev = flux.PIVOT_ENERGY_GEV * np.exp(log_energy)

        def cutoff(*, astro_log10_cutoff: NDArray) -> NDArray:
            return np.exp(-energy_gev * np.exp(-np.log(10.0) * astro_log10_cutoff)[:, None])

        return "astro_gamma", cutoff
    if form == "broken_power_law":

        def broken(*, astro_gamma: NDArray, astro_gamma_high: NDArray, astro_log10_break: NDArray) -> NDArray:
            low, high = astro_gamma[:, None], astro_gamma_high[:, None]
            at = np.log(10.0) * (astro_log10_break - np.log10(flux.PIVOT_ENERGY_GEV))[:, None]
            index = np.where(log_energy < at.real, low, high)
            before = np.where(at.real >= 0, (high - low) * at, 0.0) * (log_energy >= at.real)
            after = np.where(at.real < 0, (low - high) * at, 0.0) * (log_energy < at.real)
            return np.exp(-index * log_energy + before + after)

        return None, broken
    raise ConfigurationError(unknown("spectrum", str(form), SPECTRA))


# ---- samples


@generator("events.astro")
def astro(inputs: Inputs, channels: Sequence[Any], configuration: Mapping[str, Any]) -> EventWeights:
    """An isotropic astrophysical flux, astro_norm · 1e-18 · fraction · (E/100 TeV)^−astro_gamma of each species.

    Configuration `composition` and `spectrum` choose its form, as of `astro.power_law`.
    """
    events, livetime_s = _events(inputs, channels)
    fractions, basis = composition(configuration)
    names = parameter_names(fractions)
    slope, shape = spectrum_shape(configuration, events.log_energy)

    def factors(**values: NDArray) -> NDArray:
        return _by_kind(values["astro_norm"][:, None] * (fractions(**{n: values[n] for n in names}) @ basis))

    columns = livetime_s * NORM_UNIT * events.store.columns["weight"][None]
    return EventWeights(events, columns, with_names(factors, ("astro_norm", *names)), slope, 0, shape)


def _balance(nunubar_ratio: NDArray, cr_delta_gamma: NDArray, pivot_gev: float) -> NDArray:
    """r of neutrinos and 2 − r of antineutrinos, times (pivot/100 TeV)^Δγ, (batch, KINDS)."""
    ratio = np.where(_ANTI, 2 - nunubar_ratio[:, None], nunubar_ratio[:, None])
    return ratio * np.exp(cr_delta_gamma * np.log(pivot_gev / flux.PIVOT_ENERGY_GEV))[:, None]


@generator("events.conventional")
def conventional(inputs: Inputs, channels: Sequence[Any], configuration: Mapping[str, Any]) -> EventWeights:
    """Atmospheric neutrinos from pions and, kpi_ratio times, from kaons, as the events hold them.

    Tilted by (E/2020 GeV)^−cr_delta_gamma; neutrinos nunubar_ratio times, antineutrinos 2 − nunubar_ratio.
    """
    events, livetime_s = _events(inputs, channels)
    c = events.store.columns

    def factors(*, kpi_ratio: NDArray, nunubar_ratio: NDArray, cr_delta_gamma: NDArray) -> NDArray:
        balance = _balance(nunubar_ratio, cr_delta_gamma, TILT_PIVOT_GEV["conventional"])[:, None]
        return np.concatenate([balance, kpi_ratio[:, None, None] * balance], axis=1)

    columns = livetime_s * c["weight"] * np.stack([c["pion"], c["kaon"]])
    return EventWeights(events, columns, factors, "cr_delta_gamma", 1)


@generator("events.prompt")
def prompt(inputs: Inputs, channels: Sequence[Any], configuration: Mapping[str, Any]) -> EventWeights:
    """Atmospheric neutrinos from charm, tilted by (E/7887 GeV)^−cr_delta_gamma, with nunubar_ratio."""
    events, livetime_s = _events(inputs, channels)
    c = events.store.columns

    def factors(*, nunubar_ratio: NDArray, cr_delta_gamma: NDArray) -> NDArray:
        return _balance(nunubar_ratio, cr_delta_gamma, TILT_PIVOT_GEV["prompt"])[:, None]

    return EventWeights(events, livetime_s * (c["weight"] * c["prompt"])[None], factors, "cr_delta_gamma", 2)


@generator("events.muon")
def muon(inputs: Inputs, channels: Sequence[Any], configuration: Mapping[str, Any]) -> EventWeights:
    """Atmospheric muons that pass the veto."""
    events, livetime_s = _events(inputs, channels)
    only = np.zeros((1, 1, KINDS))
    only[..., -1] = 1.0
    return EventWeights(events, livetime_s * events.store.columns["muon"][None], lambda: only, None, -1)


@generator("events.flux")
def any_flux(inputs: Inputs, channels: Sequence[Any], configuration: Mapping[str, Any]) -> EventWeights:
    """The flux of any generator of weights on cells, on the events: inputs `generator`, that generator's own, and `as`.

    as: astro (the default), conventional or prompt, which of the detector's splines apply. What generators give on the
    cells of npinfer.physics.hese_cells is taken at the events: 1e-4 from the exact counts of a power law.
    """
    from npinfer.physics.hese_cells import on_events

    events, livetime_s = _events(inputs, channels)
    kind = str(inputs.get("as", FLUXES[0]))
    if kind not in FLUXES:
        raise ConfigurationError(unknown("flux", kind, FLUXES))
    bind = find_generator(str(inputs["generator"]))
    bound = bind({**inputs, "detector": "events"}, channels, configuration)
    return on_events(bound, events, livetime_s, FLUXES.index(kind))


# ---- derived


@generator("events.resonance")
def resonance_events(
    inputs: Inputs, channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., NDArray]:
    """Expected events of the Glashow resonance with true energies of 4 to 10 PeV, at the nominal detector, (batch,)."""
    weights = astro(inputs, channels, configuration)
    c, log_energy = weights.events.store.columns, weights.events.log_energy
    low, high = np.log(np.array(RESONANCE_WINDOW_GEV) / flux.PIVOT_ENERGY_GEV)
    at = np.flatnonzero((c["interaction"] == RESONANCE) & (log_energy > low) & (log_energy < high))
    slope, shape = spectrum_shape(configuration, log_energy[at])
    names = parameter_names(weights.factors)
    further = () if shape is None else parameter_names(shape)

    def counts(**values: NDArray) -> NDArray:
        factor = weights.factors(**{n: values[n] for n in names})[:, 0, SPECIES.index("nuebar")]
        each = np.ones((len(factor), 1)) if shape is None else shape(**{n: values[n] for n in further})
        if slope is not None:
            each = each * np.exp(-values[slope][:, None] * log_energy[at])
        return factor * (each * weights.columns[0, at]).sum(axis=1)

    every = dict.fromkeys((*names, *([slope] if slope else []), *further))
    return with_names(counts, tuple(every))
