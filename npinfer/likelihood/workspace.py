"""Workspace files: HistFactory models in pyhf's JSON, read and checked; every fault with its place.

The format: L. Heinrich, M. Feickert, G. Stark, K. Cranmer, JOSS 6 (2021) 2823; its semantics: CERN-OPEN-2012-016.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npinfer.core.limits import MOST_COUNTS
from npinfer.errors import ConfigurationError, unknown
from npinfer.likelihood.interpolation import FACTOR_CODES, SHIFT_CODES
from npinfer.likelihood.spec import Document, check, read_text, schema

WORKSPACE = "pyhf/workspace/1.0.0"
KINDS = ("histosys", "lumi", "normfactor", "normsys", "shapefactor", "shapesys", "staterror")
BINWISE = ("histosys", "shapesys", "staterror")  # with numbers a bin
TOGETHER = ({"histosys", "normsys"},)  # kinds that may have the same parameter


def read_json(path: Path) -> Any:
    """The content of a JSON file; raises ConfigurationError with the line of what is broken."""
    text = read_text(path)

    def refuse(word: str) -> Any:
        raise ConfigurationError(f"{path}: {word} is not a number of JSON; give a finite one")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [k for k, _ in pairs]
            twice = next(k for k in names if names.count(k) > 1)
            raise ConfigurationError(f"{path}: the key {twice!r} is given twice in one object")
        return found

    try:
        return json.loads(text, parse_constant=refuse, parse_int=float_if_huge, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{path}:{error.lineno}: broken JSON: {error.msg}") from None
    except RecursionError:
        raise ConfigurationError(f"{path}: nested too deeply") from None


def float_if_huge(digits: str) -> float:
    """A whole number, as a float where it is beyond exact ones.

    >>> float_if_huge("12"), float_if_huge("1" + "0" * 20)
    (12, 1e+20)
    """
    return int(digits) if len(digits) < 16 else float(digits)


def workspace_document(content: Any, path: Path) -> Document:
    """A workspace as a document: with its configuration and what `describe` says of its samples.

    Raises ConfigurationError for the first fault, with the channel, sample and modifier that has it.
    """
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: expected an object with channels, observations and measurements")
    check(Document(content, {}, path), schema("histfactory-1"))
    Reader(content, path).check()
    names = [m["name"] for m in content["measurements"]]
    described = {
        "schema": WORKSPACE,
        "name": path.stem,
        "kind": "real",
        "status": "external",
        "title": names[0] if len(names) == 1 and names[0] else path.stem,
        "configuration": {
            "measurement": {"default": names[0], "choices": names, "about": "of the workspace"},
            "normsys": {"default": FACTOR_CODES[0], "choices": list(FACTOR_CODES), "about": "interpolation"},
            "histosys": {"default": SHIFT_CODES[0], "choices": list(SHIFT_CODES), "about": "interpolation"},
        },
        "samples": _described(content["channels"]),
        "workspace": content,
    }
    return Document(described, {}, path)


def _described(channels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The samples as a likelihood file has them: where they come from, and their systematics by name."""
    found: dict[str, dict[str, str]] = {}
    for channel in channels:
        for sample in channel["samples"]:
            own = found.setdefault(sample["name"], {})
            own |= {m["name"]: m["type"] for m in sample["modifiers"]}
    free = ("normfactor", "lumi")
    return {
        sample: {
            "template": "workspace",
            "scale": ", ".join(n for n, kind in own.items() if kind in free),
            "systematics": [{"name": n, "kind": kind} for n, kind in own.items() if kind not in free],
        }
        for sample, own in found.items()
    }


class Reader:
    """Checks a workspace beyond its schema: names that are given once, and numbers that fit."""

    def __init__(self, content: Mapping[str, Any], path: Path) -> None:
        self.content, self.path = content, path

    def check(self) -> None:
        """Raise ConfigurationError for the first fault."""
        self._once(self.content["channels"], "channel")
        self._once(self.content["measurements"], "measurement")
        self._once(self.content["observations"], "observations of channel")
        kinds: dict[str, set[str]] = {}
        alone: set[str] = set()
        for channel in self.content["channels"]:
            where = f"channel {channel['name']!r}"
            self._once(channel["samples"], f"{where}: sample")
            bins = len(channel["samples"][0]["data"])
            for sample in channel["samples"]:
                place = f"{where}, sample {sample['name']!r}"
                self._numbers(sample["data"], bins, f"{place}: data")
                seen: set[tuple[str, str]] = set()
                for m in sample["modifiers"]:
                    self._modifier(m, bins, f"{place}, {m['type']} {m['name']!r}", seen, alone)
                    self._kind(m, kinds.setdefault(m["name"], set()), place)
        widths = {c["name"]: len(c["samples"][0]["data"]) for c in self.content["channels"]}
        for observation in self.content["observations"]:
            if (name := observation["name"]) in widths:
                self._numbers(observation["data"], widths[name], f"observations of channel {name!r}")
        for measurement in self.content["measurements"]:
            self._once(measurement["config"]["parameters"], f"measurement {measurement['name']!r}: parameter")

    def fault(self, where: str, problem: str) -> ConfigurationError:
        """An error at a place of the file."""
        return ConfigurationError(f"{self.path}: {where}: {problem}")

    def _once(self, entries: Sequence[Mapping[str, Any]], what: str) -> None:
        names = [e["name"] for e in entries]
        if twice := [n for n in names if names.count(n) > 1]:
            raise ConfigurationError(f"{self.path}: {what} {twice[0]!r} is given twice; rename or remove one")

    def _numbers(self, values: Any, bins: int, where: str) -> None:
        good = isinstance(values, list) and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
        if not good or len(values) != bins:
            found = f"{len(values)} values" if good else repr(values)[:60]
            raise self.fault(where, f"expected {bins} numbers, one a bin of the channel; found {found}")
        if not (np.abs(np.array(values, dtype=float)) <= MOST_COUNTS).all():
            raise self.fault(where, f"a number is not finite, or beyond {MOST_COUNTS:g}, more than counts can be")

    def _modifier(
        self, m: Mapping[str, Any], bins: int, where: str, seen: set[tuple[str, str]], alone: set[str]
    ) -> None:
        kind, data = m["type"], m["data"]
        if kind not in KINDS:
            remedy = "build the pyhf.Model with its modifier_set and wrap it: npinfer.PyhfLikelihood(model, data)"
            raise ConfigurationError(f"{unknown('modifier type', kind, KINDS, f'{self.path}: {where}')}; or {remedy}")
        if (kind, m["name"]) in seen:
            raise self.fault(where, "is given twice; remove one")
        seen.add((kind, m["name"]))
        if kind == "shapesys" and m["name"] in alone:
            raise self.fault(where, "a shapesys is of one sample in one channel: the name is used before; rename one")
        if kind == "shapesys":
            alone.add(m["name"])
        keys = {"histosys": ("lo_data", "hi_data"), "normsys": ("lo", "hi")}.get(kind)
        if keys and not (isinstance(data, dict) and set(data) == set(keys)):
            raise self.fault(where, f"data has {' and '.join(keys)}; found {repr(data)[:60]}")
        if kind in BINWISE:
            for values, name in [(data[k], k) for k in keys] if keys else [(data, "data")]:
                self._numbers(values, bins, f"{where}: {name}")
        elif keys:
            for k in keys:
                self._numbers([data[k]], 1, f"{where}: {k}")
                if data[k] < 1 / MOST_COUNTS:
                    raise self.fault(where, f"{k} is {data[k]:g}; a factor that is interpolated has to be positive")
        elif data is not None:
            raise self.fault(where, f"a {kind} has no data (null); found {repr(data)[:60]}")
        if kind in ("shapesys", "staterror") and min(data) < 0:
            raise self.fault(where, f"an uncertainty is negative: {min(data):g}")

    def _kind(self, m: Mapping[str, Any], kinds: set[str], place: str) -> None:
        kinds.add(m["type"])
        if len(kinds) > 1 and kinds not in TOGETHER:
            raise self.fault(
                place,
                f"{m['name']!r} is a {m['type']}, and a {' and '.join(sorted(kinds - {m['type']}))} elsewhere: one "
                "parameter cannot be both; rename one",
            )
