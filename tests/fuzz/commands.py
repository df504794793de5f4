"""Cases of command lines: every command with random options, good and bad, on small likelihoods.

The outcome of a case is the exit code with the command. What ends otherwise than a user is promised (one line on
stderr, code 0, 2 or 130, a number where a number is said) raises AssertionError.
"""

from __future__ import annotations

import atexit
import io
import json
import re
import shutil
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from importlib import import_module
from pathlib import Path
from random import Random
from tempfile import mkdtemp

import click

from npinfer.cli.main import COMMANDS, run
from npinfer.core.result import load_result

from .mutate import changed_cells, damaged_json, damaged_text, damaged_yaml, pick, watched
from .specs import BASES
from .workspaces import workspace

LIKELIHOODS = ("counting", "gammas", "shapes", "effective", "pair", "blocks")
COUNTS = "# made up\nchannel,counts\nonly,7\n"
JUNK = ("", "x", "-", "--", "=", ":", "--nonsense", "-x", "nan", "inf", "-1", "1e309", "ü∞", "x" * 3000, "*", "\n", "0")
NUMBERS = ("0", "1", "0.5", "2", "1/6", "1e-3", "-1", "nan", "inf", "1/0", "1e309", "x", "", "1e-300", "1e300", "10")
GOOD = ("0.5", "1", "2", "1.5", "0.9", "1/3")
NAMES = ("mu", "level", "efficiency", "mc_a_0", "counting.mu", "lumi", "rate", "f_nuebar", "nothing", "", "coupling")
LEVELS = ("0.68", "0.9", "0.95", "0.5", "0", "1", "-1", "nan", "x", "0.9999999999999999", "1e-9", "2", "")
GRIDS = (
    "0:2:3", "0:3:4", "0.5:2:3:log", "1:2:2", "0:2:1", "0:2:x", "2:0:3", "0:2:3:lin", "nan:1:3", "-5:50:3", "0:2",
    "0:1e308:3", "0:2:1000000000", "0:2:3:log", "1e-300:1:3:log", "",
)  # fmt: skip
PATHS = (
    "out", "new/er", "counts.csv", "counts.csv/x", ".", "/dev/full", "/proc/x/y", "", "results", "é" * 200,
    "out/fit.json",
)  # fmt: skip
NUMBER_OF = {  # options that cost time, with values that do not
    "n_toys": ("1", "20", "25", "30"), "n_steps": ("20", "40", "7"), "n_walkers": ("8", "10", "20"),
    "n_replicas": ("1", "2"),
}  # fmt: skip
OWN_TRUTH = ("toys", "significance", "coverage", "export")  # commands whose --at is not of Asimov data
SILLY = ("0", "-1", "3", "x", "1.5", "", "1e3", "nan")


@cache
def parameters(command: str) -> tuple[click.Parameter, ...]:
    return tuple(import_module(f"npinfer.cli.{command}").command.params)


# ---- command lines


def line(random: Random, *, slow: bool = True) -> list[str]:
    """The words of a command line; not `slow`: without plots and workers."""
    command = random.choice([*COMMANDS])
    words = [command]
    good = random.random() < 0.6
    for parameter in parameters(command):
        if isinstance(parameter, click.Argument):
            words += _arguments(parameter, random, good)
        elif parameter.name in NUMBER_OF or random.random() < _wanted(parameter.name or "", slow, good):
            words += _option(parameter, random, good)
    if good and "--at" in words and command not in OWN_TRUTH:
        words = [w for w in words if w not in ("--data", "counts.csv")] + ["--asimov"]
    if random.random() < 0.15:
        _spoil(words, random)
    return words


def _wanted(name: str, slow: bool, good: bool) -> float:
    """How often an option is given."""
    if name in ("out", "executor"):
        return 0.12 if slow else 0.0
    if good and name in ("drop", "plugin", "data_file", "calibration", "asimov"):
        return 0.03
    often = {"models": 1.0, "at": 0.35, "asimov": 0.25, "help": 0.01, "verbose": 0.03, "over": 0.1}
    return often.get(name, 0.2)


def _arguments(argument: click.Parameter, random: Random, good: bool) -> list[str]:
    if argument.name == "grid":
        number = random.choice((1, 2, 2)) if argument.nargs == -1 else 1
        names = [pick(random, (9, "mu"), (3, "level"), (1, random.choice(NAMES))) for _ in range(number)]
        names = ["mu", "level"][:number] if good else names
        return [f"{n}={random.choice(GRIDS[:4] if good else GRIDS)}" for n in names]
    if argument.name == "folder":
        return [pick(random, (8, "results"), (1, "out"), (1, random.choice(PATHS)))]
    known = pick(random, (9, "counting.yaml"), (1, "ws.json"), *((1, f"{n}.yaml") for n in LIKELIHOODS))
    others = ("missing.yaml", "counts.csv", "results", ".", "icecube_hes", "broken.yaml", "broken.json", "")
    return [known if good else pick(random, (6, known), (2, random.choice(others)), (1, "broken.yaml"))]


def _option(option: click.Parameter, random: Random, good: bool) -> list[str]:
    name, flag = option.name or "", random.choice(option.opts + option.secondary_opts)
    if getattr(option, "is_flag", False):
        return [flag]
    if isinstance(option.type, click.Choice):
        choices = [c for c in map(str, option.type.choices) if c != "bayes"]  # which samples: seconds
        return [flag, random.choice([*choices, *(() if good else JUNK)])]
    if name == "models":
        names, values = (NAMES[:1], GOOD) if good else (NAMES, NUMBERS)
        made = [f"{m}:{random.choice(names)}={random.choice(values)}" for m in "ab"]
        return [w for m in made for w in ("--model", m if good or random.random() < 0.8 else random.choice(JUNK))]
    value = _value(name, random, good)
    return [f"{flag}={value}"] if name == "asimov" else [flag, value]


def _value(name: str, random: Random, good: bool) -> str:
    """A value of an option by its name."""
    if name in NUMBER_OF:
        return random.choice(NUMBER_OF[name] if good or random.random() < 0.6 else SILLY)
    if not good and random.random() < 0.15:
        return random.choice(JUNK)
    pair = f"{random.choice(NAMES[:2] if good else NAMES)}={random.choice(GOOD if good else NUMBERS)}"
    values: dict[str, tuple[str, ...]] = {
        "configuration": ("exposure=2",) if good else ("exposure=0", "exposure=x", "mode=fancy", "mode=x", "x=1"),
        "plugin": ("json",) if good else ("nothing", "x.py", "broken_plugin", "a b", "os.path"),
        "drop": ("counting",) if good else ("counting", "gammas", "x"),
        "asimov": ("",) if good else ("", "counting", "x"),
        "at": (pair,), "fix": (pair,), "init": (pair,),
        "data_file": ("counts.csv",) if good else ("counts.csv", "broken.csv", "missing.csv", "results"),
        "calibration": ("calibrate.json",) if good else ("broken_calibrate.json", "missing.json", "counting.yaml"),
        "json_file": ("out.json",) if good else PATHS, "out": ("out",) if good else PATHS,
        "executor": ("serial",) if good else ("serial", "serial:2", "threads", "processes:0", "processes:x", "dask"),
        "seed": ("0", "1", "12345") if good else ("-1", "x", "1e3", "99999999999999999999999"),
        "poi": NAMES[:2] if good else NAMES, "minos": NAMES[:2] if good else NAMES,
        "cl": LEVELS[:4] if good else LEVELS, "null": ("0", "0.5") if good else NUMBERS,
        "over": ("exposure=0.5:2:3",) if good else ("exposure=0:2:3", "x=0:1:2", "mode=1:2:2", "exposure=1:2:2:log"),
    }  # fmt: skip
    return random.choice(values.get(name, GOOD if good else JUNK))


def _spoil(words: list[str], random: Random) -> None:
    """A word gone, doubled, moved, cut, or one too many."""
    at, kind = random.randrange(len(words)), random.randint(0, 4)
    if kind == 0:
        del words[at]
    elif kind == 1:
        words.insert(at, words[at])
    elif kind == 2:
        words.insert(random.randint(0, len(words)), random.choice(JUNK))
    elif kind == 3:
        words.insert(random.randrange(len(words)), words.pop(at))
    else:
        words[at] = words[at][:-1]


# ---- their folder


@cache
def _results() -> Path:
    """A folder with results and a calibration, made once by the commands themselves."""
    folder = Path(mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in LIKELIHOODS:
        shutil.copy(BASES / f"{name}.yaml", folder)
    (folder / "ws.json").write_text(json.dumps(workspace(Random(4))), encoding="utf-8")
    (folder / "counts.csv").write_text(COUNTS, encoding="utf-8")
    (folder / "broken_plugin.py").write_text("1 / 0\n", encoding="utf-8")
    numbers = "--n-steps 60 --n-replicas 2 --n-walkers 8"
    commands = [
        "fit counting.yaml",
        "interval counting.yaml",
        "profile counting.yaml mu=0:3:4",
        "gof counting.yaml --n-toys 20",
        "limit counting.yaml",
        "significance counting.yaml --n-toys 20",
        "impacts counting.yaml",
        f"sample counting.yaml {numbers}",
        "compare counting.yaml --model a:mu=0 --model b:mu=1 --n-toys 20",
        "contour counting.yaml mu=0:3:4 level=0.5:1.5:4",
        "calibrate counting.yaml mu=0:3:3 --n-toys 20",
        "toys counting.yaml --n-toys 20",
        "validate counting.yaml",
        "coverage counting.yaml --at mu=1 --n-toys 20",
        "exclusion counting.yaml mu=0:3:4",
    ]
    with chdir(folder):
        for command in commands:
            code, _, err = _run([*command.split(), "--json", f"results/{command.split()[0]}.json", "--quiet"])
            assert (code, err) == (0, ""), err
    shutil.copy(folder / "results" / "calibrate.json", folder)
    return folder


def prepare(folder: Path, random: Random, words: list[str]) -> None:
    """The files that the words may name, those called broken damaged."""
    shutil.copytree(_results(), folder, dirs_exist_ok=True)
    change = random.choice((damaged_yaml, damaged_text))
    _write(folder / "broken.yaml", change((BASES / "counting.yaml").read_text(encoding="utf-8"), random))
    change = random.choice((changed_cells, damaged_text))
    _write(folder / "broken.csv", change(COUNTS, random))
    for path, victim in (("calibrate.json", "broken_calibrate.json"), ("counts.csv", "broken.json")):
        _write(folder / victim, _broken_json(folder / path, random))
    if words[:1] == ["report"] and random.random() < 0.8:
        for _ in range(random.choice((1, 1, 2))):
            path = random.choice(sorted((folder / "results").glob("*.json")))
            _write(path, _broken_json(path, random))


def _broken_json(path: Path, random: Random) -> bytes | str:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".json" or random.random() < 0.3:
        return damaged_text(text, random)
    return json.dumps(damaged_json(json.loads(text), random))


def _write(path: Path, text: bytes | str) -> None:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


# ---- running them


def _run(words: list[str]) -> tuple[int, str, str]:
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(words)
    return code, out.buffer.getvalue().decode(), err.getvalue()  # type: ignore[attr-defined]


def run_case(folder: Path, random: Random, *, slow: bool = True) -> str:
    """Run a random command in a folder of its own; gives the outcome."""
    words = line(random, slow=slow)
    prepare(folder, random, words)
    (folder / "line.txt").write_text(" ".join(map(repr, words)), encoding="utf-8")
    path = list(sys.path)
    try:
        with chdir(folder), watched():
            code, out, err = _run(words)
            check(words, code, out, err)
    finally:
        sys.path[:] = path  # --plugin adds the folder
    return f"{code}  {words[0] if words and words[0] in COMMANDS else 'no command'}"


def check(words: list[str], code: int, out: str, err: str) -> None:
    """How a command may end."""
    said = f"{' '.join(words)}\n{code}\n{out[-1500:]}\n{err[-3000:]}"
    assert "unexpected " not in err.replace("Got unexpected extra argument", ""), said
    if "--verbose" not in words:
        assert "Traceback" not in err, said
        assert err.count("\n") == (code in (2, 130)), said
        assert err.startswith("npinfer") or not err, said
    assert code in (0, 2, 130) or (code == 1 and "validate" in words), said
    assert code != 2 or out == "", said
    if code == 0 and not any(re.search(r"nan|inf", w.lower()) for w in words):
        assert not re.search(r"\bnan\b", out), said
    if code == 0 and "--json" in words and "export" not in words:
        path = Path(words[len(words) - words[::-1].index("--json")])
        assert not path.is_file() or str(load_result(path).table())
