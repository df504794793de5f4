"""Matter potentials of a Z′ of any mass: closed forms, integrals and the Earth and Sun that they are of."""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import dblquad

from npinfer.errors import ConfigurationError, ParameterError
from npinfer.paths import data_folder
from npinfer.physics import matter
from npinfer.physics.matter import Body, coupling, earth, earth_medium, medium, solar_medium, sun, yukawa_sphere
from npinfer.physics.u1_models import u1_model

AU_KM = 1.495978707e8
HBARC_EV_KM = 1.973269804e-10


@pytest.mark.parametrize(
    ("radius", "at", "value"), [(1, 0, 0.2642), (1, 1, 0.1353), (10, 0, 0.9995), (10, 10, 0.4500), (1e6, 1e6, 0.5)]
)
def test_sphere(radius: float, at: float, value: float) -> None:
    assert float(yukawa_sphere(radius, at)) == pytest.approx(value, abs=0.5e-4)


def test_sphere_to_all_digits() -> None:
    """Against decimal arithmetic with 80 digits, from 1e-9 ranges to a thousand, inside and outside."""
    with localcontext() as context:
        context.prec = 80
        for size in 10.0 ** np.arange(-9, 4):
            for share in (1e-6, 0.3, 0.999, 1.0, 1.1, 2.0, 50.0):
                x, y = Decimal(float(size)), Decimal(float(size * share))
                sinh, cosh = ((s.exp() - (-s).exp()) / 2 for s in (y, x)), (x.exp() + (-x).exp()) / 2
                sinh_y, sinh_x = sinh
                inside = 1 - (1 + x) * (-x).exp() * sinh_y / y
                exact = inside if y <= x else (x * cosh - sinh_x) * (-y).exp() / y
                if exact > Decimal("1e-290"):
                    assert abs(Decimal(float(yukawa_sphere(size, size * share))) / exact - 1) < Decimal("1e-14")


def test_two_shells_are_the_integral_over_their_volume() -> None:
    """(M²/4π) ∫ d³x′ N(x′) exp(−Md)/d in spherical coordinates, at a point inside and at one outside."""
    body, mass = Body(np.array([1000.0, 2500.0]), np.array([3.0, 1.0]), np.array([2.0, 0.5])), HBARC_EV_KM / 1500
    factor = 1 + (1e-15 / mass) ** 2
    for at in (400.0, 4000.0):

        def integrand(cosine: float, r: float, at: float = at) -> float:
            distance = np.sqrt(r * r + at * at - 2 * r * at * cosine)
            return 0.5 * r * r * np.exp(-distance / 1500) / distance / 1500**2

        pieces = [(0.0, 400.0), (400.0, 1000.0), (1000.0, 2500.0)]
        inner, middle, outer = (dblquad(integrand, a, b, -1, 1, epsrel=1e-7)[0] for a, b in pieces)
        electrons, neutrons = body.averaged(at, mass)
        assert electrons[0] / factor == pytest.approx(3 * (inner + middle) + outer, rel=1e-5)
        assert neutrons[0] / factor == pytest.approx(2 * (inner + middle) + 0.5 * outer, rel=1e-5)


def test_short_ranges_see_local_matter() -> None:
    body = earth()
    for mass in (1e-8, 1.0, 1e9):
        electrons, neutrons = body.averaged(body.middle_km, mass)
        np.testing.assert_allclose(electrons, body.electrons, rtol=1e-6)
        np.testing.assert_allclose(neutrons, body.neutrons, rtol=1e-6)
    assert body.averaged(6371.0, 1e9)[0][0] == pytest.approx(body.electrons[-1] / 2)


@pytest.mark.parametrize("mass", [1e-20, 1e-18, 1e-17])
def test_the_sun_at_the_earth_is_a_point(mass: float) -> None:
    """M² N_total exp(−M d)/(4π d), for ranges far above the Sun's radius."""
    body = sun().matter
    total = 4 * np.pi / 3 * np.diff(body.radii_km**3, prepend=0.0) @ body.electrons
    k = mass / HBARC_EV_KM
    expected = k * k * total * np.exp(-k * AU_KM) / (4 * np.pi * AU_KM)
    found = body.averaged(AU_KM, mass)[0][0] / (1 + (1e-15 / mass) ** 2)
    assert found == pytest.approx(expected, rel=1e-3)  # of a body of size R: (M R)²/10


def test_the_sun_dominates_at_the_earth_below_4e_18_ev() -> None:
    def ratio(mass: float) -> float:
        return float(sun().matter.averaged(AU_KM, mass)[0][0] / earth().averaged(6371.0, mass)[0][0])

    assert ratio(3e-18) > 1 > ratio(5e-18)
    assert ratio(1e-17) < 0.02


@pytest.mark.parametrize(
    ("length_km", "mass"), [(6371.0, 3.097e-14), (6.957e5, 2.835e-16), (AU_KM, 1.319e-18)]
)
def test_ranges(length_km: float, mass: float) -> None:
    assert matter.HBARC_EV_KM / length_km == pytest.approx(mass, rel=6e-4)


def test_potentials() -> None:
    assert matter.POTENTIAL_EV == pytest.approx(7.6325e-14, rel=1e-5)
    for density, fraction, value in ((4.5, 0.4957, 1.703e-13), (13.0, 0.4656, 4.620e-13), (150.0, 0.68, 7.79e-12)):
        (found,) = medium(density * fraction).standard
        assert found == pytest.approx(value, rel=6e-4)


def test_antineutrinos_have_the_opposite_potentials() -> None:
    for model in (None, u1_model("B-3Le"), u1_model("Le-Lmu")):
        here = earth_medium([1000.0, 5000.0, 6370.5], model, 1e-14)
        for eps0 in (0.0, 0.3):
            plain, anti = (np.array(here.potentials(eps0, antineutrinos=a)) for a in (False, True))
            np.testing.assert_array_equal(plain, -anti)
    plain = np.array(earth_medium(5000.0).potentials())
    assert plain[0, 0] > 0
    assert not plain[1:].any()


def test_like_charges_repel() -> None:
    """L_e−L_μ: electrons raise the energy of ν_e and lower that of ν_μ, by ε⁰ √2 G_F N_e."""
    e, mu, tau = earth_medium(5000.0, u1_model("Le-Lmu"), 1e9).potentials(0.4)
    standard = earth_medium(5000.0).standard
    np.testing.assert_allclose([e, mu, tau], np.multiply.outer([1.4, -0.4, 0.0], standard), rtol=1e-12)


def test_the_earth() -> None:
    body = earth()
    np.testing.assert_allclose(body.electrons / (body.electrons + body.neutrons), [0.4656] * 4 + [0.4957] * 8)
    volume = np.diff(body.radii_km**3, prepend=0.0)
    assert (volume @ body.neutrons) / (volume @ body.electrons) == pytest.approx(1.058, abs=1e-3)
    crust = earth(2.7)
    assert crust.electrons[-1] + crust.neutrons[-1] == pytest.approx(2.7)
    np.testing.assert_array_equal(crust.electrons[:-1], body.electrons[:-1])


def test_the_sun() -> None:
    """Neutrons per electron of the model's composition, its mass, and a Sun that makes 8B in the middle."""
    body, production = sun().matter, sun().production
    radius = body.middle_km / 6.957e5
    ratio = np.interp([0.01, 0.4], radius, body.neutrons / body.electrons)
    np.testing.assert_allclose(ratio, [0.468, 0.159], atol=3e-3)
    assert 10 ** 2.004 == pytest.approx(body.electrons[0], rel=1e-3)
    volume_cm3 = 4 * np.pi / 3 * np.diff(body.radii_km**3, prepend=0.0) * 1e15
    mass_g = volume_cm3 @ (1.00783 * body.electrons + (2.0013 - 1.00783) * body.neutrons)
    assert mass_g == pytest.approx(1.98841e33, rel=2e-3)
    means = {name: float(shares @ radius) for name, shares in production.items()}
    assert means["b8"] < means["be7"] < means["pep"] < means["pp"] < 0.15
    assert all(shares.sum() == pytest.approx(1.0) for shares in production.values())


def test_outside_the_sun_there_are_no_electrons() -> None:
    inside, outside = solar_medium(u1_model("B-3Le"), 1e-18)
    assert outside.standard == 0.0
    assert 0 < -outside.added[0, 0] / -inside.added[0, 0] < 0.01
    assert not solar_medium()[1].added.any()


def test_strength_and_coupling() -> None:
    """M/g′ = 246.22 GeV/√ε⁰ for heavy mediators; for light ones g′ does not depend on M any more."""
    assert 1.0 / float(coupling(0.745, 1e9)) == pytest.approx(246.22 / np.sqrt(0.745), rel=1e-9)
    assert float(coupling(1.0, 1e-19)) == pytest.approx(float(coupling(1.0, 1e-20)), rel=1e-7)
    with pytest.raises(ParameterError, match="above 0"):
        coupling(1.0, 0.0)


def test_the_potential_of_a_given_coupling_does_not_know_the_pivot() -> None:
    """√2 G_F v² = 1: the potential is g′² b Σ a ∫ N exp(−Mr)/(4πr), here of a uniform Earth at its centre, M → 0."""
    g, radius_cm = 1e-24, 6.371e8
    body = Body(np.array([6371.0]), np.array([2.0]), np.array([2.0]))
    for mass in (1e-17, 1e-16):
        eps0 = (g / float(coupling(1.0, mass))) ** 2
        found = medium(2.0, body.averaged(0.0, mass), u1_model("Le-Lmu")).added[0, 0] * eps0
        hbarc_ev_cm = 1.973269804e-5
        exact = g**2 * 2.0 * 6.02214076e23 * radius_cm**2 / 2 * hbarc_ev_cm
        assert found == pytest.approx(exact, rel=4e-3)  # the Earth's radius over the range


@pytest.mark.parametrize("mass", [0.0, 1e-30, 2.0, "heavy"])
def test_masses_out_of_range_are_refused(mass: object) -> None:
    with pytest.raises(ConfigurationError, match=r"m_zprime: found .* expected a mass from 1e-29"):
        matter.configured({"u1_model": "B-3Le", "m_zprime": mass})


@pytest.mark.parametrize("folder", ["deepcore_3y", "kamland", "solar", "u1_models"])
def test_digests_in_the_readme(folder: str) -> None:
    path = data_folder(folder)
    declared = re.findall(r"(?m)^\| ([\w.]+) \| ([0-9a-f]{64}) \|$", (path / "README.md").read_text(encoding="utf-8"))
    assert {name for name, _ in declared} == {p.name for p in Path(path).glob("*.csv")}
    for name, digest in declared:
        assert hashlib.sha256((path / name).read_bytes()).hexdigest() == digest
