"""COHERENT on caesium iodide: published and independently computed events, magnetic moments, and the dipole's edge."""

from __future__ import annotations

import csv
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.special import xlogy

import npinfer
from npinfer.cli.main import run
from npinfer.core import wilks
from npinfer.errors import ConfigurationError, InferenceError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.paths import data_file
from npinfer.physics.coherent import BOHR_MAGNETON_PER_MEV, MICHEL_END_MEV, NUCLEI, PROMPT_ENERGY_MEV
from tests.source_data import SOURCE_DATA

SOURCE = SOURCE_DATA / "coherent_csi_2021"
HELD = {"flux": 1.0, "quenching_0": 0.0, "quenching_1": 0.0, "threshold": 0.0, "radius": 0.0}
LIGHT = [0, 12, 16, 20, 24, 32, 40, 50, 60]
TIME = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 2, 4, 6]
BOTH = ("coherent_csi", "coherent_lar_new_physics")
MOMENTS = {  # 90 %, Δ(−2 ln L) = 2.71, one moment at a time: an independent computation, to 10 %
    ("fixed", "helm"): {"munu_mu": 2.5, "munu_e": 2.9, "munu": 2.15},
    ("floated", "helm"): {"munu_mu": 3.3, "munu_e": 2.9, "munu": 2.5},
    ("floated", "klein_nystrand"): {"munu_mu": 3.6, "munu_e": 3.5, "munu": 2.9},
}


@pytest.fixture(scope="module")
def csi() -> BinnedLikelihood:
    return npinfer.load("coherent_csi")


def table(name: str) -> np.ndarray:
    """A shipped table by its own reading: (8, 11)."""
    counts = np.zeros((8, 11))
    with data_file("coherent_csi", f"{name}.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            at = LIGHT.index(float(row["photo_electrons_low"])), TIME.index(float(row["time_us_low"]))
            counts[at] = float(row["counts"])
    return counts


def test_events_in_the_window(csi: BinnedLikelihood) -> None:
    seen = {name: counts.sum() for name, counts in csi.data.counts.items()}
    assert seen == {"coincidence": 1578, "anti_coincidence": 1295}
    assert table("brn").sum() == pytest.approx(18.4, rel=1e-5)
    assert table("nin").sum() == pytest.approx(5.6, rel=1e-5)


def test_published_number_of_events(csi: BinnedLikelihood) -> None:
    """306 ± 20 published; 317 to 325 ± 35 by an independent fit with the same pulse."""
    for fixed in (HELD, {}):
        result = npinfer.fit(csi, fixed=fixed)
        (found,) = [y for y in result.yields if y.sample == "cevns" and y.channel == "coincidence"]
        assert found.postfit == pytest.approx(306, abs=20)
        assert found.postfit_error == pytest.approx(35, abs=1)
    assert result.valid


def test_signal_pulled_to_the_data(csi: BinnedLikelihood) -> None:
    """With the norm of the Standard Model: 0.95 ± 0.075 of the prediction by an independent fit."""
    (found, *_) = npinfer.fit(csi, fixed={"cevns_norm": 1.0}).yields
    assert found.sample == "cevns"
    assert found.postfit / found.prefit == pytest.approx(0.95, abs=0.02)
    assert found.postfit_error / found.prefit == pytest.approx(0.075, abs=0.005)


@pytest.mark.parametrize("form", ["helm", "klein_nystrand"])
def test_floated_pulse(form: str) -> None:
    """Independent fits have t0 = 0.53 to 0.58, σ = 0.22 to 0.30 µs and 318 to 350 events, by their binning.

    Our width, 0.211 µs, lies a fifth of its error below theirs.
    """
    result = npinfer.fit(npinfer.load("coherent_csi", timing="floated", form_factor=form), fixed=HELD)
    assert 0.53 < result.values["coherent_csi.pulse_mean"] < 0.58
    assert 318 < result.yields[0].postfit < 350
    width = "coherent_csi.pulse_width"
    below = (0.22 - result.values[width]) / result.errors[width]
    assert 0 < below < 0.25


@pytest.mark.parametrize(("timing", "form"), list(MOMENTS))
def test_magnetic_moments(timing: str, form: str) -> None:
    """Wilks' theorem, not calibrated with toys."""
    level = float(wilks.enclosed(2.71))
    for poi, expected in MOMENTS[timing, form].items():
        chosen = "universal_moment" if poi == "munu" else "magnetic_moment"
        likelihood = npinfer.load("coherent_csi", new_physics=chosen, timing=timing, form_factor=form)
        other = {"munu_mu": {"munu_e": 0.0}, "munu_e": {"munu_mu": 0.0}, "munu": {}}[poi]
        found = npinfer.interval(likelihood, poi, cl=level, fixed=other)
        assert found.upper == pytest.approx(expected, rel=0.1), poi
        assert found.lower == 0.0, poi


def test_the_fit_by_a_likelihood_written_out(csi: BinnedLikelihood) -> None:
    """Steady state by bins of light profiled in closed form; the norms by a simplex search."""
    signal = csi.expected({}).samples["cevns"]["coincidence"].reshape(8, 11)
    brn, nin, seen = table("brn"), table("nin"), table("coincidence")
    without = csi.data.counts["anti_coincidence"]
    edges = np.array(TIME)
    bent = np.unique([*edges, 0.52])
    rate = 0.0494
    grown = np.where(bent < 0.52, bent - 0.52, (1 - np.exp(-rate * (bent - 0.52))) / rate)  # integral of the efficiency
    shares = np.diff(np.interp(edges, bent, grown))
    shares /= shares.sum()

    def row(steady: float, others: np.ndarray, i: int) -> float:
        expected = others + steady * shares
        return float(np.sum(expected - xlogy(seen[i], expected)) + steady - xlogy(without[i], steady))

    def twice_nll(norms: np.ndarray) -> float:
        others = norms @ np.stack([signal, brn, nin]).reshape(3, -1)
        total = 0.0
        for i, other in enumerate(others.reshape(8, 11)):
            low, high = 1.0, 400.0
            for _ in range(60):  # the slope in the steady state grows
                middle = (low + high) / 2
                slope = 2 - np.sum(seen[i] * shares / (other + middle * shares)) - without[i] / middle
                low, high = (low, middle) if slope > 0 else (middle, high)
            total += row(middle, other, i)
        return 2 * total + ((norms[1] - 1) / 0.25) ** 2 + ((norms[2] - 1) * 5.6 / 2.0) ** 2

    best = minimize(twice_nll, np.ones(3), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9})
    result = npinfer.fit(csi, fixed=HELD)
    found = [result.values[f"coherent_csi.{name}"] for name in ("cevns_norm", "brn_norm", "nin_norm")]
    assert found == pytest.approx(best.x, abs=2e-5)


def test_poi_is_that_of_the_configuration() -> None:
    pois = {"none": "coherent_csi.cevns_norm", "magnetic_moment": "munu_mu", "universal_moment": "munu"}
    for chosen, poi in {**pois, "dipole": "d_munu", "zprime": "g_zprime"}.items():
        likelihood = npinfer.load("coherent_csi", new_physics=chosen)
        assert likelihood.poi == poi
        assert ("coherent_csi.cevns_norm" in likelihood.parameters.names) == (chosen == "none")


def test_every_poi_is_declared(tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("extends: coherent_csi\nname: other\npoi: [cevns_norm, d_nue]\n")
    with pytest.raises(ConfigurationError, match="unknown parameter 'd_nue'"):
        npinfer.load(file)


def test_a_light_dipole_is_a_magnetic_moment() -> None:
    """μ = 2d, with d in 1e-6 GeV^-1 and μ in 1e-9 Bohr magnetons."""
    dipole = npinfer.load("coherent_csi", new_physics="dipole", m_sterile=1e-6)
    moment = npinfer.load("coherent_csi", new_physics="magnetic_moment")
    d = npinfer.upper_limit(dipole, expected=False).observed
    mu = npinfer.upper_limit(moment, "munu_mu", fixed={"munu_e": 0.0}, expected=False).observed
    assert 2 * d * 1e-9 / BOHR_MAGNETON_PER_MEV * 1e9 == pytest.approx(mu, rel=1e-3)


def test_dipole_over_masses(tmp_path: Path) -> None:
    """Limits rise to the end of the muons' spectrum, beyond which none of them makes the heavy neutrino."""
    over = ["--over", "m_sterile=0.005:0.055:6", "--out", str(tmp_path), "--quiet"]
    assert run(["limit", "coherent_csi", "--with", "new_physics=dipole", *over]) == 0
    with (tmp_path / "limit_over_m_sterile.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(line for line in stream if not line.startswith("#")))
    limits = [float(row["d_munu observed"].replace("no limit", "inf")) for row in rows]
    masses = [float(row["m_sterile"]) for row in rows]
    assert limits == sorted(limits)
    assert masses[-1] > 1e-3 * MICHEL_END_MEV > masses[-2]
    assert np.isinf(limits[-1])


def test_prompt_neutrinos_make_no_heavier_ones_than_their_energy() -> None:
    """Just above 29.8 MeV, only delayed ones make it: no signal before the beam."""
    early = slice(0, 5)  # up to 0.625 µs
    shares = []
    for mass in (PROMPT_ENERGY_MEV - 3, PROMPT_ENERGY_MEV + 0.1):
        likelihood = npinfer.load("coherent_csi", new_physics="dipole", m_sterile=1e-3 * mass)
        of = [likelihood.expected({"d_munu": d}).samples["cevns"]["coincidence"].reshape(8, 11) for d in (0.0, 1.0)]
        time = (of[1] - of[0]).sum(axis=0)
        shares.append(time[early].sum() / time.sum())
    assert shares[0] > 2 * shares[1] > 0


@pytest.mark.parametrize("name", BOTH)
def test_dipole_limits_end_where_the_kinematics_do(name: str) -> None:
    """μ⁺ at rest gives E up to m_μ/2, which makes masses up to m + m²/2M = E: of the lightest nucleus there is."""
    mass_mev = {"coherent_csi": NUCLEI["Cs133"], "coherent_lar_new_physics": NUCLEI["Ar40"]}[name].mass_mev
    edge = mass_mev * (np.sqrt(1 + 2 * MICHEL_END_MEV / mass_mev) - 1)
    limits = []
    for below in (2.0, 0.2, -0.02):
        likelihood = npinfer.load(name, new_physics="dipole", m_sterile=1e-3 * (edge - below))
        none, some = (likelihood.expected({"d_munu": d}).total() for d in (0.0, 100.0))
        assert (some > none) == (below > 0)
        limits.append(npinfer.upper_limit(likelihood, expected=False).observed)
    assert limits[0] < limits[1] / 3
    assert limits[2] == np.inf


@pytest.mark.parametrize(("mass", "alone", "together"), [(0.02, (0.505, 0.463), 0.393), (0.04, (0.778, 1.341), 0.765)])
def test_dipole_limits_of_both_sets(mass: float, alone: tuple[float, float], together: float) -> None:
    """What the table of likelihoods/README.md says; each at least as strong as two rates apart would be."""
    members = [npinfer.load(name, new_physics="dipole", m_sterile=mass) for name in BOTH]
    found = [npinfer.upper_limit(m, "d_munu") for m in members]
    both = npinfer.upper_limit(npinfer.joint(*members), "d_munu")
    assert [f.observed for f in found] == pytest.approx(alone, rel=0.01)
    assert both.observed == pytest.approx(together, rel=0.01)
    best = sum(f.median**-4 for f in found) ** -0.25
    assert 0.97 * best < both.median < min(f.median for f in found)


@pytest.mark.slow
def test_asymptotic_limits_are_those_of_toys() -> None:
    likelihood = npinfer.load("coherent_csi", new_physics="magnetic_moment")
    asked = {"poi": "munu_mu", "fixed": {"munu_e": 0.0}, "expected": False}
    toys = npinfer.upper_limit(likelihood, method="toys", n_toys=150, **asked)
    asymptotic = npinfer.upper_limit(likelihood, **asked).observed
    assert toys.uncertainty < 0.08 * toys.observed
    assert asymptotic == pytest.approx(toys.observed, abs=3 * toys.uncertainty)


@pytest.mark.parametrize("mass", [0.04, 0.1, 0.3, 0.63, 2.0, 5.0, 9.5])
def test_the_deeper_of_two_minima_is_found(mass: float) -> None:
    """Where ν_μ's amplitude has the other sign and the same size: g grows as √(M² + q²), in a valley a tenth wide."""
    likelihood = npinfer.load("coherent_csi", new_physics="zprime", m_zprime=mass)
    mirrored = 0.0717 * np.hypot(mass, 0.061)
    scan = npinfer.profile(likelihood, {"g_zprime": np.r_[1e-4, mirrored * np.geomspace(0.7, 1.4, 29)]})
    assert npinfer.fit(likelihood).twice_nll <= scan.twice_nll + scan.delta_twice_nll.min() + 1e-6
    assert 0 < np.argmin(scan.delta_twice_nll[1:]) < 28


def test_a_zprime_is_excluded_in_pieces() -> None:
    """Of L_μ − L_τ, it interferes destructively; a sign of ν_μ's amplitude that is turned is not seen."""
    likelihood = npinfer.load("coherent_csi", new_physics="zprime", m_zprime=1.0)  # as a contact interaction
    events = lambda g: likelihood.expected({"g_zprime": g}).samples["cevns"]["coincidence"].sum()
    mirrored = float(brentq(lambda g: events(g) - events(0.0), 0.03, 0.3))
    found = npinfer.exclusion(likelihood, "g_zprime", np.geomspace(1e-3, 1, 121), expected=False).segments
    assert len(found) == 2
    assert found[0].lower < found[0].upper < mirrored < found[1].lower
    assert npinfer.fit(likelihood).values["g_zprime"] == pytest.approx(mirrored, rel=0.1)  # the deeper of two minima
    with pytest.raises(InferenceError, match="use exclusion on a grid of g_zprime"):
        npinfer.upper_limit(likelihood)


@pytest.mark.skipif(not SOURCE.is_dir(), reason=f"needs the release in {SOURCE}; set NPINFER_SOURCE_DATA to its parent")
def test_shipped_tables_equal_a_fresh_build(tmp_path: Path) -> None:
    spec = spec_from_file_location("build_coherent_csi", data_file("coherent_csi", "build.py"))
    assert spec is not None
    assert spec.loader is not None
    build = module_from_spec(spec)
    spec.loader.exec_module(build)
    build.main([str(SOURCE), str(tmp_path)])
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == sorted(path.name for path in data_file("coherent_csi", "brn.csv").parent.glob("*.csv"))
    for name in made:
        assert (tmp_path / name).read_bytes() == data_file("coherent_csi", name).read_bytes()


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("chosen", ["magnetic_moment", "universal_moment", "dipole", "zprime"])
def test_every_kind_of_new_physics_is_consistent(name: str, chosen: str, tmp_path: Path) -> None:
    """Also where the rate is flat in a moment that is zero; without the numbers that the file declares."""
    file = tmp_path / "undeclared.yaml"
    file.write_text(f"extends: {name}\nname: undeclared\n")
    checks = npinfer.validate(file, new_physics=chosen).checks
    assert [c.name for c in checks if not c.passed] == []


def test_its_own_numbers() -> None:
    validation = npinfer.validate("coherent_csi")
    assert [c for c in validation.checks if not c.passed] == []
    assert sum(c.source not in ("itself", "pyhf") for c in validation.checks) == 13


def test_caesium_iodide_and_argon_share_the_moment() -> None:
    """The joint limit is between the better one and what independent measurements of a rate could give at best."""
    members = [npinfer.load(name, new_physics="universal_moment") for name in BOTH]
    alone = [npinfer.upper_limit(m, "munu", expected=True).median for m in members]
    together = npinfer.upper_limit(npinfer.joint(*members), "munu", expected=True).median
    best = sum(a**-4 for a in alone) ** -0.25  # limits of μ², with independent errors, combine as 1/σ²
    assert best * 0.97 < together < min(alone)
    dipoles = [npinfer.load(m.description.name, new_physics="dipole", m_sterile=0.02) for m in members]
    found = npinfer.upper_limit(npinfer.joint(*dipoles), "d_munu", expected=False)
    assert 0.1 < found.observed < 1.0
