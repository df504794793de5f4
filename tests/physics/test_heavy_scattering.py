"""Cross sections of heavy leptons against Dirac matrices, another integration, the massless limit and other tables."""

from __future__ import annotations

import numpy as np
import pytest

from npinfer.errors import ParameterError
from npinfer.paths import data_file
from npinfer.physics import double_cascade as dc
from npinfer.physics import heavy_scattering as heavy
from npinfer.physics.constants import G_FERMI, HBARC2_GEV2_CM2, M_NUCLEON_GEV, M_Z_GEV, SIN2_THETA_W
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.parton_density import shipped
from npinfer.physics.structure_functions import Scattering
from tests.source_data import SOURCE_DATA

COMPANION = SOURCE_DATA / "icecube_hnl_xsec" / "hnl_nc_sigma.csv"
needs_companion = pytest.mark.skipif(
    not COMPANION.is_file(), reason=f"needs {COMPANION}; set NPINFER_SOURCE_DATA to the folder of the source tables"
)
CURRENTS = {anti: Scattering("nc", antineutrino=anti) for anti in (False, True)}
UP, DOWN = (0.5 - 2 / 3 * SIN2_THETA_W, -2 / 3 * SIN2_THETA_W), (-0.5 + SIN2_THETA_W / 3, SIN2_THETA_W / 3)

METRIC = np.diag([1.0, -1, -1, -1])
PAULI = [np.array(m) for m in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]])]
GAMMA = [np.block([[0 * PAULI[0], np.eye(2)], [np.eye(2), 0 * PAULI[0]]])]
GAMMA += [np.block([[0 * s, s], [-s, 0 * s]]) for s in PAULI]
LEFT, RIGHT = np.diag([1.0, 1, 0, 0]), np.diag([0, 0, 1.0, 1])


def slashed(p: np.ndarray) -> np.ndarray:
    return sum(METRIC[i, i] * p[i] * GAMMA[i] for i in range(4))


def squared(s: float, q2: float, mass: float, couplings: tuple[float, float]) -> float:
    """Σ |[N̄ γ P_L ν][q̄ γ (g_L P_L + g_R P_R) q]|² over spins at ŝ and Q², by traces of matrices."""
    energy, out = np.sqrt(s) / 2, (s - mass**2) / (2 * np.sqrt(s))
    cosine = 1 - q2 / (2 * energy * out)  # Q² = −(p' − p)² of massless quarks
    away = np.array([np.sqrt(1 - cosine**2), 0, cosine])
    nu, quark = np.array([energy, 0, 0, energy]), np.array([energy, 0, 0, -energy])
    made, struck = (np.array([np.hypot(out, m), *(sign * out * away)]) for m, sign in ((mass, 1), (0.0, -1)))
    g = couplings[0] * LEFT + couplings[1] * RIGHT
    bar = couplings[0] * RIGHT + couplings[1] * LEFT
    total = 0.0
    for i in range(4):
        for j in range(4):
            lepton = np.trace((slashed(made) + mass * np.eye(4)) @ GAMMA[i] @ LEFT @ slashed(nu) @ RIGHT @ GAMMA[j])
            hadron = np.trace(slashed(struck) @ GAMMA[i] @ g @ slashed(quark) @ bar @ GAMMA[j])
            total += METRIC[i, i] * METRIC[j, j] * (lepton * hadron).real
    return total


@pytest.mark.parametrize("anti", [False, True])
def test_scattering_off_quarks_by_dirac_matrices(anti: bool) -> None:
    """Σ over quarks of |M|²/16πŝ² for a mass of 60 GeV, where M/E is negligible; L = −2√2 G_F [N̄γP_Lν][q̄γ…q]."""
    energy, x, y, mass = 1e5, 0.3, 0.4, 60.0
    s = 2 * M_NUCLEON_GEV * energy * x
    q2, wanted = s * y, 0.0
    for name, couplings in {"u": UP, "d": DOWN, "s": DOWN, "c": UP, "b": DOWN}.items():
        for anti_quark in (False, True):
            seen = couplings[::-1] if anti_quark != anti else couplings
            density = shipped().isoscalar(name, x, q2, anti=anti_quark) / x
            wanted += density * 8 * G_FERMI**2 / 2 * squared(s, q2, mass, seen) / (16 * np.pi * s**2)
    wanted *= (M_Z_GEV**2 / (q2 + M_Z_GEV**2)) ** 2 * HBARC2_GEV2_CM2 * s
    assert heavy.differential(CURRENTS[anti], energy, x, y, mass) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("anti", [False, True])
def test_without_a_mass_it_is_deep_inelastic_scattering(anti: bool) -> None:
    """Up to −(Mxy/2E) F₂, which the massless formula leaves out; dQ² = 2MEx dy."""
    energy, x, y = 500.0, np.array([0.01, 0.1, 0.4]), np.array([0.2, 0.5, 0.9])
    jacobian = 2 * M_NUCLEON_GEV * energy * x
    wanted = CURRENTS[anti].differential(energy, x, jacobian * y) * jacobian
    assert heavy.differential(CURRENTS[anti], energy, x, y, 1e-9) == pytest.approx(wanted, rel=1e-3)


def test_limits_are_where_the_lepton_goes_forward_or_backward() -> None:
    """|cos θ| = 1 of Q² = 2E (E_N − p cos θ) − m²; forward at y of low Q², and below the least x nothing."""
    energy, mass = 8.0, 1.0
    least = mass**2 / (2 * M_NUCLEON_GEV * (energy - mass))
    for x in (1.02 * least, 0.2, 0.6, 1.0):
        for y in heavy.inelasticities(energy, x, mass):
            made = (1 - y) * energy
            q2 = 2 * M_NUCLEON_GEV * energy * x * y
            cosine = (2 * energy * made - mass**2 - q2) / (2 * energy * np.sqrt(made**2 - mass**2))
            assert abs(cosine) == pytest.approx(1.0, abs=1e-9)
    low, high = heavy.inelasticities(energy, np.array([0.9, 0.1]) * least, mass)
    assert np.array_equal(low, high)


@pytest.mark.parametrize(("energy", "mass"), [(6.0, 1.0), (20.0, 0.3), (200.0, 1.5)])
def test_total_over_energies_and_angles_of_the_lepton(energy: float, mass: float) -> None:
    """∫ dE_N dQ² over all angles where the hadrons weigh at least M, on a plain grid: another order of integration."""
    share = (np.arange(300) + 0.5) / 300
    made = mass + (energy - mass) * share[:, None]
    y, momentum = 1 - made / energy, np.sqrt(made**2 - mass**2)
    # Forward and backward, without the difference of large numbers; x ≤ 1.
    low, backward = (2 * energy * m - mass**2 for m in (made - momentum, made + momentum))
    high = np.minimum(backward, 2 * M_NUCLEON_GEV * energy * y)
    inside = (high > low) & (low > 0)
    low, high = (np.where(inside, edge, fallback) for edge, fallback in ((low, 1.0), (high, 1.0)))
    q2 = low * (high / low) ** share
    x = q2 / (2 * M_NUCLEON_GEV * energy * y)
    weights = np.log(high / low) * q2 / (2 * M_NUCLEON_GEV * energy**2 * y) * (energy - mass) / 300**2
    for anti, current in CURRENTS.items():
        wanted = np.sum(heavy.differential(current, energy, np.minimum(x, 1), y, mass) * weights)
        assert heavy.total(current, energy, mass) == pytest.approx(wanted, rel=3e-3), anti


@pytest.mark.parametrize(("energy", "mass"), [(5.0, 1.0), (20.0, 0.3), (200.0, 1.5)])
def test_mass_in_the_kinematics_alone_on_a_plain_grid(energy: float, mass: float) -> None:
    """∫ dŝ dQ² of massless quarks, Q² ≤ ŝ − m²: scattering of two particles without mass to one of mass m."""
    share, top = (np.arange(400) + 0.5) / 400, 2 * M_NUCLEON_GEV * energy
    s = mass**2 * (top / mass**2) ** share[:, None]
    q2 = (s - mass**2) * share**3
    x, y = s / top, q2 / s
    weights = np.log(top / mass**2) * x * 3 * share**2 * (1 - mass**2 / s) / 400**2
    for anti, current in CURRENTS.items():
        f2, xf3 = current.structure(x, q2)
        even, odd = (1 + sign * (1 - y) ** 2 for sign in (1, -1))
        scale = G_FERMI**2 * top / (4 * np.pi) * (M_Z_GEV**2 / (q2 + M_Z_GEV**2)) ** 2 * HBARC2_GEV2_CM2
        wanted = np.sum(scale * (even * f2 + (-1 if anti else 1) * odd * xf3) * weights)
        assert heavy.total(current, energy, mass, "kinematic") == pytest.approx(wanted, rel=3e-3), anti


def test_threshold() -> None:
    """s = (M + m)²: nothing below it, and little right above it."""
    mass = 1.0
    least = mass + mass**2 / (2 * M_NUCLEON_GEV)
    assert M_NUCLEON_GEV**2 + 2 * M_NUCLEON_GEV * least == pytest.approx((M_NUCLEON_GEV + mass) ** 2)
    found = heavy.total(CURRENTS[False], [0.5, 0.999 * least, 1.01 * least, 2 * least, 10.0], mass)
    assert found[:2].tolist() == [0, 0]
    assert 0 < found[2] < 1e-3 * found[3] < 1e-3 * found[4]
    quarks = heavy.total(CURRENTS[False], [0.53, 0.54, least], mass, "kinematic")  # 2ME = m², without recoil
    assert quarks[0] == 0 < quarks[1] < quarks[2]


@pytest.mark.parametrize("anti", [False, True])
def test_light_leptons_at_high_energies_against_csms(anti: bool) -> None:
    """The totals at next-to-leading order, from Q² = 1 GeV² on."""
    energy = np.array([300.0, 1e3, 1e4])
    assert heavy.total(CURRENTS[anti], energy, 0.01) == pytest.approx(csms_total(energy, "nc", anti), rel=0.06)


def test_what_cannot_be_computed() -> None:
    with pytest.raises(ParameterError, match="found the current 'cc', expected 'nc'"):
        heavy.total(Scattering("cc"), 10.0, 1.0)
    with pytest.raises(ParameterError, match="expected numbers above 0"):
        heavy.total(CURRENTS[False], 10.0, 0.0)
    with pytest.raises(ParameterError, match="unknown cross section 'kinematics': did you mean 'kinematic'"):
        heavy.total(CURRENTS[False], 10.0, 1.0, "kinematics")


def test_the_table_between_its_nodes() -> None:
    """Where N can be seen: both cascades take more than 13 GeV."""
    energy = np.geomspace(13.3, 9.9e3, 23)
    for mass in (0.2, 0.35, 0.9, 1.4):
        for anti, current in CURRENTS.items():
            for kind in heavy.CROSS_SECTIONS:
                found = dc.nc_cross_section(energy, mass, antineutrino=anti, cross_section=kind)
                wanted = heavy.total(current, energy, mass, kind)
                assert found == pytest.approx(wanted, rel=0.01), (kind, mass, anti)


# ---- against the tables of IceCube's generator


def companion(mass: float, anti: bool) -> tuple[np.ndarray, np.ndarray]:
    """Energies [GeV] and σ/|U_τ4|² [cm²]."""
    table = np.loadtxt(COMPANION, delimiter=",")
    return table[:, 0], table[:, 1 + 2 * (0.1, 0.3, 0.6, 1.0).index(mass) + anti] * 1e4


@needs_companion
def test_differences_that_the_readme_tells() -> None:
    """Every number of its table, in whole per cent: what ours are above or below IceCube's."""
    lines = data_file("heavy_lepton", "README.md").read_text(encoding="utf-8").splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("| cross section"))
    energy = np.array([float(cell.replace("GeV", "")) for cell in lines[head].strip("| ").split("|")[2:]])
    rows = [line.replace("−", "-").strip("| ").split("|") for line in lines[head + 2 : head + 10]]
    assert [float(row[1]) for row in rows] == 2 * [0.1, 0.3, 0.6, 1.0]
    for kind, mass, *cells in rows:
        for anti, current in CURRENTS.items():
            nodes, other = companion(float(mass), anti)
            at = np.exp(np.interp(np.log(energy), np.log(nodes), np.log(other)))
            found = 100 * (heavy.total(current, energy, float(mass), kind.strip()) / at - 1)
            told = [float(cell.split("/")[anti]) for cell in cells]
            assert found == pytest.approx(told, abs=0.55), (kind, mass, anti)


@needs_companion
@pytest.mark.parametrize("anti", [False, True])
@pytest.mark.parametrize("mass", [0.1, 0.3, 0.6, 1.0])
def test_icecube_has_the_mass_in_the_kinematics_alone(anti: bool, mass: float) -> None:
    """At every energy of theirs: 3 % from where both cascades are seen to 100 GeV for ν, 6 % from 10 GeV to 1 TeV."""
    energy, other = companion(mass, anti)
    kept = (energy >= 10) & (energy <= 1e3)
    energy, other = energy[kept], other[kept]
    found = heavy.total(CURRENTS[anti], energy, mass, "kinematic")
    assert found == pytest.approx(other, rel=0.06)
    seen = (energy >= 13.3) & (energy <= 100)
    assert found[seen] == pytest.approx(other[seen], rel=0.04 if anti else 0.03)
