"""Loading by name and by path, and the faults that only a whole likelihood shows."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import npinfer
from npinfer.errors import ConfigurationError, NpinferError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.catalogue import describe_spec, find, list_likelihoods

Write = Callable[..., Path]


def test_the_shipped_likelihoods_are_listed_and_found() -> None:
    found = list_likelihoods()
    assert "icecube_hese" in found
    assert "parameters" not in found
    assert list(found) == sorted(found)
    assert all(find(name) == path and path.is_file() for name, path in found.items())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("icecube_hes", "unknown likelihood 'icecube_hes': did you mean 'icecube_hese'?"),
        ("parameters", "unknown likelihood 'parameters'"),
        ("", "unknown likelihood ''"),
        ("../pyproject", "unknown likelihood"),
        ("none.yaml", "none.yaml: no such likelihood file; give a YAML file that exists"),
        ("/tmp", "unknown likelihood"),
        ("~nobody-here/x.yaml", "no such likelihood file"),
        ("a\0b.yaml", "no such likelihood file"),
        ("a" * 5000 + ".yaml", "no such likelihood file"),
    ],
)
def test_an_unknown_likelihood_is_refused(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        npinfer.load(name)
    assert said in str(caught.value)


def test_a_folder_of_the_user_comes_first(write: Write, tmp_path: Path, small_text: str, monkeypatch) -> None:
    write(small_text, "first/likelihoods/small.yaml")
    write(small_text.replace("A small", "Another"), "second/likelihoods/small.yaml")
    write(small_text.replace("name: small", "name: inner"), "second/likelihoods/deep/inner.yaml")
    monkeypatch.setenv("NPINFER_PATH", os.pathsep.join([str(tmp_path / "first"), str(tmp_path / "second")]))
    assert npinfer.load("small").description.title == "A small likelihood"
    assert npinfer.load("deep/inner").name == "inner"
    assert "icecube_hese" in list_likelihoods()
    monkeypatch.setenv("NPINFER_PATH", str(tmp_path / "second"))
    assert npinfer.load("small").description.title == "Another likelihood"


def test_data_folders_and_shared_parameters_of_the_user_are_found(write: Write, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NPINFER_PATH", str(tmp_path))
    write("channel,x_low,x_high,counts\nonly,0,1,3\n", "data/mine/t.csv")
    write("coupling: {init: 0.5, bounds: [0, 1]}\n", "likelihoods/parameters.yaml")
    write(
        "schema: npinfer/likelihood/1\nname: mine\nkind: asimov\nstatus: illustrative\ndata: {folder: mine}\n"
        "channels: {only: {axes: {x: {edges: [0, 1]}}}}\nsamples: {s: {template: t.csv, scale: {coupling: 2}}}\n"
        "parameters: {use: [coupling]}\n",
        "likelihoods/mine.yaml",
    )
    lh = npinfer.load("mine")
    assert lh.parameters.names == ("coupling",)
    assert lh.parameters["coupling"].role == "physics"
    assert lh.data.kind == "asimov"
    assert lh.expected({})["only"] == pytest.approx([0.75])


def test_the_specification_can_be_read_without_loading() -> None:
    assert describe_spec("icecube_hese")["poi"] == "f_nuebar"


def test_a_parameter_that_nothing_reads_is_left_out(write: Write, small_text: str) -> None:
    text = small_text.replace("  rate: {init", "  idle: {init: 1, bounds: [0, 2]}\n  rate: {init")
    assert npinfer.load(write(text)).parameters.names == npinfer.load(write(small_text)).parameters.names


FAULTS: dict[str, tuple[str, str, str, str]] = {
    # what: (fragment, put in its place, fragment of the line blamed, said)
    "generator": (
        "template: {low: [0.5, 0.5, 0.5, 0.5]}",
        "generator: astro.powerlaw",
        "cosmic:",
        "unknown generator 'astro.powerlaw': did you mean 'astro.power_law'",
    ),
    "scale": ("scale: rate", "scale: rat", "scale: rat", "unknown parameter 'rat': did you mean 'rate'"),
    "list of scales": ("[lumi, level]", "[lumi, leve]", "leve]", "unknown parameter 'leve': did you mean 'level'"),
    "shared parameter": (
        "parameters:\n",
        "parameters:\n  use: [astro_gama]\n",
        "use: ",
        "unknown shared parameter 'astro_gama': did you mean 'astro_gamma'",
    ),
    "channel of a systematic": (
        "up: 1.1, channels: [low]",
        "up: 1.1, channels: [lwo]",
        "lwo",
        "unknown channel 'lwo': did you mean 'low'",
    ),
    "channel of a template": (
        "template: {low: [0.5,",
        "template: {lwo: [0.5,",
        "cosmic:",
        "unknown channel 'lwo': did you mean 'low'",
    ),
    "bins of a template": ("[0.5, 0.5, 0.5, 0.5]", "[0.5, 0.5]", "cosmic:", "expected 4 bins"),
    "negative template": ("[0.5, 0.5, 0.5, 0.5]", "[0.5, 0.5, -0.5, 0.5]", "cosmic:", "bin 2 has a negative count"),
    "infinite template": ("[0.5, 0.5, 0.5, 0.5]", "[0.5, 0.5, .inf, 0.5]", "cosmic:", "bin 2 is not a finite number"),
    "observed": ("observed: [4, 0, 2]", "observed: [4, 0]", "observed: [4", "expected 3 bins"),
    "negative observed": ("observed: [4, 0, 2]", "observed: [4, -1, 2]", "observed: [4", "bin 1 has a negative count"),
    "nan observed": ("observed: [4, 0, 2]", "observed: [4, .nan, 2]", "observed: [4", "bin 1 is not a finite number"),
    "axis": ("{log: [10, 1000, 3]}", "{log: [-10, 1000, 3]}", "high:\n    axes", "a log axis needs positive ends"),
    "huge axis": ("{log: [10, 1000, 3]}", "{log: [10, 1000, .inf]}", "high:\n    axes", "number of bins"),
    "init": (
        "init: 1.0, bounds: [0, 10]",
        "init: 11, bounds: [0, 10]",
        "mu: {init",
        "11 is outside its bounds [0, 10]",
    ),
    "bounds": ("bounds: [0, 10]", "bounds: [10, 0]", "mu: {init", "not in increasing order"),
    "constraint": ("sigma: 2.0e-2", "sigma: 0", "lumi: {init", "positive widths"),
    "constraint word": (
        "mean: 1.02, sigma",
        "meen: 1.02, sigma",
        "lumi: {init",
        "takes mean, sigma; found meen, sigma",
    ),
    "mirror and down": (
        "mirror: true}",
        "mirror: true, down: {low: [1, 1, 1, 1]}}",
        "mirror: true",
        "a histosys takes either down or mirror: true",
    ),
    "no observed": (
        "    observed: [4, 0, 2]\n",
        "",
        "  high:",
        "no observed counts; give them for every channel or for none",
    ),
    "normsys with a table": (
        "kind: normsys, up: 1.1,",
        "kind: normsys, up: {low: [1, 1, 1, 1]},",
        "{low: [1, 1, 1, 1]}",
        "a normsys takes positive numbers",
    ),
    "normsys below zero": (
        "kind: normsys, up: 1.1,",
        "kind: normsys, up: -1.1,",
        "-1.1",
        "-1.1 is less than or equal to the minimum of 0",
    ),
    "normsys near zero": (
        "kind: normsys, up: 1.1,",
        "kind: normsys, up: 1.0e-320,",
        "1.0e-320",
        "a normsys takes positive numbers, from 1e-100 to 1e+100, for up and down; found up: 1e-320",
    ),
    "normsys without bounds": (
        "kind: normsys, up: 1.1,",
        "kind: normsys, up: 1.0e+22,",
        "up: 1.0e+22",
        "cannot be interpolated",
    ),
    "infinite normsys": ("kind: normsys, up: 1.1,", "kind: normsys, up: 1.0e+308,", "up: 1.0e+308", "positive numbers"),
    "endless counts": (
        "[0.5, 0.5, 0.5, 0.5]",
        "[0.5, 0.5, 1.0e+40, 0.5]",
        "samples:\n",
        "1e+40 counts are expected in a bin of channel 'low' at the start values; give at most 1e+15",
    ),
    "endless power": ("scale: rate", "scale: {rate: 1.0e+22}", "scale: {rate", "the power 1e+22 of 'rate' within its"),
    "power of wide bounds": (
        "coupling: {init: 1.0, bounds: [0.1, 2]",
        "coupling: {init: 1.0, bounds: [0.1, 1.0e+90]",
        "scale: {mu: 1, coupling: 4}",
        "the power 4 of 'coupling' within its bounds is not a usable number",
    ),
    "generator of a derived quantity": (
        "parameters:\n",
        "derived: {share: flavor}\nparameters:\n",
        "derived:",
        "unknown generator 'flavor': did you mean 'flavour.f_e'",
    ),
    "exposure": (
        "  tilted: {default: true}",
        "  tilted: {default: true}\n  exposure: {default: -1}",
        "exposure",
        "a positive multiple of the data's; found -1.0",
    ),
    "endless time": ("kind: real", "kind: real\nlivetime_s: .inf", "livetime_s", "a finite time, of at most 1e+100 s"),
    "exposure in words": (
        "  tilted: {default: true}",
        "  tilted: {default: true}\n  exposure: {default: long}",
        "exposure",
        "a positive multiple of the data's; found 'long'",
    ),
}


@pytest.mark.parametrize("what", list(FAULTS))
def test_a_fault_is_refused_with_its_line_and_the_way_out(write: Write, small_text: str, what: str) -> None:
    fragment, instead, blamed, said = FAULTS[what]
    assert small_text.count(fragment) == 1
    text = small_text.replace(fragment, instead)
    assert text.count(blamed) == 1
    path = write(text)
    with pytest.raises(NpinferError) as caught:
        npinfer.load(path)
    line = text[: text.index(blamed)].count("\n") + 1
    places = [f"{path}:{n}: " for n in (line, line + 1)]  # of the key, or of the first item below it
    assert str(caught.value).startswith(tuple(places)), caught.value
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("livetime", "said"),
    [
        ("x", "generator 'astro.power_law' cannot use its inputs: ValueError: could not convert string to float: 'x'"),
        ("[1]", "generator 'astro.power_law' cannot use its inputs: TypeError: "),
        ("0", "the input livetime_s is a positive number of seconds; found 0"),
        (".nan", "the input livetime_s is a positive number of seconds; found nan"),
    ],
)
def test_inputs_that_a_generator_cannot_use_have_their_place(write: Write, livetime: str, said: str) -> None:
    head = "schema: npinfer/likelihood/1\nname: mine\nextends: icecube_pepe\nsamples:\n"
    path = write(f"{head}  astro: {{inputs: {{livetime_s: {livetime}}}}}\n")
    with pytest.raises(NpinferError) as caught:
        npinfer.load(path)
    assert str(caught.value).startswith(f"{path}:5: samples.astro: {said}")
    cause = type(caught.value.__cause__).__name__  # what the generator raised, for whoever writes one
    assert cause == ("ValueError" if livetime == "x" else "TypeError" if livetime == "[1]" else "NoneType")


def test_inputs_that_overflow_are_refused(write: Write) -> None:
    head = "schema: npinfer/likelihood/1\nname: mine\nextends: coherent_csi\nsamples:\n"
    path = write(f"{head}  cevns: {{inputs: {{light_yield: 1.0e+308}}}}\n")
    with pytest.raises(ConfigurationError, match="cannot use its inputs: FloatingPointError: overflow encountered"):
        npinfer.load(path)


ODD = "{}[]:,-&*!|>'\"#%@`~ \n\tax1\0é"

# ---- anything that can be written either loads or is refused in words

JUNK: list[Any] = [
    None, True, 0, -1, 3, 1.5, -2.5, 1e300, 1e-300, float("nan"), float("inf"), "", "word", "mu", "low", [], [1],
    [1, 2, 3], ["mu"], ["a", 1], {}, {"a": 1}, {"low": [1, 2, 3, 4]}, {"mu": 2}, {"edges": [0, 1]}, [[1, 2], [3]],
    {"normal": {}}, "../x.csv", "\0", "x" * 300, 10**30, {"mu": -1}, {"mu": 0.5}, [1, 2], [0, 0],
]  # fmt: skip


def positions(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all keys and items."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path for key, value in inner for path in ((*at, key), *positions(value, (*at, key)))]


def edited(content: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """The content with a few things replaced, removed, renamed or doubled."""
    content = copy.deepcopy(content)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(positions(content) or [("schema",)]))
        node: Any = content
        for key in path[:-1]:
            node = node[key]
        action = data.draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if action == "replace" or (isinstance(node, list) and action == "add"):
            node[path[-1]] = copy.deepcopy(data.draw(st.sampled_from(JUNK)))
        elif action == "remove":
            node.pop(path[-1], None) if isinstance(node, dict) else node.pop(path[-1])
        else:
            node[data.draw(st.sampled_from(["mu", "low", "scale", "group", "extra", "observed"]))] = data.draw(
                st.sampled_from(JUNK)
            )
    return content


def loaded(path: Path, **configuration: Any) -> BinnedLikelihood | str:
    """The likelihood, or what was said when it was refused."""
    try:
        return npinfer.load(path, **configuration)
    except NpinferError as error:
        return str(error)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_edited_file_loads_or_is_refused_in_words(write: Write, small_text: str, data: st.DataObject) -> None:
    path = write(yaml.safe_dump(edited(yaml.safe_load(small_text), data), sort_keys=False, allow_unicode=True))
    lh = loaded(path)
    assert str(path) in lh if isinstance(lh, str) else not np.isnan(lh.logpdf({}))


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 3000), cut=st.integers(0, 4), put=st.text(alphabet=ODD, max_size=4))
def test_a_file_with_other_characters_loads_or_is_refused(
    write: Write, small_text: str, at: int, cut: int, put: str
) -> None:
    at %= len(small_text)
    path = write(small_text[:at] + put + small_text[at + cut :])
    lh = loaded(path)
    assert isinstance(lh, BinnedLikelihood) or str(path) in lh


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=12), value=st.sampled_from(JUNK))
def test_any_configuration_loads_or_is_refused(write: Write, small_text: str, name: str, value: Any) -> None:
    path = write(small_text)
    for key in (name, "mode", "mass", "tilted"):
        if key.isidentifier() and key not in ("name_or_path",):
            lh = loaded(path, **{key: value})
            assert key in lh if isinstance(lh, str) else key in lh.configuration


def test_what_inner_members_are_configured_with_is_given_to_them(write: Write, small_text: str) -> None:
    write(small_text)
    write(small_text.replace("name: small", "name: other"), "other.yaml")
    write(small_text.replace("name: small", "name: third"), "third.yaml")
    write("schema: npinfer/joint/1\nname: inner\nmembers: [small.yaml, other.yaml]\n", "inner.yaml")
    outer = write("schema: npinfer/joint/1\nname: outer\nmembers: [inner.yaml, third.yaml]\n", "outer.yaml")
    assert npinfer.load(outer, mass=0.5).configuration["mass"] == 0.5
    with pytest.raises(ConfigurationError, match="unknown configuration 'mas': did you mean 'mass'"):
        npinfer.load(outer, mas=0.5)


def test_summaries_join_when_they_are_asked_for(write: Write, small_text: str) -> None:
    write(small_text)
    write(small_text.replace("name: small", "name: other"), "other.yaml")
    text = small_text.replace("name: small", "name: limits").replace("kind: real", "kind: summary")
    limits = write(text, "limits.yaml")
    members = "members: [small.yaml, other.yaml]\nsummaries: [limits.yaml]\n"
    both = write(f"schema: npinfer/joint/1\nname: both\n{members}", "both.yaml")
    without, asked = npinfer.load(both), npinfer.load(both, summaries="true")
    assert [m.name for m in without.members] == ["small", "other"]
    assert [m.name for m in asked.members] == ["small", "other", "limits"]
    assert (without.description.kind, asked.description.kind) == ("real", "summary")
    assert "without limits: published limits, which join with the configuration summaries=true" in without.notes
    assert "with published limits, which are summaries: limits" in asked.notes
    assert npinfer.load(limits).description.kind == "summary"
    write(small_text.replace("name: small", "name: third"), "third.yaml")
    outer = write("schema: npinfer/joint/1\nname: outer\nmembers: [both.yaml, third.yaml]\n", "outer.yaml")
    assert len(npinfer.load(outer, summaries=True, mass=0.5).members[0].members) == 3
    with pytest.raises(ConfigurationError, match="configuration 'summaries': expected true or false; found 'maybe'"):
        npinfer.load(both, summaries="maybe")
    for text in (members.replace("other", "limits"), members.replace("[limits", "[other")):
        wrong = write(f"schema: npinfer/joint/1\nname: wrong\n{text}", "wrong.yaml")
        with pytest.raises(ConfigurationError, match=r"wrong.yaml:\d: (members|summaries)\..*listed under summaries"):
            npinfer.load(wrong, summaries=True)


def test_start_values_without_asimov_data_have_their_place(write: Write) -> None:
    """A log-normal measurement of zero is minus infinity."""
    text = """\
schema: npinfer/likelihood/1
name: forecast
kind: asimov
status: illustrative
channels: {count: {axes: {x: {linear: [0, 1, 1]}}}}
samples: {signal: {template: {count: [1]}, scale: norm}}
parameters: {norm: {init: 0, bounds: [0, 5], constraint: {log_normal: {mean: 1, sigma: 0.5}}}}
"""
    with pytest.raises(NpinferError, match=r"small.yaml:7: parameters: auxiliary datum 'forecast.norm'"):
        npinfer.load(write(text))


def test_a_fault_in_what_is_extended_names_both_files(write: Write) -> None:
    """The child has one bin more than the template of its parent."""
    write("""\
schema: npinfer/likelihood/1
name: parent
kind: real
status: illustrative
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [1]}}
samples: {signal: {template: {count: [1]}, scale: norm}}
parameters: {norm: {init: 1, bounds: [0, 5]}}
""", "parent.yaml")  # fmt: skip
    axes = "{count: {axes: {x: {linear: [0, 1, 2]}}, observed: [1, 1]}}"
    child = write(f"extends: parent.yaml\nname: child\nchannels: {axes}\n", "child.yaml")
    with pytest.raises(NpinferError, match=r"parent.yaml:6: samples.signal: .*\(read for .*child.yaml\)"):
        npinfer.load(child)
