"""export: a likelihood as a pyhf workspace that has the same density, or as npinfer's own JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyhf

from npinfer.core.files import write_file
from npinfer.core.provenance import Description
from npinfer.core.table import Table
from npinfer.errors import ConfigurationError, InferenceError, refuse_name, unknown
from npinfer.likelihood.saved import from_saved, saved, saved_table
from npinfer.likelihood.standard import Standard, standard
from npinfer.likelihood.translation import Translation, translate

if TYPE_CHECKING:
    from npinfer.likelihood.binned import BinnedLikelihood

MODES = ("exact", "frozen", "npinfer")
CLOSE = 1e-9  # relative difference of ln density that a workspace may have
POINTS = 5  # random ones at which it is compared, besides the start values


@dataclass(frozen=True)
class Export:
    """A likelihood in a form that others read.

    workspace: the content of the file. point: {parameter: value} where it starts, and where what is frozen is held.
    parameters: {name: (name in the workspace, offset, scale)} of those that live on: ours are offset + scale · theirs.
    frozen: {name: why} of the others. data: their kind. closure: the largest relative difference of ln density.
    constant: the modifier that varies nothing and carries a constant of ln density, "" where none is needed.
    """

    description: Description
    mode: str
    workspace: Mapping[str, Any]
    point: Mapping[str, float]
    parameters: Mapping[str, tuple[str, float, float]]
    frozen: Mapping[str, str]
    data: str
    closure: float
    constant: str = ""

    def save(self, path: str | Path) -> Path:
        """Write the JSON in one step; raises OutputError."""
        text = json.dumps(self.workspace, indent=1, allow_nan=False, ensure_ascii=False)
        return write_file(Path(path), text + "\n")

    def describe(self) -> str:
        """One line: what was made, and how far its density is the likelihood's."""
        name, agrees = self.description.name, f"to {self.closure:.1g}" if self.closure else "exactly"
        if self.mode == "npinfer":
            return f"{name} as npinfer's own JSON ({self.data} data), built again from it: ln density agrees {agrees}"
        channels = self.workspace["channels"]
        samples = {s["name"] for c in channels for s in c["samples"]}
        sizes = [len(c["samples"][0]["data"]) for c in channels]
        return (
            f"{name} as a pyhf workspace ({self.mode}, {self.data} data): {_plural(len(sizes), 'channel')}, "
            f"{_plural(len(samples), 'sample')}, {_plural(sum(sizes), 'bin')}; {len(self.parameters)} of "
            f"{_plural(len(self.point), 'parameter')} live on; "
            f"ln density agrees with pyhf {pyhf.__version__} {agrees}"
        )

    def table(self) -> Table:
        """What became of each parameter."""
        if self.mode == "npinfer":
            return saved_table(self.workspace, (self.describe(), self.description.small_print()))
        config = self.workspace["measurements"][0]["config"]
        held = {p["name"] for p in config["parameters"] if p.get("fixed")}
        rows = []
        for name, value in self.point.items():
            theirs, offset, scale = self.parameters.get(name, ("", 0.0, 1.0))
            state = "frozen" if name in self.frozen else "fixed" if theirs.partition("[")[0] in held else "lives on"
            rows.append((name, value, state, _formula(theirs, offset, scale), self.frozen.get(name, "")))
        title = f"{self.description.title}: pyhf workspace, mode {self.mode}"
        columns = ("parameter", "value", "state", "in the workspace", "frozen because")
        return Table(title, columns, tuple(rows), (*self._notes(config["poi"]), self.description.small_print()))

    def _notes(self, poi: str) -> tuple[str, ...]:
        carried = f"{self.constant} is held at 1 and varies nothing: its constraint carries a constant of ln density"
        chosen = poi or "none that lives on (poi is empty)"
        return (
            self.describe(),
            *([carried] if self.constant else []),
            f"parameter of interest: {chosen}",
        )


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _formula(name: str, offset: float, scale: float) -> str:
    if (offset, scale) == (0, 1):
        return name
    return f"{offset:g} + {scale:g} · {name}" if offset else f"{scale:g} · {name}"


def export(likelihood: BinnedLikelihood, *, mode: str = "exact", at: Mapping[str, float] | None = None) -> Export:
    """A likelihood as a pyhf workspace, or as npinfer's own JSON.

    mode "exact": every sample in HistFactory's own modifiers, or InferenceError. "frozen": what has none, such as the
    physics of a generator, is held at the point `at` (the start values where it has none). "npinfer": the file,
    configuration and data, for `load`. The density is compared with pyhf's, and nothing is returned if they differ.

    >>> from npinfer import load
    >>> made = export(load("icecube_hese"), mode="frozen", at={"astro_gamma": 2.5})
    >>> made.parameters["icecube_hese.conv_norm"]
    ('conv_norm', 1.0, 0.4)
    """
    refuse_name(likelihood)
    if mode not in MODES:
        raise ConfigurationError(unknown("mode", mode, MODES, "export"))
    if at and mode != "frozen":
        raise ConfigurationError(f"at is the point of mode 'frozen'; mode {mode!r} freezes nothing: drop one of them")
    if len(likelihood.pack()) > 1:
        raise InferenceError(f"{likelihood.name}: its data are {len(likelihood.pack())} sets; export it with one")
    if mode == "npinfer":
        return _own(likelihood)
    _check_poisson(likelihood)
    point = likelihood.parameters.vector(at)
    found = standard(likelihood, point)
    if mode == "exact" and found.frozen:
        _refuse(likelihood, found)
    made = translate(likelihood, found, point)
    names = likelihood.parameters.names
    return Export(
        likelihood.description,
        mode,
        made.workspace,
        dict(zip(names, point.tolist(), strict=True)),
        {names[i]: made.names[i] for i in sorted(made.names)},
        {names[i]: found.frozen[i] for i in sorted(found.frozen)},
        likelihood.data.kind,
        _closure(likelihood, made, point),
        made.constant,
    )


def _own(likelihood: BinnedLikelihood) -> Export:
    content = saved(likelihood)
    point = likelihood.parameters.init
    ours, theirs = float(likelihood.logpdf(point)), float(from_saved(content, likelihood.name).logpdf(point))
    closure = _difference(ours, theirs, likelihood.name)
    values = dict(zip(likelihood.parameters.names, point.tolist(), strict=True))
    return Export(likelihood.description, "npinfer", content, values, {}, {}, likelihood.data.kind, closure)


def _check_poisson(likelihood: BinnedLikelihood) -> None:
    for c in likelihood.channels:
        if c.statistic != "poisson":
            raise InferenceError(
                f"{likelihood.name}: channel {c.name!r} has the statistic {c.statistic}, and a workspace has Poisson "
                "counts only; mode 'npinfer' keeps it: npinfer's own JSON"
            )


def _refuse(likelihood: BinnedLikelihood, found: Standard) -> None:
    first = min(found.frozen)
    others = len(found.frozen) - 1
    more = f" ({_plural(others, 'more parameter')} cannot either)" if others else ""
    raise InferenceError(
        f"{likelihood.name}: parameter {likelihood.parameters.names[first]!r} cannot live in a workspace: "
        f"{found.frozen[first]}{more}; mode 'frozen' holds what cannot, at a point"
    )


# ---- the same density


@contextmanager
def _numpy() -> Iterator[None]:
    """pyhf with numbers of 64 bits by numpy, whatever its back end, which is global, was before."""
    before = pyhf.get_backend()
    if (before[0].name, before[0].precision) != ("numpy", "64b"):
        pyhf.set_backend("numpy", precision="64b")
    try:
        yield
    finally:
        if pyhf.get_backend() is not before:
            pyhf.set_backend(*before)


def _closure(likelihood: BinnedLikelihood, made: Translation, point: np.ndarray) -> float:
    """The largest relative difference of ln density; raises InferenceError where it is not rounding."""
    if not np.isfinite(likelihood.logpdf(point)):
        raise InferenceError(
            f"{likelihood.name}: its data are impossible where the workspace starts, so that no density can be "
            "compared; choose other start values, or another point"
        )
    with _numpy():
        workspace = pyhf.Workspace(dict(made.workspace))
        model = workspace.model(validate=False)  # the schema was checked just now
        data = workspace.data(model)
        places = {name: i for i, name in enumerate(model.config.par_names)}
        theirs = np.array(model.config.suggested_init(), dtype=float)
        _check_fixed(likelihood, made, dict(zip(places, model.config.suggested_fixed(), strict=True)))
        worst = 0.0
        for values in _points(likelihood, sorted(made.names), point):
            for i, (name, offset, scale) in made.names.items():
                theirs[places[name]] = (values[i] - offset) / scale
            found = float(np.asarray(model.logpdf(theirs, data)).item())
            worst = max(worst, _difference(float(likelihood.logpdf(values)), found, likelihood.name))
    return worst


def _difference(ours: float, theirs: float, name: str) -> float:
    """Relative difference of two ln densities; raises InferenceError beyond CLOSE."""
    difference = abs(ours - theirs) / max(abs(ours), 1.0)
    if not difference <= CLOSE:
        raise InferenceError(
            f"{name}: what would be written has the ln density {theirs:.12g} where the likelihood has {ours:.12g}: "
            "it is not the same, and nothing is written"
        )
    return difference


def _check_fixed(likelihood: BinnedLikelihood, made: Translation, fixed: Mapping[str, bool]) -> None:
    """Raise InferenceError if pyhf would fit what is fixed, or hold what is free."""
    expected = {name: likelihood.parameters[i].fixed for i, (name, _, _) in made.names.items()}
    for name, holds in fixed.items():
        if holds != expected.get(name, True):
            raise InferenceError(
                f"{likelihood.name}: {name!r} would be {'fixed' if holds else 'free'} in pyhf, and is not: a workspace "
                "fixes all bins of a modifier, or those without uncertainty"
            )


def _points(likelihood: BinnedLikelihood, live: list[int], point: np.ndarray) -> Iterator[np.ndarray]:
    """`point`, and random ones within a standard deviation or 10 % of it, where the data are possible."""
    parameters, rng = likelihood.parameters, np.random.default_rng(0)
    width = np.zeros(len(point))
    for i in live:
        constraint = likelihood.constraints.single.get(parameters.names[i])
        own = min(constraint.width()) if constraint else 0.1 * abs(point[i])
        width[i] = own or 0.1 * parameters.width[i]
    yield point
    for _ in range(POINTS):
        values = np.clip(point + rng.uniform(-1, 1, len(point)) * width, parameters.lower, parameters.upper)
        while not np.isfinite(likelihood.logpdf(values)):
            values = 0.5 * (values + point)
        yield values
