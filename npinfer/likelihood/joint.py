"""Joint likelihoods: members that share parameters, each distinct constraint counted once."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from npinfer.core.constraint import Constraints
from npinfer.core.correlation import Correlation, PartialCorrelation, read_correlation
from npinfer.core.dataset import Dataset
from npinfer.core.parameter import Parameter, Parameters
from npinfer.core.provenance import Description, digest
from npinfer.errors import ConfigurationError, refuse_name, unknown
from npinfer.likelihood.binned import BinnedLikelihood, Model, Values
from npinfer.likelihood.members import check_data_sets, given_to, joined, kind_of_data
from npinfer.likelihood.placed import placed_derived, placed_groups, placed_variances
from npinfer.likelihood.recipe import content

# of kinds, then of statuses
STRENGTH = ("real", "asimov", "summary", "published", "external", "approximate", "illustrative")
MEASUREMENT = "measurement"  # of a workspace: a name that each chooses for itself
Share = Mapping[str, Sequence[str]]
Block = Correlation | PartialCorrelation


@dataclass(frozen=True)
class Joining:
    """How members are joined: (one name, the names that become it) of what they share, correlated blocks, and words."""

    share: tuple[tuple[str, tuple[str, ...]], ...] = ()
    correlate: tuple[Block, ...] = ()
    name: str = "joint"
    title: str = ""
    poi: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def new_name(self) -> dict[str, str]:
        """{name of a member's parameter: the name it gets}."""
        return {old: new for new, olds in self.share for old in olds}

    @property
    def replaced(self) -> set[str]:
        """Parameters whose own constraints a block replaces with other means and widths."""
        return {n for block in self.correlate if isinstance(block, Correlation) for n in block.names}

    def among(self, members: Sequence[BinnedLikelihood], without: Collection[str]) -> Joining:
        """The same for some of the members, `without` others."""
        known = {n for m in members for n in m.parameters.names}
        share = tuple((new, tuple(n for n in olds if n in known)) for new, olds in self.share)
        share = tuple((new, olds) for new, olds in share if olds)
        left = (known | {new for new, _ in share}) - {old for _, olds in share for old in olds}
        blocks = tuple(b for block in self.correlate if (b := block.among(left)))
        words = f" without {' and '.join(without)}"
        poi = self.poi if self.poi in left else None
        return Joining(share, blocks, self.name + words, self.title and self.title + words, poi, self.notes)


class JointLikelihood(BinnedLikelihood):
    """Members evaluated together: their data terms, and each distinct constraint once.

    Channels and samples are called `member.name`. It answers every verb like any other likelihood.
    """

    def __init__(self, members: Sequence[BinnedLikelihood], model: Model, joining: Joining) -> None:
        self.members, self._joining = tuple(members), joining
        super().__init__(model, joined(members, joining.new_name, joining.replaced), self.configure)

    @property
    def coarse(self) -> BinnedLikelihood | None:
        """The same of the members' faster approximations, where any has one."""
        members = [m.coarse for m in self.members]
        if not any(m is not None for m in members):
            return None
        if "coarse" not in self._found:
            each = [m if c is None else c for m, c in zip(self.members, members, strict=True)]
            self._found["coarse"] = join(each, self._joining)
        found: JointLikelihood = self._found["coarse"]
        return found.with_data(self.data)

    def error_bound(self, points: np.ndarray) -> np.ndarray:
        """The sum of those of the members, (batch,)."""
        new_name, index = self._joining.new_name, self.parameters.index
        columns = [[index(new_name.get(n, n)) for n in m.parameters.names] for m in self.members]
        each = [m.error_bound(points[:, at]) for m, at in zip(self.members, columns, strict=True)]
        return np.asarray(np.sum(each, axis=0))

    @property
    def knots(self) -> tuple[int, np.ndarray] | None:
        """Those of the first member that has some."""
        for member in self.members:
            if member.knots is not None:
                position, values = member.knots
                name = member.parameters.names[position]
                return self.parameters.names.index(self._joining.new_name.get(name, name)), values
        return None

    def with_data(self, data: Dataset) -> JointLikelihood:
        """The same likelihood against other data, the members each against their part."""
        other = copy.copy(self)
        other.data, other._packed, other._replaced = data, self.pack(data), True
        other.members = given_to(self.members, data, self._joining.new_name, self._joining.replaced)
        return other

    def with_asimov(self, *names: str, values: Values | None = None) -> JointLikelihood:
        """The same likelihood with the data of some members, given by name, equal to their expectation at `values`.

        Auxiliary data move to the truth where all members that read them have Asimov data: those that are private to
        the members named, not those that a member with observed data shares. Raises ConfigurationError.
        """
        self._check_names(names)
        point = self.parameters.points({} if values is None else values)
        made = self.asimov(point[0])
        new_name = self._joining.new_name
        reads = {m.name: {new_name.get(n, n) for n in m.constraints.auxiliary_names} for m in self.members}
        kept = {n for m in self.members if m.name not in names and m.data.kind != "asimov" for n in reads[m.name]}
        moved = {n for name in names for n in reads[name]} - kept
        prefixes = tuple(f"{name}." for name in names)
        counts = {c: (made if c.startswith(prefixes) else self.data).counts[c] for c in self.data.counts}
        auxiliary = {**self.data.auxiliary, **{n: made.auxiliary[n] for n in moved}}
        other = self.with_data(Dataset(counts, auxiliary, "asimov"))
        alone = given_to(self.members, made, new_name, self._joining.replaced)
        chosen = []
        for before, beside, on_its_own in zip(self.members, other.members, alone, strict=True):
            asimov = beside if before.data.kind == "asimov" else before
            chosen.append(on_its_own if before.name in names else asimov)
        other.members = tuple(chosen)
        other.data = replace(other.data, kind=kind_of_data(chosen))
        return other

    def without(self, *names: str) -> BinnedLikelihood:
        """The likelihood of the other members, against the same data; of one that is left, that member itself.

        What was shared or correlated among the others stays so. Raises ConfigurationError.
        """
        self._check_names(names)
        left = [m for m in self.members if m.name not in names]
        if not left:
            raise ConfigurationError(f"{self.name}: no member is left without {' and '.join(names)}; keep one")
        if len(left) == len(self.members):
            return self
        return left[0] if len(left) == 1 else join(left, self._joining.among(left, names))

    def _check_names(self, names: Sequence[str]) -> None:
        known = [m.name for m in self.members]
        for name in names:
            if name not in known:
                raise ConfigurationError(unknown("member", name, known, self.name))

    def configure(self, **configuration: Any) -> JointLikelihood:
        """The likelihood loaded again with some of its configuration changed, against the observed data.

        Members with Asimov data keep their counts. Raises ConfigurationError.
        """
        for key in configuration:
            if key not in self.configuration:
                raise ConfigurationError(unknown("configuration", key, self.configuration, self.name))
        changed = []
        for m in self.members:
            other = m.configure(**{k: v for k, v in configuration.items() if k in m.configuration})
            if m._replaced and m.data.kind == "asimov":
                known = other.constraints.auxiliary_names
                other = other.with_data(
                    replace(m.data, auxiliary={k: v for k, v in m.data.auxiliary.items() if k in known})
                )
            changed.append(other)
        return join(changed, self._joining)

    def recipe(self) -> Any:
        """How to build this likelihood in another process."""
        recipes = tuple(m.recipe() for m in self.members)
        return JointRecipe(recipes, self._joining, self.data if self._replaced else None)


@dataclass(frozen=True)
class JointRecipe:
    """The recipes of the members, and how they are joined; equal when the keys are."""

    members: tuple[Any, ...]
    joining: Joining
    data: Dataset | None = field(compare=False)
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", digest(content(self.data)))

    def build(self) -> BinnedLikelihood:
        """The joint likelihood, built here; raises DataError if a member's files have changed."""
        likelihood = join([m.build() for m in self.members], self.joining)
        return likelihood if self.data is None else likelihood.with_data(self.data)


def joint(
    *members: BinnedLikelihood,
    share: Share | None = None,
    correlate: Sequence[Block | Mapping[str, Any]] = (),
    name: str = "joint",
    title: str = "",
    poi: str | None = None,
) -> JointLikelihood:
    """Members as one likelihood.

    Physics parameters of the same name are shared by definition, nuisance parameters are private. share: {one name:
    full names of private parameters that become it}; correlate: blocks of constraints that are not independent, each
    {"names": [...], "correlation": 0.4} (one number for every pair, or a matrix) where means and widths are those of
    the parameters' own normal constraints, or {"names", "means", "covariance"}, which replaces their constraints.
    Members with the same data set are refused unless all but one of them are Asimov. Raises ConfigurationError.

    >>> from npinfer import load
    >>> both = joint(load("icecube_hese"), load("icecube_pepe"))
    >>> both.bins, "astro_gamma" in both.parameters.names
    (460, True)
    """
    shared = tuple((new, tuple(olds)) for new, olds in (share or {}).items())
    likelihood = join(members, Joining(shared, tuple(map(read_correlation, correlate)), name, title, poi))
    if poi is not None:
        likelihood.parameters.index(poi)
    check_data_sets(likelihood)
    return likelihood


def join(members: Sequence[BinnedLikelihood], joining: Joining) -> JointLikelihood:
    """Members as one likelihood, whatever their data sets; raises ConfigurationError."""
    for member in members:
        refuse_name(member)
    if len(members) < 2:
        raise ConfigurationError(f"a joint likelihood needs at least two members; found {len(members)}")
    names = [m.name for m in members]
    if twice := [n for n in names if names.count(n) > 1]:
        raise ConfigurationError(f"the member {twice[0]!r} is given twice")
    new_name = joining.new_name
    _check_share(members, dict(joining.share))
    parameters, blocks = _correlated(members, _parameters(members, new_name, joining.replaced), joining)
    single = {p.name: p.constraint for p in parameters if p.constraint}
    model = Model(
        _describe(members, joining),
        parameters,
        tuple(replace(c, name=f"{m.name}.{c.name}") for m in members for c in m.channels),
        tuple(placed_groups(members, parameters, new_name)),
        Constraints(parameters.names, single, blocks),
        placed_derived(members, parameters, new_name),
        _poi(members, parameters, joining),
        tuple(sorted({module for m in members for module in m.model.modules})),
        tuple(placed_variances(members, parameters, new_name)),
    )
    return JointLikelihood(members, model, joining)


def _poi(members: Sequence[BinnedLikelihood], parameters: Parameters, joining: Joining) -> str | None:
    """The full name of the parameter of interest, None where this configuration has none; raises ParameterError."""
    chosen = joining.poi or next((joining.new_name.get(m.poi, m.poi) for m in members if m.poi), None)
    known = chosen is not None and any(n == chosen or n.endswith(f".{chosen}") for n in parameters.names)
    return parameters[chosen].name if known else None  # type: ignore[index]


def _check_share(members: Sequence[BinnedLikelihood], share: Share) -> None:
    known = [n for m in members for n in m.parameters.names]
    for new, olds in share.items():
        if new in known:
            raise ConfigurationError(f"share: {new!r} is the name of a parameter already; choose another")
        for old in olds:
            if [o for _, others in share.items() for o in others].count(old) > 1:
                raise ConfigurationError(f"share {new!r}: {old!r} is given twice; it can become one parameter")
            if old not in known:
                raise ConfigurationError(unknown("parameter", old, known, f"share {new!r}"))


def _parameters(
    members: Sequence[BinnedLikelihood], new_name: Mapping[str, str], replaced: Collection[str]
) -> dict[str, Parameter]:
    """Every distinct parameter; those that share a name must agree. Those with `replaced` constraints have none."""
    found: dict[str, Parameter] = {}
    for m in members:
        for p in m.parameters:
            mine = replace(p, name=new_name.get(p.name, p.name))
            if mine.name in replaced:
                mine = replace(mine, constraint=None)
            other = found.setdefault(mine.name, mine)
            if (other.bounds, other.constraint, other.simplex) != (mine.bounds, mine.constraint, mine.simplex):
                raise ConfigurationError(
                    f"the members disagree on the bounds or constraint of {mine.name!r} ({m.name} differs); "
                    "give it one definition, or do not share it"
                )
    return found


def _correlated(
    members: Sequence[BinnedLikelihood], found: Mapping[str, Parameter], joining: Joining
) -> tuple[Parameters, tuple[Correlation, ...]]:
    """The parameters, without the constraints that are part of a block, and the blocks: those of members too."""
    inner = [block.renamed(joining.new_name) for m in members for block in m.constraints.correlations]
    constraints = {name: p.constraint for name, p in found.items()}
    blocks = list(dict.fromkeys(inner))
    taken = [n for block in blocks for n in block.names]
    for block in joining.correlate:
        for name in block.names:
            if name not in found:
                raise ConfigurationError(unknown("parameter", name, found, "correlate"))
            if name in taken:
                raise ConfigurationError(f"correlate: {name!r} is in two correlations; put all of them into one")
        taken += block.names
        blocks.append(block if isinstance(block, Correlation) else block.of(constraints))
    free = [replace(p, constraint=None) if p.name in taken else p for p in found.values()]
    return Parameters(free), tuple(blocks)


def weakest(words: Iterable[str]) -> str:
    """The weakest of several kinds, or of several statuses.

    >>> weakest(["published", "approximate"])
    'approximate'
    """
    return max(words, key=STRENGTH.index)


def _describe(members: Sequence[BinnedLikelihood], joining: Joining) -> Description:
    """Kind and status are those of the weakest member; the specification's digest is also of how they are joined."""
    descriptions = [m.description for m in members]
    configuration: dict[str, Any] = {}
    for d in descriptions:
        for key, value in d.configuration.items():
            if configuration.setdefault(key, value) == value:
                continue
            if key == MEASUREMENT:
                configuration[key] = f"{configuration[key]} and {value}"
            else:
                raise ConfigurationError(
                    f"the members disagree on the configuration {key!r}: {configuration[key]!r} and {value!r}; "
                    "load them with the same"
                )
    kinds = dict.fromkeys(key for d in descriptions for key in d.digests)
    digests = {key: digest([d.digests.get(key, "") for d in descriptions]) for key in kinds}
    if joining.share or joining.correlate:
        digests["spec"] = digest([digests["spec"], joining.share, [asdict(block) for block in joining.correlate]])
    return Description(
        name=joining.name,
        title=joining.title or " + ".join(d.title for d in descriptions),
        kind=weakest(d.kind for d in descriptions),
        status=weakest(d.status for d in descriptions),
        dataset=" + ".join(d.dataset for d in descriptions),
        reference={f"{d.name} {key}": value for d in descriptions for key, value in d.reference.items()},
        configuration=configuration,
        labels={key: label for d in descriptions for key, label in d.labels.items()},
        digests=digests,
        source=" + ".join(d.source for d in descriptions),
        notes=(*joining.notes, *(f"{d.name}: {note}" for d in descriptions for note in d.notes)),
    )
