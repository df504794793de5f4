"""describe, list: what a likelihood is, as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from npinfer.core.constraint import Constraint
from npinfer.core.table import Table
from npinfer.errors import NpinferError
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.catalogue import describe_spec, find, list_likelihoods, load
from npinfer.likelihood.joint import leaves, weakest


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
            members = [describe_spec(find(m)) for m in spec.get("members", [])] or [spec]
        except NpinferError as error:
            faults.append(f"{name} cannot be loaded: {error}")
            continue
        kind, status = weakest(m["kind"] for m in members), weakest(m["status"] for m in members)
        rows.append((name, kind, status, spec.get("poi"), spec.get("title", "")))
    return Table("likelihoods", ("name", "kind", "status", "poi", "title"), tuple(rows), tuple(faults))


def _identity(likelihood: BinnedLikelihood) -> Table:
    d = likelihood.description
    rows = [("name", d.name), ("kind", d.kind), ("status", d.status), ("data set", d.dataset), ("poi", likelihood.poi)]
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
        rows.append((channel.name, axes, seen, float(expected[channel.name].sum())))
    columns = ("channel", "axes", f"{likelihood.data.kind} counts", "expected at start values")
    return Table("channels", columns, tuple(rows))


def _samples(likelihood: BinnedLikelihood) -> Table:
    expected = likelihood.expected(likelihood.parameters.init)
    rows = []
    for prefix, member in leaves(likelihood):
        for name, entry in describe_spec(member.description.source)["samples"].items():
            inline = not isinstance(entry.get("template", ""), str)
            source = entry.get("generator") or ("inline template" if inline else entry["template"])
            systematics = ", ".join(s["name"] for s in entry.get("systematics", []))
            count = float(expected.total(prefix + name))
            rows.append((prefix + name, source, str(entry.get("scale", "")), systematics, count))
    columns = ("sample", "source", "scale", "systematics", "expected at start values")
    return Table("samples", columns, tuple(rows))


def _parameters(likelihood: BinnedLikelihood) -> Table:
    rows = []
    for p in likelihood.parameters:
        limits = f"[{p.bounds[0]:g}, {p.bounds[1]:g}]"
        state = "fixed" if p.fixed else ""
        rows.append((p.name, p.init, limits, p.unit, say(p.constraint), p.prior.measure(p.name), p.group, state))
    columns = ("parameter", "start", "bounds", "unit", "constraint", "prior (sampler only)", "group", "state")
    derived = ", ".join(n for n in likelihood.model.derived if n not in likelihood.parameters.names)
    return Table("parameters", columns, tuple(rows), (f"derived: {derived}",) if derived else ())


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
