"""Recipes: how a likelihood travels to another process, where it is built again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from npinfer.core.dataset import Dataset
from npinfer.errors import DataError

if TYPE_CHECKING:
    from npinfer.likelihood.binned import BinnedLikelihood


@dataclass(frozen=True, eq=False)
class Recipe:
    """The file, configuration, data and plug-in modules of a likelihood, and the digests it must have."""

    source: str
    configuration: Mapping[str, Any]
    digests: Mapping[str, str]
    data: Dataset | None = None
    plugins: tuple[str, ...] = ()

    def build(self) -> BinnedLikelihood:
        """The likelihood, built here; raises DataError if its files differ from those of the original."""
        from npinfer.likelihood.catalogue import load

        for module in self.plugins:
            import_module(module)
        likelihood = load(self.source, **self.configuration)
        if dict(likelihood.description.digests) != dict(self.digests):
            raise DataError(f"{self.source}: differs from the file that the work was started with; start again")
        return likelihood if self.data is None else likelihood.with_data(self.data)
