"""Experiments that share nothing but a coupling: the joint likelihood of a light Z′ of L_μ−L_τ."""

from __future__ import annotations

import pytest

import npinfer
from npinfer.likelihood.members import leaves

MEMBERS = ["tridents", "na64mu_zprime", "coherent_csi", "coherent_lar_new_physics"]


def test_the_coupling_is_all_that_is_shared() -> None:
    both = npinfer.load("joint/lmu_ltau", m_zprime=0.1)
    assert [m.name for m in both.members] == MEMBERS
    readers = {n: [m.name for _, m in leaves(both) if n in m.parameters.names] for n in both.parameters.names}
    assert [n for n, names in readers.items() if len(names) > 1] == ["g_zprime"]
    assert len(readers["g_zprime"]) == 6
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
