"""What options are given: numbers, key=value pairs and grids, read with every fault named."""

from __future__ import annotations

import math

import click
import numpy as np

from npinfer.errors import ConfigurationError

MOST_POINTS = 1_000_000


def pairs(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """`key=value` options as a mapping; raises ConfigurationError."""
    option, shape = parameter.opts[0], (parameter.metavar or "KEY=VALUE").lower()
    found: dict[str, str] = {}
    for item in given:
        key, equals, value = item.partition("=")
        if not equals or not key or not value:
            raise ConfigurationError(f"{option} takes {shape}; found {item!r}")
        if key in found:
            raise ConfigurationError(f"{option}: {key!r} is given twice; keep one")
        found[key] = value
    return found


def numbers(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, float]:
    """`name=number` options as a mapping; a fraction such as 1/6 is a number too."""
    return {k: number(v, f"{parameter.opts[0]} {k}") for k, v in pairs(context, parameter, given).items()}


def number(text: str, where: str) -> float:
    """A number or a fraction of two; raises ConfigurationError."""
    top, slash, bottom = text.partition("/")
    try:
        value = float(top) / float(bottom) if slash else float(top)
    except (ValueError, ZeroDivisionError):
        raise ConfigurationError(f"{where}: {text!r} is not a number; write 0.5, 1e-3 or 1/6") from None
    if not math.isfinite(value):
        raise ConfigurationError(f"{where}: {text!r} is not a finite number")
    return value


def grids(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, np.ndarray]:
    """`name=low:high:points[:log]` arguments as grids; raises ConfigurationError."""
    found: dict[str, np.ndarray] = {}
    for item in given:
        name, values = named_grid(item)
        if name in found:
            raise ConfigurationError(f"grid of {name!r}: given twice; keep one")
        found[name] = values
    if math.prod(len(v) for v in found.values()) > MOST_POINTS:
        raise ConfigurationError(f"grid of {', '.join(found)}: more than {MOST_POINTS} points in all; take fewer")
    return found


def named_grid(text: str) -> tuple[str, np.ndarray]:
    """Name and points of `name=low:high:points[:log]`; raises ConfigurationError."""
    name, equals, rest = text.partition("=")
    if not (name and equals and rest):
        raise ConfigurationError(f"{text!r} is not a grid: write name=low:high:points, such as mu=0:2:21")
    return name, grid(rest, name)


def grid(text: str, name: str) -> np.ndarray:
    """The points of `low:high:points[:log]`; raises ConfigurationError."""
    where = f"grid of {name!r}"
    parts = text.split(":")
    if len(parts) not in (3, 4) or (len(parts) == 4 and parts[3] != "log"):
        raise ConfigurationError(f"{where}: expected low:high:points or low:high:points:log; found {text!r}")
    low, high = (number(part, where) for part in parts[:2])
    if not parts[2].isdecimal() or not 2 <= int(parts[2]) <= MOST_POINTS:
        raise ConfigurationError(
            f"{where}: the number of points is a whole number from 2 to {MOST_POINTS}; found {parts[2]!r}"
        )
    if not low < high:
        raise ConfigurationError(f"{where}: the ends must increase; found {parts[0]} to {parts[1]}")
    if len(parts) == 4 and low <= 0:
        raise ConfigurationError(f"{where}: a log grid needs positive ends; found {parts[0]}")
    spaced = np.geomspace if len(parts) == 4 else np.linspace
    return spaced(low, high, int(parts[2]))
