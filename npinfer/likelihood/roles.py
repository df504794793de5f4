"""What each parameter of a likelihood can act as in a HistFactory workspace, or why it cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from npinfer.core.constraint import Constraint
from npinfer.likelihood.held import FACTORS, is_linear
from npinfer.likelihood.modifiers import NONE, Histogram, Modifier

if TYPE_CHECKING:
    from npinfer.likelihood.binned import BinnedLikelihood

PULLS = ("histosys", "normsys")  # kinds that may have the same parameter, with a normal constraint of width 1
CONSTRAINTS = {  # what HistFactory's parameters of a kind have, None for no constraint
    "histosys": "normal",
    "normsys": "normal",
    "lumi": "normal",
    "staterror": "normal",
    "shapesys": "poisson",
    "shapefactor": None,
}


class Role(NamedTuple):
    """A kind of modifier, or "pull", and the parameter in terms of the workspace's: offset + scale · theirs."""

    kind: str
    offset: float = 0.0
    scale: float = 1.0

    @property
    def translated(self) -> bool:
        """Whether the workspace has it in other units."""
        return (self.offset, self.scale) != (0.0, 1.0)

    def theirs(self, value: float) -> float:
        """A value of ours in the workspace's units."""
        return (float(value) - self.offset) / self.scale


class Use(NamedTuple):
    """Where a parameter stands: number of the histogram, its modifier, and the bin."""

    number: int
    modifier: Modifier
    bin: int


class Roles:
    """`roles` {position: Role} of the parameters that live on, `frozen` {position: why} of the others."""

    def __init__(
        self, likelihood: BinnedLikelihood, histograms: Sequence[Histogram], frozen: Mapping[int, str]
    ) -> None:
        """frozen: those that cannot live on for reasons found already."""
        self._parameters, self._histograms = likelihood.parameters, histograms
        constraints = likelihood.constraints
        self._single: list[Constraint | None] = [constraints.single.get(n) for n in likelihood.parameters.names]
        self._correlated = {n for block in constraints.correlations for n in block.names}
        self._simplex = {i for group in likelihood.parameters.simplexes() if len(group) > 1 for i in group}
        self._uses: list[list[Use]] = [[] for _ in likelihood.parameters]
        for number, h in enumerate(histograms):
            for m in h.modifiers:
                for b in np.flatnonzero(m.at != NONE).tolist():
                    self._uses[int(m.at[b])].append(Use(number, m, b))
        self.frozen = dict(frozen)
        for i in range(len(self._uses)):
            if i not in self.frozen and (why := self._fault(i)):
                self.frozen[i] = why
        self._lumi: int | None = None
        self._lumi = self._choose_lumi()
        self._part_factors()
        self.roles = {i: self._role(i) for i in self._living()}

    def _living(self) -> list[int]:
        return [i for i in range(len(self._uses)) if i not in self.frozen]

    def _kinds(self, i: int) -> set[str]:
        return {use.modifier.kind for use in self._uses[i]}

    # ---- one parameter by itself

    def _fault(self, i: int) -> str:
        """Why a parameter cannot live on, whatever the others do; "" if it can."""
        kinds, uses = self._kinds(i), self._uses[i]
        if not uses:
            return "no sample reads it"
        if self._parameters.names[i] in self._correlated:
            return "its constraint is correlated with those of others"
        if i in self._simplex:
            return "it is one of several fractions that add up to at most 1"
        if len(kinds) > 1 and not kinds <= set(PULLS):
            return f"it is a {' and a '.join(sorted(kinds))}: in a workspace it can be one of them"
        again = Counter((use.number, use.modifier.kind) for use in uses)
        if twice := [number for (number, _), n in again.items() if n > 1]:
            return f"it varies sample {self._histograms[twice[0]].sample!r} in more than one way"
        return self._misplaced(i, min(kinds)) or self._unlike(i, min(kinds))

    def _misplaced(self, i: int, kind: str) -> str:
        """Why a parameter of single bins stands where a workspace cannot have it."""
        if kind not in ("staterror", "shapesys", "shapefactor"):
            return ""
        uses = self._uses[i]
        channels = ["" if kind == "shapefactor" else self._histograms[use.number].channel for use in uses]
        places = {(use.modifier.name, channel, use.bin) for use, channel in zip(uses, channels, strict=True)}
        if len(places) > 1 or (kind == "shapesys" and len(uses) > 1):
            return f"it multiplies several bins: a {kind} has a parameter for each"
        return ""

    def _unlike(self, i: int, kind: str) -> str:
        """Why the constraint of a parameter is not that of a modifier of a kind."""
        own = self._single[i]
        found = own.kind if own else None
        said = f"its constraint is {found.replace('_', '-')}" if found else "it has no constraint"
        if kind == "normfactor":
            return "" if found in (None, "normal") else f"{said}: a factor of samples has a normal one or none"
        expected = CONSTRAINTS[kind]
        if found != expected:
            return f"{said}: that of a {kind} is {expected}" if expected else f"{said}: a {kind} has none"
        if kind in PULLS and own and own.sigma_up != 1 and not self._all_linear(i):
            return f"its constraint has the width {own.sigma_up:g}: that of a {kind} that is not linear has 1"
        return ""

    def _all_linear(self, i: int) -> bool:
        return all(
            use.modifier.kind == "histosys" and is_linear(self._histograms[use.number], use.modifier)
            for use in self._uses[i]
        )

    # ---- parameters together

    def _choose_lumi(self) -> int | None:
        """The one factor with a constraint that may multiply a histosys: a lumi, or else the first that has to."""
        own = (i for i in self._living() if self._kinds(i) == {"lumi"})
        needed = (i for i in self._living() if self._is_constrained_factor(i) and self._shifted(i))
        return next(own, next(needed, None))

    def _shifted(self, i: int) -> tuple[Histogram, int] | None:
        """The first histogram with a histosys that a factor multiplies, and that one's parameter."""
        return next(((h, j) for h, j in self._beside(i) if "histosys" in self._kinds(j)), None)

    def _is_constrained_factor(self, i: int) -> bool:
        """Whether a parameter multiplies samples and has to be written as a histosys for its constraint."""
        alone = i != self._lumi and i not in self.frozen and self._single[i] is not None
        return alone and self._kinds(i) <= set(FACTORS)

    def _part_factors(self) -> None:
        """Freeze constrained factors of samples with a histosys; of several on one sample the first lives on."""
        factors = [i for i in self._living() if self._is_constrained_factor(i)]
        for i in factors:
            if found := self._shifted(i):
                h, name = found[0], self._parameters.names[found[1]]
                self.frozen[i] = f"sample {h.sample!r} has a histosys, {name!r}, that it multiplies"
        for i in reversed(factors):
            for h, j in self._beside(i):
                if i not in self.frozen and self._is_constrained_factor(j):
                    name = self._parameters.names[j]
                    self.frozen[i] = f"sample {h.sample!r} has another factor with a constraint, {name!r}"

    def _beside(self, i: int) -> list[tuple[Histogram, int]]:
        """The other living parameters of whole histograms that i stands in, each with the histogram."""
        return [
            (self._histograms[use.number], int(m.at[0]))
            for use in self._uses[i]
            for m in self._histograms[use.number].modifiers
            if m.kind in (*FACTORS, *PULLS) and int(m.at[0]) != i and int(m.at[0]) not in self.frozen
        ]

    def _role(self, i: int) -> Role:
        kind, own = min(self._kinds(i)), self._single[i]
        if self._is_constrained_factor(i) and own:
            return Role("pull", own.mean, own.sigma_up)
        if kind in PULLS and own:
            return Role("pull", 0.0, own.sigma_up)
        return Role("lumi" if i == self._lumi else kind)
