"""Form factors of nuclei: their slopes, zeros and radii."""

from __future__ import annotations

import numpy as np
import pytest

from npinfer.errors import ParameterError
from npinfer.physics.form_factor import FORMS, form_factor, nuclear_radius

HBARC_MEV_FM = 197.3269804
FIRST_ZERO = 4.493409457909064  # of the spherical Bessel function j₁


@pytest.mark.parametrize("form", FORMS)
def test_form_factors_are_fourier_transforms(form: str) -> None:
    """F = 1 - q²⟨r²⟩/6 at small q: 3R²/5 of the sphere, and 3s² or 6a² of what smears it."""
    radius, q = 4.5, 1.0  # fm, MeV
    added = 3 * 0.9**2 if form == "helm" else 6 * 0.7**2
    slope = (0.6 * radius**2 + added) / 6 * (q / HBARC_MEV_FM) ** 2
    assert 1 - form_factor(q, radius, form) == pytest.approx(slope, rel=1e-3)
    assert form_factor(0.0, radius, form) == 1
    near = form_factor(np.array([0.9999e-3, 1.0001e-3]) * HBARC_MEV_FM / radius, radius, form)
    assert near[0] - near[1] == pytest.approx(0, abs=1e-9)  # no step where the series ends
    assert form_factor(FIRST_ZERO / radius * HBARC_MEV_FM, radius, form) == pytest.approx(0.0, abs=1e-9)


def test_radii() -> None:
    assert nuclear_radius(133, "klein_nystrand") == pytest.approx(1.23 * 133 ** (1 / 3))
    c = 1.23 * 127 ** (1 / 3) - 0.6
    assert nuclear_radius(127) == pytest.approx(np.sqrt(c**2 + 7 * np.pi**2 * 0.52**2 / 3 - 5 * 0.9**2))


def test_unknown_forms_are_refused() -> None:
    with pytest.raises(ParameterError, match="unknown form factor 'hlem'"):
        form_factor(10.0, 4.0, "hlem")
    with pytest.raises(ParameterError, match="unknown form factor 'kn'"):
        nuclear_radius(40, "kn")
