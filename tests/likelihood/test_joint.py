"""Joint likelihoods: sums of members, shared parameters, refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer.core.constraint import Correlation
from npinfer.errors import ConfigurationError, NpinferError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.describe import list_table
from npinfer.likelihood.joint import JointLikelihood
from npinfer.likelihood.pyhf_model import pyhf_data

ONE = """\
schema: npinfer/likelihood/1
name: {name}
dataset: {name}
kind: real
status: {status}
poi: mu
channels: {{count: {{axes: {{x: {{linear: [0, 1, 2]}}}}, observed: {observed}}}}}
samples:
  signal: {{template: {{count: {signal}}}, scale: mu}}
  background:
    template: {{count: [3, 2]}}
    scale: level
    systematics: [{{name: size, kind: normsys, up: 1.2}}]
parameters:
  use: [astro_norm]
  mu: {{init: 1, bounds: [0, 10]}}
  level: {{init: 1, bounds: [0.1, 3], constraint: {{normal: {{mean: 1, sigma: 0.2}}}}}}
"""


@pytest.fixture
def pair(write: Callable[..., Path]) -> tuple[BinnedLikelihood, BinnedLikelihood]:
    texts = (
        ONE.format(name="a", status="published", observed="[5, 2]", signal="[2, 1]"),
        ONE.format(name="b", status="approximate", observed="[1, 4]", signal="[0.5, 3]"),
    )
    one, two = (npinfer.load(write(text, f"{'ab'[i]}.yaml")) for i, text in enumerate(texts))
    return one, two


SHARE = {"mu": ["a.mu", "b.mu"]}


def glashow() -> JointLikelihood:
    likelihood = npinfer.load("joint/glashow")
    assert isinstance(likelihood, JointLikelihood)
    return likelihood


def member_values(likelihood: JointLikelihood, point: np.ndarray, member: BinnedLikelihood) -> np.ndarray:
    return point[[likelihood.parameters.index(n) for n in member.parameters.names]]


def test_members_data_terms_plus_each_constraint_once() -> None:
    likelihood = glashow()
    rng = np.random.default_rng(0)
    for _ in range(5):
        p = likelihood.parameters
        point = p.lower + (p.upper - p.lower) * rng.uniform(0.1, 0.9, len(p))
        data_terms = 0.0
        for m in likelihood.members:
            terms = m.logpdf_terms(member_values(likelihood, point, m))
            data_terms += sum(v for k, v in terms.items() if k != "constraints")
        once = likelihood.constraints.logpdf_terms(point[None], likelihood.pack().auxiliary)[0]
        assert likelihood.logpdf(point) == pytest.approx(data_terms + once, rel=1e-13)
    constrained = [c for m in likelihood.members for c in m.constraints.single]
    assert sorted(likelihood.constraints.single) == sorted(set(constrained))


def test_shared_oscillation_constraints_count_once() -> None:
    likelihood = npinfer.load("joint/glashow", composition="source", source_model="mixture")
    assert isinstance(likelihood, JointLikelihood)
    assert sum("s2_23" in m.constraints.single for m in likelihood.members) == 2
    assert list(likelihood.constraints.auxiliary_names).count("s2_23") == 1


def test_equal_to_pyhf_and_gradient() -> None:
    likelihood = glashow()
    point = likelihood.parameters.vector({"f_nuebar": 0.2, "astro_gamma": 2.6})
    theirs = likelihood.pyhf_model().logpdf(point, pyhf_data(likelihood))[0]
    assert likelihood.logpdf(point) == pytest.approx(float(theirs), rel=1e-12)
    _, gradient = likelihood.value_grad(point)
    step = 1e-6
    for i in (0, 1, 2, 5, 8, 12):
        shifted = [point + s * step * (np.arange(len(point)) == i) for s in (1, -1)]
        slope = (likelihood.logpdf(shifted[0]) - likelihood.logpdf(shifted[1])) / (2 * step)
        assert gradient[0, i] == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_templates_carry_the_members_names() -> None:
    likelihood = glashow()
    expected = likelihood.expected({"f_nuebar": 0.3})
    assert set(expected) == {c.name for c in likelihood.channels}
    hese = likelihood.members[0].expected({"f_nuebar": 0.3})
    np.testing.assert_array_equal(expected["icecube_hese.cascade"], hese["cascade"])
    assert expected.samples["icecube_pepe.astro"]["icecube_hese.track"].sum() == 0.0


def test_python_and_file_give_the_same() -> None:
    by_hand = npinfer.joint(npinfer.load("icecube_hese"), npinfer.load("icecube_pepe"))
    point = by_hand.parameters.vector({"f_nuebar": 0.4})
    assert by_hand.logpdf(point) == glashow().logpdf(point)
    assert by_hand.poi == "f_nuebar"


def test_private_parameters_are_shared_on_request(pair: tuple[BinnedLikelihood, BinnedLikelihood]) -> None:
    likelihood = npinfer.joint(*pair, share=SHARE)
    assert likelihood.parameters.names == ("mu", "a.level", "a.size", "b.level", "b.size")
    point = {"mu": 2.0, "a.level": 1.1, "b.level": 0.9}
    terms = likelihood.logpdf_terms(point)
    assert terms["a.count"] == pytest.approx(pair[0].logpdf_terms({"mu": 2.0, "level": 1.1})["count"])
    assert terms["b.count"] == pytest.approx(pair[1].logpdf_terms({"mu": 2.0, "level": 0.9})["count"])
    free = npinfer.fit(npinfer.joint(*pair))
    assert npinfer.fit(likelihood).twice_nll > free.twice_nll
    assert likelihood.description.status == "approximate"


def test_a_shared_nuisance_keeps_one_constraint(pair: tuple[BinnedLikelihood, BinnedLikelihood]) -> None:
    likelihood = npinfer.joint(*pair, share={"level": ["a.level", "b.level"]})
    assert list(likelihood.constraints.auxiliary_names).count("level") == 1


def test_correlated_block_replaces_constraints(pair: tuple[BinnedLikelihood, BinnedLikelihood]) -> None:
    sigma, rho = 0.2, 0.7
    block = Correlation(("a.level", "b.level"), (1.0, 1.0), ((sigma**2, rho * sigma**2), (rho * sigma**2, sigma**2)))
    likelihood = npinfer.joint(*pair, share=SHARE, correlate=[block])
    assert "a.level" not in likelihood.constraints.single
    point = {"mu": 1.0, "a.level": 1.2, "b.level": 1.2}
    from scipy.stats import multivariate_normal, norm

    expected = multivariate_normal.logpdf([1.2, 1.2], [1.0, 1.0], np.array(block.covariance)) + 2 * norm.logpdf(0.0)
    assert likelihood.logpdf_terms(point)["constraints"] == pytest.approx(expected)
    result = npinfer.fit(likelihood)
    assert result.valid
    assert set(result.pulls) == {"a.level", "b.level", "a.size", "b.size"}


def test_a_joint_of_joints(pair: tuple[BinnedLikelihood, BinnedLikelihood], write: Callable[..., Path]) -> None:
    text = ONE.format(name="c", status="illustrative", observed="[2, 2]", signal="[1, 1]")
    inner = npinfer.joint(*pair, share=SHARE, name="ab")
    outer = npinfer.joint(inner, npinfer.load(write(text, "c.yaml")), share={"strength": ["mu", "c.mu"]}, name="abc")
    point = {"strength": 1.5}
    flat = inner.logpdf({"mu": 1.5}) + outer.members[1].logpdf({"mu": 1.5})
    assert outer.logpdf(point) == pytest.approx(flat, rel=1e-13)
    assert [c.name for c in outer.channels] == ["ab.a.count", "ab.b.count", "c.count"]
    assert npinfer.fit(outer).valid
    assert any("ab.a.signal" in row for row in npinfer.describe(outer)[3].rows)


def test_configuration_reaches_the_members_that_have_it() -> None:
    likelihood = npinfer.load("joint/glashow", background="nc", composition="source", source_model="pgamma")
    hese, pepe = likelihood.members  # type: ignore[attr-defined]
    assert "background" not in hese.configuration
    assert pepe.configuration["background"] == "nc"
    assert hese.configuration["source_model"] == pepe.configuration["source_model"] == "pgamma"
    again = likelihood.configure(background="all")
    assert again.configuration["background"] == "all"
    assert again.configuration["source_model"] == "pgamma"


def test_a_recipe_rebuilds_it(pair: tuple[BinnedLikelihood, BinnedLikelihood]) -> None:
    likelihood = npinfer.joint(*pair, share=SHARE)
    toy = likelihood.with_data(likelihood.toy({"mu": 2.0}, np.random.default_rng(1)))
    for original in (likelihood, toy):
        rebuilt = original.recipe().build()
        assert rebuilt.logpdf({"mu": 1.3}) == original.logpdf({"mu": 1.3})
        assert rebuilt.description == original.description


def test_asimov_member_beside_its_own_data(pair: tuple[BinnedLikelihood, BinnedLikelihood]) -> None:
    one, _ = pair
    with pytest.raises(ConfigurationError, match="the member 'a' is given twice"):
        npinfer.joint(one, one)


def test_the_same_events_do_not_count_twice(write: Callable[..., Path]) -> None:
    text = ONE.format(name="a", status="published", observed="[5, 2]", signal="[2, 1]")
    one = npinfer.load(write(text, "a.yaml"))
    child = npinfer.load(write("extends: a.yaml\nname: child\nparameters: {}\n", "child.yaml"))
    with pytest.raises(ConfigurationError, match="a and child have the same data set 'a': events would count twice"):
        npinfer.joint(one, child)
    forecast = child.with_data(child.asimov({"mu": 2.0}))
    assert npinfer.joint(one, forecast).data.kind == "observed a and asimov child"


@pytest.mark.parametrize(
    ("share", "said"),
    [
        ({"mu": ["a.mu", "b.mo"]}, "share 'mu': unknown parameter 'b.mo': did you mean 'b.mu'"),
        ({"a.level": ["a.mu", "b.mu"]}, "share: 'a.level' is the name of a parameter already"),
        ({"mixed": ["a.mu", "b.level"]}, "the members disagree on the bounds or constraint of 'mixed'"),
    ],
)
def test_bad_sharing_is_refused(
    pair: tuple[BinnedLikelihood, BinnedLikelihood], share: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        npinfer.joint(*pair, share=share)


def test_faults_of_a_joint_file_have_their_place(write: Callable[..., Path]) -> None:
    head = "schema: npinfer/joint/1\nname: bad\n"
    with pytest.raises(ConfigurationError, match=r"bad.yaml:3: membrs: unknown key 'membrs': did you mean 'members'"):
        npinfer.load(write(head + "membrs: [icecube_hese, icecube_pepe]\nmembers: [a, b]\n", "bad.yaml"))
    with pytest.raises(ConfigurationError, match="unknown likelihood 'icecube_hess': did you mean 'icecube_hese'"):
        npinfer.load(write(head + "members: [icecube_hess, icecube_pepe]\n", "bad.yaml"))
    with pytest.raises(ConfigurationError, match="unknown configuration 'compositon': did you mean 'composition'"):
        npinfer.load("joint/glashow", compositon="flavour")
    with pytest.raises(ConfigurationError, match="at least two members"):
        npinfer.joint(npinfer.load("icecube_hese"))


def test_recipes_of_the_same_likelihood_are_equal(pair: tuple[BinnedLikelihood, BinnedLikelihood]) -> None:
    likelihood = npinfer.joint(*pair, share=SHARE)
    toy = likelihood.with_data(likelihood.toy({"mu": 2.0}, np.random.default_rng(1)))
    assert likelihood.recipe() == likelihood.recipe()
    assert len({likelihood.recipe(), likelihood.recipe(), toy.recipe(), pair[0].recipe()}) == 3


JOINT = "schema: npinfer/joint/1\nname: both\nmembers: [{}]\n"


def test_members_lie_beside_their_joint_file(
    pair: tuple[BinnedLikelihood, BinnedLikelihood], write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(JOINT.format("a.yaml, b.yaml"), "both.yaml")
    for folder in ("/", path.parent):
        monkeypatch.chdir(folder)
        assert npinfer.load(path).logpdf({}) == npinfer.joint(*pair).logpdf({})
    missing = write(JOINT.format("a.yaml, c.yaml"), "missing.yaml")
    with pytest.raises(ConfigurationError, match=r"missing.yaml:3: members.1: .*c.yaml: no such likelihood file"):
        npinfer.load(missing)


@pytest.mark.parametrize("members", [("a.yaml, both.yaml",), ("a.yaml, other.yaml", "both.yaml, b.yaml")])
def test_a_joint_file_is_not_below_itself(
    pair: object, members: tuple[str, ...], write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, said in zip(("both", "other"), members, strict=False):
        write(JOINT.format(said), f"likelihoods/{name}.yaml")
    path = write(JOINT.format(members[0]), "likelihoods/both.yaml")
    for name in "ab":
        (path.parent / f"{name}.yaml").write_bytes((path.parents[1] / f"{name}.yaml").read_bytes())
    with pytest.raises(ConfigurationError, match=r"members: the files are members of each other: both → .*both"):
        npinfer.load(path)
    monkeypatch.setenv("NPINFER_PATH", str(path.parents[1]))
    assert "both cannot be loaded: " in " ".join(list_table().notes)


def test_a_configuration_of_a_joint_file_that_a_member_refuses_has_its_place(
    pair: object, write: Callable[..., Path]
) -> None:
    text = ONE.format(name="c", status="published", observed="[1, 4]", signal="[0.5, 3]")
    write(text + "configuration: {exposure: {default: 1.0}}\n", "c.yaml")
    joint = write(JOINT.format("a.yaml, c.yaml") + "configuration: {exposure: {default: x}}\n", "both.yaml")
    with pytest.raises(ConfigurationError, match=r"both.yaml:3: members.1: c: configuration 'exposure' is a number"):
        npinfer.load(joint)


def test_the_parameter_of_interest_exists(pair: object, write: Callable[..., Path]) -> None:
    both = JOINT.format("a.yaml, b.yaml") + "poi: {}\n"
    assert npinfer.load(write(both.format("a.mu"), "both.yaml")).poi == "a.mu"
    assert npinfer.load(write(both.format("m") + "share: {m: [a.mu, b.mu]}\n", "both.yaml")).poi == "m"
    with pytest.raises(NpinferError, match=r"both.yaml:1: parameter 'mu' could be a.mu or b.mu; give the full name"):
        npinfer.load(write(both.format("mu"), "both.yaml"))
    with pytest.raises(ConfigurationError, match=r"both.yaml:4: poi: unknown parameter 'my'"):
        npinfer.load(write(both.format("my"), "both.yaml"))
    with pytest.raises(NpinferError, match="unknown parameter 'my'"):
        npinfer.joint(npinfer.load("icecube_hese"), npinfer.load("icecube_pepe"), poi="my")


def test_without_its_parameter_of_interest_a_configuration_has_none() -> None:
    likelihood = npinfer.load("joint/glashow", composition="flavour")
    assert likelihood.poi is None
    assert likelihood.pyhf_model().config.poi_name is None
    assert likelihood.configure(composition="nuebar").poi == "f_nuebar"
