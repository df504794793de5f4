"""Random and damaged pyhf workspaces: where pyhf has a density, it is ours, or we say why not."""

from __future__ import annotations

from random import Random

import pyhf

from .mutate import case_folder, fuzzed
from .workspaces import KINDS, run_case, workspace


@fuzzed(200)
def test_workspaces_have_pyhfs_density_or_are_refused(seed: int) -> None:
    with case_folder() as folder:
        assert run_case(folder, Random(seed)).startswith(("right", "refused"))


def test_the_workspaces_that_are_damaged_are_valid_and_of_every_kind() -> None:
    found = set()
    for i in range(60):
        content = workspace(Random(i))
        pyhf.Workspace(content)
        found |= {m["type"] for c in content["channels"] for s in c["samples"] for m in s["modifiers"]}
    assert found == set(KINDS)
