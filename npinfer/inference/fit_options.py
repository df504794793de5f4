"""How to minimise."""

from __future__ import annotations

from dataclasses import dataclass

from npinfer.errors import ConfigurationError, unknown

MINIMISERS = ("native", "migrad")


@dataclass(frozen=True)
class FitOptions:
    """How to minimise.

    minimiser: "native", or "migrad" for iminuit's; tolerance: on the estimated distance to the minimum (EDM) of
    −ln of the density; starts: whether further start values of the parameters are tried; compiled: whether the native
    one is compiled where it can be: for a workspace, with numba.
    """

    minimiser: str = "native"
    tolerance: float = 1e-9
    starts: bool = True
    compiled: bool = True

    def __post_init__(self) -> None:
        if self.minimiser not in MINIMISERS:
            raise ConfigurationError(unknown("minimiser", self.minimiser, MINIMISERS))
        if not 0 < self.tolerance < 1:
            raise ConfigurationError(f"the minimiser's tolerance is between 0 and 1; found {self.tolerance:g}")
