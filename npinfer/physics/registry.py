"""The register of template generators: physics by name.

A generator is bound once, with its inputs, channels and configuration, and evaluated often.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import numpy as np

from npinfer.errors import ConfigurationError, unknown

GENERATORS: dict[str, Callable[..., Any]] = {}
HOMES = {  # the modules here that generators are in, by the first word of their names
    "alp": ("muon_axion",),
    "astro": ("generators",),
    "atmosphere": ("generators",),
    "atmospheric": ("atmospheric_nsi",),
    "black_hole": ("black_hole_events",),
    "coherent": ("coherent_argon", "coherent_events"),
    "cross_section": ("cross_section_scale",),
    "dark_matter": ("dark_matter_events",),
    "deepcore": ("deepcore_events",),
    "dimuon": ("dimuon_events",),
    "double_cascade": ("double_cascade",),
    "events": ("hese_events", "hese_absorption"),
    "flavour": ("generators",),
    "future": ("future_telescopes",),
    "glashow": ("generators",),
    "heavy_lepton": ("heavy_lepton_limits",),
    "kamland": ("kamland",),
    "leptoquark": ("leptoquark",),
    "millicharge": ("millicharge.events", "muon_millicharge"),
    "solar": ("solar",),
    "trident": ("trident",),
    "u1": ("matter",),
    "zprime": ("muon_bremsstrahlung", "zprime"),
}


def generator(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register `bind(inputs, channels, configuration)` under `name`.

    `bind` is called once at load. It returns one of
    - a function `counts(*, a, b)` of parameters, each of shape (batch,), giving {channel: (batch, bins)};
    - a `Weights` on the cells of a telescope, which are contracted with its response.

    The keyword names of the functions are the names of the parameters.
    """

    def register(bind: Callable[..., Any]) -> Callable[..., Any]:
        if name in GENERATORS and GENERATORS[name].__module__ != bind.__module__:
            raise ConfigurationError(
                f"two generators are named {name!r}: {GENERATORS[name].__module__} and {bind.__module__}"
            )
        GENERATORS[name] = bind
        return bind

    return register


def find_generator(name: str) -> Callable[..., Any]:
    """The bind function registered as `name`, looking at installed plug-ins too; raises ConfigurationError."""
    if name not in GENERATORS:
        _import_homes(name.partition(".")[0])
    if name not in GENERATORS:
        for entry in entry_points(group="npinfer.generators"):
            entry.load()
    if name not in GENERATORS:
        _import_homes(*HOMES)
        remedy = "one of your own is in a module that --plugin names, or that Python imports before it loads"
        raise ConfigurationError(f"{unknown('generator', name, sorted(GENERATORS))}; {remedy}")
    return GENERATORS[name]


def _import_homes(*words: str) -> None:
    for module in dict.fromkeys(module for word in words for module in HOMES.get(word, ())):
        import_module(f"npinfer.physics.{module}")


def parameter_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The keyword names of a generator's function: the parameters it reads; raises ConfigurationError for no function.

    >>> parameter_names(lambda *, norm, index: norm)
    ('norm', 'index')
    """
    if not callable(function):
        raise ConfigurationError(f"a generator returns a function of parameters, or Weights; found {function!r}")
    return tuple(inspect.signature(function).parameters)


def with_names(function: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """`function`, which takes any keywords, with the names `names` as its signature.

    >>> parameter_names(with_names(lambda **values: values, ["norm"]))
    ('norm',)
    """
    parameters = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY) for n in names]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights on the cells of a telescope, as products of what changes and what does not.

    weight[batch, cell] = Σ_k mix[batch, k] · pattern[k, cell] · shape[batch, cell]

    mix: function of any parameters, giving (batch, k).
    pattern: (k, *cells), constant.
    shape: function of the shape parameters, giving (batch, *cells). Axes along which pattern or shape do not change may
        have length 1: a spectrum has the shape (batch, 1, 1, energies, 1).
    response: the folding operator: `response.fold(weights, **{name: number})` → {channel: (n, bins)}, with the detector
        parameters named in `response.parameters`; `response.fold_at(weights, points)`, if there is one, gives the
        folds at several points of those at once.

    mix and shape are analytic and keep a complex type, so that a complex step gives their derivatives.
    """

    mix: Callable[..., np.ndarray]
    pattern: np.ndarray
    shape: Callable[..., np.ndarray]
    response: Any

    def __call__(self, **values: np.ndarray) -> np.ndarray:
        """The cell weights themselves, (batch, *cells)."""
        mix = self.mix(**{k: values[k] for k in parameter_names(self.mix)})
        shape = self.shape(**{k: values[k] for k in parameter_names(self.shape)})
        return np.einsum("bk,k...->b...", mix, self.pattern) * shape
