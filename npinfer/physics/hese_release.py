"""The Monte Carlo of IceCube's HESE 7.5-year release: what its files hold, checked, and the bins of its analysis.

IceCube, Phys. Rev. D 104, 022002 (2021), arXiv:2011.03545; doi:10.21234/4EQJ-BB17. Three JSON files hold a list for
each quantity, with one number for each simulated event; a cut of 60 TeV to 10 PeV of deposited energy, and of 10 to
1000 m of length for double cascades, and half-open bins choose the events of the analysis.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from npinfer.errors import DataError
from npinfer.physics.json_columns import read_columns

Columns = Mapping[str, NDArray[np.float64]]

FILES: Mapping[str, tuple[str, ...]] = {
    "HESE_mc_truth.json": (
        "primaryType", "primaryEnergy", "primaryZenith", "interactionType", "weightOverFluxOverLivetime",
        "muonWeightOverLivetime",
    ),
    "HESE_mc_flux.json": (
        "pionFlux", "kaonFlux", "promptFlux", "conventionalSelfVetoCorrection", "promptSelfVetoCorrection",
    ),
    "HESE_mc_observable.json": ("recoDepositedEnergy", "recoMorphology", "recoLength", "recoZenith"),
}  # fmt: skip
KEYS = tuple(key for keys in FILES.values() for key in keys)
MORPHOLOGIES = ("cascade", "track", "double_cascade")
PDG_SPECIES = {12: "nue", 14: "numu", 16: "nutau", -12: "nuebar", -14: "numubar", -16: "nutaubar"}
MUON = 13
RESONANCE = 3  # of interactionType: 1 charged, 2 neutral current, 0 for a muon

ENERGY_GEV, ENERGY_STEP, ENERGY_BINS = (6.0e4, 1.0e7), 0.111, 21  # range; width in dex; bins, the last one cut
LENGTH_M, LENGTH_STEP, LENGTH_BINS = (10.0, 1000.0), 0.1, 20
ZENITH_BINS = 10

# Checks that the files list the events in one order. Within a band of true zenith, an atmospheric flux falls by more
# than 2.5 powers of the energy: no event has more of it than one at a tenth of its energy. Hardly any event is seen
# with more than three times its true energy.
_ORDER_GEV, _ORDER_RATIO, _ORDER_BANDS = (1e4, 1e7), 10.0, 20
_SEEN_RATIO, _SEEN_SHARE = 3.0, 0.05


def read_release(folder: Path) -> dict[str, NDArray[np.float64]]:
    """The columns `KEYS` of all simulated events, each (events,), checked.

    folder: that of the three files, or the release's own folder above it. Raises DataError naming the file, the key
    and the index of what is missing, cut short, not a number, or does not fit the rest.
    """
    found: dict[str, NDArray[np.float64]] = {}
    source: dict[str, Path] = {}
    for path in release_files(folder):
        for key, values in read_columns(path, KEYS).items():
            if key in found:
                raise DataError(f"{path}: {key} is in {source[key].name} too")
            found[key], source[key] = values, path
    for name, keys in FILES.items():
        for key in keys:
            if key not in found:
                raise DataError(f"{folder / name}: no {key}; expected the files of the release, doi:10.21234/4EQJ-BB17")
    first = KEYS[0]
    for key in KEYS:
        if len(found[key]) != len(found[first]):
            others = f"{len(found[first])} of {first} in {source[first].name}"
            raise DataError(f"{source[key]}: {key} has {len(found[key])} values, expected {others}; download it again")
    if not len(found[first]):
        raise DataError(f"{source[first]}: {first} holds no event")
    _check_values(found, source)
    _check_types(found, source)
    _check_order(found, source)
    return found


def release_files(folder: Path) -> list[Path]:
    """The three files, in the folder or below it; raises DataError."""
    paths = []
    for name in FILES:
        inside = sorted(folder.rglob(name)) if folder.is_dir() else []
        if not inside:
            raise DataError(f"{folder}: no {name} here or below; give the folder of the release")
        paths.append(inside[0])
    return paths


def _refuse(key: str, source: Mapping[str, Path], bad: NDArray[np.bool_], values: NDArray, expected: str) -> None:
    """Raise DataError for the first event that is bad."""
    if bad.any():
        i = int(np.argmax(bad))
        raise DataError(f"{source[key]}: {key}[{i}]: found {values[i]:.17g}, expected {expected}")


def _check_values(columns: Columns, source: Mapping[str, Path]) -> None:
    """Every number by itself."""
    allowed = {
        "primaryType": ([*PDG_SPECIES, MUON, -MUON], "a neutrino or a muon, ±12, ±13, ±14 or ±16"),
        "interactionType": ([0, 1, 2, RESONANCE], "0, 1, 2 or 3"),
        "recoMorphology": ([0, 1, 2], "0, 1 or 2"),
    }
    for key in KEYS:
        values = columns[key]
        if key in allowed:
            _refuse(key, source, ~np.isin(values, allowed[key][0]), values, allowed[key][1])
        elif key in ("primaryZenith", "recoZenith"):
            _refuse(key, source, ~((values >= 0) & (values <= np.pi)), values, "an angle between 0 and π")
        elif key in ("primaryEnergy", "recoDepositedEnergy"):
            _refuse(key, source, ~((values > 0) & (values < np.inf)), values, "an energy in GeV")
        elif key != "recoLength":  # that is NaN where there is none
            _refuse(key, source, ~((values >= 0) & (values < np.inf)), values, "a number that is not negative")


def _check_types(columns: Columns, source: Mapping[str, Path]) -> None:
    """What neutrinos and muons have and have not."""
    kind, interaction = columns["primaryType"], columns["interactionType"]
    muon = np.abs(kind) == MUON
    _refuse("interactionType", source, (interaction == 0) != muon, interaction, "0 for muons, and for them alone")
    _refuse("interactionType", source, (interaction == RESONANCE) & (kind != -12), interaction, "3 for ν̄_e alone")
    for key, without, who in (("weightOverFluxOverLivetime", muon, "a muon"), ("muonWeightOverLivetime", ~muon, "ν")):
        _refuse(key, source, without & (columns[key] != 0), columns[key], f"0 for {who}")


def _check_order(columns: Columns, source: Mapping[str, Path]) -> None:
    """Whether the files list the events in one order."""
    energy, kind = columns["primaryEnergy"], columns["primaryType"]
    band = np.floor((1 + np.cos(columns["primaryZenith"])) / 2 * _ORDER_BANDS)
    for key in ("pionFlux", "kaonFlux"):
        for species in (14, -14):
            mine = (kind == species) & (energy >= _ORDER_GEV[0]) & (energy <= _ORDER_GEV[1])
            for b in np.unique(band[mine]):
                at = np.flatnonzero(mine & (band == b))
                at = at[np.argsort(energy[at])]
                flux = columns[key][at]
                above = np.append(np.maximum.accumulate(flux[::-1])[::-1], 0.0)
                far = np.searchsorted(energy[at], _ORDER_RATIO * energy[at])
                if (flux < above[far]).any():
                    i = int(at[np.argmax(flux < above[far])])
                    expected = f"a flux that falls with primaryEnergy (in {source['primaryEnergy'].name})"
                    raise DataError(f"{source[key]}: {key}[{i}]: found {columns[key][i]:.6g}, expected {expected}; "
                                    "the files list events in different orders")  # fmt: skip
    seen = columns["recoDepositedEnergy"]
    high = seen > _SEEN_RATIO * energy
    if high.mean() > _SEEN_SHARE:
        i = int(np.argmax(high))
        expected = f"less than {_SEEN_RATIO:g} times primaryEnergy, {energy[i]:.6g}, in most events"
        raise DataError(f"{source['recoDepositedEnergy']}: recoDepositedEnergy[{i}]: found {seen[i]:.6g}, expected "
                        f"{expected}; the files list events in different orders")  # fmt: skip


# ---- the bins of the analysis


def energy_edges_gev() -> NDArray[np.float64]:
    """Edges of deposited energy, (22,); the last bin reaches beyond the cut at 10 PeV."""
    low = np.log10(ENERGY_GEV[0])
    return np.logspace(low, low + ENERGY_BINS * ENERGY_STEP, ENERGY_BINS + 1)


def length_edges_m() -> NDArray[np.float64]:
    """Edges of the length of double cascades, (21,)."""
    return np.logspace(*np.log10(LENGTH_M), LENGTH_BINS + 1)


def analysis_edges() -> dict[str, dict[str, NDArray[np.float64]]]:
    """The axes of every channel, with the last bin of energy up to the cut: {channel: {axis: edges}}."""
    energy, cos = energy_edges_gev(), np.linspace(-1, 1, ZENITH_BINS + 1)
    energy[[0, -1]] = ENERGY_GEV
    both = {"energy_gev": energy, "cos_zenith": cos}
    return {"cascade": both, "track": both, "double_cascade": {"energy_gev": energy, "length_m": length_edges_m()}}


def analysis_bins(columns: Columns) -> NDArray[np.intp]:
    """The bin of each event among those of all channels, in C order of `analysis_edges`; −1 outside of the cuts.

    Bins are half-open upwards in energy, zenith angle and length.
    """
    energy, zenith = columns["recoDepositedEnergy"], columns["recoZenith"]
    length, morphology = columns["recoLength"], columns["recoMorphology"]
    in_energy = np.digitize(energy, energy_edges_gev()) - 1
    in_zenith = np.digitize(zenith, np.arccos(np.linspace(-1, 1, ZENITH_BINS + 1))[::-1]) - 1
    in_length = np.digitize(length, length_edges_m()) - 1
    good = (energy >= ENERGY_GEV[0]) & (energy <= ENERGY_GEV[1]) & (in_energy >= 0)
    double = morphology == 2
    with np.errstate(invalid="ignore"):
        long = (length >= LENGTH_M[0]) & (length <= LENGTH_M[1]) & (in_length >= 0) & (in_length < LENGTH_BINS)
    good &= np.where(double, long, (in_zenith >= 0) & (in_zenith < ZENITH_BINS))
    of_two = in_energy * ZENITH_BINS + (ZENITH_BINS - 1 - in_zenith)  # cosθ rises where θ falls
    in_channel = np.where(double, in_energy * LENGTH_BINS + in_length, of_two)
    return np.where(good, morphology.astype(np.intp) * ENERGY_BINS * ZENITH_BINS + in_channel, -1)
