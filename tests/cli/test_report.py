"""`npinfer report`: a page about what other commands saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import npinfer
from npinfer.cli.report import source_marks
from npinfer.physics.flavour import oscillation_fit, source_composition


def test_results_become_a_page(npi: Callable, folder: Path) -> None:
    for line in ("fit tiny.yaml", "interval tiny.yaml --cl 0.9", "profile tiny.yaml mu=0:4:9"):
        npi(f"{line} --out results").done()
    assert npi("report results").done() == "saved results/report.html\n"
    page = (folder / "results/report.html").read_text(encoding="utf-8")
    interval = npinfer.load_result(folder / "results/interval.json")
    assert f"90 % interval: {interval.lower:.3g} to {interval.upper:.3g}" in page
    assert "npinfer interval tiny.yaml --cl 0.9 --out results" in page
    assert "A tiny likelihood" in page
    assert npi("report results --out page.html --quiet").done() == ""
    assert (folder / "page.html").read_text(encoding="utf-8") == page


def test_an_empty_folder_is_refused(npi: Callable) -> None:
    message = npi("report results").refused()
    assert message == "npinfer: results: no saved results here; run npinfer fit ... --out results first"


def test_the_folders_inside_are_named(npi: Callable, folder: Path) -> None:
    (folder / "results").mkdir()
    npi("interval tiny.yaml --quiet --out results/one").done()
    npi("interval tiny.yaml --quiet --out results/two").done()
    message = npi("report results").refused()
    assert message == "npinfer: results: no saved results here; name one of its folders, results/one, results/two"


def test_a_profile_and_regions_in_one_folder(npi: Callable, folder: Path) -> None:
    """Neither takes the other's place, and the scan of the regions is not offered as a profile without them."""
    for line in ("profile tiny.yaml mu=0:4:9", "contour tiny.yaml mu=0:3:8 level=0.4:2:8"):
        npi(f"{line} --quiet --out results").done()
    assert npinfer.load_result(folder / "results/profile.json").names == ("tiny.mu",)
    assert npinfer.load_result(folder / "results/contour_profile.json").names == ("tiny.mu", "tiny.level")
    npi("report results").done()
    assert "draws its regions" not in (folder / "results/report.html").read_text(encoding="utf-8")
    (folder / "results/contour.json").unlink()
    npi("report results").done()
    assert "draws its regions" in (folder / "results/report.html").read_text(encoding="utf-8")


def test_a_configuration_of_that_name_that_is_no_fit_is_left_alone(npi: Callable, folder: Path) -> None:
    text = (folder / "tiny.yaml").read_text(encoding="utf-8")
    own = text.replace("configuration:\n", 'configuration:\n  oscillation: {default: "off", choices: ["off", "on"]}\n')
    (folder / "own.yaml").write_text(own, encoding="utf-8")
    npi("fit own.yaml --out results").done()
    assert npi("report results").done() == "saved results/report.html\n"


def test_source_models_at_earth() -> None:
    """pp, μ-damped pp and pγ as in arXiv:2304.06068; μ-damped pγ makes no electron antineutrino."""
    marks = source_marks("nufit-5.2-NO-withSK").of("f_nuebar")
    assert list(marks) == ["pp", "pp μ-damped", "pγ", "pγ μ-damped"]
    assert [mark[0] for mark in marks.values()] == pytest.approx([0.167, 0.113, 0.075, 0.0], abs=0.001)
    assert all(low <= value <= high for value, low, high in marks.values())
    assert marks["pγ μ-damped"] == (0.0, 0.0, 0.0)


def test_bands_hold_every_move_of_one_angle() -> None:
    fit = oscillation_fit("nufit-6.0-NO-IC24")
    value, low, high = source_marks(fit.name).of("f_nuebar")["pγ"]
    angles = {"s2_12": fit.s2_12, "s2_13": fit.s2_13, "s2_23": fit.s2_23, "delta_cp": fit.delta_rad}
    moved = source_composition("pgamma", **(angles | {"delta_cp": fit.delta_rad + fit.delta_rad_up}))[3]
    assert low < moved < high
    assert 0 < high - value < 0.03
