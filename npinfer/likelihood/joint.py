"""Joint likelihoods: members that share parameters, each distinct constraint counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from npinfer.core.constraint import Constraints, Correlation
from npinfer.core.dataset import Dataset
from npinfer.core.parameter import Parameter, Parameters
from npinfer.core.provenance import Description, digest
from npinfer.errors import ConfigurationError, unknown
from npinfer.likelihood.binned import BinnedLikelihood, Derived, Model
from npinfer.likelihood.recipe import content
from npinfer.likelihood.terms import Group

STRENGTH = ("real", "asimov", "summary", "published", "approximate", "illustrative")  # of kinds and of statuses
Share = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class _Named:
    """A sample under the name it has in the joint likelihood."""

    name: str


class PlacedGroup:
    """A member's group of samples, with its bins and parameters placed among those of the joint likelihood."""

    def __init__(self, group: Group | PlacedGroup, prefix: str, at: np.ndarray, part: slice, bins: int) -> None:
        self._group, self._prefix, self._at, self._part, self._bins = group, prefix, at, part, bins
        self.samples: tuple[_Named, ...] = tuple(_Named(f"{prefix}.{s.name}") for s in group.samples)

    def expected(self, points: np.ndarray, *, contracted: bool) -> dict[str, np.ndarray]:
        """{sample: (batch, bins)} at points of all the joint's parameters."""
        found = {}
        for name, counts in self._group.expected(points.take(self._at, axis=1), contracted=contracted).items():
            whole = np.zeros((len(points), self._bins))
            whole[:, self._part] = counts
            found[f"{self._prefix}.{name}"] = whole
        return found

    def add_counts(self, points: np.ndarray, total: np.ndarray) -> None:
        """Add the expected counts to `total` (batch, bins)."""
        self._group.add_counts(points.take(self._at, axis=1), total[:, self._part])

    def add_jacobian(self, points: np.ndarray, total: np.ndarray, jacobian: np.ndarray) -> None:
        """Add the expected counts to `total` and their derivatives to `jacobian` (batch, parameters, bins)."""
        part = total[:, self._part]
        slopes = np.zeros((len(points), len(self._at), part.shape[1]))
        self._group.add_jacobian(points.take(self._at, axis=1), part, slopes)
        for j, i in enumerate(self._at):  # two parameters of a member may have become one
            jacobian[:, i, self._part] += slopes[:, j]


class JointLikelihood(BinnedLikelihood):
    """Members evaluated together: their data terms, and each distinct constraint once.

    Channels and samples are called `member.name`. It answers every verb like any other likelihood.
    """

    def __init__(
        self,
        members: Sequence[BinnedLikelihood],
        model: Model,
        sharing: tuple[Share, Sequence[Correlation]],
        reload: Callable[..., BinnedLikelihood],
    ) -> None:
        self.members, self._sharing = tuple(members), sharing
        super().__init__(model, _data(members), reload)

    def recipe(self) -> Any:
        """How to build this likelihood in another process."""
        share, correlate = self._sharing
        recipes = tuple(m.recipe() for m in self.members)
        data = self.data if self._replaced else None
        return JointRecipe(recipes, dict(share), tuple(correlate), self.description, data)


@dataclass(frozen=True)
class JointRecipe:
    """The recipes of the members, and how they are joined; equal when the keys are."""

    members: tuple[Any, ...]
    share: Share = field(compare=False)
    correlate: tuple[Correlation, ...]
    description: Description = field(compare=False)
    data: Dataset | None = field(compare=False)
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", digest([self.share, self.description.name, content(self.data)]))

    def build(self) -> BinnedLikelihood:
        """The joint likelihood, built here; raises DataError if a member's files have changed."""
        likelihood = joint(
            *(m.build() for m in self.members),
            share=self.share,
            correlate=self.correlate,
            name=self.description.name,
            title=self.description.title,
        )
        return likelihood if self.data is None else likelihood.with_data(self.data)


def joint(
    *members: BinnedLikelihood,
    share: Share | None = None,
    correlate: Sequence[Correlation] = (),
    name: str = "joint",
    title: str = "",
    poi: str | None = None,
) -> JointLikelihood:
    """Members as one likelihood.

    Physics parameters of the same name are shared by definition, nuisance parameters are private. share: {one name:
    full names of private parameters that become it}; correlate: Gaussian blocks that replace the constraints of the
    parameters they name. Members with the same data set are refused unless all but one of them are Asimov. Raises
    ConfigurationError.

    >>> from npinfer import load
    >>> both = joint(load("icecube_hese"), load("icecube_pepe"))
    >>> both.bins, "astro_gamma" in both.parameters.names
    (460, True)
    """
    if len(members) < 2:
        raise ConfigurationError(f"a joint likelihood needs at least two members; found {len(members)}")
    _check_members(members)
    share = dict(share or {})
    new_name = {old: new for new, olds in share.items() for old in olds}
    _check_share(members, share)
    parameters = _parameters(members, new_name, {n for block in correlate for n in block.names})
    single = {p.name: p.constraint for p in parameters if p.constraint}
    description = _describe(members, name, title)
    model = Model(
        description,
        parameters,
        tuple(replace(c, name=f"{m.name}.{c.name}") for m in members for c in m.channels),
        tuple(_placed(members, parameters, new_name)),  # type: ignore[arg-type]
        Constraints(parameters.names, single, correlate),
        _derived(members, parameters, new_name),
        poi or next((m.poi for m in members if m.poi), None),
        tuple(sorted({module for m in members for module in m.model.modules})),
    )

    def reload(**configuration: Any) -> JointLikelihood:
        changed = [m.configure(**{k: v for k, v in configuration.items() if k in m.configuration}) for m in members]
        return joint(*changed, share=share, correlate=correlate, name=name, title=title, poi=poi)

    return JointLikelihood(members, model, (share, correlate), reload)


def leaves(likelihood: BinnedLikelihood, prefix: str = "") -> list[tuple[str, BinnedLikelihood]]:
    """(prefix of its samples and channels, member) of all that is not itself a joint likelihood."""
    if not isinstance(likelihood, JointLikelihood):
        return [(prefix, likelihood)]
    return [leaf for m in likelihood.members for leaf in leaves(m, f"{prefix}{m.name}.")]


def _check_members(members: Sequence[BinnedLikelihood]) -> None:
    """Refuse the same member, or the same real data, twice."""
    names = [m.name for m in members]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"the member {name!r} is given twice")
    real: dict[str, str] = {}
    for m in members:
        for _, part in leaves(m):
            if part.data.kind == "asimov":
                continue
            if part.description.dataset in real:
                raise ConfigurationError(
                    f"{real[part.description.dataset]} and {part.name} have the same data set "
                    f"{part.description.dataset!r}: events would count twice; set all but one to Asimov data"
                )
            real[part.description.dataset] = part.name


def _check_share(members: Sequence[BinnedLikelihood], share: Share) -> None:
    known = [n for m in members for n in m.parameters.names]
    for new, olds in share.items():
        if new in known:
            raise ConfigurationError(f"share: {new!r} is the name of a parameter already; choose another")
        for old in olds:
            if old not in known:
                raise ConfigurationError(unknown("parameter", old, known, f"share {new!r}"))


def _parameters(members: Sequence[BinnedLikelihood], new_name: Mapping[str, str], correlated: set[str]) -> Parameters:
    """Every distinct parameter; those that share a name must agree."""
    found: dict[str, Parameter] = {}
    for m in members:
        for p in m.parameters:
            mine = replace(p, name=new_name.get(p.name, p.name))
            if mine.name in correlated:
                mine = replace(mine, constraint=None)
            other = found.setdefault(mine.name, mine)
            if (other.bounds, other.constraint, other.simplex) != (mine.bounds, mine.constraint, mine.simplex):
                raise ConfigurationError(
                    f"the members disagree on the bounds or constraint of {mine.name!r} ({m.name} differs); "
                    "give it one definition, or do not share it"
                )
    for name in correlated:
        if name not in found:
            raise ConfigurationError(unknown("parameter", name, found, "correlate"))
    return Parameters(list(found.values()))


def _positions(m: BinnedLikelihood, parameters: Parameters, new_name: Mapping[str, str]) -> np.ndarray:
    """Where a member's parameters stand among the joint's."""
    return np.array([parameters.index(new_name.get(n, n)) for n in m.parameters.names], dtype=np.intp)


def _placed(
    members: Sequence[BinnedLikelihood], parameters: Parameters, new_name: Mapping[str, str]
) -> list[PlacedGroup]:
    bins, start, placed = sum(m.bins for m in members), 0, []
    for m in members:
        at, part = _positions(m, parameters, new_name), slice(start, start + m.bins)
        placed += [PlacedGroup(group, m.name, at, part, bins) for group in m.model.groups]
        start += m.bins
    return placed


def _derived(
    members: Sequence[BinnedLikelihood], parameters: Parameters, new_name: Mapping[str, str]
) -> dict[str, Derived]:
    """The members' derived quantities: under their own name where all that have it agree, else as `member.name`."""
    moved: dict[str, list[tuple[str, Derived]]] = {}
    for m in members:
        at = _positions(m, parameters, new_name)
        for name, d in m.model.derived.items():
            moved.setdefault(name, []).append((m.name, replace(d, at=at[d.at])))
    found = {}
    probe = parameters.init[None]
    for name, candidates in moved.items():
        values = [float(d.function(probe[:, d.at])[0]) for _, d in candidates]
        if np.allclose(values, values[0], rtol=1e-12):
            found[name] = candidates[0][1]
        else:
            found |= {f"{owner}.{name}": d for owner, d in candidates}
    return found


def _data(members: Sequence[BinnedLikelihood]) -> Dataset:
    counts = {f"{m.name}.{c}": np.asarray(v) for m in members for c, v in m.data.counts.items()}
    kinds = sorted({m.data.kind for m in members})
    measured = {n: v for m in members for n, v in m.data.auxiliary.items()}
    return Dataset(counts, measured, " and ".join(kinds))


def weakest(words: Iterable[str]) -> str:
    """The weakest of several kinds, or of several statuses.

    >>> weakest(["published", "approximate"])
    'approximate'
    """
    return max(words, key=STRENGTH.index)


def _describe(members: Sequence[BinnedLikelihood], name: str, title: str) -> Description:
    """Kind and status are those of the weakest member."""
    descriptions = [m.description for m in members]
    configuration: dict[str, Any] = {}
    for d in descriptions:
        for key, value in d.configuration.items():
            if configuration.setdefault(key, value) != value:
                raise ConfigurationError(
                    f"the members disagree on the configuration {key!r}: {configuration[key]!r} and {value!r}; "
                    "load them with the same"
                )
    return Description(
        name=name,
        title=title or " + ".join(d.title for d in descriptions),
        kind=weakest(d.kind for d in descriptions),
        status=weakest(d.status for d in descriptions),
        dataset=" + ".join(d.dataset for d in descriptions),
        reference={f"{d.name} {key}": value for d in descriptions for key, value in d.reference.items()},
        configuration=configuration,
        digests={key: digest([d.digests[key] for d in descriptions]) for key in ("spec", "data", "configuration")},
        source=" + ".join(d.source for d in descriptions),
    )
