"""From a checked document and a configuration to a likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from npinfer.core.axis import Axis
from npinfer.core.constraint import Constraints
from npinfer.core.dataset import Dataset
from npinfer.core.limits import LARGEST
from npinfer.core.parameter import Parameter, Parameters, powers_are_numbers
from npinfer.core.provenance import Description, digest
from npinfer.core.template import Channel
from npinfer.errors import ConfigurationError, unknown
from npinfer.likelihood.binned import BinnedLikelihood, Derived, Model, channel_dataset
from npinfer.likelihood.contract import Contracted
from npinfer.likelihood.declare import at, declared_parameters
from npinfer.likelihood.gammas import Carrier, Gammas, bin_parameters, check_names
from npinfer.likelihood.interpolation import Shift
from npinfer.likelihood.measured import read_sigma
from npinfer.likelihood.plan import NormSys, Plan, check_expected, place
from npinfer.likelihood.plugins import plugin_digest
from npinfer.likelihood.simulated import Simulated, read_simulated, shared_events
from npinfer.likelihood.simulation import Covariance, Simulation, covariances, thin_notes
from npinfer.likelihood.spec import Document, labels
from npinfer.likelihood.systematics import Systematics
from npinfer.likelihood.tables import DataFolder, read_observed
from npinfer.likelihood.terms import DirectCounts, FixedTemplate, Group, Source, SumOfSources
from npinfer.physics.registry import Weights, find_generator, parameter_names

UNFIT = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)  # what inputs of a wrong kind lead to


class _Inputs(dict[str, Any]):
    """The inputs of a generator; one that is missing is named."""

    def __missing__(self, key: str) -> Any:
        raise ConfigurationError(f"this generator needs the input {key!r}: add it under inputs")


def build(
    document: Document,
    shared: Mapping[str, Any],
    configuration: Mapping[str, Any],
    reload: Callable[..., BinnedLikelihood],
) -> BinnedLikelihood:
    """A likelihood from its document, the shared physics parameters and the chosen configuration.

    Raises ConfigurationError or DataError with file and line.
    """
    return Builder(document, shared, configuration).likelihood(reload)


class Builder:
    """Works through one document; every fault is reported with its place."""

    def __init__(self, document: Document, shared: Mapping[str, Any], configuration: Mapping[str, Any]) -> None:
        self.document, self.spec, self.configuration = document, document.content, dict(configuration)
        beside = document.path.resolve().parent
        self.folder: DataFolder = self._at(lambda: DataFolder(self.spec.get("data"), beside), "data")
        self.channels = tuple(self._channel(name, entry) for name, entry in self.spec["channels"].items())
        self.order = tuple(c.name for c in self.channels)
        self.bins = {c.name: c.bins for c in self.channels}
        self.exposure = self._exposure()
        if self.exposure * self.spec.get("livetime_s", 1.0) > LARGEST:
            raise ConfigurationError(f"{document.where('livetime_s')}: a finite time, of at most {LARGEST:g} s")
        if self.exposure != 1.0 and any(c.measured for c in self.channels):
            where = document.where("configuration")
            raise ConfigurationError(f"{where}: what is measured with the statistic normal does not grow with exposure")
        self.systematics = Systematics(self.channels, self.folder, self.exposure)
        self.declared = declared_parameters(document, shared, configuration)

    def _exposure(self) -> float:
        """What is configured as an exposure, in units of the data's: `exposure`, or what is marked as one."""
        entries = self.spec.get("configuration", {})
        name = next((n for n, entry in entries.items() if entry.get("is_exposure")), "exposure")
        value = self.configuration.get(name, 1.0)
        unit = 1.0 if name == "exposure" else float(entries[name]["default"])
        if not isinstance(value, float) or not 0 < value <= LARGEST * unit:
            where = self.document.where("configuration", name)
            wanted = "a positive multiple of the data's" if unit == 1.0 else "a positive number"
            raise ConfigurationError(f"{where}: {wanted}; found {value!r}")
        return value / unit

    def _at(self, make: Callable[[], Any], *key: str | int) -> Any:
        return at(self.document, key, make)

    def _channel(self, name: str, entry: Mapping[str, Any]) -> Channel:
        def make() -> Channel:
            axes = tuple(Axis.from_spec(axis, spec) for axis, spec in entry["axes"].items())
            up, down = read_sigma(entry, math.prod(a.bins for a in axes))
            return Channel(name, axes, entry.get("statistic", "poisson"), up, down)

        channel: Channel = self._at(make, "channels", name)
        return channel

    def likelihood(self, reload: Callable[..., BinnedLikelihood]) -> BinnedLikelihood:
        """Everything together; parameters that nothing reads in this configuration are left out."""
        plans = [self._plan(name, entry) for name, entry in self.spec["samples"].items()]
        simulated: tuple[Covariance, ...] = self._at(lambda: self._covariances(plans), "samples")
        own, gammas = self._gammas(plans, simulated)
        read = set(own).union(*(plan.reads() for plan in plans))
        active = {short: p for short, p in self.declared.items() if short in read}
        positions = {short: i for i, short in enumerate(active)}
        parameters = Parameters(list(active.values()))
        groups = place(plans, gammas, positions, sum(self.bins.values()))
        self._at(lambda: check_expected(groups, parameters.init[None], self.bins), "samples")
        simulations = tuple(Simulation(c, groups) for c in simulated)
        model = Model(
            self._description(self._notes(plans, simulations, groups, parameters.init[None])),
            parameters,
            self.channels,
            groups,
            Constraints(parameters.names, {p.name: p.constraint for p in parameters if p.constraint}),
            self._derived(positions),
            self._poi(active),
            self._modules(),
            simulations,
        )
        data = self._data()
        made: BinnedLikelihood = self._at(lambda: BinnedLikelihood(model, data, reload), "parameters")
        return made

    def _notes(
        self, plans: Sequence[Plan], simulations: Sequence[Simulation], groups: Sequence[Group], point: np.ndarray
    ) -> tuple[str, ...]:
        """What a user of the simulations should know, at the start values."""
        expected: dict[str, np.ndarray] = {}
        for group in groups if simulations else ():
            expected |= {name: counts[0] for name, counts in group.expected(point, contracted=True).items()}
        shared = shared_events([p.simulated for p in plans if p.simulated])
        return shared + thin_notes(simulations, self.channels, point, expected)

    def _poi(self, active: Mapping[str, Parameter]) -> str | None:
        """The parameter of interest: the first of those declared that exists in this configuration."""
        given = self.spec.get("poi", [])
        pois = [given] if isinstance(given, str) else given
        for poi in pois:
            if poi not in self.declared:
                raise ConfigurationError(unknown("parameter", poi, self.declared, self.document.where("poi")))
        return next((active[poi].name for poi in pois if poi in active), None)

    # ---- samples

    def _plan(self, name: str, entry: Mapping[str, Any]) -> Plan:
        source, simulated = self._at(lambda: self._source(name, entry), "samples", name)
        scale = read_scale(entry.get("scale", ()))
        for parameter, power in scale.items():
            self._at(lambda p=parameter, k=power: self._check_scale(p, k), "samples", name, "scale")  # type: ignore[misc]
        norm: list[NormSys] = []
        shape: list[tuple[str, Shift]] = []
        carriers: list[Carrier] = []
        kinds: dict[str, list[Any]] = {"normsys": norm, "histosys": shape}
        for i, systematic in enumerate(entry.get("systematics", [])):
            key = ("samples", name, "systematics", i)
            read = lambda s=systematic, k=key: self.systematics.read(name, s, k, source, simulated)  # type: ignore[misc]
            kinds.get(systematic["kind"], carriers).append(self._at(read, *key))
        return Plan(name, source, scale, tuple(norm), tuple(shape), tuple(carriers), simulated)

    def _known(self, name: str, reader: str) -> Parameter:
        if name not in self.declared:
            hint = unknown("parameter", name, self.declared)
            raise ConfigurationError(f"{reader} reads a parameter that is not declared under parameters: {hint}")
        return self.declared[name]

    def _check_scale(self, name: str, power: float) -> None:
        bounds = self._known(name, "scale").bounds
        if not powers_are_numbers(bounds, power):
            raise ConfigurationError(f"the power {power:g} of {name!r} within its bounds is not a usable number")
        lower = bounds[0]
        if not ((power >= 1 or lower > 0) and (power == int(power) or lower >= 0)):
            raise ConfigurationError(
                f"the power {power:g} of {name!r}: a power is at least 1, or the parameter's lower bound is positive; "
                "a fraction needs a parameter that is not negative"
            )

    def _source(self, name: str, entry: Mapping[str, Any]) -> tuple[Source, Simulated | None]:
        """Where a sample's counts come from, and its simulation if that is declared."""
        if "template" in entry:
            if "inputs" in entry:
                raise ConfigurationError("inputs are for a generator; this sample has a template")
            table, simulated = read_simulated(name, entry, self.channels, self.folder, self.exposure)
            return FixedTemplate(table), simulated
        for word in ("variance", "simulation"):
            if word in entry:
                raise ConfigurationError(f"{word} is for a template; this sample comes from a generator")
        bound = self._bind(entry)
        if _is_weights(bound):
            return self._contract(bound, entry["generator"]), None
        names = parameter_names(bound)
        start = [self._known(parameter, f"generator {entry['generator']!r}").init for parameter in names]
        return DirectCounts(bound, names, self.order, self.bins).checked(np.array([start], dtype=float)), None

    def _bind(self, entry: Mapping[str, Any]) -> Any:
        """What the generator of a sample or derived quantity gives for its inputs and this configuration."""
        livetime = {"livetime_s": self.exposure * float(self.spec["livetime_s"])} if "livetime_s" in self.spec else {}
        inputs = _Inputs({**livetime, **entry.get("inputs", {})})
        bind = find_generator(entry["generator"])
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                return bind(inputs, self.channels, self.configuration)
        except UNFIT as error:
            said = f"{type(error).__name__}: {error}"
            raise ConfigurationError(f"generator {entry['generator']!r} cannot use its inputs: {said}") from error

    def _contract(self, bound: Weights | Sequence[Weights], generator: str) -> Source:
        """The tabulated counts of one Weights or of a sum of them."""
        parts: list[Source] = []
        for weights in [bound] if isinstance(bound, Weights) else bound:
            names = (*parameter_names(weights.mix), *parameter_names(weights.shape), *weights.response.parameters)
            bounds = {n: self._known(n, f"generator {generator!r}").bounds for n in names}
            parts.append(Contracted(weights, bounds, self.order, self.bins))
        return parts[0] if len(parts) == 1 else SumOfSources(parts)

    # ---- simulations and factors of bins

    def _covariances(self, plans: Sequence[Plan]) -> tuple[Covariance, ...]:
        """The simulations; every channel with the effective statistic needs one."""
        found = covariances([plan.simulated for plan in plans if plan.simulated])
        for c in self.channels:
            mine = np.repeat([c is other for other in self.channels], list(self.bins.values()))
            if c.statistic == "effective" and not any(v.matrix[..., mine].any() for v in found):
                raise ConfigurationError(
                    f"{self.document.where('channels', c.name, 'statistic')}: no sample has a variance there; give a "
                    "template its variance, or a table of events, or use the statistic poisson"
                )
        return found

    def _gammas(
        self, plans: Sequence[Plan], simulated: Sequence[Covariance]
    ) -> tuple[dict[str, Parameter], dict[str, tuple[Gammas, ...]]]:
        """The parameters of single bins, which become declared ones, and what multiplies each sample."""
        carriers = [carrier for plan in plans for carrier in plan.carriers]
        for i, carrier in enumerate(carriers):
            self._at(lambda n=i + 1: check_names(carriers[:n], self.declared), *carrier.key)  # type: ignore[misc]
        owner = str(self.spec["name"])
        own, factors = self._at(lambda: bin_parameters(carriers, simulated, self.channels, owner), "samples")
        for short in own:
            if short in self.declared:
                where = self.document.where("parameters", short)
                raise ConfigurationError(f"{where}: this is the name of a bin's factor too; choose another")
        self.declared |= own
        return own, factors

    # ---- derived quantities, data and description

    def _derived(self, positions: Mapping[str, int]) -> dict[str, Derived]:
        """Those derived quantities whose parameters exist in this configuration."""
        found = {}
        for name, entry in self.spec.get("derived", {}).items():
            entry = {"generator": entry} if isinstance(entry, str) else entry
            names, function = self._at(lambda e=entry: self._quantity(e), "derived", name)  # type: ignore[misc]
            if all(n in positions for n in names):
                label = f"${entry['latex']}$" if entry.get("latex") else name
                found[name] = Derived(np.array([positions[n] for n in names], dtype=np.intp), function, label)
        return found

    def _quantity(self, entry: Mapping[str, Any]) -> tuple[tuple[str, ...], Callable[[np.ndarray], np.ndarray]]:
        """A generator's function of parameters, or the total of a generator's counts."""
        bound = self._bind(entry)
        if _is_weights(bound):
            table = self._contract(bound, entry["generator"])
            return table.names, lambda values: table.counts(values).sum(axis=-1)
        names = parameter_names(bound)
        return names, lambda values: np.asarray(bound(**dict(zip(names, values.T, strict=True))))

    def _modules(self) -> tuple[str, ...]:
        """The modules of the generators in use, which another process must import."""
        return tuple(sorted({g.__module__ for g in self._generators()}))

    def _generators(self) -> list[Callable[..., Any]]:
        entries = {(key, name): e for key in ("samples", "derived") for name, e in self.spec.get(key, {}).items()}
        names = {key: e if isinstance(e, str) else e.get("generator") for key, e in entries.items()}
        return [self._at(lambda n=n: find_generator(n), *key) for key, n in names.items() if n]  # type: ignore[misc]

    def _data(self) -> Dataset | None:
        """The observed counts; None for a likelihood without, or of another exposure, which has Asimov data."""
        entries = self.spec["channels"]
        missing = [name for name, entry in entries.items() if "observed" not in entry]
        if len(missing) == len(entries) or self.exposure != 1.0:
            return None
        if missing:
            where = self.document.where("channels", missing[0])
            raise ConfigurationError(f"{where}: no observed counts; give them for every channel or for none")
        observed = {}
        for c in self.channels:
            source = entries[c.name]["observed"]
            make = lambda c=c, source=source: read_observed(source, c, self.folder)
            observed[c.name] = self._at(make, "channels", c.name, "observed")
        return channel_dataset(self.channels, observed)

    def _description(self, notes: tuple[str, ...]) -> Description:
        spec, plugins = self.spec, plugin_digest(self._generators())
        return Description(
            name=str(spec["name"]),
            title=spec.get("title", spec["name"]),
            kind=spec["kind"] if self.exposure == 1.0 else "asimov",
            status=spec["status"],
            dataset=spec.get("dataset", spec["name"]),
            reference=spec.get("reference", {}),
            configuration=self.configuration,
            labels=labels(self.document),
            digests={
                "spec": digest(spec),
                "data": digest(self.folder.sha256),
                "configuration": digest(self.configuration),
            }
            | ({"plugins": plugins} if plugins else {}),
            source=str(self.document.path),
            notes=(*spec.get("notes", ()), *notes),
        )


def _is_weights(bound: Any) -> bool:
    return isinstance(bound, Weights) or (
        isinstance(bound, (list, tuple)) and len(bound) > 0 and all(isinstance(w, Weights) for w in bound)
    )


def read_scale(entry: str | Sequence[str] | Mapping[str, float]) -> dict[str, float]:
    """{parameter: power} from a name, a list of names (one given twice is squared) or a mapping."""
    if isinstance(entry, Mapping):
        return {k: float(v) for k, v in entry.items()}
    names = [entry] if isinstance(entry, str) else list(entry)
    return {name: float(names.count(name)) for name in names}
