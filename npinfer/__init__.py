"""Likelihoods for new physics in neutrino scattering."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "load": "npinfer.likelihood.catalogue",
    "PyhfLikelihood": "npinfer.likelihood.pyhf_likelihood",
    "joint": "npinfer.likelihood.joint",
    "list_likelihoods": "npinfer.likelihood.catalogue",
    "describe": "npinfer.likelihood.describe",
    "export": "npinfer.likelihood.export",
    "fit": "npinfer.inference.fit",
    "profile": "npinfer.inference.profile",
    "interval": "npinfer.inference.interval",
    "contour": "npinfer.inference.contour",
    "calibrate": "npinfer.inference.calibrate",
    "upper_limit": "npinfer.inference.limits",
    "exclusion": "npinfer.inference.exclusion",
    "significance": "npinfer.inference.significance",
    "compare": "npinfer.inference.compare",
    "goodness_of_fit": "npinfer.inference.gof",
    "impacts": "npinfer.inference.impacts",
    "toys": "npinfer.inference.toys",
    "coverage": "npinfer.inference.coverage",
    "rank_calibration": "npinfer.inference.rank_calibration",
    "sample": "npinfer.inference.mcmc",
    "validate": "npinfer.inference.validate",
    "FitOptions": "npinfer.inference.fit_options",
    "IntervalOptions": "npinfer.inference.interval",
    "RunOptions": "npinfer.inference.executor",
    "write_report": "npinfer.report",
    "load_result": "npinfer.core.result",
    "generator": "npinfer.physics.registry",
    "Weights": "npinfer.physics.registry",
    "NpinferError": "npinfer.errors",
}

__all__ = [
    "FitOptions",
    "IntervalOptions",
    "NpinferError",
    "PyhfLikelihood",
    "RunOptions",
    "Weights",
    "calibrate",
    "compare",
    "contour",
    "coverage",
    "describe",
    "exclusion",
    "export",
    "fit",
    "generator",
    "goodness_of_fit",
    "impacts",
    "interval",
    "joint",
    "list_likelihoods",
    "load",
    "load_result",
    "profile",
    "rank_calibration",
    "sample",
    "significance",
    "toys",
    "upper_limit",
    "validate",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'npinfer' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return list(__all__)


if TYPE_CHECKING:
    from npinfer.core.result import load_result
    from npinfer.errors import NpinferError
    from npinfer.inference.calibrate import calibrate
    from npinfer.inference.compare import compare
    from npinfer.inference.contour import contour
    from npinfer.inference.coverage import coverage
    from npinfer.inference.exclusion import exclusion
    from npinfer.inference.executor import RunOptions
    from npinfer.inference.fit import fit
    from npinfer.inference.fit_options import FitOptions
    from npinfer.inference.gof import goodness_of_fit
    from npinfer.inference.impacts import impacts
    from npinfer.inference.interval import IntervalOptions, interval
    from npinfer.inference.limits import upper_limit
    from npinfer.inference.mcmc import sample
    from npinfer.inference.profile import profile
    from npinfer.inference.rank_calibration import rank_calibration
    from npinfer.inference.significance import significance
    from npinfer.inference.toys import toys
    from npinfer.inference.validate import validate
    from npinfer.likelihood.catalogue import list_likelihoods, load
    from npinfer.likelihood.describe import describe
    from npinfer.likelihood.export import export
    from npinfer.likelihood.joint import joint
    from npinfer.likelihood.pyhf_likelihood import PyhfLikelihood
    from npinfer.physics.registry import Weights, generator
    from npinfer.report import write_report
