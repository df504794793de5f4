"""Results with large arrays: the numbers as JSON, the arrays in a compressed archive beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from npinfer.core.files import write_file
from npinfer.core.result.base import SCHEMA, Result, encode
from npinfer.errors import DataError, OutputError


@dataclass(frozen=True, kw_only=True)
class ArchivedResult(Result):
    """A result whose fields `archived`, arrays or mappings of arrays, are saved as .npz beside its JSON."""

    archived: ClassVar[tuple[str, ...]] = ()

    def save(self, path: str | Path) -> Path:
        """Write JSON, and the arrays as .npz beside it, each in one step; raises OutputError."""
        path = Path(path)
        beside = path.with_suffix(".npz")
        if beside == path:
            raise OutputError(f"{path}: the samples are saved under this name; give the result another, such as .json")
        stream = io.BytesIO()
        np.savez_compressed(stream, **self._arrays())  # type: ignore[arg-type]
        content = stream.getvalue()
        write_file(beside, content)
        fields = [f.name for f in dataclasses.fields(self) if f.name not in self.archived]
        head = {"schema": SCHEMA, "type": type(self).__name__, **{n: encode(getattr(self, n)) for n in fields}}
        head["samples"] = {"file": beside.name, "sha256": hashlib.sha256(content).hexdigest()}
        return write_file(path, json.dumps(head, indent=1, allow_nan=False, ensure_ascii=False) + "\n")

    def _arrays(self) -> dict[str, np.ndarray]:
        """The archived fields by name; those of a mapping as `field.key`."""
        found: dict[str, np.ndarray] = {}
        for name in self.archived:
            value = getattr(self, name)
            found |= {f"{name}.{k}": v for k, v in value.items()} if isinstance(value, Mapping) else {name: value}
        return found

    @classmethod
    def completed(cls, content: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
        """The content with the arrays from the archive beside it; raises DataError."""
        if "samples" not in content:
            return content
        try:
            beside, digest = path.with_name(str(content["samples"]["file"])), content["samples"]["sha256"]
            packed = beside.read_bytes()
            if hashlib.sha256(packed).hexdigest() != digest:
                raise DataError(f"the samples in {beside.name} are not those that were saved with it")
            with np.load(io.BytesIO(packed), allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise DataError(f"its samples cannot be read: {getattr(error, 'strerror', None) or error}") from None
        restored: dict[str, Any] = {}
        for name in cls.archived:
            inner = {k.removeprefix(f"{name}."): v for k, v in arrays.items() if k.startswith(f"{name}.")}
            restored[name] = arrays.get(name, inner)
        return {**content, **restored}
