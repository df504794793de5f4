"""The parameters a likelihood file declares: shared physics, its own nuisances, and those of its systematics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from npinfer.core.constraint import Constraint
from npinfer.core.parameter import Parameter, Prior
from npinfer.errors import ConfigurationError, NpinferError, unknown
from npinfer.likelihood.gammas import KINDS
from npinfer.likelihood.spec import Document
from npinfer.physics import flavour

SYSTEMATIC_BOUNDS = (-5.0, 5.0)


def at(document: Document, key: tuple[str | int, ...], make: Callable[[], Any]) -> Any:
    """Run `make`, adding the place `key` of the document to any fault it reports."""
    try:
        return make()
    except NpinferError as error:
        if str(document.path) in str(error):
            raise
        said = f"{document.where(*key)}: {error}"
        if str(document.path) not in said:  # what is at fault stands in a file that this one extends
            said += f" (read for {document.path})"
        raise type(error)(said) from error.__cause__


def declared_parameters(
    document: Document, shared: Mapping[str, Any], configuration: Mapping[str, Any]
) -> dict[str, Parameter]:
    """Every parameter the file may use, {short name: Parameter}; raises ConfigurationError with file and line."""
    owner, section = str(document.content["name"]), document.content.get("parameters", {})
    found: dict[str, Parameter] = {}

    def add(short: str, full: str, entry: Mapping[str, Any], *key: str | int) -> None:
        found[short] = at(document, key, lambda: _parameter(full, entry, configuration))

    for i, name in enumerate(section.get("use", [])):
        if name not in shared:
            where = document.where("parameters", "use", i)
            raise ConfigurationError(unknown("shared parameter", name, shared, where))
        add(name, name, {"role": "physics", **shared[name]}, "parameters", "use", i)
    for name, entry in section.items():
        if name != "use":
            add(name, f"{owner}.{name}", entry, "parameters", name)
    for sample, entry in document.content["samples"].items():
        for i, systematic in enumerate(entry.get("systematics", [])):
            name = systematic["name"]
            if systematic["kind"] in KINDS:
                continue  # a parameter a bin, known when the templates are
            if name not in found:
                unit = {"normal": {"mean": 0.0, "sigma": 1.0}}
                group = systematic.get("group", "")
                content = {"init": 0.0, "bounds": SYSTEMATIC_BOUNDS, "constraint": unit, "group": group}
                add(name, f"{owner}.{name}", content, "samples", sample, "systematics", i)
    return found


def _parameter(name: str, entry: Mapping[str, Any], configuration: Mapping[str, Any]) -> Parameter:
    content = {k: v for k, v in entry.items() if k not in ("constraint", "prior", "about")}
    content["bounds"] = (float(entry["bounds"][0]), float(entry["bounds"][1]))
    content["init"], content["starts"] = float(entry["init"]), tuple(entry.get("starts", ()))
    constraint = entry.get("constraint")
    if constraint and "oscillation_fit" in constraint:
        content["constraint"] = _measured_by_fit(constraint["oscillation_fit"], configuration)
        content["init"] = content["constraint"].mean
    elif constraint:
        content["constraint"] = Constraint.from_spec(constraint)
    if "prior" in entry:
        content["prior"] = Prior(0.0 if "flat_in_log" in entry["prior"] else float(entry["prior"]["flat_in_power"]))
    return Parameter(name, **content)


def _measured_by_fit(quantity: str, configuration: Mapping[str, Any]) -> Constraint:
    """The measurement of a mixing parameter by the global fit named in the configuration `oscillation`."""
    if "oscillation" not in configuration:
        raise ConfigurationError("an oscillation_fit constraint needs the configuration 'oscillation'")
    fit = flavour.oscillation_fit(str(configuration["oscillation"]))
    if not hasattr(fit, f"{quantity}_up"):
        known = ("s2_12", "s2_13", "s2_23", "delta_rad")
        raise ConfigurationError(unknown("quantity of an oscillation fit", quantity, known))
    mean, up, down = (float(getattr(fit, f"{quantity}{end}")) for end in ("", "_up", "_down"))
    return Constraint("two_sided_normal", mean, up, down)
