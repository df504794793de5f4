"""Tridents, W production and charm against published tables and measurements, and another integration."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import yaml

from npinfer import list_likelihoods
from npinfer.errors import ParameterError
from npinfer.paths import data_file
from npinfer.physics import w_production as wp
from npinfer.physics.constants import G_FERMI, HBARC2_GEV2_CM2, M_NUCLEON_GEV, M_W_GEV
from npinfer.physics.deep_inelastic import csms_total
from npinfer.physics.parton_density import shipped

DIMUON = "numu_to_numu_mu-_mu+"


def test_tridents_of_the_published_table() -> None:
    energy = [10, 20, 100, 1e3, 1e5, 1e6]
    wanted = [2.76e-42, 9.45e-42, 1.11e-40, 2.35e-39, 9.54e-36, 5.68e-35]
    assert wp.trident_cross_section(energy, DIMUON) == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize(
    ("flavour", "wanted"),
    [("nue", [9.35e-34, 2.66e-33]), ("numu", [6.45e-34, 1.84e-33]), ("nutau", [4.26e-34, 1.30e-33])],
)
def test_w_production_of_the_published_table(flavour: str, wanted: list[float]) -> None:
    assert wp.w_cross_section([1e6, 1e7], flavour) == pytest.approx(wanted, rel=0.01)
    assert wp.w_cross_section([1e3, 4e3], flavour).tolist() == [0.0, 0.0]


def test_tridents_contain_w_production() -> None:
    """Far above 4 TeV ν_μ → μ W with W → μν is all of the dimuons, but for the hydrogen that oxygen's table lacks."""
    energy = np.array([3e4, 1e5, 1e6, 1e7])
    ratio = wp.trident_cross_section(energy, DIMUON) / (0.1063 * wp.w_cross_section(energy, "numu"))
    assert ((ratio > 0.7) & (ratio < 0.95)).all()
    below = wp.trident_cross_section(3e3, DIMUON)
    assert below > 0 == wp.w_cross_section(3e3, "numu")


def charm_over_measured() -> np.ndarray:
    """What is computed over what CCFR, CHORUS and NOMAD saw, from 50 GeV on."""
    with data_file("w_production", "charm_dimuons.csv").open(newline="") as lines:
        rows = [(float(r["energy_gev"]), float(r["ratio"])) for r in csv.DictReader(lines)]
    energy, measured = np.array([r for r in rows if r[0] > 50]).T
    return wp.charm_dimuon_cross_section(energy) / csms_total(energy, "cc", antineutrino=False) / measured


def test_charm_lies_above_measured_dimuons() -> None:
    """At leading order by 8 to 30 %, as likelihoods/README.md says."""
    assert [round(100 * (end - 1)) for end in (charm_over_measured().min(), charm_over_measured().max())] == [8, 30]


def test_charm_is_measured_dimuons_within_its_nuisance() -> None:
    """That of icecube_trident_dimuon, one standard deviation; the errors of the measurements are 3 to 15 %."""
    spec = yaml.safe_load(list_likelihoods()["icecube_trident_dimuon"].read_text(encoding="utf-8"))
    (nuisance,) = spec["samples"]["charm"]["systematics"]
    assert charm_over_measured() == pytest.approx(1.0, rel=nuisance["up"] - 1)


@pytest.mark.parametrize("antineutrino", [False, True])
def test_charm_against_another_integration(antineutrino: bool) -> None:
    """Midpoints in ln Q² and in a power of ξ, with the densities one by one."""
    energy, mass2 = 300.0, wp.M_CHARM_GEV**2
    s = 2 * M_NUCLEON_GEV * energy

    share = (np.arange(300) + 0.5) / 300
    q2 = np.exp(np.log(s - mass2) * share)[:, None]
    least = (q2 + mass2) / s
    xi = least + (1 - least) * share**3  # denser where the densities are large
    quarks = wp.V_CS2 * shipped().isoscalar("s", xi, q2, anti=antineutrino) / xi
    quarks = quarks + wp.V_CD2 * shipped().isoscalar("d", xi, q2, anti=antineutrino) / xi
    density = quarks * (1 - mass2 / (xi * s)) / (1 + q2 / M_W_GEV**2) ** 2 * q2
    found = (density * (1 - least) * 3 * share**2).mean() * np.log(s - mass2)
    wanted = wp.CHARM_TO_MUON * G_FERMI**2 / np.pi * HBARC2_GEV2_CM2 * found
    assert wp.charm_dimuon_cross_section(energy, antineutrino=antineutrino) == pytest.approx(wanted, rel=2e-3)


def test_soft_muons_are_lost() -> None:
    energy = np.array([300.0, 1e3, 1e4])
    every, some, few = (wp.charm_dimuon_cross_section(energy, least_muon_gev=m) for m in (0.0, 10.0, 100.0))
    assert (every > some).all()
    assert (some > few).all()
    assert wp.charm_dimuon_cross_section(150.0, least_muon_gev=100.0) == 0
    late = wp.charm_dimuon_cross_section(1e7, least_muon_gev=100.0)
    assert late == pytest.approx(wp.charm_dimuon_cross_section(1e7), rel=0.02)


def test_what_is_not_tabulated() -> None:
    with pytest.raises(ParameterError, match="10 to 1e\\+08 GeV"):
        wp.trident_cross_section([100.0, 5.0], DIMUON)
    with pytest.raises(ParameterError, match="unknown trident"):
        wp.trident_cross_section(100.0, "numu_to_numu_mu+_mu-")
    with pytest.raises(ParameterError, match="unknown flavour"):
        wp.w_cross_section(1e5, "nu")
    with pytest.raises(ParameterError, match="too low for charm"):
        wp.charm_dimuon_cross_section(2.0)
