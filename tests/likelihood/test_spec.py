"""Likelihood files: every fault is refused with its file, its line and the way out."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import npinfer
from npinfer.errors import ConfigurationError, NpinferError
from npinfer.likelihood.spec import choose, read_parameters, read_spec, read_yaml

Write = Callable[..., Path]


def line_of(text: str, fragment: str) -> int:
    """The line that holds the fragment, which must be there once."""
    assert text.count(fragment) == 1, fragment
    return text[: text.index(fragment)].count("\n") + 1


def refused(write: Write, text: str) -> str:
    """What is said when the file is loaded."""
    path = write(text)
    with pytest.raises(NpinferError) as caught:
        npinfer.load(path)
    said = str(caught.value)
    assert said.startswith(f"{path}:"), said
    return said.removeprefix(f"{path}:")


# ---- reading YAML


def test_numbers_are_numbers(write: Write) -> None:
    text = "a: 6.0e4\nb: 1e-3\nc: -2E+5\nd: .5e1\ne: 1e3\nf: 12\ng: 1.5\nh: '1e3'\ni: 1.e2\nj: .inf\nk: 1e\n"
    text += "l: 1000000000000000000000000000000\n"
    content = read_yaml(write(text)).content
    numbers = [6e4, 1e-3, -2e5, 5.0, 1000.0, 12, 1.5, "1e3", 100.0, math.inf, "1e", 1e30]
    assert list(content.values()) == numbers
    assert [type(v) for v in content.values()] == [type(v) for v in numbers]


def test_every_key_has_its_place(write: Write) -> None:
    path = write("a:\n  b: 1\n  c: [1,\n    {d: 2}]\n")
    document = read_yaml(path)
    assert document.where("a", "c", 1, "d") == f"{path}:4: a.c.1.d"
    assert document.where("a", "b") == f"{path}:2: a.b"
    assert document.where("a", "zz") == f"{path}:1: a.zz"
    assert document.where() == f"{path}:1"


def test_anchors_and_merges(write: Write) -> None:
    document = read_yaml(write("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: *a\n"))
    assert document.content == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 1}}
    assert document.where("c", "x").endswith(":1: c.x")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "broken YAML"),
        ("a: 1\n\tb: 2\n", 2, "broken YAML"),
        ("a: 1\nb: *missing\n", 2, "broken YAML: found undefined alias"),
        ("a: 1\n---\nb: 2\n", 2, "broken YAML: but found another document"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", 4, "b.c: given twice, first on line 3"),
        ("a: 1\na: 2\n", 2, "a: given twice, first on line 1"),
        ("a: 1\nb: !!python/object:os.system {}\n", 2, "could not determine a constructor for the tag"),
        ("a: 1\nb: !!python/object/apply:os.system ['true']\n", 2, "could not determine a constructor"),
        ("a: 1\nb: !secret x\n", 2, "could not determine a constructor for the tag '!secret'"),
        ("a: 1\nb: 2020-13-45\n", 2, "'2020-13-45' is not a valid timestamp; put words in quotes"),
        ("a: 1\nb: 1" + "0" * 400 + "\n", 2, "is not a valid int"),
        ("a: 1\nb: !!int x\n", 2, "'x' is not a valid int"),
        ("a: 1\nb: !!bool x\n", 2, "'x' is not a valid bool"),
        ("a: 1\nb: !!timestamp x\n", 2, "'x' is not a valid timestamp"),
        ("a: 1\n2: 3\n", 2, "2: a key is a word; put it in quotes"),
        ("a:\n  no: 3\n", 2, "a.no: a key is a word; put it in quotes"),
        ("a: 1\n? [b, c]\n: 3\n", 2, "a key is a word"),
        ("- a\n- b\n", 1, "expected a mapping of keys to values"),
        ("", 1, "expected a mapping"),
        ("just words", 1, "expected a mapping"),
        ("a: 1\nb: \x07\n", 2, "the character '\\x07' is not allowed"),
    ],
)
def test_bad_yaml_is_refused_with_its_line(write: Write, text: str, line: int, said: str) -> None:
    found = refused(write, text)
    assert found.startswith(f"{line}: ")
    assert said in found


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "a: " + "[" * 1000 + "]" * 1000 + "\n"])
def test_endless_yaml_is_refused(write: Write, text: str) -> None:
    assert "nested too deeply, or an alias that contains itself" in refused(write, text)


def test_yaml_that_explodes_is_refused(write: Write) -> None:
    text = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9))
    assert "more than 200000 keys and values" in refused(write, text)


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"title: caf\xe9\n")
    for path, said in (
        (latin, "cannot be read"),
        (tmp_path, "cannot be read"),
        (tmp_path / "none.yaml", "no such file"),
    ):
        with pytest.raises(ConfigurationError, match=said) as caught:
            read_yaml(path)
        assert str(path) in str(caught.value)


# ---- the schema

FAULTS: dict[str, tuple[str, str, str, str]] = {
    # what: (fragment, put in its place, fragment of the line blamed, said)
    "unknown key": ("poi: mu", "pio: mu", "pio: mu", "unknown key 'pio': did you mean 'poi'?"),
    "key of a sample": ("    scale: rate", "    sclae: rate", "sclae", "unknown key 'sclae': did you mean 'scale'?"),
    "key of a parameter": ("bounds: [0, 10]", "bonds: [0, 10]", "bonds", "unknown key 'bonds': did you mean 'bounds'?"),
    "key of a systematic": ("mirror: true", "miror: true", "miror", "unknown key 'miror': did you mean 'mirror'?"),
    "constraint": ("log_normal", "lognormal", "lognormal", "unknown key 'lognormal': did you mean 'log_normal'?"),
    "axis": ("edges: [1, 2, 4]", "edge: [1, 2, 4]", "edge: [1", "unknown key 'edge': did you mean 'edges'?"),
    "schema": ("npinfer/likelihood/1", "npinfer/likelihood/9", "schema: ", "'npinfer/likelihood/1' was expected"),
    "name": ("name: small\n", "name: Small One\n", "name: Small", "'Small One' does not match"),
    "kind": ("kind: real", "kind: imaginary", "kind: imaginary", "'imaginary' is not one of ['real', "),
    "word for a number": (
        "init: 1.0, bounds: [0, 10]",
        "init: one, bounds: [0, 10]",
        "init: one",
        "'one' is not of type 'number'",
    ),
    "truth for a number": (
        "init: 1.0, bounds: [0, 10]",
        "init: yes, bounds: [0, 10]",
        "init: yes",
        "True is not of type 'number'",
    ),
    "one bound": ("bounds: [0, 10]", "bounds: [0]", "bounds: [0]", "[0] is too short"),
    "empty samples": (
        "kind: real",
        "kind: real\nlivetime_s: 0",
        "livetime_s",
        "0 is less than or equal to the minimum of 0",
    ),
    "statistic": (
        "    observed: [4, 0, 2]",
        "    observed: [4, 0, 2]\n    statistic: gauss",
        "gauss",
        "'gauss' is not one of",
    ),
    "no edges": ("{edges: [1, 2, 4]}", "{}", "energy_gev: {}", "energy_gev"),
}


@pytest.mark.parametrize("what", list(FAULTS))
def test_a_fault_against_the_schema_is_refused_with_its_line(write: Write, small_text: str, what: str) -> None:
    fragment, instead, blamed, said = FAULTS[what]
    assert small_text.count(fragment) == 1
    text = small_text.replace(fragment, instead)
    found = refused(write, text)
    assert found.startswith(f"{line_of(text, blamed)}: "), found
    assert said in found


@pytest.mark.parametrize("key", ["schema", "name", "kind", "status", "channels", "samples"])
def test_a_missing_key_is_named(write: Write, small_text: str, key: str) -> None:
    content = yaml.safe_load(small_text)
    del content[key]
    assert refused(write, yaml.safe_dump(content)).endswith(f"1: '{key}' is a required property")


def test_a_sample_has_a_generator_or_a_template(write: Write, small_text: str) -> None:
    template = "    template: {low: [0.5, 0.5, 0.5, 0.5]}\n"
    neither = small_text.replace(template, "")
    assert refused(write, neither).endswith("samples.cosmic: give generator or template")
    both = small_text.replace(template, f"{template}    generator: astro.power_law\n")
    assert refused(write, both).endswith("samples.cosmic: give generator or template, not both")


def test_a_value_of_the_wrong_type_is_told_the_right_ones(write: Write, small_text: str) -> None:
    found = refused(write, small_text.replace("scale: rate", "scale: 3"))
    assert found.endswith("samples.cosmic.scale: expected string or array or object; found 3")


# ---- extending another file

BASE = """\
schema: npinfer/likelihood/1
name: base
kind: real
status: illustrative
channels:
  only: {axes: {x: {edges: [0, 1, 2]}}, observed: [3, 4]}
samples:
  s: {template: {only: [1, 2]}, scale: mu}
parameters:
  mu: {init: 1, bounds: [0, 5]}
validation:
  - {verb: expected, quantity: total, value: 3, tolerance: 0.1, source: sum}
"""


def test_an_extension_inherits_and_changes(write: Write) -> None:
    write(BASE, "base.yaml")
    path = write("extends: base.yaml\nname: more\nkind: asimov\nparameters:\n  mu: {bounds: [0, 9]}\n", "more.yaml")
    document = read_spec(path, lambda name: Path(name))
    assert document.content["name"] == "more"
    assert document.content["parameters"] == {"mu": {"init": 1, "bounds": [0, 9]}}
    assert document.content["channels"]["only"]["observed"] == [3, 4]
    assert "validation" not in document.content
    assert document.where("parameters", "mu", "bounds").startswith(f"{path}:5:")
    assert document.where("samples", "s").startswith(f"{path.parent / 'base.yaml'}:8:")
    lh = npinfer.load(path)
    assert lh.parameters["mu"].bounds == (0.0, 9.0)
    assert lh.logpdf({"mu": 2}) == npinfer.load(path.parent / "base.yaml").logpdf({"mu": 2})


def test_used_parameters_are_joined_and_lists_replaced(write: Write) -> None:
    write(BASE.replace("parameters:\n", "parameters:\n  use: [f_e, f_mu]\n"), "base.yaml")
    change = (
        "extends: base.yaml\nname: more\nparameters: {use: [f_mu, astro_norm]}\nchannels: {only: {observed: [1, 1]}}\n"
    )
    content = read_spec(write(change, "more.yaml"), lambda name: Path(name)).content
    assert content["parameters"]["use"] == ["f_e", "f_mu", "astro_norm"]
    assert content["channels"]["only"]["observed"] == [1, 1]


def test_extending_again_is_followed(write: Write) -> None:
    write(BASE, "base.yaml")
    write("extends: base.yaml\nname: middle\ntitle: middle\n", "middle.yaml")
    lh = npinfer.load(write("extends: middle.yaml\nname: last\n", "last.yaml"))
    assert lh.description.title == "middle"
    assert lh.parameters.names == ("last.mu",)


@pytest.mark.parametrize("name", ["a.yaml", "./a.yaml", "../ring/a.yaml"])
def test_a_circle_is_refused(write: Write, name: str) -> None:
    write("extends: b.yaml\n", "ring/a.yaml")
    path = write(f"\nextends: {name}\n", "ring/b.yaml")
    with pytest.raises(ConfigurationError, match=r"circle: b → a → b") as caught:
        npinfer.load(path)
    assert f"{path}:2: extends" in str(caught.value)


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("icecube_hes", "unknown likelihood 'icecube_hes': did you mean 'icecube_hese'?"),
        ("none.yaml", "no such likelihood file"),
        ("3", "unknown likelihood '3'"),
        ("[a]", "unknown likelihood"),
    ],
)
def test_a_missing_base_is_refused_with_its_line(write: Write, base: str, said: str) -> None:
    found = refused(write, f"name: x\nextends: {base}\n")
    assert found.startswith("2: extends: ")
    assert said in found


@pytest.mark.parametrize("use", ["3", "word", "[[a], {b: 1}]", "{a: 1}"])
def test_a_bad_use_list_in_an_extension_is_refused(write: Write, use: str) -> None:
    write(BASE.replace("parameters:\n", "parameters:\n  use: [f_e]\n"), "base.yaml")
    assert "parameters.use" in refused(write, f"extends: base.yaml\nname: x\nparameters: {{use: {use}}}\n")


# ---- configuration


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"mod": "plain"}, "small: unknown configuration 'mod': did you mean 'mode'?"),
        ({"mode": "fanzy"}, "small: unknown choice for configuration 'mode': 'fanzy': did you mean 'fancy'?"),
        ({"mass": "heavy"}, "small: configuration 'mass' is a number; found 'heavy'"),
        ({"mass": None}, "is a number"),
        ({"mass": float("nan")}, "is a finite number"),
        ({"mass": "inf"}, "is a finite number"),
        ({"mass": 10**400}, "is a number"),
        ({"tilted": "maybe"}, "configuration 'tilted' is true or false; found 'maybe'"),
    ],
)
def test_a_bad_configuration_is_refused(write: Write, small_text: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        npinfer.load(write(small_text), **given)
    assert said in str(caught.value)


def test_configuration_is_of_the_type_of_its_default(write: Write, small_text: str) -> None:
    document = read_yaml(write(small_text))
    assert choose(document, {}) == {"mode": "plain", "mass": 0.01, "tilted": True}
    assert choose(document, {"mass": "2", "tilted": "False"}) == {"mode": "plain", "mass": 2.0, "tilted": False}


def test_a_default_that_is_no_choice_is_refused_with_its_line(write: Write, small_text: str) -> None:
    text = small_text.replace("default: plain", "default: plane")
    found = refused(write, text)
    assert found.startswith(f"{line_of(text, 'default: plane')}: configuration.mode: ")
    assert "'plane': did you mean 'plain'" in found


# ---- shared parameters


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 3\n", "1: a: 3 is not of type 'object'"),
        ("a: {init: 1}\n", "1: a: 'bounds' is a required property"),
        ("a:\n  init: 1\n  bounds: [0, 2]\n  latx: x\n", "4: a.latx: unknown key 'latx': did you mean 'latex'?"),
    ],
)
def test_bad_shared_parameters_are_refused_with_their_line(write: Write, text: str, said: str) -> None:
    path = write(text, "parameters.yaml")
    with pytest.raises(ConfigurationError) as caught:
        read_parameters(path)
    assert f"{path}:{said}" in str(caught.value)
