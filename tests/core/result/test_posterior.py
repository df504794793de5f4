"""Posteriors: what they answer, and how they are kept in two files."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npinfer.core.provenance import Description, Provenance
from npinfer.core.result import Posterior, Quantity, Scan, load_result
from npinfer.errors import ConfigurationError, DataError, OutputError, ParameterError

RNG = np.random.default_rng(4)
CHAINS = RNG.exponential(size=(2, 500, 8, 2))
CONTENT: dict[str, Any] = {
    "description": Description("toy", "A toy"),
    "provenance": Provenance({"numpy": "2"}, {"spec": "abc"}, seed=3),
    "names": ("a", "toy.b"),
    "quantities": {"a": Quantity("a", "GeV", lower=0.0), "toy.b": Quantity("toy.b"), "c": Quantity("c")},
    "chains": CHAINS,
    "log_probability": -CHAINS.sum(axis=-1),
    "derived": {"c": CHAINS[:, ::5, :, 0] ** 2},
    "derived_stride": 5,
    "fixed": {"toy.d": 1.5},
    "priors": {"a": "flat in a", "toy.b": "flat in b**2"},
    "rhat": {"a": 1.0005, "toy.b": float("nan")},
    "ess": {"a": 1234.4, "toy.b": float("nan")},
    "ess_tail": {"a": 800.0, "toy.b": 900.0},
    "autocorrelation_time": {"a": 12.5, "toy.b": 3.0},
    "acceptance": 0.25,
    "burn_in": 60,
    "converged": True,
    "why": "converged: all is well",
    "data_kind": "observed",
}
POSTERIOR = Posterior(**CONTENT)


def same(a: Posterior, b: Posterior) -> bool:
    """Equal, the arrays to the last bit."""
    arrays = ("chains", "log_probability")
    others = [f.name for f in dataclasses.fields(a) if f.name not in (*arrays, "derived")]
    return (
        all(getattr(a, n).tobytes() == getattr(b, n).tobytes() for n in arrays)
        and a.derived.keys() == b.derived.keys()
        and all(a.derived[n].tobytes() == b.derived[n].tobytes() for n in a.derived)
        and all(str(getattr(a, n)) == str(getattr(b, n)) for n in others)
    )


def test_samples_and_quantiles() -> None:
    np.testing.assert_array_equal(POSTERIOR.samples("a"), CHAINS[..., 0].ravel())
    np.testing.assert_array_equal(POSTERIOR.samples("b"), CHAINS[..., 1].ravel())
    assert POSTERIOR.samples("c").shape == (2 * 100 * 8,)
    np.testing.assert_allclose(POSTERIOR.quantiles("a"), -np.log1p([-0.16, -0.5, -0.84]), rtol=0.06)


def test_draws_of_parameters_and_derived_quantities_go_together() -> None:
    assert POSTERIOR.draws(["b", "a"]).shape == (8000, 2)
    draws = POSTERIOR.draws(["a", "c"])
    np.testing.assert_array_equal(draws[:, 0] ** 2, draws[:, 1])


@pytest.mark.parametrize(
    ("kind", "exact"),
    [
        ("equal_tailed", (-np.log(0.95), -np.log(0.05))),
        ("highest_density", (0.0, -np.log(0.1))),
        ("upper", (0.0, -np.log(0.1))),
    ],
)
def test_intervals_of_an_exponential(kind: str, exact: tuple[float, float]) -> None:
    low, high = POSTERIOR.interval("a", 0.9, kind)
    assert low == pytest.approx(exact[0], abs=0.01)
    assert high == pytest.approx(exact[1], rel=0.05)
    values = POSTERIOR.samples("a")
    assert ((values >= low) & (values <= high)).mean() == pytest.approx(0.9, abs=2e-3)


def test_what_is_refused() -> None:
    with pytest.raises(ParameterError, match="unknown sampled quantity 'aa': did you mean 'a'"):
        POSTERIOR.samples("aa")
    with pytest.raises(ConfigurationError, match="unknown kind of interval 'uper': did you mean 'upper'"):
        POSTERIOR.interval("a", 0.9, "uper")
    with pytest.raises(ConfigurationError, match="found 90"):
        POSTERIOR.interval("a", 90)
    with pytest.raises(DataError, match="chains of 2 parameters cannot have the shape"):
        dataclasses.replace(POSTERIOR, chains=CHAINS[..., :1])
    with pytest.raises(DataError, match="log_probability of shape"):
        dataclasses.replace(POSTERIOR, log_probability=np.zeros(3))


def test_table() -> None:
    table = POSTERIOR.table()
    cells = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.cells()}
    assert list(cells) == ["a", "toy.b", "c"]
    assert (cells["a"]["R-hat"], cells["a"]["bulk ESS"], cells["a"]["prior"]) == ("1.0005", "1234", "flat in a")
    assert (cells["toy.b"]["bulk ESS"], cells["c"]["R-hat"], cells["c"]["prior"]) == ("–", "–", "derived")
    assert cells["toy.b"]["R-hat"] == "–"
    assert POSTERIOR.describe() == table.notes[0]
    assert "converged: all is well: believe it" in table.notes[0]
    assert "2 replicas × 500 steps × 8 walkers, after 60 steps of burn-in; 25 % of the moves accepted" in table.notes
    assert "fixed: toy.d=1.5" in table.notes


def test_save_and_load(tmp_path: Path) -> None:
    path = POSTERIOR.save(tmp_path / "folder" / "sample.json")
    assert {p.name for p in path.parent.iterdir()} == {"sample.json", "sample.npz"}
    assert path.stat().st_size < 5000
    assert same(load_result(path), POSTERIOR)  # type: ignore[arg-type]
    assert same(Posterior.load(str(path)), POSTERIOR)
    with pytest.raises(DataError, match="expected a Scan, found a Posterior"):
        Scan.load(path)
    before = (tmp_path / "folder" / "sample.npz").read_bytes()
    POSTERIOR.save(path)
    assert (tmp_path / "folder" / "sample.npz").read_bytes() == before


def test_both_files_may_move_together(tmp_path: Path) -> None:
    path = POSTERIOR.save(tmp_path / "sample.json")
    (tmp_path / "new").mkdir()
    for file in tmp_path.glob("sample.*"):
        file.rename(tmp_path / "new" / file.name)
    assert same(Posterior.load(tmp_path / "new" / path.name), POSTERIOR)


def test_a_dictionary_holds_everything() -> None:
    content = json.loads(json.dumps(POSTERIOR.to_dict(), allow_nan=False))
    assert same(Posterior.from_dict(content), POSTERIOR)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = POSTERIOR.save(tmp_path / "sample.json")
    beside = tmp_path / "sample.npz"
    dataclasses.replace(POSTERIOR, chains=CHAINS + 1).save(tmp_path / "other.json")
    (tmp_path / "other.npz").replace(beside)
    with pytest.raises(
        DataError, match=r"sample.json: the samples in sample.npz are not those that were saved with it"
    ):
        Posterior.load(path)
    beside.unlink()
    with pytest.raises(DataError, match="its samples cannot be read: No such file"):
        load_result(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    for wrong in (None, 3, {}, {"file": "sample.json", "sha256": 1}):
        path.write_text(json.dumps({**content, "samples": wrong}), encoding="utf-8")
        with pytest.raises(DataError, match=r"sample\.json: "):
            load_result(path)
    del content["samples"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match="a damaged Posterior"):
        load_result(path)


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="the samples are saved under this name"):
        POSTERIOR.save(tmp_path / "sample.npz")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        POSTERIOR.save(tmp_path / "file" / "sample.json")


def test_marginals_are_densities_of_the_samples() -> None:
    table = POSTERIOR.curves()["marginals"]
    for name in ("a", "toy.b", "c"):
        low, high, density, below = np.array([row[1:] for row in table.rows if row[0] == name]).T
        assert (density * (high - low)).sum() == pytest.approx(1.0)
        assert below[-1] == 1.0
        values = POSTERIOR.samples(name)
        assert (low[0], high[-1]) == (values.min(), values.max())
        assert below[30] == pytest.approx(np.mean(values < high[30]), abs=1e-12)
