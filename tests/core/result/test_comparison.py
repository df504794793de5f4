"""Comparison: p-values counted in toys, expected separations, words, saving."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import beta, norm

from npinfer.core.provenance import Description, Provenance
from npinfer.core.result import ComparedModel, Comparison, Expectation, Pair, Tail, load_result
from npinfer.core.result.tail import LEVELS, ONE_SIGMA, quantiles
from npinfer.errors import ConfigurationError, DataError, InferenceError

DESCRIPTION = Description("toy_detector", "A toy", "real", "approximate")
ALPHA = 0.5 * (1 - ONE_SIGMA)


def made(p: tuple[float, float] = (0.2, 0.6), delta: float = 1.2, toys: int = 400, number: int = 2) -> Comparison:
    """`number` models, the second the best; in toys the first and the second have p-values near `p`."""
    names = ("pp", "pgamma", "mixed")[:number]
    heights = {"pp": delta, "pgamma": 0.0, "mixed": 3.0}
    drawn = {n: np.zeros((toys, number)) for n in names if toys}
    pairs = []
    for a in names:
        for b in names:
            if a == b:
                continue
            chance = p[0] if a == "pp" else p[1]
            t = np.where(np.arange(toys) < round(chance * toys), 100.0, -100.0)
            tail = Tail.count(t, heights[a] - heights[b]) if toys else None
            expected = Expectation.of(t, t[::-1]) if toys else None
            spread = {n: quantiles(t) for n in (a, b) if toys}
            pairs.append(Pair(a, b, heights[a] - heights[b], tail, spread, expected, 0.5, 0.7))
    models = tuple(ComparedModel(n, f"f = {i}", 10 + heights[n], heights[n], {"f": i}) for i, n in enumerate(names))
    return Comparison(
        description=DESCRIPTION,
        provenance=Provenance.record(DESCRIPTION, seed=3),
        models=models,
        pairs=tuple(pairs),
        toys=drawn,
        failed={truth: dict.fromkeys(names, 0) for truth in drawn},
        largest_edm=0.0,
        data_kind="observed",
    )


@pytest.mark.parametrize(("above", "toys"), [(0, 50), (1, 50), (20, 50), (49, 50), (50, 50), (3, 7000)])
def test_the_error_of_a_tail_is_clopper_pearson(above: int, toys: int) -> None:
    tail = Tail.count(np.arange(toys, dtype=float), toys - above - 0.5)
    assert (tail.above, tail.toys, tail.value) == (above, toys, above / toys)
    assert tail.lower == pytest.approx(beta.ppf(ALPHA, above, toys - above + 1) if above else 0.0)
    assert tail.upper == pytest.approx(beta.isf(ALPHA, above + 1, toys - above) if above < toys else 1.0)
    assert tail.z == pytest.approx(norm.isf(above / toys))
    assert tail.z_lower <= tail.z <= tail.z_upper


def test_the_interval_of_a_tail_covers() -> None:
    rng, truth = np.random.default_rng(1), 0.07
    tails = [Tail.count((rng.random(300) < truth).astype(float), 1.0) for _ in range(400)]
    assert np.mean([t.lower <= truth <= t.upper for t in tails]) > ONE_SIGMA


def test_equal_statistics_count_up_to_rounding() -> None:
    assert Tail.count(np.array([1.0 - 1e-9, 0.0, np.inf, -np.inf]), 1.0).above == 2


@pytest.mark.parametrize(
    ("above", "toys", "said"),
    [
        (105, 500, "p = 0.210 ± 0.019"),
        (21, 100, "p = 0.210 ± 0.046"),
        (0, 500, "p < 0.0037: none of 500 toys"),
        (500, 500, "p > 0.9963: all of 500 toys"),
    ],
)
def test_a_tail_in_words(above: int, toys: int, said: str) -> None:
    assert Tail.count(np.arange(toys, dtype=float), toys - above - 0.5).describe() == said


def test_the_expected_rejection_of_two_normal_distributions() -> None:
    rng, pulls = np.random.default_rng(2), []
    for _ in range(300):
        found = Expectation.of(rng.normal(0, 1, 2000), rng.normal(1.5, 1, 2000))
        assert found.z_lower <= found.z <= found.z_upper
        assert found.median_lower <= found.median <= found.median_upper
        pulls.append((found.z - 1.5) / (0.5 * (found.z_upper - found.z_lower)))
    assert np.mean(pulls) == pytest.approx(0.0, abs=0.25)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)


def test_separation_beyond_the_toys_is_a_lower_bound() -> None:
    rng = np.random.default_rng(3)
    found = Expectation.of(rng.normal(0, 1, 500), rng.normal(50, 1, 500))
    assert found.z == found.z_upper == np.inf
    assert found.z_lower == pytest.approx(norm.isf(1 - ALPHA ** (1 / 500)))


def test_one_toy_each() -> None:
    found = Expectation.of(np.array([0.0]), np.array([1.0]))
    assert (found.median, found.z) == (1.0, np.inf)
    assert 0 < found.p.upper < 1


def test_quantiles_are_toys_even_infinite_ones() -> None:
    found = quantiles(np.r_[np.zeros(10), np.full(30, np.inf)])
    assert len(found) == len(LEVELS)
    assert found[:2] == (0.0, 0.0)
    assert found[2:] == (np.inf,) * 3


@pytest.mark.parametrize(
    ("comparison", "said"),
    [
        (
            made(),
            "pgamma is preferred over pp by Δ(−2 ln L) = 1.2; the data are not unlikely under pp (p = 0.200 ± 0.021): "
            "not told apart at 95 %",
        ),
        (made((0.01, 0.6), 7.0), "under pp (p = 0.0100 ± 0.0063): pp is disfavoured at 95 %"),
        (made((0.01, 0.02), 7.0), "and under pgamma (p = 0.0200 ± 0.0083): both are disfavoured at 95 %"),
        (made((0.0475, 0.6), 4.0), "about as unlikely under pp (p = 0.048 ± 0.012) as 95 % asks: more toys would tell"),
        (made((0.0, 0.6), 30.0), "unlikely under pp (p < 0.0046: none of 400 toys): pp is disfavoured"),
        (made(delta=0.0), "pp and pgamma fit the data equally well; the data are not unlikely"),
        (made(toys=0), "by Δ(−2 ln L) = 1.2; no toys were drawn to say how often that happens"),
    ],
)
def test_the_verdict(comparison: Comparison, said: str) -> None:
    assert said in comparison.verdict()
    assert comparison.verdict() in str(comparison.table())


def test_the_verdict_names_every_other_model() -> None:
    said = made(number=3).verdict(0.68).split("; ")
    assert len(said) == 4
    assert said[0].startswith("pgamma is preferred over pp by")
    assert said[2].startswith("pgamma is preferred over mixed by")
    with pytest.raises(ConfigurationError, match="found 68"):
        made().verdict(68)


@pytest.mark.parametrize("toys", [0, 30])
def test_saved_and_loaded(tmp_path: Path, toys: int) -> None:
    found = made(toys=toys, number=3)
    again = load_result(found.save(tmp_path / "compare.json"))
    assert isinstance(again, Comparison)
    assert again.to_dict() == found.to_dict()
    assert again.pair("pp", "mixed") == found.pair("pp", "mixed")
    assert again.statistic("pp", "mixed", "pp").shape == (toys,)


def test_damaged_content_is_refused() -> None:
    content = made().to_dict()
    del content["pairs"][0]["t"]
    with pytest.raises(DataError, match="a damaged Comparison"):
        Comparison.from_dict(content)


def test_the_table_has_a_row_a_pair() -> None:
    table = made(number=3).table()
    assert [row[:2] for row in table.rows] == [
        (a, b) for a in ("pp", "pgamma", "mixed") for b in ("pp", "pgamma", "mixed") if a != b
    ]
    assert dict(zip(table.columns, table.rows[0], strict=True))["p"] == 0.2
    assert "pp: f = 0; twice_nll = 11.2000" in table.notes
    assert None in made(toys=0).table().rows[0]


def test_what_has_to_be_known_is_said() -> None:
    found = made(toys=200)
    assert found.notes() == []
    found.toys["pp"][:4, 1] = np.inf
    failed = {"pp": {"pp": 0, "pgamma": 5}, "pgamma": {"pp": 0, "pgamma": 0}}
    models = (replace(found.models[0], message="not converged"), found.models[1])
    said = replace(found, failed=failed, largest_edm=2e-5, models=models, message="interrupted").notes()
    assert said[0] == "pp: not converged"
    assert said[1] == "4 of 200 toys of pp have probability zero under pgamma"
    assert said[2].startswith("5 of 200 toys of pp did not converge under pgamma and count where their fit ended")
    assert "2.0e-05" in said[2]
    assert said[2].endswith("could move by 0.03 at most")
    assert said[3] == "interrupted"


def test_unknown_models_and_pairs_are_refused() -> None:
    with pytest.raises(InferenceError, match="did you mean 'pgamma'"):
        made().pair("pp", "pgama")
    with pytest.raises(InferenceError, match="a pair is made of two models; found 'pp' twice"):
        made().pair("pp", "pp")
    with pytest.raises(InferenceError, match="unknown model"):
        made().statistic("pp", "pgamma", "nobody")


def test_toys_are_a_table() -> None:
    comparison = made(toys=3, number=3)
    table = comparison.curves()["toys"]
    assert table.columns == ("truth", "t pp against pgamma", "t pp against mixed", "t pgamma against mixed")
    assert [row[0] for row in table.rows] == ["pp"] * 3 + ["pgamma"] * 3 + ["mixed"] * 3
    for row in table.rows:
        assert row[2] == row[1] + row[3]
    assert made(toys=0).curves() == {}
