"""Where work runs, from the command line: executors that agree, and words for those that are not there."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from distributed import LocalCluster

from npinfer.cli import executors
from npinfer.inference.profile import POINTS_PER_CHUNK

SLOW = "profile slow.yaml mu=0:2:700 --plugin massive_physics --out results"
FAST = "profile massive.yaml mu=0:2:700 --plugin massive_physics --quiet"
KINDS = "serial, processes, processes:N, dask:local, dask:local:N or dask:tcp://HOST:PORT"
REFUSED = (
    "threads", "process", "processes:", "processes:0", "processes:two", "processes:-1", "serial:2", "dask", "dask:",
    "dask:local:", "dask:local:0", "dask:2", "dask:tcp://localhost", "dask:tcp://:8786", "dask:udp://localhost:8786",
)  # fmt: skip


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=60) as running:
        yield running


@pytest.fixture
def deaf() -> Iterator[int]:
    """The port of a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def same(one: Path, two: Path) -> None:
    names = [p.name for p in one.iterdir() if p.is_file() and p.suffix != ".json"]  # which has the command
    assert "profile.csv" in names
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


@pytest.mark.parametrize("executor", REFUSED)
def test_executor_refused(npi: Callable, executor: str) -> None:
    message = npi(f"profile tiny.yaml --executor {executor}").refused()
    assert message == f"npinfer: --executor takes {KINDS}; found {executor!r}"


@pytest.mark.parametrize("executor", ["processes", "dask:local:2"])
def test_executors_equal_serial(npi: Callable, folder: Path, executor: str) -> None:
    assert npi(f"{FAST} --out serial").done() == ""
    assert npi(f"{FAST} --out other --executor {executor}").done() == ""
    same(folder / "serial", folder / "other")


def test_a_scheduler_that_runs_already(npi: Callable, folder: Path, cluster: LocalCluster) -> None:
    line = "profile tiny.yaml mu=0:2:700 --quiet"
    assert npi(f"{line} --out serial").done() == ""
    assert npi(f"{line} --out other --executor dask:{cluster.scheduler_address}").done() == ""
    same(folder / "serial", folder / "other")


def test_a_plugin_that_the_workers_do_not_find(npi: Callable, cluster: LocalCluster) -> None:
    message = npi(f"{FAST} --executor dask:{cluster.scheduler_address}").refused()
    assert message == (
        "npinfer: massive_physics: cannot be imported where the work runs: No module named 'massive_physics'; "
        "put its folder on PYTHONPATH there"
    )


def test_the_address_of_a_worker(npi: Callable, cluster: LocalCluster) -> None:
    (address,) = cluster.scheduler_info["workers"]
    message = npi(f"profile tiny.yaml --executor dask:{address}").refused()
    assert message == f"npinfer: --executor dask:{address}: is a Dask Worker, give the address of its scheduler"


def test_a_scheduler_without_workers(caplog: pytest.LogCaptureFixture) -> None:
    with (
        LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0", silence_logs=60) as idle,
        executors._scheduler(idle.scheduler_address) as executor,
    ):
        waiting = executor.submit(abs, -1)
        assert f"the Dask scheduler at {idle.scheduler_address} has no workers yet: work waits for them" in caplog.text
        idle.scale(1)
        assert waiting.result(timeout=30) == 1


def test_without_dask(npi: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    for executor in ("dask:local:2", "dask:tcp://localhost:8786"):
        message = npi(f"profile tiny.yaml --executor {executor}").refused()
        assert message == "npinfer: --executor dask needs Dask: pip install 'npinfer[dask]'"


def test_nobody_answers(start: Callable[..., subprocess.Popen[str]], deaf: int) -> None:
    """Two addresses at the same time: one without a server, one with a server that is silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    begun = time.monotonic()
    commands = {port: start(f"profile tiny.yaml --executor dask:tcp://127.0.0.1:{port}") for port in (free, deaf)}
    for port, command in commands.items():
        out, err = command.communicate(timeout=30)
        assert (command.returncode, out) == (2, "")
        assert err.startswith(f"npinfer: --executor dask:tcp://127.0.0.1:{port}: no Dask scheduler answers there (")
        assert err.endswith(", its workers with `dask worker`, and give the address that it shows\n")
        assert err.count("\n") == 1
    assert time.monotonic() - begun < 15


# ---- workers and commands that are killed


def workers(command: subprocess.Popen[str]) -> list[int]:
    """The processes that a command has started for work, and that are alive."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdecimal() else ["Z"]
            line = (entry / "cmdline").read_bytes() if words[0] != "Z" else b""
        except OSError:
            continue
        if b"spawn_main" in line and int(words[3]) == command.pid:  # its session
            found.append(int(entry.name))
    return found


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("executor", ["processes:2", "dask:local:2"])
def test_a_killed_worker_and_a_killed_command(
    npi: Callable, folder: Path, start: Callable[..., subprocess.Popen[str]], executor: str
) -> None:
    """A worker is killed, then the whole command: what was kept is used, and the result is the same."""
    line, results = f"{SLOW} --executor {executor}", folder / "results"
    command = start(line)
    wait_until(lambda: len(list(results.rglob("*.npz"))) >= 1)
    os.kill(workers(command)[0], signal.SIGKILL)
    wait_until(lambda: len(list(results.rglob("*.npz"))) >= 3)
    command.send_signal(signal.SIGKILL)
    command.communicate()
    wait_until(lambda: not workers(command), 5)
    kept = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in results.rglob("*.npz")}
    again = start(f"{line} --quiet")
    assert (*again.communicate(timeout=60), again.returncode) == ("", "", 0)
    assert len(list(results.rglob("*.npz"))) == -(-700 // POINTS_PER_CHUNK)
    assert {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in kept} == kept
    assert not list(results.rglob("*.part"))
    assert npi(f"{SLOW} --out undisturbed --quiet").done() == ""
    same(folder / "undisturbed", results)


def test_the_same_command_twice_at_once(
    npi: Callable, folder: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    commands = [start(f"{SLOW} --quiet") for _ in range(2)]
    for command in commands:
        assert (*command.communicate(timeout=60), command.returncode) == ("", "", 0)
    assert not list((folder / "results").rglob("*.part"))
    assert npi(f"{SLOW} --out undisturbed --quiet").done() == ""
    same(folder / "undisturbed", folder / "results")


def test_an_edited_plugin_starts_again(folder: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    plugin, found = folder / "massive_physics.py", []
    for height in ("2.0", "2.5"):
        plugin.write_text(plugin.read_text().replace("np.array([2.0, 1.0])", f"np.array([{height}, 1.0])"))
        command = start(f"{FAST} --out results")
        assert (*command.communicate(timeout=60), command.returncode) == ("", "", 0)
        found.append((folder / "results/profile.csv").read_bytes())
    assert found[0] != found[1]
    assert len(list((folder / "results/chunks").iterdir())) == 2
