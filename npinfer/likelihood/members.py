"""The data of members: what they are when put together, and whose events they hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from npinfer.core.dataset import Dataset
from npinfer.errors import ConfigurationError
from npinfer.likelihood.binned import BinnedLikelihood

NewName = Mapping[str, str]


def leaves(likelihood: BinnedLikelihood, prefix: str = "") -> list[tuple[str, BinnedLikelihood]]:
    """(prefix of its samples and channels, member) of all that is not itself a joint likelihood."""
    members: Sequence[BinnedLikelihood] = getattr(likelihood, "members", ())
    if not members:
        return [(prefix, likelihood)]
    return [leaf for m in members for leaf in leaves(m, f"{prefix}{m.name}.")]


def check_data_sets(likelihood: BinnedLikelihood) -> None:
    """Raise ConfigurationError where two members have the same data set and neither has Asimov data."""
    real: dict[str, str] = {}
    for prefix, part in leaves(likelihood):
        if part.data.kind == "asimov":
            continue
        dataset = part.description.dataset
        if dataset in real:
            member = prefix.partition(".")[0]
            raise ConfigurationError(
                f"{real[dataset]} and {part.name} have the same data set {dataset!r}: events would count twice; "
                f"set all but one to Asimov data (--asimov={member}), or leave one out (--drop {member})"
            )
        real[dataset] = part.name


def kind_of_data(members: Sequence[BinnedLikelihood]) -> str:
    """The kind of the members' data; where they differ, with the members of each."""
    kinds: dict[str, list[str]] = {}
    for prefix, part in (leaf for m in members for leaf in leaves(m, f"{m.name}.")):
        kinds.setdefault(part.data.kind, []).append(prefix[:-1])
    if len(kinds) == 1:
        return next(iter(kinds))
    return " and ".join(f"{kind} {', '.join(names)}" for kind, names in kinds.items())


def joined(members: Sequence[BinnedLikelihood], new_name: NewName, replaced: Collection[str]) -> Dataset:
    """The members' data as one set; raises ConfigurationError where they differ on what they share.

    An auxiliary datum that several members read is Asimov only if the data of all of them are: it stays as measured
    beside the observed data of one. Those of `replaced` constraints are not the members'.
    """
    counts = {f"{m.name}.{c}": np.asarray(v) for m in members for c, v in m.data.counts.items()}
    found: dict[str, list[tuple[bool, Any]]] = {}
    for m in members:
        for name, new in _shared_names(m, new_name, replaced):
            found.setdefault(new, []).append((m.data.kind == "asimov", m.data.auxiliary.get(name)))
    auxiliary = {}
    for name, values in found.items():
        if not all(asimov for asimov, _ in values):
            values = [(asimov, value) for asimov, value in values if not asimov]
        first = values[0][1]
        if any((v is None) != (first is None) or (v is not None and not np.array_equal(v, first)) for _, v in values):
            raise ConfigurationError(f"the members disagree on the auxiliary datum of {name!r}: give them the same")
        if first is not None:
            auxiliary[name] = first
    return Dataset(counts, auxiliary, kind_of_data(members))


def given_to(
    members: Sequence[BinnedLikelihood], data: Dataset, new_name: NewName, replaced: Collection[str]
) -> tuple[BinnedLikelihood, ...]:
    """The members, each against its part of the data of all."""
    given = []
    for m in members:
        counts = {c.name: data.counts[f"{m.name}.{c.name}"] for c in m.channels}
        names = _shared_names(m, new_name, replaced)
        auxiliary = {name: data.auxiliary[new] for name, new in names if new in data.auxiliary}
        given.append(m.with_data(replace(data, counts=counts, auxiliary=auxiliary)))
    return tuple(given)


def _shared_names(m: BinnedLikelihood, new_name: NewName, replaced: Collection[str]) -> Iterator[tuple[str, str]]:
    """The names of a member's auxiliary data, alone and among all, but for replaced constraints of another kind."""
    for name in m.constraints.auxiliary_names:
        new, single = new_name.get(name, name), m.constraints.single.get(name)
        if new not in replaced or single is None or single.kind == "normal":
            yield name, new
