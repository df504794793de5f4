"""DeepCore's three-year sample: its reader and generator, with made-up events of the documented columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer.errors import ConfigurationError, DataError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.physics import deepcore
from npinfer.physics.deepcore_events import differentiable
from npinfer.physics.flavour import oscillation_fit
from npinfer.physics.oscillation import Mixing, earth_probabilities, layered_earth
from npinfer.physics.u1_models import u1_model

HEADER = "true_energy,true_coszen,reco_energy,reco_coszen,pid,weight,pdg,type"
NUMBER = 6000
EDGES = np.array([5.623413, 7.498942, 10.0, 13.335215, 17.782795, 23.713737, 31.622776, 42.16965, 56.23413])
LIVETIME_S = 2.5 * 365 * 86400
Write = Callable[..., Path]


def made_up() -> np.ndarray:
    """Events (events, 8) in the order of HEADER, smeared in energy and direction, of every species and interaction."""
    rng = np.random.default_rng(4)
    energy, cosine = 10 ** rng.uniform(0.6, 2.3, NUMBER), rng.uniform(-1, 1, NUMBER)
    seen = energy * np.exp(0.3 * rng.standard_normal(NUMBER))
    direction = np.clip(cosine + 0.15 * rng.standard_normal(NUMBER), -0.999, 0.999)
    pdg = rng.choice([12, 14, 16], NUMBER) * rng.choice([-1, 1], NUMBER)
    kind = rng.choice(4, NUMBER)
    track = (np.abs(pdg) == 14) & (kind > 0) & (rng.random(NUMBER) < 0.7)
    weight = 2e-7 * energy**2 * rng.uniform(0.5, 1.5, NUMBER)
    return np.stack([energy, cosine, seen, direction, track, weight, pdg, kind], axis=1)


TABLE = made_up()


def text(table: np.ndarray = TABLE, header: str = HEADER) -> str:
    return header + "\n" + "\n".join(",".join(f"{v:.9g}" for v in row) for row in table) + "\n"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("deepcore") / "neutrino_mc.csv"
    file.write_text(text(), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def likelihood(path: Path) -> BinnedLikelihood:
    return npinfer.load("deepcore_3y", events=str(path), u1_model="B-3Lmu")


def test_columns_are_found_by_name(path: Path, write: Write) -> None:
    events = deepcore.read_events(path)
    np.testing.assert_allclose(events.true_energy_gev, TABLE[:, 0], rtol=1e-8)
    np.testing.assert_array_equal(events.flavour, np.abs(TABLE[:, 6]) / 2 - 6)
    np.testing.assert_array_equal(events.anti, TABLE[:, 6] < 0)
    np.testing.assert_array_equal(events.neutral, TABLE[:, 7] == 0)
    np.testing.assert_array_equal(events.track, TABLE[:, 4] == 1)
    order = np.random.default_rng(0).permutation(8)
    other = deepcore.read_events(write(text(TABLE[:, order], ",".join(np.array(HEADER.split(","))[order])), "mc.csv"))
    for name in events.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(other, name), getattr(events, name))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (0, 0.0, r"true_energy: found 0, expected an energy above 0"),
        (1, -1.2, r"true_coszen: found -1.2, expected -1 to 1"),
        (4, 2, r"pid: found 2, expected 0 or 1"),
        (5, np.nan, r"weight: found nan, expected a weight of at least 0"),
        (6, 13, r"pdg: found 13, expected ±12, ±14 or ±16"),
        (7, 4, r"type: found 4, expected 0 to 3"),
    ],
)
def test_values_out_of_the_schema_are_named(column: int, value: float, message: str, write: Write) -> None:
    table = TABLE[:5].copy()
    table[3, column] = value
    with pytest.raises(DataError, match=rf"mc.csv:5: {message}"):
        deepcore.read_events(write(text(table), "mc.csv"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (text(TABLE[:2], HEADER.replace("pdg", "code")), r"mc.csv:1: no column 'pdg'; expected true_energy,"),
        (HEADER + "\n1,2,x,4,5,6,7,8\n", r"mc.csv: not a table of numbers"),
        (HEADER + "\n1,2\n", r"mc.csv: not a table of numbers"),
    ],
)
def test_malformed_files_are_named(content: str, message: str, write: Write) -> None:
    with pytest.raises(DataError, match=message):
        deepcore.read_events(write(content, "mc.csv"))


def test_a_missing_file_says_where_it_comes_from() -> None:
    with pytest.raises(DataError, match=r"neutrino_mc.csv: no such file; download .*highstats_nuosc_3y.*--with events"):
        npinfer.load("deepcore_3y", events="nowhere/neutrino_mc.csv")


def test_detector_factors_are_those_of_the_readme(likelihood: BinnedLikelihood) -> None:
    """Nominal: offset + overall + 25 lateral; at the published best fit 2.1, −2.6, 1.05, 22.5, −1.15 of the slopes."""
    planes = deepcore.hyperplanes("deepcore_3y", likelihood.channels)
    nominal, fitted = (1.0, 1.0, 1.0, 0.0, 0.0), (1.021, 0.974, 1.05, -0.25, -1.15)
    for values, slopes in ((nominal, (0, 0, 1, 25, 0)), (fitted, (2.1, -2.6, 1.05, 22.5, -1.15))):
        point = {name: np.array([v]) for name, v in zip(deepcore.DETECTOR, values, strict=True)}
        found = deepcore.detector_factors(planes, point)[0]
        np.testing.assert_allclose(found, planes[0] + np.tensordot(slopes, planes[1:], axes=1), rtol=1e-9)
    np.testing.assert_allclose(planes[:, 0, 0], [0.482999, -0.000668132, -0.0131735, 0.662812, -0.00660735, 0.0371383])


def test_flux_is_the_published_table_at_its_points() -> None:
    """Of ν and ν̄, of e and μ, at 10 GeV and cos zenith −0.95; below 5 GeV the power law of the first two goes on."""
    flux = deepcore.atmospheric_flux(np.array([10.0]), np.array([-0.95]))
    np.testing.assert_allclose(flux[0], [[4.4368e-2, 2.5691e-1], [3.3583e-2, 1.9424e-1]], rtol=1e-4)
    below, first, second = deepcore.atmospheric_flux(10 ** np.array([0.65, 0.70, 0.75]), np.full(3, 0.33))
    np.testing.assert_allclose(below, first**2 / second, rtol=1e-4)


def test_counts_against_the_events_one_by_one(likelihood: BinnedLikelihood) -> None:
    """Each event with the probability at its own place: a channel to 1 %, a bin to 2 % of the fullest, by the cells."""
    values = {"dm2_31": 2.45, "s2_23": 0.52, "eps0": 0.004, "tilt": 0.05, "nue_ratio": 1.1, "nc_norm": 0.9}
    found = likelihood.expected(values).samples["neutrinos"]
    energy, cosine, seen, direction, track, weight, pdg, kind = TABLE.T
    fit = oscillation_fit("nufit-5.2-NO-withSK")
    mixing = Mixing(fit.s2_12, fit.s2_13, 0.52, fit.delta_rad, 7.41e-5, 2.45e-3)
    through = layered_earth(2.0, model=u1_model("B-3Lmu"), mass_ev=1e7)
    flavour, anti = (np.abs(pdg) // 2 - 6).astype(int), pdg < 0
    p = [earth_probabilities(energy, cosine, mixing, through, eps0=0.004, antineutrinos=a) for a in (False, True)]
    index = np.arange(NUMBER)
    flux = deepcore.atmospheric_flux(energy, cosine)[index, anti.astype(int)]
    to = [np.where(anti, p[1][a, flavour, index], p[0][a, flavour, index]) for a in (0, 1)]
    oscillated = 1.1 * flux[:, 0] * to[0] + flux[:, 1] * to[1]
    rate = LIVETIME_S * weight * oscillated * (energy / 10) ** 0.05 * np.where(kind == 0, 0.9, 1.0)
    planes = deepcore.hyperplanes("deepcore_3y", likelihood.channels)
    factors = (planes[0] + planes[3] + 25 * planes[4]).reshape(4, 2, 8, 8)
    for k, channel in enumerate(deepcore.CHANNELS):
        expected = np.zeros((8, 8))
        for group in range(4):
            mine = (track == k) & (np.where(kind == 0, 0, flavour + 1) == group)
            bins = [EDGES, np.linspace(-1, 1, 9)]
            content, _, _ = np.histogram2d(seen[mine], direction[mine], bins, weights=rate[mine])
            expected += content * factors[group, k]
        assert found[channel].sum() == pytest.approx(expected.sum(), rel=0.01)
        np.testing.assert_allclose(found[channel].ravel(), expected.ravel(), rtol=0, atol=0.02 * expected.max())


def test_derivatives(likelihood: BinnedLikelihood) -> None:
    p = likelihood.parameters
    point = p.vector({"eps0": 0.003, "tilt": 0.02, "opt_eff_lateral": 0.3})
    _, jacobian = likelihood.rates_jacobian(point[None])
    for i, name in enumerate(p.names):
        step = 1e-4 * (0.1 if name == "eps0" else 1.0)
        ends = [point + s * (np.arange(len(p)) == i) for s in (step, -step)]
        up, down = likelihood.rates(np.array(ends))
        slope = jacobian[0, i]
        np.testing.assert_allclose(slope, (up - down) / (2 * step), atol=2e-5 * np.abs(slope).max() + 1e-9)


def test_a_real_function_of_complex_points() -> None:
    function = differentiable(lambda x: np.stack([x[:, 0] ** 2 * x[:, 1], np.sin(x[:, 1])], axis=1), [1e-4, 1e-4])
    points = np.array([[2.0 + 1e-30j, 3.0], [2.0, 3.0 + 2e-30j], [2.0, 3.0], [1.0, 1.0 + 1e-30j]])
    found = function(points)
    np.testing.assert_allclose(found.real, [[12, np.sin(3)]] * 3 + [[1, np.sin(1)]])
    expected = [[12, 0], [8, 2 * np.cos(3)], [0, 0], [1, np.cos(1)]]
    np.testing.assert_allclose(found.imag / 1e-30, expected, atol=1e-7)
    assert not np.iscomplexobj(function(points.real))


@pytest.mark.slow
def test_an_asimov_fit_returns_its_truth(path: Path, write: Write) -> None:
    coarse = "extends: deepcore_3y\nname: coarse\nsamples: {neutrinos: {inputs: {cells: [12, 12]}}}\n"
    likelihood = npinfer.load(write(coarse, "coarse.yaml"), events=str(path), u1_model="B-3Lmu")
    truth = {"dm2_31": 2.45, "s2_23": 0.44, "eps0": 0.004}
    names = (*deepcore.DETECTOR, "nue_ratio", "nc_norm", "tilt")
    fixed = {name: likelihood.parameters[name].init for name in names}
    result = npinfer.fit(likelihood, data=likelihood.asimov(truth), fixed=fixed)
    for name, value in truth.items():
        assert dict(result.values)[likelihood.parameters[name].name] == pytest.approx(value, rel=1e-3)


def test_other_channels_are_refused(path: Path, write: Write) -> None:
    axes = "{energy_gev: {edges: [5.6, 10, 56]}, cos_zenith: {linear: [-1, 1, 8]}}"
    mine = f"extends: deepcore_3y\nname: mine\nchannels: {{cascade: {{axes: {axes}}}}}\n"
    with pytest.raises(ConfigurationError, match="no bin"):
        npinfer.load(write(mine, "mine.yaml"), events=str(path))
