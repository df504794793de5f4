"""Results made by hand, for tests of the page."""

from __future__ import annotations

import numpy as np

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
    Pair,
    Posterior,
    Quantity,
    Region,
    Scan,
    Segment,
    Status,
    Tail,
    Validation,
)
from npinfer.report import Marks

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


def everything():
    checks = (Check("a count", 1.5, 1.25, 0.5, "a paper"),)
    validation = Validation(**COMMON, checks=checks)
    drawn = make_fit(), make_scan(), make_interval(), make_comparison(), make_contour(), make_posterior()
    return *drawn, validation
