"""Workspaces of one or two channels with any modifiers, as hypothesis makes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import npinfer
from npinfer.likelihood.binned import BinnedLikelihood

KINDS = ("normsys", "histosys", "shapefactor", "shapesys", "staterror")


@st.composite
def generated(draw: st.DrawFn) -> dict[str, Any]:
    """A workspace with up to three samples a channel, of up to three bins."""
    number = lambda low, high: draw(st.floats(low, high, allow_subnormal=False))
    numbers = lambda n, low, high: [number(low, high) for _ in range(n)]
    channels = []
    for c in range(draw(st.integers(1, 2))):
        bins, samples = draw(st.integers(1, 3)), []
        for s in range(draw(st.integers(1, 3))):
            counts = numbers(bins, 5.0, 50.0)
            own = [{"name": "mu", "type": "normfactor", "data": None}] if s == 0 else []
            for kind in draw(st.lists(st.sampled_from(KINDS), unique=True)):
                own.append({"name": f"{kind} {c}", "type": kind, "data": numbers(bins, 0.5, 3.0)})
                if kind == "shapefactor":
                    own[-1]["data"] = None
                elif kind == "shapesys":
                    own[-1]["name"] += f" {s}"
                elif kind in ("normsys", "histosys"):
                    own[-1]["name"] = draw(st.sampled_from("abc"))
                    own[-1]["data"] = {"hi": number(0.7, 1.4), "lo": number(0.7, 1.4)}
                if kind == "histosys":
                    own[-1]["data"] = {f"{e}_data": [n * number(0.8, 1.2) for n in counts] for e in ("hi", "lo")}
            samples.append({"name": f"s{s}", "data": counts, "modifiers": own})
        channels.append({"name": f"c{c}", "samples": samples})
    observed = [
        {"name": c["name"], "data": [float(draw(st.integers(0, 150))) for _ in c["samples"][0]["data"]]}
        for c in channels
    ]
    measurement = {"name": "fit", "config": {"poi": "mu", "parameters": []}}
    return {"channels": channels, "observations": observed, "measurements": [measurement], "version": "1.0.0"}


def opened(content: dict[str, Any], folder: Path) -> BinnedLikelihood:
    """The likelihood of a workspace, by way of a file in the folder."""
    path = folder / "generated.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return npinfer.load(path)
