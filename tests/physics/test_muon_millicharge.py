"""Millicharged pairs of a beam muon: phase space and traces, the loop's charge, independently computed numbers."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad

from npinfer.errors import ConfigurationError, ParameterError
from npinfer.physics import muon_millicharge as mm
from npinfer.physics.constants import ALPHA_EM, M_MUON_GEV, M_TAU_GEV
from npinfer.physics.muon_bremsstrahlung import signal_yield

close = partial(pytest.approx, rel=1e-12, abs=0)

METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
GAMMA = [np.kron(np.diag([1, -1]), np.eye(2)), *(np.kron(np.array([[0, 1], [-1, 0]]), s) for s in SIGMA)]


def slash(p: NDArray) -> NDArray:
    return sum(METRIC[i, i] * p[i] * GAMMA[i] for i in range(4))


def pair_spectrum(s: float, mass: float) -> float:
    """dN/ds of pairs per boson of mass √s that would be made, per g_χ²: ∫dΦ₂ (-g_μν) L^μν/3 over 2π s²."""
    energy, size = np.sqrt(s) / 2, np.sqrt(s / 4 - mass**2)
    one, other = np.array([energy, 0, 0, size]), np.array([energy, 0, 0, -size])
    left, right = slash(one) + mass * np.eye(4), slash(other) - mass * np.eye(4)
    traces = [-METRIC[i, i] * np.trace(left @ GAMMA[i] @ right @ GAMMA[i]).real for i in range(4)]
    phase_space = size / (4 * np.pi * np.sqrt(s))
    return float(phase_space * sum(traces) / 3 / (2 * np.pi * s**2))


@pytest.mark.parametrize("mass", [0.01, 1.0])
def test_pairs_are_virtual_bosons_that_decay(mass: float) -> None:
    """The integral over the pair's invariant mass, with the trace of its current."""
    edges = np.linspace(np.log(4 * mass**2), np.log(1e4) - 1e-12, 7)
    density = lambda v: np.exp(v) * pair_spectrum(np.exp(v), mass) * float(signal_yield(np.exp(v / 2)))
    wanted = sum(quad(density, a, b, epsrel=1e-6)[0] for a, b in pairwise(edges))
    assert mm.pair_yield(mass) == close(wanted, rel=1e-4)


def test_light_pairs_grow_with_the_logarithm() -> None:
    """Below m_μ bosons are emitted alike, so that ∫ds/s of a massless vector gives their yield · ln(m²)/12π²."""
    light = mm.pair_yield([1e-5, 1e-4])
    assert light[0] - light[1] == close(signal_yield(1e-4) * np.log(100) / (12 * np.pi**2), rel=2e-3)


def test_heavier_pairs_are_rarer() -> None:
    found = mm.pair_yield(np.geomspace(1e-3, 45.0, 7))
    assert np.all(np.diff(found) < 0)
    assert found[-1] > 0


def test_masses_that_the_beam_cannot_make_are_refused() -> None:
    for mass in (0.0, -1.0, 50.0, np.nan):
        with pytest.raises(ParameterError, match="expected a mass above 0 and below 50 GeV"):
            mm.pair_yield([0.1, mass])


# ---- the loop's charge


@pytest.mark.parametrize(
    ("q2", "mixing", "digit"), [(0.0, 0.014433, 1e-6), (-0.01, 0.01402, 1e-5), (-1.0, 0.00720, 1e-5)]
)
def test_charge_computed_independently(q2: float, mixing: float, digit: float) -> None:
    """e times the charge is the mixing of the Z′ with the photon, to the last digit given."""
    e = np.sqrt(4 * np.pi * ALPHA_EM)
    assert e * mm.effective_charge(q2) == pytest.approx(mixing, abs=digit / 2)


@pytest.mark.parametrize("q2", [0.03, 0.0, -0.5])
def test_charge_is_the_loop_integral(q2: float) -> None:
    def inner(x: float) -> float:
        part = x * (1 - x)
        return part * np.log((M_TAU_GEV**2 - part * q2) / (M_MUON_GEV**2 - part * q2)) / (2 * np.pi**2)

    assert mm.effective_charge(q2) == close(quad(inner, 0, 1, epsabs=0, epsrel=1e-12)[0], rel=1e-9)


def test_without_the_x_the_charge_would_be_three_times_as_large() -> None:
    printed = quad(lambda x: (1 - x) * np.log(M_TAU_GEV**2 / M_MUON_GEV**2) / (2 * np.pi**2), 0, 1)[0]
    assert printed == close(0.1430, rel=1e-3)
    assert printed / mm.effective_charge() == close(3.0)


def test_the_charge_has_no_meaning_from_the_threshold_on() -> None:
    with pytest.raises(ParameterError, match="below 4 m_μ²"):
        mm.effective_charge([0.0, 4 * M_MUON_GEV**2])


# ---- generators


class Channel:
    name = "box"


def bind(**configuration: object) -> tuple[NDArray, NDArray]:
    """(counts, couplings) at three values of epsilon."""
    given = {"m_chi": 0.1, "muons_on_target": 10.0, **configuration}
    epsilon = np.array([0.0, 1e-4, 1e-3 + 1e-8j])
    counts = mm.pair_events({}, [Channel()], given)(epsilon=epsilon)["box"][:, 0]
    return counts, mm.couplings({}, [], given)(epsilon=epsilon)


def test_counts_are_of_the_couplings() -> None:
    for configuration in ({}, {"q2": -1.0}, {"mediator": "photon"}):
        counts, couplings = bind(**configuration)
        assert counts == close(10 * mm.pair_yield(0.1) * couplings**2)
    assert bind(muons_on_target=30.0)[0] == close(3 * bind()[0])


def test_what_epsilon_stands_for() -> None:
    loop, photon, hard = (bind(**c)[1][1] / 1e-4 for c in ({}, {"mediator": "photon"}, {"q2": -1.0}))
    assert loop == close(1 / 0.04766, rel=1e-4)
    assert photon == close(4 * np.pi * ALPHA_EM)  # e of the muon, ε e of χ
    assert hard / loop == close(0.014433 / 0.00720, rel=1e-3)
    assert bind(mediator="photon", q2=-1.0)[1][1] == bind(mediator="photon")[1][1]


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ({"m_chi": 0.0}, "m_chi: found 0.0, expected a number of GeV above 0 and at most 49.9"),
        ({"m_chi": 60.0}, "m_chi: found 60.0"),
        ({"mediator": "axion"}, "unknown mediator 'axion'"),
        ({"q2": "soft"}, "q2: found 'soft', expected a momentum transfer in GeV²"),
    ],
)
def test_wrong_configurations_are_refused(configuration: dict, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        bind(**configuration)
