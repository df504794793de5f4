"""Plug-in modules are part of what a likelihood is: edited ones make another."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import npinfer
from npinfer.errors import ConfigurationError, DataError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.plugins import plugin_digest
from npinfer.physics.registry import GENERATORS

GENERATOR = """\
import numpy as np

import npinfer
{imports}


@npinfer.generator("tests.plugin")
def plugin(inputs, channels, configuration):
    return lambda *, mu: {{"count": np.outer(mu, [{height}])}}
"""
SPEC = """\
schema: npinfer/likelihood/1
name: plugged
kind: real
status: illustrative
channels: {count: {axes: {x: {linear: [0, 1, 1]}}, observed: [4]}}
samples: {signal: {generator: tests.plugin}}
parameters: {mu: {init: 1, bounds: [0, 10]}}
"""


@pytest.fixture(autouse=True)
def forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield
    forget(before)


def forget(before: set[str]) -> None:
    """As in a new process."""
    GENERATORS.pop("tests.plugin", None)
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("plugged", "helper", "helpers", "stranger"):
            del sys.modules[name]
    importlib.invalidate_caches()


def fresh(module: str = "plugged") -> BinnedLikelihood:
    """The likelihood as a new process loads it."""
    forget(set())
    importlib.import_module(module)
    return npinfer.load("spec.yaml")


@pytest.fixture
def place(write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # files that change within a second
    write(SPEC, "spec.yaml")
    return write


def generator(height: str = "2.0", imports: str = "") -> str:
    return GENERATOR.format(height=height, imports=imports)


def test_an_edited_generator_is_another_likelihood(place: Callable[..., Path]) -> None:
    place(generator(), "plugged.py")
    first = fresh().description.digests
    assert set(first) == {"spec", "data", "configuration", "plugins"}
    assert fresh().description.digests == first
    place(generator("2.5"), "plugged.py")
    second = fresh().description.digests
    assert second["plugins"] != first["plugins"]
    assert {k: v for k, v in second.items() if k != "plugins"} == {k: v for k, v in first.items() if k != "plugins"}


def test_what_it_imports_from_beside_it_counts(place: Callable[..., Path]) -> None:
    place("HEIGHT = 2.0", "helper.py")
    place("", "helpers/__init__.py")
    place("from helper import HEIGHT", "helpers/numbers.py")
    place("HEIGHT = 0.0", "stranger.py")
    place(generator("HEIGHT", "from helpers.numbers import HEIGHT"), "plugged.py")
    first = fresh().description.digests
    place("HEIGHT = 1.0", "stranger.py")
    assert fresh().description.digests == first
    place("HEIGHT = 3.0", "helper.py")
    assert fresh().description.digests != first


def test_a_package_counts_as_a_whole(place: Callable[..., Path]) -> None:
    place("", "plugged/__init__.py")
    place("HEIGHT = 2.0", "plugged/deep/constants.py")
    place(generator("HEIGHT", "from .deep.constants import HEIGHT"), "plugged/physics.py")
    first = fresh("plugged.physics").description.digests
    assert fresh("plugged.physics").description.digests == first
    place("HEIGHT = 2.5", "plugged/deep/constants.py")
    assert fresh("plugged.physics").description.digests != first


def test_an_edit_after_the_import_is_not_what_was_imported(place: Callable[..., Path]) -> None:
    """The digest stays that of the code in use, and a worker that imports the edited file refuses."""
    place(generator(), "plugged.py")
    likelihood = fresh()
    first = likelihood.description.digests
    recipe = likelihood.recipe()
    place(generator("2.5"), "plugged.py")
    assert npinfer.load("spec.yaml").description.digests == first
    forget(set())
    with pytest.raises(DataError, match=r"spec.yaml: differs from the file .* \(plugins\); start again, with new"):
        recipe.build()


def test_generators_of_the_package_have_no_digest(hese: BinnedLikelihood) -> None:
    assert set(hese.description.digests) == {"spec", "data", "configuration"}
    assert plugin_digest(GENERATORS[n] for n in GENERATORS if GENERATORS[n].__module__.startswith("npinfer.")) == ""


def test_a_joint_has_the_plugins_of_its_members(place: Callable[..., Path], hese: BinnedLikelihood) -> None:
    place(generator(), "plugged.py")
    digests = []
    for height in ("2.0", "2.5"):
        place(generator(height), "plugged.py")
        digests.append(npinfer.joint(hese, fresh()).description.digests)
    assert digests[0]["plugins"] != digests[1]["plugins"]
    assert digests[0]["spec"] == digests[1]["spec"]


def test_generators_of_a_notebook(place: Callable[..., Path]) -> None:
    """Without a file, the source of the function counts; where it is not known, no two are the same."""
    found = set()
    for height in ("2.0", "2.5"):
        space: dict[str, object] = {"__name__": "plugged"}
        exec(compile(generator(height), "<cell>", "exec"), space)
        likelihood = npinfer.load("spec.yaml")
        assert likelihood.description.digests == npinfer.load("spec.yaml").description.digests
        found.add(likelihood.description.digests["plugins"])
    assert len(found) == 2


def test_a_module_that_a_worker_does_not_find(place: Callable[..., Path], tmp_path: Path) -> None:
    file = place(generator(), "plugged.py")
    recipe = fresh().recipe()
    file.unlink()
    forget(set())
    with pytest.raises(ConfigurationError, match="plugged: cannot be imported where the work runs: No module named"):
        recipe.build()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('{"counts": np.outer(mu, [1.0])}', "the generator gives: unknown channel 'counts': did you mean 'count'"),
        ('{"count": np.outer(mu, [1.0, 2.0])}', r"shape \(1, 2\) for channel 'count' at one point; expected \(1, 1\)"),
        ('{"count": mu}', r"counts of shape \(1,\) for channel 'count' at one point; expected \(1, 1\)"),
        ("[mu]", r"a generator's function gives {channel: counts}; found list"),
    ],
)
def test_what_a_generator_gives_is_checked(place: Callable[..., Path], given: str, said: str) -> None:
    """Counts for a channel that there is not would be lost."""
    place(GENERATOR.format(imports="", height=1.0).replace('{"count": np.outer(mu, [1.0])}', given), "plugged.py")
    with pytest.raises(ConfigurationError, match=rf"spec\.yaml:6: samples\.signal: .*{said}"):
        fresh()


def test_counts_that_nobody_counted_are_not_called_observed(place: Callable[..., Path]) -> None:
    place(GENERATOR.format(imports="", height=1.0), "plugged.py")
    assert fresh().data.kind == "observed"
    place(SPEC.replace("observed: [4]", "observed: [4.5]"), "spec.yaml")
    assert fresh().data.kind == "non-integer"


def test_counts_without_parameters_are_one_row(place: Callable[..., Path]) -> None:
    """Of a function that reads nothing, the counts of a point are those of all."""
    place(GENERATOR.format(imports="", height=1.0), "plugged.py")
    constant = 'lambda *, mu: {"count": np.outer(mu, [1.0])}', 'lambda: {"count": np.array([2.5])}'
    place((Path("plugged.py").read_text()).replace(*constant), "plugged.py")
    assert fresh().expected({}).total() == 2.5
