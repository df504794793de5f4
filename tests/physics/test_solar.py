"""Solar neutrinos: limits of low and high energy, three neutrinos in place of two, and published predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import least_squares

from npinfer.core.axis import Axis
from npinfer.core.template import Channel
from npinfer.errors import ConfigurationError
from npinfer.physics.matter import solar_medium, sun
from npinfer.physics.oscillation import Mixing
from npinfer.physics.solar import survival
from npinfer.physics.u1_models import u1_model

POINTS = [("pp", 0.267), ("be7", 0.862), ("pep", 1.44), ("b8", 8.1), ("b8", 10.0)]
BEST = {"dm2_21": 7.43, "tan2_theta12": 0.43, "s2_13": 0.0223}
NEW = {"s2_23": 0.45, "delta_cp": 4.05, "eps0": 0.4}


def bound(points: list[tuple[str, float]] = POINTS, **configuration: Any) -> Callable[..., np.ndarray]:
    """P_ee of every point, (points,)."""
    channel = Channel("survival", (Axis("measurement", tuple(np.arange(len(points) + 1.0))),))
    inputs = {"points": [{"source": s, "energy_mev": e} for s, e in points]}
    function = survival(inputs, [channel], {"m_zprime": 0.01, **configuration})
    return lambda **values: function(**{k: np.array([v]) for k, v in values.items()})["survival"][0]


def test_published_predictions() -> None:
    """An independent computation has all five at one point of Δm²₂₁ and θ12, which it does not give."""
    predicted = np.array([0.5507, 0.5325, 0.5223, 0.3387, 0.3218])
    predict = bound()
    found = least_squares(lambda x: predict(dm2_21=x[0], tan2_theta12=x[1], s2_13=0.02226) - predicted, [7.0, 0.4])
    np.testing.assert_allclose(predicted + found.fun, predicted, atol=1e-3)
    assert 6.8 < found.x[0] < 8.2
    assert 0.40 < found.x[1] < 0.46


def test_low_energies_average_and_high_energies_leave_one_state() -> None:
    """P → cos⁴θ13 (1 − ½ sin² 2θ12) + sin⁴θ13 and cos⁴θ13 sin²θ12 + sin⁴θ13."""
    low, high = bound([("pp", 1e-4), ("b8", 5000.0)])(**BEST)
    s12, c4, s4 = 0.43 / 1.43, (1 - 0.0223) ** 2, 0.0223**2
    assert low == pytest.approx(c4 * (1 - 2 * s12 * (1 - s12)) + s4, abs=1e-4)
    assert high == pytest.approx(c4 * s12 + s4, abs=1e-3)


@pytest.mark.parametrize(
    ("model", "mass", "eps0"),
    [("none", 0.01, 0.0), ("B-3Le", 0.01, 0.5), ("Le-Ltau", 0.01, 1.0), ("Le-Lmu", 1e-28, 1.0)],
)
def test_three_neutrinos(model: str, mass: float, eps0: float) -> None:
    """Σ_i |U_ei|²(Earth) |U_ei|²(Sun) of the eigenvectors of the whole Hamiltonian, for a large Δm²₃₁ of 1 eV²."""
    values = {**BEST, **NEW, "eps0": eps0} if model != "none" else BEST
    found = bound(u1_model=model, m_zprime=mass)(**values)
    mixing = Mixing(0.43 / 1.43, 0.0223, 0.45, 4.05, 7.43e-5, 1.0)
    inside, outside = solar_medium(None if model == "none" else u1_model(model), mass * 1e9)
    for (source, mev), pee in zip(POINTS, found, strict=True):
        shares = sun().production[source]

        def electron(medium: Any, k: int, mev: float = mev) -> np.ndarray:
            potentials = np.diag([v[..., k].item() for v in medium.potentials(np.array(eps0))])
            return np.abs(np.linalg.eigh(mixing.vacuum() / (2e6 * mev) + potentials)[1][0]) ** 2

        seen = electron(outside, 0)
        expected = sum(share * (electron(inside, k) @ seen) for k, share in enumerate(shares) if share > 1e-9)
        assert pee == pytest.approx(expected, abs=1e-5)


def test_le_2lmu_2ltau_with_two_is_the_other_octant() -> None:
    """ε⁰ = 2 turns the sign of the potential around: tan²θ and 1/tan²θ change places."""
    mirrored = bound(u1_model="Le+2Lmu+2Ltau")(**{**BEST, **NEW, "tan2_theta12": 1 / 0.43, "eps0": 2.0})
    np.testing.assert_allclose(mirrored, bound()(**BEST), rtol=1e-9)


def test_a_range_beyond_the_earth_changes_what_arrives() -> None:
    """The Sun's potential at the Earth: of a range shorter than the distance it is nothing, of a longer one not."""
    points = [("b8", 10.0)]
    strong = {**BEST, **NEW, "eps0": 8.0}
    near, far = (bound(points, u1_model="Le-Lmu", m_zprime=mass)(**strong) for mass in (2e-26, 1e-29))
    medium = solar_medium(u1_model("Le-Lmu"), 1e-20)[1]
    assert abs(medium.added[0, 0]) * 8 * 1e7 / 7.43e-5 > 1e-3  # against Δm²/E at 10 MeV
    assert abs(far[0] - near[0]) > 1e-3


def test_derivatives_by_complex_steps() -> None:
    predict, point = bound(u1_model="B-3Lmu"), BEST | NEW
    for name, value in point.items():
        step = 1e-5 * value
        upper, lower = (predict(**{**point, name: value + s}) for s in (step, -step))
        slope = predict(**{**point, name: value + 1e-30j}).imag / 1e-30
        np.testing.assert_allclose(slope, (upper - lower) / (2 * step), rtol=1e-6, atol=1e-9)


def test_refusals() -> None:
    with pytest.raises(ConfigurationError, match=r"points\[0\]: unknown source of solar neutrinos 'b7'"):
        bound([("b7", 1.0)])
    with pytest.raises(ConfigurationError, match=r"points\[0\]: energy_mev is above 0; found 0"):
        bound([("be7", 0.0)])
    channel = Channel("survival", (Axis("measurement", (0.0, 1.0, 2.0)),))
    with pytest.raises(ConfigurationError, match="points: found 1, expected one for each of 2 bins"):
        survival({"points": [{"source": "pp", "energy_mev": 0.3}]}, [channel], {})
