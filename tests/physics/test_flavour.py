"""Flavour: published tables, exact limits, analyticity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npinfer.errors import ConfigurationError
from npinfer.physics.flavour import (
    SOURCES,
    SPECIES,
    averaged_probabilities,
    flavour_composition,
    flavour_fractions,
    nuebar_composition,
    nuebar_fraction,
    oscillation_fit,
    oscillation_fits,
    propagate,
    source_composition,
    source_fractions,
)

PION_SOURCES = ("pp", "pp_mudamped", "pgamma", "pgamma_mudamped")
inside = st.floats(0.01, 0.99)
angles = {"s2_12": inside, "s2_13": inside, "s2_23": inside, "delta_rad": st.floats(0, 2 * np.pi)}

# f_nuebar of the four pion sources; flavour of pp and of muon-damped pp (three digits), computed independently.
FITS = {
    "nufit-5.0-NO-withSK": ((0.1491, 0.0856, 0.0571, 0), (0.298, 0.359, 0.342), (0.171, 0.453, 0.375)),
    "nufit-5.1-NO-withSK": ((0.1674, 0.1132, 0.0754, 0), (0.335, 0.339, 0.326), (0.226, 0.395, 0.378)),
    "nufit-5.2-NO-withSK": ((0.1674, 0.1130, 0.0753, 0), (0.335, 0.338, 0.327), (0.226, 0.395, 0.379)),
    "nufit-5.3-NO-withSK": ((0.1674, 0.1137, 0.0758, 0), (0.335, 0.338, 0.327), (0.227, 0.394, 0.379)),
    "nufit-6.0-NO-IC19": ((0.1504, 0.0882, 0.0588, 0), (0.301, 0.357, 0.342), (0.176, 0.448, 0.376)),
    "nufit-6.0-NO-IC24": ((0.1632, 0.1074, 0.0716, 0), (0.326, 0.343, 0.331), (0.215, 0.407, 0.378)),
    "nufit-6.0-IO-IC24": ((0.1608, 0.1039, 0.0693, 0), (0.322, 0.342, 0.336), (0.208, 0.409, 0.383)),
}

# N. Song, talk of 25 August 2024 ("degeneracy of high-energy neutrino sources"), and arXiv:2304.06068: (nu, nubar)
# of e, mu and tau, then the flavour of nu + nubar, then f_nuebar.
TALK = {
    "pp": ((0.17, 0.17, 0.16), (0.17, 0.17, 0.16), (0.33, 0.34, 0.33), 0.17),
    "pp_mudamped": ((0.11, 0.20, 0.19), (0.11, 0.20, 0.19), (0.23, 0.39, 0.38), 0.11),
    "pgamma": ((0.26, 0.21, 0.20), (0.08, 0.13, 0.13), (0.33, 0.34, 0.33), 0.08),
    "pgamma_mudamped": ((0.23, 0.39, 0.38), (0.00, 0.00, 0.00), (0.23, 0.39, 0.38), 0.00),
}


def at_earth(source: str, fit: str) -> np.ndarray:
    best = oscillation_fit(fit)
    return source_composition(source, s2_12=best.s2_12, s2_13=best.s2_13, s2_23=best.s2_23, delta_cp=best.delta_rad)


@pytest.mark.parametrize("fit", FITS)
def test_fits_give_the_known_compositions(fit: str) -> None:
    nuebar, full, damped = FITS[fit]
    assert [nuebar_fraction(at_earth(s, fit)) for s in PION_SOURCES] == pytest.approx(nuebar, abs=0.5001e-4)
    for source, flavours in zip(PION_SOURCES, (full, damped, full, damped), strict=True):
        assert flavour_fractions(at_earth(source, fit)) == pytest.approx(flavours, abs=0.5001e-3)


@pytest.mark.parametrize("source", TALK)
def test_nufit_52_gives_the_table_of_the_talk(source: str) -> None:
    nu, nubar, flavours, f_nuebar = TALK[source]
    composition = at_earth(source, "nufit-5.2-NO-withSK")
    assert composition.round(2) == pytest.approx((*nu, *nubar), abs=1e-9)
    assert flavour_fractions(composition).round(2) == pytest.approx(flavours, abs=1e-9)
    assert nuebar_fraction(composition).round(2) == pytest.approx(f_nuebar, abs=1e-9)


def test_probabilities_of_nufit_52() -> None:
    fit = oscillation_fit("nufit-5.2-NO-withSK")
    expected = [[0.5525, 0.2260, 0.2214], [0.2260, 0.3946, 0.3793], [0.2214, 0.3793, 0.3992]]
    found = averaged_probabilities(fit.s2_12, fit.s2_13, fit.s2_23, fit.delta_rad)
    assert found == pytest.approx(np.array(expected), abs=0.51e-4)


def test_probabilities_agree_with_the_mixing_matrix() -> None:
    t12, t13, t23, delta = 0.58, 0.15, 0.74, 4.05

    def rotation(i: int, j: int, angle: float, phase: float = 0.0) -> np.ndarray:
        matrix = np.eye(3, dtype=complex)
        matrix[i, i] = matrix[j, j] = np.cos(angle)
        matrix[i, j] = np.sin(angle) * np.exp(-1j * phase)
        matrix[j, i] = -np.sin(angle) * np.exp(1j * phase)
        return matrix

    u2 = np.abs(rotation(1, 2, t23) @ rotation(0, 2, t13, delta) @ rotation(0, 1, t12)) ** 2
    found = averaged_probabilities(np.sin(t12) ** 2, np.sin(t13) ** 2, np.sin(t23) ** 2, delta)
    assert found == pytest.approx(u2 @ u2.T, abs=1e-14)


@given(**angles)
def test_probabilities_are_doubly_stochastic(**values: float) -> None:
    p = averaged_probabilities(**values)
    assert p.sum(axis=-1) == pytest.approx(np.ones(3), abs=1e-13)
    assert p == pytest.approx(p.T, abs=1e-15)
    assert np.all(p >= 0)


@given(**angles)
def test_complex_step_gives_the_derivative_of_the_probabilities(**values: float) -> None:
    for name in values:
        stepped = averaged_probabilities(**(values | {name: values[name] + 1e-30j}))
        up, down = (averaged_probabilities(**(values | {name: values[name] + h})) for h in (1e-6, -1e-6))
        assert stepped.imag / 1e-30 == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-6)


@given(source=st.sampled_from(list(SOURCES)), **angles)
def test_compositions_at_earth_sum_to_one(source: str, **values: float) -> None:
    composition = propagate(SOURCES[source], averaged_probabilities(**values))
    assert composition.sum() == pytest.approx(1, abs=1e-13)
    nubar_at_source = sum(SOURCES[source][3:])
    assert composition[3:].sum() == pytest.approx(nubar_at_source, abs=1e-13)


@given(f=st.floats(0, 1), e=st.floats(0, 1), share=st.floats(0, 1), part=st.floats(0, 1))
def test_direct_compositions_sum_to_one_and_invert(f: float, e: float, share: float, part: float) -> None:
    direct = nuebar_composition(f_nuebar=f)
    assert direct.sum() == pytest.approx(1, abs=1e-14)
    assert nuebar_fraction(direct) == f
    mu = part * (1 - e)
    split = flavour_composition(f_e=e, f_mu=mu, nubar_share=share)
    assert split.sum() == pytest.approx(1, abs=1e-14)
    assert flavour_fractions(split) == pytest.approx((e, mu, 1 - e - mu), abs=1e-14)
    assert nuebar_fraction(split) == pytest.approx(e * share, abs=1e-14)


def test_batches_keep_their_points_apart() -> None:
    pp_fraction = np.array([0.0, 0.25, 1.0])
    s2_23 = np.array([0.45, 0.5, 0.55])
    fixed = {"s2_12": 0.3, "s2_13": 0.022, "delta_cp": 4.0}
    batch = source_composition("mixture", s2_23=s2_23, pp_fraction=pp_fraction, **fixed)
    assert batch.shape == (3, 6)
    for row, s2, fraction in zip(batch, s2_23, pp_fraction, strict=True):
        pp, pgamma = (source_composition(s, s2_23=s2, **fixed) for s in ("pp", "pgamma"))
        assert row == pytest.approx(fraction * pp + (1 - fraction) * pgamma, abs=1e-15)


def test_compositions_keep_a_complex_step() -> None:
    step = 1e-30j
    assert nuebar_composition(f_nuebar=[0.2 + step]).imag[0] / 1e-30 == pytest.approx([-0.2, -0.2, -0.2, 1, -0.2, -0.2])
    split = flavour_composition(f_e=0.3, f_mu=0.3 + step, nubar_share=0.5)
    assert split.imag / 1e-30 == pytest.approx([0, 0.5, -0.5, 0, 0.5, -0.5])
    mixed = source_fractions("mixture", 0.5 + step)
    assert mixed.imag / 1e-30 == pytest.approx(np.subtract(SOURCES["pp"], SOURCES["pgamma"]))


def test_ranges_of_the_angles_become_ranges_of_their_squared_sines() -> None:
    fit = oscillation_fit("nufit-5.2-NO-withSK")
    assert fit.s2_23 + fit.s2_23_up == pytest.approx(np.sin(np.radians(43.3)) ** 2)
    assert fit.s2_23 - fit.s2_23_down == pytest.approx(np.sin(np.radians(41.3)) ** 2)
    assert fit.delta_rad_up == pytest.approx(np.radians(36))


def test_sources_are_normalised_and_named_in_order() -> None:
    assert SPECIES == ("nue", "numu", "nutau", "nuebar", "numubar", "nutaubar")
    for fractions in SOURCES.values():
        assert len(fractions) == len(SPECIES)
        assert sum(fractions) == pytest.approx(1, abs=1e-15)


def test_wrong_names_are_refused_with_a_way_out() -> None:
    assert len(oscillation_fits()) == len(set(oscillation_fits())) >= len(FITS)
    with pytest.raises(ConfigurationError, match="did you mean 'nufit-"):
        oscillation_fit("nufit-5.2-NO-SK")
    with pytest.raises(ConfigurationError, match="did you mean 'pgamma'"):
        source_fractions("pgama")
    with pytest.raises(ConfigurationError, match="needs a pp_fraction"):
        source_fractions("mixture")
    with pytest.raises(ConfigurationError, match="takes no pp_fraction"):
        source_fractions("pp", 0.5)
