"""A native likelihood as an in-memory pyhf model: the same density by another code's machinery.

The expected counts enter through one custom modifier; Poisson terms, and normal and Poisson constraints, are pyhf's
own. Constraints that pyhf does not have (two-sided, log-normal, correlated) stand in for its constraint model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyhf

from npinfer.core.constraint import Constraint
from npinfer.core.dataset import Dataset
from npinfer.errors import InferenceError

if TYPE_CHECKING:
    from npinfer.likelihood.binned import BinnedLikelihood

MODIFIER = "npinfer"
NATIVE = ("normal", "poisson")


def build_pyhf_model(likelihood: BinnedLikelihood) -> pyhf.Model:
    """The pyhf model with the same parameters in the same order; its channels are in pyhf's, alphabetical, order.

    That of a workspace is pyhf's own. Raises InferenceError where a channel's statistic is not Poisson.
    """
    if likelihood.model.reference is not None:
        return likelihood.model.reference()
    for c in likelihood.channels:
        if c.statistic != "poisson":
            raise InferenceError(
                f"{likelihood.name}: pyhf has Poisson counts only, and channel {c.name!r} has the statistic "
                f"{c.statistic}"
                + ("" if c.measured else "; use the statistic poisson and a staterror for the samples' variance")
            )
    channels = [
        {
            "name": c.name,
            "samples": [
                {
                    "name": s.name,
                    "data": [1.0] * c.bins,
                    "modifiers": [{"name": MODIFIER, "type": MODIFIER, "data": None}],
                }
                for g in likelihood.model.groups
                for s in g.samples
            ],
        }
        for c in likelihood.channels
    ]
    builder, applier = _modifier(likelihood)
    model = pyhf.Model(
        {"channels": channels}, modifier_set={MODIFIER: (builder, applier)}, validate=False, poi_name=likelihood.poi
    )
    if not _all_native(likelihood):
        model.constraint_model = _ConstraintModel(likelihood)
    return model


def pyhf_data(likelihood: BinnedLikelihood, data: Dataset | None = None) -> np.ndarray:
    """Counts and auxiliary data in the order of `build_pyhf_model`'s model."""
    packed = likelihood.pack(data)
    by_channel = likelihood.dataset(packed.counts[0], packed.auxiliary[0], "observed").counts
    return np.concatenate([*(by_channel[name] for name in sorted(by_channel)), packed.auxiliary[0]])


def _all_native(likelihood: BinnedLikelihood) -> bool:
    constraints = likelihood.constraints
    return not constraints.correlations and all(c.kind in NATIVE for c in constraints.single.values())


def _parset(likelihood: BinnedLikelihood, index: int) -> dict[str, Any]:
    """How pyhf declares one of our parameters."""
    parameter = likelihood.parameters[index]
    declared: dict[str, Any] = {
        "paramset_type": "unconstrained",
        "n_parameters": 1,
        "is_scalar": True,
        "inits": (parameter.init,),
        "bounds": (parameter.bounds,),
        "fixed": parameter.fixed,
    }
    measured = likelihood.constraints.single.get(parameter.name) or _alone(likelihood, parameter.name)
    if measured is None:
        return declared
    if measured.kind == "poisson":
        extra = {"paramset_type": "constrained_by_poisson", "auxdata": (measured.mean,), "factors": (measured.rate,)}
    else:
        sigma = (measured.sigma_up,)
        extra = {"paramset_type": "constrained_by_normal", "auxdata": (measured.auxiliary,), "sigmas": sigma}
    return {**declared, **extra}


def _alone(likelihood: BinnedLikelihood, name: str) -> Constraint | None:
    """The constraint of a correlated parameter by itself: pyhf counts its auxiliary datum, our model correlates it."""
    for block in likelihood.constraints.correlations:
        if (one := block.among({name})) is not None:
            sigma = float(np.sqrt(one.covariance[0][0]))
            return Constraint("normal", one.means[0], sigma, sigma)
    return None


def _modifier(likelihood: BinnedLikelihood) -> tuple[type, type]:
    """Builder and applier of the modifier that multiplies each sample by its expected counts."""

    class Builder:
        is_shared = True

        def __init__(self, config: Any) -> None:
            self.required_parsets = {p.name: [_parset(likelihood, i)] for i, p in enumerate(likelihood.parameters)}

        def append(self, key: str, channel: str, sample: str, modifier: Any, defined: Any) -> None:
            """Nothing to collect: the counts come from the likelihood."""

        def finalize(self) -> dict[str, Any]:
            return {}

    class Applier:
        name = MODIFIER
        op_code = "multiplication"

        def __init__(self, modifiers: Any, pdfconfig: Any, builder_data: Any, batch_size: int | None = None) -> None:
            self._samples, self._channels = pdfconfig.samples, pdfconfig.channels

        def apply(self, parameters: Any) -> np.ndarray:
            """Factors of shape (1, samples, points, bins)."""
            expected = likelihood.expected(np.atleast_2d(np.asarray(parameters, dtype=float)))
            rows = [np.concatenate([expected.samples[s][c] for c in self._channels], axis=-1) for s in self._samples]
            return np.stack(rows)[None]

    return Builder, Applier


class _ConstraintModel:
    """Our constraints in the place of pyhf's."""

    def __init__(self, likelihood: BinnedLikelihood) -> None:
        self._constraints = likelihood.constraints

    def has_pdf(self) -> bool:
        return len(self._constraints) > 0

    def make_pdf(self, parameters: Any) -> _ConstraintPdf:
        return _ConstraintPdf(self._constraints, np.atleast_2d(np.asarray(parameters, dtype=float)))


class _ConstraintPdf:
    """The density of the auxiliary data at one point, with the methods pyhf calls."""

    def __init__(self, constraints: Any, points: np.ndarray) -> None:
        self._constraints, self._points = constraints, points

    def log_prob(self, auxiliary: Any) -> Any:
        return self._constraints.logpdf_terms(self._points, np.asarray(auxiliary, dtype=float))[0]

    def expected_data(self) -> np.ndarray:
        return np.asarray(self._constraints.expected(self._points)[0])
