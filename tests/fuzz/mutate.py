"""Damage to files: YAML trees, JSON trees and plain text, and the watch that a case is run under."""

from __future__ import annotations

import copy
import json
import math
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import npinfer

LONGEST = 10.0  # seconds of computing that a case may take
SHOWN = 3000  # characters of a file of a case that failed
NUMBERS = (
    "0", "1", "-1", "2", "0.5", "-0.0", "1e-12", "1e12", "-3.5", ".nan", ".inf", "-.inf", "1e308", "-1e308", "1e-320",
    "1e155", "1e-155", "1e22", "9007199254740993", "1" + "0" * 40, "1" + "0" * 400, "0x1F", "0o17", "1:30",
)  # fmt: skip
VALUES = (
    *NUMBERS, "true", "no", "~", '""', "x", "mu", "energy_gev", "'1'", "1e", "ü∞", '"\\0"', '"a\\nb"', "a: b", "[]",
    "{}", "[1]", "[1, 2]", "[1, 2, 3]", "[3, 2, 1]", "[0, 0, 0]", "[1, x]", "[1, true]", "[[1, 2], [3, 4]]", "[~]",
    "{a: 1}", "{low: [1, 2, 3, 4]}", "{normal: {mean: 1, sigma: 0}}", "2020-01-01", "2020-13-45", "!!binary aGk=",
    "!!set {a, b}", "!!omap [a: 1]", "!!pairs [a: 1]", "!!int x", "!!float x", "!!str 1", "!secret 1",
    "!!python/object:os.system {}", "../x", "/etc/passwd", "counting.yaml", "case.yaml", "icecube_pepe", "x" * 5000,
    "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]", "{mean: 1, sigma: 1}", "{<<: 1}", "[" * 50 + "]" * 50,
)  # fmt: skip
SYMBOLS = (
    "\t", "\x00", "\x07", "\ufeff", "\r\n", "\n\n", "&a", "*a", "%", "@", "`", "{", "}", "[", "]", ":", "- ", "#", "'",
    '"', "|\n", ">\n", "---\n", "...\n", "\u2028", "\x85", "é", "<<: *a\n", "!!", ",", "é" * 300, "  ", "9" * 30,
)  # fmt: skip
CELLS = (*NUMBERS, "", "x", '"', "a", "b", "nan", "inf", "1_0", " 1", "٣")  # of a CSV file


class Hang(BaseException):
    """A case that did not end in time; no handler of the package may take it for its own."""


@cache
def compile_once() -> None:
    """A fit of the plainest workspace: what is compiled for the first one takes longer than a case may."""
    sample = {"name": "s", "data": [5.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]}
    content = {
        "channels": [{"name": "c", "samples": [sample]}],
        "observations": [{"name": "c", "data": [5.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    with TemporaryDirectory() as name:
        path = Path(name) / "plain.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        npinfer.fit(npinfer.load(path))


@contextmanager
def watched(seconds: float = LONGEST) -> Iterator[None]:
    """Warnings are errors, and what takes longer than this is a failure."""

    def ring(*_: object) -> None:
        raise Hang

    compile_once()
    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "jsonschema.RefResolver is deprecated", DeprecationWarning)  # of pyhf
            yield
    except Hang:
        raise AssertionError(f"no answer after {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def fuzzed(cases: int) -> Callable[[Callable[[int], None]], Callable[[], None]]:
    """Runs a test of a `seed` for so many of them, always the same.

    A failure shows its files: shrinking a seed would take minutes and find other damage.
    """
    plain = {"deadline": None, "phases": [Phase.generate], "suppress_health_check": list(HealthCheck)}
    chosen = settings(max_examples=cases, derandomize=True, **plain)
    return lambda test: chosen(given(seed=st.integers(0, 2**32 - 1))(test))


@contextmanager
def case_folder() -> Iterator[Path]:
    """A folder for one case; what goes wrong with it carries the files of the case as a note."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        try:
            yield folder
        except Exception as error:
            error.add_note(_shown(folder))
            raise


def _shown(folder: Path) -> str:
    """The files of a case: of a command line, the words and what is broken."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    said = [p for p in files if p.name == "line.txt" or p.name.startswith("broken")] or files
    return "\n".join(f"---- {p.name}\n{p.read_bytes()[:SHOWN].decode(errors='backslashreplace')}" for p in said)


# ---- trees of YAML nodes


def compose(text: str) -> yaml.Node:
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _slots(node: yaml.Node) -> list[tuple[yaml.Node, int]]:
    """Every entry below a node: (mapping or sequence, position)."""
    found, left, seen = [], [node], set()
    while left:
        parent = left.pop()
        if isinstance(parent, yaml.ScalarNode) or parent in seen:
            continue
        seen.add(parent)
        for i, entry in enumerate(parent.value):
            found.append((parent, i))
            left.append(_value(parent, i) if isinstance(parent, yaml.SequenceNode) else entry[1])
    return found


def _value(parent: yaml.Node, i: int) -> yaml.Node:
    return parent.value[i] if isinstance(parent, yaml.SequenceNode) else parent.value[i][1]


def _put(parent: yaml.Node, i: int, node: yaml.Node) -> None:
    parent.value[i] = node if isinstance(parent, yaml.SequenceNode) else (parent.value[i][0], node)


def _is_number(node: yaml.Node) -> bool:
    try:
        float(node.value)
    except (TypeError, ValueError):
        return False
    return True


def _replace(tree: yaml.Node, random: Random) -> None:
    _put(*random.choice(_slots(tree)), compose(random.choice(VALUES)))


def _other_number(tree: yaml.Node, random: Random) -> None:
    numbers = [slot for slot in _slots(tree) if _is_number(_value(*slot))]
    if numbers:
        _put(*random.choice(numbers), compose(random.choice(NUMBERS)))


def vary(tree: yaml.Node, random: Random) -> None:
    """A number becomes another of its size: the file stays meaningful."""
    numbers = [slot for slot in _slots(tree) if _is_number(_value(*slot))]
    if numbers:
        parent, i = random.choice(numbers)
        factor = random.choice((0.5, 0.9, 1.1, 1.5, 2.0, 3.0, 0.1, 10.0, 0.0, -1.0))
        _put(parent, i, compose(f"{float(_value(parent, i).value) * factor:.6g}"))


def _delete(tree: yaml.Node, random: Random) -> None:
    parent, i = random.choice(_slots(tree))
    del parent.value[i]


def _again(tree: yaml.Node, random: Random) -> None:
    """An entry twice: a key given twice, a list too long."""
    parent, i = random.choice(_slots(tree))
    parent.value.insert(random.randint(0, len(parent.value)), parent.value[i])


def _rename(tree: yaml.Node, random: Random) -> None:
    slots = _slots(tree)
    keyed = [(p, i) for p, i in slots if isinstance(p, yaml.MappingNode)]
    if not keyed:
        return
    parent, i = random.choice(keyed)
    other_parent, j = random.choice(keyed)
    old, value = parent.value[i]
    new = random.choice((other_parent.value[j][0], compose(random.choice(VALUES)), compose(str(old.value)[1:] or "x")))
    parent.value[i] = (new, value)


def _swap(tree: yaml.Node, random: Random) -> None:
    (p, i), (q, j) = random.choice(_slots(tree)), random.choice(_slots(tree))
    first, second = _value(p, i), _value(q, j)
    _put(p, i, second)
    _put(q, j, first)


def _alias(tree: yaml.Node, random: Random) -> None:
    """The same node in two places, which is written with an anchor."""
    slots = _slots(tree)
    _put(*random.choice(slots), _value(*random.choice(slots)))


def _insert(tree: yaml.Node, random: Random) -> None:
    slots = _slots(tree)
    parent, _ = random.choice(slots)
    value = random.choice((compose(random.choice(VALUES)), _value(*random.choice(slots))))
    keys = [p.value[i][0] for p, i in slots if isinstance(p, yaml.MappingNode)]
    entry = value if isinstance(parent, yaml.SequenceNode) or not keys else (random.choice(keys), value)
    parent.value.insert(random.randint(0, len(parent.value)), entry)


DAMAGES = (
    _replace, _replace, _other_number, _other_number, vary, vary, _delete, _again, _rename, _swap, _alias, _insert,
)  # fmt: skip


def damaged_yaml(text: str, random: Random) -> str:
    """The text of a YAML file with some of its nodes damaged."""
    tree = compose(text)
    for _ in range(random.choice((1, 1, 1, 1, 2, 2, 3, 5))):
        if not _slots(tree):
            break
        random.choice(DAMAGES)(tree, random)
    try:
        return yaml.serialize(tree, allow_unicode=True, width=120)
    except RecursionError:  # a node inside itself, by an alias of a parent
        return text


def varied_yaml(text: str, random: Random) -> str:
    """The text of a YAML file with some of its numbers changed a little."""
    tree = compose(text)
    for _ in range(random.randint(1, 6)):
        vary(tree, random)
    return yaml.serialize(tree, allow_unicode=True, width=120)


# ---- trees of JSON values

THINGS: tuple[Any, ...] = (
    0, 1, -1, 0.5, -0.0, 1e-12, 1e12, 1e308, -1e308, 1e-320, 1e22, 10**40, math.nan, math.inf, -math.inf, True, False,
    None, "", "x", "mu", "ü∞", "\0", "lumi", "x" * 5000, [], [1], [1.0, 2.0], [[1, 2], [3, 4]], [None], {}, {"a": 1},
    {"name": "x"}, {"hi": 1.1, "lo": 0.9}, {"hi_data": [1, 2], "lo_data": [1, 2]},
)  # fmt: skip


def _entries(tree: Any) -> list[tuple[Any, Any]]:
    """Every entry below a JSON value: (object or array, key or position)."""
    found, left = [], [tree]
    while left:
        parent = left.pop()
        keys = list(parent) if isinstance(parent, dict) else range(len(parent)) if isinstance(parent, list) else ()
        for key in keys:
            found.append((parent, key))
            left.append(parent[key])
    return found


def damaged_json(content: Any, random: Random) -> Any:
    """A copy of a JSON value with some of its entries replaced, gone, doubled, renamed or swapped."""
    tree = copy.deepcopy(content)
    for _ in range(random.choice((1, 1, 1, 1, 2, 2, 3, 5))):
        if not (entries := _entries(tree)):
            break
        (parent, key), (other, at) = random.choice(entries), random.choice(entries)
        numbers = [(p, k) for p, k in entries if isinstance(p[k], (int, float)) and not isinstance(p[k], bool)]
        kind = random.randint(0, 8)
        if kind <= 1:
            parent[key] = copy.deepcopy(random.choice(THINGS))
        elif kind <= 3 and numbers:
            parent, key = random.choice(numbers)
            near = parent[key] * random.choice((0.5, 0.9, 1.1, 2.0, 0.0, -1.0))
            parent[key] = random.choice((near, near, near, *THINGS[:17]))
        elif kind == 4:
            del parent[key]
        elif kind == 5 and isinstance(parent, list):
            parent.insert(random.randint(0, len(parent)), copy.deepcopy(parent[key]))
        elif kind == 6 and isinstance(parent, dict):
            keys = [k for p, k in entries if isinstance(p, dict)]
            parent[random.choice((*keys, "x", ""))] = parent.pop(key)
        elif kind == 7:
            parent[key] = copy.deepcopy(other[at])
        else:
            first, second = copy.deepcopy(parent[key]), copy.deepcopy(other[at])
            parent[key], other[at] = second, first
    return tree


# ---- bytes and tables


def damaged_text(text: str, random: Random) -> bytes:
    """The bytes of a file cut, overwritten, or with lines and symbols gone, doubled or added."""
    data = text.encode()
    for _ in range(random.choice((1, 1, 2, 4))):
        at = random.randint(0, len(data))
        kind = random.randint(0, 6)
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            data = data[:at] + bytes(random.randint(0, 255) for _ in range(random.randint(1, 4))) + data[at:]
        elif kind == 2:
            data = data[:at] + random.choice(SYMBOLS).encode() + data[at:]
        elif kind == 3:
            data = data[:at] + data[at + random.randint(1, 20) :]
        elif kind == 4:
            data = random.choice(("\ufeff".encode(), b"\xff\xfe", b"\t", b"%YAML 1.1\n---\n", b"# x\n")) + data
        else:
            lines = data.split(b"\n")
            i, j = random.randrange(len(lines)), random.randrange(len(lines))
            line = lines.pop(i) if kind == 5 else lines[i]
            number = random.choice(NUMBERS).encode()
            lines.insert(j, random.choice((line, b"  " + line, b"\t" + line, line.strip(), number)))
            data = b"\n".join(lines)
    return data


def changed_cells(text: str, random: Random) -> str:
    """The text of a CSV file with some of its cells replaced."""
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(random.choice((1, 1, 2))):
        row = random.choice(rows)
        row[random.randrange(len(row))] = random.choice(CELLS)
    return "\n".join(",".join(row) for row in rows) + "\n"


def pick(random: Random, *weighted: tuple[int, Any]) -> Any:
    """One of several things, by weight."""
    return random.choices([thing for _, thing in weighted], [weight for weight, _ in weighted])[0]
