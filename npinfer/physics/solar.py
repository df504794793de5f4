"""Survival of solar ν_e: adiabatic from where they are made to the Earth, averaged over the Sun.

Source: Gonzalez-Garcia, Maltoni, arXiv:1307.3092: P_ee = cos⁴θ13 ½(1 + cos 2θ_Earth cos 2θ_Sun) + sin⁴θ13 with the
mixing angles where the neutrino is made and where it is seen. The latter is that of the vacuum, unless a Z′ reaches
from the Sun to the Earth. No matter of the Earth (no day and night); one energy for each measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npinfer.errors import ConfigurationError, unknown
from npinfer.physics import matter, two_flavour
from npinfer.physics.kamland import parameters
from npinfer.physics.registry import generator, with_names

LEAST_SHARE = 1e-9  # of the production, in shells that are averaged over


@generator("solar.survival")
def survival(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """P_ee, a measurement a bin of the only channel.

    inputs: points, a list of {source: pp, pep, be7 or b8, energy_mev}. Configuration: u1_model and m_zprime.
    Parameters: dm2_21 [1e-5 eV²], tan2_theta12, s2_13, with a model s2_23, delta_cp and eps0.
    """
    model, mass_ev = matter.configured(configuration)
    inside, outside = matter.solar_medium(model, mass_ev)
    shell, energy, shares = _points(inputs["points"])
    made = matter.Medium(inside.standard[shell], inside.added[shell])
    seen_mev = np.array([float(p["energy_mev"]) for p in inputs["points"]])
    (name,) = (c.name for c in channels)
    if channels[0].bins != len(seen_mev):
        raise ConfigurationError(f"points: found {len(seen_mev)}, expected one for each of {channels[0].bins} bins")

    def counts(**values: NDArray) -> dict[str, NDArray]:
        eps0 = values.get("eps0", np.zeros(1))
        born, seen = (
            two_flavour.cosine_in_matter(*two_flavour.hamiltonian(values, mev, m.potentials(eps0)))
            for mev, m in ((energy, made), (seen_mev, outside))
        )
        pee = 0.5 * (1 + seen * _mean(born, shares))
        return {name: two_flavour.three_flavours(pee, values["s2_13"])}

    return with_names(counts, parameters(model))


def _points(points: Sequence[Mapping[str, Any]]) -> tuple[NDArray[np.intp], NDArray, NDArray]:
    """Shells and energies [MeV] to evaluate, (n,), and the shares of them that make up each point, (n, points)."""
    production = matter.sun().production
    shells, energies, columns = [], [], []
    for k, point in enumerate(points):
        if point["source"] not in production:
            raise ConfigurationError(unknown("source of solar neutrinos", point["source"], production, f"points[{k}]"))
        if not float(point["energy_mev"]) > 0:
            raise ConfigurationError(f"points[{k}]: energy_mev is above 0; found {point['energy_mev']}")
        share = production[point["source"]]
        (at,) = np.nonzero(share > LEAST_SHARE)
        shells.append(at)
        energies.append(np.full(len(at), float(point["energy_mev"])))
        columns.append(np.where(np.arange(len(points)) == k, share[at, None] / share[at].sum(), 0.0))
    return np.concatenate(shells), np.concatenate(energies), np.concatenate(columns)


def _mean(values: NDArray, shares: NDArray) -> NDArray:
    """The mean over shells, (batch, n) to (batch, points)."""
    if np.iscomplexobj(values):
        return values.real @ shares + 1j * (values.imag @ shares)
    return values @ shares
