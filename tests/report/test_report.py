"""The page: its numbers are those of the results, it is one file, and nothing in it runs but its own scripts."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer.core.provenance import Description, Provenance
from npinfer.core.result import ChannelView, Quantity
from npinfer.errors import NpinferError, OutputError
from npinfer.report import Marks, write_report
from npinfer.report.text import number
from tests.report.made import (
    MARKS,
    X,
    everything,
    make_comparison,
    make_fit,
    make_interval,
    make_posterior,
    make_scan,
)
from tests.report.reader import Reader

ATTACK = '<script>alert("1")</script>'


@pytest.mark.usefixtures("unseen")
def test_numbers_are_those_of_the_results(page):
    found = page(*everything())
    sampled = " ".join(filter(None, map(number, make_posterior().table().rows[0])))
    for words in (
        "0.1235 0.0321 −0.031 0.035 –",
        "toy-3yr",
        "mode = plain",
        "0.4 ± 0.9",
        "10⁻¹⁸ GeV⁻¹",
        "−2 ln L at the best fit: 12.3457",
        "events 2.5 0.5 –",
        "npinfer fit toy --out results",
        "sha256 of the spec: " + "ab" * 32,
        "seed 4",
        "npinfer 9.8.7",
        sampled,
        "a count 1.5 1.25 0.5 passed a paper",
        "joint probability enclosed: 68 % (by hand)".capitalize(),
    ):
        assert words in found.text, words
    assert "Skipped" not in found.text
    assert "Not here yet" not in found.text


@pytest.mark.usefixtures("unseen")
def test_downloads_are_the_tables(page):
    results = everything()
    files = page(*results).downloads()
    assert files.keys() == {
        *(f"{r.verb}.csv" for r in results),
        "fit_counts_deep_core.csv",
        "fit_yields.csv",
        "compare_toys.csv",
        "fit_pulls.csv",
        "fit_counts_deep_core_energy_gev.csv",
        "fit_counts_deep_core_cos_zenith.csv",
        "sample_chains.csv",
        "sample_marginals.csv",
        "models.csv",
    }
    for result in results:
        assert files[f"{result.verb}.csv"] == list(csv.reader(io.StringIO(result.table().csv())))
    counts = files["fit_counts_deep_core.csv"]
    assert counts[0][:4] == ["energy_gev from", "energy_gev to", "cos_zenith from", "cos_zenith to"]
    labels = ["data_kind", "likelihood_kind", "likelihood_status"]
    assert counts[0][4:] == ["observed", "astro", "muon", "total", *labels]
    for name in files.keys() - {"models.csv"}:
        own = labels[1:] if name == "validate.csv" else labels
        assert files[name][0][-len(own) :] == own, name
    assert [float(v) for v in counts[3][:-3]] == [1e5, 1e6, -1.0, 0.0, 0.0, 1.0, 0.125, 1.125]
    energy = files["fit_counts_deep_core_energy_gev.csv"]
    assert energy[0][2:5] == ["observed", "lower", "upper"]
    assert [float(v) for v in energy[1][:3]] == [1e4, 1e5, 6.0]  # two bins of cos_zenith added up
    assert dict(zip(energy[0], energy[1], strict=True))["post-fit astro"] == "5.0"
    assert files["fit_pulls.csv"] == [
        ["parameter", "pull", "error", *labels],
        ["toy.scale", "0.4", "0.9", "observed", "real", "approximate"],
    ]
    assert files["models.csv"][2] == ["pγ", "0.075", "0.075", "0.075"]


def test_every_figure_says_what_it_is(page):
    found = page(*everything())
    pictures = found.values("img", "src")
    assert len(pictures) == 3  # comparison, triangle, posterior
    assert len(found.charts) == 6  # profile, pulls, two axes, regions, chains
    assert all(p.startswith("data:image/svg+xml;base64,") for p in pictures)
    assert all(found.values("img", "alt"))
    assert len([label for label in found.values("div", "aria-label") if label != "templates"]) == len(found.charts)
    assert found.tags.count("figcaption") == len(pictures) + len(found.charts)
    assert found.text.count("toy: observed data, kind real, status approximate.") == found.tags.count("figcaption")
    assert found.text.count("not calibrated with toys") >= 3


@pytest.mark.usefixtures("unseen")
def test_the_page_loads_nothing(page):
    found = page(*everything())
    assert not {"link", "iframe", "object", "form"} & set(found.tags)
    assert found.values("script", "src") == []
    (policy,) = [value for value in found.values("meta", "content") if "script-src" in value]
    ours = [text for text in found.scripts if not text.startswith("{")]
    digests = {f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'" for text in ours}
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert set(rules["script-src"].split()) == digests
    assert len(digests) == 2
    assert rules["default-src"] == "'none'"
    assert all(v.startswith("data:") for v in found.values("img", "src"))
    outside = [v for v in found.values("a", "href") if not v.startswith(("data:", "#"))]
    assert outside == ["https://arxiv.org/abs/2011.03545", "https://doi.org/10.1103/PhysRevD.104.022002"]
    handlers = [key for _, key, _ in found.attributes if key.startswith("on") or key in ("style", "srcset")]
    assert handlers == []
    anchors = {*found.values("section", "id"), *found.values("a", "id")}
    inside = {v[1:] for v in found.values("a", "href") if v.startswith("#")}
    assert inside <= anchors
    assert set(found.values("section", "id")) <= inside


def test_texts_are_escaped(tmp_path):
    description = Description(ATTACK, ATTACK, ATTACK, ATTACK, ATTACK, {"doi": f'10.1000/"{ATTACK}'}, {ATTACK: ATTACK})
    provenance = Provenance({ATTACK: ATTACK}, {ATTACK: ATTACK}, 1, ATTACK)
    quantity = Quantity("f_nuebar", ATTACK, "\"'<b>", 0.0, 1.0)
    changed = {"description": description, "provenance": provenance}
    replace(make_interval(), quantity=quantity, calibration=ATTACK, **changed).save(tmp_path / "interval.json")
    make_fit(message=ATTACK, **changed).save(tmp_path / "fit.json")
    make_scan(quantities={"f_nuebar": quantity}, **changed).save(tmp_path / "profile.json")
    (tmp_path / "<script>.json").write_text(f'{{"type": "{ATTACK[:8]}"}}')
    page = write_report(tmp_path, marks=Marks({"f_nuebar": {ATTACK: 0.2}}, ATTACK)).read_text(encoding="utf-8")
    found = Reader(page)
    assert ATTACK not in page
    assert found.tags.count("script") == len(found.charts) + 2
    drawn = json.dumps(found.charts)
    assert "<b>" not in drawn
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn
    assert found.text.count(ATTACK) > 10
    assert "\"'<b>, best fit" in found.text.replace(" ,", ",")
    assert not any(key.startswith("on") for _, key, _ in found.attributes)
    assert [v for v in found.values("a", "href") if "doi" in v] == [
        "https://doi.org/10.1000/%22%3Cscript%3Ealert(%221%22)%3C/script%3E"
    ]


def test_the_same_results_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        for result in everything():
            result.save(tmp_path / name / f"{result.verb}.json")
    one, two = (write_report(tmp_path / name, marks=MARKS) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert str(tmp_path).encode() not in one.read_bytes()


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize("only", everything(), ids=lambda r: r.verb)
def test_each_result_alone_makes_a_page(page, only):
    text = page(only).text
    assert "Not here yet" in text
    assert "Skipped" not in text
    if only.verb in ("validate", "contour"):
        assert "so nothing is concluded" in text


@pytest.mark.usefixtures("unseen")
def test_what_is_missing_is_said_with_its_command(page):
    text = page(make_interval()).text
    assert "npinfer profile toy --out FOLDER # the profile" in text
    assert "--model pp:f_nuebar=0.167 --model 'pγ:f_nuebar=0.075'" in text
    assert "npinfer interval toy" not in text


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("npinfer interval joint/toy --cl 0.9", "npinfer fit joint/toy --out FOLDER"),
        (
            "npinfer interval 'my toy.yaml' --plugin mine --with m=1 --fix a=2 --asimov --at b=3 --quiet",
            "npinfer fit 'my toy.yaml' --plugin mine --with m=1 --asimov --at b=3 --out FOLDER",
        ),
        ("npinfer interval toy.yaml --with=m=1 --asimov=one", "npinfer fit toy.yaml --with=m=1 --asimov=one --out"),
        ("npinfer interval --cl 0.9 joint/toy", "npinfer fit toy --out FOLDER"),
        ("npinfer interval 'toy", "npinfer fit toy --out FOLDER"),
        ("", "npinfer fit toy --out FOLDER"),
    ],
)
def test_what_is_missing_is_asked_of_the_same_likelihood(page, command, asked):
    assert asked in page(make_interval(provenance=Provenance({}, {}, 4, command))).text


@pytest.mark.usefixtures("unseen")
def test_damaged_files_are_named(page, tmp_path):
    make_fit().save(tmp_path / "again.json")
    (tmp_path / "profile.json").write_text("{")
    (tmp_path / "workspace.json").write_text('{"channels": []}')
    content = make_comparison().to_dict()
    del content["pairs"]
    (tmp_path / "compare.json").write_text(json.dumps(content))
    broken = make_fit(covariance=np.eye(7))
    text = page(make_interval(), fit=make_fit(), broken=broken).text
    assert "Skipped: profile.json: not a saved result" in text
    assert "Skipped: workspace.json: not a result" in text
    assert "Skipped: compare.json: a damaged Comparison" in text
    assert (
        "Skipped: fit.json: the same result as again.json" in text or "again.json: the same result as fit.json" in text
    )
    assert str(tmp_path) not in text


@pytest.mark.usefixtures("unseen")
def test_a_result_damaged_inside_leaves_the_rest(page):
    text = page(make_interval(), make_fit(covariance=np.eye(7))).text
    assert re.search(r"Skipped: fit.json: damaged inside: .+", text)
    assert "90 % interval: 0 to 0.347" in text
    assert "Intervals quantity" in text
    text = page(make_interval(), make_fit(), make_scan(best={})).text
    assert "Skipped: profile.json: damaged inside: 'f_nuebar'" in text


@pytest.mark.usefixtures("unseen")
def test_nothing_inside_a_result_stops_the_page(page):
    axes = make_fit().channels["deep_core"].axes
    short = ChannelView(axes, np.ones(4), {"astro": np.ones(3)}, np.zeros((2, 4)))
    hollow = replace(make_comparison(), models=(), pairs=())
    found = page(make_fit(channels={"deep_core": short}, pull_errors={}), make_scan(quantities={}), hollow)
    for file in ("fit", "profile", "compare"):
        assert f"Skipped: {file}.json: damaged inside" in found.text
    assert "profile.csv" in found.downloads()


@pytest.mark.usefixtures("unseen")
def test_a_profile_of_two_parameters_is_a_download(page):
    grid = {"a": X[:2], "b": X[:3]}
    quantities = {n: Quantity(n) for n in grid}
    scan = make_scan(grid=grid, quantities=quantities, delta_twice_nll=np.zeros((2, 3)), best={"a": 0.0, "b": 0.0})
    found = page(scan)
    assert "A profile of a and b is among the downloads" in found.text
    assert len(found.downloads()["profile.csv"]) == 7


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(
        NpinferError, match=r"results: no saved results here; run npinfer fit \.\.\. --out \S+results first"
    ):
        write_report(tmp_path / "results")
    (tmp_path / "fit.json").write_text("[]")
    with pytest.raises(NpinferError, match=r"no saved results here \(fit.json: not a result"):
        write_report(tmp_path)
    with pytest.raises(NpinferError, match="not a folder"):
        write_report(tmp_path / "fit.json")


def test_where_the_page_goes(tmp_path):
    make_interval().save(tmp_path / "interval.json")
    assert npinfer.write_report(tmp_path, out=tmp_path / "pages/a.html") == tmp_path / "pages/a.html"
    assert not (tmp_path / "report.html").exists()
    with pytest.raises(OutputError):
        write_report(tmp_path, out=Path(tmp_path / "interval.json/page.html"))


@pytest.mark.usefixtures("unseen")
def test_a_forecast_beside_real_data_does_not_rename_these(page):
    """The data sheet is that of the first result of a likelihood; every kind is named."""
    fit = make_fit()
    forecast = replace(fit.description, kind="asimov", configuration={"mode": "other"})
    text = page(fit, other=make_fit(description=forecast, data_kind="asimov")).text
    assert "kind real and asimov status approximate configuration mode = plain" in text


@pytest.mark.usefixtures("unseen")
def test_channels_of_one_name_are_told_apart(page):
    view = make_fit().channels["deep_core"]
    found = page(make_fit(channels={"one.ratio": view, "two.ratio": view, "two.other": view}))
    titles = [chart["layout"]["title"]["text"] for chart in found.charts if "title" in chart["layout"]]
    assert titles[::2] == ["one: ratio", "two: ratio", "other"]
