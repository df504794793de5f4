"""A likelihood whose samples share simulated events, and the sums over them by brute force."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pyhf.interpolators import code4

import npinfer
from npinfer.likelihood.binned import BinnedLikelihood

Write = Callable[..., Path]

FILE = """\
schema: npinfer/likelihood/1
name: shower
kind: real
status: illustrative
poi: astro_norm
data: {folder: data}
channels:
  cascade:
    axes: {energy_gev: {edges: [1, 2, 4]}, cos_zenith: {linear: [-1, 1, 2]}}
    observed: [12, 9, 30, 11]
    statistic: effective
  track:
    axes: {energy_gev: {edges: [1, 3, 4]}}
    observed: [41, 20]
    statistic: effective
samples:
  astro:
    template: {events: events.csv, weight: w_astro}
    scale: {astro_norm: 2}
    systematics: [{name: ice, kind: normsys, up: 1.2, down: 0.9, channels: [cascade]}]
  conventional:
    template: {events: events.csv, weight: w_conv, where: {kind: cc}}
    scale: [conv_norm, lumi]
    systematics:
      - {name: ice, kind: normsys, up: 1.1}
      - {name: tilt, kind: normsys, up: 1.3, down: 0.8}
  muon:
    template: {cascade: [1, 0.5, 0, 2], track: [4, 1]}
    variance: {cascade: [0.1, 0.05, 0, 0.3], track: [0.4, 0.2]}
    scale: muon_norm
  flat: {template: {cascade: [0.1, 0.1, 0.1, 0.1], track: [0.1, 0.1]}}
parameters:
  astro_norm: {init: 1, bounds: [0, 5]}
  conv_norm: {init: 1, bounds: [0, 5]}
  lumi: {init: 1, bounds: [0.5, 1.5], constraint: {normal: {mean: 1, sigma: 0.05}}}
  muon_norm: {init: 1, bounds: [0, 3], constraint: {normal: {mean: 1, sigma: 0.3}}}
"""
NAMES = ("astro_norm", "conv_norm", "lumi", "muon_norm", "ice", "tilt")
EDGES = {"cascade": [[1, 2, 4], [-1, 0, 1]], "track": [[1, 3, 4]]}
MUON, MUON_VARIANCE = np.array([1, 0.5, 0, 2, 4, 1]), np.array([0.1, 0.05, 0, 0.3, 0.4, 0.2])
OBSERVED = np.array([12, 9, 30, 11, 41, 20.0])
CASCADE = np.arange(6) < 4


def simulate(n: int = 300, seed: int = 5) -> list[dict[str, object]]:
    """Events inside and outside the axes; a tenth of the conventional weights are negative."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        sign = -1 if rng.random() < 0.1 else 1
        rows.append(
            {
                "channel": "cascade" if rng.random() < 0.5 else "track",
                "energy_gev": rng.uniform(0.8, 4.4),
                "cos_zenith": rng.uniform(-1, 1),
                "kind": "cc" if rng.random() < 0.7 else "nc",
                "w_astro": rng.exponential(0.3),
                "w_conv": sign * rng.exponential(0.25),
            }
        )
    return rows


def as_csv(rows: list[dict[str, object]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def bin_of(event: dict[str, object]) -> int | None:
    """The position of an event's bin, or None outside the axes, by looking through the bins."""
    energy, zenith = float(str(event["energy_gev"])), float(str(event["cos_zenith"]))
    position = 0
    for channel, edges in EDGES.items():
        for low, high in zip(edges[0], edges[0][1:], strict=False):
            for left, right in zip(edges[1], edges[1][1:], strict=False) if len(edges) > 1 else [(-9, 9)]:
                if event["channel"] == channel and low <= energy < high and left <= zenith < right:
                    return position
                position += 1
    return None


def factor(down: float, up: float, alpha: float) -> float:
    return float(np.asarray(code4([[[[down], [1.0], [up]]]])(np.array([[alpha]]))).item())


def brute_force(
    events: list[dict[str, object]], p: dict[str, float], *, together: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Expectation and variance, event by event."""
    mean, variance = 0.1 + MUON * p["muon_norm"], MUON_VARIANCE * p["muon_norm"] ** 2
    for event in events:
        b = bin_of(event)
        if b is None:
            continue
        astro = float(str(event["w_astro"])) * p["astro_norm"] ** 2
        astro *= factor(0.9, 1.2, p["ice"]) if event["channel"] == "cascade" else 1.0
        conventional = float(str(event["w_conv"])) * p["conv_norm"] * p["lumi"] * (event["kind"] == "cc")
        conventional *= factor(1 / 1.1, 1.1, p["ice"]) * factor(0.8, 1.3, p["tilt"])
        mean[b] += astro + conventional
        variance[b] += (astro + conventional) ** 2 if together else astro**2 + conventional**2
    return mean, variance


def some_points(lh: BinnedLikelihood, n: int, seed: int = 0) -> tuple[np.ndarray, list[dict[str, float]]]:
    unit = np.random.default_rng(seed).uniform([0.5, 0.5, 0.9, 0.3, -1.5, -1.5], [2, 2, 1.1, 2, 1.5, 1.5], (n, 6))
    named = [dict(zip(NAMES, row.tolist(), strict=True)) for row in unit]
    return np.array([lh.parameters.vector(p) for p in named]), named


def variance_of(lh: BinnedLikelihood, points: np.ndarray) -> np.ndarray:
    return np.asarray(lh.statistic.variance(points))  # type: ignore[attr-defined]


def one_bin(write: Write, n: int, statistic: str, observed: float = 100.0, name: str = "counting") -> BinnedLikelihood:
    """One bin that expects `norm` × 100 events from n simulated ones of equal weight."""
    text = f"""\
schema: npinfer/likelihood/1
name: {name}
kind: real
status: illustrative
channels: {{count: {{axes: {{x: {{linear: [0, 1, 1]}}}}, observed: [{observed}], statistic: {statistic}}}}}
samples: {{signal: {{template: {{count: [100]}}, variance: {{count: [{100.0**2 / n}]}}, scale: norm}}}}
parameters: {{norm: {{init: 1, bounds: [0, 20]}}}}
"""
    return npinfer.load(write(text, f"{name}_{n}_{statistic}.yaml"))
