"""Published limits of atmospheric neutrinos on diagonal interactions with matter, for a U(1)′ model.

They are of ε⊕_αα − ε⊕_ββ, relative to electrons in the Earth's mean matter and of a contact interaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npinfer.errors import ConfigurationError, unknown
from npinfer.physics import matter
from npinfer.physics.registry import generator

FLAVOURS = ("e", "mu", "tau")
MOST_RANGE_KM = 64.0  # of the mediator: a hundredth of the Earth's radius


@generator("atmospheric.differences")
def differences(
    inputs: Mapping[str, Any], channels: Sequence[Any], configuration: Mapping[str, Any]
) -> Callable[..., dict[str, NDArray]]:
    """ε⊕_αα − ε⊕_ββ, a pair of flavours a bin of the only channel.

    inputs: pairs, such as [tau, mu]; neutrons, per electron in the matter that the limits are for. Configuration:
    u1_model and m_zprime, of a range that is short in the Earth. Parameter: eps0.
    """
    model, mass_ev = matter.configured(configuration)
    if model is None:
        raise ConfigurationError("u1_model: found none, expected a model: without one there is nothing to limit")
    if matter.HBARC_EV_KM / mass_ev > MOST_RANGE_KM:
        least = matter.HBARC_EV_KM / MOST_RANGE_KM / matter.GEV_EV
        raise ConfigurationError(
            f"m_zprime: found {mass_ev / matter.GEV_EV:g}, expected at least {least:.2g} GeV: the published limits are "
            "of contact interactions"
        )
    of = dict(zip(FLAVOURS, model.coefficients(float(inputs["neutrons"])), strict=True))
    for name in (name for pair in inputs["pairs"] for name in pair if name not in FLAVOURS):
        raise ConfigurationError(unknown("flavour", name, FLAVOURS, "pairs"))
    slopes = np.array([of[first] - of[second] for first, second in inputs["pairs"]])
    (name,) = (c.name for c in channels)
    return lambda *, eps0: {name: eps0[:, None] * slopes}
