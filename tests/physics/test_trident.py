"""Neutrino tridents: the exact photon subprocess against explicit traces, cross sections against independent values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from npinfer.core.template import Channel
from npinfer.errors import ConfigurationError, ParameterError
from npinfer.physics.constants import ALPHA_EM, G_FERMI, HIGGS_VEV_GEV, M_MUON_GEV
from npinfer.physics.registry import find_generator
from npinfer.physics.trident import (
    C_AXIAL,
    C_VECTOR,
    Spectrum,
    muon_tensor,
    nuclear_spectrum,
    photon_cross_section,
    photon_spectrum,
)

CCFR, CHARM_II, OXYGEN = (160.0, 26, 56.0), (20.0, 11, 22.0), (8, 16.0)
CCFR_HIGH, CHARM_II_HIGH = 1.369, 2.70  # the ratios at mean + 1.96 σ
EMPTY = np.zeros(0)

# σ/σ_SM = 1 + a g² + b g⁴ and g at the ratios above, an independent Monte-Carlo integration of the 2 → 3 phase space:
# m_zprime: CCFR (a, b, g), CHARM-II (a, b, g).
TERMS = {
    0.001: ((1.908e5, 5.05e11, 8.3e-4), (5.83e5, 2.43e12, 8.5e-4)),
    0.01: ((1.899e5, 2.60e11, 9.4e-4), (5.78e5, 1.22e12, 9.8e-4)),
    0.05: ((1.790e5, 1.03e11, 1.10e-3), (5.29e5, 4.55e11, 1.20e-3)),
    0.1: ((1.620e5, 5.32e10, 1.23e-3), (4.56e5, 2.19e11, 1.39e-3)),
    0.3: ((1.080e5, 1.07e10, 1.64e-3), (2.55e5, 3.56e10, 2.05e-3)),
    1.0: ((3.94e4, 7.01e8, 2.86e-3), (6.40e4, 1.50e9, 4.30e-3)),
    3.0: ((8470.0, 2.44e7, 6.26e-3), (9731.0, 3.19e7, 1.11e-2)),
    10.0: ((941.0, 2.87e5, 1.88e-2), (928.0, 2.89e5, 3.61e-2)),
    50.0: ((38.8, 487.0, 9.26e-2), (37.4, 468.0, 0.180)),
    100.0: ((9.71, 30.5, 0.185), (9.34, 29.3, 0.360)),
}


# ---- |amplitude|² from Dirac matrices

METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
GAMMA = np.array(
    [np.kron(np.diag([1, -1]), np.eye(2)), *(np.kron(np.array([[0, 1], [-1, 0]]), pauli) for pauli in SIGMA)]
)
GAMMA_5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]


def slash(p: np.ndarray) -> np.ndarray:
    return np.einsum("a,aij->ij", METRIC @ p, GAMMA)


def dot(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ METRIC @ b)


def tensor_by_traces(q2: float, w2: float, *, axial: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Σ over spins and photon states, the mean over the muons' directions, lower indices; the photon and the current.

    In cos θ = tanh(x artanh β)/β, which resolves muons along the photon.
    """
    m, w = M_MUON_GEV, np.sqrt(w2)
    photon = (w2 + q2) / (2 * w) * np.array([1.0, 0.0, 0.0, -1.0])
    current = np.array([(w2 - q2) / (2 * w), 0.0, 0.0, (w2 + q2) / (2 * w)])
    k = np.sqrt(w2 / 4 - m**2)
    nodes, weights = np.polynomial.legendre.leggauss(48)
    beta = 2 * k / w
    cosines, weights = np.tanh(nodes * np.arctanh(beta)) / beta, weights * np.arctanh(beta) / beta
    weights = weights * (1 - (beta * cosines) ** 2)
    vertex = GAMMA @ GAMMA_5 if axial else GAMMA
    unit = m * np.eye(4)
    total = np.zeros((4, 4))
    for cosine, weight in zip(cosines, weights / 2, strict=True):
        sine = np.sqrt(1 - cosine**2)
        for angle in np.arange(4) * np.pi / 2 + 0.3:  # the tensor has no harmonic above the second
            along = k * np.array([sine * np.cos(angle), sine * np.sin(angle), cosine])
            minus, plus = np.array([w / 2, *along]), np.array([w / 2, *-along])
            first = (slash(minus - photon) + unit) / (-2 * dot(photon, minus))
            second = (slash(photon - plus) + unit) / (-2 * dot(photon, plus))
            amplitude = np.einsum("mij,jk,akl->mail", GAMMA, first, vertex)
            amplitude = amplitude + np.einsum("aij,jk,mkl->mail", vertex, second, GAMMA)
            conjugate = np.einsum("ij,mbkj,kl->mbil", GAMMA[0], amplitude.conj(), GAMMA[0])
            spins = np.einsum("ij,majk,kl->mail", slash(minus) + unit, amplitude, slash(plus) - unit)
            found = np.einsum("mail,mbli,m->ab", spins, conjugate, -np.diag(METRIC))
            total += weight / 4 * found.real
    return METRIC @ total @ METRIC, photon, current


@pytest.mark.parametrize("axial", [False, True])
@pytest.mark.parametrize(("q2", "w2"), [(0.3, 0.2), (2.0, 0.06), (1e-3, 5.0), (40.0, 9.0)])
def test_contraction_with_neutrinos_agrees_with_dirac_matrices(q2: float, w2: float, axial: bool) -> None:
    """N^{ab} W_ab for neutrinos of some s, as the closed form has it, 64 Q² (T + 2 s (s − D)/D² (T + L))."""
    tensor, photon, current = tensor_by_traces(q2, w2, axial=axial)
    d = w2 + q2
    s = 1.7 * d
    energy = lambda cosine: s / (2 * photon[0] * (1 + cosine))
    shell = lambda cosine: 2 * energy(cosine) * (current[0] - current[3] * cosine) + q2  # 0 for a massless neutrino
    cosine = brentq(shell, -1 + 1e-12, 1.0, xtol=1e-15)
    before = energy(cosine) * np.array([1.0, np.sqrt(1 - cosine**2), 0.0, cosine])
    after = before - current
    assert dot(after, after) == pytest.approx(0.0, abs=1e-9 * s)
    neutrinos = 8 * (np.outer(before, after) + np.outer(after, before) - METRIC * dot(before, after))
    transverse, scalar = muon_tensor(q2, w2)[axial]
    closed = 64 * q2 * (transverse + 2 * s * (s - d) / d**2 * (transverse + scalar))
    assert closed == pytest.approx(np.einsum("ab,ab", neutrinos, tensor), rel=1e-9)


# ---- νγ


@pytest.mark.parametrize(
    ("s", "value"), [(0.3, 2.50e-15), (1.0, 2.23e-14), (10.0, 5.36e-13), (100.0, 8.61e-12), (1000.0, 1.127e-10)]
)
def test_photon_cross_section_against_monte_carlo(s: float, value: float) -> None:
    assert photon_cross_section(s) == pytest.approx(value, rel=0.03)


def logarithm(s: float, constant: float) -> float:
    """½ (C_V² + C_A²) 2 G_F² α s/(9π²) (ln(s/m²) − constant), arXiv:1406.2332 with 19/6."""
    couplings = 0.5 * (C_VECTOR**2 + C_AXIAL**2)
    return couplings * 2 * G_FERMI**2 * ALPHA_EM * s / (9 * np.pi**2) * (np.log(s / M_MUON_GEV**2) - constant)


def test_asymptote_and_failure_of_the_leading_logarithm() -> None:
    ratio = [photon_cross_section(s) / logarithm(s, 19 / 6) for s in (0.3, 1.0, 10.0, 100.0, 1000.0)]
    np.testing.assert_allclose(ratio, [5.1, 1.27, 1.12, 1.09, 1.05], rtol=0.03)
    assert photon_cross_section(1e5) == pytest.approx(logarithm(1e5, 8 / 3), rel=1e-4)


def test_vector_and_axial_agree_where_the_muon_is_light() -> None:
    vector, axial = photon_spectrum(1e5, [1e3, 1e4, 5e4])
    np.testing.assert_allclose(vector, axial, rtol=2e-4)


def test_nothing_below_the_threshold() -> None:
    assert photon_cross_section(4 * M_MUON_GEV**2) == 0.0
    assert photon_spectrum(1.0, 1.0 - 3.9 * M_MUON_GEV**2) == (0.0, 0.0)


@settings(deadline=None)
@given(s=st.floats(0.05, 1e4), v=st.floats(0, 2), a=st.floats(0, 2))
def test_cross_section_is_a_sum_of_vector_and_axial_parts(s: float, v: float, a: float) -> None:
    parts = v**2 * photon_cross_section(s, 1.0, 0.0) + a**2 * photon_cross_section(s, 0.0, 1.0)
    assert photon_cross_section(s, v, a) == pytest.approx(parts, rel=1e-12, abs=1e-40)


# ---- nuclei


def test_coherent_cross_sections() -> None:
    assert nuclear_spectrum(*CCFR).standard_model() == pytest.approx(1.28e-39, rel=0.03)
    assert nuclear_spectrum(*CHARM_II).standard_model() == pytest.approx(1.69e-41, rel=0.03)
    assert nuclear_spectrum(20.0, 11, 20.0).standard_model() == pytest.approx(1.79e-41, rel=0.03)


@pytest.mark.parametrize(("energy", "table", "ratio"), [(10.0, 2.76, 1.23), (20.0, 9.45, 1.08), (100.0, 111.0, 0.90)])
def test_oxygen_against_a_published_table(energy: float, table: float, ratio: float) -> None:
    """Zhou and Beacom, arXiv:1910.08090 [1e-42 cm²]: not by equivalent photons, diffractive and inelastic ones too."""
    found = nuclear_spectrum(energy, *OXYGEN).standard_model() / (table * 1e-42)
    assert found == pytest.approx(ratio, rel=0.02)


def solve(a: float, b: float, ratio: float) -> float:
    return float(np.sqrt((np.sqrt(a**2 + 4 * b * (ratio - 1)) - a) / (2 * b)))


@pytest.mark.parametrize("mass", TERMS)
@pytest.mark.parametrize(("place", "beam", "ratio"), [(0, CCFR, CCFR_HIGH), (1, CHARM_II, CHARM_II_HIGH)])
def test_terms_of_a_zprime(mass: float, place: int, beam: tuple[float, int, float], ratio: float) -> None:
    a, b = nuclear_spectrum(*beam).zprime_terms(mass)
    np.testing.assert_allclose((a, b, solve(a, b, ratio)), TERMS[mass][place], rtol=0.02)


def test_heavy_zprime_without_the_mass_of_the_muon() -> None:
    """Where vector and axial parts are equal, R = ((1 + 4 s² + 2 v² g²/M²)² + 1)/((1 + 4 s²)² + 1): M/g = 545 GeV."""
    light = Spectrum(np.array([1e-9]), np.array([1.0]), np.array([1.0]))
    a, b = light.zprime_terms(1000.0)
    k = 2 * C_VECTOR
    for g in (0.1, 1.0, 3.0):
        closed = ((k + 2 * HIGGS_VEV_GEV**2 * g**2 / 1e6) ** 2 + 1) / (k**2 + 1)
        assert 1 + a * g**2 + b * g**4 == pytest.approx(closed, rel=1e-12)
    assert 1000 / solve(a, b, CCFR_HIGH) == pytest.approx(545, abs=0.5)
    assert 1000 / solve(a, b, 0.82 + 1.6449 * 0.28) == pytest.approx(619, abs=0.5)
    with_mass = [1000 / solve(*nuclear_spectrum(*CCFR).zprime_terms(1000.0), CCFR_HIGH)]
    assert with_mass == pytest.approx([540], abs=1)


def test_light_zprime_has_a_limit_and_grows_with_its_logarithm() -> None:
    """b between masses well below the muon's rises with ln M²; a tends to a constant."""
    spectrum = nuclear_spectrum(*CCFR)
    a, b = np.array([spectrum.zprime_terms(m) for m in (2e-4, 4e-4, 8e-4)]).T
    assert a[0] == pytest.approx(a[2], rel=1e-3)
    assert b[0] - b[1] == pytest.approx(b[1] - b[2], rel=0.01)


# ---- generators


def bound(**configuration: float) -> dict[float, float]:
    inputs = {"energy_gev": 160.0, "charge": 26, "mass_number": 56}
    counts = find_generator("trident.ratio")(inputs, [Channel("ratio", ())], configuration)
    g = np.array([0.0, 5e-4, 1e-3])
    found = counts(g_zprime=g)["ratio"]
    assert found.shape == (3, 1)
    return dict(zip(g.tolist(), found[:, 0].tolist(), strict=True))


def test_ratio_and_its_interference() -> None:
    a, b = nuclear_spectrum(*CCFR).zprime_terms(0.01)
    for charge in (1.0, -1.0, 0.0):
        for g, found in bound(m_zprime=0.01, muon_charge=charge).items():
            assert found == pytest.approx(1 + a * charge * g**2 + b * (charge * g**2) ** 2, rel=1e-12)
    assert bound(m_zprime=0.01) == bound(m_zprime=0.01, muon_charge=1.0)


def test_wrong_arguments_are_refused() -> None:
    for mass in (0.0, 1e-5, float("nan"), None):
        with pytest.raises(ConfigurationError, match=r"m_zprime: found .* at least 0\.0001"):
            bound(m_zprime=mass)
    with pytest.raises(ParameterError, match=r"energy_gev: found 0\.02, below the threshold of two muons"):
        nuclear_spectrum(0.02, 26, 56.0)
    for energy in (1e50, float("inf")):
        with pytest.raises(ParameterError, match=r"energy_gev: found .*, above 1e\+10"):
            nuclear_spectrum(energy, 26, 56.0)
    for charge, mass_number in ((0, 56.0), (-26, 56.0), (26, -56.0), (26, 20.0), (26, 1e50), (26, float("nan"))):
        with pytest.raises(ParameterError, match="which is no nucleus"):
            nuclear_spectrum(160.0, charge, mass_number)
