"""The tables of heavy leptons, W production and the South Pole's neutrinos are what their build scripts make."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from npinfer.paths import data_folder
from tests.source_data import SOURCE_DATA

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"heavy_lepton": "", "w_production": "", "honda_south_pole": "deepcore_3y"}


def build(folder: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"build_{folder}", data_folder(folder) / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(
    not (SOURCE_DATA / "zhou_beacom_trident_wbp").is_dir(),
    reason=f"needs the source tables in {SOURCE_DATA}; set NPINFER_SOURCE_DATA to their folder",
)
@pytest.mark.parametrize("folder", FOLDERS)
def test_tables_are_made_again(folder: str, tmp_path: Path) -> None:
    build(folder).main([str(SOURCE_DATA / FOLDERS[folder]), str(tmp_path)])
    made = sorted(tmp_path.iterdir())
    assert made
    for path in made:
        shipped = data_folder(folder) / path.name
        if path.suffix == ".npz":
            with np.load(path) as new, np.load(shipped) as old:
                assert all(np.array_equal(new[name], old[name]) for name in old.files)
        else:
            assert path.read_bytes() == shipped.read_bytes()


@pytest.mark.parametrize("folder", FOLDERS)
def test_digests_in_the_readme(folder: str) -> None:
    text = (data_folder(folder) / "README.md").read_text()
    rows = re.findall(r"(?m)^\| (\S+) \| ([0-9a-f]{64}) \|$", text)
    assert {name for name, _ in rows} == {p.name for p in data_folder(folder).iterdir() if p.suffix in (".csv", ".npz")}
    for name, digest in rows:
        assert hashlib.sha256((data_folder(folder) / name).read_bytes()).hexdigest() == digest


def test_another_version_of_a_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "honda-2015-spl-solmin-aa.d").write_text("average flux in [cosZ = 0.90 --  1.00]\n")
    with pytest.raises(SystemExit, match="another version of the table"):
        build("honda_south_pole").main([str(tmp_path), str(tmp_path)])


def test_channels_in_words() -> None:
    channel = build("w_production").channel
    assert channel("vmO16TOvmmMX") == "numu_to_numu_mu-_mu+"
    assert channel("veO16TOevlLX") == "nue_to_e-_nutau_tau+"
