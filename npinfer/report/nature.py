"""What kind of numbers a figure shows."""

from __future__ import annotations

from npinfer.core.result import Result


def nature(result: Result, data_kind: str) -> str:
    """Likelihood, data, kind and status in a sentence."""
    description = result.description
    return f"{description.name}: {data_kind} data, kind {description.kind}, status {description.status}."
