"""Rank calibration: the verdict, coverage, words, saving."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from npinfer.core.provenance import Description, Provenance
from npinfer.core.result import Quantity, RankCalibration, Uniformity, load_result
from npinfer.core.result.rank_calibration import LEVEL
from npinfer.errors import InferenceError

DESCRIPTION = Description("toy_detector", "A toy", "real", "approximate")
NAMES = ("norm", "toy_detector.scale", "ln likelihood")


def made(ranks: np.ndarray, **replaced: object) -> RankCalibration:
    return RankCalibration(
        description=DESCRIPTION,
        provenance=Provenance.record(DESCRIPTION, seed=3),
        names=NAMES,
        quantities={n: Quantity(n) for n in NAMES[:2]},
        n_ranks=50,
        ranks=ranks.astype(float),
        truths=np.zeros((len(ranks), 2)),
        converged=(True,) * len(ranks),
        tests={n: Uniformity.of(r, 50) for n, r in zip(NAMES, ranks.T, strict=True)},
        priors={"norm": "flat in norm", "toy_detector.scale": "flat in scale"},
        fixed={"tilt": 0.5},
        lost=0,
        **replaced,
    )


def uniform(draws: int = 200) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 50, (draws, 3))


def test_moments_of_ranks_have_unit_variance() -> None:
    found = [Uniformity.of(r, 50) for r in np.random.default_rng(0).integers(0, 50, (500, 60))]
    for values in ([f.location for f in found], [f.spread for f in found]):
        assert np.mean(values) == pytest.approx(0.0, abs=4 / np.sqrt(500))
        assert np.std(values) == pytest.approx(1.0, abs=4 / np.sqrt(2 * 500))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: 0.8 * r, "its draws lie too high"),
        (lambda r: 49 - 0.8 * r, "its draws lie too low"),
        (lambda r: np.clip(25 + 1.6 * (r - 25), 0, 49), "its posterior is too narrow"),
        (lambda r: 25 + 0.6 * (r - 25), "its posterior is too wide"),
    ],
)
def test_faults_are_named(change: object, said: str) -> None:
    ranks = uniform()
    ranks[:, 1] = change(ranks[:, 1])  # type: ignore[operator]
    found = made(ranks)
    assert not found.uniform
    assert f"not uniform (smallest of 6 p-values {found.tests[NAMES[1]].p:.2g}, of {NAMES[1]}" in found.describe()
    assert f"{NAMES[1]}: {said}; do not trust" in found.describe()
    assert "norm:" not in found.describe()


def test_uniform_ranks_say_what_they_resolve() -> None:
    found = made(uniform())
    smallest = min(min(t.p_ecdf, t.p_chi_square) for t in found.tests.values())
    assert found.p == pytest.approx(min(1.0, 6 * smallest))
    assert found.uniform
    assert "agree with uniform ones" in found.describe()
    assert "a coverage of 0.68 is measured to ±0.03" in found.describe()
    assert "\n" not in found.describe()


def test_the_verdict_counts_all_tests() -> None:
    """Right samplers are called wrong in one case of a hundred at most."""
    rng = np.random.default_rng(5)
    wrong = sum(not made(rng.integers(0, 50, (60, 3))).uniform for _ in range(100))
    assert wrong <= 5  # with a probability of 0.9995


def test_coverage_is_counted_in_central_ranks() -> None:
    found = made(np.tile(np.arange(50)[:, None], (4, 3)))
    cl, covers = found.coverage("scale")
    assert (cl, covers.value, covers.toys) == (pytest.approx(0.68), pytest.approx(0.68), 200)
    assert found.coverage("ln likelihood", 0.9)[0] == pytest.approx(0.92)  # the nearest that 50 ranks can say
    assert found.coverage("norm", 0.9)[1].value == pytest.approx(0.92)
    with pytest.raises(InferenceError, match="did you mean 'norm'"):
        found.coverage("norms")


def test_what_went_wrong_is_said() -> None:
    found = replace(made(uniform()), converged=(False, False) + (True,) * 198, lost=3, message="stopped by hand")
    assert "chains of 2 of 200 data sets did not converge; they are kept" in found.describe()
    assert "3 more data sets could not be sampled and are left out" in found.describe()
    assert "stopped by hand" in found.table().notes
    assert not found.complete


def test_table_and_curves() -> None:
    found = made(uniform())
    table = found.table()
    assert table.title == "rank calibration of A toy (toy data)"
    assert [row[0] for row in table.rows] == list(NAMES)
    assert table.columns[8] == "68 % covers"
    assert table.notes[0] == found.describe()
    assert "fixed: tilt=0.5" in table.notes
    assert table.notes[-1] == DESCRIPTION.small_print()
    rows = np.array(found.curves()["ecdf"].rows)
    assert rows.shape == (49, 6)
    for column, name in zip(rows.T[3:], NAMES, strict=True):
        assert np.abs(column).max() == pytest.approx(abs(found.tests[name].difference))
        exact = [(found.ranks_of(name) < k).mean() - k / 50 for k in range(1, 50)]
        np.testing.assert_allclose(column, exact, atol=1e-12)
    low, high = found.band()
    inside = [((rows[:, 3 + i] >= low) & (rows[:, 3 + i] <= high)).all() for i in range(3)]
    assert inside == [found.tests[n].p_ecdf > LEVEL for n in NAMES]


def test_it_comes_back_from_a_file(tmp_path: Path) -> None:
    found = replace(made(uniform(20)), converged=(False,) + (True,) * 19)
    same = load_result(found.save(tmp_path / "ranks.json"))
    assert isinstance(same, RankCalibration)
    assert same.to_dict() == found.to_dict()
    assert str(same.table()) == str(found.table())
    assert same.unconverged == 1
