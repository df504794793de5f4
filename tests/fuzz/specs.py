"""Cases of likelihood files: small valid ones, varied, damaged or cut, loaded and asked everything.

The outcome of a case is a word: "refused" where a typed error names the file, otherwise how far the answers went, all
of them checked. What is neither raises AssertionError, or whatever the package raised.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import npinfer
from npinfer.errors import NpinferError
from npinfer.inference.fit_options import FitOptions
from npinfer.likelihood.catalogue import describe_spec
from npinfer.likelihood.cells import Cells
from npinfer.likelihood.contract import Contracted

from .mutate import changed_cells, damaged_text, damaged_yaml, pick, varied_yaml, watched
from .reference import density

BASES = Path(__file__).parent / "bases"
FAMILY = {"child": ("gammas",), "pair": ("counting", "gammas"), "blocks": ("counting", "shapes")}
FOLDER = Path(npinfer.__file__).parents[1] / "likelihoods"
SHIPPED = {p.stem: p for p in sorted(FOLDER.glob("*.yaml")) if p.stem != "parameters"}
MODES = ("npinfer", "exact", "frozen")
NAMES = ("counting", "shapes", "gammas", "effective", "tables", "measured", "child", "pair", "blocks")


def write_case(folder: Path, random: Random, shipped: bool = False) -> Path:
    """Write the files of a case, one of them damaged or varied; gives the file to load."""
    name = random.choice([*SHIPPED]) if shipped else pick(random, *((2 if n in FAMILY else 3, n) for n in NAMES))
    paths = [SHIPPED[name]] if shipped else [BASES / f"{n}.yaml" for n in (name, *FAMILY.get(name, ()))]
    files = {p.stem: p.read_text(encoding="utf-8") for p in paths}
    tables = {p.name: p.read_text(encoding="utf-8") for p in (BASES / "tables").iterdir()} if name == "tables" else {}
    victim = random.choice(list(files))
    if tables and random.random() < 0.5:
        victim = random.choice(list(tables))
        change = pick(random, (3, changed_cells), (1, damaged_text))
        tables[victim] = change(tables[victim], random)
    else:
        change = pick(random, (4, damaged_yaml), (4, varied_yaml), (2, damaged_text))
        files[victim] = change(files[victim], random)
    whole = {f"{n}.yaml": t for n, t in files.items()} | {f"tables/{n}": t for n, t in tables.items()}
    for n, text in whole.items():
        path = folder / n
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / f"{name}.yaml"


def run_case(folder: Path, random: Random, shipped: bool = False) -> str:
    """Write a case into a folder of its own and ask everything of it; gives the outcome."""
    path = write_case(folder, random, shipped)
    with watched():
        try:
            likelihood = npinfer.load(path)
        except NpinferError as error:
            said = str(error)
            assert str(folder) in said or str(folder.resolve()) in said, f"the file is not named: {said}"
            given = "".join(p.read_text(errors="replace") for p in folder.rglob("*.*")).lower()
            odd = {word for word in ("nan", "inf") if word in re.findall(r"\w+", said) and word not in given}
            assert not odd, f"{odd} is said: {said}"
            return f"refused: {type(error).__name__}"
        return ask(likelihood, random, folder)


def ask(likelihood: Any, random: Random, folder: Path) -> str:
    """Everything that a likelihood answers, with what it saves in `folder`; gives how far it went."""
    assert all(str(table) for table in npinfer.describe(likelihood))
    points = allowed_points(likelihood, random)
    check_density(likelihood, points)
    words = [check_numbers(likelihood, points), check_toys(likelihood, random), check_fit(likelihood, folder)]
    words.append(check_export(likelihood, random.choice(MODES), folder) if random.random() < 0.3 else "")
    return "right" + "".join(f", {word}" for word in words if word)


def allowed_points(likelihood: Any, random: Random, number: int = 4) -> np.ndarray:
    """The start values, and points inside bounds and simplexes, often on a bound."""
    p, rows = likelihood.parameters, []
    for _ in range(number):
        row = []
        for q in p:
            low = q.bounds[0] if math.isfinite(q.bounds[0]) else q.init - 10.0 ** random.randint(-2, 5)
            high = q.bounds[1] if math.isfinite(q.bounds[1]) else q.init + 10.0 ** random.randint(-2, 5)
            share = random.random()
            row.append(pick(random, (1, low), (1, high), (2, q.init), (4, (1 - share) * low + share * high)))
        rows.append(row)
    points = np.array(rows, dtype=float).reshape(number, len(p))
    return np.vstack([p.init, p.shrink(points, np.ones(len(p), dtype=bool))])


def check_density(likelihood: Any, points: np.ndarray) -> None:
    """Never NaN, the same alone and in a batch and by terms, with a finite gradient where it is finite."""
    together = likelihood.logpdf(points)
    assert (together < np.inf).all(), f"logpdf {together}"
    values, gradients = likelihood.value_grad(points)
    finite = np.isfinite(together)
    assert np.isfinite(gradients[finite]).all(), f"gradient {gradients[finite]} at {points[finite]}"
    size = sizes(likelihood, points)
    close(values, together, size, "value_grad and logpdf")
    close(np.sum(list(likelihood.logpdf_terms(points).values()), axis=0), together, size, "terms and logpdf")
    alone, rates = np.array([likelihood.logpdf(point) for point in points]), np.abs(likelihood.rates(points))
    sharp = ((rates == 0) | (rates > 1e-14 * (1.0 + rates.max()))).all(axis=1)  # no bin that rounding empties
    close(alone[sharp], together[sharp], size[sharp], "alone and in a batch")
    assert not np.isnan(likelihood.logprior(points)).any()
    assert np.isfinite(likelihood.fisher(points[:1])).all() or not finite[0]
    derived = likelihood.derived(points)
    assert not any(np.isnan(v).any() for v in derived.values()), f"derived {derived}"


def sizes(likelihood: Any, points: np.ndarray) -> np.ndarray:
    """Of the terms that ln density is the sum of, of which rounding leaves a share: the largest of all points.

    Contracted counts are evaluated in several ways, which agree to 1e-10 and better.
    """
    sources = [s.source for g in likelihood.model.groups for s in g.samples if hasattr(s, "source")]
    exact = 1e3 if any(isinstance(s, Contracted) for s in sources) else 1.0
    size = 1.0 + np.abs(likelihood.rates(points)).sum(axis=1).max() + abs(float(likelihood.pack(None).constant[0]))
    shifts = [g.shifts.both for g in likelihood.model.groups if isinstance(g, Cells)]  # they cancel in part
    size += 1e-3 * sum(float(np.abs(both).max(initial=0.0)) for both in shifts)
    return np.full(len(points), exact * size)


def close(found: np.ndarray, expected: np.ndarray, size: np.ndarray, what: str) -> None:
    """Equal to rounding of the terms, whose `size` this is."""
    with np.errstate(invalid="ignore"):
        good = (found == expected) | (np.abs(found - expected) <= 1e-12 * (size + np.abs(expected)))
    assert good.all(), f"{what}: {found} for {expected}"


def check_numbers(likelihood: Any, points: np.ndarray) -> str:
    """Against the plainest code, and against pyhf's densities; "by name" of those that had an answer."""
    words = []
    if likelihood.description.source.endswith(".yaml") and not hasattr(likelihood, "members"):
        spec = describe_spec(likelihood.description.source)
        names = [n.removeprefix(f"{likelihood.name}.") for n in likelihood.parameters.names]
        for point in points:
            found = density(spec, dict(zip(names, point.tolist(), strict=True)))
            if found is not None:
                given = likelihood.logpdf(point)
                tolerance = 1e-8 + 1e-9 * found[1]
                assert given == found[0] or abs(given - found[0]) <= tolerance, f"{given} for {found[0]} at {point}"
                words = ["plain"]
    at_start = likelihood.logpdf(points[0])
    if all(c.statistic == "poisson" for c in likelihood.channels) and math.isfinite(at_start):
        from npinfer.likelihood.pyhf_model import pyhf_data

        (size,) = sizes(likelihood, points[:1])
        (there,) = np.asarray(likelihood.pyhf_model().logpdf(points[0], pyhf_data(likelihood)))
        close = abs(there - at_start) <= 1e-8 + 1e-12 * (size + abs(there))
        assert not math.isfinite(there) or close, f"pyhf {there} for {at_start}"
        words.append("pyhf")
    return " ".join(words)


def check_toys(likelihood: Any, random: Random) -> str:
    """A toy of the start values: whole counts, and a density that is a number."""
    try:
        toy = likelihood.toy({}, np.random.default_rng(random.randint(0, 2**32)))
    except NpinferError:
        return "no toy"
    for counts in (toy.counts[c.name] for c in likelihood.channels if c.statistic != "normal"):
        assert ((counts >= 0) & (counts == np.rint(counts)) & np.isfinite(counts)).all(), f"toy {counts}"
    assert not math.isnan(likelihood.logpdf({}, toy))
    return ""


def check_fit(likelihood: Any, folder: Path) -> str:
    """The best fit lies inside, is no worse than the start, and its height is the density there."""
    try:
        result = npinfer.fit(likelihood, options=FitOptions(starts=False))
    except NpinferError:
        return "no fit"
    p = likelihood.parameters
    point = np.array([result.values[n] for n in p.names])
    slack = 1e-12 * np.maximum(1.0, np.abs(point))
    assert ((point >= p.lower - slack) & (point <= p.upper + slack)).all(), f"outside: {result.values}"
    point = np.clip(point, p.lower, p.upper)
    height, start = -2 * likelihood.logpdf(np.array([point, p.init]))
    rounding = 1e-6 + 1e-12 * sizes(likelihood, np.array([point, p.init])).sum()
    assert abs(height - result.twice_nll) <= rounding, f"{result.twice_nll} for {height}"
    assert result.twice_nll <= start + rounding, f"{result.twice_nll} above the start's {start}"
    path = result.save(folder / "saved.json")
    assert str(npinfer.load_result(path).table()) == str(result.table())
    return "" if result.valid else "not converged"


def check_export(likelihood: Any, mode: str, folder: Path) -> str:
    """What is exported has the same density when it is loaded again."""
    try:
        made = npinfer.export(likelihood, mode=mode)
    except NpinferError:
        return ""
    again = npinfer.load(made.save(folder / "exported.json"))
    there, here = again.logpdf(again.parameters.init), likelihood.logpdf(made.point)
    size = sizes(likelihood, likelihood.parameters.init[None])[0]
    close = there == here or abs(there - here) <= 1e-8 + 1e-12 * (size + abs(here))
    assert close, f"{there} exported ({mode}), {here} here"
    return f"exported {mode}"
