"""The page about some results, read back."""

from __future__ import annotations

import pytest

from npinfer.report import write_report
from tests.report.made import MARKS
from tests.report.reader import Reader


@pytest.fixture
def unseen(monkeypatch):
    """Draws figures without writing them: for tests of the text."""
    monkeypatch.setattr("npinfer.report.figures.embed", lambda figure: "data:image/svg+xml;base64,")


@pytest.fixture
def page(tmp_path):
    """A function that saves results in a folder and reads the page about them."""

    def read(*results, marks=MARKS, **named):
        for result in results:
            result.save(tmp_path / f"{result.verb}.json")
        for name, result in named.items():
            result.save(tmp_path / f"{name}.json")
        path = write_report(tmp_path, marks=marks)
        assert path == tmp_path / "report.html"
        return Reader(path.read_text(encoding="utf-8"))

    return read
