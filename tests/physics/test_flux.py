"""Spectra: closed forms against quadrature, exact limits, additivity, analyticity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from npinfer.errors import ParameterError
from npinfer.physics.flux import broken_power_law_integrals, cutoff_integrals, power_law_integrals

EDGES = np.geomspace(1e3, 1e8, 73)  # 0.069 dex
STEP = 1e-30
SPECTRA: dict[str, tuple[Callable, dict[str, float]]] = {
    "power law": (power_law_integrals, {"gamma": 2.5}),
    "cut-off": (cutoff_integrals, {"gamma": 2.2, "log10_cutoff_gev": 6.1}),
    "break below the pivot": (
        broken_power_law_integrals,
        {"gamma_low": 1.7, "gamma_high": 2.9, "break_energy_gev": 3.21e4},
    ),
    "break above the pivot": (
        broken_power_law_integrals,
        {"gamma_low": 2.1, "gamma_high": 2.6, "break_energy_gev": 4.3e5},
    ),
}


def flux(name: str, energy: float, values: dict[str, float]) -> float:
    if name == "power law":
        return (energy / 1e5) ** -values["gamma"]
    if name == "cut-off":
        return (energy / 1e5) ** -values["gamma"] * np.exp(-energy / 10 ** values["log10_cutoff_gev"])
    at, low, high = values["break_energy_gev"], values["gamma_low"], values["gamma_high"]

    def unnormalised(e: float) -> float:
        return (e / at) ** -(low if e < at else high)

    return unnormalised(energy) / unnormalised(1e5)


@pytest.mark.parametrize("name", SPECTRA)
def test_integrals_agree_with_quadrature(name: str) -> None:
    function, values = SPECTRA[name]
    found = function(*values.values(), EDGES)
    at = values.get("break_energy_gev", 1.0)
    for cell in (0, 11, 21, 28, 37, 45, 60):
        low, high = EDGES[cell : cell + 2]
        middle = np.clip(at, low, high)
        parts = [
            quad(lambda e: flux(name, e, values), *ends, epsrel=1e-12)[0] for ends in ((low, middle), (middle, high))
        ]
        assert found[cell] == pytest.approx(sum(parts), rel=1e-10)


@pytest.mark.parametrize("gamma", [1.0, 1 + 1e-14, 1 - 1e-9, 1 + 1e-5, 1.01, 0.0, 2.0, 2.87])
def test_power_law_is_exact_near_and_away_from_index_one(gamma: float) -> None:
    low, high = 3e4, 3.5e4
    width, middle = np.log(high / low), np.log(np.sqrt(low * high) / 1e5)
    terms = [((1 - gamma) * width / 2) ** (2 * k) / np.prod(np.arange(1.0, 2 * k + 2)) for k in range(12)]
    expected = 1e5 * width * np.exp((1 - gamma) * middle) * np.sum(terms)
    assert power_law_integrals(gamma, [low, high])[0] == pytest.approx(expected, rel=2e-15)


def test_wide_cells_use_the_closed_form() -> None:
    assert power_law_integrals(3.0, [1e5, 1e9])[0] == pytest.approx(1e5 / 2 * (1 - 1e-8), rel=1e-14)
    assert power_law_integrals(1.0, [1e5, 1e9])[0] == pytest.approx(1e5 * np.log(1e4), rel=1e-14)


@pytest.mark.parametrize("start", np.geomspace(1e-3, 100, 20))
def test_cutoff_is_accurate_up_to_a_hundred_cutoff_energies(start: float) -> None:
    stop = start * 10**0.07
    exact, _ = quad(lambda t: t**-2.5 * np.exp(-(t - start)), start, stop, epsrel=1e-13, epsabs=0)
    found = cutoff_integrals(2.5, 5.0, [1e5 * start, 1e5 * stop])[0]
    assert found == pytest.approx(1e5 * exact * np.exp(-start), rel=1e-10)


def test_a_distant_cutoff_gives_the_power_law() -> None:
    assert cutoff_integrals(2.5, 30.0, EDGES) == pytest.approx(power_law_integrals(2.5, EDGES), rel=1e-13)


@pytest.mark.parametrize("at", [1e3, 7e4, 1e5, 2e6, EDGES[30]])
def test_equal_indices_give_the_power_law_wherever_the_break(at: float) -> None:
    assert broken_power_law_integrals(2.5, 2.5, at, EDGES) == pytest.approx(power_law_integrals(2.5, EDGES), rel=1e-13)


def test_the_broken_power_law_is_continuous_in_its_break_at_the_pivot() -> None:
    below, above = (broken_power_law_integrals(2.0, 3.0, 1e5 * (1 + d), EDGES) for d in (-1e-12, 1e-12))
    assert below == pytest.approx(above, rel=1e-11)


@settings(deadline=None)
@given(gamma=st.floats(-1, 5), high=st.floats(-1, 5), at=st.floats(2, 9), cut=st.floats(3.0001, 7.9999))
def test_inserting_an_edge_keeps_the_sum(gamma: float, high: float, at: float, cut: float) -> None:
    more = np.unique(np.append(EDGES, 10**cut))
    for function, values in (
        (power_law_integrals, (gamma,)),
        (broken_power_law_integrals, (gamma, high, 10**at)),
        (cutoff_integrals, (gamma, 6.0)),
    ):
        assert function(*values, more).sum() == pytest.approx(function(*values, EDGES).sum(), rel=1e-12)


@pytest.mark.parametrize("name", SPECTRA)
def test_complex_step_gives_the_derivative(name: str) -> None:
    function, values = SPECTRA[name]
    for key, value in values.items():
        scale = value * 1e-6
        stepped = function(**(values | {key: value + STEP * value * 1j}), edges_gev=EDGES).imag / STEP / value
        up, down = (function(**(values | {key: value + h}), edges_gev=EDGES) for h in (scale, -scale))
        slope = (up - down) / (2 * scale)
        assert stepped == pytest.approx(slope, rel=1e-6, abs=1e-8 * np.abs(slope).max())


def test_complex_step_is_finite_at_index_one() -> None:
    found = power_law_integrals(1.0 + STEP * 1j, EDGES)
    middle = np.log(np.sqrt(EDGES[1:] * EDGES[:-1]) / 1e5)
    assert found.imag / STEP == pytest.approx(-found.real * middle, rel=1e-12)


def test_batches_have_one_row_a_point() -> None:
    gamma, at = np.array([2.0, 2.5]), np.array([5e4, 3e5])
    assert power_law_integrals(gamma, EDGES).shape == (2, 72)
    batch = broken_power_law_integrals(gamma, 3.0, at, EDGES)
    rows = [broken_power_law_integrals(g, 3.0, b, EDGES) for g, b in zip(gamma, at, strict=True)]
    assert np.array_equal(batch, np.stack(rows))
    assert cutoff_integrals(gamma, [6.0, 7.0], EDGES).shape == (2, 72)


@pytest.mark.parametrize("edges", [[1e5], [1e5, 1e5], [0.0, 1e5], [2e5, 1e5], [[1e4, 1e5]], [1e4, np.nan]])
def test_bad_edges_are_refused(edges: list) -> None:
    with pytest.raises(ParameterError, match="edges_gev"):
        power_law_integrals(2.0, edges)


def test_a_bad_break_is_refused() -> None:
    with pytest.raises(ParameterError, match="break_energy_gev: found -1"):
        broken_power_law_integrals(2.0, 3.0, -1.0, EDGES)
