"""The imported HESE release: its binned events as columns sorted by bin, and its splines, in a file of a cache.

The file is named by a digest of the release's own files: a different release never takes its place unseen.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from npinfer.errors import DataError
from npinfer.physics.flavour import SPECIES
from npinfer.physics.hese_release import MUON, PDG_SPECIES, analysis_bins, read_release, release_files
from npinfer.physics.photospline import Spline, read_spline

RELEASE = "icecube_hese_mc"
FORMAT = 1
MUON_CLASS = len(SPECIES)  # of events; the six before are the species of neutrinos
SYSTEMATICS = ("domefficiency", "holeice", "tauanisotropy")
COMPONENTS = ("diffuseAstro_e", "diffuseAstro_mu", "diffuseAstro_tau", "atmConv", "atmPrompt")
SHAPES = ("shower", "track", "doublebang")  # in the order of recoMorphology
_INDEX = "current.json"


@dataclass(frozen=True)
class Imported:
    """What an import left: the file, the digest of the release, and its numbers of events."""

    path: Path
    digest: str
    simulated: int
    used: int
    reused: bool


@dataclass(frozen=True, eq=False)
class Store:
    """The content of the cache: columns (events,) sorted by bin, class and energy; splines by name; the digest.

    columns: bin, kind (class), log_energy [of primaryEnergy/100 TeV], cos_zenith (true), interaction, morphology,
    log10_deposited, cos_seen, log10_length, weight, pion, kaon, prompt (fluxes times passing fractions), muon.
    """

    columns: dict[str, NDArray]
    splines: dict[str, Spline]
    digest: str


def cache_folder() -> Path:
    """The user's cache: $NPINFER_CACHE, or npinfer/ in $XDG_CACHE_HOME or ~/.cache."""
    own = os.environ.get("NPINFER_CACHE", "")
    base = os.environ.get("XDG_CACHE_HOME", "") or "~/.cache"
    return Path(os.path.expanduser(own)) if own else Path(os.path.expanduser(base)) / "npinfer"


def import_release(folder: Path) -> Imported:
    """Read the release in `folder` into the cache; what is there already is kept. Raises DataError.

    folder: has the three JSON files and the spline files, or folders that have.
    """
    files = [*release_files(folder), *_spline_files(folder).values()]
    digest = _digest(files)
    place = cache_folder() / RELEASE
    path, found = place / f"{digest[:16]}.npz", _index(place)
    if found and found["digest"] == digest and path.is_file() and _sha256(path) == found["sha256"]:
        return Imported(path, digest, found["simulated"], found["used"], reused=True)
    splines = {name: read_spline(file) for name, file in _spline_files(folder).items()}
    release = read_release(folder)
    columns = _sorted_columns(release)
    arrays = dict(columns)
    for name, spline in splines.items():
        arrays[f"{name}/coefficients"] = spline.coefficients.astype(np.float32)
        for i, knots in enumerate(spline.knots):
            arrays[f"{name}/knots{i}"] = knots
    counts = {"simulated": len(release["primaryType"]), "used": len(columns["bin"])}
    _keep(path, arrays, {"format": FORMAT, "digest": digest, **counts})
    return Imported(path, digest, counts["simulated"], counts["used"], reused=False)


def _keep(path: Path, arrays: dict[str, NDArray], about: dict) -> None:
    """Write the arrays, then the index that names them: each is whole before it takes its place. Raises DataError."""
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with unfinished.open("wb") as stream:
                np.savez(stream, **arrays)
            sha256 = _sha256(unfinished)
            unfinished.replace(path)
            unfinished.write_text(json.dumps({**about, "file": path.name, "sha256": sha256}))
            unfinished.replace(path.parent / _INDEX)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{path.parent}: cannot be written: {error.strerror or error}; set NPINFER_CACHE") from None


def load_store() -> Store:
    """The imported release; raises DataError where there is none, or its files are damaged."""
    place = cache_folder() / RELEASE
    found = _index(place)
    if found is None and (place / _INDEX).exists():
        raise _unusable(place / _INDEX, "damaged, or of another version of npinfer")
    if found is None:
        raise DataError(
            f"{place}: the simulated events of the release are not here; get them with `npinfer data fetch {RELEASE}`, "
            f"or `npinfer data import {RELEASE} FOLDER` if they are on this computer"
        )
    return _load(place / found["file"], found["sha256"], found["digest"])


@lru_cache(maxsize=1)
def _load(path: Path, sha256: str, digest: str) -> Store:
    if not path.is_file() or _sha256(path) != sha256:
        raise _unusable(path, "missing, cut short or altered")
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    splines = {}
    for name in sorted({name.rpartition("/")[0] for name in arrays if "/" in name}):
        coefficients = arrays.pop(f"{name}/coefficients").astype(float)
        knots = tuple(arrays.pop(f"{name}/knots{i}") for i in range(coefficients.ndim))
        degrees = tuple(len(k) - n - 1 for k, n in zip(knots, coefficients.shape, strict=True))
        splines[name] = Spline(coefficients, knots, degrees)
    return Store(arrays, splines, digest)


def _unusable(path: Path, why: str) -> DataError:
    again = f"`npinfer data fetch {RELEASE}`, or `npinfer data import {RELEASE} FOLDER`"
    return DataError(f"{path}: {why}; make it anew with {again}")


def spline_names() -> list[str]:
    """The names of all 45 splines, systematic_component_shape."""
    return [f"{s}_{c}_{shape}" for s in SYSTEMATICS for c in COMPONENTS for shape in SHAPES]


def _spline_files(folder: Path) -> dict[str, Path]:
    """{name: file} of all splines; raises DataError."""
    there = {path.stem: path for path in sorted(folder.rglob("*.fits"))}
    for name in spline_names():
        if name not in there:
            raise DataError(f"{folder}: no {name}.fits here or below; give the folder of the release")
    return {name: there[name] for name in spline_names()}


def _sorted_columns(release: dict[str, NDArray[np.float64]]) -> dict[str, NDArray]:
    """The columns of `Store`, of events in the bins of the analysis."""
    bins = analysis_bins(release)
    kinds = np.full(len(bins), MUON_CLASS, dtype=np.int8)
    for pdg, name in PDG_SPECIES.items():
        kinds[release["primaryType"] == pdg] = SPECIES.index(name)
    order = np.lexsort((release["primaryEnergy"], kinds, bins))
    order = order[bins[order] >= 0]
    if not len(order):
        raise DataError("no simulated event lies in the bins of the analysis, 60 TeV to 10 PeV of deposited energy")
    r = {key: values[order] for key, values in release.items()}
    assert set(np.unique(np.abs(r["primaryType"]))) <= {*map(abs, PDG_SPECIES), MUON}
    with np.errstate(invalid="ignore", divide="ignore"):
        log10_length = np.where(r["recoMorphology"] == 2, np.log10(np.abs(r["recoLength"])), np.nan)
    veto, prompt_veto = r["conventionalSelfVetoCorrection"], r["promptSelfVetoCorrection"]
    return {
        "bin": bins[order].astype(np.int32),
        "kind": kinds[order],
        "interaction": r["interactionType"].astype(np.int8),
        "morphology": r["recoMorphology"].astype(np.int8),
        "log_energy": np.log(r["primaryEnergy"] / 1e5),
        "cos_zenith": np.cos(r["primaryZenith"]),
        "log10_deposited": np.log10(r["recoDepositedEnergy"]),
        "cos_seen": np.cos(r["recoZenith"]),
        "log10_length": log10_length,
        "weight": r["weightOverFluxOverLivetime"],
        "pion": r["pionFlux"] * veto,
        "kaon": r["kaonFlux"] * veto,
        "prompt": r["promptFlux"] * prompt_veto,
        "muon": r["muonWeightOverLivetime"],
    }


def _index(place: Path) -> dict | None:
    """What was imported last, or None where that is nothing or cannot be read."""
    try:
        found = json.loads((place / _INDEX).read_text())
    except (OSError, ValueError):
        return None
    kinds = {"format": int, "digest": str, "file": str, "sha256": str, "simulated": int, "used": int}
    good = isinstance(found, dict) and all(isinstance(found.get(key), kind) for key, kind in kinds.items())
    return found if good and found["format"] == FORMAT else None


def _digest(files: list[Path]) -> str:
    """One digest of several files and of the format."""
    total = hashlib.sha256(f"{RELEASE} {FORMAT}".encode())
    for path in files:
        total.update(f"{path.name} {_sha256(path)}".encode())
    return total.hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
