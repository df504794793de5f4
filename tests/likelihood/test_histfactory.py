"""Workspaces, natively evaluated, against pyhf: density, derivatives, parameters and everything a measurement sets."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer.errors import ConfigurationError, DataError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.pyhf_model import pyhf_data

Opened = Callable[..., BinnedLikelihood]
CODES = [
    {"normsys": normsys, "histosys": histosys}
    for normsys, histosys in itertools.product(("code4", "code1"), ("code4p", "code0"))
]
NAMES = [
    "uncorrelated, 50 bins",
    "uncorrelated, 200 bins",
    "correlated, 50 bins",
    "every modifier",
    "shared bins",
    "4 × 15 bins, 6 samples",
]


def near(lh: BinnedLikelihood, count: int, size: float = 0.5) -> np.ndarray:
    """Points around the start values, inside the bounds; those on pulls go beyond ±1."""
    p, rng = lh.parameters, np.random.default_rng(5)
    spread = np.where(p.lower < 0, 3 * size, 0.3 * size)
    return np.clip(p.init + spread * rng.normal(size=(count, len(p))), p.lower, p.upper)


@pytest.mark.parametrize("codes", CODES, ids=lambda c: "-".join(c.values()))
@pytest.mark.parametrize("name", NAMES)
def test_the_density_is_pyhfs(name: str, codes: dict[str, str], workspaces: Any, open_workspace: Opened) -> None:
    content = workspaces.ALL[name]()
    for measurement in content["measurements"]:
        lh = open_workspace(content, measurement=measurement["name"], **codes)
        model, data = lh.pyhf_model(), pyhf_data(lh)
        points = np.concatenate([lh.parameters.init[None], near(lh, 20)])
        theirs = np.array([float(model.logpdf(p, data)[0]) for p in points])
        positive = np.isfinite(theirs)  # pyhf gives NaN where an expectation is negative
        assert positive.sum() >= 15
        assert lh.logpdf(points)[positive] == pytest.approx(theirs[positive], rel=1e-9)
        assert np.isneginf(lh.logpdf(points)[~positive]).all()
        assert np.array([lh.logpdf(p) for p in points]) == pytest.approx(lh.logpdf(points), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_pyhfs_in_its_order(name: str, workspaces: Any, open_workspace: Opened) -> None:
    lh = open_workspace(workspaces.ALL[name]())
    config = lh.pyhf_model().config
    assert list(lh.parameters.names) == [f"ws.{n}" for n in config.par_names]
    assert lh.parameters.init.tolist() == config.suggested_init()
    assert [p.bounds for p in lh.parameters] == [tuple(b) for b in config.suggested_bounds()]
    assert lh.parameters.fixed.tolist() == config.suggested_fixed()
    assert lh.constraints.measured == pytest.approx(np.array(config.auxdata))
    assert lh.poi == f"ws.{config.poi_name}"


@pytest.mark.parametrize("codes", CODES, ids=lambda c: "-".join(c.values()))
def test_derivatives_are_those_of_the_counts(codes: dict[str, str], workspaces: Any, open_workspace: Opened) -> None:
    for name in ("every modifier", "shared bins"):
        lh = open_workspace(workspaces.ALL[name](), **codes)
        points = near(lh, 4)
        _, jacobian = lh.rates_jacobian(points)
        for i, h in enumerate(np.where(lh.parameters.lower < 0, 1e-4, 1e-5)):
            step = h * np.eye(points.shape[1])[i]
            slope = (lh.rates(points + step) - lh.rates(points - step)) / (2 * h)
            assert jacobian[:, i] == pytest.approx(slope, rel=1e-6, abs=1e-6)


def test_derivatives_at_zero_factors(workspaces: Any, open_workspace: Opened) -> None:
    lh = open_workspace(workspaces.every_modifier())
    at = lh.parameters.vector({"mu": 0.0, "transfer[1]": 0.0})
    _, jacobian = lh.rates_jacobian(at[None])
    for name in ("mu", "transfer[1]"):
        ahead = lh.parameters.vector({"mu": 0.0, "transfer[1]": 0.0, name: 1e-3})
        slope = (lh.rates(ahead[None]) - lh.rates(at[None])) / 1e-3
        assert jacobian[:, lh.parameters.index(name)] == pytest.approx(slope, rel=1e-9)  # counts are linear in them
        assert slope.max() > 1


def test_samples_add_up(workspaces: Any, open_workspace: Opened) -> None:
    lh = open_workspace(workspaces.every_modifier())
    points = near(lh, 3)
    template = lh.expected(points)
    assert set(template.samples) == {"signal", "fake", "prompt", "rare"}
    assert np.concatenate([template[c.name] for c in lh.channels], axis=1) == pytest.approx(lh.rates(points))
    assert template.samples["signal"]["side"] == pytest.approx(np.zeros((3, 2)))


def test_a_measurement_sets_what_its_parameters_are(workspaces: Any, open_workspace: Opened) -> None:
    lh = open_workspace(workspaces.every_modifier(), measurement="shifted")
    assert lh.parameters["xsec"].fixed
    assert lh.constraints.single["ws.scale"].mean == 0.3
    assert lh.constraints.single["ws.lumi"].mean == 1.03
    assert lh.configuration == {"measurement": "shifted", "normsys": "code4", "histosys": "code4p"}
    assert not lh.configure(measurement="main").parameters["xsec"].fixed


def test_a_workspace_answers_as_any_likelihood(workspaces: Any, open_workspace: Opened) -> None:
    lh = open_workspace(workspaces.every_modifier())
    truth = lh.parameters.vector({"mu": 2.0, "xsec": 0.5})
    asimov = npinfer.fit(lh.with_data(lh.asimov(truth)))
    assert asimov.values["ws.mu"] == pytest.approx(2.0, abs=1e-5)
    assert asimov.values["ws.xsec"] == pytest.approx(0.5, abs=1e-5)
    ensemble = npinfer.toys(lh, 30, at={"mu": 2.0})
    assert not ensemble.failed.any()
    described = npinfer.describe(lh)
    assert [row[0] for row in described[3].rows] == ["signal", "fake", "prompt", "rare"]
    assert lh.recipe().build().logpdf(truth) == lh.logpdf(truth)


def test_workspaces_join(workspaces: Any, open_workspace: Opened, small: BinnedLikelihood) -> None:
    content = workspaces.every_modifier()
    content["measurements"][0]["config"]["parameters"][1]["bounds"] = [[0, 10]]  # as the other has it
    lh = open_workspace(content)
    both = npinfer.joint(lh, small, share={"mu": ["ws.mu", "small.mu"]})
    values = {"mu": 1.5, "ws.xsec": 0.4, "small.level": 1.2}
    parts = lh.logpdf({"mu": 1.5, "xsec": 0.4}) + small.logpdf({"mu": 1.5, "level": 1.2})
    assert both.logpdf(values) == pytest.approx(parts, rel=1e-12)


def test_without_observations_the_data_are_asimov(workspaces: Any, open_workspace: Opened) -> None:
    content = workspaces.simple("uncorrelated", 3)
    content["observations"] = []
    lh = open_workspace(content)
    assert lh.data.kind == "asimov"
    assert lh.description.kind == "asimov"


def modifiers(content: Any, channel: int, sample: int) -> list[Any]:
    found: list[Any] = content["channels"][channel]["samples"][sample]["modifiers"]
    return found


def _drop_observation(content: Any) -> None:
    del content["observations"][0]


def _short_sample(content: Any) -> None:
    content["channels"][0]["samples"][1]["data"].pop()


def _same_sample(content: Any) -> None:
    content["channels"][0]["samples"][1]["name"] = "signal"


def _same_channel(content: Any) -> None:
    content["channels"][1]["name"] = "side"


def _foreign(content: Any) -> None:
    modifiers(content, 0, 0)[0]["type"] = "normfactory"


def _negative_factor(content: Any) -> None:
    modifiers(content, 0, 0)[3]["data"]["lo"] = -0.1


def _no_lumi(content: Any) -> None:
    del content["measurements"][0]["config"]["parameters"][0]["sigmas"]


def _two_kinds(content: Any) -> None:
    modifiers(content, 0, 0)[0]["name"] = "xsec"


def _wrong_poi(content: Any) -> None:
    content["measurements"][0]["config"]["poi"] = "mue"


def _binned_poi(content: Any) -> None:
    content["measurements"][0]["config"]["poi"] = "transfer"


def _sigmas_of_a_pull(content: Any) -> None:
    content["measurements"][0]["config"]["parameters"].append({"name": "xsec", "sigmas": [0.5]})


def _too_many_inits(content: Any) -> None:
    content["measurements"][0]["config"]["parameters"].append({"name": "transfer", "inits": [1.0]})


def _wide_shapefactor(content: Any) -> None:
    modifiers(content, 2, 0).append({"name": "transfer", "type": "shapefactor", "data": None})
    modifiers(content, 1, 1)[0]["name"] = "other"
    content["channels"][2]["name"] = "a side"


def _text(content: Any) -> None:
    content["channels"][0]["samples"][0]["data"][0] = "6"


def _shapesys_twice(content: Any) -> None:
    modifiers(content, 1, 1).append({"name": "closure", "type": "shapesys", "data": [1.0, 1.0, 1.0]})


def _extra_key(content: Any) -> None:
    content["channels"][0]["colour"] = "red"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_drop_observation, "ws.json: observations: unknown channel 'signal region'"),
        (_short_sample, "sample 'fake': data: expected 3 numbers, one a bin of the channel; found 2"),
        (_same_sample, "channel 'signal region': sample 'signal' is given twice; rename or remove one"),
        (_same_channel, "channel 'side' is given twice; rename or remove one"),
        (_foreign, "unknown modifier type 'normfactory': did you mean 'normfactor'?; or build the pyhf.Model"),
        (_negative_factor, "normsys 'scale': lo is -0.1; a factor that is interpolated has to be positive"),
        (_no_lumi, "measurement 'main', parameter 'lumi': a lumi needs its sigmas: add them to the measurement"),
        (_two_kinds, "'xsec' is a normsys, and a normfactor elsewhere: one parameter cannot be both; rename one"),
        (_wrong_poi, "measurement 'main': poi: unknown parameter 'mue': did you mean 'mu'?"),
        (_binned_poi, "poi: 'transfer' is a shapefactor, a parameter a bin; choose a single one"),
        (_sigmas_of_a_pull, "measurement 'main', parameter 'xsec': a normsys has no sigmas; remove them"),
        (_too_many_inits, "parameter 'transfer': inits has 1 values for 3 parameters"),
        (_wide_shapefactor, "shapefactor 'transfer': channel 'signal region' has more bins than 'a side'"),
        (_text, "sample 'signal': data: expected 3 numbers, one a bin of the channel; found ['6'"),
        (_shapesys_twice, "a shapesys is of one sample in one channel: the name is used before; rename one"),
        (_extra_key, "channels.0.colour: unknown key 'colour'"),
    ],
)
def test_faults_name_their_place(
    spoil: Callable[[Any], None], said: str, workspaces: Any, open_workspace: Opened
) -> None:
    content = deepcopy(workspaces.every_modifier())
    spoil(content)
    with pytest.raises((ConfigurationError, DataError)) as raised:
        open_workspace(content)
    assert said in str(raised.value)
    assert "ws.json" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"channels": [', "bad.json:1: broken JSON"),
        ('{"a": 1, "a": 2}', "bad.json: the key 'a' is given twice in one object"),
        ('{"a": NaN}', "bad.json: NaN is not a number of JSON"),
        ("[1, 2]", "bad.json: expected an object with channels, observations and measurements"),
        ("{}", "bad.json: 'channels' is a required property"),
    ],
)
def test_broken_files_are_refused(text: str, said: str, write: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        npinfer.load(write(text, "bad.json"))
    assert said in str(raised.value)


def test_an_unknown_measurement_or_code_is_refused(workspaces: Any, open_workspace: Opened) -> None:
    content = workspaces.every_modifier()
    with pytest.raises(ConfigurationError, match="choice for configuration 'measurement': 'mian': did you mean 'main'"):
        open_workspace(content, measurement="mian")
    with pytest.raises(ConfigurationError, match="choice for configuration 'histosys': 'code2'"):
        open_workspace(content, histosys="code2")


def test_workspaces_with_other_measurements_join(workspaces: Any, write: Callable[..., Any]) -> None:
    files = [
        write(json.dumps(make()), f"{name}.json")
        for name, make in (("first", workspaces.every_modifier), ("second", workspaces.shared_bins))
    ]
    both = npinfer.joint(*map(npinfer.load, files))
    assert both.configuration["measurement"] == "main and fit"
    assert both.recipe().build().logpdf({}) == pytest.approx(both.logpdf({}), rel=1e-15)
    parts = sum(npinfer.load(f).logpdf({}) for f in files)
    assert both.logpdf({}) == pytest.approx(parts, rel=1e-12)


def test_a_negative_observation_is_refused_with_its_file(workspaces: Any, open_workspace: Opened) -> None:
    content = workspaces.simple("uncorrelated", 3)
    content["observations"][0]["data"][1] = -2.0
    with pytest.raises(ConfigurationError, match=r"ws\.json: observations: channel 'singlechannel': bin 1"):
        open_workspace(content)
