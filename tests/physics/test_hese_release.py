"""The release's files: checked, binned as their paper says, and kept in a cache that cannot be mistaken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npinfer.errors import DataError
from npinfer.physics.flavour import SPECIES
from npinfer.physics.hese_cache import MUON_CLASS, import_release, load_store
from npinfer.physics.hese_release import ENERGY_BINS, ZENITH_BINS, analysis_bins, analysis_edges, read_release


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NPINFER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "icecube_hese_mc"


@pytest.fixture
def events(hese_release: Any) -> dict[str, Any]:
    return hese_release.make_events(2000)


@pytest.fixture
def release(tmp_path: Path, hese_release: Any) -> Path:
    return hese_release.write_release(tmp_path / "release", 2000)


def damage(folder: Path, name: str, change: Callable[[dict[str, list]], Any]) -> None:
    path = folder / name
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as refused:
        read_release(folder)
    return str(refused.value)


def test_a_release_reads_back(release: Path, events: dict[str, Any]) -> None:
    found = read_release(release)
    for key, values in found.items():
        np.testing.assert_array_equal(values, events[key])


@pytest.mark.parametrize(
    ("file", "key", "value", "message"),
    [
        ("truth", "primaryType", 15, "primaryType[7]: found 15, expected a neutrino or a muon"),
        ("truth", "primaryEnergy", float("nan"), "primaryEnergy[7]: found nan, expected an energy"),
        ("truth", "primaryEnergy", -1.0, "primaryEnergy[7]: found -1, expected an energy"),
        ("truth", "primaryZenith", 4.0, "primaryZenith[7]: found 4, expected an angle between 0 and π"),
        ("truth", "weightOverFluxOverLivetime", float("nan"), "weightOverFluxOverLivetime[7]: found nan"),
        ("truth", "interactionType", 0, "interactionType[7]: found 0, expected 0 for muons, and for them alone"),
        ("truth", "interactionType", 3, "interactionType[7]: found 3, expected 3 for ν̄_e alone"),
        ("truth", "muonWeightOverLivetime", 1.0, "muonWeightOverLivetime[7]: found 1, expected 0"),
        ("flux", "pionFlux", float("nan"), "pionFlux[7]: found nan, expected a number that is not negative"),
        ("flux", "promptFlux", -1e-20, "promptFlux[7]: found -9.9"),
        ("flux", "kaonFlux", "1", "kaonFlux[7]: found '\"1\"', expected a number"),
        ("observable", "recoMorphology", 3, "recoMorphology[7]: found 3, expected 0, 1 or 2"),
        ("observable", "recoZenith", -0.1, "recoZenith[7]: found -0.1"),
        ("observable", "recoDepositedEnergy", float("inf"), "recoDepositedEnergy[7]: found inf"),
    ],
)
def test_a_wrong_value_is_refused_with_file_key_and_index(
    release: Path, events: dict[str, Any], file: str, key: str, value: Any, message: str
) -> None:
    if key == "interactionType":
        assert events["primaryType"][7] not in (13, -13, -12)
    name = f"HESE_mc_{file}.json"
    damage(release, name, lambda c: c[key].__setitem__(7, value))
    said = refusal(release)
    assert f"{release / name}: {message.split(':')[0]}" in said
    assert message in said


@pytest.mark.parametrize("name", ["HESE_mc_truth.json", "HESE_mc_flux.json", "HESE_mc_observable.json"])
def test_a_truncated_file_is_refused(release: Path, name: str) -> None:
    path = release / name
    path.write_text(path.read_text()[:-5000])
    assert str(path) in refusal(release)


def test_lists_of_different_lengths_are_refused(release: Path) -> None:
    damage(release, "HESE_mc_flux.json", lambda c: c["kaonFlux"].pop())
    assert "kaonFlux has 1999 values, expected 2000 of primaryType in HESE_mc_truth.json" in refusal(release)


def test_missing_and_doubled_keys_and_files_are_refused(release: Path) -> None:
    damage(release, "HESE_mc_flux.json", lambda c: c.pop("promptFlux"))
    assert "HESE_mc_flux.json: no promptFlux" in refusal(release)
    damage(release, "HESE_mc_flux.json", lambda c: c.update(promptFlux=[0.0] * 2000, recoZenith=[0.0] * 2000))
    assert "recoZenith is in HESE_mc_flux.json too" in refusal(release)
    (release / "HESE_mc_flux.json").unlink()
    assert "no HESE_mc_flux.json here or below" in refusal(release)


def reverse(content: dict[str, list]) -> None:
    for values in content.values():
        values.reverse()


@pytest.mark.parametrize("name", ["HESE_mc_truth.json", "HESE_mc_flux.json", "HESE_mc_observable.json"])
def test_a_file_in_another_order_is_refused(release: Path, name: str) -> None:
    damage(release, name, reverse)
    said = refusal(release)
    assert "the files list events in different orders" in said or "interactionType[" in said
    assert "[" in said


def test_two_swapped_events_are_refused_where_their_fluxes_tell(release: Path, events: dict[str, Any]) -> None:
    muon_neutrinos = np.flatnonzero((events["primaryType"] == 14) & (events["primaryEnergy"] < 1e7))
    order = muon_neutrinos[np.argsort(events["primaryEnergy"][muon_neutrinos])]
    low, high = int(order[0]), int(order[-1])

    def swap(content: dict[str, list]) -> None:
        for values in content.values():
            values[low], values[high] = values[high], values[low]

    damage(release, "HESE_mc_flux.json", swap)
    assert "expected a flux that falls with primaryEnergy" in refusal(release)


def test_the_bins_are_those_of_the_paper(hese_release: Any, hese_reference: Any) -> None:
    events = hese_release.make_events(20000, seed=5)
    bins = analysis_bins({k: np.asarray(v, dtype=float) for k, v in events.items()})
    used, labels = hese_reference.bin_events(events)
    np.testing.assert_array_equal(np.flatnonzero(bins >= 0), used)
    first = [0, ENERGY_BINS * ZENITH_BINS, 2 * ENERGY_BINS * ZENITH_BINS]
    for i, (channel, energy, other) in zip(used, labels, strict=True):
        width = 20 if channel == 2 else 10
        assert bins[i] == first[channel] + energy * width + (other if channel == 2 else 9 - other)
    edges = analysis_edges()["double_cascade"]
    assert len(edges["energy_gev"]) == 22
    assert len(edges["length_m"]) == 21


def test_the_cache_holds_every_binned_event_sorted(release: Path, events: dict[str, Any], cache: Path) -> None:
    done = import_release(release)
    columns = load_store().columns
    assert (done.simulated, done.used, done.reused) == (2000, len(columns["bin"]), False)
    assert done.path.parent == cache
    assert (np.diff(columns["bin"]) >= 0).all()
    same = (np.diff(columns["bin"]) == 0) & (np.diff(columns["kind"]) == 0)
    assert (np.diff(columns["log_energy"])[same] >= 0).all()
    inside = analysis_bins({k: np.asarray(v, dtype=float) for k, v in events.items()}) >= 0
    pdg = np.array([12, 14, 16, -12, -14, -16])[np.minimum(columns["kind"], len(SPECIES) - 1)]
    for kind in (12, 14, 16, -12, -14, -16):
        mine = inside & (events["primaryType"] == kind)
        there = (pdg == kind) & (columns["kind"] != MUON_CLASS)
        assert columns["weight"][there].sum() == pytest.approx(events["weightOverFluxOverLivetime"][mine].sum())
    assert columns["muon"].sum() == pytest.approx(events["muonWeightOverLivetime"][inside].sum())


def test_the_same_release_is_read_once_and_another_one_anew(release: Path, hese_release: Any) -> None:
    first = import_release(release)
    again = import_release(release)
    assert again.reused
    assert again.path == first.path
    hese_release.write_events(release, hese_release.make_events(1500, seed=3))
    other = import_release(release)
    assert not other.reused
    assert other.path != first.path
    assert load_store().digest == other.digest


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("change", [flipped, lambda b: b[:-1], lambda b: b[:100], lambda b: b""])
def test_a_damaged_cache_is_refused_and_made_anew(release: Path, change: Callable[[bytes], bytes]) -> None:
    path = import_release(release).path
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=r"cut short or altered; make it anew with `npinfer data fetch icecube_hese_mc"):
        load_store()
    assert not import_release(release).reused
    load_store()


@pytest.mark.parametrize(
    "change",
    [lambda b: b[:50], lambda b: b"", lambda b: b"[]", lambda b: b.replace(b'"file": "', b'"file": 1, "f": "')],
)
def test_a_damaged_index_is_refused_and_made_anew(
    release: Path, cache: Path, change: Callable[[bytes], bytes]
) -> None:
    import_release(release)
    index = cache / "current.json"
    index.write_bytes(change(index.read_bytes()))
    with pytest.raises(DataError, match=r"current.json: damaged, or of another version of npinfer; make it anew"):
        load_store()
    assert not import_release(release).reused
    load_store()


def test_an_import_that_cannot_be_written_leaves_nothing(
    release: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(stream: Any, **arrays: Any) -> None:
        stream.write(b"the beginning")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(DataError, match="cannot be written: No space left on device; set NPINFER_CACHE"):
        import_release(release)
    assert not list(cache.iterdir())


def test_without_an_import_the_commands_are_named() -> None:
    with pytest.raises(DataError, match="npinfer data fetch icecube_hese_mc"):
        load_store()


def test_a_release_without_splines_is_refused(release: Path) -> None:
    (release / "splines" / "holeice_atmConv_track.fits").unlink()
    with pytest.raises(DataError, match=r"no holeice_atmConv_track.fits here or below"):
        import_release(release)


def test_events_outside_of_the_analysis_alone_are_refused(release: Path) -> None:
    damage(release, "HESE_mc_observable.json", lambda c: c.update(recoDepositedEnergy=[5e4] * 2000))
    with pytest.raises(DataError, match="no simulated event lies in the bins"):
        import_release(release)
