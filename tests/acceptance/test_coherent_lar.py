"""COHERENT on argon: the released templates give the published fit, here, by pyhf and by a likelihood written out."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pyhf
import pytest
from scipy.optimize import minimize
from scipy.special import xlogy

import npinfer
from npinfer.core.result import FitResult
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.pyhf_model import pyhf_data
from npinfer.paths import data_file
from tests.source_data import SOURCE_DATA

SOURCE = SOURCE_DATA / "coherent_lar_2020"
SHAPES = ("cevns_f90", "cevns_time", "brn_energy", "brn_time", "brn_width")
NOMINAL = dict.fromkeys(SHAPES, 0.0)
PREDICTED = {"cevns": 128, "brn_prompt": 497, "brn_delayed": 33, "steady_state": 3152}
PUBLISHED = {"cevns": (159, 43), "brn_prompt": (553, 34), "brn_delayed": (10, 11), "steady_state": (3131, 23)}
VARIATIONS = {
    "cevns": ("cevns_f90_up", "cevns_f90_down", "cevns_time_up"),
    "brn_prompt": ("brn_energy_up", "brn_energy_down", "brn_time_up", "brn_time_down", "brn_width_up"),
}


@pytest.fixture(scope="module")
def lar() -> BinnedLikelihood:
    return npinfer.load("coherent_lar")


def above_zero(likelihood: BinnedLikelihood, fixed: dict[str, float]) -> tuple[FitResult, float]:
    """The fit, and √(twice_nll without a signal − twice_nll(min)) with everything else profiled."""
    best = npinfer.fit(likelihood, fixed=fixed)
    none = npinfer.fit(likelihood, fixed={**fixed, "cevns_norm": 0.0})
    return best, float(np.sqrt(none.twice_nll - best.twice_nll))


def table(name: str) -> np.ndarray:
    """A shipped table by its own reading: (12, 8, 10)."""
    counts = np.zeros((12, 8, 10))
    with data_file("coherent_lar", f"{name}.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            at = float(row["energy_kevee_low"]) / 10, (float(row["f90_low"]) - 0.5) / 0.05
            counts[round(at[0]), round(at[1]), round((float(row["time_us_low"]) + 0.1) / 0.5)] = float(row["counts"])
    return counts


def test_published_yields(lar: BinnedLikelihood) -> None:
    """Each within a tenth of its published error, which is ours to its last digit; no shapes, as in that fit."""
    best, _ = above_zero(lar, NOMINAL)
    found = {y.sample: (y.postfit, y.postfit_error) for y in best.yields}
    assert found.keys() == PUBLISHED.keys()
    for sample, (value, error) in PUBLISHED.items():
        assert found[sample][0] == pytest.approx(value, abs=0.1 * error), sample
        assert found[sample][1] == pytest.approx(error, abs=0.51), sample


def test_significance(lar: BinnedLikelihood) -> None:
    """The published 3.5 is another quantity; see likelihoods/README.md."""
    _, plain = above_zero(lar, NOMINAL)
    assert plain == pytest.approx(3.88, abs=0.03)
    best, profiled = above_zero(lar, {})
    assert profiled == pytest.approx(3.80, abs=0.03)
    assert npinfer.significance(lar).z == pytest.approx(profiled, abs=1e-6)
    assert max(abs(best.pulls[f"coherent_lar.{name}"]) for name in SHAPES) < 1


def test_the_fit_without_shapes_by_a_likelihood_written_out(lar: BinnedLikelihood) -> None:
    templates = np.stack([table(name).ravel() for name in PREDICTED])
    observed, sigma = table("observed").ravel(), np.array([160.0, 33.0, 25.0])
    sums = np.array(list(PREDICTED.values()), dtype=float)

    def twice_nll(norms: np.ndarray) -> float:
        expected = norms @ templates
        pulls = (norms[1:] - 1) * sums[1:] / sigma
        return float(2 * np.sum(expected - xlogy(observed, expected)) + np.sum(pulls**2))

    best = minimize(twice_nll, np.ones(4), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10})
    ours, root = above_zero(lar, NOMINAL)
    found = [ours.values[f"coherent_lar.{name}_norm"] for name in PREDICTED]
    assert found == pytest.approx(best.x, abs=2e-5)
    none = minimize(lambda x: twice_nll(np.r_[0.0, x]), np.ones(3), method="Nelder-Mead", options={"fatol": 1e-10})
    assert root == pytest.approx(np.sqrt(none.fun - best.fun), abs=1e-5)


def test_every_table_has_the_sum_of_its_nominal() -> None:
    """3752 events are seen; variations change shapes alone."""
    assert table("observed").sum() == 3752
    for name, total in PREDICTED.items():
        assert table(name).sum() == pytest.approx(total, abs=1e-3)
    for nominal, names in VARIATIONS.items():
        for name in names:
            assert table(name).sum() == pytest.approx(PREDICTED[nominal], abs=1e-3), name


@pytest.mark.skipif(not SOURCE.is_dir(), reason=f"needs the release in {SOURCE}; set NPINFER_SOURCE_DATA to its parent")
def test_shipped_tables_equal_a_fresh_build(tmp_path: Path) -> None:
    spec = spec_from_file_location("build_coherent_lar", data_file("coherent_lar", "build.py"))
    assert spec is not None
    assert spec.loader is not None
    build = module_from_spec(spec)
    spec.loader.exec_module(build)
    build.main([str(SOURCE), str(tmp_path)])
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == sorted(path.name for path in data_file("coherent_lar", "cevns.csv").parent.glob("*.csv"))
    for name in made:
        assert (tmp_path / name).read_bytes() == data_file("coherent_lar", name).read_bytes()


@contextmanager
def minuit() -> Iterator[None]:
    """pyhf with its own minuit, and its back end as it was before."""
    before = pyhf.get_backend()
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-4))
    try:
        yield
    finally:
        pyhf.set_backend(*before)


def test_the_same_density_in_pyhf(lar: BinnedLikelihood) -> None:
    model, data = lar.pyhf_model(), pyhf_data(lar)
    rng = np.random.default_rng(3)
    for _ in range(10):
        point = np.r_[rng.uniform([0, 0.5, 0, 0.95], [3, 1.5, 2, 1.05]), rng.uniform(-1, 1, 5)]
        assert np.isfinite(lar.logpdf(point))
        assert float(model.logpdf(point, data)[0]) == pytest.approx(lar.logpdf(point), rel=1e-9)


def test_the_exact_workspace_has_the_same_minimum(lar: BinnedLikelihood, tmp_path: Path) -> None:
    made = npinfer.export(lar, mode="exact")
    assert not made.frozen
    assert made.closure < 1e-9
    workspace = pyhf.Workspace(dict(made.workspace))
    model = workspace.model()
    with minuit():
        _, theirs = pyhf.infer.mle.fit(workspace.data(model), model, return_fitted_val=True)
    ours = npinfer.fit(lar).twice_nll
    assert ours <= float(theirs) + 1e-6
    assert ours == pytest.approx(float(theirs), abs=1e-4)
    back = npinfer.load(made.save(tmp_path / "lar.json"))
    assert npinfer.fit(back).twice_nll == pytest.approx(ours, abs=1e-6)


@pytest.mark.parametrize("name", ["coherent_lar", "coherent_lar_new_physics"])
def test_its_own_numbers(name: str) -> None:
    failed = [c for c in npinfer.validate(name).checks if not c.passed]
    assert failed == []
