"""Members of joint likelihoods: correlated, left out, set to Asimov data."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer.core.correlation import Correlation
from npinfer.errors import ConfigurationError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.catalogue import load_unchecked
from npinfer.likelihood.joint import JointLikelihood
from npinfer.likelihood.pyhf_model import pyhf_data

Write = Callable[..., Path]
Members = tuple[BinnedLikelihood, BinnedLikelihood, BinnedLikelihood]
ONE = """\
schema: npinfer/likelihood/1
name: {name}
dataset: {dataset}
kind: real
status: illustrative
poi: mu
configuration: {{oscillation: {{default: nufit-5.2-NO-withSK}}}}
channels: {{count: {{axes: {{x: {{linear: [0, 1, 2]}}}}, observed: {observed}}}}}
samples:
  signal: {{template: {{count: {signal}}}, scale: mu}}
  background:
    template: {{count: [30, 20]}}
    scale: [level, s2_23]
    systematics: [{{name: size, kind: normsys, up: 1.2}}]
parameters:
  use: [s2_23]
  mu: {{init: 1, bounds: [0, 10]}}
  level: {{init: 1, bounds: [0.1, 3], constraint: {{{level}}}}}
"""
NORMAL = "normal: {mean: 1, sigma: 0.2}"
SHARE = {"mu": ["a.mu", "b.mu"]}
LEVELS = ("a.level", "b.level")


@pytest.fixture
def texts() -> dict[str, str]:
    common = {"level": NORMAL}
    return {
        "a": ONE.format(name="a", dataset="one", observed="[25, 12]", signal="[8, 1]", **common),
        "b": ONE.format(name="b", dataset="two", observed="[9, 24]", signal="[0.5, 9]", **common),
        "c": ONE.format(name="c", dataset="one", observed="[20, 11]", signal="[5, 5]", **common),
    }


@pytest.fixture
def members(write: Write, texts: dict[str, str]) -> Members:
    a, b, c = (npinfer.load(write(text, f"{name}.yaml")) for name, text in texts.items())
    return a, b, c


def pair(members: Members, **joining: Any) -> JointLikelihood:
    return npinfer.joint(members[0], members[1], **{"share": SHARE, **joining})


def correlated(members: Members, rho: float) -> JointLikelihood:
    return pair(members, correlate=[{"names": list(LEVELS), "correlation": rho}])


# ---- partial correlations


def test_without_correlation_nothing_changes(members: Members) -> None:
    plain, block = pair(members), correlated(members, 0.0)
    points = plain.parameters.init + np.random.default_rng(0).uniform(-0.3, 0.3, (20, len(plain.parameters)))
    np.testing.assert_allclose(block.logpdf(points), plain.logpdf(points), rtol=1e-12)
    np.testing.assert_allclose(block.value_grad(points)[1], plain.value_grad(points)[1], rtol=1e-10, atol=1e-10)


def test_full_correlation_approaches_sharing(members: Members) -> None:
    shared = npinfer.fit(pair(members, share={**SHARE, "level": list(LEVELS)}))
    distances = []
    for rho in (0.9, 0.99, 0.9999):
        result = npinfer.fit(correlated(members, rho))
        distances.append(abs(result.values["mu"] - shared.values["mu"]))
        assert result.valid
    assert distances[0] > 10 * distances[2]
    assert distances[2] < 1e-3
    assert result.values["a.level"] == pytest.approx(result.values["b.level"], abs=2e-3)
    assert result.errors["mu"] == pytest.approx(shared.errors["mu"], rel=1e-3)


def test_the_block_is_that_of_means_and_covariance(members: Members) -> None:
    cov = ((0.04, 0.016), (0.016, 0.04))
    by_hand = pair(members, correlate=[Correlation(LEVELS, (1.0, 1.0), cov)])
    point = {"mu": 1.3, "a.level": 1.1, "b.level": 0.8}
    assert correlated(members, 0.4).logpdf(point) == pytest.approx(by_hand.logpdf(point), rel=1e-14)


def test_pulls_toys_asimov_workers_and_pyhf_know_it(members: Members) -> None:
    likelihood = correlated(members, 0.8)
    point = likelihood.parameters.vector({"a.level": 1.1, "b.level": 0.9})
    names = likelihood.constraints.auxiliary_names
    at = [names.index(n) for n in LEVELS]
    toys = likelihood.toy(np.tile(point, (4000, 1)), np.random.default_rng(3))
    drawn = np.array([toys.auxiliary[n] for n in LEVELS])
    assert np.corrcoef(drawn)[0, 1] == pytest.approx(0.8, abs=5 * (1 - 0.64) / np.sqrt(4000))
    asimov = likelihood.asimov(point)
    assert [float(asimov.auxiliary[n]) for n in LEVELS] == [1.1, 0.9]
    assert likelihood.constraints.pulls(point[None], likelihood.pack().auxiliary)[0, at] == pytest.approx([0.5, -0.5])
    theirs = likelihood.pyhf_model().logpdf(point, pyhf_data(likelihood))[0]
    assert likelihood.logpdf(point) == pytest.approx(float(theirs), rel=1e-12)
    assert likelihood.recipe().build().logpdf(point) == likelihood.logpdf(point)
    assert likelihood.recipe() == likelihood.recipe()
    assert likelihood.recipe() != correlated(members, 0.7).recipe()
    assert likelihood.description.digests["spec"] != correlated(members, 0.7).description.digests["spec"]
    assert "a.level and b.level 0.8" in npinfer.describe(likelihood)[4].notes[0]


def test_another_process_finds_the_same(members: Members) -> None:
    likelihood = correlated(members, 0.8).with_asimov("b", values={"mu": 2.0})
    grid = {"mu": np.linspace(0.0, 3.0, 4)}
    here = npinfer.profile(likelihood, grid)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        there = npinfer.profile(likelihood, grid, run=npinfer.RunOptions(executor=pool))
    np.testing.assert_array_equal(here.delta_twice_nll, there.delta_twice_nll)


def test_a_joint_of_joints_keeps_and_adds_correlations(members: Members) -> None:
    a, b, c = members
    inner = npinfer.joint(a, b, share=SHARE, correlate=[{"names": list(LEVELS), "correlation": 0.5}], name="ab")
    other = c.with_data(c.asimov({}))
    outer = npinfer.joint(
        inner, other, share={"m": ["mu", "c.mu"]}, correlate=[{"names": ["a.size", "c.size"], "correlation": 0.3}]
    )
    flat = npinfer.joint(
        *(a, b, other),
        share={"m": ["a.mu", "b.mu", "c.mu"]},
        correlate=[
            {"names": list(LEVELS), "correlation": 0.5},
            {"names": ["a.size", "c.size"], "correlation": 0.3},
        ],
    )
    point = {"m": 1.2, "a.level": 1.1, "b.level": 0.7, "a.size": 0.4, "c.size": -0.3}
    assert outer.logpdf(point) == pytest.approx(flat.logpdf(point), rel=1e-13)
    with pytest.raises(ConfigurationError, match=r"'a.level' is in two correlations; put all of them into one"):
        npinfer.joint(inner, other, correlate=[{"names": ["a.level", "c.level"], "correlation": 0.1}])


@pytest.mark.parametrize(
    ("correlate", "said"),
    [
        ([{"names": ["a.level", "b.levl"], "correlation": 0.4}], "unknown parameter 'b.levl': did you mean 'b.level'"),
        ([{"names": ["a.level", "mu"], "correlation": 0.4}], "'mu' has no constraint of its own"),
        ([{"names": ["a.level", "s2_23"], "correlation": 0.4}], "'s2_23' has a two_sided_normal constraint"),
        ([{"names": ["a.level", "b.level"], "correlation": 1.4}], "a correlation lies between −1 and 1; found 1.4"),
        (
            [
                {"names": ["a.level", "b.level"], "correlation": 0.1},
                {"names": ["a.level", "a.size"], "correlation": 0.1},
            ],
            "'a.level' is in two correlations",
        ),
    ],
)
def test_bad_correlations_are_refused(members: Members, correlate: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        pair(members, correlate=correlate)


def test_a_log_normal_constraint_is_refused_by_name(members: Members, write: Write, texts: dict[str, str]) -> None:
    text = texts["b"].replace(NORMAL, "log_normal: {mean: 1, sigma: 0.2}")
    with pytest.raises(ConfigurationError, match=r"'b.level' has a log_normal constraint of its own; only normal"):
        npinfer.joint(
            members[0],
            npinfer.load(write(text, "b.yaml")),
            correlate=[{"names": list(LEVELS), "correlation": 0.4}],
        )


def joint_file(write: Write, extra: str, members: str = "[{0}/a.yaml, {0}/b.yaml]") -> Path:
    head = "schema: npinfer/joint/1\nname: ab\nshare: {mu: [a.mu, b.mu]}\n"
    path = write("", "here.yaml")
    return write(f"{head}members: {members.format(path.parent)}\n{extra}", "ab.yaml")


def test_a_file_says_it_too(members: Members, write: Write) -> None:
    likelihood = npinfer.load(joint_file(write, "correlate: [{names: [a.level, b.level], correlation: 0.4}]\n"))
    point = {"mu": 1.3, "a.level": 1.1, "b.level": 0.8}
    assert likelihood.logpdf(point) == correlated(members, 0.4).logpdf(point)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{names: [a.level, b.level]}", "ab.yaml:5: correlate.0: give correlation or covariance"),
        ("{names: [a.level, b.level], correlation: 0.1, means: [1, 1], covariance: []}", "not both"),
        ("{names: [a.level, b.level], covariance: [[1, 0], [0, 1]]}", "'means' is a dependency of 'covariance'"),
        ("{names: [a.level, b.level], correlation: high}", "expected number or array; found 'high'"),
        ("{names: [a.level, b.level], correlation: 2}", "a correlation lies between −1 and 1; found 2"),
    ],
)
def test_faults_in_a_file_have_their_line(members: Members, write: Write, entry: str, said: str) -> None:
    path = joint_file(write, f"correlate: [{entry}]\n")
    with pytest.raises(ConfigurationError) as caught:
        npinfer.load(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


# ---- members left out


def test_one_member_left_is_that_member(members: Members) -> None:
    left = pair(members).without("b")
    assert left.parameters.names == members[0].parameters.names
    assert left.description == members[0].description
    assert left.logpdf({"mu": 1.4}) == members[0].logpdf({"mu": 1.4})


def test_what_the_others_share_stays(members: Members) -> None:
    a, b, c = members
    asimov = c.with_data(c.asimov({}))
    matrix = [[1, 0.5, 0.1], [0.5, 1, 0.2], [0.1, 0.2, 1]]
    names = ["a.level", "b.level", "c.level"]
    whole = npinfer.joint(
        *(a, b, asimov),
        share={"mu": ["a.mu", "b.mu", "c.mu"], "only": ["c.size"]},
        correlate=[{"names": names, "correlation": matrix}],
        name="abc",
        poi="only",
    )
    left = whole.without("c")
    point = {"mu": 1.4, "a.level": 1.1, "b.level": 0.8}
    assert left.logpdf(point) == pytest.approx(correlated(members, 0.5).logpdf(point), rel=1e-14)
    assert left.name == "abc without c"
    assert left.poi == "mu"
    assert set(left.parameters.names) == {"mu", "a.level", "a.size", "b.level", "b.size", "s2_23"}
    assert whole.without() is whole
    assert left.recipe().build().logpdf(point) == left.logpdf(point)


def test_replaced_data_go_with_their_members(members: Members) -> None:
    likelihood = pair(members)
    toy = likelihood.with_data(likelihood.toy({"mu": 2.0}, np.random.default_rng(2)))
    left = toy.without("a")
    assert left.data.kind == "toy"
    np.testing.assert_array_equal(left.data.counts["count"], toy.data.counts["b.count"])
    assert float(left.data.auxiliary["b.level"]) == float(toy.data.auxiliary["b.level"])


def test_members_left_out_are_checked(members: Members) -> None:
    with pytest.raises(ConfigurationError, match="joint: unknown member 'bb': did you mean 'b'"):
        pair(members).without("bb")
    with pytest.raises(ConfigurationError, match="joint: no member is left without a and b; keep one"):
        pair(members).without("a", "b")


# ---- members with Asimov data


def test_only_a_member_is_asimov(members: Members) -> None:
    """Its counts and the auxiliary data that it alone reads; s2_23 stays as measured beside observed data."""
    truth = {"mu": 2.0, "b.level": 1.2, "b.size": 0.5, "a.level": 1.3, "s2_23": 0.5}
    plain = pair(members)
    likelihood = plain.with_asimov("b", values=truth)
    np.testing.assert_array_equal(likelihood.data.counts["a.count"], plain.data.counts["a.count"])
    np.testing.assert_allclose(likelihood.data.counts["b.count"], plain.expected(truth)["b.count"])
    moved = {n: float(v) for n, v in likelihood.data.auxiliary.items()}
    assert moved == {"b.level": 1.2, "b.size": 0.5}
    assert likelihood.data.kind == "observed a and asimov b"
    assert npinfer.fit(likelihood).data_kind == "observed a and asimov b"
    assert likelihood.without("a").data.kind == "asimov"
    assert float(likelihood.without("a").data.auxiliary["s2_23"]) == 0.5


def test_all_members_asimov_are_the_asimov_set(members: Members) -> None:
    likelihood, truth = pair(members), {"mu": 2.0, "s2_23": 0.5, "a.size": 0.3}
    by_member = likelihood.with_asimov("a", values=truth).with_asimov("b", values=truth)
    for other in (by_member, likelihood.with_asimov("a", "b", values=truth)):
        whole = likelihood.asimov(truth)
        assert other.data.kind == "asimov"
        assert all(np.array_equal(other.data.counts[c], whole.counts[c]) for c in whole.counts)
        assert {n: float(v) for n, v in other.data.auxiliary.items()} == {
            n: float(v) for n, v in whole.auxiliary.items()
        }
        assert npinfer.fit(other).values["mu"] == pytest.approx(2.0, abs=1e-6)


def test_it_is_the_joint_of_asimov_members(members: Members) -> None:
    a, b, _ = members
    by_hand = npinfer.joint(a, b.with_data(b.asimov({"mu": 2.0})), share=SHARE)
    likelihood = pair(members).with_asimov("b", values={"mu": 2.0})
    assert by_hand.data.kind == likelihood.data.kind
    assert by_hand.logpdf({"mu": 1.7}) == pytest.approx(likelihood.logpdf({"mu": 1.7}), rel=1e-14)


def test_correlated_auxiliary_data_move_with_their_member(members: Members) -> None:
    likelihood = correlated(members, 0.6).with_asimov("b", values={"b.level": 1.2})
    assert {n: float(v) for n, v in likelihood.data.auxiliary.items()} == {"b.level": 1.2, "b.size": 0.0}


def test_asimov_members_survive_another_configuration_and_travel(members: Members) -> None:
    likelihood = pair(members).with_asimov("b", values={"mu": 2.0})
    for other in (likelihood.configure(oscillation="nufit-6.0-NO-IC24"), likelihood.recipe().build()):
        np.testing.assert_array_equal(other.data.counts["b.count"], likelihood.data.counts["b.count"])
        assert other.data.kind == likelihood.data.kind
    with pytest.raises(ConfigurationError, match="unknown configuration 'oscilation': did you mean 'oscillation'"):
        likelihood.configure(oscilation="nufit-6.0-NO-IC24")


def test_members_that_disagree_are_refused(members: Members) -> None:
    one, two = (m.with_data(m.asimov({"s2_23": v})) for m, v in zip(members[:2], (0.4, 0.5), strict=True))
    with pytest.raises(ConfigurationError, match="the members disagree on the auxiliary datum of 's2_23'"):
        npinfer.joint(one, two)


def test_the_same_data_set_is_allowed_once_one_is_asimov_or_left_out(members: Members, write: Write) -> None:
    path = joint_file(write, "", "[{0}/a.yaml, {0}/b.yaml, {0}/c.yaml]")
    with pytest.raises(ConfigurationError, match=r"ab.yaml:4: members: a and c have the same data set 'one'.*--drop c"):
        npinfer.load(path)
    likelihood = load_unchecked(path, {})
    assert isinstance(likelihood, JointLikelihood)
    assert [m.name for m in likelihood.without("c").members] == ["a", "b"]  # type: ignore[attr-defined]
    assert likelihood.with_asimov("c").data.kind == "observed a, b and asimov c"


def test_a_share_and_poi_under_one_name(members: Members) -> None:
    assert pair(members).poi == "mu"
    assert pair(members, poi="a.size").recipe().build().poi == "a.size"
    with pytest.raises(ConfigurationError, match=r"share 'x': 'a.mu' is given twice"):
        pair(members, share={"x": ["a.mu", "b.mu"], "y": ["a.mu", "b.level"]})
