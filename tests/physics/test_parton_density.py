"""Parton densities: sum rules, the published member files, and what is refused."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from npinfer.errors import DataError, ParameterError
from npinfer.paths import data_file, data_folder
from npinfer.physics.parton_density import GLUON, PHOTON, SHIPPED, PartonDensities, read_lhagrid, shipped
from tests.source_data import SOURCE_DATA

ROOT = Path(__file__).resolve().parents[2]
SOURCE = SOURCE_DATA / "pdf_grids"
needs_source = pytest.mark.skipif(not SOURCE.is_dir(), reason=f"needs the member files in {SOURCE}")
PARTONS = (*range(-5, 0), *range(1, 6), GLUON, PHOTON)

MEMBER = """\
PdfType: central
Format: lhagrid1
---
0.001 0.01 0.1 1.0
1 10 100 1000
-1 1 21
{rows}
---
"""


def integral(function: Callable[[NDArray], NDArray]) -> float:
    """∫ f(x) dx from 1e-9 to 1, in panels of log x."""
    nodes, weights = np.polynomial.legendre.leggauss(12)
    edges = np.linspace(np.log(1e-9), 0, 120)
    half = np.diff(edges)[:, None] / 2
    log_x = edges[:-1, None] + half * (1 + nodes)
    return float((half * weights * np.exp(log_x) * function(np.exp(log_x))).sum())


@pytest.mark.parametrize("q_gev", [2.0, 10.0, 91.2, 1e4])
def test_momentum_sum_rule(q_gev: float) -> None:
    assert integral(lambda x: sum(shipped()(p, x, q_gev**2) for p in PARTONS) + 0 * x) == pytest.approx(1, abs=4e-3)


@pytest.mark.parametrize(("quark", "number"), [(2, 2), (1, 1), (3, 0)])
def test_valence_sum_rules(quark: int, number: int) -> None:
    """∫ (q − q̄) dx is 2 for u, 1 for d and 0 for s."""
    found = integral(lambda x: (shipped()(quark, x, 100.0) - shipped()(-quark, x, 100.0)) / x)
    assert found == pytest.approx(number, abs=0.02)


def test_isoscalar_densities_are_means() -> None:
    x = np.array([1e-4, 0.3])
    d = shipped()
    assert d.isoscalar("d", x, 1e3) == pytest.approx((d(1, x, 1e3) + d(2, x, 1e3)) / 2)
    assert d.isoscalar("u", x, 1e3, anti=True) == pytest.approx((d(-1, x, 1e3) + d(-2, x, 1e3)) / 2)
    assert d.isoscalar("s", x, 1e3, anti=True) == pytest.approx(d(-3, x, 1e3))
    with pytest.raises(ParameterError, match="unknown quark 't'"):
        d.isoscalar("t", x, 1e3)


def test_edges_hold_and_nothing_is_above_one() -> None:
    d = shipped()
    assert d(2, 0.1, 0.5) == d(2, 0.1, 1.65**2)
    assert d(2, 1e-11, 1e4) == d(2, 1e-9, 1e4)
    assert d(2, 1.5, 1e4) == 0
    assert d(PHOTON, 0.1, 1e4) > 0
    with pytest.raises(ParameterError, match="unknown parton '7'"):
        d(7, 0.1, 1e4)
    with pytest.raises(ParameterError, match="positive"):
        d(2, 0.0, 1e4)


def write_member(folder: Path, table: NDArray) -> Path:
    path = folder / "member_0000.dat"
    rows = "\n".join(" ".join(f"{v:.8e}" for v in row) for row in table)
    path.write_text(MEMBER.format(rows=rows))
    return path


def test_a_member_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    """x down the slow index, Q down the fast one, flavours across."""
    x, q = np.meshgrid(np.log([1e-3, 1e-2, 0.1, 1.0]), np.log([1.0, 10, 100, 1000]) * 2, indexing="ij")
    one, two = 1 - x**2 + 0.1 * q, 0.5 + 0.01 * x * q  # polynomials that bicubic splines reproduce
    table = np.stack([one, two, one * 0 + 3], axis=-1).reshape(-1, 3)
    found = read_lhagrid(write_member(tmp_path, table))
    assert found.flavours == (-1, 1, 21)
    assert found(-1, 0.03, 50.0) == pytest.approx(1 - np.log(0.03) ** 2 + 0.1 * np.log(50.0))
    assert found(1, 0.03, 50.0) == pytest.approx(0.5 + 0.01 * np.log(0.03) * np.log(50.0))
    assert found(GLUON, 0.03, 50.0) == pytest.approx(3)


def test_what_is_no_member_file_is_refused(tmp_path: Path) -> None:
    path = write_member(tmp_path, np.ones((15, 3)))  # one row is missing
    with pytest.raises(DataError, match=r"member_0000.dat:4: the block that starts here"):
        read_lhagrid(path)
    path.write_text("Format: cteq\n")
    with pytest.raises(DataError, match=r"member_0000.dat:1: expected a member file of LHAPDF 6"):
        read_lhagrid(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_lhagrid(tmp_path / "missing.dat")
    with pytest.raises(DataError, match="4 or more"):
        PartonDensities([1], [(np.ones(2), np.ones(2), np.ones((2, 2, 1)))])


@pytest.mark.parametrize("kept", [0, 100, -1000])
def test_a_damaged_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    content = data_file(*SHIPPED).read_bytes()
    (tmp_path / "data" / SHIPPED[0]).mkdir(parents=True)
    (tmp_path / "data" / SHIPPED[0] / SHIPPED[1]).write_bytes(content[:kept])
    monkeypatch.setenv("NPINFER_PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"nnpdf31_nlo_luxqed.npz: damaged .*; install npinfer again"):
        shipped.__wrapped__()


@needs_source
def test_the_shipped_table_is_the_published_one(tmp_path: Path) -> None:
    """Read from the member file, the densities are those shipped; the build script gives the same table."""
    published = read_lhagrid(SOURCE / "NNPDF31_nlo_as_0118_luxqed_0000.dat")
    x, q2 = np.geomspace(1e-8, 0.7, 9)[:, None], np.geomspace(3, 1e9, 7)
    for parton in PARTONS:
        assert published(parton, x, q2) == pytest.approx(shipped()(parton, x, q2), rel=1e-5, abs=1e-7)
    spec = importlib.util.spec_from_file_location("build", data_folder("parton_densities") / "build.py")
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    build.main([str(SOURCE), str(tmp_path)])
    with np.load(tmp_path / build.TABLE) as new, np.load(data_folder("parton_densities") / build.TABLE) as old:
        assert all(np.array_equal(new[name], old[name]) for name in old.files)


@needs_source
def test_another_set_with_a_node_given_twice() -> None:
    """CT14qed lists x = 1e-9 twice and has numbers without a space between; its momenta add up to 1 as well."""
    other = read_lhagrid(SOURCE / "CT14qed_proton_0000.dat")
    found = integral(lambda x: sum(other(p, x, 1e4) for p in other.flavours) + 0 * x)
    assert found == pytest.approx(1, abs=0.01)
    assert other(2, 0.1, 1e4) == pytest.approx(shipped()(2, 0.1, 1e4), rel=0.05)
