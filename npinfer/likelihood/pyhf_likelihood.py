"""A pyhf model as a likelihood: for models with modifiers that HistFactory does not define.

pyhf evaluates the counts, point by point, and their derivatives are differences: every verb answers, slowly. A
workspace with HistFactory's own modifiers is loaded natively instead, with `npinfer.load`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from npinfer.core.axis import Axis
from npinfer.core.constraint import Constraint, Constraints
from npinfer.core.parameter import Parameter, Parameters
from npinfer.core.provenance import Description, digest
from npinfer.core.template import Channel
from npinfer.errors import ConfigurationError, DataError, InferenceError
from npinfer.likelihood.binned import BinnedLikelihood, Model, channel_dataset
from npinfer.likelihood.cells import Named

if TYPE_CHECKING:
    import pyhf

STEP = 1e-3  # of a derivative, in units of a parameter's width
CENTRAL = (np.array([-2.0, -1.0, 1.0, 2.0]), np.array([1.0, -8.0, 8.0, -1.0]) / 12.0)
ONE_SIDED = (np.arange(5.0), np.array([-25.0, 48.0, -36.0, 16.0, -3.0]) / 12.0)


class PyhfLikelihood(BinnedLikelihood):
    """A pyhf.Model and its data, which answer every verb on this process.

    data: counts of all channels in pyhf's order, with or without the auxiliary data. Parameters are called
    name.parameter. Raises DataError where the data do not fit the model.

    >>> import pyhf
    >>> model = pyhf.simplemodels.uncorrelated_background([5.0], [50.0], [7.0])
    >>> PyhfLikelihood(model, [55.0], name="one bin").parameters.names
    ('one bin.mu', 'one bin.uncorr_bkguncrt[0]')
    """

    def __init__(self, model: pyhf.Model, data: Sequence[float], *, name: str = "pyhf") -> None:
        config = model.config
        values = np.asarray(data, dtype=float)
        if values.shape not in ((config.nmaindata,), (config.nmaindata + config.nauxdata,)):
            raise DataError(
                f"{name}: expected {config.nmaindata} counts, or with {config.nauxdata} auxiliary data behind them; "
                f"found shape {values.shape}"
            )
        auxiliary = values[config.nmaindata :] if len(values) > config.nmaindata else np.asarray(config.auxdata)
        parameters = Parameters(_parameters(model, name, auxiliary))
        edges = {c: tuple(np.arange(config.channel_nbins[c] + 1.0).tolist()) for c in config.channels}
        channels = tuple(Channel(c, (Axis("bin", edges[c]),)) for c in config.channels)
        single = {p.name: p.constraint for p in parameters if p.constraint}
        described = Description(
            name, name, "real", "external", name, digests={"spec": digest(model.spec), "data": digest(values.tolist())}
        )
        observed = {c: values[config.channel_slices[c]] for c in config.channels}
        super().__init__(
            Model(
                described,
                parameters,
                channels,
                (_Counts(model, _widths(parameters), parameters),),
                Constraints(parameters.names, single),
                {},
                None if config.poi_name is None else f"{name}.{config.poi_name}",
                (),
                reference=lambda: model,
            ),
            channel_dataset(channels, observed),
            self.configure,
        )

    def configure(self, **configuration: Any) -> BinnedLikelihood:
        """Itself: a wrapped model has no configuration; raises ConfigurationError."""
        if configuration:
            raise ConfigurationError(f"{self.name}: a wrapped pyhf model has no configuration; change the model")
        return self

    def recipe(self) -> NoReturn:
        """Not possible: raises InferenceError."""
        raise InferenceError(
            f"{self.name}: a wrapped pyhf model cannot be built again in another process; run without an executor"
        )


def _parameters(model: pyhf.Model, name: str, auxiliary: np.ndarray) -> list[Parameter]:
    """The model's parameters with their constraints, measured as in `auxiliary`."""
    config = model.config
    inits, bounds, fixed = config.suggested_init(), config.suggested_bounds(), config.suggested_fixed()
    constraints: dict[int, Constraint] = {}
    seen = iter(auxiliary.tolist())
    for which in config.auxdata_order:
        group, part = config.param_set(which), config.par_slice(which)
        for k, i in enumerate(range(part.start, part.stop)):
            if group.pdf_type == "poisson":
                constraints[i] = Constraint("poisson", next(seen), rate=float(group.factors[k]))
            else:
                sigma = float(group.width()[k])
                constraints[i] = Constraint("normal", next(seen), sigma, sigma)
    return [
        Parameter(
            f"{name}.{own}",
            float(inits[i]),
            (float(bounds[i][0]), float(bounds[i][1])),
            fixed=bool(fixed[i]),
            constraint=constraints.get(i),
        )
        for i, own in enumerate(config.par_names)
    ]


def _widths(parameters: Parameters) -> np.ndarray:
    """How far each parameter reaches: the width of its constraint, or a tenth of what its start value suggests."""
    return np.array([min(p.constraint.width()) if p.constraint else 0.1 * (1.0 + abs(p.init)) for p in parameters])


class _Counts:
    """The counts of a pyhf model, with derivatives by differences of fourth order."""

    kinks, curved = np.zeros(0, dtype=np.intp), False

    def __init__(self, model: pyhf.Model, widths: np.ndarray, parameters: Parameters) -> None:
        self._model, self._steps = model, STEP * widths
        self._lower, self._upper = parameters.lower, parameters.upper
        self.samples = tuple(Named(s) for s in model.config.samples)

    def expected(self, points: np.ndarray, *, contracted: bool) -> dict[str, np.ndarray]:
        """Expected counts {sample: (batch, bins)}."""
        each = [np.asarray(self._model.main_model.expected_data(p, return_by_sample=True)) for p in points]
        return {s.name: np.array([counts[i] for counts in each]) for i, s in enumerate(self.samples)}

    def _counts(self, points: np.ndarray) -> np.ndarray:
        return np.array([np.asarray(self._model.main_model.expected_data(p)) for p in points])

    def add_counts(self, points: np.ndarray, total: np.ndarray) -> None:
        """Add the expected counts to `total` (batch, bins)."""
        total += self._counts(points)

    def add_jacobian(self, points: np.ndarray, total: np.ndarray, jacobian: np.ndarray) -> None:
        """Add the expected counts to `total` and their derivatives to `jacobian` (batch, parameters, bins)."""
        total += self._counts(points)
        for i, step in enumerate(self._steps):
            for row, point in enumerate(points):
                (offsets, weights), h = CENTRAL, step
                if point[i] - 2 * h < self._lower[i] or point[i] + 2 * h > self._upper[i]:
                    (offsets, weights), h = ONE_SIDED, h if point[i] + 4 * h <= self._upper[i] else -h
                moved = np.repeat(point[None], len(offsets), axis=0)
                moved[:, i] += h * offsets
                jacobian[row, i] += weights @ self._counts(moved) / h
