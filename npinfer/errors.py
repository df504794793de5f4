"""Errors a user can act on: each names the place, the offender and the way out."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import PurePath


class NpinferError(Exception):
    """Anything npinfer refuses to do. The command line prints it as one line and exits with code 2."""


class ConfigurationError(NpinferError):
    """A likelihood file, a configuration choice or an option is wrong."""


class ParameterError(NpinferError):
    """A parameter is unknown, or its value is not usable."""


class DataError(NpinferError):
    """A data file or an array of counts is missing, altered or malformed."""


class InferenceError(NpinferError):
    """A question that cannot be answered for this likelihood as it was asked."""


class OutputError(NpinferError):
    """A result could not be written where it was asked to go."""


def refuse_name(likelihood: object) -> None:
    """Raise ConfigurationError for the name or file of a likelihood in place of itself."""
    if isinstance(likelihood, (str, PurePath)):
        name = str(likelihood)
        raise ConfigurationError(f"expected a likelihood; found the name {name!r}: npinfer.load({name!r}) gives it")


def unknown(what: str, name: str, known: Iterable[str], where: str = "") -> str:
    """Say that `name` is not among the `known`, with the nearest match.

    >>> unknown("parameter", "astro_gama", ["astro_norm", "astro_gamma"])
    "unknown parameter 'astro_gama': did you mean 'astro_gamma'?"
    """
    known = [str(k) for k in known]
    place = f"{where}: " if where else ""
    near = get_close_matches(str(name), known, n=1, cutoff=0.5)
    if near:
        return f"{place}unknown {what} {name!r}: did you mean {near[0]!r}?"
    listing = ", ".join(known) if known else "none"
    return f"{place}unknown {what} {name!r}; known: {listing}"
