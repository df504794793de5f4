"""B-splines of photospline: read from FITS, and evaluated as scipy does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import BSpline

from npinfer.errors import DataError
from npinfer.physics.photospline import full_basis, local_basis, read_spline
from tests.source_data import SOURCE_DATA

RELEASE = SOURCE_DATA / "icecube_hese75_release" / "splines"
KNOTS = np.array([-0.3, -0.1, 0.0, 0.2, 0.5, 0.55, 0.9, 1.4, 1.5, 2.0])


@pytest.fixture
def written(tmp_path: Path, hese_release: Any) -> tuple[Path, Any]:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(7, 6, 8)).astype(np.float32), [np.sort(rng.random(n + 3)) for n in (7, 6, 8)], (2, 2, 2)
    hese_release.write_splines(tmp_path, {"one": table})
    return tmp_path / "one.fits", table


def test_a_file_reads_back(written: tuple[Path, Any]) -> None:
    path, (table, knots, degrees) = written
    found = read_spline(path)
    np.testing.assert_array_equal(found.coefficients, table.astype(float))
    assert found.degrees == degrees
    for a, b, (low, high) in zip(found.knots, knots, found.extents, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (low, high) == (b[2], b[-3])


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_the_local_basis_is_that_of_scipy(degree: int) -> None:
    x = np.concatenate([np.linspace(KNOTS[degree], KNOTS[-degree - 1], 41), KNOTS[degree : len(KNOTS) - degree]])
    first, values = local_basis(KNOTS, degree, x)
    dense = np.zeros((len(x), len(KNOTS) - degree - 1))
    for i, row in enumerate(first):
        dense[i, row : row + degree + 1] = values[i]
    np.testing.assert_allclose(dense, BSpline.design_matrix(x, KNOTS, degree).toarray(), atol=1e-14)
    np.testing.assert_allclose(values.sum(axis=1), 1.0, rtol=1e-14)


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("x", [-0.2, 0.1, 0.21, 0.53, 1.2, 1.45, 1.9])
def test_the_full_basis_and_its_derivatives_are_those_of_scipy_outside_the_extents_too(degree: int, x: float) -> None:
    found = full_basis(KNOTS, degree, x)
    for j in range(len(KNOTS) - degree - 1):
        element = BSpline.basis_element(KNOTS[j : j + degree + 2], extrapolate=False)
        for d in range(3):
            expected = 0.0 if d > degree else float(np.nan_to_num((element.derivative(d) if d else element)(x)))
            assert found[d, j] == pytest.approx(expected, abs=1e-10)


def test_a_knot_belongs_to_the_interval_above_it() -> None:
    assert full_basis(KNOTS, 1, 0.2)[1, 2] == pytest.approx(-1 / 0.3)
    assert full_basis(KNOTS, 1, np.nextafter(0.2, 0))[1, 2] == pytest.approx(1 / 0.2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b[:3000], "cut short; expected 336 numbers"),
        (lambda b: b[:300], "a header without END at byte 0"),
        (lambda b: b"", "empty"),
        (lambda b: b.replace(b"KNOTS2", b"KNOTSX"), "no KNOTS2 or ORDER2"),
        (lambda b: b.replace(b"ORDER1 ", b"ORDERX "), "no KNOTS1 or ORDER1"),
        (lambda b: b.replace(b"                 -32", b"                  16", 1), "found BITPIX 16"),
        (lambda b: b.replace(b"NAXIS   = " + b" " * 19 + b"3", b"NAXIS   = " + b" " * 19 + b"x", 1), "axes []"),
        (lambda b: b[:2880] + np.array([np.nan], ">f4").tobytes() + b[2884:], "coefficient (0, 0, 0) is not a finite"),
    ],
)
def test_damaged_files_are_refused_with_their_name(written: tuple[Path, Any], change: Any, message: str) -> None:
    path, _ = written
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError) as refused:
        read_spline(path)
    assert str(path) in str(refused.value)
    assert message in str(refused.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_spline(tmp_path / "none.fits")


@pytest.mark.skipif(not RELEASE.is_dir(), reason="needs the splines of the release")
def test_the_splines_of_the_release() -> None:
    efficiency = read_spline(RELEASE / "domefficiency_diffuseAstro_tau_shower.fits")
    assert efficiency.coefficients.shape == (180, 45, 8)
    assert efficiency.extents[2] == pytest.approx((0.75375, 1.20375))
    assert {read_spline(p).degrees for p in RELEASE.glob("tauanisotropy*.fits")} == {(2, 1)}
