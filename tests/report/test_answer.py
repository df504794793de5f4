"""The first screen: what the results say, how sure it is, and what a reader has to know before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from npinfer.core.provenance import Provenance
from npinfer.core.result import Limit, Quantity, Repeated, Status, Tail
from npinfer.report import Marks
from tests.report.made import (
    COMMON,
    SEEN,
    F,
    everything,
    make_comparison,
    make_fit,
    make_interval,
    make_posterior,
    make_scan,
)


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
def test_a_fit_alone_says_what_it_knows(page):
    assert "± 0.032, one standard deviation from the covariance" in page(make_fit()).text
    assert "no error: at a bound of the parameter" in page(make_fit(errors={"f_nuebar": np.nan, "toy.scale": 0.2})).text
    assert (
        ", held 0.123 not fitted" in page(make_fit(fixed=("f_nuebar",), free=("toy.scale",), covariance=np.eye(1))).text
    )


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
    assert "90 % interval of coupling: 0 to 0.347 GeV⁻¹" in text
    assert "What models predict" not in text


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize(
    ("under_pgamma", "under_pp", "lead"),
    [
        ((0.42, 0.41, 0.43), (0.5, 0.4, 0.6), "Not decided: pp fits best, and pgamma is not excluded at 95 %."),
        ((0.04, 0.03, 0.06), (0.5, 0.4, 0.6), "Not decided: pp fits best, and pgamma is not excluded at 95 %."),
        ((0.01, 0.0, 0.02), (0.5, 0.4, 0.6), "pp: pgamma is disfavoured at 95 %."),
        ((0.01, 0.0, 0.02), (0.02, 0.01, 0.03), "None of them: the data are unlikely under pp and pgamma at 95 %."),
        (None, None, "Not decided: pp fits best, and without toys there is no p-value of pgamma."),
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
    assert "Along m chi: limit, at the lowest 0.4 at 1 (drawn below; local: nothing corrects" in found.text
    assert found.downloads()["over.csv"] == [
        ["m_chi", "f_nuebar observed", "data_kind", "likelihood_kind", "likelihood_status"],
        ["1.0", "0.4", "observed", "real", "approximate"],
    ]
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
    described = found.text.partition("Question and data")[2]
    assert described.index("likelihood joint") < described.index("likelihood hese")
    assert "https://arxiv.org/abs/2110.15051" in found.values("a", "href")
    assert "Skipped: limit_over_mass.csv: a table that does not say what it is of" in found.text
