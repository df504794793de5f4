"""What a likelihood of a muon beam on a calorimeter is configured with: its exposure, masses and lengths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from npinfer.errors import ConfigurationError


def muons_on_target(configuration: Mapping[str, Any]) -> float:
    """The configured number of muons on target."""
    return configured(configuration, "muons_on_target", "muons")


def configured(
    configuration: Mapping[str, Any], name: str, unit: str, *, most: float = np.inf, or_zero: bool = False
) -> float:
    """A configured number in its unit; raises ConfigurationError where it is not positive, or above `most`.

    >>> configured({"m_alp": 0.1}, "m_alp", "GeV")
    0.1
    """
    value = configuration.get(name)
    if not (isinstance(value, float) and value < np.inf and (0 < value <= most or (or_zero and value == 0))):
        from_zero, up_to = "of at least" if or_zero else "above", f" and at most {most:g}" if most < np.inf else ""
        raise ConfigurationError(f"{name}: found {value!r}, expected a number of {unit} {from_zero} 0{up_to}")
    return value
