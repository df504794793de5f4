"""HistFactory models from a workspace, evaluated natively: parameters, constraints and counts as pyhf defines them.

Semantics: CERN-OPEN-2012-016 and pyhf 0.7 (JOSS 6 (2021) 2823). Parameters have pyhf's names and order: those of single
bins are called name[bin].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from npinfer.core.axis import Axis
from npinfer.core.constraint import Constraint, Constraints
from npinfer.core.dataset import Dataset
from npinfer.core.parameter import Parameter, Parameters
from npinfer.core.provenance import Description, digest
from npinfer.core.template import Channel
from npinfer.errors import ConfigurationError, NpinferError, unknown
from npinfer.likelihood.binned import BinnedLikelihood, Model, channel_dataset
from npinfer.likelihood.cells import SINGLE, Cells
from npinfer.likelihood.modifiers import Histogram, Modifier, nothing
from npinfer.likelihood.spec import Document
from npinfer.likelihood.workspace import KINDS

PULL, FACTOR, GAMMA = (-5.0, 5.0), (0.0, 10.0), (1e-10, 10.0)  # pyhf's default bounds
CONFIGURED = ("inits", "bounds", "auxdata", "sigmas", "factors")


def build_workspace(
    document: Document, configuration: Mapping[str, Any], reload: Callable[..., BinnedLikelihood]
) -> BinnedLikelihood:
    """A likelihood from a checked workspace; raises ConfigurationError or DataError with the place of the fault."""
    return _Builder(document, configuration).likelihood(reload)


@dataclass
class ParameterSet:
    """The parameters of one modifier name, one or one a bin, as lists.

    measured, widths, rates: of the constraints; without `measured` there are none. given: what the measurement sets.
    """

    name: str
    kind: str
    inits: list[float]
    bounds: list[tuple[float, float]]
    fixed: list[bool]
    measured: list[float] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def parameters(self, owner: str) -> list[Parameter]:
        """With the names they have in likelihood `owner`."""
        single = self.kind not in SINGLE
        return [
            Parameter(
                f"{owner}.{self.name}" if single else f"{owner}.{self.name}[{i}]",
                float(self.inits[i]),
                (float(self.bounds[i][0]), float(self.bounds[i][1])),
                group="" if single else self.name,
                fixed=self.fixed[i],
                constraint=self._constraint(i),
            )
            for i in range(len(self.inits))
        ]

    def _constraint(self, i: int) -> Constraint | None:
        if not self.measured:
            return None
        if self.rates:
            return Constraint.from_spec({"poisson": {"count": self.measured[i], "rate": self.rates[i]}})
        return Constraint.from_spec({"normal": {"mean": self.measured[i], "sigma": self.widths[i]}})

    def configure(self, given: Mapping[str, Any]) -> None:
        """Take what the measurement says of these parameters; raises ConfigurationError."""
        n = len(self.inits)
        for key in CONFIGURED:
            if key not in given:
                continue
            own = {"auxdata": "measured", "sigmas": "widths", "factors": "rates"}.get(key, key)
            scale = key == "sigmas" and self.kind in ("normsys", "histosys")
            if (not getattr(self, own) and self.kind != "lumi") or scale or (key == "factors" and not self.rates):
                raise ConfigurationError(f"a {self.kind} has no {key}; remove them")
            if len(given[key]) != n:
                raise ConfigurationError(f"{key} has {len(given[key])} values for {n} parameters")
            setattr(self, own, [tuple(v) if isinstance(v, list) else v for v in given[key]])
        if "fixed" in given:
            self.fixed = [bool(given["fixed"])] * n
        if self.kind == "lumi":
            words = {"inits": self.inits, "bounds": self.bounds, "auxdata": self.measured, "sigmas": self.widths}
            missing = [k for k in words if k not in given]
            if missing:
                raise ConfigurationError(f"a lumi needs its {', '.join(missing)}: add them to the measurement")


class _Builder:
    """Works through one workspace."""

    def __init__(self, document: Document, configuration: Mapping[str, Any]) -> None:
        self.document, self.configuration = document, dict(configuration)
        self.name = str(document.content["name"])
        self.content: Mapping[str, Any] = document.content["workspace"]
        self.measurement: Mapping[str, Any] = next(
            m for m in self.content["measurements"] if m["name"] == configuration["measurement"]
        )
        self.bins = {c["name"]: len(c["samples"][0]["data"]) for c in self.content["channels"]}
        self.entries = [(c["name"], s) for c in self.content["channels"] for s in c["samples"]]

    def fault(self, where: str, problem: Any) -> ConfigurationError:
        return ConfigurationError(f"{self.document.path}: {where}: {problem}")

    def likelihood(self, reload: Callable[..., BinnedLikelihood]) -> BinnedLikelihood:
        """Everything together."""
        sets = self._sets()
        self._configure(sets)
        parameters: list[Parameter] = []
        first: dict[str, int] = {}
        for name, own in sets.items():
            first[name] = len(parameters)
            try:
                parameters += own.parameters(self.name)
            except NpinferError as error:
                raise self.fault(f"measurement {self.measurement['name']!r}, parameter {name!r}", error) from None
        found = Parameters(parameters)
        if not parameters:
            raise self.fault("channels", "no modifier, so no parameter; add one, such as a normfactor")
        histograms = [self._histogram(channel, sample, sets, first) for channel, sample in self.entries]
        model = Model(
            self._description(),
            found,
            tuple(Channel(n, (Axis("bin", tuple(np.arange(k + 1.0).tolist())),)) for n, k in self.bins.items()),
            (Cells(histograms, self.bins, self.configuration["normsys"], self.configuration["histosys"]),),
            Constraints(found.names, {p.name: p.constraint for p in found if p.constraint}),
            {},
            self._poi(sets),
            (),
            reference=self._pyhf_model,
        )
        return BinnedLikelihood(model, self._data(), reload)

    # ---- parameters

    def _sets(self) -> dict[str, ParameterSet]:
        """The parameters of every modifier name, in pyhf's order: by kind, channel, sample and name."""
        ordered = sorted(self.entries, key=lambda entry: (entry[0], entry[1]["name"]))
        found: dict[str, ParameterSet] = {}
        for kind in KINDS:
            uses: dict[str, list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]] = {}
            for channel, sample in ordered:
                for m in sorted(sample["modifiers"], key=lambda m: m["name"]):
                    if m["type"] == kind:
                        uses.setdefault(m["name"], []).append((channel, sample, m))
            for name in sorted(uses) if kind == "staterror" else uses:
                if name not in found:
                    found[name] = self._set(kind, name, uses[name])
        return found

    def _set(self, kind: str, name: str, uses: Sequence[tuple[str, Mapping[str, Any], Any]]) -> ParameterSet:
        if kind in ("histosys", "normsys"):
            return ParameterSet(name, kind, [0.0], [PULL], [False], [0.0], [1.0])
        if kind in ("normfactor", "lumi"):
            return ParameterSet(name, kind, [1.0], [FACTOR], [False])
        if kind == "shapefactor":
            bins = self.bins[uses[0][0]]
            if wider := [c for c, _, _ in uses if self.bins[c] > bins]:
                raise self.fault(
                    f"shapefactor {name!r}",
                    f"channel {wider[0]!r} has more bins than {uses[0][0]!r}, the first by name, which counts its "
                    "parameters in HistFactory's JSON; give each channel its own shapefactor, or rename the channels",
                )
            return ParameterSet(name, kind, [1.0] * bins, [FACTOR] * bins, [False] * bins)
        if kind == "shapesys":
            ((_, sample, m),) = uses
            tau, empty = _counts_of(np.array(sample["data"], dtype=float), np.array(m["data"], dtype=float))
            n = len(tau)
            return ParameterSet(name, kind, [1.0] * n, [GAMMA] * n, empty, tau, [], tau)
        sigma = self._relative(name, uses)
        exact = [s == 0 for s in sigma]
        n, widths = len(sigma), [s or 1.0 for s in sigma]
        return ParameterSet(name, kind, [1.0] * n, [GAMMA] * n, exact, [1.0] * n, widths)

    def _relative(self, name: str, uses: Sequence[tuple[str, Mapping[str, Any], Any]]) -> list[float]:
        """Relative uncertainties of a staterror: of the sum of the samples that carry it, channel after channel."""
        of_samples = {s["name"]: {c for c, other, _ in uses if other["name"] == s["name"]} for _, s, _ in uses}
        channels = sorted({c for c, _, _ in uses})
        if any(own != set(channels) for own in of_samples.values()):
            raise self.fault(f"staterror {name!r}", "its samples are not in the same channels; give each its own name")
        found: list[float] = []
        for channel in channels:
            counts = np.sum([s["data"] for c, s, _ in uses if c == channel], axis=0)
            variance = np.sum([np.square(m["data"]) for c, _, m in uses if c == channel], axis=0)
            with np.errstate(over="ignore"):
                relative = np.sqrt(variance) / np.where(counts > 0, counts, 1.0)
            found += np.where(counts > 0, relative, 0.0).tolist()
        return found

    def _configure(self, sets: Mapping[str, ParameterSet]) -> None:
        """What the measurement says of the parameters that exist."""
        given = {p["name"]: p for p in self.measurement["config"]["parameters"]}
        for name, own in sets.items():
            try:
                own.configure(given.get(name, {}))
            except ConfigurationError as error:
                raise self.fault(f"measurement {self.measurement['name']!r}, parameter {name!r}", error) from None

    def _poi(self, sets: Mapping[str, ParameterSet]) -> str | None:
        """The parameter of interest; None where the measurement has none."""
        poi, where = self.measurement["config"]["poi"], f"measurement {self.measurement['name']!r}: poi"
        if not poi:
            return None
        if poi not in sets:
            raise ConfigurationError(unknown("parameter", poi, sets, f"{self.document.path}: {where}"))
        if sets[poi].kind in SINGLE:
            raise self.fault(where, f"{poi!r} is a {sets[poi].kind}, a parameter a bin; choose a single one")
        return f"{self.name}.{poi}"

    # ---- counts

    def _histogram(
        self, channel: str, sample: Mapping[str, Any], sets: Mapping[str, ParameterSet], first: Mapping[str, int]
    ) -> Histogram:
        counts = np.array(sample["data"], dtype=float)
        modifiers = []
        for m in sample["modifiers"]:
            kind, name, data = m["type"], m["name"], m["data"]
            at, up, down, uncertainty = np.array([first[name]]), nothing(), nothing(), nothing()
            if kind in SINGLE:
                at = first[name] + self._offset(kind, name, channel) + np.arange(len(counts))
            if kind == "histosys":
                up, down = np.array(data["hi_data"], dtype=float), np.array(data["lo_data"], dtype=float)
            elif kind == "normsys":
                up, down = np.array([data["hi"]], dtype=float), np.array([data["lo"]], dtype=float)
            elif kind in ("shapesys", "staterror"):
                uncertainty = np.array(data, dtype=float)
            modifiers.append(Modifier(kind, name, at, up, down, uncertainty))
        return Histogram(sample["name"], channel, counts, tuple(modifiers))

    def _offset(self, kind: str, name: str, channel: str) -> int:
        """Where the bins of a channel begin among those of a staterror that several channels have."""
        if kind != "staterror":
            return 0
        others = {c for c, s in self.entries for m in s["modifiers"] if m["type"] == kind and m["name"] == name}
        return sum(self.bins[c] for c in others if c < channel)

    def _data(self) -> Dataset | None:
        """The observed counts; None for a workspace without observations, which has Asimov data."""
        observed = {o["name"]: o["data"] for o in self.content["observations"]}
        if not observed:
            return None
        channels = []
        for name, bins in self.bins.items():
            if name not in observed:
                raise ConfigurationError(
                    unknown("channel", name, observed, f"{self.document.path}: observations") + "; add its counts"
                )
            channels.append(Channel(name, (Axis("bin", tuple(np.arange(bins + 1.0).tolist())),)))
        try:
            return channel_dataset(channels, {k: np.asarray(v) for k, v in observed.items()})
        except NpinferError as error:
            raise self.fault("observations", error) from None

    def _description(self) -> Description:
        content = self.document.content
        return Description(
            name=self.name,
            title=str(content["title"]),
            kind="real" if self.content["observations"] else "asimov",
            status=str(content["status"]),
            dataset=self.name,
            configuration=self.configuration,
            digests={
                "spec": digest(self.content),
                "data": digest({}),
                "configuration": digest(self.configuration),
            },
            source=str(self.document.path),
        )

    def _pyhf_model(self) -> Any:
        """pyhf's own model of this workspace."""
        import pyhf

        spec = {"channels": self.content["channels"], "parameters": self.measurement["config"]["parameters"]}
        codes = {kind: {"interpcode": self.configuration[kind]} for kind in ("normsys", "histosys")}
        poi = self.measurement["config"]["poi"] or None
        return pyhf.Model(spec, poi_name=poi, modifier_settings=codes, validate=False)


def _counts_of(counts: np.ndarray, uncertainty: np.ndarray) -> tuple[list[float], list[bool]]:
    """Auxiliary events (counts / uncertainty)² of every bin of a shapesys; 1, and held, where it has none."""
    valid = (counts > 0) & (uncertainty > 0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        tau = np.where(valid, counts**2 / uncertainty**2, 1.0)
    return tau.tolist(), (~valid).tolist()
