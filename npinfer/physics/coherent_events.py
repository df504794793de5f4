"""Events of coherent scattering in a scintillator at a source of pions that decay at rest, with new physics chosen.

The counts are polynomials in the couplings: μ², d² or g² and g⁴ times templates that are made at load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npinfer.errors import ConfigurationError, unknown
from npinfer.physics import coherent
from npinfer.physics.coherent import FLAVOURS, NUCLEI, Nucleus, Section
from npinfer.physics.form_factor import FORMS, nuclear_radius
from npinfer.physics.registry import generator, with_names
from npinfer.physics.scintillator import Scintillator, light_and_time, timed

NEW_PHYSICS = ("none", "magnetic_moment", "universal_moment", "dipole", "zprime")
TIMINGS = ("fixed", "floated")
ARRIVALS = ("numu", "nue")  # prompt and delayed; ν̄_μ come as ν_e do
OF_TIME = ("pulse", "time_efficiency")
MOMENT_UNIT = 1e-9  # of munu_e, munu_mu and munu, in Bohr magnetons
DIPOLE_UNIT_PER_MEV = 1e-9  # of d_munu, 1e-6 GeV^-1

Monomial = tuple[tuple[str, int], ...]  # (parameter, power)
Term = tuple[Monomial, Callable[[Nucleus, float], Section], float]  # and m₄ of what is made [MeV]


@generator("coherent.events")
def events(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """Coherent scattering in the only channel with the axis time_us, whose other axis is photo_electrons.

    inputs: nuclei {name: number}, neutrinos_cm2 (of each species, for an exposure of 1), those of a `Scintillator`,
    radius_scale (1: that of the form factor); variations {nuisance parameter: {input: {up: ..., down: ...}}}, which
    replace an input of the light where the parameter is ±1 (a parabola in the logarithm of counts goes through them);
    norm: a parameter that multiplies the Standard Model where new_physics is none (else it is what it predicts).
    Configuration: form_factor; timing: fixed, or floated with parameters pulse_mean, pulse_width [µs] for the pulse;
    new_physics: none; magnetic_moment with parameters munu_e, munu_mu, universal_moment with munu [1e-9 μ_B]; dipole
    with d_munu [1e-6 GeV^-1] and the configured m_sterile [GeV]; zprime with g_zprime, zprime_model and m_zprime [GeV].
    Raises ConfigurationError.
    """
    channel = timed(channels)
    light, time = light_and_time(channel)
    terms = cross_sections(configuration, inputs.get("norm"))
    variations, exposure = inputs.get("variations", {}), float(configuration.get("exposure", 1.0))
    arrivals, pulse = _arrivals(Scintillator.read(inputs), time, str(configuration.get("timing", "fixed")))

    def templates(changed: Mapping[str, Any]) -> NDArray:
        inner = {**inputs, **changed}
        detector = Scintillator.read(inner)
        shares = lambda recoil: detector.light_shares(recoil, light)
        return exposure * np.stack([spectra(term, inner, shares, len(light) - 1) for term in terms])

    nominal, varied = templates({}), {}
    for name, changed in variations.items():
        sides = (templates({key: _side(name, key, v, side) for key, v in changed.items()}) for side in _SIDES)
        varied[name] = _interpolation(name, nominal, *sides)

    def counts(**values: NDArray) -> dict[str, NDArray]:
        n = len(next(iter(values.values()), [0.0]))
        shape: Any = nominal
        added: Any = 0.0
        for name, (logarithms, differences) in varied.items():
            pull = values[name][:, None, None, None]
            shape = shape * np.exp(pull * logarithms[0] + pull * pull * logarithms[1])
            added = added + pull * differences[0] + pull * pull * differences[1]
        total: Any = 0.0
        for k, (monomial, _, _) in enumerate(terms):
            factor: Any = np.ones(n)
            for name, power in monomial:
                factor = factor * values[name] ** power
            total = total + factor[:, None, None] * (shape + added)[..., k, :, :]
        seen = np.swapaxes(total, -1, -2) @ arrivals(*(values[name] for name in pulse))
        return {channel.name: seen.reshape(n, -1)}

    couplings = dict.fromkeys(name for monomial, _, _ in terms for name, _ in monomial)
    return with_names(counts, (*couplings, *variations, *pulse))


@generator("coherent.steady_state")
def steady_state(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """Background of any time and light: parameters steady_1, steady_2, ... are the events of a bin of light.

    All channels have the axis photo_electrons with the same bins and as many events; one may have time_us after it,
    and sees them with the `time_efficiency` of a `Scintillator`. Inputs are those of a `Scintillator`.
    """
    del configuration
    light, time = light_and_time(timed(channels))
    shares = Scintillator.read(inputs).steady_shares(time)
    for channel in channels:
        first, *others = channel.axes
        if not np.array_equal(first.edges, light) or [axis.name for axis in others] not in ([], ["time_us"]):
            raise ConfigurationError(
                f"channel {channel.name!r}: expected the same bins of photo_electrons in all channels, time_us in one"
            )
    names = [f"steady_{i + 1}" for i in range(len(light) - 1)]

    def counts(**values: NDArray) -> dict[str, NDArray]:
        rows = np.stack([values[name] for name in names], axis=-1)
        spread = (rows[..., None] * shares).reshape(len(rows), -1)
        return {channel.name: spread if len(channel.axes) == 2 else rows for channel in channels}

    return with_names(counts, names)


_SIDES = ("up", "down")
WIDEST = 100.0  # change of a bin's counts by one standard deviation


def _side(name: str, key: str, value: Any, side: str) -> Any:
    if key in OF_TIME:
        raise ConfigurationError(f"variations: {name}: {key} is not of the light; see the configuration timing")
    if not isinstance(value, Mapping) or set(value) != set(_SIDES):
        raise ConfigurationError(f"variations: {name}: found {value!r}, expected {{up: ..., down: ...}} for each input")
    return value[side]


def _interpolation(
    name: str, nominal: NDArray, up: NDArray, down: NDArray
) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Coefficients of a pull and its square: of the logarithm of counts, or of counts where one of them is zero."""
    same = (nominal * up > 0) & (nominal * down > 0)
    sides = [np.log(np.where(same, side, 1.0) / np.where(same, nominal, 1.0)) for side in (up, down)]
    widest = float(np.exp(np.max(np.abs(sides))))
    if not widest <= WIDEST:
        raise ConfigurationError(
            f"variations: {name}: counts of a bin change by a factor of {widest:.3g}, expected at most {WIDEST:g}: "
            "that is no variation; change its inputs"
        )
    shifts = [np.where(same, 0.0, side - nominal) for side in (up, down)]
    logarithms, differences = (((a - b) / 2, (a + b) / 2) for a, b in (sides, shifts))
    return logarithms, differences


def _arrivals(
    detector: Scintillator, edges: Sequence[float], timing: str
) -> tuple[Callable[..., NDArray], tuple[str, ...]]:
    """Shares of prompt and delayed neutrinos in bins of time, (2, bins) or (batch, 2, bins), and its parameters."""

    def of(detector: Scintillator) -> NDArray:
        return np.stack([detector.time_shares(species, edges) for species in ARRIVALS], axis=-2)

    def floated(mean: NDArray, width: NDArray) -> NDArray:
        pulses, row = np.unique(np.stack([mean, width], axis=-1), axis=0, return_inverse=True)
        return of(replace(detector, pulse=(pulses[:, 0, None, None], pulses[:, 1, None, None])))[row.ravel()]

    if timing == "floated":
        return floated, ("pulse_mean", "pulse_width")
    if timing != "fixed":
        raise ConfigurationError(unknown("timing", timing, TIMINGS))
    fixed = of(detector)
    return lambda: fixed, ()


def spectra(
    term: Term, inputs: Mapping[str, Any], shares: Callable[[NDArray], NDArray], bins: int
) -> NDArray[np.float64]:
    """Counts (2, bins) of one term for unit couplings, of prompt and of delayed neutrinos at any time.

    shares: of recoils (n,) that are seen in the bins, (n, bins).
    """
    _, section_of, heavy_mev = term
    total = np.zeros((len(ARRIVALS), bins))
    for name, number in inputs["nuclei"].items():
        if name not in NUCLEI:
            raise ConfigurationError(unknown("nucleus", name, NUCLEI))
        nucleus = NUCLEI[name]
        section = section_of(nucleus, float(inputs.get("radius_scale", 1.0)))
        for species in FLAVOURS:
            recoil, weights = coherent.recoil_nodes(species, nucleus.mass_mev, heavy_mev)
            rate = weights * coherent.averaged(section, recoil, species, nucleus.mass_mev, heavy_mev)
            seen = rate @ shares(recoil)
            total[0 if species == "numu" else 1] += float(number) * float(inputs["neutrinos_cm2"]) * seen
    return total


# ---- what is in the cross section


def cross_sections(configuration: Mapping[str, Any], norm: str | None) -> list[Term]:
    """The Standard Model, and what the configured new physics adds to it; norm: of the former without the latter."""
    form, chosen = str(configuration.get("form_factor", "helm")), str(configuration.get("new_physics", "none"))
    if form not in FORMS:
        raise ConfigurationError(unknown("form_factor", form, FORMS))
    if chosen not in NEW_PHYSICS:
        raise ConfigurationError(unknown("new_physics", chosen, NEW_PHYSICS))
    scale: Monomial = ((norm, 1),) if norm and chosen == "none" else ()
    terms: list[Term] = [(scale, _weak(form), 0.0)]
    if chosen == "magnetic_moment":
        for flavour in ("e", "mu"):
            terms.append((((f"munu_{flavour}", 2),), _dipole(form, flavour, MOMENT_UNIT, 0.0), 0.0))
    elif chosen == "universal_moment":
        terms.append(((("munu", 2),), _dipole(form, "", MOMENT_UNIT, 0.0), 0.0))
    elif chosen == "dipole":
        heavy = _mass(configuration, "m_sterile")
        moment = 2 * DIPOLE_UNIT_PER_MEV / coherent.BOHR_MAGNETON_PER_MEV  # μ = 2d
        terms.append(((("d_munu", 2),), _dipole(form, "mu", moment, heavy), heavy))
    elif chosen == "zprime":
        model, mass = str(configuration.get("zprime_model", "lmu_ltau")), _mass(configuration, "m_zprime")
        if model not in coherent.ZPRIME_MODELS:
            raise ConfigurationError(unknown("zprime_model", model, coherent.ZPRIME_MODELS))
        for power in (1, 2):
            terms.append(((("g_zprime", 2 * power),), _zprime(form, mass, model, power), 0.0))
    return terms


def _mass(configuration: Mapping[str, Any], name: str) -> float:
    """A configured mass in MeV."""
    mass = configuration.get(name)
    if not isinstance(mass, float) or not mass > 0:
        raise ConfigurationError(f"{name}: found {mass!r}, expected a mass in GeV above 0")
    return 1e3 * mass


def _shape(recoil: NDArray, nucleus: Nucleus, form: str, radius_scale: float) -> NDArray:
    radius = radius_scale * nuclear_radius(nucleus.mass_number, form)
    return coherent.nuclear_form_factor(recoil, nucleus, form, radius)


def _weak(form: str) -> Callable[[Nucleus, float], Section]:
    def of(nucleus: Nucleus, radius_scale: float) -> Section:
        def section(energy: NDArray, recoil: NDArray, flavour: str) -> NDArray:
            charge = coherent.weak_charge(nucleus, flavour, _shape(recoil, nucleus, form, radius_scale))
            return coherent.elastic(energy, recoil, nucleus, charge**2)

        return section

    return of


def _dipole(form: str, wanted: str, moment_bohr: float, heavy_mev: float) -> Callable[[Nucleus, float], Section]:
    """A moment of the flavour `wanted`, or of both for ""."""

    def of(nucleus: Nucleus, radius_scale: float) -> Section:
        def section(energy: NDArray, recoil: NDArray, flavour: str) -> NDArray:
            shape = _shape(recoil, nucleus, form, radius_scale)
            moment = moment_bohr if wanted in (flavour, "") else 0.0
            return coherent.upscattering(energy, recoil, nucleus, shape, moment, heavy_mev)

        return section

    return of


def _zprime(form: str, mass_mev: float, model: str, power: int) -> Callable[[Nucleus, float], Section]:
    """The interference, of g², or the square, of g⁴."""

    def of(nucleus: Nucleus, radius_scale: float) -> Section:
        def section(energy: NDArray, recoil: NDArray, flavour: str) -> NDArray:
            shape = _shape(recoil, nucleus, form, radius_scale)
            added = coherent.zprime_charge(recoil, nucleus, flavour, shape, mass_mev, model)
            product = added**2 if power == 2 else 2 * added * coherent.weak_charge(nucleus, flavour, shape)
            return coherent.elastic(energy, recoil, nucleus, product)

        return section

    return of
