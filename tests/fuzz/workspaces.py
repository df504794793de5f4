"""Cases of pyhf workspaces: random ones of every modifier, and damaged ones, loaded here and by pyhf.

The outcome says who accepts: where both do, ln density agrees at the start values and at a random point; what pyhf
accepts and we refuse is counted with our reason.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyhf

import npinfer
from npinfer.errors import NpinferError

from .mutate import damaged_json, damaged_text, pick, watched
from .specs import ask

KINDS = ("histosys", "normsys", "normfactor", "lumi", "shapefactor", "shapesys", "staterror")
CLOSE = 1e-9  # relative difference of ln density


# ---- random workspaces


def workspace(random: Random) -> dict[str, Any]:
    """A valid workspace of a few channels, samples and modifiers, with one or two measurements."""
    names = random.sample(("SR", "CR one", "b", "a", "VR.2"), random.randint(1, 3))
    bins = {name: random.randint(1, 4) for name in names}
    samples = random.sample(("signal", "top", "fake", "W+jets"), random.randint(1, 3))
    places = [(c, s) for c in bins for s in samples if random.random() < 0.85] or [(next(iter(bins)), samples[0])]
    data = {place: [round(random.uniform(1, 60), 2) for _ in range(bins[place[0]])] for place in places}
    if random.random() < 0.2:
        place = random.choice(places)
        data[place][random.randrange(len(data[place]))] = 0.0
    found: dict[tuple[str, str], list[dict[str, Any]]] = {place: [] for place in places}
    for place in places:
        found[place] += _own(place, data[place], random)
    for name, kind in (("scale", "histosys"), ("xsec", "normsys"), ("both", "both"), ("bend", "histosys")):
        for place in places if random.random() < 0.6 else ():
            found[place] += _shared(name, kind, data[place], random)
    for channel in bins:
        if random.random() < 0.4:
            for place in (p for p in places if p[0] == channel and random.random() < 0.8):
                errors = [round(v * random.uniform(0, 0.2), 3) for v in data[place]]
                found[place].append({"name": f"mc_{channel}", "type": "staterror", "data": errors})
    if random.random() < 0.2 and len(set(bins.values())) == 1:
        for place in (p for p in places if p[1] == samples[-1]):
            found[place].append({"name": "free", "type": "shapefactor", "data": None})
    found[places[0]].append({"name": "mu", "type": "normfactor", "data": None})
    for modifiers in found.values():
        random.shuffle(modifiers)
    channels = []
    for channel in bins:
        own = [{"name": s, "data": data[c, s], "modifiers": found[c, s]} for c, s in places if c == channel]
        channels += [{"name": channel, "samples": own}] if own else []
    observed = [
        {"name": c["name"], "data": [float(random.randint(0, 90)) for _ in c["samples"][0]["data"]]} for c in channels
    ]
    random.shuffle(observed)
    names = {m["name"]: m["type"] for modifiers in found.values() for m in modifiers}
    measurements = [_measurement(f"m{i}", names, random) for i in range(random.choice((1, 1, 2)))]
    return {"channels": channels, "observations": observed, "measurements": measurements, "version": "1.0.0"}


def _own(place: tuple[str, str], data: list[float], random: Random) -> list[dict[str, Any]]:
    """The modifiers that one sample in one channel may have for itself."""
    made = []
    if random.random() < 0.3:
        errors = [round(v * random.choice((0.0, 0.05, 0.1, 0.3)), 3) for v in data]
        made.append({"name": f"shape {'/'.join(place)}", "type": "shapesys", "data": errors})
    if random.random() < 0.3:
        made.append({"name": f"norm_{place[1]}", "type": "normfactor", "data": None})
    if random.random() < 0.3:
        made.append({"name": "lumi", "type": "lumi", "data": None})
    return made


def _shared(name: str, kind: str, data: list[float], random: Random) -> list[dict[str, Any]]:
    """A normsys, a histosys, or both of one name."""
    made = []
    if kind in ("normsys", "both") and random.random() < 0.7:
        factors = {"hi": round(random.uniform(0.8, 1.3), 3), "lo": round(random.uniform(0.8, 1.2), 3)}
        made.append({"name": name, "type": "normsys", "data": factors})
    if kind in ("histosys", "both") and random.random() < 0.7:
        high, low = ([round(v * random.uniform(0.8, 1.2), 3) for v in data] for _ in range(2))
        made.append({"name": name, "type": "histosys", "data": {"hi_data": high, "lo_data": low}})
    return made


def _measurement(name: str, kinds: dict[str, str], random: Random) -> dict[str, Any]:
    given: list[dict[str, Any]] = []
    for parameter, kind in kinds.items():
        if kind == "lumi":
            mean = round(random.uniform(0.9, 1.1), 3)
            measured = {"auxdata": [mean], "sigmas": [0.03]}
            given.append({"name": parameter, **measured, "bounds": [[0.5, 1.5]], "inits": [mean]})
        elif kind == "normfactor" and random.random() < 0.4:
            given.append({"name": parameter, "bounds": [[0.0, 5.0]], "inits": [round(random.uniform(0, 2), 2)]})
        elif random.random() < 0.1:
            given.append({"name": parameter, "fixed": random.random() < 0.7})
        elif kind in ("normsys", "histosys") and random.random() < 0.2:
            given.append({"name": parameter, "auxdata": [0.3], "inits": [0.1], "bounds": [[-3.0, 3.0]]})
    poi = pick(random, (8, "mu"), (1, ""), (1, random.choice([*kinds])))
    if kinds.get(poi, "lumi") in ("shapesys", "staterror", "shapefactor"):
        poi = "mu"
    return {"name": name, "config": {"poi": poi, "parameters": given}}


# ---- a case


def run_case(folder: Path, random: Random) -> str:
    """Write a workspace, damaged or not, and load it here and by pyhf; gives who accepts it."""
    content, path = workspace(random), folder / "ws.json"
    kind = pick(random, (4, "valid"), (5, "damaged"), (1, "text"))
    if kind == "damaged":
        content = damaged_json(content, random)
    text: Any = json.dumps(content, indent=1)
    path.write_bytes(damaged_text(text, random) if kind == "text" else text.encode())
    codes = {"normsys": random.choice(("code4", "code1")), "histosys": random.choice(("code4p", "code0"))}
    number = random.choice((0, -1))
    with watched():
        theirs = _by_pyhf(path, codes, number)
        chosen = codes | ({"measurement": theirs[2]} if theirs is not None else {})
        try:
            ours = npinfer.load(path, **chosen)
        except NpinferError as error:
            said = str(error)
            assert str(path) in said, f"the file is not named: {said}"
            assert kind != "valid", f"a valid workspace is refused: {said}"
            return f"refused{f', not by pyhf: {_reason(said, path)}' if theirs is not None else ''}"
        if theirs is not None:
            compare(ours, *theirs[:2], random)
        word = ask(ours, random, folder)
    return f"{word}{', as pyhf' if theirs is not None else ', refused by pyhf'}"


def _reason(said: str, path: Path) -> str:
    """Our reason without the names and numbers of the case."""
    said = said.replace(str(path), "").lstrip(": ")
    return re.sub(r"'[^']*'|[-+]?\d[\d.e+-]*|\[.*\]", "…", said)[:110]


def _by_pyhf(path: Path, codes: dict[str, str], number: int) -> tuple[Any, list[float], str] | None:
    """pyhf's model, its data and the measurement's name; None where it refuses, or has no density at the start."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = json.loads(path.read_text(encoding="utf-8"))
            workspace = pyhf.Workspace(content)
            measurement = content["measurements"][number]["name"]
            settings = {kind: {"interpcode": code} for kind, code in codes.items()}
            model = workspace.model(measurement_name=measurement, modifier_settings=settings)
            data = workspace.data(model)
            density = float(model.logpdf(model.config.suggested_init(), data)[0])
    except Exception:  # pyhf refuses in many ways
        return None
    return (model, data, measurement) if math.isfinite(density) else None


def compare(ours: Any, model: Any, data: list[float], random: Random) -> None:
    """ln density at pyhf's start values, and at a point inside pyhf's bounds."""
    start = np.array(model.config.suggested_init(), dtype=float)
    names = [n.removeprefix(f"{ours.name}.") for n in ours.parameters.names]
    assert names == list(model.config.par_names), f"{names} for {model.config.par_names}"
    bounds = np.array(model.config.suggested_bounds(), dtype=float)
    shares = np.array([random.random() for _ in start])
    inside = np.where(model.config.suggested_fixed(), start, bounds[:, 0] + shares * (bounds[:, 1] - bounds[:, 0]))
    size = max(abs(v) for c in model.spec["channels"] for s in c["samples"] for v in _numbers(s))
    for point in (start, inside):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            there = float(model.logpdf(point, data)[0])
        if math.isfinite(there) and not (ours.rates(point[None]) < 0).any():  # where pyhf forgives a bin without counts
            here = ours.logpdf(point)
            close = CLOSE * max(1.0, abs(there)) + 1e-13 * size
            assert abs(here - there) <= close, f"{here} for {there} at {point}"


def _numbers(content: Any) -> list[float]:
    """Every number below a JSON value: rounding leaves a share of the largest."""
    if isinstance(content, dict | list):
        return [v for entry in (content.values() if isinstance(content, dict) else content) for v in _numbers(entry)]
    return [float(content)] if isinstance(content, int | float) else []
