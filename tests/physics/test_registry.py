"""Generators are found by their names, and only the modules that are needed are imported."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import npinfer
from npinfer.errors import ConfigurationError
from npinfer.physics import registry

FOLDER = Path(registry.__file__).parent
NAMES = {
    name: path
    for path in sorted(FOLDER.rglob("*.py"))
    for name in re.findall(r'^@generator\("([^"]+)"\)', path.read_text(encoding="utf-8"), re.M)
}


def test_every_generator_is_found_at_home() -> None:
    for name, path in NAMES.items():
        assert ".".join(path.relative_to(FOLDER).with_suffix("").parts) in registry.HOMES[name.partition(".")[0]], name
        assert registry.find_generator(name).__module__.startswith("npinfer.physics.")
    assert {module for modules in registry.HOMES.values() for module in modules} == {
        ".".join(path.relative_to(FOLDER).with_suffix("").parts) for path in NAMES.values()
    }


def test_an_unknown_generator_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown generator 'trident\.ratios': did you mean 'trident\.ratio'"):
        registry.find_generator("trident.ratios")
    with pytest.raises(ConfigurationError, match="one of your own is in a module that --plugin names"):
        registry.find_generator("mine.own")


def test_a_generator_that_returns_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its last line forgotten: said with the place in the file."""
    monkeypatch.setitem(registry.GENERATORS, "test.nothing", lambda inputs, channels, configuration: None)
    (tmp_path / "mine.yaml").write_text(
        "schema: npinfer/likelihood/1\nname: mine\nkind: real\nstatus: illustrative\n"
        "channels: {near: {axes: {energy_gev: {linear: [0, 2, 2]}}, observed: [1, 2]}}\n"
        "samples: {signal: {generator: test.nothing}}\nparameters: {mu: {init: 1, bounds: [0, 2]}}\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigurationError, match=r"mine\.yaml:6: .*returns a function of parameters.*found None"):
        npinfer.load(tmp_path / "mine.yaml")


def test_only_the_physics_of_a_likelihood_is_imported() -> None:
    code = "import sys, npinfer; npinfer.load('trident_ccfr'); print('npinfer.physics.coherent_events' in sys.modules)"
    root = Path(npinfer.__file__).parents[1]
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout == "False\n"
