"""From a document whose samples weight simulated events to a likelihood. Their generators are named events.…"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from npinfer.core.constraint import Constraints
from npinfer.core.dataset import Dataset
from npinfer.core.parameter import Parameters
from npinfer.errors import ConfigurationError
from npinfer.likelihood.binned import BinnedLikelihood, Model, channel_dataset
from npinfer.likelihood.build import Builder, read_scale
from npinfer.likelihood.event_likelihood import EventLikelihood
from npinfer.likelihood.events import EventGroup, EventSample
from npinfer.likelihood.spec import Document
from npinfer.physics.event_weights import EventWeights
from npinfer.physics.hese_detector import PARAMETERS
from npinfer.physics.registry import parameter_names

PREFIX = "events."  # of the generators of such samples


def reads_events(document: Document) -> bool:
    """Whether a sample of the document weights simulated events."""
    return any(str(e.get("generator", "")).startswith(PREFIX) for e in document.content["samples"].values())


def build_events(
    document: Document,
    shared: Mapping[str, Any],
    configuration: Mapping[str, Any],
    reload: Callable[..., BinnedLikelihood],
) -> EventLikelihood:
    """A likelihood as `npinfer.likelihood.build.build` makes it; raises ConfigurationError or DataError."""
    return _EventBuilder(document, shared, configuration).likelihood(reload)


class _EventBuilder(Builder):
    """Works through one document of samples that weight simulated events, and nothing else."""

    def likelihood(self, reload: Callable[..., BinnedLikelihood]) -> EventLikelihood:
        """Everything together; parameters that nothing reads in this configuration are left out."""
        weights = {}
        for n, e in self.spec["samples"].items():
            weights[n] = self._at(lambda e=e: self._weights(e), "samples", n)  # type: ignore[misc]
        scales = {n: self._scales(n, e.get("scale", ())) for n, e in self.spec["samples"].items()}
        for c in self.channels:
            if c.statistic != "effective":
                where = self.document.where("channels", c.name)
                raise ConfigurationError(f"{where}: samples that weight simulated events need the statistic effective")
        read = {*PARAMETERS, *(name for scale in scales.values() for name in scale)}
        for w in weights.values():
            read |= _parameters(w)
        for name in sorted(read):
            self._at(lambda n=name: self._known(n, "a sample of simulated events"), "parameters")  # type: ignore[misc]
        active = {short: p for short, p in self.declared.items() if short in read}
        positions = {short: i for i, short in enumerate(active)}
        parameters = Parameters(list(active.values()))
        samples = [
            EventSample(n, w, tuple((positions[name], power) for name, power in scales[n].items()))
            for n, w in weights.items()
        ]
        group = EventGroup(samples, positions, sum(self.bins.values()))
        data, left_out = self._seen(group)
        description = self._description(left_out)
        events = {"events": group.events.digest}
        model = Model(
            replace(description, digests={**description.digests, **events}),
            parameters,
            self.channels,
            (group,),
            Constraints(parameters.names, {p.name: p.constraint for p in parameters if p.constraint}),
            self._derived(positions),
            self._poi(active),
            self._modules(),
            (group,),
        )
        return EventLikelihood(model, data, reload)

    def _weights(self, entry: Mapping[str, Any]) -> EventWeights:
        """The weights of a sample; raises ConfigurationError for one of another kind."""
        bound = self._bind(entry) if "generator" in entry else None
        if not isinstance(bound, EventWeights):
            raise ConfigurationError("this sample weights no simulated events, as others do here: all or none do")
        if entry.get("systematics"):
            raise ConfigurationError("samples that weight simulated events take no systematics; declare a scale")
        return bound

    def _scales(self, name: str, entry: Any) -> dict[str, float]:
        """{parameter: power} that scale a sample, checked."""
        scale = read_scale(entry)
        for parameter, power in scale.items():
            self._at(lambda p=parameter, k=power: self._check_scale(p, k), "samples", name, "scale")  # type: ignore[misc]
        return scale

    def _seen(self, group: EventGroup) -> tuple[Dataset | None, tuple[str, ...]]:
        """The observed counts in bins that hold simulated events, and what was seen in others.

        The official likelihood leaves out bins without simulated events, whatever was seen there.
        """
        data = self._data()
        if data is None:
            return None, ()
        filled = np.isin(np.arange(sum(self.bins.values())), group.filled)
        parts = dict(zip(self.order, np.split(filled, np.cumsum(list(self.bins.values()))[:-1]), strict=True))
        kept = {c: np.where(parts[c], counts, 0.0) for c, counts in data.counts.items()}
        lost = {c: int((data.counts[c] - kept[c]).sum()) for c in kept}
        notes = tuple(f"{n} events of channel {c!r} were seen in bins without a simulated one and are left out"
                      for c, n in lost.items() if n)  # fmt: skip
        return channel_dataset(self.channels, kept), notes


def _parameters(weights: EventWeights) -> set[str]:
    """The short names of the parameters of weights, but for those of the detector."""
    shape = () if weights.shape is None else parameter_names(weights.shape)
    return {*parameter_names(weights.factors), *shape, *((weights.slope,) if weights.slope else ())}
