"""The binned likelihood: the counts of every bin, times the constraints."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy.special import gammaln

from npinfer.core.constraint import Constraints
from npinfer.core.dataset import Dataset, check_counts
from npinfer.core.limits import MOST_COUNTS
from npinfer.core.parameter import Parameters
from npinfer.core.provenance import Description
from npinfer.core.template import Channel, Template, effective_bins
from npinfer.errors import DataError, ParameterError, unknown
from npinfer.likelihood.compiled import make_tables
from npinfer.likelihood.measured import Measured
from npinfer.likelihood.packed import Packed
from npinfer.likelihood.profiled import SingleBins, single_bins
from npinfer.likelihood.recipe import Recipe
from npinfer.likelihood.statistic import Effective, Poisson, Variance
from npinfer.likelihood.terms import Curved, Expectation

if TYPE_CHECKING:
    import iminuit.cost
    import pyhf

    from npinfer.likelihood.kernel import Tables

Values = Mapping[str, float] | np.ndarray


@dataclass(frozen=True)
class Derived:
    """A function of the parameters at positions `at`: (batch, len(at)) to (batch,)."""

    at: np.ndarray
    function: Callable[[np.ndarray], np.ndarray]
    label: str


@dataclass(frozen=True)
class Model:
    """What a binned likelihood is made of, apart from its data.

    simulations: the Monte-Carlo variance of the templates, read where a channel's statistic is "effective".
    reference: makes pyhf's own model of the same, where there is one.
    """

    description: Description
    parameters: Parameters
    channels: tuple[Channel, ...]
    groups: tuple[Expectation, ...]
    constraints: Constraints
    derived: Mapping[str, Derived]
    poi: str | None
    modules: tuple[str, ...]
    simulations: tuple[Variance, ...] = ()
    reference: Callable[[], Any] | None = None


class BinnedLikelihood:
    """ln P(counts, auxiliary data | parameters), natively evaluated for batches of points.

    Points are mappings {name: value} (the rest at their start values), vectors in the order of `parameters`, or
    matrices (batch, parameters). A batch of points is paired with a batch of data sets row by row.
    """

    def __init__(self, model: Model, data: Dataset | None, reload: Callable[..., BinnedLikelihood]) -> None:
        self.model, self._reload = model, reload
        self.description = model.description
        self.name, self.configuration = model.description.name, model.description.configuration
        self.parameters, self.channels, self.poi = model.parameters, model.channels, model.poi
        self.constraints = model.constraints
        edges = np.cumsum([0, *(c.bins for c in model.channels)])
        self._slices = {c.name: slice(*edges[i : i + 2]) for i, c in enumerate(model.channels)}
        self.bins = int(edges[-1])
        inside = effective_bins(model.channels)
        self.statistic: Poisson = Effective(model.simulations, inside) if inside.any() else Poisson()
        if any(c.measured for c in model.channels):
            self.statistic = Measured(self.statistic, model.channels)
        self._replaced = False
        self._found: dict[str, Any] = {}  # shared with the same likelihood against other data
        self.data = self.asimov(self.parameters.init) if data is None else data
        self._packed = self.pack(self.data)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user of the templates should know, such as too few simulated events."""
        return self.description.notes

    # ---- expectations

    def expected(self, values: Values, *, contracted: bool = True) -> Template:
        """Expected counts by channel and sample at one point or a batch."""
        points = self.parameters.points(values)
        flat: dict[str, np.ndarray] = {}
        for group in self.model.groups:
            flat |= group.expected(points, contracted=contracted)
        if not _is_batch(values):
            flat = {name: counts[0] for name, counts in flat.items()}
        return Template(self.split(flat), tuple(self._slices))

    def split(self, flat: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
        """Numbers of every bin {sample: (..., bins)} by channel, {sample: {channel: (..., its bins)}}."""
        return {n: {c: values[..., part] for c, part in self._slices.items()} for n, values in flat.items()}

    def rates(self, points: np.ndarray) -> np.ndarray:
        """Expected counts in all bins, (batch, bins)."""
        total = np.zeros((len(points), self.bins))
        for group in self.model.groups:
            group.add_counts(points, total)
        return total

    def rates_jacobian(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Expected counts (batch, bins) and their derivatives (batch, parameters, bins)."""
        total = np.zeros((len(points), self.bins))
        jacobian = np.zeros((len(points), len(self.parameters), self.bins))
        for group in self.model.groups:
            group.add_jacobian(points, total, jacobian)
        return total, jacobian

    def derived(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """Derived quantities at points (batch, parameters), each (batch,)."""
        return {name: d.function(points[:, d.at]) for name, d in self.model.derived.items()}

    # ---- density

    def logpdf(self, values: Values, data: Dataset | Packed | None = None) -> Any:
        """Natural log of the density, constants and constraint normalisation included; a float or (batch,)."""
        points, packed = self._paired(values, data)
        counted = self.statistic.logpdf(points, self.rates(points), packed)
        result = counted + self.constraints.logpdf_terms(points, packed.auxiliary)
        return result if _is_batch(values) or len(result) > 1 else float(result[0])

    def _paired(self, values: Values, data: Dataset | Packed | None) -> tuple[np.ndarray, Packed]:
        """Points and data that go together row by row; raises DataError."""
        points, packed = self.parameters.points(values), self.pack(data)
        if 1 not in (len(points), len(packed)) and len(points) != len(packed):
            raise DataError(f"{self.name}: {len(points)} points do not pair with {len(packed)} data sets")
        return points, packed

    def logpdf_terms(self, values: Values, data: Dataset | Packed | None = None) -> dict[str, Any]:
        """The density's parts: one by channel and one for all "constraints"; they add up to `logpdf`."""
        points, packed = self._paired(values, data)
        each = self.statistic.terms(points, self.rates(points), packed.counts)
        terms = {name: each[:, part].sum(axis=1) for name, part in self._slices.items()}
        terms["constraints"] = self.constraints.logpdf_terms(points, packed.auxiliary)
        if _is_batch(values) or len(terms["constraints"]) > 1:
            return terms
        return {name: float(term[0]) for name, term in terms.items()}

    def expansion(
        self, points: np.ndarray, packed: Packed, at: np.ndarray | None = None, widening: np.ndarray | float = 0.0
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """logpdf (batch,), its gradient (batch, parameters) and the expected information (batch, p, p).

        at: positions of the only parameters whose derivatives are wanted; widening: added to the variance of counts in
        the information, (batch, bins).
        """
        rates, jacobian = self.rates_jacobian(points)
        value, gradient, information = self.statistic.expansion(points, rates, jacobian, packed, at, widening)
        value = value + self.constraints.logpdf_terms(points, packed.auxiliary)
        if at is not None and not self.constraints.among(at):
            return value, gradient, information
        slopes = self.constraints.gradient(points, packed.auxiliary)
        gradient = gradient + (slopes if at is None else slopes[:, at])
        return value, gradient, information + self.constraints.information(points, packed.auxiliary, at)

    @property
    def coarse(self) -> BinnedLikelihood | None:
        """A faster approximation, whose minima are good start points, where there is one."""
        return None

    def error_bound(self, points: np.ndarray) -> np.ndarray:
        """What ln of the density is off at most at points (batch, parameters), (batch,): of an approximation alone."""
        return np.zeros(len(points))

    @property
    def knots(self) -> tuple[int, np.ndarray] | None:
        """The position of a parameter whose derivatives jump at some values, and those values, if there is one."""
        return None

    def sample_slopes(self, point: np.ndarray) -> dict[str, np.ndarray] | None:
        """Derivatives of every sample's counts at a point (parameters,), {sample: (parameters, bins)}, where known."""
        return None

    @property
    def curved(self) -> bool:
        """Whether `observed_information` is known in closed form."""
        return self.statistic.curved and all(group.curved for group in self.model.groups)

    def observed_information(self, points: np.ndarray, packed: Packed) -> np.ndarray:
        """Minus the second derivatives of logpdf, (batch, parameters, parameters), of a likelihood that is `curved`."""
        rates, jacobian = self.rates_jacobian(points)
        information = self.statistic.observed(rates, jacobian, packed)
        excess = np.zeros_like(information)
        weights = self.statistic.slopes(rates, packed)
        for group in cast(tuple[Curved, ...], self.model.groups):
            group.add_curvature(points, weights, excess)
        return information - excess + self.constraints.information(points, packed.auxiliary, observed=True)

    @property
    def kinks(self) -> np.ndarray:
        """Positions of parameters in which derivatives jump at zero, (k,)."""
        if "kinks" not in self._found:
            each = [group.kinks for group in self.model.groups]
            self._found["kinks"] = np.unique(np.concatenate([np.zeros(0, dtype=np.intp), *each]))
        kinks: np.ndarray = self._found["kinks"]
        return kinks

    @property
    def single_bins(self) -> SingleBins:
        """Parameters of single bins whose best value is known in closed form."""
        if "single_bins" not in self._found:
            self._found["single_bins"] = single_bins(self)
        found: SingleBins = self._found["single_bins"]
        return found

    @property
    def tables(self) -> Tables | None:
        """This likelihood for the compiled minimiser; None where that does not apply."""
        if "tables" not in self._found:
            self._found["tables"] = make_tables(self)
        found: Tables | None = self._found["tables"]
        return found

    def value_grad(self, values: Values, data: Dataset | Packed | None = None) -> tuple[np.ndarray, np.ndarray]:
        """logpdf (batch,) and its gradient (batch, parameters)."""
        value, gradient, _ = self.expansion(*self._paired(values, data))
        return value, gradient

    def fisher(self, values: Values) -> np.ndarray:
        """Expected information, (batch, parameters, parameters)."""
        return self.expansion(self.parameters.points(values), self._packed)[2]

    def logprior(self, values: Values) -> np.ndarray:
        """ln of the declared priors of the free parameters, −inf outside bounds and simplexes, (batch,)."""
        points = self.parameters.points(values)
        total = np.where(self.parameters.allowed(points), 0.0, -np.inf)
        for i, p in enumerate(self.parameters):
            if not p.fixed:
                total = total + p.prior.logpdf(points[:, i], p.bounds)
        return total

    def saturated(self, data: Dataset | Packed | None = None) -> Any:
        """logpdf of the model that expects just what was seen, the constraints at their best."""
        packed = self.pack(data)
        result = self.statistic.saturated(packed) + self.constraints.saturated(packed.auxiliary)
        return result if len(packed) > 1 else float(result[0])

    # ---- data

    def pack(self, data: Dataset | Packed | None = None) -> Packed:
        """Data as matrices, checked; raises DataError."""
        if data is None:
            return self._packed
        if isinstance(data, Packed):
            return data
        for name in data.counts:
            if name not in self._slices:
                raise DataError(unknown("channel", name, self._slices, f"data of {self.name}"))
        columns = []
        for channel in self.channels:
            if channel.name not in data.counts:
                raise DataError(f"data of {self.name}: no counts for channel {channel.name!r}")
            where = f"channel {channel.name!r} of {self.name}"
            given = data.counts[channel.name]
            columns.append(np.atleast_2d(check_counts(given, channel.bins, where, measured=channel.measured)))
        if len({c.shape[:-1] for c in columns}) > 1 or columns[0].ndim > 2:
            shapes = ", ".join(str(c.shape) for c in columns)
            raise DataError(f"data of {self.name}: every channel needs the same number of sets; found shapes {shapes}")
        counts = np.concatenate(columns, axis=-1)
        auxiliary = self._auxiliary(data.auxiliary, len(counts))
        return Packed(counts, auxiliary, -gammaln(self.statistic.counted(counts) + 1.0).sum(axis=-1))

    def _auxiliary(self, given: Mapping[str, Any], sets: int) -> np.ndarray:
        """Auxiliary data as a matrix (sets, auxiliary), those not given as they were measured; raises DataError."""
        names = self.constraints.auxiliary_names
        result = np.tile(self.constraints.measured, (sets, 1))
        for name, values in given.items():
            if name not in names:
                raise DataError(unknown("auxiliary datum", name, names, f"data of {self.name}"))
            try:
                result[:, names.index(name)] = np.asarray(values, dtype=float)
            except (TypeError, ValueError):
                found = f"shape {np.shape(values)}" if np.ndim(values) else repr(values)
                raise DataError(
                    f"auxiliary datum {name!r}: expected a number or {sets} of them; found {found}"
                ) from None
        if not np.isfinite(result).all():
            bad = names[int(np.flatnonzero(~np.isfinite(result).all(axis=0))[0])]
            raise DataError(f"auxiliary datum {bad!r} of {self.name} is not a finite number")
        return result

    def dataset(self, counts: np.ndarray, auxiliary: np.ndarray, kind: str, seed: int | None = None) -> Dataset:
        """A Dataset from matrices or vectors in the order of the bins and the auxiliary data."""
        by_channel = {name: counts[..., part] for name, part in self._slices.items()}
        measured = {name: auxiliary[..., i] for i, name in enumerate(self.constraints.auxiliary_names)}
        return Dataset(by_channel, measured, kind, seed)

    def asimov(self, values: Values) -> Dataset:
        """Data equal to their expectation at `values`, auxiliary data at the truth as well."""
        points = self.parameters.points(values)
        counts, auxiliary = self.rates(points), self.constraints.expected(points)
        many = _is_batch(values)
        return self.dataset(counts if many else counts[0], auxiliary if many else auxiliary[0], "asimov")

    def toy(self, values: Values, rng: np.random.Generator) -> Dataset:
        """Fluctuated data with the truth at `values`: one set a point; raises ParameterError."""
        points = self.parameters.points(values)
        rates = self.rates(points)
        counted = self.statistic.counted(rates)
        if (counted < 0).any():
            raise ParameterError(f"{self.name}: expected counts are negative at these values: no toy can be drawn")
        if max(counted.max(initial=0.0), self.constraints.expected(points).max(initial=0.0)) > MOST_COUNTS:
            raise ParameterError(f"{self.name}: more than {MOST_COUNTS:g} counts are expected: no toy can be drawn")
        counts, auxiliary = self.statistic.sample(points, rates, rng), self.constraints.sample(points, rng)
        many = _is_batch(values)
        return self.dataset(counts if many else counts[0], auxiliary if many else auxiliary[0], "toy")

    def with_data(self, data: Dataset) -> BinnedLikelihood:
        """The same likelihood against other data."""
        other = copy.copy(self)
        other.data, other._packed, other._replaced = data, self.pack(data), True
        return other

    # ---- the same likelihood elsewhere

    def configure(self, **configuration: Any) -> BinnedLikelihood:
        """The likelihood loaded again with some of its configuration changed."""
        return self._reload(**{**self.configuration, **configuration})

    def recipe(self) -> Recipe:
        """How to build this likelihood in another process."""
        data = self.data if self._replaced else None
        description = self.description
        return Recipe(description.source, self.configuration, description.digests, data, self.model.modules)

    def cost(self) -> iminuit.cost.Cost:
        """−2 ln(density) as an iminuit cost: adds to any other iminuit cost that shares parameter names."""
        from npinfer.likelihood.cost import LikelihoodCost

        return LikelihoodCost(self)

    def pyhf_model(self) -> pyhf.Model:
        """This likelihood as an in-memory pyhf model, with the same parameters in the same order.

        That of a workspace is pyhf's own.
        """
        from npinfer.likelihood.pyhf_model import build_pyhf_model

        return build_pyhf_model(self)


def _is_batch(values: Values) -> bool:
    return not isinstance(values, Mapping) and np.ndim(values) == 2


def channel_dataset(channels: Sequence[Channel], observed: Mapping[str, np.ndarray]) -> Dataset:
    """The observed counts as a Dataset, of the kind "non-integer" where they are not whole: nobody counted them."""
    counts = {
        c.name: check_counts(observed[c.name], c.bins, f"channel {c.name!r}", measured=c.measured) for c in channels
    }
    whole = all(c.measured or (counts[c.name] == np.floor(counts[c.name])).all() for c in channels)
    return Dataset(counts, {}, "observed" if whole else "non-integer")
