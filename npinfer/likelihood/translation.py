"""Histograms and roles written as a pyhf workspace (JSON of HistFactory; JOSS 6 (2021) 2823).

What pyhf reads of a parameter from the measurement: inits, bounds and fixed of all; auxdata of constrained ones; sigmas
of lumi and staterror; factors of shapesys. A normsys or histosys has width 1.

A workspace has no constants, and ln density has some: constraints of what is held, and the units of pulls. They go into
the constraint of one modifier that is held at 1: lumi, or where that is taken a staterror without uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from npinfer.core.constraint import Constraints
from npinfer.core.limits import LARGEST
from npinfer.errors import InferenceError
from npinfer.likelihood.cells import SINGLE
from npinfer.likelihood.gammas import BOUNDS
from npinfer.likelihood.modifiers import NONE, Histogram, Modifier
from npinfer.likelihood.standard import Standard

if TYPE_CHECKING:
    from npinfer.likelihood.binned import BinnedLikelihood

CONSTANT = "npinfer_constant"
UNSEEN = float(1 / np.sqrt(2 * np.pi))  # width of a normal constraint whose density at its centre is 1
MOST = 0.99 * math.log(LARGEST)  # whose exponential is a width that is still read


@dataclass(frozen=True)
class Translation:
    """A workspace, and where the parameters that live on are: {position: (name, offset, scale)}.

    Ours are offset + scale · theirs. constant: the modifier that carries a constant of ln density, "" without one.
    """

    workspace: dict[str, Any]
    names: Mapping[int, tuple[str, float, float]]
    constant: str


def translate(likelihood: BinnedLikelihood, found: Standard, point: np.ndarray) -> Translation:
    """The workspace, with the parameters that live on starting at `point`; raises InferenceError."""
    return _Translator(likelihood, found, point).translation()


class _Translator:
    def __init__(self, likelihood: BinnedLikelihood, found: Standard, point: np.ndarray) -> None:
        self._likelihood, self._found, self._point = likelihood, found, point
        self._packed = likelihood.pack()
        self._measured = dict(zip(likelihood.constraints.auxiliary_names, self._packed.auxiliary[0], strict=True))
        self._order = sorted(c.name for c in likelihood.channels)  # in which pyhf counts bins
        lumi = any(role.kind == "lumi" for role in found.roles.values())
        self._taken: dict[str, tuple[str, ...]] = {"lumi": ()} if lumi else {}
        self._vectors: dict[str, dict[str, Modifier]] = {}  # {name: {channel: modifier}} of those of single bins
        self._scalars: dict[str, int] = {}
        self._totals: dict[tuple[str, str], np.ndarray] = {}  # counts and |counts| of a staterror's samples
        for h in found.histograms:
            for m in h.modifiers:
                self._note(h, m)
        self._fillers = 0  # shapesys bins without a parameter of ours

    def _note(self, h: Histogram, m: Modifier) -> None:
        name = self._name(m)
        if m.kind not in SINGLE:
            self._scalars[name] = int(m.at[0])
            return
        self._vectors.setdefault(name, {})[h.channel] = m
        if m.kind == "staterror":
            total = self._totals.setdefault((name, h.channel), np.zeros((2, len(h.counts))))
            total += [h.counts, np.abs(h.counts)]

    def _name(self, m: Modifier) -> str:
        """The name of a modifier in the workspace: without that of the likelihood, and no two alike."""
        key = (m.kind, m.name) if m.kind in SINGLE else (m.name,)
        lumi = self._is_lumi(m)
        name = "lumi" if lumi else m.name.removeprefix(f"{self._likelihood.name}.")
        while not lumi and self._taken.setdefault(name, key) != key:
            name += "_"
        return name

    def _is_lumi(self, m: Modifier) -> bool:
        return m.kind not in SINGLE and self._found.roles[int(m.at[0])].kind == "lumi"

    def translation(self) -> Translation:
        """Everything together."""
        names: dict[int, tuple[str, float, float]] = {}
        parameters = []
        for name, i in self._scalars.items():
            role = self._found.roles[i]
            names[i] = (name, role.offset, role.scale)
            parameters.append(self._scalar(name, i))
        for name, parts in self._vectors.items():
            bins = self._bins(parts)
            names |= {i: (f"{name}[{b}]", 0.0, 1.0) for b, i in enumerate(bins.tolist()) if i != NONE}
            parameters.append(self._vector(name, next(iter(parts.values())).kind, bins))
        channels = self._channels()
        constant = self._constant()
        carrier = "" if constant == 0 and names else self._carrier()
        if carrier:
            parameters.append(self._carry(constant, carrier, channels))
        config = {"poi": self._poi(), "parameters": parameters}
        observed = self._likelihood.dataset(self._packed.counts[0], self._packed.auxiliary[0], "observed").counts
        workspace = {
            "channels": channels,
            "observations": [{"name": name, "data": counts.tolist()} for name, counts in observed.items()],
            "measurements": [{"name": self._likelihood.name, "config": config}],
            "version": "1.0.0",
        }
        return Translation(workspace, names, carrier)

    def _poi(self) -> str:
        """The parameter of interest, "" where it does not live on: pyhf has none then."""
        known = self._likelihood.parameters.names
        return next((name for name, i in self._scalars.items() if known[i] == self._likelihood.poi), "")

    # ---- parameters

    def _scalar(self, name: str, i: int) -> dict[str, Any]:
        parameter, role = self._likelihood.parameters[i], self._found.roles[i]
        declared: dict[str, Any] = {
            "name": name,
            "inits": [role.theirs(self._point[i])],
            "bounds": [[role.theirs(bound) for bound in self._ends(i)]],
            "fixed": parameter.fixed,
        }
        if role.kind in ("pull", "lumi"):
            declared["auxdata"] = [role.theirs(self._measured[parameter.name])]
        if role.kind == "lumi":
            declared["sigmas"] = [self._likelihood.constraints.single[parameter.name].sigma_up]
        return declared

    def _ends(self, i: int) -> tuple[float, float]:
        """The bounds of a parameter, those at infinity as far as a search would go."""
        parameters = self._likelihood.parameters
        init, width = parameters.init[i], parameters.width[i]
        low, high = parameters.lower[i], parameters.upper[i]
        return float(max(low, init - width)), float(min(high, init + width))

    def _bins(self, parts: Mapping[str, Modifier]) -> np.ndarray:
        """Positions of our parameters among pyhf's of one modifier: channel after channel, or one channel's for all."""
        ordered = [parts[channel].at for channel in self._order if channel in parts]
        return ordered[0] if next(iter(parts.values())).kind == "shapefactor" else np.concatenate(ordered)

    def _vector(self, name: str, kind: str, at: np.ndarray) -> dict[str, Any]:
        """The parameters of single bins; those that are not ours are held at 1, as pyhf does without uncertainty."""
        own, single = self._likelihood.parameters, self._likelihood.constraints.single
        mine = [None if i == NONE else own[int(i)] for i in at]
        constraints = [single.get(p.name) if p else None for p in mine]
        auxiliary = [float(self._measured[p.name]) if p and c else 1.0 for p, c in zip(mine, constraints, strict=True)]
        declared: dict[str, Any] = {
            "name": name,
            "inits": [float(self._point[i]) if i != NONE else 1.0 for i in at],
            "bounds": [list(self._ends(int(i)) if i != NONE else BOUNDS) for i in at],
        }
        if len({p is None or p.fixed for p in mine}) == 1:
            declared["fixed"] = mine[0] is None or mine[0].fixed
        if kind == "staterror":
            declared |= {"auxdata": auxiliary, "sigmas": [c.sigma_up if c else UNSEEN for c in constraints]}
        elif kind == "shapesys":
            declared |= {"auxdata": auxiliary, "factors": [c.rate if c else 1.0 for c in constraints]}
            self._fillers += constraints.count(None)
        return declared

    # ---- channels

    def _channels(self) -> list[dict[str, Any]]:
        by_channel: dict[str, list[dict[str, Any]]] = {c.name: [] for c in self._likelihood.channels}
        for h in self._found.histograms:
            modifiers = [self._modifier(h, m) for m in h.modifiers]
            by_channel[h.channel].append({"name": h.sample, "data": h.counts.tolist(), "modifiers": modifiers})
        return [{"name": name, "samples": samples} for name, samples in by_channel.items()]

    def _modifier(self, h: Histogram, m: Modifier) -> dict[str, Any]:
        data: Any = None
        if m.kind == "histosys":
            data = {"hi_data": m.up.tolist(), "lo_data": m.down.tolist()}
        elif m.kind == "normsys":
            data = {"hi": float(m.up[0]), "lo": float(m.down[0])}
        elif m.kind in ("staterror", "shapesys"):
            data = self._uncertainty(h, m).tolist()
        return {"name": self._name(m), "type": "lumi" if self._is_lumi(m) else m.kind, "data": data}

    def _uncertainty(self, h: Histogram, m: Modifier) -> np.ndarray:
        """Standard deviations of counts, (bins,), that give the parameters their widths again: 0 for those pyhf holds.

        Those of a staterror that are not known are split among its samples like those of events of equal weight.
        """
        held = self._likelihood.parameters.fixed
        free = (m.at != NONE) & ~held[m.at]
        on = free if free.any() else m.at != NONE  # where all are held the measurement says so
        if len(m.uncertainty):
            return np.where(on | (h.counts == 0), np.abs(m.uncertainty), 0.0)
        relative = np.array([self._relative(i) if varies else 0.0 for i, varies in zip(m.at.tolist(), on, strict=True)])
        if m.kind == "shapesys":
            return relative * np.abs(h.counts)
        total, size = self._totals[self._name(m), h.channel]
        share = np.abs(h.counts) / np.where(size > 0, size, 1.0)
        return np.asarray(relative * np.abs(total) * np.sqrt(share))

    def _relative(self, i: int) -> float:
        constraint = self._likelihood.constraints.single[self._likelihood.parameters.names[i]]
        return constraint.sigma_up if constraint.kind == "normal" else float(constraint.rate**-0.5)

    # ---- the constant

    def _constant(self) -> float:
        """What ln density has beyond the workspace's: constraints of parameters that are held, and units of pulls."""
        own, names = self._likelihood.constraints, self._likelihood.parameters.names
        frozen = {n: c for n, c in own.single.items() if self._likelihood.parameters.index(n) in self._found.frozen}
        held = Constraints(names, frozen, own.correlations)
        auxiliary = np.array([self._measured[n] for n in held.auxiliary_names])
        total = float(held.logpdf_terms(self._point[None], auxiliary)[0]) if len(held) else 0.0
        for role in self._found.roles.values():
            total -= float(np.log(role.scale))
        return total + self._fillers  # pyhf counts each with ln Poisson(1 | 1) = −1

    def _carrier(self) -> str:
        """The name of a modifier without effect: lumi, the one of width at will, or a staterror where that is taken."""
        name = CONSTANT if "lumi" in self._taken else "lumi"
        while name in self._taken:
            name += "_"
        return name

    def _carry(self, constant: float, name: str, channels: list[dict[str, Any]]) -> dict[str, Any]:
        """Add the modifier `name`, held at 1: its constraint, narrow or measured elsewhere, has this ln density."""
        sample = min(channels, key=lambda c: len(c["samples"][0]["data"]))["samples"][0]
        bins = len(sample["data"])
        kind, data, n = ("lumi", None, 1) if name == "lumi" else ("staterror", [0.0] * bins, bins)
        if not -LARGEST < constant < MOST * n:
            raise InferenceError(
                f"{self._likelihood.name}: the constraints of the parameters that are held there have the ln density "
                f"{constant:.4g}, more than a workspace can carry; choose a point nearer to their measured values, or "
                "wider constraints"
            )
        sample["modifiers"].append({"name": name, "type": kind, "data": data})
        sigma = UNSEEN * math.exp(-max(constant, 0.0) / n)
        measured = 1.0 + sigma * math.sqrt(-2.0 * min(constant, 0.0) / n)
        numbers = {"inits": [1.0] * n, "auxdata": [measured] * n, "sigmas": [sigma] * n}
        return {"name": name, **numbers, "bounds": [list(BOUNDS)] * n, "fixed": True}
