"""The page: its numbers are those of the results, it is one file, and nothing in it runs but its own scripts."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer.core.axis import Axis
from npinfer.core.provenance import Description, Provenance
from npinfer.core.result import (
    ChannelView,
    Check,
    ComparedModel,
    Comparison,
    Contour,
    FitResult,
    Interval,
    Limit,
    Pair,
    Posterior,
    Quantity,
    Region,
    Repeated,
    Scan,
    Segment,
    Status,
    Tail,
    Validation,
)
from npinfer.errors import NpinferError, OutputError
from npinfer.report import Marks, write_report
from npinfer.report.text import number

VOID = {"meta", "img", "br", "hr", "link", "input"}
ATTACK = '<script>alert("1")</script>'
MARKS = Marks({"f_nuebar": {"pp": (0.167, 0.16, 0.18), "pγ": 0.075, "mixed": (0.4, 0.38, 0.43), "far": 0.9}}, "a table")
X = np.linspace(0.0, 1.0, 21)
COMMON = {
    "description": Description(
        "toy",
        "A toy, 3 years",
        "real",
        "approximate",
        dataset="toy-3yr",
        reference={"arxiv": "2011.03545", "doi": "10.1103/PhysRevD.104.022002", "note": "javascript:alert(1)"},
        configuration={"mode": "plain"},
    ),
    "provenance": Provenance({"npinfer": "9.8.7"}, {"spec": "ab" * 32}, 4, "npinfer fit toy --out results"),
}
SEEN = {**COMMON, "data_kind": "observed"}
F = Quantity("f_nuebar", "", r"$f_{\bar\nu_e}$", 0.0, 1.0)


def make_fit(**replaced):
    axes = (Axis("energy_gev", (1e4, 1e5, 1e6)), Axis("cos_zenith", (-1.0, 0.0, 1.0)))
    samples = {"astro": np.array([3.0, 2.0, 1.0, 0.5]), "muon": np.array([0.25, 0.0, 0.125, 0.0])}
    content = {
        "quantities": {"f_nuebar": F, "toy.scale": Quantity("toy.scale", "1e-18 GeV^-1", '$"s" & <b>$', group="flux")},
        "values": {"f_nuebar": 0.1234567, "toy.scale": 1.1},
        "errors": {"f_nuebar": 0.0321, "toy.scale": 0.2},
        "minos": {"f_nuebar": (-0.031, 0.035)},
        "fixed": (),
        "free": ("f_nuebar", "toy.scale"),
        "covariance": np.diag([0.0321**2, 0.04]),
        "derived": {"events": 2.5},
        "derived_errors": {"events": 0.5},
        "pulls": {"toy.scale": 0.4},
        "pull_errors": {"toy.scale": 0.9},
        "channels": {"deep_core": ChannelView(axes, np.array([4.0, 2.0, 0.0, 1.0]), samples, np.zeros((2, 4)))},
        "twice_nll": 12.345678,
        "edm": 1e-12,
        "valid": True,
        "status": Status.CONVERGED,
        "message": "fine",
    }
    return FitResult(**{**SEEN, **content, **replaced})


def make_scan(**replaced):
    content = {
        "quantities": {"f_nuebar": F},
        "grid": {"f_nuebar": X},
        "delta_twice_nll": ((X - 0.1) / 0.15) ** 2,
        "values": {},
        "best": {"f_nuebar": 0.1},
        "twice_nll": 12.3,
    }
    return Scan(**{**SEEN, **content, **replaced})


def make_interval(**replaced):
    content = {
        "quantity": F,
        "cl": 0.9,
        "threshold": 2.71,
        "best": 0.1,
        "segments": (Segment(0.0, 0.3471, lower_at_bound=True), Segment(0.39, 0.5)),
        "calibration": "calibrated by hand",
        "fixed": {},
    }
    return Interval(**{**SEEN, **content, **replaced})


def make_comparison(**replaced):
    models = (
        ComparedModel("pp", "f_nuebar = 1/6", 12.0, 0.0, {}),
        ComparedModel("pgamma", "f_nuebar = 0.075", 13.37, 1.37, {}),
    )
    tails = Tail(0.42, 0.41, 0.43, 84, 200), Tail(0.0315, 0.02, 0.04, 6, 200)
    pairs = (
        Pair("pp", "pgamma", -1.37, tails[0], {}, None, 0.9, 0.95),
        Pair("pgamma", "pp", 1.37, tails[1], {}, None, 0.9, 0.95),
    )
    toys = {name: np.random.default_rng(1).normal(13.0, 1.0, (200, 2)) for name in ("pp", "pgamma")}
    failed = {name: {"pp": 0, "pgamma": 0} for name in toys}
    content = {"models": models, "pairs": pairs, "toys": toys, "failed": failed, "largest_edm": 0.0}
    return Comparison(**{**SEEN, **content, **replaced})


def make_contour():
    square = np.array([[0.2, 0.2], [0.4, 0.2], [0.4, 0.4], [0.2, 0.4], [0.2, 0.2]])
    return Contour(
        **SEEN,
        names=("f_e", "f_mu"),
        quantities={n: Quantity(n, lower=0.0, upper=1.0) for n in ("f_e", "f_mu")},
        regions=(Region(0.68, 2.28, (square,), False),),
        best={"f_e": 0.3, "f_mu": 0.3},
        calibration="by hand",
    )


def make_posterior(**replaced):
    chains = np.random.default_rng(2).beta(2.0, 9.0, (2, 50, 4, 1))
    content = {
        "names": ("f_nuebar",),
        "quantities": {"f_nuebar": F},
        "chains": chains,
        "log_probability": np.zeros(chains.shape[:3]),
        "derived": {},
        "derived_stride": 1,
        "fixed": {},
        "priors": {"f_nuebar": "flat in f_nuebar"},
        "rhat": {"f_nuebar": 1.25},
        "ess": {"f_nuebar": 210.0},
        "ess_tail": {"f_nuebar": 180.0},
        "autocorrelation_time": {"f_nuebar": 12.0},
        "acceptance": 0.5,
        "burn_in": 20,
        "converged": True,
        "why": "long enough",
    }
    return Posterior(**{**SEEN, **content, **replaced})


class Reader(HTMLParser):
    """Checks that tags balance; gathers texts, attributes and pictures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.attributes, self.tags, self.texts, self.scripts = [], [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, key, value) for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.texts.append(data)

    def values(self, tag, key):
        return [value for t, k, value in self.attributes if (t, k) == (tag, key)]

    @property
    def charts(self):
        """What each interactive figure draws."""
        return [json.loads(text) for text in self.scripts if text.startswith("{")]

    def downloads(self):
        """{file: rows of its CSV}."""
        links = [v for v in self.values("a", "href") if v.startswith("data:")]
        rows = [list(csv.reader(io.StringIO(base64.b64decode(v.partition("base64,")[2]).decode()))) for v in links]
        return dict(zip(self.values("a", "download"), rows, strict=True))


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


def everything():
    checks = (Check("a count", 1.5, 1.25, 0.5, "a paper"),)
    validation = Validation(**COMMON, checks=checks)
    drawn = make_fit(), make_scan(), make_interval(), make_comparison(), make_contour(), make_posterior()
    return *drawn, validation


@pytest.mark.usefixtures("unseen")
def test_the_first_screen_answers(page):
    found = page(*everything())
    first = found.text.partition("Question and data")[0]
    assert "pp or by pγ" in first
    assert "pp is preferred over pgamma by Δ(−2 ln L) = 1.4" in first
    assert "if pgamma is true: p = 0.032 ± 0.010" in first
    assert "expected separation: 0.95 σ (Asimov approximation, no toys)" in first
    assert (
        "90 % interval: 0 to 0.347 (lower end at the bound of the parameter) and 0.39 to 0.5 calibrated by hand"
        in first
    )
    assert "f ν̄e , best fit 0.1" in first
    assert "The 90 % interval of f ν̄e holds pp and pγ; partly holds mixed; leaves out far." in first
    assert all(badge in first for badge in ("data: observed", "kind: real", "status: approximate"))
    assert "pp 0.167 (0.16 to 0.18) 0.2 inside" in first  # ((0.167 - 0.1) / 0.15)², between grid points
    assert "a table" in first


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
    assert counts[0][4:] == ["observed", "astro", "muon", "total"]
    assert [float(v) for v in counts[3]] == [1e5, 1e6, -1.0, 0.0, 0.0, 1.0, 0.125, 1.125]
    energy = files["fit_counts_deep_core_energy_gev.csv"]
    assert energy[0][2:5] == ["observed", "lower", "upper"]
    assert [float(v) for v in energy[1][:3]] == [1e4, 1e5, 6.0]  # two bins of cos_zenith added up
    assert dict(zip(energy[0], energy[1], strict=True))["post-fit astro"] == "5.0"
    assert files["fit_pulls.csv"] == [["parameter", "pull", "error"], ["toy.scale", "0.4", "0.9"]]
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
def test_a_fit_alone_says_what_it_knows(page):
    assert "± 0.032, one standard deviation from the covariance" in page(make_fit()).text
    assert "no error: at a bound of the parameter" in page(make_fit(errors={"f_nuebar": np.nan, "toy.scale": 0.2})).text
    assert (
        ", held 0.123 not fitted" in page(make_fit(fixed=("f_nuebar",), free=("toy.scale",), covariance=np.eye(1))).text
    )


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
def test_warnings_come_before_the_answer(page):
    asimov = page(make_interval(data_kind="asimov")).text
    assert asimov.index("Some numbers come from asimov data") < asimov.index("interval of f")
    other = replace(COMMON["description"], name="other", status="illustrative")
    text = page(make_interval(), make_fit(description=other, status=Status.NOT_CONVERGED, message="lost")).text
    assert "The results are of different likelihoods: other, toy." in text
    assert "The likelihood is illustrative" in text
    assert "fit.json: the fit did not converge: lost." in text
    lost = page(make_posterior(converged=False, why="R-hat of f_nuebar is 1.25")).text
    assert lost.count("did not converge: R-hat of f_nuebar is 1.25.") == 1
    newer = Provenance({}, {"spec": "cd" * 32})
    assert "interval.json and fit.json were made with different spec." in page(make_fit(provenance=newer)).text


@pytest.mark.usefixtures("unseen")
def test_models_all_inside_decide_nothing(page):
    text = page(make_interval(), marks=Marks({"f_nuebar": {"pp": 0.17, "pγ": 0.07}})).text
    assert "Not decided by the 90 % interval of f ν̄e alone: pp and pγ all lie inside it." in text


@pytest.mark.usefixtures("unseen")
def test_any_parameter_can_be_the_question(page):
    quantity = Quantity("toy.coupling", "GeV^-1")
    text = page(make_interval(quantity=quantity)).text
    assert "What do the data say about coupling?" in text
    assert "0.39 to 0.5 GeV⁻¹" in text
    assert "What models predict" not in text


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
@pytest.mark.parametrize(
    ("under_pgamma", "under_pp", "lead"),
    [
        ((0.42, 0.41, 0.43), (0.5, 0.4, 0.6), "Not decided: pp fits best, and pgamma is not excluded at 95 %."),
        ((0.04, 0.03, 0.06), (0.5, 0.4, 0.6), "Not decided: pp fits best, and pgamma is not excluded at 95 %."),
        ((0.01, 0.0, 0.02), (0.5, 0.4, 0.6), "pp: pgamma is disfavoured at 95 %."),
        ((0.01, 0.0, 0.02), (0.02, 0.01, 0.03), "None of them: the data are unlikely under pp and pgamma at 95 %."),
        (None, None, "Not decided: pp fits best, and pgamma is not excluded at 95 %."),
    ],
)
def test_the_answer_comes_first(page, under_pgamma, under_pp, lead):
    tails = {
        "pgamma": Tail(*under_pgamma, 8, 200) if under_pgamma else None,
        "pp": Tail(*under_pp, 100, 200) if under_pp else None,
    }
    made = make_comparison()
    pairs = tuple(replace(pair, p=tails[pair.tested]) for pair in made.pairs)
    text = page(replace(made, pairs=pairs)).text
    assert lead in text
    assert text.index(lead) < text.index("is preferred over")


@pytest.mark.usefixtures("unseen")
def test_a_limit_answers_too(page):
    limit = Limit(
        **SEEN, quantity=F, cl=0.9, method="cls", observed=0.4, expected=np.array([0.1, 0.2, 0.3, 0.5, np.inf]),
        background=0.0, best=0.1, calibration="by toys", expected_from="toys", fixed={}, tested=np.zeros(0),
        p=np.zeros(0), p_expected=np.zeros((5, 0)),
    )  # fmt: skip
    along = Repeated(
        **SEEN, asked="limit", key="m_chi", quantity=F, columns=("m_chi", "f_nuebar observed"), rows=((1.0, 0.4),),
        cl=0.9, calibration="by toys",
    )  # fmt: skip
    found = page(limit, along)
    assert "f_nuebar < 0.4 at 90 % CL (by toys); expected 0.3, 95 % between 0.1 and no limit" in found.text
    assert "90 % upper limit of f ν̄e 0.4 expected: 0.3 by toys observed data" in found.text
    assert "Along m chi, below: limit (local: nothing corrects for the number of values)." in found.text
    assert found.downloads()["over.csv"] == [["m_chi", "f_nuebar observed"], ["1.0", "0.4"]]
    elsewhere = replace(limit, description=replace(limit.description, name="other"))
    assert "other: f_nuebar < 0.4" in page(make_interval(), limit=elsewhere).text


@pytest.mark.usefixtures("unseen")
def test_members_of_a_joint_likelihood_belong_together(page, tmp_path):
    reference = {"hese arxiv": "2011.03545", "pepe interpretation": "arXiv:2110.15051"}
    whole = replace(COMMON["description"], name="joint", reference=reference)
    alone = replace(COMMON["description"], name="hese")
    (tmp_path / "limit_over_mass.csv").write_text("mass,g observed\n1,2\n")
    found = page(make_scan(description=whole), profile_hese=make_scan(description=alone))
    assert "different likelihoods" not in found.text
    assert [trace["name"] for trace in found.charts[0]["traces"][::2]][:2] == ["joint", "hese"]
    assert "https://arxiv.org/abs/2110.15051" in found.values("a", "href")
    assert "Skipped: limit_over_mass.csv: a table that does not say what it is of" in found.text
