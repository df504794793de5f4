"""Neutrino tridents and W production in water, and the charm that looks like them.

Sources: Zhou, Beacom, arXiv:1910.08090 and 1910.10720 (tables of cross sections, `data/w_production/README.md`).
The tables of tridents contain W → ℓν above its threshold of 4 TeV: W production adds W → hadrons and nothing else.
Charm is made by a charged current on d and s quarks and decays to a muon: at leading order, with the charm quark's mass
by slow rescaling (Barnett, Phys. Rev. Lett. 36 (1976) 1163).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ParameterError, unknown
from npinfer.paths import data_file
from npinfer.physics.constants import G_FERMI, HBARC2_GEV2_CM2, M_NUCLEON_GEV, M_W_GEV
from npinfer.physics.parton_sum import Sum, weighted_sum

FLAVOURS = ("nue", "numu", "nutau")
HADRONS = 0.6741  # of W decays, PDG 2022
TAU_TO_MUON = 0.1739  # PDG 2022
# Charm: mass, couplings to s and d (PDG 2022), decays of the hadrons to a muon, and the hadron's share of the quark's
# energy; the last two are usual values in analyses of dimuons.
M_CHARM_GEV, V_CS2, V_CD2 = 1.4, 0.95, 0.049
CHARM_TO_MUON, HADRON_SHARE = 0.09, 0.65

_FOLDER = "w_production"
_LEAST_Q2_GEV2 = 1.0
_NODES, _NODE_WEIGHTS = (a / 2 for a in np.polynomial.legendre.leggauss(64))


def trident_channels() -> tuple[str, ...]:
    """The tabulated final states, such as "numu_to_numu_mu-_mu+".

    >>> len(trident_channels())
    13
    """
    return tuple(_table("trident_o16.csv")[1])


def trident_cross_section(energy_gev: ArrayLike, channel: str) -> NDArray[np.float64]:
    """σ of a trident's final state on an oxygen nucleus [cm²], of the shape of `energy_gev`; 0 below its threshold.

    Log-log between the nodes, 10 GeV to 1e8 GeV. Raises ParameterError for other energies or an unknown channel.

    >>> f"{trident_cross_section(1e3, 'numu_to_numu_mu-_mu+'):.2e}"
    '2.35e-39'
    """
    energies, tables = _table("trident_o16.csv")
    if channel not in tables:
        raise ParameterError(unknown("trident", channel, tables))
    return _interpolated(energy_gev, energies, tables[channel], "tridents")


def w_cross_section(energy_gev: ArrayLike, flavour: str) -> NDArray[np.float64]:
    """σ(ν_ℓ → ℓ W) on a water molecule [cm²], of the shape of `energy_gev`; 0 below 4.02 TeV; flavour: one of FLAVOURS.

    Raises ParameterError for energies above the table, 9.9e7 GeV, or an unknown flavour.

    >>> f"{w_cross_section(1e6, 'nue'):.2e}"
    '9.35e-34'
    """
    energies, tables = _table("w_production_h2o.csv")
    if flavour not in FLAVOURS:
        raise ParameterError(unknown("flavour", flavour, FLAVOURS))
    energy = np.asarray(energy_gev, dtype=float)
    above = np.maximum(energy, energies[0])
    return np.where(
        energy < energies[0], 0.0, _interpolated(above, energies, tables[f"{flavour}_cm2"], "W production")
    )


def _interpolated(energy_gev: ArrayLike, nodes: NDArray, sigma: NDArray, what: str) -> NDArray[np.float64]:
    energy = np.asarray(energy_gev, dtype=float)
    if not np.all((energy >= nodes[0]) & (energy <= nodes[-1])):
        raise ParameterError(f"energy_gev: the table of {what} covers {nodes[0]:g} to {nodes[-1]:g} GeV")
    open_ = sigma > 0
    found = np.exp(np.interp(np.log(energy), np.log(nodes[open_]), np.log(sigma[open_])))
    return np.where(energy < nodes[open_][0], 0.0, found)


@cache
def _table(name: str) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Energies [GeV] and the columns of a table by name."""
    with data_file(_FOLDER, name).open(encoding="utf-8") as stream:
        names = stream.readline().strip().split(",")
        energy, *columns = np.loadtxt(stream, delimiter=",").T
    return energy, dict(zip(names[1:], columns, strict=True))


# ---- charm


def charm_dimuon_cross_section(
    energy_gev: ArrayLike, *, antineutrino: bool = False, least_muon_gev: float = 0.0
) -> NDArray[np.float64]:
    """σ(ν_μ N → μ μ X) by charm, both muons above an energy, per nucleon [cm²]; of the shape of `energy_gev`.

    d²σ/dξ dQ² = (G_F²/π) (1 − m_c²/2mEξ) Σ|V|² q(ξ, Q²)/(1 + Q²/M_W²)², ξ = x (1 + m_c²/Q²). The charmed hadron takes
    HADRON_SHARE of the hadrons' energy; its muon a share with density 2 − 6x² + 4x³, that of an antineutrino from a
    fast unpolarised muon. Raises ParameterError for energies at which no charm is made.

    >>> f"{charm_dimuon_cross_section(100.0):.2e}"
    '5.36e-39'
    """
    energy = np.asarray(energy_gev, dtype=float)
    energies = energy.ravel()[:, None, None]
    s = 2 * M_NUCLEON_GEV * energies
    if not np.all(s > 2 * (M_CHARM_GEV**2 + _LEAST_Q2_GEV2)):
        raise ParameterError(f"energy_gev: found {np.min(energy):g} GeV, too low for charm")
    low, top = np.log(_LEAST_Q2_GEV2), np.log(s - M_CHARM_GEV**2)
    q2 = np.exp(low + (top - low) * (0.5 + _NODES[:, None]))
    least = np.log((q2 + M_CHARM_GEV**2) / s)  # ln ξ at y = 1
    xi = np.exp(least * (0.5 - _NODES))
    y = (q2 + M_CHARM_GEV**2) / (xi * s)
    slow = np.maximum(1 - M_CHARM_GEV**2 / (xi * s), 0.0)
    density = _strange_and_down(antineutrino)(xi, q2) * slow / (1 + q2 / M_W_GEV**2) ** 2
    soft = np.minimum(least_muon_gev / (HADRON_SHARE * y * energies), 1.0)
    seen = (1 - 2 * soft + 2 * soft**3 - soft**4) * ((1 - y) * energies > least_muon_gev)
    weights = (top - low) * _NODE_WEIGHTS[:, None] * -least * _NODE_WEIGHTS * q2
    found = (density * seen * weights).sum(axis=(1, 2))
    return CHARM_TO_MUON * G_FERMI**2 / np.pi * HBARC2_GEV2_CM2 * found.reshape(energy.shape)


@cache
def _strange_and_down(antineutrino: bool) -> Sum:
    """|V_cs|² s + |V_cd|² d times ξ, or of the antiquarks, per nucleon with as many protons as neutrons."""
    sign = -1 if antineutrino else 1
    return weighted_sum({3 * sign: V_CS2, 1 * sign: V_CD2 / 2, 2 * sign: V_CD2 / 2}, (_LEAST_Q2_GEV2, 1e8))
