"""Likelihoods that several files look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import npinfer
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.likelihood.event_likelihood import EventLikelihood
from tests.event_likelihoods import loaded
from tests.exports import RICH
from tests.simulations import FILE, as_csv, simulate

Write = Callable[..., Path]


@pytest.fixture
def rich(write: Write) -> BinnedLikelihood:
    return npinfer.load(write(RICH, "rich.yaml"))


@pytest.fixture(scope="module")
def events() -> list[dict[str, object]]:
    return simulate()


@pytest.fixture
def shower(write: Write, events: list[dict[str, object]]) -> BinnedLikelihood:
    write(as_csv(events), "data/events.csv")
    return npinfer.load(write(FILE))


@pytest.fixture(scope="module")
def event_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("events")
        patch.setenv("NPINFER_CACHE", str(folder / "cache"))
        yield folder


@pytest.fixture(scope="module")
def splines(hese_release: Any) -> Any:
    return hese_release.make_splines()


@pytest.fixture(scope="module")
def lh(event_cache: Path, hese_release: Any, splines: Any) -> EventLikelihood:
    """The likelihood of 10 000 synthetic events."""
    return loaded(event_cache / "release", hese_release, hese_release.make_events(10_000), splines)
