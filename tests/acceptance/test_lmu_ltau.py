"""Experiments that share nothing but a coupling: the joint likelihood of a light Z′ of L_μ−L_τ."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer.likelihood.members import leaves
from npinfer.paths import roots

MEMBERS = ["tridents", "na64mu_zprime", "coherent_csi", "coherent_lar_new_physics"]


def test_the_coupling_is_all_that_is_shared() -> None:
    both = npinfer.load("joint/lmu_ltau", m_zprime=0.1)
    assert [m.name for m in both.members] == MEMBERS
    readers = {n: [m.name for _, m in leaves(both) if n in m.parameters.names] for n in both.parameters.names}
    assert [n for n, names in readers.items() if len(names) > 1] == ["g_zprime"]
    assert len(readers["g_zprime"]) == 6
    assert both.description.labels["m_zprime"] == (r"$m_{Z^\prime}$", "GeV")
    for g in (0.0, 3e-4, 2e-3):
        parts = sum(m.logpdf({"g_zprime": g}) for m in both.members)
        assert both.logpdf({"g_zprime": g}) == pytest.approx(parts, rel=1e-12)


@pytest.mark.slow
def test_the_joint_limit_is_that_of_the_strongest_member() -> None:
    """At 0.1 GeV NA64μ has 4.49e-4 where the tridents have 1.14e-3: the joint limit is within 3 % of the first."""
    both = npinfer.load("joint/lmu_ltau", m_zprime=0.1)
    joint = npinfer.upper_limit(both, cl=0.90, expected=False).observed
    alone = npinfer.upper_limit(npinfer.load("na64mu_zprime", m_zprime=0.1), cl=0.90, expected=False).observed
    assert joint == pytest.approx(alone, rel=0.03)
    tridents = npinfer.upper_limit(npinfer.load("tridents", m_zprime=0.1), cl=0.90, expected=False).observed
    assert joint < tridents


def test_declared_numbers() -> None:
    validation = npinfer.validate("joint/lmu_ltau")
    assert [c.name for c in validation.checks if not c.passed] == []
    assert sum(c.source != "itself" for c in validation.checks) == 3


def test_from_ten_gev_on_the_tridents_decide() -> None:
    """NA64μ makes no such boson, and coherent scattering is weaker: limits agree to 1 %, up to the beam's energy."""
    for mass in (10.0, 100.0):
        joint = npinfer.load("joint/lmu_ltau", m_zprime=mass)
        alone = npinfer.upper_limit(joint.members[0], expected=False).observed
        assert npinfer.upper_limit(joint, expected=False).observed == pytest.approx(alone, rel=0.01)


@pytest.mark.slow
def test_the_figure_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands, at fewer masses, with two files in the place of digitised curves."""
    readme = next(path for path in (root / "likelihoods" / "README.md" for root in roots()) if path.is_file())
    (code,) = re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    masses = "masses = np.geomspace(1e-3, 100, 13)"
    assert masses in code
    for name in ("babar_4mu.lmt", "belle2_invisible.lmt"):
        (tmp_path / name).write_text("# mass lower\n0.0 0.1\n0.5 0.002\n3.0 0.01\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    exec(code.replace(masses, "masses = np.array([0.3, 3.0, 30.0])"), found)
    axes = found["axes"]
    assert axes.get_xlabel() == r"$m_{Z^\prime}$ [$\mathrm{GeV}$]"
    names = axes.get_legend_handles_labels()[1]
    assert [n for n in names if n.startswith("external")] == [
        "external: BaBar 4μ, arXiv:1606.03501", "external: Belle II invisible, arXiv:1912.11276"
    ]
    assert {"joint, observed", "tridents, observed", "NA64μ, observed", "CsI, excluded from here"} < set(names)
    (band,) = [o for o in found["overlays"] if o.upper is not None]
    middle = np.interp(0.1, band.x, np.sqrt((band.lower**2 + band.upper**2) / 2))
    assert middle == pytest.approx(9.424e-4, rel=1e-3)  # of 2.49e-9, an independent computation
    assert (tmp_path / "lmu_ltau.pdf").stat().st_size > 10_000
