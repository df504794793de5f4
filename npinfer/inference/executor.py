"""Where and how work runs: fixed chunks, on this process or any executor, kept on disk as they finish."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from npinfer.core.provenance import digest, versions
from npinfer.errors import NpinferError, OutputError
from npinfer.threads import one_blas_thread

Arrays = Mapping[str, np.ndarray]
Task = Callable[[Any, Arrays], Arrays]


@dataclass(frozen=True)
class RunOptions:
    """seed: of all random numbers; executor: any concurrent.futures.Executor, or None for this process;
    out: folder for finished chunks, from which the same work resumes; fresh: ignore chunks found there;
    quiet: no progress bar (one appears after two seconds, on a terminal only).
    """

    seed: int = 0
    executor: Executor | None = None
    out: Path | None = None
    fresh: bool = False
    quiet: bool = False


class Interrupted(NpinferError):
    """Work was stopped by the user; `done` holds the finished chunks by number."""

    def __init__(self, message: str, done: Mapping[int, Arrays]) -> None:
        super().__init__(message)
        self.done = done


def run_chunks(task: Task, likelihood: Any, chunks: Sequence[Arrays], run: RunOptions, label: str) -> list[Arrays]:
    """task(likelihood, chunk) for every chunk, in order; raises Interrupted, OutputError.

    `task` is a function of a module, so that a worker can import it. Each chunk runs with one BLAS thread wherever it
    runs, so that its numbers do not depend on the executor.
    """
    store = _Store(task, likelihood, chunks, run) if run.out is not None else None
    done: dict[int, Arrays] = {} if store is None else store.found()
    left = [i for i in range(len(chunks)) if i not in done]
    bar = tqdm(
        total=len(chunks), initial=len(done), desc=label, delay=2, disable=True if run.quiet else None, leave=False
    )
    try:
        with bar:
            for i, result in _results(task, likelihood, [(i, chunks[i]) for i in left], run.executor):
                done[i] = result
                if store is not None:
                    store.keep(i, result)
                bar.update()
    except KeyboardInterrupt:
        where = "an output folder (--out) would keep them for the next time"
        if store is not None:
            where = f"they are kept in {store.folder}: the same command continues"
        raise Interrupted(f"{label} interrupted after {len(done)} of {len(chunks)} chunks; {where}", done) from None
    return [done[i] for i in range(len(chunks))]


def _results(task: Task, likelihood: Any, work: Sequence[tuple[int, Arrays]], executor: Executor | None) -> Any:
    if executor is None:
        with one_blas_thread():
            for i, chunk in work:
                yield i, task(likelihood, chunk)
        return
    recipe = likelihood.recipe()
    pending = [(i, executor.submit(_elsewhere, task, recipe, chunk)) for i, chunk in work]
    for i, future in pending:
        yield i, future.result()


def _elsewhere(task: Task, recipe: Any, chunk: Arrays) -> Arrays:
    """Run one chunk in a worker, on a likelihood rebuilt from its recipe."""
    with one_blas_thread():
        return task(_rebuild(recipe), chunk)


@lru_cache(maxsize=4)
def _rebuild(recipe: Any) -> Any:
    return recipe.build()


class _Store:
    """Finished chunks on disk, under a digest of all that they depend on."""

    def __init__(self, task: Task, likelihood: Any, chunks: Sequence[Arrays], run: RunOptions) -> None:
        content = [{k: [v.shape, v.tolist()] for k, v in chunk.items()} for chunk in chunks]
        packed = likelihood.pack(None)
        identity = {
            "task": f"{task.__module__}.{task.__qualname__}",
            "likelihood": dict(likelihood.description.digests),
            "data": [packed.counts.tolist(), packed.auxiliary.tolist()],
            "chunks": content,
            "seed": run.seed,
            "versions": versions(),
        }
        assert run.out is not None
        self.folder = Path(run.out) / "chunks" / digest(identity)[:16]
        self._count, self._fresh = len(chunks), run.fresh
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self.folder}: cannot be written: {error.strerror}; choose another folder with --out"
            ) from None

    def found(self) -> dict[int, Arrays]:
        """The chunks already there; a damaged one is computed again."""
        done = {}
        for i in range(0 if self._fresh else self._count):
            try:
                with self._path(i).open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                    done[i] = {k: stored[k] for k in stored.files}
            except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
                continue
        return done

    def keep(self, i: int, arrays: Arrays) -> None:
        part = self._path(i).with_suffix(".part")
        try:
            with part.open("wb") as stream:
                np.savez(stream, **arrays)
            part.replace(self._path(i))
        except OSError as error:
            raise OutputError(
                f"{part}: cannot be written: {error.strerror}; choose another folder with --out"
            ) from None
        finally:
            part.unlink(missing_ok=True)

    def _path(self, i: int) -> Path:
        return self.folder / f"{i:05d}.npz"
