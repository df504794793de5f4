"""Likelihood files: YAML read safely, checked against the schema, every fault with its file, line and key."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import jsonschema
import yaml

from npinfer.errors import ConfigurationError, NpinferError, unknown
from npinfer.paths import roots

JOINT = "npinfer/joint/1"
SUMMARIES = "summaries"  # of a joint file: members that join when they are asked for
KeyPath = tuple[str | int, ...]
MAX_KEYS = 200_000


class _Loader(yaml.SafeLoader):
    """YAML 1.2 numbers: 6.0e4 and 1e-3 are numbers, not words."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {  # type: ignore[misc]
        k: list(v) for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """As the base, with the line of a value that does not fit its tag; huge whole numbers are floats."""
        try:
            value = super().construct_object(node, deep)  # type: ignore[no-untyped-call]
            return float(value) if isinstance(value, int) and abs(value) > 2**53 else value
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            problem = f"{str(node.value)[:60]!r} is not a valid {node.tag.rsplit(':', 1)[-1]}; put words in quotes"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


@dataclass(frozen=True)
class Document:
    """The content of a YAML file, and the file and line of each of its keys."""

    content: dict[str, Any]
    places: Mapping[KeyPath, tuple[Path, int]]
    path: Path

    def where(self, *key: str | int) -> str:
        """`file:line: key` of the deepest part of `key` that the file has."""
        for n in range(len(key), -1, -1):
            if key[:n] in self.places:
                file, line = self.places[key[:n]]
                return f"{file}:{line}: {'.'.join(map(str, key))}".rstrip(": ")
        return f"{self.path}: {'.'.join(map(str, key))}".rstrip(": ")


def read_text(path: Path) -> str:
    """The text of a file; raises ConfigurationError."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from None


def read_yaml(path: Path) -> Document:
    """Read one YAML mapping with the places of its keys; raises ConfigurationError."""
    text = read_text(path)
    places: dict[KeyPath, tuple[Path, int]] = {(): (path, 1)}
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise ConfigurationError(f"{path}:1: expected a mapping of keys to values")
        _record(node, (), path, places)
        content = loader.construct_document(node)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"the character {chr(error.character)!r} is not allowed"
        raise ConfigurationError(f"{path}:{line}: broken YAML: {problem}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigurationError(f"{path}{place}: broken YAML: {problem}") from None
    except RecursionError:
        raise ConfigurationError(f"{path}: nested too deeply, or an alias that contains itself") from None
    return Document(content, places, path)


def _record(node: yaml.Node, key: KeyPath, path: Path, places: dict[KeyPath, tuple[Path, int]]) -> None:
    """Note the line of every key below `node`; a key given twice is an error."""
    if len(places) > MAX_KEYS:
        raise ConfigurationError(f"{path}: more than {MAX_KEYS} keys and values; move tables to CSV files")
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            line = name.start_mark.line + 1
            if name.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
                said = name.value if isinstance(name, yaml.ScalarNode) else "a collection"
                place = f"{path}:{line}: {'.'.join(map(str, (*key, said)))}"
                raise ConfigurationError(f"{place}: a key is a word; put it in quotes")
            child = (*key, str(name.value))
            if child in places:
                place = f"{path}:{line}: {'.'.join(map(str, child))}"
                raise ConfigurationError(f"{place}: given twice, first on line {places[child][1]}")
            places[child] = (path, line)
            _record(value, child, path, places)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            places[(*key, i)] = (path, value.start_mark.line + 1)
            _record(value, (*key, i), path, places)


@cache
def schema(name: str = "likelihood-1") -> dict[str, Any]:
    """The JSON schema of likelihood files, or of joint files."""
    for root in reversed(roots()):
        path = root / "likelihoods" / "schema" / f"{name}.json"
        if path.is_file():
            return dict(json.loads(path.read_text(encoding="utf-8")))
    raise ConfigurationError(f"the schema likelihoods/schema/{name}.json is missing: reinstall npinfer")


def read_spec(path: Path, find: Any) -> Document:
    """Read a likelihood file, merge what it extends, and check it; `find(name)` gives the path of another file."""
    document = _extended(read_yaml(path), find, ())
    check(document, schema("joint-1") if document.content.get("schema") == JOINT else None)
    return document


def _extended(document: Document, find: Any, seen: tuple[Path, ...]) -> Document:
    base_name = document.content.get("extends")
    if base_name is None:
        return document
    here = document.path.resolve()
    if here in seen:
        chain = " → ".join(p.stem for p in (*seen, here))
        raise ConfigurationError(f"{document.where('extends')}: the files extend each other in a circle: {chain}")
    try:
        path = find(here.parent / base_name if str(base_name).endswith((".yaml", ".yml")) else str(base_name))
    except NpinferError as error:
        raise type(error)(f"{document.where('extends')}: {error}") from None
    base = _extended(read_yaml(path), find, (*seen, here))
    content = _merge(base.content, document.content)
    content.pop("validation", None)
    if "validation" in document.content:
        content["validation"] = document.content["validation"]
    return Document(content, {**base.places, **document.places}, document.path)


def _merge(base: Any, change: Any) -> Any:
    """`change` laid over `base`: mappings key by key, `parameters.use` joined, everything else replaced.

    Choices of one among several (a constraint's kind, how an axis is given, template or generator) are replaced whole,
    a template with its variance.
    """
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    merged = dict(base)
    for key, value in change.items():
        if key in ("constraint", "prior", "axes", "variance"):
            merged[key] = value
        elif key in ("template", "generator"):
            stale = [k for k in ("variance", "simulation") if k not in change]
            merged = {k: v for k, v in merged.items() if k not in stale}
            merged = {k: v for k, v in merged.items() if k not in ("template", "generator", "inputs")}
            merged |= {k: base[k] for k in ("inputs",) if k in base and key == "generator" and key in base}
            merged[key] = value
        elif key == "use" and isinstance(base.get(key), list) and isinstance(value, list):
            merged[key] = [*base[key], *(v for v in value if v not in base[key])]
        else:
            merged[key] = _merge(base[key], value) if key in base else value
    return merged


def read_parameters(path: Path) -> dict[str, Any]:
    """Read a file of shared parameters and check it; raises ConfigurationError."""
    document = read_yaml(path)
    definitions = schema()["$defs"]
    check(document, {"additionalProperties": {"$ref": "#/$defs/parameter"}, "$defs": definitions})
    return document.content


def check(document: Document, against: Mapping[str, Any] | None = None) -> None:
    """Raise ConfigurationError with the place and remedy of the first fault against the schema."""
    validator = jsonschema.Draft202012Validator(schema() if against is None else against)
    errors = sorted(validator.iter_errors(document.content), key=lambda e: list(map(str, e.absolute_path)))
    if not errors:
        return
    error = jsonschema.exceptions.best_match(errors) or errors[0]
    beside = error.parent.context or () if error.parent else ()
    error = next((e for e in beside if e.validator == "exclusiveMinimum"), error)  # a number that is one, but too low
    key = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = list(error.schema.get("properties", {}))
        extra = next(k for k in error.instance if k not in known)
        raise ConfigurationError(unknown("key", str(extra), known, document.where(*key, extra)))
    message = _alternatives(error) if error.validator == "oneOf" else error.message
    message = message if len(message) < 160 else f"{message[:157]}..."
    raise ConfigurationError(f"{document.where(*key)}: {message}")


def _alternatives(error: jsonschema.ValidationError) -> str:
    """What a value that fits none or several of the alternatives of the schema should have been."""
    alternatives: list[dict[str, Any]] = list(error.validator_value)  # type: ignore[arg-type]
    options = [a.get("required", [a.get("type", a.get("$ref", "").rsplit("/", 1)[-1])])[0] for a in alternatives]
    if isinstance(error.instance, dict) and all("required" in a for a in alternatives):
        return f"give {' or '.join(options)}" + (", not both" if set(options) <= set(error.instance) else "")
    return f"expected {' or '.join(options)}; found {error.instance!r}"


def choose(document: Document, given: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration: defaults replaced by what is given, checked and of the default's type."""
    declared = document.content.get("configuration", {})
    name = str(document.content.get("name", document.path))
    for key in given:
        if key not in declared:
            raise ConfigurationError(unknown("configuration", key, declared, name))
    chosen = {}
    for key, entry in declared.items():
        place = name if key in given else document.where("configuration", key)
        value = _typed(given.get(key, entry["default"]), entry["default"], f"{place}: configuration {key!r}")
        if "choices" in entry and value not in entry["choices"]:
            raise ConfigurationError(unknown(f"choice for configuration {key!r}:", str(value), entry["choices"], place))
        chosen[key] = value
    return chosen


def labels(document: Document) -> dict[str, tuple[str, str]]:
    """{configuration: (its label as mathematics or "", its unit or "")} of what declares one of them."""
    entries = document.content.get("configuration", {})
    declared = {k: (e.get("latex", ""), e.get("unit", "")) for k, e in entries.items()}
    return {k: (latex and f"${latex}$", unit) for k, (latex, unit) in declared.items() if latex or unit}


def _typed(value: Any, default: Any, where: str) -> Any:
    if isinstance(default, bool):
        if str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
        raise ConfigurationError(f"{where} is true or false; found {value!r}")
    if isinstance(default, (int, float)):
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise ConfigurationError(f"{where} is a number; found {value!r}") from None
        if not math.isfinite(number):
            raise ConfigurationError(f"{where} is a finite number; found {value!r}")
        return number
    return str(value)
