"""Joint likelihoods on the command line: members left out, members with Asimov data, counts from a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

JOINT = "schema: npinfer/joint/1\nname: both\nmembers: [tiny.yaml, other.yaml]\nshare: {mu: [tiny.mu, other.mu]}\n"
CORRELATED = JOINT + "correlate: [{names: [tiny.level, other.level], correlation: 0.4}]\n"
COUNTS = {"tiny.low": [1, 2], "tiny.high": [3, 1, 0], "other.low": [4, 5], "other.high": [0, 0, 1]}


@pytest.fixture(autouse=True)
def joint_files(folder: Path) -> None:
    other = (folder / "tiny.yaml").read_text(encoding="utf-8").replace("name: tiny", "name: other")
    (folder / "other.yaml").write_text(other.replace("[12, 3]", "[7, 6]"), encoding="utf-8")
    (folder / "both.yaml").write_text(CORRELATED, encoding="utf-8")
    same = "extends: tiny.yaml\nname: other\ndataset: tiny\nparameters: {}\n"
    (folder / "twin").mkdir()
    (folder / "twin" / "other.yaml").write_text(same.replace("tiny.yaml", "../tiny.yaml"), encoding="utf-8")
    (folder / "twins.yaml").write_text(JOINT.replace("other.yaml", "twin/other.yaml"), encoding="utf-8")


def write_counts(path: Path, counts: dict[str, list[float]]) -> None:
    """One row a bin, the channels taking turns."""
    longest = max(map(len, counts.values()))
    rows = [(name, values[i]) for i in range(longest) for name, values in counts.items() if i < len(values)]
    path.write_text("channel,counts\n" + "".join(f"{name},{n}\n" for name, n in rows), encoding="utf-8")


def values(out: str) -> dict[str, float]:
    lines = (line.split() for line in out.splitlines() if line)
    return {words[0]: float(words[1]) for words in lines if words[0] in ("mu", "level", "tiny.level", "other.level")}


# ---- --asimov with and without a member


@pytest.mark.parametrize(
    "line",
    [
        "fit tiny.yaml --asimov --at mu=2",
        "fit --asimov tiny.yaml --at mu=2",
        "fit --at mu=2 --asimov tiny.yaml",
        "fit tiny.yaml --at mu=2 --asimov",
        "fit tiny.yaml --asimov --quiet --at mu=2 --json fit.json",
        "fit tiny.yaml --asimov= --at mu=2",
        "fit tiny.yaml --asimov=tiny --at mu=2",
    ],
)
def test_asimov_alone_takes_no_word_for_its_member(npi: Callable, folder: Path, line: str) -> None:
    out = npi(line).done()
    saved = folder / "fit.json"
    found = json.loads(saved.read_text())["values"]["tiny.mu"] if saved.exists() else values(out)["mu"]
    assert found == pytest.approx(2, abs=1e-6)


def test_a_grid_after_asimov_is_a_grid(npi: Callable) -> None:
    assert "profile of tiny.mu (asimov data)" in npi("profile tiny.yaml --asimov mu=0:2:3").done()


def test_one_member_is_asimov(npi: Callable, folder: Path) -> None:
    out = npi("fit both.yaml --asimov=other --at mu=2 --at other.level=1.5 --json fit.json").done()
    assert "(observed tiny and asimov other data)" in out
    assert "tiny.low 15 seen" in out
    assert "other.low 24 seen" in out  # 2 · 3 + 1.5 · 12
    saved = json.loads((folder / "fit.json").read_text())
    assert saved["data_kind"] == "observed tiny and asimov other"
    assert saved["provenance"]["command"].startswith("npinfer fit both.yaml --asimov=other --at mu=2")
    alone = npi("describe both.yaml --asimov=other").done()
    assert "observed tiny and asimov other" in alone
    assert "correlated constraints: tiny.level and other.level 0.4" in alone


def test_all_members_asimov_by_name_or_at_once(npi: Callable) -> None:
    one = npi("fit both.yaml --asimov=tiny --asimov=other --at mu=2").done()
    assert one == npi("fit both.yaml --asimov --at mu=2").done()
    assert values(one)["mu"] == pytest.approx(2, abs=1e-6)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("fit both.yaml --asimov=othr", "both: unknown member 'othr': did you mean 'other'?"),
        ("fit both.yaml --asimov --asimov=other", "--asimov alone is for all data; drop it, or --asimov=other"),
        ("fit tiny.yaml --asimov=low", "--asimov=low: tiny is not a joint likelihood, it has no members; --asimov"),
        ("fit both.yaml --at mu=1", "--at is the truth of Asimov data: give --asimov too"),
        ("fit both.yaml --asimov=other --data counts.csv", "--asimov and --data exclude each other"),
        ("fit both.yaml --asimov=other --at muu=2", "unknown parameter 'muu': did you mean 'mu'?"),
        ("fit both.yaml --asimov=other --at level=2", "could be tiny.level or other.level; give the full name"),
        ("fit both.yaml --drop othr", "both: unknown member 'othr': did you mean 'other'?"),
        ("fit both.yaml --drop other --drop tiny", "both: no member is left without other and tiny; keep one"),
        ("fit tiny.yaml --drop low", "--drop low: tiny is not a joint likelihood, it has no members to leave out"),
        ("fit both.yaml --drop other --asimov=other", "--asimov=other: tiny is not a joint likelihood"),
        ("fit both.yaml --asimov other", "got unexpected extra argument (other)"),
    ],
)
def test_refused(npi: Callable, line: str, said: str) -> None:
    assert said in " ".join(npi(line).refused().split()).replace("Got", "got")


# ---- --drop


def test_a_joint_of_one_left_is_that_member(npi: Callable) -> None:
    assert npi("fit both.yaml --drop other").done() == npi("fit tiny.yaml").done()
    asimov = npi("fit both.yaml --drop tiny --asimov=other --at mu=2").done()
    assert asimov == npi("fit other.yaml --asimov --at mu=2").done()


def test_the_same_data_set_needs_asimov_or_drop(npi: Callable) -> None:
    refusal = npi("fit twins.yaml").refused()
    assert "have the same data set 'tiny': events would count twice" in refusal
    assert "(--asimov=other), or leave one out (--drop other)" in refusal
    assert "observed tiny and asimov other" in npi("fit twins.yaml --asimov=other").done()
    assert "(asimov data)" in npi("fit twins.yaml --asimov").done()
    assert npi("fit twins.yaml --drop other").done() == npi("fit tiny.yaml").done()


@pytest.mark.parametrize("line", ["profile both.yaml mu=0:3:3", "compare both.yaml --model a:mu=0 --model b:mu=2"])
def test_workers_have_the_same_members_and_data(npi: Callable, line: str) -> None:
    n_toys = " --n-toys 4" if line.startswith("compare") else ""
    command = f"{line} --asimov=other{n_toys}"
    out = npi(command).done()
    assert "observed tiny and asimov other" in out
    assert npi(f"{command} --executor processes:1").done() == out


# ---- --data


@pytest.mark.parametrize("line", ["fit", "interval --poi mu", "profile", "describe"])
def test_counts_of_members_in_any_order(npi: Callable, folder: Path, line: str) -> None:
    write_counts(folder / "joint.csv", COUNTS)
    verb, *rest = line.split()
    out = npi(f"{verb} both.yaml {' '.join(rest)} --data joint.csv" + (" mu=0:3:3" if verb == "profile" else "")).done()
    assert "observed" in out
    if verb == "fit":
        for word in ("tiny.low 3 seen", "tiny.high 4 seen", "other.low 9 seen", "other.high 1 seen"):
            assert word in out


def test_counts_without_the_members_name_are_refused(npi: Callable, folder: Path) -> None:
    (folder / "joint.csv").write_text("channel,counts\ntin.low,1\n", encoding="utf-8")
    assert "joint.csv:2: unknown channel 'tin.low': did you mean 'tiny.low'?" in npi(
        "fit both.yaml --data joint.csv"
    ).refused()


def test_counts_that_nobody_counted_are_said(npi: Callable, folder: Path) -> None:
    write_counts(folder / "half.csv", {"low": [1.5, 2], "high": [3, 1, 0]})
    assert "(non-integer data)" in npi("fit tiny.yaml --data half.csv").done()
    write_counts(folder / "whole.csv", {"low": [1.0, 2e0], "high": [3, 1, 0]})
    assert "(observed data)" in npi("fit tiny.yaml --data whole.csv").done()


def test_nothing_seen_anywhere(npi: Callable, folder: Path) -> None:
    write_counts(folder / "none.csv", {"low": [0, 0], "high": [0, 0, 0]})
    out = npi("fit tiny.yaml --data none.csv").done()
    assert "low 0 seen" in out
    assert "tiny.mu stopped at its lower bound 0" in out


def test_too_many_rows_are_refused(npi: Callable, folder: Path) -> None:
    write_counts(folder / "more.csv", {"low": [1, 2, 3], "high": [3, 1, 0]})
    said = "channel 'low' has 2 bins; found 3 rows: give one row a bin"
    assert said in npi("fit tiny.yaml --data more.csv").refused()


# ---- curves


def test_a_comparison_saves_its_toys(npi: Callable, folder: Path) -> None:
    npi("compare tiny.yaml --model a:mu=0 --model b:mu=2 --n-toys 5 --out results").done()
    with (folder / "results" / "compare_toys.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["truth"] for row in rows] == ["a"] * 5 + ["b"] * 5
    saved = json.loads((folder / "results" / "compare.json").read_text())["toys"]["b"]
    assert float(rows[5]["t a against b"]) == pytest.approx(float(saved[0][0]) - float(saved[0][1]))
