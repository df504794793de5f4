"""coverage: against exact probabilities of one bin, shifts of nuisance parameters, faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import poisson

import npinfer
from npinfer import IntervalOptions, RunOptions
from npinfer.core import wilks
from npinfer.core.result import Coverage
from npinfer.errors import ConfigurationError, ParameterError
from npinfer.inference.shifts import shifted_truths
from npinfer.likelihood.binned import BinnedLikelihood

TEXT = """\
schema: npinfer/likelihood/1
name: one_bin
kind: real
status: illustrative
poi: s
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [4]}}
samples:
  signal: {template: {count: [1]}, scale: s}
  background: {template: {count: [0.5]}, scale: level}
parameters:
  s: {init: 0.5, bounds: [0, 50]}
  level: {init: 1, bounds: [0.01, 5], constraint: {normal: {mean: 1, sigma: 0.3}}, group: background}
"""
KNOWN = {"one_bin.level": 1.0}


@pytest.fixture(scope="module")
def likelihood(tmp_path_factory: pytest.TempPathFactory) -> BinnedLikelihood:
    path = tmp_path_factory.mktemp("coverage") / "one_bin.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return npinfer.load(path)


def exact(s: float, critical: float) -> float:
    """The probability that n has t at or below a critical value, the background known."""
    n = np.arange(80)
    best = np.maximum(n, 0.5)
    t = 2 * (s + 0.5 - best - n * np.log((s + 0.5) / best))
    return float(poisson.pmf(n, s + 0.5)[t <= critical + 1e-9].sum())


@pytest.mark.parametrize("s", [0.5, 1.0, 2.0])
def test_one_bin_has_exact_coverage(likelihood: BinnedLikelihood, s: float) -> None:
    """Wilks' coverage of a nominal 68 % interval is 59 to 92 % here; the calibrated one is at or above its level."""
    calibration = npinfer.calibrate(likelihood, {"s": [0.5, 1.0, 2.0]}, n_toys=0, fixed=KNOWN)
    question = IntervalOptions("s", (0.68, 0.90), KNOWN, calibration)
    found = npinfer.coverage(likelihood, question, at={"s": s}, n_toys=3000)
    assert [row.setting for row in found.rows] == ["fit", "fit"]  # nothing else is free
    for row in found.rows:
        for tail, critical in ((row.calibrated, row.critical), (row.wilks, wilks.threshold(row.cl))):
            p = exact(s, critical)
            assert tail.value == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 3000))
        assert exact(s, row.critical) >= row.cl
    assert "believe it" in found.describe()
    assert "do not believe" not in found.describe()


def test_wilks_alone(likelihood: BinnedLikelihood) -> None:
    found = npinfer.coverage(likelihood, IntervalOptions("s", (0.68,), KNOWN), at={"s": 2}, n_toys=500)
    assert found.rows[0].calibrated is None
    assert found.rows[0].deviation == 0.0
    assert found.describe().endswith("not calibrated")
    assert found.rows[0].wilks.value == pytest.approx(exact(2, wilks.threshold(0.68)), abs=0.09)


def test_every_group_is_shifted(likelihood: BinnedLikelihood) -> None:
    found = npinfer.coverage(likelihood, IntervalOptions("s", (0.9,)), at={"s": 1.0}, n_toys=200)
    assert [row.setting for row in found.rows] == ["fit", "background +1σ", "background −1σ"]
    conditional = npinfer.fit(likelihood, fixed={"s": 1.0})
    sigma = conditional.errors["one_bin.level"]
    assert found.at["one_bin.level"] == pytest.approx(conditional.values["one_bin.level"], abs=1e-6)
    assert found.shifts["background +1σ"]["one_bin.level"] == pytest.approx(sigma, rel=1e-4)
    assert found.shifts["background −1σ"]["one_bin.level"] == pytest.approx(-sigma, rel=1e-4)
    assert any(note.startswith("background +1σ: one_bin.level +") for note in found.table().notes)


def test_a_named_truth_is_not_shifted(likelihood: BinnedLikelihood) -> None:
    found = npinfer.coverage(likelihood, IntervalOptions("s", (0.9,)), at={"s": 1.0, "level": 1.2}, n_toys=50)
    assert found.at["one_bin.level"] == 1.2
    assert len(found.rows) == 1


def test_shifts_stay_inside_bounds_and_simplexes(hese: BinnedLikelihood) -> None:
    fitted = npinfer.fit(hese, fixed={"f_nuebar": 0.1})
    truth = hese.parameters.vector(fitted.values)
    found = shifted_truths(hese, truth, {"f_nuebar": 0.1})
    groups = ("astrophysical flux", "atmosphere", "response")
    assert set(found) == {"fit", *(f"{group} {sign}1σ" for group in groups for sign in "+−")}
    points = np.array(list(found.values()))
    assert hese.parameters.allowed(points).all()
    prompt = hese.parameters.index("prompt_norm")
    assert found["atmosphere +1σ"][prompt] > 0.3  # at its bound in the fit
    np.testing.assert_array_equal(points[:, hese.parameters.index("f_nuebar")], 0.1)


def test_a_wrong_calibration_is_not_believed(likelihood: BinnedLikelihood) -> None:
    """Critical values of a background known to be tiny, used where it is not."""
    from dataclasses import replace

    calibration = npinfer.calibrate(likelihood, {"s": [1.0, 2.0]}, n_toys=200)
    wrong = replace(calibration, statistic=0.2 * calibration.statistic)
    found = npinfer.coverage(likelihood, IntervalOptions("s", (0.9,), {}, wrong), at={"s": 1.0}, n_toys=500)
    assert found.worst.deviation < -3.5
    assert "do not believe the level" in found.describe()


def test_toys_are_independent_of_those_that_calibrate(likelihood: BinnedLikelihood) -> None:
    from npinfer.inference import toys

    seeds = set()
    for stream in ("calibrate", "coverage", "toys"):
        plan = toys.ToyPlan(likelihood.parameters.init)
        seeds.add(tuple(toys._chunk(plan, 10, (toys.zlib.crc32(stream.encode()), 0, 0), 0)["seed"].tolist()))
    assert len(seeds) == 3


def test_survives_saving(likelihood: BinnedLikelihood, tmp_path: Path) -> None:
    found = npinfer.coverage(likelihood, IntervalOptions("s"), at={"s": 1.0}, n_toys=50, run=RunOptions(seed=3))
    found.save(tmp_path / "coverage.json")
    again = npinfer.load_result(tmp_path / "coverage.json")
    assert isinstance(again, Coverage)
    assert again.table() == found.table()
    assert again.provenance.seed == 3


def test_faults(likelihood: BinnedLikelihood) -> None:
    with pytest.raises(ParameterError, match=r"coverage needs the true value of one_bin\.s"):
        npinfer.coverage(likelihood, IntervalOptions("s"), at={}, n_toys=5)
    with pytest.raises(ParameterError, match=r"'one_bin\.s' is fixed: its intervals need it free"):
        npinfer.coverage(likelihood, IntervalOptions("s", fixed={"s": 1.0}), at={"s": 1.0}, n_toys=5)
    with pytest.raises(ConfigurationError, match="cl is a fraction"):
        IntervalOptions("s", (90,))
    calibration = npinfer.calibrate(likelihood, {"level": [0.9, 1.0]}, n_toys=5)
    with pytest.raises(ConfigurationError, match=r"the calibration is of one_bin\.level"):
        npinfer.coverage(likelihood, IntervalOptions("s", (0.9,), {}, calibration), at={"s": 1.0}, n_toys=5)
