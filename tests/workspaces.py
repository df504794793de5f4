"""Workspaces that tests and benchmarks share: pyhf's simple models, hand-written ones, and a large one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyhf

Workspace = dict[str, Any]
LUMI = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.8, 1.2]], "inits": [1.0]}


def workspace(channels: list[Any], observed: dict[str, Any], *measurements: tuple[str, str, list[Any]]) -> Workspace:
    """Channels with their data; measurements: (name, poi, parameters)."""
    return {
        "channels": channels,
        "observations": [{"name": name, "data": list(map(float, data))} for name, data in observed.items()],
        "measurements": [{"name": n, "config": {"poi": poi, "parameters": p}} for n, poi, p in measurements],
        "version": "1.0.0",
    }


def modifier(kind: str, name: str, data: Any = None) -> dict[str, Any]:
    return {"name": name, "type": kind, "data": data}


def shape(name: str, low: list[float], high: list[float]) -> dict[str, Any]:
    return modifier("histosys", name, {"lo_data": low, "hi_data": high})


def norm(name: str, low: float, high: float) -> dict[str, Any]:
    return modifier("normsys", name, {"lo": low, "hi": high})


def simple(model: str, bins: int, seed: int = 1) -> Workspace:
    """pyhf.simplemodels: "uncorrelated" or "correlated" background."""
    rng = np.random.default_rng(seed)
    signal, background = rng.uniform(1, 10, bins).tolist(), rng.uniform(40, 100, bins)
    if model == "uncorrelated":
        made = pyhf.simplemodels.uncorrelated_background(signal, background.tolist(), np.sqrt(background).tolist())
    else:
        ends = (1.1 * background).tolist(), (0.92 * background).tolist()
        made = pyhf.simplemodels.correlated_background(signal, background.tolist(), *ends)
    counts = rng.poisson(background + signal)
    return workspace(made.spec["channels"], {made.config.channels[0]: counts}, ("fit", "mu", []))


def every_modifier() -> Workspace:
    """Three channels with all seven modifiers, some shared by name, and two measurements."""
    signal = {
        "name": "signal",
        "data": [6.0, 14.0, 5.0],
        "modifiers": [
            modifier("normfactor", "mu"),
            modifier("lumi", "lumi"),
            shape("scale", [5.5, 13.0, 5.6], [6.6, 14.5, 4.1]),
            norm("scale", 0.93, 1.05),
        ],
    }
    fake = {
        "name": "fake",
        "data": [20.0, 15.0, 12.0],
        "modifiers": [modifier("shapefactor", "transfer"), modifier("shapesys", "closure", [2.0, 0.0, 1.5])],
    }
    prompt = {
        "name": "prompt",
        "data": [50.0, 60.0, 40.0],
        "modifiers": [
            modifier("lumi", "lumi"),
            norm("xsec", 0.85, 1.12),
            shape("scale", [49.0, 57.0, 43.0], [52.0, 61.0, 38.0]),
            shape("tilt", [47.0, 60.0, 44.0], [54.0, 60.0, 37.0]),
            modifier("staterror", "mc_signal", [3.0, 0.0, 2.0]),
        ],
    }
    rare = {"name": "rare", "data": [4.0, 0.0, 2.0], "modifiers": [modifier("staterror", "mc_signal", [0.6, 0.0, 0.5])]}
    control_fake = {"name": "fake", "data": [100.0, 90.0, 70.0], "modifiers": [modifier("shapefactor", "transfer")]}
    control = {
        "name": "prompt",
        "data": [8.0, 9.0, 7.0],
        "modifiers": [modifier("lumi", "lumi"), norm("xsec", 0.9, 1.1)],
    }
    side = {
        "name": "prompt",
        "data": [120.0, 80.0],
        "modifiers": [
            modifier("lumi", "lumi"),
            norm("xsec", 0.88, 1.09),
            shape("tilt", [117.0, 83.0], [124.0, 76.0]),
            modifier("staterror", "mc_side", [4.0, 3.0]),
        ],
    }
    held = {"name": "xsec", "fixed": True}
    return workspace(
        [
            {"name": "signal region", "samples": [signal, fake, prompt, rare]},
            {"name": "control", "samples": [control, control_fake]},
            {"name": "side", "samples": [side]},
        ],
        {"signal region": [85, 88, 66], "control": [112, 93, 80], "side": [125, 72]},
        ("main", "mu", [LUMI, {"name": "mu", "inits": [0.8], "bounds": [[0.0, 8.0]]}]),
        ("shifted", "mu", [{**LUMI, "auxdata": [1.03]}, {"name": "scale", "auxdata": [0.3]}, held]),
    )


def shared_bins() -> Workspace:
    """One staterror in two channels, several factors on a bin, and lopsided variations that bend at zero."""
    top = {
        "name": "top",
        "data": [30.0, 22.0],
        "modifiers": [
            norm("isr", 0.97, 1.2),
            shape("jes", [29.5, 21.0], [34.0, 22.5]),
            modifier("staterror", "mc", [1.5, 1.1]),
            modifier("shapesys", "shower", [2.0, 3.0]),
        ],
    }
    loose = [norm("isr", 0.9, 1.1), modifier("staterror", "mc", [2.0, 2.0, 1.0])]
    low = {"name": "top", "data": [60.0, 41.0, 25.0], "modifiers": loose}
    signal = {"name": "new", "data": [4.0, 9.0], "modifiers": [modifier("normfactor", "mu"), norm("isr", 1.04, 0.9)]}
    return workspace(
        [{"name": "low", "samples": [low]}, {"name": "high", "samples": [top, signal]}],
        {"high": [37, 35], "low": [55, 46, 24]},
        ("fit", "mu", []),
    )


def many(seed: int = 0) -> Workspace:
    """Four channels of fifteen bins and six samples, with about ninety parameters."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, 15)
    channels, observed = [], {}
    for c in range(4):
        samples, total = [], np.zeros(15)
        for s, size in enumerate((8, 60, 40, 25, 15, 8)):
            peak = np.exp(-(((x - 0.6) / 0.15) ** 2)) if s == 0 else np.exp(-rng.uniform(0.3, 2) * x)
            counts = size * rng.uniform(0.7, 1.3) * peak
            own = [modifier("lumi", "lumi"), *([modifier("normfactor", "mu")] if s == 0 else [])]
            own += [modifier("normfactor", f"norm_{s}")] if s in (1, 2) else []
            for i in rng.choice(14, size=4, replace=False):
                down, up = rng.uniform(0.02, 0.15, 2)
                own.append(norm(f"norm_{'abcdefghijklmn'[i]}", 1 - down, 1 + up))
            for i in rng.choice(12, size=2, replace=False):
                bend = rng.uniform(-0.15, 0.15) * (x - 0.3)
                low = counts * (1 - bend * rng.uniform(0.5, 1.2))
                own.append(shape(f"shape_{'abcdefghijkl'[i]}", low.tolist(), (counts * (1 + bend)).tolist()))
            own.append(modifier("staterror", f"mc_{c}", (counts * rng.uniform(0.02, 0.06)).tolist()))
            samples.append({"name": f"sample {s}", "data": counts.tolist(), "modifiers": own})
            total += counts
        channels.append({"name": f"channel {c}", "samples": samples})
        observed[f"channel {c}"] = rng.poisson(total)
    return workspace(channels, observed, ("fit", "mu", [LUMI]))


ALL = {
    "uncorrelated, 50 bins": lambda: simple("uncorrelated", 50),
    "uncorrelated, 200 bins": lambda: simple("uncorrelated", 200),
    "correlated, 50 bins": lambda: simple("correlated", 50),
    "every modifier": every_modifier,
    "shared bins": shared_bins,
    "4 × 15 bins, 6 samples": many,
}
