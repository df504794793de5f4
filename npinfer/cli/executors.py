"""Where work runs, as `--executor` says."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from typing import Any

from npinfer.errors import ConfigurationError
from npinfer.inference.executor import RunOptions
from npinfer.inference.processes import Processes, spared_ctrl_c

KINDS = "serial, processes, processes:N, dask:local, dask:local:N or dask:tcp://HOST:PORT"
FORM = re.compile(
    r"serial|(?:processes|dask:local)(?::(?P<count>0*[1-9][0-9]*))?|dask:(?P<address>tcp://[^/\s]+:[0-9]+)"
)
PATIENCE = 4.0  # seconds that a scheduler has to be found, and again to answer
SILENT = logging.CRITICAL + 1
LOG = logging.getLogger("npinfer")
CHATTY = ("distributed", "distributed.client", "distributed.gc", "tornado.application")


@contextmanager
def run_settings(options: Mapping[str, Any]) -> Iterator[RunOptions]:
    """RunOptions from the command line; the executor is shut down at the end of the context."""
    with _executor(str(options["executor"])) as executor:
        yield RunOptions(executor=executor, **{key: options[key] for key in ("seed", "out", "fresh", "quiet")})


def _executor(given: str) -> AbstractContextManager[Executor | None]:
    """What `--executor` names; raises ConfigurationError."""
    form = FORM.fullmatch(given)
    if form is None:
        raise ConfigurationError(f"--executor takes {KINDS}; found {given!r}")
    if given == "serial":
        return nullcontext()
    if form["address"]:
        return _scheduler(form["address"])
    count = int(form["count"] or os.cpu_count() or 1)
    return Processes(count) if given.startswith("processes") else _cluster(count)


@contextmanager
def _cluster(count: int) -> Iterator[Executor]:
    """Dask on this machine, on its own for the time of a command; a worker that is killed is replaced."""
    dask = _distributed()
    with spared_ctrl_c():
        cluster = dask.LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            memory_limit=0,
            dashboard_address="127.0.0.1:0",  # any free port: other commands may run
            silence_logs=SILENT,
        )
    with cluster, dask.Client(cluster, set_as_default=False) as client:
        yield client.get_executor()


@contextmanager
def _scheduler(address: str) -> Iterator[Executor]:
    """The workers of a Dask scheduler that runs already; raises ConfigurationError where none answers."""
    dask = _distributed()

    async def ask() -> Any:
        async with dask.rpc(address, timeout=PATIENCE) as there:
            return await asyncio.wait_for(there.identity(), PATIENCE)

    try:
        found = asyncio.run(ask())
    except Exception as error:  # whatever reading the answer of a stranger ends in
        why = (str(error) or "silence") if isinstance(error, OSError) else "something else does"
        raise ConfigurationError(
            f"--executor dask:{address}: no Dask scheduler answers there ({why}); start one with `dask scheduler`, "
            "its workers with `dask worker`, and give the address that it shows"
        ) from None
    if found["type"] != "Scheduler":
        kind = found["type"]
        raise ConfigurationError(f"--executor dask:{address}: is a Dask {kind}, give the address of its scheduler")
    if not found["workers"]:
        LOG.warning("the Dask scheduler at %s has no workers yet: work waits for them", address)
    with dask.Client(address, set_as_default=False, timeout=PATIENCE) as client:
        yield client.get_executor()


def _distributed() -> Any:
    """Dask's distributed without its log; raises ConfigurationError where it is not installed."""
    try:
        module = import_module("distributed")
    except ImportError:
        raise ConfigurationError("--executor dask needs Dask: pip install 'npinfer[dask]'") from None
    for name in CHATTY:
        logging.getLogger(name).setLevel(SILENT)
    return module
