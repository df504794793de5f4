"""The scalar leptoquark R̃2 = (3, 2, 1/6): resonances of neutrinos with quarks of the nucleon.

L = −x d̄ P_L ν χ^(−1/3) + …: fermion number 0, so that ν̄ + d → χ and ν + d̄ → χ* are resonant and ν + d is not. χ decays
to the same pair alone: a shower without a charged lepton, flat in inelasticity, half of the energy on average. Width
x² M / 16π for each pair; the cross section is that of a narrow resonance.

Sources: Dey, Kar, Mitra, Spannowsky, Vincent, arXiv:1709.02009; Becirevic, Panes, Sumensari, Zukanovich Funchal,
arXiv:1803.10112. Left out: other diagrams of the same order, production from gluons (which matters for heavy quarks),
interference with Z exchange, the neutrinos that decays bring back, and what absorption by leptoquarks takes from the
events of the Standard Model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ConfigurationError, ParameterError, unknown
from npinfer.physics import flavour, generators
from npinfer.physics.absorption import Absorption, mean_total
from npinfer.physics.constants import HBARC2_GEV2_CM2, M_NUCLEON_GEV
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.earth import mean_transmission
from npinfer.physics.glashow import HADRONIC_VISIBLE_MEAN
from npinfer.physics.parton_density import PartonDensities, shipped
from npinfer.physics.registry import Weights, generator, with_names
from npinfer.physics.zenith_fold import Groups, Images, ZenithFold, added

QUARKS = ("d", "s", "b")
LEPTONS = ("e", "mu", "tau", "all")


def threshold_gev(mass_gev: float) -> float:
    """Neutrino energy from which a leptoquark is made, M²/2m_N [GeV].

    >>> f"{threshold_gev(500.0):.3g}"
    '1.33e+05'
    """
    return mass_gev**2 / (2 * M_NUCLEON_GEV)


def width_gev(mass_gev: float, coupling: float = 1.0, channels: int = 1) -> float:
    """Total width with one equal coupling for each of the channels, x² M / 16π each [GeV].

    >>> round(width_gev(500.0, channels=2), 1)
    19.9
    """
    return channels * coupling**2 * mass_gev / (16 * np.pi)


def cross_section(
    energy_gev: ArrayLike,
    mass_gev: float,
    *,
    quark: str = "d",
    antineutrino: bool = True,
    densities: PartonDensities | None = None,
) -> NDArray[np.float64]:
    """Resonant cross section per isoscalar nucleon for x = 1 [cm²], of the shape of `energy_gev`; it grows with x².

    (π x²/2) · x_B f(x_B, M²) / M² with x_B = M²/(2 m_N E), f of the quark for antineutrinos and of the antiquark for
    neutrinos, none below zero. densities: those shipped if None. Raises ParameterError for an unknown quark, or a mass
    or an energy that is not positive.

    >>> f"{cross_section(2e6, 300.0):.1e}"
    '4.2e-33'
    """
    if quark not in QUARKS:
        raise ParameterError(unknown("quark", quark, QUARKS))
    energy = np.asarray(energy_gev, dtype=float)
    if not (mass_gev > 0 and np.all(energy > 0)):
        raise ParameterError(f"mass_gev and energy_gev are positive; found {mass_gev:g} and {np.min(energy):g}")
    at = threshold_gev(mass_gev) / energy
    found = (densities or shipped()).isoscalar(quark, at, mass_gev**2, anti=not antineutrino)
    return np.pi / 2 * np.maximum(found, 0) / mass_gev**2 * HBARC2_GEV2_CM2


@generator("leptoquark.events")
def events(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """Showers of leptoquarks from astrophysical neutrinos, over x², with their own absorption in the Earth.

    inputs: as `astro.power_law`. Configuration: m_leptoquark [GeV], `quark` (d, s, b) and `lepton` (e, mu, tau, or all
    with one coupling). Parameters: lq_coupling, which sets the absorption alone: scale the sample with its square.
    A shower of energy yE looks like the charged current of a ν_e of energy 0.925 yE.
    """
    mass, quark = float(configuration["m_leptoquark"]), str(configuration["quark"])
    lepton = str(configuration["lepton"])
    if lepton not in LEPTONS:
        raise ConfigurationError(unknown("lepton", lepton, LEPTONS))
    if not 0 < mass < np.inf:
        raise ConfigurationError(f"m_leptoquark is a positive mass in GeV; found {mass:g}")
    astro = generators.astro(inputs, channels, configuration)
    flavours = flavour.SPECIES[:3] if lepton == "all" else (f"nu{lepton}",)
    parts = [_Part(astro, flavours, mass, quark, antineutrino=anti) for anti in (True, False)]

    def counts(**values: NDArray) -> dict[str, NDArray]:
        return added([part(values) for part in parts])

    return with_names(counts, (*parts[0].fold.names, "lq_coupling"))


class _Part:
    """Antineutrinos on quarks, or neutrinos on antiquarks."""

    def __init__(
        self, astro: Weights, flavours: Sequence[str], mass_gev: float, quark: str, *, antineutrino: bool
    ) -> None:
        species = [f"{name}bar" if antineutrino else name for name in flavours]
        at = [flavour.SPECIES.index(name) for name in species]
        own = astro.pattern[:, at, 0, 0, 0].sum(axis=1)  # of the coupled species, in each component
        sigma = lambda energy: cross_section(energy, mass_gev, quark=quark, antineutrino=antineutrino)
        self.fold = ZenithFold(astro, _images(astro, own, sigma))
        energy = self.fold.groups.energy_gev
        self._relative = sigma(energy) / mean_total(energy)
        self._absorption = Absorption(energy, self.fold.cells.cos_edges)

    def __call__(self, values: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Counts {channel: (batch, bins)} over x²."""
        relative = 1 + values["lq_coupling"][:, None] ** 2 * self._relative
        return self.fold.counts(self._absorption.ratio(relative), values)


def _images(astro: Weights, own: NDArray, sigma: Callable[[NDArray], NDArray]) -> Images:
    """Cells of ν_e charged currents that look like the showers of each group of energies."""
    cells = astro.response.cells
    edges = cells.energy_edges_gev
    visible = np.sqrt(edges[:-1] * edges[1:])

    def images(groups: Groups) -> list[NDArray]:
        energy = groups.energy_gev
        below = np.clip(edges / (HADRONIC_VISIBLE_MEAN * energy[:, None]), 0, 1)  # y is flat
        rate = np.diff(below, axis=1) * sigma(energy)[:, None] / csms_total(visible, "cc", antineutrino=False)
        through = mean_transmission(cells.cos_edges, mean_total(np.append(energy, visible)))
        before, after = through[: energy.size, None], np.maximum(through[energy.size :], 1e-30)
        shower = np.zeros((energy.size, *cells.shape))
        ratio = np.minimum(before / after, 1.0)
        shower[:, cells.species.index("nue"), cells.interactions.index("cc")] = rate[:, :, None] * ratio
        return [weight * shower for weight in own]

    return images
