"""Three neutrinos through layers: against matrix exponentials, closed forms and symmetries."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

from npinfer.errors import ParameterError
from npinfer.physics.matter import POTENTIAL_EV, Medium, earth
from npinfer.physics.oscillation import Earth, Layer, Mixing, earth_probabilities, layered_earth, probabilities
from npinfer.physics.u1_models import u1_model

BEST = Mixing(0.303, 0.0223, 0.451, 4.05, 7.41e-5, 2.507e-3)
HBARC_EV_M = 1.973269804e-7


def rotations(mixing: Mixing) -> np.ndarray:
    """U as a product of three rotations."""

    def rotation(i: int, j: int, s2: float, phase: float = 0.0) -> np.ndarray:
        result, s = np.eye(3, dtype=complex), np.sqrt(s2)
        result[i, i] = result[j, j] = np.sqrt(1 - s2)
        result[i, j], result[j, i] = s * np.exp(-1j * phase), -s * np.exp(1j * phase)
        return result

    first = rotation(1, 2, mixing.s2_23) @ rotation(0, 2, mixing.s2_13, mixing.delta_cp)
    return first @ rotation(0, 1, mixing.s2_12)


def steps(through: Earth, cosine: float) -> list[tuple[int, float]]:
    """(shell, length in m) along the ray, by where it meets the spheres."""
    radii = np.append(through.body.radii_km, through.body.radii_km[-1] + through.height_km)
    detector = through.body.radii_km[-1] - through.depth_km
    impact, end = detector * np.sqrt(1 - cosine**2), -detector * cosine
    meets = [s * np.sqrt(r**2 - impact**2) for r in radii if r > impact for s in (-1, 1)]
    cuts = np.array(sorted({*(t for t in meets if t < end), end}))
    middle = np.hypot((cuts[1:] + cuts[:-1]) / 2, impact)
    return [(int(np.searchsorted(radii, r)), 1e3 * d) for r, d in zip(middle, np.diff(cuts), strict=True)]


def exponentials(energy: float, cosine: float, mixing: Mixing, through: Earth, eps0: float, anti: bool) -> np.ndarray:
    """P[α, β] by one matrix exponential a step."""
    u, sign = rotations(mixing), -1 if anti else 1
    u = u.conj() if anti else u
    vacuum = u @ np.diag([0, mixing.dm2_21, mixing.dm2_31]) @ u.conj().T / (2e9 * energy)
    total = np.eye(3)
    for k, length in steps(through, cosine):
        potential = np.diag([through.medium.standard[k], 0, 0]) + eps0 * np.diag(through.medium.added[k])
        total = expm(-1j * (vacuum + sign * potential) * length / HBARC_EV_M) @ total
    return np.abs(total.T) ** 2


def test_matrix_exponentials_at_random_points() -> None:
    """100 points of energy, direction, mixing, ordering and interaction, a quarter of them from above, ν and ν̄."""
    rng, worst = np.random.default_rng(1), 0.0
    through = layered_earth(depth_km=2.0, model=u1_model("B-3Ltau"), mass_ev=1e-13)
    for k in range(100):
        s12, s13, s23 = rng.uniform(0.02, 0.98, 3)
        mixing = Mixing(s12, s13, s23, rng.uniform(0, 7), rng.uniform(1e-5, 1e-4), rng.choice([-1, 1]) * 2.5e-3)
        energy, cosine, anti = 10 ** rng.uniform(-0.5, 2), rng.uniform(-1, 0.3), bool(k % 2)
        eps0 = rng.uniform(0, 2)
        found = earth_probabilities(energy, cosine, mixing, through, eps0=eps0, antineutrinos=anti)
        worst = max(worst, np.abs(found - exponentials(energy, cosine, mixing, through, eps0, anti)).max())
    assert worst < 1e-8


def test_vacuum_is_the_textbook_sum() -> None:
    energy, length = np.array([0.8, 2.0, 30.0]), 1300.0
    u = rotations(BEST)
    masses = np.array([0.0, BEST.dm2_21, BEST.dm2_31])
    turn = np.exp(-1j * masses / (2e9 * energy[:, None]) * length * 1e3 / HBARC_EV_M)
    amplitude = np.einsum("ak,nk,bk->abn", u.conj(), turn, u)
    h = BEST.vacuum()[..., None] / (2e9 * energy)
    found = probabilities(h, [Layer(np.zeros((3, 3)), (np.full(3, length), np.zeros(3)))])
    np.testing.assert_allclose(found, np.abs(amplitude) ** 2, atol=1e-9)


def test_an_identity_in_the_potential_changes_nothing() -> None:
    through = layered_earth()
    shifted = replace(through, medium=Medium(through.medium.standard, np.full((13, 3), 1e-12)))
    energy, cosine = np.geomspace(0.5, 100, 20)[:, None], np.linspace(-1, 0.2, 15)
    for anti in (False, True):
        plain = earth_probabilities(energy, cosine, BEST, through, antineutrinos=anti)
        found = earth_probabilities(energy, cosine, BEST, shifted, eps0=0.7, antineutrinos=anti)
        np.testing.assert_allclose(found, plain, atol=1e-12)


def test_le_2lmu_2ltau_is_a_weaker_standard_model() -> None:
    """diag(1 + ε, 2ε, 2ε) is diag(1 − ε, 0, 0) and an identity."""
    eps0, energy, cosine = 0.3, np.array([2.0, 5.0, 12.0])[:, None], np.linspace(-1, -0.1, 12)
    model = layered_earth(model=u1_model("Le+2Lmu+2Ltau"))
    through = layered_earth()
    weaker = replace(through, medium=Medium((1 - eps0) * through.medium.standard, through.medium.added))
    found = earth_probabilities(energy, cosine, BEST, model, eps0=eps0)
    np.testing.assert_allclose(found, earth_probabilities(energy, cosine, BEST, weaker), atol=1e-12)
    assert np.abs(found - earth_probabilities(energy, cosine, BEST, through)).max() > 0.1


def test_probabilities_are_unitary_and_broadcast() -> None:
    mixing = replace(BEST, s2_23=np.array([0.4, 0.5, 0.6])[:, None, None])
    energy, cosine = np.geomspace(1, 50, 7)[:, None], np.linspace(-1, 1, 5)
    through = layered_earth(depth_km=2.0, model=u1_model("B-3Lmu"))
    eps0 = np.array([0.0, 0.01, 0.1])[:, None, None]
    found = earth_probabilities(energy, cosine, mixing, through, eps0=eps0)
    assert found.shape == (3, 3, 3, 7, 5)
    for axis in (0, 1):
        np.testing.assert_allclose(found.sum(axis=axis), 1.0, atol=1e-12)
    alone = earth_probabilities(energy[4, 0], cosine[1], replace(BEST, s2_23=0.5), through, eps0=0.01)
    np.testing.assert_allclose(found[:, :, 1, 4, 1], alone, atol=1e-13)


def test_the_way_back_exchanges_flavours() -> None:
    """From the surface to the surface the matter is symmetric: ν_α → ν_β is ν_β → ν_α with the other CP phase."""
    through = replace(layered_earth(), height_km=0.0)
    energy, cosine = np.array([1.0, 3.0, 6.0]), np.array([-0.95, -0.7, -0.3])
    forth = earth_probabilities(energy, cosine, BEST, through)
    back = earth_probabilities(energy, cosine, replace(BEST, delta_cp=-BEST.delta_cp), through)
    np.testing.assert_allclose(forth, np.swapaxes(back, 0, 1), atol=1e-12)
    assert np.abs(forth - np.swapaxes(forth, 0, 1)).max() > 1e-3


def test_degenerate_eigenvalues() -> None:
    """Where matter undoes the mass difference of two neutrinos without mixing, and where H vanishes."""
    lengths = (np.full(2, 5000.0), np.zeros(2))
    h = np.zeros((3, 3, 2), dtype=complex)
    h[1, 1] = 1e-12
    potentials = np.array([[1e-12, 0.0], [0.0, -1e-12], [0.0, 0.0]])
    found = probabilities(h, [Layer(potentials, lengths)])
    np.testing.assert_allclose(found, np.broadcast_to(np.eye(3)[..., None], (3, 3, 2)), atol=1e-12)
    mixed = BEST.vacuum()[..., None] / 2e9
    twice = probabilities(mixed, [Layer(np.zeros((3, 1)), (np.full(1, 500.0), np.full(1, 500.0)))])
    once = probabilities(mixed, [Layer(np.zeros((3, 1)), (np.full(1, 1000.0), np.zeros(1)))])
    np.testing.assert_allclose(twice, once, atol=1e-12)


def test_paths_are_chords() -> None:
    cosine = np.array([-1.0, -0.83, -0.2, 0.0, 0.4, 1.0])
    for depth, height in ((0.0, 20.0), (2.0, 15.0)):
        through = layered_earth(depth_km=depth, height_km=height)
        total = sum(into + out for _, (into, out) in through.paths(cosine))
        detector, top = 6371.0 - depth, 6371.0 + height
        expected = np.sqrt(top**2 - detector**2 * (1 - cosine**2)) - detector * cosine
        np.testing.assert_allclose(total, expected, rtol=1e-12)


def test_potentials_follow_the_shells() -> None:
    through, body = layered_earth(), earth()
    np.testing.assert_allclose(through.medium.standard[:-1], POTENTIAL_EV * body.electrons)
    assert through.medium.standard[-1] == 0.0


def test_speed() -> None:
    """1e5 probabilities a second and core, at random energies and directions through the twelve shells."""
    rng, number = np.random.default_rng(0), 20_000
    energy, cosine, through = rng.uniform(1, 50, number), rng.uniform(-1, 0, number), layered_earth()
    start = time.process_time()
    found = earth_probabilities(energy, cosine, BEST, through)
    assert found.size / (time.process_time() - start) > 1e5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"energy_gev": 0.0}, "energies above 0"),
        ({"energy_gev": np.nan}, "energies above 0"),
        ({"cos_zenith": -1.2}, "values from -1 to 1"),
    ],
)
def test_refusals(given: dict[str, Any], message: str) -> None:
    place = {"energy_gev": 1.0, "cos_zenith": -1.0} | given
    with pytest.raises(ParameterError, match=message):
        earth_probabilities(place["energy_gev"], place["cos_zenith"], BEST, layered_earth())


def test_no_layers_no_probabilities() -> None:
    with pytest.raises(ParameterError, match="expected one at least"):
        probabilities(np.zeros((3, 3, 1), dtype=complex), [])
