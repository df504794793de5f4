"""Millicharged particles from the atmosphere: likelihoods against published limits and computed counts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

import npinfer
from npinfer.cli.main import run
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.physics.millicharge import detection, mesons
from npinfer.physics.millicharge.events import COMPONENTS
from npinfer.physics.millicharge.kinematics import KINETIC_GEV, boosted
from tests.source_data import SOURCE_DATA

COMPANION = SOURCE_DATA / "mcp_heavenly" / "Data"
SINGLE, MULTIPLE, SUPERK = "juno_millicharge_single", "juno_millicharge_multiple", "superk_millicharge"
TARGET = 1.854e42  # electrons of Super-K times seconds
LIFETIMES_S = {"pi0": 8.43e-17, "eta": 5.02e-19, "rho": 4.41e-24, "omega": 7.75e-23, "phi": 1.55e-22, "jpsi": 7.09e-21}
needs_companion = pytest.mark.skipif(not COMPANION.is_dir(), reason="the fluxes of MCEq are not shipped")


@cache
def load(name: str, mass: float, **configuration: object) -> BinnedLikelihood:
    return npinfer.load(name, m_chi=mass, **configuration)


def norms(name: str, *off: str) -> dict[str, float]:
    """All ways to make χ held at the table, those of `off` at their lowest."""
    return {f"{name}.{c}_norm": 1e-3 if c in off else 1.0 for c in COMPONENTS}


@cache
def jpsi_of_mceq() -> float:
    """The norm of J/ψ that gives the χ of 1 GeV of MCEq, 5.7e-10 ε² cm⁻² s⁻¹ from above."""
    return 5.7e-10 / (2 * np.pi * float(mesons.chi_flux("jpsi", 1.0).sum()))


def signal(likelihood: BinnedLikelihood, values: dict[str, float] | np.ndarray) -> np.ndarray:
    """Expected events of χ by bin of the only channel."""
    samples = likelihood.expected(values).samples
    (channel,) = (c.name for c in likelihood.channels)
    return sum(samples[c][channel] for c in COMPONENTS)


def edges(likelihood: BinnedLikelihood, fixed: dict[str, float] | None = None) -> list[tuple[float, float]]:
    """Excluded pieces of ε at 90 %."""
    grid = np.geomspace(1e-4, 1, 40)
    found = npinfer.exclusion(likelihood, "epsilon", grid, fixed=fixed or {}, expected=False)
    return [(s.lower, s.upper) for s in found.segments]


# ---- closure of the method with the fluxes of MCEq


@cache
def cascade(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Energies [GeV] and decays [cm^-2 s^-1 GeV^-1] of the companion's flux: trapezoids in X and cosθ, times 2π."""
    path, mass = COMPANION / "Mesons" / f"{name}_file.csv", mesons.MESONS[name].mass_gev
    header = path.read_text().splitlines()[0].split(",")
    columns = dict(zip(header, np.loadtxt(path, delimiter=",", skiprows=1).T, strict=True))
    flux = next(v for k, v in columns.items() if "1/GeV" in k)
    wanted = (header[0], "Density (gr/cm3)", "Energy (GeV)", "Slant depth (gr/cm2)")
    cosine, density, energy, depth = (columns[k] for k in wanted)
    speed = np.sqrt(np.maximum((energy / mass) ** 2 - 1, 1e-12))
    rate = flux / (speed * 2.99792458e10 * LIFETIMES_S[name] * density)
    order = np.lexsort((depth, energy, cosine))
    shape = (np.unique(cosine).size, np.unique(energy).size, -1)
    over_depth = np.trapezoid(rate[order].reshape(shape), depth[order].reshape(shape), axis=-1)
    return np.unique(energy)[1:], 2 * np.pi * np.trapezoid(over_depth, np.unique(cosine), axis=0)[1:]


def closure(mass: float) -> tuple[float, float]:
    """Flux/ε² and N/ε⁴ of Super-K, 16 to 88 MeV, with those fluxes and this package's decays and recoils."""
    flux = events = 0.0
    window = TARGET * detection.cross_section(mass + KINETIC_GEV, mass, 0.016, 0.088)
    for name in LIFETIMES_S:
        branching = 2 * mesons.branching_ratio(name, mass)
        if branching == 0:
            continue
        energy, decays = cascade(name)
        rest, probability = mesons._rest_energies(name, mass)
        speed = np.sqrt((energy / mesons.MESONS[name].mass_gev) ** 2 - 1)
        seen = np.einsum("k,nkc,c->n", probability, boosted(speed[:, None], rest, mass), window)
        flux += branching * np.trapezoid(decays, energy)
        events += branching * np.trapezoid(decays * seen, energy)
    return flux, events


@needs_companion
@pytest.mark.parametrize(
    ("mass", "low", "high", "events"),
    [
        (0.01, 6.0e-4, 6.7e-4, 8.5e12), (0.1, 1.4e-5, 1.6e-5, 1.333e11), (0.2, 5.9e-6, 6.5e-6, 3.754e10),
        (0.3, 4.9e-6, 5.4e-6, 1.807e10), (0.5, 2.8e-8, 2.8e-8, None), (1.0, 5.7e-10, 5.7e-10, 1.29e7),
    ],
)  # fmt: skip
def test_closure_with_fluxes_of_mceq(mass: float, low: float, high: float, events: float | None) -> None:
    flux, found = closure(mass)
    assert 0.98 * low < flux < 1.02 * high
    assert events is None or found == pytest.approx(events, rel=0.05)


# ---- Super-Kamiokande


def test_the_count_excludes_ten_events() -> None:
    likelihood, held = load(SUPERK, 0.2), norms(SUPERK)
    lowest, _ = edges(likelihood, held)[0]
    assert signal(likelihood, {**held, "epsilon": lowest}).sum() == pytest.approx(10.0, abs=0.2)


@needs_companion
@pytest.mark.parametrize(
    ("mass", "published"), [(0.01, 1.080e-6), (0.1, 7.851e-6), (0.2, 1.648e-5), (0.3, 2.410e-5)]
)
def test_with_fluxes_of_mceq_the_published_limits_are_met(mass: float, published: float) -> None:
    """The events that the likelihood excludes over those of MCEq's mesons, decays alone."""
    likelihood, held = load(SUPERK, mass), norms(SUPERK, "bremsstrahlung", "drell_yan")
    lowest, _ = edges(likelihood, held)[0]
    excluded = signal(likelihood, {**held, "epsilon": lowest}).sum()
    assert np.sqrt(excluded / closure(mass)[1]) == pytest.approx(published, rel=0.12)


FAST = "the published fluxes have fewer fast mesons: 1.45 times the events at 10 MeV, 1.36 times at 0.3 GeV"
ONLY_JPSI = "the published curve has J/ψ alone, though φ decays up to 0.5097 GeV"
MORE_JPSI = "cross sections of J/ψ are recalled, and 2.4 times those of MCEq"


@pytest.mark.parametrize(
    ("mass", "published"),
    [
        pytest.param(0.01, 1.080e-6, marks=pytest.mark.xfail(strict=True, reason=FAST)),
        (0.1, 7.851e-6), (0.2, 1.648e-5),
        pytest.param(0.3, 2.410e-5, marks=pytest.mark.xfail(strict=True, reason=FAST)),
        pytest.param(0.5, 1.143e-3, marks=pytest.mark.xfail(strict=True, reason=ONLY_JPSI)),
        pytest.param(1.0, 1.221e-3, marks=pytest.mark.xfail(strict=True, reason=MORE_JPSI)),
    ],
)  # fmt: skip
def test_limits_of_decays(mass: float, published: float) -> None:
    lowest, _ = edges(load(SUPERK, mass), norms(SUPERK, "bremsstrahlung", "drell_yan"))[0]
    assert lowest**2 == pytest.approx(published, rel=0.12)


def test_with_fewer_pions_the_published_limit_is_met() -> None:
    """π⁰ scaled so that χ from above of 10 MeV are 8.5e12 ε⁴ events, those of MCEq."""
    window = 2 * np.pi * TARGET * detection.cross_section(0.01 + KINETIC_GEV, 0.01, 0.016, 0.088)
    events = {name: float(mesons.chi_flux(name, 0.01) @ window) for name in mesons.MESONS}
    pions = 1 - (sum(events.values()) - 8.5e12) / events["pi0"]
    held = norms(SUPERK, "bremsstrahlung", "drell_yan") | {f"{SUPERK}.pi0_norm": pions}
    assert edges(load(SUPERK, 0.01), held)[0][0] ** 2 == pytest.approx(1.080e-6, rel=0.12)


@pytest.mark.parametrize(("mass", "published"), [(0.5, 1.143e-3), (1.0, 1.221e-3)])
def test_with_the_jpsi_of_mceq_alone_the_published_limit_is_met(mass: float, published: float) -> None:
    """Ten events of J/ψ; norms cannot go to zero, and a thousandth of bremsstrahlung adds some at 0.5 GeV."""
    likelihood, held = load(SUPERK, mass), norms(SUPERK) | {f"{SUPERK}.jpsi_norm": jpsi_of_mceq()}

    def more(epsilon: float) -> float:
        return float(likelihood.expected({**held, "epsilon": epsilon}).total("jpsi")) - 10.0

    assert brentq(more, 0.01, 0.05) ** 2 == pytest.approx(published, rel=0.12)


def test_upper_edge() -> None:
    """Events rise, turn once and vanish: the excluded piece closes, near ε² of 1e-2 where the flux is lost."""
    for mass in (0.01, 0.2, 1.0):
        likelihood = load(SUPERK, mass)
        ((lowest, highest),) = edges(likelihood)
        assert 5e-3 < highest**2 < 5e-2
        assert lowest < highest < 1.0
        points = np.tile(likelihood.parameters.init, (400, 1))
        points[:, likelihood.parameters.index("epsilon")] = np.geomspace(5e-4, 1, 400)
        rates = likelihood.rates(points).sum(axis=1)
        rising = np.diff(rates) > 1e-9
        assert np.all(np.diff(rising.astype(int)) <= 0)
        assert rates[-1] == pytest.approx(31.0, abs=1e-6)


def test_a_single_limit_is_refused() -> None:
    with pytest.raises(npinfer.NpinferError, match="use exclusion"):
        npinfer.upper_limit(load(SUPERK, 0.1))


def test_norm_of_eta() -> None:
    """A factor of two in η moves the limit to where there are as many events; it is profiled."""
    likelihood, eta = load(SUPERK, 0.1), f"{SUPERK}.eta_norm"
    moved = {v: edges(likelihood, norms(SUPERK) | {eta: v})[0][0] for v in (0.5, 1.0, 2.0)}
    events = [signal(likelihood, norms(SUPERK) | {eta: v, "epsilon": e}).sum() for v, e in moved.items()]
    assert events == pytest.approx([events[1]] * 3, rel=1e-3)
    assert moved[0.5] > moved[1.0] > moved[2.0]
    assert edges(likelihood)[0][0] > moved[1.0]


def test_poles_lead_below_a_gev() -> None:
    """With ρ and ω as poles bremsstrahlung makes most χ below 0.38 GeV, as published; as decays it does not."""
    total = {}
    for poles in ("decays", "bremsstrahlung"):
        expected = load(SUPERK, 0.2, poles=poles).expected({"epsilon": 1e-3}).samples
        total[poles] = {k: float(v["recoil"].sum()) for k, v in expected.items() if k != "background"}
    assert total["bremsstrahlung"]["bremsstrahlung"] > 0.9 * sum(total["bremsstrahlung"].values())
    assert total["bremsstrahlung"]["rho"] == total["bremsstrahlung"]["omega"] == 0.0
    assert total["decays"]["bremsstrahlung"] < 0.5 * sum(total["decays"].values())


# ---- JUNO


BACKGROUNDS = {f"{SINGLE}.{n}_norm": 1.0 for n in ("boron8", "cosmogenic", "neutral_current")}
JUNO_LIMITS = pytest.mark.parametrize(
    ("mass", "published"), [(0.01, 7.24e-7), (0.1, 5.26e-6), (0.2, 1.095e-5), (1.0, 7.50e-4)]
)


@JUNO_LIMITS
@pytest.mark.xfail(strict=True, reason="weaker by 2.1 to 2.7: neutral currents, which the publication seems to reject")
def test_published_limits_of_juno(mass: float, published: float) -> None:
    held = norms(SINGLE, "bremsstrahlung", "drell_yan") | BACKGROUNDS
    assert edges(load(SINGLE, mass), held)[0][0] ** 2 == pytest.approx(published, rel=0.3)


@JUNO_LIMITS
def test_without_neutral_currents_the_published_limits_of_juno_are_met(mass: float, published: float) -> None:
    """With a hundredth of them, and the J/ψ of MCEq."""
    held = norms(SINGLE, "bremsstrahlung", "drell_yan") | BACKGROUNDS
    held |= {f"{SINGLE}.neutral_current_norm": 0.01, f"{SINGLE}.jpsi_norm": jpsi_of_mceq()}
    likelihood = load(SINGLE, mass)
    without = likelihood.with_data(likelihood.asimov({**held, "epsilon": 0.0}))
    assert edges(without, held)[0][0] ** 2 == pytest.approx(published, rel=0.3)


@pytest.mark.parametrize("mass", [0.01, 0.1, 1.0])
def test_limits_of_juno_are_those_of_counts_without_a_signal(mass: float) -> None:
    """2 Σ [s - b ln(1 + s/b)] = 1.645², where CLs of a median count is 10 %."""
    likelihood, held = load(SINGLE, mass), norms(SINGLE) | BACKGROUNDS
    background = likelihood.data.counts["recoil"]

    def above(epsilon: float) -> float:
        expected = signal(likelihood, {**held, "epsilon": epsilon})
        return 2 * float(np.sum(expected - background * np.log1p(expected / background))) - 1.6448536**2

    lowest, _ = edges(likelihood, held)[0]
    assert lowest == pytest.approx(brentq(above, 0.5 * lowest, 2 * lowest), rel=1e-4)


@pytest.mark.parametrize(("mass", "existing"), [(1.0, 1.988e-2), (1.5, 4.642e-2), (2.0, 5.993e-2), (3.0, 9.982e-2)])
def test_reach_of_several_recoils(mass: float, existing: float) -> None:
    """Beyond limits of 2021, further with a threshold of 0.1 MeV than with 0.7."""
    low, high = (edges(load(MULTIPLE, mass, threshold_mev=t))[0][0] for t in (0.1, 0.7))
    assert low < high < existing


@pytest.mark.xfail(strict=True, reason="too few χ cross JUNO: Drell–Yan at leading order, on protons alone")
@pytest.mark.parametrize("mass", [5.0, 10.0])
def test_published_reach_of_several_recoils(mass: float) -> None:
    """arXiv:2406.01668 reaches beyond present limits up to 10 GeV."""
    assert edges(load(MULTIPLE, mass, threshold_mev=0.1)) != []


def test_too_few_pass_juno_to_reach_ten_gev() -> None:
    """All χ of 5 GeV that cross JUNO in ten years are fewer than three events up to ε = 0.2: nothing is excluded."""
    from npinfer.physics.millicharge import drell_yan

    juno = detection.detector("juno")
    crossing = 0.2**2 * 2 * np.pi * drell_yan.chi_flux(5.0).sum() * juno.mean_area_cm2 * 3.1536e8
    assert crossing < 3
    assert edges(load(MULTIPLE, 5.0, threshold_mev=0.1)) == []


def test_powers_of_epsilon() -> None:
    for name, power in ((SINGLE, 4), (MULTIPLE, 6)):
        low, high = (load(name, 0.1).expected({"epsilon": e}) for e in (1e-6, 2e-6))
        low, high = (sum(float(t.total(c)) for c in COMPONENTS) for t in (low, high))
        assert high / low == pytest.approx(2**power, rel=1e-9)


# ---- all together


def test_the_joint_likelihood_shares_one_flux() -> None:
    joint = load("joint/millicharge", 0.1)
    assert [n for n in joint.parameters.names if n.endswith("eta_norm")] == ["eta_norm"]
    rng = np.random.default_rng(0)
    at = {p.name: float(rng.uniform(0.9, 1.1) * p.init) for p in joint.parameters} | {"epsilon": 2e-3}
    parts = 0.0
    for name in (SUPERK, SINGLE, MULTIPLE):
        member = load(name, 0.1)
        own = {n: at.get(n, at.get(n.rpartition(".")[2])) for n in member.parameters.names}
        parts += sum(v for k, v in member.logpdf_terms(own).items() if k in (c.name for c in member.channels))
    whole = joint.logpdf_terms(at)
    data = sum(v for k, v in whole.items() if k.rpartition(".")[2] in ("recoil", "coincidence"))
    assert data == pytest.approx(parts, rel=1e-12)


@pytest.mark.parametrize("name", [SUPERK, SINGLE, MULTIPLE, "joint/millicharge"])
def test_declared_numbers(name: str) -> None:
    validation = npinfer.validate(name)
    assert [c.name for c in validation.checks if not c.passed] == []


def test_what_they_say_of_themselves() -> None:
    superk, juno = load(SUPERK, 0.1), load(SINGLE, 0.1)
    assert (superk.description.kind, superk.description.status) == ("real", "approximate")
    assert (juno.description.kind, juno.data.kind) == ("asimov", "asimov")
    for forecast in (juno, load(MULTIPLE, 0.1), load(SUPERK, 0.1, exposure=10.0)):  # without a signal
        assert signal(forecast, forecast.parameters.init).sum() == 0.0
        (counts,), (expected,) = (d.counts.values() for d in (forecast.data, forecast.asimov(forecast.parameters.init)))
        assert counts.tolist() == expected.tolist()
    assert any("stand-in" in note for note in superk.description.notes)


def test_the_curve_over_masses(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    over = ["epsilon=1e-4:1:30:log", "--over", "m_chi=0.02:1.2:4:log", "--no-expected", "--out", str(tmp_path)]
    assert run(["exclusion", SUPERK, *over]) == 0
    assert "every row is local to its m_chi" in capsys.readouterr().out
    rows = [r.split(",") for r in (tmp_path / "exclusion_over_m_chi.csv").read_text().splitlines() if r[:1] != "#"]
    lowest = [float(r[rows[0].index("from")]) for r in rows[1:]]
    assert np.all(np.diff(lowest) > 0)
