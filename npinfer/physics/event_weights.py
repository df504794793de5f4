"""Fluxes on simulated events: the weight of every event as a product of what changes and what does not.

The weight of an event e in a sample is

    Σ_c factor_c(parameters; kind of e) · column_c[e] · (E_e / 100 TeV)^−slope · shape(parameters)[e] · detector(e),

with the kind of an event its species (six of neutrinos, and muons): the flux apart from the detector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from npinfer.physics.hese_cache import Store, load_store
from npinfer.physics.hese_detector import Detector, load_detector
from npinfer.physics.hese_release import analysis_edges

KINDS = 7  # six species, as in npinfer.physics.flavour, and muons
LN10 = float(np.log(10.0))


@dataclass(frozen=True, eq=False)
class EventSet:
    """Simulated events, sorted by bin and kind: sections of one bin and one kind each.

    bins, kinds: of every section, (sections,); starts: of the first event of each, and the end, (sections + 1,);
    log_energy: ln(true energy / 100 TeV) of every event, (events,).
    """

    store: Store
    detector: Detector
    bins: NDArray[np.intp]
    kinds: NDArray[np.intp]
    starts: NDArray[np.intp]
    log_energy: NDArray[np.float64]
    edges: Mapping[str, Mapping[str, NDArray[np.float64]]]

    def __len__(self) -> int:
        return len(self.log_energy)

    @property
    def digest(self) -> str:
        """Of the files that the events were read from."""
        return self.store.digest


@dataclass(frozen=True, eq=False)
class EventWeights:
    """The weights of simulated events in one sample, as the module says.

    columns: (columns, events), not negative; factors: function of parameters giving (batch, columns, KINDS), analytic;
    slope: the name of the parameter that is minus the power of the energy, if any; shape: function of further
    parameters giving (batch, events), positive and analytic, if any; flux: 0, 1 or 2, which of `FLUXES` the detector
    treats it as: one of neutrinos; or −1 of muons, which the detector's parameters do not change.
    """

    events: EventSet
    columns: NDArray[np.float64]
    factors: Callable[..., NDArray]
    slope: str | None
    flux: int
    shape: Callable[..., NDArray] | None = None


def load_events() -> EventSet:
    """The imported events of the HESE release (npinfer.physics.hese_cache); raises DataError."""
    return _prepared(load_store())


@lru_cache(maxsize=1)
def _prepared(store: Store) -> EventSet:
    bins, kinds = store.columns["bin"].astype(np.intp), store.columns["kind"].astype(np.intp)
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(bins) != 0) | (np.diff(kinds) != 0)]))
    ends = np.append(starts, len(bins))
    detector = load_detector(store)
    return EventSet(store, detector, bins[starts], kinds[starts], ends, store.columns["log_energy"], analysis_edges())
