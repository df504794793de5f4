"""Labels: names, units and sentences as matplotlib should print them."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from matplotlib.mathtext import MathTextParser

from npinfer.core.provenance import Description
from npinfer.core.result import FitResult, Quantity, Result, Status

_FACTOR = re.compile(r"(?P<mantissa>\d+(\.\d+)?)(e(?P<exponent>[+-]?\d+))?")
_SUBSCRIPT = re.compile(r"(?<![A-Za-z])([A-Za-z])_([α-ω])(?![A-Za-zα-ω])")
_WORD = re.compile(r"(?P<word>[A-Za-zµ]+)(\^(?P<power>-?\d+(\.\d+)?))?")


def plain(text: str) -> str:
    """Text of which no part is read as mathematics, but for Greek subscripts of a letter.

    >>> print(plain("costs $5"), plain("L_μ−L_τ"))
    costs \\$5 $L_μ$−$L_τ$
    """
    return _SUBSCRIPT.sub(r"$\1_\2$", text.replace("$", r"\$"))


def readable(name: str) -> str:
    """A name in words, without its owner.

    >>> readable("icecube_hese.response_cascade")
    'response cascade'
    """
    return plain(name.rsplit(".", 1)[-1].replace("_", " ").strip())


def channel_title(channel: str, among: Collection[str]) -> str:
    """The channel in words, with its owner where others have the same name."""
    words, owner = readable(channel), channel.rpartition(".")[0]
    alike = sum(readable(other) == words for other in among)
    return f"{readable(owner)}: {words}" if owner and alike > 1 else words


def typeset(label: str, name: str) -> str:
    """The label, or the name in words where the label is missing or not valid mathematics."""
    if not label or label == name:
        return readable(name)
    if "$" not in label:
        return label
    try:
        MathTextParser("path").parse(label)
    except ValueError:
        return readable(name)
    return label


def typeset_unit(unit: str) -> str:
    """A product of powers as mathematics; anything else as it is.

    >>> print(typeset_unit("1e-18 GeV^-1 cm^-2"))
    $10^{-18}\\,\\mathrm{GeV}^{-1}\\,\\mathrm{cm}^{-2}$
    """
    parts = []
    for position, token in enumerate(unit.split()):
        factor, word = _FACTOR.fullmatch(token), _WORD.fullmatch(token)
        if factor and position == 0:
            parts.append(_scientific(factor["mantissa"], factor["exponent"]))
        elif word:
            parts.append(rf"\mathrm{{{word['word']}}}" + (f"^{{{word['power']}}}" if word["power"] else ""))
        else:
            return plain(unit)
    return "$" + r"\,".join(parts) + "$" if parts else ""


def _scientific(mantissa: str, exponent: str | None) -> str:
    if exponent is None:
        return mantissa
    power = f"10^{{{int(exponent)}}}"
    return power if float(mantissa) == 1.0 else rf"{mantissa}\times {power}"


def quantity_label(quantity: Quantity) -> str:
    """How an axis names a quantity: its label and its unit in brackets."""
    label = typeset(quantity.label, quantity.name)
    return f"{label} [{typeset_unit(quantity.unit)}]" if quantity.unit else label


def configuration_label(description: Description, key: str) -> str:
    """How an axis names a configuration: as its likelihood declares it, or in words."""
    label, unit = description.labels.get(key, ("", ""))
    return quantity_label(Quantity(key, unit, label))


def seen(data_kind: str) -> str:
    """What a curve of data is called: only what was observed is observed.

    >>> seen("observed"), seen("asimov")
    ('observed', 'asimov data')
    """
    return data_kind if data_kind == "observed" else f"{data_kind} data"


def percent(cl: float) -> str:
    """A confidence level in words.

    >>> percent(0.68)
    '68 %'
    """
    return f"{100 * cl:.6g} %"


def small_print(result: Result, data_kind: str) -> list[str]:
    """What kind of numbers a figure shows and what they were made of, a line each."""
    provenance: Any = result.provenance
    version = provenance.versions.get("npinfer", "not installed")
    made = [f"{data_kind} data", "npinfer from a source tree" if version == "not installed" else f"npinfer {version}"]
    made += [f"{key} {provenance.digests[key][:8]}" for key in ("spec", "configuration") if provenance.digests.get(key)]
    made += [] if provenance.seed is None else [f"seed {provenance.seed}"]
    lines = [result.description.small_print(), " · ".join(made)]
    chosen = [f"{key} {value}" for key, value in result.description.configuration.items()]
    lines += [f"configuration: {', '.join(chosen)}"] if chosen else []
    if isinstance(result, FitResult) and result.status is not Status.CONVERGED:
        lines.append(f"{result.status.value}: {result.message}")
    return lines
