"""What all results share: saving, loading, and a status in words."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self, Union, get_args, get_origin, get_type_hints

import numpy as np

from npinfer.core.files import write_file
from npinfer.core.provenance import Description, Provenance
from npinfer.core.table import Table
from npinfer.errors import DataError, NpinferError

SCHEMA = "npinfer/result/1"
_KNOWN: dict[str, type[Result]] = {}


class Status(enum.Enum):
    """How a minimisation ended."""

    CONVERGED = "converged"
    AT_BOUND = "at bound"
    NOT_IDENTIFIED = "not identified"
    NOT_CONVERGED = "not converged"


@dataclass(frozen=True, kw_only=True)
class Result:
    """An answer with the description of its likelihood and its provenance."""

    description: Description
    provenance: Provenance
    verb: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        _KNOWN[cls.__name__] = cls

    def table(self) -> Table:
        """The answer as a table."""
        raise TypeError(f"{type(self).__name__} has no table")

    def describe(self) -> str:
        """One line a physicist would write: what was computed, how it was calibrated, and whether to believe it."""
        raise TypeError(f"{type(self).__name__} does not describe itself")

    def small_print(self) -> tuple[str, ...]:
        """The last notes of every table: what a reader of the likelihood's numbers should know, then what it is."""
        return (*self.description.notes, self.description.small_print())

    def labels(self) -> dict[str, str]:
        """What kind of numbers these are: of every CSV the last columns."""
        data = getattr(self, "data_kind", "")
        kinds = {"likelihood_kind": self.description.kind, "likelihood_status": self.description.status}
        return {"data_kind": data, **kinds} if data else kinds

    def curves(self) -> dict[str, Table]:
        """What a figure of this result draws, each as a table to draw it again from; {} where `table` has it all."""
        return {}

    def to_dict(self) -> dict[str, Any]:
        """JSON-able content; infinities and NaN as words."""
        return {"schema": SCHEMA, "type": type(self).__name__, **encode(self)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; raises DataError."""
        if content.get("schema") != SCHEMA or str(content.get("type")) not in _KNOWN:
            raise DataError(
                f"not a result: expected schema {SCHEMA!r} and a known type, "
                f"found {content.get('schema')!r}, {content.get('type')!r}"
            )
        kind = _KNOWN[str(content["type"])]
        if not issubclass(kind, cls):
            raise DataError(f"expected a {cls.__name__}, found a {kind.__name__}")
        try:
            return decode(kind, content)  # type: ignore[no-any-return]
        except (KeyError, TypeError, ValueError, AttributeError, NpinferError) as error:
            raise DataError(f"a damaged {kind.__name__}: {error}") from None

    def save(self, path: str | Path) -> Path:
        """Write JSON in one step; raises OutputError."""
        return write_file(Path(path), json.dumps(self.to_dict(), indent=1, allow_nan=False, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a saved result; raises DataError."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError(f"{path}: no such file") from None
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"{path}: not a saved result: {error}") from None
        content = content if isinstance(content, dict) else {}
        kind = _KNOWN.get(str(content.get("type")), Result)
        try:
            return cls.from_dict(kind.completed(content, Path(path)))
        except DataError as error:
            raise DataError(f"{path}: {error}") from None

    @classmethod
    def completed(cls, content: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
        """The content of a file saved at `path`, with what is kept beside it; raises DataError."""
        return content


def load_result(path: str | Path) -> Result:
    """Read any saved result; raises DataError."""
    return Result.load(path)


def encode(value: Any) -> Any:
    """A JSON-able form of a result's field."""
    if dataclasses.is_dataclass(value):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, np.ndarray):
        return encode(value.tolist()) if value.size or value.ndim == 1 else {"empty": list(value.shape)}
    if isinstance(value, Mapping):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return {k: v for k, v in get_type_hints(kind).items() if get_origin(v) is not ClassVar}


def decode(kind: Any, value: Any) -> Any:
    """The inverse of `encode` for a value of the annotated type `kind`."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else decode(next(a for a in arguments if a is not type(None)), value)
    if dataclasses.is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        return kind(
            **{f.name: decode(hints[f.name], value[f.name]) for f in dataclasses.fields(kind) if f.name in value}
        )  # type: ignore[operator]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(value)
    if kind is np.ndarray and isinstance(value, np.ndarray):
        return value
    if kind is np.ndarray and isinstance(value, Mapping):
        return np.zeros(value["empty"])
    if kind is np.ndarray:
        return np.array(_numbers(value), dtype=float)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return {k: decode(arguments[1], v) for k, v in value.items()}
    if origin is tuple:
        inner = arguments[:1] * len(value) if len(arguments) == 2 and arguments[1] is Ellipsis else arguments
        return tuple(decode(a, v) for a, v in zip(inner, value, strict=True))
    if kind in (str, bool, int) and not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, found {value!r}")
    return float(value) if kind is float else value


def _numbers(value: Any) -> Any:
    return [_numbers(v) for v in value] if isinstance(value, list) else float(value)
