"""From a checked document and a configuration to a likelihood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npinfer.core.axis import Axis
from npinfer.core.constraint import Constraint, Constraints
from npinfer.core.parameter import Parameter, Parameters, Prior
from npinfer.core.provenance import Description, digest
from npinfer.core.template import Channel
from npinfer.errors import ConfigurationError, NpinferError, unknown
from npinfer.likelihood.binned import BinnedLikelihood, Derived, Model, channel_dataset
from npinfer.likelihood.contract import Contracted
from npinfer.likelihood.interpolation import Shift
from npinfer.likelihood.spec import Document
from npinfer.likelihood.tables import DataFolder, read_observed, read_template
from npinfer.likelihood.terms import DirectCounts, FixedTemplate, Group, HistoSys, NormFactors, Sample, Source, SumOfSources
from npinfer.physics import flavour
from npinfer.physics.registry import Weights, find_generator, parameter_names


def build(
    document: Document, shared: Mapping[str, Any], configuration: Mapping[str, Any], reload: Callable[..., BinnedLikelihood]
) -> BinnedLikelihood:
    """A likelihood from its document, the shared physics parameters and the chosen configuration."""
    return _Builder(document, shared, configuration).likelihood(reload)


class _Builder:
    """Works through one document; every fault is reported with its place."""

    def __init__(self, document: Document, shared: Mapping[str, Any], configuration: Mapping[str, Any]) -> None:
        self.document, self.spec, self.configuration = document, document.content, dict(configuration)
        self.name = str(self.spec["name"])
        self.folder = self._at(("data",), lambda: DataFolder(self.spec.get("data"), _folder_of(document.path)))
        self.channels = tuple(self._at(("channels", n), lambda n=n, c=c: _channel(n, c)) for n, c in self.spec["channels"].items())
        self.order = tuple(c.name for c in self.channels)
        self.bins = {c.name: c.bins for c in self.channels}
        self.declared = self._declared(shared)
        self.sources = {n: self._at(("samples", n), lambda n=n, s=s: self._bind(s)) for n, s in self.spec["samples"].items()}

    def _at(self, key: tuple[str | int, ...], make: Callable[[], Any]) -> Any:
        """Run `make`, adding the place to any fault it reports."""
        try:
            return make()
        except NpinferError as error:
            place = self.document.where(*key)
            raise error if str(self.document.path) in str(error) else type(error)(f"{place}: {error}") from None

    # ---- parameters

    def _declared(self, shared: Mapping[str, Any]) -> dict[str, Parameter]:
        """Every parameter this file may use: {name as generators say it: Parameter}."""
        section = self.spec.get("parameters", {})
        found: dict[str, Parameter] = {}
        for i, name in enumerate(section.get("use", [])):
            place = ("parameters", "use", i)
            if name not in shared:
                raise ConfigurationError(unknown("shared parameter", name, shared, self.document.where(*place)))
            found[name] = self._at(place, lambda n=name: self._parameter(n, {"role": "physics", **shared[n]}))
        for name, entry in section.items():
            if name != "use":
                full = f"{self.name}.{name}"
                found[name] = self._at(("parameters", name), lambda f=full, e=entry: self._parameter(f, e))
        for sample, entry in self.spec["samples"].items():
            for i, systematic in enumerate(entry.get("systematics", [])):
                label = systematic["name"]
                if label not in found:
                    group = systematic.get("group", "")
                    unit_normal = Constraint("normal", 0.0)
                    place = ("samples", sample, "systematics", i)
                    found[label] = self._at(
                        place, lambda g=group, s=label: Parameter(f"{self.name}.{s}", 0.0, (-5.0, 5.0), group=g, constraint=unit_normal)
                    )
        return found

    def _parameter(self, name: str, entry: Mapping[str, Any]) -> Parameter:
        known = {k: v for k, v in entry.items() if k not in ("constraint", "prior", "about")}
        known["bounds"] = (float(entry["bounds"][0]), float(entry["bounds"][1]))
        known["init"] = float(entry["init"])
        known["starts"] = tuple(entry.get("starts", ()))
        constraint = entry.get("constraint")
        if constraint and "oscillation_fit" in constraint:
            measured = _oscillation_constraint(constraint["oscillation_fit"], self.configuration)
            known["init"], known["constraint"] = measured.mean, measured
        elif constraint:
            known["constraint"] = Constraint.from_spec(constraint)
        if "prior" in entry:
            known["prior"] = Prior(0.0 if "flat_in_log" in entry["prior"] else float(entry["prior"]["flat_in_power"]))
        return Parameter(name, **known)

    def _short(self, name: str, reader: str) -> Parameter:
        if name not in self.declared:
            hint = unknown("parameter", name, self.declared)
            raise ConfigurationError(f"{reader} reads a parameter that is not declared under parameters: {hint}")
        return self.declared[name]

    # ---- samples

    def _inputs(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        livetime = {"livetime_s": float(self.spec["livetime_s"])} if "livetime_s" in self.spec else {}
        return {**livetime, **entry.get("inputs", {})}

    def _bind(self, entry: Mapping[str, Any]) -> Source:
        """The source of a sample's counts."""
        if "template" in entry:
            return FixedTemplate(read_template(entry["template"], self.channels, self.folder))
        bound = find_generator(entry["generator"])(self._inputs(entry), self.channels, self.configuration)
        if _is_weights(bound):
            return self._contract(bound, entry["generator"])
        names = parameter_names(bound)
        for name in names:
            self._short(name, f"generator {entry['generator']!r}")
        return DirectCounts(bound, names, self.order, self.bins)

    def _contract(self, bound: Weights | Sequence[Weights], generator: str) -> Source:
        """The tabulated counts of one Weights or of a sum of them."""
        parts = []
        for weights in [bound] if isinstance(bound, Weights) else bound:
            names = (*parameter_names(weights.mix), *parameter_names(weights.shape), *weights.response.parameters)
            bounds = {n: self._short(n, f"generator {generator!r}").bounds for n in names}
            parts.append(Contracted(weights, bounds, self.order, self.bins))
        return parts[0] if len(parts) == 1 else SumOfSources(parts)

    def _derived(self) -> dict[str, tuple[tuple[str, ...], Callable[[np.ndarray], np.ndarray]]]:
        """{name: (parameters read, function of their values (batch, names))}."""
        found = {}
        for name, entry in self.spec.get("derived", {}).items():
            entry = {"generator": entry} if isinstance(entry, str) else entry
            found[name] = self._at(("derived", name), lambda e=entry: self._quantity(e))
        return found

    def _quantity(self, entry: Mapping[str, Any]) -> tuple[tuple[str, ...], Callable[[np.ndarray], np.ndarray]]:
        """A derived quantity: a generator's function of parameters, or the total of a generator's counts."""
        bound = find_generator(entry["generator"])(self._inputs(entry), self.channels, self.configuration)
        if _is_weights(bound):
            table = self._contract(bound, entry["generator"])
            return table.names, lambda values: table.counts(values).sum(axis=-1)
        names = parameter_names(bound)
        return names, lambda values: np.asarray(bound(**dict(zip(names, values.T, strict=True))))

    def _systematics(self, sample: str, entry: Mapping[str, Any], source: Source) -> tuple[list[tuple[str, Any]], list[tuple[str, Any]]]:
        """(normsys, histosys) of one sample with the short names of their parameters."""
        norm, shape = [], []
        for i, systematic in enumerate(entry.get("systematics", [])):
            where = self.document.where("samples", sample, "systematics", i)
            chosen = systematic.get("channels", self.order)
            for name in chosen:
                if name not in self.order:
                    raise ConfigurationError(unknown("channel", name, self.order, where))
            mask = np.concatenate([np.full(c.bins, float(c.name in chosen)) for c in self.channels])
            up, down = systematic["up"], systematic.get("down")
            if systematic["kind"] == "normsys":
                if not isinstance(up, (int, float)) or not isinstance(down, (int, float, type(None))):
                    raise ConfigurationError(f"{where}: a normsys takes numbers for up and down; found {up!r}, {down!r}")
                norm.append((systematic["name"], float(up), float(down or 1.0 / up), mask))
                continue
            if not isinstance(source, FixedTemplate):
                raise ConfigurationError(f"{where}: a histosys varies a template on disk; this sample comes from a generator")
            if (down is None) == (not systematic.get("mirror", False)):
                raise ConfigurationError(f"{where}: give either down or mirror: true")
            high = read_template(up, self.channels, self.folder)
            low = 2 * source.table - high if down is None else read_template(down, self.channels, self.folder)
            on = mask > 0
            shape.append((systematic["name"], Shift(source.table, np.where(on, high, source.table), np.where(on, low, source.table))))
        return norm, shape

    # ---- all together

    def likelihood(self, reload: Callable[..., BinnedLikelihood]) -> BinnedLikelihood:
        plans, used = [], set()
        for sample, entry in self.spec["samples"].items():
            source = self.sources[sample]
            scale = _scale(entry.get("scale", ()))
            for name in scale:
                self._at(("samples", sample, "scale"), lambda n=name: self._short(n, "scale"))
            norm, shape = self._at(("samples", sample), lambda s=sample, e=entry, o=source: self._systematics(s, e, o))
            used |= {*source.names, *scale, *(n for n, *_ in (*norm, *shape))}
            plans.append((sample, source, scale, norm, shape))
        active = {short: p for short, p in self.declared.items() if short in used}
        parameters, at = Parameters(list(active.values())), {short: i for i, short in enumerate(active)}
        groups = _groups(plans, at, sum(self.bins.values()))
        constraints = Constraints(parameters.names, {p.name: p.constraint for p in parameters if p.constraint})
        derived = {
            name: Derived(np.array([at[n] for n in names], dtype=int), function, self._label(name))
            for name, (names, function) in self._derived().items()
            if all(n in at for n in names)
        }
        poi = self.spec.get("poi")
        model = Model(
            self._description(), parameters, self.channels, groups, constraints, derived, active[poi].name if poi in active else None, self._modules()
        )
        return BinnedLikelihood(model, self._data(), reload)

    def _label(self, derived: str) -> str:
        entry = self.spec["derived"][derived]
        latex = entry.get("latex", "") if isinstance(entry, dict) else ""
        return f"${latex}$" if latex else derived

    def _modules(self) -> tuple[str, ...]:
        """The modules of the generators in use, which a worker must import."""
        entries = [*self.spec["samples"].values(), *self.spec.get("derived", {}).values()]
        names = [e if isinstance(e, str) else e.get("generator") for e in entries]
        return tuple(sorted({find_generator(n).__module__ for n in names if n}))

    def _data(self) -> Any:
        entries = self.spec["channels"]
        seen = {n for n, e in entries.items() if "observed" in e}
        if not seen:
            return None
        if len(seen) < len(entries):
            missing = next(n for n in entries if n not in seen)
            raise ConfigurationError(f"{self.document.where('channels', missing)}: no observed counts; give them for every channel or for none")
        observed = {c.name: self._at(("channels", c.name, "observed"), lambda c=c: read_observed(entries[c.name]["observed"], c, self.folder)) for c in self.channels}
        return channel_dataset(self.channels, observed)

    def _description(self) -> Description:
        spec = self.spec
        digests = {"spec": digest(spec), "data": digest(self.folder.sha256), "configuration": digest(self.configuration)}
        return Description(
            self.name,
            spec.get("title", self.name),
            spec["kind"],
            spec["status"],
            spec.get("dataset", self.name),
            spec.get("reference", {}),
            self.configuration,
            digests,
            str(self.document.path),
        )


def _is_weights(bound: Any) -> bool:
    return isinstance(bound, Weights) or (isinstance(bound, (list, tuple)) and all(isinstance(w, Weights) for w in bound))


def _folder_of(path: Path) -> Path:
    return path.resolve().parent


def _channel(name: str, entry: Mapping[str, Any]) -> Channel:
    axes = tuple(Axis.from_spec(axis, spec) for axis, spec in entry["axes"].items())
    return Channel(name, axes, entry.get("statistic", "poisson"))


def _scale(entry: str | Sequence[str] | Mapping[str, float]) -> dict[str, float]:
    """{parameter: power} from a name, a list of names or a mapping."""
    if isinstance(entry, str):
        return {entry: 1.0}
    return {k: float(v) for k, v in entry.items()} if isinstance(entry, Mapping) else dict.fromkeys(entry, 1.0)


def _groups(plans: Sequence[tuple[str, Source, dict[str, float], list[Any], list[Any]]], at: Mapping[str, int], bins: int) -> tuple[Group, ...]:
    """The samples, those with the same normsys together."""
    together: dict[Any, tuple[list[Sample], list[Any]]] = {}
    for name, source, scale, norm, shape in plans:
        sample = Sample(
            name,
            source,
            np.array([at[n] for n in source.names], dtype=int),
            tuple((at[n], power) for n, power in scale.items()),
            tuple(HistoSys(at[n], shift) for n, shift in shape),
        )
        key = tuple((label, up, down, mask.tobytes()) for label, up, down, mask in norm)
        together.setdefault(key, ([], norm))[0].append(sample)
    groups = []
    for samples, norm in together.values():
        masks = np.array([mask for *_, mask in norm]).reshape(len(norm), bins)
        factors = NormFactors([at[n] for n, *_ in norm], [up for _, up, _, _ in norm], [down for _, _, down, _ in norm], masks)
        groups.append(Group(tuple(samples), factors))
    return tuple(groups)


def _oscillation_constraint(quantity: str, configuration: Mapping[str, Any]) -> Constraint:
    """The measurement of a mixing parameter by the global fit named in the configuration `oscillation`."""
    if "oscillation" not in configuration:
        raise ConfigurationError("an oscillation_fit constraint needs the configuration 'oscillation'")
    fit = flavour.oscillation_fit(str(configuration["oscillation"]))
    if not hasattr(fit, f"{quantity}_up"):
        raise ConfigurationError(unknown("quantity of an oscillation fit", quantity, ("s2_12", "s2_13", "s2_23", "delta_rad")))
    mean, up, down = (float(getattr(fit, f"{quantity}{end}")) for end in ("", "_up", "_down"))
    return Constraint("two_sided_normal", mean, up, down)
