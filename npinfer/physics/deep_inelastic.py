"""Deep-inelastic neutrino-nucleon scattering: the total cross sections of Cooper-Sarkar, Mertsch and Sarkar (CSMS).

Source: JHEP 08 (2011) 042, arXiv:1106.3723, Tables 1 and 2.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npinfer.errors import ParameterError, unknown
from npinfer.paths import data_file
from npinfer.physics.constants import PICOBARN_CM2

CURRENTS = ("cc", "nc")


def csms_total(energy_gev: ArrayLike, current: str, antineutrino: bool) -> NDArray[np.float64]:
    """Total cross section per isoscalar nucleon [cm^2], of the shape of `energy_gev`.

    energy_gev: neutrino energy [GeV], within the table, 50 to 5e11 GeV.
    current: "cc" or "nc".
    Interpolated linearly in log-log between the published nodes. Raises ParameterError for an energy outside the
    table or an unknown current.

    >>> f"{csms_total(1e6, 'cc', antineutrino=False):.3e}"
    '6.900e-34'
    """
    if current not in CURRENTS:
        raise ParameterError(unknown("current", current, CURRENTS))
    energies, sections = _table()
    energy = np.asarray(energy_gev, dtype=float)
    outside = ~((energy >= energies[0]) & (energy <= energies[-1]))
    if np.any(outside):
        found = float(np.extract(outside, energy)[0])
        table = f"the CSMS table, which covers {energies[0]:g} to {energies[-1]:g} GeV"
        raise ParameterError(f"energy_gev: {found:g} GeV is outside {table}")
    column = CURRENTS.index(current) + len(CURRENTS) * bool(antineutrino)
    return np.exp(np.interp(np.log(energy), np.log(energies), np.log(sections[column])))


@cache
def _table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energies [GeV] of shape (nodes,) and cross sections [cm^2] of shape (4, nodes): CC ν, NC ν, CC ν̄, NC ν̄."""
    table = np.loadtxt(data_file("csms", "csms.csv"), delimiter=",", skiprows=1).T
    return table[0], table[1:] * PICOBARN_CM2
