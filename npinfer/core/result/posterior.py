"""The result of sampling."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from npinfer.core.result.base import SCHEMA, Result, encode
from npinfer.core.result.fit import Quantity
from npinfer.core.table import Table, write_text
from npinfer.errors import ConfigurationError, DataError, OutputError, ParameterError, unknown

KINDS = ("equal_tailed", "highest_density", "upper")
ARRAYS = ("chains", "log_probability", "derived")  # kept beside the JSON
CENTRAL = 0.68  # probability of the interval in the table


@dataclass(frozen=True, kw_only=True)
class Posterior(Result):
    """Samples of the posterior density.

    names: the free parameters; chains: (replica, step, walker, parameter), the burn_in steps left out;
    log_probability: ln of likelihood times prior there, (replica, step, walker); derived: derived quantities at every
    derived_stride-th step, each (replica, thinned step, walker); fixed: the parameters that were held; priors: their
    measures in words; autocorrelation_time: in steps; ess, ess_tail: effective samples of the bulk and of the tails;
    acceptance: the accepted share of the proposed moves; why: what `converged` rests on, and posteriors that pile up
    at a bound; message: how the work was interrupted, if it was.
    """

    verb: ClassVar[str] = "sample"
    names: tuple[str, ...]
    quantities: Mapping[str, Quantity]
    chains: np.ndarray
    log_probability: np.ndarray
    derived: Mapping[str, np.ndarray]
    derived_stride: int
    fixed: Mapping[str, float]
    priors: Mapping[str, str]
    rhat: Mapping[str, float]
    ess: Mapping[str, float]
    ess_tail: Mapping[str, float]
    autocorrelation_time: Mapping[str, float]
    acceptance: float
    burn_in: int
    converged: bool
    why: str
    data_kind: str
    message: str = ""

    def __post_init__(self) -> None:
        if self.chains.ndim != 4 or self.chains.shape[3] != len(self.names):
            raise DataError(f"chains of {len(self.names)} parameters cannot have the shape {self.chains.shape}")
        if self.log_probability.shape != self.chains.shape[:3]:
            raise DataError(
                f"log_probability of shape {self.log_probability.shape} is not that of chains {self.chains.shape}"
            )

    @property
    def complete(self) -> bool:
        """Whether every step was taken."""
        return not self.message

    def full_name(self, name: str) -> str:
        """The full name of a free parameter or derived quantity; raises ParameterError."""
        known = (*self.names, *self.derived)
        found = [n for n in known if n == name] or [n for n in known if n.rpartition(".")[2] == name]
        if len(found) != 1:
            raise ParameterError(unknown("sampled quantity", name, known))
        return found[0]

    def draws(self, names: Sequence[str]) -> np.ndarray:
        """All samples of several quantities, (draws, quantities); thinned alike where one of them is derived."""
        full = [self.full_name(n) for n in names]
        stride = self.derived_stride if any(n in self.derived for n in full) else 1
        columns = [
            self.derived[n] if n in self.derived else self.chains[:, ::stride, :, self.names.index(n)] for n in full
        ]
        return np.stack([c.ravel() for c in columns], axis=1)

    def samples(self, name: str) -> np.ndarray:
        """All samples of a parameter or derived quantity, (draws,)."""
        return self.draws([name])[:, 0]

    def quantiles(self, name: str, probabilities: Sequence[float] = (0.16, 0.5, 0.84)) -> np.ndarray:
        """Quantiles of a marginal posterior, of the shape of `probabilities`."""
        return np.quantile(self.samples(name), probabilities)

    def interval(self, name: str, cl: float, kind: str = "equal_tailed") -> tuple[float, float]:
        """The ends of an interval that holds the posterior probability `cl` of one quantity.

        kind: "equal_tailed"; "highest_density" for the shortest; "upper" for one from the quantity's lower bound.
        Raises ConfigurationError for another kind, or a cl outside (0, 1).
        """
        if kind not in KINDS:
            raise ConfigurationError(unknown("kind of interval", kind, KINDS))
        if not 0 < cl < 1:
            raise ConfigurationError(f"cl is a fraction between 0 and 1; found {cl:g}")
        if kind == "upper":
            return self.quantities[self.full_name(name)].lower, float(self.quantiles(name, (cl,))[0])
        if kind == "equal_tailed":
            low, high = self.quantiles(name, (0.5 - 0.5 * cl, 0.5 + 0.5 * cl)).tolist()
            return low, high
        ordered = np.sort(self.samples(name))
        held = min(max(int(np.ceil(cl * len(ordered))), 1), len(ordered) - 1)
        first = int(np.argmin(ordered[held:] - ordered[:-held]))
        return float(ordered[first]), float(ordered[first + held])

    def table(self) -> Table:
        """One row a free parameter, then the derived quantities."""
        rows = []
        for name in (*self.names, *self.derived):
            values = self.samples(name)
            median = float(np.median(values))
            diagnostics = (
                (f"{self.rhat[name]:.4f}", *map(_whole, (self.ess[name], self.ess_tail[name])))
                if (name in self.rhat)
                else (None, None, None)
            )
            time = self.autocorrelation_time.get(name)
            kind = "derived" if name in self.derived else self.priors[name]
            numbers = (float(values.mean()), float(values.std()), median, *self.interval(name, CENTRAL))
            rows.append((name, *numbers, *diagnostics, time, self.quantities[name].unit, kind))
        percent = f"{100 * CENTRAL:g} %"
        return Table(
            f"posterior of {self.description.title} ({self.data_kind} data)",
            (
                *("parameter", "mean", "deviation", "median", f"{percent} from", f"{percent} to"),
                *("R-hat", "bulk ESS", "tail ESS", "steps correlated", "unit", "prior"),
            ),
            tuple(rows),
            (self.why, self.size(), *self._held(), self.description.small_print()),
        )

    def size(self) -> str:
        """How many samples there are, in words."""
        replicas, steps, walkers, _ = self.chains.shape
        return (
            f"{replicas} replicas × {steps} steps × {walkers} walkers, after {self.burn_in} steps of burn-in; "
            f"{100 * self.acceptance:.0f} % of the moves accepted"
        )

    def _held(self) -> list[str]:
        return ["fixed: " + ", ".join(f"{k}={v:g}" for k, v in self.fixed.items())] if self.fixed else []

    # ---- files: the numbers as JSON, the samples in a compressed archive beside it

    def save(self, path: str | Path) -> Path:
        """Write JSON, and the samples as .npz beside it, each in one step; raises OutputError."""
        path = Path(path)
        beside = path.with_suffix(".npz")
        if beside == path:
            raise OutputError(f"{path}: the samples are saved under this name; give the result another, such as .json")
        stream = io.BytesIO()
        arrays = {"chains": self.chains, "log_probability": self.log_probability}
        np.savez_compressed(stream, **arrays, **{f"derived.{n}": v for n, v in self.derived.items()})  # type: ignore[arg-type]
        content = stream.getvalue()
        _write_bytes(beside, content)
        fields = [f.name for f in dataclasses.fields(self) if f.name not in ARRAYS]
        head = {"schema": SCHEMA, "type": type(self).__name__, **{n: encode(getattr(self, n)) for n in fields}}
        head["samples"] = {"file": beside.name, "sha256": hashlib.sha256(content).hexdigest()}
        return write_text(path, json.dumps(head, indent=1, allow_nan=False, ensure_ascii=False) + "\n")

    @classmethod
    def completed(cls, content: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
        """The content with the samples from the archive beside it; raises DataError."""
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
        derived = {n.removeprefix("derived."): v for n, v in arrays.items() if n.startswith("derived.")}
        return {**content, "derived": derived, **{n: arrays[n] for n in ARRAYS if n in arrays}}


def _whole(value: float) -> int | None:
    return round(value) if np.isfinite(value) else None


def _write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step; raises OutputError."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}; choose another folder with --out") from None
