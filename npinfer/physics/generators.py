"""The generators of astrophysical and atmospheric neutrinos in a telescope, and quantities derived from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from npinfer.errors import ConfigurationError, unknown
from npinfer.physics import atmosphere, flavour, flux, telescope
from npinfer.physics.glashow import cell_average
from npinfer.physics.partially_contained import load_partially_contained
from npinfer.physics.registry import Weights, generator, parameter_names, with_names

NORM_UNIT = 1e-18  # of astro_norm, in GeV^-1 cm^-2 s^-1 sr^-1
RESONANCE_WINDOW_GEV = (4e6, 1e7)  # true energies counted as Glashow resonance events
COMPOSITIONS = ("nuebar", "flavour", "source")
DETECTORS = ("starting", "partially_contained", "events")
SPECTRA = ("power_law", "cutoff", "broken_power_law")


@dataclass(frozen=True, eq=False)
class StartingEvents:
    """The response to starting events as generators use it: with the energy scale as its nuisance parameter."""

    response: telescope.Response
    parameters: tuple[str, ...] = ("energy_scale",)

    @property
    def cells(self) -> telescope.Cells:
        return self.response.cells

    def fold(self, weights: np.ndarray, *, energy_scale: float = 1.0) -> dict[str, np.ndarray]:
        return self.response.fold(weights, energy_scale=energy_scale)

    def fold_at(self, weights: np.ndarray, points: Sequence[Mapping[str, float]]) -> list[dict[str, np.ndarray]]:
        """`fold` at each of several points of the nuisance parameters, for little more than the price of one."""
        return self.response.fold_at(weights, [point["energy_scale"] for point in points])


def detector(inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]) -> Any:
    """The response named by the input `detector`, on the axes of the likelihood's channels; raises ConfigurationError.

    "starting" (the default) reads the data folder `response`; "partially_contained" is the sample around the
    resonance, with the configured `background`; "events" has cells alone, for the flux on simulated events
    (npinfer.physics.hese_cells). The configuration `isr` and `doppler` corrects the resonance.
    """
    kind = str(inputs.get("detector", DETECTORS[0]))
    if kind not in DETECTORS:
        raise ConfigurationError(unknown("detector", kind, DETECTORS))
    if kind == "events":
        from npinfer.physics.hese_cells import event_cells

        return event_cells()
    livetime_s = float(inputs["livetime_s"])
    if not 0 < livetime_s < np.inf:
        raise ConfigurationError(f"the input livetime_s is a positive number of seconds; found {livetime_s:g}")
    chosen: tuple[Any, ...] = (kind, livetime_s)
    if kind == "starting":
        chosen += (str(inputs["response"]),)
    else:
        chosen += (str(configuration.get("background", "no_nue_cc")),)
    corrections = bool(configuration.get("isr", False)), bool(configuration.get("doppler", False))
    return _detector(*chosen, *corrections, tuple((c.name, tuple((a.name, a.edges) for a in c.axes)) for c in channels))


@lru_cache(maxsize=8)
def _detector(kind: str, livetime_s: float, choice: str, isr: bool, doppler: bool, axes: tuple[Any, ...]) -> Any:
    binning = {name: {axis: np.asarray(edges) for axis, edges in named} for name, named in axes}
    if kind == "partially_contained":
        return load_partially_contained(
            livetime_s=livetime_s, channels=binning, background=choice, isr=isr, doppler=doppler
        )
    response = telescope.load_response(choice, livetime_s=livetime_s, channels=binning)
    if isr or doppler:
        sigma = cell_average(response.cells.energy_edges_gev, isr=isr, doppler=doppler)
        response = telescope.load_response(
            choice, livetime_s=livetime_s, channels=binning, resonance_cross_section_cm2=sigma
        )
    return StartingEvents(response)


# ---- composition: fractions of six species as Σ_k fraction_k(parameters) · basis[k]


def composition(configuration: Mapping[str, Any]) -> tuple[Callable[..., np.ndarray], np.ndarray]:
    """(fractions(**parameters) → (batch, k), basis (k, 6)) of the configured composition; raises ConfigurationError."""
    mode = configuration.get("composition", "nuebar")
    if mode == "nuebar":
        is_nuebar = np.array([s == "nuebar" for s in flavour.SPECIES], dtype=float)

        def shares(*, f_nuebar: np.ndarray) -> np.ndarray:
            result = np.empty((len(f_nuebar), 2), dtype=f_nuebar.dtype)
            result[:, 0], result[:, 1] = (1 - f_nuebar) / 5, f_nuebar
            return result

        return shares, np.stack([1 - is_nuebar, is_nuebar])
    if mode == "flavour":
        return flavour.flavour_composition, np.eye(6)
    if mode == "source":
        return _source(str(configuration.get("source_model", "pp"))), np.eye(6)
    raise ConfigurationError(unknown("composition", str(mode), COMPOSITIONS))


def _source(model: str) -> Callable[..., np.ndarray]:
    if model == flavour.MIXTURE:

        def mixture(*, pp_fraction: Any, s2_12: Any, s2_13: Any, s2_23: Any, delta_cp: Any) -> np.ndarray:
            return flavour.source_composition(
                model, pp_fraction=pp_fraction, s2_12=s2_12, s2_13=s2_13, s2_23=s2_23, delta_cp=delta_cp
            )

        return mixture
    flavour.source_fractions(model)

    def single(*, s2_12: Any, s2_13: Any, s2_23: Any, delta_cp: Any) -> np.ndarray:
        return flavour.source_composition(model, s2_12=s2_12, s2_13=s2_13, s2_23=s2_23, delta_cp=delta_cp)

    return single


# ---- spectrum: integrals over energy cells for unit normalisation


def spectrum(configuration: Mapping[str, Any], edges_gev: np.ndarray) -> Callable[..., np.ndarray]:
    """integrals(**shape parameters) → (batch, cells) of the configured spectrum; raises ConfigurationError."""
    form = configuration.get("spectrum", "power_law")
    if form == "power_law":
        integrals = flux.bound_power_law(edges_gev)
        return lambda *, astro_gamma: integrals(astro_gamma)
    if form == "cutoff":

        def cutoff(*, astro_gamma: np.ndarray, astro_log10_cutoff: np.ndarray) -> np.ndarray:
            return flux.cutoff_integrals(astro_gamma, astro_log10_cutoff, edges_gev)

        return cutoff
    if form == "broken_power_law":

        def broken(*, astro_gamma: Any, astro_gamma_high: Any, astro_log10_break: Any) -> np.ndarray:
            energy = np.exp(np.log(10.0) * astro_log10_break)
            return flux.broken_power_law_integrals(astro_gamma, astro_gamma_high, energy, edges_gev)

        return broken
    raise ConfigurationError(unknown("spectrum", str(form), SPECTRA))


def _isotropic(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any], *, resonance_only: bool
) -> Weights:
    """The astrophysical flux through the telescope."""
    at = detector(inputs, channels, configuration)
    fractions, basis = composition(configuration)
    integrals = spectrum(configuration, at.cells.energy_edges_gev)
    names = parameter_names(fractions)
    pattern = NORM_UNIT * basis[:, :, None, None, None]
    if resonance_only:
        resonant = np.array([name == "gr" for name in at.cells.interactions], dtype=float)
        edges = at.cells.energy_edges_gev
        centres = np.sqrt(edges[:-1] * edges[1:])
        window = (centres > RESONANCE_WINDOW_GEV[0]) & (centres < RESONANCE_WINDOW_GEV[1])
        pattern = pattern * resonant[:, None, None] * window[:, None]

    def mix(**values: np.ndarray) -> np.ndarray:
        return values["astro_norm"][..., None] * fractions(**{n: values[n] for n in names})

    def shape(**values: np.ndarray) -> np.ndarray:
        return integrals(**values)[:, None, None, :, None]

    return Weights(
        with_names(mix, ("astro_norm", *names)), pattern, with_names(shape, parameter_names(integrals)), at
    )


@generator("astro.power_law")
def astro(inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]) -> Weights:
    """An isotropic astrophysical flux; configuration `spectrum` and `composition` choose its form.

    inputs: response (data folder), livetime_s. Parameters: astro_norm (sum of six species at 100 TeV, in 1e-18
    GeV^-1 cm^-2 s^-1 sr^-1), astro_gamma and those of the chosen spectrum and composition.
    """
    return _isotropic(inputs, channels, configuration, resonance_only=False)


@generator("glashow.events")
def resonance_events(inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]) -> Weights:
    """The events of `astro.power_law` from the Glashow resonance, with true energies of 4 to 10 PeV."""
    return _isotropic(inputs, channels, configuration, resonance_only=True)


# ---- derived quantities


def _of_composition(
    configuration: Mapping[str, Any], quantity: Callable[[np.ndarray], np.ndarray]
) -> Callable[..., np.ndarray]:
    fractions, basis = composition(configuration)
    return with_names(lambda **values: quantity(fractions(**values) @ basis), parameter_names(fractions))


@generator("flavour.f_nuebar")
def f_nuebar(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., np.ndarray]:
    """ν̄_e's share of the six-species flux at Earth."""
    return _of_composition(configuration, flavour.nuebar_fraction)


def _flavour_share(index: int) -> Callable[..., Callable[..., np.ndarray]]:
    def bind(
        inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
    ) -> Callable[..., np.ndarray]:
        return _of_composition(configuration, lambda c: flavour.flavour_fractions(c)[..., index])

    return bind


for _index, _name in enumerate(flavour.FLAVOURS):
    generator(f"flavour.f_{_name}")(_flavour_share(_index))


# ---- atmospheric neutrinos


def _atmospheric(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any], component: str
) -> Weights:
    """Conventional or prompt neutrinos that pass the self-veto, tilted by cr_delta_gamma."""
    at = detector(inputs, channels, configuration)
    nominal = atmosphere.nominal_weights(component, at.cells)  # (species, energy, cos zenith)
    anti = np.array([s.endswith("bar") for s in at.cells.species], dtype=float)
    nucleon = np.array([i != "gr" for i in at.cells.interactions], dtype=float)
    parts = np.stack([1 - anti, anti])[:, :, None, None, None] * nominal[:, None] * nucleon[:, None, None]
    log_energy = atmosphere.log_tilt_energy(component, at.cells)

    def shape(*, cr_delta_gamma: np.ndarray) -> np.ndarray:
        return atmosphere.tilt(log_energy, cr_delta_gamma)[:, None, None, :, None]

    return Weights(atmosphere.nunubar_balance, parts, shape, at)


@generator("atmosphere.conventional")
def conventional(inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]) -> Weights:
    """Atmospheric neutrinos from pions and kaons; inputs response, livetime_s; cr_delta_gamma, nunubar_ratio."""
    return _atmospheric(inputs, channels, configuration, "conventional")


@generator("atmosphere.prompt")
def prompt(inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]) -> Weights:
    """Atmospheric neutrinos from charm; inputs response, livetime_s; cr_delta_gamma, nunubar_ratio."""
    return _atmospheric(inputs, channels, configuration, "prompt")
