"""Morphology of events in a telescope: P(cascade, track, double cascade | flavour, deposited energy)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from npinfer.errors import DataError, unknown

MORPHOLOGIES = ("cascade", "track", "double_cascade")


def classified(forms: Mapping[str, Mapping], flavour: str, log_deposited: NDArray) -> NDArray:
    """P(morphology | flavour, E_dep), (3, steps), sums to 1."""
    energy_tev = 10 ** (log_deposited - 3)
    percent = [_form(forms[flavour][m]["form"], forms[flavour][m]["coefficients"], energy_tev) for m in MORPHOLOGIES]
    shares = np.clip(np.array(percent), 0, None)
    return shares / shares.sum(0)


def charged_current_morphology(inclusive: Mapping[str, NDArray], spectra: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """P(morphology | E_dep) of charged currents, {flavour: (3, nodes)}.

    The classifier was published for all interactions of a flavour. Neutral currents are taken as single showers, like
    ν_e; what charged currents must then do to give the published total at the reference spectrum is solved for.
    """
    shares = {}
    for flavour, published in inclusive.items():
        charged, neutral = spectra[flavour]
        solved = np.clip(published + neutral / charged * (published - inclusive["nue"]), 0, None)
        shares[flavour] = solved / solved.sum(0)
    return shares


def _form(form: str, p: list[float], energy_tev: NDArray) -> NDArray:
    """logpoly Σ p_i ln(x)^i, powerlaw p_0 x^p_1, or a sigmoid in ln x, with x = E_dep/TeV."""
    log_energy = np.log(energy_tev)
    if form == "logpoly":
        return np.polynomial.polynomial.polyval(log_energy, p)
    if form == "powerlaw":
        return p[0] * energy_tev ** p[1]
    if form == "sigmoid":
        a, b, c, d, m = p
        return (a - d) / (1 + np.exp(b * log_energy - c) ** m) + d
    raise DataError(unknown("classifier form", form, ("logpoly", "powerlaw", "sigmoid")))
