"""The likelihood of the HESE release as its paper and README define it, event by event: slow, plain, independent.

arXiv:2011.03545 (fluxes, equations E13 and E14 of the detector's factors), arXiv:1901.04645 (the likelihood).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.special import gammaln

LIVETIME_S = 227708167.68
NOMINAL = {"domefficiency": 0.99, "holeice": 0.0, "tauanisotropy": 1.0}
PARAMETER = {"domefficiency": "epsilon_dom", "holeice": "epsilon_head_on", "tauanisotropy": "anisotropy_scale"}
CONSTRAINTS = {
    "cr_delta_gamma": (-0.05, 0.05), "nunubar_ratio": (1.0, 0.1), "anisotropy_scale": (1.0, 0.2),
    "conv_norm": (1.0, 0.4), "epsilon_dom": (0.99, 0.1), "epsilon_head_on": (0.0, 0.5), "muon_norm": (1.0, 0.5),
    "kpi_ratio": (1.0, 0.1),
}  # fmt: skip
SHAPES = ("shower", "track", "doublebang")
Splines = Mapping[str, tuple[NDArray, list[NDArray], tuple[int, ...]]]


class Bins(NamedTuple):
    """Which events are in the analysis, and the bin of each: (channel, energy, zenith or length)."""

    used: NDArray[np.intp]
    labels: list[tuple[int, int, int]]


def bin_events(e: Mapping[str, NDArray]) -> Bins:
    """Cuts, then half-open bins; zenith in ten bins of equal cosine, numbered along the angle."""
    energy_edges = np.logspace(np.log10(6e4), np.log10(6e4) + 21 * 0.111, 22)
    zenith_edges = np.arccos(np.linspace(-1, 1, 11))[::-1]
    length_edges = np.logspace(1, 3, 21)
    used, labels = [], []
    values = zip(e["recoDepositedEnergy"], e["recoZenith"], e["recoLength"], e["recoMorphology"], strict=True)
    for i, (energy, zenith, length, morphology) in enumerate(values):
        if not 6e4 <= energy <= 1e7 or (morphology == 2 and not 10 <= length <= 1000):
            continue
        a = np.digitize(energy, energy_edges) - 1
        edges = length_edges if morphology == 2 else zenith_edges
        b = np.digitize(length if morphology == 2 else zenith, edges) - 1
        if 0 <= a < 21 and 0 <= b < len(edges) - 1:
            used.append(i)
            labels.append((int(morphology), int(a), int(b)))
    return Bins(np.array(used, dtype=np.intp), labels)


def _basis(knots: NDArray, degree: int, x: NDArray, derivative: int = 0) -> NDArray:
    """Every B-spline at x (n,), or its derivative, (n, splines); zero outside of its own knots."""
    columns = []
    for j in range(len(knots) - degree - 1):
        one = BSpline.basis_element(knots[j : j + degree + 2], extrapolate=False)
        inside = (x >= knots[j]) & (x < knots[j + degree + 1])  # half-open
        columns.append(np.where(inside, one.derivative()(x) if derivative else one(x), 0.0))
    return np.stack(columns, axis=-1)


class Reference:
    """ln density and gradient for simulated events, splines and observed counts {bin label: count}."""

    def __init__(self, events: Mapping[str, NDArray], splines: Splines, observed: Mapping[tuple, float]) -> None:
        bins = bin_events(events)
        self.events = {key: np.asarray(v)[bins.used] for key, v in events.items()}
        self.labels, self.observed, self.splines = bins.labels, observed, splines
        with np.errstate(invalid="ignore"):
            self.coordinates = {
                "energy": np.log10(self.events["recoDepositedEnergy"]),
                "cos": np.cos(self.events["recoZenith"]),
                "length": np.log10(self.events["recoLength"]),
            }

    def _factor(self, flux: str, systematic: str, value: float) -> tuple[NDArray, NDArray]:
        """10^(S(θ) − S(nominal)) of every event, and its derivative in θ."""
        kind, morphology = np.abs(self.events["primaryType"]), self.events["recoMorphology"]
        factor, slope = np.ones(len(kind)), np.zeros(len(kind))
        for flavour, letter in ((12, "e"), (14, "mu"), (16, "tau")):
            for m, shape in enumerate(SHAPES):
                component = f"diffuseAstro_{letter}" if flux == "astro" else flux
                table, knots, degrees = self.splines[f"{systematic}_{component}_{shape}"]
                if systematic == "tauanisotropy":
                    axes = ["length" if m == 2 else "energy"]
                else:
                    axes = ["energy", "length" if m == 2 and systematic == "holeice" else "cos"]
                at = np.flatnonzero((kind == flavour) & (morphology == m))
                for a, k, d in zip(axes, knots, degrees, strict=False):
                    x = self.coordinates[a][at]
                    top = min(k[-d - 1], 2.3) if systematic == "tauanisotropy" and m == 2 else k[-d - 1]
                    at = at[(x >= k[d]) & (x <= top)]
                if not len(at):
                    continue
                for some in np.array_split(at, len(at) // 20000 + 1):
                    self._apply(some, axes, (table, knots, degrees), (systematic, value), (factor, slope))
        return factor, slope

    def _apply(self, at: NDArray, axes: list[str], spline: tuple, parameter: tuple, into: tuple) -> None:
        """Put factors and slopes of the events `at`, within a spline's extents."""
        (table, knots, degrees), (systematic, value), (factor, slope) = spline, parameter, into
        contracted = np.asarray(table, dtype=float)
        rows = [BSpline.design_matrix(np.clip(self.coordinates[a][at], k[d], k[-d - 1]), k, d).toarray()
                for a, k, d in zip(axes, knots, degrees, strict=False)]  # fmt: skip
        if len(rows) == 2:
            half = np.tensordot(rows[0], contracted, (1, 0))
            contracted = np.einsum("nb,nbj->nj", rows[1], half)
        else:
            contracted = rows[0] @ contracted
        last, d = knots[-1], degrees[-1]
        here, nominal = (_basis(last, d, np.array([v]))[0] for v in (value, NOMINAL[systematic]))
        factor[at] = 10.0 ** (contracted @ here - contracted @ nominal)
        slope[at] = factor[at] * np.log(10) * (contracted @ _basis(last, d, np.array([value]), 1)[0])

    def weights(self, p: Mapping[str, float]) -> tuple[NDArray, dict[str, NDArray]]:
        """The weight of every event and its derivative in every parameter."""
        e, energy = self.events, self.events["primaryEnergy"]
        anti = e["primaryType"] < 0
        share = np.where(e["primaryType"] == -12, p["f_nuebar"], (1 - p["f_nuebar"]) / 5)
        share_slope = np.where(e["primaryType"] == -12, 1.0, -0.2)
        spectrum = 1e-18 * (energy / 1e5) ** -p["astro_gamma"]
        balance = np.where(anti, 2 - p["nunubar_ratio"], p["nunubar_ratio"])
        sign = np.where(anti, -1.0, 1.0)
        tilts = {n: (energy / v) ** -p["cr_delta_gamma"] for n, v in (("atmConv", 2020.0), ("atmPrompt", 7887.0))}
        conv = tilts["atmConv"] * e["conventionalSelfVetoCorrection"]
        pion, kaon = conv * e["pionFlux"], conv * e["kaonFlux"]
        conv = pion + p["kpi_ratio"] * kaon
        prompt = tilts["atmPrompt"] * e["promptFlux"] * e["promptSelfVetoCorrection"]
        w = LIVETIME_S * e["weightOverFluxOverLivetime"]
        fluxes = {"astro": p["astro_norm"] * share * spectrum, "atmConv": p["conv_norm"] * balance * conv,
                  "atmPrompt": p["prompt_norm"] * balance * prompt}  # fmt: skip
        total = LIVETIME_S * p["muon_norm"] * e["muonWeightOverLivetime"]
        slopes = {n: np.zeros(len(w)) for n in p}
        slopes["muon_norm"] = LIVETIME_S * e["muonWeightOverLivetime"]
        logs = np.log(energy / 1e5), np.log(energy / 2020.0), np.log(energy / 7887.0)
        for (name, flux), log in zip(fluxes.items(), logs, strict=True):
            three = {s: self._factor(name, s, p[PARAMETER[s]]) for s in NOMINAL}
            detector = np.prod([f for f, _ in three.values()], axis=0)
            total = total + w * flux * detector
            for s, (factor, slope) in three.items():
                slopes[PARAMETER[s]] += w * flux * detector / factor * slope
            slopes["astro_gamma" if name == "astro" else "cr_delta_gamma"] -= w * flux * detector * log
            if name == "astro":
                slopes["astro_norm"] += w * detector * share * spectrum
                slopes["f_nuebar"] += w * detector * p["astro_norm"] * share_slope * spectrum
            elif name == "atmConv":
                slopes["conv_norm"] += w * detector * balance * conv
                slopes["kpi_ratio"] += w * detector * p["conv_norm"] * balance * kaon
                slopes["nunubar_ratio"] += w * detector * p["conv_norm"] * sign * conv
            else:
                slopes["prompt_norm"] += w * detector * balance * prompt
                slopes["nunubar_ratio"] += w * detector * p["prompt_norm"] * sign * prompt
        return total, slopes

    def value_grad(self, p: Mapping[str, float]) -> tuple[float, dict[str, float]]:
        """ln L_eff of all bins with simulated events, and of the constraints; with the gradient."""
        w, slopes = self.weights(p)
        members: dict[tuple[int, int, int], list[int]] = {}
        for i, label in enumerate(self.labels):
            members.setdefault(label, []).append(i)
        value, gradient = 0.0, dict.fromkeys(p, 0.0)
        for label, at in members.items():
            k = self.observed.get(label, 0)
            mean, square = w[at].sum(), (w[at] ** 2).sum()
            value += _log_leff(k, mean, square).real
            in_mean = _log_leff(k, mean + 1e-30j, square).imag / 1e-30
            in_square = _log_leff(k, mean, square + 1e-30j).imag / 1e-30
            for n in p:
                gradient[n] += in_mean * slopes[n][at].sum() + in_square * (2 * w[at] * slopes[n][at]).sum()
        for n, (centre, sigma) in CONSTRAINTS.items():
            value += -0.5 * ((p[n] - centre) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))
            gradient[n] -= (p[n] - centre) / sigma**2
        return float(value), {n: float(g) for n, g in gradient.items()}


def _log_leff(k: float, mean: complex, square: complex) -> complex:
    """ln of β^α Γ(k + α) / (k! (1 + β)^(k + α) Γ(α)), with the ratio of Γ as a product: k is a whole number."""
    alpha, beta = mean**2 / square + 1, mean / square
    ratio = sum(np.log(alpha + j) for j in range(int(k)))
    return -alpha * np.log1p(1 / beta) - k * np.log1p(beta) + ratio - gammaln(k + 1)
