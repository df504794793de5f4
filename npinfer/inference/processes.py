"""Fresh processes that work goes on in."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process, resource_tracker
from threading import Thread
from typing import Any


class Processes(Executor):
    """A pool of fresh processes; where one of them was killed, `renew` makes a new pool.

    Ctrl-C is not for them, they finish their chunk. They end with the process that started them, however that ends.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = count or os.cpu_count() or 1
        self._pool = self._new()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        """As of any executor."""
        with spared_ctrl_c():
            return self._pool.submit(function, *arguments, **options)

    def renew(self) -> None:
        """Go on with new processes; what was submitted to the old ones is lost."""
        self._pool.shutdown(cancel_futures=True)
        self._pool = self._new()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As of any executor."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.count, get_context("spawn"), initializer=_watch_parent)


@contextmanager
def spared_ctrl_c() -> Iterator[None]:
    """Processes and threads that are started in this context, and all that they start, do not get Ctrl-C."""
    resource_tracker.ensure_running()  # the thread that starts it gets Ctrl-C from then on
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _watch_parent() -> None:
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
