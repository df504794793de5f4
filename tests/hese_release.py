"""A synthetic release in the schema of IceCube's HESE 7.5-year release: three JSON files and 45 spline tables.

Nothing in it is physical but the orders of magnitude: about as many events as the release's fit expects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LIVETIME_S = 227708167.68
FILES = {
    "HESE_mc_truth.json": ("primaryType", "primaryEnergy", "primaryZenith", "trueLength", "interactionType",
                           "weightOverFluxOverLivetime", "muonWeightOverLivetime"),
    "HESE_mc_flux.json": ("pionFlux", "kaonFlux", "promptFlux", "conventionalSelfVetoCorrection",
                          "promptSelfVetoCorrection"),
    "HESE_mc_observable.json": ("recoDepositedEnergy", "recoMorphology", "recoLength", "recoZenith"),
}  # fmt: skip
WHOLE = ("primaryType", "interactionType", "recoMorphology")
COMPONENTS = ("diffuseAstro_e", "diffuseAstro_mu", "diffuseAstro_tau", "atmConv", "atmPrompt")
SHAPES = ("shower", "track", "doublebang")


def make_events(count: int, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """Simulated events, {key: (count,)}; some lie on the edges of bins, of the cuts and of the splines."""
    rng = np.random.default_rng(seed)
    kind = rng.choice([12, -12, 14, -14, 16, -16, 13, -13], count, p=[0.2, 0.2, 0.15, 0.15, 0.13, 0.13, 0.02, 0.02])
    muon = np.abs(kind) == 13
    energy = 10 ** rng.uniform(4.5, 7.8, count)
    cos = rng.uniform(-1, 1, count)
    interaction = np.where(muon, 0, np.where(rng.random(count) < 0.25, 2, 1))
    interaction[(kind == -12) & (np.abs(np.log10(energy / 6.3e6)) < 0.05)] = 3
    flavour = np.abs(kind)
    chance = np.where(flavour == 14, 0.75, np.where(flavour == 16, 0.2, 0.1)) * (interaction != 2)
    u = rng.random(count)
    double = np.where(flavour == 16, 0.15, 0.02)
    morphology = np.where(u < double, 2, np.where(u < double + chance, 1, 0))
    seen = energy * rng.beta(5, 3, count)
    seen_cos = np.clip(cos + rng.normal(0, np.where(morphology == 1, 0.01, 0.1), count), -1, 1)
    length = np.where(morphology == 2, 10 ** rng.uniform(0.8, 3.2, count), np.nan)
    zenith, seen_zenith = np.arccos(cos), np.arccos(seen_cos)
    _on_edges(rng, seen, seen_zenith, length, morphology)
    conventional = 1e-18 * (energy / 1e5) ** -3.7 * (1 + np.abs(np.cos(zenith)))
    conventional *= np.where(muon | (flavour == 16), 0, np.where(flavour == 14, 1.0, 0.05))
    share = 0.8 * (energy / 1e5) ** -0.02
    charm = np.where(muon, 0, 1e-19 * (energy / 1e5) ** -2.9 * np.where(flavour == 16, 0.1, 1.0))
    passing = np.where(cos > 0.2, 0.3 + 0.2 * rng.random(count), 1.0)
    weight = np.where(muon, 0, energy**1.6 * np.minimum(1, (energy / 1e5) ** 0.5) * rng.uniform(0.5, 1.5, count))
    used = (seen > 6e4) & (seen < 1e7)
    astro = (weight * 1e-18 * (energy / 1e5) ** -2.87)[used].sum() * LIVETIME_S
    weight *= 50 / astro
    conventional *= 10 / max((weight * conventional * passing)[used].sum() * LIVETIME_S, 1e-300)
    charm *= 2 / max((weight * charm * passing)[used].sum() * LIVETIME_S, 1e-300)
    noise = np.where(muon, rng.uniform(0.5, 1.5, count) * energy**-1.0, 0)
    noise *= 1 / max(noise[used].sum() * LIVETIME_S, 1e-300)
    return {
        "primaryType": kind, "primaryEnergy": energy, "primaryZenith": zenith, "trueLength": length,
        "interactionType": interaction, "weightOverFluxOverLivetime": weight, "muonWeightOverLivetime": noise,
        "pionFlux": (1 - share * 0.5) * conventional, "kaonFlux": share * 0.5 * conventional, "promptFlux": charm,
        "conventionalSelfVetoCorrection": passing, "promptSelfVetoCorrection": np.sqrt(passing),
        "recoDepositedEnergy": seen, "recoMorphology": morphology, "recoLength": length, "recoZenith": seen_zenith,
    }  # fmt: skip


def _on_edges(rng: np.random.Generator, seen: NDArray, zenith: NDArray, length: NDArray, shape: NDArray) -> None:
    """Put one event in twenty on an edge of the bins, the cuts or the splines, in place."""
    energies = np.concatenate([np.logspace(np.log10(6e4), np.log10(6e4) + 21 * 0.111, 22)[:-1], [6e4, 1e7, 10**5.0]])
    angles = np.arccos(np.linspace(-1, 1, 11))
    lengths = np.concatenate([np.logspace(1, 3, 21), [10.0, 1000.0, 10**2.3]])
    some = rng.permutation(len(seen))[: len(seen) // 20]
    seen[some] = rng.choice(energies, len(some))
    some = rng.permutation(len(seen))[: len(seen) // 20]
    zenith[some] = rng.choice(angles, len(some))
    some = np.flatnonzero(shape == 2)[::20]
    length[some] = rng.choice(lengths, len(some))


def write_events(folder: Path, events: Mapping[str, NDArray]) -> None:
    """The three JSON files, as Python writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, keys in FILES.items():
        content = {k: [int(v) for v in events[k]] if k in WHOLE else events[k].tolist() for k in keys}
        (folder / name).write_text(json.dumps(content))


def make_splines(seed: int = 1) -> dict[str, tuple[NDArray, list[NDArray], tuple[int, ...]]]:
    """{name: (coefficients, knots, degrees)} of 45 tables that differ, with the parameters' knots of the release."""
    rng = np.random.default_rng(seed)
    dom = np.concatenate([0.57375 + 0.09 * np.arange(5), [0.98375, 1.02375], 1.11375 + 0.09 * np.arange(4)])
    ice = np.array([-8.417, -6.417, -4.417, -2.417, -0.417, 0.583, 1.583, 2.583, 3.583])
    energy = np.arange(4.2, 7.9, 0.1)
    seen, length = np.arange(-1.3, 1.31, 0.1), np.arange(-0.2, 3.01, 0.08)
    found = {}
    for component in COMPONENTS:
        for shape in SHAPES:
            along = length if shape == "doublebang" else seen
            scale = np.arange(-0.04, 2.09, 0.0404) if shape == "doublebang" else np.arange(-0.16, 2.2, 0.08)
            anisotropy_along = length if shape == "doublebang" else energy
            for name, knots, degrees in (
                ("domefficiency", [energy[:30], seen, dom], (2, 2, 2)),
                ("holeice", [energy, along, ice], (2, 2, 2)),
                ("tauanisotropy", [anisotropy_along, scale], (2, 1)),
            ):
                axes = [0.5 * (k[:-d] + k[d:])[: len(k) - d - 1] for k, d in zip(knots, degrees, strict=True)]
                grid = np.meshgrid(*[np.linspace(0, 1, len(a)) for a in axes], indexing="ij")
                bend = 0.6 if name == "domefficiency" else 0.25
                smooth = -2 * grid[0] + bend * grid[-1] * rng.normal() + 0.1 * rng.normal() * grid[-1] * grid[0]
                smooth += 0.05 * rng.normal() * np.sin(5 * grid[-1] + 3 * rng.random())
                table = smooth + 0.02 * rng.normal(size=smooth.shape)
                found[f"{name}_{component}_{shape}"] = table.astype(np.float32), knots, degrees
    return found


def write_splines(folder: Path, splines: Mapping[str, tuple[NDArray, list[NDArray], tuple[int, ...]]]) -> None:
    """One photospline FITS file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (table, knots, degrees) in splines.items():
        orders = [(f"ORDER{i}", str(d)) for i, d in enumerate(degrees)]
        content = _image("SIMPLE", "T", table.astype(">f4"), orders)
        for i, k in enumerate(knots):
            content += _image("XTENSION", "'IMAGE   '", k.astype(">f8"), [("EXTNAME", f"'KNOTS{i}  '")])
        (folder / f"{name}.fits").write_bytes(content)


def _image(first: str, value: str, array: NDArray, further: list[tuple[str, str]]) -> bytes:
    """A header and an array of a FITS file."""
    cards = [(first, value), ("BITPIX", str(-8 * array.dtype.itemsize)), ("NAXIS", str(array.ndim))]
    cards += [(f"NAXIS{i + 1}", str(n)) for i, n in enumerate(array.shape[::-1])] + further
    text = "".join(f"{k:<8}= {v:>20}".ljust(80) for k, v in cards) + "END".ljust(80)
    header, data = text.encode(), array.tobytes()
    return header.ljust(-(-len(header) // 2880) * 2880) + data.ljust(-(-len(data) // 2880) * 2880, b"\0")


def write_release(folder: Path, count: int, seed: int = 0) -> Path:
    """A whole release."""
    write_events(folder, make_events(count, seed))
    write_splines(folder / "splines", make_splines())
    return folder
