"""Kill commands with SIGKILL at random moments: the same commands must continue from what is kept, to the same bits.

python tests/benchmarks/kill_study.py [--moments N] [--seed N] [--executor KIND ...] [VERB ...]

Twenty moments of every verb and executor take about half an hour.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HELD = "--fix astro_norm=4.98 --fix astro_gamma=2.53"
COMMANDS = {
    "toys": f"toys icecube_pepe {HELD} --n-toys 40000",
    "profile": "profile icecube_hese astro_gamma=2:4:71 astro_norm=1:14:71",
    "sample": f"sample icecube_pepe {HELD} --n-steps 1000",
}
EXECUTORS = ("serial", "processes:2")
LOG = "KILL_STUDY_LOG"  # names the file that the command writes every finished chunk to


@dataclass(frozen=True)
class Outcome:
    """One kill: seconds after the start, chunks that were finished and kept at that moment, and of how many."""

    after: float
    finished: int
    kept: int
    chunks: int
    parts: int

    def __str__(self) -> str:
        half = f", {self.parts} half-written" if self.parts else ""
        return f"killed at {self.after:.2f} s: {self.finished} of {self.chunks} chunks finished, {self.kept} kept{half}"


def command() -> None:
    """The npinfer command, which also notes every chunk that is finished before it is kept."""
    from npinfer.cli.main import main
    from npinfer.inference.checkpoint import Checkpoints

    keep = Checkpoints.keep

    def noted(self: Checkpoints, i: int, arrays: object) -> None:
        with Path(os.environ[LOG]).open("a") as log:
            log.write(f"{self.folder.name}/{i:05d}.npz\n")
        keep(self, i, arrays)  # type: ignore[arg-type]

    Checkpoints.keep = noted  # type: ignore[method-assign,assignment]
    main(sys.argv[2:])


def start(line: str, folder: Path, log: str) -> subprocess.Popen[bytes]:
    """A command in a folder, with its results in `out`."""
    environment = {**os.environ, LOG: str(folder / log), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, __file__, "--command", *line.split(), "--out", "out", "--quiet"]
    return subprocess.Popen(
        words, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def finish(line: str, folder: Path, log: str) -> set[str]:
    """Run a command to its end; gives the chunks that it computed."""
    code = start(line, folder, log).wait()
    assert code == 0, f"{line} ended with {code}"
    return noted(folder / log)


def noted(log: Path) -> set[str]:
    """The chunks in a log."""
    return set(log.read_text().split()) if log.exists() else set()


def chunk_files(folder: Path) -> dict[str, tuple[int, int]]:
    """Kept chunks, each with its inode and the time it was written."""
    found = {p: p.stat() for p in (folder / "out" / "chunks").glob("*/*.npz")}
    return {f"{p.parent.name}/{p.name}": (s.st_ino, s.st_mtime_ns) for p, s in found.items()}


def results(folder: Path) -> dict[str, bytes]:
    """All that a command has saved, but for the chunks."""
    return {p.name: p.read_bytes() for p in (folder / "out").iterdir() if p.is_file()}


def session(leader: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdecimal() else []
        except OSError:
            continue
        if words and int(words[3]) == leader and words[0] != "Z":
            found.append(int(entry.name))
    return found


def kill_once(line: str, after: float, folder: Path, whole: tuple[set[str], dict[str, bytes]]) -> Outcome:
    """Kill a command, see that its workers end, that the same command computes what was not kept, and its results."""
    process = start(line, folder, "killed.log")
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    end = time.monotonic() + 10
    while session(process.pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not session(process.pid), "workers outlived the command"
    kept, finished = chunk_files(folder), noted(folder / "killed.log")
    parts = len(list((folder / "out").rglob("*.part")))
    assert len(finished - kept.keys()) <= 1, "a finished chunk was lost"  # that which was being written
    again = finish(line, folder, "again.log")
    chunks, expected = whole
    assert not again & kept.keys(), "a kept chunk was computed again"
    assert again | kept.keys() == chunks
    assert {name: chunk_files(folder)[name] for name in kept} == kept, "a kept chunk was written again"
    assert not list((folder / "out").rglob("*.part")), "a half-written file is left"
    assert results(folder) == expected, "the results differ"
    return Outcome(after, len(finished), len(kept), len(chunks), parts)


def study(verb: str, executor: str, moments: int, rng: np.random.Generator, folder: Path) -> list[Outcome]:
    """Kills at random moments, from halfway to the first chunk to halfway from the last one to the end."""
    line, whole = f"{COMMANDS[verb]} --executor {executor}", folder / "whole"
    whole.mkdir(parents=True)
    begun = time.time()
    chunks = finish(line, whole, "whole.log")
    duration = time.time() - begun
    kept = [written / 1e9 - begun for _, written in chunk_files(whole).values()]
    found = []
    for i, after in enumerate(rng.uniform(min(kept) / 2, (max(kept) + duration) / 2, moments)):
        (folder / f"{i}").mkdir()
        found.append(kill_once(line, float(after), folder / f"{i}", (chunks, results(whole))))
    return found


def main(arguments: Sequence[str]) -> None:
    """Print every kill and a summary of each verb and executor."""
    parser = argparse.ArgumentParser(description="Kill commands at random moments.")
    parser.add_argument("verbs", nargs="*", metavar="VERB", help=", ".join(COMMANDS))
    parser.add_argument("--executor", action="append", dest="executors")
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(options.seed)
    for verb in options.verbs or COMMANDS:
        for executor in options.executors or EXECUTORS:
            with tempfile.TemporaryDirectory() as folder:
                found = study(verb, executor, options.moments, rng, Path(folder))
            for outcome in found:
                print(f"{verb} {executor}: {outcome}")
            lost = sum(o.finished - o.kept for o in found)
            middle = sum(0 < o.kept < o.chunks for o in found)
            print(
                f"{verb} {executor}: {len(found)} kills, {middle} in the middle of the chunks, all continued to the "
                f"same bits; {lost} finished chunks were not kept yet\n",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--command"]:
        command()
    else:
        main(sys.argv[1:])
