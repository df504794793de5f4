"""One BLAS thread: small matrices are faster so, and numbers do not depend on how many threads there are."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[object]:
    """A context in which the linear algebra libraries use one thread."""
    return _controller().limit(limits=1)  # type: ignore[no-any-return]


def keep_one_blas_thread() -> None:
    """One thread from now on, for the libraries that are loaded: a context would lift the limit for other threads."""
    ThreadpoolController().limit(limits=1)
