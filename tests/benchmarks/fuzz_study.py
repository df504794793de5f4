"""Malformed input in numbers: damaged likelihood files, command lines and workspaces, and what came of each.

Run with `python tests/benchmarks/fuzz_study.py [--seed N] [--cases N] [FAMILY ...]`; prints the outcomes by family, and
every failure with the files that made it.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz import commands, specs, workspaces
from fuzz.mutate import case_folder

FAMILIES = {
    "specs": (specs.run_case, 6000),
    "shipped": (lambda folder, random: specs.run_case(folder, random, shipped=True), 300),
    "commands": (commands.run_case, 2500),
    "workspaces": (workspaces.run_case, 3000),
}
MEMORY = 4_000_000_000  # bytes that a case may take


def study(family: str, seed: int, cases: int, first: int = 0) -> int:
    """Print the outcomes of one family; gives the number of failures."""
    run, default = FAMILIES[family]
    outcomes: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    begun = time.perf_counter()
    for i in range(first, first + (cases or default)):
        try:
            with case_folder() as folder:
                outcomes[run(folder, Random(f"{family} {seed} {i}"))] += 1
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
            failures[kind] += 1
            print("\n".join([f"\n==== {family} {i}: {kind}: {error}", *error.__notes__]))
    print(f"\n{family}: {cases or default} cases, seed {seed}, {time.perf_counter() - begun:.0f} s")
    for word, count in [*outcomes.most_common(), *((f"FAILED {k}", n) for k, n in failures.most_common())]:
        print(f"  {count:6d}  {word}")
    return failures.total()


def main(arguments: list[str]) -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", choices=[*FAMILIES, []], default=[])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=0, help="of each family")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    options = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    return min(1, sum(study(f, options.seed, options.cases, options.first) for f in options.families or FAMILIES))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
