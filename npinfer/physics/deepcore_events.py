"""The generator of atmospheric neutrinos in DeepCore: oscillated flux, U(1)′ models, flux and detector parameters.

Derivatives in the oscillation parameters are central differences, good to 1e-6 of a bin's largest; those in all other
parameters are complex steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npinfer.physics import deepcore, flavour, matter
from npinfer.physics.oscillation import Earth, Mixing, earth_probabilities, layered_earth
from npinfer.physics.registry import generator, with_names

STEPS = {"dm2_31": 2.5e-4, "s2_23": 2e-5, "eps0": 1e-5}  # of the oscillation parameters' differences
TILT_PIVOT_GEV = 10.0
OTHERS = ("tilt", "nue_ratio", "nc_norm", *deepcore.DETECTOR)


@generator("deepcore.neutrinos")
def neutrinos(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """Events of atmospheric neutrinos in the channels cascade and track, in the bins of the release.

    inputs: tables (data folder), livetime_s, dm2_21 [1e-5 eV²], depth_km, and cells, the numbers of energies and
    directions at which probabilities are computed. Configuration: events (path of neutrino_mc.csv), oscillation (fit
    that θ12, θ13 and δ are of), u1_model and m_zprime. Parameters: dm2_31 [1e-3 eV²], s2_23, with a model eps0; tilt
    (of the flux, a power of E/10 GeV), nue_ratio, nc_norm, and those of the detector.
    """
    events = deepcore.read_events(str(configuration["events"]))
    folder = str(inputs["tables"])
    flux = deepcore.atmospheric_flux(events.true_energy_gev, events.true_cos_zenith)
    cells = deepcore.Cells.around(events, inputs["cells"])
    fold = (float(inputs["livetime_s"]) * deepcore.response(events, cells, channels, flux)).T.tocsr()
    planes = deepcore.hyperplanes(folder, channels)
    energy, _ = cells.centres()
    log_energy = np.log(energy / TILT_PIVOT_GEV)
    model, mass_ev = matter.configured(configuration)
    names = tuple(STEPS) if model else ("dm2_31", "s2_23")
    oscillate = differentiable(_oscillation(inputs, configuration, cells, model, mass_ev), [STEPS[n] for n in names])
    ends = np.cumsum([c.bins for c in channels])[:-1]

    def counts(**values: NDArray) -> dict[str, NDArray]:
        weights = oscillate(np.stack([values[n] for n in names], axis=-1))
        weights = weights * np.exp(values["tilt"][:, None] * log_energy)[:, None, None, None]
        sources = np.stack([values["nue_ratio"], np.ones_like(values["nue_ratio"])], axis=-1)
        flat = (weights * sources[:, None, :, None, None]).reshape(len(weights), -1)
        groups = (fold @ flat.T).T.reshape(len(flat), len(deepcore.GROUPS), -1)
        groups = groups * deepcore.detector_factors(planes, values)
        total = groups[:, 1:].sum(axis=1) + values["nc_norm"][:, None] * groups[:, 0]
        return {c.name: part for c, part in zip(channels, np.split(total, ends, axis=1), strict=True)}

    return with_names(counts, (*names, *OTHERS))


def _oscillation(
    inputs: Mapping[str, Any], configuration: Mapping[str, Any], cells: deepcore.Cells, model: Any, mass_ev: float
) -> Callable[[NDArray], NDArray]:
    """P (batch, anti, from e or μ, to a flavour, cell) at real points (batch, parameters in the order of STEPS)."""
    fit = flavour.oscillation_fit(str(configuration["oscillation"]))
    solar = 1e-5 * float(inputs["dm2_21"])
    through: Earth = layered_earth(float(inputs["depth_km"]), model=model, mass_ev=mass_ev)
    energy, cosine = cells.centres()

    def probability(points: NDArray) -> NDArray:
        dm2, s23, *rest = (v[:, None] for v in points.T)
        mixing = Mixing(fit.s2_12, fit.s2_13, s23, fit.delta_rad, solar, 1e-3 * dm2)
        eps0 = rest[0] if rest else 0.0
        both = [
            earth_probabilities(energy, cosine, mixing, through, eps0=eps0, antineutrinos=anti)[:2]
            for anti in (False, True)
        ]
        return np.moveaxis(np.stack(both), 3, 0)

    return probability


def differentiable(function: Callable[[NDArray], NDArray], steps: Sequence[float]) -> Callable[[NDArray], NDArray]:
    """A real function of points (batch, p) for complex points too: to first order in their imaginary parts.

    Of the rows that a complex step makes, those with the same real part are evaluated once.
    """
    widths = np.asarray(steps)

    def extended(points: NDArray) -> NDArray:
        if not np.iscomplexobj(points):
            return function(points)
        places, row = np.unique(points.real, axis=0, return_inverse=True)
        row = row.ravel()
        result = function(places).astype(complex)[row]
        size = np.abs(points.imag / widths).max(axis=1)
        moved = np.flatnonzero(size)
        if len(moved):
            step = points.imag[moved] / size[moved, None]
            ends = np.concatenate([places[row[moved]] + step, places[row[moved]] - step])
            up, down = np.split(function(ends), 2)
            result.imag[moved] = (up - down) / 2 * size[moved].reshape(-1, *(1,) * (result.ndim - 1))
        return result

    return extended
