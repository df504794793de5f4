"""Words, numbers and symbols as a page prints them: plain text, never markup."""

from __future__ import annotations

import math
import re
from typing import Any

from npinfer.core.result import Quantity
from npinfer.core.table import show

Piece = tuple[str, str]  # ("text" | "sub" | "sup", what it says)

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "theta": "θ", "kappa": "κ",
    "lambda": "λ", "mu": "μ", "nu": "ν", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ",
    "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Sigma": "Σ", "Phi": "Φ",
    "Psi": "Ψ", "Omega": "Ω", "sin": "sin", "cos": "cos", "log": "log", "ln": "ln",
}  # fmt: skip
THIN = "\u202f"  # a narrow space that never breaks
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_FONT = re.compile(r"([_^]?)\\(?:mathrm|rm|text|mathit)\s*\{([^{}]*)\}")
_OVERLINE = re.compile(r"\\(?:bar|overline)\s*(?:\{\s*\\?([A-Za-z]+)\s*\}|\\([A-Za-z]+) ?|([A-Za-z]))")
_COMMAND = re.compile(r"\\([A-Za-z]+) ?")
_PRIME = re.compile(r"\^(?:\\prime(?![A-Za-z])|\{\s*\\prime\s*\})")
_SCRIPT = re.compile(r"([_^])(?:\{([^{}]*)\}|(\S))")
_POWER = re.compile(r"(?<=[A-Za-zµ])\^(-?\d+)")
_FACTOR = re.compile(r"^(\d+(?:\.\d+)?)e([+-]?\d+)\b")


def readable(name: str) -> str:
    """A name in words, without its owner.

    >>> readable("icecube_hese.response_cascade")
    'response cascade'
    """
    return name.rsplit(".", 1)[-1].replace("_", " ").strip()


def symbol(quantity: Quantity) -> list[Piece]:
    """The label of a quantity as letters with subscripts and superscripts; its name in words where that is not simple.

    >>> symbol(Quantity("f_nuebar", label=r"$f_{\\bar\\nu_e}$"))
    [('text', 'f'), ('sub', 'ν̄e')]
    >>> symbol(Quantity("gamma", label=r"$\\gamma_\\mathrm{astro}$"))
    [('text', 'γ'), ('sub', 'astro')]
    >>> symbol(Quantity("g_zprime", label=r"$g_{Z^\\prime}$"))
    [('text', 'g'), ('sub', 'Z′')]
    >>> symbol(Quantity("x.ratio_up", label=r"$\\frac{a}{b}$"))
    [('text', 'ratio up')]
    """
    label = quantity.label.strip()
    if not label or label == quantity.name:
        return [("text", readable(quantity.name))]
    if "$" not in label:
        return [("text", label)]
    text = _OVERLINE.sub(_overline, _FONT.sub(_upright, _PRIME.sub("′", label.strip("$"))))
    text = _COMMAND.sub(lambda found: GREEK.get(found[1], found[0]), text.replace(r"\,", " "))
    text = re.sub(r"_([^\s{}_^])(?=[^{]*\})", r"\1", text)  # a subscript of a subscript
    pieces, end = [], 0
    for found in _SCRIPT.finditer(text):
        pieces += [("text", text[end : found.start()]), ("sub" if found[1] == "_" else "sup", found[2] or found[3])]
        end = found.end()
    pieces = [(kind, words) for kind, words in [*pieces, ("text", text[end:])] if words]
    if any(mark in words for _, words in pieces for mark in "\\{}$^_"):
        return [("text", readable(quantity.name))]
    return pieces


def spoken(quantity: Quantity) -> str:
    """The symbol on one line.

    >>> spoken(Quantity("astro_gamma", label=r"$\\gamma_\\mathrm{astro}$"))
    'γ_astro'
    """
    return "".join({"text": "", "sub": "_", "sup": "^"}[kind] + words for kind, words in symbol(quantity))


def _upright(found: re.Match[str]) -> str:
    return f"{found[1]}{{{found[2]}}}" if found[1] else found[2]


def _overline(found: re.Match[str]) -> str:
    word = found[1] or found[2] or found[3]
    return GREEK.get(word, word) + "\u0304" if word in GREEK or len(word) == 1 else found[0]


def unit(text: str) -> str:
    """A unit with raised powers.

    >>> unit("1e-18 GeV^-1 cm^-2")
    '10⁻¹⁸ GeV⁻¹ cm⁻²'
    """
    text = _POWER.sub(lambda found: found[1].translate(SUPERSCRIPTS), text)
    return _FACTOR.sub(lambda found: _ten(found[1], found[2]), text)


def number(value: Any, digits: int = 4) -> str:
    """A number with a true minus and powers of ten; a dash for nothing, infinity by its sign, words as they are.

    >>> number(-0.31234), number(1e-10), number(float("inf")), number(None)
    ('−0.3123', '10⁻¹⁰', '∞', '–')
    """
    if not isinstance(value, float) or math.isnan(value):
        return show(value)
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    mantissa, e, exponent = f"{value + 0.0:.{digits}g}".partition("e")
    return (_ten(mantissa, exponent) if e else mantissa).replace("-", "−")


def _ten(mantissa: str, exponent: str) -> str:
    power = f"10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    return power if float(mantissa) == 1.0 else f"{mantissa}{THIN}×{THIN}{power}"


def with_error(value: float, error: float) -> str:
    """A number and its error, two digits each, kept on one line."""
    return f"{number(value, 2)}{THIN}±{THIN}{number(error, 2)}"


def percent(cl: float) -> str:
    """A confidence level in words.

    >>> percent(0.9)
    '90 %'
    """
    return f"{100 * cl:.6g} %"


def span(lower: float, upper: float, quantity: Quantity) -> str:
    """Two ends and the unit they share."""
    return f"{number(lower, 3)} to {number(upper, 3)} {unit(quantity.unit)}".strip()


def listed(names: list[str]) -> str:
    """Names as a sentence takes them.

    >>> listed(["pp", "pγ", "both"])
    'pp, pγ and both'
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
