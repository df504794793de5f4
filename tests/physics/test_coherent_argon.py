"""New physics on argon: the released template of the Standard Model, a direct integral, and the likelihood of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import npinfer
from npinfer.errors import ConfigurationError
from npinfer.paths import data_file
from npinfer.physics import coherent
from npinfer.physics.coherent import FLAVOURS, NUCLEI
from npinfer.physics.coherent_argon import argon
from npinfer.physics.coherent_events import MOMENT_UNIT

LAR = {  # arXiv:2006.12659
    "nuclei": {"Ar40": 24.4e3 / 39.948 * 6.02214076e23},
    "neutrinos_cm2": 1.38e23 * 0.09 / (4 * np.pi * 2750**2),
    "quenching": [0.246, 0.78],
    "resolution": 0.58,
    "pulse": [0.44, 0.15],
}
ENERGY, F90, TIME = np.linspace(0, 120, 13), np.linspace(0.5, 0.9, 9), np.linspace(-0.1, 4.9, 11)


def channel(*edges: NDArray) -> Any:
    axes = [SimpleNamespace(name=n, edges=e) for n, e in zip(("energy_kevee", "f90", "time_us"), edges, strict=True)]
    return SimpleNamespace(name="lar", axes=tuple(axes))


CENNS = channel(ENERGY, F90, TIME)


def counts(where: Any = CENNS, at: dict[str, float] | None = None, **configuration: Any) -> NDArray[np.float64]:
    function = argon(LAR, [where], configuration)
    shape = tuple(len(axis.edges) - 1 for axis in where.axes)
    return function(**{k: np.array([v]) for k, v in (at or {}).items()})["lar"][0].reshape(shape)


def test_the_standard_model_is_the_released_template() -> None:
    """128 ± 17 events: within this in all, and at all energies, F90 and times with more than five of them."""
    released = npinfer.load("coherent_lar").expected({}).samples["cevns"]["lar"].reshape(12, 8, 10)
    found = counts()
    assert found.sum() == pytest.approx(released.sum(), rel=17 / 128)
    for axes in ((1, 2), (0, 2), (0, 1)):
        ours, theirs = found.sum(axis=axes), released.sum(axis=axes)
        assert ours[theirs > 5] == pytest.approx(theirs[theirs > 5], rel=17 / 128)
    assert found[0] / found[0].sum() == pytest.approx(released[0] / released[0].sum(), abs=0.01)


def test_moments_by_a_direct_integral() -> None:
    """Events at any energy and time: the number of nuclei and neutrinos times the cross section that is seen."""
    late = channel(np.array([0.0, 10.0, 120.0]), F90, np.linspace(-2.0, 60.0, 125))
    found = counts(late, {"munu_e": 0.0, "munu_mu": 3.0}, new_physics="magnetic_moment").sum()
    energy, efficiency = np.loadtxt(data_file("coherent_lar", "efficiency.csv"), delimiter=",", skiprows=1).T
    recoil = np.linspace(1e-4, 0.16, 8001)
    seen = np.interp(246 * recoil + 780 * recoil**2, energy, efficiency)
    nucleus, total = NUCLEI["Ar40"], 0.0
    form = coherent.nuclear_form_factor(recoil, nucleus)
    for species in (s for s, flavour in FLAVOURS.items() if flavour == "mu"):
        section = lambda e, t, f: coherent.magnetic(e, t, nucleus, 1.0, 3 * MOMENT_UNIT)
        rate = coherent.averaged(section, recoil, species, nucleus.mass_mev) * form**2
        total += float(np.trapezoid(rate * seen, recoil))
    expected = total * LAR["nuclei"]["Ar40"] * LAR["neutrinos_cm2"]
    assert found == pytest.approx(expected, rel=2e-3)


def test_a_universal_moment_is_both_and_a_light_dipole_one_of_muons() -> None:
    both = counts(at={"munu_e": 2.0, "munu_mu": 2.0}, new_physics="magnetic_moment")
    assert counts(at={"munu": 2.0}, new_physics="universal_moment") == pytest.approx(both, rel=1e-12)
    moment = 2 * 0.2e-9 / coherent.BOHR_MAGNETON_PER_MEV / MOMENT_UNIT
    light = counts(at={"d_munu": 0.2}, new_physics="dipole", m_sterile=1e-6)
    same = counts(at={"munu_e": 0.0, "munu_mu": moment}, new_physics="magnetic_moment")
    assert light.sum() == pytest.approx(same.sum(), rel=2e-4)


def test_the_likelihood_without_a_moment_is_that_of_the_standard_model() -> None:
    plain = npinfer.load("coherent_lar")
    with_moment = npinfer.load("coherent_lar_new_physics", new_physics="magnetic_moment")
    found = with_moment.expected({"munu_e": 0.0, "munu_mu": 0.0, "cevns_norm": 1.2})
    assert found["lar"] == pytest.approx(plain.expected({"cevns_norm": 1.2})["lar"], rel=1e-12)


def test_other_axes_are_refused() -> None:
    other = channel(ENERGY, F90, TIME)
    other.axes[1].name = "psd"
    with pytest.raises(ConfigurationError, match=r"found the axes .*'psd'.*; expected .*'f90'"):
        argon(LAR, [other], {})


def test_a_pulse_without_a_width_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"pulse: found \[0\.44\], expected 2 numbers"):
        argon({**LAR, "pulse": [0.44]}, [CENNS], {})
