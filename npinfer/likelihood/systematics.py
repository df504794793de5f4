"""Systematics of a sample: what a declared variation of its templates becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npinfer.core.limits import LARGEST
from npinfer.core.template import Channel, effective_bins
from npinfer.errors import ConfigurationError, unknown
from npinfer.likelihood.gammas import Carrier
from npinfer.likelihood.interpolation import Factors, Shift
from npinfer.likelihood.plan import NormSys
from npinfer.likelihood.simulated import Simulated
from npinfer.likelihood.tables import DataFolder, read_template
from npinfer.likelihood.terms import FixedTemplate, Source

Key = tuple[str | int, ...]
NOT_OF_A_KIND = {  # keys of a systematic that say nothing about one of this kind
    "normsys": ("uncertainty",),
    "histosys": ("uncertainty",),
    "staterror": ("up", "down", "mirror", "uncertainty"),
    "shapesys": ("up", "down", "mirror"),
}


class Systematics:
    """Reads the systematics of one document, for the configured exposure."""

    def __init__(self, channels: Sequence[Channel], folder: DataFolder, exposure: float) -> None:
        self.channels, self.folder, self.exposure = tuple(channels), folder, exposure

    def read(
        self, sample: str, systematic: Mapping[str, Any], key: Key, source: Source, simulated: Simulated | None
    ) -> NormSys | tuple[str, Shift] | Carrier:
        """A normsys, a histosys with its name, or a staterror or shapesys of a sample; raises ConfigurationError.

        key: its place in the document; source and simulated: of the sample.
        """
        _check_keys(systematic)
        if systematic["kind"] == "normsys":
            return self._normsys(systematic)
        if systematic["kind"] == "histosys":
            return self._histosys(systematic, source)
        return self._carrier(sample, systematic, key, source, simulated)

    def _mask(self, systematic: Mapping[str, Any]) -> np.ndarray:
        """1 for the bins of the channels that a systematic varies."""
        known = [c.name for c in self.channels]
        chosen = systematic.get("channels", known)
        for name in chosen:
            if name not in known:
                raise ConfigurationError(unknown("channel", name, known))
        return np.concatenate([np.full(c.bins, float(c.name in chosen)) for c in self.channels])

    def _normsys(self, systematic: Mapping[str, Any]) -> NormSys:
        for end in ("up", "down"):
            value = systematic.get(end, 1.0)
            if not (isinstance(value, (int, float)) and 1 / LARGEST <= value <= LARGEST):
                reach = f"positive numbers, from {1 / LARGEST:g} to {LARGEST:g}"
                raise ConfigurationError(f"a normsys takes {reach}, for up and down; found {end}: {value!r}")
        up = systematic["up"]
        down = systematic.get("down", 1.0 / up)
        if "mirror" in systematic:
            raise ConfigurationError("mirror is for a histosys; a normsys without down has down = 1/up")
        Factors(np.array([up]), np.array([down]))  # refuses those that cannot be interpolated, with their place
        return NormSys(systematic["name"], float(up), float(down), self._mask(systematic).tobytes())

    def _histosys(self, systematic: Mapping[str, Any], source: Source) -> tuple[str, Shift]:
        if not isinstance(source, FixedTemplate):
            raise ConfigurationError("a histosys varies a template; this sample comes from a generator")
        if ("down" in systematic) == bool(systematic.get("mirror", False)):
            raise ConfigurationError("a histosys takes either down or mirror: true")
        up = self._template(systematic["up"])
        down = self._template(systematic["down"]) if "down" in systematic else 2 * source.table - up
        on = self._mask(systematic) > 0
        shift = Shift(source.table, np.where(on, up, source.table), np.where(on, down, source.table))
        return systematic["name"], shift

    def _template(self, source: Any) -> np.ndarray:
        """A template on disk or inline, for the configured exposure."""
        return self.exposure * read_template(source, self.channels, self.folder)

    def _carrier(
        self, sample: str, systematic: Mapping[str, Any], key: Key, source: Source, simulated: Simulated | None
    ) -> Carrier:
        """A staterror or shapesys of a sample."""
        kind, where = systematic["kind"], self._mask(systematic) > 0
        if not isinstance(source, FixedTemplate):
            raise ConfigurationError(f"a {kind} is of a template; this sample comes from a generator")
        if "uncertainty" in systematic:
            table = read_template(systematic["uncertainty"], self.channels, self.folder, "uncertainty")
            uncertainty = self.exposure * table
        elif simulated is None:
            other = "give its uncertainty, or add" if kind == "shapesys" else "add"
            raise ConfigurationError(f"a {kind} needs the variance of the template: {other} variance to the sample")
        elif (where & effective_bins(self.channels)).any():
            raise ConfigurationError(
                f"a {kind} in a channel with the statistic effective would count the variance of the simulation "
                "twice; use one of them, or name other channels"
            )
        else:
            uncertainty = np.sqrt(simulated.variance)
        group = systematic.get("group", "")
        return Carrier(sample, kind, systematic["name"], group, key, where, source.table, uncertainty)


def _check_keys(systematic: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a key that a systematic of this kind does not read."""
    for word in NOT_OF_A_KIND[systematic["kind"]]:
        if word in systematic:
            raise ConfigurationError(f"a {systematic['kind']} takes no {word}")
