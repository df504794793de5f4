"""describe, list: what a likelihood is, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from npinfer.core.constraint import Constraint
from npinfer.core.table import Table
from npinfer.core.template import Channel, effective_bins
from npinfer.errors import NpinferError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.catalogue import describe_spec, list_likelihoods, load, member_files, read_document
from npinfer.likelihood.joint import weakest
from npinfer.likelihood.members import leaves


def describe(likelihood: BinnedLikelihood | str | Path, **configuration: Any) -> tuple[Table, ...]:
    """The data sheet of a likelihood: what it is, its configuration, channels, samples and parameters.

    >>> print(describe("icecube_hese")[0].title)
    IceCube high-energy starting events, 7.5 years
    """
    if not isinstance(likelihood, BinnedLikelihood):
        likelihood = load(likelihood, **configuration)
    return (
        _identity(likelihood),
        _configuration(likelihood),
        _channels(likelihood),
        _samples(likelihood),
        _parameters(likelihood),
    )


def list_table() -> Table:
    """Every likelihood that can be loaded by name; a file with a fault is named below the table."""
    rows, faults = [], []
    for name, path in list_likelihoods().items():
        try:
            spec = describe_spec(path)
            parts = _leaf_specs(path)
        except NpinferError as error:
            faults.append(f"{name} cannot be loaded: {error}")
            continue
        kind, status = weakest(p["kind"] for p in parts), weakest(p["status"] for p in parts)
        poi = spec.get("poi")
        rows.append((name, kind, status, ", ".join(poi) if isinstance(poi, list) else poi, spec.get("title", "")))
    return Table("likelihoods", ("name", "kind", "status", "poi", "title"), tuple(rows), tuple(faults))


def _leaf_specs(path: Path, above: tuple[Path, ...] = ()) -> list[Mapping[str, Any]]:
    """The content of the one file, or of all members that are not themselves joint."""
    document = read_document(path)
    if "members" not in document.content:
        return [document.content]
    below = (*above, path.resolve())
    return [leaf for file in member_files(document, above) for leaf in _leaf_specs(file, below)]


def _identity(likelihood: BinnedLikelihood) -> Table:
    d = likelihood.description
    rows: list[tuple[str, str | None]] = [("name", d.name), ("kind", d.kind), ("status", d.status)]
    rows += [("data set", d.dataset), ("data", likelihood.data.kind), ("poi", likelihood.poi)]
    rows += [(key, value) for key, value in d.reference.items()]
    rows += [("file", d.source), ("spec sha256", d.digests["spec"][:16]), ("data sha256", d.digests["data"][:16])]
    return Table(d.title, ("what", "value"), tuple(rows))


def _configuration(likelihood: BinnedLikelihood) -> Table:
    rows = []
    specs = [describe_spec(m.description.source) for _, m in leaves(likelihood)]
    declared = {k: e for spec in specs for k, e in spec.get("configuration", {}).items()}
    for key, entry in declared.items():
        choices = ", ".join(map(str, entry.get("choices", [])))
        rows.append((key, str(likelihood.configuration[key]), choices, entry.get("unit", ""), entry.get("about", "")))
    columns = ("configuration", "value", "choices", "unit", "about")
    return Table("configuration (change with --with key=value)", columns, tuple(rows))


def _channels(likelihood: BinnedLikelihood) -> Table:
    expected = likelihood.expected(likelihood.parameters.init)
    rows = []
    for channel in likelihood.channels:
        axes = " × ".join(f"{a.label}: {a.bins} bins {a.edges[0]:g} – {a.edges[-1]:g}" for a in channel.axes)
        seen = float(np.sum(likelihood.data.counts[channel.name]))
        rows.append((channel.name, axes, _statistic(channel), seen, float(expected[channel.name].sum())))
    kind = likelihood.data.kind
    counts = "counts" if " " in kind else f"{kind} counts"  # where members differ, the first table says how
    columns = ("channel", "axes", "statistic", counts, "expected at start values")
    said = ("effective: Poisson averaged over the finite statistics of the simulation (arXiv:1901.04645), as in toys",)
    return Table("channels", columns, tuple(rows), said if effective_bins(likelihood.channels).any() else ())


def _statistic(channel: Channel) -> str:
    """A channel's statistic, with the width of a single measured bin."""
    if not channel.measured or channel.bins > 1:
        return channel.statistic
    (up,), (down,) = channel.sigma_up, channel.sigma_down
    return f"normal ± {up:.3g}" if up == down else f"normal +{up:.3g} −{down:.3g}"


def _samples(likelihood: BinnedLikelihood) -> Table:
    expected = likelihood.expected(likelihood.parameters.init)
    rows = []
    for prefix, member in leaves(likelihood):
        for name, entry in describe_spec(member.description.source)["samples"].items():
            source, simulation = _origin(name, entry)
            systematics = ", ".join(s["name"] for s in entry.get("systematics", []))
            count = float(expected.total(prefix + name))
            rows.append((prefix + name, source, simulation, str(entry.get("scale", "")), systematics, count))
    columns = ("sample", "source", "simulation", "scale", "systematics", "expected at start values")
    return Table("samples", columns, tuple(rows), likelihood.notes)


def _origin(name: str, entry: Mapping[str, Any]) -> tuple[str, str]:
    """Where the counts of the sample `name` come from, and its simulation, "" if none is declared."""
    template = entry.get("template")
    if template is None:
        return entry["generator"], ""
    if isinstance(template, str):
        source = template
    elif isinstance(template.get("events"), str):
        source = f"{template['weight']} of {template['events']}"
        return source, str(entry.get("simulation", template["events"]))
    else:
        source = "inline template"
    return source, str(entry.get("simulation", name)) if "variance" in entry else ""


def _parameters(likelihood: BinnedLikelihood) -> Table:
    rows = []
    correlated, pairs = _correlated(likelihood)
    for p in likelihood.parameters:
        limits = f"[{p.bounds[0]:g}, {p.bounds[1]:g}]"
        state, constraint = "fixed" if p.fixed else "", correlated.get(p.name, say(p.constraint))
        rows.append((p.name, p.init, limits, p.unit, constraint, p.prior.measure(p.name), p.group, state))
    columns = ("parameter", "start", "bounds", "unit", "constraint", "prior (sampler only)", "group", "state")
    derived = ", ".join(n for n in likelihood.model.derived if n not in likelihood.parameters.names)
    notes = [f"correlated constraints: {pairs}"] if pairs else []
    return Table("parameters", columns, tuple(rows), (*notes, *([f"derived: {derived}"] if derived else [])))


def _correlated(likelihood: BinnedLikelihood) -> tuple[dict[str, str], str]:
    """The constraints of correlated parameters in words, and the correlation of every pair that has one."""
    words: dict[str, str] = {}
    pairs = []
    for block in likelihood.constraints.correlations:
        covariance = np.asarray(block.covariance)
        sigma = np.sqrt(np.diag(covariance))
        correlation = covariance / np.outer(sigma, sigma)
        words |= {n: f"{m:.4g} ± {s:.3g}" for n, m, s in zip(block.names, block.means, sigma, strict=True)}
        for i, j in combinations(range(len(sigma)), 2):
            if correlation[i, j]:
                pairs.append(f"{block.names[i]} and {block.names[j]} {correlation[i, j]:.3g}")
    return words, ", ".join(pairs)


def say(constraint: Constraint | None) -> str:
    """A constraint in words.

    >>> say(Constraint("normal", 1.0, 0.4, 0.4))
    '1 ± 0.4'
    """
    if constraint is None:
        return ""
    if constraint.kind == "poisson":
        return f"{constraint.mean:g} counted at rate {constraint.rate:g}"
    if constraint.kind == "two_sided_normal":
        return f"{constraint.mean:.4g} +{constraint.sigma_up:.3g} −{constraint.sigma_down:.3g}"
    word = " (ln)" if constraint.kind == "log_normal" else ""
    return f"{constraint.mean:.4g} ± {constraint.sigma_up:.3g}{word}"
