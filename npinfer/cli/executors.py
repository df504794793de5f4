"""Where work runs, as `--executor` says."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from multiprocessing import get_context
from typing import Any

from npinfer.errors import ConfigurationError
from npinfer.inference.executor import RunOptions


def run_settings(options: Mapping[str, Any]) -> AbstractContextManager[RunOptions]:
    """RunOptions from the command line; the executor is shut down at the end of the context."""
    given = str(options["executor"])
    kind, colon, count = given.partition(":")
    whole = count.isdecimal() and int(count) > 0
    if kind not in ("serial", "processes") or (colon and (kind == "serial" or not whole)):
        raise ConfigurationError(f"--executor takes serial, processes or processes:N; found {given!r}")
    settings = {"seed": options["seed"], "out": options["out"], "fresh": options["fresh"], "quiet": options["quiet"]}
    if kind == "serial":
        return nullcontext(RunOptions(**settings))
    return _Processes(int(count) if count else None, settings)


class _Processes(AbstractContextManager[RunOptions]):
    """A pool of fresh processes for the time of a command; Ctrl-C is not for them, they finish their chunk."""

    def __init__(self, count: int | None, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        ignore = (signal.SIGINT, signal.SIG_IGN)
        self._pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=signal.signal, initargs=ignore)

    def __enter__(self) -> RunOptions:
        return RunOptions(executor=self._pool, **self._settings)

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)
