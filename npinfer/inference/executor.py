"""Where and how work runs: fixed chunks, on this process or any executor, kept on disk as they finish."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, as_completed
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tqdm import tqdm

from npinfer.core.provenance import versions
from npinfer.errors import InferenceError, NpinferError
from npinfer.inference.checkpoint import Arrays, Checkpoints, identity
from npinfer.inference.processes import Processes
from npinfer.threads import keep_one_blas_thread, one_blas_thread

Task = Callable[[Any, Arrays], Arrays]
Results = Iterator[tuple[int, Arrays]]
LOSSES = 3  # of processes in a row, without a finished chunk


@dataclass(frozen=True)
class RunOptions:
    """seed: of all random numbers; executor: any concurrent.futures.Executor, such as a ProcessPoolExecutor or Dask's
    Client.get_executor(), or None for this process; out: folder for finished chunks, from which the same work resumes;
    fresh: ignore chunks found there; quiet: no progress bar (one appears after two seconds, on a terminal only) and
    no word about the chunks that were found.
    """

    seed: int = 0
    executor: Executor | None = None
    out: Path | None = None
    fresh: bool = False
    quiet: bool = False


class Interrupted(NpinferError):
    """Work was stopped by the user; `done` holds the finished chunks by number."""

    def __init__(self, message: str, done: Mapping[int, Arrays]) -> None:
        super().__init__(message, done)
        self.done = done

    def __str__(self) -> str:
        return str(self.args[0])


class WorkersLost(NpinferError):
    """The workers of an executor ended before their work was done."""


def run_chunks(task: Task, likelihood: Any, chunks: Sequence[Arrays], run: RunOptions, label: str) -> list[Arrays]:
    """task(likelihood, chunk) for every chunk, in order; raises Interrupted, WorkersLost, DataError, OutputError.

    `task` is a function of a module, so that a worker can import it. Each chunk runs with one BLAS thread wherever it
    runs, so that its numbers do not depend on the executor. Chunks are kept in the order in which they finish.
    """
    store: Checkpoints | None = None
    done: dict[int, Arrays] = {}
    if run.out is not None:
        work = identity(f"{task.__module__}.{task.__qualname__}", likelihood, chunks, run.seed)
        store = Checkpoints(run.out, work, len(chunks))
        done = {} if run.fresh else store.found()
    left = {i: chunk for i, chunk in enumerate(chunks) if i not in done}
    bar = tqdm(
        total=len(chunks), initial=len(done), desc=label, delay=2, disable=True if run.quiet else None, leave=False
    )
    try:
        with bar, one_blas_thread(), closing(_results(task, likelihood, left, run.executor)) as results:
            if store is not None and done and left and not bar.disable:
                said = f"{label.rstrip(',')}: {len(done)} of {len(chunks)} chunks found in {store.folder}"
                print(said, file=sys.stderr)
            for i, result in results:
                if store is not None:
                    store.keep(i, result)
                done[i] = result
                bar.update()
    except (KeyboardInterrupt, WorkersLost) as error:
        where = "an output folder (--out) would keep them for the next time"
        if store is not None:
            where = f"they are kept in {store.folder}: the same command continues"
        reached = f"after {len(done)} of {len(chunks)} chunks; {where}"
        if isinstance(error, WorkersLost):
            raise WorkersLost(f"{label.rstrip(',')}: {error}; it ended {reached}") from error.__cause__
        raise Interrupted(f"{label} interrupted {reached}", done) from None
    return [done[i] for i in range(len(chunks))]


def _results(task: Task, likelihood: Any, chunks: Mapping[int, Arrays], executor: Executor | None) -> Results:
    """The results of chunks by number, in the order in which they finish; raises WorkersLost."""
    if executor is None:
        for i, chunk in chunks.items():
            yield i, task(likelihood, chunk)
        return
    work, left, losses = (task, likelihood.recipe(), versions()), dict(chunks), 0
    while left:
        try:
            for i, result in _finished(executor, work, left):
                del left[i]
                losses = 0
                yield i, result
        except Exception as error:
            if not _is_loss(error):
                raise
            losses += 1
            if not isinstance(executor, Processes):
                why = "it was stopped" if isinstance(error, CancelledError) else "perhaps for lack of memory"
                said = f"{type(error).__name__}: {error}".strip(": ")
                raise WorkersLost(f"the executor lost its workers, {why} ({said}); go on with a new one") from error
            if losses == LOSSES:
                raise WorkersLost(
                    f"one of {executor.count} processes was killed {LOSSES} times in a row before any finished a "
                    "chunk, perhaps for lack of memory; give it fewer processes"
                ) from error
            executor.renew()


def _finished(executor: Executor, work: tuple[Any, ...], chunks: Mapping[int, Arrays]) -> Results:
    """Results as they finish; where workers are lost, all that finished before."""
    futures = {}
    try:
        for i, chunk in chunks.items():
            futures[executor.submit(_elsewhere, *work, chunk)] = i
        for future in as_completed(futures):
            yield futures.pop(future), future.result()
    except Exception as error:
        if _is_loss(error):
            for future, i in futures.items():
                if future.done() and not future.cancelled() and future.exception() is None:
                    yield i, future.result()
        raise
    finally:
        for future in futures:
            future.cancel()


def _is_loss(error: Exception) -> bool:
    """Whether workers, or what leads them, ended: KilledWorker is Dask's."""
    return isinstance(error, BrokenExecutor | CancelledError) or type(error).__name__ == "KilledWorker"


def _elsewhere(task: Task, recipe: Any, needed: Mapping[str, str], chunk: Arrays) -> Arrays:
    """Run one chunk in a worker, on a likelihood rebuilt from its recipe; raises InferenceError for other versions."""
    if differ := [f"{k} {v}, not {needed.get(k)}" for k, v in versions().items() if v != needed.get(k)]:
        raise InferenceError(
            f"a worker has other versions than the work was started with ({', '.join(differ)}) and would find other "
            "numbers; install the same there"
        )
    try:
        likelihood = _rebuild(recipe)
        keep_one_blas_thread()
        return task(likelihood, chunk)
    except Exception as error:
        try:
            copy.copy(error)  # as it will be made again where it arrives
        except Exception:
            raise RuntimeError(f"{type(error).__name__}: {error}") from None
        raise


@lru_cache(maxsize=4)
def _rebuild(recipe: Any) -> Any:
    return recipe.build()
