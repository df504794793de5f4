"""Where work runs makes no difference to it, nor does the death of a worker."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from io import StringIO
from multiprocessing import active_children, get_context
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from distributed import Client, LocalCluster
from threadpoolctl import threadpool_info, threadpool_limits

import npinfer
from npinfer import RunOptions
from npinfer.core.provenance import versions
from npinfer.errors import InferenceError, ParameterError
from npinfer.inference import executor as module
from npinfer.inference import mcmc
from npinfer.inference.executor import Interrupted, WorkersLost, run_chunks
from npinfer.inference.processes import Processes
from npinfer.likelihood.binned import BinnedLikelihood

CHUNKS = [{"number": np.array(i)} for i in range(8)]
TASKS = '''\
"""Tasks of the tests, in a module that workers can import."""

import os
import signal
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

from npinfer.errors import ParameterError
from npinfer.inference.executor import Interrupted


class Awkward(Exception):
    def __init__(self, place, reason):
        super().__init__(f"{reason} in {place}")


ERRORS = {
    "of ours": lambda: ParameterError("no such thing"),
    "of Python": lambda: ZeroDivisionError("by nothing"),
    "of a stop": lambda: Interrupted("stopped", {3: {"a": np.ones(2)}}),
    "that cannot travel": lambda: Awkward("the oven", "too hot"),
}


def square(likelihood, chunk):
    time.sleep(0.05)
    return {"square": chunk["number"] ** 2, "process": np.array(os.getpid())}


def fail(likelihood, chunk):
    raise ERRORS[str(chunk["error"])]()


def die_at_two(likelihood, chunk):
    if chunk["number"] == 2:
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
    return square(likelihood, chunk)


def last_first(likelihood, chunk):
    """A chunk that waits until the file of the next one is there."""
    folder, number = Path(str(chunk["folder"])), int(chunk["number"])
    end = time.monotonic() + 20
    while number < 3 and not list(folder.rglob(f"{number + 1:05d}.npz")):
        assert time.monotonic() < end, "the chunk after this one is finished and not kept"
        time.sleep(0.005)
    return {"number": chunk["number"]}


def threads(likelihood, chunk):
    found = []
    for _ in range(10):  # beside other threads, which begin and end
        time.sleep(0.002 * (1 + chunk["number"] % 3))
        found += [library["num_threads"] for library in threadpool_info()]
    return {"threads": np.array(found)}


def sigint(likelihood, chunk):
    os.kill(os.getpid(), signal.SIGINT)
    return {"number": chunk["number"]}
'''


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "tasks_of_the_tests.py").write_text(TASKS)
    sys.path.insert(0, str(folder))
    yield __import__("tasks_of_the_tests")
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def processes(tasks: ModuleType) -> Iterator[Processes]:
    with Processes(2) as pool:
        yield pool


@pytest.fixture(scope="module")
def dask(tasks: ModuleType) -> Iterator[Executor]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address="127.0.0.1:0", silence_logs=60) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client.get_executor()


@pytest.fixture(params=["processes", "dask"])
def executor(request: pytest.FixtureRequest) -> Executor:
    found: Executor = request.getfixturevalue(request.param)
    return found


def workers() -> list[int]:
    return [child.pid for child in active_children() if child.pid is not None]


# ---- the same bits


CALIBRATED = """\
schema: npinfer/likelihood/1
name: measured
kind: real
status: illustrative
channels: {count: {axes: {x: {linear: [0, 1, 2]}}, observed: [5, 2]}}
samples:
  signal: {template: {count: [1, 0.2]}, scale: s}
  background: {template: {count: [1, 2]}, scale: level}
parameters:
  s: {init: 3, bounds: [0, 30]}
  level: {init: 1, bounds: [0.1, 3], constraint: {normal: {mean: 1, sigma: 0.2}}}
"""
QUESTIONS: dict[str, Callable[[BinnedLikelihood, RunOptions], Any]] = {
    "calibrate": lambda lh, run: npinfer.calibrate(lh, {"s": np.linspace(0, 12, 7)}, n_toys=300, run=run),
    "toys": lambda lh, run: npinfer.toys(lh, 900, run=run),
    "profile": lambda lh, run: npinfer.profile(
        lh, {"s": np.linspace(0, 12, 31), "level": np.linspace(0.5, 1.5, 21)}, run=run
    ),
    "sample": lambda lh, run: npinfer.sample(lh, n_steps=120, n_replicas=3, run=run),
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> BinnedLikelihood:
    path = tmp_path_factory.mktemp("measured") / "measured.yaml"
    path.write_text(CALIBRATED)
    return npinfer.load(path)


@pytest.fixture(scope="module")
def serial(measured: BinnedLikelihood) -> dict[str, dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mcmc, "BLOCK", 40)
        return {verb: ask(measured, RunOptions(seed=3)).to_dict() for verb, ask in QUESTIONS.items()}


@pytest.mark.parametrize("verb", QUESTIONS)
def test_every_executor_gives_the_same_bits(
    verb: str,
    executor: Executor,
    measured: BinnedLikelihood,
    serial: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mcmc, "BLOCK", 40)
    assert QUESTIONS[verb](measured, RunOptions(seed=3, executor=executor)).to_dict() == serial[verb]


def test_threads_give_the_same_bits(measured: BinnedLikelihood, serial: dict[str, dict[str, Any]]) -> None:
    with ThreadPoolExecutor(3) as pool:
        assert npinfer.toys(measured, 900, run=RunOptions(seed=3, executor=pool)).to_dict() == serial["toys"]


@pytest.mark.parametrize("verb", ["calibrate", "sample"])
def test_a_killed_worker_changes_nothing(
    verb: str,
    executor: Executor,
    measured: BinnedLikelihood,
    serial: dict[str, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One worker is killed when the first chunk is kept."""
    monkeypatch.setattr(mcmc, "BLOCK", 40)
    keep, killed = module.Checkpoints.keep, []

    def keep_and_kill(self: Any, i: int, arrays: Any) -> None:
        keep(self, i, arrays)
        if not killed:
            killed.append(workers()[0])
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(module.Checkpoints, "keep", keep_and_kill)
    found = QUESTIONS[verb](measured, RunOptions(seed=3, executor=executor, out=tmp_path))
    assert found.to_dict() == serial[verb]
    assert killed


# ---- order


def test_chunks_are_kept_as_they_finish_and_returned_in_order(
    small: BinnedLikelihood, tasks: ModuleType, tmp_path: Path
) -> None:
    chunks = [{"number": np.array(i), "folder": np.array(str(tmp_path))} for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = run_chunks(tasks.last_first, small, chunks, RunOptions(executor=pool, out=tmp_path), "count")
    assert [int(one["number"]) for one in found] == [0, 1, 2, 3]
    written = sorted(tmp_path.rglob("*.npz"), key=lambda path: path.stat().st_mtime_ns)
    assert [path.stem for path in written] == ["00003", "00002", "00001", "00000"]


def test_nothing_left_asks_nothing_of_the_executor(small: BinnedLikelihood, tasks: ModuleType, tmp_path: Path) -> None:
    run_chunks(tasks.square, small, CHUNKS, RunOptions(out=tmp_path), "square")
    with ThreadPoolExecutor(1) as pool:
        pool.shutdown()
        found = run_chunks(tasks.square, small, CHUNKS, RunOptions(out=tmp_path, executor=pool), "square")
    assert [int(one["square"]) for one in found] == [i**2 for i in range(8)]


# ---- workers that die


def test_an_executor_of_the_user_that_breaks(small: BinnedLikelihood, tasks: ModuleType, tmp_path: Path) -> None:
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as pool,
        pytest.raises(WorkersLost) as caught,
    ):
        run_chunks(tasks.die_at_two, small, CHUNKS, RunOptions(out=tmp_path, executor=pool), "square")
    kept = list(tmp_path.rglob("*.npz"))
    assert sorted(path.stem for path in kept) == ["00000", "00001"]
    assert str(caught.value) == (
        "square: the executor lost its workers, perhaps for lack of memory (BrokenProcessPool: A process in the "
        "process pool was terminated abruptly while the future was running or pending.); go on with a new one; it "
        f"ended after 2 of 8 chunks; they are kept in {kept[0].parent}: the same command continues"
    )


def test_processes_that_die_again_and_again(small: BinnedLikelihood, tasks: ModuleType, tmp_path: Path) -> None:
    with Processes(1) as pool, pytest.raises(WorkersLost) as caught:
        run_chunks(tasks.die_at_two, small, CHUNKS, RunOptions(out=tmp_path, executor=pool), "square")
    assert str(caught.value).startswith(
        "square: one of 1 processes was killed 3 times in a row before any finished a chunk, perhaps for lack of memory"
    )
    assert sorted(path.stem for path in tmp_path.rglob("*.npz")) == ["00000", "00001"]


def test_a_dask_worker_that_dies_again_and_again(
    small: BinnedLikelihood, tasks: ModuleType, dask: Executor, tmp_path: Path
) -> None:
    with pytest.raises(WorkersLost, match=r"the executor lost its workers, perhaps for lack of memory \(KilledWorker"):
        run_chunks(tasks.die_at_two, small, CHUNKS, RunOptions(out=tmp_path, executor=dask), "square")
    assert "00002" not in {path.stem for path in tmp_path.rglob("*.npz")}


def test_a_scheduler_that_goes_away(small: BinnedLikelihood, tasks: ModuleType) -> None:
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=60) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        threading.Timer(0.5, cluster.close).start()
        said = r"the executor lost its workers, it was stopped \(\w*CancelledError.*; an output folder"
        with pytest.raises(WorkersLost, match=said):
            run_chunks(tasks.square, small, CHUNKS * 20, RunOptions(executor=client.get_executor()), "square")


class Half(Executor):
    """Finishes what it is given at once, until it breaks."""

    def __init__(self, tasks: int) -> None:
        self.left = tasks

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        if not self.left:
            raise module.BrokenExecutor("half of it is done")
        self.left -= 1
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **options))
        return future


def test_what_was_finished_before_the_break_is_kept(small: BinnedLikelihood, tasks: ModuleType, tmp_path: Path) -> None:
    run = RunOptions(out=tmp_path, executor=Half(4))
    with pytest.raises(WorkersLost, match=r"half of it is done.*after 4 of 8 chunks"):
        run_chunks(tasks.square, small, CHUNKS, run, "square")
    assert len(list(tmp_path.rglob("*.npz"))) == 4


# ---- errors of the work itself


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        ("of ours", ParameterError, "no such thing"),
        ("of Python", ZeroDivisionError, "by nothing"),
        ("of a stop", Interrupted, "stopped"),
        ("that cannot travel", RuntimeError, "Awkward: too hot in the oven"),
    ],
)
def test_errors_arrive_as_they_are(
    error: str, kind: type[Exception], said: str, executor: Executor, small: BinnedLikelihood, tasks: ModuleType
) -> None:
    with pytest.raises(kind) as caught:
        run_chunks(tasks.fail, small, [{"error": np.array(error)}], RunOptions(executor=executor), "fail")
    assert type(caught.value) is kind
    assert str(caught.value) == said
    if isinstance(caught.value, Interrupted):
        np.testing.assert_array_equal(caught.value.done[3]["a"], [1.0, 1.0])


def test_an_error_ends_the_work(small: BinnedLikelihood, tasks: ModuleType) -> None:
    """The chunks behind the one that failed are not computed for nothing."""
    chunks, begun = [*CHUNKS[:1], {"number": np.array("two")}, *CHUNKS * 50], time.monotonic()
    with ThreadPoolExecutor(1) as pool, pytest.raises(TypeError):
        run_chunks(tasks.square, small, chunks, RunOptions(executor=pool), "square")
    assert time.monotonic() - begun < 10  # all take twice as long


def test_other_versions_find_other_numbers(small: BinnedLikelihood, tasks: ModuleType) -> None:
    with pytest.raises(InferenceError, match=r"a worker has other versions .*\(numpy .*, not 1.0\)"):
        module._elsewhere(tasks.square, small.recipe(), {**versions(), "numpy": "1.0"}, CHUNKS[0])


# ---- inside a worker


def test_one_blas_thread_inside(executor: Executor, small: BinnedLikelihood, tasks: ModuleType) -> None:
    for one in run_chunks(tasks.threads, small, CHUNKS, RunOptions(executor=executor), "threads"):
        assert len(one["threads"]) > 0
        assert (one["threads"] == 1).all()


def test_one_blas_thread_beside_others_and_as_before_afterwards(small: BinnedLikelihood, tasks: ModuleType) -> None:
    with ThreadPoolExecutor(4) as pool, threadpool_limits(2):
        for one in run_chunks(tasks.threads, small, CHUNKS * 3, RunOptions(executor=pool), "threads"):
            assert (one["threads"] == 1).all()
        assert {library["num_threads"] for library in threadpool_info()} == {2}


def test_ctrl_c_is_not_for_processes(processes: Processes, small: BinnedLikelihood, tasks: ModuleType) -> None:
    before = workers()
    assert len(run_chunks(tasks.sigint, small, CHUNKS, RunOptions(executor=processes), "sigint")) == 8
    assert workers() == before


# ---- what a terminal shows


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("quiet", "said"), [(False, "square: 2 of 8 chunks found in {}\n"), (True, "")])
def test_a_terminal_says_what_was_found(
    quiet: bool, said: str, small: BinnedLikelihood, tasks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_chunks(tasks.square, small, CHUNKS, RunOptions(out=tmp_path), "square")
    for path in sorted(tmp_path.rglob("*.npz"))[2:]:
        path.unlink()
    monkeypatch.setattr(sys, "stderr", Terminal())
    run_chunks(tasks.square, small, CHUNKS, RunOptions(out=tmp_path, quiet=quiet), "square,")
    assert sys.stderr.getvalue() == said.format(next((tmp_path / "chunks").iterdir()))  # type: ignore[attr-defined]
    run_chunks(tasks.square, small, CHUNKS, RunOptions(out=tmp_path, quiet=quiet), "square")
    assert sys.stderr.getvalue().count("\n") == said.count("\n")  # type: ignore[attr-defined]
