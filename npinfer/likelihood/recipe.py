"""Recipes: how a likelihood travels to another process, where it is built again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from npinfer.core.dataset import Dataset
from npinfer.core.provenance import digest
from npinfer.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from npinfer.likelihood.binned import BinnedLikelihood


def content(data: Dataset | None) -> Any:
    """The numbers of a data set, for a digest."""
    if data is None:
        return None
    return [{k: np.asarray(v).tolist() for k, v in part.items()} for part in (data.counts, data.auxiliary)]


@dataclass(frozen=True)
class Recipe:
    """The file, configuration, data and plug-in modules of a likelihood, and the digests it must have.

    Recipes are equal when their keys are: a worker builds what it has built before only once.
    """

    source: str = field(compare=False)
    configuration: Mapping[str, Any] = field(compare=False)
    digests: Mapping[str, str] = field(compare=False)
    data: Dataset | None = field(compare=False, default=None)
    plugins: tuple[str, ...] = field(compare=False, default=())
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", os.path.abspath(self.source))  # a worker may run in another folder
        object.__setattr__(self, "key", digest([self.source, self.configuration, self.digests, content(self.data)]))

    def build(self) -> BinnedLikelihood:
        """The likelihood, built here; raises DataError if its files differ from those of the original.

        Raises ConfigurationError where a plug-in module cannot be imported.
        """
        from npinfer.likelihood.catalogue import load

        for module in self.plugins:
            try:
                import_module(module)
            except ModuleNotFoundError as error:
                raise ConfigurationError(
                    f"{module}: cannot be imported where the work runs: {error}; put its folder on PYTHONPATH there"
                ) from None
        likelihood = load(self.source, **self.configuration)
        here = dict(likelihood.description.digests)
        if differ := [k for k in {**here, **self.digests} if here.get(k) != self.digests.get(k)]:
            raise DataError(
                f"{self.source}: differs from the file that the work was started with ({', '.join(differ)}); "
                "start again, with new workers"
            )
        return likelihood if self.data is None else likelihood.with_data(self.data)
