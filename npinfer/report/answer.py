"""The first screen: the question, its answer in words and numbers, and how sure it is."""

from __future__ import annotations

import re

import numpy as np

from npinfer.core.result import (
    Comparison,
    Exclusion,
    FitResult,
    Interval,
    Limit,
    Quantity,
    Repeated,
    Result,
    Scan,
    Significance,
)
from npinfer.core.result.limit import say
from npinfer.report.blocks import Answer, Cell, Grid, Tile, cell
from npinfer.report.folder import Folder
from npinfer.report.marks import Marks, ends, height, place
from npinfer.report.text import Piece, listed, number, percent, readable, span, spoken, symbol, unit

QUESTIONS = {"f_nuebar": "Are astrophysical neutrinos made by pp or by pγ interactions?"}
NOTHING: tuple[Piece, ...] = (("text", "No interval, limit or comparison is saved here, so nothing is concluded."),)
BASIS = {
    "f_nuebar": "The two leave different fractions of electron antineutrinos at Earth. Only those make the "
    "Glashow resonance on electrons, at 6.3 PeV, so the highest energies tell the sources apart."
}
HOLDS = {"inside": "holds", "edge": "partly holds", "outside": "leaves out"}
STATED = (Limit, Exclusion, Significance)
CL = 0.95  # of what a comparison calls decided, as its verdict does
PLACES = {"inside": "inside", "edge": "partly inside", "outside": "outside"}


def answer(folder: Folder, marks: Marks) -> Answer:
    """What the results say."""
    quantity = interest(folder)
    comparison, interval = folder.first(Comparison), interval_of(folder, quantity)
    name = quantity.name if quantity else ""
    verdict = [*(_judged(comparison) if comparison else []), *_placed(interval, marks)]
    if not verdict and interval:
        verdict = [
            (
                ("text", f"{percent(interval.cl)} interval of "),
                *symbol(interval.quantity),
                ("text", f": {_segments(interval)}."),
            )
        ]
    known = quantity and (interval or profile_of(folder, quantity) or _in_fit(folder, quantity))
    tiles = [
        *([_value(folder, quantity, interval)] if quantity and known else []),
        *[_limited(folder, one) for one in folder.all(Limit) if one.quantity == quantity],
        *(_compared(comparison) if comparison else []),
    ]
    verdict += [(("text", f"{said}."),) for said in _stated(folder, quantity)]
    title = folder.saved[0].result.description.title
    return Answer(
        QUESTIONS.get(name, f"What do the data say about {readable(name)}?" if name else title),
        tuple(verdict) or (NOTHING,),
        tuple(tiles),
        _models(folder, quantity, interval, marks),
        BASIS.get(name, ""),
        _lead(comparison) if comparison else "",
    )


def interest(folder: Folder) -> Quantity | None:
    """The quantity the results are about: that of an interval or profile, of a limit, else f_nuebar of a fit."""
    interval, fit = folder.first(Interval), folder.first(FitResult)
    if interval:
        return interval.quantity
    for scan in folder.all(Scan):
        if len(scan.names) == 1:
            return scan.quantities.get(scan.names[0], Quantity(scan.names[0]))
    about = [s.result.quantity for s in folder.saved if isinstance(s.result, (*STATED, Repeated)) and s.result.quantity]
    if about:
        return about[0]
    known = fit and {**fit.derived, **fit.values}
    return fit.quantities.get("f_nuebar", Quantity("f_nuebar")) if fit and known and "f_nuebar" in known else None


def interval_of(folder: Folder, quantity: Quantity | None) -> Interval | None:
    """The first interval of a quantity."""
    return next((i for i in folder.all(Interval) if quantity and i.quantity.name == quantity.name), None)


def profile_of(folder: Folder, quantity: Quantity | None) -> Scan | None:
    """The first profile of a quantity alone."""
    return next((s for s in folder.all(Scan) if quantity and s.names == (quantity.name,)), None)


def _lead(comparison: Comparison) -> str:
    """Whether the data decide between the models: not where one lacks a p-value that is surely below 1 − CL."""
    best, size = comparison.best.name, 1.0 - CL
    others = [model.name for model in comparison.models if model.name != best]
    tails = {name: comparison.pair(name, best).p for name in others}
    if untold := [name for name, tail in tails.items() if tail is None]:
        return f"Not decided: {best} fits best, and without toys there is no p-value of {listed(untold)}."
    left = [name for name, tail in tails.items() if tail and tail.upper >= size]
    if left:
        return f"Not decided: {best} fits best, and {listed(left)} {_are(left)} not excluded at {percent(CL)}."
    own = [comparison.pair(best, name).p for name in others]
    if any(tail and tail.value < size for tail in own):
        return f"None of them: the data are unlikely under {listed([best, *others])} at {percent(CL)}."
    return f"{best}: {listed(others)} {_are(others)} disfavoured at {percent(CL)}."


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _judged(comparison: Comparison) -> list[tuple[Piece, ...]]:
    """The verdict of a comparison, a sentence for each model but the best."""
    sentences = re.split(rf"; (?={re.escape(comparison.best.name)} )", comparison.verdict())
    return [(("text", f"{sentence}."),) for sentence in sentences]


def _placed(interval: Interval | None, marks: Marks) -> list[tuple[Piece, ...]]:
    """Which models the interval holds."""
    if not interval or not (shown := marks.of(interval.quantity.name)):
        return []
    places = {name: place(mark, interval) for name, mark in shown.items()}
    if set(places.values()) == {"inside"}:
        lead, said = "Not decided by the", f" alone: {listed(list(places))} all lie inside it."
    else:
        held = {verb: [n for n, found in places.items() if found == where] for where, verb in HOLDS.items()}
        lead, said = "The", " " + "; ".join(f"{verb} {listed(names)}" for verb, names in held.items() if names) + "."
    level = ("text", f"{lead} {percent(interval.cl)} interval of ")
    return [(level, *symbol(interval.quantity), ("text", said))]


def _value(folder: Folder, quantity: Quantity, interval: Interval | None) -> Tile:
    """The best fit of the quantity with its interval, or what there is instead."""
    label = (*symbol(quantity), ("text", ", best fit"))
    scan, fit = profile_of(folder, quantity), folder.first(FitResult)
    if interval:
        held = [f"held: {', '.join(f'{k} = {number(v)}' for k, v in interval.fixed.items())}"] if interval.fixed else []
        lines = (f"{percent(interval.cl)} interval: {_segments(interval)}", interval.calibration, *held)
        return Tile(label, _with_unit(interval.best, quantity), (*lines, f"{interval.data_kind} data"))
    if scan:
        lines = ("no interval saved here", f"{scan.data_kind} data")
        return Tile(label, _with_unit(scan.best[quantity.name], quantity), lines)
    return _fitted(label, fit, quantity) if fit else Tile(label, "–")


def _in_fit(folder: Folder, quantity: Quantity) -> bool:
    fit = folder.first(FitResult)
    return bool(fit and quantity.name in {**fit.derived, **fit.values})


def _stated(folder: Folder, quantity: Quantity | None) -> list[str]:
    """What limits, exclusions and tests say of the quantity, then what was asked of it along a configuration."""
    single = [s.result for s in folder.saved if isinstance(s.result, STATED)]
    found = [f"{_whose(folder, r)}{r.describe()}" for r in single if r.quantity == quantity]
    along: dict[str, dict[str, str]] = {}
    for one in folder.all(Repeated):
        if quantity and one.quantity == quantity:
            along.setdefault(one.key, {}).setdefault(one.asked, _strongest(one))
    local = "drawn below; local: nothing corrects for the number of values"
    return found + [f"Along {readable(key)}: {listed(list(said.values()))} ({local})" for key, said in along.items()]


def _strongest(along: Repeated) -> str:
    """What was asked along a configuration, of limits the lowest."""
    observed = along.numbers(f"{along.quantity.name if along.quantity else ''} observed")
    if along.asked != "limit" or np.isnan(observed).all():
        return along.asked
    at = int(np.nanargmin(observed))
    place = f"{number(float(along.numbers(along.key)[at]), 3)} {unit(along.axis.unit)}".strip()
    return f"limit, at the lowest {number(float(observed[at]), 3)} at {place}"


def _whose(folder: Folder, result: Result) -> str:
    """The likelihood of a result, where it is not that of the page."""
    name = result.description.name
    return "" if name == folder.saved[0].result.description.name else f"{name}: "


def _limited(folder: Folder, limit: Limit) -> Tile:
    """The observed limit, what was expected and how it was calibrated."""
    label = (("text", f"{percent(limit.cl)} upper limit of "), *symbol(limit.quantity))
    expected = [f"expected: {say(limit.median)}"] if limit.median == limit.median else []
    value = say(limit.observed, limit.observed)
    shown = value if isinstance(value, str) else _with_unit(value, limit.quantity)
    kind = f"{_whose(folder, limit)}{limit.data_kind} data"
    return Tile(label, shown, (*expected, limit.calibration, kind))


def _fitted(label: tuple[Piece, ...], fit: FitResult, quantity: Quantity) -> Tile:
    name = quantity.name
    value = {**fit.derived, **fit.values}[name]
    error = {**fit.derived_errors, **fit.errors}[name]
    if name in fit.fixed:
        return Tile((*symbol(quantity), ("text", ", held")), _with_unit(value, quantity), ("not fitted",))
    sure = f"± {number(error, 2)}, one standard deviation from the covariance"
    lines = (sure if error == error else "no error: at a bound of the parameter", "not calibrated with toys")
    return Tile(label, _with_unit(value, quantity), (*lines, f"{fit.data_kind} data"))


def _segments(interval: Interval) -> str:
    said = []
    for piece in interval.segments:
        at = [end for end, held in (("lower", piece.lower_at_bound), ("upper", piece.upper_at_bound)) if held]
        bound = f" ({' and '.join(at)} end at the bound of the parameter)" if at else ""
        said.append(span(piece.lower, piece.upper, interval.quantity) + bound)
    return " and ".join(said) or "empty"


def _with_unit(value: float, quantity: Quantity) -> str:
    return f"{number(value, 3)} {unit(quantity.unit)}".strip()


def _compared(comparison: Comparison) -> list[Tile]:
    """For each model but the best: how much worse it fits, how often that happens, how well toys tell them apart."""
    best, tiles = comparison.best.name, []
    for model in comparison.models:
        if model.name == best:
            continue
        there, back = comparison.pair(model.name, best), comparison.pair(best, model.name)
        lines = [f"if {pair.tested} is true: {pair.p.describe()}" for pair in (there, back) if pair.p]
        lines += [] if there.p or back.p else ["no p-value: no toys"]
        if there.expected:
            lines.append(
                f"expected separation: {number(there.expected.z, 2)} σ ({model.name} in the median toy of {best})"
            )
        elif there.asimov_z == there.asimov_z:
            lines.append(f"expected separation: {number(there.asimov_z, 2)} σ (Asimov approximation, no toys)")
        label = (("text", f"Δ(−2 ln L), {model.name} against {best}"),)
        tiles.append(Tile(label, number(model.delta_twice_nll, 3), (*lines, f"{comparison.data_kind} data")))
    return tiles


def _models(folder: Folder, quantity: Quantity | None, interval: Interval | None, marks: Marks) -> Grid | None:
    """The models' predictions and where the data put them."""
    shown = marks.of(quantity.name) if quantity else {}
    if not quantity or not shown:
        return None
    scan = profile_of(folder, quantity)
    columns = ["model", "prediction"]
    columns += ["Δ(−2 ln L)"] if scan else []
    columns += [f"{percent(interval.cl)} interval"] if interval else []
    rows = []
    for name, mark in shown.items():
        value, low, high = ends(mark)
        said = number(value, 3) + (f" ({number(low, 3)} to {number(high, 3)})" if high > low else "")
        row: list[Cell] = [cell(name), cell(said)]
        row += [cell(round(height(mark, scan), 2))] if scan else []
        row += [cell(PLACES[place(mark, interval)])] if interval else []
        rows.append(tuple(row))
    notes = [f"Predictions: {marks.origin}."] if marks.origin else []
    notes += ["Δ(−2 ln L): height of the profile below at the prediction."] if scan else []
    return Grid(tuple(columns), tuple(rows), f"What models predict for {spoken(quantity)}", tuple(notes))
